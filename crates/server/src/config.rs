//! What the server is told before it starts. Reading files, flags and the environment is `cli`'s work.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use wirelab_transport::feed;

pub use crate::turn::Turn;
pub use wirelab_transport::feed::Limits as FeedLimits;

use crate::guard::{Host, Network, Origin};

/// Everything that `run` needs to know. Every field has the default that DESIGN names.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host names taken in `Host` beside `localhost` and IP literals.
    pub allow_hosts: Vec<Host>,
    /// Origins taken beside our own, as `scheme://host[:port]`.
    pub allow_origins: Vec<Origin>,
    /// Proxies that are believed when they say who is asking, by which scheme and for which host.
    pub trust_proxies: Vec<Network>,
    /// Who may publish where the bind is not loopback.
    pub admin_token: Option<Secret>,
    /// Who reaches the listeners.
    pub visitors: Visitors,
    /// Read the pages from this folder instead of the binary.
    pub web_dir: Option<PathBuf>,
    /// Addresses that WebRTC peers are told beside those by which an entrance is found, on the same port.
    pub announce: Vec<IpAddr>,
    /// The relays for browsers that nothing else lets through, and what they check.
    pub turn: Option<Turn>,
    /// Of 1,000 datagrams that carry data channels, how many are lost on their way out: for tests that prove by behaviour
    /// what each channel is (`crates/cli/examples/lossy.rs`). No flag, variable or file sets it.
    pub lost_per_mille: u32,
    /// How long open connections have to go once the stop is asked for.
    pub grace: Duration,
    /// Beat of idle event streams. Some proxies cut at 15 s.
    pub sse_heartbeat: Duration,
    /// Beat of WebSocket pings; a peer silent for two is closed.
    pub websocket_heartbeat: Duration,
    /// Bounds of connections.
    pub limits: Limits,
    /// Bounds of topics and their rings.
    pub feed: feed::Limits,
}

/// Who reaches the listeners, and so what is open to whoever does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visitors {
    /// Those of this machine where every listener is on loopback and no proxy is trusted; else anybody.
    #[default]
    ByAddress,
    /// Those of this machine alone, whatever the addresses: a container whose ports are published on loopback.
    Local,
}

/// Bounds of connections. What is refused is counted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address; loopback is many visitors and does not count.
    pub connections_per_address: usize,
    /// A request head must be whole this long after its first byte, a first byte must come this long after opening.
    pub header_timeout: Duration,
    /// A kept-alive connection without a request ends after this.
    pub idle_timeout: Duration,
    /// A peer that takes none of what is waiting for it is gone after this.
    pub stall_timeout: Duration,
    /// `/ws/echo` connections, which may hold 16 MiB each.
    pub echo_connections: usize,
    /// Topics of one connection.
    pub topics_per_connection: usize,
    /// WebRTC peers in all: each costs a few milliseconds of CPU and some 270 KiB.
    pub peers: usize,
    /// WebRTC peers of one address; loopback is many visitors and does not count.
    pub peers_per_address: usize,
    /// How long a WebRTC peer may take to open its channels.
    pub peer_opening: Duration,
    /// Signalling rooms.
    pub rooms: usize,
    /// Peers in one signalling room.
    pub peers_per_room: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            allow_origins: Vec::new(),
            trust_proxies: Vec::new(),
            admin_token: None,
            visitors: Visitors::default(),
            web_dir: None,
            announce: Vec::new(),
            turn: None,
            lost_per_mille: 0,
            grace: Duration::from_secs(8),
            sse_heartbeat: Duration::from_secs(15),
            websocket_heartbeat: Duration::from_secs(25),
            limits: Limits::default(),
            feed: feed::Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 18_000, // below the 20,000 files that many machines grant a process
            connections_per_address: 256,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(60),
            echo_connections: 64,
            topics_per_connection: 16,
            peers: 1_000,
            peers_per_address: 32,
            peer_opening: Duration::from_secs(30),
            rooms: 1_000,
            peers_per_room: 16,
        }
    }
}

/// How a browser on this machine names a listener: `localhost` on the usual loopback addresses, for which browsers
/// allow what they otherwise ask TLS for.
#[must_use]
pub fn url(address: SocketAddr) -> String {
    format!("http://{}", authority(address))
}

/// The same for a listener that speaks TLS. `localhost` is a name of the development certificate.
#[must_use]
pub fn secure_url(address: SocketAddr) -> String {
    format!("https://{}", authority(address))
}

fn authority(address: SocketAddr) -> String {
    let usual = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    if usual.contains(&address.ip()) {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

/// A text that must not be shown: `Debug` hides it and nothing displays it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from view.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for comparing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
