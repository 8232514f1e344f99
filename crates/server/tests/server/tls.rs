//! HTTPS: real handshakes, a hundred streams on one connection, WebSockets by extended CONNECT, certificates that
//! cannot be served, and another one while connections stand.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Method, Response, body::Incoming, header::HeaderValue};
use rustls::ProtocolVersion;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tungstenite::Message;
use wirelab_server::{Certificate, CertificateError};

use crate::support::{Http2Client, Identity, Peer, Server, Socket, Way, get, read_event, secure_tcp, soon, upgrade};

/// The next block of a stream that is an answer's body.
async fn block(stream: &mut Response<Incoming>) -> String {
    let mut block = Vec::new();
    while !block.ends_with(b"\n\n") {
        let frame = soon("an event", stream.frame())
            .await
            .expect("the stream goes on")
            .expect("unbroken");
        block.extend(frame.into_data().expect("data"));
    }
    String::from_utf8(block).expect("text")
}

async fn text(socket: &mut (impl futures_util::Stream<Item = tungstenite::Result<Message>> + Unpin)) -> Value {
    loop {
        match soon("a frame", socket.next())
            .await
            .expect("it is open")
            .expect("frames")
        {
            Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
            Message::Ping(_) => {}
            other => panic!("no text: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_streams_share_one_connection() {
    let server = Server::secure();
    let client = Http2Client::connect(server.address(), &server.identity).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = client.get("/events?topic=a").await;
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        assert!(block(&mut stream).await.contains("\"type\":\"hello\""));
        streams.push(stream);
    }
    server.until(r#"connections{lane="sse"}"#, 100).await;
    let published = client
        .ask(Method::POST, "/api/topics/a", HeaderMap::new(), Body::from("1"))
        .await;
    assert_eq!(published.expect("an answer").status(), 200, "beside the streams");
    for stream in &mut streams {
        let event = read_event(&block(stream).await).expect("an event");
        assert_eq!((event.name.as_str(), &event.json()["data"]), ("a", &json!(1)));
    }
    drop(streams);
    server.until(r#"connections{lane="sse"}"#, 0).await;
    assert_eq!(
        client.get("/health/live").await.status(),
        200,
        "the connection outlives its streams"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_opens_by_extended_connect_and_does_all_that_others_do() {
    let server = Server::secure();
    let client = Http2Client::connect(server.address(), &server.identity).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut socket = client.websocket("/ws?topic=a").await;
        let hello = text(&mut socket).await;
        assert_eq!((&hello["type"], &hello["lane"]), (&json!("hello"), &json!("websocket")));
        sockets.push(socket);
    }
    server.until(r#"connections{lane="websocket"}"#, 20).await;
    let publish = json!({"type": "publish", "id": 1, "topic": "b", "data": 1}).to_string();
    sockets[0].send(Message::text(publish)).await.expect("it is open");
    assert_eq!(text(&mut sockets[0]).await["ack"], true);
    let said = json!({"n": 1}).to_string();
    client
        .ask(Method::POST, "/api/topics/a", HeaderMap::new(), Body::from(said))
        .await
        .expect("an answer");
    for socket in &mut sockets {
        assert_eq!(text(socket).await["data"]["n"], 1);
    }

    let mut socket = sockets.pop().expect("twenty");
    socket.close(None).await.expect("it is open");
    while let Some(Ok(message)) = soon("the end", socket.next()).await {
        assert!(message.is_close(), "{message:?}");
    }
    server
        .until(r#"connections_closed_total{lane="websocket",reason="closed"}"#, 1)
        .await;
    drop(sockets.pop()); // reset by the client
    server
        .until(r#"connections_closed_total{lane="websocket",reason="gone"}"#, 1)
        .await;
    assert_eq!(client.get("/health/live").await.status(), 200, "the others go on");
    assert_eq!(server.count(r#"connections{lane="websocket"}"#).await, 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_pass_through_a_streams_small_windows() {
    let server = Server::secure();
    let client = Http2Client::connect(server.address(), &server.identity).await;
    let mut socket = client.websocket("/ws/echo").await;
    let payload: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut write, mut read) = (&mut socket).split();
    let sent = write.send(Message::binary(payload.clone()));
    let (sent, echoed) = soon("an echo", async { tokio::join!(sent, read.next()) }).await;
    sent.expect("it is open");
    assert!(
        echoed.expect("it is open").expect("a message").into_data() == payload,
        "as it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_that_is_no_websocket_is_told_what_would_be() {
    let server = Server::secure();
    let client = Http2Client::connect(server.address(), &server.identity).await;
    for version in [None, Some("8")] {
        let version = version.map(|version| {
            (
                "sec-websocket-version".parse().expect("a name"),
                HeaderValue::from_static(version),
            )
        });
        let answer = client
            .connect_websocket("/ws", version.into_iter().collect())
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 400);
        let body = answer.collect().await.expect("a body").to_bytes();
        let problem: Value = serde_json::from_slice(&body).expect("a problem");
        assert!(
            problem["detail"].as_str().expect("text").contains("RFC 8441"),
            "{problem}"
        );
    }
    // A foreign page is refused here as anywhere.
    let foreign = [("sec-websocket-version", "13"), ("origin", "https://evil.example")];
    let foreign = foreign.map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)));
    let answer = client
        .connect_websocket("/ws", foreign.into_iter().collect())
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 403);
    let events = client
        .connect_websocket("/events", HeaderMap::new())
        .await
        .expect("an answer");
    assert_eq!(events.status(), 405, "that is for GET");
    assert_eq!(server.count(r#"connections_opened_total{lane="websocket"}"#).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_taken_over_tls_as_it_is_without() {
    let server = Server::over(Way::Tls);
    let mut peer = server.connect().await;
    peer.send(get("/health/live") + &get("/events?topic=a")).await;
    assert_eq!(peer.answer().await.json()["status"], "live");
    peer.opens_stream().await;
    let mut socket = Socket::greeted(&server, "/ws?topic=a").await;
    // More than a socket holds at once, and a reader who takes it only afterwards.
    let pad = "x".repeat(40_000);
    for _ in 0..20 {
        server.publish("a", &json!(pad).to_string()).await;
    }
    for n in 1..=20 {
        let event = peer.event().await;
        assert_eq!(event.json()["data"].as_str().map(str::len), Some(pad.len()));
        assert!(event.id.expect("an id").ends_with(&format!(".{n}")));
        assert!(
            socket.json().await["cursor"]
                .as_str()
                .expect("text")
                .ends_with(&format!(".{n}"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_are_offered_and_the_newest_tls_is_taken() {
    let server = Server::secure();
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1", "h2"], Some(b"h2")),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let tls = secure_tcp(server.address(), &server.identity, offered)
            .await
            .expect("TLS");
        let (_, session) = tls.get_ref();
        assert_eq!(session.alpn_protocol(), agreed, "{offered:?}");
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    }
    let neither = secure_tcp(server.address(), &server.identity, &["spdy/3"]).await;
    assert!(neither.is_err(), "nothing to talk about");
}

#[tokio::test(flavor = "multi_thread")]
async fn info_and_pages_know_that_this_is_https() {
    let server = Server::over(Way::Tls);
    let listener = &server.get("/api/info").await.json()["listeners"][0];
    assert_eq!(listener["scheme"], "https");
    let url = listener["url"].as_str().expect("text").to_owned();
    assert!(url.starts_with("https://localhost:"), "{url}");
    let page = server.get("/").await;
    let policy = page.header("content-security-policy").expect("a policy");
    let secure = format!("{url} {}", url.replace("https", "wss"));
    assert!(policy.contains(&secure), "{policy}");
    assert_eq!(
        page.header("strict-transport-security"),
        None,
        "it would close http://localhost to everything else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_tls_is_told_or_closed_and_counted() {
    let server = Server::secure();
    let mut peer = server.connect().await;
    peer.send(get("/events")).await;
    let answer = peer.answer().await;
    answer.is_problem(400, "bad_request");
    assert!(answer.text().contains("https://"), "{answer:?}");
    peer.ends().await;
    server
        .until(r#"http_connections_refused_total{reason="plain"}"#, 1)
        .await;

    let mut peer = server.connect().await;
    peer.send("\u{0}\u{1}\u{2} rubbish\r\n\r\n").await;
    let rest = String::from_utf8(peer.rest().await).expect("text");
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
    server
        .until(r#"http_connections_refused_total{reason="plain"}"#, 2)
        .await;

    let mut peer = server.connect().await;
    peer.send([22, 3, 1, 0, 5, 1, 2, 3, 4, 5]).await; // a record of a handshake, and rubbish in it
    peer.rest().await;
    server.until(r#"http_connections_refused_total{reason="tls"}"#, 1).await;

    let stranger = secure_tcp(server.address(), &Identity::new(), &["h2"]).await;
    assert!(stranger.is_err(), "it trusts somebody else");
    server.until(r#"http_connections_refused_total{reason="tls"}"#, 2).await;
    assert_eq!(server.count(r#"connections_opened_total{lane="sse"}"#).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_handshake_holds_a_place_until_its_deadline() {
    let server = Server::secure_with(|config| {
        config.limits.header_timeout = Duration::from_millis(300);
        config.limits.connections = 3; // two, and the scrape
    });
    let mut half = server.connect().await;
    half.send([22, 3, 1, 2]).await;
    let mut silent = server.connect().await;
    server
        .until(r#"http_connections_overrun_total{reason="head"}"#, 2)
        .await;
    half.ends().await;
    silent.ends().await;

    let mut held = [server.connect().await, server.connect().await, server.connect().await];
    let mut one_more = server.connect().await;
    one_more.ends().await; // without a word: it would not be TLS
    for peer in &mut held {
        peer.ends().await;
    }
    server
        .until(r#"http_connections_refused_total{reason="full"}"#, 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_is_shown_to_whoever_comes_next() {
    let server = Server::secure();
    let next = Identity::new();
    let mut old = secure_tcp(server.address(), &server.identity, &["http/1.1"])
        .await
        .expect("TLS");
    old.write_all(get("/events?topic=a").as_bytes())
        .await
        .expect("it is open");
    server.until(r#"connections{lane="sse"}"#, 1).await;
    assert!(secure_tcp(server.address(), &next, &[]).await.is_err(), "not yet");

    server.tls.replace(next.certificate());
    assert!(
        secure_tcp(server.address(), &server.identity, &[]).await.is_err(),
        "no more"
    );
    let client = Http2Client::connect(server.address(), &next).await;
    client
        .ask(Method::POST, "/api/topics/a", HeaderMap::new(), Body::from("42"))
        .await
        .expect("an answer");
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("\"data\":42}") {
        let read = soon("the message", old.read_buf(&mut heard)).await.expect("it stands");
        assert_ne!(read, 0, "it was dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_tells_streams_over_tls_and_over_http_2_and_ends() {
    let mut server = Server::secure();
    let client = Http2Client::connect(server.address(), &server.identity).await;
    let mut stream = client.get("/events?topic=a").await;
    block(&mut stream).await;
    let mut socket = client.websocket("/ws").await;
    assert_eq!(text(&mut socket).await["type"], "hello");
    let mut tls = secure_tcp(server.address(), &server.identity, &["http/1.1"])
        .await
        .expect("TLS");
    tls.write_all(upgrade("/ws", "").as_bytes()).await.expect("it is open");
    server.until(r#"connections{lane="websocket"}"#, 2).await;

    server.stop();
    assert!(block(&mut stream).await.contains("\"type\":\"drain\""));
    while let Some(frame) = soon("the end", stream.frame()).await {
        let last = frame.expect("unbroken").into_data().expect("data");
        assert!(last.is_empty(), "only the mark of the end: {last:?}");
    }
    assert_eq!(text(&mut socket).await["type"], "drain");
    let close = soon("a close", socket.next()).await.expect("a frame").expect("a frame");
    assert!(matches!(close, Message::Close(Some(close)) if u16::from(close.code) == 1001));
    let mut rest = Vec::new();
    soon("the end", tls.read_to_end(&mut rest))
        .await
        .expect("with TLS's own goodbye");
    assert!(rest.windows(5).any(|window| window == b"drain"), "it was told");
    server.stopped().await;
}

#[test]
fn a_certificate_that_cannot_be_served_is_said_at_once() {
    let now = SystemTime::now();
    let (good, other) = (Identity::new(), Identity::new());
    let old = Identity::with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let early = Identity::with(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let read = |chain: &str, key: &str| Certificate::read(chain.as_bytes(), key.as_bytes(), now);
    assert!(read(&good.chain, &good.key).is_ok());
    let refused = |chain: &str, key: &str| {
        let error = read(chain, key).expect_err("it cannot be served");
        (error.to_string(), error.is_of_key())
    };
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let no_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (chain, key, says, of_key) in [
        ("", good.key.as_str(), "there is no certificate in it", false),
        (&good.key, &good.key, "there is no certificate in it", false),
        (no_x509, &good.key, "the certificate cannot be read", false),
        ("-----BEGIN CERTIFICATE-----\n", &good.key, "no PEM", false),
        (&old.chain, &old.key, "has expired, on Jan  2", false),
        (&early.chain, &early.key, "only good from", false),
        (&good.chain, "", "there is no private key in it", true),
        (&good.chain, &good.chain, "there is no private key in it", true),
        (&good.chain, encrypted, "under a password", true),
        (&good.chain, no_key, "the private key cannot be used", true),
        (&good.chain, &other.key, "belongs to another certificate", true),
    ] {
        let (said, is_of_key) = refused(chain, key);
        assert!(said.contains(says), "{said} instead of {says}");
        assert_eq!(is_of_key, of_key, "{said}");
    }
    assert!(matches!(
        read(&good.chain, &other.key),
        Err(CertificateError::KeyOfAnother)
    ));
    let names = ["localhost", "127.0.0.1", "[::1]", "feed.example.org"];
    let certificate = good.certificate();
    assert_eq!(
        names.map(|name| certificate.is_for(&name.parse().expect("a host"))),
        [true, true, false, false]
    );
    let fingerprint = certificate.fingerprint();
    assert_eq!(
        (fingerprint.len(), fingerprint.matches(':').count()),
        (95, 31),
        "{fingerprint}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_entrances_stay_as_they_are() {
    // The two ports of one server, one with TLS: the same feed on both.
    let server = Server::secure();
    let client = Http2Client::connect(server.address(), &server.identity).await;
    let mut stream = client.get("/events?topic=a").await;
    block(&mut stream).await;
    assert_eq!(
        server.ask_internal("/health/live").await.status,
        200,
        "operators use plain HTTP"
    );
    let mut peer = Peer::connect(server.address()).await;
    peer.finish().await;
    peer.ends().await; // gone before a byte
    assert_eq!(server.count(r#"http_connections_refused_total{reason="tls"}"#).await, 0);
}
