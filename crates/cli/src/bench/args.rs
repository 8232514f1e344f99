//! What `wirelab bench` is told.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use serde::Serialize;
use thiserror::Error;

use super::{lane::Lane, meter::LEAST_BYTES, publisher::Pace, threshold::Threshold, way::Url};
use crate::{
    compare::args::Output,
    values::{bytes, count, time},
};

/// What is said below the flags.
pub(crate) const AFTER: &str = "\
The server runs in processes of its own, on one core, and the load generator on another where there are two. Each run has \
a server of its own; the figures are medians over the runs.

  idle     what an open connection costs: memory, kernel memory, heartbeats, opening
  fanout   one publisher, many receivers: deliveries a second, latency from the intended send time, CPU for a million
  echo     round trips: one after another on each connection, or with --rate on a schedule
  connect  connections that open and go: how many a second, and where the time goes
  stalled  receivers that stop reading: what each costs, and what the others feel

A threshold is held against the median: LANE.WHAT.FIGURE, in the unit that the figure's name ends with. The names are those \
of --output json.

Exit codes: 0 measured, 1 a threshold did not hold or a server of our own failed, 2 wrong arguments, or more than this \
machine allows, 4 the target cannot be reached or is none, 130 interrupted: what was measured so far is told.

  wirelab bench idle -n 10k
  wirelab bench fanout -n 5k --window 16 --reference
  wirelab bench echo --lane websocket -n 64 --threshold 'websocket.echo.trip_cpu_us<=8.5'
  wirelab bench idle -n 10k --ws-url ws://127.0.0.1:3000/ --pid 4711
  wirelab bench stalled --stalled 100 --output json > stalled.json";

const MINUTE: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// Open connections that say nothing
    Idle,
    /// One publisher, many receivers
    Fanout,
    /// Round trips
    Echo,
    /// Opening
    Connect,
    /// Receivers that stop reading
    Stalled,
}

impl What {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 5] = [Self::Idle, Self::Fanout, Self::Echo, Self::Connect, Self::Stalled];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Fanout => "fanout",
            Self::Echo => "echo",
            Self::Connect => "connect",
            Self::Stalled => "stalled",
        }
    }
}

/// What `wirelab bench` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// What is measured
    pub(crate) what: What,

    /// What carries the messages, one after the other [default: sse,websocket]
    #[arg(long, value_name = "LANE", value_delimiter = ',', help_heading = "Load")]
    lane: Vec<Lane>,
    /// Connections: for connect all that are opened, for stalled those that go on reading [default: idle 10k, fanout 1k,
    /// echo 64, connect 2k, stalled 100]
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = count(1..=1_000_000), help_heading = "Load")]
    connections: Option<usize>,
    /// Connections that are opened at once; of peers at most 8
    #[arg(long, value_name = "COUNT", default_value = "64", value_parser = count(1..=10_000), help_heading = "Load")]
    pub(crate) concurrency: usize,
    /// Messages, or round trips of all connections together, a second [default: fanout 20, stalled 100, echo: as many as
    /// go]
    #[arg(long, value_name = "HZ", value_parser = rate, conflicts_with = "window", help_heading = "Load")]
    pub(crate) rate: Option<f64>,
    /// Flat out: publish while fewer than so many messages are not with everybody
    #[arg(long, value_name = "COUNT", value_parser = count(1..=4096), help_heading = "Load")]
    window: Option<usize>,
    /// Bytes of each message's data [default: 100; stalled 8000]
    #[arg(long, value_name = "SIZE", value_parser = bytes(LEAST_BYTES..=48_000), help_heading = "Load")]
    size: Option<usize>,
    /// Receivers that stop reading
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = count(1..=10_000), help_heading = "Load")]
    pub(crate) stalled: usize,

    /// How long each run is measured
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time(100 * MS..=60 * MINUTE), help_heading = "Run")]
    duration: Duration,
    /// Runs, each with a server of its own
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Run")]
    pub(crate) repeat: u16,
    /// How often a server of our own says that it lives: often enough for a run to see some
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time(1000 * MS..=10 * MINUTE), help_heading = "Run")]
    pub(crate) heartbeat: Duration,
    /// How long a connection may take to open, and a message to come back
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time(10 * MS..=10 * MINUTE), help_heading = "Run")]
    pub(crate) patience: Duration,

    /// Also run the plainest axum server, and tell every figure as so many times its
    #[arg(long, conflicts_with_all = ["target", "sse_url", "ws_url"], help_heading = "Server")]
    pub(crate) reference: bool,
    /// A wirelab that runs already
    #[arg(long, value_name = "URL", conflicts_with_all = ["sse_url", "ws_url"], help_heading = "Server")]
    pub(crate) target: Option<Url>,
    /// Any server's event stream, for idle and connect
    #[arg(long, value_name = "URL", help_heading = "Server")]
    pub(crate) sse_url: Option<Url>,
    /// Any server's WebSocket, for idle, connect, and echo if it says back what it is told
    #[arg(long, value_name = "URL", help_heading = "Server")]
    pub(crate) ws_url: Option<Url>,
    /// Processes of that server, on this machine, to be weighed
    #[arg(long, value_name = "PID", value_delimiter = ',', help_heading = "Server")]
    pub(crate) pid: Vec<u32>,

    /// What a figure must be, such as 'websocket.idle.user_kib<=0.8'; may be given several times
    #[arg(long, value_name = "LANE.WHAT.FIGURE<LIMIT", help_heading = "Results")]
    pub(crate) threshold: Vec<Threshold>,
    /// The form of the results on stdout
    #[arg(long, value_enum, default_value_t = Output::Text, help_heading = "Results")]
    pub(crate) output: Output,
    /// Also writes one self-contained page
    #[arg(long, value_name = "FILE.html", help_heading = "Results")]
    pub(crate) report: Option<PathBuf>,
}

