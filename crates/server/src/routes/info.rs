//! `GET /api/info`: where this server listens, what it speaks, what it takes, and the facts about the transports.
//!
//! The pages draw their tables from it, so that page and code cannot disagree.

use std::{net::SocketAddr, time::Duration};

use axum::{Json, extract::State};
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use serde::Serialize;
use wirelab_model::{
    Transport,
    facts::{self, DECISION},
    frame::Channel,
    message::MAX_DATA_BYTES,
};
use wirelab_transport::{
    webrtc::parameters,
    websocket::{MAX_ECHO_BYTES, MAX_MESSAGE_BYTES},
};

use crate::{VERSION, app::App, config::Config, entrance::Way, guard::Publishing};

/// Answers with the whole of it.
pub(crate) async fn get(State(app): State<App>) -> ([(HeaderName, HeaderValue); 1], Json<Info>) {
    (
        [(CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        Json(Info::of(&app)),
    )
}

/// The answer's JSON.
#[derive(Serialize)]
pub(crate) struct Info {
    name: &'static str,
    version: &'static str,
    listeners: Vec<Listener>,
    lanes: Vec<Lane>,
    /// What the data channels of the server's own peer are, under the names of `RTCDataChannelInit`.
    channels: [DataChannel; 2],
    /// Where the server's own WebRTC peer is reached by whoever came this way.
    announced: Vec<SocketAddr>,
    transports: [facts::Facts; 3],
    decision: &'static [facts::DecisionRow],
    limits: Limits,
    /// Who may publish: `open`, `token` or `closed`.
    publish: &'static str,
}

#[derive(Serialize)]
struct Listener {
    scheme: &'static str,
    address: SocketAddr,
    url: String,
    /// What it leads through: `direct`, or the name of what stands before it.
    path: &'static str,
}

/// A transport as this server serves it.
#[derive(Serialize)]
struct Lane {
    id: Transport,
    path: &'static str,
    heartbeat_ms: u128,
}

/// A data channel, negotiated on both ends.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataChannel {
    label: Channel,
    id: u16,
    ordered: bool,
    max_retransmits: Option<u16>,
}

#[derive(Serialize)]
struct Limits {
    topics: usize,
    topics_per_connection: usize,
    publish_bytes: usize,
    websocket_message_bytes: usize,
    echo_message_bytes: usize,
    echo_connections: usize,
    connections: usize,
    connections_per_address: usize,
    peers: usize,
    peers_per_address: usize,
    peers_per_room: usize,
    ring_messages: usize,
    ring_bytes: usize,
}

impl Info {
    fn of(app: &App) -> Self {
        let config = &*app.config;
        let lane = |id, path, heartbeat: Duration| Lane {
            id,
            path,
            heartbeat_ms: heartbeat.as_millis(),
        };
        let listener = |way: &Way| Listener {
            scheme: way.scheme(),
            address: way.address,
            url: way.url(),
            path: way.path,
        };
        Self {
            name: "wirelab",
            version: VERSION,
            listeners: app.ways.iter().map(listener).collect(),
            lanes: [
                lane(Transport::Sse, "/events", config.sse_heartbeat),
                lane(Transport::WebSocket, "/ws", config.websocket_heartbeat),
            ]
            .into_iter()
            .chain(
                app.webrtc
                    .is_open()
                    .then(|| lane(Transport::DataChannel, "/signal", app.webrtc.heartbeat())),
            )
            .collect(),
            channels: [Channel::Control, Channel::State].map(DataChannel::of),
            announced: app.webrtc.announced().to_vec(),
            transports: Transport::ALL.map(facts::facts),
            decision: DECISION,
            limits: Limits::of(config),
            publish: Publishing::of(config, app.ways.iter().map(|way| way.address)).word(),
        }
    }
}

impl DataChannel {
    fn of(label: Channel) -> Self {
        let (id, parameters) = parameters(label);
        Self {
            label,
            id,
            ordered: parameters.ordered,
            max_retransmits: parameters.max_retransmits,
        }
    }
}

impl Limits {
    fn of(config: &Config) -> Self {
        Self {
            topics: config.feed.topics,
            topics_per_connection: config.limits.topics_per_connection,
            publish_bytes: MAX_DATA_BYTES,
            websocket_message_bytes: MAX_MESSAGE_BYTES,
            echo_message_bytes: MAX_ECHO_BYTES,
            echo_connections: config.limits.echo_connections,
            connections: config.limits.connections,
            connections_per_address: config.limits.connections_per_address,
            peers: config.limits.peers,
            peers_per_address: config.limits.peers_per_address,
            peers_per_room: config.limits.peers_per_room,
            ring_messages: config.feed.ring_messages,
            ring_bytes: config.feed.ring_bytes,
        }
    }
}
