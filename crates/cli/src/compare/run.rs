//! One run: all lanes on their stages, opened, warmed up, and measured over the same window.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use thiserror::Error;
use tokio::time::{sleep, timeout};
use wirelab_link::Privilege;
use wirelab_model::{Micros, TopicName};
use wirelab_transport::clock::Clock;

use super::{
    client::{Listener, Standing, listen},
    figures::Window,
    lane::Lane,
    plan::{DRAIN, Point, WARM_UP},
    result::{LaneResult, Outcome, Run, Wire},
    stage::{Stage, StageError},
};

/// How long all lanes together may take to open; three attempts of the slowest.
const OPENING: Duration = Duration::from_secs(60);
/// A run is disturbed when the link let packets out later than this, at the 99th percentile.
const LATE_US: u64 = 1_000;
/// … or when the publisher missed more ticks than this share.
const MISSED: f64 = 0.001;

/// Why a comparison ended without a result.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("interrupted")]
    Interrupted,
}

/// What is the same in all runs.
pub(crate) struct Bench<'a> {
    pub(crate) privilege: &'a Privilege,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) topic: TopicName,
    pub(crate) hz: u32,
    pub(crate) duration: Duration,
    pub(crate) congestion: String,
}

impl Bench<'_> {
    /// Runs all lanes at the same time. Also gives how the link was made.
    pub(crate) async fn run(&self, point: &Point, seed: u64) -> Result<(Run, String), RunError> {
        let stages = self.set(point, seed)?;
        let mechanism = stages.first().map(Stage::mechanism).unwrap_or_default();
        let outcome = tokio::select! {
            lanes = self.measure(point, &stages) => Ok(lanes),
            _ = tokio::signal::ctrl_c() => Err(RunError::Interrupted),
        };
        for stage in stages {
            stage.strike();
        }
        let lanes = outcome?;
        let disturbed = disturbances(&lanes);
        Ok((Run { seed, disturbed, lanes }, mechanism))
    }

    fn set(&self, point: &Point, seed: u64) -> Result<Vec<Stage>, StageError> {
        let origin = Instant::now(); // of all links: their outages come at the same moments
        let mut stages = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            let link = (self.privilege, &point.profile, seed, origin);
            stages.push(Stage::set(*lane, link, &self.topic, &self.congestion)?);
        }
        Ok(stages)
    }

    async fn measure(&self, point: &Point, stages: &[Stage]) -> Vec<LaneResult> {
        let clock = Clock::start();
        let mut listeners = Vec::with_capacity(stages.len());
        for stage in stages {
            let _inside = stage.client().enter();
            listeners.push(listen(stage.lane, stage.address(), self.topic.clone()));
        }
        let all_open = async {
            for listener in &mut listeners {
                let _ = listener
                    .standing
                    .wait_for(|standing| *standing != Standing::Opening)
                    .await;
            }
        };
        let _ = timeout(OPENING, all_open).await; // one that is late is said to be so below

        sleep(WARM_UP).await;
        let (from_us, before) = (clock.now_us(), wires(stages));
        sleep(self.duration).await;
        let (until_us, after) = (clock.now_us(), wires(stages));
        sleep(DRAIN).await;

        let window = Window {
            from_us,
            until_us,
            period_us: Micros(1_000_000 / u64::from(self.hz)),
            delay: point.profile.down.delay,
        };
        let wires = before
            .into_iter()
            .zip(after)
            .map(|(before, after)| within(before, after));
        let each = stages.iter().zip(&listeners).zip(wires);
        each.map(|((stage, listener), wire)| LaneResult {
            lane: stage.lane,
            outcome: outcome(listener, &window, wire),
        })
        .collect()
    }
}

fn outcome(listener: &Listener, window: &Window, wire: Wire) -> Outcome {
    match &*listener.standing.borrow() {
        Standing::Failed(why) => return Outcome::Failed(why.clone()),
        Standing::Opening => return Outcome::Failed(format!("it heard nothing in {} s", OPENING.as_secs())),
        Standing::Hearing => {}
    }
    let heard = listener.heard.lock().unwrap_or_else(PoisonError::into_inner);
    match window.measure(&heard, wire) {
        Some(measured) => Outcome::Measured(Box::new(measured)),
        None => Outcome::Failed("it heard nothing".into()),
    }
}

fn wires(stages: &[Stage]) -> Vec<Wire> {
    stages.iter().map(Stage::wire).collect()
}

fn within(before: Wire, after: Wire) -> Wire {
    Wire {
        down_packets: after.down_packets - before.down_packets,
        down_bytes: after.down_bytes - before.down_bytes,
        up_packets: after.up_packets - before.up_packets,
        up_bytes: after.up_bytes - before.up_bytes,
        lost_packets: after.lost_packets - before.lost_packets,
        lateness_p99_us: after.lateness_p99_us,
    }
}

/// What says that the machine, and not the link, made the figures.
fn disturbances(lanes: &[LaneResult]) -> Vec<String> {
    let measured = || {
        lanes
            .iter()
            .filter_map(|result| Some((result.lane, result.measured()?)))
    };
    let late = measured().max_by_key(|(_, measured)| measured.wire.lateness_p99_us);
    let late = late
        .filter(|(_, measured)| measured.wire.lateness_p99_us > LATE_US)
        .map(|(lane, measured)| {
            let ms = measured.wire.lateness_p99_us as f64 / 1000.0;
            format!("the link of {lane} let packets out {ms:.1} ms late (p99; the limit is 1 ms)")
        });
    let missed = measured().max_by_key(|(_, measured)| measured.missed_ticks);
    let missed = missed
        .filter(|(_, measured)| measured.missed_ticks as f64 > MISSED * measured.figures.delivery.published as f64)
        .map(|(lane, measured)| {
            format!(
                "the publisher of {lane} missed {} ticks of its schedule",
                measured.missed_ticks
            )
        });
    late.into_iter().chain(missed).collect()
}
