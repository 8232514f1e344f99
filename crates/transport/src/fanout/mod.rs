//! The engine room: sockets that a room owns, and how a topic is written to all of them.
//!
//! A delivery costs 7–10 µs, of which our own code is well under one: the rest is the kernel's `send`. So the engine
//! writes rarely and writes much. Each topic that is read has one **pass** ([`pass`]): it frames what was published
//! since the last pass once, into one slice, and offers the same slice to every member. When publishes outrun passes
//! it gathers for a fraction of the last pass's time, so that one write carries several messages; else it goes at once.
//!
//! A member that cannot take the slice keeps its cursor where it is and **catches up** by itself ([`connection`]): its
//! own task waits for the socket, reads the ring from the cursor in small pieces and stops where the pass stands, so
//! that the next pass finds it in step. Nothing queues for it: what it holds is at most one cut frame or one piece.
//!
//! One **wheel** ([`wheel`]) beats for all connections of a room: heartbeats, silence, stalls.
//!
//! What the engine does not know is what bytes mean. A room tells it by a [`Framing`], and gets what its peers send.
//!
//! Locks are taken in this order and never the other way: the list of passes, a pass's members, a connection's state,
//! a topic's log. A slot of the wheel comes before a connection's state, the feed's list of topics before a topic's
//! log. No lock is held across an await.

mod connection;
mod life;
mod pass;
mod piece;
mod state;
mod wheel;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};
use wirelab_model::{TopicName, Transport, frame::ServerFrame};

use crate::{
    Departure,
    clock::Clock,
    counters::LaneCounters,
    feed::{Message, Opened, Subscription, Topic},
    socket::Socket,
};
pub(crate) use connection::Connection;
use life::Life;
use pass::Pass;
pub(crate) use piece::{Piece, catch_up};
use wheel::Wheel;

/// Reconnects after a drain begin after this, ms …
const RECONNECT_AFTER_MS: u64 = 500;
/// … and are spread over this, ms.
const RECONNECT_SPREAD_MS: u64 = 5_000;

/// How a room's bytes look.
pub(crate) struct Framing {
    /// The lane, for counters and logs.
    pub(crate) transport: Transport,
    /// Appends a message.
    pub(crate) message: fn(&Place<'_>, &Message, &mut Vec<u8>),
    /// Appends a control frame; the place is where the reader stands once it has seen it, if that changes.
    pub(crate) control: fn(Option<&Place<'_>>, &ServerFrame<'_>, &mut Vec<u8>),
    /// Whether a message carries the places of all topics of its connection (the SSE `id`).
    pub(crate) ids: bool,
    /// What says "still here".
    pub(crate) heartbeat: &'static [u8],
    /// Whether peers answer heartbeats, so that one silent for two is gone.
    pub(crate) answered: bool,
    /// Appends what is said to a peer that has to go, if anything can be said.
    pub(crate) farewell: fn(Departure, &mut Vec<u8>),
}

/// Where a reader of one or several topics stands: the text of an SSE `id`.
pub(crate) struct Place<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) offset: u64,
    pub(crate) others: &'a Others,
}

/// The places in the other topics of a connection, already text.
pub(crate) struct Others {
    several: bool,
    before: String,
    after: String,
}

impl Others {
    /// A connection with one topic, or one whose ids are not used.
    pub(crate) const NONE: Self = Self {
        several: false,
        before: String::new(),
        after: String::new(),
    };

    /// The places of all subscriptions but the one at `index`.
    pub(crate) fn of<'a>(subscriptions: impl Iterator<Item = &'a Subscription>, index: usize) -> Self {
        let mut others = Self::NONE;
        for (i, subscription) in subscriptions.enumerate() {
            let text = || format!("{}@{}", subscription.topic().name(), subscription.cursor());
            others.several |= i > 0;
            match i.cmp(&index) {
                std::cmp::Ordering::Less => others.before += &(text() + ","),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => others.after += &(String::from(",") + &text()),
            }
        }
        others
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cursor, others) = (self.topic.cursor(self.offset), self.others);
        if others.several {
            write!(f, "{}{}@{cursor}{}", others.before, self.topic.name(), others.after)
        } else {
            write!(f, "{cursor}")
        }
    }
}

/// The engine of one room. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Fanout {
    shared: Arc<Shared>,
}

struct Shared {
    framing: &'static Framing,
    counters: LaneCounters,
    clock: Clock,
    passes: Mutex<HashMap<TopicName, Arc<Pass>>>,
    wheel: Wheel,
    tasks: TaskTracker,
    next_id: AtomicU64,
    drained: CancellationToken,
}

/// How an engine's connections are kept alive and let go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    /// One heartbeat a connection in this time.
    pub(crate) heartbeat: Duration,
    /// A peer that takes nothing for this long is gone.
    pub(crate) stall_timeout: Duration,
}

