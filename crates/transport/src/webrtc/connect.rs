//! The measuring half: a native peer that makes the offer, over the same signalling as a browser.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::time::timeout;
use webrtc::{
    data_channel::DataChannelEvent,
    peer_connection::{RTCIceConnectionState, RTCPeerConnectionState, RTCSessionDescription},
};
use wirelab_model::Micros;

use super::{
    client::{Client, Early},
    counters::PortCounters,
    loss::Loss,
    port::Port,
    sdp, signalling,
    stack::{Patience, Stack, Wanted},
};
use crate::{clock::Clock, place::Place};

/// How long a connection may take to open, signalling included.
const OPENING: Duration = Duration::from_secs(15);
/// Messages that may come before the channel is said to be open: the server says `hello` then, and nothing else.
const MOST_EARLY: usize = 16;
/// The client's patience with a silent server.
const PATIENCE: Patience = Patience {
    disconnected: Duration::from_secs(5),
    failed: Duration::from_secs(25),
    keep_alive: Duration::from_secs(2),
};

/// Where to connect.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server for HTTP, where signalling is.
    pub place: Place,
    /// The signalling room.
    pub room: String,
}

/// When each step of opening was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// The beginning.
    pub started_us: Micros,
    /// The answer was in hand.
    pub signalled_us: Micros,
    /// ICE had found a path.
    pub ice_us: Micros,
    /// DTLS had agreed on keys.
    pub dtls_us: Micros,
    /// SCTP stood and the channels were open.
    pub open_us: Micros,
}

