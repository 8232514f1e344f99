//! Data through a relay and back, between an address at the relay and a peer that is also ours.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};

use super::{allocation::Allocation, message::Sender, session::Fault};

/// Bytes of the messages: a word, and what WebRTC fills a packet with.
const SIZES: [usize; 2] = [32, 1_200];
/// How often each is sent before it counts as not carried: what is relayed is UDP, and a packet may be lost.
const TRIES: u32 = 5;
/// How long one try may take.
const TRY: Duration = Duration::from_millis(800);
/// The number under which a peer is reached once it is bound to one.
const CHANNEL: u16 = 0x4001;

/// Who is at the other end.
#[derive(Debug)]
pub(super) enum Peer {
    /// A socket of ours, on no relay.
    Socket { socket: UdpSocket, address: SocketAddr },
    /// A second address at the same relay, as two visitors have who both need it.
    Second(Box<Allocation>),
}

/// Why nothing was carried.
#[derive(Debug, Error)]
pub(super) enum Stuck {
    #[error("the relay refuses the peer {peer}: {fault}")]
    Permission { peer: SocketAddr, fault: Fault },
    #[error("{bytes} bytes {way} did not arrive in {} tries", TRIES)]
    Lost { way: &'static str, bytes: usize },
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("no socket for a peer: {0}")]
    Socket(#[from] io::Error),
}

/// What was carried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    /// The fastest there and back.
    pub(super) trip: Duration,
    /// Whether a channel could be bound, and carried as well.
    pub(super) channel: bool,
}

impl Peer {
    /// A socket of ours on `local`.
    pub(super) async fn socket(local: IpAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((local, 0)).await?;
        let address = socket.local_addr()?;
        Ok(Self::Socket { socket, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Socket { address, .. } => *address,
            Self::Second(second) => second.relayed,
        }
    }

    async fn send(&mut self, to: SocketAddr, data: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Socket { socket, .. } => socket.send_to(data, to).await.map(|_| ()).map_err(Fault::from),
            Self::Second(second) => second.send(Sender::At(to), data).await,
        }
    }

    async fn hear(&mut self, from: SocketAddr, data: &[u8], end: Instant) -> Result<(), Fault> {
        match self {
            Self::Socket { socket, .. } => {
                let mut buffer = vec![0; data.len() + 1];
                loop {
                    let received = timeout_at(end, socket.recv_from(&mut buffer)).await;
                    let received = received.map_err(|_| Fault::Silent)?;
                    // An error is an earlier datagram's that nobody took.
                    let Ok((length, at)) = received else { continue };
                    if at == from && buffer[..length] == *data {
                        return Ok(());
                    }
                    if Instant::now() >= end {
                        return Err(Fault::Silent);
                    }
                }
            }
            Self::Second(second) => second.hear(Sender::At(from), data, end).await,
        }
    }
}

/// Sends both ways, in both sizes, then over a channel.
pub(super) async fn exchange(ours: &mut Allocation, peer: &mut Peer) -> Result<Carried, Stuck> {
    let address = peer.address();
    let refused = |peer, fault| Stuck::Permission { peer, fault };
    ours.permit(address).await.map_err(|fault| refused(address, fault))?;
    if let Peer::Second(second) = peer {
        let back = ours.relayed;
        second.permit(back).await.map_err(|fault| refused(back, fault))?;
    }
    let mut trip = Duration::MAX;
    for bytes in SIZES {
        trip = trip.min(there_and_back(ours, Sender::At(address), peer, bytes).await?);
    }
    // A relay without channels carries all the same, with more bytes.
    let channel = ours.bind(CHANNEL, address).await.is_ok();
    if channel {
        trip = trip.min(there_and_back(ours, Sender::On(CHANNEL), peer, SIZES[0]).await?);
    }
    Ok(Carried { trip, channel })
}

async fn there_and_back(ours: &mut Allocation, to: Sender, peer: &mut Peer, bytes: usize) -> Result<Duration, Stuck> {
    let (relayed, start) = (ours.relayed, Instant::now());
    let mut out = false;
    for _ in 0..TRIES {
        let word = word(bytes);
        ours.send(to, &word).await?;
        if heard(peer.hear(relayed, &word, Instant::now() + TRY).await)? {
            out = true;
            break;
        }
    }
    if !out {
        return Err(Stuck::Lost {
            way: "from the relay to the peer",
            bytes,
        });
    }
    let there = start.elapsed();
    for _ in 0..TRIES {
        let (word, start) = (word(bytes), Instant::now());
        peer.send(relayed, &word).await?;
        if heard(ours.hear(to, &word, Instant::now() + TRY).await)? {
            return Ok(there + start.elapsed());
        }
    }
    Err(Stuck::Lost {
        way: "from the peer to the relay",
        bytes,
    })
}

fn heard(heard: Result<(), Fault>) -> Result<bool, Fault> {
    match heard {
        Ok(()) => Ok(true),
        Err(Fault::Silent) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Bytes that nobody else sends.
fn word(bytes: usize) -> Vec<u8> {
    let mut word = uuid::Uuid::new_v4().into_bytes().to_vec();
    word.resize(bytes, b'.');
    word
}
