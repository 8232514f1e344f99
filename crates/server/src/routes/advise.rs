//! `/api/advise`: which transport to take. The page decides nothing: it shows the questions and what is answered here.
//!
//! `GET` names the questions and what people build, `POST` takes answers and gives the advice. Both bodies are described
//! by `docs/schema/advise.v1.json`.

use axum::{Json, body::Bytes};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use wirelab_model::advice::{Advice, Evidence, Needs, NeedsError, Preset, Question, advise, presets, questions};

use crate::problem::{Fault, Problem};

/// The largest body: answers are small, but a report of a long comparison is not.
pub(crate) const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// What there is to answer.
#[derive(Serialize)]
pub(crate) struct Asked {
    questions: &'static [Question],
    presets: &'static [Preset],
    /// What is taken where nobody answers.
    usual: Needs,
}

pub(crate) async fn get() -> Json<Asked> {
    Json(Asked {
        questions: questions(),
        presets: presets(),
        usual: Needs::default(),
    })
}

/// The answers, and what was measured.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// What is built: its answers are below those given.
    preset: Option<String>,
    #[serde(default)]
    needs: Map<String, Value>,
    #[serde(default)]
    evidence: Vec<Report>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    /// How it is cited.
    name: String,
    report: Box<RawValue>,
}

pub(crate) async fn post(body: Bytes) -> Result<Json<Advice>, Problem> {
    let body: Body = serde_json::from_slice(&body).map_err(|error| {
        bad(format!(
            "This is not {{\"needs\": {{…}}}} with answers to the questions that GET /api/advise names: {error}."
        ))
    })?;
    let mut answers = match &body.preset {
        Some(id) => preset(id)?,
        None => Map::new(),
    };
    answers.extend(body.needs);
    let needs = Needs::read(&answers).map_err(|error| faulty(&error))?;
    let mut evidence = Evidence::default();
    for Report { name, report } in &body.evidence {
        evidence
            .add(name, report.get())
            .map_err(|error| bad(error.to_string()))?;
    }
    Ok(Json(advise(&needs, &evidence)))
}

fn preset(id: &str) -> Result<Map<String, Value>, Problem> {
    let known = presets().iter().find(|preset| preset.id == id);
    known.map(|preset| preset.needs.clone()).ok_or_else(|| {
        let ids: Vec<_> = presets().iter().map(|preset| preset.id.as_str()).collect();
        bad(format!("There is no such preset; there are {}.", ids.join(", ")))
    })
}

/// All that is wrong: in one text for people, and one by one for a form.
fn faulty(error: &NeedsError) -> Problem {
    let faults = error.faults.iter().map(|fault| Fault {
        detail: fault.to_string(),
        keys: fault.keys().to_vec(),
    });
    bad(error.to_string()).with_errors(faults.collect())
}

fn bad(detail: String) -> Problem {
    Problem::http(StatusCode::BAD_REQUEST, detail)
}
