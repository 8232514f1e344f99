//! The headers on every answer: what our pages may run and load, and who may read us.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use hyper::{
    HeaderMap, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{
    Ours,
    authority::{Authority, Host, Scheme},
};

/// Everything of the policy but `connect-src`: nothing inline, nothing from elsewhere, nobody may frame us.
const FIXED_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'";

const FIXED: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Only where browsers obey it: elsewhere Chromium writes an error on every page's console.
const OPENER_POLICY: (HeaderName, HeaderValue) = (
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderValue::from_static("same-origin"),
);
/// Who may read how long a request took, and by which protocol (W3C Resource Timing, 4.5.1).
const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");
/// Why a host can stand in a header.
const WRITABLE: &str = "a host is made of letters, digits, dots, dashes and underscores";

/// How long a browser may remember our answer to a preflight, s.
const PREFLIGHT_MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");

/// How a page was asked for, as far as its own headers depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    /// The request's host, once it has passed.
    pub(super) host: Option<&'a Authority>,
    /// What a proxy says that the request came by.
    pub(super) scheme: Option<Scheme>,
    /// Whether it came to us over TLS.
    pub(super) secure: bool,
}

/// Puts the headers on an answer. `ours` are our listeners.
pub(super) fn dress(headers: &mut HeaderMap, page: Page<'_>, ours: &[Ours], allow_origin: Option<HeaderValue>) {
    for (name, value) in &FIXED {
        headers.insert(name, value.clone());
    }
    let trustworthy = page.secure || page.scheme == Some(Scheme::Https);
    if trustworthy || page.host.is_some_and(|host| host.host.is_loopback()) {
        let (name, value) = OPENER_POLICY;
        headers.insert(name, value);
    }
    headers.insert(CONTENT_SECURITY_POLICY, policy(page.host, page.scheme, ours));
    headers.append(VARY, ORIGIN.into()); // whether or not there was one: caches must ask again
    if let Some(origin) = allow_origin {
        headers.insert(TIMING_ALLOW_ORIGIN, origin.clone()); // the sse page tells by which HTTP an answer came
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// The answer to a preflight of an accepted origin: what its requests may be like.
pub(super) fn preflight() -> Response {
    let allow = [
        (
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PUT"),
        ),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, cache-control, content-type, last-event-id"),
        ),
        (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S),
    ];
    (StatusCode::NO_CONTENT, allow).into_response()
}

/// The policy, with the addresses that a page of this host may talk to. In some browsers `'self'` does not cover `ws:`.
fn policy(host: Option<&Authority>, scheme: Option<Scheme>, ours: &[Ours]) -> HeaderValue {
    let mut policy = String::with_capacity(FIXED_POLICY.len() + 64 * (ours.len() + 1));
    policy.push_str(FIXED_POLICY);
    // A source expression cannot hold an IPv6 address (CSP 3, host-part); there `'self'` must do.
    if let Some(Authority {
        host: host @ (Host::Name(_) | Host::Ip(std::net::IpAddr::V4(_))),
        port,
    }) = host
    {
        let mut allow =
            |sources: std::fmt::Arguments<'_>| policy.write_fmt(sources).expect("a String takes every text");
        if scheme == Some(Scheme::Https) {
            // The browser lets a page that came by TLS speak nothing else, so our own ports are of no use to it.
            let authority = Authority {
                host: host.clone(),
                port: *port,
            };
            allow(format_args!(" wss://{authority}"));
            return HeaderValue::try_from(policy).expect(WRITABLE);
        }
        for Ours { port, secure } in ours {
            let s = if *secure { "s" } else { "" };
            allow(format_args!(" http{s}://{host}:{port} ws{s}://{host}:{port}"));
        }
        // Behind a proxy or a mapped port, the address that the browser knows is none of ours.
        match port {
            Some(port) if ours.iter().any(|own| own.port == *port) => {}
            Some(port) => allow(format_args!(" ws://{host}:{port} wss://{host}:{port}")),
            None => allow(format_args!(" ws://{host} wss://{host}")),
        }
    }
    HeaderValue::try_from(policy).expect(WRITABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ports from 8443 on are secure.
    fn ours(ports: &[u16]) -> Vec<Ours> {
        let own = |port: &u16| Ours {
            port: *port,
            secure: *port >= 8443,
        };
        ports.iter().map(own).collect()
    }

    fn connect_src(host: &str, ports: &[u16]) -> String {
        connect_src_by(None, host, ports)
    }

    fn connect_src_by(scheme: Option<Scheme>, host: &str, ports: &[u16]) -> String {
        let policy = policy(Some(&host.parse().expect(host)), scheme, &ours(ports));
        let text = policy.to_str().expect("ASCII");
        text.split_once("connect-src ")
            .expect("the last directive")
            .1
            .to_owned()
    }

    #[test]
    fn a_page_may_talk_to_every_port_of_ours_under_the_name_it_used() {
        assert_eq!(
            connect_src("LOCALHOST:8080", &[8080, 8081]),
            "'self' http://localhost:8080 ws://localhost:8080 http://localhost:8081 ws://localhost:8081"
        );
        assert_eq!(
            connect_src("10.0.0.7:8080", &[8080]),
            "'self' http://10.0.0.7:8080 ws://10.0.0.7:8080"
        );
        assert_eq!(connect_src("[::1]:8080", &[8080]), "'self'");
        assert_eq!(
            connect_src("localhost:8443", &[8080, 8443]),
            "'self' http://localhost:8080 ws://localhost:8080 https://localhost:8443 wss://localhost:8443"
        );
    }

    #[test]
    fn a_page_behind_a_proxy_or_a_mapped_port_reaches_its_own_address() {
        assert!(connect_src("feed.example.org", &[8080]).ends_with(" ws://feed.example.org wss://feed.example.org"));
        assert!(connect_src("localhost:9000", &[8080]).ends_with(" ws://localhost:9000 wss://localhost:9000"));
    }

    #[test]
    fn a_page_that_came_by_tls_speaks_tls_to_where_it_came_from_and_nothing_else() {
        let by = |scheme, host| connect_src_by(Some(scheme), host, &[8080]);
        assert_eq!(by(Scheme::Https, "feed.example.org"), "'self' wss://feed.example.org");
        assert_eq!(by(Scheme::Https, "localhost:8080"), "'self' wss://localhost:8080");
        assert_eq!(by(Scheme::Https, "[::1]"), "'self'");
        // What a proxy calls http may have been https before it.
        assert_eq!(
            by(Scheme::Http, "feed.example.org"),
            connect_src("feed.example.org", &[8080])
        );
    }

    #[test]
    fn a_page_that_a_browser_trusts_is_alone_in_its_window() {
        let (lab, local): (Authority, Authority) = (
            "lab.example.org".parse().expect("a host"),
            "localhost".parse().expect("a host"),
        );
        for (host, scheme, secure, expected) in [
            (&lab, None, false, false),
            (&lab, Some(Scheme::Http), false, false),
            (&lab, Some(Scheme::Https), false, true),
            (&lab, None, true, true),
            (&local, None, false, true),
        ] {
            let mut headers = HeaderMap::new();
            let page = Page {
                host: Some(host),
                scheme,
                secure,
            };
            dress(&mut headers, page, &[], None);
            assert_eq!(headers.contains_key(&OPENER_POLICY.0), expected, "{page:?}");
        }
    }

    #[test]
    fn without_a_host_a_page_may_talk_to_its_own_address() {
        assert!(
            policy(None, None, &ours(&[8080]))
                .to_str()
                .expect("ASCII")
                .ends_with("connect-src 'self'")
        );
    }
}
