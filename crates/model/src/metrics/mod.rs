//! What every figure means, one file a figure.
//!
//! A [`Meter`] sits at the receiver, at the first line of code that sees the bytes, and is told of every arrival.
//! It never asks for the time. All the times that it is told come from two clocks, the sender's (`sent_us`) and the
//! receiver's (everything else), and [`Theta`] is the difference between them; inside, every time is on the sender's
//! clock.
//!
//! **Window.** The figures are about the messages published from [`Opening::first`] to [`Closing::last`]. Earlier
//! offsets are the warm-up: they are in no count and no percentile, and only say how old the reader's state is when
//! the window opens. Messages may still arrive after the last was published: the caller waits for a stated drain time
//! and then asks for the [`Summary`].
//!
//! **Memory** does not grow with the run: two histograms of 190 KiB (`distribution.rs`) and 8 KiB to tell duplicates
//! (`seen.rs`). Both files say what happens at their bound.
//!
//! **Fresh** is a message that was sent later than every one before it. A late, old or doubled message is not: it
//! lowers no age and ends no gap.

mod age;
mod bytes;
pub mod clock;
mod delivery;
mod distribution;
mod freeze;
mod gap;
mod jitter;
mod latency;
mod on_time;
mod reorder;
mod seen;

use serde::Serialize;

use crate::Micros;

pub use self::{age::Age, clock::Theta, delivery::Delivery, freeze::Freezes, latency::Latency, reorder::Reordering};
use self::{
    age::Sawtooth,
    bytes::PayloadBytes,
    delivery::Counts,
    freeze::FreezeCount,
    gap::Gaps,
    jitter::Jitter,
    latency::Latencies,
    reorder::ReorderCount,
    seen::{Seen, Sighting},
};

/// One message, as the receiver saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The message's offset in its topic.
    pub offset: u64,
    /// When it was published, on the sender's clock.
    pub sent_us: Micros,
    /// When its bytes were first seen, before decoding, on the receiver's clock.
    pub received_us: Micros,
    /// Bytes of payload.
    pub bytes: u32,
}

/// How the publication window opens: all that a meter is told beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The first offset that counts. What is below is the warm-up.
    pub first: u64,
    /// When the window opens, on the receiver's clock. Age and gaps are watched from here on; without it, from the
    /// first message that counts.
    pub from_us: Option<Micros>,
    /// The schedule's period δ.
    pub period_us: Micros,
    /// The difference between the two clocks.
    pub clock: Theta,
}

/// How the publication window closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The last offset published. A message that has arrived was published in any case, so 0 stands for "what I saw".
    pub last: u64,
    /// Until when age and gaps are watched, on the receiver's clock: one period after the last publication, or now.
    /// A fresh message that came later than that is still counted.
    pub until_us: Micros,
    /// The link's one-way delay where it is known: [`Delivery::on_time`] counts from it, and else from the least
    /// latency seen.
    pub link_delay_us: Option<Micros>,
}

/// Every receiver-side figure that needs only arrivals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// What became of the messages published.
    pub delivery: Delivery,
    /// One-way latency; none when nothing was delivered.
    pub latency: Option<Latency>,
    /// The difference of clocks that latency and age rest on, and how wrong it may be.
    pub clock: Theta,
    /// Age of information; none when no time was watched.
    pub age: Option<Age>,
    /// The longest time between two fresh updates, ms.
    pub longest_gap_ms: f64,
    /// Gaps long enough to be seen.
    pub freezes: Freezes,
    /// Arrivals out of order.
    pub reordering: Reordering,
    /// Interarrival jitter (RFC 3550), µs.
    pub jitter_us: f64,
    /// Bytes of payload received, doubled messages included.
    pub payload_bytes: u64,
}

