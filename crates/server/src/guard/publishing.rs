//! Who may change what others see (publish, set the link): anyone on a loopback bind, the bearer of the token elsewhere, nobody without one.

use std::net::SocketAddr;

use hyper::{HeaderMap, header::AUTHORIZATION};
use subtle::ConstantTimeEq as _;

use super::{Single, refusal::Refusal, single};
use crate::config::{Config, Secret, Visitors};

/// Who may publish and set things here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publishing {
    /// Only this machine reaches the listeners: whoever passes the rules of host and origin.
    Open,
    /// The bearer of this token.
    Token(Secret),
    /// Nobody: other machines can reach the server and no token is set.
    Closed,
}

impl Publishing {
    /// The rule of these listeners.
    pub(crate) fn of(config: &Config, listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        match &config.admin_token {
            _ if only_local(config, listeners) => Self::Open,
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

/// Whether only this machine can reach the listeners. Whoever reaches a proxy does, whatever the listeners' addresses.
pub(crate) fn only_local(config: &Config, listeners: impl IntoIterator<Item = SocketAddr>) -> bool {
    let on_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
    config.visitors == Visitors::Local || config.trust_proxies.is_empty() && listeners.into_iter().all(on_loopback)
}

/// `Bearer <token>`, the token compared in a time that does not tell how much of it was right.
fn bears(value: &[u8], token: &Secret) -> bool {
    const SCHEME: &[u8] = b"bearer ";
    let Some((scheme, given)) = value.split_at_checked(SCHEME.len()) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(SCHEME) && bool::from(given.trim_ascii().ct_eq(token.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn check(bind: &str, token: Option<&str>, authorization: &[&'static str]) -> Result<(), Refusal> {
        let admin_token = token.map(|text| Secret::new(text.into()));
        let config = Config {
            admin_token,
            ..Config::default()
        };
        let publishing = Publishing::of(&config, [bind.parse().expect("an address")]);
        let mut headers = HeaderMap::new();
        for text in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_static(text));
        }
        publishing.check(&headers)
    }

    #[test]
    fn on_loopback_everyone_may() {
        for bind in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
            assert_eq!(check(bind, None, &[]), Ok(()), "{bind}");
            assert_eq!(check(bind, Some("s3cret"), &[]), Ok(()), "{bind}");
        }
    }

    #[test]
    fn an_address_that_only_this_machine_reaches_is_as_good_as_loopback() {
        let config = Config {
            visitors: Visitors::Local,
            ..Config::default()
        };
        let publishing = Publishing::of(&config, ["0.0.0.0:8080".parse().expect("an address")]);
        assert_eq!(publishing, Publishing::Open);
    }

    #[test]
    fn behind_a_proxy_loopback_is_reached_from_elsewhere() {
        let publishing = |visitors| {
            let config = Config {
                trust_proxies: vec!["127.0.0.1".parse().expect("a network")],
                visitors,
                ..Config::default()
            };
            Publishing::of(&config, ["127.0.0.1:8080".parse().expect("an address")])
        };
        assert_eq!(publishing(Visitors::ByAddress), Publishing::Closed);
        assert_eq!(publishing(Visitors::Local), Publishing::Open, "the operator says so");
    }

    #[test]
    fn elsewhere_nobody_may_without_a_token_set() {
        for bind in ["0.0.0.0:8080", "[::]:8080", "10.0.0.7:8080", "[::ffff:10.0.0.7]:8080"] {
            for authorization in [&[][..], &["Bearer "], &["Bearer s3cret"]] {
                assert_eq!(
                    check(bind, None, authorization),
                    Err(Refusal::PublishingClosed),
                    "{bind}"
                );
            }
        }
    }

    #[test]
    fn elsewhere_the_bearer_of_the_token_may() {
        let with = |authorization: &[&'static str]| check("0.0.0.0:8080", Some("s3cret"), authorization);
        assert_eq!(with(&["Bearer s3cret"]), Ok(()));
        assert_eq!(with(&["bearer  s3cret "]), Ok(()));
        assert_eq!(with(&[]), Err(Refusal::TokenMissing));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearers3cret",
            "Bearer s3cre",
            "Bearer s3crets",
            "Bearer S3CRET",
            "s3cret",
            "Basic s3cret",
            "Bearer s3cret, Bearer s3cret",
            "Bearer \"s3cret\"",
        ] {
            assert_eq!(with(&[wrong]), Err(Refusal::TokenWrong), "{wrong:?}");
        }
        assert_eq!(with(&["Bearer s3cret", "Bearer s3cret"]), Err(Refusal::TokenWrong));
    }
}
