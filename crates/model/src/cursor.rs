//! Cursors: the id of one message in one topic, the same on every lane.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The life of one log. When a log is lost its epoch is lost too, so an old cursor is never misread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// `<epoch>.<offset>`: 16 lowercase hex digits, a dot, decimal digits. Offset 0 is before the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The log that the offset counts in.
    pub epoch: Epoch,
    /// The message's place; it grows, by one on the embedded log.
    pub offset: u64,
}

/// The text is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a cursor is sixteen lowercase hex digits, a dot and a decimal offset, such as 00c0ffee00c0ffee.42")]
pub struct CursorError;

impl Cursor {
    /// The longest text of a cursor, bytes.
    pub const MAX_BYTES: usize = 16 + 1 + 20;

    /// Names the message at `offset` of the log `epoch`.
    #[must_use]
    pub fn new(epoch: Epoch, offset: u64) -> Self {
        Self { epoch, offset }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (epoch, offset) = text.split_once('.').ok_or(CursorError)?;
        let hex = epoch.len() == 16 && epoch.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let decimal = offset.bytes().all(|b| b.is_ascii_digit()) && (offset == "0" || !offset.starts_with('0'));
        if !hex || !decimal {
            return Err(CursorError);
        }
        Ok(Self {
            epoch: Epoch(u64::from_str_radix(epoch, 16).map_err(|_| CursorError)?),
            offset: offset.parse().map_err(|_| CursorError)?,
        })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.offset)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_back(epoch: u64, offset: u64) {
            let cursor = Cursor::new(Epoch(epoch), offset);
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            prop_assert!(cursor.to_string().len() <= Cursor::MAX_BYTES);
        }

        #[test]
        fn any_text_is_read_without_panic_and_has_one_spelling(text in "\\PC{0,40}|[0-9a-f.]{0,40}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for odd in [
            "",
            ".",
            "1.1",
            "00c0ffee00c0ffee",
            "00c0ffee00c0ffee.",
            "00C0FFEE00C0FFEE.1",
            "00c0ffee00c0ffee.01",
            "00c0ffee00c0ffee.-1",
            "00c0ffee00c0ffee.+1",
            "00c0ffee00c0ffee.99999999999999999999",
        ] {
            assert_eq!(odd.parse::<Cursor>(), Err(CursorError), "{odd}");
        }
    }
}
