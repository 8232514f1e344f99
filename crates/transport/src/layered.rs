//! A byte stream that another one carries: TLS, or one stream of an HTTP/2 connection.
//!
//! The engine asks a socket three things from two places: a pass, on any thread, writes what fits now; the connection's
//! own task waits until something fits again, and reads. A TCP socket answers all of them by itself. What is carried has
//! one owner at a time and answers only to a waker, so it stands behind a lock here, with the waker of the connection's
//! task: whoever writes and finds no room leaves word for that task, which passes on what waits.

use std::{
    fmt, io,
    pin::{Pin, pin},
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};

/// Most bytes that are handed over at once, and so most that wait here: one TLS record.
const PIECE_BYTES: usize = 16 * 1024;

/// What can be carried.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A carried stream with a TCP socket's face.
pub(crate) struct Layered<S: ?Sized = dyn Stream>(Mutex<Inner<S>>);

struct Inner<S: ?Sized> {
    /// Of the connection's task.
    task: Waker,
    /// A piece that was taken and that the stream has not taken yet: while there is one, the socket is full.
    waiting: BytesMut,
    stream: S,
}

impl<S: Stream> Layered<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(Mutex::new(Inner {
            task: Waker::noop().clone(), // until the task comes by for the first time
            waiting: BytesMut::new(),
            stream,
        }))
    }
}

impl Layered {
    fn inner(&self) -> MutexGuard<'_, Inner<dyn Stream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream itself, for the time that HTTP has it.
    pub(crate) fn stream(&mut self) -> Pin<&mut dyn Stream> {
        Pin::new(&mut self.0.get_mut().unwrap_or_else(PoisonError::into_inner).stream)
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.inner().stream).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Ready when all that was taken is on its way and more can be. Only for the connection's task.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner();
        if !inner.task.will_wake(cx.waker()) {
            inner.task = cx.waker().clone();
        }
        inner.poll_flush(cx)
    }

    /// Takes what fits now.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner();
        let task = inner.task.clone();
        let cx = &mut Context::from_waker(&task);
        let mut taken = 0;
        while taken < bytes.len() && inner.poll_flush(cx)?.is_ready() {
            let piece = &bytes[taken..bytes.len().min(taken + PIECE_BYTES)];
            match inner.poll_write(cx, piece) {
                Poll::Ready(written) => taken += written?,
                Poll::Pending => {
                    inner.waiting.extend_from_slice(piece);
                    taken += piece.len();
                }
            }
        }
        // What the stream keeps for itself goes too, or the task is told when it can.
        let _ = inner.poll_flush(cx)?;
        Ok(taken)
    }

    /// Says that nothing more will be written; ready once that, and everything before it, is on its way.
    pub(crate) fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.inner().stream).poll_shutdown(cx)
    }
}

impl Inner<dyn Stream> {
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            let written = self.poll_write(cx, &waiting);
            self.waiting = waiting;
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.waiting.advance(n),
            }
        }
        self.waiting = BytesMut::new(); // an idle connection holds no buffer
        unbudgeted(cx, |cx| Pin::new(&mut self.stream).poll_flush(cx))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        unbudgeted(cx, |cx| Pin::new(&mut self.stream).poll_write(cx, bytes))
    }
}

/// tokio lets one task do so much before others may, and a pass writes to a thousand sockets from one task: to these it
/// would look as if they were full. Passes yield by themselves.
fn unbudgeted<T>(cx: &mut Context<'_>, poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    pin!(coop::unconstrained(std::future::poll_fn(poll))).poll(cx)
}

impl fmt::Debug for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layered")
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Wake};

    use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

    use super::*;

    fn pair(room: usize) -> (Box<Layered>, DuplexStream) {
        let (near, far) = duplex(room);
        (Box::new(Layered::new(near)), far)
    }

    /// Counts how often the connection's task is woken.
    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicUsize);

    impl Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_waits_here_one_piece_of_it_and_the_rest_is_not_taken() {
        let (layered, mut far) = pair(1000);
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let taken = layered.try_write(&bytes).expect("it is open");
        assert_eq!(taken, 1000 + PIECE_BYTES, "what the stream had room for, and a piece");
        assert_eq!(layered.try_write(&bytes[taken..]).expect("it is open"), 0, "it is full");

        let (flushed, mut got) = (poll_fn(|cx| layered.poll_flush(cx)), vec![0; taken]);
        let (flushed, read) = tokio::join!(flushed, far.read_exact(&mut got));
        flushed.and(read.map(drop)).expect("it is open");
        assert_eq!(got, &bytes[..taken], "nothing twice, nothing torn");
        assert_eq!(layered.inner().waiting.capacity(), 0, "an idle stream holds no buffer");
        assert!(layered.try_write(&bytes[taken..]).expect("it is open") > 0);
    }

    #[tokio::test]
    async fn whoever_finds_no_room_leaves_word_for_the_connections_task() {
        let (layered, mut far) = pair(10);
        let woken = std::sync::Arc::new(Woken::default());
        let waker = Waker::from(std::sync::Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        assert!(layered.poll_flush(&mut cx).is_ready(), "the task came by");
        layered.try_write(&[7; 100]).expect("a pass writes");
        let before = woken.0.load(std::sync::atomic::Ordering::Relaxed);
        far.read_exact(&mut [0; 10]).await.expect("ten bytes");
        assert!(
            woken.0.load(std::sync::atomic::Ordering::Relaxed) > before,
            "the task is told of room"
        );
    }

    #[tokio::test]
    async fn a_pass_over_many_streams_does_not_run_out_of_turns() {
        let streams: Vec<_> = (0..1000).map(|_| pair(100)).collect();
        for (layered, _far) in &streams {
            assert_eq!(layered.try_write(b"a message").expect("it is open"), 9);
            assert!(layered.inner().waiting.is_empty(), "the stream has it");
        }
    }

    #[tokio::test]
    async fn finishing_sends_what_waits_and_then_the_end() {
        let (layered, mut far) = pair(10);
        assert_eq!(layered.try_write(&[7; 100]).expect("it is open"), 100);
        let mut got = Vec::new();
        let finish = poll_fn(|cx| layered.poll_finish(cx));
        let (finished, read) = tokio::join!(finish, far.read_to_end(&mut got));
        finished.and(read.map(drop)).expect("it is open");
        assert_eq!(got, [7; 100]);
        let mut rest = [0; 1];
        drop(far);
        assert_eq!(
            poll_fn(|cx| layered.poll_read(cx, &mut rest)).await.expect("the end"),
            0
        );
    }
}
