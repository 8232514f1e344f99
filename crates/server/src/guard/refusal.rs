//! What the guard refuses, in the words of the answer and of the counter.

use axum::response::{IntoResponse, Response};
use hyper::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use prometheus_client::encoding::EncodeLabelSet;
use thiserror::Error;

use super::authority::{Host, Origin};
use crate::problem::Problem;

/// When somebody may try again for whom there is no place now, s.
const COME_AGAIN_S: HeaderValue = HeaderValue::from_static("10");

/// Why a request goes no further. The text is the answer's `detail`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("The request names no host. Every HTTP/1.1 request must carry one Host header.")]
    HostMissing,
    #[error("The request names its host more than once. It must carry one Host header that agrees with its target.")]
    HostTwice,
    #[error("The Host header is no host: it must be a name or an IP address, and perhaps a port.")]
    HostMalformed,
    #[error(
        "This server does not answer to the name {0}, since any site could point such a name here. Use \
         localhost or the IP address, or start the server with --allow-host {0}."
    )]
    HostUnknown(Host),
    #[error(
        "The request carries Forwarded and X-Forwarded-* headers that contradict each other, so who is asking cannot be \
         known. Let the proxy before this server write one kind and remove the other."
    )]
    ForwardedDisagree,
    #[error("As many requests and streams are open from your address as one may have. Close some, or come later.")]
    AddressFull,
    #[error("The request carries more than one Origin header.")]
    OriginTwice,
    #[error(
        "Pages without an origin of their own (a file, a sandbox: \"null\") may not use this. Serve the page \
         from this server, or over HTTP from an origin named by --allow-origin."
    )]
    OriginMalformed,
    #[error(
        "Pages of {0} may not use this server's lanes or change anything here. If they should, start the \
         server with --allow-origin {0}."
    )]
    OriginForeign(Origin),
    #[error("The browser says that this request comes from another site's page, and it carries no Origin header.")]
    CrossSite,
    #[error(
        "Publishing and setting the link need the operator's token here: send it as \"Authorization: Bearer <token>\"."
    )]
    TokenMissing,
    #[error(
        "This is not the operator's token. Send the text of the server's --admin-token-file as \
         \"Authorization: Bearer <token>\"."
    )]
    TokenWrong,
    #[error(
        "Publishing and setting the link are closed: this server can be reached from other machines and has no token. \
         Start it with \
         --admin-token-file FILE, or on a loopback address."
    )]
    PublishingClosed,
}

/// The labels of `wirelab_refused_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabels {
    pub(super) reason: &'static str,
}

impl Refusal {
    /// Everything that [`Refusal::reason`] says.
    pub(super) const REASONS: [&'static str; 5] = ["address-full", "forwarded", "host", "origin", "token"];

    /// What it is counted as.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::AddressFull => "address-full",
            Self::ForwardedDisagree => "forwarded",
            Self::HostMissing | Self::HostTwice | Self::HostMalformed | Self::HostUnknown(_) => "host",
            Self::OriginTwice | Self::OriginMalformed | Self::OriginForeign(_) | Self::CrossSite => "origin",
            Self::TokenMissing | Self::TokenWrong | Self::PublishingClosed => "token",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::HostMissing | Self::HostTwice | Self::HostMalformed => StatusCode::BAD_REQUEST, // RFC 9112, section 3.2
            Self::ForwardedDisagree => StatusCode::BAD_REQUEST,
            Self::AddressFull => StatusCode::SERVICE_UNAVAILABLE, // as at the door, for those who come without a proxy
            Self::HostUnknown(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::TokenMissing | Self::TokenWrong => StatusCode::UNAUTHORIZED,
            Self::OriginTwice
            | Self::OriginMalformed
            | Self::OriginForeign(_)
            | Self::CrossSite
            | Self::PublishingClosed => StatusCode::FORBIDDEN,
        }
    }

    /// RFC 6750: a wrong token is told apart from none.
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => Some(r#"Bearer realm="wirelab""#),
            Self::TokenWrong => Some(r#"Bearer realm="wirelab", error="invalid_token""#),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = Problem::http(self.status(), self.to_string()).into_response();
        if let Some(challenge) = self.challenge() {
            answer
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self == Self::AddressFull {
            answer.headers_mut().insert(RETRY_AFTER, COME_AGAIN_S);
        }
        answer
    }
}
