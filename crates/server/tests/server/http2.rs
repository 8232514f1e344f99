//! HTTP/2 over TLS, by a client that others have written: a hundred streams on one connection, and WebSockets by extended
//! CONNECT (RFC 8441) beside them.

use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Method, Response, body::Incoming, header::HeaderValue};
use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::{Http2Client, Server, read_event, soon};

/// The next block of a stream that is an answer's body.
pub(crate) async fn block(stream: &mut Response<Incoming>) -> String {
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

pub(crate) async fn text(
    socket: &mut (impl futures_util::Stream<Item = tungstenite::Result<Message>> + Unpin),
) -> Value {
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
