//! HTTPS: real handshakes, what is no handshake, certificates that cannot be served, and another one while connections
//! stand.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Method};
use rustls::ProtocolVersion;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tungstenite::Message;
use wirelab_server::{Certificate, CertificateError};

use crate::{
    http2::{block, text},
    support::{Http2Client, Identity, Peer, Server, Socket, Way, get, secure_tcp, soon, upgrade},
};

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
