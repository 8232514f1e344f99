//! The server: one axum router that judges every request, three rooms, a signalling hub, and an accept loop of its own.
//!
//! [`run`] is the whole interface: the caller binds, the server serves until it is told to stop, and returns once
//! everyone has gone. It knows nothing of arguments, terminals or exit codes.

pub mod config;

mod app;
mod entrance;
mod guard;
mod http;
mod hub;
mod metric;
mod pages;
mod problem;
mod routes;
mod tls;
mod turn;

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio::{task::JoinSet, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use wirelab_model::Transport;
use wirelab_transport::{admission::Admission, clock::Clock, counters, feed::Feed, sse, webrtc, websocket};

use crate::{
    app::App,
    config::Config,
    entrance::Way,
    http::{Accept, Counters},
};
pub use entrance::{Entrance, Front};
pub use guard::{AuthorityError, Host, MayChange, Network, NetworkError, Origin};
pub use problem::Problem;
pub use tls::{Certificate, CertificateError, Tls};
pub use turn::{TurnTransport, TurnUrl, TurnUrlError};

/// The version that `hello` and `/api/info` tell.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The same datagrams are lost in every run of a test.
const LOSS_SEED: u64 = 7;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Sockets that are bound and listen.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody: at least one.
    pub public: Vec<Entrance>,
    /// For operators: metrics and health only.
    pub internal: Option<std::net::TcpListener>,
}

/// Why the server did not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// A listener cannot be used.
    #[error("a listener cannot be used: {0}")]
    Listener(#[from] io::Error),
}

/// Binds a listener that [`run`] can use.
///
/// # Errors
/// The address is taken, is none of this machine, or may not be bound.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    #[cfg(unix)] // elsewhere it would let two servers share a port
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Binds a UDP socket that [`run`] can use.
///
/// # Errors
/// The address is taken, is none of this machine, or may not be bound.
pub fn bind_udp(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    std::net::UdpSocket::bind(address)
}

