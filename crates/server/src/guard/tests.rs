//! The rules as tables, and the middleware around an ordinary router.

use axum::{Extension, Router, body::Body, middleware::from_fn_with_state, routing::any};
use hyper::{StatusCode, header::VARY};
use tower::ServiceExt as _;

mod answers;
mod carried;

use super::*;
use crate::config::{Secret, Visitors};

/// A request and what comes of it: status, `Access-Control-Allow-Origin`, may publish.
struct Case<'a> {
    method: &'a str,
    target: &'a str,
    version: Version,
    headers: &'a [(&'a str, &'a str)],
}

const LOOPBACK: &str = "127.0.0.1:8080";
const EVERYWHERE: &str = "0.0.0.0:8080";

fn get<'a>(target: &'a str, headers: &'a [(&'a str, &'a str)]) -> Case<'a> {
    Case {
        method: "GET",
        target,
        version: Version::HTTP_11,
        headers,
    }
}

fn post<'a>(target: &'a str, headers: &'a [(&'a str, &'a str)]) -> Case<'a> {
    Case {
        method: "POST",
        ..get(target, headers)
    }
}

fn rules(bind: &str, token: Option<&str>) -> Arc<Rules> {
    let config = Config {
        allow_hosts: vec!["Feed.example.org".parse().expect("a host")],
        allow_origins: vec![
            "https://app.example.org".parse().expect("an origin"),
            "app://shell".parse().expect("one"),
        ],
        admin_token: token.map(|text| Secret::new(text.into())),
        trust_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        visitors: if bind == LOOPBACK {
            Visitors::Local
        } else {
            Visitors::ByAddress
        },
        ..Config::default()
    };
    let ip = bind.parse::<SocketAddr>().expect("an address").ip();
    let ways = [(8080, false), (8081, false), (8443, true)].map(|(port, secure)| Way {
        path: "direct",
        secure,
        address: (ip, port).into(),
    });
    Arc::new(Rules::new(&config, &ways, Admission::new(10, 2)))
}

async fn ask(rules: &Arc<Rules>, case: &Case<'_>) -> Response {
    ask_from("192.0.2.1", rules, case).await
}

async fn ask_from(peer: &str, rules: &Arc<Rules>, case: &Case<'_>) -> Response {
    let app = Router::new()
        .route(
            "/{*path}",
            any(|Extension(MayChange(may)): Extension<MayChange>| async move { may.to_string() }),
        )
        .route("/", any(|| async {}))
        .layer(from_fn_with_state(Arc::clone(rules), judge));
    let mut request = Request::builder()
        .method(case.method)
        .uri(case.target)
        .version(case.version)
        .extension(Peer {
            address: SocketAddr::new(peer.parse().expect("an address"), 4711),
            fronted: false,
            secure: false,
        });
    for (name, value) in case.headers {
        request = request.header(*name, *value);
    }
    app.oneshot(request.body(Body::empty()).expect("a request"))
        .await
        .expect("an answer")
}

async fn status(rules: &Arc<Rules>, case: &Case<'_>) -> u16 {
    ask(rules, case).await.status().as_u16()
}

