//! A socket for the time that HTTP has it: it gives back what was read to tell the versions apart, and notes activity.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use wirelab_transport::socket::Socket;

use super::activity::Activity;

/// How HTTP/2 begins (RFC 9113, 3.4), also where TLS has negotiated it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Debug)]
pub(super) struct HttpIo {
    socket: Socket,
    early: BytesMut,
    activity: Arc<Activity>,
}

impl HttpIo {
    /// Reads until the first bytes tell which HTTP this is. True: HTTP/2.
    ///
    /// # Errors
    /// The peer is gone.
    pub(super) async fn sniff(mut socket: Socket, activity: Arc<Activity>) -> io::Result<(Self, bool)> {
        let mut early = BytesMut::with_capacity(PREFACE.len());
        while early.len() < PREFACE.len() && PREFACE.starts_with(&early) {
            let mut room = [0; PREFACE.len()];
            let read = socket.read(&mut room[early.len()..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            activity.read();
            let start = early.len();
            early.extend_from_slice(&room[start..start + read]);
        }
        let http2 = early == PREFACE;
        Ok((
            Self {
                socket,
                early,
                activity,
            },
            http2,
        ))
    }

    /// The address at the other end.
    pub(super) fn peer(&self) -> SocketAddr {
        self.socket.peer()
    }

    /// The socket, and what HTTP has not read of its first bytes.
    pub(super) fn into_socket(self) -> (Socket, BytesMut) {
        (self.socket, self.early)
    }

    fn socket(&mut self) -> Pin<&mut Socket> {
        Pin::new(&mut self.socket)
    }
}

impl AsyncRead for HttpIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let n = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early[..n]);
            self.early.advance(n);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = self.socket().poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.read();
        }
        if let Poll::Ready(Err(error)) = &read {
            self.note_error(error);
        }
        read
    }
}

impl AsyncWrite for HttpIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = self.socket().poll_write(cx, bytes);
        self.note_write(&wrote);
        wrote
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = self.socket().poll_write_vectored(cx, bytes);
        self.note_write(&wrote);
        wrote
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper flushes the socket only once its own write buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.socket().poll_flush(cx);
        if flushed.is_ready() {
            self.activity.set_flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}

impl HttpIo {
    fn note_write(&self, wrote: &Poll<io::Result<usize>>) {
        match wrote {
            Poll::Ready(Ok(0)) => {}
            Poll::Ready(Ok(_)) => self.activity.wrote(),
            Poll::Ready(Err(error)) => self.note_error(error),
            Poll::Pending => self.activity.set_blocked(),
        }
    }

    /// The stall time is the kernel's too (`TCP_USER_TIMEOUT`), and it may be the first to see it over.
    fn note_error(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::TimedOut {
            self.activity.set_timed_out();
        }
    }
}
