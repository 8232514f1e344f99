//! Reordered: arrivals whose offset is below the greatest seen, as a share of the messages delivered, and how deep.
//!
//! Depth is how far the offset is behind the greatest seen, in messages. It needs no history, and differs from the
//! *extent* of RFC 4737 section 4.2, which counts arrivals and not messages, when some of those between were lost.
//!
//! Source: RFC 4737 section 3.3 (what is reordered), section 4.1 (the ratio; duplicates are left out).

use serde::Serialize;

/// Arrivals out of order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reordering {
    /// How many.
    pub count: u64,
    /// Of those delivered.
    pub share: Option<f64>,
    /// The farthest behind, messages.
    pub greatest_depth: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ReorderCount {
    count: u64,
    greatest_depth: u64,
}

impl ReorderCount {
    /// Takes a message that came `behind` messages after its turn, 0 for the newest yet.
    pub(super) fn record(&mut self, behind: u64) {
        self.count += u64::from(behind > 0);
        self.greatest_depth = self.greatest_depth.max(behind);
    }

    pub(super) fn summary(&self, delivered: u64) -> Reordering {
        Reordering {
            count: self.count,
            share: super::share(self.count, delivered),
            greatest_depth: self.greatest_depth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_and_depth() {
        let mut reordered = ReorderCount::default();
        [0, 0, 1, 3, 0].into_iter().for_each(|behind| reordered.record(behind));
        assert_eq!(
            reordered.summary(5),
            Reordering {
                count: 2,
                share: Some(0.4),
                greatest_depth: 3
            }
        );
        assert_eq!(ReorderCount::default().summary(0).share, None);
    }
}