#[tokio::test]
async fn a_host_is_localhost_an_address_or_named() {
    let rules = rules(LOOPBACK, None);
    for (host, expected) in [
        ("localhost", 200),
        ("localhost:8080", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1:8080", 200),
        ("192.168.1.7", 200),
        ("[::1]:8080", 200),
        ("[2001:DB8::1]", 200),
        ("feed.example.org", 200),
        ("FEED.example.ORG:443", 200),
        ("evil.com", 421),
        ("evil.com:8080", 421),
        ("localhost.evil", 421),
        ("localhost.", 421),
        ("x.localhost", 421),
        ("127.0.0.1.evil.com", 421),
        ("127.0.0.1.", 421),
        ("feed.example.org.evil.com", 421),
        ("xfeed.example.org", 421),
        ("feed.example.org.", 421),
        ("2130706433", 421),
        ("0177.0.0.1", 421),
        ("0x7f000001", 421),
        ("127.1", 421),
        ("", 400),
        (" ", 400),
        ("local host", 400),
        ("localhost evil.com", 400),
        ("localhost,evil.com", 400),
        ("user@localhost", 400),
        ("localhost:8080@evil.com", 400),
        ("localhost:80@evil.com:80", 400),
        ("localhost:port", 400),
        ("localhost:99999", 400),
        ("localhost/", 400),
        ("http://localhost", 400),
        ("[::1", 400),
        ("::1", 400),
        ("[fe80::1%25lo]", 400),
        ("l\u{f6}calhost", 400),
    ] {
        for target in ["/", "/events", "/api/info"] {
            assert_eq!(
                status(&rules, &get(target, &[("host", host)])).await,
                expected,
                "{host:?} {target}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let rules = rules(LOOPBACK, None);
    assert_eq!(status(&rules, &get("/", &[])).await, 400);
    assert_eq!(
        status(&rules, &get("/", &[("host", "localhost"), ("host", "localhost")])).await,
        400
    );
    assert_eq!(
        status(&rules, &get("/", &[("host", "localhost"), ("host", "evil.com")])).await,
        400
    );
    // An absolute target, as a proxy would send it.
    assert_eq!(
        status(&rules, &get("http://localhost:8080/", &[("host", "localhost:8080")])).await,
        200
    );
    assert_eq!(
        status(&rules, &get("http://localhost:8080/", &[("host", "127.0.0.1:8080")])).await,
        400
    );
    assert_eq!(
        status(&rules, &get("http://evil.com/", &[("host", "localhost")])).await,
        400
    );
    assert_eq!(
        status(&rules, &get("http://evil.com/", &[("host", "evil.com")])).await,
        421
    );
    // HTTP/1.0 may leave it out, and must still be right where it is there.
    let old = |headers| Case {
        version: Version::HTTP_10,
        ..get("/events", headers)
    };
    assert_eq!(status(&rules, &old(&[])).await, 200);
    assert_eq!(status(&rules, &old(&[("host", "evil.com")])).await, 421);
    assert_eq!(status(&rules, &old(&[("origin", "http://localhost:8080")])).await, 403);
}

#[tokio::test]
async fn http_2_names_its_host_in_the_target() {
    let rules = rules(LOOPBACK, None);
    let h2 = |target, headers| Case {
        version: Version::HTTP_2,
        ..get(target, headers)
    };
    assert_eq!(status(&rules, &h2("http://localhost:8080/events", &[])).await, 200);
    assert_eq!(status(&rules, &h2("http://evil.com/events", &[])).await, 421);
    assert_eq!(status(&rules, &h2("http://user@localhost/events", &[])).await, 400);
    assert_eq!(
        status(&rules, &h2("http://localhost/events", &[("host", "evil.com")])).await,
        400
    );
    assert_eq!(status(&rules, &h2("/events", &[])).await, 400);
    assert_eq!(
        status(
            &rules,
            &h2("http://localhost:8081/ws", &[("origin", "http://localhost:8080")])
        )
        .await,
        200
    );
    assert_eq!(
        status(
            &rules,
            &h2("http://localhost:8081/ws", &[("origin", "http://evil.com")])
        )
        .await,
        403
    );
}

#[tokio::test]
async fn a_lane_takes_our_own_pages_and_named_ones() {
    let rules = rules(LOOPBACK, None);
    // Host, Origin, what Access-Control-Allow-Origin says; None: refused.
    let same = Some("");
    for (host, origin, allowed) in [
        ("localhost:8080", "http://localhost:8080", same),
        ("LocalHost:8080", "http://lOcAlHoSt:8080", same),
        ("[::1]:8080", "http://[0:0::1]:8080", same),
        ("localhost:8081", "http://localhost:8080", Some("http://localhost:8080")),
        (
            "localhost:8080",
            "https://localhost:8081",
            Some("https://localhost:8081"),
        ),
        ("localhost:8443", "http://localhost:8080", Some("http://localhost:8080")),
        ("localhost:9000", "http://localhost:9000", same), // a mapped port
        ("feed.example.org", "https://feed.example.org", same), // behind a proxy that keeps the name
        ("feed.example.org:443", "https://feed.example.org", same),
        ("feed.example.org", "https://feed.example.org:443", same),
        (
            "localhost:8080",
            "https://app.example.org",
            Some("https://app.example.org"),
        ),
        (
            "localhost:8080",
            "https://APP.example.org:443",
            Some("https://APP.example.org:443"),
        ),
        ("localhost:8080", "app://shell", Some("app://shell")),
        ("localhost:8080", "http://localhost", None),
        ("localhost:8080", "http://localhost:3000", None),
        ("localhost:8443", "https://localhost:8444", None),
        ("localhost:8080", "http://127.0.0.1:8080", None),
        ("localhost:8080", "ftp://localhost:8080", None),
        ("localhost:8080", "http://app.example.org", None),
        ("localhost:8080", "https://app.example.org:444", None),
        ("localhost:8080", "https://app.example.org.evil.com", None),
        ("localhost:8080", "http://evil.com", None),
        ("localhost:8080", "http://localhost:8080.evil.com", None),
        ("localhost:8080", "http://localhost:8080@evil.com", None),
        ("localhost:8080", "http://user@localhost:8080", None),
        ("localhost:8080", "http://localhost:8080/", None),
        ("localhost:8080", "http://localhost:8080 http://evil.com", None),
        ("localhost:8080", "localhost:8080", None),
        ("localhost:8080", "null", None),
        ("localhost:8080", "NULL", None),
        ("localhost:8080", "", None),
    ] {
        let headers = [("host", host), ("origin", origin)];
        for case in [
            get("/events", &headers),
            get("/ws", &headers),
            get("/ws/echo", &headers),
            get("/api/ice-servers", &headers),
            post("/api/topics/a", &headers),
        ] {
            let answer = ask(&rules, &case).await;
            let expected = if allowed.is_some() { 200 } else { 403 };
            assert_eq!(answer.status().as_u16(), expected, "{host} {origin} {}", case.target);
            let said = answer
                .headers()
                .get("access-control-allow-origin")
                .map_or("", |value| value.to_str().expect("ASCII"));
            assert_eq!(said, allowed.unwrap_or(""), "{host} {origin} {}", case.target);
            assert_eq!(answer.headers()[VARY], "origin");
        }
        // What only reads is open to look at; without the header a foreign page cannot.
        assert_eq!(
            status(&rules, &get("/api/info", &headers)).await,
            200,
            "{host} {origin}"
        );
    }
}

#[tokio::test]
async fn without_an_origin_only_another_sites_page_is_refused() {
    let rules = rules(LOOPBACK, None);
    for (site, expected) in [
        ("same-origin", 200),
        ("same-site", 200),
        ("none", 200),
        ("cross-site", 403),
    ] {
        let headers = [("host", "localhost"), ("sec-fetch-site", site)];
        assert_eq!(status(&rules, &get("/events", &headers)).await, expected, "{site}");
        assert_eq!(
            status(&rules, &post("/api/topics/a", &headers)).await,
            expected,
            "{site}"
        );
        assert_eq!(status(&rules, &get("/", &headers)).await, 200, "a link to the pages");
    }
    assert_eq!(status(&rules, &get("/ws", &[("host", "localhost")])).await, 200);
    let twice = [
        ("host", "localhost:8080"),
        ("origin", "http://localhost:8080"),
        ("origin", "http://localhost:8080"),
    ];
    assert_eq!(status(&rules, &get("/ws", &twice)).await, 403);
}

#[tokio::test]
async fn a_preflight_is_answered_for_accepted_origins_only() {
    let rules = rules(EVERYWHERE, Some("secret"));
    let ask_first = |origin| {
        [
            ("host", "localhost:8081"),
            ("origin", origin),
            ("access-control-request-method", "POST"),
        ]
    };
    let headers = ask_first("http://localhost:8080");
    let answer = ask(
        &rules,
        &Case {
            method: "OPTIONS",
            ..get("/api/topics/a", &headers)
        },
    )
    .await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://localhost:8080");
    assert_eq!(answer.headers()["access-control-allow-methods"], "GET, HEAD, POST, PUT");
    let headers = ask_first("http://evil.com");
    let answer = ask(
        &rules,
        &Case {
            method: "OPTIONS",
            ..get("/api/info", &headers)
        },
    )
    .await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn without_the_token_a_post_is_refused_and_a_socket_may_not_publish() {
    let rules = rules(EVERYWHERE, Some("s3cret"));
    for (authorization, expected) in [("Bearer s3cret", 200), ("Bearer other", 401)] {
        let headers = [("host", "10.0.0.1:8080"), ("authorization", authorization)];
        let answer = ask(&rules, &post("/api/topics/room.1", &headers)).await;
        assert_eq!(answer.status(), expected, "{authorization}");
        assert_eq!(answer.headers().contains_key("www-authenticate"), expected == 401);

        let answer = ask(&rules, &get("/ws", &headers)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let body = axum::body::to_bytes(answer.into_body(), 16).await.expect("a body");
        assert_eq!(body, (expected == 200).to_string(), "{authorization}");
    }
}
