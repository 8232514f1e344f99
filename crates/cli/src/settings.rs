//! Layers of configuration: flags, over `WIRELAB_…` variables, over a TOML file, over defaults.
//!
//! There is one list of settings, the flags of [`crate::args`]. A variable and a key of the file are spelt as the flag
//! is (`--max-topics`, `WIRELAB_MAX_TOPICS`, `max-topics`) and are read *as* that flag, by the same parser with the
//! same ranges. So a layer is a map from flag to values, and a higher layer's entry takes the place of a lower one's,
//! lists included. What no flag is called is an error in every layer. An empty variable counts as not set.

pub(crate) mod secret;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Args as _, CommandFactory as _, Parser as _, parser::ValueSource};
use thiserror::Error;
use wirelab_server::{
    CertificateError,
    config::{Config, FeedLimits, Limits, Turn},
};

use self::secret::SecretError;
use crate::{
    announce,
    args::{self, Cli, Command, Serve},
};

/// What every variable of ours begins with.
const PREFIX: &str = "WIRELAB_";

/// The setting that names the file: it cannot stand in it.
const CONFIG: &str = "config";

/// Flag name without dashes, and its values.
type Layer = BTreeMap<String, Vec<String>>;

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// Also help and version, which end the program well.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error(
        "there is no setting {name}. A variable is named after its flag, as WIRELAB_MAX_TOPICS is after --max-topics; \
         wirelab --help names the flags"
    )]
    UnknownVariable { name: String },
    #[error("the variable {name} is not text in UTF-8")]
    VariableEncoding { name: String },
    #[error("the variable {name} cannot be used: {why}")]
    Variable { name: String, why: String },
    #[error("the configuration file {path} cannot be read: {source}", path = path.display())]
    FileUnreadable { path: PathBuf, source: io::Error },
    #[error("the configuration file {path} is no TOML: {why}", path = path.display())]
    FileSyntax { path: PathBuf, why: String },
    #[error(
        "the configuration file {path} has a key {key:?} that no setting is called. A key is a flag without its \
         dashes, as max-topics is; wirelab --help names the flags", path = path.display())]
    UnknownKey { path: PathBuf, key: String },
    #[error("{key} in the configuration file {path} cannot be used: {why}", path = path.display())]
    Key { path: PathBuf, key: String, why: String },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(
        "--turn-url names a TURN server, but nothing says what it checks: give the file with its static-auth-secret by \
         --turn-secret-file"
    )]
    TurnSecretMissing,
    #[error(
        "--turn-secret-file is given, but no TURN server that knows the secret: name it by --turn-url, such as \
         turn:turn.example.org:3478"
    )]
    TurnUrlMissing,
    #[error("--tls-cert and --tls-key go together: give both files, or neither for a development certificate")]
    HalfCertificate,
    #[error("the file {path} of {flag} cannot be read: {source}", path = path.display())]
    CertificateUnreadable {
        flag: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the file {path} of {flag} cannot be used: {why}", path = path.display())]
    Certificate {
        flag: &'static str,
        path: PathBuf,
        why: CertificateError,
    },
    #[error(
        "the folder {path} of --data-dir cannot hold the development certificate: {source}. Give one that this user may \
         write to", path = path.display())]
    DataDir { path: PathBuf, source: io::Error },
    #[error("the folder {path} of --web-dir has no index.html", path = path.display())]
    WebDir { path: PathBuf },
}

