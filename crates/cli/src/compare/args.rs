//! What `wirelab compare` is told.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use thiserror::Error;
use wirelab_link::{
    Profile,
    rules::{Loss, Rate, Share},
};

use super::{lane::Lane, target::Target, threshold::Threshold};
use crate::{
    trust::Belief,
    values::{profile, time},
};

/// What is said below the flags.
pub(crate) const AFTER: &str = "\
All lanes run at the same time, each over a link of its own with the same profile, seed and start. The references tcp and \
udp and a run without loss are always part of it.

With --target it measures a server that runs elsewhere, over whatever is on the way to it: without references and control, \
which need a server of our own. Over https:// its clients speak HTTP/1.1.

A threshold is held against the median over the runs of each setting but the control. Its figures: latency.p50, .p95, .p99, \
.max; age.mean, .p50, .p99, .peak; gap; freezes; delivered, on-time, lost.

Exit codes: 0 measured, 1 a threshold did not hold, 2 wrong arguments, 3 inconclusive: most runs were disturbed, or no link \
can be made here (wirelab doctor says what to type), 4 the target cannot be reached, 130 interrupted.

  wirelab compare --profile lossy-2
  wirelab compare --rtt 40ms --loss 5% --repeat 5 --output json > five.json
  wirelab compare --rtt 100ms --sweep loss=0%,1%,2%,5%,10% --report sweep.html
  wirelab compare --loss 2% --threshold 'websocket.latency.p99<150ms' --threshold 'datachannel.delivered>=97%'
  wirelab compare --target https://feed.example.org";

/// The form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table and what it says
    Text,
    /// Everything measured, versioned: docs/schema/compare.v1.json
    Json,
    /// A line for each lane of each run
    Csv,
}

/// A list of losses to run one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sweep(pub(crate) Vec<Share>);

/// What `wirelab compare` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Compare {
    /// A link that has a name; the flags below change it
    #[arg(long, value_name = "NAME", value_parser = profile, help_heading = "Link")]
    pub(crate) profile: Option<&'static wirelab_link::Named>,
    /// Round trip, half of it each way
    #[arg(long, value_name = "TIME", value_parser = time(Duration::ZERO..=Duration::from_secs(20)), help_heading = "Link")]
    pub(crate) rtt: Option<Duration>,
    /// Share of the packets that is lost, each way
    #[arg(long, value_name = "PERCENT", conflicts_with = "sweep", help_heading = "Link")]
    pub(crate) loss: Option<Share>,
    /// Uniform extra delay up to this, each way; packets keep their order
    #[arg(long, value_name = "TIME", value_parser = time(Duration::ZERO..=Duration::from_secs(10)), help_heading = "Link")]
    pub(crate) jitter: Option<Duration>,
    /// The bottleneck, each way, such as 2Mbit/s
    #[arg(long, value_name = "RATE", help_heading = "Link")]
    pub(crate) rate: Option<Rate>,
    /// One comparison for each loss: loss=0%,1%,2%,5%,10%
    #[arg(long, value_name = "loss=LIST", value_parser = sweep, help_heading = "Link")]
    pub(crate) sweep: Option<Sweep>,
    /// Chance begins with it; each repetition takes the next
    #[arg(long, default_value_t = 1, help_heading = "Link")]
    pub(crate) seed: u64,
    /// Congestion control of the TCP sockets
    #[arg(long, value_name = "NAME", default_value = "cubic", help_heading = "Link")]
    pub(crate) congestion: String,

    /// Messages a second
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=240), help_heading = "Feed")]
    pub(crate) hz: u32,
    /// Bytes of each message's data
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u16).range(32..=16_384), help_heading = "Feed")]
    pub(crate) size: u16,
    /// What is compared, beside the references
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "sse,websocket,datachannel,datachannel-reliable",
        help_heading = "Feed"
    )]
    pub(crate) lanes: Vec<Lane>,

    /// How long each run is measured
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time(Duration::from_secs(1)..=Duration::from_secs(600)), help_heading = "Run")]
    pub(crate) duration: Duration,
    /// Runs of each setting, each with another seed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Run")]
    pub(crate) repeat: u16,

    /// A running server to measure over the real path, without an emulated link
    #[arg(long, value_name = "URL", help_heading = "Run")]
    #[arg(conflicts_with_all = ["profile", "rtt", "loss", "jitter", "rate", "sweep", "seed", "congestion", "report"])]
    pub(crate) target: Option<Target>,
    #[command(flatten, next_help_heading = "TLS")]
    pub(crate) belief: Belief,

    /// What a figure must be, such as 'websocket.latency.p99<50ms'; may be given several times
    #[arg(long, value_name = "LANE.FIGURE<LIMIT", help_heading = "Results")]
    pub(crate) threshold: Vec<Threshold>,
    /// The form of the results on stdout
    #[arg(long, value_enum, default_value_t = Output::Text, help_heading = "Results")]
    pub(crate) output: Output,
    /// Also writes one self-contained page with plots
    #[arg(long, value_name = "FILE.html", help_heading = "Results")]
    pub(crate) report: Option<PathBuf>,
}

