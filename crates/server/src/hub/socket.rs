//! The shell: a WebSocket for each peer, what one may send, and the server's own peer.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::mpsc;
use wirelab_model::signal::{Refusal, RefusedCode, SERVER, ToHub, ToPeer};
use wirelab_transport::{
    Departure,
    webrtc::{OfferError, Room, Visit},
    websocket::{TextLimits, TextSocket},
};

use super::rules::{Hub, Limits, Said};
use crate::turn::Minter;

/// What one socket may send and leave unread.
pub(crate) const TEXT_LIMITS: TextLimits = TextLimits {
    message_bytes: 64 * 1024, // an offer with every candidate of a machine with many interfaces has 10 KiB
    waiting_bytes: 256 * 1024,
};
/// Signals of one socket in a second: a peer with many interfaces sends some thirty candidates at once.
const SIGNALS_PER_SECOND: u32 = 100;
/// A socket that sends this many times what it may is closed.
const PATIENCE: u32 = 3;
/// Signals that cannot be read before a socket is closed.
const MAX_UNREADABLE: u32 = 100;
/// Offers of one socket that wait for the server's peer.
const WAITING_OFFERS: usize = 8;

/// The hub with its sockets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Signalling {
    shared: Arc<Shared>,
}

struct Shared {
    desks: Mutex<Desks>,
    turn: Minter,
    counters: Counters,
}

/// One lock for the rules and for those who are told: so the order of each pair is kept.
struct Desks {
    hub: Hub,
    desks: HashMap<String, Desk>,
}

struct Desk {
    socket: TextSocket,
    /// Whose address is known counts for it.
    from: Option<IpAddr>,
    /// Where the server's peer is for those who came in by this desk's entrance.
    room: Room,
    /// To the server's peer, which answers one after another.
    offers: mpsc::Sender<String>,
}

impl Signalling {
    /// A hub without rooms.
    pub(crate) fn new(limits: Limits, turn: Minter, counters: Counters) -> Self {
        let desks = Desks {
            hub: Hub::new(limits),
            desks: HashMap::new(),
        };
        Self {
            shared: Arc::new(Shared {
                desks: Mutex::new(desks),
                turn,
                counters,
            }),
        }
    }

    /// A peer has come, by an entrance at which the server's own peer has its port in `room`. What is returned reads its
    /// texts, and when dropped says that it has gone.
    pub(crate) fn enter(&self, socket: TextSocket, room: Room, visit: Visit) -> impl FnMut(&str) + Send + use<> {
        let id = uuid::Uuid::new_v4().to_string();
        let (offers, waiting) = mpsc::channel(WAITING_OFFERS);
        tokio::spawn(answer(self.clone(), room.clone(), id.clone(), visit, waiting));
        let desk = Desk {
            socket: socket.clone(),
            from: visit.from,
            room,
            offers,
        };
        self.lock().desks.insert(id.clone(), desk);
        let mut peer = Peer {
            signalling: self.clone(),
            id,
            socket,
            second: Instant::now(),
            signals: 0,
            unreadable: 0,
        };
        move |text| peer.text(text)
    }

    fn handle(&self, peer: &str, signal: ToHub) {
        let mut desks = self.lock();
        let said = desks.hub.handle(peer, signal);
        self.say(&mut desks, said);
    }

    fn leave(&self, peer: &str) {
        let mut desks = self.lock();
        desks.desks.remove(peer);
        let said = desks.hub.vanish(peer);
        self.say(&mut desks, said);
    }

    fn say(&self, desks: &mut Desks, said: Said) {
        for (to, signal) in said {
            let signal = if to == SERVER {
                match self.hear(desks, signal) {
                    None => continue,
                    Some((from, refusal)) => (from, ToPeer::Refused(refusal)),
                }
            } else {
                (to, signal)
            };
            let (to, mut signal) = signal;
            if let ToPeer::Refused(refusal) = &signal {
                self.shared.counters.refused(refusal.code);
            }
            if let Some(desk) = desks.desks.get(&to) {
                if let ToPeer::Welcome { ice_servers, .. } = &mut signal {
                    *ice_servers = self.shared.turn.servers(desk.from);
                }
                let text = serde_json::to_string(&signal).expect("signals hold only what JSON can say");
                desk.socket.send(&text);
            }
        }
        let counters = &self.shared.counters;
        counters.rooms.set(i64::try_from(desks.hub.rooms()).unwrap_or(i64::MAX));
        counters.peers.set(i64::try_from(desks.hub.peers()).unwrap_or(i64::MAX));
    }

