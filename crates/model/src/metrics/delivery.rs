//! Delivered, lost, skipped: what became of each message published in the window, as counts and as shares of 1.
//!
//! *Delivered* is a message received at least once, after the stated drain time. Of the others, *skipped* are those
//! that our own policy dropped and said so, *lost* the rest: `delivered + lost + skipped = published`, always.
//! *On time* is defined in [`super::on_time`]. A message that comes again counts in `duplicates` and nowhere else;
//! one so old that it cannot be told from a duplicate (`seen.rs`) counts in `too_old` and stays undelivered.

use serde::Serialize;

use super::share;

/// What became of the messages published.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    /// Offsets from the first of the window to the last.
    pub published: u64,
    /// Received at least once.
    pub delivered: u64,
    /// Neither received nor skipped: the network's doing.
    pub lost: u64,
    /// Dropped by our own policy, which said so.
    pub skipped: u64,
    /// Delivered in good time.
    pub on_time: u64,
    /// Received again.
    pub duplicates: u64,
    /// Received too far behind the newest to say whether for the first time.
    pub too_old: u64,
    /// Of those published.
    pub delivered_share: Option<f64>,
    /// Of those published.
    pub lost_share: Option<f64>,
    /// Of those published.
    pub skipped_share: Option<f64>,
    /// Of those published: a lost message is not on time.
    pub on_time_share: Option<f64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    pub(super) skipped: u64,
    pub(super) duplicates: u64,
    pub(super) too_old: u64,
}

impl Counts {
    pub(super) fn summary(&self, published: u64, on_time: u64) -> Delivery {
        let missing = published.saturating_sub(self.delivered);
        let skipped = self.skipped.min(missing); // a notice about messages before the window or after it is not ours
        let lost = missing - skipped;
        Delivery {
            published,
            delivered: self.delivered,
            lost,
            skipped,
            on_time,
            duplicates: self.duplicates,
            too_old: self.too_old,
            delivered_share: share(self.delivered, published),
            lost_share: share(lost, published),
            skipped_share: share(skipped, published),
            on_time_share: share(on_time, published),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_skipped_first_and_else_lost() {
        let counts = Counts {
            delivered: 5,
            skipped: 2,
            ..Counts::default()
        };
        let delivery = counts.summary(10, 4);
        assert_eq!((delivery.lost, delivery.skipped), (3, 2));
        assert_eq!((delivery.delivered_share, delivery.lost_share), (Some(0.5), Some(0.3)));
        assert_eq!((delivery.skipped_share, delivery.on_time_share), (Some(0.2), Some(0.4)));
    }

    #[test]
    fn no_notice_can_skip_more_than_is_missing() {
        let counts = Counts {
            delivered: 5,
            skipped: u64::MAX,
            ..Counts::default()
        };
        let delivery = counts.summary(6, 0);
        assert_eq!((delivery.lost, delivery.skipped), (0, 1));
    }

    #[test]
    fn nothing_published_has_no_shares() {
        let delivery = Counts::default().summary(0, 0);
        assert_eq!((delivery.delivered_share, delivery.on_time_share), (None, None));
    }
}
