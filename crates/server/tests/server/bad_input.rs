//! Input that is well framed and still wrong: a typed error, counted, and nobody else notices.

use serde_json::{Value, json};

use crate::support::{Server, Socket, Watched, get, post, upgrade};

const CURSOR: &str = "00c0ffee00c0ffee.1";

fn errors(code: &str) -> String {
    format!("errors_sent_total{{lane=\"websocket\",code={code:?}}}")
}

/// Each command is answered by an `error` of this code (with its `id`, where it has a good one), on a connection that
/// stays usable.
async fn check_commands(code: &str, commands: &[&str]) {
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
async fn names_outside_the_grammar_are_told() {
    let topics = [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "A",
        "ä",
        "a b",
        "a/b",
        "a@b",
        "a,b",
        "a\\r\\nb",
        "a\\nid: x",
        "a\\u0000",
        "tick",
        "tick.0.100",
        "tick.241.100",
        "tick.60.31",
        "tick.60.16385",
        "tick.60",
        "tick.060.100",
        "tick.x.y",
        "tick.60.100.1",
    ];
    let long = "a".repeat(65);
    let topics: Vec<_> = topics.into_iter().chain([long.as_str()]).collect();
    let command = |kind: &str, topic: &str| format!(r#"{{"type":{kind:?},"id":7,"topic":"{topic}","data":1}}"#);
    let commands: Vec<_> = topics.iter().map(|topic| command("subscribe", topic)).collect();
    let more = ["unsubscribe", "publish"].map(|kind| command(kind, "a\\r\\nb"));
    let commands: Vec<_> = commands.iter().chain(&more).map(String::as_str).collect();
    check_commands("bad_topic", &commands).await;

    let server = Server::start();
    for topic in [
        "%0d%0a",
        "a%0d%0ab",
        "a%00",
        "A",
        "a..b",
        "tick.0.100",
        "a%20b",
        "%ff",
        "",
        &long,
    ] {
        server
            .get(&format!("/events?topic={topic}"))
            .await
            .is_problem(400, "bad_topic");
        server
            .ask(upgrade(&format!("/ws?topic={topic}"), ""))
            .await
            .is_problem(400, "bad_topic");
        if !topic.is_empty() && topic != "%ff" {
            server
                .ask(post(&format!("/api/topics/{topic}"), "1"))
                .await
                .is_problem(400, "bad_topic");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_outside_the_grammar_are_told() {
    let odd = [
        "",
        "x",
        "00c0ffee00c0ffee",
        "00C0FFEE00C0FFEE.1",
        "00c0ffee00c0ffee.01",
        "00c0ffee00c0ffee.1\\r\\n",
        "\\u0000",
    ];
    let commands = odd.map(|cursor| format!(r#"{{"type":"subscribe","id":"c","topic":"a","cursor":"{cursor}"}}"#));
    check_commands("bad_cursor", &commands.each_ref().map(String::as_str)).await;

    let server = Server::start();
    for cursor in [
        "x",
        "00c0ffee00c0ffee.01",
        "00c0ffee00c0ffee.1%0d%0aevent:%20x",
        "00c0ffee00c0ffee.1%00",
    ] {
        for key in ["cursor", "last_event_id"] {
            server
                .get(&format!("/events?topic=a&{key}={cursor}"))
                .await
                .is_problem(400, "bad_cursor");
        }
        server
            .ask(upgrade(&format!("/ws?topic=a&cursor={cursor}"), ""))
            .await
            .is_problem(400, "bad_cursor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_fields_of_the_query_are_told() {
    let server = Server::start();
    for query in ["policy=never", "policy=", "policy=gap%0d%0a"] {
        server
            .get(&format!("/events?{query}"))
            .await
            .is_problem(400, "bad_field");
        server
            .ask(upgrade(&format!("/ws?{query}"), ""))
            .await
            .is_problem(400, "bad_field");
    }
    let two = format!("/ws?topic=a&topic=b&cursor={CURSOR}");
    server.ask(upgrade(&two, "")).await.is_problem(400, "bad_field");
    server
        .ask(upgrade(&format!("/ws?cursor={CURSOR}"), ""))
        .await
        .is_problem(400, "bad_field");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_event_id_that_is_none_of_ours_is_told_in_the_stream() {
    let mut watched = Watched::start().await;
    let odd: [&[u8]; 6] = [
        b"x",
        b"a@x",
        b"\xff\xfe",
        b"00c0ffee00c0ffee.1,",
        b"id: 1",
        &[b'y'; 5000],
    ];
    for (n, id) in odd.into_iter().enumerate() {
        let mut peer = watched.server.connect().await;
        peer.send(
            [
                b"GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\nlast-event-id: ",
                id,
                b"\r\n\r\n",
            ]
            .concat(),
        )
        .await;
        let hello = peer.opens_stream().await;
        assert_eq!(hello.status, 200);
        let resync = peer.event().await;
        assert_eq!(
            (resync.name.as_str(), &resync.json()["reason"]),
            ("control", &json!("unknown"))
        );
        assert_eq!(
            resync.id.as_deref(),
            resync.json()["cursor"].as_str(),
            "the next reconnect is exact"
        );
        watched
            .unharmed(r#"resyncs_total{lane="sse",reason="unknown"}"#, n as u64 + 1)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_no_head_may_hold_are_refused() {
    let mut watched = Watched::start().await;
    for head in [
        &b"GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\nlast-event-id: a\0b\r\n\r\n"[..],
        b"GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\nlast-event-id: a\rb\r\n\r\n",
        b"GET /events?topic=a\0 HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /events?topic=a\x0bb HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\0\0\0\0",
        b"NOT HTTP\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n",
    ] {
        let mut peer = watched.server.connect().await;
        peer.send(head).await;
        let answer = String::from_utf8_lossy(&peer.rest().await).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(),
            "{:?}: {answer}",
            String::from_utf8_lossy(head)
        );
        watched.unharmed(r#"connections{lane="sse"}"#, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_in_data_and_ids_stay_inside_their_frame() {
    let server = Server::start();
    let mut reader = server.connect().await;
    reader.open_stream("/events?topic=a").await;
    let mut socket = Socket::greeted(&server, "/ws").await;
    let id = "a\r\nevent: x\u{0}\u{2028}";
    let publish = json!({"type": "publish", "id": id, "topic": "a", "data": {"k\r\n": "\r\n\r\nevent: evil\n\u{0}"}});
    let ack = socket.ask(&serde_json::to_string_pretty(&publish).expect("JSON")).await;
    assert_eq!((&ack["ack"], &ack["id"]), (&json!(true), &json!(id)));
    let event = reader.event().await;
    assert_eq!(event.name, "a");
    assert_eq!(event.json()["data"], publish["data"]);
    server
        .ask(post("/api/topics/a", "\"\n\""))
        .await
        .is_problem(400, "bad_json");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_from_another_site_is_refused() {
    let mut watched = Watched::start().await;
    let lines = [
        "origin: https://evil.example",
        "origin: null",
        "origin: x",
        "origin: http://localhost:1",
        "sec-fetch-site: cross-site",
    ];
    let mut refused = 0;
    for line in lines {
        let line = format!("{line}\r\n");
        let with = |request: String| request.replacen("host: localhost\r\n", &format!("host: localhost\r\n{line}"), 1);
        for request in [
            get("/events"),
            upgrade("/ws", ""),
            upgrade("/ws/echo", ""),
            post("/api/topics/a", "1"),
        ] {
            watched.server.ask(with(request)).await.is_problem(403, "forbidden");
            refused += 1;
            watched.unharmed(r#"refused_total{reason="origin"}"#, refused).await;
        }
    }
    assert_eq!(
        watched.server.publish("a", "1").await.offset,
        1,
        "nothing was published"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_us_by_another_name_is_refused() {
    let mut watched = Watched::start().await;
    let mut refused = 0;
    for (host, status, code) in [
        ("host: evil.example", 421, "unknown_host"),
        ("host: localhost.evil.example", 421, "unknown_host"),
        ("host: 127.0.0.1.nip.io:8080", 421, "unknown_host"),
        ("x: y", 400, "bad_request"),
        ("host: localhost\r\nhost: localhost", 400, "bad_request"),
        ("host: local host", 400, "bad_request"),
        ("host: localhost:99999", 400, "bad_request"),
    ] {
        for request in [get("/"), get("/events"), upgrade("/ws", ""), post("/api/topics/a", "1")] {
            watched
                .server
                .ask(request.replacen("host: localhost", host, 1))
                .await
                .is_problem(status, code);
            refused += 1;
            watched.unharmed(r#"refused_total{reason="host"}"#, refused).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seventeen_topics_are_one_too_many() {
    let server = Server::start();
    let query = |topics: usize| (0..topics).map(|n| format!("topic=t{n}&")).collect::<String>();
    server
        .get(&format!("/events?{}", query(17)))
        .await
        .is_problem(429, "limit");
    server
        .ask(upgrade(&format!("/ws?{}", query(17)), ""))
        .await
        .is_problem(429, "limit");
    server
        .connect()
        .await
        .open_stream(&format!("/events?{}topic=t0", query(16)))
        .await;
    Socket::greeted(&server, &format!("/ws?{}topic=t0", query(16))).await;
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
async fn topics_of_the_server_are_not_published_to() {
    let own = ["metric", "tick.60.100", "hello", "control", "open", "error", "message"];
    let commands = own.map(|topic| format!(r#"{{"type":"publish","id":1,"topic":{topic:?},"data":1}}"#));
    check_commands("reserved", &commands.each_ref().map(String::as_str)).await;
    let server = Server::start();
    for topic in own {
        server
            .ask(post(&format!("/api/topics/{topic}"), "1"))
            .await
            .is_problem(403, "reserved");
    }
    for topic in &own[2..] {
        server
            .get(&format!("/events?topic={topic}"))
            .await
            .is_problem(403, "reserved");
    }
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
