//! What `wirelab verify` is told.

use std::time::Duration;

use clap::{Args, ValueEnum};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use thiserror::Error;

use super::{turn::access::Access, url::Url};
use crate::{
    trust::Belief,
    values::{origin, time},
};

/// What is said below the flags.
pub(crate) const AFTER: &str = "\
One line for each check: PASS, WARN, FAIL or SKIP, its id, what is so when it passes, what was measured, and what to do. The \
ids are stable, and each has a page: docs/verify/README.md lists them.

  sse     an event stream: does it stream, resume, stay uncompressed, say that it lives; who may read it
  ws      a WebSocket: both ways to open it, who may, and what becomes of frames that are large, cut or wrong
  webrtc  a data channel: how it opens, and whether unreliable is really so
  turn    a TURN server: what it relays, and what it must refuse
  idle    how long silence survives on this path, and how often somebody has to say something
  all     every one of them that the URL allows

Of a wirelab its address is enough: http://host:port. Of any other server give the stream's or the WebSocket's own URL.

Exit codes: 0 every check passed or warned, 1 one failed, 2 wrong arguments, 3 nothing could be decided, or the time of \
--limit was up, 4 the target cannot be reached, 130 interrupted: what was checked so far is told.

  wirelab verify https://feed.example.org
  wirelab verify sse https://feed.example.org --direct http://10.0.3.7:8080
  wirelab verify ws wss://other.example.org/socket --header 'Authorization: Bearer …'
  wirelab verify idle https://feed.example.org --max 10m
  wirelab verify https://localhost:8443 --ca cert.pem --output json > report.json";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long silence is watched where idle is one of all: longer than the minute after which most proxies cut.
const MAX_IN_ALL: Duration = Duration::from_secs(75);

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Everything that the URL allows
    All,
    /// An event stream
    Sse,
    /// A WebSocket
    Ws,
    /// A data channel
    Webrtc,
    /// A TURN server
    Turn,
    /// How long silence survives
    Idle,
}

/// Checks that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Sse,
    Ws,
    Webrtc,
    Turn,
    Idle,
}

/// The form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A line for each check
    Text,
    /// Everything found, versioned: docs/schema/verify.v1.json
    Json,
}

/// What `wirelab verify` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Verify {
    /// What is checked
    #[arg(value_enum, default_value_t = What::All)]
    pub(crate) what: What,
    /// The server, as its visitors reach it
    pub(crate) url: Url,

    /// The same server without what stands before it: the two are compared, and the blame is placed
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) direct: Option<Url>,
    /// Sent with every request, such as 'Authorization: Bearer …'; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = header, help_heading = "Target")]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,
    /// A page of somebody else's, which must not get in
    #[arg(long, value_name = "ORIGIN", default_value = "https://foreign.example", value_parser = foreign)]
    #[arg(help_heading = "Target")]
    pub(crate) foreign_origin: String,

    #[command(flatten, next_help_heading = "TLS")]
    pub(crate) belief: Belief,

    #[command(flatten, next_help_heading = "TURN")]
    pub(crate) turn: Access,

    /// How long a server may take to answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time(SECOND / 10..=10 * MINUTE), help_heading = "Time")]
    pub(crate) timeout: Duration,
    /// How long a stream is watched
    #[arg(long, value_name = "TIME", default_value = "4s", value_parser = time(SECOND / 2..=10 * MINUTE), help_heading = "Time")]
    pub(crate) watch: Duration,
    /// How long silence is watched [default: 10m, and 75s where all is checked]
    #[arg(long, value_name = "TIME", value_parser = time(SECOND..=120 * MINUTE), help_heading = "Time")]
    max: Option<Duration>,
    /// How long an event stream may be silent before it counts as having no heartbeat; some proxies cut at a minute
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time(SECOND / 10..=10 * MINUTE), help_heading = "Time")]
    pub(crate) heartbeat: Duration,
    /// How long all of it may take
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = time(SECOND..=24 * 60 * MINUTE), help_heading = "Time")]
    pub(crate) limit: Duration,

    /// The form of the results on stdout
    #[arg(long, value_enum, default_value_t = Output::Text, help_heading = "Results")]
    pub(crate) output: Output,
}