/// Why the arguments do not go together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum AskedError {
    #[error("{what} {1}", what = .0.id())]
    NotFor(What, &'static str),
    #[error("--pid says which processes of a running server are weighed: give --target, --sse-url or --ws-url with it")]
    NobodyToWeigh,
    #[error(
        "there is no process {0} on this machine that can be weighed: give the server's own, and be its user or root"
    )]
    NoProcess(u32),
    #[error("{0} is not what is asked for with --sse-url or --ws-url: leave --lane out, or take --target")]
    ForeignLane(Lane),
    #[error("the reference has no data channels: take {0} out of --lane, or leave --reference out")]
    NoReference(Lane),
    #[error("the threshold {0} is about what is not measured: this is {1} of {2}")]
    NotMeasured(String, &'static str, String),
}

fn rate(text: &str) -> Result<f64, String> {
    let wanted = "a rate is a number a second, from 0.1 to 100000, such as 20 or 5000";
    let value: f64 = text.parse().map_err(|_| wanted)?;
    if (0.1..=100_000.0).contains(&value) {
        Ok(value)
    } else {
        Err(wanted.into())
    }
}

impl Bench {
    pub(crate) fn connections(&self) -> usize {
        self.connections.unwrap_or(match self.what {
            What::Idle => 10_000,
            What::Fanout => 1_000,
            What::Echo => 64,
            What::Connect => 2_000,
            What::Stalled => 100,
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.size
            .unwrap_or(if self.what == What::Stalled { 8_000 } else { 100 })
    }

    pub(crate) fn duration(&self) -> Duration {
        self.duration
    }

    pub(crate) fn pace(&self) -> Pace {
        match (self.window, self.rate, self.what) {
            (Some(window), ..) => Pace::Window(window as u64),
            (None, Some(rate), _) => Pace::Rate(rate),
            (None, None, What::Stalled) => Pace::Rate(100.0),
            (None, None, _) => Pace::Rate(20.0),
        }
    }

    /// What is measured one after the other, each once.
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let foreign = [(Lane::Sse, &self.sse_url), (Lane::WebSocket, &self.ws_url)];
        if foreign.iter().any(|(_, url)| url.is_some()) {
            let asked = foreign.into_iter().filter(|(_, url)| url.is_some());
            return asked.map(|(lane, _)| lane).collect();
        }
        if self.lane.is_empty() {
            return vec![Lane::Sse, Lane::WebSocket];
        }
        Lane::ALL.into_iter().filter(|lane| self.lane.contains(lane)).collect()
    }

    /// Whether what each flag asks for can be had together.
    ///
    /// # Errors
    /// Something is asked for that this measurement or server does not have.
    pub(crate) fn check(&self) -> Result<(), AskedError> {
        let is_foreign = self.sse_url.is_some() || self.ws_url.is_some();
        let what = self.what;
        if is_foreign && matches!(what, What::Fanout | What::Stalled) {
            return Err(AskedError::NotFor(
                what,
                "publishes, and nobody knows how that is done at another's server: measure idle, connect or echo there",
            ));
        }
        if self.sse_url.is_some() && what == What::Echo {
            return Err(AskedError::NotFor(
                what,
                "needs a way back, which an event stream has not: give --ws-url",
            ));
        }
        if self.window.is_some() && !matches!(what, What::Fanout | What::Stalled) {
            return Err(AskedError::NotFor(what, "has no --window: it publishes nothing"));
        }
        if self.rate.is_some() && matches!(what, What::Idle | What::Connect) {
            return Err(AskedError::NotFor(what, "has no --rate: it sends nothing"));
        }
        if let (true, Some(lane)) = (is_foreign, self.lane.iter().find(|lane| !self.lanes().contains(lane))) {
            return Err(AskedError::ForeignLane(*lane));
        }
        if !self.pid.is_empty() && self.target.is_none() && !is_foreign {
            return Err(AskedError::NobodyToWeigh);
        }
        if let (true, Some(lane)) = (self.reference, self.lanes().into_iter().find(|lane| lane.is_peer())) {
            return Err(AskedError::NoReference(lane));
        }
        let lanes = self.lanes();
        match self
            .threshold
            .iter()
            .find(|threshold| threshold.what != what || !lanes.contains(&threshold.lane))
        {
            Some(threshold) => {
                let lanes: Vec<_> = lanes.into_iter().map(Lane::id).collect();
                Err(AskedError::NotMeasured(
                    threshold.to_string(),
                    what.id(),
                    lanes.join(", "),
                ))
            }
            None => Ok(()),
        }
    }
}
