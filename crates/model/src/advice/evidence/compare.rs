//! What is read of `wirelab.compare.v1`: the latency p99 of each lane in each run that was not disturbed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{Needs, Network, late::Kind},
    Cited,
};

/// One setting of the link, or the path to a server elsewhere.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    label: String,
    is_control: bool,
    /// None: no share that is the same for every packet.
    loss_percent: Option<f64>,
    /// Of each lane, one for each run, ms.
    p99_ms: BTreeMap<String, Vec<f64>>,
    disturbed: usize,
}

/// The figures of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compare {
    is_real_path: bool,
    points: Vec<Point>,
}

impl Compare {
    pub(super) fn of(written: Written) -> Self {
        Self {
            is_real_path: written.setting.target.is_some(),
            points: written.points.into_iter().map(Point::of).collect(),
        }
    }

    /// The median over the runs, ms, and what it is of.
    pub(super) fn p99_ms(&self, kind: Kind, needs: &Needs) -> Option<(f64, String)> {
        let point = self.point(needs.network)?;
        // What tells SSE from WebSocket within one run is chance, so their runs are one heap.
        let lanes: &[&str] = match kind {
            Kind::Stream if point.has(&["sse", "websocket"]) => &["sse", "websocket"],
            Kind::Stream => &["tcp"],
            Kind::Datachannel => &["datachannel"],
            Kind::DatachannelReliable => &["datachannel-reliable"],
        };
        let mut runs: Vec<f64> = lanes
            .iter()
            .filter_map(|lane| point.p99_ms.get(*lane))
            .flatten()
            .copied()
            .collect();
        runs.sort_by(f64::total_cmp);
        let median = *runs.get(runs.len().saturating_sub(1) / 2)?;
        let measured: Vec<_> = lanes.iter().filter(|lane| point.has(&[lane])).copied().collect();
        let says = format!(
            "{}: latency p99 {median:.1} ms at {}, median of {} runs ({:.1} to {:.1})",
            measured.join(" and "),
            point.label,
            runs.len(),
            runs[0],
            runs[runs.len() - 1],
        );
        Some((median, says))
    }

    /// Runs that were left out.
    pub(super) fn doubts(&self, name: &str) -> Vec<Cited> {
        let disturbed = self.points.iter().filter(|point| point.disturbed > 0);
        disturbed
            .map(|point| Cited {
                report: name.to_owned(),
                says: format!(
                    "{}: disturbed and left out: {} of the runs",
                    point.label, point.disturbed
                ),
                instead_of: None,
            })
            .collect()
    }

    /// The real path, or the setting of the link that is most like the network that is meant.
    fn point(&self, network: Network) -> Option<&Point> {
        let wanted = network.loss_percent();
        let distance = |point: &&Point| point.loss_percent.map_or(0.0, |percent| (percent - wanted).abs());
        let may_be = |point: &&Point| {
            let is_meant = self.is_real_path || point.is_control == (network == Network::Clean);
            is_meant && !point.p99_ms.is_empty()
        };
        self.points
            .iter()
            .filter(may_be)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

impl Point {
    fn of(written: WrittenPoint) -> Self {
        let mut p99_ms: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut disturbed = 0;
        for run in written.runs {
            if !run.disturbed.is_empty() {
                disturbed += 1;
                continue;
            }
            for lane in run.lanes {
                let latency = lane.measured.and_then(|measured| measured.figures.latency);
                if let Some(latency) = latency {
                    p99_ms.entry(lane.lane).or_default().push(latency.p99_us / 1000.0);
                }
            }
        }
        let loss = &written.profile.pointer("/down/loss").and_then(Value::as_str);
        let percent = loss.and_then(|share| share.strip_suffix('%')?.trim().parse().ok());
        Self {
            label: written.label,
            is_control: written.is_control,
            loss_percent: percent,
            p99_ms,
            disturbed,
        }
    }

    fn has(&self, lanes: &[&str]) -> bool {
        lanes.iter().any(|lane| self.p99_ms.contains_key(*lane))
    }
}

#[derive(Deserialize)]
pub(super) struct Written {
    setting: Setting,
    points: Vec<WrittenPoint>,
}

#[derive(Deserialize)]
struct Setting {
    target: Option<String>,
}

#[derive(Deserialize)]
struct WrittenPoint {
    label: String,
    is_control: bool,
    #[serde(default)]
    profile: Value,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    disturbed: Vec<String>,
    lanes: Vec<Lane>,
}

#[derive(Deserialize)]
struct Lane {
    lane: String,
    measured: Option<Measured>,
}

#[derive(Deserialize)]
struct Measured {
    figures: Figures,
}

#[derive(Deserialize)]
struct Figures {
    latency: Option<Latency>,
}

#[derive(Deserialize)]
struct Latency {
    p99_us: f64,
}
