//! Seeded chance. PCG's stream for a seed is fixed by its specification, so a run repeats with every version of ours.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// A source of numbers.
#[derive(Clone, Debug)]
pub(super) struct Chance(Pcg64);

/// The same number of draws for every packet, whatever becomes of it: changing one figure of a shape leaves the other
/// draws as they were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    pub(super) loss: f64,
    pub(super) burst: f64,
    pub(super) jitter: f64,
    pub(super) duplicate: f64,
    pub(super) reorder: f64,
}

impl Chance {
    /// `purpose` keeps sources of one seed apart.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed.wrapping_mul(8).wrapping_add(purpose)))
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn draws(&mut self) -> Draws {
        Draws {
            loss: self.unit(),
            burst: self.unit(),
            jitter: self.unit(),
            duplicate: self.unit(),
            reorder: self.unit(),
        }
    }
}
