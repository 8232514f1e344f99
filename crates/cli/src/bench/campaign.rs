//! All runs of one bench, one after another: each lane, each server, so often as asked, each with a server of its own.

use std::{fs, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    BenchError,
    args::{AskedError, Bench, What},
    connect, echo, fanout,
    figure::Figures,
    idle,
    lane::Lane,
    preflight::{Need, Plan, System},
    publisher::Pace,
    result::{Contender, Outcome, Ratio, Report, Run, SCHEMA, Setting},
    servers::Servers,
    stalled,
    system::Cores,
    trial::{Found, Trial},
    way::{Kind, Url},
};
use crate::{compare::result::Machine, render};

/// A server or generator that is busier than this has no more to give.
const SATURATED_PERCENT: f64 = 95.0;
/// More than this and a fixed schedule is not what was measured.
const MISSING_SHARE: f64 = 0.001;

/// All that is going to be run.
#[derive(Debug)]
pub(super) struct Campaign<'a> {
    asked: &'a Bench,
    machine: Machine,
    cores: Option<Cores>,
    plan: Plan,
    contenders: Vec<(Lane, Kind)>,
}

/// The URL under which a lane is asked for, if the server is not our own.
pub(super) fn url(asked: &Bench, lane: Lane) -> Option<&Url> {
    let foreign = match lane {
        Lane::Sse => asked.sse_url.as_ref(),
        Lane::WebSocket => asked.ws_url.as_ref(),
        Lane::DataChannel | Lane::DataChannelReliable => None,
    };
    foreign.or(asked.target.as_ref())
}

impl<'a> Campaign<'a> {
    /// Looks whether this machine can do what is asked.
    pub(super) async fn prepare(asked: &'a Bench, machine: Machine, cores: Option<Cores>) -> Result<Self, BenchError> {
        for pid in &asked.pid {
            // Its memory is for its user and for root.
            fs::read(format!("/proc/{pid}/smaps_rollup")).map_err(|_| AskedError::NoProcess(*pid))?;
        }
        let lanes = asked.lanes();
        let mut plan: Option<Plan> = None;
        let system = System::read();
        for lane in &lanes {
            let next = system.plan(&need(asked, *lane).await?)?;
            plan = Some(match plan {
                None => next,
                Some(plan) => Plan {
                    servers: plan.servers.max(next.servers),
                    clients: plan.clients.max(next.clients),
                    sources: plan.sources.max(next.sources),
                    advice: if plan.advice == next.advice {
                        plan.advice
                    } else {
                        [plan.advice, next.advice].concat()
                    },
                },
            });
        }
        let own = match (&asked.target, &asked.sse_url, &asked.ws_url) {
            (None, None, None) => Kind::Wirelab,
            (Some(_), ..) => Kind::Target,
            _ => Kind::Foreign,
        };
        let kinds = [own, Kind::Reference];
        let kinds = &kinds[..if asked.reference { 2 } else { 1 }];
        Ok(Self {
            asked,
            machine,
            cores,
            plan: plan.expect("there is a lane"),
            contenders: lanes
                .into_iter()
                .flat_map(|lane| kinds.iter().map(move |kind| (lane, *kind)))
                .collect(),
        })
    }

