//! The engine over real sockets, with a framing of its own: one line a message, so that what arrives is plain to read.

use std::{sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Barrier,
};
use tokio_util::task::TaskTracker;
use wirelab_model::{TopicName, Transport, frame::Policy, frame::ServerFrame, message::Data};

use super::{Beat, Connection, Fanout, Framing, pass::Slice};
use crate::{
    admission::Admission,
    clock::Clock,
    counters::Counters,
    feed::{Feed, Limits},
    socket::{self, Socket},
};

/// Pads every message, so that a few fill a socket.
const PAD: &str =
    "....................................................................................................";

static LINES: Framing = Framing {
    transport: Transport::Sse,
    message: |place, _, out| out.extend_from_slice(format!("message {} {PAD}\n", place.offset).as_bytes()),
    control: |_, frame, out| {
        if let ServerFrame::Gap { from, to, .. } = frame {
            out.extend_from_slice(format!("gap {} {}\n", from.offset, to.offset).as_bytes());
        }
    },
    ids: false,
    heartbeat: b"beat\n",
    answered: false,
    farewell: |departure, out| out.extend_from_slice(format!("bye {}\n", departure.word()).as_bytes()),
};

struct Lab {
    feed: Feed,
    fanout: Fanout,
    listener: TcpListener,
    admission: Arc<Admission>,
    tasks: TaskTracker,
    topic: TopicName,
}

impl Lab {
    async fn new(ring_messages: usize, heartbeat: Duration) -> Self {
        let (clock, tasks) = (Clock::start(), TaskTracker::new());
        let counters = Counters::register(&mut Registry::default()).lane(Transport::Sse);
        let beat = Beat {
            heartbeat,
            stall_timeout: heartbeat * 2,
        };
        let limits = Limits {
            ring_messages,
            ..Limits::default()
        };
        Self {
            feed: Feed::new(clock, limits),
            fanout: Fanout::start(&LINES, beat, counters, clock, tasks.clone()),
            listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port"),
            admission: Admission::new(1000, 1000),
            tasks,
            topic: "t".parse().expect("a name"),
        }
    }

    /// A reader with a small receive buffer, so that it can be slow.
    async fn connect(&self, policy: Policy) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("it may be small");
        let address = self.listener.local_addr().expect("it is bound");
        let (reader, accepted) = tokio::join!(socket.connect(address), self.listener.accept());
        let (tcp, peer) = accepted.expect("a connection");
        let permit = self.admission.admit(Some(peer.ip())).expect("room");
        socket::tune(&tcp, Duration::from_secs(60)).expect("it is open");
        let socket = Socket::new(tcp, peer, permit);
        let opened = self.feed.subscribe(&self.topic, None, policy).expect("room");
        self.fanout.adopt(socket, b"hello\n", vec![opened], &[], |_, _| {});
        reader.expect("a connection")
    }

    fn publish(&self) {
        self.feed
            .publish(&self.topic, &Data::parse(b"1").expect("JSON"))
            .expect("room");
    }
}

/// Reads lines until `last` was heard of, pausing between some, and holds each against what must come. Returns the
/// messages that gaps named.
async fn follow(reader: TcpStream, last: u64, pause: Option<usize>) -> u64 {
    let (mut lines, mut expected, mut missed) = (BufReader::with_capacity(512, reader).lines(), 1, 0);
    let mut read = 0;
    while expected <= last {
        let line = lines.next_line().await.expect("it is open").expect("it goes on");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        match words[0] {
            "message" => {
                assert_eq!(number(1), expected, "once and in order");
                expected += 1;
            }
            "gap" => {
                assert_eq!(number(1), expected, "a gap starts where the reader stands");
                missed += number(2) + 1 - number(1);
                expected = number(2) + 1;
            }
            "hello" | "beat" => {}
            other => panic!("{other}"),
        }
        read += 1;
        if pause.is_some_and(|every| read % every == 0) {
            tokio::time::sleep(Duration::from_millis(1)).await; // the slowness is what is tested
        }
    }
    missed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fast_and_slow_readers_hear_of_every_message_while_two_publish() {
    const EACH: u64 = 10_000;
    let lab = Arc::new(Lab::new(2_000, Duration::from_millis(50)).await);
    let mut readers = Vec::new();
    for index in 0..12 {
        let policy = if index % 4 == 3 { Policy::Latest } else { Policy::Gap };
        let pause = (index % 2 == 1).then_some(20 + index);
        let reader = lab.connect(policy).await;
        readers.push((pause, tokio::spawn(follow(reader, 2 * EACH, pause))));
    }
    let together = Arc::new(Barrier::new(2));
    let publishers = [0, 1].map(|_| {
        let (lab, together) = (Arc::clone(&lab), Arc::clone(&together));
        tokio::spawn(async move {
            together.wait().await;
            for turn in 0..EACH {
                lab.publish();
                if turn % 50 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await; // a rate that a fast reader can follow
                }
            }
        })
    });
    for publisher in publishers {
        publisher.await.expect("it published");
    }
    let mut slow_missed = 0;
    for (pause, reader) in readers {
        let missed = reader.await.expect("it heard of every message");
        slow_missed += if pause.is_some() { missed } else { 0 };
    }
    assert!(
        slow_missed > 0,
        "the slow ones were overtaken, so that gaps were tested too"
    );
}

