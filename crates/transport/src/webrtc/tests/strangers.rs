//! Peers that are not ours: offers that never connect, channels opened in-band, floods, messages of any size.

use std::net::SocketAddr;

use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit},
    peer_connection::RTCSessionDescription,
};

use super::{
    port::Port,
    stack::{Patience, Stack, Wanted},
    *,
};

/// What ICE does not allow in a user fragment or a password, but a stranger may write.
fn with(sdp: &str, attribute: &str, value: &str) -> String {
    let line = |line: &str| match line.starts_with(&format!("a={attribute}:")) {
        true => format!("a={attribute}:{value}\r\n"),
        false => format!("{line}\r\n"),
    };
    sdp.lines().map(line).collect()
}

fn value<'a>(sdp: &'a str, attribute: &str) -> &'a str {
    let head = format!("a={attribute}:");
    sdp.lines()
        .find_map(|line| line.strip_prefix(&head))
        .expect("it is there")
}

async fn dial(lab: &Lab) -> (Dial, String) {
    let offered = Dial::offer(Ipv4Addr::LOCALHOST.into(), lab.feed.clock()).await;
    offered.expect("an offer")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_does_not_match_its_answer_never_connects_and_is_removed() {
    let lab = Lab::start(|settings| settings.opening = Duration::from_secs(2));
    let mut dials = Vec::new();
    for (of_offer, attribute, wrong) in [
        (false, "ice-ufrag", "nobodyknows1"),
        (false, "ice-pwd", "0123456789012345678901"),
        (
            true,
            "fingerprint",
            "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
        ),
    ] {
        let (dial, mut offer) = dial(&lab).await;
        if of_offer {
            offer = with(&offer, attribute, wrong);
        }
        let mut answer = lab.room.answer(Lab::visit(), &offer).await.expect("it parses");
        if !of_offer {
            answer = with(&answer, attribute, wrong);
        }
        dials.push(tokio::spawn(
            async move { dial.accept(&answer).await.map(|_| attribute) },
        ));
    }
    lab.empties().await;
    assert_eq!(lab.room.port_counters().unopened(), 3);
    assert!(
        lab.room.port_counters().unrouted_in_all() > 0,
        "checks for a name that nobody has"
    );
    for dial in dials {
        let opened = timeout(PATIENCE, dial)
            .await
            .expect("it gives up")
            .expect("it does not panic");
        assert!(opened.is_err(), "{opened:?}");
    }
    lab.open().await.0.close().await;
}

/// A client that opens channels in-band beside those agreed on.
struct Foreign {
    stack: Stack,
    _port: Port,
}

impl Foreign {
    async fn open(lab: &Lab) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = Port::open(vec![socket], &PortCounters::default(), &Default::default()).expect("it is good");
        let second = Duration::from_secs(1);
        let wanted = Wanted {
            lite: false,
            patience: Patience {
                disconnected: 5 * second,
                failed: 25 * second,
                keep_alive: 2 * second,
            },
            certificate: None,
            locals: port.locals.clone(),
        };
        let stack = Stack::build(wanted).await.expect("a connection");
        let connection = &stack.connection;
        let offer = connection.create_offer(None).await.expect("an offer");
        connection.set_local_description(offer).await.expect("it is ours");
        stack.news.gathered.notified().await;
        let offer = connection.local_description().await.expect("an offer").sdp;
        let addresses: Vec<_> = port.addresses().collect();
        let offer = sdp::announce(&offer, &addresses);
        let answer = lab.room.answer(Lab::visit(), &offer).await.expect("an answer");
        let answer = RTCSessionDescription::answer(answer).expect("an answer");
        connection.set_remote_description(answer).await.expect("it fits");
        let foreign = Self { stack, _port: port };
        let control = &*foreign.stack.control;
        foreign
            .until(control, |event| matches!(event, DataChannelEvent::OnOpen))
            .await;
        foreign.stack.flow.opened();
        assert_eq!(Self::frame(control).await["type"], "hello");
        foreign
    }

    async fn until(&self, channel: &dyn DataChannel, is: impl Fn(&DataChannelEvent) -> bool) {
        let came = async { while !is(&channel.poll().await.expect("the channel stands")) {} };
        timeout(PATIENCE, came).await.expect("it comes");
    }

    /// The next frame on a channel.
    async fn frame(channel: &dyn DataChannel) -> Value {
        loop {
            let event = timeout(PATIENCE, channel.poll()).await.expect("something comes");
            if let DataChannelEvent::OnMessage(message) = event.expect("the channel stands") {
                return serde_json::from_slice(&message.data).expect("JSON");
            }
        }
    }

    async fn opens(&self, init: RTCDataChannelInit) -> std::sync::Arc<dyn DataChannel> {
        let channel = self
            .stack
            .connection
            .create_data_channel("more", Some(init))
            .await
            .expect("a channel");
        self.until(&*channel, |event| matches!(event, DataChannelEvent::OnOpen))
            .await;
        channel
    }

    async fn close(self) {
        self.stack.connection.close().await.expect("it was open");
    }
}

fn reliable() -> RTCDataChannelInit {
    RTCDataChannelInit {
        ordered: true,
        ..RTCDataChannelInit::default()
    }
}

