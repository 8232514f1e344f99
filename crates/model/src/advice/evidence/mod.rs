//! What was measured on somebody's own path: reports of `compare`, `bench` and `verify`.
//!
//! Where a report has a figure, the built-in one gives way, and the advice says so line by line. Each kind of report
//! has a file that says what is read of it. Fields that advice does not know are passed over, since a schema may grow;
//! a report that lacks what is read, or of another version, is refused.
//!
//! Bound: [`MAX_REPORTS`]. Overflow: an error. Of a report only a few figures are kept.

mod bench;
mod compare;
mod verify;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use thiserror::Error;

use self::{bench::Bench, compare::Compare, verify::Verify};
use super::{
    Needs, Preference, RuledOut,
    late::{self, Kind},
    table::Price,
};
use crate::Transport;

/// Most reports that are held against each other.
pub const MAX_REPORTS: usize = 16;

/// Reports, the later ones first in what they have a figure for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    reports: Vec<Named>,
}

#[derive(Clone, Debug, PartialEq)]
struct Named {
    name: String,
    report: Report,
}

#[derive(Clone, Debug, PartialEq)]
enum Report {
    Compare(Compare),
    Bench(Bench),
    Verify(Verify),
}

/// A figure of a report that took the place of a built-in one, or a check that counts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cited {
    /// The report, as it was named.
    pub report: String,
    /// What it says.
    pub says: String,
    /// What would have been taken without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

/// Why a report is no evidence.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EvidenceError {
    /// Not the JSON of a report.
    #[error("{name} is no JSON: {why}. A report is what compare, bench or verify write with --output json")]
    NotJson {
        /// As the report was named.
        name: String,
        /// At which place.
        why: String,
    },
    /// JSON, and not of ours.
    #[error(
        "{name} has no \"schema\" that says what it is: a report of wirelab.compare.v1, wirelab.bench.v1 or \
         wirelab.verify.v1"
    )]
    NoSchema {
        /// As the report was named.
        name: String,
    },
    /// Another version, or something else.
    #[error("{name} is {schema}; this version reads wirelab.compare.v1, wirelab.bench.v1 and wirelab.verify.v1")]
    UnknownSchema {
        /// As the report was named.
        name: String,
        /// What it says it is.
        schema: String,
    },
    /// It says what it is, and is not.
    #[error("{name} says that it is {schema}, but cannot be read as that: {why}")]
    Shape {
        /// As the report was named.
        name: String,
        /// What it says it is.
        schema: String,
        /// What is missing or wrong.
        why: String,
    },
    /// More than are held against each other.
    #[error("{name} is one report too many: {MAX_REPORTS} are taken")]
    TooMany {
        /// As the report was named.
        name: String,
    },
}

impl Evidence {
    /// Adds a report in the form that `--output json` writes. `name` is how it is cited.
    ///
    /// # Errors
    /// It is no report, or of a version that is not known here, or one too many.
    pub fn add(&mut self, name: &str, json: &str) -> Result<(), EvidenceError> {
        let name = name.to_owned();
        if self.reports.len() >= MAX_REPORTS {
            return Err(EvidenceError::TooMany { name });
        }
        let head: Head = serde_json::from_str(json).map_err(|error| EvidenceError::NotJson {
            name: name.clone(),
            why: error.to_string(),
        })?;
        let Some(Value::String(schema)) = head.schema else {
            return Err(EvidenceError::NoSchema { name });
        };
        let report = match schema.as_str() {
            "wirelab.compare.v1" => Report::Compare(read(&name, &schema, json, Compare::of)?),
            "wirelab.bench.v1" => Report::Bench(read(&name, &schema, json, Bench::of)?),
            "wirelab.verify.v1" => Report::Verify(read(&name, &schema, json, Verify::of)?),
            _ => return Err(EvidenceError::UnknownSchema { name, schema }),
        };
        self.reports.push(Named { name, report });
        Ok(())
    }

