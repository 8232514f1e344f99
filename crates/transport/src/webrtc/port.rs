//! The UDP port that all peers share, and who gets what arrives on it.
//!
//! A binding request goes to the peer that its `USERNAME` names; everything else goes by the address it comes from.
//! An address is learnt when a peer first *sends* to it, never from what arrives, so that nobody can take a route with a
//! datagram: the stack answers only checks that prove the password. What is nobody's is counted and forgotten.
//!
//! A peer's inbox is bounded, and a datagram that the kernel does not take at once is dropped, as a full queue in a
//! network would: a tokio socket keeps one waker for all its senders, so no peer may ever wait on it.

use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use socket2::SockRef;
use tokio::task::AbortHandle;
use tracing::{info, warn};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Runtime as _, TokioRuntime, Transmit};

use super::{counters::PortCounters, loss::Loss, stun};

/// Asked of the kernel for each direction. With Linux' usual 208 KiB a burst overflows the buffer and SCTP waits a
/// second for what was lost (9 MB/s instead of 96 on loopback).
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Datagrams that may wait for one peer: more than a whole receive window of small ones is not going to be read in time.
const INBOX_DATAGRAMS: usize = 1024;
/// Messages of one receive call. Each buffer holds a burst that the kernel has joined.
const RECEIVE_MESSAGES: usize = 8;
/// Ethernet's.
const DATAGRAM_BYTES: usize = 1500;
/// The stack joins up to 65,535 bytes in one send, above what an IPv4 datagram may carry; 32 segments stay below.
const MOST_SEGMENTS: usize = 32;
/// How long a port waits after an error that is not one datagram's.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// One address of the port.
#[derive(Debug)]
pub(super) struct Local {
    address: SocketAddr,
    /// The address by which a stack knows it; see [`stand_in`].
    stand_in: IpAddr,
    io: Arc<dyn AsyncUdpSocket>,
    routes: Mutex<Routes>,
    counters: PortCounters,
    loss: Arc<Loss>,
}

#[derive(Debug, Default)]
struct Routes {
    by_ufrag: HashMap<String, Arc<Inbox>>,
    by_address: HashMap<SocketAddr, Arc<Inbox>>,
}

/// What has arrived for one peer on one address.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queue: Mutex<VecDeque<(Box<[u8]>, SocketAddr)>>,
    waker: AtomicWaker,
}

/// The port: its addresses, each with a task that receives.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) locals: Vec<Arc<Local>>,
    receiving: Vec<AbortHandle>,
}

impl Port {
    /// Takes bound sockets. Must be called within a tokio runtime.
    pub(super) fn open(sockets: Vec<UdpSocket>, counters: &PortCounters, loss: &Arc<Loss>) -> io::Result<Self> {
        let open = |(socket, number)| Local::open(socket, number, counters.clone(), Arc::clone(loss));
        let locals = sockets.into_iter().zip(1..).map(open).collect::<io::Result<Vec<_>>>()?;
        let receiving = locals
            .iter()
            .map(|local| tokio::spawn(receive(Arc::clone(local))).abort_handle())
            .collect();
        Ok(Self { locals, receiving })
    }

    /// The bound addresses.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.locals.iter().map(|local| local.address)
    }

    /// Routes that are held, by ufrag and by address.
    pub(super) fn routes(&self) -> (usize, usize) {
        self.locals.iter().fold((0, 0), |(ufrags, addresses), local| {
            let routes = local.routes();
            (ufrags + routes.by_ufrag.len(), addresses + routes.by_address.len())
        })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        for task in &self.receiving {
            task.abort();
        }
    }
}

/// An address that a stack can bind, to tell the sockets of a port apart: their own, or one of loopback for a socket that
/// was made in another network namespace, whose address this process does not have.
fn stand_in(own: IpAddr, number: u8) -> IpAddr {
    match UdpSocket::bind((own, 0)) {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ipv4Addr::new(127, 0, 1, number).into(),
        _ => own,
    }
}

impl Local {
    fn open(socket: UdpSocket, number: u8, counters: PortCounters, loss: Arc<Loss>) -> io::Result<Arc<Self>> {
        let (address, sized) = (socket.local_addr()?, SockRef::from(&socket));
        socket.set_nonblocking(true)?;
        // The kernel grants what its limits allow and says nothing.
        let _ = sized.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = sized.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        let (received, sent) = (granted(sized.recv_buffer_size()?), granted(sized.send_buffer_size()?));
        if received.min(sent) < SOCKET_BUFFER_BYTES {
            warn!(
                %address,
                receive_bytes = received,
                send_bytes = sent,
                wanted_bytes = SOCKET_BUFFER_BYTES,
                "the kernel grants this UDP socket small buffers, so bursts may be lost: raise net.core.rmem_max and net.core.wmem_max"
            );
        } else {
            info!(%address, receive_bytes = received, send_bytes = sent, "UDP socket");
        }
        Ok(Arc::new(Self {
            address,
            stand_in: stand_in(address.ip(), number),
            io: TokioRuntime.wrap_udp_socket(socket)?,
            routes: Mutex::default(),
            counters,
            loss,
        }))
    }

    pub(super) fn stand_in(&self) -> IpAddr {
        self.stand_in
    }

    pub(super) fn segments(&self) -> usize {
        self.io.max_gso_segments().min(MOST_SEGMENTS)
    }