/// Why the arguments do not go together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum AskedError {
    #[error(
        "a target has no reference {0}, which needs a server of our own: take it out of --lanes, or leave --target out"
    )]
    NoReference(Lane),
    #[error("--ca and --insecure are about a server's certificate: give an https:// --target, or leave them out")]
    NoCertificate,
    #[error("the threshold {0} is about {1}, which is not measured: add it to --lanes, or leave the threshold out")]
    NotMeasured(String, Lane),
}

fn sweep(text: &str) -> Result<Sweep, String> {
    let list = text
        .strip_prefix("loss=")
        .ok_or("a sweep is written loss=0%,1%,2%,5%,10%")?;
    let shares: Vec<Share> = list
        .split(',')
        .map(|share| share.parse().map_err(|error| format!("{error}")))
        .collect::<Result<_, _>>()?;
    if shares.len() > 20 {
        return Err("a sweep has at most 20 values".into());
    }
    Ok(Sweep(shares))
}

impl Compare {
    /// The link before any sweep.
    pub(crate) fn link(&self) -> Profile {
        let mut profile = self.profile.map(|named| named.profile.clone()).unwrap_or_default();
        for shape in [&mut profile.down, &mut profile.up] {
            if let Some(rtt) = self.rtt {
                shape.delay = rtt / 2;
            } else if self.profile.is_none() {
                shape.delay = Duration::from_millis(20);
            }
            if let Some(loss) = self.loss {
                shape.loss = Loss::Random(loss);
            }
            if let Some(jitter) = self.jitter {
                shape.jitter = jitter;
            }
            if let Some(rate) = self.rate {
                shape.rate = Some(rate);
            }
        }
        profile
    }

    /// The lanes with the references, in the order of every table. A target has no references.
    pub(crate) fn contenders(&self) -> Vec<Lane> {
        let is_reference = |lane: &Lane| self.target.is_none() && Lane::REFERENCES.contains(lane);
        let asked = |lane: &Lane| self.lanes.contains(lane) || is_reference(lane);
        Lane::ALL.into_iter().filter(asked).collect()
    }

    /// Whether what each flag asks for can be had together.
    ///
    /// # Errors
    /// A lane or a threshold asks for what is not going to be measured.
    pub(crate) fn check(&self) -> Result<(), AskedError> {
        let reference = self.lanes.iter().find(|lane| Lane::REFERENCES.contains(lane));
        if let (Some(_), Some(lane)) = (&self.target, reference) {
            return Err(AskedError::NoReference(*lane));
        }
        if self.belief.is_told() && !self.target.as_ref().is_some_and(Target::is_secure) {
            return Err(AskedError::NoCertificate);
        }
        let contenders = self.contenders();
        let unmeasured = |threshold: &&Threshold| !contenders.contains(&threshold.lane);
        match self.threshold.iter().find(unmeasured) {
            Some(threshold) => Err(AskedError::NotMeasured(threshold.to_string(), threshold.lane)),
            None => Ok(()),
        }
    }
}
