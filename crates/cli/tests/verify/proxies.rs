//! The shipped proxies, run for real: the right ones pass every check, the wrong one fails exactly what it gets wrong.

#[allow(dead_code, reason = "the server's tests use more of it")]
#[path = "../../../server/tests/server/proxies/program.rs"]
mod program;

use std::net::{Ipv4Addr, SocketAddr};

use self::program::{Proxy, Shipped};
use crate::support::{Report, Wirelab, report, soon};

/// Says why a test shows nothing here.
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(program: &str) {
    eprintln!("skipped: there is no {program} on this machine");
}

/// Often enough for every limit of silence in these files.
const BEATING: [&str; 6] = ["--https", "off", "--sse-heartbeat", "1s", "--websocket-heartbeat", "1s"];

fn upstream(server: &Wirelab) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, server.port).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_right_passes_every_check() {
    for shipped in [Shipped::NginxRight, Shipped::Haproxy, Shipped::Caddy] {
        let server = Wirelab::start(&BEATING);
        let Some(proxy) = Proxy::start(shipped, upstream(&server)).await else {
            continue;
        };
        for (what, faults) in [
            ("sse", &["WARN sse.http2"][..]),
            ("ws", &["SKIP ws.http2"]),
            ("idle", &[]),
        ] {
            let arguments = [what, &proxy.url("/"), "--heartbeat", "5s", "--max", "3s"];
            report(&arguments).await.has_exactly(faults);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_right_with_tls_passes_every_check() {
    for shipped in [Shipped::NginxTls, Shipped::Haproxy, Shipped::Caddy] {
        let server = Wirelab::start(&BEATING);
        let Some(proxy) = Proxy::start(shipped, upstream(&server)).await else {
            continue;
        };
        let certificate = proxy.certificate();
        let trusted =
            async |what| report(&[what, &proxy.tls_url("/"), "--heartbeat", "5s", "--ca", &certificate]).await;
        trusted("sse").await.has_exactly(&[]);
        let socket: Report = trusted("ws").await;
        let faults = socket.faults();
        // Not every proxy knows RFC 8441; who offers it must mean it.
        assert!(
            faults.is_empty() || faults == ["SKIP ws.http2"],
            "{shipped:?} {socket:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_nginx_fails_what_it_gets_wrong_and_nothing_else() {
    let server = Wirelab::start(&["--https", "off"]);
    let Some(proxy) = Proxy::start(Shipped::NginxWrong, upstream(&server)).await else {
        return;
    };
    let direct = server.url();
    // Longer than the five seconds after which it cuts, and than its first 4 KiB take: then the head comes at last.
    let arguments = [
        &proxy.url("/"),
        "--direct",
        &direct,
        "--timeout",
        "8s",
        "--heartbeat",
        "20s",
        "--max",
        "12s",
    ];
    let sse = report(&[&["sse"], &arguments[..]].concat()).await;
    sse.has_exactly(&[
        "FAIL sse.streaming",
        "FAIL sse.compression",
        "FAIL sse.heartbeat",
        "WARN sse.http2",
    ]);
    for id in ["sse.streaming", "sse.compression", "sse.heartbeat"] {
        assert_eq!(sse.check(id)["blame"], "path", "{sse:?}");
    }
    assert_eq!(sse.check("sse.http2")["blame"], "origin", "{sse:?}");
    let ws = report(&[&["ws"], &arguments[..]].concat()).await;
    let failed: Vec<String> = ws
        .faults()
        .into_iter()
        .filter(|fault| fault.starts_with("FAIL"))
        .collect();
    assert_eq!(failed, ["FAIL ws.upgrade", "FAIL ws.browser"], "{ws:?}");
    assert_eq!(ws.check("ws.upgrade")["blame"], "path");
    // The server's heartbeat comes once in 15 s and may put the cut off once.
    let idle = report(&[&["idle"], &arguments[..]].concat()).await;
    assert_eq!(idle.check("idle.sse")["verdict"], "FAIL", "{}", idle.told());
}

/// As Envoy's `stream_idle_timeout`, or any other limit that is shorter than the heartbeat.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_silence_below_the_heartbeat_fails_what_is_idle() {
    let server = Wirelab::start(&["--https", "off"]);
    let impatient = [("proxy_read_timeout 60s;", "proxy_read_timeout 2s;")];
    let Some(proxy) = Proxy::changed(Shipped::NginxRight, upstream(&server), &impatient).await else {
        return;
    };
    let report = report(&["idle", &proxy.url("/"), "--direct", &server.url(), "--max", "6s"]).await;
    report.has_exactly(&["FAIL idle.sse", "FAIL idle.ws"]); // who talks, either way, keeps nginx's tunnel open
    assert!(report.measured("idle.sse").contains("of silence"), "{report:?}");
    assert_eq!(report.check("idle.sse")["blame"], "path");
}
