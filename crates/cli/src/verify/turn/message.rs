//! The messages of TURN (RFC 8656), made and read with the STUN that WebRTC brings.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rtc_stun::{
    attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME},
    error_code::ErrorCodeAttribute,
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{
        CLASS_ERROR_RESPONSE, CLASS_INDICATION, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, Getter, METHOD_DATA,
        METHOD_SEND, Message, MessageType, Method, Setter, TransactionId, is_stun_message,
    },
    textattrs::TextAttribute,
    xoraddr::XorMappedAddress,
};
use rtc_turn::{
    crypto::{RTCCryptoProvider, default_provider},
    proto::{
        PROTO_UDP, chandata::ChannelData, channum::ChannelNumber, data::Data, lifetime::Lifetime,
        peeraddr::PeerAddress, relayaddr::RelayedAddress, reqtrans::RequestedTransport,
    },
};

/// Bytes of a server's reason that are shown.
const MOST_REASON_BYTES: usize = 128;

/// What a request says beside who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Relay UDP: the only kind that WebRTC uses.
    OverUdp,
    /// Keep it for so long; zero gives it back.
    Lifetime(Duration),
    Peer(SocketAddr),
    Channel(u16),
}

/// Who asks. Shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// What the server wants signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
}

/// A server's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: String,
}

/// What comes from a server.
#[derive(Debug)]
pub(super) enum Heard {
    /// To a request.
    Answer(Box<Answer>),
    /// From a peer, through the relay.
    Data { from: Sender, data: Vec<u8> },
}

/// Who sent what was relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    At(SocketAddr),
    On(u16),
}

/// To a request.
#[derive(Debug)]
pub(super) struct Answer {
    message: Message,
}

/// The arithmetic that signs.
#[derive(Clone)]
pub(super) struct Signer(Arc<dyn RTCCryptoProvider>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(super) fn new() -> Self {
        Self(default_provider().expect("the feature crypto-ring is on"))
    }

    fn key(&self, account: &Account, challenge: &Challenge) -> Vec<u8> {
        let Account { username, password } = account.clone();
        let realm = challenge.realm.clone();
        MessageIntegrity::long_term_integrity_key(username, realm, password, self.0.crypto())
            .expect("ring's MD5 has MD5's length")
    }

    /// A request, signed where the server wants it.
    ///
    /// # Errors
    /// A name is longer than STUN takes.
    pub(super) fn request(
        &self,
        method: Method,
        says: &[Says],
        signed: Option<(&Account, &Challenge)>,
    ) -> Result<Message, String> {
        let mut parts: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(TransactionId::new()),
            Box::new(MessageType::new(method, CLASS_REQUEST)),
        ];
        parts.extend(says.iter().map(|says| says.part()));
        if let Some((account, challenge)) = signed {
            let texts = [
                (ATTR_USERNAME, &account.username),
                (ATTR_REALM, &challenge.realm),
                (ATTR_NONCE, &challenge.nonce),
            ];
            for (attribute, text) in texts {
                parts.push(Box::new(TextAttribute::new(attribute, text.clone())));
            }
            let key = self.key(account, challenge);
            parts.push(Box::new(MessageIntegrity::new_raw_integrity_with_provider(
                key,
                self.0.crypto(),
            )));
        }
        parts.push(Box::new(FINGERPRINT));
        let mut message = Message::new();
        message.build(&parts).map_err(|error| error.to_string())?;
        Ok(message)
    }

    /// Whether an answer carries a signature with this password.
    pub(super) fn has_signed(&self, answer: &mut Answer, account: &Account, challenge: &Challenge) -> bool {
        MessageIntegrity::check(&mut answer.message, &self.key(account, challenge), self.0.crypto()).is_ok()
    }
}

impl Says {
    fn part(self) -> Box<dyn Setter> {
        match self {
            Self::OverUdp => Box::new(RequestedTransport { protocol: PROTO_UDP }),
            Self::Lifetime(lifetime) => Box::new(Lifetime(lifetime)),
            Self::Peer(peer) => Box::new(at(peer)),
            Self::Channel(number) => Box::new(ChannelNumber(number)),
        }
    }
}

fn at(peer: SocketAddr) -> PeerAddress {
    PeerAddress {
        ip: peer.ip(),
        port: peer.port(),
    }
}

/// Data for a peer that has no channel.
pub(super) fn send_indication(peer: SocketAddr, data: &[u8]) -> Result<Vec<u8>, String> {
    let parts: [Box<dyn Setter>; 5] = [
        Box::new(TransactionId::new()),
        Box::new(MessageType::new(METHOD_SEND, CLASS_INDICATION)),
        Box::new(at(peer)),
        Box::new(Data(data.to_vec())),
        Box::new(FINGERPRINT),
    ];
    let mut message = Message::new();
    message.build(&parts).map_err(|error| error.to_string())?;
    Ok(message.raw)
}

/// Data for the peer of a channel.
pub(super) fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let mut message = ChannelData {
        number: ChannelNumber(number),
        data: data.to_vec(),
        ..ChannelData::default()
    };
    message.encode();
    message.raw
}

