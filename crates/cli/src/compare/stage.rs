//! One lane's stage: a link of its own, a server at its far end and the runtime of a client at its near end.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    time::Instant,
};

use thiserror::Error;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use wirelab_link::{Counters, Direction, Lab, LabError, Privilege, Profile, pin_congestion_control};
use wirelab_model::TopicName;
use wirelab_server::{Entrance, Front, Listeners, config::Config};

use super::{lane::Lane, reference, result::Wire};
use crate::inside::runtime;

/// Why there is no stage.
#[derive(Debug, Error)]
pub(crate) enum StageError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("the system does not give what a server at the far end needs: {0}")]
    Io(#[from] io::Error),
    #[error(
        "the kernel does not let this process use the congestion control {name:?}: {source}. \
         /proc/sys/net/ipv4/tcp_available_congestion_control lists those that it has; take one with --congestion"
    )]
    Congestion { name: String, source: io::Error },
}

/// A lane's stage. What is on it ends with it.
pub(crate) struct Stage {
    pub(crate) lane: Lane,
    lab: Lab,
    server: Threads,
    client: Threads,
    stop: CancellationToken,
    port: u16,
}

impl Stage {
    /// Makes the link, and starts the server.
    pub(crate) fn set(
        lane: Lane,
        (privilege, profile, seed, origin): (&Privilege, &Profile, u64, Instant),
        topic: &TopicName,
        congestion: &str,
    ) -> Result<Self, StageError> {
        let lab = Lab::start(privilege, profile, seed, origin)?;
        let threads = |place| runtime(place).map(|runtime| Threads(Some(runtime)));
        let (server, client) = (threads(lab.server())?, threads(lab.client())?);
        let address = SocketAddr::from((lab.server_address(), 0));
        let tcp = lab.server().within(|| wirelab_server::bind(address))??;
        pin_congestion_control(&tcp, congestion).map_err(|source| StageError::Congestion {
            name: congestion.to_owned(),
            source,
        })?;
        let bound = tcp.local_addr()?;
        let udp = lab.server().within(|| wirelab_server::bind_udp(bound))??;
        let stop = CancellationToken::new();
        let stage = Self {
            lane,
            lab,
            server,
            client,
            stop,
            port: bound.port(),
        };
        stage.serve(tcp, udp, topic.clone());
        Ok(stage)
    }

    fn serve(&self, tcp: TcpListener, udp: UdpSocket, topic: TopicName) {
        let stop = self.stop.clone();
        match self.lane {
            Lane::Tcp => drop(self.server.spawn(reference::serve_tcp(tcp, topic, stop))),
            Lane::Udp => drop(self.server.spawn(reference::serve_udp(udp, topic, stop))),
            Lane::Sse | Lane::WebSocket | Lane::DataChannel | Lane::DataChannelReliable => {
                let config = Config::default();
                let found_at = self.address();
                let mut entrance = Entrance::direct(tcp, vec![udp]);
                // In one namespace the sockets' own address leads round the link.
                entrance.front = Some(Front {
                    path: "link",
                    tcp: found_at,
                    udp: vec![found_at],
                });
                let listeners = Listeners {
                    public: vec![entrance],
                    internal: None,
                };
                self.server.spawn(async move {
                    if let Err(error) = wirelab_server::run(listeners, config, stop).await {
                        tracing::error!(%error, "the server at the far end did not run");
                    }
                });
            }
        }
    }

    /// Where the client finds the server.
    pub(crate) fn address(&self) -> SocketAddr {
        (self.lab.server_seen_as(), self.port).into()
    }

    /// Runs something where the client is.
    pub(crate) fn client(&self) -> &Runtime {
        &self.client
    }

    pub(crate) fn mechanism(&self) -> String {
        self.lab.mechanism().to_string()
    }

    /// What the link has carried up to now.
    pub(crate) fn wire(&self) -> Wire {
        let (down, up) = (self.lab.counters(Direction::Down), self.lab.counters(Direction::Up));
        let lost = |counters: &Counters| counters.lost + counters.queue_dropped + counters.overflowed;
        Wire {
            down_packets: down.packets,
            down_bytes: down.ip_bytes,
            up_packets: up.packets,
            up_bytes: up.ip_bytes,
            lost_packets: lost(&down) + lost(&up),
            lateness_p99_us: down
                .lateness_us
                .value_at_quantile(0.99)
                .max(up.lateness_us.value_at_quantile(0.99)),
        }
    }

    /// Ends what runs on it, without waiting for anybody.
    pub(crate) fn strike(self) {
        self.stop.cancel();
    }
}

/// A runtime that ends without waiting when it is dropped: the runs are awaited on another one, where waiting is not
/// allowed.
struct Threads(Option<Runtime>);

impl std::ops::Deref for Threads {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken only by drop")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
