//! The command line. This one list is also the environment and the file: see [`crate::settings`].

pub(crate) mod turn;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use wirelab_server::{
    Host, Network, Origin,
    config::{self, Config},
};

use crate::announce::Announce;
use crate::values::{OrOff, address, bytes, bytes_text, count, host, network, origin, profile, time, time_text};
use crate::{advise, bench, compare, verify};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// How the layers go together, at the end of every help text.
const LAYERS: &str = "\
Every flag is also a variable and a key of the configuration file: --max-topics is WIRELAB_MAX_TOPICS and max-topics. \
A flag wins over the variable, the variable over the file, the file over the default. \
Times are written 250ms, 10s, 3m; counts 500 or 10k; sizes 64KiB or 2MiB. RUST_LOG chooses what is logged.";

/// The same live feed over Server-Sent Events, WebSocket and WebRTC, to see, compare and measure.
///
/// Without a command it serves: `wirelab` is `wirelab serve`.
#[derive(Debug, Parser)]
#[command(name = "wirelab", version, args_conflicts_with_subcommands = true, after_help = LAYERS, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server; this is also what happens without a command
    #[command(after_help = LAYERS, max_term_width = 100)]
    Serve(Box<Serve>),
    /// Put all lanes on the same bad network at the same moment, and measure what each delivers
    #[command(after_help = compare::args::AFTER, max_term_width = 100)]
    Compare(Box<compare::args::Compare>),
    /// What a connection costs: memory, CPU and time, of this server or of any other
    #[command(after_help = bench::args::AFTER, max_term_width = 100)]
    Bench(Box<bench::args::Bench>),
    /// Which transport to take: the reasons, what would change it, the values to set, what it costs
    #[command(after_help = advise::args::AFTER, max_term_width = 100)]
    Advise(Box<advise::args::Advise>),
    /// Whether a transport behaves as chosen, through everything in between
    #[command(after_help = verify::args::AFTER, max_term_width = 100, allow_missing_positional = true)]
    Verify(Box<verify::args::Verify>),
    /// The process that serves while `bench` measures; `bench` starts it
    #[command(hide = true)]
    BenchServer,
    /// The process that holds connections while `bench` measures; `bench` starts it
    #[command(hide = true)]
    BenchHolder,
    /// Say whether a lossy link can be made here, and what to type where not
    #[command(max_term_width = 100)]
    Doctor(Doctor),
    /// The process that carries the live link; `serve` starts it
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    LinkHelper,
}

/// What `wirelab doctor` is told.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Doctor {
    /// The form of the answer on stdout
    #[arg(long, value_enum, default_value_t = DoctorOutput::Text)]
    pub(crate) output: DoctorOutput,
}

/// The form of what `wirelab doctor` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorOutput {
    /// For people
    Text,
    /// For programs
    Json,
}

impl Cli {
    pub(crate) fn asked(self) -> Command {
        self.command.unwrap_or(Command::Serve(Box::new(self.serve)))
    }
}

/// What `wirelab serve` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten, next_help_heading = "Addresses")]
    pub(crate) addresses: Addresses,
    #[command(flatten, next_help_heading = "Who may")]
    pub(crate) access: Access,
    #[command(flatten, next_help_heading = "TURN")]
    pub(crate) turn: turn::Turn,
    #[command(flatten, next_help_heading = "Limits")]
    pub(crate) limits: Limits,
    #[command(flatten, next_help_heading = "Running")]
    pub(crate) running: Running,
}

