use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn certificate(&self, hosts: &[&str], now: SystemTime) -> String {
        let hosts: Vec<Host> = hosts.iter().map(|host| host.parse().expect("a host")).collect();
        let development = certificate(Some(&self.0), &hosts, now).expect("a folder of ours");
        assert_eq!(development.kept, Kept::In(self.0.join(ALONE)));
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(development.certificate.is_for(&host.parse().expect("a host")), "{host}");
        }
        let alone = fs::read(self.0.join(ALONE)).expect("for browsers");
        let pair = fs::read(self.0.join(PAIR)).expect("for us");
        assert!(pair.ends_with(&alone), "the same certificate in both");
        assert!(
            !String::from_utf8(alone).expect("text").contains("PRIVATE"),
            "no key is given away"
        );
        development.certificate.fingerprint()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn it_is_kept_until_it_runs_out_or_is_asked_for_another_name() {
    let folder = Folder::new("kept");
    let now = SystemTime::now();
    let first = folder.certificate(&[], now);
    assert_eq!(folder.certificate(&[], now), first, "a browser need accept it once");
    let months = |n: u64| now + Duration::from_secs(n * 30 * 24 * 3600);
    assert_eq!(folder.certificate(&[], months(10)), first);
    let second = folder.certificate(&[], months(12));
    assert_ne!(second, first, "it would end within the month");
    let third = folder.certificate(&["feed.example.org", "192.0.2.7", "no_such_name"], months(12));
    assert_ne!(third, second, "it has more names");
    assert_eq!(
        folder.certificate(&["feed.example.org"], months(12)),
        third,
        "it is for fewer as well"
    );
    let later = folder.certificate(&[], months(40));
    assert_ne!(later, third, "it has expired");
    let left: Vec<_> = fs::read_dir(&folder.0).expect("a folder").collect();
    assert_eq!(left.len(), 2, "nothing is left beside: {left:?}");
}

#[test]
fn what_cannot_be_read_is_made_anew() {
    let folder = Folder::new("broken");
    let now = SystemTime::now();
    let mut last = folder.certificate(&[], now);
    for broken in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "rubbish",
    ] {
        fs::write(folder.0.join(PAIR), broken).expect("a file");
        let next = folder.certificate(&[], now);
        assert_ne!(next, last, "{broken:?}");
        last = next;
    }
}

#[cfg(unix)]
#[test]
fn the_key_is_for_us_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("rights");
    let now = SystemTime::now();
    folder.certificate(&[], now);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let pair = folder.0.join(PAIR);
    assert_eq!((mode(&pair), mode(&folder.0)), (0o600, 0o700));
    fs::set_permissions(&pair, fs::Permissions::from_mode(0o644)).expect("it is ours");
    folder.certificate(&[], now);
    assert_eq!(mode(&pair), 0o600);
}

#[test]
fn a_folder_that_cannot_be_had_is_an_error_where_it_was_asked_for() {
    let folder = Folder::new("file");
    fs::write(&folder.0, "a file").expect("a place");
    let refused = certificate(Some(&folder.0), &[], SystemTime::now()).expect_err("it is a file");
    assert!(refused.to_string().contains("--data-dir"), "{refused}");
    fs::remove_file(&folder.0).expect("it is ours");
}

#[test]
fn the_usual_folder_follows_the_system() {
    let with = |set: &[(&str, &str)]| {
        usual_folder(|name| Some(set.iter().find(|(key, _)| *key == name)?.1.into()))
            .map(|path| path.display().to_string())
    };
    if cfg!(unix) {
        assert_eq!(
            with(&[("XDG_DATA_HOME", "/data"), ("HOME", "/users/a")]).as_deref(),
            Some("/data/wirelab")
        );
        assert_eq!(
            with(&[("HOME", "/users/a")]).as_deref(),
            Some("/users/a/.local/share/wirelab")
        );
        assert_eq!(
            with(&[("XDG_DATA_HOME", "data"), ("HOME", "")]),
            None,
            "what is not absolute counts as not set"
        );
    }
    assert_eq!(with(&[]), None);
}