/// Why the arguments do not go together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum AskedError {
    #[error("{0} needs the URL of a server of HTTP; a turn: URL is for turn")]
    NotAtTurn(&'static str),
    #[error("--direct must be of the same kind as the URL: both of HTTP, or both turn:")]
    Kinds,
}

impl Verify {
    /// # Errors
    /// The arguments do not go together.
    pub(crate) fn check(&self) -> Result<(), AskedError> {
        let is_turn = |url: &Url| matches!(url, Url::Turn(_));
        if is_turn(&self.url) && !matches!(self.what, What::All | What::Turn) {
            let name = self
                .what
                .to_possible_value()
                .map_or("it", |value| match value.get_name() {
                    "sse" => "sse",
                    "ws" => "ws",
                    "webrtc" => "webrtc",
                    _ => "idle",
                });
            return Err(AskedError::NotAtTurn(name));
        }
        if self
            .direct
            .as_ref()
            .is_some_and(|direct| is_turn(direct) != is_turn(&self.url))
        {
            return Err(AskedError::Kinds);
        }
        Ok(())
    }

    /// The families that run, in their order.
    pub(crate) fn families(&self) -> Vec<Family> {
        let all = [Family::Sse, Family::Ws, Family::Webrtc, Family::Turn, Family::Idle];
        match (self.what, &self.url) {
            (What::All, Url::Turn(_)) => vec![Family::Turn],
            (What::All, Url::Http(_)) => all.to_vec(),
            (What::Sse, _) => vec![Family::Sse],
            (What::Ws, _) => vec![Family::Ws],
            (What::Webrtc, _) => vec![Family::Webrtc],
            (What::Turn, _) => vec![Family::Turn],
            (What::Idle, _) => vec![Family::Idle],
        }
    }

    /// How long silence is watched.
    pub(crate) fn max(&self) -> Duration {
        self.max.unwrap_or(if self.what == What::Idle {
            10 * MINUTE
        } else {
            MAX_IN_ALL
        })
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wanted = "a header is NAME: VALUE, such as 'Authorization: Bearer abc'";
    let (name, value) = text.split_once(':').ok_or(wanted)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wanted)?;
    let mut value: HeaderValue = value.trim().parse().map_err(|_| wanted)?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn foreign(text: &str) -> Result<String, String> {
    origin(text).map(|origin| origin.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(arguments: &[&str]) -> Result<Verify, clap::Error> {
        let all = ["wirelab", "verify"].iter().chain(arguments);
        match Cli::try_parse_from(all)?.asked() {
            Command::Verify(asked) => Ok(*asked),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_checked_may_be_left_out() {
        let asked = parse(&["http://localhost:8080"]).expect("a URL alone");
        assert_eq!((asked.what, asked.families().len()), (What::All, 5));
        assert_eq!(asked.max(), MAX_IN_ALL);
        let asked = parse(&["idle", "http://localhost:8080", "--direct", "http://[::1]:1"]).expect("both");
        assert_eq!((asked.what, asked.max()), (What::Idle, 10 * MINUTE));
        assert_eq!(asked.check(), Ok(()));
        let turn = parse(&["turn:example.org"]).expect("TURN");
        assert_eq!(turn.families(), [Family::Turn]);
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        for arguments in [
            &["sse"][..],
            &[],
            &["all", "http://a", "--max", "0s"],
            &["http://a", "--header", "x"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
        let asked = parse(&["sse", "turn:example.org"]).expect("it parses");
        assert_eq!(asked.check(), Err(AskedError::NotAtTurn("sse")));
        let asked = parse(&["http://a", "--direct", "turn:b"]).expect("it parses");
        assert_eq!(asked.check(), Err(AskedError::Kinds));
    }
}
