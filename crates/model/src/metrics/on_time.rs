//! On time: delivered within the least latency seen in the run + 50 ms; with the link, within its one-way delay + 50 ms.
//! A share of the messages published.
//!
//! The least latency is only known at the end, so the count is read from the histogram of latencies: at the threshold
//! it is as fine as that (`distribution.rs`).

use crate::Micros;

use super::latency::Latencies;

/// A message this much slower than the path is late.
const ALLOWANCE_US: u64 = 50_000;

pub(super) fn count(latencies: &Latencies, link_delay_us: Option<Micros>) -> u64 {
    let Some(least_us) = latencies.least_us() else { return 0 };
    let delay_us = link_delay_us.map_or(least_us, |delay_us| delay_us.0);
    latencies.at_most(delay_us.saturating_add(ALLOWANCE_US))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(latencies_us: &[i64], link_delay_us: Option<u64>, expect: u64) {
        let mut latencies = Latencies::default();
        latencies_us.iter().for_each(|us| latencies.record(*us));
        assert_eq!(
            count(&latencies, link_delay_us.map(Micros)),
            expect,
            "{latencies_us:?} {link_delay_us:?}"
        );
    }

    #[test]
    fn the_allowance_starts_at_the_path() {
        check(&[], None, 0);
        check(&[70_500, 20_000, 69_500], None, 2);
        check(&[70_500, 20_000, 69_500], Some(30_000), 3);
        check(&[70_500, 20_000, 69_500], Some(u64::MAX), 3);
    }
}
