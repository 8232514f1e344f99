//! How a connection is opened: where to, what is asked for, and what is taken for an answer.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use http::Uri;
use serde::{Deserialize, Serialize};
use tokio::{net::lookup_host, time::timeout};

use super::lane::Lane;

/// How long a name may take to be found.
const LOOKUP: Duration = Duration::from_secs(5);

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// This program's, in a process of its own.
    Wirelab,
    /// The plainest axum server, in a process of its own.
    Reference,
    /// This program's, running already.
    Target,
    /// Anybody's.
    Foreign,
}

impl Kind {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Wirelab => "wirelab",
            Self::Reference => "reference",
            Self::Target => "target",
            Self::Foreign => "foreign",
        }
    }
}

/// Everything that opening one of many connections needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Way {
    pub(crate) lane: Lane,
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// What stands in `Host`.
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
    /// Connections go out from so many addresses of loopback in turn; one: from whichever the system takes.
    pub(crate) sources: u8,
    /// How long one connection may take to open, and a message to come back.
    pub(crate) patience: Duration,
}

impl Way {
    /// Whether the first message is `hello`, so that its arrival is part of opening.
    pub(crate) fn greets(&self) -> bool {
        matches!(self.kind, Kind::Wirelab | Kind::Target) && !self.path.starts_with("/ws/echo")
    }

    /// The path under which our servers, and the reference, have a lane's messages of a topic.
    pub(crate) fn topic_path(lane: Lane, topic: &str) -> String {
        match lane {
            Lane::Sse => format!("/events?topic={topic}"),
            Lane::WebSocket => format!("/ws?topic={topic}"),
            Lane::DataChannel | Lane::DataChannelReliable => String::new(), // a peer subscribes
        }
    }
}

/// A server's URL: `http://host[:port]`, and where one is asked for, a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    text: String,
    pub(crate) authority: String,
    host: String,
    port: u16,
    pub(crate) path: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "a URL is http://host[:port]/path or ws://host[:port]/path".to_owned();
        let uri: Uri = text.parse().map_err(|_| wanted())?;
        match uri.scheme_str() {
            Some("http" | "ws") => {}
            Some("https" | "wss") => {
                return Err("the load generator speaks no TLS yet: give the http:// or ws:// address".into());
            }
            _ => return Err(wanted()),
        }
        let authority = uri.authority().ok_or_else(wanted)?;
        if authority.as_str().contains('@') {
            return Err(wanted());
        }
        Ok(Self {
            text: text.to_owned(),
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Url {
    /// Its first address.
    ///
    /// # Errors
    /// The name is not known; the text says so.
    pub(crate) async fn address(&self) -> Result<SocketAddr, String> {
        let looked_up = timeout(LOOKUP, lookup_host((self.host.as_str(), self.port))).await;
        let addresses = looked_up
            .map_err(|_| format!("the name {} is not found in {} s", self.host, LOOKUP.as_secs()))?
            .map_err(|error| format!("the host {} is not known: {error}. Is its name spelt right?", self.host))?;
        // Loopback's IPv4 first: it has addresses enough for many connections.
        let mut addresses: Vec<SocketAddr> = addresses.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses
            .first()
            .copied()
            .ok_or_else(|| format!("the host {} has no address", self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_a_path_on_it() {
        for (text, host, port, path) in [
            ("http://localhost:8080", "localhost", 8080, "/"),
            ("ws://[::1]:9/feed?a=b", "::1", 9, "/feed?a=b"),
            ("http://a.example/sse", "a.example", 80, "/sse"),
        ] {
            let url: Url = text.parse().expect(text);
            assert_eq!((url.host.as_str(), url.port, url.path.as_str()), (host, port, path));
            assert_eq!(url.to_string(), text);
        }
        for (text, wanted) in [
            ("localhost:8080", "http://host"),
            ("/events", "http://host"),
            ("ftp://a", "http://host"),
            ("http://me@a/", "http://host"),
            ("wss://a/", "no TLS yet"),
        ] {
            let error = text.parse::<Url>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_told() {
        let url: Url = "http://no-such-host.invalid/".parse().expect("a URL");
        let why = url.address().await.expect_err("RFC 6761: it is nobody's");
        assert!(why.contains("no-such-host.invalid"), "{why}");
    }
}
