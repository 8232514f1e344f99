//! Input that is well framed and still wrong: a typed error, counted, and nobody else notices.

use serde_json::{Value, json};

use crate::support::{Server, Socket, Watched, post};

fn errors(code: &str) -> String {
    format!("errors_sent_total{{lane=\"websocket\",code={code:?}}}")
}

/// Each command is answered by an `error` of this code (with its `id`, where it has a good one), on a connection that
/// stays usable.
pub(crate) async fn check_commands(code: &str, commands: &[&str]) {
    let mut watched = Watched::start().await;
    let mut socket = Socket::greeted(&watched.server, "/ws").await;
    for (n, command) in commands.iter().enumerate() {
        let error = socket.ask(command).await;
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{command}: {error}"
        );
        assert!(
            error["message"].as_str().is_some_and(|message| !message.is_empty()),
            "{command}: {error}"
        );
        let id = serde_json::from_str::<Value>(command).expect("JSON")["id"].clone();
        let good = id.is_u64() || id.as_str().is_some_and(|id| id.len() <= 64);
        assert_eq!(error["id"], if good { id } else { Value::Null }, "{command}: {error}");
        assert_eq!(socket.ask("still there?").await["echoed"], "still there?");
        watched.unharmed(&errors(code), n as u64 + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_command_is_acknowledged_as_it_is() {
    let mut watched = Watched::start().await;
    let mut socket = Socket::greeted(&watched.server, "/ws").await;
    let deep = format!(r#"{{"type":"echo","data":{}"#, "[".repeat(1000));
    for text in [
        "",
        " ",
        "hello",
        "{",
        "{]",
        "null",
        "3",
        "[]",
        r#"["type"]"#,
        r#""type""#,
        "{}",
        r#"{"type":3}"#,
        r#"{"type":null}"#,
        r#"{"type":"echo""#,
        r#"{"type":"echo","data":}"#,
        r#"{"type":"echo","data":1}x"#,
        r#"{'type':'echo'}"#,
        "\u{0}",
        "\r\n",
        "\u{feff}{}",
        "a\"b\\c",
        "\u{2028}",
        &deep,
    ] {
        let ack = socket.ask(text).await;
        assert_eq!(ack, json!({"type": "ack", "ack": true, "echoed": text}));
    }
    watched
        .unharmed(r#"messages_received_total{lane="websocket"}"#, 23)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_types_are_told() {
    check_commands(
        "unknown_type",
        &[
            r#"{"type":""}"#,
            r#"{"type":"nope","id":1}"#,
            r#"{"type":"Subscribe","id":"a"}"#,
            r#"{"type":"hello"}"#,
            r#"{"type":"message","topic":"a"}"#,
            "{\"type\":\"\\u0000\\r\\n\",\"id\":\"\\r\\n\\u0000\"}",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_told() {
    check_commands(
        "bad_field",
        &[
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","id":1,"topic":3}"#,
            r#"{"type":"subscribe","id":1,"topic":null}"#,
            r#"{"type":"subscribe","id":1,"topic":"a","policy":"never"}"#,
            r#"{"type":"subscribe","id":1,"topic":"a","cursor":7}"#,
            r#"{"type":"unsubscribe","id":1}"#,
            r#"{"type":"publish","id":1,"topic":"a"}"#,
            r#"{"type":"publish","id":1,"data":1}"#,
            r#"{"type":"echo","id":1}"#,
            r#"{"type":"time","t0":1}"#,
            r#"{"type":"time","id":1}"#,
            r#"{"type":"time","id":1,"t0":-1}"#,
            r#"{"type":"time","id":1,"t0":1.5}"#,
            r#"{"type":"echo","id":-1,"data":1}"#,
            r#"{"type":"echo","id":1.5,"data":1}"#,
            r#"{"type":"echo","id":{},"data":1}"#,
            r#"{"type":"echo","id":true,"data":1}"#,
            r#"{"type":"echo","id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","data":1}"#,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_subscriptions_sixteen_stand() {
    let mut watched = Watched::start().await;
    let mut socket = Socket::greeted(&watched.server, "/ws").await;
    for n in 0..1000 {
        let answer = socket
            .ask(&format!(r#"{{"type":"subscribe","id":{n},"topic":"t{n}"}}"#))
            .await;
        let (kind, code) = if n < 16 {
            ("subscribed", Value::Null)
        } else {
            ("error", json!("limit"))
        };
        assert_eq!(
            (&answer["id"], &answer["type"], &answer["code"]),
            (&json!(n), &json!(kind), &code)
        );
    }
    assert_eq!(
        socket.ask(r#"{"type":"unsubscribe","topic":"t3"}"#).await["type"],
        "unsubscribed"
    );
    assert_eq!(
        socket.ask(r#"{"type":"subscribe","topic":"t999"}"#).await["type"],
        "subscribed"
    );
    watched.server.publish("t999", "1").await;
    assert_eq!(socket.json().await["topic"], "t999");
    watched.unharmed(&errors("limit"), 984).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_learn_from_thousands_of_errors_is_closed_with_4002() {
    let mut watched = Watched::start().await;
    let mut socket = Socket::greeted(&watched.server, "/ws").await;
    for _ in 0..=4096 {
        assert_eq!(socket.ask(r#"{"type":"nope"}"#).await["code"], "unknown_type");
    }
    socket.closes(4002).await;
    watched
        .unharmed(r#"connections_closed_total{lane="websocket",reason="misuse"}"#, 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_subscribed_is_not_ended_and_what_was_not_again() {
    check_commands("not_subscribed", &[r#"{"type":"unsubscribe","id":1,"topic":"a"}"#]).await;
    let server = Server::start();
    let mut socket = Socket::greeted(&server, "/ws?topic=a").await;
    let again = socket.ask(r#"{"type":"subscribe","id":"again","topic":"a"}"#).await;
    assert_eq!((&again["code"], &again["id"]), (&json!("bad_field"), &json!("again")));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_more_than_48_kib_is_too_large() {
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let publish = |bytes: usize| format!(r#"{{"type":"publish","id":1,"topic":"a","data":{}}}"#, text(bytes));
    check_commands("too_large", &[&publish(48 * 1024 + 1)]).await;
    let server = Server::start();
    server
        .ask(post("/api/topics/a", &text(48 * 1024 + 1)))
        .await
        .is_problem(413, "too_large");
    let mut socket = Socket::greeted(&server, "/ws").await;
    assert_eq!(socket.ask(&publish(48 * 1024)).await["ack"], true);
    assert_eq!(server.publish("a", &text(48 * 1024)).await.offset, 2);
    let spaced = format!("[{}1]", " ".repeat(50_000));
    assert_eq!(
        server.publish("a", &spaced).await.offset,
        3,
        "what counts is the compact JSON"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn published_data_must_be_json() {
    let server = Server::start();
    for body in ["", "nope", "{", "1 2", "\u{0}", "'a'"] {
        server
            .ask(post("/api/topics/a", body))
            .await
            .is_problem(400, "bad_json");
    }
    assert_eq!(
        server.publish("a", "null").await.offset,
        1,
        "nothing was published before"
    );
}