    /// From now on requests for `ufrag` go to `inbox`.
    pub(super) fn enter(&self, ufrag: &str, inbox: &Arc<Inbox>) {
        self.routes().by_ufrag.insert(ufrag.to_owned(), Arc::clone(inbox));
    }

    /// From now on what comes from `remote` goes to `inbox`.
    pub(super) fn learn(&self, remote: SocketAddr, inbox: &Arc<Inbox>) {
        self.routes().by_address.insert(remote, Arc::clone(inbox));
    }

    /// Forgets addresses of `inbox`, unless another peer has them by now.
    pub(super) fn forget(&self, remotes: &[SocketAddr], inbox: &Arc<Inbox>) {
        let mut routes = self.routes();
        for remote in remotes {
            if routes
                .by_address
                .get(remote)
                .is_some_and(|known| Arc::ptr_eq(known, inbox))
            {
                routes.by_address.remove(remote);
            }
        }
    }

    pub(super) fn leave(&self, ufrag: &str) {
        self.routes().by_ufrag.remove(ufrag);
    }

    /// Sends now or never.
    pub(super) fn send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) {
        if self.loss.is_off() {
            self.transmit(cx, transmit);
            return;
        }
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for datagram in transmit.contents.chunks(size) {
            if !self.loss.takes(datagram) {
                let contents = datagram;
                self.transmit(
                    cx,
                    &Transmit {
                        contents,
                        segment_size: None,
                        ..*transmit
                    },
                );
            }
        }
    }

    fn transmit(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) {
        match self.io.poll_send(cx, transmit) {
            Poll::Ready(Ok(_)) => {
                let datagrams = transmit
                    .segment_size
                    .map_or(1, |size| transmit.contents.len().div_ceil(size.max(1)));
                self.counters.sent(datagrams as u64);
            }
            Poll::Ready(Err(_)) => self.counters.dropped("send"),
            Poll::Pending => self.counters.dropped("socket-full"),
        }
    }

    /// Whose datagram it is.
    fn route(&self, datagram: &[u8], from: SocketAddr) -> Option<Arc<Inbox>> {
        let routes = self.routes();
        match stun::local_ufrag(datagram) {
            Some(ufrag) => routes.by_ufrag.get(ufrag),
            None => routes.by_address.get(&from),
        }
        .cloned()
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// Says whether there was room.
    pub(super) fn push(&self, datagram: &[u8], from: SocketAddr) -> bool {
        let mut queue = self.queue();
        let room = queue.len() < INBOX_DATAGRAMS;
        if room {
            queue.push_back((datagram.into(), from));
        }
        room
    }

    /// Fills buffers with what waits.
    pub(super) fn poll(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        // That must not take the place of whom to wake.
        if !only_looks(cx) {
            self.waker.register(cx.waker());
        }
        let (mut queue, mut filled) = (self.queue(), 0);
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            let Some((datagram, from)) = queue.pop_front() else {
                break;
            };
            fill(buf, meta, &datagram, from);
            filled += 1;
        }
        match filled {
            0 => Poll::Pending,
            _ => Poll::Ready(Ok(filled)),
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(Box<[u8]>, SocketAddr)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a datagram to who receives.
pub(super) fn fill(buf: &mut [u8], meta: &mut RecvMeta, datagram: &[u8], from: SocketAddr) {
    let len = datagram.len().min(buf.len());
    buf[..len].copy_from_slice(&datagram[..len]);
    *meta = RecvMeta::default();
    (meta.addr, meta.len, meta.stride) = (from, len, len.max(1));
}

/// Whether the stack looks without wanting to be woken, as it does for what else has arrived: then its waker is
/// [`Waker::noop`](std::task::Waker::noop), which carries nothing. `will_wake` must not be asked: it compares the addresses
/// of two tables, and an optimized build gives each crate a copy of the table of its own.
pub(super) fn only_looks(cx: &Context<'_>) -> bool {
    cx.waker().data().is_null()
}

/// Receives for as long as it is polled.
async fn receive(local: Arc<Local>) {
    let segments = local.io.max_gro_segments().max(1);
    let mut buffers = vec![vec![0; segments * DATAGRAM_BYTES]; RECEIVE_MESSAGES];
    let mut metas = [RecvMeta::default(); RECEIVE_MESSAGES];
    let mut woken: Vec<Arc<Inbox>> = Vec::new();
    loop {
        let received = poll_fn(|cx| {
            let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            local.io.poll_recv(cx, &mut slices, &mut metas)
        });
        let received = match received.await {
            Ok(received) => received,
            // An ICMP message about something that was sent; it says nothing about the socket.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
                ) =>
            {
                continue;
            }
            Err(error) => {
                warn!(address = %local.address, %error, "the UDP socket does not receive");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
        };
        for (buffer, meta) in buffers.iter().zip(&metas).take(received) {
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                local.counters.received();
                let Some(inbox) = local.route(datagram, meta.addr) else {
                    local.counters.unrouted(datagram);
                    continue;
                };
                if !inbox.push(datagram, meta.addr) {
                    local.counters.dropped("inbox-full");
                } else if !woken.iter().any(|known| Arc::ptr_eq(known, &inbox)) {
                    woken.push(inbox);
                }
            }
        }
        for inbox in woken.drain(..) {
            inbox.waker.wake();
        }
    }
}

/// What `SO_RCVBUF` and `SO_SNDBUF` stand for: Linux gives back twice what it grants (socket(7)).
fn granted(answer: usize) -> usize {
    if cfg!(target_os = "linux") { answer / 2 } else { answer }
}
