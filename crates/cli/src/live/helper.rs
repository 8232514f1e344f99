//! The helper process: owns the two places, the emulator between them and the forwarder before them.
//!
//! It has one caller, the server that started it, on the socket that is its standard input, and ends when that closes.

use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    time::Instant,
};

use tokio::runtime::Runtime;
use wirelab_link::{Direction, Lab, Privilege, pin_congestion_control};

use super::{
    forward::Forward,
    pass::{receive, send},
    relay::Relay,
    words::{Begin, Begun, Forwarder, MOST_LINE_BYTES, Report, Request, Ways},
};
use crate::{doctor, error::Error, inside::runtime};

/// Serves the server's process until it goes.
///
/// # Errors
/// Standard input is no server, or stops making sense.
pub(crate) fn run(privilege: &Privilege) -> Result<(), Error> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().map_err(Error::System)?);
    let (begin, knocked_at): (Begin, _) = receive(&stream).map_err(|_| Error::NoServer)?;
    let link = match Link::start(privilege, &begin, knocked_at) {
        Ok((link, far, up)) => {
            let files = [far.0.as_fd(), far.1.as_fd()];
            send(&stream, &up, &files).map_err(Error::System)?;
            link
        }
        Err(why) => return send(&stream, &Begun::No { why }, &[]).map_err(Error::System),
    };
    // What is passed is the server's alone now: with its last copy the far end's ports close.
    let mut lines = BufReader::new(stream.try_clone().map_err(Error::System)?);
    loop {
        let mut line = Vec::new();
        let length = lines.by_ref().take(MOST_LINE_BYTES as u64).read_until(b'\n', &mut line);
        if length.map_err(Error::System)? == 0 {
            return Ok(()); // the server has gone
        }
        let request = serde_json::from_slice(&line).map_err(|_| Error::NoServer)?;
        send(&stream, &link.answer(request), &[]).map_err(Error::System)?;
    }
}

struct Link {
    lab: Lab,
    forward: Arc<Forward>,
    relay: Arc<Relay>,
    /// Its threads are in the near place.
    _near: Runtime,
}

/// The far end's sockets.
type Far = (TcpListener, UdpSocket);

impl Link {
    fn start(privilege: &Privilege, begin: &Begin, knocked_at: Vec<OwnedFd>) -> Result<(Self, Far, Begun), String> {
        if privilege.mechanism.is_some() {
            doctor::carries(privilege)?; // a firewall may stand where all could be made
        }
        let lab =
            Lab::start(privilege, &begin.profile, begin.seed, Instant::now()).map_err(|error| error.to_string())?;
        Self::between(lab, &begin.congestion, knocked_at)
            .map_err(|error| format!("a link could be made and not be used: {error}"))
    }

    fn between(lab: Lab, congestion: &str, knocked_at: Vec<OwnedFd>) -> io::Result<(Self, Far, Begun)> {
        let far = SocketAddr::from((lab.server_address(), 0));
        let tcp = lab.server().within(|| wirelab_server::bind(far))??;
        let pinned = pin_congestion_control(&tcp, congestion).is_ok();
        let far = tcp.local_addr()?;
        let udp = lab.server().within(|| wirelab_server::bind_udp(far))??;
        let seen_as = SocketAddr::from((lab.server_seen_as(), far.port()));

        let near = runtime(lab.client())?;
        let (forward, relay) = (Forward::new(), Arc::new(Relay::default()));
        let mut knocked_at = knocked_at.into_iter();
        let listener = TcpListener::from(knocked_at.next().ok_or(io::ErrorKind::UnexpectedEof)?);
        let sockets: Vec<_> = knocked_at.map(UdpSocket::from).collect();
        {
            let _inside = near.enter();
            listener.set_nonblocking(true)?;
            near.spawn(Arc::clone(&forward).run(tokio::net::TcpListener::from_std(listener)?, seen_as));
            for (number, socket) in sockets.into_iter().enumerate() {
                socket.set_nonblocking(true)?;
                let socket = tokio::net::UdpSocket::from_std(socket)?;
                near.spawn(Arc::clone(&relay).run(socket, number, seen_as));
            }
        }
        let up = Begun::Up {
            mechanism: lab.mechanism().to_string(),
            congestion: pinned.then(|| congestion.to_owned()),
        };
        let link = Self {
            lab,
            forward,
            relay,
            _near: near,
        };
        Ok((link, (tcp, udp), up))
    }

    fn answer(&self, request: Request) -> Report {
        if let Request::Set(profile) = request {
            let _ = self.lab.set_profile(&profile); // the server has validated it
        }
        Report {
            counters: Ways {
                down: self.lab.counters(Direction::Down).into(),
                up: self.lab.counters(Direction::Up).into(),
            },
            forwarder: Forwarder {
                connections: self.forward.connections(),
                connections_refused: self.forward.refused(),
                datagram_peers: self.relay.peers(),
                datagrams_refused: self.relay.refused(),
            },
        }
    }
}
