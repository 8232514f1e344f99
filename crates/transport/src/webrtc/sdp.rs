//! Candidate lines (RFC 8839): ours are written here, theirs are read and let go.
//!
//! The room is ICE-lite. It learns where a peer is from the checks that the peer sends, so candidates of the other side
//! are of no use to it; they are looked at only to count those that nobody could use.

use std::net::{IpAddr, SocketAddr};

/// Type preference of a host candidate (RFC 8445, section 5.1.2.2).
const HOST_PREFERENCE: u32 = 126;

/// `sdp` with candidates for exactly these addresses, in their order of preference.
pub(super) fn announce(sdp: &str, addresses: &[SocketAddr]) -> String {
    let mut out = String::with_capacity(sdp.len() + addresses.len() * 80);
    let mut media = 0;
    for line in lines(sdp).filter(|line| candidate(line).is_none() && *line != "a=end-of-candidates") {
        media += usize::from(line.starts_with("m="));
        if media == 2 && line.starts_with("m=") {
            write_candidates(addresses, &mut out);
        }
        out += line;
        out += "\r\n";
    }
    if media < 2 {
        write_candidates(addresses, &mut out);
    }
    out
}

/// `sdp` without its candidates, and how many of them nobody could use.
pub(super) fn without_candidates(sdp: &str) -> (String, u64) {
    let (mut out, mut ignored) = (String::with_capacity(sdp.len()), 0);
    for line in lines(sdp) {
        match candidate(line) {
            Some(candidate) => ignored += u64::from(!is_usable(candidate)),
            None => {
                out += line;
                out += "\r\n";
            }
        }
    }
    (out, ignored)
}

/// Whether a candidate names an address. Browsers hide theirs behind `.local` names that only mDNS could resolve.
pub(super) fn is_usable(candidate: &str) -> bool {
    let mut words = candidate.strip_prefix("candidate:").unwrap_or(candidate).split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (_foundation, component, transport, priority) = (word(), word(), word(), word());
    let (address, port, typ, _kind) = (word(), word(), word(), word());
    component.parse::<u16>().is_ok()
        && matches!(&*transport.to_ascii_lowercase(), "udp" | "tcp")
        && priority.parse::<u32>().is_ok()
        && address.parse::<IpAddr>().is_ok()
        && port.parse::<u16>().is_ok()
        && typ == "typ"
}

fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().filter(|line| !line.is_empty())
}

fn candidate(line: &str) -> Option<&str> {
    line.strip_prefix("a=")
        .filter(|attribute| attribute.starts_with("candidate:"))
}

fn write_candidates(addresses: &[SocketAddr], out: &mut String) {
    for (place, address) in (0_u32..).zip(addresses) {
        let priority = HOST_PREFERENCE << 24 | (0xffff - place.min(0xffff)) << 8 | 0xff;
        let (foundation, ip, port) = (place + 1, address.ip(), address.port());
        *out += &format!("a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host\r\n");
    }
    *out += "a=end-of-candidates\r\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n\
        a=candidate:2 1 UDP 1 0a1b2c3d-aaaa.local 40001 typ host generation 0\r\na=end-of-candidates\r\n";

    #[test]
    fn only_what_is_announced_is_announced() {
        let addresses = ["127.0.0.1:8080", "192.0.2.1:8080"].map(|text| text.parse().expect("an address"));
        let out = announce(SDP, &addresses);
        let candidates: Vec<_> = lines(&out).filter_map(candidate).collect();
        assert_eq!(
            candidates,
            [
                "candidate:1 1 udp 2130706431 127.0.0.1 8080 typ host",
                "candidate:2 1 udp 2130706175 192.0.2.1 8080 typ host"
            ]
        );
        assert!(candidates.iter().all(|line| is_usable(line)));
        assert!(out.ends_with("a=end-of-candidates\r\n"));
        let bundled = announce(&format!("{SDP}m=audio 9 x\r\na=mid:1\r\n"), &addresses);
        let at = |text| bundled.find(text).expect("it is there");
        assert!(
            at("192.0.2.1 8080") < at("m=audio"),
            "in the section that carries the bundle"
        );
    }

    #[test]
    fn theirs_are_taken_out_and_the_useless_counted() {
        let (out, ignored) = without_candidates(SDP);
        assert!(!out.contains("candidate:"), "{out}");
        assert_eq!(ignored, 1, "the .local one");
    }

    #[test]
    fn a_candidate_that_names_no_address_is_useless() {
        for odd in [
            "",
            "candidate:",
            "candidate:1 1 udp 1 host.example 1 typ host",
            "candidate:1 1 udp 1 127.0.0.1 99999 typ host",
            "candidate:1 1 sctp 1 127.0.0.1 9 typ host",
            "candidate:1 1 udp x 127.0.0.1 9 typ host",
            "candidate:1 1 udp 1 127.0.0.1 9",
        ] {
            assert!(!is_usable(odd), "{odd:?}");
        }
        assert!(is_usable(
            "candidate:1 1 udp 1 2001:db8::1 9 typ srflx raddr 0.0.0.0 rport 0"
        ));
    }
}
