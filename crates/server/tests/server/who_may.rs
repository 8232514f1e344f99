//! Who may do what, over real connections: names, origins, tokens.

use wirelab_server::config::Secret;

use crate::support::{Peer, Server, Socket, Watched, get, post, upgrade};

/// `request` with one more header line.
fn with(request: &str, line: &str) -> String {
    request.replacen("host: localhost\r\n", &format!("host: localhost\r\n{line}\r\n"), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_from_another_site_is_refused() {
    let mut watched = Watched::start().await;
    let mut refused = 0;
    for line in [
        "origin: https://evil.example",
        "origin: null",
        "origin: x",
        "origin: http://localhost:1",
        "sec-fetch-site: cross-site",
    ] {
        for request in [
            get("/events"),
            upgrade("/ws", ""),
            upgrade("/ws/echo", ""),
            post("/api/topics/a", "1"),
        ] {
            watched
                .server
                .ask(with(&request, line))
                .await
                .is_problem(403, "forbidden");
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
        ("host: evil.example", 421, "misdirected"),
        ("host: localhost.evil.example", 421, "misdirected"),
        ("host: 127.0.0.1.nip.io:8080", 421, "misdirected"),
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
async fn names_and_origins_of_the_operator_are_taken() {
    let server = Server::with(|config| {
        config.allow_hosts = vec!["feed.example.org".parse().expect("a host")];
        config.allow_origins = vec!["https://app.example.org".parse().expect("an origin")];
    });
    let named = get("/api/info").replace("host: localhost", "host: feed.example.org");
    assert_eq!(server.ask(named).await.status, 200);
    let mut peer = server.connect().await;
    peer.send(with(&get("/events?topic=a"), "origin: https://app.example.org"))
        .await;
    let stream = peer.opens_stream().await;
    assert_eq!(
        stream.header("access-control-allow-origin"),
        Some("https://app.example.org"),
        "a taken stream says it too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_our_own_ports_may_read_each_other() {
    let server = Server::on(&["127.0.0.1:0", "127.0.0.1:0"], |_| {});
    let [one, other] = [0, 1].map(|n| format!("http://localhost:{}", server.addresses[n].port()));
    let own_host = format!("host: localhost:{}\r\n", server.addresses[0].port());
    let ask = async |request: &str| {
        let mut peer = Peer::connect(server.addresses[0]).await;
        peer.send(request.replacen("host: localhost\r\n", &own_host, 1)).await;
        peer.head().await
    };
    for request in [get("/api/info"), get("/events?topic=a"), post("/api/topics/a", "1")] {
        let across = ask(&with(&request, &format!("origin: {other}"))).await;
        assert_eq!(
            (across.status, across.header("access-control-allow-origin")),
            (200, Some(other.as_str()))
        );
        assert_eq!(across.header("vary"), Some("origin"));
        let own = ask(&with(&request, &format!("origin: {one}"))).await;
        assert_eq!((own.status, own.header("access-control-allow-origin")), (200, None));
    }
    let foreign = ask(&with(&get("/api/info"), "origin: https://evil.example")).await;
    assert_eq!(
        (foreign.status, foreign.header("access-control-allow-origin")),
        (200, None),
        "its browser keeps it"
    );
    assert_eq!(
        ask(&with(&upgrade("/ws", ""), &format!("origin: {other}")))
            .await
            .status,
        101
    );

    let preflight = |origin: &str| {
        let asks = format!("origin: {origin}\r\naccess-control-request-method: POST");
        with(&get("/api/topics/a").replacen("GET", "OPTIONS", 1), &asks)
    };
    let allowed = ask(&preflight(&other)).await;
    assert_eq!(
        (allowed.status, allowed.header("access-control-allow-origin")),
        (204, Some(other.as_str()))
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .is_some_and(|list| list.contains("content-type"))
    );
    assert_eq!(ask(&preflight("https://evil.example")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn off_loopback_publishing_needs_the_token() {
    let server = Server::on(&["0.0.0.0:0"], |config| {
        config.admin_token = Some(Secret::new("s3cret".into()))
    });
    assert_eq!(server.get("/api/info").await.json()["publish"], "token");
    let publish = post("/api/topics/a", "1");
    let refused = server.ask(&publish).await;
    refused.is_problem(401, "unauthorized");
    assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer realm="wirelab""#));
    for wrong in [
        "Bearer wrong",
        "Bearer s3cre",
        "Bearer s3cret2",
        "Basic s3cret",
        "s3cret",
    ] {
        server
            .ask(with(&publish, &format!("authorization: {wrong}")))
            .await
            .is_problem(401, "unauthorized");
    }
    assert_eq!(
        server.ask(with(&publish, "authorization: Bearer s3cret")).await.status,
        200
    );
    server.until(r#"refused_total{reason="token"}"#, 6).await;

    // A WebSocket opens for anyone, and publishes for the bearer of the token.
    let command = r#"{"type":"publish","id":1,"topic":"a","data":1}"#;
    let mut reader = Socket::greeted(&server, "/ws?topic=a").await;
    assert_eq!(reader.ask(command).await["code"], "forbidden");
    let mut peer = server.connect().await;
    peer.send(upgrade("/ws", "authorization: Bearer s3cret\r\n")).await;
    let mut operator = Socket::opens(peer).await;
    assert_eq!(operator.json().await["type"], "hello");
    assert_eq!(operator.ask(command).await["ack"], true);
    assert_eq!(reader.json().await["data"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn off_loopback_without_a_token_nobody_publishes_and_metrics_are_for_operators() {
    let server = Server::on(&["0.0.0.0:0"], |_| {});
    server
        .ask(post("/api/topics/a", "1"))
        .await
        .is_problem(403, "forbidden");
    server.get("/metrics").await.is_problem(404, "not_found");
    server.until(r#"refused_total{reason="token"}"#, 1).await; // the internal listener tells
    let internal = server.ask_internal("/api/info").await;
    internal.is_problem(404, "not_found");
    assert_eq!(server.ask_internal("/health/ready").await.status, 200);
}
