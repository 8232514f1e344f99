//! The three transports: a closed set.

use serde::{Deserialize, Serialize};

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Server-Sent Events (WHATWG HTML, section 9.2): one HTTP answer that does not end.
    Sse,
    /// WebSocket (RFC 6455; over HTTP/2, RFC 8441).
    WebSocket,
    /// WebRTC data channel (RFC 8831): SCTP over DTLS over whatever path ICE finds, usually UDP.
    DataChannel,
}

impl Transport {
    /// All of them, in the order in which every table and page shows them.
    pub const ALL: [Self; 3] = [Self::Sse, Self::WebSocket, Self::DataChannel];

    /// The word for it on the wire, in metrics and in URLs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
            Self::DataChannel => "datachannel",
        }
    }

    /// The word for it in a sentence.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Sse => "Server-Sent Events",
            Self::WebSocket => "WebSocket",
            Self::DataChannel => "WebRTC data channel",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_and_the_id_use_one_word() {
        for transport in Transport::ALL {
            assert_eq!(serde_json::to_value(transport).expect("a word"), transport.id());
        }
    }
}
