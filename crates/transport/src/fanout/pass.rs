//! The pass of one topic: frame what is new once, offer it to every member.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use slab::Slab;
use tokio::{task::AbortHandle, time::sleep};

use wirelab_model::Micros;

use super::{Connection, Framing, Others, Place, Shared};
use crate::{clock::Clock, counters::LaneCounters, feed::Topic};

/// Most bytes of messages that one pass joins.
const JOINED_BYTES: usize = 256 * 1024;
/// Members served while the list is locked; who joins or leaves waits no longer than these take.
const MEMBERS_AT_ONCE: usize = 64;
/// Members served before other tasks of the same thread may run.
const MEMBERS_BEFORE_YIELD: usize = 1024;
/// Least and most time that a pass gathers.
const GATHER: Range<Duration> = Duration::from_millis(1)..Duration::from_millis(5);

/// The members of one topic in one room and where the pass stands.
pub(super) struct Pass {
    topic: Arc<Topic>,
    members: Mutex<Slab<Arc<Connection>>>,
    /// Everything below this offset was offered to every member. It moves before the offering begins, so that a
    /// member that catches up meanwhile reads as far as the pass will have come.
    position: AtomicU64,
    task: OnceLock<AbortHandle>,
}

/// What one pass offers: framed messages, and where each ends.
pub(super) struct Slice {
    /// The bytes, the same for every member.
    pub(super) bytes: Vec<u8>,
    /// The offsets it carries.
    pub(super) offsets: Range<u64>,
    /// For each message the end of its bytes.
    pub(super) ends: Vec<usize>,
}

impl Slice {
    /// A member took `written` bytes. The offset to go on with and the rest of the frame that was cut, which the
    /// member still has to get whole.
    pub(super) fn cut(&self, written: usize) -> (u64, &[u8]) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let start = whole.checked_sub(1).map_or(0, |last| self.ends[last]);
        if start == written {
            return (self.offsets.start + whole as u64, &[]);
        }
        (
            self.offsets.start + whole as u64 + 1,
            &self.bytes[written..self.ends[whole]],
        )
    }
}

impl Pass {
    /// A pass without members that stands at the topic's head, and its task.
    pub(super) fn start(topic: Arc<Topic>, shared: &Shared) -> Arc<Self> {
        let position = AtomicU64::new(topic.head().offset + 1);
        let pass = Arc::new(Self {
            topic,
            members: Mutex::default(),
            position,
            task: OnceLock::new(),
        });
        let task = tokio::spawn(run(
            Arc::clone(&pass),
            shared.framing,
            shared.counters.clone(),
            shared.clock,
        ));
        let _ = pass.task.set(task.abort_handle());
        pass
    }

    pub(super) fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// Where catching up ends.
    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    pub(super) fn enter(&self, connection: &Arc<Connection>) -> usize {
        self.members().insert(Arc::clone(connection))
    }

    /// Says whether that was the last member.
    pub(super) fn leave(&self, key: usize) -> bool {
        let mut members = self.members();
        members.try_remove(key);
        members.is_empty()
    }

    pub(super) fn stop(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    fn members(&self) -> MutexGuard<'_, Slab<Arc<Connection>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames what was published since the last pass and moves the position past it.
    fn next_slice(&self, framing: &Framing, sent: &mut Vec<Micros>) -> Slice {
        let mut slice = Slice {
            bytes: Vec::new(),
            offsets: 0..0,
            ends: Vec::new(),
        };
        sent.clear();
        slice.offsets = self.topic.read(self.position(), JOINED_BYTES, |message| {
            let place = Place {
                topic: &self.topic,
                offset: message.offset,
                others: &Others::NONE,
            };
            (framing.message)(&place, message, &mut slice.bytes);
            slice.ends.push(slice.bytes.len());
            sent.push(message.sent_us);
        });
        self.position.store(slice.offsets.end, Ordering::Release);
        slice
    }

    async fn offer(self: &Arc<Self>, slice: &Slice, framing: &Framing) -> u64 {
        let (mut delivered, mut index) = (0, 0);
        loop {
            {
                let members = self.members();
                let end = members.capacity().min(index + MEMBERS_AT_ONCE);
                for key in index..end {
                    if let Some(member) = members.get(key) {
                        delivered += member.offer(self, slice, framing);
                    }
                }
                if end == members.capacity() {
                    return delivered;
                }
                index = end;
            }
            if index % MEMBERS_BEFORE_YIELD == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn run(pass: Arc<Pass>, framing: &'static Framing, counters: LaneCounters, clock: Clock) {
    let mut head = pass.topic.watch();
    let (mut ended, mut took) = (Instant::now(), Duration::ZERO);
    let mut sent = Vec::new();
    loop {
        // Publishes outrun passes: leave the publishers time, so that one write carries several messages.
        if ended.elapsed() < took {
            sleep((took / 4).clamp(GATHER.start, GATHER.end)).await;
        }
        let started = Instant::now();
        let slice = pass.next_slice(framing, &mut sent);
        if slice.ends.is_empty() {
            if head.changed().await.is_err() {
                return; // the topic is gone, and with it everything that could be said
            }
            continue;
        }
        let delivered = pass.offer(&slice, framing).await;
        counters.delivered(delivered);
        ended = Instant::now();
        took = ended - started;
        let written_us = clock.at_us(ended);
        for sent_us in &sent {
            counters.publish_to_write(written_us.since(*sent_us));
        }
        // Other tasks of this thread, the publishers among them, come first.
        tokio::task::yield_now().await;
    }
}
