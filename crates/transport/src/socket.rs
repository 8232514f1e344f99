//! An accepted connection's socket and the place it holds.

use std::{
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

pub use crate::layered::Stream;
use crate::{
    admission::{Carried, Permit},
    layered::Layered,
};

/// Unsent bytes that the kernel takes before it calls a socket full. Without it a stalled reader takes `tcp_wmem`'s
/// most, 4 MiB of kernel memory; unlike `SO_SNDBUF` it leaves what is in flight, and so the throughput, alone.
#[cfg(target_os = "linux")]
const NOT_SENT_LOW_WATER_BYTES: u32 = 16 * 1024;

/// A socket with the permit that its connection holds: whoever owns the socket owns the place.
///
/// It reads and writes asynchronously for the time that HTTP has it.
#[derive(Debug)]
pub struct Socket {
    wire: Wire,
    end: End,
    /// None: the connection that carries it holds the place.
    _permit: Option<Permit>,
}

/// What the bytes go through. A TCP socket is as small as without the other.
#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    Layered(Box<Layered>),
}

/// Sets what every lane needs: no Nagle (a forgotten `TCP_NODELAY` adds 20–60 ms at 60 Hz), a small send queue, and an
/// end for a peer that acknowledges nothing for `stall_timeout`.
///
/// # Errors
/// The socket is gone already.
pub fn tune(tcp: &TcpStream, stall_timeout: Duration) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        SockRef::from(tcp).set_tcp_notsent_lowat(NOT_SENT_LOW_WATER_BYTES)?;
        SockRef::from(tcp).set_tcp_user_timeout(Some(stall_timeout))?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stall_timeout; // the engine's wheel sees to it
    Ok(())
}

/// Who is at the other end. An idle connection is to be small, and this is no larger than the address alone.
#[derive(Debug)]
enum End {
    Peer(SocketAddr),
    /// A visitor, and the proxy that carries it.
    Carried(Box<(Arc<Carried>, SocketAddr)>),
}

impl Socket {
    /// Takes an accepted socket that is [tuned](tune).
    #[must_use]
    pub fn new(tcp: TcpStream, peer: SocketAddr, permit: Permit) -> Self {
        Self {
            wire: Wire::Tcp(tcp),
            end: End::Peer(peer),
            _permit: Some(permit),
        }
    }

    /// Takes a stream that something else carries: TLS, or HTTP/2. Without a permit it holds no place of its own.
    #[must_use]
    pub fn layered(stream: impl Stream + 'static, peer: SocketAddr, permit: Option<Permit>) -> Self {
        Self {
            wire: Wire::Layered(Box::new(Layered::new(stream))),
            end: End::Peer(peer),
            _permit: permit,
        }
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

    /// Reads what is there. `Ready(Ok(0))` is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let tcp = match &self.wire {
            Wire::Tcp(tcp) => tcp,
            Wire::Layered(layered) => return layered.poll_read(cx, buf),
        };
        loop {
            ready!(tcp.poll_read_ready(cx))?;
            match tcp.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Ready when a write would take something.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.wire {
            Wire::Tcp(tcp) => tcp.poll_write_ready(cx),
            Wire::Layered(layered) => layered.poll_flush(cx),
        }
    }

    /// Passes on what was taken; the kernel does that by itself.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.wire {
            Wire::Tcp(_) => Poll::Ready(Ok(())),
            Wire::Layered(layered) => layered.poll_flush(cx),
        }
    }

    /// Writes what fits now; 0 when nothing does.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let tcp = match &self.wire {
            Wire::Tcp(tcp) => tcp,
            Wire::Layered(layered) => return layered.try_write(bytes),
        };
        match tcp.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            done => done,
        }
    }

    /// Says that nothing more will be written, and leaves what was written to arrive.
    pub(crate) fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.wire {
            Wire::Tcp(tcp) => Poll::Ready(SockRef::from(tcp).shutdown(std::net::Shutdown::Write)),
            Wire::Layered(layered) => layered.poll_finish(cx),
        }
    }

    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp),
            Wire::Layered(layered) => layered.stream(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true // TCP and TLS are
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_connection_pays_nothing_for_what_can_be_layered() {
        assert_eq!(size_of::<Wire>(), size_of::<TcpStream>());
        assert_eq!(size_of::<Option<Permit>>(), size_of::<Permit>());
    }
}
