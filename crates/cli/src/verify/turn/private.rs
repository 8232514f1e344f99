//! Whether a relay is a door into the network behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    super::check::Finding,
    allocation::Allocation,
    codes::explain,
    probes::{unexpected, without_account},
    session::Fault,
    way::Way,
};

/// Any port: a permission holds for an address.
const PORT: u16 = 80;

/// One address of each network that no visitor's peer has; of loopback not the first, which may be the relay's own.
const INSIDE_V4: [(&str, Ipv4Addr); 8] = [
    ("this host", Ipv4Addr::UNSPECIFIED),
    ("loopback", Ipv4Addr::new(127, 0, 0, 2)),
    ("RFC 1918", Ipv4Addr::new(10, 0, 0, 1)),
    ("RFC 1918", Ipv4Addr::new(172, 16, 0, 1)),
    ("RFC 1918", Ipv4Addr::new(192, 168, 0, 1)),
    ("carrier-grade NAT", Ipv4Addr::new(100, 64, 0, 1)),
    ("metadata of clouds", Ipv4Addr::new(169, 254, 169, 254)),
    ("multicast", Ipv4Addr::new(224, 0, 0, 1)),
];
/// The same for a relay with an IPv6 address.
const INSIDE_V6: [(&str, Ipv6Addr); 4] = [
    ("loopback", Ipv6Addr::LOCALHOST),
    ("IPv4-mapped loopback", Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 2)),
    ("unique local", Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
    ("link-local", Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
];

/// Private peer addresses are refused.
pub(super) async fn private_peers(way: &Way) -> Finding {
    let Some(account) = way.account.clone() else {
        return without_account();
    };
    let opened = way.session(Some(account)).await;
    let allocated = match opened {
        Ok(session) => Allocation::new(session).await,
        Err(error) => return Finding::fail(error.to_string(), "it was reached a moment ago: is it overloaded?"),
    };
    let mut allocation = match allocated {
        Ok(allocation) => allocation,
        Err(fault) => return unexpected("an address for it", &fault),
    };
    let (mut granted, mut refused, mut seen) = (Vec::new(), 0, Vec::new());
    for (network, ip) in inside(allocation.relayed.ip()) {
        match allocation.permit(SocketAddr::new(ip, PORT)).await {
            Ok(()) => {
                granted.push(ip.to_string());
                seen.push(format!("{ip} ({network}): allowed"));
            }
            Err(Fault::Refused(refusal)) => {
                refused += 1;
                seen.push(format!("{ip} ({network}): {} {}", refusal.code, refusal.reason));
            }
            Err(fault) => return unexpected(&format!("permission for {ip}"), &fault).seen_all(seen),
        }
    }
    allocation.release().await;
    let finding = if granted.is_empty() {
        Finding::pass(format!("{refused} of {refused} refused"))
    } else {
        Finding::fail(
            format!("{} may be reached through it", granted.join(", ")),
            "whoever has a credential reaches your inside with it: refuse these networks (coturn: denied-peer-ip, as in \
             coturn/turnserver.conf, and no allow-loopback-peers)",
        )
    };
    finding
        .seen(format!("403 means: {}", explain(403).means))
        .seen_all(seen)
}

/// What is asked for, of the family that the relay has; never its own address, at which two visitors meet.
fn inside(relayed: IpAddr) -> Vec<(&'static str, IpAddr)> {
    let all: Vec<(&str, IpAddr)> = match relayed {
        IpAddr::V4(_) => INSIDE_V4.map(|(network, ip)| (network, ip.into())).into(),
        IpAddr::V6(_) => INSIDE_V6.map(|(network, ip)| (network, ip.into())).into(),
    };
    all.into_iter().filter(|(_, ip)| *ip != relayed).collect()
}

/// Whether an address means nothing outside its own network.
pub(super) fn is_inside(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (a == 100 && b >> 6 == 1)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_inside_and_never_the_relay_itself() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        for relayed in ["127.0.0.2", "192.0.2.1", "2001:db8::1"].map(ip) {
            let asked = inside(relayed);
            assert!(
                asked
                    .iter()
                    .all(|(_, ip)| ip.is_ipv4() == relayed.is_ipv4() && *ip != relayed)
            );
            assert!(
                asked.iter().all(|(_, ip)| is_inside(*ip) || ip.is_multicast()),
                "{asked:?}"
            );
        }
        for outside in ["192.0.2.1", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_inside(ip(outside)), "{outside}");
        }
        assert!(is_inside(ip("::ffff:10.0.0.1")) && is_inside(ip("100.127.0.1")));
    }
}