/// Where it listens.
#[derive(Clone, Debug, Args)]
pub(crate) struct Addresses {
    /// Address for HTTP, with Server-Sent Events, WebSocket and the pages on it, and the port for WebRTC's UDP; port 0
    /// takes one that is free for both
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) http: SocketAddr,

    /// Address for HTTPS, with HTTP/2 and WebRTC's UDP; off for none [default: 127.0.0.1:8443, if it is free]
    #[arg(long, value_name = "ADDR|off")]
    pub(crate) https: Option<OrOff>,

    /// File with the certificate for HTTPS and its chain, in PEM, the server's own first; read again on SIGHUP.
    /// Without it a development certificate is made and kept in the data folder
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// File with the certificate's key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Address, for TCP and UDP, at which the same server is reached through an emulated link; off for none
    /// [default: 127.0.0.1:8081, if it is free]
    #[arg(long, value_name = "ADDR|off")]
    pub(crate) link_listen: Option<OrOff>,

    /// What the link is like at first; the compare page and /api/link change it
    #[arg(long, value_name = "NAME", default_value = "lossy-2", value_parser = profile)]
    pub(crate) link_profile: &'static wirelab_link::Named,

    /// The program that carries the link, if it is not this one: a copy that may make network devices where the server
    /// may not
    #[arg(long, value_name = "FILE")]
    pub(crate) link_helper: Option<PathBuf>,

    /// An address that WebRTC peers are told beside our own, such as the public one before a NAT; auto is the primary one
    /// of this machine
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub(crate) announce_ip: Vec<Announce>,

    /// Address for /metrics and /health alone; off loopback, metrics are nowhere else
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) internal: Option<SocketAddr>,
}

/// Who may, beside those who always may.
#[derive(Clone, Debug, Args)]
pub(crate) struct Access {
    /// A host name under which this server may be addressed, beside localhost and IP addresses
    #[arg(long, value_name = "HOST", value_delimiter = ',', value_parser = host)]
    pub(crate) allow_host: Vec<Host>,

    /// An origin, scheme://host or scheme://host:port, whose pages may use this server beside its own
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub(crate) allow_origin: Vec<Origin>,

    /// A proxy before this server, as an address or a network: it is believed when it says who is asking, by which scheme
    /// and for which host; then publishing needs the token on loopback too
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub(crate) trust_proxy: Vec<Network>,

    /// Who reaches the addresses
    #[arg(long, value_name = "WHO", default_value = "by-address")]
    pub(crate) visitors: Visitors,

    /// File with the token that publishing and setting the link need when other machines can reach the server
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,
}

/// Who reaches the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Visitors {
    /// This machine where all addresses are on loopback and no proxy is trusted, else anybody
    ByAddress,
    /// This machine alone, as with a container whose ports are published on loopback: all may publish and set the link
    Local,
}

impl From<Visitors> for config::Visitors {
    fn from(visitors: Visitors) -> Self {
        match visitors {
            Visitors::ByAddress => Self::ByAddress,
            Visitors::Local => Self::Local,
        }
    }
}

/// Bounds of connections and topics.
#[derive(Clone, Debug, Args)]
pub(crate) struct Limits {
    /// Connections in all
    #[arg(long, value_name = "COUNT", value_parser = count(1..=10_000_000))]
    #[arg(default_value_t = usual().limits.connections)]
    pub(crate) max_connections: usize,

    /// Connections from one address, or requests and streams of one visitor behind a proxy; loopback does not count
    #[arg(long, value_name = "COUNT", value_parser = count(1..=10_000_000))]
    #[arg(default_value_t = usual().limits.connections_per_address)]
    pub(crate) max_connections_per_address: usize,

    /// Connections on /ws/echo, each of which may hold 16 MiB
    #[arg(long, value_name = "COUNT", value_parser = count(0..=100_000))]
    #[arg(default_value_t = usual().limits.echo_connections)]
    pub(crate) max_echo_connections: usize,

    /// WebRTC peers in all; each costs some 270 KiB
    #[arg(long, value_name = "COUNT", value_parser = count(0..=1_000_000))]
    #[arg(default_value_t = usual().limits.peers)]
    pub(crate) max_peers: usize,

    /// WebRTC peers of one address; loopback does not count
    #[arg(long, value_name = "COUNT", value_parser = count(1..=1_000_000))]
    #[arg(default_value_t = usual().limits.peers_per_address)]
    pub(crate) max_peers_per_address: usize,

