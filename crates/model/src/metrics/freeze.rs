//! Freeze: a gap between fresh updates ([`super::gap`]) of at least `max(3δ, δ + 150 ms)`; count, and total ms.
//!
//! δ is the schedule's period. The total is of the whole gaps, not of what is past the threshold.
//! A gap still open when the window closes is a freeze like any other.
//!
//! Source: the rule of `freezeCount` and `totalFreezesDuration` in the W3C's *Identifiers for WebRTC's Statistics API*,
//! with the known period in place of a running average.

use serde::Serialize;

use crate::Micros;

/// A gap this much over the period is seen as a freeze.
const ALLOWANCE_US: u64 = 150_000;

/// Gaps long enough to be seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Freezes {
    /// How many.
    pub count: u64,
    /// Their length together.
    pub total_ms: f64,
    /// The shortest gap that is one.
    pub threshold_ms: f64,
}

#[derive(Clone, Debug)]
pub(super) struct FreezeCount {
    threshold_us: u64,
    count: u64,
    total_us: u64,
}

impl FreezeCount {
    pub(super) fn new(period_us: Micros) -> Self {
        let threshold_us = period_us
            .0
            .saturating_mul(3)
            .max(period_us.0.saturating_add(ALLOWANCE_US));
        Self {
            threshold_us,
            count: 0,
            total_us: 0,
        }
    }

    pub(super) fn record(&mut self, gap_us: u64) {
        if gap_us >= self.threshold_us {
            self.count += 1;
            self.total_us = self.total_us.saturating_add(gap_us);
        }
    }

    pub(super) fn summary(&self, open_gap_us: u64) -> Freezes {
        let mut whole = self.clone();
        whole.record(open_gap_us);
        Freezes {
            count: whole.count,
            total_ms: super::ms(whole.total_us),
            threshold_ms: super::ms(whole.threshold_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(period_us: u64, gaps_us: &[u64], open_gap_us: u64, expect: (u64, f64, f64)) {
        let mut freezes = FreezeCount::new(Micros(period_us));
        gaps_us.iter().for_each(|gap_us| freezes.record(*gap_us));
        let Freezes {
            count,
            total_ms,
            threshold_ms,
        } = freezes.summary(open_gap_us);
        assert_eq!(
            (count, total_ms, threshold_ms),
            expect,
            "{period_us} {gaps_us:?} {open_gap_us}"
        );
    }

    #[test]
    fn a_short_period_adds_150_ms_and_a_long_one_is_tripled() {
        check(20_000, &[], 0, (0, 0.0, 170.0));
        check(75_000, &[], 0, (0, 0.0, 225.0));
        check(1_000_000, &[], 0, (0, 0.0, 3000.0));
        check(u64::MAX, &[], 0, (0, 0.0, u64::MAX as f64 / 1000.0));
    }

    #[test]
    fn the_threshold_itself_freezes() {
        check(20_000, &[169_999, 170_000, 500_000], 169_999, (2, 670.0, 170.0));
        check(20_000, &[], 200_000, (1, 200.0, 170.0));
    }
}
