//! What somebody needs: one answer to each question, and what follows from the answers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The answers. What is not answered is as [`Needs::default`] has it: an ordinary feed to ordinary browsers.
///
/// As JSON it is one flat object, and so it is in `needs.toml`; [`Needs::read`] takes it and names all
/// that is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    /// Who speaks.
    pub talks: Talks,
    /// Messages a second to each client; none: it follows from who speaks.
    pub server_hz: Option<f64>,
    /// Messages a second from each client; none: it follows from who speaks.
    pub client_hz: Option<f64>,
    /// What has to arrive.
    pub delivery: Delivery,
    /// Whether a reader that comes back must be told what it missed.
    pub resume: bool,
    /// One-way latency that 99 of 100 messages keep, ms.
    pub latency_ms: u32,
    /// What the network loses.
    pub network: Network,
    /// Round trip, ms.
    pub rtt_ms: u32,
    /// Which way bytes take.
    pub bytes_flow: BytesFlow,
    /// What reaches the server.
    pub entrance: Entrance,
    /// What stands between.
    pub proxies: BTreeSet<Proxy>,
    /// Whether visitors' networks let UDP through.
    pub udp: Udp,
    /// Whether visitors sit behind NATs that give each destination another port.
    pub symmetric_nat: bool,
    /// Whether there can be a TURN server.
    pub turn: bool,
    /// Whether the data is binary.
    pub binary: bool,
    /// Whether there is voice or video.
    pub media: bool,
    /// Of a usual message.
    pub message_bytes: u32,
    /// What clients are; at least one.
    pub clients: BTreeSet<Client>,
    /// Streams that one browser has open at once, in all its tabs.
    pub streams_per_browser: u32,
    /// Whether HTTP/2 is spoken to the browser.
    pub http2: bool,
    /// How the server knows who is asking.
    pub auth: Auth,
    /// Open at once on one server.
    pub connections: u32,
    /// Whether the least to build and run counts.
    pub simple: bool,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Talks {
    /// The server; the client listens.
    Server,
    /// The server, in answer to one question.
    Answer,
    /// Both, at any moment.
    Both,
    /// The client; the server listens.
    Client,
}

/// What has to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Every message, in order.
    EveryInOrder,
    /// Every message; the order does not matter.
    Every,
    /// The newest; an older one may be lost.
    Newest,
}

/// What the network loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Next to nothing.
    Clean,
    /// Up to 2 %.
    SomeLoss,
    /// 5 % and more.
    Lossy,
}

impl Network {
    /// The loss that stands for it where figures are looked up, percent.
    #[must_use]
    pub fn loss_percent(self) -> f64 {
        match self {
            Self::Clean => 0.0,
            Self::SomeLoss => 2.0,
            Self::Lossy => 5.0,
        }
    }
}

/// Which way bytes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BytesFlow {
    /// Through the server.
    Server,
    /// From browser to browser.
    Peer,
}

/// What reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entrance {
    /// TCP and UDP, as far as anybody knows.
    Any,
    /// HTTP alone.
    HttpOnly,
}

/// A proxy on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they are names")]
pub enum Proxy {
    Nginx,
    Haproxy,
    Caddy,
    Envoy,
    Traefik,
    Alb,
    Cloudflare,
}

/// Whether visitors' networks let UDP through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Udp {
    /// As far as anybody knows.
    Open,
    /// They do not.
    Blocked,
}

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// A page that is looked at.
    Browser,
    /// A page that is not.
    BackgroundTab,
    /// A phone that sleeps and changes its network.
    Mobile,
    /// A program without a browser.
    Native,
}

/// How the server knows who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// It does not, or it does not matter.
    None,
    /// By a cookie.
    Cookie,
    /// By an `Authorization` header.
    Header,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            talks: Talks::Server,
            server_hz: None,
            client_hz: None,
            delivery: Delivery::EveryInOrder,
            resume: false,
            latency_ms: 500,
            network: Network::SomeLoss,
            rtt_ms: 40,
            bytes_flow: BytesFlow::Server,
            entrance: Entrance::Any,
            proxies: BTreeSet::new(),
            udp: Udp::Open,
            symmetric_nat: false,
            turn: true,
            binary: false,
            media: false,
            message_bytes: 200,
            clients: BTreeSet::from([Client::Browser]),
            streams_per_browser: 1,
            http2: true,
            auth: Auth::None,
            connections: 1000,
            simple: true,
        }
    }
}

impl Needs {
    /// As it is written: one flat object.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            other => unreachable!("answers are words, numbers and lists: {other:?}"),
        }
    }

    /// Messages a second to each client, said or not.
    #[must_use]
    pub fn server_rate_hz(&self) -> f64 {
        self.server_hz.unwrap_or(match self.talks {
            Talks::Client => 0.0,
            Talks::Server | Talks::Answer | Talks::Both => 1.0,
        })
    }

    /// Messages a second from each client, said or not.
    #[must_use]
    pub fn client_rate_hz(&self) -> f64 {
        self.client_hz.unwrap_or(match self.talks {
            Talks::Server | Talks::Answer => 0.0,
            Talks::Client | Talks::Both => 1.0,
        })
    }

    /// What conditions look at: the answers, and what follows from them.
    pub(super) fn view(&self) -> Map<String, Value> {
        let mut view = self.to_map();
        let (server_hz, client_hz) = (self.server_rate_hz(), self.client_rate_hz());
        let mut clients = self.clients.clone();
        if clients.contains(&Client::BackgroundTab) {
            clients.insert(Client::Browser);
        }
        let through_http = self.entrance == Entrance::HttpOnly || !self.proxies.is_empty();
        for (key, value) in [
            ("server_hz", json!(server_hz)),
            ("client_hz", json!(client_hz)),
            ("clients", json!(clients)),
            ("fastest_hz", json!(server_hz.max(client_hz))),
            ("through_http", json!(through_http)),
        ] {
            view.insert(key.into(), value);
        }
        view
    }
}

/// The questions that an entry of the view was answered by.
pub(super) fn asked_by(key: &str) -> &'static [&'static str] {
    match key {
        "fastest_hz" => &["server_hz", "client_hz"],
        "through_http" => &["entrance", "proxies"],
        _ => &[],
    }
}
