//! Event streams that are broken in one way each.

use crate::{
    broken::sse::{Fault, serve},
    support::{Report, report, verify},
};

/// Over plain HTTP a browser meets its wall of six: that is no fault of these.
const WALL: &str = "WARN sse.http2";

async fn with(fault: Fault, more: &[&str]) -> Report {
    let server = serve(fault).await;
    let url = server.url("http", "/stream");
    let arguments: Vec<&str> = ["sse", &url].into_iter().chain(more.iter().copied()).collect();
    report(&arguments).await
}

/// A fault, and what must be told beside the wall, in the order of the checks.
async fn is_caught(fault: Fault, more: &[&str], told: &[&str]) -> Report {
    let report = with(fault, more).await;
    let faults: Vec<String> = report.faults().into_iter().filter(|fault| fault != WALL).collect();
    assert_eq!(faults, told, "{fault:?}: {}", report.told());
    report
}

const NO_STREAM: [&str; 9] = [
    "SKIP sse.streaming",
    "SKIP sse.no-transform",
    "SKIP sse.compression",
    "SKIP sse.retry",
    "SKIP sse.ids",
    "SKIP sse.resume",
    "SKIP sse.heartbeat",
    "SKIP sse.http2",
    "SKIP sse.origin",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_stream_without_fault_passes() {
    let report = with(Fault::Nothing, &[]).await;
    report.has_exactly(&[WALL]);
    assert!(
        report.measured("sse.resume").contains("none lost, none twice"),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_stream_is_told() {
    for fault in [Fault::Html, Fault::Unavailable] {
        let told: Vec<&str> = ["FAIL sse.answer"].into_iter().chain(NO_STREAM).collect();
        let report = is_caught(fault, &[], &told).await;
        assert_eq!(report.code, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_do_not_come_as_they_are_sent_are_told() {
    let late = is_caught(Fault::Late, &["--watch", "3s"], &["FAIL sse.streaming"]).await;
    assert!(late.measured("sse.streaming").starts_with("BATCHED"), "{late:?}");

    let held = with(Fault::Held, &["--watch", "3s"]).await;
    assert!(
        held.measured("sse.streaming").starts_with("HELD-UNTIL-CLOSE"),
        "{held:?}"
    );

    let broken = with(Fault::NotUtf8, &[]).await;
    assert!(broken.measured("sse.streaming").starts_with("BROKEN"), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut_off() {
    let report = with(Fault::Flood, &[]).await;
    let streaming = report.check("sse.streaming");
    assert_eq!(streaming["verdict"], "FAIL", "{streaming}");
    assert!(
        report.json.to_string().len() < 100_000,
        "a report does not grow with what is sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_may_be_changed_or_is_compressed_is_told() {
    is_caught(Fault::NoCacheControl, &[], &["WARN sse.no-transform"]).await;
    is_caught(Fault::Gzip, &[], &["FAIL sse.compression"]).await;
    is_caught(Fault::GzipInSpiteOfNoTransform, &[], &["FAIL sse.compression"]).await;
    is_caught(
        Fault::GzipIfAsked,
        &[],
        &["WARN sse.no-transform", "WARN sse.compression"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_taken_up_again_is_told() {
    is_caught(Fault::NoRetry, &[], &["WARN sse.retry"]).await;
    is_caught(Fault::RetryAtOnce, &[], &["WARN sse.retry"]).await;
    is_caught(Fault::NoIds, &[], &["WARN sse.ids", "SKIP sse.resume"]).await;
    is_caught(Fault::OneId, &[], &["FAIL sse.ids", "SKIP sse.resume"]).await;
    for (fault, words) in [
        (Fault::NoResume, "did not come back"),
        (Fault::Hole, "1 of"),
        (Fault::Doubled, "came twice"),
        (Fault::ResumeRefused, "503"),
    ] {
        let report = is_caught(fault, &[], &["FAIL sse.resume"]).await;
        assert!(report.measured("sse.resume").contains(words), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_does_not_say_that_it_lives_is_told() {
    is_caught(Fault::NoHeartbeat, &[], &["WARN sse.heartbeat"]).await;
    let cut = is_caught(Fault::Cut, &[], &["FAIL sse.heartbeat"]).await;
    assert!(cut.measured("sse.heartbeat").starts_with("cut after"), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_any_page_reads_is_told() {
    is_caught(Fault::AnyOrigin, &[], &["WARN sse.origin"]).await;
    is_caught(Fault::EveryOriginWithCookies, &[], &["FAIL sse.origin"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blame_is_placed() {
    let (through, direct) = (serve(Fault::Late).await, serve(Fault::Nothing).await);
    let (late, fine) = (through.url("http", "/"), direct.url("http", "/"));
    let watched = ["--watch", "3s", "--direct"];
    let on_the_way = report(&["sse", &late, watched[0], watched[1], watched[2], &fine]).await;
    let check = on_the_way.check("sse.streaming");
    assert_eq!(
        (&check["blame"], &check["direct"]["verdict"]),
        (&"path".into(), &"PASS".into())
    );
    let at_the_origin = report(&["sse", &late, watched[0], watched[1], watched[2], &late]).await;
    assert_eq!(at_the_origin.check("sse.streaming")["blame"], "origin");
    assert_eq!(at_the_origin.check("sse.retry")["blame"], serde_json::Value::Null);
    let text = verify(&["sse", &late, "--timeout", "8s", "--heartbeat", "1s", "--direct", &fine]).await;
    let line = text.stdout.lines().find(|line| line.contains("sse.streaming"));
    let line = line.unwrap_or_else(|| panic!("{text:?}"));
    assert!(line.starts_with("FAIL  sse.streaming "), "{line}");
    assert!(line.contains("BATCHED") && line.contains("Blame: on the way"), "{line}");
    assert!(line.ends_with("(docs/verify/sse.streaming.md)"), "{line}");
}
