//! One topic: its log, who waits for it, how long nobody has.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{sync::watch, time::Instant};
use wirelab_model::{Cursor, Epoch, Micros, TopicName, message};

use super::{Message, log::Log};

/// A topic that is alive. Held by its readers and, while it is listed, by the feed.
#[derive(Debug)]
pub struct Topic {
    name: TopicName,
    epoch: Epoch,
    log: Mutex<Log>,
    /// The offset of the newest message; whoever waits for more waits here.
    head: watch::Sender<u64>,
    readers: AtomicUsize,
    used: Mutex<Instant>,
}

impl Topic {
    pub(super) fn new(name: TopicName, epoch: Epoch, max_messages: usize, max_bytes: usize) -> Self {
        Self {
            name,
            epoch,
            log: Mutex::new(Log::new(epoch, max_messages, max_bytes)),
            head: watch::Sender::new(0),
            readers: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
        }
    }

    /// The topic's name.
    #[must_use]
    pub fn name(&self) -> &TopicName {
        &self.name
    }

    /// The cursor of the newest message: what is published next comes after it.
    #[must_use]
    pub fn head(&self) -> Cursor {
        self.cursor(self.with_log(|log| log.next() - 1))
    }

    /// Names the message at `offset`.
    #[must_use]
    pub fn cursor(&self, offset: u64) -> Cursor {
        Cursor::new(self.epoch, offset)
    }

    /// A receiver that sees the newest offset grow.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Appends a message and wakes those who wait.
    pub(super) fn append(&self, sent_us: Micros, data: &[u8]) -> Cursor {
        let cursor = self.with_log(|log| {
            let cursor = log.cursor(log.next());
            let mut json = Vec::with_capacity(data.len() + 160); // the frame's own words take at most this
            message::write_message(&self.name, cursor, sent_us, data, &mut json);
            log.append(sent_us, json.into());
            cursor
        });
        self.head.send_if_modified(|head| {
            let newer = cursor.offset > *head;
            *head = cursor.offset.max(*head);
            newer
        });
        cursor
    }

    /// Reads for a pass: from `from`, or the oldest kept, up to `max_bytes` (at least one message). Returns the offsets
    /// of the first message read and after the last.
    pub(crate) fn read(&self, from: u64, max_bytes: usize, mut each: impl FnMut(&Message)) -> std::ops::Range<u64> {
        self.with_log(|log| {
            let start = from.max(log.oldest());
            let (mut bytes, mut end) = (0, start);
            for message in log.range(start, u64::MAX) {
                if bytes > 0 && bytes + message.json.len() > max_bytes {
                    break;
                }
                bytes += message.json.len();
                end = message.offset + 1;
                each(message);
            }
            start..end
        })
    }

    /// The oldest offset that is kept.
    pub(crate) fn oldest(&self) -> u64 {
        self.with_log(|log| log.oldest())
    }

    pub(super) fn with_log<T>(&self, f: impl FnOnce(&mut Log) -> T) -> T {
        // A panic while holding the lock would be our bug; the log is whole between any two statements.
        f(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn enter(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.touch();
        self.readers.fetch_sub(1, Ordering::Release);
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Since when nobody has read or published, or `None` while somebody reads.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let idle = self.readers.load(Ordering::Acquire) == 0;
        idle.then(|| *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
