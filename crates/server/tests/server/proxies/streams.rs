//! Every lane through every proxy that is set up right.

use wirelab_transport::{clock::Clock, place::Place, webrtc};

use super::{Curl, Proxy, RIGHT, RIGHT_TLS, SOCKETS, STREAMS, Shipped};
use crate::support::{Event, Frame, Peer, Server, Socket, get, read_event, soon, upgrade};

/// Each event is seen before the next one is published.
async fn one_by_one(server: &Server, curl: &mut Curl) {
    assert_eq!(curl.event().await.name, "hello");
    for n in 0..5 {
        let cursor = server.publish("a", &n.to_string()).await.to_string();
        let event = curl.event().await;
        assert_eq!((event.json()["data"].as_u64(), event.id), (Some(n), Some(cursor)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_one_by_one_over_http_1() {
    for shipped in RIGHT {
        let server = Server::start();
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        // As a browser asks: it would take the stream compressed.
        let asked = ["--http1.1", "-D", "-", "-H", "accept-encoding: gzip, br"];
        let Some(mut curl) = Curl::start(&asked, &proxy.url("/events?topic=a")) else {
            return;
        };
        let head = curl.head().await;
        assert!(head.starts_with("http/1.1 200"), "{shipped:?} {head}");
        assert!(!head.contains("content-encoding"), "{shipped:?} {head}");
        one_by_one(&server, &mut curl).await;
        curl.kill().await;
        server.until(STREAMS, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_one_by_one_over_http_2_with_tls() {
    for shipped in RIGHT_TLS {
        let server = Server::start();
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let asked = ["--http2", "-H", "accept-encoding: gzip, br"];
        let Some(mut curl) = Curl::tls(&proxy, &asked, "/events?topic=a") else {
            return;
        };
        let head = curl.head().await;
        assert!(head.starts_with("http/2 200"), "{shipped:?} {head}");
        assert!(!head.contains("content-encoding"), "{shipped:?} {head}");
        one_by_one(&server, &mut curl).await;
        curl.kill().await;
        server.until(STREAMS, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_upgraded_and_speaks_both_ways() {
    for shipped in RIGHT {
        let server = Server::start();
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let mut peer = proxy.connect().await;
        peer.send(upgrade("/ws?topic=a", "")).await;
        let mut socket = Socket::opens(peer).await;
        assert_eq!(socket.json().await["lane"], "websocket", "{shipped:?}");
        for n in 0..5 {
            server.publish("a", &n.to_string()).await;
            assert_eq!(socket.json().await["data"], n);
        }
        assert_eq!(socket.ask("hi").await["echoed"], "hi");

        let mut peer = proxy.connect().await;
        peer.send(upgrade("/ws/echo", "")).await;
        let mut echo = Socket::opens(peer).await;
        echo.text("hello?").await;
        assert_eq!(echo.frame().await.payload, b"hello?");
        drop((socket, echo));
        server.until(SOCKETS, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_upgraded_within_tls() {
    for shipped in RIGHT_TLS {
        let server = Server::start();
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let asks = upgrade("/ws?topic=a", "");
        let lines = asks.lines().skip(2).filter(|line| !line.is_empty()); // curl writes its own first two
        let arguments: Vec<&str> = ["--http1.1"]
            .into_iter()
            .chain(lines.flat_map(|line| ["-H", line]))
            .collect();
        let Some(mut curl) = Curl::tls(&proxy, &arguments, "/ws?topic=a") else {
            return;
        };
        let head = curl.head().await;
        assert!(head.starts_with("http/1.1 101"), "{shipped:?} {head}");
        let hello = curl.until("}").await;
        assert_eq!(hello[0], Frame::TEXT, "a frame and not an answer's body");
        curl.kill().await;
        server.until(SOCKETS, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signalling_passes_and_the_data_channel_goes_round() {
    for shipped in RIGHT {
        let server = Server::start();
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let options = webrtc::Options {
            place: Place::plain(proxy.plain, "localhost"),
            room: "r".into(),
        };
        let client = soon("a peer connection", webrtc::connect(&options, Clock::start())).await;
        let mut client = client.unwrap_or_else(|error| panic!("{shipped:?}: {error}"));
        assert!(soon("hello", client.next()).await.expect("frames").is_some());
        let subscribe = r#"{"type":"subscribe","topic":"tick.60.100","channel":"state"}"#;
        client.send(subscribe).await.expect("it is open");
        for _ in 0..30 {
            assert!(soon("a message", client.next()).await.expect("frames").is_some());
        }
        client.close().await;
        server.until(r#"connections{lane="datachannel"}"#, 0).await;
    }
}

/// nginx as it buffers by itself, but for our header: what servers that send it may rely on.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_obeys_our_word_on_buffering_and_frees_the_socket_when_the_reader_leaves() {
    let server = Server::start();
    let defaults = [
        ("proxy_buffering off;", "proxy_buffering on;"),
        ("keepalive 32;", "keepalive 1;"),
    ];
    let Some(nginx) = Proxy::changed(Shipped::NginxRight, server.address(), &defaults).await else {
        return;
    };
    let accepted = async || server.count("http_connections_accepted_total").await;
    let before = accepted().await;
    for _ in 0..3 {
        let mut peer = nginx.connect().await;
        peer.send(get("/health/live")).await;
        assert_eq!(peer.answer().await.status, 200);
    }
    let mut reader = nginx.connect().await;
    reader.send(get("/events?topic=a")).await;
    assert_eq!(reader.head().await.status, 200);
    assert_eq!(chunked_event(&mut reader).await.name, "hello");
    // Each look at the counter is a connection of its own, and counts itself.
    let opened = accepted().await - before - 1;
    assert_eq!(opened, 1, "the stream was the fourth request of one kept connection");
    server.until(STREAMS, 1).await;
    for n in 0..5 {
        let cursor = server.publish("a", &n.to_string()).await.to_string();
        assert_eq!(
            chunked_event(&mut reader).await.id,
            Some(cursor),
            "nginx's buffer holds nothing back"
        );
    }
    drop(reader);
    server.until(STREAMS, 0).await;
    server
        .until(r#"connections_closed_total{lane="sse",reason="gone"}"#, 1)
        .await;
}

/// An event that nginx passed on, in chunks of its own.
async fn chunked_event(peer: &mut Peer) -> Event {
    let mut block = String::new();
    while !block.ends_with("\n\n") {
        let size = peer.take_until("\r\n").await;
        let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
        block += std::str::from_utf8(&peer.take(size).await).expect("text");
        peer.take(2).await;
    }
    read_event(&block).expect("no comment")
}

/// The two right files of nginx differ in how one gets in and in nothing else.
#[test]
fn nginx_with_tls_is_the_same_but_for_the_way_in() {
    let rules = |shipped: Shipped| {
        let lines = shipped
            .text()
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let way_in = |line: &&str| line.starts_with("listen") || line.starts_with("ssl_");
        lines.filter(|line| !way_in(line)).collect::<Vec<_>>()
    };
    assert_eq!(rules(Shipped::NginxRight), rules(Shipped::NginxTls));
}