/// Measures what one receiver gets of one topic.
///
/// ```
/// use wirelab_model::{Micros, metrics::{Arrival, Closing, Meter, Opening, Theta}};
///
/// let mut meter = Meter::new(Opening {
///     first: 1, from_us: None, period_us: Micros(16_667), clock: Theta::SAME_CLOCK,
/// });
/// meter.arrival(Arrival { offset: 1, sent_us: Micros(0), received_us: Micros(20_000), bytes: 100 });
/// meter.arrival(Arrival { offset: 3, sent_us: Micros(33_334), received_us: Micros(53_334), bytes: 100 });
/// let summary = meter.summary(Closing { last: 3, until_us: Micros(53_334), link_delay_us: None });
/// assert_eq!((summary.delivery.delivered, summary.delivery.lost), (2, 1));
/// assert_eq!(summary.age.expect("time went by").peak_us, 53_334);
/// ```
#[derive(Clone, Debug)]
pub struct Meter {
    opening: Opening,
    seen: Seen,
    counts: Counts,
    latencies: Latencies,
    sawtooth: Sawtooth,
    gaps: Gaps,
    freezes: FreezeCount,
    reordered: ReorderCount,
    jitter: Jitter,
    bytes: PayloadBytes,
}

impl Meter {
    /// A meter that has seen nothing.
    #[must_use]
    pub fn new(opening: Opening) -> Self {
        let from_us = opening.from_us.map(|from_us| opening.clock.on_senders(from_us));
        Self {
            opening,
            seen: Seen::default(),
            counts: Counts::default(),
            latencies: Latencies::default(),
            sawtooth: Sawtooth::new(from_us),
            gaps: Gaps::new(from_us),
            freezes: FreezeCount::new(opening.period_us),
            reordered: ReorderCount::default(),
            jitter: Jitter::default(),
            bytes: PayloadBytes::default(),
        }
    }

    /// Takes one arrival; to be called in the order in which they came.
    pub fn arrival(&mut self, arrival: Arrival) {
        let counts = arrival.offset >= self.opening.first;
        let (sent_us, received_us) = (
            signed(arrival.sent_us),
            self.opening.clock.on_senders(arrival.received_us),
        );
        if counts {
            self.bytes.add(arrival.bytes);
            match self.seen.insert(arrival.offset) {
                Sighting::First { behind } => {
                    let transit_us = received_us.saturating_sub(sent_us);
                    self.counts.delivered += 1;
                    self.latencies.record(transit_us);
                    self.jitter.record(transit_us);
                    self.reordered.record(behind);
                }
                Sighting::Duplicate => self.counts.duplicates += 1,
                Sighting::TooOld => self.counts.too_old += 1,
            }
        }
        if self.sawtooth.is_fresh(sent_us) {
            self.sawtooth.fresh(sent_us, received_us, counts);
            if let Some(gap_us) = self.gaps.fresh(received_us, counts) {
                self.freezes.record(gap_us);
            }
        }
    }

    /// Takes the notice that our own policy dropped `count` messages of the window.
    pub fn skipped(&mut self, count: u64) {
        self.counts.skipped = self.counts.skipped.saturating_add(count);
    }

    /// The figures as they stand if the window closes so. The meter may go on.
    #[must_use]
    pub fn summary(&self, closing: Closing) -> Summary {
        let until_us = self.opening.clock.on_senders(closing.until_us);
        let last = self
            .seen
            .greatest()
            .map_or(closing.last, |greatest| closing.last.max(greatest));
        let published = if last < self.opening.first {
            0
        } else {
            (last - self.opening.first).saturating_add(1)
        };
        let on_time = on_time::count(&self.latencies, closing.link_delay_us);
        let open_gap_us = self.gaps.open(until_us);
        Summary {
            delivery: self.counts.summary(published, on_time),
            latency: self.latencies.summary(),
            clock: self.opening.clock,
            age: self.sawtooth.summary(until_us),
            longest_gap_ms: ms(self.gaps.longest_us().max(open_gap_us)),
            freezes: self.freezes.summary(open_gap_us),
            reordering: self.reordered.summary(self.counts.delivered),
            jitter_us: self.jitter.us(),
            payload_bytes: self.bytes.total(),
        }
    }
}

/// A time told by a stranger may be anything: what no clock shows saturates.
fn signed(time: Micros) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// The span from `earlier_us` to `later_us`, zero when they are the wrong way round.
fn span_us(earlier_us: i64, later_us: i64) -> u64 {
    u64::try_from(later_us.saturating_sub(earlier_us)).unwrap_or(0)
}

/// Microseconds as milliseconds.
fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// `part` of `whole` as a share of 1; none when there is nothing to share.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests;
