//! `stalled`: some receivers stop reading while others go on. What each of them costs, and what the others feel.

use std::{net::SocketAddr, time::Duration};

use super::{
    args::What,
    connection::Connection,
    fanout::measure,
    figure::Figures,
    meter::lock,
    receivers::Receivers,
    system::{Kernel, Queues},
    trial::{Failed, Found, Trial},
    way::Way,
};

/// Before a baseline: jemalloc gives back what was used before after ten seconds.
const GIVEN_BACK: Duration = Duration::from_secs(12);

pub(super) async fn run(trial: &Trial<'_>) -> Result<Found, Failed> {
    let topic = trial.topic();
    let way = trial.way(Way::topic_path(trial.lane, &topic));
    let opening = |count| trial.opening(way.clone(), Some(&topic), count);
    let receivers = Receivers::open(opening(trial.asked.connections()), trial.stop).await;
    trial.reached(receivers.opened, &receivers.failures)?;
    let (meter, count) = (&receivers.meter, receivers.opened);
    let without = measure(trial, &way, &receivers).await?;
    trial.interrupted()?;

    let mut stalled: Vec<Connection> = Vec::new();
    let mut failures = opening(trial.asked.stalled)
        .run(trial.stop, |connection, _| stalled.push(connection))
        .await;
    trial.reached(stalled.len(), &failures)?;
    trial.pause(GIVEN_BACK).await;
    let weighed = &trial.servers.weighed;
    let before = (weighed.pss_kib(), Kernel::read());
    let with = measure(trial, &way, &receivers).await?;
    let after = (weighed.pss_kib(), Kernel::read());
    let queues = way.is_seen_by_the_kernel().then(|| {
        let ends: Vec<SocketAddr> = stalled.iter().filter_map(Connection::local).collect();
        Queues::read(way.address.port(), &ends)
    });

    failures.add(&receivers.failures);
    failures.add(&lock(meter).ended);
    let each = 1.0 / stalled.len() as f64;
    let mut figures = Figures::of(What::Stalled);
    figures.set("opened_count", (count + stalled.len()) as f64);
    figures.set("failed_count", failures.total() as f64);
    figures.set("stalled_count", stalled.len() as f64);
    if let (Some(before), Some(after)) = (before.0, after.0) {
        figures.set("user_kib", (after - before) * each);
    }
    let is_here = way.address.ip().is_loopback();
    if let (true, Some(before), Some(after)) = (is_here, before.1, after.1) {
        figures.set("kernel_kib", (after.queues_kib - before.queues_kib) * each);
    }
    if let Some(queues) = queues.flatten() {
        figures.set("server_queue_kib", queues.server_bytes as f64 / 1024.0 * each);
        figures.set("client_queue_kib", queues.client_bytes as f64 / 1024.0 * each);
    }
    figures.set(
        "offered_kib",
        with.published as f64 * trial.asked.size() as f64 / 1024.0,
    );
    figures.set("missing_count", with.missing as f64);
    figures.set("p50_us", with.latency.at(0.5));
    figures.set("p99_us", with.latency.at(0.99));
    figures.set("p50_without_us", without.latency.at(0.5));
    figures.set("p99_without_us", without.latency.at(0.99));
    with.used.busy(&mut figures);
    Ok(Found { figures, failures })
}
