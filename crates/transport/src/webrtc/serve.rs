//! The serving half: the port, the places on it, and an answer for each offer.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rtc::peer_connection::certificate::RTCCertificate;
use thiserror::Error;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;
use webrtc::peer_connection::RTCSessionDescription;
use wirelab_model::frame::ErrorCode;

use super::{
    counters::PortCounters,
    loss::Loss,
    peer::{Hello, Peer},
    port::Port,
    sdp,
    stack::{Patience, Stack, Wanted, certificate},
};
use crate::{
    admission::{Admission, Refused},
    commands::Commands,
    counters::LaneCounters,
    feed::Feed,
};

/// How long the stack may take for an answer. It asks nobody, so more says that the machine is overwhelmed.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// How the room behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The server's version, for `hello`.
    pub version: &'static str,
    /// Topics of one connection.
    pub topics_per_connection: usize,
    /// Peers in all: each costs a few milliseconds of CPU and some 270 KiB.
    pub peers: usize,
    /// Peers of one address; loopback does not count.
    pub peers_per_address: usize,
    /// How long a peer may take to open its channels.
    pub opening: Duration,
    /// How long no connectivity check has to come from a peer before it is gone. Browsers check every 2 to 6 s
    /// (RFC 7675, section 5.1).
    pub silent: Duration,
    /// The beat of ICE's own life signs.
    pub keep_alive: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "",
            topics_per_connection: 16,
            peers: 1_000,
            peers_per_address: 32,
            opening: Duration::from_secs(30),
            silent: Duration::from_secs(30),
            keep_alive: Duration::from_secs(2),
        }
    }
}

/// Who makes an offer.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// Where the offer came from; not known behind a forwarder of ours.
    pub from: Option<IpAddr>,
    /// Whether this visitor may publish.
    pub may_publish: bool,
}

/// Why an offer was not answered.
#[derive(Debug, Error)]
pub enum OfferError {
    /// No place is free.
    #[error(transparent)]
    Full(#[from] Refused),
    /// The server is going.
    #[error("the server is going away, connect again")]
    Draining,
    /// The offer is no session description that can be answered.
    #[error("the offer cannot be answered: {0}")]
    Offer(String),
    /// The server has no UDP port.
    #[error("this server has no UDP port, so it takes no data channels")]
    Closed,
    /// The stack did not come to an answer.
    #[error("no answer could be made in time; try again")]
    Late,
}

impl OfferError {
    /// What it is called on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Full(_) => ErrorCode::Limit,
            Self::Offer(_) => ErrorCode::BadField,
            Self::Draining | Self::Late | Self::Closed => ErrorCode::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Full(Refused::Full) => "full",
            Self::Full(Refused::AddressFull) => "address-full",
            Self::Draining => "draining",
            Self::Offer(_) => "bad-offer",
            Self::Late => "late",
            Self::Closed => "closed",
        }
    }
}

/// The room. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Room {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    feed: Feed,
    settings: Settings,
    counters: LaneCounters,
    port_counters: PortCounters,
    port: Port,
    announced: Vec<SocketAddr>,
    admission: Arc<Admission>,
    certificate: RTCCertificate,
    loss: Arc<Loss>,
    tasks: TaskTracker,
    drained: CancellationToken,
    next_id: Arc<AtomicU64>,
}

