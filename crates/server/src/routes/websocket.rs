//! `GET /ws` and `GET /ws/echo`: the upgrade to a WebSocket. On HTTP/2 the method is CONNECT.

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use hyper::{
    HeaderMap, Method, StatusCode, Version,
    ext::Protocol,
    header::{HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use wirelab_transport::websocket::{OpenError, Request};

use super::events::{Pairs, pairs};
use crate::{app::App, guard::MayChange, problem::Problem};

pub(crate) async fn get(
    State(app): State<App>,
    method: Method,
    version: Version,
    protocol: Option<Extension<Protocol>>,
    query: Pairs,
    Extension(MayChange(may_publish)): Extension<MayChange>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = pairs(query)?;
    let request = Request {
        method: &method,
        version,
        protocol: protocol.as_ref().map(|Extension(protocol)| protocol.as_str()),
        headers: &headers,
        query: &query,
        may_publish,
    };
    Ok(answer(app.websocket.open(&request)))
}

pub(crate) async fn get_echo(
    State(app): State<App>,
    method: Method,
    version: Version,
    protocol: Option<Extension<Protocol>>,
    headers: HeaderMap,
) -> Response {
    let request = Request {
        method: &method,
        version,
        protocol: protocol.as_ref().map(|Extension(protocol)| protocol.as_str()),
        headers: &headers,
        query: &[],
        may_publish: false,
    };
    answer(app.websocket.open_echo(&request))
}

pub(super) fn answer(opened: Result<hyper::Response<()>, OpenError>) -> Response {
    match opened {
        Ok(response) => response.map(|()| Body::empty()),
        Err(error @ OpenError::Handshake(_)) => {
            // RFC 9110 section 15.5.22 and RFC 6455 section 4.4: say what would be right.
            let headers = [
                (UPGRADE, HeaderValue::from_static("websocket")),
                (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            ];
            (headers, Problem::http(StatusCode::UPGRADE_REQUIRED, error.to_string())).into_response()
        }
        Err(error) => Problem::new(error.code(), error.to_string()).into_response(),
    }
}
