//! `GET /signal`: the WebSocket over which peers find each other.

use axum::{Extension, extract::State, response::Response};
use hyper::{HeaderMap, Method, Version, ext::Protocol};
use wirelab_transport::{
    webrtc::Visit,
    websocket::{Request, TextSocket},
};

use super::websocket::answer;
use crate::{
    app::App,
    guard::{self, MayChange},
    hub::TEXT_LIMITS,
};

pub(crate) async fn get(
    State(app): State<App>,
    method: Method,
    version: Version,
    protocol: Option<Extension<Protocol>>,
    Extension(MayChange(may_publish)): Extension<MayChange>,
    Extension(visitor): Extension<guard::Visit>,
    headers: HeaderMap,
) -> Response {
    let request = Request {
        method: &method,
        version,
        protocol: protocol.as_ref().map(|Extension(protocol)| protocol.as_str()),
        headers: &headers,
        query: &[],
        may_publish,
    };
    let App { signalling, webrtc, .. } = app.clone();
    let from = visitor.counted();
    let open = move |socket: TextSocket| signalling.enter(socket, webrtc, Visit { from, may_publish });
    answer(app.websocket.open_text(&request, TEXT_LIMITS, open))
}
