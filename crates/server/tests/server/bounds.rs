//! Every connection is bounded: what it may leave unsaid, how much it may ask for, how many there may be.

use std::time::Duration;

use wirelab_server::config::Config;

use crate::support::{Http2, Peer, Server, Socket, Watched, get, kind, post, soon, upgrade};

const SHORT: Duration = Duration::from_millis(250);

fn overrun(reason: &str) -> String {
    format!("http_connections_overrun_total{{reason={reason:?}}}")
}

fn impatient(config: &mut Config) {
    config.limits.header_timeout = SHORT;
    config.limits.idle_timeout = SHORT;
}

/// A connection that says `words` and no more is closed, and counted as having overrun `reason`.
async fn check_cut(words: &[u8], answers: usize, reason: &str) {
    let mut watched = Watched::around(Server::with(impatient)).await;
    let mut peer = watched.server.connect().await;
    peer.send(words).await;
    for _ in 0..answers {
        assert_eq!(peer.answer().await.status, 200);
    }
    peer.ends().await;
    watched.unharmed(&overrun(reason), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_closed() {
    check_cut(b"", 0, "head").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_half_a_head_is_closed() {
    check_cut(b"G", 0, "head").await;
    check_cut(b"PRI * HT", 0, "head").await;
    check_cut(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n", 0, "head").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_half_a_head_after_a_whole_one_is_closed() {
    let server = Server::with(|config| config.limits.header_timeout = SHORT);
    let mut peer = server.connect().await;
    peer.send(get("/health/live")).await;
    assert_eq!(peer.answer().await.status, 200);
    peer.send("GET /health").await;
    peer.ends().await;
    server.until(&overrun("head"), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_idles_after_a_request_is_closed() {
    check_cut(get("/health/live").as_bytes(), 1, "idle").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_says_that_it_speaks_http_2_is_closed() {
    let server = Server::with(impatient);
    let mut http2 = Http2::connect(&server).await;
    http2.ends().await;
    server.until(&overrun("head"), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_idles_on_http_2_is_closed_and_a_stream_is_not_idle() {
    let server = Server::with(impatient);
    let mut http2 = Http2::connect(&server).await;
    let stream = http2.get("/events?topic=a").await;
    assert!(http2.block(stream).await.contains("event: hello\n"));
    let mut idle = Http2::connect(&server).await;
    let request = idle.get("/health/live").await;
    idle.find(|frame| frame.stream == request && frame.ends_stream()).await;
    idle.ends().await;
    server.until(&overrun("idle"), 1).await;
    server.publish("a", "1").await;
    assert!(
        http2.block(stream).await.contains(r#""data":1}"#),
        "it was quiet for as long"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_trickles_is_closed_all_the_same() {
    let server = Server::with(impatient);
    let mut peer = server.connect().await;
    peer.send("GET / HTTP/1.1\r\n").await;
    let trickle = async {
        while peer.try_send("x: y\r\n").await {
            tokio::time::sleep(SHORT / 10).await; // the pace is the point
        }
    };
    soon("the server to lose patience", trickle).await;
    server.until(&overrun("head"), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_refused() {
    for line in [
        "x: y\r\n".to_owned(),
        format!("x: {}\r\n", "y".repeat(10_000)),
        "y".repeat(10_000),
    ] {
        let mut watched = Watched::start().await;
        let mut peer = watched.server.connect().await;
        peer.send("GET / HTTP/1.1\r\nhost: localhost\r\n").await;
        for _ in 0..100 {
            if !peer.try_send(&line).await {
                break;
            }
        }
        let last = String::from_utf8_lossy(&peer.rest().await).into_owned();
        let told = ["HTTP/1.1 431 ", "HTTP/1.1 400 "]
            .iter()
            .any(|status| last.starts_with(status));
        assert!(told || last.is_empty(), "{last:?}");
        watched.unharmed("http_connections_refused_total", 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_its_answers_is_let_go() {
    let mut watched = Watched::around(Server::with(|config| config.limits.stall_timeout = SHORT)).await;
    let mut peer = Peer::connect_small(watched.server.address()).await;
    for _ in 0..2000 {
        if !peer.try_send(get("/api/info")).await {
            break;
        }
    }
    watched.unharmed(&overrun("stall"), 1).await;
}

/// A reader of a lane that stops reading is let go, and counted, whether the engine's wheel sees it first or the kernel.
async fn check_stalled(lane: &str, request: &str, heartbeat: Duration) {
    let server = Server::with(|config| {
        config.limits.stall_timeout = SHORT;
        (config.sse_heartbeat, config.websocket_heartbeat) = (heartbeat, heartbeat);
    });
    let mut peer = Peer::connect_small(server.address()).await;
    peer.send(request).await;
    peer.take_until("\r\n\r\n").await;
    let open = format!("connections{{lane={lane:?}}}");
    server.until(&open, 1).await;
    let (mut publisher, large) = (server.connect().await, format!("\"{}\"", "x".repeat(40_000)));
    for _ in 0..40 {
        publisher.publish("a", &large).await;
    }
    server.until(&open, 0).await;
    let stalled = format!("connections_closed_total{{lane={lane:?},reason=\"stalled\"}}");
    server.until(&stalled, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_is_let_go() {
    for heartbeat in [SHORT / 2, Duration::from_secs(25)] {
        check_stalled("sse", &get("/events?topic=a"), heartbeat).await;
        check_stalled("websocket", &upgrade("/ws?topic=a", ""), heartbeat).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_too_many_is_told_to_come_later_and_a_place_comes_back() {
    // One of each kind that can hold a place: nothing said, kept alive, taken by either room, HTTP/2.
    let server = Server::with(|config| config.limits.connections = 5);
    let silent = server.connect().await;
    let mut kept = server.connect().await;
    kept.send(get("/health/live")).await;
    kept.answer().await;
    let mut events = server.connect().await;
    events.open_stream("/events?topic=a").await;
    let socket = Socket::greeted(&server, "/ws").await;
    let mut http2 = Http2::connect(&server).await;
    let stream = http2.get("/events?topic=a").await;
    http2.block(stream).await;

    let (mut successors, mut refused) = (Vec::new(), 0);
    let mut places: Vec<Box<dyn std::any::Any + Send>> = vec![Box::new(silent), Box::new(kept), Box::new(events)];
    places.extend([Box::new(socket) as _, Box::new(http2) as _]);
    for place in places {
        is_turned_away(&server).await;
        refused += 1;
        drop(place);
        // Whoever asks meanwhile is turned away; the one who gets the place keeps it, idle.
        let successor = soon("the place to come back", async {
            loop {
                let mut peer = server.connect().await;
                peer.try_send(get("/health/live")).await;
                match peer.answer().await.status {
                    200 => return peer,
                    _ => refused += 1,
                }
                tokio::task::yield_now().await;
            }
        });
        successors.push(successor.await);
    }
    is_turned_away(&server).await;
    drop(successors);
    let counted = async {
        // To ask what was counted needs a place too, and is counted where there is none yet.
        while server.count(r#"http_connections_refused_total{reason="full"}"#).await <= refused {}
    };
    soon("everyone who was turned away to be counted", counted).await;
}

/// There is no place: the server says so, and when to come back.
async fn is_turned_away(server: &Server) {
    let mut peer = server.connect().await;
    let answer = peer.answer().await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (503, Some("close")),
        "{answer:?}"
    );
    assert!(
        answer.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok()),
        "{answer:?}"
    );
    peer.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn echoes_have_their_own_small_number() {
    let server = Server::with(|config| config.limits.echo_connections = 2);
    let (one, _two) = (
        Socket::open(&server, "/ws/echo").await,
        Socket::open(&server, "/ws/echo").await,
    );
    let answer = server.ask(upgrade("/ws/echo", "")).await;
    answer.is_problem(503, "unavailable");
    Socket::greeted(&server, "/ws").await;
    drop(one);
    server.until(r#"connections{lane="websocket"}"#, 1).await;
    soon("a place to come back", async {
        while server.ask(upgrade("/ws/echo", "")).await.status != 101 {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_http_2_connection_carries_256_streams_at_most() {
    let server = Server::start();
    let mut http2 = Http2::connect(&server).await;
    let mut first = None;
    for _ in 0..256 {
        first = first.or(Some(http2.get("/events?topic=a").await));
    }
    server.until(r#"connections{lane="sse"}"#, 256).await;
    let one_too_many = http2.get("/events?topic=a").await;
    let refused = http2.find(|frame| frame.stream == one_too_many).await;
    assert_eq!(
        (refused.kind, refused.payload.as_slice()),
        (kind::RST_STREAM, &7_u32.to_be_bytes()[..]),
        "REFUSED_STREAM"
    );
    http2.cancel(first.expect("256 of them")).await;
    server.until(r#"connections{lane="sse"}"#, 255).await;
    let again = http2.get("/events?topic=a").await;
    assert!(http2.block(again).await.contains("event: hello\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused() {
    let server = Server::start();
    let body = "1".repeat(70_000);
    server
        .ask(post("/api/topics/a", &body))
        .await
        .is_problem(413, "too_large");
    let head = "POST /api/topics/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    server.ask(chunked).await.is_problem(413, "too_large");
    assert_eq!(server.publish("a", "1").await.offset, 1, "nothing was published before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start(); // ten seconds, as DESIGN says
    let mut peer = server.connect().await;
    let request = post("/api/topics/a", "[1,2,3]");
    peer.send(&request[..request.len() - 1]).await;
    peer.answer().await.is_problem(408, "refused");
    assert_eq!(server.publish("a", "1").await.offset, 1, "nothing was published before");
}
