//! What a session description says about the way to its author (RFC 8839, RFC 8841).

use std::net::{IpAddr, SocketAddr};

/// What a description that names no limit stands for (RFC 8841, section 6).
const DEFAULT_MESSAGE_BYTES: u64 = 64 * 1024;
/// Candidates that are read.
const MOST_CANDIDATES: usize = 32;

/// A way to the author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// `host`, `srflx`, `prflx` or `relay`.
    pub(super) kind: String,
    pub(super) transport: String,
    /// As it stands there: an address, or a name that only mDNS could resolve.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Candidate {
    /// Where datagrams go, if that can be told.
    pub(super) fn udp(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        (self.transport.eq_ignore_ascii_case("udp") && self.port != 0).then(|| SocketAddr::new(ip, self.port))
    }
}

/// The candidates of a description.
pub(super) fn candidates(sdp: &str) -> Vec<Candidate> {
    sdp.lines().filter_map(read).take(MOST_CANDIDATES).collect()
}

fn read(line: &str) -> Option<Candidate> {
    let words: Vec<&str> = line.strip_prefix("a=candidate:")?.split_ascii_whitespace().collect();
    let [
        _foundation,
        _component,
        transport,
        _priority,
        host,
        port,
        "typ",
        kind,
        ..,
    ] = *words
    else {
        return None;
    };
    Some(Candidate {
        kind: kind.to_owned(),
        transport: transport.to_ascii_lowercase(),
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
}

/// The description with other addresses: each that `instead` knows is replaced, and what it does not know goes.
pub(super) fn rewrite(sdp: &str, instead: impl Fn(SocketAddr) -> Option<SocketAddr>) -> String {
    let mut out = String::with_capacity(sdp.len());
    for line in sdp.lines().filter(|line| !line.is_empty()) {
        if line.starts_with("a=candidate:") {
            let Some(near) = read(line).and_then(|candidate| candidate.udp()).and_then(&instead) else {
                continue;
            };
            let mut words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
            (words[4], words[5]) = (near.ip().to_string(), near.port().to_string());
            out += &words.join(" ");
        } else {
            out += line;
        }
        out += "\r\n";
    }
    out
}

/// The largest message that the author takes, bytes; 0 is any.
pub(super) fn max_message_bytes(sdp: &str) -> u64 {
    let told = sdp.lines().find_map(|line| line.strip_prefix("a=max-message-size:"));
    told.and_then(|text| text.trim().parse().ok())
        .unwrap_or(DEFAULT_MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=max-message-size:69632\r\n\
        a=candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host\r\n\
        a=candidate:2 1 UDP 1 0a1b.local 40001 typ host generation 0\r\n\
        a=candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n\
        a=candidate:4 1 udp 1 2001:db8::1 9 typ srflx raddr 0.0.0.0 rport 0\r\na=candidate:broken\r\n";

    #[test]
    fn only_what_can_be_reached_by_datagrams_is_replaced() {
        let found = candidates(SDP);
        let kinds: Vec<_> = found
            .iter()
            .map(|candidate| (&*candidate.kind, candidate.udp().is_some()))
            .collect();
        assert_eq!(
            kinds,
            [("host", true), ("host", false), ("host", false), ("srflx", true)]
        );
        let near: SocketAddr = "127.0.0.1:5000".parse().expect("an address");
        let out = rewrite(SDP, |far| far.is_ipv4().then_some(near));
        let lines: Vec<_> = out.lines().filter(|line| line.contains("candidate")).collect();
        assert_eq!(lines, ["a=candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host"]);
        assert!(candidates(&rewrite(SDP, |_| None)).is_empty());
    }

    #[test]
    fn a_limit_is_told_or_the_usual_one() {
        assert_eq!(max_message_bytes(SDP), 69_632);
        assert_eq!(max_message_bytes("v=0\r\n"), 65_536);
        assert_eq!(max_message_bytes("a=max-message-size:0\r\n"), 0);
    }
}
