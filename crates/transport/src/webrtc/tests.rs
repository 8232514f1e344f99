//! The room and the native client, on loopback: what each channel is is proven by what it does under loss.

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use wirelab_model::{Micros, TopicName, Transport, frame::Channel, message::Data};

use super::*;
use crate::{
    clock::Clock,
    counters::Counters,
    feed::{Feed, Limits},
};

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

struct Lab {
    feed: Feed,
    room: Room,
    tasks: TaskTracker,
}

impl Lab {
    fn start(adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        adjust(&mut settings);
        let (feed, tasks, mut registry) = (
            Feed::new(Clock::start(), Limits::default()),
            TaskTracker::new(),
            Registry::default(),
        );
        let counters = (
            Counters::register(&mut registry).lane(Transport::DataChannel),
            PortCounters::register(&mut registry),
        );
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
        let announced = vec![socket.local_addr().expect("it is bound")];
        let room = Room::start(feed.clone(), settings, counters, vec![socket], announced, tasks.clone());
        let room = room.expect("the socket is good");
        Self { feed, room, tasks }
    }

    fn visit() -> Visit {
        Visit {
            from: Some(Ipv4Addr::LOCALHOST.into()),
            may_publish: true,
        }
    }

    async fn open(&self) -> Peer {
        let (dial, offer) = Dial::offer(Ipv4Addr::LOCALHOST.into(), self.feed.clock())
            .await
            .expect("an offer");
        let answer = self.room.answer(Self::visit(), &offer).await.expect("an answer");
        let mut peer = Peer(dial.accept(&answer).await.expect("it opens"));
        let (channel, _, hello) = peer.next().await;
        assert_eq!(
            (channel, &hello["type"], &hello["lane"]),
            (Channel::Control, &json!("hello"), &json!("datachannel"))
        );
        peer
    }

    fn publish(&self, topic: &str, json: &str) {
        let topic: TopicName = topic.parse().expect("a topic");
        let data = Data::parse(json.as_bytes()).expect("JSON");
        self.feed.publish(&topic, &data).expect("there is room");
    }

    /// Waits until nothing is held of any peer.
    async fn empties(&self) {
        let empty = || (self.room.port_counters().peers(), self.room.routes(), self.tasks.len()) == (0, (0, 0), 0);
        let emptied = async {
            while !empty() {
                sleep(Duration::from_millis(20)).await; // there is no event for it
            }
        };
        let done = timeout(PATIENCE, emptied).await;
        assert!(
            done.is_ok(),
            "peers {}, routes {:?}, tasks {}",
            self.room.port_counters().peers(),
            self.room.routes(),
            self.tasks.len()
        );
    }
}

struct Peer(Client);

impl Peer {
    async fn next(&mut self) -> (Channel, Micros, Value) {
        let next = timeout(PATIENCE, self.0.next_text()).await.expect("something comes");
        let (channel, at, text) = next.expect("the connection stands");
        (channel, at, serde_json::from_str(&text).expect("JSON"))
    }

    async fn ask(&mut self, command: Value) -> Value {
        self.0.send(&command.to_string()).await.expect("it is open");
        loop {
            let (channel, _, answer) = self.next().await;
            if channel == Channel::Control {
                return answer;
            }
        }
    }

    async fn subscribe(&mut self, topic: &str, more: Value) -> Value {
        let mut command = json!({"type": "subscribe", "topic": topic});
        for (key, value) in more.as_object().expect("fields") {
            command[key] = value.clone();
        }
        let answer = self.ask(command).await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
        answer
    }

    /// What comes for some time.
    async fn listen(&mut self, time: Duration) -> Vec<(Channel, Micros, Value)> {
        let (mut heard, end) = (Vec::new(), Instant::now() + time);
        while let Ok(next) = timeout(end.saturating_duration_since(Instant::now()), self.0.next_text()).await {
            let (channel, at, text) = next.expect("the connection stands");
            heard.push((channel, at, serde_json::from_str(&text).expect("JSON")));
        }
        heard
    }
}

