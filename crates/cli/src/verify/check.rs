//! One check: its name, and what comes of it.

use std::time::Duration;

use serde::Serialize;

/// A check that exists. Its id never changes: scripts and pages name it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// `<family>.<what>`, such as `sse.streaming`; its page is `docs/verify/<id>.md`.
    pub(crate) id: &'static str,
    /// What is so when it passes.
    pub(crate) what: &'static str,
}

impl Check {
    /// The page that explains it, in this repository.
    pub(crate) fn page(&self) -> String {
        format!("docs/verify/{}.md", self.id)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verdict {
    /// It is as it should be.
    Pass,
    /// It works, and will hurt.
    Warn,
    /// It does not work.
    Fail,
    /// It could not be told, or does not apply.
    Skip,
}

impl Verdict {
    pub(crate) const ALL: [Self; 4] = [Self::Pass, Self::Warn, Self::Fail, Self::Skip];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// What was seen, with figures and units; of what is skipped the reason.
    pub(crate) measured: String,
    /// What to do next; empty where there is nothing to do.
    pub(crate) hint: String,
    /// What it was seen by, one line each: at most [`MOST_EVIDENCE`].
    pub(crate) evidence: Vec<String>,
    /// Of silence: after how much of it the path cuts.
    pub(crate) limit: Option<Duration>,
}

/// Lines of evidence that are kept of one check, and characters of one: a server may say anything.
const MOST_EVIDENCE: usize = 32;
const MOST_CHARACTERS: usize = 300;

impl Finding {
    pub(crate) fn pass(measured: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, measured, "")
    }

    pub(crate) fn warn(measured: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, measured, hint)
    }

    pub(crate) fn fail(measured: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, measured, hint)
    }

    pub(crate) fn skip(why: impl Into<String>) -> Self {
        Self::new(Verdict::Skip, why, "")
    }

    fn new(verdict: Verdict, measured: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            verdict,
            measured: printable(&measured.into()),
            hint: printable(&hint.into()),
            evidence: Vec::new(),
            limit: None,
        }
    }

    /// The same with how much silence the path allows.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The same with what is to be done.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = printable(&hint.into());
        self
    }

    /// The same with a line of evidence.
    pub(crate) fn seen(mut self, line: impl Into<String>) -> Self {
        if self.evidence.len() < MOST_EVIDENCE {
            self.evidence.push(printable(&line.into()));
        }
        self
    }

    /// The same with many lines of evidence.
    pub(crate) fn seen_all(self, lines: impl IntoIterator<Item = String>) -> Self {
        lines.into_iter().fold(self, Self::seen)
    }
}

/// One line that a terminal can show: what a server sends may hold anything.
fn printable(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(MOST_CHARACTERS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().count() > MOST_CHARACTERS {
        shown + "…"
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_shown_on_one_short_line() {
        let finding = Finding::fail("bad\r\n\x1b[31mnews", "").seen("x".repeat(5000));
        assert_eq!(finding.measured, "bad   [31mnews");
        assert_eq!(finding.evidence[0].chars().count(), MOST_CHARACTERS + 1);
        let many = finding.seen_all((0..1000).map(|n| n.to_string()));
        assert_eq!(many.evidence.len(), MOST_EVIDENCE);
    }
}
