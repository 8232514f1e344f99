//! What the handlers share, and the one router that judges every request.

use std::{sync::Arc, time::Duration, time::Instant};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn_with_state, map_response},
    routing::{get, post},
};
use hyper::StatusCode;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;
use wirelab_transport::{feed::Feed, sse, webrtc, websocket};

use crate::{
    config::Config,
    entrance::Way,
    guard::{self, Rules},
    hub::Signalling,
    pages, problem,
    routes::{advise, events, health, ice_servers, info, metrics, signal, topics, websocket as sockets},
    turn::Minter,
};

/// The largest request body: published data with generous white space.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a request that is no stream may take, its body's arrival included.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// What the handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    /// How the public entrances are found, in the order given.
    pub(crate) ways: Arc<[Way]>,
    pub(crate) feed: Feed,
    pub(crate) sse: sse::Room,
    pub(crate) websocket: websocket::Room,
    /// The room, at this entrance's port.
    pub(crate) webrtc: webrtc::Room,
    pub(crate) signalling: Signalling,
    pub(crate) turn: Minter,
    pub(crate) registry: Arc<Registry>,
    pub(crate) started: Instant,
    /// Cancelled when the server begins to go: readiness falls and streams end.
    pub(crate) drain: CancellationToken,
}

impl App {
    /// The router of a public entrance, with the paths that it has beside ours.
    pub(crate) fn router(&self, beside: Router, rules: Arc<Rules>) -> Router {
        let streams = Router::new()
            .route("/events", get(events::get))
            .route("/signal", get(signal::get).connect(signal::get))
            .route("/ws", get(sockets::get).connect(sockets::get))
            .route("/ws/echo", get(sockets::get_echo).connect(sockets::get_echo));
        Router::new()
            .route("/api/topics/{topic}", post(topics::post))
            .route(
                "/api/advise",
                get(advise::get)
                    .post(advise::post)
                    .layer(DefaultBodyLimit::max(advise::MAX_BODY_BYTES)),
            )
            .route("/api/ice-servers", get(ice_servers::get))
            .route("/api/info", get(info::get))
            .route("/health/live", get(health::live))
            .route("/health/ready", get(health::ready))
            .route("/metrics", get(metrics::public))
            .fallback(pages::answer)
            .merge(beside.with_state(()))
            .layer(TimeoutLayer::with_status_code(
                StatusCode::REQUEST_TIMEOUT,
                REQUEST_TIME,
            ))
            .merge(streams)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(map_response(problem::uniform))
            .layer(from_fn_with_state(rules, guard::judge))
            .with_state(self.clone())
    }

    /// The router of the internal listener: for operators, who may call it by any name.
    pub(crate) fn internal_router(&self) -> Router {
        Router::new()
            .route("/health/live", get(health::live))
            .route("/health/ready", get(health::ready))
            .route("/metrics", get(metrics::internal))
            .layer(map_response(problem::uniform))
            .with_state(self.clone())
    }
}
