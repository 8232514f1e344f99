//! Time on the wire.

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, or a span of them: the only unit of time on the wire.
///
/// It fits a JavaScript number exactly until the year 2255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// The span from `earlier` to `self`, zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}
