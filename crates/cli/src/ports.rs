//! The ports of a server: TCP for HTTP and, under the same number, UDP for WebRTC.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
};

use crate::error::Error;

/// How often another port is tried when the free one that TCP took is not free for UDP.
const ATTEMPTS: usize = 16;

pub(crate) fn bind(flag: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    wirelab_server::bind(address).map_err(|source| Error::Bind { flag, address, source })
}

/// Binds a port for both. WebRTC is on the loopback address and on the primary other one, since Firefox does not pair
/// with loopback and a wildcard does not say which of a machine's addresses a peer should try.
pub(crate) fn bind_both(flag: &'static str, address: SocketAddr) -> Result<(TcpListener, Vec<UdpSocket>), Error> {
    let mut attempts = if address.port() == 0 { ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let tcp = bind(flag, address)?;
        let port = tcp.local_addr().map_err(Error::System)?.port();
        match bind_udp(address.ip(), port) {
            Ok(udp) => return Ok((tcp, udp)),
            Err(_) if attempts > 0 => {} // the next free one
            Err(source) => {
                let address = SocketAddr::new(address.ip(), port);
                return Err(Error::Bind { flag, address, source });
            }
        }
    }
}

fn bind_udp(ip: IpAddr, port: u16) -> io::Result<Vec<UdpSocket>> {
    let first = if ip.is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        ip
    };
    let mut sockets = vec![wirelab_server::bind_udp(SocketAddr::new(first, port))?];
    let Some(primary) = primary_address().filter(|_| first.is_loopback()) else {
        return Ok(sockets);
    };
    match wirelab_server::bind_udp(SocketAddr::new(primary, port)) {
        Ok(socket) => sockets.push(socket),
        Err(error) => {
            tracing::warn!(%primary, port, %error, "WebRTC is on loopback alone, so Firefox will not reach it");
        }
    }
    Ok(sockets)
}

/// The address from which this machine reaches others, if it does. A connected UDP socket knows it without sending.
pub(crate) fn primary_address() -> Option<IpAddr> {
    const ANY_OTHER_MACHINE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1); // RFC 5737: it is nobody's
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((ANY_OTHER_MACHINE, 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}