impl Fanout {
    /// An engine without connections. Must be called within a tokio runtime: the wheel turns from now on.
    pub(crate) fn start(
        framing: &'static Framing,
        beat: Beat,
        counters: LaneCounters,
        clock: Clock,
        tasks: TaskTracker,
    ) -> Self {
        let shared = Arc::new(Shared {
            framing,
            counters,
            clock,
            passes: Mutex::default(),
            wheel: Wheel::new(beat),
            tasks,
            next_id: AtomicU64::new(1),
            drained: CancellationToken::new(),
        });
        tokio::spawn(wheel::turn(Arc::clone(&shared)));
        Self { shared }
    }

    pub(crate) fn counters(&self) -> &LaneCounters {
        &self.shared.counters
    }

    /// Owns a socket from now on: writes `greeting`, delivers what `opened` reads, keeps it beating, and hands what its
    /// peer sends, `early` bytes first, to `received`, until the connection departs.
    pub(crate) fn adopt(
        &self,
        socket: Socket,
        greeting: &[u8],
        opened: Vec<Opened>,
        early: &[u8],
        mut received: impl FnMut(&Arc<Connection>, &[u8]) + Send + 'static,
    ) {
        let shared = &self.shared;
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(id, socket, shared.counters.clone(), greeting));
        shared.counters.opened();
        shared.wheel.add(&connection);
        connection.span(shared.framing).in_scope(|| debug!("opened"));
        for Opened { subscription, .. } in opened {
            self.join(&connection, subscription);
        }
        if !early.is_empty() {
            received(&connection, early);
        }
        if shared.drained.is_cancelled() {
            self.drain_one(&connection);
        }
        shared.tasks.spawn(Life::new(connection, self.clone(), received));
    }

    /// Makes `subscription` part of the connection and of its topic's pass.
    pub(crate) fn join(&self, connection: &Arc<Connection>, subscription: Subscription) {
        let mut passes = self.shared.passes();
        let topic = subscription.topic();
        let pass = match passes.get(topic.name()) {
            // After an eviction a topic of the same name can be another one.
            Some(pass) if Arc::ptr_eq(pass.topic(), topic) => Arc::clone(pass),
            _ => {
                let pass = Pass::start(Arc::clone(topic), &self.shared);
                passes.insert(topic.name().clone(), Arc::clone(&pass));
                pass
            }
        };
        let key = pass.enter(connection);
        drop(passes);
        connection.add(subscription, pass, key);
    }

    /// Ends the connection's subscription to `topic`; says whether there was one.
    pub(crate) fn part(&self, connection: &Connection, topic: &TopicName) -> bool {
        let removed = connection.remove(topic);
        removed.is_some_and(|member| {
            self.shared.leave(&member);
            true
        })
    }

    /// Tells every connection that the server goes, and ends it. Later ones are ended as they come.
    pub(crate) fn drain(&self) {
        self.shared.drained.cancel();
        for connection in self.shared.wheel.all() {
            self.drain_one(&connection);
        }
    }

    /// Ready once the engine drains.
    pub(crate) async fn drained(&self) {
        self.shared.drained.cancelled().await;
    }

    /// The last words of a drain to a reader that has no connection here.
    pub(crate) fn drain_words(&self) -> Vec<u8> {
        self.words_for(self.shared.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn drain_one(&self, connection: &Connection) {
        connection.depart(Departure::Drain, &self.words_for(connection.id()));
    }

    /// Tells each reader to come back after a time of its own, so that they do not all come at once.
    fn words_for(&self, id: u64) -> Vec<u8> {
        let frame = ServerFrame::Drain {
            reconnect_after_ms: reconnect_after_ms(id),
        };
        let mut words = Vec::new();
        (self.shared.framing.control)(None, &frame, &mut words);
        (self.shared.framing.farewell)(Departure::Drain, &mut words);
        words
    }

    /// Takes a departed connection out of everything and lets what was written arrive.
    fn release(&self, connection: Arc<Connection>, departure: Departure) {
        for member in connection.remove_all() {
            self.shared.leave(&member);
        }
        self.shared.wheel.remove(&connection);
        self.shared.counters.closed(departure);
        let lasted_ms = connection.age().as_millis() as u64;
        let span = connection.span(self.shared.framing);
        span.in_scope(|| info!(reason = departure.word(), lasted_ms, "closed"));
        if departure != Departure::Gone {
            self.shared.tasks.spawn(async move { connection.linger().await });
        }
    }
}

/// When the connection `id` may come back after a drain, ms.
pub(crate) fn reconnect_after_ms(id: u64) -> u64 {
    // Fibonacci hashing: neighbours in the order of opening land far apart.
    RECONNECT_AFTER_MS + (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % RECONNECT_SPREAD_MS
}

impl Shared {
    fn passes(&self) -> MutexGuard<'_, HashMap<TopicName, Arc<Pass>>> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a member out of its pass; the last one ends the pass.
    fn leave(&self, member: &state::Member) {
        let mut passes = self.passes();
        let pass = &member.pass;
        if pass.leave(member.key) {
            pass.stop();
            if passes
                .get(pass.topic().name())
                .is_some_and(|listed| Arc::ptr_eq(listed, pass))
            {
                passes.remove(pass.topic().name());
            }
        }
    }
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fanout")
            .field("lane", &self.shared.framing.transport)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
