//! The ring and those who read it: what a publish costs, and a subscription of it.

use divan::{Bencher, black_box, counter::ItemsCount};
use wirelab_model::{TopicName, frame::Policy, message::Data};
use wirelab_transport::{
    clock::Clock,
    feed::{Delivery, Feed, Limits},
};

/// Messages that are read in one go.
const BATCH: usize = 1_000;

fn main() {
    divan::main();
}

fn feed() -> (Feed, TopicName, Data) {
    let data = format!("\"{}\"", "x".repeat(98));
    (
        Feed::new(Clock::start(), Limits::default()),
        "bench".parse().expect("a name"),
        Data::parse(data.as_bytes()).expect("JSON"),
    )
}

/// The ring is full after the first thousands, so that each takes the place of another.
#[divan::bench]
fn publish(bencher: Bencher<'_, '_>) {
    let (feed, topic, data) = feed();
    bencher.bench_local(|| feed.publish(&topic, black_box(&data)).expect("room"));
}

#[divan::bench]
fn subscribe(bencher: Bencher<'_, '_>) {
    let (feed, topic, data) = feed();
    feed.publish(&topic, &data).expect("room");
    bencher.bench_local(|| feed.subscribe(black_box(&topic), None, Policy::Gap).expect("room"));
}

#[divan::bench]
fn read_a_thousand(bencher: Bencher<'_, '_>) {
    let (feed, topic, data) = feed();
    let opening = || {
        let reader = feed.subscribe(&topic, None, Policy::Gap).expect("room").subscription;
        for _ in 0..BATCH {
            feed.publish(&topic, &data).expect("room");
        }
        reader
    };
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(opening)
        .bench_local_refs(|reader| {
            let end = reader.topic().head().offset + 1;
            let mut bytes = 0;
            let read = reader.read(end, usize::MAX, |delivery| {
                if let Delivery::Message(message) = delivery {
                    bytes += message.json.len();
                }
            });
            read.expect("the ring is longer");
            bytes
        });
}
