//! `--announce-ip`: under which addresses WebRTC peers are told to look for this server.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    str::FromStr,
};

use crate::ports;

/// One value of the flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announce {
    /// The address from which this machine reaches others.
    Auto,
    Ip(IpAddr),
}

impl FromStr for Announce {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let ip: IpAddr = text.parse().map_err(|_| {
            "it is an IP address such as 192.0.2.7, without a port (it is the one of --http), or auto for this \
             machine's own"
        })?;
        let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        if ip.is_unspecified() || ip.is_multicast() || broadcast {
            return Err("no peer can reach this server there: give one address, or auto for this machine's own");
        }
        Ok(Self::Ip(ip))
    }
}

/// The addresses that are meant, each once. Says so where `auto` finds none.
pub(crate) fn resolve(asked: &[Announce]) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for announce in asked {
        let ip = match announce {
            Announce::Ip(ip) => Some(*ip),
            Announce::Auto => ports::primary_address(),
        };
        match ip {
            Some(ip) if addresses.contains(&ip) => {}
            Some(ip) => addresses.push(ip),
            None => tracing::warn!(
                "--announce-ip auto finds nothing: this machine has no way to others. Name the address instead"
            ),
        }
    }
    addresses
}

/// Serves WebRTC on those announced addresses that are this machine's and have no socket yet, and warns of those that
/// are not: behind a NAT or in a container that is how it should be, and elsewhere nobody would get through.
pub(crate) fn serve(announced: &[IpAddr], sockets: &mut Vec<UdpSocket>) {
    let bound: Vec<SocketAddr> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
    let Some(port) = bound.first().map(SocketAddr::port) else {
        return;
    };
    for ip in announced.iter().filter(|ip| bound.iter().all(|own| own.ip() != **ip)) {
        match wirelab_server::bind_udp(SocketAddr::new(*ip, port)) {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => tracing::warn!(
                %ip,
                port,
                "announced, and no address of this machine: peers get through only where a router or a container's \
                 host passes this UDP port on to it"
            ),
            Err(error) => tracing::warn!(%ip, port, %error, "announced, and WebRTC cannot be served there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_auto() {
        let ip = |text: &str| Announce::Ip(text.parse().expect("an address"));
        assert_eq!("auto".parse(), Ok(Announce::Auto));
        for text in ["192.0.2.7", "127.0.0.1", "2001:db8::7"] {
            assert_eq!(text.parse(), Ok(ip(text)), "{text}");
        }
        for text in [
            "",
            "AUTO",
            "192.0.2.7:8080",
            "[2001:db8::7]",
            "turn.example.org",
            "192.0.2",
        ] {
            assert!(text.parse::<Announce>().expect_err(text).contains("or auto"), "{text}");
        }
        for text in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"] {
            assert!(
                text.parse::<Announce>().expect_err(text).contains("no peer can reach"),
                "{text}"
            );
        }
    }

    #[test]
    fn auto_is_the_primary_address_once() {
        let primary: Vec<IpAddr> = ports::primary_address().into_iter().collect();
        assert_eq!(resolve(&[Announce::Auto, Announce::Auto]), primary);
        let other = "192.0.2.7".parse().expect("an address");
        assert_eq!(
            resolve(&[Announce::Ip(other), Announce::Auto, Announce::Ip(other)]),
            [&[other], &*primary].concat()
        );
    }

    #[test]
    fn an_own_address_gets_a_socket_and_a_foreign_one_none() {
        let loopback = |last| IpAddr::from([127, 0, 0, last]);
        let mut sockets = vec![wirelab_server::bind_udp(SocketAddr::new(loopback(1), 0)).expect("a port")];
        let port = sockets[0].local_addr().expect("it is bound").port();
        let foreign = "192.0.2.7".parse().expect("an address"); // RFC 5737: it is nobody's
        serve(&[loopback(1), foreign], &mut sockets);
        assert_eq!(sockets.len(), 1);
        if cfg!(target_os = "linux") {
            serve(&[loopback(9)], &mut sockets); // all of 127.0.0.0/8 is this machine
            let added = sockets[1].local_addr().expect("it is bound");
            assert_eq!(added, SocketAddr::new(loopback(9), port));
        }
    }
}
