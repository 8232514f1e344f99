//! Everything that is no lane: health, metrics, info, pages, publishing, and how the server says no.

use std::collections::HashSet;

use serde_json::json;

use crate::support::{Server, Socket, get, post};

#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_it_lives_and_is_ready() {
    let server = Server::start();
    let live = server.get("/health/live").await;
    assert_eq!((live.status, live.json()), (200, json!({"status": "live"})));
    let ready = server.get("/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ready")));
    assert!(ready.json()["degraded"].is_array());
    assert_eq!(ready.header("cache-control"), Some("no-store"));
}

/// OpenMetrics 1.0: every sample belongs to a family that was described, has a number, and stands once.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_well_formed_and_tell_what_happened() {
    let server = Server::start();
    let mut socket = Socket::greeted(&server, "/ws?topic=a").await;
    server.publish("a", "1").await;
    socket.json().await;
    server.until(r#"messages_sent_total{lane="websocket"}"#, 1).await;
    let answer = server.get("/metrics").await;
    assert!(
        answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/openmetrics-text"))
    );
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"));
    let (mut families, mut samples) = (HashSet::new(), HashSet::new());
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            assert!(
                families.insert(described.split(' ').next().expect("a name")),
                "twice: {line}"
            );
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(samples.insert(sample), "twice: {line}");
            let name = sample.split('{').next().expect("a name");
            let family = ["_total", "_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            assert!(
                name.starts_with("wirelab_") && families.contains(family.unwrap_or(name)),
                "{line}"
            );
        }
    }
    for sample in [
        r#"wirelab_connections{lane="websocket"} 1"#,
        r#"wirelab_connections{lane="sse"} 0"#,
        r#"wirelab_connections_opened_total{lane="websocket"} 1"#,
        r#"wirelab_publish_to_write_us_count{lane="websocket"} 1"#,
        r#"wirelab_refused_total{reason="host"} 0"#,
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} is not in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn info_names_the_listeners_that_are_really_bound() {
    let server = Server::on(&["127.0.0.1:0", "127.0.0.1:0"], |_| {});
    let info = server.get("/api/info").await.json();
    for (n, address) in server.addresses.iter().enumerate() {
        assert_eq!(info["listeners"][n]["address"], address.to_string());
        assert_eq!(
            info["listeners"][n]["url"],
            format!("http://localhost:{}", address.port())
        );
    }
    assert_eq!(
        (&info["version"], &info["publish"]),
        (&json!(wirelab_server::VERSION), &json!("open"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_serves_the_same_feed() {
    let server = Server::on(&["127.0.0.1:0", "127.0.0.1:0"], |_| {});
    let mut socket = Socket::greeted(&server, "/ws?topic=a").await;
    let cursor = crate::support::Peer::connect(server.addresses[1])
        .await
        .publish("a", "1")
        .await;
    assert_eq!(socket.json().await["cursor"], cursor.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_with_the_headers_that_keep_them_safe() {
    let server = Server::start();
    let page = server.get("/").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(page.text().to_lowercase().contains("<!doctype html>"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), Some(value), "{page:?}");
    }
    let policy = page.header("content-security-policy").expect("a policy");
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    let port = server.address().port();
    assert!(
        policy.contains(&format!(
            "connect-src 'self' http://localhost:{port} ws://localhost:{port}"
        )),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");

    let etag = page.header("etag").expect("a version").to_owned();
    let again = get("/").replacen("\r\n\r\n", &format!("\r\nif-none-match: {etag}\r\n\r\n"), 1);
    assert_eq!(server.ask(again).await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_problem() {
    let server = Server::start();
    for path in [
        "/nowhere",
        "/api/nowhere",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/lib/",
        "/package.json",
        "//",
        "/events/",
    ] {
        server.get(path).await.is_problem(404, "not_found");
    }
    server.until(r#"http_errors_total{status="404"}"#, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_path_does_not_take_is_a_problem() {
    let server = Server::start();
    for (method, path, allow) in [
        ("DELETE", "/api/info", "GET,HEAD"),
        ("GET", "/api/topics/a", "POST"),
        ("POST", "/events", "GET,HEAD"),
        ("POST", "/ws", "GET,HEAD,CONNECT"), // the last one on HTTP/2,
        ("PUT", "/health/live", "GET,HEAD"),
    ] {
        let answer = server
            .ask(format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            .await;
        answer.is_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    let page = server
        .ask("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await;
    page.is_problem(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_answers_with_the_cursor() {
    let server = Server::start();
    let mut peer = server.connect().await;
    for n in 1..=3 {
        peer.send(post("/api/topics/some.topic-1_a", &format!(r#"{{ "n": {n} }}"#)))
            .await;
        let answer = peer.answer().await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/json"))
        );
        let cursor = answer.json()["cursor"].as_str().expect("a cursor").to_owned();
        assert!(cursor.ends_with(&format!(".{n}")), "{cursor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_nobody_reads_make_room_only_after_a_while() {
    let server = Server::with(|config| config.feed.topics = 3);
    for topic in ["a", "b", "c"] {
        server.ask(post(&format!("/api/topics/{topic}"), "1")).await;
    }
    // `metric` may have taken a place after its first second.
    server.ask(post("/api/topics/d", "1")).await.is_problem(429, "limit");
    server.get("/events?topic=d").await.is_problem(429, "limit");
    let mut socket = Socket::greeted(&server, "/ws").await;
    assert_eq!(socket.ask(r#"{"type":"subscribe","topic":"d"}"#).await["code"], "limit");
    server.until("topics_refused_total", 3).await;
}
