//! Who may publish: anyone on a loopback bind, the bearer of the token elsewhere, nobody without one.

use std::net::SocketAddr;

use hyper::{HeaderMap, header::AUTHORIZATION};
use subtle::ConstantTimeEq as _;

use super::{Single, refusal::Refusal, single};
use crate::config::{Config, Secret};

/// Who may publish here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publishing {
    /// Every listener is on loopback: whoever passes the rules of host and origin.
    Open,
    /// The bearer of this token.
    Token(Secret),
    /// Nobody: other machines can reach the server and no token is set.
    Closed,
}

impl Publishing {
    /// The rule of these listeners.
    pub(crate) fn of(config: &Config, listeners: &[SocketAddr]) -> Self {
        match &config.admin_token {
            _ if is_loopback_only(listeners) => Self::Open,
            Some(token) => Self::Token(token.clone()),
            None => Self::Closed,
        }
    }

    /// The word for it in `/api/info`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Token(_) => "token",
            Self::Closed => "closed",
        }
    }

    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match self {
            Self::Open => Ok(()),
            Self::Closed => Err(Refusal::PublishingClosed),
            Self::Token(token) => match single(headers, &AUTHORIZATION) {
                Single::None => Err(Refusal::TokenMissing),
                Single::One(value) if bears(value.as_bytes(), token) => Ok(()),
                Single::One(_) | Single::Many => Err(Refusal::TokenWrong),
            },
        }
    }
}

/// Whether only this machine can reach the listeners.
pub(crate) fn is_loopback_only(listeners: &[SocketAddr]) -> bool {
    listeners.iter().all(|address| address.ip().to_canonical().is_loopback())
}

/// `Bearer <token>`, the token compared in a time that does not tell how much of it was right.
fn bears(value: &[u8], token: &Secret) -> bool {
    const SCHEME: &[u8] = b"bearer ";
    let Some((scheme, given)) = value.split_at_checked(SCHEME.len()) else { return false };
    scheme.eq_ignore_ascii_case(SCHEME) && bool::from(given.trim_ascii().ct_eq(token.expose().as_bytes()))
}
