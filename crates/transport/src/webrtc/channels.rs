//! The two channels, from the side that sends.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use webrtc::data_channel::DataChannel;
use wirelab_model::frame::ServerFrame;

use super::{
    FRESH, OUTSTANDING_BYTES,
    gate::{Gate, Seen},
    readers::Reader,
    runtime::Flow,
};
use crate::{
    Departure,
    clock::Clock,
    counters::LaneCounters,
    feed::{Delivery, Gap},
};

/// Messages read at once for one topic.
const PIECE_BYTES: usize = 16 * 1024;
/// Gaps are told while less than this is on its way on `control`: they are of no use late, and must not make it later.
const GAPS_BYTES: usize = 8 * 1024;

/// Ordered and reliable.
pub(super) struct Control {
    pub(super) channel: Arc<dyn DataChannel>,
    /// Frames said and not yet given to SCTP.
    said: VecDeque<Vec<u8>>,
    counters: LaneCounters,
}

/// Unordered, nothing twice.
pub(super) struct State {
    pub(super) channel: Arc<dyn DataChannel>,
    gate: Gate,
    flow: Arc<Flow>,
    /// Bytes that had left when the last message was given to SCTP, and its size.
    last: Option<(u64, usize)>,
    clock: Clock,
    counters: LaneCounters,
}

impl Control {
    pub(super) fn new(channel: Arc<dyn DataChannel>, counters: LaneCounters) -> Self {
        Self {
            channel,
            said: VecDeque::new(),
            counters,
        }
    }

    /// Says a frame, once [`Control::flush`] is called.
    pub(super) fn say(&mut self, frame: &ServerFrame<'_>) {
        self.said.push_back(frame.to_json());
    }

    /// Gives everything said to SCTP.
    pub(super) async fn flush(&mut self) -> Result<(), Departure> {
        while let Some(frame) = self.said.pop_front() {
            self.send(&frame).await?;
        }
        Ok(())
    }

    /// Whether anything more may be given to SCTP.
    pub(super) async fn has_room(&self) -> bool {
        self.outstanding().await < OUTSTANDING_BYTES
    }

    pub(super) async fn outstanding(&self) -> usize {
        self.channel.outstanding_bytes().await.unwrap_or_default()
    }

    /// Reads what comes next for `reader`, a piece. `behind` falls when there was nothing.
    pub(super) async fn catch_up(&mut self, reader: &mut Reader) -> Result<(), Departure> {
        let topic = Arc::clone(reader.subscription.topic());
        let (mut messages, mut piece) = (0, Vec::new());
        let counters = &self.counters;
        let read = reader
            .subscription
            .read(u64::MAX, PIECE_BYTES, |delivery| match delivery {
                Delivery::Message(message) => {
                    messages += 1;
                    piece.push(message.json.clone());
                }
                Delivery::Gap(gap) => {
                    counters.skipped(gap.count, gap.reason);
                    piece.push(gap.frame(&topic).to_json().into());
                }
                Delivery::Resync(resync) => {
                    counters.resync(resync.reason);
                    piece.push(resync.frame(&topic).to_json().into());
                }
            });
        reader.behind = !piece.is_empty();
        for frame in piece {
            self.send(&frame).await?;
        }
        self.counters.delivered(messages);
        read.map_err(|_| Departure::Slow)
    }

    async fn send(&self, frame: &[u8]) -> Result<(), Departure> {
        send(&*self.channel, frame).await?;
        self.counters.wrote(frame.len());
        Ok(())
    }
}

impl State {
    pub(super) fn new(channel: Arc<dyn DataChannel>, flow: Arc<Flow>, clock: Clock, counters: LaneCounters) -> Self {
        Self {
            channel,
            gate: Gate::default(),
            flow,
            last: None,
            clock,
            counters,
        }
    }

    /// Sends the newest message of a topic that has news, or leaves it: the next one finds it skipped.
    pub(super) async fn offer(&mut self, reader: &mut Reader) -> Result<(), Departure> {
        let topic = Arc::clone(reader.subscription.topic());
        let mut newest = (0, 0);
        topic.read(topic.head().offset, 0, |message| {
            newest = (message.json.len(), message.sent_us.0)
        });
        let (bytes, sent_us) = newest;
        let stale = self.clock.now_us().0.saturating_sub(sent_us) > FRESH.as_micros() as u64;
        let (now, outstanding) = (
            Instant::now(),
            self.channel.outstanding_bytes().await.unwrap_or_default(),
        );
        let seen = Seen {
            outstanding,
            waits: outstanding > 0 && self.last_waits(),
            heard: self.flow.heard(),
        };
        if stale || !self.gate.admits(now, bytes, seen) {
            return Ok(());
        }
        let mut message = None;
        let counters = &self.counters;
        let owed = &mut reader.owed;
        let read = reader.subscription.read(u64::MAX, 1, |delivery| match delivery {
            Delivery::Message(next) => message = Some(next.clone()),
            Delivery::Gap(gap) => {
                counters.skipped(gap.count, gap.reason);
                *owed = Some(owed.map_or(gap, |earlier| joined(earlier, gap)));
            }
            Delivery::Resync(_) => {} // `state` does not resume
        });
        read.map_err(|_| Departure::Slow)?;
        let Some(message) = message else { return Ok(()) };
        self.last = Some((self.flow.sent_bytes(), message.json.len()));
        send(&*self.channel, &message.json).await?;
        self.gate.sent(now, message.json.len());
        self.counters.wrote(message.json.len());
        self.counters.delivered(1);
        self.counters
            .publish_to_write(self.clock.now_us().since(message.sent_us));
        Ok(())
    }

    /// Whether the last message was not seen to leave.
    fn last_waits(&self) -> bool {
        self.last
            .is_some_and(|(before, bytes)| self.flow.sent_bytes() - before < bytes as u64)
    }
}

/// Tells on `control` what was skipped on `state`.
pub(super) async fn tell_gaps(readers: &mut [Reader], control: &mut Control) {
    if readers.iter().all(|reader| reader.owed.is_none()) || control.outstanding().await > GAPS_BYTES {
        return;
    }
    for reader in readers {
        if let Some(gap) = reader.owed.take() {
            control.say(&gap.frame(reader.subscription.topic()));
        }
    }
}

/// One account of two gaps: `count` stays exact, what was delivered between them lies between `from` and `to` too.
fn joined(earlier: Gap, later: Gap) -> Gap {
    Gap {
        from: earlier.from,
        count: earlier.count + later.count,
        ..later
    }
}

async fn send(channel: &dyn DataChannel, frame: &[u8]) -> Result<(), Departure> {
    let text = std::str::from_utf8(frame).expect("frames are JSON");
    channel.send_text(text).await.map_err(|_| Departure::Gone)
}
