//! One-way latency: `received − sent − θ`, µs, as p50, p95, p99, p99.9 and the extremes.
//!
//! θ is the receiver's clock minus the sender's ([`super::clock`]). Each message counts once, late ones too.
//! Percentiles are nearest-rank from an HDR histogram (three significant digits); least and most are exact.
//! A message cannot arrive before it was sent: a latency below zero counts as zero and in `negative`, and says that
//! θ is wrong by at least as much.

use serde::Serialize;

use super::distribution::Distribution;

/// One-way latency of the messages delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// The least.
    pub least_us: u64,
    /// Half were as fast.
    pub p50_us: u64,
    /// 95 % were as fast.
    pub p95_us: u64,
    /// 99 % were as fast.
    pub p99_us: u64,
    /// 99.9 % were as fast.
    pub p99_9_us: u64,
    /// The most.
    pub max_us: u64,
    /// How many came out below zero.
    pub negative: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Latencies {
    distribution: Distribution,
    least_us: Option<u64>,
    max_us: u64,
    negative: u64,
}

impl Latencies {
    pub(super) fn record(&mut self, transit_us: i64) {
        let latency_us = u64::try_from(transit_us).unwrap_or_else(|_| {
            self.negative += 1;
            0
        });
        self.distribution.record(latency_us);
        self.least_us = Some(self.least_us.map_or(latency_us, |least_us| least_us.min(latency_us)));
        self.max_us = self.max_us.max(latency_us);
    }

    pub(super) fn least_us(&self) -> Option<u64> {
        self.least_us
    }

    /// How many took at most `bound_us`, to the resolution of the histogram.
    pub(super) fn at_most(&self, bound_us: u64) -> u64 {
        self.distribution.at_most(bound_us)
    }

    pub(super) fn summary(&self) -> Option<Latency> {
        let least_us = self.least_us?;
        // The histogram gives the upper edge of a bin, which may lie past the last value.
        let at = |quantile| self.distribution.quantile(quantile).min(self.max_us);
        Some(Latency {
            least_us,
            p50_us: at(0.50),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p99_9_us: at(0.999),
            max_us: self.max_us,
            negative: self.negative,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_latencies_have_their_ranks() {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|us| latencies.record(us));
        let Latency {
            least_us,
            p50_us,
            p95_us,
            p99_us,
            p99_9_us,
            max_us,
            negative,
        } = latencies.summary().expect("recorded");
        assert_eq!(
            (least_us, p50_us, p95_us, p99_us, p99_9_us, max_us, negative),
            (1, 50, 95, 99, 100, 100, 0)
        );
    }

    #[test]
    fn below_zero_is_zero_and_counted() {
        let mut latencies = Latencies::default();
        latencies.record(-1);
        latencies.record(i64::MIN);
        let latency = latencies.summary().expect("recorded");
        assert_eq!((latency.least_us, latency.max_us, latency.negative), (0, 0, 2));
    }

    #[test]
    fn the_extremes_are_exact_past_the_histogram() {
        let mut latencies = Latencies::default();
        latencies.record(123_457);
        assert_eq!(
            latencies.summary().expect("recorded").p50_us,
            123_457,
            "never more than the most"
        );
        latencies.record(i64::MAX);
        assert_eq!(latencies.summary().expect("recorded").max_us, i64::MAX.unsigned_abs());
    }

    #[test]
    fn nothing_has_no_latency() {
        assert_eq!(Latencies::default().summary(), None);
    }
}
