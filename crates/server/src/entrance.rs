//! The ways in: bound sockets, and by which addresses visitors find them.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
};

use axum::Router;

use crate::{
    config::{secure_url, url},
    tls::Tls,
};

/// What `/api/info` calls an entrance with nothing before it.
const DIRECT: &str = "direct";

/// A way in: a listener for HTTP and, under the same number, sockets for WebRTC.
#[derive(Debug)]
pub struct Entrance {
    /// For HTTP and all that goes over it.
    pub tcp: TcpListener,
    /// With it the entrance speaks HTTPS, and nothing else.
    pub tls: Option<Tls>,
    /// For WebRTC, each on an address of its own and all on one port. None: no data channels by this entrance.
    pub udp: Vec<UdpSocket>,
    /// What visitors come through; none if they come straight.
    pub front: Option<Front>,
    /// Paths that this entrance has beside the server's own. They are judged as those are.
    pub routes: Router,
}

/// Something of ours that stands before an entrance and carries its visitors in, all under one address of its own. They
/// are told this one, never the entrance's: who knew that could go round.
#[derive(Clone, Debug)]
pub struct Front {
    /// What `/api/info` calls the way.
    pub path: &'static str,
    /// Where it takes HTTP.
    pub tcp: SocketAddr,
    /// Where it takes WebRTC.
    pub udp: Vec<SocketAddr>,
}

impl Entrance {
    /// One with nothing before it and no paths of its own.
    #[must_use]
    pub fn direct(tcp: TcpListener, udp: Vec<UdpSocket>) -> Self {
        Self {
            tcp,
            tls: None,
            udp,
            front: None,
            routes: Router::new(),
        }
    }

    pub(crate) fn way(&self) -> io::Result<Way> {
        let (path, address) = match &self.front {
            Some(front) => (front.path, front.tcp),
            None => (DIRECT, self.tcp.local_addr()?),
        };
        Ok(Way {
            path,
            secure: self.tls.is_some(),
            address,
        })
    }

    /// What WebRTC peers are told: where this entrance is found, and `announce` on the same port.
    pub(crate) fn announced(&self, announce: &[IpAddr]) -> io::Result<Vec<SocketAddr>> {
        let mut found = match &self.front {
            Some(front) => front.udp.clone(),
            None => self.udp.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?,
        };
        let port = found.first().map(SocketAddr::port);
        found.retain(|address| !address.ip().is_unspecified());
        for told in announce.iter().filter_map(|ip| Some(SocketAddr::new(*ip, port?))) {
            if !found.contains(&told) {
                found.push(told);
            }
        }
        Ok(found)
    }
}

/// How visitors find an entrance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) path: &'static str,
    /// Over TLS.
    pub(crate) secure: bool,
    pub(crate) address: SocketAddr,
}

impl Way {
    pub(crate) fn url(&self) -> String {
        if self.secure {
            secure_url(self.address)
        } else {
            url(self.address)
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_told_the_front_and_never_what_is_behind_it() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (tcp, udp) = (crate::bind(any).expect("free"), crate::bind_udp(any).expect("free"));
        let own = udp.local_addr().expect("bound");
        let mut entrance = Entrance::direct(tcp, vec![udp]);
        let elsewhere: IpAddr = [192, 0, 2, 7].into();
        let told = |entrance: &Entrance| entrance.announced(&[elsewhere]).expect("bound");
        assert_eq!(told(&entrance), [own, SocketAddr::new(elsewhere, own.port())]);

        let front = SocketAddr::from(([127, 0, 0, 1], 8081));
        entrance.front = Some(Front {
            path: "link",
            tcp: front,
            udp: vec![front],
        });
        assert_eq!(told(&entrance), [front, SocketAddr::new(elsewhere, 8081)]);
        assert_eq!(entrance.way().expect("bound").url(), "http://localhost:8081");
    }
}
