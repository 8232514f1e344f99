//! What becomes of each packet. No clock, no IO, no chance but a seeded one: times are given, as durations since an
//! origin that all links of a run share.

mod catalogue;
mod chance;
mod counters;
mod line;
mod loss;
mod profile;
mod units;

pub use catalogue::Named;
pub use counters::{Counters, Dropped, FlowCounters, FlowKey, MOST_FLOWS};
pub use line::{Fate, Line, MOST_BYTES, MOST_PACKETS, Released};
pub use loss::Loss;
pub use profile::{Direction, Profile, ProfileError, Shape};
pub use units::{Rate, Share, UnitError};

#[cfg(test)]
mod tests;
