//! Shares and rates as people write them: `2%`, `20Mbit/s`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is no such value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct UnitError(String);

impl UnitError {
    fn new(text: &str, wanted: &str) -> Self {
        Self(format!("{text:?} is not {wanted}"))
    }
}

/// A share of all packets, from 0 to 1; written as percent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(f64);

impl Share {
    /// None of them.
    pub const NONE: Self = Self(0.0);

    /// `of_one`: 0.02 is two percent. `None` outside 0 to 1.
    #[must_use]
    pub fn new(of_one: f64) -> Option<Self> {
        (0.0..=1.0).contains(&of_one).then_some(Self(of_one))
    }

    /// As a number from 0 to 1.
    #[must_use]
    pub fn of_one(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        text.strip_suffix('%')
            .and_then(|number| number.trim().parse::<f64>().ok())
            .and_then(|percent| Self::new(percent / 100.0))
            .ok_or_else(|| UnitError::new(text, "a share from 0% to 100%, such as 2% or 0.5%"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Six digits and no more: 0.07 * 100 is 7.000000000000001.
        let percent = (self.0 * 100.0 * 1e6).round() / 1e6;
        write!(f, "{percent}%")
    }
}

/// Bits of IP packets a second.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u64);

const RATES: [(&str, u64); 4] = [
    ("Gbit/s", 1_000_000_000),
    ("Mbit/s", 1_000_000),
    ("kbit/s", 1_000),
    ("bit/s", 1),
];

impl Rate {
    /// `None` for zero, which would be a link that carries nothing: that is a loss of 100 %.
    #[must_use]
    pub fn new(bits_per_second: u64) -> Option<Self> {
        (bits_per_second > 0).then_some(Self(bits_per_second))
    }

    /// Bits a second.
    #[must_use]
    pub fn bits_per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wanted = "a rate such as 512kbit/s or 20Mbit/s";
        let (number, unit) = RATES
            .iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
            .ok_or_else(|| UnitError::new(text, wanted))?;
        let number: f64 = number.trim().parse().map_err(|_| UnitError::new(text, wanted))?;
        let bits = number * unit as f64;
        (bits.is_finite() && (1.0..1e12).contains(&bits))
            .then_some(bits as u64)
            .and_then(Self::new)
            .ok_or_else(|| UnitError::new(text, wanted))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (suffix, unit) = RATES.iter().find(|(_, unit)| self.0 >= *unit).unwrap_or(&RATES[3]);
        write!(f, "{}{suffix}", self.0 as f64 / *unit as f64)
    }
}

macro_rules! text {
    ($kind:ty) => {
        impl TryFrom<String> for $kind {
            type Error = UnitError;

            fn try_from(text: String) -> Result<Self, UnitError> {
                text.parse()
            }
        }

        impl From<$kind> for String {
            fn from(value: $kind) -> Self {
                value.to_string()
            }
        }
    };
}
text!(Share);
text!(Rate);

/// Durations in data files: `20ms`.
pub(crate) mod time {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_duration(&text)
            .map_err(|_| D::Error::custom(format!("{text:?} is not a time such as 20ms or 1s")))
    }
}