/// Serves until `stop`, then tells everyone to come back later, gives them the grace time, and returns.
///
/// # Errors
/// A listener cannot be used.
pub async fn run(listeners: Listeners, config: Config, stop: CancellationToken) -> Result<(), RunError> {
    let internal = listeners.internal.map(tokio::net::TcpListener::from_std).transpose()?;
    let ways: Arc<[Way]> = listeners.public.iter().map(Entrance::way).collect::<io::Result<_>>()?;

    let mut registry = Registry::with_prefix("wirelab");
    let lanes = counters::Counters::register(&mut registry);
    let counters = Counters::register(&mut registry);
    let admission = Admission::new(config.limits.connections, config.limits.connections_per_address);
    let rules = Arc::new(guard::Rules::new(&config, &ways, Arc::clone(&admission)));
    rules.register(&mut registry);
    let feed = Feed::new(Clock::start(), config.feed);
    feed.register(&mut registry);

    let (peers, hub_counters) = (
        webrtc::PortCounters::register(&mut registry),
        hub::Counters::register(&mut registry),
    );
    let turn = turn::Minter::new(config.turn.clone(), turn::Counters::register(&mut registry));
    let (tasks, drain, limits, grace) = (
        TaskTracker::new(),
        CancellationToken::new(),
        config.limits,
        config.grace,
    );
    let sse = sse::Room::start(
        feed.clone(),
        sse_settings(&config),
        lanes.lane(Transport::Sse),
        tasks.clone(),
    );
    let websocket = websocket::Room::start(
        feed.clone(),
        websocket_settings(&config),
        lanes.lane(Transport::WebSocket),
        tasks.clone(),
    );
    let webrtc = webrtc::Room::start(
        feed.clone(),
        webrtc_settings(&config),
        (lanes.lane(Transport::DataChannel), peers),
        Vec::new(), // each entrance has a port of its own
        Vec::new(),
        tasks.clone(),
    )?;
    webrtc.loss().set(LOSS_SEED, config.lost_per_mille, 0);
    let rooms = hub::Limits {
        rooms: limits.rooms,
        peers_per_room: limits.peers_per_room,
    };
    let app = App {
        config: Arc::new(config),
        ways,
        feed,
        sse,
        websocket,
        signalling: hub::Signalling::new(rooms, turn.clone(), hub_counters),
        webrtc,
        turn,
        registry: Arc::new(registry),
        started: Instant::now(),
        drain: drain.clone(),
    };
    let proxies = guard::Proxies::new(&app.config.trust_proxies);
    let accept = |router, tls, fronted| Accept {
        router,
        tls,
        fronted,
        proxies: proxies.clone(),
        limits,
        admission: Arc::clone(&admission),
        counters: counters.clone(),
        tasks: tasks.clone(),
        drain: drain.clone(),
    };
    let mut serving = JoinSet::new();
    for entrance in listeners.public {
        let announced = entrance.announced(&app.config.announce)?;
        let fronted = entrance.front.is_some();
        let app = App {
            webrtc: app.webrtc.another(entrance.udp, announced)?,
            ..app.clone()
        };
        let router = app.router(entrance.routes, Arc::clone(&rules));
        let listener = tokio::net::TcpListener::from_std(entrance.tcp)?;
        serving.spawn(accept(router, entrance.tls, fronted).run(listener));
    }
    if let Some(listener) = internal {
        serving.spawn(accept(app.internal_router(), None, false).run(listener));
    }
    let readings = metric::run(app.feed.clone(), counts(&app), app.started, drain.clone());
    serving.spawn(readings);
    let listeners: Vec<String> = app.ways.iter().map(Way::url).collect();
    info!(?listeners, "serving");

    stop.cancelled().await;
    info!(
        connections = admission.open_now(),
        grace_ms = grace.as_millis() as u64,
        "draining"
    );
    // Readiness falls, idle connections end, streams are told when to come back. Listeners stay until all have gone, so
    // that whoever asks for readiness meanwhile is told.
    drain.cancel();
    app.sse.drain();
    app.websocket.drain();
    app.webrtc.drain();
    tasks.close();
    if timeout(grace, tasks.wait()).await.is_err() {
        warn!(
            connections = admission.open_now(),
            "the grace time is over, the rest is cut"
        );
    }
    serving.shutdown().await; // nobody listens any more when this returns
    Ok(())
}

fn sse_settings(config: &Config) -> sse::Settings {
    sse::Settings {
        version: VERSION,
        heartbeat: config.sse_heartbeat,
        stall_timeout: config.limits.stall_timeout,
        topics_per_connection: config.limits.topics_per_connection,
    }
}

fn websocket_settings(config: &Config) -> websocket::Settings {
    websocket::Settings {
        version: VERSION,
        heartbeat: config.websocket_heartbeat,
        stall_timeout: config.limits.stall_timeout,
        topics_per_connection: config.limits.topics_per_connection,
        echo_connections: config.limits.echo_connections,
    }
}

fn webrtc_settings(config: &Config) -> webrtc::Settings {
    webrtc::Settings {
        version: VERSION,
        topics_per_connection: config.limits.topics_per_connection,
        peers: config.limits.peers,
        peers_per_address: config.limits.peers_per_address,
        opening: config.limits.peer_opening,
        ..webrtc::Settings::default()
    }
}

/// What `metric` tells of the rooms.
fn counts(app: &App) -> impl Fn() -> metric::Counts + use<> {
    let (sse, websocket) = (app.sse.counters().clone(), app.websocket.counters().clone());
    let webrtc = app.webrtc.counters().clone();
    move || metric::Counts {
        sse: sse.connections(),
        websocket: websocket.connections(),
        datachannel: webrtc.connections(),
        deliveries_total: sse.messages() + websocket.messages() + webrtc.messages(),
    }
}
