//! The result as lines for a terminal.

use std::fmt::Write as _;

use super::{
    args::Verify,
    check::Verdict,
    reporter::Found,
    result::{Outcome, Report},
    target::Target,
};

/// Before the first check.
pub(crate) fn head(asked: &Verify, target: &Target) -> String {
    let kind = if target.is_wirelab() { ", a wirelab" } else { "" };
    let direct = asked
        .direct
        .as_ref()
        .map(|url| format!(", beside {url}"))
        .unwrap_or_default();
    let mut out = format!("{}{kind}{direct}\n", target.url);
    if target.is_insecure() {
        out.push_str("INSECURE: any certificate was believed, so whoever answered may be anybody\n");
    }
    out
}

/// One check: `PASS|WARN|FAIL|SKIP  id  what  measured  hint`, and where there was something to compare with, whose it is.
pub(crate) fn line(outcome: &Outcome) -> String {
    let mut out = format!(
        "{}  {:<20} {}: {}",
        outcome.verdict.word(),
        outcome.id,
        outcome.what,
        outcome.measured
    );
    if let Some(blame) = outcome.blame {
        let _ = write!(out, ". Blame: {}", blame.words());
    }
    let mut hint = outcome.hint.chars();
    if let Some(first) = hint.next() {
        let _ = write!(out, ". {}{}", first.to_uppercase(), hint.as_str());
    }
    if matches!(outcome.verdict, Verdict::Warn | Verdict::Fail) {
        let _ = write!(out, " ({})", outcome.page);
    }
    out.push('\n');
    out
}

/// For the line that says how far it is.
pub(crate) fn brief(found: &Found) -> String {
    format!("{} {}", found.finding.verdict.word(), found.check.id)
}

/// After the last check.
pub(crate) fn summary(report: &Report) -> String {
    let counts = report.counts;
    let mut out = format!(
        "{} passed, {} warned, {} failed, {} skipped\n",
        counts.pass, counts.warn, counts.fail, counts.skip
    );
    if report.insecure {
        out.push_str("INSECURE: any certificate was believed\n");
    }
    out
}
