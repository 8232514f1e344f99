//! Info, health, metrics and pages through the whole router, without a socket.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
};
use hyper::{
    HeaderMap, Request, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;
use wirelab_model::Transport;
use wirelab_transport::{admission::Admission, clock::Clock, counters::Counters, feed::Feed, sse, webrtc, websocket};

use crate::{
    VERSION,
    app::App,
    config::{Config, Secret, Turn},
    entrance::Way,
    guard::{MayChange, Rules},
    http::Peer,
};

fn way(text: &str) -> Way {
    Way {
        path: "direct",
        secure: false,
        address: text.parse().expect("an address"),
    }
}

mod advise;

struct Fixture {
    app: App,
    public: Router,
}

impl Fixture {
    fn new(config: Config, listeners: &[&str]) -> Self {
        let ways: Arc<[Way]> = listeners.iter().map(|text| way(text)).collect();
        let mut registry = Registry::with_prefix("wirelab");
        let (lanes, rules) = (
            Counters::register(&mut registry),
            Rules::new(&config, &ways, Admission::new(1, 1)),
        );
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
        let turn = crate::turn::Minter::new(config.turn.clone(), crate::turn::Counters::register(&mut registry));
        let rooms = crate::hub::Limits {
            rooms: 1,
            peers_per_room: 1,
        };
        let app = App {
            signalling: crate::hub::Signalling::new(rooms, turn.clone(), crate::hub::Counters::default()),
            webrtc,
            turn,
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
    get_from(router, "127.0.0.1", path).await
}

/// As the accept loop would pass it on for a visitor at `address`.
async fn get_from(router: &Router, address: &str, path: &str) -> Answer {
    let request = Request::get(path)
        .header("host", "localhost:8080")
        .extension(Peer {
            address: (address.parse::<IpAddr>().expect("an address"), 50_000).into(),
            fronted: false,
            secure: false,
        })
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

fn with_turn() -> Config {
    let turn = Turn {
        urls: ["turn:turn.example.org:3478", "turn:turn.example.org:3478?transport=tcp"]
            .map(|text| text.parse().expect("a URL"))
            .into(),
        secret: Secret::new("s3cret".into()),
        ttl: Duration::from_secs(600),
    };
    Config {
        turn: Some(turn),
        ..Config::default()
    }
}

#[tokio::test]
async fn ice_servers_are_a_configuration_with_a_credential_that_expires() {
    let before = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let answer = Fixture::new(with_turn(), &["127.0.0.1:8080"])
        .get("/api/ice-servers")
        .await;
    assert_eq!(
        (answer.status, answer.headers[CACHE_CONTROL].as_bytes()),
        (StatusCode::OK, &b"no-store"[..])
    );
    let body = answer.json();
    assert_eq!(body["ttl"], 600);
    let expires_at = body["expires_at"].as_u64().expect("a time");
    assert!((before + 600..before + 660).contains(&expires_at), "{body}");
    let servers = body["iceServers"].as_array().expect("a list");
    assert_eq!(servers.len(), 1);
    assert_eq!(
        servers[0]["urls"],
        json!(["turn:turn.example.org:3478", "turn:turn.example.org:3478?transport=tcp"])
    );
    let username = servers[0]["username"].as_str().expect("a name");
    assert!(username.starts_with(&format!("{expires_at}:")), "{username}");
    assert!(servers[0]["credential"].is_string());
    assert!(!answer.text.contains("s3cret"));
}

#[tokio::test]
async fn without_a_relay_the_list_is_empty() {
    let answer = Fixture::loopback().get("/api/ice-servers").await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"iceServers": []}))
    );
}

#[tokio::test]
async fn who_asks_for_credentials_too_often_is_told_when_to_ask_again() {
    let fixture = Fixture::new(with_turn(), &["127.0.0.1:8080"]);
    let ask = |address: &'static str| get_from(&fixture.public, address, "/api/ice-servers");
    let refused = loop {
        let answer = ask("192.0.2.1").await;
        if answer.status != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers[CACHE_CONTROL].as_bytes(), b"no-store");
    assert_eq!(refused.headers[RETRY_AFTER].as_bytes(), b"1");
    assert_eq!(
        (refused.headers[CONTENT_TYPE].as_bytes(), &refused.json()["code"]),
        (&b"application/problem+json"[..], &json!("limit"))
    );
    assert_eq!(ask("192.0.2.2").await.status, StatusCode::OK, "another visitor");
    assert_eq!(ask("127.0.0.1").await.status, StatusCode::OK, "loopback is many");
    let metrics = fixture.get("/metrics").await.text;
    assert!(
        metrics.contains("wirelab_turn_credentials_refused_total 1\n"),
        "{metrics}"
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
        let rules = Rules::new(&Config::default(), &[way(listener)], Admission::new(1, 1));
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
