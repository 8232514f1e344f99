//! How a WebSocket opens: the handshake of RFC 6455 section 4, and the socket's way out of hyper.

use crate::support::{Frame, Server, Socket, frame, get, upgrade};

const OPEN: &str = r#"connections{lane="websocket"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_one_of_rfc_6455() {
    let server = Server::start();
    let mut peer = server.connect().await;
    peer.send(upgrade("/ws", "")).await;
    let answer = peer.head().await;
    assert!(
        answer.head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{answer:?}"
    );
    for (name, value) in [
        ("sec-websocket-accept", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        ("upgrade", Some("websocket")),
        ("content-length", None),
        ("transfer-encoding", None),
        ("sec-websocket-protocol", None),
        ("sec-websocket-extensions", None),
    ] {
        assert_eq!(answer.header(name), value, "{name}: {answer:?}");
    }
    assert!(
        answer
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("upgrade")),
        "{answer:?}"
    );
    assert_eq!(answer.head.matches("onnection:").count(), 1, "{answer:?}");
    let hello = Socket { peer }.json().await;
    assert_eq!(
        (&hello["type"], &hello["lane"], &hello["heartbeat_ms"]),
        (&"hello".into(), &"websocket".into(), &25_000.into())
    );
    assert_eq!(hello["topics"], serde_json::json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn subprotocols_are_agreed_on_only_when_offered() {
    let server = Server::start();
    for (path, offer, agreed) in [
        ("/ws", "wirelab.v1", Some("wirelab.v1")),
        ("/ws", "other, wirelab.v1", Some("wirelab.v1")),
        ("/ws", "other", None),
        ("/ws/echo", "other, more", Some("other")),
    ] {
        let mut peer = server.connect().await;
        peer.send(upgrade(path, &format!("sec-websocket-protocol: {offer}\r\n")))
            .await;
        let answer = peer.head().await;
        assert_eq!(
            (answer.status, answer.header("sec-websocket-protocol")),
            (101, agreed),
            "{path} {offer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_gives_back_what_it_got() {
    let server = Server::start();
    let mut socket = Socket::open(&server, "/ws/echo").await;
    let large = vec![7; 300_000];
    for (first, payload) in [
        (Frame::TEXT, "grüß Gott".as_bytes()),
        (Frame::BINARY, &[0, 255]),
        (Frame::BINARY, &large),
        (Frame::TEXT, b""),
    ] {
        socket.peer.send(frame(first, payload)).await;
        assert_eq!(
            socket.frame().await,
            Frame {
                first,
                payload: payload.to_vec()
            }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_gets_what_one_publishes() {
    let server = Server::start();
    let mut readers = Vec::new();
    for _ in 0..20 {
        readers.push(Socket::greeted(&server, "/ws?topic=a").await);
    }
    server.until(OPEN, 20).await;
    let mut texts = std::collections::HashSet::new();
    for n in 0..3 {
        server.publish("a", &n.to_string()).await;
        for reader in &mut readers {
            texts.insert(reader.raw().await);
        }
        assert_eq!(texts.len(), n + 1, "the same bytes for all of them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_in_the_same_segment_as_the_request_is_read() {
    let server = Server::start();
    let mut peer = server.connect().await;
    let early = [
        upgrade("/ws/echo", "").as_bytes(),
        &frame(Frame::TEXT, b"early"),
        &frame(Frame::PING, b"p"),
    ]
    .concat();
    peer.send(early).await;
    let mut socket = Socket::opens(peer).await;
    assert_eq!(socket.frame().await.payload, b"early");
    assert_eq!(
        socket.frame().await,
        Frame {
            first: Frame::PONG,
            payload: b"p".to_vec()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_taken_pipelined_behind_other_requests_with_half_a_frame() {
    let server = Server::start();
    let mut peer = server.connect().await;
    let text = frame(Frame::TEXT, b"cut in two");
    let early = [
        get("/health/live").as_bytes(),
        upgrade("/ws/echo", "").as_bytes(),
        &text[..5],
    ]
    .concat();
    peer.send(early).await;
    assert_eq!(peer.answer().await.status, 200);
    let mut socket = Socket::opens(peer).await;
    socket.peer.send(&text[5..]).await;
    assert_eq!(socket.frame().await.payload, b"cut in two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_no_upgrade_is_told_so_and_its_connection_stays_usable() {
    let server = Server::start();
    let without = |line: &str| upgrade("/ws", "").replace(line, "");
    for (what, request) in [
        ("plain GET", get("/ws")),
        (
            "wrong version",
            upgrade("/ws", "").replace("version: 13", "version: 12"),
        ),
        ("no version", without("sec-websocket-version: 13\r\n")),
        ("no key", without("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n")),
        ("no upgrade", without("upgrade: websocket\r\n")),
        ("no connection", without("connection: upgrade\r\n")),
        (
            "another upgrade",
            upgrade("/ws", "").replace("upgrade: websocket", "upgrade: h2c"),
        ),
        (
            "a key that is no base64",
            upgrade("/ws", "").replace("dGhlIHNhbXBsZSBub25jZQ==", "!!!"),
        ),
        (
            "a key of three bytes",
            upgrade("/ws", "").replace("dGhlIHNhbXBsZSBub25jZQ==", "AAAA"),
        ),
        ("plain GET of the echo", get("/ws/echo")),
    ] {
        let mut peer = server.connect().await;
        peer.send(request).await;
        let answer = peer.answer().await;
        assert_eq!(answer.status, 426, "{what}: {answer:?}");
        answer.is_problem(426, "refused");
        assert_eq!(
            (answer.header("upgrade"), answer.header("sec-websocket-version")),
            (Some("websocket"), Some("13")),
            "{what}: says what would be right"
        );
        peer.send(upgrade("/ws", "")).await;
        assert_eq!(Socket::opens(peer).await.json().await["type"], "hello", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_with_a_body_is_refused() {
    let server = Server::start();
    let answer = server.ask(upgrade("/ws", "content-length: 2\r\n") + "{}").await;
    answer.is_problem(400, "bad_field");
    assert_eq!(server.count(OPEN).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_http_1_0_do_not_upgrade() {
    let server = Server::start();
    for (from, to) in [("GET /ws", "HEAD /ws"), ("HTTP/1.1", "HTTP/1.0")] {
        let mut peer = server.connect().await;
        peer.send(upgrade("/ws", "").replace(from, to)).await;
        let answer = peer.head().await;
        assert!((400..500).contains(&answer.status), "{to}: {answer:?}");
    }
    assert_eq!(server.count(OPEN).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_come_and_a_peer_that_answers_stays() {
    let server = Server::with(|config| config.websocket_heartbeat = std::time::Duration::from_millis(150));
    let mut socket = Socket::greeted(&server, "/ws").await;
    for _ in 0..5 {
        let ping = socket.frame().await;
        assert_eq!(ping.first, Frame::PING);
        socket.peer.send(frame(Frame::PONG, &ping.payload)).await;
    }
    let mut silent = Socket::greeted(&server, "/ws").await;
    loop {
        let frame = silent.frame().await;
        if frame.first != Frame::PING {
            assert_eq!(frame.code(), Some(4000));
            break;
        }
    }
    server
        .until(r#"connections_closed_total{lane="websocket",reason="silent"}"#, 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_whose_peer_leaves_is_gone() {
    let server = Server::start();
    let mut socket = Socket::greeted(&server, "/ws?topic=a").await;
    server.until(OPEN, 1).await;
    socket.peer.finish().await;
    socket.peer.ends().await;
    drop(Socket::greeted(&server, "/ws?topic=a").await);
    server
        .until(r#"connections_closed_total{lane="websocket",reason="gone"}"#, 2)
        .await;
    server.until(OPEN, 0).await;
}
