//! Data channels: those of the real server, and peers that are broken in one way each.

use crate::{
    broken::{
        Broken,
        peer::{Flaw, Peer},
    },
    support::{Report, Wirelab, report},
};

async fn with(flaw: Flaw) -> Report {
    let peer = Peer::start(flaw).await;
    report(&["webrtc", peer.url(), "--timeout", "3s"]).await
}

async fn is_caught(flaw: Flaw, told: &[&str], words: &str) {
    let report = with(flaw).await;
    assert_eq!(report.faults(), told, "{flaw:?}: {}", report.told());
    assert!(report.told().contains(words), "{flaw:?} {words}: {}", report.told());
}

/// What cannot be checked without what failed.
fn and_the_rest(failed: &'static str) -> Vec<&'static str> {
    const ALL: [&str; 8] = [
        "SKIP webrtc.signalling",
        "SKIP webrtc.candidates",
        "SKIP webrtc.open",
        "SKIP webrtc.pair",
        "SKIP webrtc.parameters",
        "SKIP webrtc.message-size",
        "SKIP webrtc.unreliable",
        "SKIP webrtc.reliable",
    ];
    let id = failed.split(' ').nth(1).expect("a verdict and an id");
    let at = ALL
        .iter()
        .position(|skip| skip.ends_with(id))
        .expect("it is one of them");
    std::iter::once(failed).chain(ALL[at + 1..].iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wirelab_passes_every_check() {
    let server = Wirelab::start(&["--https", "off"]);
    report(&["webrtc", &server.url()]).await.has_exactly(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn signalling_goes_through_tls() {
    let folder = std::env::temp_dir().join(format!("wirelab-verify-webrtc-{}", std::process::id()));
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let https = free.expect("a port").to_string();
    let server = Wirelab::start(&["--https", &https, "--data-dir", folder.to_str().expect("UTF-8")]);
    let told = report(&["webrtc", &format!("https://{https}"), "--insecure"]).await;
    drop(server);
    let _ = std::fs::remove_dir_all(folder); // it is in a folder for such
    told.has_exactly(&[]);
    assert_eq!(told.json["insecure"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_fault_passes() {
    let report = with(Flaw::Nothing).await;
    let faults: Vec<_> = report
        .faults()
        .into_iter()
        .filter(|fault| fault != "WARN webrtc.open")
        .collect();
    assert!(faults.is_empty(), "{}", report.told()); // as webrtc comes it opens slowly
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_not_what_it_says_is_caught() {
    for (flaw, words) in [
        (Flaw::StateIsReliable, "it is ordered and reliable"),
        (Flaw::StateRepeats, "it is reliable"),
        (Flaw::StateIsOrdered, "it is ordered"),
    ] {
        is_caught(flaw, &["FAIL webrtc.unreliable"], words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_that_is_not_what_it_says_is_caught() {
    is_caught(Flaw::ControlLoses, &["FAIL webrtc.reliable"], "it is not reliable").await;
    is_caught(Flaw::ControlIsUnordered, &["FAIL webrtc.reliable"], "it is not ordered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_tells_one_thing_and_negotiates_another_is_caught() {
    let words = "state is unordered, maxRetransmits 0 here and ordered, maxRetransmits 0 there";
    is_caught(Flaw::TellsOther, &["FAIL webrtc.parameters"], words).await;
    is_caught(
        Flaw::SwallowsLarge,
        &["FAIL webrtc.message-size"],
        "65536 get no answer; 16384 do",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signalling_that_leads_nowhere_is_caught_in_time() {
    for (flaw, words) in [
        (Flaw::NoSignalling, "/signal answers 404"),
        (Flaw::SilentSignalling, "no answer to the offer in 3000 ms"),
        (Flaw::FloodingSignalling, "no answer to the offer in 3000 ms"),
        (Flaw::Refuses, "limit: no place is left"),
    ] {
        is_caught(flaw, &and_the_rest("FAIL webrtc.signalling"), words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_do_not_open_are_told_how_far_they_came() {
    let mut nowhere = vec!["FAIL webrtc.candidates"];
    nowhere.extend(and_the_rest("FAIL webrtc.open"));
    is_caught(Flaw::NoCandidates, &nowhere, "the answer names no address").await;
    is_caught(
        Flaw::DeadCandidates,
        &and_the_rest("FAIL webrtc.open"),
        "no connectivity check was answered",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_carry_nothing_are_caught() {
    let deaf = [
        "FAIL webrtc.pair",
        "FAIL webrtc.message-size",
        "FAIL webrtc.unreliable",
        "FAIL webrtc.reliable",
    ];
    is_caught(Flaw::Deaf, &deaf, "no echo came back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_wirelab_is_not_blamed() {
    let stranger = Broken::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    let report = report(&["webrtc", &stranger.url("http", "/")]).await;
    let skipped = and_the_rest("SKIP webrtc.signalling");
    assert_eq!(
        (report.code, report.faults()),
        (Some(3), skipped.into_iter().map(str::to_owned).collect())
    );
}
