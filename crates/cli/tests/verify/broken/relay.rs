//! A TURN server over UDP (RFC 8656) that is broken as it is told to be. Its credentials are those that wirelab mints.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rtc_stun::{
    attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME},
    error_code::{ErrorCode, ErrorCodeAttribute},
    integrity::MessageIntegrity,
    message::{
        CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_SUCCESS_RESPONSE, Getter, METHOD_ALLOCATE, METHOD_BINDING,
        METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_DATA, METHOD_REFRESH, METHOD_SEND, Message, MessageClass,
        MessageType, Setter, TransactionId, is_stun_message,
    },
    textattrs::TextAttribute,
    xoraddr::XorMappedAddress,
};
use rtc_turn::{
    crypto::{RTCCryptoProvider, default_provider},
    proto::{
        chandata::ChannelData, channum::ChannelNumber, data::Data, lifetime::Lifetime, peeraddr::PeerAddress,
        relayaddr::RelayedAddress,
    },
};
use tokio::{net::UdpSocket, task::JoinHandle};
use wirelab_server::config::{Secret, Turn};

/// What its credentials are signed with.
pub(crate) const SECRET: &str = "the-secret-of-the-broken-relay";
const REALM: &str = "broken";
const NONCE: &str = "nonce";
const LIFETIME: Duration = Duration::from_secs(600);

/// How it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    /// It takes what is sent and says nothing.
    Silent,
    /// It answers with anything, without end.
    Flood,
    /// It gives an address to whoever asks.
    Open,
    /// It tells nobody what to sign.
    NoRealm,
    /// It looks at no password, and answers as if it had.
    AnyPassword,
    /// It looks at no time.
    Eternal,
    /// It has no addresses left.
    Full,
    /// It takes no nonce, ever.
    Stale,
    /// It gives an address and does not keep it.
    Forgets,
    /// It relays nothing to peers.
    LosesOut,
    /// It relays nothing from peers.
    LosesBack,
    /// It relays to nobody that we can be.
    Closed,
    /// It binds no channels.
    NoChannels,
    /// It relays into the network behind it.
    Inside,
}

