//! The feed's promise, held against a model: whatever is published, read, not read, broken off and resumed, each
//! reader gets every message once and in order, or is told exactly what is missing.

use proptest::prelude::*;
use wirelab_model::{Cursor, Epoch, TopicName, frame::GapReason, frame::Policy, frame::ResyncReason, message::Data};

use super::{Delivery, Feed, FellBehind, Limits, Opened, PublishError, Subscription};
use crate::clock::Clock;

const RING: usize = 8;

fn feed(topics: usize) -> Feed {
    let limits = Limits {
        topics,
        ring_messages: RING,
        ring_bytes: 4096,
        ..Limits::default()
    };
    Feed::new(Clock::start(), limits)
}

fn topic() -> TopicName {
    "t".parse().expect("a name")
}

fn data(bytes: usize) -> Data {
    Data::parse(format!("\"{}\"", "x".repeat(bytes)).as_bytes()).expect("JSON")
}

#[derive(Clone, Debug)]
enum Step {
    Publish { bytes: usize },
    Read { reader: usize, max_bytes: usize },
    BreakOff { reader: usize },
    Resume { reader: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_usize..1500).prop_map(|bytes| Step::Publish { bytes }),
        4 => (0_usize..3, 0_usize..4000).prop_map(|(reader, max_bytes)| Step::Read { reader, max_bytes }),
        1 => (0_usize..3).prop_map(|reader| Step::BreakOff { reader }),
        1 => (0_usize..3).prop_map(|reader| Step::Resume { reader }),
    ]
}

/// A reader as its far end sees it.
struct Reader {
    policy: Policy,
    subscription: Option<Subscription>,
    /// The offset that it has to hear of next.
    expected: u64,
}

impl Reader {
    fn resume(&mut self, feed: &Feed, epoch: Epoch) {
        let from = Cursor::new(epoch, self.expected - 1);
        let Opened { subscription, resync } = feed.subscribe(&topic(), Some(from), self.policy).expect("room");
        if let Some(resync) = resync {
            assert_eq!(
                resync.reason,
                ResyncReason::Expired,
                "the epoch is the same and the cursor was ours"
            );
            let (from, to) = resync.missed.expect("what is gone is known");
            assert_eq!(from.offset, self.expected, "the resync starts where the reader stands");
            assert_eq!(to, resync.cursor);
            assert_eq!(
                to.offset + 1,
                subscription.topic().oldest(),
                "and ends where the ring begins"
            );
            self.expected = to.offset + 1;
        }
        assert_eq!(subscription.cursor().offset + 1, self.expected);
        self.subscription = Some(subscription);
    }

    fn read(&mut self, max_bytes: usize) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        let (policy, oldest) = (self.policy, subscription.topic().oldest());
        let expected = &mut self.expected;
        let mut bytes = 0;
        let mut messages = 0;
        let read = subscription.read(u64::MAX, max_bytes, |delivery| match delivery {
            Delivery::Message(message) => {
                assert_eq!(message.offset, *expected, "once and in order");
                *expected += 1;
                bytes += message.json.len();
                messages += 1;
            }
            Delivery::Gap(gap) => {
                assert_eq!(gap.from.offset, *expected, "a gap names its first");
                assert_eq!(gap.count, gap.to.offset - gap.from.offset + 1, "and how many");
                match (policy, gap.reason) {
                    (Policy::Gap, GapReason::Slow) => assert_eq!(gap.to.offset + 1, oldest, "nothing kept is skipped"),
                    (Policy::Latest, GapReason::Latest) => {}
                    odd => panic!("{odd:?}"),
                }
                *expected = gap.to.offset + 1;
            }
            Delivery::Resync(resync) => {
                let (from, to) = resync.missed.expect("what is gone is known");
                assert_eq!(
                    (resync.reason, from.offset),
                    (ResyncReason::Expired, *expected),
                    "a replay that was overtaken"
                );
                *expected = to.offset + 1;
            }
        });
        assert!(
            messages <= 1 || bytes <= max_bytes,
            "more than one message keeps to the bound"
        );
        match read {
            Ok(()) => assert_eq!(subscription.cursor().offset + 1, *expected),
            Err(FellBehind) => {
                assert_eq!(policy, Policy::Disconnect);
                assert!(*expected < oldest, "only who missed something is disconnected");
                self.subscription = None;
            }
        }
    }
}

