//! How an event stream leaves hyper: every row of the case table in the takeover's design, over real sockets.

use wirelab_transport::feed;

use crate::support::{Event, Http2, Peer, Server, get, kind, post, read_event};

const OPEN: &str = r#"connections{lane="sse"}"#;
const GONE: &str = r#"connections_closed_total{lane="sse",reason="gone"}"#;

/// The stream on `peer` is live: what is published to `a` arrives, with its cursor as id.
async fn is_live(server: &Server, peer: &mut Peer) {
    server.until(OPEN, 1).await;
    let cursor = server.publish("a", r#"{"n":1}"#).await.to_string();
    let event = peer.event().await;
    assert_eq!((event.name.as_str(), event.id.as_deref()), ("a", Some(cursor.as_str())));
    let message = event.json();
    assert_eq!(
        (&message["type"], &message["topic"], &message["data"]["n"]),
        (&"message".into(), &"a".into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_as_first_request() {
    let server = Server::start();
    let mut peer = server.connect().await;
    let answer = peer.open_stream("/events?topic=a").await;
    for (name, value) in [
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"), // what the middleware put there is written too
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    assert!(answer.header("date").is_some_and(|date| date.ends_with("GMT")));
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_on_a_connection_that_was_kept_alive() {
    let server = Server::start();
    let mut peer = server.connect().await;
    for _ in 0..3 {
        peer.send(get("/health/live")).await;
        assert_eq!(peer.answer().await.json()["status"], "live");
    }
    peer.open_stream("/events?topic=a").await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_pipelined_behind_another_request() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send(get("/health/live") + &get("/events?topic=a")).await;
    assert_eq!(peer.answer().await.json()["status"], "live");
    peer.opens_stream().await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_has_read_yet_come_first_whole_and_in_order() {
    const PAIRS: u64 = 300;
    let server = Server::start();
    let info = server.get("/api/info").await.body;
    let mut peer = Peer::connect_small(server.address()).await;
    // Megabytes of answers for a client that reads none of them before everything is asked for. The cursors of what is
    // published say that the order is kept.
    for n in 0..PAIRS {
        peer.send(get("/api/info") + &post("/api/topics/order", &n.to_string()))
            .await;
    }
    peer.send(get("/events?topic=a")).await;
    for n in 1..=PAIRS {
        assert!(
            peer.answer().await.body == info,
            "the answer before message {n} is whole"
        );
        let published = peer.answer().await.json();
        assert!(
            published["cursor"]
                .as_str()
                .is_some_and(|cursor| cursor.ends_with(&format!(".{n}"))),
            "{n}: {published}"
        );
    }
    peer.opens_stream().await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_whose_head_comes_byte_by_byte() {
    let server = Server::start();
    let mut peer = server.connect().await;
    for byte in get("/events?topic=a").bytes() {
        peer.send([byte]).await;
        tokio::task::yield_now().await;
    }
    peer.opens_stream().await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_head_is_closed_at_its_deadline() {
    let server = Server::with(|config| config.limits.header_timeout = std::time::Duration::from_millis(200));
    let mut peer = server.connect().await;
    peer.send("GET /events?topic=a HTTP/1.1\r\nhost: lo").await;
    peer.ends().await;
    server
        .until(r#"http_connections_overrun_total{reason="head"}"#, 1)
        .await;
    assert_eq!(server.count(r#"connections_opened_total{lane="sse"}"#).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_by_hyper_and_the_connection_stays_usable() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send("HEAD /events?topic=a HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let head = peer.head().await;
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    assert_eq!(server.count(OPEN).await, 0, "nothing streams");
    peer.open_stream("/events?topic=a").await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_over_http_1_0() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send("GET /events?topic=a HTTP/1.0\r\n\r\n").await;
    peer.opens_stream().await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_after_another_was_refused_on_the_same_connection() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send("GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\n\r\n")
        .await;
    peer.answer().await.is_problem(403, "forbidden");
    peer.send(get("/events?topic=NO")).await;
    peer.answer().await.is_problem(400, "bad_topic");
    peer.open_stream("/events?topic=a").await;
    is_live(&server, &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_with_a_body_is_streamed_by_hyper() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send("GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
        .await;
    let head = peer.head().await;
    assert_eq!(
        (head.status, head.header("transfer-encoding")),
        (200, Some("chunked")),
        "{head:?}"
    );
    assert_eq!(chunk(&mut peer).await.name, "hello");
    let cursor = server.publish("a", "1").await.to_string();
    assert_eq!(chunk(&mut peer).await.id, Some(cursor));
    drop(peer);
    server.until(OPEN, 0).await;
    server.until(GONE, 1).await;
}

/// An event that came as a chunk of its own.
async fn chunk(peer: &mut Peer) -> Event {
    let size = peer.take_until("\r\n").await;
    let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
    let block = String::from_utf8(peer.take(size).await).expect("text");
    assert_eq!(peer.take(2).await, b"\r\n");
    read_event(&block).expect("no comment")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_its_side_is_gone() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.open_stream("/events?topic=a").await;
    is_live(&server, &mut peer).await;
    peer.finish().await;
    peer.ends().await;
    server.until(GONE, 1).await;
    server.until(OPEN, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_its_side_with_the_request_is_gone() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send(get("/events?topic=a")).await;
    peer.finish().await;
    peer.rest().await; // the stream begins if hyper gets to the request before the end, and ends
    server.until(OPEN, 0).await;
    let opened = server.count(r#"connections_opened_total{lane="sse"}"#).await;
    server.until(GONE, opened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_behind_the_stream_is_never_answered() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send(get("/events?topic=a") + &get("/health/live")).await;
    peer.opens_stream().await;
    is_live(&server, &mut peer).await;
    peer.send(get("/health/live")).await;
    is_live(&server, &mut peer).await; // reading an event would fail on any line of an answer
    server.publish("a", "2").await;
    assert_eq!(peer.event().await.json()["data"], 2);
    assert_eq!(server.count(OPEN).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_and_http_1_carry_the_same_blocks() {
    let server = Server::start();
    let (mut one, mut two) = (server.connect().await, Http2::connect(&server).await);
    one.open_stream("/events?topic=a").await;
    let stream = two.get("/events?topic=a").await;
    let head = two
        .find(|frame| frame.stream == stream && frame.kind == kind::HEADERS)
        .await;
    assert!(!head.ends_stream());
    let hello = read_event(&two.block(stream).await).expect("no comment");
    assert_eq!((hello.name.as_str(), hello.retry), ("hello", Some(3000)));
    for n in 0..3 {
        server.publish("a", &format!("[{n}]")).await;
        assert_eq!(two.block(stream).await, one.take_until("\n\n").await);
    }
    server.until(OPEN, 2).await;
    two.cancel(stream).await;
    server.until(OPEN, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_carries_comments() {
    let server = Server::with(|config| config.sse_heartbeat = std::time::Duration::from_millis(100));
    let (mut one, mut two) = (server.connect().await, Http2::connect(&server).await);
    one.open_stream("/events?topic=a").await;
    let stream = two.get("/events?topic=a").await;
    assert!(two.block(stream).await.contains("event: hello\n"));
    for _ in 0..3 {
        assert_eq!(one.take_until("\n\n").await, ": heartbeat\n\n");
        assert_eq!(two.block(stream).await, ": heartbeat\n\n");
    }
    assert!(server.count(r#"heartbeats_sent_total{lane="sse"}"#).await >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_several_topics_says_where_it_stands_in_each() {
    let server = Server::with(|config| {
        config.feed = feed::Limits {
            topics: 3,
            ..config.feed
        }
    });
    let mut peer = server.connect().await;
    peer.open_stream("/events?topic=b&topic=a").await;
    let a = server.publish("a", "1").await;
    let first = peer.event().await;
    let b = server.publish("b", "2").await;
    let second = peer.event().await;
    assert_eq!((first.name.as_str(), second.name.as_str()), ("a", "b"));
    assert!(
        first.id.as_ref().is_some_and(|id| id.ends_with(&format!(".0,a@{a}"))),
        "{first:?}"
    );
    assert_eq!(second.id, Some(format!("b@{b},a@{a}")));
}
