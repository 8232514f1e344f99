//! `GET /signal`: the WebSocket over which peers find each other.

use axum::{Extension, extract::State, response::Response};
use hyper::{HeaderMap, Method, Version};
use wirelab_transport::websocket::Request;

use super::websocket::answer;
use crate::{app::App, guard::Publisher, hub::TEXT_LIMITS};

pub(crate) async fn get(
    State(app): State<App>,
    method: Method,
    version: Version,
    Extension(Publisher(may_publish)): Extension<Publisher>,
    headers: HeaderMap,
) -> Response {
    let request = Request {
        method: &method,
        version,
        headers: &headers,
        query: &[],
        may_publish,
    };
    let signalling = app.signalling.clone();
    let open = move |socket| signalling.enter(socket, may_publish);
    answer(app.websocket.open_text(&request, TEXT_LIMITS, open))
}
