//! How far two clocks are apart, from round trips.
//!
//! For a question sent at t0 and answered at t3 on the asker's clock, received at t1 and answered at t2 on the other's:
//! offset `θ = ((t1 − t0) + (t2 − t3)) / 2`, the other clock minus the asker's; delay `δ = (t3 − t0) − (t2 − t1)`.
//! Whatever part of δ each way took, θ is wrong by at most δ/2. Queues only ever add delay, so the fastest of the last
//! [`ClockOffset::WINDOW`] round trips has the best offset and the least error. All in µs.
//!
//! Halves are rounded so that the bound still holds: θ down, δ/2 up.
//!
//! Source: RFC 5905 section 8 (offset and delay), section 10 (the filter that keeps the fastest of eight).

use serde::Serialize;
use thiserror::Error;

use crate::Micros;

use super::signed;

/// The receiver's clock minus the sender's, and how wrong that may be: what a [`super::Meter`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Theta {
    /// Taken off every difference between a time received and a time sent.
    pub theta_us: i64,
    /// The true difference is within this of `theta_us`.
    pub error_us: Micros,
}

impl Theta {
    /// Sender and receiver read one clock.
    pub const SAME_CLOCK: Self = Self {
        theta_us: 0,
        error_us: Micros(0),
    };

    /// A time of the receiver's on the sender's clock.
    pub(super) fn on_senders(self, received_us: Micros) -> i64 {
        signed(received_us).saturating_sub(self.theta_us)
    }
}

/// One question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// The other clock minus the asker's (RFC 5905 θ).
    pub offset_us: i64,
    /// The time on the way, both ways together.
    pub delay_us: Micros,
}

impl RoundTrip {
    /// The offset is within this of the truth.
    #[must_use]
    pub fn error_us(self) -> Micros {
        Micros(self.delay_us.0.div_ceil(2))
    }

    /// What a meter at the asker's end takes, whose messages come from the other end. The sign turns round: the asker
    /// is the receiver, and RFC 5905 takes the asker's clock from the other.
    #[must_use]
    pub fn theta_for_asker(self) -> Theta {
        Theta {
            theta_us: self.offset_us.saturating_neg(),
            error_us: self.error_us(),
        }
    }
}

/// The stamps contradict each other: an answer before its question, or more time at the far end than in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no round trip has such stamps: the answer comes before the question, or took longer than the whole")]
pub struct ImpossibleRoundTrip;

/// Keeps the last few round trips and trusts the fastest.
#[derive(Clone, Debug, Default)]
pub struct ClockOffset {
    recent: [Option<RoundTrip>; Self::WINDOW],
    next: usize,
}

impl ClockOffset {
    /// Round trips that are remembered: clocks drift and routes change, so a fast one is not trusted for ever.
    pub const WINDOW: usize = 8;

    /// Takes a round trip: asked at `t0`, received at `t1`, answered at `t2`, answer received at `t3`.
    ///
    /// # Errors
    /// The stamps cannot be true; nothing is kept of them.
    pub fn sample(&mut self, t0: Micros, t1: Micros, t2: Micros, t3: Micros) -> Result<RoundTrip, ImpossibleRoundTrip> {
        let [t0, t1, t2, t3] = [t0, t1, t2, t3].map(|time| i128::from(time.0));
        let delay_us = (t3 - t0) - (t2 - t1);
        if t3 < t0 || t2 < t1 || delay_us < 0 {
            return Err(ImpossibleRoundTrip);
        }
        let offset_us = ((t1 - t0) + (t2 - t3)).div_euclid(2);
        let round_trip = RoundTrip {
            offset_us: i64::try_from(offset_us).map_err(|_| ImpossibleRoundTrip)?,
            delay_us: Micros(u64::try_from(delay_us).map_err(|_| ImpossibleRoundTrip)?),
        };
        self.recent[self.next] = Some(round_trip);
        self.next = (self.next + 1) % Self::WINDOW;
        Ok(round_trip)
    }

    /// The fastest of those remembered; the newest, where several are.
    #[must_use]
    pub fn fastest(&self) -> Option<RoundTrip> {
        let (newer, older) = self.recent.split_at(self.next);
        newer
            .iter()
            .rev()
            .chain(older.iter().rev())
            .flatten()
            .min_by_key(|trip| trip.delay_us)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_round_trip_by_hand() {
        let mut clock = ClockOffset::default();
        assert_eq!(clock.fastest(), None);
        // The other clock is 1000 ahead; 30 there, 5 at the far end, 10 back.
        let trip = clock
            .sample(Micros(100), Micros(1130), Micros(1135), Micros(145))
            .expect("possible");
        assert_eq!(
            trip,
            RoundTrip {
                offset_us: 1010,
                delay_us: Micros(40)
            }
        );
        assert_eq!(
            trip.theta_for_asker(),
            Theta {
                theta_us: -1010,
                error_us: Micros(20)
            }
        );
    }

    #[test]
    fn contradictions_are_refused_and_not_kept() {
        let mut clock = ClockOffset::default();
        for (t0, t1, t2, t3) in [(10, 0, 0, 9), (0, 5, 4, 9), (0, 0, 10, 9), (0, u64::MAX, u64::MAX, 0)] {
            let sample = clock.sample(Micros(t0), Micros(t1), Micros(t2), Micros(t3));
            assert_eq!(sample, Err(ImpossibleRoundTrip), "{t0} {t1} {t2} {t3}");
        }
        assert_eq!(clock.fastest(), None);
    }

    proptest! {
        #[test]
        fn the_truth_is_within_the_bound(
            ahead in -1_000_000_i64..1_000_000,
            trips in prop::collection::vec((0_u64..100_000, 0_u64..1000, 0_u64..100_000), 1..20),
        ) {
            let mut clock = ClockOffset::default();
            let there = |here: u64| Micros(here.saturating_add_signed(ahead));
            for (i, (out, held, back)) in trips.iter().enumerate() {
                let t0 = 10_000_000 + i as u64 * 1_000_000;
                let t3 = t0 + out + held + back;
                let trip = clock.sample(Micros(t0), there(t0 + out), there(t0 + out + held), Micros(t3)).expect("true");
                prop_assert_eq!(trip.delay_us, Micros(out + back));
            }
            let best = clock.fastest().expect("sampled");
            prop_assert!(best.offset_us.abs_diff(ahead) <= best.error_us().0);
            let least = trips.iter().rev().take(ClockOffset::WINDOW).map(|(out, _, back)| out + back).min();
            prop_assert_eq!(Some(best.delay_us.0), least);
        }
    }
}
