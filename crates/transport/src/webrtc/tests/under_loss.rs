//! What each channel does when datagrams are lost: the only proof of what it is.

use super::*;

/// What waited in an outage of two seconds is older when it comes; what only met a busy machine is not.
const STALE_MS: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_tenth_lost_is_a_tenth_missing_on_state_and_nothing_waits_for_it() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    peer.subscribe("tick.60.100", json!({})).await;
    lab.room.loss().set(7, 100, 0);
    let heard = peer.listen(Duration::from_secs(11)).await;
    let messages: Vec<_> = heard
        .iter()
        .filter(|(channel, ..)| *channel == Channel::State)
        .collect();
    let offsets: Vec<u64> = messages.iter().map(|(.., message)| offset(message)).collect();
    let (first, last) = (offsets.iter().min().expect("some"), offsets.iter().max().expect("some"));
    let sent = last - first + 1;
    let missing = 100.0 * (1.0 - offsets.len() as f64 / sent as f64);
    let mut ages: Vec<u64> = messages.iter().map(|(_, at, message)| age_ms(*at, message)).collect();
    ages.sort_unstable();
    assert!(sent >= 600, "{sent}");
    assert!((4.0..17.0).contains(&missing), "{missing} % of {sent}");
    let late = ages.iter().filter(|age| **age > 100).count();
    assert!(
        late * 10 < ages.len(),
        "a lost message holds nothing up: {late} of {} came late",
        ages.len()
    );
    peer.0.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenth_lost_is_nothing_missing_on_control() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    peer.subscribe("t", json!({"channel": "control"})).await;
    lab.room.loss().set(7, 100, 0);
    for n in 1..=300 {
        lab.publish("t", &n.to_string());
        sleep(Duration::from_millis(2)).await; // so that they do not travel as one
    }
    for n in 1..=300 {
        let (_, _, message) = peer.next().await;
        assert_eq!(offset(&message), n);
    }
    assert!(lab.room.loss().lost() > 0);
    peer.0.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_nothing_stale_arrives() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    peer.subscribe("tick.60.100", json!({})).await;
    peer.listen(Duration::from_secs(1)).await;
    lab.room.loss().set(7, 1_000, 1_000);
    peer.listen(Duration::from_secs(2)).await;
    lab.room.loss().set(7, 0, 0);
    let mut after = peer.listen(Duration::from_secs(4)).await;
    after.retain(|(channel, ..)| *channel == Channel::State);
    let ages: Vec<u64> = after.iter().map(|(_, at, message)| age_ms(*at, message)).collect();
    let oldest = ages.iter().max().expect("it goes on");
    assert!(*oldest < STALE_MS, "{oldest} ms: {ages:?}");
    assert!(after.len() > 60, "{} came in four seconds", after.len());
    peer.0.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_state_messages_stay_fresh_too() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    peer.subscribe("tick.60.4000", json!({})).await;
    let before = peer.listen(Duration::from_secs(1)).await.len();
    assert!(before > 40, "{before}");
    lab.room.loss().set(7, 1_000, 1_000);
    peer.listen(Duration::from_secs(2)).await;
    lab.room.loss().set(7, 0, 0);
    let mut after = peer.listen(Duration::from_secs(4)).await;
    after.retain(|(channel, ..)| *channel == Channel::State);
    let stale = after
        .iter()
        .filter(|(_, at, message)| age_ms(*at, message) >= STALE_MS)
        .count();
    assert!(
        stale <= 1,
        "one of more than a packet may find the window full, but none follows it: {stale}"
    );
    assert!(!after.is_empty());
    peer.0.close().await;
}
