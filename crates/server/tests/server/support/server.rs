//! A server on a free port and what can be asked about it from outside.

use std::{net::SocketAddr, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wirelab_model::Cursor;
use wirelab_server::{Entrance, Listeners, RunError, Tls, config::Config};

use super::{
    Answer, Peer, Socket, get,
    secure::{Identity, tunnel},
    soon,
};

/// How often a counter is looked at while a test waits for it.
const POLL: Duration = Duration::from_millis(10);

/// How a test's bytes come to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    /// Through a tunnel that says them over TLS.
    Tls,
    /// Through one that says them as streams of one HTTP/2 connection over TLS.
    Http2,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Tls, Self::Http2];
}

/// A running server. It ends with the test's runtime.
pub(crate) struct Server {
    /// The public listeners, in order; with tunnels, theirs.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What it shows where it speaks TLS.
    pub(crate) identity: Identity,
    /// To show another.
    pub(crate) tls: Tls,
    /// Where `/metrics` always is.
    internal: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<Result<(), RunError>>,
}

impl Server {
    /// With everything as DESIGN says.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// With some settings of its own.
    pub(crate) fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::on(&["127.0.0.1:0"], adjust)
    }

    /// Over this way, with everything as DESIGN says.
    pub(crate) fn over(way: Way) -> Self {
        Self::over_with(way, |_| {})
    }

    /// Over this way.
    pub(crate) fn over_with(way: Way, adjust: impl FnOnce(&mut Config)) -> Self {
        if way == Way::Plain {
            return Self::with(adjust);
        }
        let mut server = Self::secure_with(adjust);
        server.addresses = vec![tunnel(server.address(), &server.identity, way == Way::Http2)];
        server
    }

    /// With TLS on its only entrance, and nothing before it.
    pub(crate) fn secure() -> Self {
        Self::secure_with(|_| {})
    }

    /// The same, with some settings of its own.
    pub(crate) fn secure_with(adjust: impl FnOnce(&mut Config)) -> Self {
        Self::bound(&["127.0.0.1:0"], true, adjust)
    }

    /// On these public addresses, and on loopback for operators.
    pub(crate) fn on(binds: &[&str], adjust: impl FnOnce(&mut Config)) -> Self {
        Self::bound(binds, false, adjust)
    }

    fn bound(binds: &[&str], secure: bool, adjust: impl FnOnce(&mut Config)) -> Self {
        let identity = Identity::new();
        let tls = Tls::new(identity.certificate());
        let mut config = Config::default();
        adjust(&mut config);
        let bind = |text: &&str| wirelab_server::bind(text.parse().expect("an address")).expect("port 0 is free");
        let public: Vec<_> = binds.iter().map(bind).collect();
        let internal = bind(&"127.0.0.1:0");
        let address = |listener: &std::net::TcpListener| {
            let bound = listener.local_addr().expect("it is bound");
            SocketAddr::from(([127, 0, 0, 1], bound.port())) // 0.0.0.0 is reached from here too
        };
        let (addresses, internal_address) = (public.iter().map(address).collect(), address(&internal));
        let stop = CancellationToken::new();
        // On loopback the UDP port of the first listener is as free as its TCP port was.
        let udp = wirelab_server::bind_udp(public[0].local_addr().expect("it is bound"));
        let mut udp = udp.ok();
        let listeners = Listeners {
            public: public
                .into_iter()
                .map(|tcp| Entrance {
                    tls: secure.then(|| tls.clone()),
                    ..Entrance::direct(tcp, udp.take().into_iter().collect())
                })
                .collect(),
            internal: Some(internal),
        };
        let running = tokio::spawn(wirelab_server::run(listeners, config, stop.clone()));
        Self {
            addresses,
            identity,
            tls,
            internal: internal_address,
            stop,
            running,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) async fn connect(&self) -> Peer {
        Peer::connect(self.address()).await
    }

    /// One GET on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(get(path)).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut peer = self.connect().await;
        peer.send(request).await;
        peer.answer().await
    }

    /// Publishes JSON.
    pub(crate) async fn publish(&self, topic: &str, json: &str) -> Cursor {
        self.connect().await.publish(topic, json).await
    }

    /// One GET on the internal listener.
    pub(crate) async fn ask_internal(&self, path: &str) -> Answer {
        let mut peer = Peer::connect(self.internal).await;
        peer.send(get(path)).await;
        peer.answer().await
    }

    /// A sample of `/metrics`, such as `connections{lane="sse"}`; zero where it was never counted.
    pub(crate) async fn count(&self, sample: &str) -> u64 {
        let text = self.ask_internal("/metrics").await.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("wirelab_")?.strip_prefix(sample)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a whole number"))
    }

    /// Waits until the sample says `wanted`.
    pub(crate) async fn until(&self, sample: &str, wanted: u64) {
        let mut last = 0;
        let reached = async {
            loop {
                last = self.count(sample).await;
                if last == wanted {
                    return;
                }
                tokio::time::sleep(POLL).await; // a counter cannot be awaited
            }
        };
        if tokio::time::timeout(super::PATIENCE, reached).await.is_err() {
            panic!("{sample} is {last} and does not become {wanted}");
        }
    }

    /// Asks the server to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(&mut self) {
        let ended = soon("the server to return", &mut self.running).await;
        ended.expect("it does not panic").expect("it returns without an error");
    }
}

/// A server with somebody on it who must not notice what others do to it.
pub(crate) struct Watched {
    pub(crate) server: Server,
    bystander: Socket,
    seen: u64,
}

impl Watched {
    pub(crate) async fn start() -> Self {
        Self::around(Server::start()).await
    }

    pub(crate) async fn around(server: Server) -> Self {
        let mut bystander = Socket::open(&server, "/ws?topic=bystander").await;
        assert_eq!(bystander.json().await["type"], "hello");
        Self {
            server,
            bystander,
            seen: 0,
        }
    }

    /// The counter has moved to `wanted` and the bystander still gets what is published.
    pub(crate) async fn unharmed(&mut self, sample: &str, wanted: u64) {
        self.server.until(sample, wanted).await;
        self.seen += 1;
        let cursor = self.server.publish("bystander", &self.seen.to_string()).await;
        let message = self.bystander.json().await;
        assert_eq!(
            (&message["cursor"], &message["data"]),
            (&cursor.to_string().into(), &self.seen.into())
        );
    }
}