/// The server. It ends with its test.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start(flaw: Flaw) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let server = Server {
            flaw,
            socket: Arc::new(socket),
            given: HashMap::new(),
            crypto: default_provider().expect("ring"),
        };
        Self {
            address,
            task: tokio::spawn(server.run()),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("turn:{}", self.address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Server {
    flaw: Flaw,
    socket: Arc<UdpSocket>,
    given: HashMap<SocketAddr, Given>,
    crypto: Arc<dyn RTCCryptoProvider>,
}

/// An address of one client.
struct Given {
    socket: Arc<UdpSocket>,
    peers: Arc<Mutex<Peers>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Peers {
    permitted: HashSet<IpAddr>,
    channels: HashMap<u16, SocketAddr>,
}

impl Drop for Given {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn run(mut self) {
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok((length, client)) = self.socket.recv_from(&mut buffer).await else {
                continue;
            };
            let bytes = &buffer[..length];
            match self.flaw {
                Flaw::Silent => {}
                Flaw::Flood => {
                    for _ in 0..5_000 {
                        let _ = self.socket.send_to(&[0xff; 1200], client).await; // whoever is full loses it
                    }
                }
                _ if !is_stun_message(bytes) => self.relay_channel(client, bytes).await,
                _ => self.hear(client, bytes).await,
            }
        }
    }

    async fn hear(&mut self, client: SocketAddr, bytes: &[u8]) {
        let mut request = Message::new();
        if request.unmarshal_binary(bytes).is_err() {
            return;
        }
        let MessageType { method, class } = request.typ;
        if (method, class) == (METHOD_SEND, CLASS_INDICATION) {
            if let (Some(peer), Some(Data(data))) = (peer(&request), get::<Data>(&request)) {
                self.send(client, peer, &data).await;
            }
            return;
        }
        let answer = self.answer_to(client, &mut request);
        let _ = self.socket.send_to(&answer, client).await; // UDP
    }

    fn answer_to(&mut self, client: SocketAddr, request: &mut Message) -> Vec<u8> {
        if request.typ.method == METHOD_BINDING {
            let seen: Box<dyn Setter> = Box::new(XorMappedAddress {
                ip: client.ip(),
                port: client.port(),
            });
            return self.written(request, CLASS_SUCCESS_RESPONSE, vec![seen], None);
        }
        let done = self
            .judge(request)
            .and_then(|key| Ok((self.carry_out(client, request)?, key)));
        match done {
            Ok((parts, key)) => self.written(request, CLASS_SUCCESS_RESPONSE, parts, key),
            Err(code) => self.written(request, CLASS_ERROR_RESPONSE, self.refusal(code), None),
        }
    }

    /// The key to sign the answer with, or why the request is refused.
    fn judge(&self, request: &mut Message) -> Result<Option<Vec<u8>>, u16> {
        if self.flaw == Flaw::Open {
            return Ok(None);
        }
        let username = TextAttribute::get_from_as(request, ATTR_USERNAME)
            .map_err(|_| 401_u16)?
            .text;
        if self.flaw == Flaw::Stale {
            return Err(438);
        }
        let (expiry, id) = username.split_once(':').unwrap_or(("0", &username));
        let expiry: u64 = expiry.parse().unwrap_or_default();
        let turn = Turn {
            urls: Vec::new(),
            secret: Secret::new(SECRET.into()),
            ttl: LIFETIME,
        };
        let (_, password) = turn.credential(id, expiry);
        let realm = REALM.to_owned();
        let key = MessageIntegrity::long_term_integrity_key(username.clone(), realm, password, self.crypto.crypto());
        let key = key.expect("MD5");
        if self.flaw == Flaw::AnyPassword {
            return Ok(Some(key));
        }
        MessageIntegrity::check(request, &key, self.crypto.crypto()).map_err(|_| 401_u16)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        if expiry < now && self.flaw != Flaw::Eternal {
            return Err(401);
        }
        Ok(Some(key))
    }

    fn carry_out(&mut self, client: SocketAddr, request: &Message) -> Result<Vec<Box<dyn Setter>>, u16> {
        let lifetime = || Box::new(Lifetime(LIFETIME)) as Box<dyn Setter>;
        match request.typ.method {
            METHOD_ALLOCATE if self.flaw == Flaw::Full => Err(486),
            METHOD_ALLOCATE => {
                let given = self.give(client);
                let at = given.socket.local_addr().expect("bound");
                self.given.insert(client, given);
                let relayed = RelayedAddress {
                    ip: at.ip(),
                    port: at.port(),
                };
                Ok(vec![Box::new(relayed), lifetime()])
            }
            METHOD_REFRESH if self.flaw == Flaw::Forgets => Err(437),
            METHOD_REFRESH => {
                if get::<Lifetime>(request).is_some_and(|Lifetime(asked)| asked.is_zero()) {
                    self.given.remove(&client);
                }
                Ok(vec![lifetime()])
            }
            METHOD_CREATE_PERMISSION | METHOD_CHANNEL_BIND => {
                let peer = peer(request).ok_or(400_u16)?;
                let given = self.given.get(&client).ok_or(437_u16)?;
                let may = match self.flaw {
                    Flaw::Inside => true,
                    Flaw::Closed => false,
                    _ => peer.ip() == self.socket.local_addr().expect("bound").ip(),
                };
                if !may {
                    return Err(403);
                }
                let mut peers = given.peers.lock().expect("unharmed");
                peers.permitted.insert(peer.ip());
                if let Some(ChannelNumber(number)) = get(request) {
                    if self.flaw == Flaw::NoChannels {
                        return Err(400);
                    }
                    peers.channels.insert(number, peer);
                }
                Ok(Vec::new())
            }
            _ => Err(400),
        }
    }

    fn give(&self, client: SocketAddr) -> Given {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("a socket");
        let socket = Arc::new(UdpSocket::from_std(socket).expect("a runtime"));
        let peers = Arc::<Mutex<Peers>>::default();
        let back = bring_back(
            Arc::clone(&socket),
            Arc::clone(&self.socket),
            client,
            Arc::clone(&peers),
        );
        let task = if self.flaw == Flaw::LosesBack {
            tokio::spawn(async {})
        } else {
            tokio::spawn(back)
        };
        Given { socket, peers, task }
    }

    async fn send(&self, client: SocketAddr, peer: SocketAddr, data: &[u8]) {
        let Some(given) = self.given.get(&client) else { return };
        let permitted = given.peers.lock().expect("unharmed").permitted.contains(&peer.ip());
        if permitted && self.flaw != Flaw::LosesOut {
            let _ = given.socket.send_to(data, peer).await; // UDP
        }
    }

    async fn relay_channel(&self, client: SocketAddr, bytes: &[u8]) {
        let mut message = ChannelData::default();
        message.raw.extend_from_slice(bytes);
        if message.decode().is_err() {
            return;
        }
        let peer = self.given.get(&client).and_then(|given| {
            let peers = given.peers.lock().expect("unharmed");
            peers.channels.get(&message.number.0).copied()
        });
        if let Some(peer) = peer {
            self.send(client, peer, &message.data).await;
        }
    }

    fn refusal(&self, code: u16) -> Vec<Box<dyn Setter>> {
        let mut parts: Vec<Box<dyn Setter>> = vec![Box::new(ErrorCodeAttribute {
            code: ErrorCode(code),
            reason: b"refused".to_vec(),
        })];
        if matches!(code, 401 | 438) && self.flaw != Flaw::NoRealm {
            parts.push(Box::new(TextAttribute::new(ATTR_REALM, REALM.into())));
            parts.push(Box::new(TextAttribute::new(ATTR_NONCE, NONCE.into())));
        }
        parts
    }

    fn written(
        &self,
        request: &Message,
        class: MessageClass,
        parts: Vec<Box<dyn Setter>>,
        key: Option<Vec<u8>>,
    ) -> Vec<u8> {
        let mut all: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(request.transaction_id),
            Box::new(MessageType::new(request.typ.method, class)),
        ];
        all.extend(parts.into_iter().map(|part| part as Box<dyn Setter + '_>));
        if let Some(key) = key {
            all.push(Box::new(MessageIntegrity::new_raw_integrity_with_provider(
                key,
                self.crypto.crypto(),
            )));
        }
        let mut answer = Message::new();
        answer.build(&all).expect("short parts");
        answer.raw
    }
}

/// What peers send, to the client.
async fn bring_back(relayed: Arc<UdpSocket>, server: Arc<UdpSocket>, client: SocketAddr, peers: Arc<Mutex<Peers>>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, peer)) = relayed.recv_from(&mut buffer).await else {
            continue;
        };
        let data = buffer[..length].to_vec();
        let channel = {
            let peers = peers.lock().expect("unharmed");
            if !peers.permitted.contains(&peer.ip()) {
                continue;
            }
            peers
                .channels
                .iter()
                .find(|(_, bound)| **bound == peer)
                .map(|(number, _)| *number)
        };
        let bytes = match channel {
            Some(number) => {
                let mut message = ChannelData::default();
                (message.number, message.data) = (ChannelNumber(number), data);
                message.encode();
                message.raw
            }
            None => {
                let from = PeerAddress {
                    ip: peer.ip(),
                    port: peer.port(),
                };
                let parts: [Box<dyn Setter>; 4] = [
                    Box::new(TransactionId::new()),
                    Box::new(MessageType::new(METHOD_DATA, CLASS_INDICATION)),
                    Box::new(from),
                    Box::new(Data(data)),
                ];
                let mut message = Message::new();
                message.build(&parts).expect("short parts");
                message.raw
            }
        };
        let _ = server.send_to(&bytes, client).await; // UDP
    }
}

fn peer(request: &Message) -> Option<SocketAddr> {
    let PeerAddress { ip, port } = get(request)?;
    Some(SocketAddr::new(ip, port))
}

fn get<Part: Getter + Default>(message: &Message) -> Option<Part> {
    let mut part = Part::default();
    part.get_from(message).ok()?;
    Some(part)
}
