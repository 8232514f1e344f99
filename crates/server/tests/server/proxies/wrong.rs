//! The counter-example: each of its faults, next to a proxy that is set up right and has none of them.

use std::time::Duration;

use super::{Curl, Proxy, STREAMS, Shipped};
use crate::support::{Server, upgrade};

const PATIENT: (&str, &str) = ("proxy_read_timeout 5s;", "proxy_read_timeout 60s;");
const IMPATIENT: (&str, &str) = ("proxy_read_timeout 5s;", "proxy_read_timeout 1s;");

#[tokio::test(flavor = "multi_thread")]
async fn events_are_held_until_the_stream_ends() {
    let server = Server::start();
    let wrong = Proxy::changed(Shipped::NginxWrong, server.address(), &[PATIENT]).await;
    let right = Proxy::start(Shipped::NginxRight, server.address()).await;
    let (Some(wrong), Some(right)) = (wrong, right) else {
        return;
    };
    let held = Curl::start(&["-D", "-"], &wrong.url("/events?topic=a"));
    let shown = Curl::start(&[], &right.url("/events?topic=a"));
    let (Some(mut held), Some(mut shown)) = (held, shown) else {
        return;
    };
    server.until(STREAMS, 2).await;
    assert_eq!(shown.event().await.name, "hello");
    for n in 0..5 {
        server.publish("a", &n.to_string()).await;
        assert_eq!(shown.event().await.json()["data"], n);
        assert!(held.has_shown_nothing(), "not even the head");
    }
    server.stop();
    let (late, code) = held.ends().await;
    assert!(late.starts_with("HTTP/1.1 200") && code == Some(0), "{code:?} {late:?}");
    assert_eq!(
        late.matches("event: a\n").count(),
        5,
        "all of it, when it is too late: {late:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_refused_and_told_why() {
    let server = Server::start();
    let Some(wrong) = Proxy::start(Shipped::NginxWrong, server.address()).await else {
        return;
    };
    for path in ["/ws", "/ws/echo", "/signal"] {
        let mut peer = wrong.connect().await;
        peer.send(upgrade(path, "")).await;
        let answer = peer.head().await;
        assert_eq!(answer.status, 426, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_quiet_is_cut() {
    let server = Server::with(|config| config.sse_heartbeat = Duration::from_secs(15));
    let wrong = Proxy::changed(Shipped::NginxWrong, server.address(), &[IMPATIENT]).await;
    let right = Proxy::start(Shipped::NginxRight, server.address()).await;
    let (Some(wrong), Some(right)) = (wrong, right) else {
        return;
    };
    let Some(mut kept) = Curl::start(&[], &right.url("/events?topic=a")) else {
        return;
    };
    let cut = Curl::start(&[], &wrong.url("/events?topic=a")).expect("it was there before");
    let (_, code) = cut.ends().await;
    assert_ne!(code, Some(0), "curl says that the answer is not whole");
    server.until(STREAMS, 1).await;
    assert_eq!(kept.event().await.name, "hello");
    server.publish("a", "1").await;
    assert_eq!(kept.event().await.json()["data"], 1, "the other one stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_compressed_whatever_the_server_says() {
    let server = Server::start();
    let Some(wrong) = Proxy::changed(Shipped::NginxWrong, server.address(), &[PATIENT]).await else {
        return;
    };
    let asked = ["-D", "-", "-H", "accept-encoding: gzip"];
    let Some(curl) = Curl::start(&asked, &wrong.url("/events?topic=a")) else {
        return;
    };
    server.until(STREAMS, 1).await;
    server.stop();
    let (shown, _) = curl.ends().await;
    let shown = shown.to_lowercase();
    assert!(shown.contains("content-encoding: gzip"), "{shown:?}");
    assert!(shown.contains("no-transform"), "the server did say so: {shown:?}");
}
