//! Topics: the names of feeds, and which names mean something.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::frame::ErrorCode;

/// A topic's name: `[a-z0-9_-]+(\.[a-z0-9_-]+)*`, at most [`TopicName::MAX_BYTES`] bytes.
///
/// The grammar holds no CR, LF, NUL, `@` or `,`, so a name may stand in an SSE field or id as it is.
/// Cheap to clone: the text is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

/// Why a text is no topic name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TopicError {
    /// The text is empty.
    #[error("a topic name may not be empty")]
    Empty,
    /// The text is longer than [`TopicName::MAX_BYTES`].
    #[error("a topic name is at most {max} bytes long, this one has {0}", max = TopicName::MAX_BYTES)]
    TooLong(usize),
    /// A part holds a character outside `[a-z0-9_-]`, or is empty.
    #[error("a topic name is made of a-z, 0-9, _ and -, in parts separated by single dots")]
    Grammar,
    /// `tick.<hz>.<bytes>` with a rate or size that is not served.
    #[error("a tick topic is tick.<hz>.<bytes> with {}-{} Hz and {}-{} bytes, such as tick.60.100",
        Tick::HZ.start(), Tick::HZ.end(), Tick::BYTES.start(), Tick::BYTES.end())]
    Tick,
    /// The name is a frame's or an event's own name.
    #[error("the name {0:?} is reserved")]
    Reserved(String),
}

impl TopicError {
    /// What an `error` frame calls it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Reserved(_) => ErrorCode::Reserved,
            Self::Empty | Self::TooLong(_) | Self::Grammar | Self::Tick => ErrorCode::BadTopic,
        }
    }
}

/// The synthetic state stream `tick.<hz>.<bytes>`: a fixed rate and a fixed size of `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    hz: u32,
    bytes: usize,
}

impl Tick {
    /// Rates that are served, Hz.
    pub const HZ: std::ops::RangeInclusive<u32> = 1..=240;
    /// Sizes that are served, bytes. The least holds the keys and a count of seventeen digits.
    pub const BYTES: std::ops::RangeInclusive<usize> = 32..=16_384;

    /// Messages a second, within [`Tick::HZ`].
    #[must_use]
    pub fn hz(self) -> u32 {
        self.hz
    }

    /// Bytes of JSON in `data`, exactly; within [`Tick::BYTES`].
    #[must_use]
    pub fn bytes(self) -> usize {
        self.bytes
    }

    /// When message `count` is due, since the start: from there each time, so that rounding never adds up.
    #[must_use]
    pub fn due(self, count: u64) -> Duration {
        Duration::from_nanos(count.saturating_mul(1_000_000_000) / u64::from(self.hz))
    }

    fn parse(rest: &str) -> Option<Self> {
        let (hz, bytes) = rest.split_once('.')?;
        let plain = |text: &str| !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        if !plain(hz) || !plain(bytes) {
            return None; // one spelling for one stream
        }
        let tick = Self {
            hz: hz.parse().ok()?,
            bytes: bytes.parse().ok()?,
        };
        (Self::HZ.contains(&tick.hz) && Self::BYTES.contains(&tick.bytes)).then_some(tick)
    }

    /// Writes `{"n":<count>,"pad":"…"}`, exactly [`Self::bytes`] long.
    pub fn write_data(self, count: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(br#"{"n":"#);
        out.extend_from_slice(count.to_string().as_bytes());
        out.extend_from_slice(br#","pad":""#);
        let used = out.len() - start + br#""}"#.len();
        out.resize(out.len() + self.bytes.saturating_sub(used), b'x');
        out.extend_from_slice(br#""}"#);
    }
}

/// Where a topic's messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `metric`: readings of this server, once a second.
    Metric,
    /// `tick.<hz>.<bytes>`: made on demand, on a fixed schedule.
    Tick(Tick),
    /// Any other name: what clients publish to it.
    Published,
}

impl TopicName {
    /// The longest name, bytes.
    pub const MAX_BYTES: usize = 64;
    /// Names that are event names of a lane or of `EventSource` itself.
    const RESERVED: [&str; 5] = ["hello", "control", "open", "error", "message"];

    /// The feed of this server's own readings.
    #[must_use]
    pub fn metric() -> Self {
        Self("metric".into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its messages come from.
    #[must_use]
    pub fn source(&self) -> Source {
        match self.0.strip_prefix("tick.").and_then(Tick::parse) {
            Some(tick) => Source::Tick(tick),
            None if &*self.0 == "metric" => Source::Metric,
            None => Source::Published,
        }
    }
}

impl FromStr for TopicName {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let part = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        match text {
            "" => Err(TopicError::Empty),
            long if long.len() > Self::MAX_BYTES => Err(TopicError::TooLong(long.len())),
            odd if !odd.split('.').all(part) => Err(TopicError::Grammar),
            own if Self::RESERVED.contains(&own) => Err(TopicError::Reserved(own.to_owned())),
            "tick" => Err(TopicError::Tick),
            tick if tick
                .strip_prefix("tick.")
                .is_some_and(|rest| Tick::parse(rest).is_none()) =>
            {
                Err(TopicError::Tick)
            }
            good => Ok(Self(good.into())),
        }
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Serialize for TopicName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TopicName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> TopicError {
        text.parse::<TopicName>().expect_err(text)
    }

    #[test]
    fn names_follow_the_grammar() {
        for good in ["metric", "a", "room-1.chat_2", "0", &"x".repeat(64)] {
            assert_eq!(good.parse::<TopicName>().expect(good).as_str(), good);
        }
        assert_eq!(refused(""), TopicError::Empty);
        assert_eq!(refused(&"x".repeat(65)), TopicError::TooLong(65));
        for odd in [
            ".", "a.", ".a", "a..b", "A", "a b", "a\n", "a\r", "a\0", "a@b", "a,b", "é", "a/b",
        ] {
            assert_eq!(refused(odd), TopicError::Grammar, "{odd:?}");
        }
        for own in ["hello", "control", "open", "error", "message"] {
            assert_eq!(refused(own), TopicError::Reserved(own.into()));
        }
    }

    #[test]
    fn ticks_are_bounded_and_have_one_spelling() {
        let tick = "tick.60.100".parse::<TopicName>().expect("good");
        assert_eq!(tick.source(), Source::Tick(Tick { hz: 60, bytes: 100 }));
        for odd in [
            "tick",
            "tick.60",
            "tick.0.100",
            "tick.241.100",
            "tick.60.31",
            "tick.60.16385",
            "tick.060.100",
            "tick.60.100.1",
            "tick.x.100",
            "tick.99999999999.100",
        ] {
            assert_eq!(refused(odd), TopicError::Tick, "{odd}");
        }
        assert_eq!(
            "ticker".parse::<TopicName>().expect("a plain name").source(),
            Source::Published
        );
    }

    #[test]
    fn tick_data_has_exactly_its_size() {
        // The least size holds 17 digits: 240 Hz for thirteen million years.
        for (bytes, count) in [(32, 0), (32, 10_u64.pow(17) - 1), (100, 7), (16_384, 123_456)] {
            let mut data = Vec::new();
            Tick { hz: 1, bytes }.write_data(count, &mut data);
            assert_eq!(data.len(), bytes, "{bytes} {count}");
            let value: serde_json::Value = serde_json::from_slice(&data).expect("JSON");
            assert_eq!(value["n"], count);
        }
    }
}
