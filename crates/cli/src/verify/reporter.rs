//! Runs checks within their time, and keeps what they found.

use std::{fmt, future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::check::{Check, Finding, Verdict};

/// What a check found, and how long it took.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) check: &'static Check,
    pub(crate) finding: Finding,
    pub(crate) took: Duration,
}

/// The results of one target, in their order.
pub(crate) struct Reporter {
    stop: CancellationToken,
    end: Instant,
    out_of_time: bool,
    found: Vec<Found>,
    listener: Box<dyn FnMut(&Found) + Send>,
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter")
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

impl Reporter {
    /// All checks together may take `limit`; `listener` hears of each when it is done.
    pub(crate) fn new(stop: CancellationToken, limit: Duration, listener: impl FnMut(&Found) + Send + 'static) -> Self {
        Self {
            stop,
            end: Instant::now() + limit,
            out_of_time: false,
            found: Vec::new(),
            listener: Box::new(listener),
        }
    }

    /// Runs one check. What does not end within `limit` has failed; what begins after the end of all, or is interrupted, is
    /// skipped.
    pub(crate) async fn check(
        &mut self,
        check: &'static Check,
        limit: Duration,
        probe: impl Future<Output = Finding>,
    ) -> Verdict {
        let start = Instant::now();
        let finding = self.within(limit, probe).await.unwrap_or_else(|early| match early {
            Early::Slow => Finding::fail(
                format!("it was not done after {} s", limit.as_secs()),
                "something on the way takes what is sent and never answers",
            ),
            Early::OutOfTime | Early::Interrupted => Finding::skip(early.words()),
        });
        self.tell(check, finding, start.elapsed())
    }

    /// Waits for something that several checks look at, as long as one check may take and all may take.
    ///
    /// # Errors
    /// It was not done in time.
    pub(crate) async fn within<T>(&mut self, limit: Duration, work: impl Future<Output = T>) -> Result<T, Early> {
        if self.stop.is_cancelled() {
            return Err(Early::Interrupted);
        }
        let end = (Instant::now() + limit).min(self.end);
        let done = tokio::select! {
            () = self.stop.cancelled() => return Err(Early::Interrupted),
            done = timeout_at(end, work) => done,
        };
        done.map_err(|_| {
            if end == self.end {
                self.out_of_time = true;
                Early::OutOfTime
            } else {
                Early::Slow
            }
        })
    }

    /// Takes what a check found that ran elsewhere.
    pub(crate) fn tell(&mut self, check: &'static Check, finding: Finding, took: Duration) -> Verdict {
        let verdict = finding.verdict;
        let found = Found { check, finding, took };
        (self.listener)(&found);
        self.found.push(found);
        verdict
    }

    /// Skips these checks, all for one reason.
    pub(crate) fn skip_all(&mut self, checks: &[&'static Check], why: &str) {
        for &check in checks {
            self.tell(check, Finding::skip(why), Duration::ZERO);
        }
    }

    pub(crate) fn outcomes(&self) -> &[Found] {
        &self.found
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(crate) fn is_out_of_time(&self) -> bool {
        self.out_of_time
    }
}

/// Why something was not waited for to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Early {
    /// It took longer than one check may.
    Slow,
    /// All together took longer than they may.
    OutOfTime,
    /// Ctrl-C.
    Interrupted,
}

impl Early {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Slow => "it was not done in time",
            Self::OutOfTime => "the time of --limit was up",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    static CHECK: Check = Check {
        id: "sse.test",
        what: "a test",
    };
    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_check_has_an_end() {
        let mut reporter = Reporter::new(CancellationToken::new(), 15 * SECOND, |_| {});
        assert_eq!(reporter.check(&CHECK, 10 * SECOND, pending()).await, Verdict::Fail);
        assert!(!reporter.is_out_of_time());
        assert_eq!(reporter.check(&CHECK, 10 * SECOND, pending()).await, Verdict::Skip);
        assert!(reporter.is_out_of_time(), "ten of fifteen seconds were gone");
        let measured: Vec<_> = reporter.outcomes().iter().map(|found| found.took.as_secs()).collect();
        assert_eq!(measured, [10, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interruption_skips_what_is_left() {
        let stop = CancellationToken::new();
        let mut reporter = Reporter::new(stop.clone(), 15 * SECOND, |_| {});
        let asked = async {
            stop.cancel();
            pending().await
        };
        assert_eq!(reporter.check(&CHECK, SECOND, asked).await, Verdict::Skip);
        let passes = async { Finding::pass("") };
        assert_eq!(reporter.check(&CHECK, SECOND, passes).await, Verdict::Skip);
        assert!(reporter.is_interrupted() && !reporter.is_out_of_time());
    }
}
