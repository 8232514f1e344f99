//! Where percentiles come from: an HDR histogram of microseconds, three significant digits.
//!
//! Bound: 0 to one hour, about 190 KiB, whatever is recorded. Overflow: longer values count in the last bin; whoever
//! records keeps the exact maximum apart. A quantile is the upper edge of the bin that holds its rank, at most 0.1 %
//! above the true value.

use hdrhistogram::Histogram;

#[derive(Clone, Debug)]
pub(super) struct Distribution(Histogram<u64>);

impl Default for Distribution {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, Self::HIGHEST_US, Self::DIGITS);
        Self(histogram.expect("the bounds are constants that it takes"))
    }
}

impl Distribution {
    /// The longest time that is told apart: one hour.
    const HIGHEST_US: u64 = 3_600_000_000;
    /// Significant decimal digits.
    const DIGITS: u8 = 3;

    pub(super) fn record(&mut self, value_us: u64) {
        self.record_n(value_us, 1);
    }

    pub(super) fn record_n(&mut self, value_us: u64, count: u64) {
        if count > 0 {
            self.0.saturating_record_n(value_us, count);
        }
    }

    /// Records every whole value from `from_us` up to, not including, `to_us`, once.
    pub(super) fn record_span(&mut self, from_us: u64, to_us: u64) {
        let mut value_us = from_us;
        while value_us < to_us {
            let bin_end_us = if value_us < Self::HIGHEST_US {
                self.0.next_non_equivalent(value_us)
            } else {
                to_us
            };
            let next_us = bin_end_us.min(to_us);
            self.record_n(value_us, next_us - value_us);
            value_us = next_us;
        }
    }

    /// The least value that a share `quantile` of all recorded do not exceed; 0 when there are none.
    pub(super) fn quantile(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// How many were at most `value_us`, or in its bin.
    pub(super) fn at_most(&self, value_us: u64) -> u64 {
        self.0.count_between(0, value_us)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_are_within_a_thousandth(mut values in prop::collection::vec(0_u64..3_000_000_000, 1..200), part in 1_usize..=100) {
            let mut distribution = Distribution::default();
            values.iter().for_each(|value| distribution.record(*value));
            values.sort_unstable();
            let rank = (values.len() * part).div_ceil(100);
            let (exact, got) = (values[rank - 1], distribution.quantile(part as f64 / 100.0 - 1e-12));
            prop_assert!(got >= exact && got - exact <= exact / 1000 + 1, "{} for {}", got, exact);
        }

        #[test]
        fn a_span_is_its_values_one_by_one(from in 0_u64..5000, length in 0_u64..5000) {
            let (mut span, mut single) = (Distribution::default(), Distribution::default());
            span.record_span(from, from + length);
            (from..from + length).for_each(|value| single.record(value));
            prop_assert_eq!(span.0, single.0);
        }
    }

    #[test]
    fn what_is_too_long_is_in_the_last_bin() {
        let mut distribution = Distribution::default();
        distribution.record_span(u64::MAX - 5, u64::MAX);
        distribution.record(u64::MAX);
        assert_eq!(distribution.0.len(), 6);
        assert!(distribution.quantile(0.5) >= Distribution::HIGHEST_US);
        assert_eq!(distribution.at_most(Distribution::HIGHEST_US), 6);
    }

    #[test]
    fn its_size_is_bounded() {
        assert!(Distribution::default().0.distinct_values() * 8 <= 192 * 1024);
    }
}
