//! What receivers see of what a publisher sends: how many, how late, how far apart. One for all receivers.
//!
//! A message's data begins with the moment at which it was to be sent and its number, both of a fixed width, so that a
//! receiver finds them without decoding: `{"due_us":1764000000000000,"n":1000000000,"pad":"…"}`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use memchr::memmem::{self, Finder};
use tokio::sync::Notify;
use wirelab_transport::clock::Clock;

const DUE: &[u8] = br#""due_us":"#;
const DUE_DIGITS: usize = 16;
const NUMBER: &[u8] = br#","n":"#;
const NUMBER_DIGITS: usize = 10;
const COUNT: &[u8] = br#""count":"#;
/// The first number: it has all its digits.
const FIRST: u64 = 1_000_000_000;
/// The shortest data: stamp, number and an empty pad.
pub(crate) const LEAST_BYTES: usize = data(0, 0, 0).0;
/// Messages whose first and last arrival are followed at once.
const FOLLOWED: usize = 4096;
/// Times longer than this count as this: one minute.
const LONGEST_US: u64 = 60_000_000;

/// How many bytes data has, before and with its pad.
const fn data(_due_us: u64, _number: u64, pad: usize) -> (usize, usize) {
    let bare = 1 + DUE.len() + DUE_DIGITS + NUMBER.len() + NUMBER_DIGITS + br#","pad":""}"#.len();
    (bare, bare + pad)
}

/// A message's data, of exactly `bytes`.
pub(crate) fn stamped(due_us: u64, number: u64, bytes: usize) -> String {
    let pad = "x".repeat(bytes.saturating_sub(LEAST_BYTES));
    format!(r#"{{"due_us":{due_us:016},"n":{},"pad":"{pad}"}}"#, FIRST + number)
}

/// When a message was to be sent, and its number.
pub(crate) fn stamp(finder: &Finder<'_>, message: &[u8]) -> Option<(u64, u64)> {
    let due = message.get(finder.find(message)? + DUE.len()..)?;
    let number = due.get(DUE_DIGITS..)?.strip_prefix(NUMBER)?;
    Some((
        digits(due, DUE_DIGITS)?,
        digits(number, NUMBER_DIGITS)?.checked_sub(FIRST)?,
    ))
}

/// How many messages a frame says that the server skipped; 0 where it is no `gap`.
fn skipped(message: &[u8]) -> u64 {
    let is_gap = memmem::find(message, br#""type":"gap""#).is_some();
    let count = is_gap.then(|| memmem::find(message, COUNT)).flatten();
    let digits = count.map_or(&[][..], |at| &message[at + COUNT.len()..]);
    let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
    digits.fold(0, |sum: u64, digit| {
        sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    })
}

/// What finds a stamp.
pub(crate) fn finder() -> Finder<'static> {
    Finder::new(DUE)
}

fn digits(text: &[u8], count: usize) -> Option<u64> {
    let text = text.get(..count)?;
    text.iter().try_fold(0_u64, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0'))
    })
}

/// A histogram of microseconds, three significant digits.
#[derive(Clone, Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are constants that it takes"))
    }
}

impl Times {
    pub(crate) fn record(&mut self, us: u64) {
        self.0.saturating_record(us);
    }

    /// A quantile; NaN where nothing was recorded.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        self.0.value_at_quantile(quantile) as f64
    }

    pub(crate) fn max(&self) -> f64 {
        if self.0.is_empty() {
            f64::NAN
        } else {
            self.0.max() as f64
        }
    }
}

/// The first and last arrival of one message.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    number: u64,
    first_us: u64,
    last_us: u64,
    arrivals: usize,
}

