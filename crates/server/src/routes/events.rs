//! `GET /events`: the feed as server-sent events.

use axum::{
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use hyper::HeaderMap;
use wirelab_model::frame::ErrorCode;
use wirelab_transport::sse;

use crate::{app::App, problem::Problem};

/// The pairs of a query, in their order.
pub(crate) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(crate) async fn get(State(app): State<App>, query: Pairs, headers: HeaderMap) -> Result<Response, Problem> {
    let query = pairs(query)?;
    // An id that is no text is as foreign as any other that is not ours.
    let last_event_id = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let refuse = |error: sse::OpenError| Problem::new(error.code(), error.to_string());
    let request = sse::Request::parse(&query, last_event_id).map_err(refuse)?;
    Ok(app.sse.open(&request).map_err(refuse)?.map(Body::new))
}

/// The query's pairs, or the problem that they are.
pub(crate) fn pairs(query: Pairs) -> Result<Vec<(String, String)>, Problem> {
    query
        .map(|Query(pairs)| pairs)
        .map_err(|error| Problem::new(ErrorCode::BadField, error.body_text()))
}
