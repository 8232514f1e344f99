//! Where a server is: `http`, `https`, `ws`, `wss` with a path, or `turn`, `turns`.

use std::{fmt, str::FromStr};

use http::Uri;
use wirelab_server::TurnUrl;

/// What is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Url {
    /// A server of HTTP, and a path on it.
    Http(HttpUrl),
    /// A TURN server.
    Turn(TurnUrl),
}

/// A server of HTTP, and a path on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    /// Over TLS.
    pub(crate) is_secure: bool,
    /// Whether it was written `ws:` or `wss:`.
    pub(crate) is_websocket: bool,
    /// As in `Host`.
    pub(crate) authority: String,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) path: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("turn:") || text.starts_with("turns:") {
            return text
                .parse()
                .map(Self::Turn)
                .map_err(|error: wirelab_server::TurnUrlError| error.to_string());
        }
        let wanted = || {
            "a URL is http://host[:port]/path, or the same with https, ws or wss; of a TURN server turn:host[:port]"
                .to_owned()
        };
        let uri: Uri = text.parse().map_err(|_| wanted())?;
        let (is_secure, is_websocket) = match uri.scheme_str() {
            Some("http") => (false, false),
            Some("https") => (true, false),
            Some("ws") => (false, true),
            Some("wss") => (true, true),
            _ => return Err(wanted()),
        };
        let authority = uri.authority().ok_or_else(wanted)?;
        if authority.as_str().contains('@') {
            return Err("a URL holds no name or password here: put them into --header 'Authorization: …'".into());
        }
        Ok(Self::Http(HttpUrl {
            is_secure,
            is_websocket,
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        }))
    }
}

impl HttpUrl {
    /// Whether it names a server and nothing on it.
    pub(crate) fn is_bare(&self) -> bool {
        self.path == "/"
    }

    /// The same server with another path.
    pub(crate) fn at(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.is_websocket, self.is_secure) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "ws",
            (true, true) => "wss",
        };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => url.fmt(f),
            Self::Turn(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_a_path_on_it() {
        for (text, host, port, path) in [
            ("http://localhost:8080", "localhost", 8080, "/"),
            ("wss://[::1]/feed?a=b", "::1", 443, "/feed?a=b"),
            ("https://a.example/sse", "a.example", 443, "/sse"),
            ("ws://a.example", "a.example", 80, "/"),
        ] {
            let Url::Http(url) = text.parse().expect(text) else {
                panic!("{text}")
            };
            assert_eq!((url.host.as_str(), url.port, url.path.as_str()), (host, port, path));
            assert_eq!(url.to_string().trim_end_matches('/'), text);
        }
        let turn: Url = "turn:turn.example.org:3478?transport=tcp".parse().expect("TURN");
        assert!(matches!(turn, Url::Turn(_)));
        for (text, wanted) in [
            ("localhost:8080", "http://host"),
            ("sse", "http://host"),
            ("ftp://a", "http://host"),
            ("http://me@a/", "Authorization"),
            ("turn:", "turn:HOST"),
        ] {
            let error = text.parse::<Url>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
