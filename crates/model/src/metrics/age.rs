//! Age of information: `Δ(t) = t − max{ sent_i : received_i ≤ t }`, µs, as time average, p50, p99 and peak.
//!
//! Between fresh messages Δ grows by 1 µs a µs; a fresh one lowers it to its own latency: a sawtooth. The average is
//! the area under it over the time watched. The percentiles are shares of time, not of messages: a tooth from a to b
//! spends one µs at each height, so each bin of the histogram is given its exact overlap and nothing is sampled.
//! Both are of the time watched: from the window's opening (or the first fresh message, whichever is later, since
//! before it the age is not defined) to its closing (or the last fresh message). A late or old message lowers nothing.
//!
//! Source: Kaul, Yates, Gruteser, *Real-time status: How often should one update?*, INFOCOM 2012.

use serde::Serialize;

use super::{distribution::Distribution, span_us};

/// How old the reader's newest state was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Age {
    /// Average over time.
    pub mean_us: f64,
    /// Half the time it was at most this.
    pub p50_us: u64,
    /// 99 % of the time it was at most this.
    pub p99_us: u64,
    /// The most.
    pub peak_us: u64,
    /// The time watched.
    pub watched_us: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Sawtooth {
    /// When the newest state known was sent.
    newest_us: Option<i64>,
    /// Up to where the area is summed; none before watching begins.
    watched_to_us: Option<i64>,
    /// Twice the area, so that it stays whole.
    twice_area: u128,
    watched_us: u64,
    peak_us: u64,
    heights: Distribution,
}

impl Sawtooth {
    pub(super) fn new(from_us: Option<i64>) -> Self {
        Self {
            newest_us: None,
            watched_to_us: from_us,
            twice_area: 0,
            watched_us: 0,
            peak_us: 0,
            heights: Distribution::default(),
        }
    }

    pub(super) fn is_fresh(&self, sent_us: i64) -> bool {
        self.newest_us.is_none_or(|newest_us| sent_us > newest_us)
    }

    /// Takes a fresh message; the first that `counts` begins the watch if nothing has.
    pub(super) fn fresh(&mut self, sent_us: i64, received_us: i64, counts: bool) {
        self.watch(received_us);
        self.newest_us = Some(sent_us);
        if counts && self.watched_to_us.is_none() {
            self.watched_to_us = Some(received_us);
        }
    }

    pub(super) fn summary(&self, until_us: i64) -> Option<Age> {
        let mut whole = self.clone();
        whole.watch(until_us);
        let at = |quantile| whole.heights.quantile(quantile).min(whole.peak_us);
        (whole.watched_us > 0).then(|| Age {
            mean_us: whole.twice_area as f64 / (2.0 * whole.watched_us as f64),
            p50_us: at(0.50),
            p99_us: at(0.99),
            peak_us: whole.peak_us,
            watched_us: whole.watched_us,
        })
    }

    /// Lets the time go by up to `to_us`. It never goes back.
    fn watch(&mut self, to_us: i64) {
        let Some(from_us) = self.watched_to_us.filter(|from_us| to_us > *from_us) else {
            return;
        };
        self.watched_to_us = Some(to_us);
        if let Some(newest_us) = self.newest_us {
            self.tooth(
                span_us(newest_us, from_us),
                span_us(newest_us, to_us),
                span_us(from_us, to_us),
            );
        }
    }

    /// Adds a rise from `low_us` to `high_us`. It is shorter than its time when a wrong θ puts a part of it below zero.
    fn tooth(&mut self, low_us: u64, high_us: u64, time_us: u64) {
        let square = |us: u64| u128::from(us) * u128::from(us);
        self.twice_area = self.twice_area.saturating_add(square(high_us) - square(low_us));
        self.watched_us = self.watched_us.saturating_add(time_us);
        self.peak_us = self.peak_us.max(high_us);
        self.heights.record_n(0, time_us.saturating_sub(high_us - low_us));
        self.heights.record_span(low_us, high_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tooth_by_hand() {
        let mut sawtooth = Sawtooth::new(None);
        sawtooth.fresh(0, 1000, true);
        // It rises from 1000 to 2000 in 1000 µs: a trapezium of area 1 500 000.
        assert_eq!(
            sawtooth.summary(2000),
            Some(Age {
                mean_us: 1500.0,
                p50_us: 1499,
                p99_us: 1989,
                peak_us: 2000,
                watched_us: 1000
            })
        );
    }

    #[test]
    fn time_not_watched_has_no_age() {
        let mut sawtooth = Sawtooth::new(Some(500));
        assert_eq!(sawtooth.summary(9000), None, "nothing is known yet");
        sawtooth.fresh(0, 1000, true);
        assert_eq!(sawtooth.summary(1000), None, "no time went by");
        assert_eq!(sawtooth.summary(10), None, "time does not go back");
    }

    #[test]
    fn the_warm_up_gives_the_age_at_the_opening() {
        let mut sawtooth = Sawtooth::new(Some(5000));
        sawtooth.fresh(0, 1000, false);
        sawtooth.fresh(8000, 9000, true);
        let age = sawtooth.summary(9000).expect("watched");
        assert_eq!((age.mean_us, age.peak_us, age.watched_us), (7000.0, 9000, 4000));
    }

    #[test]
    fn below_zero_is_zero() {
        let mut sawtooth = Sawtooth::new(None);
        sawtooth.fresh(1000, 0, true);
        // 1000 µs at zero, then a rise to 1000: 500 000 over 2000 µs.
        let age = sawtooth.summary(2000).expect("watched");
        assert_eq!((age.mean_us, age.p50_us, age.peak_us), (250.0, 0, 1000));
    }

    #[test]
    fn odd_times_do_not_overflow() {
        let mut sawtooth = Sawtooth::new(Some(i64::MIN));
        sawtooth.fresh(i64::MIN, i64::MIN, true);
        sawtooth.fresh(0, i64::MAX, true);
        assert_eq!(
            sawtooth.summary(i64::MAX).expect("watched").peak_us,
            i64::MAX.unsigned_abs()
        );
    }
}