fn offset(message: &Value) -> u64 {
    let cursor = message["cursor"].as_str().expect("a cursor");
    cursor.rsplit('.').next().expect("an offset").parse().expect("a number")
}

fn age_ms(at: Micros, message: &Value) -> u64 {
    at.since(Micros(message["sent_us"].as_u64().expect("a time"))).0 / 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_and_carries_a_state_stream() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    let answer = peer.subscribe("tick.60.100", json!({"policy": "gap", "id": 7})).await;
    assert_eq!(
        (&answer["id"], &answer["policy"], &answer["channel"]),
        (&json!(7), &json!("latest"), &json!("state"))
    );
    let heard = peer.listen(Duration::from_secs(2)).await;
    let messages: Vec<_> = heard
        .iter()
        .filter(|(channel, ..)| *channel == Channel::State)
        .collect();
    assert!(messages.len() > 60, "{}", messages.len());
    peer.0.close().await;
    lab.empties().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_resumes_exactly_and_answers_as_the_other_lanes_do() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    let first = peer
        .ask(json!({"type": "publish", "topic": "t", "data": {"n": 1}, "id": "a"}))
        .await;
    assert_eq!((&first["type"], &first["id"]), (&json!("ack"), &json!("a")));
    for n in 2..=500 {
        lab.publish("t", &n.to_string());
    }
    let more = json!({"channel": "control", "cursor": first["cursor"]});
    assert_eq!(peer.subscribe("t", more).await["channel"], "control");
    for n in 2..=500 {
        let (channel, _, message) = peer.next().await;
        assert_eq!(
            (channel, offset(&message), &message["data"]),
            (Channel::Control, n, &json!(n))
        );
    }
    let refused = peer
        .ask(json!({"type": "subscribe", "topic": "s", "cursor": first["cursor"]}))
        .await;
    assert_eq!(refused["code"], "bad_field", "state does not resume: {refused}");
    let cases = [
        (json!({"type": "nope"}), "unknown_type"),
        (json!({"type": "subscribe", "topic": "A"}), "bad_topic"),
        (json!({"type": "unsubscribe", "topic": "s"}), "not_subscribed"),
        (json!({"type": "publish", "topic": "metric", "data": 1}), "reserved"),
        (
            json!({"type": "subscribe", "topic": "s", "channel": "other"}),
            "bad_field",
        ),
    ];
    for (command, code) in cases {
        let answer = peer.ask(command.clone()).await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{command}"
        );
    }
    let time = peer.ask(json!({"type": "time", "id": 1, "t0": 5})).await;
    assert!(time["t0"] == 5 && time["t2"].as_u64() >= time["t1"].as_u64(), "{time}");
    peer.0.close().await;
    lab.empties().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_trip_on_control_waits_for_no_timer() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    let mut took = Vec::new();
    for _ in 0..300 {
        let start = Instant::now();
        peer.ask(json!({"type": "echo", "data": 1})).await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    // The stack's own timer fires every 200 ms unless it is told otherwise; half of the trips would have waited for it.
    assert!(took[150] < Duration::from_millis(100), "{:?}", took[150]);
    peer.0.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_told_and_then_ends_it() {
    let lab = Lab::start(|_| {});
    let mut peer = lab.open().await;
    let large = json!({"type": "echo", "data": "x".repeat(MAX_MESSAGE_BYTES)});
    for _ in 0..3 {
        let answer = peer.ask(large.clone()).await;
        assert_eq!(answer["code"], "too_large", "{answer}");
    }
    peer.0.send_on_state("{}").await.expect("open");
    let (_, _, last) = peer.next().await;
    assert_eq!(last["code"], "bad_field", "commands go on control: {last}");
    let ended = timeout(PATIENCE, peer.0.next_text()).await.expect("it ends");
    assert_eq!(ended, None);
    lab.empties().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_told_and_ends_every_peer() {
    let lab = Lab::start(|_| {});
    let (mut one, mut two) = (lab.open().await, lab.open().await);
    lab.room.drain();
    for peer in [&mut one, &mut two] {
        assert_eq!(peer.next().await.2["type"], "drain");
        let ended = timeout(PATIENCE, peer.0.next_text()).await.expect("it ends");
        assert_eq!(ended, None);
    }
    lab.empties().await;
    let offered = lab.room.answer(Lab::visit(), "v=0").await;
    assert!(matches!(offered, Err(OfferError::Draining)));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_offers_and_datagrams_leave_nothing_behind() {
    let lab = Lab::start(|_| {});
    let (dial, good) = Dial::offer(Ipv4Addr::LOCALHOST.into(), lab.feed.clock())
        .await
        .expect("an offer");
    let cut = &good[..good.len() / 2];
    let no_media = good.split("m=").next().expect("a head");
    for odd in [
        "",
        "v=0",
        "\u{0}",
        "not an offer",
        no_media,
        cut,
        &"a=x\r\n".repeat(5_000),
    ] {
        let answered = lab.room.answer(Lab::visit(), odd).await;
        let shown: String = odd.chars().take(40).collect();
        assert!(answered.is_err(), "{shown:?}");
    }
    lab.room.candidate("candidate:1 1 udp 1 x.local 1 typ host");
    lab.room.candidate("");
    lab.room.candidate("nonsense");
    assert_eq!(lab.room.port_counters().candidates_ignored(), 2);

    // A STUN flood and garbage, from somebody nobody knows.
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let to = lab.room.announced()[0];
    let mut request = [
        &[0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42][..],
        &[7; 12],
        &[0, 6, 0, 9],
        b"nobody:me",
        &[0; 3],
    ]
    .concat();
    for n in 0..500_u16 {
        request[8..10].copy_from_slice(&n.to_be_bytes());
        stranger.send_to(&request, to).expect("it leaves");
        stranger.send_to(&[n as u8; 30], to).expect("it leaves");
    }
    let counted = async {
        while lab.room.port_counters().unrouted_in_all() < 900 {
            sleep(Duration::from_millis(10)).await; // a counter cannot be awaited
        }
    };
    timeout(PATIENCE, counted).await.expect("they are counted");
    stranger.set_nonblocking(true).expect("it can");
    assert!(stranger.recv(&mut [0; 2000]).is_err(), "nobody is answered");
    dial.give_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_abandoned_peers_leave_nothing() {
    let lab = Lab::start(|settings| {
        settings.opening = Duration::from_secs(2);
        settings.silent = Duration::from_secs(2);
        settings.keep_alive = Duration::from_millis(200);
    });
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    // Most never connect …
    for _ in 0..180 {
        let (dial, offer) = Dial::offer(Ipv4Addr::LOCALHOST.into(), lab.feed.clock())
            .await
            .expect("an offer");
        lab.room.answer(Lab::visit(), &offer).await.expect("an answer");
        dial.give_up().await;
    }
    // … some close, and some vanish without a word while they read.
    let mut vanished = Vec::new();
    for n in 0..20 {
        let mut peer = lab.open().await;
        peer.subscribe("tick.10.100", json!({})).await;
        if n % 2 == 0 {
            peer.0.close().await;
        } else {
            peer.0.loss().set(1, 1_000, 1_000);
            vanished.push(peer);
        }
    }
    lab.empties().await;
    assert_eq!(lab.room.port_counters().unopened(), 180);
    for peer in vanished {
        peer.0.close().await;
    }
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let gone = async {
        while tasks() > before + 2 {
            sleep(Duration::from_millis(20)).await; // tasks end in their own time; the tick topic lingers
        }
    };
    assert!(
        timeout(PATIENCE, gone).await.is_ok(),
        "{} tasks, {before} before",
        tasks()
    );
}

mod opening;
mod strangers;
mod under_loss;
