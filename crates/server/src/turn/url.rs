//! `turn:` and `turns:` URLs (RFC 7065).

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::guard::{Authority, Host};

/// Where a TURN server is reached, and over what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnUrl {
    host: Host,
    port: Option<u16>,
    transport: TurnTransport,
    /// Whether it was written: then it is told to browsers.
    transport_given: bool,
}

/// Over what a browser talks to the TURN server. What is relayed is UDP in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnTransport {
    /// `turn:`, by default.
    Udp,
    /// `turn:` with `?transport=tcp`, for networks that block UDP.
    Tcp,
    /// `turns:`, for networks that let nothing but TLS through.
    Tls,
}

/// Why a text is no URL of a TURN server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TurnUrlError {
    /// It is none at all.
    #[error("a TURN URL is turn:HOST, turn:HOST:PORT?transport=tcp or turns:HOST, such as turn:turn.example.org:3478")]
    Shape,
    /// Browsers know nothing of it.
    #[error("transport is udp or tcp; with turns: it is tcp, since no browser speaks DTLS to a TURN server")]
    Transport,
}

impl TurnUrl {
    /// The TURN server.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Over what it is reached.
    #[must_use]
    pub fn transport(&self) -> TurnTransport {
        self.transport
    }

    /// The port at the TURN server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.transport {
            TurnTransport::Udp | TurnTransport::Tcp => 3478,
            TurnTransport::Tls => 5349,
        })
    }

    /// The protocol of that port: `udp` or `tcp`.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match self.transport {
            TurnTransport::Udp => "udp",
            TurnTransport::Tcp | TurnTransport::Tls => "tcp",
        }
    }
}

impl FromStr for TurnUrl {
    type Err = TurnUrlError;

    fn from_str(text: &str) -> Result<Self, TurnUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(TurnUrlError::Shape)?;
        let secure = match &*scheme.to_ascii_lowercase() {
            "turn" => false,
            "turns" => true,
            _ => return Err(TurnUrlError::Shape),
        };
        let (authority, query) = match rest.split_once('?') {
            Some((authority, query)) => (authority, Some(query)),
            None => (rest, None),
        };
        let Authority { host, port } = authority.parse().map_err(|_| TurnUrlError::Shape)?;
        let given = query.map(|query| query.strip_prefix("transport=").ok_or(TurnUrlError::Shape));
        let transport = match (secure, given.transpose()?) {
            (false, None | Some("udp")) => TurnTransport::Udp,
            (false, Some("tcp")) => TurnTransport::Tcp,
            (true, None | Some("tcp")) => TurnTransport::Tls,
            _ => return Err(TurnUrlError::Transport),
        };
        Ok(Self {
            host,
            port,
            transport,
            transport_given: query.is_some(),
        })
    }
}

impl fmt::Display for TurnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.transport == TurnTransport::Tls {
            "turns"
        } else {
            "turn"
        };
        write!(f, "{scheme}:{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if self.transport_given {
            write!(f, "?transport={}", self.protocol())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TurnUrl, TurnUrlError> {
        text.parse()
    }

    #[test]
    fn a_url_says_where_and_over_what() {
        for (text, port, protocol) in [
            ("turn:turn.example.org", 3478, "udp"),
            ("turn:turn.example.org?transport=udp", 3478, "udp"),
            ("turn:192.0.2.1:80?transport=tcp", 80, "tcp"),
            ("turns:turn.example.org", 5349, "tcp"),
            ("turns:turn.example.org:443?transport=tcp", 443, "tcp"),
            ("turn:[2001:db8::1]:3479", 3479, "udp"),
        ] {
            let url = read(text).expect(text);
            assert_eq!((url.port(), url.protocol()), (port, protocol), "{text}");
            assert_eq!(url.to_string(), text, "browsers are told what was written");
        }
        assert_eq!(
            read("TURN:Turn.Example.org").expect("one").to_string(),
            "turn:turn.example.org"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "turn",
            "turn:",
            "turn.example.org",
            "stun:turn.example.org",
            "http://turn.example.org",
            "turn://turn.example.org",
            "turn:user@turn.example.org",
            "turn:turn.example.org:0",
            "turn:turn.example.org:99999",
            "turn:turn.example.org/path",
            "turn:turn.example.org?secret=x",
            "turn:2001:db8::1",
        ] {
            assert_eq!(read(text), Err(TurnUrlError::Shape), "{text}");
        }
        for text in ["turn:h?transport=tls", "turn:h?transport=", "turns:h?transport=udp"] {
            assert_eq!(read(text), Err(TurnUrlError::Transport), "{text}");
        }
    }
}
