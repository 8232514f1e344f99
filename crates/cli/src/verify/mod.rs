//! `wirelab verify`: whether a transport behaves as chosen, through everything in between.
//!
//! [`args`] says what is asked, [`url`] and [`target`] where. Each family, [`sse`], [`ws`], [`webrtc`], [`turn`] and [`idle`],
//! has its own list of checks and one `run`, which hands a [`check::Finding`] for each to the [`reporter`]. With `--direct` the
//! same runs against the origin, and [`result`] places the blame. The rest is form.
//!
//! A server that is verified may be anybody's and broken: every wait has an end, and whatever is read has a limit.

pub(crate) mod args;
mod check;
mod http;
mod idle;
mod reporter;
mod result;
mod sse;
mod target;
mod text;
mod turn;
mod url;
mod webrtc;
mod ws;

#[cfg(test)]
mod register;
#[cfg(test)]
mod schema;

use std::{io, time::Duration};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use self::{
    args::{AskedError, Output, Verify},
    check::Verdict,
    reporter::Reporter,
    result::{Outcome, Report},
    target::{Target, TargetError},
};
use crate::render;

/// How long what was opened may take to go once all is checked.
const END: Duration = Duration::from_secs(1);

/// Why a verification did not end well.
#[derive(Debug, Error)]
pub(crate) enum VerifyError {
    #[error(transparent)]
    Asked(#[from] AskedError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("the system does not give a runtime: {0}")]
    System(io::Error),
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{} of the checks failed: {}", .0.len(), .0.join(", "))]
    Failed(Vec<&'static str>),
    #[error("no check could decide anything: the lines above say why each was skipped")]
    Inconclusive,
    #[error("the time of --limit was up before all was checked: raise it, or check fewer families at once")]
    OutOfTime,
    #[error("interrupted: what is told is what was checked so far")]
    Interrupted,
}

impl VerifyError {
    /// As those of all that measures.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Asked(_) => 2,
            Self::Target(error) => error.exit_code(),
            Self::Inconclusive | Self::OutOfTime => 3,
            Self::Interrupted => 130,
            Self::System(_) | Self::Json(_) | Self::Failed(_) => 1,
        }
    }
}

/// Checks, prints, and says how it ended.
pub(crate) fn run(asked: &Verify) -> Result<(), VerifyError> {
    asked.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(VerifyError::System)?;
    let report = runtime.block_on(verify(asked));
    runtime.shutdown_timeout(END);
    let report = report?;
    render::progress("");
    render::result(&match asked.output {
        Output::Text => text::summary(&report),
        Output::Json => serde_json::to_string(&report)? + "\n",
    });
    judge(&report)
}

async fn verify(asked: &Verify) -> Result<Report, VerifyError> {
    let stop = stop_on_ctrl_c();
    // Both are looked up first: who mistyped the second address need not wait for the first one's checks.
    let target = Target::find(&asked.url, asked).await?;
    let origin = match &asked.direct {
        Some(url) => Some(Target::find(url, asked).await?),
        None => None,
    };
    let mut direct = Reporter::new(stop.clone(), asked.limit, |outcome| {
        render::progress(&format!("direct: {}", text::brief(outcome)));
    });
    if let Some(origin) = &origin {
        run_families(asked, origin, &mut direct).await;
    }
    let is_text = asked.output == Output::Text;
    let reference = direct.outcomes().to_vec();
    if is_text {
        render::progress("");
        render::result(&text::head(asked, &target));
    }
    let mut through = Reporter::new(stop, asked.limit, move |outcome| {
        if is_text {
            render::progress("");
            render::result(&text::line(&Outcome::beside(outcome, &reference)));
        } else {
            render::progress(&text::brief(outcome));
        }
    });
    run_families(asked, &target, &mut through).await;
    Ok(Report::of(asked, &target, &through, &direct))
}

/// Each family that was asked for, in its order.
async fn run_families(asked: &Verify, target: &Target, reporter: &mut Reporter) {
    for family in asked.families() {
        match family {
            args::Family::Sse => sse::run(asked, target, reporter).await,
            args::Family::Ws => ws::run(asked, target, reporter).await,
            args::Family::Webrtc => webrtc::run(asked, target, reporter).await,
            args::Family::Turn => turn::run(asked, target, reporter).await,
            args::Family::Idle => idle::run(asked, target, reporter).await,
        }
    }
}

/// The first Ctrl-C ends the checking, the second the program.
fn stop_on_ctrl_c() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130); // what a shell shows for a program that Ctrl-C ended
        }
    });
    stop
}

fn judge(report: &Report) -> Result<(), VerifyError> {
    let with = |verdict| {
        let found = report.checks.iter().filter(move |outcome| outcome.verdict == verdict);
        found.map(|outcome| outcome.id)
    };
    let failed: Vec<_> = with(Verdict::Fail).collect();
    if report.interrupted {
        Err(VerifyError::Interrupted)
    } else if !failed.is_empty() {
        Err(VerifyError::Failed(failed))
    } else if report.out_of_time {
        Err(VerifyError::OutOfTime)
    } else if with(Verdict::Pass).chain(with(Verdict::Warn)).next().is_none() {
        Err(VerifyError::Inconclusive)
    } else {
        Ok(())
    }
}