/// Reads all layers.
pub(crate) fn load(
    argv: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Serve, SettingsError> {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let matches = Cli::command().try_get_matches_from(&argv)?;
    let (flags, after) = match matches.subcommand() {
        Some((_, serve)) => (serve, 2), // wirelab serve …
        None => (&matches, 1),          // wirelab …
    };

    let from_environment = environment(variables)?;
    let named_by_flag = flags.get_one::<PathBuf>(CONFIG).cloned();
    let file_path = named_by_flag.or_else(|| from_environment.get(CONFIG)?.last().map(PathBuf::from));
    let mut below_flags = match file_path {
        Some(path) => file(&path)?,
        None => Layer::new(),
    };
    below_flags.extend(from_environment);
    below_flags.retain(|name, _| !is_given(flags, name));

    let lower = below_flags.iter().flat_map(|(name, values)| as_flags(name, values));
    let whole = ["wirelab", "serve"]
        .map(OsString::from)
        .into_iter()
        .chain(lower)
        .chain(argv.into_iter().skip(after));
    match Cli::try_parse_from(whole)?.asked() {
        Command::Serve(serve) => Ok(*serve),
        other => unreachable!("it was told to serve: {other:?}"),
    }
}

/// What the server is told. Reads the files of secrets.
pub(crate) fn config(settings: &Serve) -> Result<Config, SettingsError> {
    if let Some(path) = settings
        .running
        .web_dir
        .as_ref()
        .filter(|path| !path.join("index.html").is_file())
    {
        return Err(SettingsError::WebDir { path: path.clone() });
    }
    let admin_token = settings.access.admin_token_file.as_deref();
    let admin_token = admin_token.map(|path| secret::read("admin token", path)).transpose()?;
    Ok(Config {
        allow_hosts: settings.access.allow_host.clone(),
        allow_origins: settings.access.allow_origin.clone(),
        admin_token,
        trust_proxies: settings.access.trust_proxy.clone(),
        visitors: settings.access.visitors.into(),
        web_dir: settings.running.web_dir.clone(),
        announce: announce::resolve(&settings.addresses.announce_ip),
        turn: turn(&settings.turn)?,
        lost_per_mille: 0, // nothing outside sets it
        grace: settings.running.grace,
        sse_heartbeat: settings.limits.sse_heartbeat,
        websocket_heartbeat: settings.limits.websocket_heartbeat,
        limits: Limits {
            connections: settings.limits.max_connections,
            connections_per_address: settings.limits.max_connections_per_address,
            header_timeout: settings.limits.header_timeout,
            idle_timeout: settings.limits.idle_timeout,
            stall_timeout: settings.limits.stall_timeout,
            echo_connections: settings.limits.max_echo_connections,
            topics_per_connection: settings.limits.max_topics_per_connection,
            peers: settings.limits.max_peers,
            peers_per_address: settings.limits.max_peers_per_address,
            peer_opening: settings.limits.peer_opening,
            rooms: settings.limits.max_rooms,
            peers_per_room: settings.limits.max_peers_per_room,
        },
        feed: FeedLimits {
            topics: settings.limits.max_topics,
            ring_messages: settings.limits.ring_messages,
            ring_bytes: settings.limits.ring_bytes,
            linger: settings.limits.topic_linger,
        },
    })
}

fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Layer, SettingsError> {
    let mut layer = Layer::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let name = name.to_owned();
        let setting = name[PREFIX.len()..].to_ascii_lowercase().replace('_', "-");
        if !is_setting(&setting) || name != variable(&setting) {
            return Err(SettingsError::UnknownVariable { name });
        }
        let Ok(value) = value.into_string() else {
            return Err(SettingsError::VariableEncoding { name });
        };
        if value.is_empty() {
            continue;
        }
        let values = vec![value];
        check(&setting, &values).map_err(|why| SettingsError::Variable { name, why })?;
        layer.insert(setting, values);
    }
    Ok(layer)
}

fn file(path: &Path) -> Result<Layer, SettingsError> {
    let at = || path.to_owned();
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::FileUnreadable { path: at(), source })?;
    let table: toml::Table = text.parse().map_err(|error| SettingsError::FileSyntax {
        path: at(),
        why: place(&text, &error),
    })?;
    let mut layer = Layer::new();
    for (key, value) in table {
        if !is_setting(&key) || key == CONFIG {
            return Err(SettingsError::UnknownKey { path: at(), key });
        }
        let values = texts(value);
        let checked = values.and_then(|values| check(&key, &values).map(|()| values));
        match checked {
            Ok(values) => layer.insert(key, values),
            Err(why) => return Err(SettingsError::Key { path: at(), key, why }),
        };
    }
    Ok(layer)
}

/// A TOML value as it would stand on the command line.
fn texts(value: toml::Value) -> Result<Vec<String>, String> {
    match value {
        toml::Value::String(text) => Ok(vec![text]),
        toml::Value::Integer(number) => Ok(vec![number.to_string()]),
        toml::Value::Array(values) => {
            let values = values.into_iter().map(texts).collect::<Result<Vec<_>, _>>()?;
            Ok(values.concat())
        }
        toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => {
            Err("a setting is a text in quotes, a whole number, or a list of them".into())
        }
    }
}

/// Where TOML's own parser stopped, in one line.
fn place(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}

/// Parses one setting alone, so that an error can name the layer it came from.
fn check(name: &str, values: &[String]) -> Result<(), String> {
    let parsed = settings_command()
        .no_binary_name(true)
        .try_get_matches_from(as_flags(name, values));
    parsed.map(drop).map_err(|error| {
        let text = error.to_string();
        let sentence = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let sentence = sentence.collect::<Vec<_>>().join(" ");
        sentence.strip_prefix("error: ").unwrap_or(&sentence).to_owned()
    })
}

fn as_flags(name: &str, values: &[String]) -> impl Iterator<Item = OsString> {
    values.iter().map(move |value| format!("--{name}={value}").into())
}

fn is_setting(name: &str) -> bool {
    settings_command()
        .get_arguments()
        .any(|argument| argument.get_long() == Some(name))
}

fn is_given(flags: &ArgMatches, name: &str) -> bool {
    flags.value_source(&name.replace('-', "_")) == Some(ValueSource::CommandLine)
}

fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('-', "_").to_ascii_uppercase())
}

fn settings_command() -> clap::Command {
    Serve::augment_args(clap::Command::new("wirelab")).disable_help_flag(true)
}

/// The relay, complete or not at all. Reads the secret's file.
fn turn(settings: &args::turn::Turn) -> Result<Option<Turn>, SettingsError> {
    match (&*settings.turn_url, settings.turn_secret_file.as_deref()) {
        ([], None) => Ok(None),
        ([], Some(_)) => Err(SettingsError::TurnUrlMissing),
        (_, None) => Err(SettingsError::TurnSecretMissing),
        (urls, Some(path)) => Ok(Some(Turn {
            urls: urls.to_vec(),
            secret: secret::read("TURN secret", path)?,
            ttl: settings.turn_ttl,
        })),
    }
}

#[cfg(test)]
mod tests;
