//! Which packets are lost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    chance::{Chance, Draws},
    units::{Share, time},
};

/// A rule of loss.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a loss is \"2%\", or { outages = \"5%\", mean = \"400ms\" }, or { bursts = \"2%\", length = 5 }"
)]
pub enum Loss {
    /// Each packet by itself: `loss = "2%"`.
    Random(Share),
    /// Spells of time in which nothing passes: `loss = { outages = "5%", mean = "400ms" }`. The schedule hangs on the
    /// seed and the time alone, so every link of a run meets the same spells, however few packets it has.
    Outages {
        /// Of the time.
        outages: Share,
        /// How long one is on average; lengths are exponential.
        #[serde(with = "time")]
        mean: Duration,
    },
    /// Gilbert–Elliott: bursts counted in packets: `loss = { bursts = "2%", length = 5 }`.
    ///
    /// Its state moves only when a packet passes. A TCP that has backed off sends one a second, so what are five packets
    /// for UDP are five seconds for TCP: **do not compare transports over it**; use outages.
    Bursts {
        /// Of the packets.
        bursts: Share,
        /// Packets of a burst on average.
        length: f64,
    },
}

impl Default for Loss {
    fn default() -> Self {
        Self::Random(Share::NONE)
    }
}

/// Where a rule of loss stands.
#[derive(Clone, Debug)]
pub(super) struct Losing {
    in_burst: bool,
    outages: Outages,
}

impl Losing {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            in_burst: false,
            outages: Outages::new(seed),
        }
    }

    /// Whether the packet of these draws is lost.
    pub(super) fn takes(&mut self, loss: &Loss, draws: &Draws, now: Duration) -> bool {
        match *loss {
            Loss::Random(share) => draws.loss < share.of_one(),
            Loss::Outages { outages, mean } => self.outages.at(now, outages.of_one(), mean),
            Loss::Bursts { bursts, length } => {
                let leave = 1.0 / length;
                let enter = leave * bursts.of_one() / (1.0 - bursts.of_one());
                self.in_burst = if self.in_burst {
                    draws.burst >= leave
                } else {
                    draws.burst < enter
                };
                self.in_burst
            }
        }
    }
}

/// The schedule of outages, made as time goes on: a good spell, an outage, a good spell …
#[derive(Clone, Debug)]
struct Outages {
    chance: Chance,
    until: Duration,
    is_out: bool,
}

impl Outages {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed, SCHEDULE),
            until: Duration::ZERO,
            is_out: true, // over at once: the first spell is a good one
        }
    }

    fn at(&mut self, now: Duration, share: f64, mean: Duration) -> bool {
        if share <= 0.0 {
            return false;
        }
        while now >= self.until {
            self.is_out = !self.is_out;
            let mean = if self.is_out {
                mean
            } else {
                mean.mul_f64((1.0 - share) / share)
            };
            // Exponential; 1 µs at least, so that time goes on.
            let spell = mean.mul_f64(-(1.0 - self.chance.unit()).ln());
            self.until += spell.max(Duration::from_micros(1));
        }
        self.is_out
    }
}

/// The purpose of the schedule's source of chance; both directions share it, as they share the tunnel.
const SCHEDULE: u64 = 2;
