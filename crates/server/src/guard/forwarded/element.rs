//! One entry of `X-Forwarded-For` or of `Forwarded`, read strictly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One element of `Forwarded` that names an address: `for=192.0.2.60;proto=http;host=feed.example.org`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) address: IpAddr,
    pub(super) proto: Option<&'a str>,
    pub(super) host: Option<&'a str>,
}

impl<'a> Element<'a> {
    /// Reads it. Without an address (none, `unknown`, `_hidden`) it is of no use here and none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (mut address, mut proto, mut host) = (None, None, None);
        for pair in text.split(';') {
            let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
            if name.is_empty() || !name.bytes().all(is_token) {
                return None;
            }
            let value = unquote(value)?;
            let known = [("for", &mut address), ("proto", &mut proto), ("host", &mut host)];
            let slot = known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
            if let Some((_, slot)) = slot
                && slot.replace(value).is_some()
            {
                return None; // RFC 7239, section 4: each once
            }
        }
        Some(Self {
            address: node(address?)?,
            proto,
            host,
        })
    }
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
pub(super) fn node(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (v6, port) = rest.split_once(']')?;
        let v6: Ipv6Addr = v6.parse().ok()?;
        let well = port.is_empty() || is_port(port.strip_prefix(':')?);
        return well.then(|| IpAddr::from(v6).to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (v4, port) = text.split_once(':')?;
    let v4: Ipv4Addr = v4.parse().ok()?;
    is_port(port).then_some(v4.into())
}

/// A number, or RFC 7239's `_hidden`.
fn is_port(text: &str) -> bool {
    let number = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    let hidden = |rest: &str| !rest.is_empty() && rest.bytes().all(is_token);
    number || text.strip_prefix('_').is_some_and(hidden)
}

/// A token as it is, or what stands between quotes. Nothing of use here needs a backslash, so none is taken.
fn unquote(text: &str) -> Option<&str> {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains(['"', '\\'])),
        None => (!text.is_empty() && text.bytes().all(is_token)).then_some(text),
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("192.0.2.1:_p", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
        ] {
            assert_eq!(node(text), Some(address.parse().expect("an address")), "{text}");
        }
        for text in [
            "",
            "unknown",
            "_hidden",
            "localhost",
            "192.0.2",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:123456",
            "192.0.2.1 ",
            "0300.0.2.1",
            "192.0.2.1/32",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]4711",
            "[2001:db8::1]:",
            "[fe80::1%eth0]",
            "\"192.0.2.1\"",
            "192.0.2.1;x",
            "-1",
        ] {
            assert_eq!(node(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_element_is_pairs_that_stand_once() {
        let read = Element::parse(r#"For="[2001:db8::1]:4711"; PROTO=https;host="feed.example.org:8443";by=_x;ext=1"#);
        let expected = Element {
            address: "2001:db8::1".parse().expect("an address"),
            proto: Some("https"),
            host: Some("feed.example.org:8443"),
        };
        assert_eq!(read, Some(expected));
        for text in [
            "",
            ";",
            "for",
            "for=",
            "=192.0.2.1",
            "for=192.0.2.1;",
            "for=192.0.2.1;for=192.0.2.2",
            "proto=https",
            "for=unknown",
            "for=_hidden",
            "for=192.0.2.1:80",
            "for=[2001:db8::1]",
            "for=\"192.0.2.1",
            "for=192.0.2.1\"",
            "for=\"192.0.2.1\\\"\"",
            "for =192.0.2.1",
            "for= 192.0.2.1",
            "f or=192.0.2.1;for=192.0.2.1",
        ] {
            assert_eq!(Element::parse(text), None, "{text:?}");
        }
    }
}
