//! A test's way to lose datagrams that leave a port: a share of them, the same ones for the same seed.
//!
//! Not an imitation of a bad network: that is the link's work. It is how tests prove by behaviour what a channel is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Which datagrams are lost on their way out.
#[derive(Debug, Default)]
pub struct Loss {
    dtls_per_mille: AtomicU32,
    other_per_mille: AtomicU32,
    lost: AtomicU64,
    state: AtomicU64,
}

/// DTLS records begin with their type (RFC 7983, section 7).
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;

pub(super) fn is_dtls(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| DTLS.contains(first))
}

impl Loss {
    /// From now on loses these shares of 1,000 DTLS datagrams and of 1,000 others, which are STUN. The same seed loses
    /// the same ones.
    pub fn set(&self, seed: u64, dtls_per_mille: u32, other_per_mille: u32) {
        self.state.store(seed, Ordering::Relaxed);
        self.dtls_per_mille.store(dtls_per_mille, Ordering::Relaxed);
        self.other_per_mille.store(other_per_mille, Ordering::Relaxed);
    }

    /// How many were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_off(&self) -> bool {
        self.dtls_per_mille.load(Ordering::Relaxed) == 0 && self.other_per_mille.load(Ordering::Relaxed) == 0
    }

    pub(super) fn takes(&self, datagram: &[u8]) -> bool {
        let share = if is_dtls(datagram) {
            &self.dtls_per_mille
        } else {
            &self.other_per_mille
        }
        .load(Ordering::Relaxed);
        let takes = share > 0 && self.next() % 1_000 < u64::from(share);
        if takes {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        takes
    }

    /// SplitMix64.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_fate_and_the_share_is_kept() {
        let fate = |seed| {
            let loss = Loss::default();
            loss.set(seed, 100, 0);
            let fate: Vec<bool> = (0..10_000).map(|_| loss.takes(&[23])).collect();
            assert_eq!(loss.lost(), fate.iter().filter(|taken| **taken).count() as u64);
            assert!(!loss.takes(&[0, 1]), "STUN is another matter");
            (loss.lost(), fate)
        };
        let (lost, first) = fate(7);
        assert!((900..1_100).contains(&lost), "{lost}");
        assert_eq!(first, fate(7).1);
        assert_ne!(first, fate(8).1);
    }
}
