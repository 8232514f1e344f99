//! What the stack is given in place of sockets of its own.
//!
//! webrtc binds a UDP socket for every peer connection and asks its runtime to make it asynchronous. Ours lets that
//! socket go and gives back a seat at the shared port. It also cures a delay of webrtc 0.21.1: what the stack writes in
//! answer to its own events (a DTLS hello, an SCTP init) leaves only when it next wakes, which without traffic is at the
//! next ICE timer. So while a connection opens, the sleep that follows a datagram is none: the stack looks once more.
//!
//! And it lets an idle connection rest. ICE wakes the stack five times a second whatever interval it is told
//! (`get_timeout_interval` takes 200 ms for the most), to no end once a pair is chosen; so where no SCTP has come or gone
//! for some time, hence no timer of SCTP is near, a sleep that nothing interrupts lasts at least [`REST`].

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime,
    Transmit,
};

use super::{
    early::Early,
    loss::is_dtls,
    path::Path,
    port::{Inbox, Local, only_looks},
};

/// Addresses that one peer may send to from one of ours: a browser has a handful of interfaces.
const MOST_REMOTES: usize = 16;

/// How long neither side has said anything in DTLS before a connection is idle. SCTP acknowledges within 200 ms, and what
/// it repeats later than this it waits longer for.
const IDLE: Duration = Duration::from_secs(5);
/// How often an idle connection's stack looks whether there is something to do; what arrives wakes it anyway.
const REST: Duration = Duration::from_secs(1);

/// What a peer's stack did, for those who own the peer.
#[derive(Debug)]
pub(super) struct Flow {
    /// The channels are open, so nothing needs a second look any more.
    open: AtomicBool,
    stirred: AtomicBool,
    sent_bytes: AtomicU64,
    heard: AtomicBool,
    begun: Instant,
    /// When DTLS last came or went, from `begun`.
    talked_ms: AtomicU64,
    path: Mutex<Path<Arc<Local>>>,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            open: AtomicBool::new(false),
            stirred: AtomicBool::new(false),
            sent_bytes: AtomicU64::new(0),
            heard: AtomicBool::new(false),
            begun: Instant::now(),
            talked_ms: AtomicU64::new(0),
            path: Mutex::new(Path::new(Instant::now())),
        }
    }

    /// Waits until no check has been answered for `patience`.
    pub(super) async fn silent(&self, patience: Duration) {
        loop {
            let silent = self.path().silent(Instant::now());
            if silent >= patience {
                return;
            }
            sleep(patience - silent).await;
        }
    }

    /// The address to which this peer is sent, once it has chosen one.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.path().remote()
    }

    fn path(&self) -> MutexGuard<'_, Path<Arc<Local>>> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opened(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Bytes that left, all headers below UDP's included.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }

    fn talks(&self) {
        self.talked_ms
            .store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        let talked = Duration::from_millis(self.talked_ms.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(talked) >= IDLE
    }

    /// Whether DTLS, and so SCTP, was heard since this was last asked.
    pub(super) fn heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }
}

/// The runtime of one peer connection.
#[derive(Debug)]
pub(super) struct PeerRuntime {
    pub(super) locals: Vec<Arc<Local>>,
    pub(super) ufrag: String,
    /// It is the client's, who begins the SCTP handshake.
    pub(super) dials: bool,
    pub(super) flow: Arc<Flow>,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for PeerRuntime {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let placeholder = socket.local_addr()?; // the stack knows the seat by it
        drop(socket);
        let local = self.locals.iter().find(|local| local.stand_in() == placeholder.ip());
        let local = local.ok_or_else(|| io::Error::other("the port has no such address"))?;
        let inbox = Arc::new(Inbox::default());
        local.enter(&self.ufrag, &inbox);
        Ok(Arc::new(Seat {
            local: Arc::clone(local),
            placeholder,
            inbox,
            ufrag: self.ufrag.clone(),
            early: self.dials.then(Mutex::default),
            flow: Arc::clone(&self.flow),
            remotes: Mutex::default(),
        }))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp(&self, remote: SocketAddr) -> Boxed<'_, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async move { TokioRuntime.connect_tcp(remote).await })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { TokioRuntime.resolve_host(host).await })
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        let stirred = self.flow.stirred.swap(false, Ordering::Relaxed);
        match self.flow.open.load(Ordering::Relaxed) {
            false if stirred => TokioRuntime.yield_now(),
            true if self.flow.is_idle() => TokioRuntime.sleep(duration.max(REST)),
            _ => TokioRuntime.sleep(duration),
        }
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        "wirelab port"
    }
}

/// A peer's place at one address of the port.
#[derive(Debug)]
struct Seat {
    local: Arc<Local>,
    placeholder: SocketAddr,
    inbox: Arc<Inbox>,
    ufrag: String,
    early: Option<Mutex<Early>>,
    flow: Arc<Flow>,
    remotes: Mutex<VecDeque<SocketAddr>>,
}

impl Seat {
    fn learn(&self, remote: SocketAddr) {
        let mut remotes = self.remotes.lock().unwrap_or_else(PoisonError::into_inner);
        if remotes.contains(&remote) {
            return;
        }
        if remotes.len() == MOST_REMOTES
            && let Some(oldest) = remotes.pop_front()
        {
            self.local.forget(&[oldest], &self.inbox);
        }
        remotes.push_back(remote);
        self.local.learn(remote, &self.inbox);
    }
}

