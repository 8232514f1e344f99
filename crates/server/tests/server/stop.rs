//! How the server goes: everyone is told, nobody is waited for longer than the grace time, and then it has gone.

use std::{collections::HashSet, time::Duration};

use tokio::net::TcpStream;

use crate::support::{Frame, Http2, Peer, Server, Socket, get, kind, post, read_event, soon};

/// A request whose answer keeps the server from having gone: its last byte has not been sent.
async fn unfinished(server: &Server) -> (Peer, String) {
    let (mut peer, request) = (server.connect().await, post("/api/topics/a", "[1]"));
    peer.send(&request[..request.len() - 1]).await;
    // Nothing outside says that a request is being handled; one that came later and was answered does.
    assert_eq!(server.get("/health/live").await.status, 200);
    (peer, request[request.len() - 1..].to_owned())
}

/// Waits until readiness has fallen. Who comes at the very moment of the stop may be closed unanswered, as the idle are.
async fn readiness_falls(server: &Server) {
    let fallen = async {
        loop {
            let mut peer = server.connect().await;
            peer.try_send(get("/health/ready")).await;
            let head = peer.try_take_until("\r\n\r\n").await;
            if head.is_some_and(|head| head.starts_with("HTTP/1.1 503 ")) {
                return;
            }
        }
    };
    soon("readiness to fall", fallen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_falls_and_a_request_in_flight_is_answered() {
    let mut server = Server::start();
    assert_eq!(server.get("/health/ready").await.json()["status"], "ready");
    let (mut peer, last_byte) = unfinished(&server).await;
    server.stop();
    readiness_falls(&server).await;
    server.get("/health/ready").await.is_problem(503, "unavailable");
    assert_eq!(server.get("/health/live").await.status, 200, "it lives");
    peer.send(last_byte).await;
    let answer = peer.answer().await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close")),
        "{answer:?}"
    );
    peer.ends().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_told_when_to_come_back_and_end() {
    let mut server = Server::start();
    let mut peers = Vec::new();
    for _ in 0..20 {
        let mut peer = server.connect().await;
        peer.open_stream("/events?topic=a").await;
        peers.push(peer);
    }
    server.until(r#"connections{lane="sse"}"#, 20).await;
    server.stop();
    let mut waits = HashSet::new();
    for peer in &mut peers {
        let drain = peer.event().await;
        assert_eq!(
            (drain.name.as_str(), &drain.json()["type"]),
            ("control", &"drain".into())
        );
        assert_eq!(drain.id, None, "where it stood stays");
        assert_eq!(
            drain.json()["reconnect_after_ms"].as_u64(),
            drain.retry,
            "EventSource is told the same"
        );
        waits.extend(drain.retry);
        peer.ends().await;
    }
    assert!(waits.len() > 15, "they do not all come back at once: {waits:?}");
    drop(peers);
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_told_when_to_come_back_and_close_with_1001() {
    let mut server = Server::start();
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(Socket::greeted(&server, "/ws?topic=a").await);
    }
    server.stop();
    let mut waits = HashSet::new();
    for socket in &mut sockets {
        let drain = socket.json().await;
        assert_eq!(drain["type"], "drain");
        waits.insert(drain["reconnect_after_ms"].as_u64().expect("ms"));
        socket.closes(1001).await;
    }
    assert!(waits.len() > 15, "they do not all come back at once: {waits:?}");
    drop(sockets);
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_over_http_2_is_told_and_ends() {
    let mut server = Server::start();
    let mut http2 = Http2::connect(&server).await;
    let stream = http2.get("/events?topic=a").await;
    assert!(http2.block(stream).await.contains("event: hello\n"));
    server.stop();
    let mut block = String::new();
    let (mut ended, mut going) = (false, false);
    while !(ended && going) {
        let frame = http2.frame().await;
        going |= frame.kind == kind::GO_AWAY;
        if frame.stream == stream {
            ended |= frame.ends_stream();
            block += std::str::from_utf8(&frame.payload).expect("text");
        }
    }
    let drain = read_event(&block).expect("no comment");
    assert_eq!(drain.json()["reconnect_after_ms"].as_u64(), drain.retry);
    assert!(drain.retry.is_some());
    http2.ends().await;
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_end_at_once() {
    let mut server = Server::start();
    let (mut silent, mut kept) = (server.connect().await, server.connect().await);
    kept.send(get("/health/live")).await;
    kept.answer().await;
    assert_eq!(server.get("/health/live").await.status, 200);
    server.stop();
    for peer in [&mut silent, &mut kept] {
        peer.ends().await;
    }
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_go_is_cut_at_the_grace_time() {
    let mut server = Server::with(|config| config.grace = Duration::from_millis(300));
    let (mut peer, _last_byte) = unfinished(&server).await;
    let address = server.address();
    server.stop();
    server.stopped().await;
    peer.ends().await; // without the answer that its own deadline would have brought
    let late = soon("an answer", TcpStream::connect(address)).await;
    assert!(late.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_reads_nothing_does_not_keep_the_server() {
    let mut server = Server::with(|config| config.grace = Duration::from_millis(300));
    let mut peer = Peer::connect_small(server.address()).await;
    peer.open_stream("/events?topic=a").await;
    let (mut publisher, large) = (server.connect().await, format!("\"{}\"", "x".repeat(40_000)));
    for _ in 0..40 {
        publisher.publish("a", &large).await;
    }
    server.stop();
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_while_it_goes_is_told_to_come_later() {
    let mut server = Server::start();
    let (mut peer, last_byte) = unfinished(&server).await;
    server.stop();
    readiness_falls(&server).await;
    let mut reader = server.connect().await;
    reader.send(get("/events?topic=a")).await;
    let rest = String::from_utf8(reader.rest().await).expect("text");
    assert!(
        rest.contains("event: control\n") && rest.contains(r#""type":"drain""#),
        "{rest}"
    );
    let mut socket = Socket::open(&server, "/ws").await;
    assert_eq!(socket.json().await["type"], "hello");
    assert_eq!(socket.json().await["type"], "drain");
    assert_eq!(socket.frame().await.first, Frame::CLOSE);
    drop(socket);
    peer.send(last_byte).await;
    server.stopped().await;
}
