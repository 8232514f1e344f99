//! The topic `metric`: once a second, what this server and its machine are doing.
//!
//! Real readings, so that the dashboard on `/sse.html` shows something that a person can change by opening tabs.

use std::time::{Duration, Instant};

use serde::Serialize;
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wirelab_model::{TopicName, message::Data};
use wirelab_transport::feed::Feed;

/// The schedule of the topic.
const PERIOD: Duration = Duration::from_secs(1);

/// What the rooms know of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Open event streams.
    pub(crate) sse: u64,
    /// Open WebSockets.
    pub(crate) websocket: u64,
    /// Peer connections whose channels are open.
    pub(crate) datachannel: u64,
    /// Messages written to a peer since the start, on all lanes.
    pub(crate) deliveries_total: u64,
}

/// Publishes a reading every second until told to stop. `counts` is asked once a reading.
pub(crate) async fn run(feed: Feed, counts: impl Fn() -> Counts, started: Instant, stop: CancellationToken) {
    let mut probe = match Probe::new() {
        Ok(probe) => probe,
        Err(error) => {
            tracing::warn!(%error, "this system does not tell its load: the topic `metric` stays silent");
            return;
        }
    };
    let mut last = (Instant::now(), counts().deliveries_total);
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip); // a reading says "now": late ones are worth nothing
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (now, counts) = (Instant::now(), counts());
        let load = Load::since(last, (now, counts.deliveries_total));
        last = (now, counts.deliveries_total);
        let reading = probe.read(counts, load, started.elapsed());
        if let Err(error) = feed.publish(&TopicName::metric(), &reading.data()) {
            tracing::warn!(%error, "a reading of `metric` was not published");
        }
    }
}

/// One message's `data`.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Reading {
    /// Of this process; 100 is one core busy.
    cpu_percent: f64,
    /// Of the machine; 100 is all cores busy.
    system_cpu_percent: f64,
    /// Resident memory of this process.
    memory_bytes: u64,
    system_memory_used_bytes: u64,
    system_memory_total_bytes: u64,
    connections: Connections,
    deliveries_per_second: f64,
    uptime_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Connections {
    sse: u64,
    websocket: u64,
    datachannel: u64,
}

impl Reading {
    fn data(&self) -> Data {
        let json = serde_json::to_vec(self).expect("a reading is numbers");
        Data::parse(&json).expect("a reading is small JSON")
    }
}

/// Deliveries a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Load(f64);

impl Load {
    fn since((then, before): (Instant, u64), (now, after): (Instant, u64)) -> Self {
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        if seconds == 0.0 {
            return Self(0.0);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "fewer than 2^53 deliveries between two readings"
        )]
        Self(after.saturating_sub(before) as f64 / seconds)
    }
}

/// The machine's own figures. Only what is shown is read: `/proc/stat`, `/proc/meminfo` and this process's files.
struct Probe {
    pid: Pid,
    system: System,
}

impl Probe {
    fn new() -> Result<Self, sysinfo::Error> {
        let mut probe = Self {
            pid: sysinfo::get_current_pid()?,
            system: System::new()?,
        };
        probe.refresh(); // shares of CPU are differences to the reading before
        Ok(probe)
    }

    fn refresh(&mut self) {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let this = ProcessesToUpdate::Some(&[self.pid]);
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(this, false, what);
    }

    fn read(&mut self, counts: Counts, load: Load, uptime: Duration) -> Reading {
        self.refresh();
        let (cpu, memory_bytes) = self
            .system
            .process(self.pid)
            .map_or((0.0, 0), |process| (process.cpu_usage(), process.memory()));
        Reading {
            cpu_percent: to_tenths(cpu.into()),
            system_cpu_percent: to_tenths(self.system.global_cpu_usage().into()),
            memory_bytes,
            system_memory_used_bytes: self.system.used_memory(),
            system_memory_total_bytes: self.system.total_memory(),
            connections: Connections {
                sse: counts.sse,
                websocket: counts.websocket,
                datachannel: counts.datachannel,
            },
            deliveries_per_second: to_tenths(load.0),
            uptime_s: uptime.as_secs(),
        }
    }
}

fn to_tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use wirelab_transport::{clock::Clock, feed::Limits};

    use super::*;

    #[test]
    fn a_reading_is_real_and_cheap() {
        let mut probe = Probe::new().expect("a system that tells");
        let busy = Instant::now();
        while busy.elapsed() < Duration::from_millis(300) {
            std::hint::black_box((0..1000).sum::<u64>());
        }
        let before = Instant::now();
        let counts = Counts {
            sse: 2,
            websocket: 1,
            datachannel: 3,
            deliveries_total: 7,
        };
        let reading = probe.read(counts, Load(61.04), Duration::from_millis(12_900));
        let took = before.elapsed();

        assert!(reading.cpu_percent > 10.0, "{reading:?}");
        assert!(
            reading.system_cpu_percent > 0.0 && reading.system_cpu_percent <= 100.0,
            "{reading:?}"
        );
        assert!(reading.memory_bytes > 1_000_000, "{reading:?}");
        assert!(reading.memory_bytes < reading.system_memory_used_bytes, "{reading:?}");
        assert!(
            reading.system_memory_used_bytes < reading.system_memory_total_bytes,
            "{reading:?}"
        );
        assert_eq!(
            reading.connections,
            Connections {
                sse: 2,
                websocket: 1,
                datachannel: 3
            }
        );
        assert_eq!((reading.deliveries_per_second, reading.uptime_s), (61.0, 12));
        assert!(took < Duration::from_millis(100), "a reading took {took:?}");
        println!("a reading took {took:?}: {}", reading.data().get());
    }

    #[tokio::test(start_paused = true)]
    async fn one_reading_a_second_until_told_to_stop() {
        let (feed, stop) = (Feed::new(Clock::start(), Limits::default()), CancellationToken::new());
        let task = tokio::spawn(run(feed.clone(), Counts::default, Instant::now(), stop.clone()));
        tokio::time::sleep(PERIOD * 7 / 2).await; // paused: no time passes
        let data = Data::parse(b"0").expect("JSON");
        let next = feed.publish(&TopicName::metric(), &data).expect("there is room");
        assert_eq!(next.offset, 4, "three readings came before");

        stop.cancel();
        task.await.expect("it ends");
    }

    #[test]
    fn load_is_a_difference_over_its_time() {
        let then = Instant::now();
        let load = |before, after, ms| Load::since((then, before), (then + Duration::from_millis(ms), after));
        assert_eq!(load(100, 161, 1000), Load(61.0));
        assert_eq!(load(100, 161, 2000), Load(30.5));
        assert_eq!(load(100, 161, 0), Load(0.0));
        assert_eq!(load(161, 100, 1000), Load(0.0));
    }
}