    /// Runs all, or as far as `stop` lets it.
    pub(super) async fn run(self, stop: CancellationToken) -> Result<Report, BenchError> {
        let mut contenders: Vec<Contender> = self
            .contenders
            .iter()
            .map(|(lane, server)| Contender {
                lane: *lane,
                server: *server,
                runs: Vec::new(),
                median: None,
            })
            .collect();
        let runs = usize::from(self.asked.repeat) * contenders.len();
        let mut done = 0;
        // Rivals run close together, so that what else the machine does meets both.
        'all: for _ in 0..self.asked.repeat {
            for contender in &mut contenders {
                if stop.is_cancelled() {
                    break 'all;
                }
                done += 1;
                render::progress(&format!(
                    "run {done} of {runs}: {} {}",
                    self.asked.what.id(),
                    contender.name()
                ));
                let outcome = self.once(contender.lane, contender.server, &stop).await?;
                let is_hopeless = contender.server == Kind::Foreign || contender.server == Kind::Target;
                let is_failed = matches!(outcome, Outcome::Failed(_));
                contender.runs.push(Run {
                    interrupted: stop.is_cancelled(),
                    outcome,
                });
                if is_failed && is_hopeless {
                    break 'all; // it will not be another server the next time
                }
            }
        }
        let what = self.asked.what;
        for contender in &mut contenders {
            let measured: Vec<&Figures> = contender.runs.iter().filter_map(Run::figures).collect();
            contender.median = (!measured.is_empty()).then(|| Figures::median(what, &measured));
        }
        contenders.retain(|contender| !contender.runs.is_empty());
        Ok(Report {
            schema: SCHEMA,
            version: wirelab_server::VERSION,
            command: ["wirelab".to_owned()]
                .into_iter()
                .chain(std::env::args().skip(1))
                .collect::<Vec<_>>()
                .join(" "),
            interrupted: stop.is_cancelled(),
            setting: self.setting(),
            machine: self.machine.clone(),
            ratios: ratios(what, &contenders),
            warnings: self.warnings(&contenders),
            contenders,
            thresholds: Vec::new(),
            preflight: self.plan.advice,
        })
    }

    async fn once(&self, lane: Lane, kind: Kind, stop: &CancellationToken) -> Result<Outcome, BenchError> {
        let asked = self.asked;
        let servers = match url(asked, lane) {
            Some(url) => match Servers::at(kind, url, &asked.pid).await {
                Ok(servers) => servers,
                Err(why) => return Ok(Outcome::Failed(why)),
            },
            None => {
                let room = asked.connections() + asked.stalled + 1024; // warm-up, publishers, some more
                let heartbeat = asked.heartbeat;
                Servers::start(kind, self.plan.servers, room, lane.is_peer(), heartbeat, self.cores).await?
            }
        };
        let trial = Trial {
            asked,
            lane,
            servers: &servers,
            cores: self.cores,
            sources: self.plan.sources,
            stop,
        };
        let found = match asked.what {
            What::Idle => idle::run(&trial, self.plan.clients).await,
            What::Fanout => fanout::run(&trial).await,
            What::Echo => echo::run(&trial).await,
            What::Connect => connect::run(&trial).await,
            What::Stalled => stalled::run(&trial).await,
        };
        servers.end().await;
        Ok(match found {
            Ok(Found { figures, failures }) => Outcome::Measured { figures, failures },
            Err(failed) => Outcome::Failed(failed.to_string()),
        })
    }

    fn setting(&self) -> Setting {
        let asked = self.asked;
        let publishes = matches!(asked.what, What::Fanout | What::Stalled);
        let (rate_per_s, window) = match asked.pace() {
            Pace::Rate(rate) if publishes => (Some(rate), None),
            Pace::Window(window) => (None, Some(window)),
            Pace::Rate(_) => (asked.rate, None),
        };
        let lanes = asked.lanes();
        let urls = lanes.iter().filter_map(|lane| url(asked, *lane));
        let mut targets: Vec<String> = urls.map(ToString::to_string).collect();
        targets.dedup();
        Setting {
            what: asked.what,
            connections: asked.connections(),
            concurrency: asked.concurrency,
            duration_ms: ms(asked.duration()),
            heartbeat_ms: ms(asked.heartbeat),
            bytes: asked.size(),
            rate_per_s,
            window,
            stalled: (asked.what == What::Stalled).then_some(asked.stalled),
            server_processes: self.plan.servers,
            client_processes: self.plan.clients,
            sources: self.plan.sources,
            server_core: self.cores.filter(|_| targets.is_empty()).map(|cores| cores.server),
            client_core: self.cores.map(|cores| cores.client),
            targets,
        }
    }

    fn warnings(&self, contenders: &[Contender]) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.cores.is_none() {
            warnings
                .push("server and load generator share their cores: the time of one is waiting of the other".into());
        }
        if url(self.asked, self.asked.lanes()[0]).is_some() && self.asked.pid.is_empty() {
            warnings.push("nobody was weighed: --pid says which processes are the server's".into());
        }
        for contender in contenders {
            let Some(median) = &contender.median else { continue };
            let (name, busy) = (contender.name(), |name| median.get(name).unwrap_or_default());
            let (server, client) = (busy("server_busy_percent"), busy("client_busy_percent"));
            if client >= SATURATED_PERCENT && server < SATURATED_PERCENT {
                warnings.push(format!(
                    "{name}: limited by the load generator, which had {client:.0} % of its core; the server had {server:.0} %"
                ));
            }
            let deliveries = median.get("opened_count").zip(median.get("published_count"));
            let expected = deliveries.map_or(f64::NAN, |(opened, published)| opened * published);
            if median
                .get("missing_count")
                .is_some_and(|missing| missing > MISSING_SHARE * expected)
            {
                warnings.push(format!("{name}: more than 0.1 % of the deliveries are missing"));
            }
            for run in &contender.runs {
                match &run.outcome {
                    Outcome::Failed(why) => warnings.push(format!("{name}: a run failed: {why}")),
                    Outcome::Measured { failures, .. } => {
                        let each = failures.0.iter();
                        warnings.extend(each.map(|(why, count)| format!("{name}: {count} connections failed: {why}")));
                    }
                }
            }
        }
        warnings.dedup();
        warnings
    }
}

async fn need(asked: &Bench, lane: Lane) -> Result<Need, BenchError> {
    let url = url(asked, lane);
    let address = match url {
        Some(url) => url.address().await.map_err(|why| BenchError::Target {
            target: url.to_string(),
            why,
        })?,
        None => ([127, 0, 0, 1], 0).into(),
    };
    let stalled = if asked.what == What::Stalled {
        asked.stalled as u64
    } else {
        0
    };
    let publishers = if asked.what == What::Echo && lane == Lane::Sse {
        asked.connections()
    } else {
        0
    };
    // What opens and goes is not there at the same time.
    let connections = if asked.what == What::Connect {
        asked.concurrency
    } else {
        asked.connections()
    };
    Ok(Need {
        what: asked.what,
        connections: connections as u64,
        beside: stalled + publishers as u64,
        stalled,
        concurrency: asked.concurrency as u64,
        peers: lane.is_peer(),
        is_local: url.is_none() || address.ip().is_loopback(),
        is_own: url.is_none(),
        address: Some(address.ip()),
    })
}

fn ratios(what: What, contenders: &[Contender]) -> Vec<Ratio> {
    let of = |lane, is_reference: bool| {
        let found = contenders
            .iter()
            .find(|contender| contender.lane == lane && (contender.server == Kind::Reference) == is_reference);
        found.and_then(|contender| contender.median.as_ref())
    };
    let lanes = contenders
        .iter()
        .filter(|contender| contender.server == Kind::Reference);
    lanes
        .filter_map(|contender| {
            Some(Ratio {
                lane: contender.lane,
                figures: of(contender.lane, false)?.over(what, of(contender.lane, true)?),
            })
        })
        .collect()
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
