//! `/metrics`: everything counted, as OpenMetrics text.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::{app::App, guard::only_local, problem::Problem};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// On a public listener: only where it is not public at all.
pub(crate) async fn public(State(app): State<App>) -> Response {
    if only_local(&app.config, app.ways.iter().map(|way| way.address)) {
        return text(&app.registry);
    }
    let detail =
        "Other machines can reach this server, so its metrics are on the internal listener alone: --internal ADDR.";
    Problem::http(StatusCode::NOT_FOUND, detail).into_response()
}

/// On the internal listener.
pub(crate) async fn internal(State(app): State<App>) -> Response {
    text(&app.registry)
}

fn text(registry: &Registry) -> Response {
    let mut text = String::with_capacity(16 * 1024);
    encode(&mut text, registry).expect("a String takes every text");
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
