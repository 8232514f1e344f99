//! One owned connection: what it reads, what it still has to write, how it catches up, how it leaves.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Buf as _, BytesMut};
use futures_util::task::AtomicWaker;
use tracing::Span;
use wirelab_model::TopicName;

use super::{
    Framing,
    pass::{Pass, Slice},
    state::{Member, State},
};
use crate::{Departure, counters::LaneCounters, feed::Subscription, socket::Socket};

/// Answers waiting above this stop the reading, so that a peer that only writes is held back by TCP.
const ANSWERS_BYTES: usize = 64 * 1024;
/// Reads, or pieces written, before other tasks of the same thread may run.
const TURNS: usize = 16;
/// How long a departed connection's last bytes have to arrive before the socket is closed hard.
const LINGER: Duration = Duration::from_secs(2);

thread_local! {
    /// Every connection of a thread reads into the same buffer; only what is unfinished is kept apart.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; 16 * 1024].into());
}

/// A connection that the engine owns.
pub(crate) struct Connection {
    id: u64,
    opened: Instant,
    socket: Socket,
    counters: LaneCounters,
    waker: AtomicWaker,
    wheel_key: AtomicU32,
    /// Something was heard since the wheel last came by.
    heard: AtomicBool,
    state: Mutex<State>,
}

