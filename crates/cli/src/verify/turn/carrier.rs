//! The bytes between us and a TURN server: datagrams, or a stream that is cut into messages (RFC 8656, section 12.5).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;
use wirelab_server::{Host, TurnTransport};

/// Bytes before the length of either kind of message are enough to tell how long it is.
const HEAD_BYTES: usize = 4;
/// Of a STUN message, which its length does not count.
const STUN_HEADER_BYTES: usize = 20;
/// The longest datagram, and what a stream's longest message is a little above.
const MOST_BYTES: usize = 65_536 + STUN_HEADER_BYTES;

/// Why the server was not reached.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    #[error("no connection: {0}")]
    Refused(io::Error),
    #[error("no TLS: {0}")]
    Tls(io::Error),
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Late(Duration),
}

/// Why no message came.
#[derive(Debug, Error)]
pub(super) enum CarrierError {
    #[error("the server closed the connection")]
    Closed,
    #[error("what the server sends is neither STUN nor channel data: {0}")]
    Foreign(String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A way to one server.
#[derive(Debug)]
pub(super) struct Carrier {
    way: Way,
    /// A stream's bytes that are no whole message yet, or room for a datagram.
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Way {
    Datagrams(UdpSocket),
    Stream(Either<TcpStream, Box<TlsStream<TcpStream>>>),
}

impl Carrier {
    /// Reaches `server` over `transport`. With TLS it has to prove that it is `host`.
    pub(super) async fn open(
        server: SocketAddr,
        host: &Host,
        transport: TurnTransport,
        tls: &Arc<ClientConfig>,
        patience: Duration,
    ) -> Result<Self, OpenError> {
        let way = match transport {
            TurnTransport::Udp => Way::Datagrams(datagrams(server).await.map_err(OpenError::Refused)?),
            TurnTransport::Tcp => Way::Stream(Either::Left(connect(server, patience).await?)),
            TurnTransport::Tls => {
                let name = name(host).map_err(OpenError::Tls)?;
                let tcp = connect(server, patience).await?;
                let shaken = timeout(patience, TlsConnector::from(Arc::clone(tls)).connect(name, tcp)).await;
                let secured = shaken.map_err(|_| OpenError::Late(patience))?;
                Way::Stream(Either::Right(Box::new(secured.map_err(OpenError::Tls)?)))
            }
        };
        Ok(Self {
            way,
            buffer: Vec::new(),
        })
    }

    /// Whether what is sent may be lost, so that it has to be sent again.
    pub(super) fn loses(&self) -> bool {
        matches!(self.way, Way::Datagrams(_))
    }

    /// The address of ours from which the server is reached.
    pub(super) fn local_ip(&self) -> io::Result<IpAddr> {
        let local = match &self.way {
            Way::Datagrams(socket) => socket.local_addr(),
            Way::Stream(Either::Left(tcp)) => tcp.local_addr(),
            Way::Stream(Either::Right(tls)) => tls.get_ref().0.local_addr(),
        };
        Ok(local?.ip())
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match &mut self.way {
            Way::Datagrams(socket) => socket.send(message).await.map(|_| ()),
            Way::Stream(stream) => {
                stream.write_all(message).await?;
                stream.flush().await
            }
        }
    }

    /// The next message, whole. May be dropped while it waits: nothing is lost.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>, CarrierError> {
        let stream = match &mut self.way {
            Way::Datagrams(socket) => {
                self.buffer.resize(MOST_BYTES, 0);
                let length = socket.recv(&mut self.buffer).await?;
                return Ok(self.buffer[..length].to_vec());
            }
            Way::Stream(stream) => stream,
        };
        loop {
            if let Some((used, padded)) = whole(&self.buffer)? {
                let message = self.buffer[..used].to_vec();
                self.buffer.drain(..padded);
                return Ok(message);
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(CarrierError::Closed);
            }
        }
    }
}

async fn datagrams(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = if server.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

async fn connect(server: SocketAddr, patience: Duration) -> Result<TcpStream, OpenError> {
    let connected = timeout(patience, TcpStream::connect(server)).await;
    let tcp = connected.map_err(|_| OpenError::Late(patience))?;
    let tcp = tcp.map_err(OpenError::Refused)?;
    tcp.set_nodelay(true).map_err(OpenError::Refused)?;
    Ok(tcp)
}

fn name(host: &Host) -> io::Result<ServerName<'static>> {
    match host {
        Host::Ip(ip) => Ok(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => ServerName::try_from(name.to_string()).map_err(io::Error::other),
    }
}

/// The bytes of the first message of a stream, without and with what fills it up, once all of it is there.
fn whole(bytes: &[u8]) -> Result<Option<(usize, usize)>, CarrierError> {
    let Some(&[first, _, high, low]) = bytes.first_chunk::<HEAD_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (used, padded) = match first >> 6 {
        0b00 => (STUN_HEADER_BYTES + length, STUN_HEADER_BYTES + length),
        0b01 => (HEAD_BYTES + length, (HEAD_BYTES + length).next_multiple_of(4)),
        _ => return Err(CarrierError::Foreign(beginning(bytes))),
    };
    Ok((bytes.len() >= padded).then_some((used, padded)))
}

/// What a stranger says first, as far as it can be shown.
fn beginning(bytes: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned();
    format!("{:?}", shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_where_its_messages_end() {
        let stun = [&[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[1, 2, 3, 4]].concat();
        let channel = [0x40, 0, 0, 3, b'a', b'b', b'c', 0];
        assert_eq!(whole(&stun).expect("STUN"), Some((24, 24)));
        assert_eq!(whole(&channel).expect("data"), Some((7, 8)), "filled up to four");
        for part in 0..stun.len() {
            assert_eq!(whole(&stun[..part]).expect("STUN"), None, "{part}");
        }
        let both = [&channel[..], &stun].concat();
        assert_eq!(whole(&both).expect("data"), Some((7, 8)));
        assert_eq!(whole(&both[8..]).expect("STUN"), Some((24, 24)));
        let error = whole(b"\xffTTP/1.1 400 Bad Request\r\n").expect_err("a stranger");
        assert!(error.to_string().contains("TTP/1.1 400"), "{error}");
    }
}
