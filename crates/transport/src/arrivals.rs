//! What a measuring client sees, and when: stamped at the first line of code that sees the bytes, before decoding.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wirelab_model::{Micros, frame::Received};

use crate::clock::Clock;

/// A frame that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The frame.
    pub frame: Received,
    /// The `id` that came with it, on the lane that has one.
    pub id: Option<String>,
    /// When its last bytes were read from the socket.
    pub received_us: Micros,
    /// The size of its JSON.
    pub bytes: usize,
}

/// When bytes were last read from a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastRead(Arc<AtomicU64>);

impl LastRead {
    pub(crate) fn get(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }
}

/// A stream that notes when it was read.
#[derive(Debug)]
pub(crate) struct Stamped<S> {
    inner: S,
    clock: Clock,
    last: LastRead,
}

impl<S> Stamped<S> {
    pub(crate) fn new(inner: S, clock: Clock) -> (Self, LastRead) {
        let last = LastRead::default();
        (
            Self {
                inner,
                clock,
                last: last.clone(),
            },
            last,
        )
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.last.0.store(self.clock.now_us().0, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
