//! Longest gap: the longest time between two *fresh* updates, ms.
//!
//! A late or old message is not fresh and ends no gap. The time from the window's opening to the first fresh message
//! is a gap where the opening is known, and so is the time from the last one to the closing: a lane that dies is not
//! spared.

#[derive(Clone, Debug)]
pub(super) struct Gaps {
    last_fresh_us: Option<i64>,
    longest_us: u64,
}

impl Gaps {
    pub(super) fn new(from_us: Option<i64>) -> Self {
        Self {
            last_fresh_us: from_us,
            longest_us: 0,
        }
    }

    /// Takes a fresh message and gives the gap that it ends; the first that `counts` begins the watch if nothing has.
    pub(super) fn fresh(&mut self, received_us: i64, counts: bool) -> Option<u64> {
        let Some(last_us) = self.last_fresh_us else {
            self.last_fresh_us = counts.then_some(received_us);
            return None;
        };
        let gap_us = super::span_us(last_us, received_us);
        self.last_fresh_us = Some(last_us.max(received_us));
        self.longest_us = self.longest_us.max(gap_us);
        Some(gap_us)
    }

    /// The gap that no message has ended by `until_us`.
    pub(super) fn open(&self, until_us: i64) -> u64 {
        self.last_fresh_us
            .map_or(0, |last_us| super::span_us(last_us, until_us))
    }

    pub(super) fn longest_us(&self) -> u64 {
        self.longest_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_run_from_fresh_to_fresh() {
        let mut gaps = Gaps::new(None);
        assert_eq!(gaps.fresh(50, false), None, "the warm-up begins nothing");
        assert_eq!(gaps.fresh(100, true), None);
        assert_eq!(gaps.fresh(400, true), Some(300));
        assert_eq!(gaps.fresh(350, true), Some(0), "time does not go back");
        assert_eq!((gaps.longest_us(), gaps.open(1000), gaps.open(0)), (300, 600, 0));
    }

    #[test]
    fn the_opening_begins_a_gap() {
        let mut gaps = Gaps::new(Some(1000));
        assert_eq!(gaps.fresh(900, false), Some(0), "before the opening");
        assert_eq!(gaps.fresh(1700, true), Some(700));
        assert_eq!(Gaps::new(Some(1000)).open(5000), 4000, "nothing ever came");
        assert_eq!(Gaps::new(None).open(5000), 0);
    }
}
