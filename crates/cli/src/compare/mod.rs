//! `wirelab compare`: all lanes on the same bad network at the same moment.
//!
//! [`plan`] says what is going to run, [`run`] runs all lanes at once on a [`stage`] each, [`figures`] turns what a
//! [`client`] heard into the figures of METRICS, [`verdict`] says what they say. The rest is form.

pub(crate) mod args;
mod client;
mod csv;
mod figures;
mod html;
mod lane;
mod machine;
mod plan;
mod reference;
mod result;
pub(crate) mod run;
mod stage;
mod text;
mod verdict;

#[cfg(test)]
mod tests;

use std::{fs, io, path::PathBuf};

use thiserror::Error;
use wirelab_link::Privilege;

use self::{
    args::{Compare, Output},
    plan::{DRAIN, Plan, WARM_UP},
    result::{Comparison, PointResult, SCHEMA, Setting},
    run::{Bench, RunError},
};
use crate::render;

/// Why there is no comparison.
#[derive(Debug, Error)]
pub(crate) enum CompareError {
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
}

/// Compares, prints, and says how it ended. `privilege` was acquired before anything else.
pub(crate) fn run(asked: &Compare, privilege: &Privilege) -> Result<(), CompareError> {
    asked.link().validate()?;
    let plan = Plan::of(asked);
    let bench = Bench {
        privilege,
        lanes: asked.contenders(),
        topic: format!("tick.{}.{}", asked.hz, asked.size)
            .parse()
            .expect("the arguments are within its ranges"),
        hz: asked.hz,
        duration: asked.duration,
        congestion: asked.congestion.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CompareError::System)?;
    let comparison = runtime.block_on(compare(asked, &plan, &bench))?;

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
    Ok(())
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
        command: std::env::args().collect::<Vec<_>>().join(" "),
        setting: Setting {
            topic: bench.topic.to_string(),
            hz: asked.hz,
            bytes: asked.size,
            lanes: bench.lanes.clone(),
            seeds: plan.seeds.clone(),
            duration_ms: verdict::ms(asked.duration),
            warm_up_ms: verdict::ms(WARM_UP),
            drain_ms: verdict::ms(DRAIN),
            congestion_control: bench.congestion.clone(),
            mechanism,
        },
        machine: machine::machine(),
        points,
        findings: Vec::new(),
        warnings: Vec::new(),
    };
    comparison.findings = comparison
        .points
        .iter()
        .flat_map(|point| verdict::findings(point, asked.hz))
        .collect();
    comparison.warnings = verdict::warnings(&comparison);
    Ok(comparison)
}