proptest! {
    #[test]
    fn every_reader_hears_of_every_message(
        steps in prop::collection::vec(step(), 1..120),
        policies in prop::array::uniform3(prop::sample::select(vec![Policy::Gap, Policy::Disconnect, Policy::Latest])),
    ) {
        let feed = feed(1);
        let first = feed.publish(&topic(), &data(1)).expect("room");
        let mut readers = policies.map(|policy| Reader { policy, subscription: None, expected: first.offset + 1 });
        readers.iter_mut().for_each(|reader| reader.resume(&feed, first.epoch));
        let mut published = first.offset;
        for step in steps {
            match step {
                Step::Publish { bytes } => {
                    published += 1;
                    let cursor = feed.publish(&topic(), &data(bytes)).expect("room");
                    prop_assert_eq!(cursor, Cursor::new(first.epoch, published), "offsets count up by one");
                }
                Step::Read { reader, max_bytes } => readers[reader].read(max_bytes),
                Step::BreakOff { reader } => readers[reader].subscription = None,
                Step::Resume { reader } if readers[reader].subscription.is_none() => readers[reader].resume(&feed, first.epoch),
                Step::Resume { .. } => {}
            }
        }
        for reader in &mut readers {
            for _ in 0..=2 * RING {
                if reader.subscription.is_none() {
                    reader.resume(&feed, first.epoch);
                }
                reader.read(0);
            }
            prop_assert_eq!(reader.expected, published + 1, "in the end nobody is short of anything");
        }
    }

    #[test]
    fn any_cursor_opens_and_what_it_cannot_give_is_said(epoch: u64, offset: u64, own_epoch: bool, published in 1_u64..20) {
        let feed = feed(1);
        let mut last = feed.publish(&topic(), &data(1)).expect("room");
        for _ in 1..published {
            last = feed.publish(&topic(), &data(1)).expect("room");
        }
        let from = Cursor::new(if own_epoch { last.epoch } else { Epoch(epoch) }, offset % 40);
        let Opened { subscription, resync } = feed.subscribe(&topic(), Some(from), Policy::Gap).expect("room");
        let oldest = subscription.topic().oldest();
        let reason = resync.map(|resync| resync.reason);
        if from.epoch != last.epoch {
            prop_assert_eq!(reason, Some(ResyncReason::OtherEpoch));
        } else if from.offset > last.offset {
            prop_assert_eq!(reason, Some(ResyncReason::Unknown));
        } else if from.offset + 1 < oldest {
            prop_assert_eq!(reason, Some(ResyncReason::Expired));
        } else {
            prop_assert_eq!(reason, None);
            prop_assert_eq!(subscription.cursor(), from);
        }
        if let Some(resync) = resync {
            prop_assert_eq!(subscription.cursor(), resync.cursor, "what was said is what is done");
        }
    }
}

#[test]
fn a_replay_is_not_falling_behind() {
    let feed = feed(1);
    let first = feed.publish(&topic(), &data(1)).expect("room");
    for _ in 0..RING - 1 {
        feed.publish(&topic(), &data(1)).expect("room");
    }
    let mut opened = feed.subscribe(&topic(), Some(first), Policy::Disconnect).expect("room");
    for _ in 0..RING / 2 {
        feed.publish(&topic(), &data(1)).expect("room");
    }
    let mut said = Vec::new();
    opened
        .subscription
        .read(u64::MAX, usize::MAX, |delivery| said.push(format!("{delivery:?}")))
        .expect("it replays");
    assert!(
        said[0].starts_with("Resync"),
        "the ring overtook the replay and that is told: {said:?}"
    );
    assert!(said[1].starts_with("Message"));
}

