//! The one clock of a process: wall time at its start, monotonic since.

use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use wirelab_model::Micros;

/// Stamps in wall-clock microseconds that never go back, whatever is done to the wall clock meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_us: u64,
    started: Instant,
}

impl Clock {
    /// The process's clock. The first call reads the wall clock, and nobody does again: a server and a client in one
    /// process stamp by the same clock, so that one-way latency between them is exact.
    #[must_use]
    pub fn start() -> Self {
        static CLOCK: OnceLock<Clock> = OnceLock::new();
        *CLOCK.get_or_init(|| {
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Self {
                wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
                started: Instant::now(),
            }
        })
    }

    /// Now.
    #[must_use]
    pub fn now_us(&self) -> Micros {
        self.at_us(Instant::now())
    }

    /// The stamp of a moment that was caught earlier.
    #[must_use]
    pub fn at_us(&self, instant: Instant) -> Micros {
        let since = instant.saturating_duration_since(self.started).as_micros();
        Micros(self.wall_us.saturating_add(u64::try_from(since).unwrap_or(u64::MAX)))
    }
}
