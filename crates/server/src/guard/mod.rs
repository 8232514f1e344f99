//! Who may: every request is judged here before any handler sees it.
//!
//! 1. **Host** must be one that nobody can point at this machine by DNS (`localhost`, an IP literal) or one that the
//!    operator named. Otherwise a page of any site could rebind its own name to us and read us as its own origin.
//! 2. **Origin**, on every lane and every method that changes something: our own page, or one that the operator named.
//!    WebSockets and simple POSTs know no same-origin policy of their own.
//! 3. **Token**: off loopback, whoever changes what others see (publishes, sets something) needs the operator's token.
//!
//! What passes is answered with the headers that keep our pages from running or loading what is not ours, and with
//! those by which a page on one of our ports may read another. What does not pass is counted and told why.
//!
//! The rules are plain functions over the request's head ([`Rules::weigh`]); [`judge`] is the middleware around them.
//! The internal listener is not judged: it has no pages, and those who scrape it use whatever name they have for it.

mod authority;
mod headers;
mod publishing;
mod refusal;

use std::{str::FromStr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::{
    HeaderMap, Method, Version,
    header::{ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderName, HeaderValue, ORIGIN},
    http::request::Parts,
};
use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

pub use self::authority::{AuthorityError, Host, Origin};
pub(crate) use self::publishing::{Publishing, only_local};
use self::{
    authority::Authority,
    refusal::{Refusal, RefusalLabels},
};
use crate::{config::Config, entrance::Way};

/// The paths on which messages travel. A foreign page may not open them, whatever the method.
const LANES: [&str; 4] = ["/events", "/signal", "/ws", "/ws/echo"];

/// Below it, `POST` publishes.
const PUBLISH_PREFIX: &str = "/api/topics/";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Judges one request, and dresses its answer (for `axum::middleware::from_fn_with_state`, outermost).
pub(crate) async fn judge(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let host = rules.host(&head);
    let ruling = host
        .as_ref()
        .map_err(Refusal::clone)
        .and_then(|host| rules.weigh(&head, host.as_ref()));
    let (mut answer, allow_origin) = match ruling {
        Ok(Ruling::Preflight { allow_origin }) => (headers::preflight(), allow_origin),
        Ok(Ruling::Pass {
            may_change,
            allow_origin,
        }) => {
            head.extensions.insert(may_change);
            (next.run(Request::from_parts(head, body)).await, allow_origin)
        }
        Err(refusal) => {
            tracing::debug!(reason = refusal.reason(), method = %head.method, path = head.uri.path(), %refusal, "refused");
            rules
                .refused
                .get_or_create(&RefusalLabels {
                    reason: refusal.reason(),
                })
                .inc();
            (refusal.into_response(), None)
        }
    };
    headers::dress(
        answer.headers_mut(),
        host.ok().flatten().as_ref(),
        &rules.ours,
        allow_origin,
    );
    answer
}

/// Whether the sender of this request may change what others see, such as publish: an extension that every judged
/// request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MayChange(pub bool);

/// What is known once, when the server starts.
#[derive(Debug)]
pub(crate) struct Rules {
    allow_hosts: Vec<Host>,
    allow_origins: Vec<Origin>,
    /// Our listeners: a page from any of them is our own.
    ours: Vec<Ours>,
    publishing: Publishing,
    refused: Family<RefusalLabels, Counter>,
}

/// A listener as a page's address tells it: whether it speaks TLS, and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ours {
    port: u16,
    secure: bool,
}

/// How a request that is not refused goes on. `allow_origin` is the page's origin when it is accepted and not the
/// request's own: its browser lets the page read the answer only if it says so.
#[derive(Debug, PartialEq, Eq)]
enum Ruling {
    /// To the handlers.
    Pass {
        may_change: MayChange,
        allow_origin: Option<HeaderValue>,
    },
    /// A browser's question before a request across origins: the guard itself answers.
    Preflight { allow_origin: Option<HeaderValue> },
}

impl Rules {
    /// The rules of these listeners.
    pub(crate) fn new(config: &Config, ways: &[Way]) -> Self {
        let ours = |way: &Way| Ours {
            port: way.address.port(),
            secure: way.secure,
        };
        let mut ours: Vec<Ours> = ways.iter().map(ours).collect();
        ours.sort_unstable();
        ours.dedup();
        Self {
            allow_hosts: config.allow_hosts.clone(),
            allow_origins: config.allow_origins.clone(),
            ours,
            publishing: Publishing::of(config, ways.iter().map(|way| way.address)),
            refused: Family::default(),
        }
    }

