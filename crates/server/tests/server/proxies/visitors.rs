//! Who is asking, as each shipped file tells it to a server that trusts the proxy.

use wirelab_server::config::{Config, Visitors};

use super::{Curl, Proxy, RIGHT, RIGHT_TLS, STREAMS, Shipped};
use crate::support::{Server, get, upgrade};

const REFUSED: &str = r#"refused_total{reason="address-full"}"#;

/// Trusts this machine, on which the proxies run, and lets an address have two.
fn trusting(config: &mut Config) {
    config.trust_proxies = vec!["127.0.0.1".parse().expect("a network")];
    config.allow_hosts = vec!["feed.example.org".parse().expect("a host")];
    config.limits.connections_per_address = 2;
    config.visitors = Visitors::Local; // publishing is not what this is about
}

fn from(visitor: &str, request: &str) -> String {
    request.replacen(
        "\r\n",
        &format!("\r\nx-forwarded-for: 6.6.6.6, {visitor}\r\nforwarded: for=6.6.6.6\r\n"),
        1,
    )
}

/// nginx and HAProxy append to what came before them, which here is another trusted proxy: the test.
#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_has_an_allowance_of_its_own_on_every_lane() {
    for shipped in [Shipped::NginxRight, Shipped::Haproxy] {
        let server = Server::with(trusting);
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let ask = async |visitor, request: &str| {
            let mut peer = proxy.connect().await;
            peer.send(from(visitor, request)).await;
            (peer.head().await.status, peer)
        };
        let stream = ask("192.0.2.7", &get("/events?topic=a")).await;
        let socket = ask("192.0.2.7", &upgrade("/ws", "")).await;
        assert_eq!((stream.0, socket.0), (200, 101), "{shipped:?}");
        for request in [get("/events?topic=a"), upgrade("/signal", ""), get("/api/info")] {
            assert_eq!(ask("192.0.2.7", &request).await.0, 503, "{shipped:?} {request}");
        }
        server.until(REFUSED, 3).await;
        let other = ask("192.0.2.8", &get("/events?topic=a")).await;
        assert_eq!(other.0, 200, "{shipped:?}: somebody else is not concerned");
        drop(stream);
        server.until(STREAMS, 1).await;
        assert_eq!(
            ask("192.0.2.7", &get("/api/info")).await.0,
            200,
            "{shipped:?}: the place came back"
        );
    }
}

/// Caddy takes nobody's word unless it is told to: what a visitor claims is gone.
#[tokio::test(flavor = "multi_thread")]
async fn caddy_tells_its_own_peer_and_nothing_that_it_claims() {
    let server = Server::with(trusting);
    let Some(caddy) = Proxy::start(Shipped::Caddy, server.address()).await else {
        return;
    };
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut peer = caddy.connect().await;
        peer.send(from("192.0.2.7", &get("/events?topic=a"))).await;
        assert_eq!(
            peer.head().await.status,
            200,
            "this machine's visitors are not counted by address"
        );
        streams.push(peer);
    }
    server.until(REFUSED, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_visitor_can_make_the_two_spellings_disagree() {
    for shipped in RIGHT {
        let server = Server::with(trusting);
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let claims = "GET /api/info HTTP/1.1\r\nforwarded: for=6.6.6.6;host=evil.example;proto=https\r\n\
            x-forwarded-host: evil.example\r\nx-forwarded-proto: gopher\r\nhost: localhost\r\n\r\n";
        let mut peer = proxy.connect().await;
        peer.send(claims).await;
        let answer = peer.head().await;
        assert_eq!(answer.status, 200, "{shipped:?} {answer:?}");
        let policy = answer.header("content-security-policy").expect("on every answer");
        assert!(
            policy.contains(" ws://localhost"),
            "{shipped:?}: it came without TLS: {policy}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_over_tls_opens_its_lanes_and_another_does_not() {
    for shipped in RIGHT_TLS {
        let server = Server::with(trusting);
        let Some(proxy) = Proxy::start(shipped, server.address()).await else {
            continue;
        };
        let port = proxy.tls.port();
        let (resolve, certificate) = (format!("feed.example.org:{port}:127.0.0.1"), proxy.certificate());
        let url = format!("https://feed.example.org:{port}/events?topic=a");
        for (origin, status) in [
            (format!("https://feed.example.org:{port}"), "200"),
            (format!("http://feed.example.org:{port}"), "403"),
            ("https://evil.example".to_owned(), "403"),
        ] {
            let line = format!("origin: {origin}");
            let asked = ["-D", "-", "--resolve", &resolve, "--cacert", &certificate, "-H", &line];
            let Some(mut curl) = Curl::start(&asked, &url) else {
                return;
            };
            let head = curl.head().await;
            assert!(
                head.starts_with(&format!("http/2 {status}")),
                "{shipped:?} {origin} {head}"
            );
            let policy = format!("connect-src 'self' wss://feed.example.org:{port}\r\n");
            assert!(head.contains(&policy), "{shipped:?} {head}");
            curl.kill().await;
        }
    }
}
