//! Behind a proxy: the visitor's host, origin and allowance, and never the proxy's.

use wirelab_transport::admission::Carried;

use super::*;

const PROXY: &str = "10.0.0.1";
const VISITOR: &str = "x-forwarded-for";

async fn carried(rules: &Arc<Rules>, headers: &[(&str, &str)]) -> Response {
    ask_from(PROXY, rules, &get("/ws", headers)).await
}

fn policy(answer: &Response) -> &str {
    answer.headers()["content-security-policy"].to_str().expect("ASCII")
}

#[tokio::test]
async fn the_host_that_a_proxy_names_is_judged_beside_the_requests_own() {
    let rules = rules(EVERYWHERE, None);
    for (host, forwarded, expected) in [
        ("10.0.0.9:8080", "feed.example.org", 200),
        ("feed.example.org", "feed.example.org", 200),
        ("10.0.0.9:8080", "evil.com", 421),
        // A page that rebound its own name to us may set headers: they cannot hide the name.
        ("evil.com", "feed.example.org", 421),
        ("evil.com:8080", "localhost", 421),
        ("10.0.0.9:8080", "a b", 400),
    ] {
        let headers = [("host", host), ("x-forwarded-host", forwarded)];
        assert_eq!(carried(&rules, &headers).await.status(), expected, "{host} {forwarded}");
        let straight = ask(&rules, &get("/ws", &headers)).await.status();
        let own = if host.starts_with("evil") { 421 } else { 200 };
        assert_eq!(straight, own, "{host}: nobody else's word counts");
    }
}

#[tokio::test]
async fn a_page_behind_a_proxy_has_the_origin_that_its_browser_knows() {
    let rules = rules(EVERYWHERE, None);
    // Host, X-Forwarded-Host, X-Forwarded-Proto, Origin
    for (host, forwarded, proto, origin, expected) in [
        ("feed.example.org", None, "https", "https://feed.example.org", 200),
        ("feed.example.org", None, "https", "http://feed.example.org", 403), // a page on the wire
        ("feed.example.org", None, "http", "http://feed.example.org", 200),
        ("feed.example.org", None, "http", "https://feed.example.org", 200), // TLS ended one proxy earlier
        (
            "10.0.0.9:8080",
            Some("feed.example.org"),
            "https",
            "https://feed.example.org",
            200,
        ),
        (
            "10.0.0.9:8080",
            Some("feed.example.org:9443"),
            "https",
            "https://feed.example.org:9443",
            200,
        ),
        (
            "10.0.0.9:8080",
            Some("feed.example.org"),
            "https",
            "https://feed.example.org:9443",
            403,
        ),
        (
            "10.0.0.9:8080",
            Some("feed.example.org"),
            "https",
            "http://10.0.0.9:8080",
            403,
        ),
        (
            "10.0.0.9:8080",
            Some("feed.example.org"),
            "https",
            "https://evil.com",
            403,
        ),
        ("10.0.0.9:8080", None, "https", "https://feed.example.org", 403), // the proxy must say the name
    ] {
        let mut headers = vec![("host", host), ("x-forwarded-proto", proto), ("origin", origin)];
        headers.extend(forwarded.map(|host| ("x-forwarded-host", host)));
        assert_eq!(carried(&rules, &headers).await.status(), expected, "{headers:?}");
    }
    let https = [("host", "feed.example.org"), ("x-forwarded-proto", "https")];
    let answer = carried(&rules, &https).await;
    assert!(
        policy(&answer).ends_with("connect-src 'self' wss://feed.example.org"),
        "{}",
        policy(&answer)
    );
    let straight = ask(&rules, &get("/", &https)).await;
    assert!(
        policy(&straight).contains(" ws://feed.example.org "),
        "{}",
        policy(&straight)
    );
}

#[tokio::test]
async fn each_visitor_has_an_allowance_and_the_proxy_none() {
    let rules = rules(EVERYWHERE, None); // two for each address
    let ask_for = async |visitor: &'static str| {
        let headers = [("host", "feed.example.org"), (VISITOR, visitor)];
        carried(&rules, &headers).await
    };
    let held = [ask_for("192.0.2.7").await, ask_for("6.6.6.6, 192.0.2.7").await];
    for answer in &held {
        assert_eq!(answer.status(), StatusCode::OK);
        let carried = answer
            .extensions()
            .get::<Arc<Carried>>()
            .expect("it travels with the answer");
        assert_eq!(carried.visitor.to_string(), "192.0.2.7");
        assert!(carried.place.is_some());
    }
    let refused = ask_for("6.6.6.6, 192.0.2.7").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "10");
    let others = [
        ask_for("192.0.2.8").await,
        ask_for("unknown").await,
        ask_for("unknown").await,
        ask_for("unknown").await,
    ];
    assert!(
        others.iter().all(|answer| answer.status() == StatusCode::OK),
        "nobody else is full"
    );
    drop(held);
    assert_eq!(
        ask_for("192.0.2.7").await.status(),
        StatusCode::OK,
        "the places came back"
    );
}

#[tokio::test]
async fn headers_that_contradict_each_other_are_refused_and_counted() {
    let rules = rules(EVERYWHERE, None);
    let mut registry = Registry::with_prefix("wirelab");
    rules.register(&mut registry);
    let headers = [
        ("host", "localhost"),
        (VISITOR, "192.0.2.7"),
        ("forwarded", "for=6.6.6.6"),
    ];
    assert_eq!(carried(&rules, &headers).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        ask(&rules, &get("/ws", &headers)).await.status(),
        StatusCode::OK,
        "unread where nobody is trusted"
    );
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("text");
    assert!(text.contains("wirelab_refused_total{reason=\"forwarded\"} 1"), "{text}");
}

#[tokio::test]
async fn at_a_fronted_entrance_nobody_is_believed_or_counted() {
    let rules = rules(EVERYWHERE, None);
    let peer = Peer {
        address: "10.0.0.1:1".parse().expect("an address"),
        fronted: true,
        secure: false,
    };
    let headers = HeaderMap::from_iter([(HeaderName::from_static(VISITOR), HeaderValue::from_static("6.6.6.6"))]);
    let visit = rules.visit(peer, &headers).expect("nothing is read");
    assert_eq!((visit.counted(), visit.carried), (None, false));
}
