//! Interarrival jitter: `J += (|D| − J)/16`, µs, where D is the difference between the transit times of two messages
//! that arrived one after the other.
//!
//! In arrival order, late messages included, doubled ones not. θ falls out of the difference.
//!
//! Source: RFC 3550 section 6.4.1 and appendix A.8.

#[derive(Clone, Debug, Default)]
pub(super) struct Jitter {
    last_transit_us: Option<i64>,
    smoothed_us: f64,
}

impl Jitter {
    /// The gain of the filter: noise is averaged over about so many messages.
    const GAIN: f64 = 16.0;

    pub(super) fn record(&mut self, transit_us: i64) {
        if let Some(last_us) = self.last_transit_us.replace(transit_us) {
            self.smoothed_us += (transit_us.abs_diff(last_us) as f64 - self.smoothed_us) / Self::GAIN;
        }
    }

    pub(super) fn us(&self) -> f64 {
        self.smoothed_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let mut jitter = Jitter::default();
        jitter.record(20_000);
        assert_eq!(jitter.us(), 0.0, "one message has no difference");
        jitter.record(21_600);
        assert_eq!(jitter.us(), 100.0, "1600/16");
        jitter.record(20_000);
        assert_eq!(jitter.us(), 193.75, "100 + (1600 − 100)/16");
    }
}