#[test]
fn the_list_of_topics_is_bounded_and_makes_room_for_what_is_used() {
    let feed = Feed::new(
        Clock::start(),
        Limits {
            topics: 2,
            linger: std::time::Duration::ZERO,
            ..Limits::default()
        },
    );
    let name = |text: &str| text.parse::<TopicName>().expect("a name");
    let read = feed.subscribe(&name("a"), None, Policy::Gap).expect("room");
    feed.publish(&name("b"), &data(1)).expect("room");
    feed.publish(&name("c"), &data(1))
        .expect("b is not read, so it makes room");
    assert_eq!(feed.topics(), 2);
    let also_read = feed.subscribe(&name("c"), None, Policy::Gap).expect("it is there");
    assert!(feed.subscribe(&name("d"), None, Policy::Gap).is_err(), "both are read");
    drop((read, also_read));
    assert!(feed.subscribe(&name("d"), None, Policy::Gap).is_ok());
}

#[test]
fn the_servers_own_topics_are_not_published_to() {
    let feed = feed(4);
    for own in ["metric", "tick.60.100"] {
        let own: TopicName = own.parse().expect("a name");
        assert_eq!(
            feed.publish_for_client(&own, &data(1)),
            Err(PublishError::Reserved(own))
        );
    }
    assert!(feed.publish_for_client(&topic(), &data(1)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn ticks_keep_their_schedule_and_go_when_nobody_reads() {
    let feed = Feed::new(Clock::start(), Limits::default());
    let name: TopicName = "tick.50.64".parse().expect("a name");
    let opened = feed.subscribe(&name, None, Policy::Gap).expect("room");
    let mut head = opened.subscription.topic().watch();
    let start = tokio::time::Instant::now();
    head.wait_for(|head| *head >= 101).await.expect("the topic lives");
    assert_eq!(start.elapsed().as_millis() / 20, 100, "two seconds of 50 Hz");
    let epoch = opened.subscription.cursor().epoch;
    drop((head, opened));
    tokio::time::sleep(Limits::default().linger / 2).await;
    let again = feed.subscribe(&name, None, Policy::Gap).expect("room");
    assert_eq!(again.subscription.cursor().epoch, epoch, "it lingers");
    drop(again);
    tokio::time::sleep(Limits::default().linger + std::time::Duration::from_secs(1)).await;
    assert_eq!(feed.topics(), 0, "and goes");
    let other = feed.subscribe(&name, None, Policy::Gap).expect("room");
    assert_ne!(
        other.subscription.cursor().epoch,
        epoch,
        "its log is lost, so its epoch is another"
    );
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_counted_and_not_made_up_for() {
    let feed = Feed::new(Clock::start(), Limits::default());
    let mut opened = feed
        .subscribe(&"tick.100.64".parse().expect("a name"), None, Policy::Gap)
        .expect("room");
    tokio::task::yield_now().await; // the first tick
    tokio::time::advance(std::time::Duration::from_millis(55)).await; // nobody ran for five and a half periods
    let mut head = opened.subscription.topic().watch();
    head.wait_for(|head| *head >= 3).await.expect("the topic lives");
    let mut counts = Vec::new();
    let read = opened.subscription.read(u64::MAX, usize::MAX, |delivery| {
        if let Delivery::Message(message) = delivery {
            let frame: serde_json::Value = serde_json::from_slice(&message.json).expect("JSON");
            counts.push(frame["data"]["n"].as_u64().expect("a count"));
        }
    });
    read.expect("it reads");
    assert_eq!(counts, [0, 5, 6], "1 to 4 were due and their periods had gone by");
    assert_eq!(feed.shared.counters.ticks_missed.get(), 4);
}
