//! The hidden part that holds connections: a process of its own, since one may have no more than 20,000 files on many
//! machines. It opens what it is told to, reads what comes, answers pings, and counts heartbeats.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    task::JoinSet,
    time::interval,
};
use tokio_util::sync::CancellationToken;

use super::{
    child::{ChildError, Part},
    connection::{Connection, Failures, Opening},
    framing::Found,
    system,
    way::Way,
};
use crate::{args::LogFormat, error::Error, logging, render};

/// How often it says how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// What a holder is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// The core to stay on; comes first.
    Core(Option<usize>),
    /// Open so many more.
    Open {
        way: Box<Way>,
        count: usize,
        concurrency: usize,
        first: usize,
    },
    /// Say what there is.
    Count,
}

/// What it answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Open so far, of what was asked last.
    Progress(usize),
    /// As many as could be opened are.
    Opened { opened: usize, failures: Failures },
    /// What happened since the beginning.
    Counted { heartbeats: u64, ended: Failures },
}

/// Holds until stdin closes.
pub(crate) fn run() -> Result<(), Error> {
    logging::start(LogFormat::Text, "error")?;
    let Order::Core(core) = super::serve::read_order().map_err(Error::System)? else {
        return Err(Error::System(std::io::Error::other("a holder is told its core first")));
    };
    if let Some(core) = core {
        system::pin(core);
    }
    let _ = rlimit::increase_nofile_limit(u64::MAX); // what it cannot open it counts as failed
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::System)?;
    runtime.block_on(hold()).map_err(|error| Error::System(error.into()))?;
    runtime.shutdown_background();
    Ok(())
}

async fn hold() -> Result<(), serde_json::Error> {
    let (heartbeats, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Failures::default())));
    let mut held = JoinSet::new();
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = orders.next_line().await {
        let answer = match serde_json::from_str(&line)? {
            Order::Core(_) => continue,
            Order::Count => Answer::Counted {
                heartbeats: heartbeats.load(Relaxed),
                ended: ended.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            },
            Order::Open {
                way,
                count,
                concurrency,
                first,
            } => {
                let opening = Opening {
                    way: *way,
                    topic: None,
                    count,
                    concurrency,
                    first,
                };
                let opened = AtomicU64::new(0);
                let stop = CancellationToken::new();
                let open = opening.run(&stop, |connection, _| {
                    opened.fetch_add(1, Relaxed);
                    held.spawn(keep(connection, Arc::clone(&heartbeats), Arc::clone(&ended)));
                });
                let tell = async {
                    let mut often = interval(TOLD_EVERY);
                    loop {
                        often.tick().await;
                        say(&Answer::Progress(opened.load(Relaxed) as usize))?;
                    }
                };
                let failures = tokio::select! {
                    failures = open => failures,
                    told = tell => return told,
                };
                Answer::Opened {
                    opened: opened.load(Relaxed) as usize,
                    failures,
                }
            }
        };
        say(&answer)?;
    }
    Ok(())
}

fn say(answer: &Answer) -> Result<(), serde_json::Error> {
    render::result(&(serde_json::to_string(answer)? + "\n"));
    Ok(())
}

async fn keep(mut connection: Connection, heartbeats: Arc<AtomicU64>, ended: Arc<Mutex<Failures>>) {
    loop {
        let read = connection
            .read(|found| {
                if found == Found::Heartbeat {
                    heartbeats.fetch_add(1, Relaxed);
                }
            })
            .await;
        if let Err(why) = read {
            ended.lock().unwrap_or_else(PoisonError::into_inner).count(why);
            return;
        }
    }
}

/// All holders, from outside.
#[derive(Debug)]
pub(crate) struct Holders {
    parts: Vec<Part>,
}

impl Holders {
    pub(crate) async fn start(processes: usize, core: Option<usize>) -> Result<Self, ChildError> {
        let mut parts = Vec::with_capacity(processes);
        for _ in 0..processes {
            let mut part = Part::start("bench-holder")?;
            part.say(&Order::Core(core)).await?;
            parts.push(part);
        }
        Ok(Self { parts })
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.parts.iter().filter_map(Part::pid).collect()
    }

    /// Opens `count` in all, one holder after another, so that no more are opened at once than was asked. `told` hears
    /// how far it is, and says whether to go on.
    pub(crate) async fn open(
        &mut self,
        (way, count, concurrency, first): (&Way, usize, usize, usize),
        told: impl Fn(usize),
        stop: &CancellationToken,
    ) -> Result<(usize, Failures), ChildError> {
        let (mut opened, mut failures) = (0, Failures::default());
        let holders = self.parts.len();
        for (nth, part) in self.parts.iter_mut().enumerate() {
            // The parts differ by one at most.
            let (from, to) = (count * nth / holders, count * (nth + 1) / holders);
            part.say(&Order::Open {
                way: Box::new(way.clone()),
                count: to - from,
                concurrency,
                first: first + from,
            })
            .await?;
            loop {
                let answer = tokio::select! {
                    answer = part.hear() => answer?,
                    () = stop.cancelled() => return Ok((opened, failures)),
                };
                match answer {
                    Answer::Progress(part) => told(opened + part),
                    Answer::Opened {
                        opened: here,
                        failures: why,
                    } => {
                        opened += here;
                        failures.add(&why);
                        break;
                    }
                    Answer::Counted { .. } => {}
                }
            }
        }
        Ok((opened, failures))
    }

    pub(crate) async fn count(&mut self) -> Result<(u64, Failures), ChildError> {
        let (mut sum, mut all) = (0, Failures::default());
        for part in &mut self.parts {
            part.say(&Order::Count).await?;
            loop {
                if let Answer::Counted { heartbeats, ended } = part.hear().await? {
                    sum += heartbeats;
                    all.add(&ended);
                    break;
                }
            }
        }
        Ok((sum, all))
    }

    pub(crate) async fn end(self) {
        for part in self.parts {
            part.end().await;
        }
    }
}
