//! How many credentials a visitor may ask for: a burst at once, then so many a second.
//!
//! For each visitor one time is kept: when it will have all of its allowance again. What it asks for pushes that time
//! ahead, and who would push it further than the burst is refused. A visitor whose time has passed needs no entry.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use wirelab_transport::admission::subscriber;

/// At once: an office behind one address opens its pages in the same minute, each with a few connections.
const BURST: u32 = 120;
/// One more after this.
const PERIOD: Duration = Duration::from_millis(500);
/// Visitors that are remembered. More can only be an attack, and then a new one waits until an old one is forgotten.
const MOST_VISITORS: usize = 10_000;

/// What is left to each visitor.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    whole_again: Mutex<HashMap<IpAddr, Instant>>,
}

impl Allowance {
    /// Takes one for the visitor at `address`. Loopback and an address that is not known stand for many visitors and are
    /// not counted.
    ///
    /// # Errors
    /// It has none left; the time says when it will.
    pub(super) fn take(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let Some(visitor) = address.and_then(subscriber) else {
            return Ok(());
        };
        let mut whole_again = self.whole_again.lock().unwrap_or_else(PoisonError::into_inner);
        let due = whole_again.get(&visitor).map_or(now, |&due| due.max(now)) + PERIOD;
        if let Some(over) = (due - now).checked_sub(BURST * PERIOD).filter(|over| !over.is_zero()) {
            return Err(over);
        }
        if whole_again.len() >= MOST_VISITORS && !whole_again.contains_key(&visitor) {
            whole_again.retain(|_, due| *due > now);
            if whole_again.len() >= MOST_VISITORS {
                return Err(PERIOD);
            }
        }
        whole_again.insert(visitor, due);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn a_burst_and_then_one_a_period() {
        let (allowance, now) = (Allowance::default(), Instant::now());
        let visitor = at("192.0.2.1");
        for _ in 0..BURST {
            assert_eq!(allowance.take(visitor, now), Ok(()));
        }
        assert_eq!(allowance.take(visitor, now), Err(PERIOD), "and when there will be one");
        assert_eq!(
            allowance.take(at("::ffff:192.0.2.1"), now),
            Err(PERIOD),
            "in other clothes"
        );
        assert_eq!(allowance.take(at("192.0.2.2"), now), Ok(()), "another one");
        assert_eq!(
            allowance.take(visitor, now + PERIOD / 2),
            Err(PERIOD / 2),
            "asking in vain costs nothing"
        );
        assert_eq!(allowance.take(visitor, now + PERIOD), Ok(()));
        assert_eq!(allowance.take(visitor, now + PERIOD), Err(PERIOD));
        let rested = now + BURST * PERIOD * 3;
        for _ in 0..BURST {
            assert_eq!(allowance.take(visitor, rested), Ok(()), "never more than the burst");
        }
        assert_eq!(allowance.take(visitor, rested), Err(PERIOD));
    }

    #[test]
    fn loopback_is_many() {
        let (allowance, now) = (Allowance::default(), Instant::now());
        for _ in 0..10 * BURST {
            assert_eq!(allowance.take(at("127.0.0.1"), now), Ok(()));
        }
        assert!(allowance.whole_again.lock().expect("unharmed").is_empty());
    }

    #[test]
    fn those_who_are_remembered_are_bounded() {
        let (allowance, now) = (Allowance::default(), Instant::now());
        let visitor = |n: usize| Some(IpAddr::from(u32::try_from(n + (10 << 24)).expect("few").to_be_bytes()));
        for n in 0..MOST_VISITORS {
            assert_eq!(allowance.take(visitor(n), now), Ok(()));
        }
        assert_eq!(allowance.take(visitor(MOST_VISITORS), now), Err(PERIOD));
        assert_eq!(allowance.take(visitor(0), now), Ok(()), "who is known goes on");
        assert_eq!(allowance.take(visitor(MOST_VISITORS), now + PERIOD), Ok(()));
        assert_eq!(
            allowance.whole_again.lock().expect("unharmed").len(),
            2,
            "the others are whole and forgotten"
        );
    }
}
