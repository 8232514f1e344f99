//! WebSockets that are broken in one way each.

use crate::{
    broken::{
        h2,
        ws::{Fault, serve},
    },
    support::{Report, report},
};

/// Without TLS there is no HTTP/2: that is no fault of these.
const PLAIN: &str = "SKIP ws.http2";

async fn with(fault: Fault) -> Report {
    let server = serve(fault).await;
    report(&["ws", &server.url("ws", "/socket")]).await
}

/// A fault, and what must be told.
async fn is_caught(fault: Fault, told: &str, words: &str) {
    let report = with(fault).await;
    let faults: Vec<String> = report.faults().into_iter().filter(|fault| fault != PLAIN).collect();
    assert_eq!(faults, [told], "{fault:?}: {}", report.told());
    let measured = report.measured(&told[5..]);
    assert!(measured.contains(words), "{fault:?}: {measured}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_without_fault_passes() {
    let report = with(Fault::Nothing).await;
    report.has_exactly(&[PLAIN]);
    assert!(report.measured("ws.fragments").contains("whole"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_open_is_told() {
    for (fault, words) in [
        (Fault::UpgradeLost, "426"),
        (Fault::Redirects, "302 leads to https://elsewhere.example"),
    ] {
        let report = with(fault).await;
        assert!(report.measured("ws.upgrade").contains(words), "{report:?}");
        assert_eq!(
            report.faults()[..4],
            ["FAIL ws.upgrade", "SKIP ws.accept-key", PLAIN, "FAIL ws.browser"]
        );
        assert!(
            report.faults()[4..].iter().all(|fault| fault.starts_with("SKIP")),
            "{report:?}"
        );
        assert_eq!(report.code, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_another_question_is_told() {
    is_caught(Fault::WrongKey, "FAIL ws.accept-key", "bm90").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_for_every_page_is_told() {
    is_caught(
        Fault::AnyOrigin,
        "FAIL ws.origin",
        "101 to a page of https://foreign.example",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_limit_is_told() {
    is_caught(Fault::NoLimit, "FAIL ws.limit", "8 MiB of one message").await;
    is_caught(Fault::LimitWithoutWord, "WARN ws.limit", "no 1009").await;
    is_caught(Fault::LimitWrongCode, "WARN ws.limit", "1011").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_that_are_not_answered_are_told() {
    // Three checks ask with a ping whether anybody is there.
    for (fault, words) in [(Fault::PingUnanswered, "no pong"), (Fault::OtherPong, "14 other bytes")] {
        let report = with(fault).await;
        assert!(report.measured("ws.ping").contains(words), "{report:?}");
        assert_eq!(report.check("ws.ping")["verdict"], "FAIL");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_not_answered_is_told() {
    is_caught(Fault::CloseUnanswered, "FAIL ws.close", "without a close frame").await;
    is_caught(Fault::CloseWithoutEnd, "WARN ws.close", "stays").await;
    is_caught(Fault::CloseOtherCode, "WARN ws.close", "1001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_do_not_become_a_message_are_told() {
    is_caught(Fault::FragmentsRefused, "FAIL ws.fragments", "1003").await;
    is_caught(Fault::FragmentsAsMessages, "FAIL ws.fragments", "taken for messages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_no_server_may_take_are_told() {
    is_caught(Fault::Utf8Taken, "FAIL ws.utf8", "it was taken").await;
    is_caught(Fault::Utf8WithoutWord, "WARN ws.utf8", "no 1007").await;
    is_caught(Fault::UnmaskedTaken, "FAIL ws.unmasked", "it was taken").await;
    is_caught(Fault::UnmaskedOtherCode, "WARN ws.unmasked", "1011 instead of 1002").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut_off() {
    let report = with(Fault::Flood).await;
    assert_eq!(report.check("ws.ping")["verdict"], "FAIL", "{}", report.told());
    assert!(
        report.json.to_string().len() < 50_000,
        "a report does not grow with what is sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_that_http_2_offers_and_refuses_are_told() {
    let server = h2::serve(&[b"h2", b"http/1.1"]).await;
    let report = report(&["ws", &server.url("wss"), "--ca", server.trusted()]).await;
    report.has_exactly(&["FAIL ws.http2", "FAIL ws.browser"]);
    assert!(
        report.measured("ws.browser").contains("since it is offered"),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_http_2_a_browser_takes_the_upgrade() {
    let server = h2::serve(&[b"http/1.1"]).await;
    let report = report(&["ws", &server.url("wss"), "--ca", server.trusted()]).await;
    report.has_exactly(&["SKIP ws.http2"]);
    assert!(report.measured("ws.http2").contains("ALPN"), "{report:?}");
}