/// Why there is no peer connection, or no more of it.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nothing answers at the address, or no UDP socket is to be had.
    #[error("cannot connect: {0}")]
    Unreachable(#[from] io::Error),
    /// The signalling socket failed.
    #[error("signalling failed: {0}")]
    Signalling(#[from] tungstenite::Error),
    /// The server does not answer the offer.
    #[error("the server refuses: {code}: {message}")]
    Refused {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
    /// The stack could not do what it was asked.
    #[error("the WebRTC stack: {0}")]
    Stack(#[from] webrtc::error::Error),
    /// The channels did not open in time.
    #[error("the data channels did not open in {} s; is UDP blocked?", OPENING.as_secs())]
    Late,
    /// The channels closed.
    #[error("the data channels closed")]
    Closed,
    /// A message does not hold one of our frames.
    #[error("the message does not hold a frame: {0}")]
    Frame(#[from] serde_json::Error),
}

/// Opens a peer connection to the server's own peer.
///
/// # Errors
/// Nothing answers, the server refuses, or the channels do not open.
pub async fn connect(options: &Options, clock: Clock) -> Result<Client, ConnectError> {
    let (dial, offer) = Dial::offer(local_for(options.place.address)?, clock).await?;
    let signalled = timeout(OPENING, signalling::exchange(options, &offer)).await;
    match signalled.unwrap_or(Err(ConnectError::Late)) {
        Ok(signalled) => dial.accept(&signalled.answer).await,
        Err(error) => {
            dial.give_up().await;
            Err(error)
        }
    }
}

/// The address of ours from which `remote` is reached. Nothing is sent.
fn local_for(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = if remote.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let probe = UdpSocket::bind(any)?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip())
}

/// A peer connection that has made its offer.
pub struct Dial {
    stack: Stack,
    port: Port,
    loss: Arc<Loss>,
    clock: Clock,
    started_us: Micros,
}

impl Dial {
    /// Makes an offer, from a port of its own on `local`.
    ///
    /// # Errors
    /// There is no such address, or the stack fails.
    pub async fn offer(local: IpAddr, clock: Clock) -> Result<(Self, String), ConnectError> {
        let started_us = clock.now_us();
        let loss = Arc::new(Loss::default());
        let socket = UdpSocket::bind((local, 0))?;
        let port = Port::open(vec![socket], &PortCounters::default(), &loss)?;
        let stack = Stack::build(Wanted {
            lite: false,
            patience: PATIENCE,
            certificate: None,
            locals: port.locals.clone(),
        })
        .await?;
        let dial = Self {
            stack,
            port,
            loss,
            clock,
            started_us,
        };
        match dial.describe().await {
            Ok(offer) => Ok((dial, offer)),
            Err(error) => {
                dial.give_up().await;
                Err(error.into())
            }
        }
    }

    async fn describe(&self) -> webrtc::error::Result<String> {
        let connection = &self.stack.connection;
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        self.stack.news.gathered.notified().await;
        let description = connection.local_description().await;
        let sdp = description
            .ok_or_else(|| io::Error::other("the stack has no offer"))?
            .sdp;
        let addresses: Vec<_> = self.port.addresses().collect();
        Ok(sdp::announce(&sdp, &addresses))
    }

    /// Takes the answer and waits until the channels are open.
    ///
    /// # Errors
    /// The answer is none, or the channels do not open.
    pub async fn accept(self, answer: &str) -> Result<Client, ConnectError> {
        let signalled_us = self.clock.now_us();
        let opened = timeout(OPENING, self.open(answer)).await;
        let (mut steps, early) = match opened.unwrap_or(Err(ConnectError::Late)) {
            Ok(opened) => opened,
            Err(error) => {
                self.give_up().await;
                return Err(error);
            }
        };
        (steps.started_us, steps.signalled_us) = (self.started_us, signalled_us);
        self.stack.flow.opened();
        let Stack {
            connection,
            control,
            state,
            news,
            ..
        } = self.stack;
        Ok(Client {
            connection,
            control,
            state,
            news,
            clock: self.clock,
            steps,
            loss: self.loss,
            early,
            _port: self.port,
        })
    }

    async fn open(&self, answer: &str) -> Result<(Steps, VecDeque<Early>), ConnectError> {
        let answer = RTCSessionDescription::answer(answer.to_owned())?;
        self.stack.connection.set_remote_description(answer).await?;
        let (mut ice, mut connection) = (self.stack.news.ice.clone(), self.stack.news.connection.clone());
        let found = |state: &RTCIceConnectionState| {
            matches!(
                state,
                RTCIceConnectionState::Connected | RTCIceConnectionState::Completed
            )
        };
        let ended = |state: &RTCPeerConnectionState| {
            matches!(state, RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed)
        };
        let mut steps = Steps::default();
        // The steps come in order, and each is stamped when it is heard of.
        let path = async {
            let _ = ice.wait_for(found).await;
            self.clock.now_us()
        };
        let keys = async {
            let reached = connection.wait_for(|state| *state == RTCPeerConnectionState::Connected || ended(state));
            let failed = reached.await.map_or(true, |state| ended(&state));
            (self.clock.now_us(), failed)
        };
        let channels = async {
            let mut early = VecDeque::new();
            loop {
                match self.stack.control.poll().await.ok_or(ConnectError::Closed)? {
                    DataChannelEvent::OnOpen => return Ok::<_, ConnectError>((self.clock.now_us(), early)),
                    // A busy stack says what came before it says that the channel is open. It is `hello`.
                    DataChannelEvent::OnMessage(message) if early.len() < MOST_EARLY => {
                        early.push_back((self.clock.now_us(), message));
                    }
                    _ => {}
                }
            }
        };
        tokio::pin!(path, keys, channels);
        let (mut path_open, mut keys_open) = (true, true);
        loop {
            tokio::select! {
                at = &mut path, if path_open => (steps.ice_us, path_open) = (at, false),
                (at, failed) = &mut keys, if keys_open => {
                    if failed {
                        return Err(ConnectError::Closed);
                    }
                    (steps.dtls_us, keys_open) = (at, false);
                }
                opened = &mut channels => {
                    let (at, early) = opened?;
                    steps.open_us = at;
                    return Ok((steps, early));
                }
            }
        }
    }

    /// Takes the offer back.
    pub async fn give_up(self) {
        let _ = self.stack.connection.close().await; // nobody is at the other end
    }
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial").field("port", &self.port).finish_non_exhaustive()
    }
}