impl Connection {
    pub(super) fn new(id: u64, socket: Socket, counters: LaneCounters, greeting: &[u8]) -> Self {
        Self {
            id,
            opened: Instant::now(),
            socket,
            counters,
            waker: AtomicWaker::new(),
            wheel_key: AtomicU32::new(u32::MAX),
            heard: AtomicBool::new(true),
            state: Mutex::new(State::new(greeting)),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    pub(super) fn wheel_key(&self) -> usize {
        self.wheel_key.load(Ordering::Relaxed) as usize
    }

    pub(super) fn set_wheel_key(&self, key: usize) {
        // Keys are dense and connections are bounded far below 2³².
        self.wheel_key
            .store(u32::try_from(key).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// The connection's span. Made for each event instead of kept: a kept one costs more memory than the connection.
    pub(super) fn span(&self, framing: &Framing) -> Span {
        let visitor = self.socket.visitor().map(tracing::field::display); // behind a proxy the peer is the proxy
        tracing::info_span!("connection", id = self.id, lane = framing.transport.id(), peer = %self.socket.peer(), visitor)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds bytes to be written after what already waits.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.leaving.is_none() {
            state.outbox.extend_from_slice(bytes);
            drop(state);
            self.waker.wake();
        }
    }

    /// The address at the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.socket.peer()
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.state().outbox.len()
    }

    /// Leaves once what waits, and `farewell` after it, is written. The first reason stands.
    pub(crate) fn depart(&self, departure: Departure, farewell: &[u8]) {
        let mut state = self.state();
        if state.leaving.is_none() {
            state.leaving = Some(departure);
            state.stalled = 0;
            state.outbox.extend_from_slice(farewell);
            drop(state);
            self.waker.wake();
        }
    }

    /// Counts a message that the peer sent.
    pub(crate) fn count_received(&self) {
        self.counters.received();
    }

    /// Whether it is on its way out, so that nothing more of what it sends counts.
    pub(crate) fn leaving(&self) -> bool {
        self.state().leaving.is_some()
    }

    /// The topics it reads.
    pub(crate) fn topics(&self) -> usize {
        self.state().members.len()
    }

    /// Whether it reads `topic`.
    pub(crate) fn reads(&self, topic: &TopicName) -> bool {
        self.state()
            .members
            .iter()
            .any(|member| member.subscription.topic().name() == topic)
    }

    pub(super) fn add(&self, subscription: Subscription, pass: Arc<Pass>, key: usize) {
        let members = &mut self.state().members;
        members.reserve_exact(1); // most connections read one topic, and there are many connections
        members.push(Member {
            subscription,
            pass,
            key,
        });
        self.waker.wake(); // it may have something to catch up with
    }

    pub(super) fn remove(&self, topic: &TopicName) -> Option<Member> {
        let mut state = self.state();
        let index = state
            .members
            .iter()
            .position(|member| member.subscription.topic().name() == topic)?;
        Some(state.members.remove(index))
    }

    pub(super) fn remove_all(&self) -> Vec<Member> {
        std::mem::take(&mut self.state().members)
    }

    /// A pass offers its slice. Returns how many messages the connection took.
    pub(super) fn offer(&self, pass: &Arc<Pass>, slice: &Slice, framing: &Framing) -> u64 {
        let mut state = self.state();
        let state = &mut *state;
        let own_ids = framing.ids && state.members.len() > 1; // only the connection itself can write them
        let Some(member) = state.members.iter_mut().find(|member| Arc::ptr_eq(&member.pass, pass)) else {
            return 0;
        };
        let in_step = member.subscription.next() == slice.offsets.start && state.outbox.is_empty();
        if !in_step || own_ids || state.blocked || state.leaving.is_some() {
            if state.blocked && state.leaving.is_none() && member.subscription.fell_behind() {
                // It will not be told before it reads again; the wheel sees to it that this is not for ever.
                state.leave(Departure::Slow, framing);
            }
            if !state.blocked {
                self.waker.wake();
            }
            return 0;
        }
        let written = match self.socket.try_write(&slice.bytes) {
            Ok(written) => written,
            Err(error) => {
                state.break_off(&error);
                self.waker.wake();
                return 0;
            }
        };
        self.counters.wrote(written);
        let (next, rest) = slice.cut(written);
        let taken = next - member.subscription.next();
        member.subscription.advance(next);
        if written < slice.bytes.len() {
            state.outbox.extend_from_slice(rest);
            state.blocked = true;
            self.waker.wake();
        }
        taken
    }

    /// The wheel comes by, once a heartbeat.
    pub(super) fn visit(&self, framing: &Framing, most_stalled: u16) {
        let mut state = self.state();
        let state = &mut *state;
        let heard = self.heard.swap(false, Ordering::Relaxed);
        state.silent = if heard { 0 } else { state.silent.saturating_add(1) };
        if state.blocked || state.leaving.is_some() {
            state.stalled = state.stalled.saturating_add(1);
            let most = if state.leaving.is_some() { 1 } else { most_stalled };
            if state.stalled > most {
                state.leaving.get_or_insert(Departure::Stalled);
                state.broken = true;
            }
            self.waker.wake();
            return;
        }
        if framing.answered && state.silent >= 2 {
            state.leave(Departure::Silent, framing);
            self.waker.wake();
        } else if state.outbox.is_empty() {
            match self.socket.try_write(framing.heartbeat) {
                Ok(written) => {
                    self.counters.heartbeat();
                    self.counters.wrote(written);
                    if written < framing.heartbeat.len() {
                        state.outbox.extend_from_slice(&framing.heartbeat[written..]);
                        self.waker.wake();
                    }
                }
                Err(error) => {
                    state.break_off(&error);
                    self.waker.wake();
                }
            }
        }
    }

    /// Reads and writes until the connection departs.
    pub(super) fn poll_drive(
        &self,
        cx: &mut Context<'_>,
        framing: &Framing,
        mut received: impl FnMut(&[u8]),
    ) -> Poll<Departure> {
        self.waker.register(cx.waker());
        let mut departed = self.poll_write(cx, framing);
        for _ in 0..TURNS {
            if departed.is_ready() || self.held_back() {
                return departed;
            }
            match self.poll_read(cx, &mut received) {
                Poll::Ready(Some(departure)) => return Poll::Ready(departure),
                Poll::Ready(None) => departed = self.poll_write(cx, framing),
                Poll::Pending => return Poll::Pending,
            }
        }
        if departed.is_pending() && !self.held_back() {
            cx.waker().wake_by_ref(); // others of this thread may run in between
        }
        departed
    }

    /// Hands on what the peer sent. `Some` when it is gone.
    fn poll_read(&self, cx: &mut Context<'_>, received: &mut impl FnMut(&[u8])) -> Poll<Option<Departure>> {
        READ_BUFFER.with_borrow_mut(|buffer| match self.socket.poll_read(cx, buffer) {
            Poll::Ready(Ok(0)) => Poll::Ready(Some(self.state().leaving.unwrap_or(Departure::Gone))),
            Poll::Ready(Err(error)) => {
                let mut state = self.state();
                state.break_off(&error);
                Poll::Ready(Some(state.leaving.unwrap_or(Departure::Gone)))
            }
            Poll::Ready(Ok(n)) => {
                self.heard.store(true, Ordering::Relaxed);
                if !self.leaving() {
                    received(&buffer[..n]);
                }
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        })
    }

    fn held_back(&self) -> bool {
        self.state().outbox.len() > ANSWERS_BYTES
    }

    /// Writes what waits, then what the cursors have not seen. Ready when the connection has departed.
    fn poll_write(&self, cx: &mut Context<'_>, framing: &Framing) -> Poll<Departure> {
        let mut state = self.state();
        for _ in 0..TURNS {
            if state.broken {
                return Poll::Ready(state.leaving.unwrap_or(Departure::Gone));
            }
            if state.outbox.is_empty() {
                if let Some(departure) = state.leaving {
                    return Poll::Ready(departure);
                }
                if state.in_step() {
                    state.blocked = false;
                    if let Poll::Ready(Err(error)) = self.socket.poll_flush(cx) {
                        state.break_off(&error);
                        continue;
                    }
                    return Poll::Pending;
                }
            }
            match self.socket.poll_writable(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    state.break_off(&error);
                    continue;
                }
                Poll::Pending => {
                    state.blocked = true;
                    return Poll::Pending;
                }
            }
            if state.outbox.is_empty() {
                state.catch_up(framing, &self.counters);
            }
            match self.flush(&mut state) {
                Ok(()) => {}
                Err(error) => state.break_off(&error),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes as much of what waits as the socket takes.
    fn flush(&self, state: &mut State) -> io::Result<()> {
        while !state.outbox.is_empty() {
            let written = self.socket.try_write(&state.outbox)?;
            if written == 0 {
                return Ok(());
            }
            self.counters.wrote(written);
            state.stalled = 0;
            state.outbox.advance(written);
        }
        state.outbox = BytesMut::new(); // an idle connection holds no buffer
        Ok(())
    }

    /// Lets the last bytes arrive: a socket closed with unread input would reset the connection and take them along.
    pub(super) async fn linger(&self) {
        let end = async {
            if poll_fn(|cx| self.socket.poll_finish(cx)).await.is_ok() {
                while poll_fn(|cx| self.poll_read(cx, &mut |_| {})).await.is_none() {}
            }
        };
        let _ = tokio::time::timeout(LINGER, end).await;
    }
}
