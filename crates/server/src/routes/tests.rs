//! Info, health, metrics and pages through the whole router, without a socket.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
};
use hyper::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;
use wirelab_model::Transport;
use wirelab_transport::{clock::Clock, counters::Counters, feed::Feed, sse, webrtc, websocket};

use crate::{
    VERSION,
    app::App,
    config::{Config, Secret},
    entrance::Way,
    guard::{MayChange, Rules},
};

fn way(text: &str) -> Way {
    Way {
        path: "direct",
        secure: false,
        address: text.parse().expect("an address"),
    }
}

struct Fixture {
    app: App,
    public: Router,
}

impl Fixture {
    fn new(config: Config, listeners: &[&str]) -> Self {
        let ways: Arc<[Way]> = listeners.iter().map(|text| way(text)).collect();
        let mut registry = Registry::with_prefix("wirelab");
        let (lanes, rules) = (Counters::register(&mut registry), Rules::new(&config, &ways));
        rules.register(&mut registry);
        let (feed, tasks) = (Feed::new(Clock::start(), config.feed), TaskTracker::new());
        let sse = crate::sse_settings(&config);
        let websocket = crate::websocket_settings(&config);
        let webrtc = webrtc::Room::start(
            feed.clone(),
            crate::webrtc_settings(&config),
            (lanes.lane(Transport::DataChannel), webrtc::PortCounters::default()),
            vec![crate::bind_udp("127.0.0.1:0".parse().expect("an address")).expect("a port")],
            Vec::new(),
            tasks.clone(),
        )
        .expect("the socket is good");
        let rooms = crate::hub::Limits {
            rooms: 1,
            peers_per_room: 1,
        };
        let app = App {
            signalling: crate::hub::Signalling::new(rooms, crate::hub::Counters::default()),
            webrtc,
            fronted: false,
            config: Arc::new(config),
            ways,
            sse: sse::Room::start(feed.clone(), sse, lanes.lane(Transport::Sse), tasks.clone()),
            websocket: websocket::Room::start(feed.clone(), websocket, lanes.lane(Transport::WebSocket), tasks),
            feed,
            registry: Arc::new(registry),
            started: Instant::now(),
            drain: CancellationToken::new(),
        };
        Self {
            public: app.router(Router::new(), Arc::new(rules)),
            app,
        }
    }

    fn loopback() -> Self {
        Self::new(Config::default(), &["127.0.0.1:8080"])
    }

    async fn get(&self, path: &str) -> Answer {
        get(&self.public, path).await
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}

async fn get(router: &Router, path: &str) -> Answer {
    let request = Request::get(path)
        .header("host", "localhost:8080")
        .body(Body::empty())
        .expect("a request");
    let (head, body) = router.clone().oneshot(request).await.expect("an answer").into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(bytes.into()).expect("text"),
    }
}

#[tokio::test]
async fn info_says_where_what_and_how_much() {
    let info = Fixture::new(Config::default(), &["127.0.0.1:8080", "[::1]:8081"])
        .get("/api/info")
        .await
        .json();
    assert_eq!((&info["name"], &info["version"]), (&json!("wirelab"), &json!(VERSION)));
    assert_eq!(
        info["listeners"],
        json!([
            {"scheme": "http", "address": "127.0.0.1:8080", "url": "http://localhost:8080", "path": "direct"},
            {"scheme": "http", "address": "[::1]:8081", "url": "http://localhost:8081", "path": "direct"},
        ])
    );
    assert_eq!(
        info["lanes"],
        json!([
            {"id": "sse", "path": "/events", "heartbeat_ms": 15000},
            {"id": "websocket", "path": "/ws", "heartbeat_ms": 25000},
            {"id": "datachannel", "path": "/signal", "heartbeat_ms": 2000},
        ])
    );
    let ids: Vec<_> = Transport::ALL.iter().map(|transport| json!(transport.id())).collect();
    let transports = info["transports"].as_array().expect("a list");
    assert_eq!(
        transports.iter().map(|facts| facts["id"].clone()).collect::<Vec<_>>(),
        ids
    );
    assert!(info["decision"].as_array().is_some_and(|rows| !rows.is_empty()));
    for (limit, value) in [
        ("topics_per_connection", 16),
        ("publish_bytes", 49_152),
        ("websocket_message_bytes", 65_536),
        ("echo_message_bytes", 16_777_216),
        ("connections", 18_000),
        ("connections_per_address", 256),
    ] {
        assert_eq!(info["limits"][limit], value, "{limit}");
    }
}

