//! `idle`: connections that are open and say nothing. What each costs the server and the kernel, and its heartbeats.

use std::time::Duration;

use super::{
    args::What,
    child::ChildError,
    figure::Figures,
    hold::Holders,
    system::{Kernel, Weighed},
    trial::{Failed, Found, SETTLE, Trial, Watch},
    way::Way,
};
use crate::render;

/// What a server does once, it has done with so many.
pub(super) const WARM_UP: usize = 64;
/// After opening, before memory is read: METRICS of this project, idle memory.
const REST: Duration = Duration::from_secs(5);

impl From<ChildError> for Failed {
    fn from(error: ChildError) -> Self {
        Self::Broke(error.to_string())
    }
}

pub(super) async fn run(trial: &Trial<'_>, processes: usize) -> Result<Found, Failed> {
    let mut holders = Holders::start(processes, trial.cores.map(|cores| cores.client)).await?;
    let found = measure(trial, &mut holders).await;
    holders.end().await;
    found
}

async fn measure(trial: &Trial<'_>, holders: &mut Holders) -> Result<Found, Failed> {
    let way = trial.way(Way::topic_path(trial.lane, &trial.topic()));
    let (count, concurrency) = (trial.asked.connections(), trial.asked.concurrency);
    let (warm, failures) = holders
        .open((&way, warm_up(count), concurrency, 0), |_| {}, trial.stop)
        .await?;
    trial.reached(warm, &failures)?;
    trial.pause(2 * SETTLE).await;
    trial.interrupted()?;

    let weighed = &trial.servers.weighed;
    let clients = Weighed { pids: holders.pids() };
    let (user_before, kernel_before) = (weighed.pss_kib(), Kernel::read());
    let opening = Watch::start(weighed.clone(), clients.clone());
    let said = |opened| render::progress(&format!("{}: {opened} of {count} open", trial.lane));
    let (opened, mut failures) = holders.open((&way, count, concurrency, warm), said, trial.stop).await?;
    let opening = opening.used();
    trial.interrupted()?; // what opens cannot be weighed
    trial.reached(opened, &failures)?;
    trial.pause(REST).await;
    let (user_after, kernel_after) = (weighed.pss_kib(), Kernel::read());

    let (beats_before, _) = holders.count().await?;
    let watch = Watch::start(weighed.clone(), clients);
    trial.pause(trial.asked.duration()).await;
    let used = watch.used();
    let (beats, ended) = holders.count().await?;
    failures.add(&ended);

    let (each, beats) = (1.0 / opened as f64, (beats - beats_before) as f64);
    let mut figures = Figures::of(What::Idle);
    figures.set("opened_count", opened as f64);
    figures.set("failed_count", failures.total() as f64);
    if let (Some(before), Some(after)) = (user_before, user_after) {
        figures.set("base_mib", before / 1024.0);
        figures.set("user_kib", (after - before) * each);
    }
    // Of a server elsewhere only our own end is here.
    let is_here = way.address.ip().is_loopback();
    if let (true, Some(before), Some(after)) = (is_here, kernel_before, kernel_after) {
        let (queues, slab) = (after.queues_kib - before.queues_kib, after.slab_kib - before.slab_kib);
        figures.set("queues_kib", queues * each);
        figures.set("slab_kib", slab * each);
        figures.set("kernel_kib", (queues + slab) * each);
    }
    figures.set("open_s", opening.took_s);
    figures.set("open_cpu_us", opening.server_cpu_s * 1e6 * each);
    figures.set("heartbeats_count", beats);
    figures.set("heartbeat_cpu_us", used.server_cpu_s * 1e6 / beats);
    used.busy(&mut figures);
    Ok(Found { figures, failures })
}

/// No more than are asked for.
pub(super) fn warm_up(count: usize) -> usize {
    WARM_UP.min(count)
}
