//! Our own server passes every check.

use crate::support::{Wirelab, report};

#[tokio::test(flavor = "multi_thread")]
async fn a_wirelab_passes_every_check_but_for_what_needs_tls() {
    let server = Wirelab::start(&["--https", "off", "--sse-heartbeat", "1s"]);
    for what in ["sse", "ws"] {
        let report = report(&[what, &server.url(), "--heartbeat", "5s"]).await;
        assert_eq!(report.json["is_wirelab"], true);
        report.has_exactly(if what == "sse" {
            &["WARN sse.http2"]
        } else {
            &["SKIP ws.http2"]
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wirelab_with_tls_passes_every_check() {
    let folder = std::env::temp_dir().join(format!("wirelab-verify-real-{}", std::process::id()));
    let data = folder.to_str().expect("UTF-8");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let https = format!("127.0.0.1:{port}");
    let server = Wirelab::start(&["--https", &https, "--data-dir", data, "--sse-heartbeat", "1s"]);
    let ca = folder.join("localhost.crt");
    let url = format!("https://localhost:{port}");
    let trusted = ["--ca", ca.to_str().expect("UTF-8"), "--heartbeat", "5s"];
    for what in ["sse", "ws"] {
        let report = report(&[what, &url, trusted[0], trusted[1], trusted[2], trusted[3]]).await;
        report.has_exactly(&[]);
    }
    drop(server);
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_survives_with_the_servers_heartbeat() {
    let beating = ["--https", "off", "--sse-heartbeat", "1s", "--websocket-heartbeat", "1s"];
    let server = Wirelab::start(&beating);
    let report = report(&["idle", &server.url(), "--max", "4s"]).await;
    report.has_exactly(&[]);
    assert!(
        report.measured("idle.sse").starts_with("the server speaks"),
        "{report:?}"
    );
    assert!(
        report.measured("idle.ws").starts_with("the server speaks"),
        "{report:?}"
    );
    assert!(report.measured("idle.ws-up").contains("4000"), "{report:?}");
}