#[tokio::test]
async fn info_says_who_may_publish_and_never_the_token() {
    let token = || Config {
        admin_token: Some(Secret::new("s3cret".into())),
        ..Config::default()
    };
    for (config, bind, word) in [
        (Config::default(), "127.0.0.1:8080", "open"),
        (token(), "127.0.0.1:8080", "open"),
        (token(), "0.0.0.0:8080", "token"),
        (Config::default(), "0.0.0.0:8080", "closed"),
    ] {
        let info = Fixture::new(config, &[bind]).get("/api/info").await;
        assert_eq!(info.json()["publish"], word, "{bind}");
        assert!(!info.text.contains("s3cret"));
    }
}

#[tokio::test]
async fn readiness_falls_when_the_server_goes_and_life_does_not() {
    let fixture = Fixture::loopback();
    let ready = fixture.get("/health/ready").await;
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (StatusCode::OK, &json!("ready"))
    );
    assert!(ready.json()["degraded"].is_array());

    fixture.app.drain.cancel();
    let going = fixture.get("/health/ready").await;
    assert_eq!(
        (going.status, &going.json()["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable"))
    );
    assert_eq!(going.headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(fixture.get("/health/live").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_public_on_loopback_only() {
    let local = Fixture::loopback().get("/metrics").await;
    assert_eq!(local.status, StatusCode::OK);
    assert_eq!(
        local.headers[CONTENT_TYPE],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(
        local.text.contains("wirelab_refused_total{reason=\"host\"} 0\n") && local.text.ends_with("# EOF\n"),
        "{}",
        local.text
    );

    // One listener off loopback closes all of them: a proxy may reach either.
    let open = Fixture::new(Config::default(), &["127.0.0.1:8080", "0.0.0.0:8081"]);
    let refused = open.get("/metrics").await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(
        refused.json()["detail"]
            .as_str()
            .is_some_and(|text| text.contains("--internal"))
    );
    assert_eq!(
        get(&open.app.internal_router(), "/metrics").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_first_page_is_there_and_what_is_not_says_so() {
    let fixture = Fixture::loopback();
    let index = fixture.get("/").await;
    assert_eq!(
        (index.status, &index.headers[CONTENT_TYPE]),
        (StatusCode::OK, &"text/html; charset=utf-8".parse().expect("ASCII"))
    );
    assert_eq!(index.text, fixture.get("/index.html").await.text);
    for path in [
        "/nowhere",
        "/package.json",
        "/test/browser/pages.test.js",
        "/%2e%2e/Cargo.toml",
    ] {
        let missing = fixture.get(path).await;
        assert_eq!(
            (missing.status, &missing.json()["code"]),
            (StatusCode::NOT_FOUND, &json!("not_found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_entrance_has_its_own_paths_beside_ours_and_they_are_judged_as_ours_are() {
    let Fixture { app, .. } = Fixture::loopback();
    let beside = Router::new().route(
        "/api/beside",
        axum::routing::put(|Extension(MayChange(may)): Extension<MayChange>| async move { may.to_string() }),
    );
    let ask = async |listener: &str, host: &str| {
        let rules = Rules::new(&Config::default(), &[way(listener)]);
        let request = Request::put("/api/beside").header("host", host).body(Body::empty());
        let router = app.router(beside.clone(), Arc::new(rules));
        let answer = router.oneshot(request.expect("a request")).await.expect("an answer");
        answer.status()
    };
    assert_eq!(ask("127.0.0.1:8080", "localhost:8080").await, StatusCode::OK);
    assert_eq!(
        ask("127.0.0.1:8080", "evil.example").await,
        StatusCode::MISDIRECTED_REQUEST
    );
    let closed = ask("0.0.0.0:8080", "localhost:8080").await;
    assert_eq!(closed, StatusCode::FORBIDDEN, "off loopback it needs the token");
}
