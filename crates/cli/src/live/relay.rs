//! The forwarder for UDP: each address that sends to a near socket gets a socket over the link, as behind a NAT.
//!
//! What comes back leaves by the socket that was knocked at, so that the browser sees answers from where it asked. The
//! datagrams are not looked at: DTLS and its keys are the browser's and the server's alone.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};

/// Addresses at a time, over all near sockets.
const MOST_PEERS: usize = 1024;
/// An address that is silent both ways for this long is forgotten; ICE asks for consent every 5 s (RFC 7675).
const SILENT: Duration = Duration::from_secs(60);
/// The largest datagram.
const DATAGRAM_BYTES: usize = 65_536;

/// Who is carried.
#[derive(Debug, Default)]
pub(super) struct Relay {
    peers: Mutex<HashMap<Knock, Arc<Peer>>>,
    refused: AtomicU64,
}

/// An address, and which near socket it sent to.
type Knock = (SocketAddr, usize);

#[derive(Debug)]
struct Peer {
    over: UdpSocket,
    heard: Mutex<Instant>,
}

impl Peer {
    fn touch(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn forgotten_at(&self) -> Instant {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) + SILENT
    }
}

impl Relay {
    /// Addresses now.
    pub(super) fn peers(&self) -> usize {
        self.locked().len()
    }

    /// Datagrams dropped.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Carries what comes to one near socket. Must run on threads that are in the near place.
    pub(super) async fn run(self: Arc<Self>, near: UdpSocket, number: usize, far: SocketAddr) {
        let near = Arc::new(near);
        let mut datagram = vec![0; DATAGRAM_BYTES];
        loop {
            // An error is an earlier datagram's that nobody took (ICMP): it concerns one peer, who will fall silent.
            let Ok((length, from)) = near.recv_from(&mut datagram).await else {
                continue;
            };
            // Sending waits for no network: what is lost or late is so behind the device.
            let sent = match self.peer(&near, (from, number), far) {
                Some(peer) => peer.over.send(&datagram[..length]).await.is_ok(),
                None => false,
            };
            if !sent {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The peer of an address, made when it is new. None: there are as many as may be.
    fn peer(self: &Arc<Self>, near: &Arc<UdpSocket>, knock: Knock, far: SocketAddr) -> Option<Arc<Peer>> {
        let mut peers = self.locked();
        if let Some(peer) = peers.get(&knock) {
            peer.touch();
            return Some(Arc::clone(peer));
        }
        if peers.len() >= MOST_PEERS {
            return None;
        }
        let peer = Arc::new(Peer {
            over: over(far).ok()?,
            heard: Mutex::new(Instant::now()),
        });
        peers.insert(knock, Arc::clone(&peer));
        tokio::spawn(Arc::clone(self).bring_back(Arc::clone(near), knock, Arc::clone(&peer)));
        Some(peer)
    }

    /// Carries what comes back, until the address is forgotten.
    async fn bring_back(self: Arc<Self>, near: Arc<UdpSocket>, knock: Knock, peer: Arc<Peer>) {
        let mut datagram = vec![0; DATAGRAM_BYTES];
        loop {
            let until = peer.forgotten_at();
            match timeout_at(until, peer.over.recv(&mut datagram)).await {
                Ok(Ok(length)) => {
                    peer.touch();
                    if near.send_to(&datagram[..length], knock.0).await.is_err() {
                        self.refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(Err(_)) => {} // an earlier datagram that nobody took
                Err(_) if peer.forgotten_at() > until => {}
                Err(_) => break,
            }
        }
        self.locked().remove(&knock);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Knock, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket in the near place that speaks to the far end alone.
fn over(far: SocketAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(far)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}
