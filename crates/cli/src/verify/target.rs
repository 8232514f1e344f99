//! What is verified, found: its address, whom to believe, and whether it is a wirelab.

use serde_json::Value;
use thiserror::Error;

use super::{
    args::Verify,
    http::{HttpError, Server, Version, body, text},
    url::{HttpUrl, Url},
};
use crate::trust::TlsError;

/// Bytes of `/api/info` that are read.
const MOST_INFO_BYTES: usize = 256 * 1024;
/// What a wirelab has its feeds at.
const LANES: [&str; 2] = ["/events", "/ws"];

/// Why nothing can be verified.
#[derive(Debug, Error)]
pub(crate) enum TargetError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl TargetError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Http(_) => 4,
            Self::Tls(_) => 2,
        }
    }
}

/// A server that is verified.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// Of a TURN server there is none.
    pub(crate) http: Option<Server>,
    /// What `/api/info` says, if it is a wirelab.
    pub(crate) info: Option<Value>,
}

impl Target {
    /// Looks it up and connects once.
    ///
    /// # Errors
    /// It is not there, or TLS does not come about.
    pub(crate) async fn find(url: &Url, asked: &Verify) -> Result<Self, TargetError> {
        let Url::Http(place) = url else {
            return Ok(Self {
                url: url.clone(),
                http: None,
                info: None,
            });
        };
        let trust = place.is_secure.then(|| asked.belief.trust()).transpose()?;
        let server = Server::find(place.clone(), trust, asked.header.clone(), asked.timeout).await?;
        server.connect(&[Version::Http2, Version::Http1]).await?;
        let info = if place.is_bare() || LANES.iter().any(|lane| place.path.starts_with(lane)) {
            info(&server).await
        } else {
            None
        };
        Ok(Self {
            url: url.clone(),
            http: Some(server),
            info,
        })
    }

    /// The server, and the URL of its event stream of `topic`: with a wirelab's own address the one that it has, with any other URL
    /// that one. `None` where it names something else.
    pub(crate) fn sse(&self, topic: &str) -> Option<Server> {
        self.lane("/events", topic, |url| !self.is_socket(url))
    }

    /// The same of its WebSocket.
    pub(crate) fn ws(&self, topic: &str) -> Option<Server> {
        self.lane("/ws", topic, |url| self.is_socket(url))
    }

    /// Whether a URL is a WebSocket's: of a wirelab by its path too.
    fn is_socket(&self, url: &HttpUrl) -> bool {
        url.is_websocket || (self.is_wirelab() && url.path.starts_with("/ws"))
    }

    fn lane(&self, path: &str, topic: &str, fits: impl Fn(&HttpUrl) -> bool) -> Option<Server> {
        let server = self.http.as_ref()?;
        if server.url.is_bare() && self.is_wirelab() {
            Some(server.at(&format!("{path}?topic={topic}")))
        } else {
            fits(&server.url).then(|| server.clone())
        }
    }

    pub(crate) fn is_wirelab(&self) -> bool {
        self.info.is_some()
    }

    /// Whether any certificate was believed.
    pub(crate) fn is_insecure(&self) -> bool {
        self.http.as_ref().is_some_and(Server::is_trusting)
    }
}

/// What a wirelab says about itself; anybody else says something else.
async fn info(server: &Server) -> Option<Value> {
    let request = server.request_for("/api/info").body(Default::default()).ok()?;
    let (_connection, answer) = server.ask(Version::Http1, request).await.ok()?;
    let kind = text(answer.headers(), &http::header::CONTENT_TYPE)?;
    if !kind.starts_with("application/json") {
        return None; // it may be a stream, which does not end
    }
    let text = tokio::time::timeout(server.timeout, body(answer, MOST_INFO_BYTES))
        .await
        .ok()?
        .ok()?;
    let info: Value = serde_json::from_slice(&text).ok()?;
    (info["name"] == "wirelab").then_some(info)
}
