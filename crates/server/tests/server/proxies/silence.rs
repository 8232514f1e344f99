//! A stream on which nothing happens: cut by a proxy's limit of silence, kept open by the server's heartbeat.

use std::time::Duration;

use wirelab_server::config::Config;

use super::{Curl, Proxy, Shipped};
use crate::support::{Frame, Server, Socket, frame, upgrade};

/// What stands for a minute in a test that waits for it.
const LIMIT: &str = "2s";
/// Heartbeats that together take longer than the limit does.
const BEAT: Duration = Duration::from_millis(400);
const BEATS: usize = 8;

/// Proxies with a limit of silence, and where it stands. Caddy has none.
const LIMITED: [(Shipped, &[&str]); 2] = [
    (
        Shipped::NginxRight,
        &["proxy_read_timeout 60s;", "proxy_send_timeout 60s;"],
    ),
    (
        Shipped::Haproxy,
        &["timeout client 60s", "timeout server 60s", "timeout tunnel 60s"],
    ),
];

async fn start(shipped: Shipped, places: &[&str], server: &Server) -> Option<Proxy> {
    let shorter: Vec<(&str, String)> = places.iter().map(|text| (*text, text.replace("60s", LIMIT))).collect();
    let changes: Vec<(&str, &str)> = shorter.iter().map(|(from, to)| (*from, to.as_str())).collect();
    Proxy::changed(shipped, server.address(), &changes).await
}

fn beating(config: &mut Config) {
    (config.sse_heartbeat, config.websocket_heartbeat) = (BEAT, BEAT);
}

fn silent(config: &mut Config) {
    const NEVER: Duration = Duration::from_secs(600);
    (config.sse_heartbeat, config.websocket_heartbeat) = (NEVER, NEVER);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_outlives_the_limit_by_its_heartbeat() {
    for (shipped, places) in LIMITED {
        let server = Server::with(beating);
        let Some(proxy) = start(shipped, places, &server).await else {
            continue;
        };
        let Some(mut curl) = Curl::start(&[], &proxy.url("/events?topic=a")) else {
            return;
        };
        assert_eq!(curl.event().await.name, "hello");
        for _ in 0..BEATS {
            assert_eq!(curl.block().await, ": heartbeat\n\n", "{shipped:?}");
        }
        server.publish("a", "1").await;
        assert_eq!(
            curl.event().await.json()["data"],
            1,
            "{shipped:?}: it is the same stream"
        );
        curl.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_websocket_outlives_the_limit_by_its_pings() {
    for (shipped, places) in LIMITED {
        let server = Server::with(beating);
        let Some(proxy) = start(shipped, places, &server).await else {
            continue;
        };
        let mut peer = proxy.connect().await;
        peer.send(upgrade("/ws?topic=a", "")).await;
        let mut socket = Socket::opens(peer).await;
        assert_eq!(socket.json().await["type"], "hello");
        for _ in 0..BEATS {
            let ping = socket.frame().await;
            assert_eq!(ping.first, Frame::PING, "{shipped:?}");
            socket.peer.send(frame(Frame::PONG, &ping.payload)).await;
        }
        server.publish("a", "1").await;
        assert_eq!(socket.json().await["data"], 1, "{shipped:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_heartbeat_both_are_cut() {
    for (shipped, places) in LIMITED {
        let server = Server::with(silent);
        let Some(proxy) = start(shipped, places, &server).await else {
            continue;
        };
        let Some(curl) = Curl::start(&[], &proxy.url("/events?topic=a")) else {
            return;
        };
        let mut peer = proxy.connect().await;
        peer.send(upgrade("/ws?topic=a", "")).await;
        let mut socket = Socket::opens(peer).await;
        assert_eq!(socket.json().await["type"], "hello");
        socket.peer.ends().await;
        let (shown, _) = curl.ends().await;
        assert!(
            shown.contains("event: hello\n") && !shown.contains(": heartbeat"),
            "{shipped:?} {shown:?}"
        );
    }
}