fn partial() -> RTCDataChannelInit {
    RTCDataChannelInit {
        ordered: false,
        max_retransmits: Some(0),
        ..RTCDataChannelInit::default()
    }
}

async fn echoes(channel: &dyn DataChannel) {
    channel
        .send_text(r#"{"type":"echo","data":1,"id":1}"#)
        .await
        .expect("open");
    let answer = Foreign::frame(channel).await;
    assert_eq!(
        (&answer["type"], &answer["echoed"]),
        (&json!("ack"), &json!(1)),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_opened_in_band_takes_control_over_or_is_closed_as_a_lie() {
    let lab = Lab::start(|_| {});
    let foreign = Foreign::open(&lab).await;
    let lie = foreign.opens(partial()).await;
    let refused = Foreign::frame(&*foreign.stack.control).await;
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("error"), &json!("bad_field")),
        "{refused}"
    );
    foreign
        .until(&*lie, |event| matches!(event, DataChannelEvent::OnClose))
        .await;
    echoes(&*foreign.stack.control).await;
    let moved = foreign.opens(reliable()).await;
    echoes(&*moved).await;
    foreign.close().await;
    lab.empties().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_without_end_end_the_peer() {
    let lab = Lab::start(|_| {});
    let foreign = Foreign::open(&lab).await;
    let mut lies = Vec::new();
    for _ in 0..40 {
        lies.push(
            foreign
                .stack
                .connection
                .create_data_channel("more", Some(partial()))
                .await,
        );
    }
    lab.empties().await;
    foreign.close().await;
}

/// A binding request for `ufrag` that proves nothing.
fn request(ufrag: &str, n: u16) -> Vec<u8> {
    let name = format!("{ufrag}:me");
    let padded = name.len().next_multiple_of(4);
    let mut out = [
        &[0, 1][..],
        &(4 + padded as u16).to_be_bytes(),
        &[0x21, 0x12, 0xa4, 0x42],
        &[7; 12],
        &[0, 6],
    ]
    .concat();
    out.extend_from_slice(&(name.len() as u16).to_be_bytes());
    out.extend_from_slice(name.as_bytes());
    out.resize(24 + padded, 0);
    out[8..10].copy_from_slice(&n.to_be_bytes());
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_knows_the_name_of_a_peer_takes_no_route_and_no_memory() {
    let lab = Lab::start(|_| {});
    let (dial, offer) = dial(&lab).await;
    let answer = lab.room.answer(Lab::visit(), &offer).await.expect("an answer");
    let ufrag = value(&answer, "ice-ufrag").to_owned();
    let mut peer = Peer(dial.accept(&answer).await.expect("it opens"));
    assert_eq!(peer.next().await.2["type"], "hello");
    let (routes, to) = (lab.room.routes(), lab.room.announced()[0]);
    let strangers: Vec<_> = (0..50)
        .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"))
        .collect();
    let before = lab.room.port_counters().unrouted_in_all();
    for n in 0..4_000_u16 {
        let stranger = &strangers[usize::from(n) % strangers.len()];
        stranger.send_to(&request(&ufrag, n), to).expect("it leaves");
        stranger.send_to(&[23, 254, 253, n as u8], to).expect("it leaves"); // as if it were DTLS
    }
    // It still answers, and behind all that: the flood has been read.
    for n in 0..20 {
        let answer = peer.ask(json!({"type": "echo", "data": n})).await;
        assert_eq!(answer["echoed"], n);
    }
    assert!(
        lab.room.port_counters().unrouted_in_all() > before,
        "datagrams of strangers are nobody's"
    );
    assert_eq!(
        lab.room.routes(),
        routes,
        "an address is learnt by sending to it, never from what arrives"
    );
    assert_eq!(lab.room.port_counters().peers(), 1);
    for stranger in &strangers {
        stranger.set_nonblocking(true).expect("it can");
        let answered = stranger.recv_from(&mut [0; 2000]).ok();
        assert_eq!(answered, None::<(usize, SocketAddr)>, "nobody is answered");
    }
    peer.0.close().await;
    lab.empties().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_is_announced_than_allowed_so_that_too_large_can_be_told() {
    let lab = Lab::start(|_| {});
    let (dial, offer) = dial(&lab).await;
    let answer = lab.room.answer(Lab::visit(), &offer).await.expect("an answer");
    let announced: usize = value(&answer, "max-message-size").parse().expect("a number");
    assert!(announced > MAX_MESSAGE_BYTES, "{announced}");
    let mut peer = Peer(dial.accept(&answer).await.expect("it opens"));
    assert_eq!(peer.next().await.2["type"], "hello");
    let frame = |bytes| json!({"type": "echo", "data": "x".repeat(bytes)}).to_string();
    let most = frame(announced - frame(0).len());
    assert_eq!(most.len(), announced);
    peer.0.send(&most).await.expect("it is announced");
    assert_eq!(peer.next().await.2["code"], "too_large");
    assert!(
        peer.0.send(&frame(announced)).await.is_err(),
        "the sender's own stack refuses it"
    );
    assert_eq!(peer.ask(json!({"type": "echo", "data": 1})).await["echoed"], 1);
    peer.0.close().await;
    lab.empties().await;
}
