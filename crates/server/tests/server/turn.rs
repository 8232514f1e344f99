//! TURN credentials over real sockets: who gets them, by which way, and who does not.

use std::time::Duration;

use serde_json::{Value, json};
use wirelab_server::config::{Secret, Turn};

use crate::support::{Server, Socket, get};

/// A server whose relay nobody asks.
fn server() -> Server {
    Server::with(|config| {
        config.turn = Some(Turn {
            urls: vec!["turn:turn.example.org".parse().expect("a URL")],
            secret: Secret::new("s3cret".into()),
            ttl: Duration::from_secs(3600),
        });
    })
}

async fn welcome(server: &Server) -> Value {
    let mut socket = Socket::open(server, "/signal").await;
    socket.ask(r#"{"type": "join", "room": "r"}"#).await
}

#[tokio::test]
async fn both_ways_give_a_credential_and_both_are_counted() {
    let server = server();
    let answer = server.get("/api/ice-servers").await;
    assert_eq!(answer.status, 200);
    let asked: Value = serde_json::from_str(&answer.text()).expect("JSON");
    let welcomed = welcome(&server).await;
    for servers in [&asked["iceServers"], &welcomed["ice_servers"]] {
        assert_eq!(servers[0]["urls"], json!(["turn:turn.example.org"]));
        assert!(
            servers[0]["username"].is_string() && servers[0]["credential"].is_string(),
            "{servers}"
        );
    }
    server.until("turn_credentials_minted_total", 2).await;
}

#[tokio::test]
async fn a_page_of_another_site_gets_none() {
    let server = server();
    for line in [
        "origin: https://evil.example",
        "origin: null",
        "sec-fetch-site: cross-site",
    ] {
        let request =
            get("/api/ice-servers").replacen("host: localhost\r\n", &format!("host: localhost\r\n{line}\r\n"), 1);
        server.ask(request).await.is_problem(403, "forbidden");
    }
    server.until("turn_credentials_minted_total", 0).await;
    server.until(r#"refused_total{reason="origin"}"#, 3).await;
}
