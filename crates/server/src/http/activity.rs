//! What a connection is doing, and until when it may.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use crate::config::Limits;

/// No head is being read.
const NONE: u64 = u64::MAX;

/// Shared by the socket, the service and the task of one connection; the task alone waits.
///
/// Times are milliseconds since the connection was opened.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Since when a request head is arriving, or [`NONE`].
    head_since: AtomicU64,
    /// When the last byte came or went.
    progress: AtomicU64,
    /// When the last request ended.
    idle_since: AtomicU64,
    /// Requests whose answer is not complete.
    in_flight: AtomicUsize,
    /// There was a request.
    used: AtomicBool,
    /// Everything that hyper wrote has reached the socket.
    flushed: AtomicBool,
    /// HTTP/2: what comes between requests (settings, windows, pings) is no head and no use of the connection.
    multiplexed: AtomicBool,
    /// The kernel gave up on a peer that takes nothing.
    timed_out: AtomicBool,
}

/// What a connection overran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overrun {
    Head,
    Idle,
    Stall,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            head_since: AtomicU64::new(NONE),
            progress: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            used: AtomicBool::new(false),
            flushed: AtomicBool::new(true),
            multiplexed: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
        }
    }

    pub(super) fn read(&self) {
        let now = self.now();
        self.progress.store(now, Relaxed);
        let between = self.multiplexed.load(Relaxed) && self.used.load(Relaxed);
        if self.in_flight.load(Relaxed) == 0 && self.head_since.load(Relaxed) == NONE && !between {
            self.head_since.store(now, Relaxed);
        }
    }

    pub(super) fn wrote(&self) {
        self.progress.store(self.now(), Relaxed);
        self.flushed.store(false, Relaxed);
    }

    /// There is something to write and the socket takes none of it.
    pub(super) fn set_blocked(&self) {
        self.flushed.store(false, Relaxed);
    }

    pub(super) fn set_multiplexed(&self) {
        self.multiplexed.store(true, Relaxed);
    }

    pub(super) fn set_timed_out(&self) {
        self.timed_out.store(true, Relaxed);
    }

    pub(super) fn timed_out(&self) -> bool {
        self.timed_out.load(Relaxed)
    }

    pub(super) fn set_flushed(&self) {
        self.flushed.store(true, Relaxed);
    }

    pub(super) fn flushed(&self) -> bool {
        self.flushed.load(Relaxed)
    }

    pub(super) fn request_begins(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.head_since.store(NONE, Relaxed);
        self.used.store(true, Relaxed);
    }

    pub(super) fn request_ends(&self) {
        self.idle_since.store(self.now(), Relaxed);
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Until when what it does now may last, and what it overruns then.
    pub(super) fn deadline(&self, limits: &Limits) -> (Instant, Overrun) {
        let at = |since: u64, span: Duration| self.opened + Duration::from_millis(since) + span;
        let (head, progress, idle) = (
            self.head_since.load(Relaxed),
            self.progress.load(Relaxed),
            self.idle_since.load(Relaxed),
        );
        // An answer that hyper has whole is in flight until the socket has it.
        if self.in_flight.load(Relaxed) > 0 || !self.flushed() {
            (at(progress, limits.stall_timeout), Overrun::Stall)
        } else if head != NONE {
            (at(head, limits.header_timeout), Overrun::Head)
        } else if self.used.load(Relaxed) {
            let quiet = if self.multiplexed.load(Relaxed) {
                idle
            } else {
                progress.max(idle)
            };
            (at(quiet, limits.idle_timeout), Overrun::Idle)
        } else {
            (at(0, limits.header_timeout), Overrun::Head)
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(NONE - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_state_has_its_deadline() {
        let limits = Limits::default();
        let activity = Activity::new();
        let opened = Instant::now();
        let second = Duration::from_secs(1);
        let left = |activity: &Activity| (activity.deadline(&limits).0 - opened, activity.deadline(&limits).1);
        assert_eq!(left(&activity), (10 * second, Overrun::Head), "a first byte must come");
        tokio::time::advance(4 * second).await;
        activity.read();
        tokio::time::advance(second).await;
        activity.read();
        assert_eq!(
            left(&activity),
            (14 * second, Overrun::Head),
            "from the head's first byte, not its last"
        );
        activity.request_begins();
        assert_eq!(left(&activity), (65 * second, Overrun::Stall));
        tokio::time::advance(30 * second).await;
        activity.wrote();
        assert_eq!(
            left(&activity),
            (95 * second, Overrun::Stall),
            "from the last byte that went"
        );
        activity.request_ends();
        assert_eq!(
            left(&activity),
            (95 * second, Overrun::Stall),
            "until the socket has all of it"
        );
        activity.set_flushed();
        assert_eq!(left(&activity), (95 * second, Overrun::Idle));
        tokio::time::advance(10 * second).await;
        activity.read();
        assert_eq!(
            left(&activity),
            (55 * second, Overrun::Head),
            "the next head has its own time"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_http_2_says_between_requests_is_neither_a_head_nor_a_use() {
        let limits = Limits::default();
        let activity = Activity::new();
        let opened = Instant::now();
        let second = Duration::from_secs(1);
        let left = |activity: &Activity| (activity.deadline(&limits).0 - opened, activity.deadline(&limits).1);
        activity.set_multiplexed();
        activity.read();
        assert_eq!(
            left(&activity),
            (10 * second, Overrun::Head),
            "a first request must come"
        );
        activity.request_begins();
        activity.request_ends();
        tokio::time::advance(20 * second).await;
        activity.read(); // a ping's answer
        activity.wrote();
        activity.set_flushed();
        assert_eq!(left(&activity), (60 * second, Overrun::Idle));
    }
}