impl AsyncUdpSocket for Seat {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.placeholder)
    }

    fn max_gso_segments(&self) -> usize {
        self.local.segments()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if is_dtls(transmit.contents) {
            self.flow.talks();
        }
        match self.flow.path().leaves(transmit.contents, Instant::now()) {
            // Its answer went there, so the address is learnt.
            Some((local, destination)) => local.send(
                cx,
                &Transmit {
                    destination,
                    ..*transmit
                },
            ),
            None => {
                self.learn(transmit.destination);
                self.local.send(cx, transmit);
            }
        }
        self.flow
            .sent_bytes
            .fetch_add(transmit.contents.len() as u64, Ordering::Relaxed);
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        // While it opens, the stack gets one datagram a turn: what comes in one turn with the end of the SCTP handshake
        // reaches a negotiated channel before webrtc 0.21.1 has made it, is acknowledged and lost.
        if only_looks(cx) && !self.flow.open.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let received = match &self.early {
            Some(early) => early
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .poll(&self.inbox, cx, bufs, meta),
            None => self.inbox.poll(cx, bufs, meta),
        };
        if let Poll::Ready(Ok(filled)) = received {
            self.flow.stirred.store(true, Ordering::Relaxed);
            for (buf, meta) in bufs.iter().zip(&*meta).take(filled) {
                let datagram = &buf[..meta.len];
                if is_dtls(datagram) {
                    self.flow.heard.store(true, Ordering::Relaxed);
                    self.flow.talks();
                } else {
                    self.flow.path().arrives(datagram, &self.local, meta.addr);
                }
            }
        }
        received
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let remotes = std::mem::take(&mut *self.remotes.lock().unwrap_or_else(PoisonError::into_inner));
        self.local.forget(&Vec::from(remotes), &self.inbox);
        self.local.leave(&self.ufrag);
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, task::Waker};

    use futures_util::task::noop_waker_ref;

    use super::{
        super::{counters::PortCounters, port::Port},
        *,
    };

    /// A seat and the inbox behind it.
    fn seat(flow: &Arc<Flow>) -> (Port, Seat) {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
        let placeholder = socket.local_addr().expect("it is bound");
        let port = Port::open(vec![socket], &PortCounters::default(), &Arc::default()).expect("it is good");
        let seat = Seat {
            local: Arc::clone(&port.locals[0]),
            placeholder,
            inbox: Arc::default(),
            ufrag: "ufrag".into(),
            early: None,
            flow: Arc::clone(flow),
            remotes: Mutex::default(),
        };
        (port, seat)
    }

    /// What the seat has for somebody with this waker.
    fn looks(seat: &Seat, waker: &Waker) -> Poll<usize> {
        let (mut buffer, mut meta) = ([0; 100], [RecvMeta::default()]);
        let received = seat.poll_recv(
            &mut Context::from_waker(waker),
            &mut [IoSliceMut::new(&mut buffer)],
            &mut meta,
        );
        received.map(|filled| filled.expect("an inbox does not fail"))
    }

    /// `noop_waker_ref` stands for the second `Waker::noop` of an optimized build: it has a table of its own.
    #[tokio::test]
    async fn while_it_opens_whoever_only_looks_gets_nothing() {
        let flow = Arc::new(Flow::new());
        let (_port, seat) = seat(&flow);
        for _ in 0..4 {
            assert!(seat.inbox.push(b"datagram", seat.placeholder));
        }
        let real = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        for looker in [noop_waker_ref(), Waker::noop()] {
            assert_eq!(looks(&seat, looker), Poll::Pending);
        }
        assert_eq!(looks(&seat, &real), Poll::Ready(1), "one a turn");
        flow.opened();
        for looker in [noop_waker_ref(), Waker::noop(), &real] {
            assert_eq!(looks(&seat, looker), Poll::Ready(1), "as many as there are");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_open_and_idle_connection_rests() {
        let flow = Arc::new(Flow::new());
        let (_port, seat) = seat(&flow);
        let runtime = PeerRuntime {
            locals: Vec::new(),
            ufrag: String::new(),
            dials: false,
            flow: Arc::clone(&flow),
        };
        let (ice, long) = (Duration::from_millis(200), Duration::from_secs(4));
        let takes = async |asked| {
            let start = Instant::now();
            runtime.sleep(asked).await;
            start.elapsed()
        };
        sleep(IDLE).await;
        assert_eq!(takes(ice).await, ice, "it is not open");
        flow.opened();
        assert_eq!((takes(ice).await, takes(long).await), (REST, long));

        let data = [23, 254, 253, 0];
        assert!(seat.inbox.push(&data, seat.placeholder));
        assert_eq!(looks(&seat, Waker::noop()), Poll::Ready(1));
        assert_eq!(takes(ice).await, ice, "something was heard");
        sleep(IDLE).await;
        let transmit = Transmit {
            destination: seat.placeholder,
            ecn: None,
            contents: &data,
            segment_size: None,
            src_ip: None,
        };
        let sent = seat.poll_send(&mut Context::from_waker(Waker::noop()), &transmit);
        assert!(matches!(sent, Poll::Ready(Ok(4))), "{sent:?}");
        assert_eq!(takes(ice).await, ice, "something was said");
    }
}
