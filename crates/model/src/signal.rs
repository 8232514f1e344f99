//! The words of signalling: what peers say to the hub, and it to them. DESIGN section 4.
//!
//! A session description and a candidate are nobody's business but the two peers': they go through as they came.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The server's own peer, in every room.
pub const SERVER: &str = "server";

/// The longest name of a room, bytes.
pub const MAX_ROOM_BYTES: usize = 64;

/// What a peer says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToHub {
    /// Always the first.
    Join {
        /// Any name of 1–64 letters, digits, `-` and `_`.
        room: String,
    },
    /// A session description that asks for an answer.
    Offer {
        /// The peer that it is for.
        to: String,
        /// The description.
        sdp: String,
    },
    /// The answer.
    Answer {
        /// The peer that it is for.
        to: String,
        /// The description.
        sdp: String,
    },
    /// A way to reach the sender: `RTCIceCandidateInit`, or `null` after the last.
    Candidate {
        /// The peer that it is for.
        to: String,
        /// As the browser gave it.
        candidate: Option<Value>,
    },
    /// The end. Closing the socket says the same.
    Leave,
}

/// What the hub says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToPeer {
    /// The answer to `join`.
    Welcome {
        /// The peer's own id.
        you: String,
        /// The room.
        room: String,
        /// Who is there already; the server first.
        peers: Vec<Other>,
        /// For `RTCConfiguration`.
        ice_servers: Vec<IceServer>,
    },
    /// Somebody came.
    PeerJoined(Other),
    /// Somebody went, or vanished. Established peer connections stay.
    PeerLeft {
        /// Who.
        id: String,
    },
    /// A session description that asks for an answer.
    Offer {
        /// Who sent it.
        from: String,
        /// The description.
        sdp: String,
    },
    /// The answer.
    Answer {
        /// Who sent it.
        from: String,
        /// The description.
        sdp: String,
    },
    /// A way to reach the sender.
    Candidate {
        /// Who sent it.
        from: String,
        /// As it came.
        candidate: Option<Value>,
    },
    /// Something was not done.
    Refused(Refusal),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub code: RefusedCode,
    /// For people.
    pub message: String,
    /// The peer that it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Why something was not done, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// The text is no signal.
    BadSignal,
    /// `join` has not come, or came twice.
    BadOrder,
    /// The room's name is outside the grammar.
    BadRoom,
    /// The peer is not in the room, or not any more.
    NoSuchPeer,
    /// The server's peer cannot answer this offer.
    BadOffer,
    /// A limit is reached.
    Limit,
    /// The server cannot do this now.
    Unavailable,
}

/// Another peer of the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Who.
    pub id: String,
    /// Whether *you* give way when both make an offer: of each pair the later one to join does.
    pub polite: bool,
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Its URLs.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    /// Without the credential: what is written for debugging ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Whether a room may be called that.
#[must_use]
pub fn is_room(name: &str) -> bool {
    (1..=MAX_ROOM_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_signal_stands_on_the_wire_as_design_says() {
        let sent = [
            json!({"type": "join", "room": "r"}),
            json!({"type": "offer", "to": "server", "sdp": "v=0"}),
            json!({"type": "answer", "to": "x", "sdp": "v=0"}),
            json!({"type": "candidate", "to": "x", "candidate": {"candidate": "candidate:1", "sdpMid": "0"}}),
            json!({"type": "candidate", "to": "x", "candidate": null}),
            json!({"type": "leave"}),
        ];
        for signal in sent {
            let read: ToHub = serde_json::from_value(signal.clone()).expect("a signal");
            assert_eq!(serde_json::to_value(read).expect("JSON"), signal);
        }
        let heard = [
            json!({"type": "welcome", "you": "a", "room": "r", "ice_servers": [],
                "peers": [{"id": "server", "polite": true}]}),
            json!({"type": "peer-joined", "id": "b", "polite": false}),
            json!({"type": "peer-left", "id": "b"}),
            json!({"type": "candidate", "from": "b", "candidate": null}),
            json!({"type": "refused", "code": "no_such_peer", "message": "…", "to": "b"}),
        ];
        for signal in heard {
            let read: ToPeer = serde_json::from_value(signal.clone()).expect("a signal");
            assert_eq!(serde_json::to_value(read).expect("JSON"), signal);
        }
    }

    #[test]
    fn a_room_has_a_plain_name() {
        assert!(is_room("b2f4-_Z"));
        for odd in ["", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(!is_room(odd), "{odd:?}");
        }
    }
}
