//! Who may: every request is judged here before any handler sees it.
//!
//! 1. **Host** must be one that nobody can point at this machine by DNS (`localhost`, an IP literal) or one that the
//!    operator named. Otherwise a page of any site could rebind its own name to us and read us as its own origin.
//! 2. **Origin**, on every lane and every method that changes something: our own page, or one that the operator named.
//!    WebSockets and simple POSTs know no same-origin policy of their own.
//! 3. **Token**: off loopback, or behind a proxy, whoever changes what others see (publishes, sets something) needs the operator's token.
//!
//! Behind a trusted proxy the visitor's address, host and scheme are those that it vouches for ([`forwarded`]). The host
//! that it names is judged *beside* the request's own: a forged header can only make the rules stricter. Each visitor
//! holds as many requests and streams as one address may hold connections; a proxy's connections carry many.
//!
//! What passes is answered with the headers that keep our pages from running or loading what is not ours, and with
//! those by which a page on one of our ports may read another. What does not pass is counted and told why.
//!
//! The rules are plain functions over the request's head ([`Rules::weigh`]); [`judge`] is the middleware around them.
//! The internal listener is not judged: it has no pages, and those who scrape it use whatever name they have for it.

mod authority;
mod forwarded;
mod headers;
mod proxies;
mod publishing;
mod refusal;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::{Arc, Once},
};

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
use wirelab_transport::admission::{Admission, Carried};

pub(crate) use self::{
    authority::Authority,
    forwarded::Visit,
    proxies::Proxies,
    publishing::{Publishing, only_local},
};
use self::{
    authority::Scheme,
    refusal::{Refusal, RefusalLabels},
};
pub use self::{
    authority::{AuthorityError, Host, Origin},
    proxies::{Network, NetworkError},
};
use crate::{config::Config, entrance::Way, http::Peer};

/// The paths on which messages travel. A foreign page may not open them, whatever the method.
const LANES: [&str; 4] = ["/events", "/signal", "/ws", "/ws/echo"];

/// What is read there lets its reader use the relay at our expense, so a foreign page may not ask for it at all.
const CREDENTIALS: &str = "/api/ice-servers";

/// Below it, `POST` publishes.
const PUBLISH_PREFIX: &str = "/api/topics/";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Judges one request, and dresses its answer (for `axum::middleware::from_fn_with_state`, outermost).
pub(crate) async fn judge(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let peer = head.extensions.get::<Peer>().copied().unwrap_or(NOBODY);
    let asked = rules.asked(peer, &head);
    let ruling = asked.as_ref().map_err(Refusal::clone).and_then(|asked| {
        let ruling = rules.weigh(&head, asked)?;
        Ok((asked.visit.clone(), ruling, rules.place(&asked.visit)?))
    });
    let (mut answer, allow_origin) = match ruling {
        Ok((_, Ruling::Preflight { allow_origin }, _)) => (headers::preflight(), allow_origin),
        Ok((
            visit,
            Ruling::Pass {
                may_change,
                allow_origin,
            },
            place,
        )) => {
            head.extensions.insert(may_change);
            head.extensions.insert(visit);
            let mut answer = next.run(Request::from_parts(head, body)).await;
            if let Some(carried) = place {
                answer.extensions_mut().insert(carried);
            }
            (answer, allow_origin)
        }
        Err(refusal) => {
            let visitor = asked.as_ref().map_or(peer.address.ip(), |asked| asked.visit.address);
            tracing::debug!(reason = refusal.reason(), %visitor, method = %head.method, path = head.uri.path(), %refusal, "refused");
            rules
                .refused
                .get_or_create(&RefusalLabels {
                    reason: refusal.reason(),
                })
                .inc();
            (refusal.into_response(), None)
        }
    };
    let page = headers::Page {
        host: asked.as_ref().ok().and_then(|asked| asked.host.as_ref()),
        scheme: asked.as_ref().ok().and_then(|asked| asked.visit.scheme),
        secure: peer.secure,
    };
    headers::dress(answer.headers_mut(), page, &rules.ours, allow_origin);
    answer
}

