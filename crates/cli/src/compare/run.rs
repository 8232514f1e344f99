//! One run: all lanes on their stages, opened, warmed up, and measured over the same window.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use thiserror::Error;
use tokio::time::{sleep, timeout};
use wirelab_link::Privilege;
use wirelab_model::{Micros, TopicName, metrics::Theta};
use wirelab_transport::{clock::Clock, place::Place};

use super::{
    client::{Listener, Standing, listen},
    figures::Window,
    lane::Lane,
    plan::{DRAIN, Point, WARM_UP},
    result::{LaneResult, Outcome, Run, Wire},
    stage::{Stage, StageError},
    target::{Target, TargetError},
};
use crate::trust::Trust;

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
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("interrupted")]
    Interrupted,
}

/// What lies between the server and its clients.
pub(crate) enum Path<'a> {
    /// A server and a link for each lane.
    Links(&'a Privilege),
    /// A server that runs elsewhere, and whatever is on the way to it; with TLS, who is believed.
    Direct(&'a Target, Option<&'a Trust>),
}

/// What is the same in all runs.
pub(crate) struct Bench<'a> {
    pub(crate) path: Path<'a>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) topic: TopicName,
    pub(crate) hz: u32,
    pub(crate) duration: Duration,
    pub(crate) congestion: String,
}

impl Bench<'_> {
    /// Runs all lanes at the same time. Also gives what the path was.
    pub(crate) async fn run(&self, point: &Point, seed: u64) -> Result<(Run, String), RunError> {
        let (lanes, mechanism) = match self.path {
            Path::Links(privilege) => self.over_links(privilege, point, seed).await?,
            Path::Direct(target, trust) => self.over_path(target, trust).await?,
        };
        let disturbed = disturbances(&lanes);
        Ok((Run { seed, disturbed, lanes }, mechanism))
    }

    async fn over_links(
        &self,
        privilege: &Privilege,
        point: &Point,
        seed: u64,
    ) -> Result<(Vec<LaneResult>, String), RunError> {
        let stages = self.set(privilege, point, seed)?;
        let mechanism = stages.first().map(Stage::mechanism).unwrap_or_default();
        let mut listeners = Vec::with_capacity(stages.len());
        for stage in &stages {
            let _inside = stage.client().enter();
            let address = stage.address();
            let place = Place::plain(address, address.to_string());
            listeners.push(listen(stage.lane, place, self.topic.clone()));
        }
        let (delay, clock) = (Some(point.profile.down.delay), Theta::SAME_CLOCK);
        let outcome = tokio::select! {
            lanes = self.measure(&mut listeners, || wires(&stages), delay, clock) => Ok(lanes),
            _ = tokio::signal::ctrl_c() => Err(RunError::Interrupted),
        };
        for stage in stages {
            stage.strike();
        }
        Ok((outcome?, mechanism))
    }

    async fn over_path(&self, target: &Target, trust: Option<&Trust>) -> Result<(Vec<LaneResult>, String), RunError> {
        let mut listeners = Vec::new();
        let measured = async {
            let server = target.find(trust).await?;
            let clock = target.clock(&server).await?; // before the lanes are there, and afresh for each run: clocks drift
            let opened = self
                .lanes
                .iter()
                .map(|lane| listen(*lane, server.clone(), self.topic.clone()));
            listeners.extend(opened);
            let unseen = || vec![Wire::default(); self.lanes.len()];
            Ok(self.measure(&mut listeners, unseen, None, clock).await)
        };
        let outcome = tokio::select! {
            lanes = measured => lanes,
            _ = tokio::signal::ctrl_c() => Err(RunError::Interrupted),
        };
        for listener in listeners {
            listener.end().await;
        }
        let believed = if trust.is_some_and(Trust::is_blind) {
            ", any certificate believed"
        } else {
            ""
        };
        Ok((outcome?, format!("the direct path to {target}{believed}")))
    }

    fn set(&self, privilege: &Privilege, point: &Point, seed: u64) -> Result<Vec<Stage>, StageError> {
        let origin = Instant::now(); // of all links: their outages come at the same moments
        let mut stages = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            let link = (privilege, &point.profile, seed, origin);
            stages.push(Stage::set(*lane, link, &self.topic, &self.congestion)?);
        }
        Ok(stages)
    }

    /// Waits until all have opened, warms up, and measures all over the same window.
    async fn measure(
        &self,
        listeners: &mut [Listener],
        wires: impl Fn() -> Vec<Wire>,
        delay: Option<Duration>,
        clock: Theta,
    ) -> Vec<LaneResult> {
        let ours = Clock::start();
        let all_open = async {
            for listener in &mut *listeners {
                let _ = listener
                    .standing
                    .wait_for(|standing| *standing != Standing::Opening)
                    .await;
            }
        };
        let _ = timeout(OPENING, all_open).await; // one that is late is said to be so below

        sleep(WARM_UP).await;
        let (from_us, before) = (ours.now_us(), wires());
        sleep(self.duration).await;
        let (until_us, after) = (ours.now_us(), wires());
        sleep(DRAIN).await;

        let window = Window {
            from_us,
            until_us,
            period_us: Micros(1_000_000 / u64::from(self.hz)),
            delay,
            clock,
        };
        let wires = before
            .into_iter()
            .zip(after)
            .map(|(before, after)| within(before, after));
        let each = listeners.iter().zip(wires);
        each.map(|(listener, wire)| LaneResult {
            lane: listener.lane,
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
    let silent = measured().next().is_none().then(|| "no lane was measured".to_owned());
    late.into_iter().chain(missed).chain(silent).collect()
}