    /// Adds `refused_total{reason=…}`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        for reason in Refusal::REASONS {
            // There from the start, so that the first one shows as a rise.
            drop(self.refused.get_or_create(&RefusalLabels { reason }));
        }
        registry.register(
            "refused",
            "Requests refused by the guard, by reason",
            self.refused.clone(),
        );
    }

    /// The host that the request is meant for. None: an HTTP/1.0 client that does not say.
    fn host(&self, head: &Parts) -> Result<Option<Authority>, Refusal> {
        let named = match single(&head.headers, &HOST) {
            Single::One(value) => Some(read::<Authority>(value).ok_or(Refusal::HostMalformed)?),
            Single::None => None,
            Single::Many => return Err(Refusal::HostTwice),
        };
        // HTTP/2's :authority, or an absolute target on HTTP/1.1. Two that differ are somebody's trick.
        let target = match head.uri.authority() {
            Some(target) => Some(
                target
                    .as_str()
                    .parse::<Authority>()
                    .map_err(|_| Refusal::HostMalformed)?,
            ),
            None => None,
        };
        match (target, named) {
            (Some(target), Some(named)) if target != named => Err(Refusal::HostTwice),
            (Some(host), _) | (None, Some(host)) => {
                let known = host.host.is_rebinding_proof() || self.allow_hosts.contains(&host.host);
                if known {
                    Ok(Some(host))
                } else {
                    Err(Refusal::HostUnknown(host.host))
                }
            }
            // No browser speaks HTTP/1.0, so there is nothing to rebind.
            (None, None) if head.version < Version::HTTP_11 => Ok(None),
            (None, None) => Err(Refusal::HostMissing),
        }
    }

    fn weigh(&self, head: &Parts, host: Option<&Authority>) -> Result<Ruling, Refusal> {
        let origin = self.origin(&head.headers, host);
        let path = head.uri.path();
        let preflight = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let guarded = preflight || LANES.contains(&path) || !head.method.is_safe();
        let allow_origin = match origin {
            Ok(allow_origin) => allow_origin,
            Err(refusal) if guarded => return Err(refusal),
            Err(_) => None, // a page or a reading: without the header, a foreign page cannot read it
        };
        if preflight {
            return Ok(Ruling::Preflight { allow_origin });
        }
        let changes = head.method == Method::PUT || head.method == Method::POST && path.starts_with(PUBLISH_PREFIX);
        let may_change = match self.publishing.check(&head.headers) {
            Ok(()) => MayChange(true),
            Err(refusal) if changes => return Err(refusal),
            Err(_) => MayChange(false), // a socket opens all the same and is refused when it publishes
        };
        Ok(Ruling::Pass {
            may_change,
            allow_origin,
        })
    }

    /// Whether the page behind the request is ours or named by the operator, and what its browser must be told.
    fn origin(&self, headers: &HeaderMap, host: Option<&Authority>) -> Result<Option<HeaderValue>, Refusal> {
        let value = match single(headers, &ORIGIN) {
            Single::One(value) => value,
            Single::Many => return Err(Refusal::OriginTwice),
            // Not a browser, or a browser's request within one origin; an image or a link of a foreign page says so.
            Single::None if headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site") => {
                return Err(Refusal::CrossSite);
            }
            Single::None => return Ok(None),
        };
        let origin: Origin = read(value).ok_or(Refusal::OriginMalformed)?; // "null" too: a sandbox or a file
        let across = Ok(Some(value.clone()));
        if let Some(host) = host.filter(|host| host.host == origin.host && is_web(&origin)) {
            if host.port.or_else(|| origin.usual_port()) == origin.port {
                return Ok(None); // the page and this request share host and port, whatever maps them onto ours
            }
            if origin
                .port
                .is_some_and(|port| self.ours.iter().any(|own| own.port == port))
            {
                return across;
            }
        }
        if self.allow_origins.contains(&origin) {
            across
        } else {
            Err(Refusal::OriginForeign(origin))
        }
    }
}

fn is_web(origin: &Origin) -> bool {
    matches!(&*origin.scheme, "http" | "https")
}

/// A header that may stand once.
enum Single<'a> {
    None,
    One(&'a HeaderValue),
    Many,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::None,
        (Some(value), None) => Single::One(value),
        (Some(_), Some(_)) => Single::Many,
    }
}

fn read<T: FromStr>(value: &HeaderValue) -> Option<T> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
