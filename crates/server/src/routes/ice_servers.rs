//! `GET /api/ice-servers`: a ready-made `RTCConfiguration`, with TURN credentials that expire.
//!
//! The guard has judged where the request comes from as it does for the lanes: a credential costs bandwidth, so no
//! foreign page may read one.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use wirelab_model::{frame::ErrorCode, signal::IceServer};

use crate::{app::App, guard::Visit, problem::Problem};

/// A credential is one visitor's.
const NO_STORE: [(HeaderName, HeaderValue); 1] = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// The answer's JSON. `new RTCPeerConnection(answer)` takes it as it is: browsers pass over what they do not know.
#[derive(Serialize)]
struct IceServers {
    #[serde(rename = "iceServers")]
    ice_servers: Vec<IceServer>,
    /// How long the credentials hold from now on, s. Ask again after three quarters of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    /// When they end, in seconds since 1970 by this server's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

pub(crate) async fn get(State(app): State<App>, Extension(visit): Extension<Visit>) -> Response {
    match app.turn.mint(visit.counted()) {
        Ok(minted) => {
            let (ttl, expires_at) = minted
                .as_ref()
                .map(|minted| (minted.ttl.as_secs(), minted.expires_at))
                .unzip();
            let ice_servers = minted.map(|minted| minted.server).into_iter().collect();
            let answer = IceServers {
                ice_servers,
                ttl,
                expires_at,
            };
            (NO_STORE, Json(answer)).into_response()
        }
        Err(too_many) => {
            let problem = Problem::new(
                ErrorCode::Limit,
                "Too many TURN credentials were asked for from your address. Those you have go on until they expire; \
                 ask again after the time in Retry-After.",
            );
            let mut answer = (NO_STORE, problem).into_response();
            let seconds = too_many.retry_after.as_secs_f64().ceil().max(1.0) as u64;
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            answer
        }
    }
}
