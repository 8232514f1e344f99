//! `Host` and `Origin` read strictly: what is not exactly a host, a port or a scheme is no authority at all.
//!
//! Every look-alike that browsers or resolvers might read differently (user names, percent signs, decimal and octal
//! addresses, zones) is either refused here or stays a plain name, which the rules then do not know.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// The longest name in DNS.
const MAX_NAME_BYTES: usize = 253;

/// A host: an IP literal, or a name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// `127.0.0.1`, or `::1` (in brackets where a port may follow).
    Ip(IpAddr),
    /// Any other name. `2130706433` and `0177.0.0.1` are names: only the usual spelling is an address.
    Name(Box<str>),
}

/// Why a text is no host, authority or origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// It is no host.
    #[error(
        "a host is a name such as feed.example.org or an IP address, IPv6 in [brackets], without scheme, user or path"
    )]
    Host,
    /// It has a port where only a host is meant.
    #[error("give the host alone: it is taken with every port")]
    PortGiven,
    /// Its port is no port.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// It is no origin.
    #[error("an origin is scheme://host or scheme://host:port, such as https://feed.example.org, without a path")]
    Origin,
}

impl Host {
    /// `localhost` and addresses name this machine without asking DNS, so nobody can rebind them.
    pub(crate) fn is_rebinding_proof(&self) -> bool {
        match self {
            Self::Ip(_) => true,
            Self::Name(name) => &**name == "localhost",
        }
    }

    /// Whether browsers trust it without TLS (W3C Secure Contexts, section 3.1).
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.to_canonical().is_loopback(),
            Self::Name(name) => &**name == "localhost",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let v6: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Ip(v6.into()));
        }
        if let Ok(v4) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(v4.into()));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let is_name = !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(plain);
        is_name.then(|| Self::Name(text.to_ascii_lowercase().into()))
    }
}

impl FromStr for Host {
    type Err = AuthorityError;

    /// Reads a host as an operator writes it: IPv6 also without brackets, no port.
    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip));
        }
        match text.parse::<Authority>() {
            Ok(Authority { host, port: None }) => Ok(host),
            Ok(_) => Err(AuthorityError::PortGiven),
            Err(_) => Err(AuthorityError::Host),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(v4)) => write!(f, "{v4}"),
            Self::Ip(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What stands in `Host` or `:authority`: a host and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
}

impl FromStr for Authority {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        // In an IPv6 literal only what follows the bracket is the port.
        let end_of_host = if text.starts_with('[') {
            text.find(']').ok_or(AuthorityError::Host)?
        } else {
            0
        };
        let (host, port) = match text[end_of_host..].find(':') {
            Some(colon) => (&text[..end_of_host + colon], Some(&text[end_of_host + colon + 1..])),
            None => (text, None),
        };
        let host = Host::parse(host).ok_or(AuthorityError::Host)?;
        Ok(Self {
            host,
            port: port.map(parse_port).transpose()?,
        })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

/// Where a page came from: `scheme://host[:port]`, with the scheme's usual port filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(crate) scheme: Box<str>,
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
}

impl Origin {
    /// The port that is meant where none is written.
    pub(crate) fn usual_port(&self) -> Option<u16> {
        usual_port(&self.scheme)
    }
}

impl FromStr for Origin {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let (scheme, authority) = text.split_once("://").ok_or(AuthorityError::Origin)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(plain) {
            return Err(AuthorityError::Origin);
        }
        let scheme = scheme.to_ascii_lowercase();
        let Authority { host, port } = authority.parse().map_err(|_| AuthorityError::Origin)?;
        Ok(Self {
            port: port.or_else(|| usual_port(&scheme)),
            scheme: scheme.into(),
            host,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.filter(|&port| Some(port) != self.usual_port());
        write!(
            f,
            "{}://{}",
            self.scheme,
            Authority {
                host: self.host.clone(),
                port
            }
        )
    }
}

/// How a visitor came to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// As a proxy tells it. Some call a WebSocket's by its own name.
    pub(super) fn of_proxy(text: &str) -> Option<Self> {
        let is = |name| text.eq_ignore_ascii_case(name);
        if is("https") || is("wss") {
            Some(Self::Https)
        } else if is("http") || is("ws") {
            Some(Self::Http)
        } else {
            None
        }
    }
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

fn parse_port(text: &str) -> Result<u16, AuthorityError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()); // u16's own parser takes a plus sign
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(AuthorityError::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (text, shown) in [
            ("localhost", "localhost"),
            ("LocalHost:8080", "localhost:8080"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]", "[::1]"),
            ("[0:0:0:0:0:0:0:1]:65535", "[::1]:65535"),
            ("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80"),
            ("feed_1.Example.org", "feed_1.example.org"),
        ] {
            assert_eq!(text.parse::<Authority>().expect(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_almost_an_authority_is_none() {
        for text in [
            "",
            " ",
            ":8080",
            "local host",
            " localhost",
            "localhost ",
            "user@localhost",
            "localhost@evil.org",
            "a/b",
            "localhost\\",
            "localhost?",
            "localhost#",
            "local%68ost",
            "[::1",
            "::1",
            "[::1]8080",
            "[::1]x:80",
            "[]",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "localhost:+80",
            "localhost:80:80",
            "localhost:8o",
            "löcalhost",
            "localhost\r\nx",
            "a,b",
            "'self'",
            "a;b",
            "*",
        ] {
            assert!(text.parse::<Authority>().is_err(), "{text:?}");
        }
        assert!("x".repeat(254).parse::<Authority>().is_err());
    }

    #[test]
    fn odd_spellings_of_addresses_are_names() {
        for text in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "127.0.0.1.evil.com",
            "1.2.3.256",
        ] {
            let authority: Authority = text.parse().expect(text);
            assert!(matches!(authority.host, Host::Name(_)), "{text}");
            assert!(!authority.host.is_rebinding_proof(), "{text}");
        }
    }

    #[test]
    fn operators_write_hosts_without_ports() {
        assert_eq!(
            "Feed.example.org".parse::<Host>().expect("a host").to_string(),
            "feed.example.org"
        );
        assert_eq!("::1".parse::<Host>(), "[::1]".parse());
        assert_eq!("feed.example.org:80".parse::<Host>(), Err(AuthorityError::PortGiven));
        assert_eq!("https://feed.example.org".parse::<Host>(), Err(AuthorityError::Host));
        assert_eq!("a/b".parse::<Host>(), Err(AuthorityError::Host));
    }

    #[test]
    fn an_origin_has_its_usual_port() {
        let origin = |text: &str| text.parse::<Origin>().expect(text);
        assert_eq!(origin("HTTP://Localhost"), origin("http://localhost:80"));
        assert_eq!(origin("https://localhost:443").to_string(), "https://localhost");
        assert_ne!(origin("https://localhost"), origin("http://localhost"));
        assert_eq!(origin("app://shell").port, None);
        for text in [
            "null",
            "",
            "localhost",
            "http://",
            "http://a/",
            "http://a/b",
            "http://u@a",
            "://a",
            "1a://a",
            "http:a",
            "http://a http://b",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(AuthorityError::Origin), "{text:?}");
        }
    }
}
