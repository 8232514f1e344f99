//! The ring of one topic: bounded by count and by bytes, read by offset.

use std::collections::VecDeque;

use bytes::Bytes;
use wirelab_model::{Cursor, Epoch, Micros};

/// One published message, encoded once. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its place in the topic.
    pub offset: u64,
    /// When it was published.
    pub sent_us: Micros,
    /// The `message` frame, as it goes out on every lane.
    pub json: Bytes,
}

/// The messages that are kept, oldest first. Offsets count up by one from 1.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Epoch,
    next: u64,
    ring: VecDeque<Message>,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
}

impl Log {
    pub(crate) fn new(epoch: Epoch, max_messages: usize, max_bytes: usize) -> Self {
        Self {
            epoch,
            next: 1,
            ring: VecDeque::new(),
            bytes: 0,
            max_messages,
            max_bytes,
        }
    }

    /// The offset that the next message will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The oldest offset that can still be read, or the next one where nothing is kept.
    pub(crate) fn oldest(&self) -> u64 {
        self.next - self.ring.len() as u64
    }

    pub(crate) fn cursor(&self, offset: u64) -> Cursor {
        Cursor::new(self.epoch, offset)
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Keeps a message under the next offset and lets the oldest go until the bounds hold again. The newest is always kept.
    pub(crate) fn append(&mut self, sent_us: Micros, json: Bytes) {
        self.bytes += json.len();
        self.ring.push_back(Message {
            offset: self.next,
            sent_us,
            json,
        });
        self.next += 1;
        while self.ring.len() > 1 && (self.ring.len() > self.max_messages || self.bytes > self.max_bytes) {
            self.bytes -= self.ring.pop_front().map_or(0, |message| message.json.len());
        }
    }

    /// The kept messages from `from` up to, not with, `to`.
    pub(crate) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = &Message> {
        let oldest = self.oldest();
        let index = |offset: u64| usize::try_from(offset.clamp(oldest, self.next) - oldest).unwrap_or(usize::MAX);
        let (start, end) = (index(from), index(to));
        self.ring.range(start..end.max(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_newest_within_both_bounds() {
        let mut log = Log::new(Epoch(1), 3, 100);
        assert_eq!((log.oldest(), log.next()), (1, 1));
        for _ in 0..5 {
            log.append(Micros(0), Bytes::from_static(&[0; 10]));
        }
        assert_eq!((log.oldest(), log.next()), (3, 6));
        log.append(Micros(0), Bytes::from(vec![0; 95]));
        assert_eq!((log.oldest(), log.next()), (6, 7), "bytes count too");
        log.append(Micros(0), Bytes::from(vec![0; 500]));
        assert_eq!((log.oldest(), log.next()), (7, 8), "the newest is always kept");
        assert_eq!(log.range(0, u64::MAX).map(|m| m.offset).collect::<Vec<_>>(), [7]);
        assert_eq!(log.range(8, 7).count(), 0);
    }
}
