//! `/health/live` and `/health/ready`: for those who start, restart and route to this server.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::header::{CACHE_CONTROL, HeaderValue};
use serde::Serialize;
use wirelab_model::frame::ErrorCode;

use crate::{app::App, pages, problem::Problem};

/// Health is asked anew each time.
const NO_STORE: [(hyper::header::HeaderName, HeaderValue); 1] = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// Parts that do not work as they should, while the server is still worth routing to.
    degraded: Vec<&'static str>,
}

/// The process answers. Nothing else is asked: a restart cures nothing else.
pub(crate) async fn live() -> Response {
    (NO_STORE, Json(Live { status: "live" })).into_response()
}

/// Whether new visitors should be sent here. Connections that come before the start wait in the listener's queue.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.drain.is_cancelled() {
        let problem = Problem::new(
            ErrorCode::Unavailable,
            "This server is going: it takes no new visitors and ends its streams.",
        );
        return (NO_STORE, problem).into_response();
    }
    let degraded = if pages::has_plots() { Vec::new() } else { vec!["plots"] }; // built without npm
    (
        NO_STORE,
        Json(Ready {
            status: "ready",
            degraded,
        }),
    )
        .into_response()
}
