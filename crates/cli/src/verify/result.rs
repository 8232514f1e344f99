//! What was found, as it is written: `docs/schema/verify.v1.json` describes it.

use serde::Serialize;

use super::{
    args::{Verify, What},
    check::{Finding, Verdict},
    reporter::{Found, Reporter},
    target::Target,
};

/// The name and version of the form. A field may be added under it; a change of meaning takes a new one.
pub(crate) const SCHEMA: &str = "wirelab.verify.v1";

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema: &'static str,
    /// The program's version.
    pub(crate) version: &'static str,
    pub(crate) what: What,
    pub(crate) target: String,
    /// The same server without what stands before it.
    pub(crate) direct: Option<String>,
    /// It says of itself that it is one of ours.
    pub(crate) is_wirelab: bool,
    /// Any certificate was believed.
    pub(crate) insecure: bool,
    /// Ctrl-C came before all was checked.
    pub(crate) interrupted: bool,
    /// The time of `--limit` was up before all was checked.
    pub(crate) out_of_time: bool,
    pub(crate) counts: Counts,
    pub(crate) checks: Vec<Outcome>,
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) pass: usize,
    pub(crate) warn: usize,
    pub(crate) fail: usize,
    pub(crate) skip: usize,
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) measured: String,
    pub(crate) hint: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) took_ms: u64,
    /// Of silence: after how many seconds of it the path cuts; `advise --evidence` reads it.
    pub(crate) limit_s: Option<f64>,
    /// Where it is explained, in this repository.
    pub(crate) page: String,
    /// What the same check found at the origin.
    pub(crate) direct: Option<Beside>,
    /// Whose it is; null where nothing is wrong, or there was nothing to compare with.
    pub(crate) blame: Option<Blame>,
}

/// What a check found at the origin.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) verdict: Verdict,
    pub(crate) measured: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) took_ms: u64,
}

/// Where a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Blame {
    /// Between here and the origin: there it is not.
    Path,
    /// At the origin: there it is too.
    Origin,
    /// It could not be told at the origin.
    Unknown,
}

impl Report {
    pub(crate) fn of(asked: &Verify, target: &Target, through: &Reporter, direct: &Reporter) -> Self {
        let found = through.outcomes().iter();
        let checks: Vec<_> = found.map(|found| Outcome::beside(found, direct.outcomes())).collect();
        let count = |verdict| checks.iter().filter(|outcome| outcome.verdict == verdict).count();
        let [pass, warn, fail, skip] = Verdict::ALL.map(count);
        Self {
            schema: SCHEMA,
            version: wirelab_server::VERSION,
            what: asked.what,
            target: target.url.to_string(),
            direct: asked.direct.as_ref().map(ToString::to_string),
            is_wirelab: target.is_wirelab(),
            insecure: target.is_insecure(),
            interrupted: through.is_interrupted(),
            out_of_time: through.is_out_of_time() || direct.is_out_of_time(),
            counts: Counts { pass, warn, fail, skip },
            checks,
        }
    }
}

impl Outcome {
    /// A check's finding beside what the same check found at the origin.
    pub(crate) fn beside(found: &Found, direct: &[Found]) -> Self {
        let Finding {
            verdict,
            measured,
            hint,
            evidence,
            limit,
        } = found.finding.clone();
        let direct = direct.iter().find(|other| other.check == found.check);
        Self {
            id: found.check.id,
            what: found.check.what,
            verdict,
            measured,
            hint,
            evidence,
            took_ms: ms(found),
            limit_s: limit.map(|limit| limit.as_secs_f64()),
            page: found.check.page(),
            blame: direct.and_then(|direct| Blame::of(verdict, direct.finding.verdict)),
            direct: direct.map(|direct| Beside {
                verdict: direct.finding.verdict,
                measured: direct.finding.measured.clone(),
                evidence: direct.finding.evidence.clone(),
                took_ms: ms(direct),
            }),
        }
    }
}

fn ms(found: &Found) -> u64 {
    u64::try_from(found.took.as_millis()).unwrap_or(u64::MAX)
}

impl Blame {
    /// What both sides say together.
    fn of(through: Verdict, direct: Verdict) -> Option<Self> {
        match (through, direct) {
            (Verdict::Pass | Verdict::Skip, _) => None,
            (Verdict::Warn | Verdict::Fail, Verdict::Pass) | (Verdict::Fail, Verdict::Warn) => Some(Self::Path),
            (Verdict::Warn, Verdict::Warn | Verdict::Fail) | (Verdict::Fail, Verdict::Fail) => Some(Self::Origin),
            (Verdict::Warn | Verdict::Fail, Verdict::Skip) => Some(Self::Unknown),
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Path => "on the way: directly it is not so",
            Self::Origin => "at the origin: directly it is the same",
            Self::Unknown => "unknown: directly it could not be told",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blame_is_where_the_fault_is() {
        use Verdict::{Fail, Pass, Skip, Warn};
        for (through, direct, blame) in [
            (Pass, Fail, None),
            (Skip, Fail, None),
            (Fail, Pass, Some(Blame::Path)),
            (Warn, Pass, Some(Blame::Path)),
            (Fail, Warn, Some(Blame::Path)),
            (Fail, Fail, Some(Blame::Origin)),
            (Warn, Warn, Some(Blame::Origin)),
            (Warn, Fail, Some(Blame::Origin)),
            (Fail, Skip, Some(Blame::Unknown)),
        ] {
            assert_eq!(Blame::of(through, direct), blame, "{through:?} {direct:?}");
        }
    }
}
