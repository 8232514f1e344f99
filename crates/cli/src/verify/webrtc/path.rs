//! Our own stretch of the path: everything between our stack and the server's goes through sockets of ours, which see which
//! way is taken, and lose and hold what the [`gate`](super::gate) says.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{net::UdpSocket, sync::watch, task::AbortHandle};

use super::{
    gate::{Fate, Gate, Stage, is_dtls},
    sdp::{self, Candidate},
};

/// The largest datagram.
const DATAGRAM_BYTES: usize = 65_536;
/// Ways that are carried; of more only the first.
const MOST_LEGS: usize = 8;

/// The sockets, and what goes through them.
#[derive(Debug)]
pub(super) struct Path {
    shared: Arc<Shared>,
    stage: watch::Receiver<Stage>,
    tasks: Vec<AbortHandle>,
}

#[derive(Debug)]
struct Shared {
    legs: Vec<Leg>,
    gate: Mutex<Gate<usize>>,
    stage: watch::Sender<Stage>,
}

/// One way to the server: a socket that stands for it, and one that speaks to it.
#[derive(Debug)]
struct Leg {
    candidate: Candidate,
    far_address: SocketAddr,
    near: UdpSocket,
    far: UdpSocket,
    /// Our stack, once it has sent something.
    client: Mutex<Option<SocketAddr>>,
    sent: AtomicU64,
    answered: AtomicU64,
    secured: AtomicU64,
}

/// What went one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) candidate: Candidate,
    pub(super) ours: Option<SocketAddr>,
    pub(super) theirs: SocketAddr,
    /// Datagrams to the server.
    pub(super) sent: u64,
    /// Datagrams of ICE from it.
    pub(super) answered: u64,
    /// Datagrams of DTLS from it.
    pub(super) secured: u64,
}

impl Path {
    /// Stands for each address in `answer`, and gives the answer that names the stand-ins.
    pub(super) async fn open(answer: &str) -> io::Result<(Self, String)> {
        let mut legs: Vec<Leg> = Vec::new();
        for candidate in sdp::candidates(answer) {
            let Some(address) = candidate.udp() else { continue };
            let known = legs.iter().any(|leg| leg.far_address == address);
            // Without a way to its family the address is one that we do not reach.
            if !known
                && legs.len() < MOST_LEGS
                && let Ok(leg) = Leg::open(candidate, address).await
            {
                legs.push(leg);
            }
        }
        let instead: Vec<_> = legs
            .iter()
            .map(|leg| Ok((leg.far_address, leg.near.local_addr()?)))
            .collect::<io::Result<_>>()?;
        let rewritten = sdp::rewrite(answer, |address| {
            instead.iter().find(|(far, _)| *far == address).map(|(_, near)| *near)
        });
        let (sender, stage) = watch::channel(Stage::Open);
        let shared = Arc::new(Shared {
            legs,
            gate: Mutex::default(),
            stage: sender,
        });
        let tasks = (0..shared.legs.len())
            .map(|leg| tokio::spawn(Arc::clone(&shared).carry(leg)).abort_handle())
            .collect();
        Ok((Self { shared, stage, tasks }, rewritten))
    }

    /// What went which way.
    pub(super) fn traffic(&self) -> Vec<Traffic> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let legs = self.shared.legs.iter();
        legs.map(|leg| Traffic {
            candidate: leg.candidate.clone(),
            ours: leg.far.local_addr().ok(),
            theirs: leg.far_address,
            sent: count(&leg.sent),
            answered: count(&leg.answered),
            secured: count(&leg.secured),
        })
        .collect()
    }

    /// Loses the next message of at least so many bytes; see [`Gate`].
    pub(super) fn arm(&self, large_bytes: usize) {
        let mut gate = self.shared.gate();
        gate.arm(large_bytes);
        self.shared.stage.send_replace(gate.stage());
    }

    /// Lets go what has waited.
    pub(super) async fn release(&self) {
        let held = {
            let mut gate = self.shared.gate();
            let held = gate.release();
            self.shared.stage.send_replace(gate.stage());
            held
        };
        for (leg, datagram) in held {
            self.shared.legs[leg].to_client(&datagram).await;
        }
    }

    /// How far the loss has come, and news of it.
    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.clone()
    }

    /// Datagrams that were lost on purpose, and those that were lost because too many waited.
    pub(super) fn lost(&self) -> (u64, u64) {
        let gate = self.shared.gate();
        (gate.lost(), gate.overflowed())
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate<usize>> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one way, for as long as the path stands.
    async fn carry(self: Arc<Self>, number: usize) {
        let leg = &self.legs[number];
        let (mut out, mut back) = (vec![0; DATAGRAM_BYTES], vec![0; DATAGRAM_BYTES]);
        loop {
            // An error is an earlier datagram's that nobody took.
            tokio::select! {
                received = leg.near.recv_from(&mut out) => {
                    let Ok((length, client)) = received else { continue };
                    *leg.client() = Some(client);
                    leg.sent.fetch_add(1, Ordering::Relaxed);
                    let _ = leg.far.send(&out[..length]).await; // as lost as anywhere else on the way
                }
                received = leg.far.recv(&mut back) => {
                    let Ok(length) = received else { continue };
                    self.arrives(number, &back[..length]).await;
                }
            }
        }
    }

    async fn arrives(&self, number: usize, datagram: &[u8]) {
        let leg = &self.legs[number];
        let counter = if is_dtls(datagram) { &leg.secured } else { &leg.answered };
        counter.fetch_add(1, Ordering::Relaxed);
        let (fate, stage) = {
            let mut gate = self.gate();
            (gate.meets(number, datagram), gate.stage())
        };
        if fate == Fate::Passes {
            leg.to_client(datagram).await;
        }
        self.stage
            .send_if_modified(|known| std::mem::replace(known, stage) != stage);
    }
}

impl Leg {
    async fn open(candidate: Candidate, far_address: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = if far_address.is_ipv4() {
            ([0; 4], 0).into()
        } else {
            ([0_u16; 8], 0).into()
        };
        let far = UdpSocket::bind(any).await?;
        far.connect(far_address).await?;
        Ok(Self {
            candidate,
            far_address,
            near: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            far,
            client: Mutex::default(),
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            secured: AtomicU64::new(0),
        })
    }

    fn client(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn to_client(&self, datagram: &[u8]) {
        let client = *self.client();
        if let Some(client) = client {
            let _ = self.near.send_to(datagram, client).await; // as lost as anywhere else on the way
        }
    }
}