/// What all receivers have seen.
#[derive(Debug)]
pub(crate) struct Meter {
    finder: Finder<'static>,
    clock: Clock,
    receivers: usize,
    /// Of all that was ever sent.
    pub(crate) deliveries: u64,
    /// Messages that the server said it skipped, for all receivers together.
    pub(crate) skipped: u64,
    /// Of what arrives while it records.
    pub(crate) is_recording: bool,
    pub(crate) latency: Times,
    pub(crate) spread: Times,
    followed: Vec<Spread>,
    /// Receivers whose connection has ended, and why.
    pub(crate) ended: super::connection::Failures,
    /// Told whenever one message more is with everybody.
    pub(crate) delivered: Arc<Notify>,
}

/// A meter that several tasks write.
pub(crate) type Shared = Arc<Mutex<Meter>>;

impl Meter {
    pub(crate) fn shared(receivers: usize) -> Shared {
        Arc::new(Mutex::new(Self {
            finder: finder(),
            clock: Clock::start(),
            receivers,
            deliveries: 0,
            skipped: 0,
            is_recording: false,
            latency: Times::default(),
            spread: Times::default(),
            followed: vec![Spread::default(); FOLLOWED],
            ended: super::connection::Failures::default(),
            delivered: Arc::default(),
        }))
    }

    /// Records one message.
    pub(crate) fn message(&mut self, message: &[u8], now_us: u64) {
        let Some((due_us, number)) = stamp(&self.finder, message) else {
            self.skipped += skipped(message);
            return;
        };
        self.deliveries += 1;
        if self.deliveries.is_multiple_of(self.receivers.max(1) as u64) {
            self.delivered.notify_one();
        }
        let slot = &mut self.followed[number as usize % FOLLOWED];
        if slot.arrivals == 0 || slot.number != number {
            *slot = Spread {
                number,
                first_us: now_us,
                last_us: now_us,
                arrivals: 0,
            };
        }
        slot.last_us = now_us;
        slot.arrivals += 1;
        if !self.is_recording {
            return;
        }
        if slot.arrivals == self.receivers {
            self.spread.record(slot.last_us - slot.first_us);
        }
        self.latency.record(now_us.saturating_sub(due_us));
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.clock.now_us().0
    }
}

pub(crate) fn lock(meter: &Mutex<Meter>) -> MutexGuard<'_, Meter> {
    meter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_found_in_whatever_stands_around_it() {
        let data = stamped(1_764_000_000_000_000, 42, 100);
        assert_eq!(data.len(), 100);
        assert_eq!(stamped(0, 0, 0).len(), LEAST_BYTES, "never shorter");
        let message = format!(r#"{{"type":"message","sent_us":1764000000000001,"data":{data}}}"#);
        assert_eq!(stamp(&finder(), message.as_bytes()), Some((1_764_000_000_000_000, 42)));
        for text in ["", r#"{"due_us":17}"#, r#"{"due_us":1764000000000000,"n":x}"#] {
            assert_eq!(stamp(&finder(), text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn deliveries_are_counted_always_and_times_while_it_records() {
        let shared = Meter::shared(2);
        let mut meter = lock(&shared);
        let one = stamped(1_000, 0, 64);
        meter.message(one.as_bytes(), 1_500);
        meter.is_recording = true;
        for (number, at_us) in [(1, 3_000), (2, 3_100), (1, 3_700), (2, 3_900)] {
            meter.message(stamped(2_000, number, 64).as_bytes(), at_us);
        }
        meter.message(br#"{"type":"hello","count":3}"#, 9_000);
        meter.message(
            br#"{"type":"gap","from":"a.1","to":"a.12","count":12,"reason":"latest"}"#,
            9_000,
        );
        assert_eq!(meter.skipped, 12);
        assert_eq!(meter.deliveries, 5);
        assert_eq!((meter.latency.at(0.5), meter.latency.max()), (1_100.0, 1_900.0));
        assert_eq!((meter.spread.at(0.0), meter.spread.max()), (700.0, 800.0));
        assert!(Times::default().at(0.5).is_nan() && Times::default().max().is_nan());
    }
}
