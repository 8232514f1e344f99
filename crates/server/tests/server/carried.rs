//! Many visitors over one connection of a trusted proxy: each counts, the proxy does not.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION},
};
use wirelab_server::config::{Config, Visitors};

use crate::support::{Http2, Http2Client, Peer, Server, Socket, get, kind, read_event, upgrade};

/// This machine is a proxy, and an address may have one.
fn trusting(config: &mut Config) {
    config.trust_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    config.limits.connections_per_address = 1;
    config.visitors = Visitors::Local;
}

fn by(visitor: &str, request: &str) -> String {
    request.replacen("\r\n", &format!("\r\nx-forwarded-for: {visitor}\r\n"), 1)
}

async fn status(peer: &mut Peer, request: String) -> u16 {
    peer.send(request).await;
    peer.answer().await.status
}

/// The address by which this machine would leave for elsewhere: unlike loopback, it counts as one visitor.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?; // sends nothing
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_connections_are_not_one_visitors() {
    let Some(own) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    for trusted in [true, false] {
        let server = Server::on(&["0.0.0.0:0"], |config| {
            config.limits.connections_per_address = 1;
            if trusted {
                config.trust_proxies = vec![own.to_string().parse().expect("a network")];
            }
        });
        let there = SocketAddr::new(own, server.address().port());
        let mut one = Peer::connect(there).await;
        assert_eq!(status(&mut one, by("192.0.2.7", &get("/health/live"))).await, 200);
        let mut two = Peer::connect(there).await;
        if trusted {
            assert_eq!(status(&mut two, by("192.0.2.7", &get("/health/live"))).await, 200);
        } else {
            assert_eq!(two.answer().await.status, 503, "turned away before it asks");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_carries_one_visitor_after_another() {
    let server = Server::with(trusting);
    let mut holder = server.connect().await;
    holder.send(by("192.0.2.7", &get("/events?topic=a"))).await;
    holder.opens_stream().await;
    let mut proxy = server.connect().await;
    for _ in 0..2 {
        assert_eq!(status(&mut proxy, by("192.0.2.7", &get("/health/live"))).await, 503);
        for other in ["192.0.2.8", "192.0.2.9", "unknown", "127.0.0.9"] {
            assert_eq!(
                status(&mut proxy, by(other, &get("/health/live"))).await,
                200,
                "{other}"
            );
        }
    }
    server.until(r#"refused_total{reason="address-full"}"#, 2).await;
    drop(holder);
    server.until(r#"connections{lane="sse"}"#, 0).await;
    assert_eq!(
        status(&mut proxy, by("192.0.2.7", &get("/health/live"))).await,
        200,
        "the place came back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_held_for_as_long_as_the_socket_is_whichever_room_owns_it() {
    let server = Server::with(trusting);
    for path in ["/ws", "/ws/echo", "/signal"] {
        let mut peer = server.connect().await;
        peer.send(by("192.0.2.7", &upgrade(path, ""))).await;
        let socket = Socket::opens(peer).await;
        let mut proxy = server.connect().await;
        assert_eq!(
            status(&mut proxy, by("192.0.2.7", &get("/health/live"))).await,
            503,
            "{path}"
        );
        drop(socket);
        server.until(r#"connections{lane="websocket"}"#, 0).await;
        assert_eq!(
            status(&mut proxy, by("192.0.2.7", &get("/health/live"))).await,
            200,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_one_http_2_connection_count_for_their_visitors() {
    let server = Server::with(trusting);
    let mut http2 = Http2::connect(&server).await;
    let by = |visitor| [("x-forwarded-for", visitor)];
    let one = http2.get_with("/events?topic=a", &by("192.0.2.7")).await;
    assert_eq!(read_event(&http2.block(one).await).expect("no comment").name, "hello");
    let too_many = http2.get_with("/events?topic=a", &by("192.0.2.7")).await;
    http2
        .find(|frame| frame.stream == too_many && frame.ends_stream())
        .await; // a problem, not a stream
    let other = http2.get_with("/events?topic=a", &by("192.0.2.8")).await;
    assert_eq!(read_event(&http2.block(other).await).expect("no comment").name, "hello");
    server.until(r#"connections{lane="sse"}"#, 2).await;
    http2.cancel(one).await;
    server.until(r#"connections{lane="sse"}"#, 1).await;
    let again = http2.get_with("/events?topic=a", &by("192.0.2.7")).await;
    let first = http2
        .find(|frame| frame.stream == again && frame.kind == kind::DATA)
        .await;
    assert!(!first.ends_stream(), "the place came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_of_one_http_2_connection_count_for_their_visitors() {
    let server = Server::secure_with(trusting);
    let proxy = Http2Client::connect(server.address(), &server.identity).await;
    let open = async |visitor| {
        let headers = HeaderMap::from_iter([
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            (
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_static(visitor),
            ),
        ]);
        proxy.connect_websocket("/ws", headers).await.expect("an answer")
    };
    let one = open("192.0.2.7").await;
    assert_eq!(one.status(), StatusCode::OK);
    let stream = hyper::upgrade::on(one).await.expect("a stream");
    server.until(r#"connections{lane="websocket"}"#, 1).await;
    assert_eq!(open("192.0.2.7").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let other = open("192.0.2.8").await;
    assert_eq!(other.status(), StatusCode::OK);
    drop((stream, other));
    server.until(r#"connections{lane="websocket"}"#, 0).await;
    assert_eq!(open("192.0.2.7").await.status(), StatusCode::OK, "the place came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_proxy_is_not_believed() {
    let server = Server::with(|config| {
        trusting(config);
        config.trust_proxies = vec!["192.0.2.1".parse().expect("a network")];
    });
    let mut peers = Vec::new();
    for _ in 0..3 {
        let mut peer = server.connect().await;
        peer.send(by("192.0.2.7", &get("/events?topic=a"))).await;
        peer.opens_stream().await;
        peers.push(peer);
    }
    server.until(r#"connections{lane="sse"}"#, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_loopback_is_no_privilege() {
    let server = Server::with(|config| config.trust_proxies = vec!["127.0.0.1".parse().expect("a network")]);
    assert_eq!(server.get("/api/info").await.json()["publish"], "closed");
    let publish = by("192.0.2.7", &crate::support::post("/api/topics/a", "1"));
    server.ask(publish).await.is_problem(403, "forbidden");
    server.get("/metrics").await.is_problem(404, "not_found");
}
