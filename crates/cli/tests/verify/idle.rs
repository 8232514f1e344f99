//! Paths on which silence does not survive.

use crate::{
    broken::{
        sse,
        ws::{Fault, serve},
    },
    support::{Report, report},
};

const NO_STREAM: &str = "SKIP idle.sse";

async fn with(fault: Fault) -> Report {
    let server = serve(fault).await;
    report(&["idle", &server.url("ws", "/socket"), "--max", "4s"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_cut_in_silence_is_told_with_the_heartbeat_that_follows() {
    let report = with(Fault::CutsSilence).await;
    report.has_exactly(&[NO_STREAM, "FAIL idle.ws", "SKIP idle.ws-up"]);
    assert!(report.measured("idle.ws").starts_with("cut after 1."), "{report:?}");
    let limit_s = report.check("idle.ws")["limit_s"].as_f64();
    assert!(limit_s.is_some_and(|limit| (0.5..2.5).contains(&limit)), "{limit_s:?}");
    let hint = report.check("idle.ws")["hint"].as_str().expect("text");
    assert!(hint.starts_with("say something every 0."), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_dies_unseen_is_found_by_asking() {
    let report = with(Fault::ForgetsSilence).await;
    report.has_exactly(&[NO_STREAM, "FAIL idle.ws", "SKIP idle.ws-up"]);
    assert!(report.measured("idle.ws").contains("nobody is told"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_direction_is_told() {
    let report = with(Fault::CutsSilentClient).await;
    assert_eq!(report.check("idle.ws-up")["verdict"], "FAIL", "{report:?}");
    assert_eq!(report.check("idle.ws-down")["verdict"], "PASS", "{report:?}");

    let report = with(Fault::CutsSilentServer).await;
    assert_eq!(report.check("idle.ws-down")["verdict"], "FAIL", "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_in_silence_is_told() {
    let server = sse::serve(sse::Fault::Cut).await;
    let cut = report(&["idle", &server.url("http", "/stream"), "--max", "4s"]).await;
    assert!(cut.measured("idle.sse").starts_with("cut after 0."), "{cut:?}");
    assert_eq!(cut.code, Some(1));

    let server = sse::serve(sse::Fault::NoHeartbeat).await;
    let silent = report(&["idle", &server.url("http", "/stream"), "--max", "2s"]).await;
    assert_eq!(silent.check("idle.sse")["verdict"], "WARN", "{silent:?}");
}

/// As Envoy's route timeout, which no heartbeat helps against.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_whole_answer_is_told_from_one_of_silence() {
    let server = sse::serve(sse::Fault::CutInAll).await;
    let cut = report(&["idle", &server.url("http", "/stream"), "--max", "6s"]).await;
    assert_eq!(cut.check("idle.sse")["verdict"], "FAIL", "{}", cut.told());
    assert!(
        cut.measured("idle.sse").contains(" in all, though something came"),
        "{}",
        cut.told()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_heartbeat_lives() {
    let server = sse::serve(sse::Fault::Nothing).await;
    let report = report(&["idle", &server.url("http", "/stream"), "--max", "4s"]).await;
    assert!(report.measured("idle.sse").contains("it lived for 4.0 s"), "{report:?}");
    assert_eq!(report.code, Some(0));
}
