//! An accepted connection's socket and the place it holds.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::admission::{Carried, Permit};

/// Unsent bytes that the kernel takes before it calls a socket full. Without it a stalled reader takes `tcp_wmem`'s
/// most, 4 MiB of kernel memory; unlike `SO_SNDBUF` it leaves what is in flight, and so the throughput, alone.
#[cfg(target_os = "linux")]
const NOT_SENT_LOW_WATER_BYTES: u32 = 16 * 1024;

/// A TCP socket with the permit that its connection holds: whoever owns the socket owns the place.
#[derive(Debug)]
pub struct Socket {
    tcp: TcpStream,
    end: End,
    _permit: Permit,
}

/// Who is at the other end. An idle connection is to be small, and this is no larger than the address alone.
#[derive(Debug)]
enum End {
    Peer(SocketAddr),
    /// A visitor, and the proxy that carries it.
    Carried(Box<(Arc<Carried>, SocketAddr)>),
}

impl Socket {
    /// Takes an accepted socket and sets what every lane needs: no Nagle (a forgotten `TCP_NODELAY` adds 20–60 ms at
    /// 60 Hz), a small send queue, and an end for a peer that acknowledges nothing for `stall_timeout`.
    ///
    /// # Errors
    /// The socket is gone already.
    pub fn new(tcp: TcpStream, peer: SocketAddr, permit: Permit, stall_timeout: Duration) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        #[cfg(target_os = "linux")]
        {
            SockRef::from(&tcp).set_tcp_notsent_lowat(NOT_SENT_LOW_WATER_BYTES)?;
            SockRef::from(&tcp).set_tcp_user_timeout(Some(stall_timeout))?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = stall_timeout; // the engine's wheel sees to it
        Ok(Self {
            tcp,
            end: End::Peer(peer),
            _permit: permit,
        })
    }

    /// The address at the other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        match &self.end {
            End::Peer(peer) => *peer,
            End::Carried(carried) => carried.1,
        }
    }

    /// From here on this connection is one visitor's, whom a proxy carries.
    pub fn carry(&mut self, carried: Arc<Carried>) {
        self.end = End::Carried(Box::new((carried, self.peer())));
    }

    /// Whom a proxy carries, if that is known.
    pub(crate) fn visitor(&self) -> Option<IpAddr> {
        match &self.end {
            End::Peer(_) => None,
            End::Carried(carried) => Some(carried.0.visitor),
        }
    }

    /// The stream, for the time that HTTP has it.
    pub fn tcp_mut(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Reads what is there. `Ready(Ok(0))` is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.tcp.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Ready when a write would take something.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(cx)
    }

    /// Writes what fits now; 0 when nothing does.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.tcp.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            done => done,
        }
    }

    /// Says that nothing more will be written, and leaves what was written to arrive.
    pub(crate) fn finish(&self) -> io::Result<()> {
        SockRef::from(&self.tcp).shutdown(std::net::Shutdown::Write)
    }
}
