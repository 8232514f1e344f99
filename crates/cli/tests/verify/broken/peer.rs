//! A server with a peer of its own, as a wirelab has, that is broken as it is told to be.

use std::{net::UdpSocket as StdUdpSocket, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit},
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState, RTCSessionDescription,
        SettingEngineBuilder,
    },
};

/// How it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    /// It has no `/signal`.
    NoSignalling,
    /// It takes the offer and never answers.
    SilentSignalling,
    /// It says everything but the answer, without end.
    FloodingSignalling,
    /// It has no place left.
    Refuses,
    /// Its answer names no address.
    NoCandidates,
    /// Its answer names an address where nobody is.
    DeadCandidates,
    /// Its channels open, and nobody is behind them.
    Deaf,
    /// It tells of other channels than it has.
    TellsOther,
    /// `state` is an ordered and reliable channel.
    StateIsReliable,
    /// `state` is unordered and repeats what was lost.
    StateRepeats,
    /// `state` repeats nothing and holds back what is newer.
    StateIsOrdered,
    /// `control` gives up what was lost.
    ControlLoses,
    /// `control` is reliable and in no order.
    ControlIsUnordered,
    /// It announces 256 KiB and takes 16.
    SwallowsLarge,
}

/// The most that [`Flaw::SwallowsLarge`] takes.
const SWALLOWED_ABOVE_BYTES: usize = 16 * 1024;
/// Twenty messages a second, as `tick.20.900` has.
const PERIOD: Duration = Duration::from_millis(50);
const PAD_BYTES: usize = 860;

/// The server. It ends with its test.
pub(crate) struct Peer {
    url: String,
    serving: JoinHandle<()>,
    _dead: StdUdpSocket,
}

impl Peer {
    pub(crate) async fn start(flaw: Flaw) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        // Bound and never read: nobody answers there, and nobody says so.
        let dead = StdUdpSocket::bind("127.0.0.1:0").expect("a port");
        let dead_port = dead.local_addr().expect("bound").port();
        let mut router = Router::new().route("/api/info", get(async move || Json(info(flaw))));
        if flaw != Flaw::NoSignalling {
            let upgrade = async move |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(move |socket| signal(socket, flaw, dead_port))
            };
            router = router.route("/signal", get(upgrade));
        }
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            url,
            serving,
            _dead: dead,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn info(flaw: Flaw) -> Value {
    json!({
        "name": "wirelab",
        "lanes": [{ "id": "datachannel", "path": "/signal" }],
        "channels": [
            { "label": "control", "id": 0, "ordered": true, "maxRetransmits": null },
            { "label": "state", "id": 1, "ordered": flaw == Flaw::TellsOther, "maxRetransmits": 0 },
        ],
    })
}

async fn signal(mut socket: WebSocket, flaw: Flaw, dead_port: u16) {
    let mut peers = Vec::new(); // they outlive no socket: a client of ours that has its answer keeps the peer by its task
    while let Some(Ok(message)) = socket.recv().await {
        let Ok(text) = message.to_text() else { continue };
        let Ok(said) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        let answer = match (said["type"].as_str(), flaw) {
            (Some("join"), _) => json!({
                "type": "welcome", "you": "me", "room": said["room"],
                "peers": [{ "id": "server", "polite": false }], "ice_servers": [],
            }),
            (Some("offer"), Flaw::SilentSignalling) => continue,
            (Some("offer"), Flaw::FloodingSignalling) => {
                let noise = json!({ "type": "peer-left", "id": "x".repeat(1000) }).to_string();
                while socket.send(Message::text(noise.clone())).await.is_ok() {}
                return;
            }
            (Some("offer"), Flaw::Refuses) => {
                json!({ "type": "refused", "code": "limit", "message": "no place is left" })
            }
            (Some("offer"), _) => {
                let (sdp, peer) = answer(said["sdp"].as_str().expect("an offer"), flaw).await;
                peers.push(peer);
                json!({ "type": "answer", "from": "server", "sdp": broken(&sdp, flaw, dead_port) })
            }
            _ => continue,
        };
        if socket.send(Message::text(answer.to_string())).await.is_err() {
            break;
        }
    }
    for peer in peers {
        let _ = peer.await; // it ends with its connection
    }
}

/// The answer as the flaw wants it.
fn broken(sdp: &str, flaw: Flaw, dead_port: u16) -> String {
    let line = |line: &str| match flaw {
        Flaw::NoCandidates if line.contains("candidate") => String::new(),
        Flaw::DeadCandidates if line.starts_with("a=candidate:") => {
            format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {dead_port} typ host\r\n")
        }
        Flaw::SwallowsLarge if line.starts_with("a=max-message-size:") => "a=max-message-size:262144\r\n".to_owned(),
        _ => format!("{line}\r\n"),
    };
    sdp.lines().map(line).collect()
}

