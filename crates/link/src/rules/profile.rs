//! What a link is like: a shape for each direction.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    loss::Loss,
    units::{Rate, Share, time},
};

/// The longest delay, jitter, queue or mean outage. More would be minutes in which nobody sees anything.
const LONGEST: Duration = Duration::from_secs(10);
/// Below it a single packet takes more than a second.
const SLOWEST_BITS_PER_SECOND: u64 = 8_000;
/// The longest burst, packets.
const LONGEST_BURST: f64 = 1_000.0;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the server to its clients.
    Down,
    /// From clients to the server.
    Up,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Down, Self::Up];
}

/// A link, both ways.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// From the server to its clients.
    #[serde(default)]
    pub down: Shape,
    /// From clients to the server.
    #[serde(default)]
    pub up: Shape,
}

/// One direction of a link.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// One way, for every packet.
    #[serde(with = "time")]
    pub delay: Duration,
    /// On top of the delay, uniform from none to this. Packets keep their order, as in a queue: what comes behind a late
    /// one is late as well.
    #[serde(with = "time")]
    pub jitter: Duration,
    /// What is lost, after the bottleneck: a lost packet has used its slot.
    pub loss: Loss,
    /// The bottleneck, in IP bits; none: as fast as the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How long a packet may wait at the bottleneck; one that would have to wait longer is dropped.
    #[serde(with = "time")]
    pub queue: Duration,
    /// Of the packets, how many arrive twice.
    pub duplicate: Share,
    /// Of the packets, how many overtake: they skip delay and jitter.
    pub reorder: Share,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::default(),
            rate: None,
            queue: Duration::from_millis(100),
            duplicate: Share::NONE,
            reorder: Share::NONE,
        }
    }
}

/// Why a profile asks for nonsense.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ProfileError {
    /// A time above what is sensible.
    #[error("{what} of {} is more than {}: say a shorter one", humantime::format_duration(*asked), humantime::format_duration(*most))]
    TooLong {
        /// `delay`, `jitter`, `queue` or `mean outage`.
        what: &'static str,
        /// What was asked for.
        asked: Duration,
        /// The limit.
        most: Duration,
    },
    /// A bottleneck that is none.
    #[error(
        "a rate of {0} lets a single packet take more than a second; the least is 8kbit/s, and a link that carries nothing is a loss of 100%"
    )]
    TooSlow(Rate),
    /// Outages or bursts that leave nothing.
    #[error("{0} of outages or bursts leaves no time between them; the most is 95%, and all is loss = \"100%\"")]
    TooMuch(Share),
    /// A burst is some packets.
    #[error("a burst of {0} packets on average: say 1 to 1000")]
    Burst(f64),
    /// Even with one packet between two bursts, fewer would be lost than asked for.
    #[error(
        "bursts of {length} packets on average cannot take {bursts} of them, since at least one passes between two; \
         say bursts of at least {least:.1} packets"
    )]
    TooDense {
        /// What was asked for.
        bursts: Share,
        /// With bursts of this many packets.
        length: f64,
        /// How long they have to be for it.
        least: f64,
    },
    /// An outage takes time.
    #[error("outages need a mean length of at least 1ms")]
    TooShort,
}

impl Profile {
    /// The same shape both ways.
    #[must_use]
    pub fn symmetric(shape: Shape) -> Self {
        Self {
            down: shape.clone(),
            up: shape,
        }
    }

    /// One direction.
    #[must_use]
    pub fn shape(&self, direction: Direction) -> &Shape {
        match direction {
            Direction::Down => &self.down,
            Direction::Up => &self.up,
        }
    }

    /// The round trip without jitter or queues.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.down.delay + self.up.delay
    }

    /// # Errors
    ///
    /// What does not make sense, and what would.
    pub fn validate(&self) -> Result<(), ProfileError> {
        self.down.validate()?;
        self.up.validate()
    }
}

impl Shape {
    /// # Errors
    ///
    /// What does not make sense, and what would.
    pub fn validate(&self) -> Result<(), ProfileError> {
        let times = [
            ("a delay", self.delay),
            ("a jitter", self.jitter),
            ("a queue", self.queue),
        ];
        for (what, asked) in times {
            short(what, asked)?;
        }
        match self.rate {
            Some(rate) if rate.bits_per_second() < SLOWEST_BITS_PER_SECOND => return Err(ProfileError::TooSlow(rate)),
            _ => {}
        }
        let some_left = |share: Share| {
            (share.of_one() <= 0.95)
                .then_some(())
                .ok_or(ProfileError::TooMuch(share))
        };
        match self.loss {
            Loss::Random(_) => Ok(()),
            Loss::Outages { outages, mean } => {
                some_left(outages)?;
                short("a mean outage", mean)?;
                (mean >= Duration::from_millis(1))
                    .then_some(())
                    .ok_or(ProfileError::TooShort)
            }
            Loss::Bursts { bursts, length } => {
                some_left(bursts)?;
                if !(1.0..=LONGEST_BURST).contains(&length) {
                    return Err(ProfileError::Burst(length));
                }
                let least = bursts.of_one() / (1.0 - bursts.of_one());
                (length >= least)
                    .then_some(())
                    .ok_or(ProfileError::TooDense { bursts, length, least })
            }
        }
    }
}

fn short(what: &'static str, asked: Duration) -> Result<(), ProfileError> {
    let most = LONGEST;
    (asked <= most)
        .then_some(())
        .ok_or(ProfileError::TooLong { what, asked, most })
}
