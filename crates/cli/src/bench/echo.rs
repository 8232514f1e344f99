//! `echo`: what is said comes back, one after another on each connection, or on a fixed schedule.
//!
//! A WebSocket is asked on `/ws/echo`, a data channel by the command `echo`. An event stream has no way back: there a
//! round trip is a publish and its arrival on the publisher's own topic.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use memchr::memmem;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    args::What,
    connection::{Connection, Failures, Opening},
    fanout::quantiles,
    figure::Figures,
    framing::Found as Piece,
    lane::Lane,
    meter::Times,
    publisher::Publisher,
    stream::us,
    trial::{Failed, Found, SETTLE, Trial},
    way::Way,
};

/// What all connections have seen.
#[derive(Debug, Default)]
struct Trips {
    is_recording: bool,
    count: u64,
    times: Times,
    failures: Failures,
}

type Shared = Arc<Mutex<Trips>>;

fn lock(trips: &Mutex<Trips>) -> MutexGuard<'_, Trips> {
    trips.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn run(trial: &Trial<'_>) -> Result<Found, Failed> {
    let (callers, mut failures) = open(trial).await?;
    let opened = callers.len();
    trial.reached(opened, &failures)?;
    let trips = Shared::default();
    let mut calling = JoinSet::new();
    let stop = CancellationToken::new();
    // Each has its part of the rate, and they take turns.
    let period = trial
        .asked
        .rate
        .map(|rate| Duration::from_secs_f64(opened as f64 / rate));
    let start = Instant::now();
    for (nth, caller) in callers.into_iter().enumerate() {
        let first = start + period.unwrap_or_default().mul_f64(nth as f64 / opened as f64);
        calling.spawn(caller.call(trips.clone(), first, period, stop.clone()));
    }
    trial.pause(SETTLE).await;
    lock(&trips).is_recording = true;
    let watch = trial.watch();
    trial.pause(trial.asked.duration()).await;
    let used = watch.used();
    lock(&trips).is_recording = false;
    stop.cancel();
    calling.shutdown().await;

    let trips = lock(&trips);
    failures.add(&trips.failures);
    if trips.count == 0 {
        trial.interrupted()?;
        let why = failures.first().unwrap_or("there was no time for one");
        return Err(Failed::Unreachable(format!("nothing came back: {why}")));
    }
    let mut figures = Figures::of(What::Echo);
    figures.set("opened_count", opened as f64);
    figures.set("failed_count", failures.total() as f64);
    figures.set("trips_count", trips.count as f64);
    figures.set("trips_per_s", trips.count as f64 / used.took_s);
    figures.set("trip_cpu_us", used.server_cpu_s * 1e6 / trips.count as f64);
    quantiles(&mut figures, &trips.times);
    used.busy(&mut figures);
    Ok(Found { figures, failures })
}

/// One connection, and how a word is sent that comes back on it.
struct Caller {
    connection: Connection,
    /// For a lane without a way back.
    publisher: Option<Publisher>,
    lane: Lane,
    patience: Duration,
    pad: String,
}

async fn open(trial: &Trial<'_>) -> Result<(Vec<Caller>, Failures), Failed> {
    let count = trial.asked.connections();
    let pad = "x".repeat(trial.asked.size());
    let (lane, patience) = (trial.lane, trial.asked.patience);
    let caller = |connection, publisher| Caller {
        connection,
        publisher,
        lane,
        patience,
        pad: pad.clone(),
    };
    let mut callers = Vec::with_capacity(count);
    if lane != Lane::Sse {
        let way = trial.way("/ws/echo".into());
        let opening = trial.opening(way, None, count);
        let failures = opening
            .run(trial.stop, |connection, _| callers.push(caller(connection, None)))
            .await;
        return Ok((callers, failures));
    }
    let mut failures = Failures::default();
    for nth in 0..count {
        let topic = format!("{}-{nth}", trial.topic());
        let way = trial.way(Way::topic_path(lane, &topic));
        let opening = Opening {
            first: nth,
            ..trial.opening(way.clone(), None, 1)
        };
        let mut connections = Vec::new();
        failures.add(
            &opening
                .run(trial.stop, |connection, _| connections.push(connection))
                .await,
        );
        for connection in connections {
            let publisher = Publisher::open(&way, &topic).await.map_err(Failed::Broke)?;
            callers.push(caller(connection, Some(publisher)));
        }
        if callers.is_empty() || trial.stop.is_cancelled() {
            break; // the first decides for the rest
        }
    }
    Ok((callers, failures))
}

impl Caller {
    /// Calls until it is stopped or does not come back.
    async fn call(mut self, trips: Shared, first: Instant, period: Option<Duration>, stop: CancellationToken) {
        let mut number = 0_u32;
        while !stop.is_cancelled() {
            // On a schedule the time counts from the moment at which it was due, however late the last one came back.
            let due = match period {
                Some(period) => {
                    let due = first + period * number;
                    sleep_until(due).await;
                    due
                }
                None => Instant::now(),
            };
            let back = timeout(self.patience, self.trip(number)).await;
            let back = back.unwrap_or_else(|_| Err("what was said did not come back in time".into()));
            let mut trips = lock(&trips);
            match back {
                Ok(()) if trips.is_recording => {
                    trips.count += 1;
                    trips.times.record(us(due.elapsed()));
                }
                Ok(()) => {}
                Err(why) => return trips.failures.count(why),
            }
            drop(trips);
            number = number.wrapping_add(1);
        }
    }

    async fn trip(&mut self, number: u32) -> Result<(), String> {
        let word = format!("n{number:010}");
        let text = format!("{word}{}", self.pad);
        match (&mut self.publisher, self.lane) {
            (Some(publisher), _) => {
                // The answer to the publish is read too; the message may well come first.
                let data = format!("\"{text}\"");
                let (published, arrived) = tokio::join!(publisher.publish(&data), arrival(&mut self.connection, &word));
                return published.and(arrived);
            }
            (None, Lane::WebSocket | Lane::Sse) => self.connection.send(&text).await?,
            (None, Lane::DataChannel | Lane::DataChannelReliable) => {
                self.connection
                    .send(&format!(r#"{{"type":"echo","data":"{text}"}}"#))
                    .await?;
            }
        }
        arrival(&mut self.connection, &word).await
    }
}

/// Waits for a message that has the word in it. Any other is somebody else's, or a lie: then time will tell.
async fn arrival(connection: &mut Connection, word: &str) -> Result<(), String> {
    let mut came = false;
    while !came {
        let found = |piece: Piece<'_>| {
            came |= matches!(piece, Piece::Message(message) if memmem::find(message, word.as_bytes()).is_some());
        };
        connection.read(found).await?;
    }
    Ok(())
}
