//! `GET|PUT /api/link`: how the link stands and what it has done, and a way to change it while it runs.
//!
//! It is on the entrances that do not lead through the link: what sets the loss must not be lost.

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use http::{StatusCode, header::CACHE_CONTROL};
use serde::{Deserialize, Serialize};
use wirelab_link::{Profile, Shape};
use wirelab_server::{MayChange, Problem, config::url};

use super::{
    keeper::{Keeper, SetError, Standing, State as Link},
    words::Report,
};
use crate::doctor::{WayOut, ways_out_here};

const PATH: &str = "/api/link";

/// For an entrance that does not lead through the link.
pub(crate) fn direct_routes(keeper: Keeper) -> Router {
    Router::new().route(PATH, get(look).put(set)).with_state(keeper)
}

/// For the far end: it says where to go instead.
pub(crate) fn far_routes(direct_url: &str) -> Router {
    let detail =
        format!("The link is not set through itself, or nobody could mend a loss of 100%: use {direct_url}{PATH}.");
    Router::new().route(
        PATH,
        any(|| async move { Problem::http(StatusCode::MISDIRECTED_REQUEST, detail) }),
    )
}

/// The answer's JSON.
#[derive(Serialize)]
struct Told {
    /// Rises with each change, of the profile or of the state.
    revision: u64,
    /// `up`, `lost`, `unavailable` or `off`.
    state: &'static str,
    /// Why it is not up, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What to type; each by itself is enough.
    ways_out: Vec<WayOut>,
    #[serde(flatten)]
    up: Option<ToldUp>,
    profiles: Vec<Named>,
    /// Whether the one who asks may change it.
    may_change: bool,
}

/// What there is to tell of a link that is up.
#[derive(Serialize)]
struct ToldUp {
    mechanism: String,
    /// Of the far end's TCP connections; left out where it is the system's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    congestion: Option<String>,
    seed: u64,
    url: String,
    port: u16,
    profile: Present,
    /// Left out where the helper has too much to answer.
    #[serde(flatten)]
    report: Option<Report>,
}

#[derive(Serialize)]
struct Present {
    /// None: it was set by its figures.
    name: Option<&'static str>,
    #[serde(flatten)]
    profile: Profile,
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    title: &'static str,
    source: &'static str,
    down: &'static Shape,
    up: &'static Shape,
}

/// What `PUT` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A name, or figures.
    profile: serde_json::Value,
    /// The revision that the change is meant for.
    revision: Option<u64>,
}

async fn look(State(keeper): State<Keeper>, Extension(MayChange(may_change)): Extension<MayChange>) -> Response {
    let report = keeper.report().await; // first, since it may find the helper gone
    tell(&keeper.standing(), report, may_change)
}

async fn set(
    State(keeper): State<Keeper>,
    Extension(MayChange(may_change)): Extension<MayChange>,
    body: Bytes,
) -> Result<Response, Problem> {
    let bad = |detail: String| Problem::http(StatusCode::BAD_REQUEST, detail);
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| {
        bad(format!(
            "This is not {{\"profile\": …}} with a profile's name or figures: {error}."
        ))
    })?;
    let (profile, name) = wanted(asked.profile).map_err(bad)?;
    let report = keeper.set(profile, name, asked.revision).await.map_err(|error| {
        let status = match error {
            SetError::Profile(_) => StatusCode::BAD_REQUEST,
            SetError::Changed { .. } => StatusCode::CONFLICT,
            SetError::NotUp => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::http(status, sentence(&error.to_string()))
    })?;
    Ok(tell(&keeper.standing(), Some(report), may_change))
}

/// A profile by its name or its figures.
fn wanted(asked: serde_json::Value) -> Result<(Profile, Option<&'static str>), String> {
    if let serde_json::Value::String(name) = &asked {
        let named = crate::values::profile(name).map_err(|why| sentence(&why))?;
        return Ok((named.profile.clone(), Some(named.name)));
    }
    let profile = serde_json::from_value(asked);
    let profile = profile.map_err(|error| format!("These figures are no profile: {error}."))?;
    Ok((profile, None))
}

fn tell(standing: &Standing, report: Option<Report>, may_change: bool) -> Response {
    let (state, why, up) = match &standing.state {
        Link::Off => (
            "off",
            Some("the server was started with --link-listen off".to_owned()),
            None,
        ),
        Link::Unavailable { why } => ("unavailable", Some(why.clone()), None),
        Link::Lost { why } => ("lost", Some(why.clone()), None),
        Link::Up(up) => {
            let told = ToldUp {
                mechanism: up.mechanism.clone(),
                congestion: up.congestion.clone(),
                seed: up.seed,
                url: url(up.address),
                port: up.address.port(),
                profile: Present {
                    name: up.name,
                    profile: up.profile.clone(),
                },
                report,
            };
            ("up", None, Some(told))
        }
    };
    let profiles = Profile::all().iter().map(|named| Named {
        name: named.name,
        title: &named.title,
        source: &named.source,
        down: &named.profile.down,
        up: &named.profile.up,
    });
    let told = Told {
        revision: standing.revision,
        state,
        why: why.map(|why| sentence(&why)),
        ways_out: if state == "unavailable" {
            ways_out_here()
        } else {
            Vec::new()
        },
        up,
        profiles: profiles.collect(),
        may_change,
    };
    ([(CACHE_CONTROL, "no-store")], Json(told)).into_response()
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
