//! The hidden part that serves: this program's server, or the reference, in a process that can be weighed.

use std::{io, net::SocketAddr, net::TcpListener, time::Duration};

use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;
use wirelab_server::{Entrance, Listeners, config::Config};

use super::{reference, system, way::Kind};
use crate::args::LogFormat;
use crate::{error::Error, logging, render};

/// Connections that wait to be accepted: as many as the server's own listener has.
const BACKLOG: i32 = 4096;

/// What a serving part is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    /// Port 0: one that is free. Several processes may have one port.
    pub(crate) address: SocketAddr,
    /// Whether there are data channels.
    pub(crate) peers: bool,
    pub(crate) connections: usize,
    pub(crate) heartbeat: Duration,
    /// The core to stay on.
    pub(crate) core: Option<usize>,
}

/// What it says once it listens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) is_pinned: bool,
}

/// Serves until stdin closes.
pub(crate) fn run() -> Result<(), Error> {
    logging::start(LogFormat::Text, "error")?;
    let order: Order = read_order().map_err(Error::System)?;
    let is_pinned = order.core.is_some_and(system::pin);
    let _ = rlimit::increase_nofile_limit(u64::MAX); // what it cannot hold it refuses, and that is counted
    // As `wirelab serve` has it: one worker for each core that this process may use.
    let runtime = tokio::runtime::Runtime::new().map_err(Error::System)?;
    runtime.block_on(async {
        let listener = listen(order.address).map_err(Error::System)?;
        let serving = Serving {
            address: listener.local_addr().map_err(Error::System)?,
            is_pinned,
        };
        let words = serde_json::to_string(&serving).map_err(|error| Error::System(error.into()))?;
        let serve = serve(&order, listener, serving.address)?;
        render::result(&(words + "\n"));
        tokio::select! {
            outcome = serve => outcome,
            () = closed() => Ok(()),
        }
    })?;
    runtime.shutdown_background();
    Ok(())
}

fn serve(
    order: &Order,
    listener: TcpListener,
    address: SocketAddr,
) -> Result<impl Future<Output = Result<(), Error>> + use<>, Error> {
    let udp = match order.kind {
        Kind::Wirelab if order.peers => vec![wirelab_server::bind_udp(address).map_err(Error::System)?],
        _ => Vec::new(),
    };
    let (kind, config) = (order.kind, config(order));
    let heartbeat = order.heartbeat;
    Ok(async move {
        if kind == Kind::Reference {
            return reference::run(listener, heartbeat).await.map_err(Error::System);
        }
        let listeners = Listeners {
            public: vec![Entrance::direct(listener, udp)],
            internal: None,
        };
        Ok(wirelab_server::run(listeners, config, CancellationToken::new()).await?)
    })
}

/// The server as it is, with room for what is asked.
fn config(order: &Order) -> Config {
    let mut config = Config {
        sse_heartbeat: order.heartbeat,
        websocket_heartbeat: order.heartbeat,
        ..Config::default()
    };
    let room = order.connections;
    config.limits.connections = room.max(config.limits.connections);
    config.limits.echo_connections = room.max(config.limits.echo_connections);
    config.limits.peers = room.max(config.limits.peers);
    config.limits.rooms = room.max(config.limits.rooms);
    config.feed.topics = room.max(config.feed.topics);
    config
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The first line of stdin. A part that a person starts has none.
pub(super) fn read_order<T: serde::de::DeserializeOwned>() -> io::Result<T> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    serde_json::from_str(&line)
        .map_err(|_| io::Error::other("this part of the bench is what `wirelab bench` starts for itself"))
}

/// Ready once stdin is closed.
async fn closed() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = lines.next_line().await {}
}