    /// One-way latency p99, ms, and where it is from.
    pub(super) fn p99_ms(&self, kind: Kind, needs: &Needs) -> Option<(f64, String)> {
        let found = self.newest(|report| match report {
            Report::Compare(compare) => compare.p99_ms(kind, needs),
            Report::Bench(_) | Report::Verify(_) => None,
        });
        found.map(|(name, (p99_ms, what))| (p99_ms, format!("{name}: {what}")))
    }

    /// The least limit of silence that was found for a transport, s, with the report's name.
    pub(super) fn idle_s(&self, transport: Transport) -> Option<(f64, String)> {
        let found = self.newest(|report| match report {
            Report::Verify(verify) => verify.idle_s(transport),
            Report::Compare(_) | Report::Bench(_) => None,
        });
        found.map(|(name, idle_s)| (idle_s, name.to_owned()))
    }

    /// What connections were found to cost.
    pub(super) fn prices(&self) -> Vec<Price> {
        let benches = self.reports.iter().filter_map(|Named { name, report }| match report {
            Report::Bench(bench) => Some((name, bench)),
            Report::Compare(_) | Report::Verify(_) => None,
        });
        benches.flat_map(|(name, bench)| bench.prices(name)).collect()
    }

    /// Checks that rule a transport out on this path.
    pub(super) fn blocked(&self, transport: Transport) -> Vec<RuledOut> {
        self.checks(|name, verify| verify.blocked(transport, name))
    }

    /// Checks that speak against it.
    pub(super) fn against(&self, transport: Transport) -> Vec<Preference> {
        self.checks(|name, verify| verify.against(transport, name))
    }

    /// What of the reports counts for these needs.
    pub(super) fn cited(&self, needs: &Needs) -> Vec<Cited> {
        let mut cited = Vec::new();
        let mut kinds = Vec::new();
        for transport in Transport::ALL {
            let kind = late::kind(transport, needs);
            if !kinds.contains(&kind) {
                kinds.push(kind);
                cited.extend(self.cite_lateness(kind, needs));
            }
        }
        for Named { name, report } in &self.reports {
            cited.extend(match report {
                Report::Compare(compare) => compare.doubts(name),
                Report::Bench(bench) => bench.cited(name),
                Report::Verify(verify) => verify.cited(name),
            });
        }
        cited
    }

    fn cite_lateness(&self, kind: Kind, needs: &Needs) -> Option<Cited> {
        let (name, (_, says)) = self.newest(|report| match report {
            Report::Compare(compare) => compare.p99_ms(kind, needs),
            Report::Bench(_) | Report::Verify(_) => None,
        })?;
        let (usual_ms, source) = late::usual(kind, needs);
        Some(Cited {
            report: name.to_owned(),
            says,
            instead_of: Some(format!("{usual_ms} ms, {source}")),
        })
    }

    fn newest<T>(&self, of: impl Fn(&Report) -> Option<T>) -> Option<(&str, T)> {
        let mut reports = self.reports.iter().rev();
        reports.find_map(|named| Some((named.name.as_str(), of(&named.report)?)))
    }

    fn checks<T>(&self, of: impl Fn(&str, &Verify) -> Vec<T>) -> Vec<T> {
        let reports = self.reports.iter().filter_map(|Named { name, report }| match report {
            Report::Verify(verify) => Some(of(name, verify)),
            Report::Compare(_) | Report::Bench(_) => None,
        });
        reports.flatten().collect()
    }
}

/// What every report begins with.
#[derive(Deserialize)]
struct Head {
    schema: Option<Value>,
}

fn read<W: DeserializeOwned, R>(name: &str, schema: &str, json: &str, of: impl Fn(W) -> R) -> Result<R, EvidenceError> {
    serde_json::from_str(json)
        .map(of)
        .map_err(|error| EvidenceError::Shape {
            name: name.to_owned(),
            schema: schema.to_owned(),
            why: error.to_string(),
        })
}
