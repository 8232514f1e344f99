//! The proxies whose word is taken for who is asking: networks in CIDR notation, named by the operator.

use std::{net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

/// The first bits of an IPv6 network that is IPv4 in other clothes (`::ffff:0:0/96`).
const MAPPED_PREFIX: u8 = 96;

/// A network of trusted proxies: `10.1.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Why a text is no network of proxies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// It is neither a network nor an address.
    #[error("a network is an IP address and a prefix length, such as 10.1.0.0/16 or 2001:db8::/32, or one IP address")]
    Shape,
    /// It names an address inside the network and not the network.
    #[error("{0} is not the start of its network: write {1} for the whole of it, or the address alone")]
    HostBits(IpNet, IpNet),
    /// It is the whole Internet.
    #[error(
        "this trusts everybody, so that anybody could claim any address: name the proxies' own addresses or networks"
    )]
    Everybody,
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| NetworkError::Shape)?,
        };
        if net.trunc() != net {
            return Err(NetworkError::HostBits(net, net.trunc()));
        }
        let net = canonical(net);
        if net.prefix_len() == 0 {
            return Err(NetworkError::Everybody);
        }
        Ok(Self(net))
    }
}

/// Peers are looked up as IPv4 where they are, so networks are kept so too.
fn canonical(net: IpNet) -> IpNet {
    if let IpNet::V6(v6) = net
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Some(prefix) = v6.prefix_len().checked_sub(MAPPED_PREFIX)
        && let Ok(v4) = Ipv4Net::new(v4, prefix)
    {
        return v4.into();
    }
    net
}

/// All networks of trusted proxies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Box<[Network]>);

impl Proxies {
    pub(crate) fn new(networks: &[Network]) -> Self {
        Self(networks.into())
    }

    /// Whether what this address says of visitors is believed.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|Network(net)| net.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, NetworkError> {
        text.parse()
    }

    #[test]
    fn an_address_or_a_network_is_trusted_and_its_neighbour_is_not() {
        for (text, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.0.0/16", "::ffff:10.1.0.1", "::ffff:10.2.0.1"),
            ("::ffff:10.1.0.0/112", "10.1.0.9", "10.2.0.9"),
            ("::ffff:10.1.0.1", "10.1.0.1", "10.1.0.2"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let proxies = Proxies::new(&[network(text).expect(text)]);
            let trusts = |address: &str| proxies.trusts(address.parse().expect("an address"));
            assert!(trusts(inside) && !trusts(outside), "{text}");
        }
        assert!(
            !Proxies::default().trusts([127, 0, 0, 1].into()),
            "nobody is trusted unasked"
        );
    }

    #[test]
    fn what_would_trust_more_than_was_meant_is_refused() {
        for text in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            assert_eq!(network(text), Err(NetworkError::Everybody), "{text}");
        }
        let whole = |text: &str| text.parse().expect("a network");
        assert_eq!(
            network("10.1.2.3/16"),
            Err(NetworkError::HostBits(whole("10.1.2.3/16"), whole("10.1.0.0/16")))
        );
        for text in [
            "",
            "10.1",
            "10.1.0.0/33",
            "10.1.0.0/255.255.0.0",
            "*",
            "localhost",
            "10.1.0.0/16 ",
            "[::1]",
        ] {
            assert_eq!(network(text), Err(NetworkError::Shape), "{text:?}");
        }
    }
}
