//! The contenders: each transport with its settings, and the two references.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A contender of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lane {
    /// Server-Sent Events over HTTP/1.1.
    Sse,
    /// WebSocket over HTTP/1.1.
    #[serde(rename = "websocket")]
    WebSocket,
    /// Unordered, `maxRetransmits: 0`.
    #[serde(rename = "datachannel")]
    DataChannel,
    /// Ordered and reliable, with a peer connection of its own: shows that SCTP stalls as TCP does.
    #[serde(rename = "datachannel-reliable")]
    DataChannelReliable,
    /// The kernel's TCP with nothing on top but a length before each message.
    Tcp,
    /// The kernel's UDP with nothing on top.
    Udp,
}

impl Lane {
    /// All, in the order of every table.
    pub(crate) const ALL: [Self; 6] = [
        Self::Sse,
        Self::WebSocket,
        Self::DataChannel,
        Self::DataChannelReliable,
        Self::Tcp,
        Self::Udp,
    ];
    /// What the others are held against: always part of a comparison.
    pub(crate) const REFERENCES: [Self; 2] = [Self::Tcp, Self::Udp];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "websocket",
            Self::DataChannel => "datachannel",
            Self::DataChannelReliable => "datachannel-reliable",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Lane {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|lane| lane.id() == text);
        known.ok_or_else(|| {
            format!(
                "there is no lane {text:?}; there are {}",
                Self::ALL.map(Self::id).join(", ")
            )
        })
    }
}
