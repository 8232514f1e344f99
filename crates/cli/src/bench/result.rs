//! What was measured, as it is written: `docs/schema/bench.v1.json` describes it.

use serde::Serialize;

use super::{
    args::What, connection::Failures, figure::Figures, lane::Lane, preflight::Advice, threshold::Threshold, way::Kind,
};
use crate::compare::result::Machine;

/// The name and version of the form. A field may be added under it; a change of meaning takes a new one.
pub(crate) const SCHEMA: &str = "wirelab.bench.v1";

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema: &'static str,
    /// The program's version.
    pub(crate) version: &'static str,
    /// What was typed.
    pub(crate) command: String,
    /// Ctrl-C came before all was measured.
    pub(crate) interrupted: bool,
    pub(crate) setting: Setting,
    pub(crate) machine: Machine,
    pub(crate) contenders: Vec<Contender>,
    /// Ours, as so many times the reference.
    pub(crate) ratios: Vec<Ratio>,
    /// What was asked to be so.
    pub(crate) thresholds: Vec<Judged>,
    /// What of this machine stands in the way, and what to type.
    pub(crate) preflight: Vec<Advice>,
    /// What speaks against the figures.
    pub(crate) warnings: Vec<String>,
}

/// What is the same in all runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) what: What,
    pub(crate) connections: usize,
    pub(crate) concurrency: usize,
    pub(crate) duration_ms: u64,
    pub(crate) heartbeat_ms: u64,
    /// Bytes of each message's data.
    pub(crate) bytes: usize,
    /// Messages or round trips a second; null: as many as go.
    pub(crate) rate_per_s: Option<f64>,
    /// Messages that may be under way; null: there is a rate.
    pub(crate) window: Option<u64>,
    pub(crate) stalled: Option<usize>,
    pub(crate) server_processes: usize,
    /// The load generator's.
    pub(crate) client_processes: usize,
    /// Addresses of loopback that connections go out from.
    pub(crate) sources: u8,
    /// The core that the server was kept on; null: it was not.
    pub(crate) server_core: Option<usize>,
    pub(crate) client_core: Option<usize>,
    /// The servers that run elsewhere.
    pub(crate) targets: Vec<String>,
}

/// One server on one lane, with all its runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Contender {
    pub(crate) lane: Lane,
    pub(crate) server: Kind,
    pub(crate) runs: Vec<Run>,
    /// Of each figure over the runs; null: no run has any.
    pub(crate) median: Option<Figures>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// Ctrl-C came in the middle of it: the time measured is shorter than asked.
    pub(crate) interrupted: bool,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// Whether it came to be measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Why not.
    Failed(String),
    /// What it found, and why connections failed or ended.
    Measured { figures: Figures, failures: Failures },
}

/// Every figure of ours over the reference's.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) lane: Lane,
    pub(crate) figures: Figures,
}

/// A threshold, held against the median.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Judged {
    pub(crate) threshold: Threshold,
    pub(crate) holds: bool,
    /// Null: not measured.
    pub(crate) seen: Option<f64>,
}

impl Run {
    pub(crate) fn figures(&self) -> Option<&Figures> {
        match &self.outcome {
            Outcome::Measured { figures, .. } => Some(figures),
            Outcome::Failed(_) => None,
        }
    }
}

impl Contender {
    /// The least and the most of a figure over the runs.
    pub(crate) fn spread(&self, name: &str) -> Option<(f64, f64)> {
        let values = self.runs.iter().filter_map(|run| run.figures()?.get(name));
        values.fold(None, |spread, value| match spread {
            None => Some((value, value)),
            Some((least, most)) => Some((value.min(least), value.max(most))),
        })
    }

    /// `websocket`, or `websocket, reference`.
    pub(crate) fn name(&self) -> String {
        match self.server {
            Kind::Wirelab => self.lane.to_string(),
            other => format!("{}, {}", self.lane, other.id()),
        }
    }
}
