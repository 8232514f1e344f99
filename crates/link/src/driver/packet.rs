//! What the link reads of an IPv4 packet: whose it is. And the exchange of addresses for a link within one namespace.

use std::net::Ipv4Addr;

use crate::rules::{Direction, FlowKey};

const SHORTEST: usize = 20;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Whether it is an IPv4 packet. The link's namespaces have nothing else, apart from what the kernel says in IPv6 before
/// that is switched off.
pub(super) fn is_ipv4(packet: &[u8]) -> bool {
    packet.len() >= SHORTEST && packet[0] >> 4 == 4
}

/// Whose it is. A later fragment has no ports.
pub(super) fn flow(packet: &[u8], direction: Direction) -> FlowKey {
    let protocol = packet[9];
    let header = usize::from(packet[0] & 0x0f) * 4;
    let is_first = u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff == 0;
    let ports = match packet.get(header..header + 4) {
        Some(&[a, b, c, d]) if is_first && matches!(protocol, TCP | UDP) => {
            (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        }
        _ => (0, 0),
    };
    let (server_port, client_port) = match direction {
        Direction::Down => ports,
        Direction::Up => (ports.1, ports.0),
    };
    FlowKey {
        protocol,
        server_port,
        client_port,
    }
}

/// New addresses for packets of one direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readdress {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
}

impl Readdress {
    /// The new pair must have the ones' complement sum of the old one, so that the checksums of IP, TCP and UDP stay
    /// right.
    pub(super) fn apply(self, packet: &mut [u8]) {
        packet[12..16].copy_from_slice(&self.source.octets());
        packet[16..20].copy_from_slice(&self.destination.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(protocol: u8, fragment: u16) -> Vec<u8> {
        let mut packet = vec![0; 28];
        (packet[0], packet[9]) = (0x45, protocol);
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[20..24].copy_from_slice(&[0x1f, 0x90, 0x9c, 0x40]);
        packet
    }

    #[test]
    fn a_flow_is_the_same_both_ways() {
        let key = |protocol, server_port, client_port| FlowKey {
            protocol,
            server_port,
            client_port,
        };
        assert_eq!(flow(&packet(TCP, 0), Direction::Down), key(TCP, 8080, 40_000));
        assert_eq!(flow(&packet(UDP, 0), Direction::Up), key(UDP, 40_000, 8080));
    }

    #[test]
    fn without_ports_a_flow_is_its_protocol() {
        let icmp = flow(&packet(1, 0), Direction::Down);
        assert_eq!((icmp.protocol, icmp.server_port, icmp.client_port), (1, 0, 0));
        let fragment = flow(&packet(UDP, 0x2001), Direction::Down);
        assert_eq!((fragment.server_port, fragment.client_port), (0, 0));
        let mut cut = packet(TCP, 0);
        cut[0] = 0x4f; // says that its header is longer than it is
        assert_eq!(flow(&cut, Direction::Down).server_port, 0);
    }
}
