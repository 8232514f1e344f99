//! What is read of `wirelab.verify.v1`: checks that failed, and limits of silence.
//!
//! Of each check its `id`, its `verdict` (`PASS`, `WARN`, `FAIL`, `SKIP`, in any case), what it `measured` and what its
//! `hint` is; of `idle.sse` and `idle.ws` also `limit_s`, after how many seconds of silence the path cuts.

use serde::Deserialize;

use super::{
    super::{
        Preference, RuledOut,
        table::{Check, TABLE},
    },
    Cited,
};
use crate::Transport;

/// What one failed check speaks against a transport, points.
const FAILED: i32 = -1;

/// The checks of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verify {
    failed: Vec<WrittenCheck>,
    /// Of `idle.sse` and `idle.ws`, s.
    idle_s: Vec<(Transport, f64)>,
}

impl Verify {
    pub(super) fn of(written: Written) -> Self {
        let idle = |check: &WrittenCheck| {
            let transport = match check.id.as_str() {
                "idle.sse" => Transport::Sse,
                "idle.ws" => Transport::WebSocket,
                _ => return None,
            };
            Some((transport, check.limit_s.filter(|limit| *limit > 0.0)?))
        };
        let idle_s = written.checks.iter().filter_map(idle).collect();
        let failed = written
            .checks
            .into_iter()
            .filter(|check| check.verdict.eq_ignore_ascii_case("fail"));
        Self {
            failed: failed.collect(),
            idle_s,
        }
    }

    pub(super) fn idle_s(&self, transport: Transport) -> Option<f64> {
        let limits = self
            .idle_s
            .iter()
            .filter(|(of, _)| *of == transport)
            .map(|(_, limit)| *limit);
        limits.min_by(f64::total_cmp)
    }

    pub(super) fn blocked(&self, transport: Transport, name: &str) -> Vec<RuledOut> {
        let blocking = self.of_transport(transport, true);
        blocking
            .map(|check| RuledOut {
                requirements: Vec::new(),
                because: format!("On this path {} fails{}", check.id, check.more()),
                source: Some(name.to_owned()),
            })
            .collect()
    }

    pub(super) fn against(&self, transport: Transport, name: &str) -> Vec<Preference> {
        let others = self.of_transport(transport, false);
        others
            .map(|check| Preference {
                points: FAILED,
                requirements: Vec::new(),
                because: format!("On this path {} fails{}", check.id, check.more()),
                source: Some(name.to_owned()),
            })
            .collect()
    }

    pub(super) fn cited(&self, name: &str) -> Vec<Cited> {
        let failed = self
            .failed
            .iter()
            .map(|check| format!("{} fails{}", check.id, check.more()));
        let idle = self
            .idle_s
            .iter()
            .map(|(transport, limit)| format!("{} is cut after {limit} s of silence", transport.label()));
        let lines = failed.chain(idle).map(|says| Cited {
            report: name.to_owned(),
            says,
            instead_of: None,
        });
        lines.collect()
    }

    fn of_transport(&self, transport: Transport, blocks: bool) -> impl Iterator<Item = &WrittenCheck> {
        let counts = move |check: &&WrittenCheck| {
            rule(&check.id).is_some_and(|rule| rule.transport == transport && rule.blocks == blocks)
        };
        self.failed.iter().filter(counts)
    }
}

/// The row that says most of this id: all of it, or its beginning up to a dot.
fn rule(id: &str) -> Option<&'static Check> {
    let is_of = |row: &&Check| {
        id == row.id
            || id
                .strip_prefix(row.id.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
    };
    TABLE.check.iter().filter(is_of).max_by_key(|row| row.id.len())
}

#[derive(Deserialize)]
pub(super) struct Written {
    checks: Vec<WrittenCheck>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct WrittenCheck {
    id: String,
    verdict: String,
    measured: Option<String>,
    hint: Option<String>,
    limit_s: Option<f64>,
}

impl WrittenCheck {
    fn more(&self) -> String {
        let said = [&self.measured, &self.hint];
        let said: Vec<_> = said
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|text| !text.is_empty())
            .collect();
        if said.is_empty() {
            ".".into()
        } else {
            format!(": {}", said.join("; "))
        }
    }
}
