//! Names, cursors and ids outside their grammar, wherever they may stand, and bytes that would break out of a line.

use serde_json::json;

use crate::{
    bad_input::check_commands,
    support::{Server, Socket, Watched, post, upgrade},
};

const CURSOR: &str = "00c0ffee00c0ffee.1";

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
