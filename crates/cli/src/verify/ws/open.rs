//! The two ways to open a WebSocket: an upgrade of HTTP/1.1, and extended CONNECT on HTTP/2.

use http::{HeaderValue, Method, StatusCode, header};
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use super::socket::Socket;
use crate::verify::http::{HttpError, Server, Version, head_lines, redirect, text};

/// How it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Way {
    /// RFC 6455.
    Upgrade,
    /// RFC 8441.
    Connect,
}

/// What was answered.
#[derive(Debug)]
pub(in crate::verify) struct Answer {
    pub(in crate::verify) status: u16,
    pub(in crate::verify) lines: Vec<String>,
    /// Where it leads, if it is a redirect.
    pub(in crate::verify) leads: Option<String>,
    /// `Sec-WebSocket-Accept`, and whether it is what the key makes it. HTTP/2 has none.
    pub(in crate::verify) accept: String,
    pub(in crate::verify) is_keyed: bool,
    /// It stands if it opened.
    pub(in crate::verify) socket: Option<Socket>,
}

/// Asks for a WebSocket as a browser would, from a page of `origin` or of none.
///
/// # Errors
/// There is no answer.
pub(in crate::verify) async fn open(server: &Server, way: Way, origin: Option<&str>) -> Result<Answer, HttpError> {
    let key = generate_key();
    let mut request = server.get().header(header::SEC_WEBSOCKET_VERSION, "13");
    let (version, opened) = match way {
        Way::Upgrade => {
            request = request
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_KEY, &key);
            (Version::Http1, StatusCode::SWITCHING_PROTOCOLS)
        }
        Way::Connect => {
            request = request
                .method(Method::CONNECT)
                .extension(Protocol::from_static("websocket"));
            (Version::Http2, StatusCode::OK)
        }
    };
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        request = request.header(header::ORIGIN, origin);
    }
    let request = request
        .body(Default::default())
        .map_err(|error| HttpError::Ended(format!("the request cannot be made: {error}")))?;
    let mut connection = server.open(version).await?;
    if way == Way::Connect {
        // The settings that allow CONNECT must be there first; they come before any answer.
        let first = server
            .get()
            .method(Method::HEAD)
            .body(Default::default())
            .expect("valid parts");
        connection.send(first).await?;
    }
    let mut answer = connection.send(request).await?;
    let (lines, leads) = (head_lines(&answer), redirect(&answer));
    let accept = text(answer.headers(), &header::SEC_WEBSOCKET_ACCEPT)
        .unwrap_or_default()
        .to_owned();
    let socket = if answer.status() == opened {
        let upgraded = hyper::upgrade::on(&mut answer).await;
        let upgraded = upgraded.map_err(|error| HttpError::Ended(error.to_string()))?;
        Some(Socket::new(TokioIo::new(upgraded), connection))
    } else {
        None
    };
    Ok(Answer {
        status: answer.status().as_u16(),
        lines,
        leads,
        is_keyed: way == Way::Connect || accept == derive_accept_key(key.as_bytes()),
        accept,
        socket,
    })
}