    /// Signalling rooms
    #[arg(long, value_name = "COUNT", value_parser = count(1..=1_000_000))]
    #[arg(default_value_t = usual().limits.rooms)]
    pub(crate) max_rooms: usize,

    /// Peers in one signalling room
    #[arg(long, value_name = "COUNT", value_parser = count(1..=1024))]
    #[arg(default_value_t = usual().limits.peers_per_room)]
    pub(crate) max_peers_per_room: usize,

    /// How long a WebRTC peer may take to open its channels
    #[arg(long, value_name = "TIME", value_parser = time(SECOND..=HOUR))]
    #[arg(default_value = time_text(usual().limits.peer_opening))]
    pub(crate) peer_opening: Duration,

    /// Topics of one connection
    #[arg(long, value_name = "COUNT", value_parser = count(1..=1024))]
    #[arg(default_value_t = usual().limits.topics_per_connection)]
    pub(crate) max_topics_per_connection: usize,

    /// Topics in all
    #[arg(long, value_name = "COUNT", value_parser = count(1..=1_000_000))]
    #[arg(default_value_t = usual().feed.topics)]
    pub(crate) max_topics: usize,

    /// Messages that each topic keeps for those who resume
    #[arg(long, value_name = "COUNT", value_parser = count(16..=10_000_000))]
    #[arg(default_value_t = usual().feed.ring_messages)]
    pub(crate) ring_messages: usize,

    /// Bytes that each topic keeps for those who resume
    #[arg(long, value_name = "SIZE", value_parser = bytes(64 * 1024..=1 << 30))]
    #[arg(default_value = bytes_text(usual().feed.ring_bytes))]
    pub(crate) ring_bytes: usize,

    /// How long a topic stays without readers
    #[arg(long, value_name = "TIME", value_parser = time(SECOND..=24 * HOUR))]
    #[arg(default_value = time_text(usual().feed.linger))]
    pub(crate) topic_linger: Duration,

    /// A request's head must be there after this
    #[arg(long, value_name = "TIME", value_parser = time(SECOND / 10..=HOUR))]
    #[arg(default_value = time_text(usual().limits.header_timeout))]
    pub(crate) header_timeout: Duration,

    /// A kept connection without a request ends after this
    #[arg(long, value_name = "TIME", value_parser = time(SECOND / 10..=HOUR))]
    #[arg(default_value = time_text(usual().limits.idle_timeout))]
    pub(crate) idle_timeout: Duration,

    /// A peer that takes nothing of what waits for it is gone after this
    #[arg(long, value_name = "TIME", value_parser = time(SECOND..=HOUR))]
    #[arg(default_value = time_text(usual().limits.stall_timeout))]
    pub(crate) stall_timeout: Duration,

    /// How often an idle event stream says that it lives; some proxies cut at 15s
    #[arg(long, value_name = "TIME", value_parser = time(SECOND..=10 * MINUTE))]
    #[arg(default_value = time_text(usual().sse_heartbeat))]
    pub(crate) sse_heartbeat: Duration,

    /// How often a WebSocket is pinged; a peer silent for two is closed
    #[arg(long, value_name = "TIME", value_parser = time(SECOND..=10 * MINUTE))]
    #[arg(default_value = time_text(usual().websocket_heartbeat))]
    pub(crate) websocket_heartbeat: Duration,
}

/// How it runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct Running {
    /// How long open connections have to go once a stop is asked for
    #[arg(long, value_name = "TIME", value_parser = time(Duration::ZERO..=HOUR))]
    #[arg(default_value = time_text(usual().grace))]
    pub(crate) grace: Duration,

    /// Serve the pages from this folder, read afresh each time, instead of those in the binary
    #[arg(long, value_name = "DIR")]
    pub(crate) web_dir: Option<PathBuf>,

    /// Folder in which the development certificate is kept [default: $XDG_DATA_HOME/wirelab]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// TOML file of these settings
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// The defaults that the server itself has.
fn usual() -> Config {
    Config::default()
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
