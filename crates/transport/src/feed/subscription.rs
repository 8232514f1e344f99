//! A reader of one topic: a cursor into its ring and the policy for when the ring overtakes it. No queue.

use std::sync::Arc;

use wirelab_model::{
    Cursor,
    frame::{GapReason, Policy, ResyncReason, ServerFrame},
};

use super::{Message, Topic};

/// A reader's place in a topic. It holds no messages: memory per reader is constant however slow it is.
#[derive(Debug)]
pub struct Subscription {
    topic: Arc<Topic>,
    /// The offset that is delivered next.
    next: u64,
    /// Up to here, not with it, the reader catches up with what it asked for: this is paced by the reader and never
    /// counts as falling behind.
    replay_end: u64,
    policy: Policy,
}

/// What a read hands over, in order.
#[derive(Debug)]
pub enum Delivery<'a> {
    /// A message.
    Message(&'a Message),
    /// Messages that the policy skipped.
    Gap(Gap),
    /// A replay that the ring overtook: what is gone, named.
    Resync(Resync),
}

/// Messages that the subscription's policy skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first message skipped.
    pub from: Cursor,
    /// The last message skipped.
    pub to: Cursor,
    /// How many.
    pub count: u64,
    /// Why.
    pub reason: GapReason,
}

/// A resume that could not be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resync {
    /// Why.
    pub reason: ResyncReason,
    /// The next message comes after it.
    pub cursor: Cursor,
    /// The first and the last message that are gone, where that is known.
    pub missed: Option<(Cursor, Cursor)>,
}

/// The reader fell off the ring's tail and asked to be disconnected then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader fell behind")]
pub struct FellBehind;

impl Subscription {
    /// Opens a reader after `from`, or live. The resume rule of DESIGN section 3.
    pub(super) fn open(topic: Arc<Topic>, from: Option<Cursor>, policy: Policy) -> (Self, Option<Resync>) {
        topic.enter();
        let (next, replay_end, resync) = topic.with_log(|log| {
            let live = log.next();
            let lost = |reason| {
                Some(Resync {
                    reason,
                    cursor: log.cursor(live - 1),
                    missed: None,
                })
            };
            match from {
                None => (live, live, None),
                Some(cursor) if cursor.epoch != log.epoch() => (live, live, lost(ResyncReason::OtherEpoch)),
                Some(cursor) if cursor.offset >= live => (live, live, lost(ResyncReason::Unknown)),
                Some(cursor) if cursor.offset + 1 < log.oldest() => {
                    let oldest = log.oldest();
                    let missed = Some((log.cursor(cursor.offset + 1), log.cursor(oldest - 1)));
                    let resync = Resync {
                        reason: ResyncReason::Expired,
                        cursor: log.cursor(oldest - 1),
                        missed,
                    };
                    (oldest, live, Some(resync))
                }
                Some(cursor) => (cursor.offset + 1, live, None),
            }
        });
        (
            Self {
                topic,
                next,
                replay_end,
                policy,
            },
            resync,
        )
    }

    /// The topic that is read.
    #[must_use]
    pub fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// What happens when it falls behind.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The cursor that the next delivery comes after.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.topic.cursor(self.next - 1)
    }

    /// The offset that is delivered next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Says that everything below `next` was delivered by a pass.
    pub(crate) fn advance(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// Hands over what comes next, below `end`: up to `max_bytes` of messages, at least one.
    ///
    /// `each` runs under the topic's lock, so that the ring cannot move between a check and a read. It formats; it
    /// must not ask the topic anything that takes the lock.
    ///
    /// # Errors
    /// The ring has overtaken a reader whose policy is `disconnect`.
    pub fn read(&mut self, end: u64, max_bytes: usize, mut each: impl FnMut(Delivery<'_>)) -> Result<(), FellBehind> {
        let topic = Arc::clone(&self.topic);
        topic.with_log(|log| {
            let end = end.min(log.next());
            let replaying = self.next < self.replay_end;
            match self.policy {
                _ if replaying && self.next < log.oldest() => each(Delivery::Resync(self.expire(log.oldest()))),
                _ if replaying => {}
                Policy::Disconnect if self.next < log.oldest() => return Err(FellBehind),
                Policy::Gap if self.next < log.oldest() => {
                    each(Delivery::Gap(self.skip(log.oldest(), GapReason::Slow)))
                }
                Policy::Latest if self.next + 1 < end || self.next < log.oldest() => {
                    each(Delivery::Gap(self.skip(log.oldest().max(end - 1), GapReason::Latest)));
                }
                Policy::Gap | Policy::Disconnect | Policy::Latest => {}
            }
            let end = if self.next < self.replay_end {
                end.min(self.replay_end)
            } else {
                end
            };
            let mut bytes = 0;
            for message in log.range(self.next, end) {
                if bytes > 0 && bytes + message.json.len() > max_bytes {
                    break;
                }
                bytes += message.json.len();
                self.next = message.offset + 1;
                each(Delivery::Message(message));
            }
            Ok(())
        })
    }

    /// Whether the ring has overtaken a live reader that asked to be disconnected then.
    pub(crate) fn fell_behind(&self) -> bool {
        self.policy == Policy::Disconnect && self.next >= self.replay_end && self.next < self.topic.oldest()
    }

    /// The ring overtook the replay: everything below `oldest` that was not delivered is gone.
    fn expire(&mut self, oldest: u64) -> Resync {
        let missed = Some((self.topic.cursor(self.next), self.topic.cursor(oldest - 1)));
        self.next = oldest;
        Resync {
            reason: ResyncReason::Expired,
            cursor: self.topic.cursor(oldest - 1),
            missed,
        }
    }

    fn skip(&mut self, next: u64, reason: GapReason) -> Gap {
        let (from, to) = (self.topic.cursor(self.next), self.topic.cursor(next - 1));
        let gap = Gap {
            from,
            to,
            count: next - self.next,
            reason,
        };
        self.next = next;
        gap
    }
}

impl Gap {
    /// The gap as a frame.
    #[must_use]
    pub fn frame<'a>(&self, topic: &'a Topic) -> ServerFrame<'a> {
        ServerFrame::Gap {
            topic: topic.name(),
            from: self.from,
            to: self.to,
            count: self.count,
            reason: self.reason,
        }
    }
}

impl Resync {
    /// The resync as a frame.
    #[must_use]
    pub fn frame<'a>(&self, topic: &'a Topic) -> ServerFrame<'a> {
        ServerFrame::Resync {
            topic: topic.name(),
            reason: self.reason,
            cursor: self.cursor,
            missed_from: self.missed.map(|(from, _)| from),
            missed_to: self.missed.map(|(_, to)| to),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.topic.leave();
    }
}