    /// The server's own peer hears a signal. Perhaps it refuses.
    fn hear(&self, desks: &Desks, signal: ToPeer) -> Option<(String, Refusal)> {
        let refuse = |from: String, code, message: &str| {
            let refusal = Refusal {
                code,
                message: message.to_owned(),
                to: Some(SERVER.to_owned()),
            };
            Some((from, refusal))
        };
        match signal {
            ToPeer::Offer { from, sdp } => {
                let desk = desks.desks.get(&from)?;
                match desk.offers.try_send(sdp) {
                    Ok(()) => None,
                    Err(_) => refuse(from, RefusedCode::Limit, "wait for the answers to your earlier offers"),
                }
            }
            ToPeer::Candidate { from, candidate } => {
                let text = candidate.as_ref().and_then(|candidate| candidate.get("candidate"));
                if candidate.is_some() {
                    let room = &desks.desks.get(&from)?.room;
                    room.candidate(text.and_then(|text| text.as_str()).unwrap_or("?"));
                }
                None
            }
            ToPeer::Answer { from, .. } => refuse(from, RefusedCode::BadOrder, "the server's peer makes no offers"),
            // The one who was to be answered has gone.
            ToPeer::Welcome { .. } | ToPeer::PeerJoined(_) | ToPeer::PeerLeft { .. } | ToPeer::Refused(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desks> {
        self.shared.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Signalling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signalling")
    }
}

/// The server's peer answers the offers of one other, one after another, until that one has gone.
async fn answer(signalling: Signalling, room: Room, peer: String, visit: Visit, mut offers: mpsc::Receiver<String>) {
    while let Some(offer) = offers.recv().await {
        match room.answer(visit, &offer).await {
            Ok(sdp) => signalling.handle(SERVER, ToHub::Answer { to: peer.clone(), sdp }),
            Err(error) => {
                let refusal = Refusal {
                    code: match error {
                        OfferError::Full(_) => RefusedCode::Limit,
                        OfferError::Offer(_) => RefusedCode::BadOffer,
                        OfferError::Draining | OfferError::Late | OfferError::Closed => RefusedCode::Unavailable,
                    },
                    message: error.to_string(),
                    to: Some(SERVER.to_owned()),
                };
                let mut desks = signalling.lock();
                signalling.say(&mut desks, vec![(peer.clone(), ToPeer::Refused(refusal))]);
            }
        }
    }
}

/// The reading side of one socket.
struct Peer {
    signalling: Signalling,
    id: String,
    socket: TextSocket,
    /// Since when the signals are counted.
    second: Instant,
    signals: u32,
    unreadable: u32,
}

impl Peer {
    fn text(&mut self, text: &str) {
        self.signalling.shared.counters.signals.inc();
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.signals) = (Instant::now(), 0);
        }
        self.signals += 1;
        if self.signals > SIGNALS_PER_SECOND {
            if self.signals == SIGNALS_PER_SECOND + 1 {
                self.refuse(
                    RefusedCode::Limit,
                    format!("{SIGNALS_PER_SECOND} signals a second at most"),
                );
            } else if self.signals > SIGNALS_PER_SECOND * PATIENCE {
                self.socket.close(Departure::Policy);
            }
            return;
        }
        match serde_json::from_str(text) {
            Ok(signal) => self.signalling.handle(&self.id, signal),
            Err(error) => {
                self.unreadable += 1;
                self.refuse(RefusedCode::BadSignal, error.to_string());
                if self.unreadable > MAX_UNREADABLE {
                    self.socket.close(Departure::Misuse);
                }
            }
        }
    }

    fn refuse(&self, code: RefusedCode, message: String) {
        let refusal = Refusal {
            code,
            message,
            to: None,
        };
        let mut desks = self.signalling.lock();
        self.signalling
            .say(&mut desks, vec![(self.id.clone(), ToPeer::Refused(refusal))]);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.signalling.leave(&self.id);
    }
}

/// What the hub counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    rooms: Gauge,
    peers: Gauge,
    signals: Counter,
    refused: Family<Code, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: String,
}

impl Counters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register("hub_rooms", "Signalling rooms with somebody in them", all.rooms.clone());
        registry.register("hub_peers", "Peers in signalling rooms", all.peers.clone());
        registry.register("hub_signals", "Signals received", all.signals.clone());
        registry.register("hub_refused", "Signals refused, by code", all.refused.clone());
        all
    }

    fn refused(&self, code: RefusedCode) {
        let code = serde_json::to_string(&code)
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned();
        self.refused.get_or_create(&Code { code }).inc();
    }
}
