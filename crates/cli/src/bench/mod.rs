//! `wirelab bench`: what a connection costs, of this program's server and of anyone's.
//!
//! [`args`] says what is asked, [`preflight`] whether this machine can do it and how. Each run is a [`trial`]: a server in
//! processes of its own ([`servers`], [`serve`], [`mod@reference`]) and a load generator ([`connection`], [`stream`],
//! [`framing`]) that measures one thing: [`idle`], [`fanout`], [`echo`], [`connect`] or [`stalled`]. [`figure`] lists what
//! each finds, [`system`] reads what the kernel knows. The rest is form.

pub(crate) mod args;
mod campaign;
mod child;
mod connect;
mod connection;
mod csv;
mod echo;
mod fanout;
mod figure;
mod framing;
pub(crate) mod hold;
mod html;
mod idle;
mod lane;
mod meter;
mod preflight;
mod publisher;
mod receivers;
mod reference;
mod result;
pub(crate) mod serve;
mod servers;
mod stalled;
mod stream;
mod system;
mod text;
mod threshold;
mod trial;
mod way;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

use std::{fs, io, path::PathBuf, time::Duration};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use self::{
    args::{AskedError, Bench},
    campaign::Campaign,
    child::ChildError,
    preflight::TooMany,
    result::{Judged, Outcome, Report},
    system::Cores,
    threshold::judge,
};
use crate::{
    compare::{args::Output, machine::machine},
    render,
};

/// How long what was opened may take to go once all is measured.
const END: Duration = Duration::from_secs(1);
/// What a shell shows for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Why a bench did not end well.
#[derive(Debug, Error)]
pub(crate) enum BenchError {
    #[error(transparent)]
    Asked(#[from] AskedError),
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("the system does not give a runtime: {0}")]
    System(io::Error),
    #[error("the report {path} cannot be written: {source}", path = path.display())]
    Report { path: PathBuf, source: io::Error },
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{target} cannot be measured: {why}. Is it up, and is it the server that you mean?")]
    Target { target: String, why: String },
    #[error("nothing was measured: {0}")]
    Nothing(String),
    #[error("{}", said(.0))]
    Threshold(Vec<Judged>),
    #[error("interrupted: what is told is what was measured so far")]
    Interrupted,
}

impl BenchError {
    /// As those of all that measures.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Asked(_) | Self::TooMany(_) => 2,
            Self::Target { .. } => 4,
            Self::Interrupted => 130,
            Self::Child(_)
            | Self::System(_)
            | Self::Report { .. }
            | Self::Json(_)
            | Self::Nothing(_)
            | Self::Threshold(_) => 1,
        }
    }
}

fn said(failed: &[Judged]) -> String {
    let each = failed.iter().map(|judged| match judged.seen {
        Some(seen) => format!("{} does not hold: it is {}", judged.threshold, text::number(seen)),
        None => format!("{} does not hold: it is not known", judged.threshold),
    });
    each.collect::<Vec<_>>().join("; ")
}

/// Measures, prints, and says how it ended.
pub(crate) fn run(asked: &Bench) -> Result<(), BenchError> {
    asked.check()?;
    let (machine, cores) = (machine(), Cores::apart());
    // Before there is another thread, so that all stay where this one does.
    let is_pinned = cores.is_some_and(|cores| system::pin(cores.client));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::System)?;
    let report = runtime.block_on(async {
        let campaign = Campaign::prepare(asked, machine, cores.filter(|_| is_pinned)).await?;
        campaign.run(watch_for_ctrl_c()).await
    });
    runtime.shutdown_timeout(END);
    let mut report = report?;
    report.thresholds = judge(&asked.threshold, &report.contenders);
    tell(asked, &report)?;
    verdict(asked, report)
}

/// The first Ctrl-C ends the measuring, the second the program.
fn watch_for_ctrl_c() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED);
        }
    });
    stop
}

fn tell(asked: &Bench, report: &Report) -> Result<(), BenchError> {
    render::progress("");
    if let Some(path) = &asked.report {
        fs::write(path, html::page(report)).map_err(|source| BenchError::Report {
            path: path.clone(),
            source,
        })?;
    }
    render::result(&match asked.output {
        Output::Text => text::text(report),
        Output::Csv => csv::csv(report),
        Output::Json => serde_json::to_string(report)? + "\n",
    });
    Ok(())
}

fn verdict(asked: &Bench, report: Report) -> Result<(), BenchError> {
    if report.interrupted {
        return Err(BenchError::Interrupted);
    }
    // A lane that nobody measured is no result, whatever the others are.
    for contender in &report.contenders {
        let failure = contender.runs.iter().find_map(|run| match &run.outcome {
            Outcome::Failed(why) => Some(why.clone()),
            Outcome::Measured { .. } => None,
        });
        if let (None, Some(why)) = (&contender.median, failure) {
            let url = campaign::url(asked, contender.lane);
            return Err(match url {
                Some(url) => BenchError::Target {
                    target: url.to_string(),
                    why,
                },
                None => BenchError::Nothing(format!("{}: {why}", contender.name())),
            });
        }
    }
    let failed: Vec<_> = report.thresholds.into_iter().filter(|judged| !judged.holds).collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(BenchError::Threshold(failed))
    }
}
