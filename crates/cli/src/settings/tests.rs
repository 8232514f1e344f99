//! Layers and their errors, without a process.

use std::{fs, net::SocketAddr};

use wirelab_server::config::Secret;

use super::*;
use crate::values::OrOff;

/// A file of this test's own, gone when the test is.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-{}-{name}", std::process::id()));
        fs::write(&path, text).expect("a file");
        Self(path)
    }

    fn flag(&self) -> String {
        format!("--config={}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Serve, SettingsError> {
    let argv = std::iter::once("wirelab")
        .chain(flags.iter().copied())
        .map(OsString::from);
    load(argv, variables.iter().map(|(name, value)| (name.into(), value.into())))
}

fn refused(flags: &[&str], variables: &[(&str, &str)]) -> String {
    read(flags, variables).expect_err("refused").to_string()
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn bare_wirelab_serves() {
    for flags in [&[][..], &["serve"]] {
        let serve = read(flags, &[]).expect("the defaults");
        assert_eq!(serve.addresses.http, at("127.0.0.1:8080"));
        let (config, usual) = (config(&serve).expect("a configuration"), Config::default());
        assert_eq!(
            format!("{config:?}"),
            format!("{usual:?}"),
            "the flags' defaults are the server's"
        );
    }
    for flags in [&["--http", "[::1]:0"][..], &["serve", "--http", "[::1]:0"]] {
        assert_eq!(read(flags, &[]).expect("an address").addresses.http, at("[::1]:0"));
    }
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let file = File::new(
        "layers.toml",
        "http = '127.0.0.1:1'\ngrace = '1s'\nmax-topics = 1\nring-bytes = 65536\n",
    );
    let variables = [
        ("WIRELAB_HTTP", "127.0.0.1:2"),
        ("WIRELAB_GRACE", "2s"),
        ("HOME", "/root"),
        ("WIRELAB_MAX_TOPICS", ""),
    ];
    for command in [&[][..], &["serve"]] {
        let from_file = file.flag();
        let flags = [command, &[&*from_file, "--http", "127.0.0.1:3"]].concat();
        let serve = read(&flags, &variables).expect("settings");
        assert_eq!(serve.addresses.http, at("127.0.0.1:3"), "flag");
        assert_eq!(serve.running.grace.as_secs(), 2, "variable");
        assert_eq!(serve.limits.max_topics, 1, "file; the empty variable is none");
        assert_eq!(serve.limits.ring_bytes, 65_536, "file");
        assert_eq!(
            serve.limits.ring_messages,
            Config::default().feed.ring_messages,
            "default"
        );
    }
    let path = file.0.to_str().expect("text");
    assert_eq!(
        read(&[], &[("WIRELAB_CONFIG", path)])
            .expect("settings")
            .limits
            .max_topics,
        1
    );
}

#[test]
fn lists_are_replaced_not_joined() {
    let file = File::new(
        "lists.toml",
        "allow-host = ['a.org', 'b.org']\nallow-origin = 'https://a.org'\n",
    );
    let from_file = file.flag();
    let hosts = |flags: &[&str], variables: &[(&str, &str)]| {
        let flags = [&[&*from_file], flags].concat();
        let hosts = read(&flags, variables).expect("settings").access.allow_host;
        hosts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&[], &[]), ["a.org", "b.org"]);
    assert_eq!(hosts(&[], &[("WIRELAB_ALLOW_HOST", "c.org,D.org")]), ["c.org", "d.org"]);
    assert_eq!(
        hosts(
            &["--allow-host", "e.org", "--allow-host=f.org"],
            &[("WIRELAB_ALLOW_HOST", "c.org")]
        ),
        ["e.org", "f.org"]
    );
}

#[test]
fn proxies_are_addresses_and_networks() {
    let serve = read(&["--trust-proxy", "10.1.0.0/16,::1"], &[]).expect("settings");
    let networks = ["10.1.0.0/16", "::1/128"].map(|text| text.parse().expect("a network"));
    assert_eq!(serve.access.trust_proxy, networks);
    assert_eq!(config(&serve).expect("a configuration").trust_proxies, networks);
    for (value, said) in [
        ("10.1.2.3/16", "write 10.1.0.0/16 for the whole of it"),
        ("0.0.0.0/0", "trusts everybody"),
        ("nginx", "such as 10.1.0.0/16"),
    ] {
        let text = refused(&[], &[("WIRELAB_TRUST_PROXY", value)]);
        assert!(text.contains(said), "{value}: {text}");
    }
}

#[test]
fn an_error_names_its_layer() {
    for (text, said) in [
        ("max-topisc = 1", r#"has a key "max-topisc" that no setting"#),
        ("max_topics = 1", r#"has a key "max_topics" that no setting"#),
        ("config = 'b.toml'", r#"has a key "config" that no setting"#),
        ("help = 'x'", r#"has a key "help" that no setting"#),
        ("[limits]\nmax-topics = 1", r#"has a key "limits" that no setting"#),
        ("max-topics = 0", "it must be from 1 to 1000000"),
        ("max-topics = 1.5", "a whole number"),
        ("grace = true", "grace in the configuration file"),
        ("\n\nhttp = ", "is no TOML: line 3: "),
        ("http = 'x'\nhttp = 'y'", "is no TOML: line 2: duplicate key"),
    ] {
        let file = File::new("errors.toml", text);
        let error = refused(&[&file.flag()], &[]);
        assert!(error.contains(said) && error.contains("errors.toml"), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (name, value, said) in [
        ("WIRELAB_HTPP", "x", "there is no setting WIRELAB_HTPP"),
        ("WIRELAB_http", "127.0.0.1:1", "there is no setting WIRELAB_http"),
        ("WIRELAB_", "x", "there is no setting WIRELAB_"),
        ("WIRELAB_HELP", "x", "there is no setting WIRELAB_HELP"),
        (
            "WIRELAB_ADMIN_TOKEN",
            "secret",
            "there is no setting WIRELAB_ADMIN_TOKEN.",
        ),
        ("WIRELAB_HTTP", "x", "the variable WIRELAB_HTTP cannot be used"),
        ("WIRELAB_GRACE", "2h", "it must be from 0s to 1h"),
        ("WIRELAB_LOG_FORMAT", "xml", "[possible values: text, json]"),
        (
            "WIRELAB_CONFIG",
            "/nowhere/wirelab.toml",
            "/nowhere/wirelab.toml cannot be read",
        ),
    ] {
        let error = refused(&[], &[(name, value)]);
        assert!(error.contains(said), "{name}={value}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn https_is_somewhere_or_off() {
    let https = |flags: &[&str], variables: &[(&str, &str)]| read(flags, variables).expect("settings").addresses.https;
    assert_eq!(https(&[], &[]), None, "its usual place, if that is free");
    assert_eq!(https(&["--https", "off"], &[]), Some(OrOff::Off));
    let variable = [("WIRELAB_HTTPS", "127.0.0.1:0")];
    assert_eq!(https(&[], &variable), Some(OrOff::On(([127, 0, 0, 1], 0).into())));
    assert_eq!(https(&["--https=off"], &variable), Some(OrOff::Off));
    assert!(refused(&["--https", "8443"], &[]).contains("off says that there is to be none"));
}

#[test]
fn the_link_is_somewhere_or_off_and_has_a_profile_by_name() {
    let link = |flags: &[&str]| read(flags, &[]).expect("settings").addresses;
    assert_eq!(link(&[]).link_listen, None, "its usual place, if that is free");
    assert_eq!(link(&[]).link_profile.name, "lossy-2");
    assert_eq!(link(&["--link-listen", "off"]).link_listen, Some(OrOff::Off));
    let asked = link(&["--link-listen", "127.0.0.1:0", "--link-profile", "train"]);
    assert_eq!(asked.link_listen, Some(OrOff::On(([127, 0, 0, 1], 0).into())));
    assert_eq!(asked.link_profile.name, "train");
    assert!(refused(&["--link-listen", "8081"], &[]).contains("off says that there is to be none"));
    assert!(refused(&["--link-profile", "5g"], &[]).contains("there are lan, wifi"));
}

#[test]
fn a_token_is_one_line_of_its_file() {
    let token_of = |text: &str| {
        let file = File::new("token", text);
        let flag = format!("--admin-token-file={}", file.0.display());
        config(&read(&[&flag], &[]).expect("settings")).map(|config| config.admin_token)
    };
    assert_eq!(
        token_of("s3cret\n").expect("a token"),
        Some(Secret::new("s3cret".into()))
    );
    for text in ["", "\n", "two words", "two\nlines", "t\u{f6}ken"] {
        assert!(
            matches!(token_of(text), Err(SettingsError::Secret(SecretError::Shape { .. }))),
            "{text:?}"
        );
    }
    let missing = config(&read(&["--admin-token-file=/nowhere/token"], &[]).expect("settings"));
    assert!(
        missing
            .expect_err("missing")
            .to_string()
            .contains("/nowhere/token cannot be read")
    );
}

#[test]
fn a_relay_is_complete_or_not_at_all() {
    const URL: &str = "--turn-url=turn:turn.example.org,turns:turn.example.org";
    let secret = File::new("turn-secret", "s3cret\n");
    let file = format!("--turn-secret-file={}", secret.0.display());
    let turn_of = |flags: &[&str], variables: &[(&str, &str)]| config(&read(flags, variables).expect("settings"));

    let turn = turn_of(&[URL, &file], &[]).expect("complete").turn.expect("a relay");
    assert_eq!((turn.urls.len(), turn.ttl.as_secs()), (2, 3600));
    assert_eq!(turn.secret, Secret::new("s3cret".into()));
    let path = secret.0.to_str().expect("text");
    assert!(
        turn_of(&[URL], &[("WIRELAB_TURN_SECRET_FILE", path)])
            .expect("complete")
            .turn
            .is_some()
    );

    let said = |flags: &[&str]| turn_of(flags, &[]).expect_err("refused").to_string();
    assert!(said(&[URL]).contains("--turn-secret-file"));
    assert!(said(&[&file]).contains("--turn-url"));
    assert!(
        said(&[URL, "--turn-secret-file=/nowhere/secret"])
            .contains("the TURN secret file /nowhere/secret cannot be read")
    );
    let empty = File::new("turn-empty", "\n");
    assert!(said(&[URL, &format!("--turn-secret-file={}", empty.0.display())]).contains("must hold one line"));

    for (flag, part) in [
        ("--turn-url=turn.example.org", "turn:HOST"),
        ("--turn-url=turns:h?transport=udp", "no browser speaks DTLS"),
        ("--turn-ttl=5s", "from 1m to 1day"),
    ] {
        assert!(
            refused(&[flag], &[]).contains(part),
            "{flag}: {}",
            refused(&[flag], &[])
        );
    }
    assert!(refused(&[], &[("WIRELAB_TURN_SECRET", "s3cret")]).contains("there is no setting WIRELAB_TURN_SECRET"));
}

#[test]
fn every_setting_has_a_variable_of_its_own() {
    let command = settings_command();
    command.clone().debug_assert();
    for argument in command.get_arguments() {
        let name = argument.get_long().expect("every setting is a long flag");
        assert_eq!(argument.get_id().as_str(), name.replace('-', "_"), "{name}");
        assert!(argument.get_help().is_some(), "{name}");
    }
}
