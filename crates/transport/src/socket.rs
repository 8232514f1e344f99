//! An accepted connection's socket and the place it holds.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

pub use crate::carried::Stream;
use crate::{admission::Permit, carried::Carried};

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
    peer: SocketAddr,
    /// None: the connection that carries it holds the place.
    _permit: Option<Permit>,
}

/// What the bytes go through. A TCP socket is as small as without the other.
#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    Carried(Box<Carried>),
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

impl Socket {
    /// Takes an accepted socket that is [tuned](tune).
    #[must_use]
    pub fn new(tcp: TcpStream, peer: SocketAddr, permit: Permit) -> Self {
        Self {
            wire: Wire::Tcp(tcp),
            peer,
            _permit: Some(permit),
        }
    }

    /// Takes a stream that something else carries: TLS, or HTTP/2. Without a permit it holds no place of its own.
    #[must_use]
    pub fn carried(stream: impl Stream + 'static, peer: SocketAddr, permit: Option<Permit>) -> Self {
        Self {
            wire: Wire::Carried(Box::new(Carried::new(stream))),
            peer,
            _permit: permit,
        }
    }

    /// The address at the other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Reads what is there. `Ready(Ok(0))` is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let tcp = match &self.wire {
            Wire::Tcp(tcp) => tcp,
            Wire::Carried(carried) => return carried.poll_read(cx, buf),
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
            Wire::Carried(carried) => carried.poll_flush(cx),
        }
    }

    /// Passes on what was taken; the kernel does that by itself.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.wire {
            Wire::Tcp(_) => Poll::Ready(Ok(())),
            Wire::Carried(carried) => carried.poll_flush(cx),
        }
    }

    /// Writes what fits now; 0 when nothing does.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let tcp = match &self.wire {
            Wire::Tcp(tcp) => tcp,
            Wire::Carried(carried) => return carried.try_write(bytes),
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
            Wire::Carried(carried) => carried.poll_finish(cx),
        }
    }

    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match &mut self.wire {
            Wire::Tcp(tcp) => Pin::new(tcp),
            Wire::Carried(carried) => carried.stream(),
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
    fn a_plain_connection_pays_nothing_for_what_can_be_carried() {
        assert_eq!(size_of::<Wire>(), size_of::<TcpStream>());
        assert_eq!(size_of::<Option<Permit>>(), size_of::<Permit>());
    }
}