/// Where a request comes from that came over no connection of ours.
const NOBODY: Peer = Peer {
    address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    fronted: true,
    secure: false,
};

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
    proxies: Proxies,
    /// Where a visitor whom a proxy carries has a place.
    admission: Arc<Admission>,
    stranger: Once,
    refused: Family<RefusalLabels, Counter>,
}

/// Who asks, for which host.
#[derive(Debug)]
struct Asked {
    visit: Visit,
    host: Option<Authority>,
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
    pub(crate) fn new(config: &Config, ways: &[Way], admission: Arc<Admission>) -> Self {
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
            proxies: Proxies::new(&config.trust_proxies),
            admission,
            stranger: Once::new(),
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

    /// Who is asking for what. A host that a proxy names must pass as the request's own must.
    fn asked(&self, peer: Peer, head: &Parts) -> Result<Asked, Refusal> {
        let visit = self.visit(peer, &head.headers)?;
        let named = self.host(head)?;
        let host = match &visit.host {
            Some(forwarded) => Some(self.known(forwarded.clone())?),
            None => named,
        };
        Ok(Asked { visit, host })
    }

    fn visit(&self, peer: Peer, headers: &HeaderMap) -> Result<Visit, Refusal> {
        if peer.fronted {
            return Ok(Visit::unknown(peer.address.ip()));
        }
        let visit = Visit::of(peer.address.ip(), headers, &self.proxies)?;
        if !visit.carried && is_near(visit.address) && forwarded::claims_a_proxy(headers) {
            self.stranger.call_once(|| {
                tracing::warn!(
                    from = %visit.address,
                    "a request says that a proxy carries it, but the proxy is not trusted: its visitors are taken for the \
                     proxy itself, and on loopback all of them may publish. If it is yours, start the server with \
                     --trust-proxy {}",
                    visit.address
                );
            });
        }
        Ok(visit)
    }

    /// The place of a visitor whom a proxy carries; whoever comes without one has a place by the connection.
    fn place(&self, visit: &Visit) -> Result<Option<Arc<Carried>>, Refusal> {
        if !visit.carried {
            return Ok(None);
        }
        let counted = visit.known.then_some(visit.address);
        let place = counted.map(|address| self.admission.admit_carried(address)).transpose();
        Ok(Some(Arc::new(Carried {
            visitor: visit.address,
            place: place.map_err(|_| Refusal::AddressFull)?,
        })))
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
            (Some(host), _) | (None, Some(host)) => self.known(host).map(Some),
            // No browser speaks HTTP/1.0, so there is nothing to rebind.
            (None, None) if head.version < Version::HTTP_11 => Ok(None),
            (None, None) => Err(Refusal::HostMissing),
        }
    }

    fn known(&self, host: Authority) -> Result<Authority, Refusal> {
        if host.host.is_rebinding_proof() || self.allow_hosts.contains(&host.host) {
            Ok(host)
        } else {
            Err(Refusal::HostUnknown(host.host))
        }
    }

    fn weigh(&self, head: &Parts, asked: &Asked) -> Result<Ruling, Refusal> {
        let origin = self.origin(&head.headers, asked);
        let path = head.uri.path();
        let preflight = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let guarded = preflight || LANES.contains(&path) || path == CREDENTIALS || !head.method.is_safe();
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
    fn origin(&self, headers: &HeaderMap, asked: &Asked) -> Result<Option<HeaderValue>, Refusal> {
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
        let host = asked.host.as_ref();
        if let Some(host) = host.filter(|host| host.host == origin.host && is_web(&origin)) {
            // Where TLS leads to us, a page that came without may be anybody's who sits on the wire. The other way round
            // is no danger: a proxy that says http may stand behind one that ended TLS.
            let downgraded = asked.visit.scheme == Some(Scheme::Https) && &*origin.scheme == "http";
            if !downgraded && host.port.or_else(|| origin.usual_port()) == origin.port {
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

/// An address at which a proxy of one's own would be.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
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