struct Gathered(Arc<Notify>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Gathered {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.0.notify_one();
        }
    }
}

fn channel(id: u16, ordered: bool, max_retransmits: Option<u16>) -> RTCDataChannelInit {
    RTCDataChannelInit {
        ordered,
        max_retransmits,
        negotiated: Some(id),
        ..RTCDataChannelInit::default()
    }
}

/// A peer and its answer.
async fn answer(offer: &str, flaw: Flaw) -> (String, JoinHandle<()>) {
    let gathered = Arc::new(Notify::new());
    let connection = PeerConnectionBuilder::new()
        .with_setting_engine(SettingEngineBuilder::new().with_lite(true).build())
        .with_handler(Arc::new(Gathered(Arc::clone(&gathered))))
        .with_udp_addrs(vec!["127.0.0.1:0"])
        .build()
        .await
        .expect("a connection");
    let connection: Arc<dyn PeerConnection> = Arc::new(connection);
    let control = match flaw {
        Flaw::ControlLoses => channel(0, false, Some(0)),
        Flaw::ControlIsUnordered => channel(0, false, None),
        _ => channel(0, true, None),
    };
    let state = match flaw {
        Flaw::StateIsReliable => channel(1, true, None),
        Flaw::StateRepeats => channel(1, false, None),
        Flaw::StateIsOrdered => channel(1, true, Some(0)),
        _ => channel(1, false, Some(0)),
    };
    let control = connection
        .create_data_channel("control", Some(control))
        .await
        .expect("a channel");
    let state = connection
        .create_data_channel("state", Some(state))
        .await
        .expect("a channel");
    let offer = RTCSessionDescription::offer(offer.to_owned()).expect("an offer");
    connection.set_remote_description(offer).await.expect("it fits");
    let answer = connection.create_answer(None).await.expect("an answer");
    connection.set_local_description(answer).await.expect("it is ours");
    gathered.notified().await;
    let sdp = connection.local_description().await.expect("an answer").sdp;
    let serving = tokio::spawn(serve(connection, control, state, flaw));
    (sdp, serving)
}

/// Hears commands and carries them out, until the channel closes.
async fn serve(
    connection: Arc<dyn PeerConnection>,
    control: Arc<dyn DataChannel>,
    state: Arc<dyn DataChannel>,
    flaw: Flaw,
) {
    let mut ticking = JoinSet::new();
    while let Some(event) = control.poll().await {
        let message = match event {
            DataChannelEvent::OnMessage(message) => message,
            DataChannelEvent::OnOpen if flaw != Flaw::Deaf => {
                let hello = json!({
                    "type": "hello", "server": "0", "lane": "datachannel", "heartbeat_ms": 2000, "topics": {}, "now_us": 1,
                });
                let _ = control.send_text(&hello.to_string()).await; // who is gone hears nothing
                continue;
            }
            DataChannelEvent::OnClose => break,
            _ => continue,
        };
        let swallows = flaw == Flaw::SwallowsLarge && message.data.len() > SWALLOWED_ABOVE_BYTES;
        let Ok(command) = serde_json::from_slice::<Value>(&message.data) else {
            continue;
        };
        if flaw == Flaw::Deaf || swallows {
            continue;
        }
        let (topic, id) = (&command["topic"], &command["id"]);
        let answer = match command["type"].as_str() {
            Some("echo") => json!({ "type": "ack", "id": id, "ack": true, "echoed": command["data"] }),
            Some("time") => json!({ "type": "time", "id": id, "t0": command["t0"], "t1": 1, "t2": 2 }),
            Some("subscribe") => {
                let channel = if command["channel"] == "state" {
                    &state
                } else {
                    &control
                };
                ticking.spawn(tick(Arc::clone(channel), topic.as_str().expect("a topic").to_owned()));
                json!({
                    "type": "subscribed", "id": id, "topic": topic, "cursor": cursor(0), "policy": "latest",
                    "channel": command["channel"],
                })
            }
            Some("unsubscribe") => {
                ticking.shutdown().await;
                json!({ "type": "unsubscribed", "id": id, "topic": topic })
            }
            _ => continue,
        };
        let _ = control.send_text(&answer.to_string()).await; // who is gone hears nothing
    }
    let _ = connection.close().await; // the client may have closed it
}

fn cursor(offset: u64) -> String {
    format!("00000000000000ab.{offset}")
}

async fn tick(channel: Arc<dyn DataChannel>, topic: String) {
    let mut beat = interval(PERIOD);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for offset in 1.. {
        beat.tick().await;
        let data = json!({ "n": offset, "pad": "x".repeat(PAD_BYTES) });
        let message =
            json!({ "type": "message", "topic": topic, "cursor": cursor(offset), "sent_us": 1, "data": data });
        if channel.send_text(&message.to_string()).await.is_err() {
            return;
        }
    }
}
