//! What carries the messages.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A lane that can be weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lane {
    /// Server-Sent Events over HTTP/1.1
    Sse,
    /// WebSocket over HTTP/1.1
    #[serde(rename = "websocket")]
    #[value(name = "websocket")]
    WebSocket,
    /// The channel `state`: unordered, nothing sent twice
    #[serde(rename = "datachannel")]
    #[value(name = "datachannel")]
    DataChannel,
    /// The channel `control`: ordered and reliable
    #[serde(rename = "datachannel-reliable")]
    #[value(name = "datachannel-reliable")]
    DataChannelReliable,
}

impl Lane {
    pub(crate) const ALL: [Self; 4] = [Self::Sse, Self::WebSocket, Self::DataChannel, Self::DataChannelReliable];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
            Self::DataChannel => "datachannel",
            Self::DataChannelReliable => "datachannel-reliable",
        }
    }

    /// Whether a connection is a WebRTC peer and no TCP socket.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::DataChannel | Self::DataChannelReliable)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
