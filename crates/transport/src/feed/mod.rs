//! The feed: one log a topic, cursors into it, no queue per reader.
//!
//! [`Feed::publish`] gives a message its offset, encodes it once and appends it to its topic's ring, which is bounded
//! by count and by bytes. A [`Subscription`] is a cursor into that ring: a slow reader costs nothing and cannot grow
//! the heap. When the ring overtakes a reader, its policy says what happens, and the reader is always told. A reader
//! that names a cursor gets everything after it, once and in order, or one explicit `resync`.
//!
//! Topics come into being when they are first read or published to. `tick.…` topics are made on demand and go
//! [`Limits::linger`] after their last reader; other topics make room, longest unused first, when the list is full.

mod log;
mod subscription;
mod tick;
mod topic;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{metrics::counter::Counter, registry::Registry};
use thiserror::Error;
use wirelab_model::{
    Cursor, Epoch, TopicName,
    frame::{ErrorCode, Policy},
    message::Data,
    topic::Source,
};

use crate::clock::Clock;
pub use log::Message;
pub use subscription::{Delivery, FellBehind, Gap, Resync, Subscription};
pub use topic::Topic;

/// Bounds of topics and their rings.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Topics alive at once.
    pub topics: usize,
    /// Messages that one topic's ring keeps.
    pub ring_messages: usize,
    /// Bytes that one topic's ring keeps.
    pub ring_bytes: usize,
    /// How long an unread topic stays.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            topics: 256,
            ring_messages: 4096,
            ring_bytes: 2 << 20,
            linger: Duration::from_secs(60),
        }
    }
}

/// The list of topics is full and each is in use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this server keeps {0} topics at most and all are in use; wait a minute or use one that exists")]
pub struct TopicsFull(usize);

/// Why something was not published for a client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The topic is the server's own.
    #[error("the topic {0} is the server's own; publish to another name")]
    Reserved(TopicName),
    /// The list of topics is full.
    #[error(transparent)]
    Full(#[from] TopicsFull),
}

impl PublishError {
    /// What an `error` frame calls it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Reserved(_) => ErrorCode::Reserved,
            Self::Full(_) => ErrorCode::Limit,
        }
    }
}

/// All topics of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    limits: Limits,
    topics: Mutex<HashMap<TopicName, Arc<Topic>>>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    published: Counter,
    topics_refused: Counter,
    ticks_missed: Counter,
}

/// A reader just opened, and what it has to be told first.
#[derive(Debug)]
pub struct Opened {
    /// The reader.
    pub subscription: Subscription,
    /// The resume was not exact.
    pub resync: Option<Resync>,
}

impl Feed {
    /// A feed without topics.
    #[must_use]
    pub fn new(clock: Clock, limits: Limits) -> Self {
        let shared = Shared {
            clock,
            limits,
            topics: Mutex::default(),
            counters: Counters::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Names the feed's counters to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let counters = &self.shared.counters;
        registry.register(
            "published",
            "Messages published to any topic",
            counters.published.clone(),
        );
        registry.register(
            "topics_refused",
            "Topics refused because the list was full",
            counters.topics_refused.clone(),
        );
        registry.register(
            "ticks_missed",
            "Ticks of tick topics that were due and not sent",
            counters.ticks_missed.clone(),
        );
    }

    /// The clock that stamps the messages.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The bounds.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// How many topics are alive.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.shared.topics().len()
    }

    /// Publishes what the server itself has to say.
    ///
    /// # Errors
    /// The topic does not exist and the list is full.
    pub fn publish(&self, name: &TopicName, data: &Data) -> Result<Cursor, TopicsFull> {
        let topic = self.topic(name, |topic| topic.touch())?;
        Ok(self.shared.append(&topic, data.get().as_bytes()))
    }

    /// Publishes what a client sent.
    ///
    /// # Errors
    /// The topic is the server's own, or it does not exist and the list is full.
    pub fn publish_for_client(&self, name: &TopicName, data: &Data) -> Result<Cursor, PublishError> {
        match name.source() {
            Source::Published => Ok(self.publish(name, data)?),
            Source::Metric | Source::Tick(_) => Err(PublishError::Reserved(name.clone())),
        }
    }

    /// Opens a reader after `from`, or live. Must be called within a tokio runtime: a tick topic starts its schedule.
    ///
    /// # Errors
    /// The topic does not exist and the list is full.
    pub fn subscribe(&self, name: &TopicName, from: Option<Cursor>, policy: Policy) -> Result<Opened, TopicsFull> {
        let mut opened = None;
        self.topic(name, |topic| {
            opened = Some(Subscription::open(Arc::clone(topic), from, policy))
        })?;
        let (subscription, resync) = opened.expect("the topic was found, so the reader was opened");
        Ok(Opened { subscription, resync })
    }

    /// Finds or makes a topic, and uses it before anything else can remove it from the list.
    fn topic(&self, name: &TopicName, first_use: impl FnOnce(&Arc<Topic>)) -> Result<Arc<Topic>, TopicsFull> {
        let limits = self.shared.limits;
        let mut topics = self.shared.topics();
        if let Some(topic) = topics.get(name) {
            first_use(topic);
            return Ok(Arc::clone(topic));
        }
        if topics.len() >= limits.topics && !make_room(&mut topics, limits.linger) {
            self.shared.counters.topics_refused.inc();
            return Err(TopicsFull(limits.topics));
        }
        let epoch = Epoch(uuid::Uuid::new_v4().as_u64_pair().1);
        let topic = Arc::new(Topic::new(name.clone(), epoch, limits.ring_messages, limits.ring_bytes));
        first_use(&topic);
        topics.insert(name.clone(), Arc::clone(&topic));
        if let Source::Tick(tick) = name.source() {
            tokio::spawn(tick::run(Arc::clone(&self.shared), Arc::clone(&topic), tick));
        }
        Ok(topic)
    }
}

impl Shared {
    fn topics(&self) -> std::sync::MutexGuard<'_, HashMap<TopicName, Arc<Topic>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, topic: &Topic, data: &[u8]) -> Cursor {
        self.counters.published.inc();
        topic.append(self.clock.now_us(), data)
    }

    /// Takes the topic off the list when nobody has read it for the linger time; says whether it did.
    fn forget_if_idle(&self, topic: &Topic) -> bool {
        let mut topics = self.topics();
        let idle = topic
            .idle_since()
            .is_some_and(|since| since.elapsed() >= self.limits.linger);
        if idle
            && topics
                .get(topic.name())
                .is_some_and(|listed| std::ptr::eq(&raw const **listed, topic))
        {
            topics.remove(topic.name()); // and not a younger topic of the same name
        }
        idle
    }
}

/// Lets go of the topic that was unused for longest, if one was for the linger time.
fn make_room(topics: &mut HashMap<TopicName, Arc<Topic>>, linger: Duration) -> bool {
    let idle = |topic: &Arc<Topic>| topic.idle_since().filter(|since| since.elapsed() >= linger);
    let longest = topics
        .values()
        .filter_map(|topic| Some((idle(topic)?, topic.name().clone())))
        .min();
    longest.is_some_and(|(_, name)| topics.remove(&name).is_some())
}

#[cfg(test)]
mod tests;
