//! `fanout`: one publisher, many receivers of one topic.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    args::What,
    figure::Figures,
    meter::{Times, lock},
    publisher::Load,
    receivers::Receivers,
    trial::{Failed, Found, LEAST_S, SETTLE, Trial, Used},
    way::Way,
};

/// How long what was published last may take to arrive.
const DRAIN: Duration = Duration::from_secs(2);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// What was seen while it was measured.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) published: u64,
    pub(super) deliveries_in_window: u64,
    pub(super) missing: u64,
    /// Of those missing, what the server said that it skipped.
    pub(super) skipped: u64,
    pub(super) latency: Times,
    pub(super) spread: Times,
    pub(super) used: Used,
}

pub(super) async fn run(trial: &Trial<'_>) -> Result<Found, Failed> {
    let topic = trial.topic();
    let way = trial.way(Way::topic_path(trial.lane, &topic));
    let opening = trial.opening(way.clone(), Some(&topic), trial.asked.connections());
    let receivers = Receivers::open(opening, trial.stop).await;
    trial.reached(receivers.opened, &receivers.failures)?;
    trial.pause(SETTLE).await;
    let window = measure(trial, &way, &receivers).await?;

    let mut failures = receivers.failures.clone();
    failures.add(&lock(&receivers.meter).ended);
    let mut figures = Figures::of(What::Fanout);
    figures.set("opened_count", receivers.opened as f64);
    figures.set("failed_count", failures.total() as f64);
    figures.set("published_count", window.published as f64);
    figures.set("missing_count", window.missing as f64);
    figures.set("skipped_count", window.skipped as f64);
    let deliveries = window.deliveries_in_window as f64;
    figures.set("deliveries_per_s", deliveries / window.used.took_s);
    figures.set("million_cpu_s", window.used.server_cpu_s * 1e6 / deliveries);
    quantiles(&mut figures, &window.latency);
    figures.set("spread_p50_us", window.spread.at(0.5));
    figures.set("spread_p99_us", window.spread.at(0.99));
    window.used.busy(&mut figures);
    Ok(Found { figures, failures })
}

/// Publishes, warms up, and measures.
pub(super) async fn measure(trial: &Trial<'_>, way: &Way, receivers: &Receivers) -> Result<Window, Failed> {
    let (meter, count) = (&receivers.meter, receivers.opened);
    let before = lock(meter).deliveries;
    let enough = CancellationToken::new();
    let _ends_with_us = enough.clone().drop_guard();
    let load = Load {
        way: way.clone(),
        topic: trial.topic(),
        pace: trial.asked.pace(),
        bytes: trial.asked.size(),
        receivers: count,
    };
    let publishing = load.publish(meter.clone(), enough.clone());
    let watching = async {
        trial.pause(SETTLE).await;
        {
            let mut meter = lock(meter);
            (meter.latency, meter.spread) = (Times::default(), Times::default());
            meter.is_recording = true;
        }
        let (from, watch) = (lock(meter).deliveries, trial.watch());
        trial.pause(trial.asked.duration()).await;
        let (until, used) = (lock(meter).deliveries, watch.used());
        lock(meter).is_recording = false;
        enough.cancel();
        (until - from, used)
    };
    let (published, (deliveries_in_window, used)) = tokio::join!(publishing, watching);
    let published = published.map_err(Failed::Broke)?;
    if used.took_s < LEAST_S {
        trial.interrupted()?; // nothing can be said of so short a time
    }
    let expected = published * count as u64;
    let start = Instant::now();
    while lock(meter).deliveries - before < expected && start.elapsed() < DRAIN {
        sleep(LOOK).await;
    }
    if published == 0 {
        trial.interrupted()?;
        return Err(Failed::Broke("nothing could be published".into()));
    }
    let mut meter = lock(meter);
    Ok(Window {
        published,
        deliveries_in_window,
        skipped: meter.skipped,
        missing: expected.saturating_sub(meter.deliveries - before),
        latency: std::mem::take(&mut meter.latency),
        spread: std::mem::take(&mut meter.spread),
        used,
    })
}

pub(super) fn quantiles(figures: &mut Figures, times: &Times) {
    for (name, quantile) in [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p99_9_us", 0.999)] {
        figures.set(name, times.at(quantile));
    }
    figures.set("max_us", times.max());
}