#[tokio::test]
async fn a_reader_that_stops_holds_one_frame_and_is_let_go() {
    let lab = Lab::new(100_000, Duration::from_millis(40)).await;
    let mut reader = lab.connect(Policy::Gap).await;
    for _ in 0..50_000 {
        lab.publish();
    }
    lab.tasks.close();
    lab.tasks.wait().await; // it does, though nobody reads
    assert_eq!(lab.fanout.counters().connections(), 0);
    assert_eq!(lab.admission.open_now(), 0, "its place is free");
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest).await; // a reset is an end too
    assert!(
        rest.len() < 50_000 * PAD.len() / 2,
        "most was never given to the kernel"
    );
}

#[tokio::test]
async fn who_asked_to_be_disconnected_is_told_why() {
    let lab = Lab::new(10, Duration::from_secs(10)).await;
    let mut reader = lab.connect(Policy::Disconnect).await;
    let mut published = 0;
    while lab.fanout.counters().connections() > 0 && published < 1_000_000 {
        lab.publish();
        published += 1;
        tokio::task::yield_now().await;
        if published == 50_000 {
            break;
        }
    }
    let mut text = String::new();
    reader.read_to_string(&mut text).await.expect("it ends in order");
    assert!(
        text.ends_with("bye slow\n"),
        "{}",
        &text[text.len().saturating_sub(60)..]
    );
    let cut = text
        .lines()
        .find(|line| line.starts_with("message") && !line.ends_with(PAD));
    assert_eq!(cut, None, "every frame is whole");
}

#[tokio::test]
async fn a_drain_says_goodbye_and_lets_nobody_stay() {
    let lab = Lab::new(10, Duration::from_secs(10)).await;
    let mut readers = vec![lab.connect(Policy::Gap).await, lab.connect(Policy::Gap).await];
    lab.fanout.drain();
    readers.push(lab.connect(Policy::Gap).await);
    for mut reader in readers {
        let mut text = String::new();
        reader.read_to_string(&mut text).await.expect("it ends in order");
        assert_eq!(text, "hello\nbye drain\n");
        reader.shutdown().await.expect("it is open on this side");
    }
    lab.tasks.close();
    lab.tasks.wait().await;
    assert_eq!(lab.fanout.counters().connections(), 0);
}

#[tokio::test]
async fn an_idle_connection_beats_and_the_last_reader_ends_the_pass() {
    let lab = Lab::new(10, Duration::from_millis(32)).await;
    let mut lines = BufReader::new(lab.connect(Policy::Gap).await).lines();
    for expected in ["hello", "beat", "beat", "beat"] {
        assert_eq!(lines.next_line().await.expect("it is open").as_deref(), Some(expected));
    }
    assert_eq!(lab.fanout.shared.passes().len(), 1);
    drop(lines);
    lab.tasks.close();
    lab.tasks.wait().await;
    assert_eq!(lab.fanout.shared.passes().len(), 0);
}

#[test]
fn a_cut_slice_goes_on_behind_the_frame_that_was_cut() {
    let slice = Slice {
        bytes: b"aabbbc".to_vec(),
        offsets: 7..10,
        ends: vec![2, 5, 6],
    };
    for (written, next, rest) in [
        (0, 7, &b""[..]),
        (1, 8, b"a"),
        (2, 8, b""),
        (3, 9, b"bb"),
        (4, 9, b"b"),
        (5, 9, b""),
        (6, 10, b""),
    ] {
        assert_eq!(slice.cut(written), (next, rest), "{written} bytes were taken");
    }
}

#[test]
fn a_connection_stays_small() {
    // With the two counts of its `Arc` it fits the allocators' class of 256 bytes.
    assert!(size_of::<Connection>() <= 240, "{}", size_of::<Connection>());
}
