//! What was measured, as it is written: `docs/schema/compare.v1.json` describes it.

use serde::Serialize;
use wirelab_link::Profile;
use wirelab_model::metrics::Summary;

use super::{lane::Lane, threshold::Threshold};

/// The name and version of the form. A field may be added under it; a change of meaning takes a new one.
pub(crate) const SCHEMA: &str = "wirelab.compare.v1";

/// A whole comparison.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) schema: &'static str,
    /// The program's version.
    pub(crate) version: &'static str,
    /// What was typed.
    pub(crate) command: String,
    pub(crate) setting: Setting,
    pub(crate) machine: Machine,
    pub(crate) points: Vec<PointResult>,
    /// What the figures say, computed from them.
    pub(crate) findings: Vec<Finding>,
    /// What was asked to be so.
    pub(crate) thresholds: Vec<Judged>,
    /// What speaks against them.
    pub(crate) warnings: Vec<String>,
}

/// What is the same in all runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) topic: String,
    pub(crate) hz: u32,
    pub(crate) bytes: u16,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) seeds: Vec<u64>,
    pub(crate) duration_ms: u64,
    pub(crate) warm_up_ms: u64,
    pub(crate) drain_ms: u64,
    /// The server that ran elsewhere. With it nothing is emulated or counted on the wire: `profile` is empty, `wire` is
    /// zero, and a seed is no more than a run's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// Of the sockets, pinned; of a target's sockets it is unknown.
    pub(crate) congestion_control: String,
    /// How the link is made.
    pub(crate) mechanism: String,
}

/// Where it was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) os: String,
    pub(crate) kernel: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
}

/// One setting of the link, with all its runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PointResult {
    pub(crate) label: String,
    pub(crate) is_control: bool,
    pub(crate) profile: Profile,
    pub(crate) runs: Vec<Run>,
}

/// All lanes at the same time, with one seed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// Why its figures are not to be trusted; empty: they are.
    pub(crate) disturbed: Vec<String>,
    pub(crate) lanes: Vec<LaneResult>,
}

/// One lane in one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LaneResult {
    pub(crate) lane: Lane,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// Whether it came to be measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It did not open, or ended early.
    Failed(String),
    /// It ran the whole window.
    Measured(Box<Measured>),
}

/// What a lane delivered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    /// From the first packet to the first message.
    pub(crate) open_ms: f64,
    pub(crate) figures: Summary,
    /// Ticks of the schedule that the publisher missed within the window.
    pub(crate) missed_ticks: u64,
    /// Of the lane's link, within the window.
    pub(crate) wire: Wire,
    /// The worst age of each span of 50 ms of the window, ms; null where nothing was known.
    pub(crate) age_ms: Vec<Option<f64>>,
    /// From and to, ms since the window opened.
    pub(crate) freezes_ms: Vec<(f64, f64)>,
    /// Of each message that came, ms, sorted.
    pub(crate) latencies_ms: Vec<f64>,
}

/// IP packets and bytes of one lane's link.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Wire {
    pub(crate) down_packets: u64,
    pub(crate) down_bytes: u64,
    pub(crate) up_packets: u64,
    pub(crate) up_bytes: u64,
    pub(crate) lost_packets: u64,
    /// How much later than planned the link let packets out, the 99th percentile of the run, µs.
    pub(crate) lateness_p99_us: u64,
}

/// One sentence about the figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// Which setting of the link.
    pub(crate) point: String,
    /// What head-of-line blocking makes one expect.
    pub(crate) expected: String,
    /// Whether it is so in the median run.
    pub(crate) holds: bool,
    /// The figures that say so.
    pub(crate) seen: String,
}

/// A threshold, held against one setting.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Judged {
    pub(crate) threshold: Threshold,
    /// Which setting of the link.
    pub(crate) point: String,
    pub(crate) holds: bool,
    /// The median over the seeds, as it is said.
    pub(crate) seen: String,
}

impl LaneResult {
    pub(crate) fn measured(&self) -> Option<&Measured> {
        match &self.outcome {
            Outcome::Measured(measured) => Some(measured),
            Outcome::Failed(_) => None,
        }
    }
}

impl Measured {
    pub(crate) fn age_p99_ms(&self) -> f64 {
        self.figures
            .age
            .as_ref()
            .map_or(f64::NAN, |age| age.p99_us as f64 / 1000.0)
    }

    pub(crate) fn latency_ms(&self, of: impl Fn(&wirelab_model::metrics::Latency) -> u64) -> f64 {
        self.figures
            .latency
            .as_ref()
            .map_or(f64::NAN, |latency| of(latency) as f64 / 1000.0)
    }
}

impl PointResult {
    /// What a lane did in each run in which it was measured.
    pub(crate) fn of(&self, lane: Lane) -> Vec<&Measured> {
        let lanes = self.runs.iter().flat_map(|run| &run.lanes);
        lanes
            .filter(|result| result.lane == lane)
            .filter_map(LaneResult::measured)
            .collect()
    }

    /// The lane's median run by age p99, which is what is quoted.
    pub(crate) fn median(&self, lane: Lane) -> Option<&Measured> {
        let mut runs = self.of(lane);
        runs.sort_by(|a, b| a.age_p99_ms().total_cmp(&b.age_p99_ms()));
        runs.get(runs.len().saturating_sub(1) / 2).copied()
    }

    /// The least and the most of a figure over the seeds.
    pub(crate) fn spread(&self, lane: Lane, of: impl Fn(&Measured) -> f64) -> Option<(f64, f64)> {
        let values = self.of(lane).into_iter().map(of);
        values.fold(None, |spread, value| match spread {
            None => Some((value, value)),
            Some((least, most)) => Some((value.min(least), value.max(most))),
        })
    }
}