impl Room {
    /// Opens the room on bound UDP sockets, each on an address of its own and all on one port. Peers are told the
    /// addresses in `announced`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A socket cannot be used.
    pub fn start(
        feed: Feed,
        settings: Settings,
        (counters, port_counters): (LaneCounters, PortCounters),
        sockets: Vec<UdpSocket>,
        announced: Vec<SocketAddr>,
        tasks: TaskTracker,
    ) -> io::Result<Self> {
        let loss = Arc::new(Loss::default());
        let port = Port::open(sockets, &port_counters, &loss)?;
        let shared = Shared {
            feed,
            settings,
            counters,
            port_counters,
            port,
            announced,
            admission: Admission::new(settings.peers, settings.peers_per_address),
            certificate: certificate().map_err(|error| io::Error::other(error.to_string()))?,
            loss,
            tasks,
            drained: CancellationToken::new(),
            next_id: Arc::new(AtomicU64::new(1)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A further port of the same room: the same places, counters and end. Who was answered at one port is not reached
    /// at another, so that a way in that is slow on purpose cannot be gone round.
    ///
    /// # Errors
    /// A socket cannot be used.
    pub fn another(&self, sockets: Vec<UdpSocket>, announced: Vec<SocketAddr>) -> io::Result<Self> {
        let first = &*self.shared;
        let shared = Shared {
            feed: first.feed.clone(),
            settings: first.settings,
            counters: first.counters.clone(),
            port_counters: first.port_counters.clone(),
            port: Port::open(sockets, &first.port_counters, &first.loss)?,
            announced,
            admission: Arc::clone(&first.admission),
            certificate: first.certificate.clone(),
            loss: Arc::clone(&first.loss),
            tasks: first.tasks.clone(),
            drained: first.drained.clone(),
            next_id: Arc::clone(&first.next_id),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What the lane counts.
    #[must_use]
    pub fn counters(&self) -> &LaneCounters {
        &self.shared.counters
    }

    /// What the port counts.
    #[must_use]
    pub fn port_counters(&self) -> &PortCounters {
        &self.shared.port_counters
    }

    /// Whether there is a port for peers.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.shared.port.locals.is_empty()
    }

    /// The addresses that peers are told.
    #[must_use]
    pub fn announced(&self) -> &[SocketAddr] {
        &self.shared.announced
    }

    /// The beat that `hello` tells.
    #[must_use]
    pub fn heartbeat(&self) -> Duration {
        self.shared.settings.keep_alive
    }

    /// Routes that the port holds, by ufrag and by address.
    #[must_use]
    pub fn routes(&self) -> (usize, usize) {
        self.shared.port.routes()
    }

    /// A test's way to lose what leaves the port.
    #[must_use]
    pub fn loss(&self) -> &Loss {
        &self.shared.loss
    }

    /// Answers an offer. The peer is held from then on, until it closes, vanishes or never connects.
    ///
    /// # Errors
    /// No place is free, or the offer cannot be answered.
    pub async fn answer(&self, visit: Visit, offer: &str) -> Result<String, OfferError> {
        let answered = self.try_answer(visit, offer).await;
        if let Err(error) = &answered {
            self.shared.port_counters.refused(error.reason());
            debug!(%error, from = ?visit.from, "an offer was not answered");
        }
        answered
    }

    /// Looks at a candidate of the other side. There is nothing to do with it; what nobody could use is counted.
    pub fn candidate(&self, candidate: &str) {
        // An empty one says that there are no more.
        if !candidate.is_empty() && !sdp::is_usable(candidate) {
            self.shared.port_counters.ignored(1);
        }
    }

    /// Tells every peer that the server goes, and ends it.
    pub fn drain(&self) {
        self.shared.drained.cancel();
    }

    async fn try_answer(&self, visit: Visit, offer: &str) -> Result<String, OfferError> {
        let shared = &*self.shared;
        if shared.drained.is_cancelled() {
            return Err(OfferError::Draining);
        }
        if !self.is_open() {
            return Err(OfferError::Closed);
        }
        let permit = shared.admission.admit(visit.from)?;
        let (offer, ignored) = sdp::without_candidates(offer);
        shared.port_counters.ignored(ignored);
        let offer = RTCSessionDescription::offer(offer).map_err(bad_offer)?;
        let wanted = Wanted {
            lite: true,
            patience: Patience {
                // Ours: `path.rs` says why.
                disconnected: Duration::ZERO,
                failed: Duration::ZERO,
                keep_alive: shared.settings.keep_alive,
            },
            certificate: Some(shared.certificate.clone()),
            locals: shared.port.locals.clone(),
        };
        let stack = Stack::build(wanted).await.map_err(bad_offer)?;
        let answer = match timeout(ANSWER_TIME, describe(&stack, offer)).await {
            Ok(Ok(answer)) => answer,
            failed => {
                let _ = stack.connection.close().await; // nobody knows of it
                return Err(failed.map_or(OfferError::Late, |failed| failed.err().unwrap_or(OfferError::Late)));
            }
        };
        let answer = sdp::announce(&answer, &shared.announced);
        self.keep(visit, stack, permit);
        Ok(answer)
    }

    fn keep(&self, visit: Visit, stack: Stack, permit: crate::admission::Permit) {
        let shared = &*self.shared;
        let settings = shared.settings;
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        debug!(id, from = ?visit.from, "answered");
        shared.port_counters.peers.inc();
        let peer = Peer {
            id,
            stack,
            commands: Commands::new(
                shared.feed.clone(),
                shared.counters.clone(),
                settings.topics_per_connection,
                visit.may_publish,
            ),
            hello: Hello {
                server: settings.version,
                heartbeat: settings.keep_alive,
            },
            opening: settings.opening,
            silent: settings.silent,
            drained: shared.drained.clone(),
            clock: shared.feed.clock(),
            counters: shared.counters.clone(),
            port: shared.port_counters.clone(),
            permit,
        };
        shared.tasks.spawn(peer.run());
    }
}

/// The stack's own answer.
async fn describe(stack: &Stack, offer: RTCSessionDescription) -> Result<String, OfferError> {
    let connection = &stack.connection;
    connection.set_remote_description(offer).await.map_err(bad_offer)?;
    let answer = connection.create_answer(None).await.map_err(bad_offer)?;
    connection.set_local_description(answer).await.map_err(bad_offer)?;
    stack.news.gathered.notified().await; // its own addresses: nobody is asked
    let description = connection.local_description().await;
    description.map(|answer| answer.sdp).ok_or(OfferError::Late)
}

fn bad_offer(error: impl std::fmt::Display) -> OfferError {
    OfferError::Offer(error.to_string())
}