/// Reads what came. None: it is not TURN, or nothing that a client is sent.
pub(super) fn read(bytes: Vec<u8>) -> Option<Heard> {
    if !is_stun_message(&bytes) {
        let mut message = ChannelData {
            raw: bytes,
            ..ChannelData::default()
        };
        message.decode().ok()?;
        let (from, data) = (Sender::On(message.number.0), message.data);
        return Some(Heard::Data { from, data });
    }
    let mut message = Message::new();
    message.raw = bytes;
    message.decode().ok()?;
    let MessageType { method, class } = message.typ;
    if class == CLASS_SUCCESS_RESPONSE || class == CLASS_ERROR_RESPONSE {
        return Some(Heard::Answer(Box::new(Answer { message })));
    }
    if (method, class) != (METHOD_DATA, CLASS_INDICATION) {
        return None;
    }
    let (peer, Data(data)) = (get::<PeerAddress>(&message)?, get::<Data>(&message)?);
    let from = Sender::At(SocketAddr::new(peer.ip, peer.port));
    Some(Heard::Data { from, data })
}

fn get<Part: Getter + Default>(message: &Message) -> Option<Part> {
    let mut part = Part::default();
    part.get_from(message).ok()?;
    Some(part)
}

impl Answer {
    pub(super) fn is_to(&self, request: &Message) -> bool {
        self.message.transaction_id == request.transaction_id && self.message.typ.method == request.typ.method
    }

    /// The server's no, if it is one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        if self.message.typ.class != CLASS_ERROR_RESPONSE {
            return None;
        }
        let error = get::<ErrorCodeAttribute>(&self.message).unwrap_or_default(); // code 0 is none
        let reason = &error.reason[..error.reason.len().min(MOST_REASON_BYTES)];
        Some(Refusal {
            code: error.code.0,
            reason: String::from_utf8_lossy(reason).into_owned(),
        })
    }

    /// What has to be signed from now on.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        let text = |attribute| TextAttribute::get_from_as(&self.message, attribute).ok();
        Some(Challenge {
            realm: text(ATTR_REALM)?.text,
            nonce: text(ATTR_NONCE)?.text,
        })
    }

    /// The address of a relay for us.
    pub(super) fn relayed(&self) -> Option<SocketAddr> {
        let RelayedAddress { ip, port } = get(&self.message)?;
        Some(SocketAddr::new(ip, port))
    }

    /// Our address as the server sees it.
    pub(super) fn mapped(&self) -> Option<SocketAddr> {
        let XorMappedAddress { ip, port } = get(&self.message)?;
        Some(SocketAddr::new(ip, port))
    }

    pub(super) fn lifetime(&self) -> Option<Duration> {
        get::<Lifetime>(&self.message).map(|Lifetime(lifetime)| lifetime)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_stun::message::METHOD_ALLOCATE;

    use super::*;

    fn account(password: &str) -> Account {
        Account {
            username: "1700003600:visitor".into(),
            password: password.into(),
        }
    }

    #[test]
    fn a_signature_proves_the_password_and_nothing_shows_it() {
        let (signer, challenge) = (
            Signer::new(),
            Challenge {
                realm: "wirelab".into(),
                nonce: "n".into(),
            },
        );
        let right = account("s3cret");
        let message = signer.request(METHOD_ALLOCATE, &[Says::OverUdp], Some((&right, &challenge)));
        let mut answer = Answer {
            message: message.expect("short names"),
        };
        assert!(signer.has_signed(&mut answer, &right, &challenge));
        assert!(!signer.has_signed(&mut answer, &account("other"), &challenge));
        assert!(!format!("{right:?} {signer:?}").contains("s3cret"));
        let long = Account {
            username: "x".repeat(600),
            ..right
        };
        let refused = signer.request(METHOD_ALLOCATE, &[], Some((&long, &challenge)));
        assert!(refused.is_err(), "longer than STUN takes");
    }

    #[test]
    fn data_comes_back_as_it_was_sent_either_way() {
        let peer: SocketAddr = "192.0.2.1:9".parse().expect("an address");
        let mut sent = send_indication(peer, b"abc").expect("short");
        sent[..2].copy_from_slice(&MessageType::new(METHOD_DATA, CLASS_INDICATION).value().to_be_bytes());
        assert!(matches!(read(sent), Some(Heard::Data { from: Sender::At(at), data }) if at == peer && data == b"abc"));
        let data = channel_data(0x4001, b"abcde");
        assert_eq!(data.len(), 12, "filled up to four");
        assert!(matches!(read(data), Some(Heard::Data { from: Sender::On(0x4001), data }) if data == b"abcde"));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_to_be_read(kind in 0_u16..0x4000, attributes: Vec<(u16, Vec<u8>)>) {
            let mut body = Vec::new();
            for (kind, value) in &attributes {
                body.extend_from_slice(&(kind % 0x30).to_be_bytes());
                body.extend_from_slice(&(value.len() as u16).to_be_bytes());
                body.extend_from_slice(value);
                body.resize(body.len().next_multiple_of(4), 0);
            }
            let mut bytes = kind.to_be_bytes().to_vec();
            bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            bytes.extend_from_slice(&[7; 12]);
            bytes.extend_from_slice(&body);
            if let Some(Heard::Answer(mut answer)) = read(bytes) {
                let _ = (answer.refusal(), answer.challenge(), answer.relayed(), answer.mapped(), answer.lifetime());
                let challenge = Challenge { realm: String::new(), nonce: String::new() };
                let _ = Signer::new().has_signed(&mut answer, &account(""), &challenge);
            }
        }
    }
}
