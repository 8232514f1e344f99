//! Signalling over real sockets: rooms, the server's own peer, limits, those who vanish.

use serde_json::{Value, json};

use crate::support::{Server, Socket, Watched, soon};

/// Joins a room and reads the welcome.
async fn join(server: &Server, room: &str) -> (Socket, Value) {
    let mut socket = Socket::open(server, "/signal").await;
    let welcome = socket.ask(&json!({"type": "join", "room": room}).to_string()).await;
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    (socket, welcome)
}

#[tokio::test]
async fn two_find_each_other_and_the_later_one_is_polite() {
    let server = Server::start();
    let (mut a, first) = join(&server, "r").await;
    assert_eq!(first["peers"], json!([{"id": "server", "polite": true}]));
    assert_eq!(first["ice_servers"], json!([]));
    let (mut b, second) = join(&server, "r").await;
    let joined = a.json().await;
    assert_eq!(
        joined,
        json!({"type": "peer-joined", "id": second["you"], "polite": false})
    );
    assert_eq!(second["peers"][1], json!({"id": first["you"], "polite": true}));

    b.text(&json!({"type": "offer", "to": first["you"], "sdp": "v=0"}).to_string())
        .await;
    let candidate = json!({"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0});
    b.text(&json!({"type": "candidate", "to": first["you"], "candidate": candidate}).to_string())
        .await;
    assert_eq!(
        a.json().await,
        json!({"type": "offer", "from": second["you"], "sdp": "v=0"})
    );
    assert_eq!(
        a.json().await,
        json!({"type": "candidate", "from": second["you"], "candidate": candidate})
    );
    drop(b); // it vanishes
    assert_eq!(a.json().await, json!({"type": "peer-left", "id": second["you"]}));
    let refused = a
        .ask(&json!({"type": "offer", "to": second["you"], "sdp": "v=0"}).to_string())
        .await;
    assert_eq!(
        (&refused["code"], &refused["to"]),
        (&json!("no_such_peer"), &second["you"])
    );
    server.until("hub_refused_total{code=\"no_such_peer\"}", 1).await;
    server.until("hub_peers", 1).await;
}

#[tokio::test]
async fn what_is_no_signal_is_refused_and_counted() {
    let mut watched = Watched::start().await;
    let (mut socket, _) = join(&watched.server, "r").await;
    for (text, code) in [
        ("nonsense", "bad_signal"),
        (r#"{"type":"dance"}"#, "bad_signal"),
        (r#"{"type":"offer","to":"server"}"#, "bad_signal"),
        (r#"{"type":"join","room":"r"}"#, "bad_order"),
        (r#"{"type":"answer","to":"server","sdp":""}"#, "bad_order"),
        (r#"{"type":"offer","to":"server","sdp":"v=0"}"#, "bad_offer"),
    ] {
        let refused = socket.ask(text).await;
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("refused"), &json!(code)),
            "{text}"
        );
    }
    socket
        .text(
            r#"{"type":"candidate","to":"server","candidate":{"candidate":"candidate:1 1 udp 1 x.local 9 typ host"}}"#,
        )
        .await;
    watched.unharmed("webrtc_candidates_ignored_total", 1).await;
    watched.unharmed("webrtc_refused_total{reason=\"bad-offer\"}", 1).await;

    let mut loud = Socket::open(&watched.server, "/signal").await;
    loud.text(&"x".repeat(65_537)).await;
    assert_eq!(loud.frame().await.code(), Some(1009));
    for _ in 0..400 {
        socket.text(r#"{"type":"leave"}"#).await;
    }
    let refused = socket.json().await;
    assert_eq!(refused["code"], "limit", "{refused}");
    assert_eq!(socket.frame().await.code(), Some(1008));
    watched.unharmed("hub_peers", 0).await;
}

#[tokio::test]
async fn a_thousand_joins_leave_nothing() {
    let mut watched = Watched::start().await;
    let (mut socket, _) = join(&watched.server, "r").await;
    for n in 0..1_000 {
        socket
            .ask(&json!({"type": "join", "room": format!("r{n}")}).to_string())
            .await;
        if n % 90 == 89 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await; // within the rate
        }
    }
    drop(socket);
    let mut many = Vec::new();
    for n in 0..100 {
        many.push(join(&watched.server, &format!("r{}", n / 10)).await);
    }
    watched.unharmed("hub_rooms", 10).await;
    drop(many);
    watched.unharmed("hub_rooms", 0).await;
}

#[tokio::test]
async fn a_foreign_page_may_not_signal() {
    let server = Server::start();
    let upgrade = crate::support::upgrade("/signal", "origin: https://elsewhere.example\r\n");
    let answer = soon("an answer", server.ask(upgrade)).await;
    assert_eq!(answer.status, 403);
}
