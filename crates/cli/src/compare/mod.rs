//! `wirelab compare`: all lanes on the same bad network at the same moment.
//!
//! [`plan`] says what is going to run, [`mod@run`] runs all lanes at once on a [`stage`] each, [`figures`] turns what a
//! [`client`] heard into the figures of METRICS, [`verdict`] says what they say and [`threshold`] whether they are as
//! was asked. With a [`target`] there is no stage, and the path is whatever it is. The rest is form.

pub(crate) mod args;
mod client;
mod csv;
mod figures;
pub(crate) mod html;
mod lane;
pub(crate) mod machine;
mod plan;
mod reference;
pub(crate) mod result;
pub(crate) mod run;
mod stage;
pub(crate) mod target;
mod text;
pub(crate) mod threshold;
mod verdict;

#[cfg(test)]
mod tests;

use std::{fs, io, path::PathBuf, time::Duration};

use thiserror::Error;
use wirelab_link::Privilege;

use self::{
    args::{AskedError, Compare, Output},
    plan::{DRAIN, Plan, WARM_UP},
    result::{Comparison, Judged, PointResult, SCHEMA, Setting},
    run::{Bench, Path, RunError},
    target::Target,
};
use crate::{render, trust::TlsError};

/// Why there is no comparison.
#[derive(Debug, Error)]
pub(crate) enum CompareError {
    #[error(transparent)]
    Asked(#[from] AskedError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Profile(#[from] wirelab_link::ProfileError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the system does not give a runtime: {0}")]
    System(io::Error),
    #[error("the report {path} cannot be written: {source}", path = path.display())]
    Report { path: PathBuf, source: io::Error },
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "most runs were disturbed by this machine, so the figures decide nothing; repeat it when less else is running"
    )]
    Inconclusive,
    #[error("{}", said(.0))]
    Threshold(Vec<Judged>),
}

fn said(failed: &[Judged]) -> String {
    let each = failed.iter().map(|judged| {
        format!(
            "{} does not hold at {}: it is {}",
            judged.threshold, judged.point, judged.seen
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

/// How long clients may take to go once all is measured.
const END: Duration = Duration::from_secs(1);

/// Compares, prints, and says how it ended. `privilege` was acquired before anything else.
pub(crate) fn run(asked: &Compare, privilege: &Privilege) -> Result<(), CompareError> {
    asked.check()?;
    asked.link().validate()?;
    let plan = Plan::of(asked);
    let is_secure = asked.target.as_ref().is_some_and(Target::is_secure);
    let trust = is_secure.then(|| asked.belief.trust()).transpose()?;
    let bench = Bench {
        path: match &asked.target {
            None => Path::Links(privilege),
            Some(target) => Path::Direct(target, trust.as_ref()),
        },
        lanes: asked.contenders(),
        topic: format!("tick.{}.{}", asked.hz, asked.size)
            .parse()
            .expect("the arguments are within its ranges"),
        hz: asked.hz,
        duration: asked.duration,
        congestion: asked.congestion.clone(),
    };
    // Of its own threads only a target's clients make use: those at a link are in their place, with a runtime there.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CompareError::System)?;
    let comparison = runtime.block_on(compare(asked, &plan, &bench));
    runtime.shutdown_timeout(END);
    let comparison = comparison?;

    if let Some(path) = &asked.report {
        fs::write(path, html::page(&comparison)).map_err(|source| CompareError::Report {
            path: path.clone(),
            source,
        })?;
    }
    render::result(&match asked.output {
        Output::Text => text::text(&comparison),
        Output::Csv => csv::csv(&comparison),
        Output::Json => serde_json::to_string(&comparison)? + "\n",
    });
    if verdict::is_inconclusive(&comparison) {
        return Err(CompareError::Inconclusive);
    }
    let failed: Vec<_> = comparison
        .thresholds
        .into_iter()
        .filter(|judged| !judged.holds)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(CompareError::Threshold(failed))
    }
}

async fn compare(asked: &Compare, plan: &Plan, bench: &Bench<'_>) -> Result<Comparison, RunError> {
    let (mut points, mut mechanism, mut done) = (Vec::new(), String::new(), 0);
    for point in &plan.points {
        let mut runs = Vec::new();
        for seed in &plan.seeds {
            let left = Plan::time(plan.runs() - done, asked.duration);
            done += 1;
            render::progress(&format!(
                "run {done} of {}: {}, seed {seed}; about {} left",
                plan.runs(),
                point.label,
                humantime::format_duration(left)
            ));
            let (run, made) = bench.run(point, *seed).await?;
            mechanism = made;
            runs.push(run);
        }
        points.push(PointResult {
            label: point.label.clone(),
            is_control: point.is_control,
            profile: point.profile.clone(),
            runs,
        });
    }
    render::progress("");
    let mut comparison = Comparison {
        schema: SCHEMA,
        version: wirelab_server::VERSION,
        // By its name, wherever it lies on this machine.
        command: ["wirelab".to_owned()]
            .into_iter()
            .chain(std::env::args().skip(1))
            .collect::<Vec<_>>()
            .join(" "),
        setting: Setting {
            topic: bench.topic.to_string(),
            hz: asked.hz,
            bytes: asked.size,
            lanes: bench.lanes.clone(),
            seeds: plan.seeds.clone(),
            duration_ms: verdict::ms(asked.duration),
            warm_up_ms: verdict::ms(WARM_UP),
            drain_ms: verdict::ms(DRAIN),
            target: asked.target.as_ref().map(ToString::to_string),
            congestion_control: match asked.target {
                Some(_) => "unknown".into(),
                None => bench.congestion.clone(),
            },
            mechanism,
        },
        machine: machine::machine(),
        points,
        findings: Vec::new(),
        thresholds: Vec::new(),
        warnings: Vec::new(),
    };
    comparison.findings = comparison
        .points
        .iter()
        .flat_map(|point| verdict::findings(point, asked.hz))
        .collect();
    comparison.thresholds = threshold::judge(&asked.threshold, &comparison);
    comparison.warnings = verdict::warnings(&comparison);
    Ok(comparison)
}
