//! The frames of DESIGN section 4: the same JSON on every lane, `type` first.
//!
//! [`ServerFrame`] is written by the server, [`Command`] is read by it. The client halves read server frames as
//! [`Received`], which keeps `data` as the text that arrived.

mod command;
mod received;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::{
    command::{BadField, Command, CommandError, RequestId, Subscribe},
    received::Received,
};
use crate::{Cursor, Micros, TopicName, Transport};

/// What happens to a subscription that falls off the tail of its topic's ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Tell the reader what it missed and go on from the oldest message kept.
    #[default]
    Gap,
    /// End the connection.
    Disconnect,
    /// Skip to the newest message, for state where only the newest counts.
    Latest,
}

impl std::str::FromStr for Policy {
    type Err = BadField;

    fn from_str(text: &str) -> Result<Self, BadField> {
        match text {
            "gap" => Ok(Self::Gap),
            "disconnect" => Ok(Self::Disconnect),
            "latest" => Ok(Self::Latest),
            _ => Err(BadField("policy is one of gap, disconnect, latest".into())),
        }
    }
}

/// The two data channels of a peer connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Unordered, nothing sent twice: only the newest counts.
    State,
    /// Ordered and reliable: commands, answers, and topics that have to be whole.
    Control,
}

/// Why messages were skipped by our own policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapReason {
    /// The reader was slow and the ring moved on.
    Slow,
    /// The subscription wants only the newest.
    Latest,
}

/// Why a resume could not be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResyncReason {
    /// The ring has moved past the cursor: what is gone is named, and the feed goes on at the oldest message kept.
    Expired,
    /// The cursor belongs to a log that is lost: the feed goes on live.
    OtherEpoch,
    /// The cursor names a message that this log has not written: the feed goes on live.
    Unknown,
}

/// What an `error` frame says, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The text is not the JSON that is asked for.
    BadJson,
    /// No frame has this `type`.
    UnknownType,
    /// The topic is outside the grammar.
    BadTopic,
    /// The cursor is outside the grammar.
    BadCursor,
    /// A field is missing or of the wrong kind.
    BadField,
    /// A limit of this server is reached.
    Limit,
    /// The data is larger than this server takes.
    TooLarge,
    /// The topic is the server's own.
    Reserved,
    /// There is no such subscription on this connection.
    NotSubscribed,
    /// The visitor may not do this.
    Forbidden,
    /// The server cannot do this now.
    Unavailable,
}

/// A frame that the server sends. (`message` frames are made once for all by [`crate::message`].)
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame<'a> {
    /// Always the first.
    Hello {
        /// The server's version.
        server: &'a str,
        /// The lane this connection is.
        lane: Transport,
        /// How often the server says something, ms.
        heartbeat_ms: u64,
        /// The topics named in the URL, each with the cursor that its next message comes after.
        topics: BTreeMap<&'a TopicName, Cursor>,
        /// The server's clock.
        now_us: Micros,
    },
    /// A subscription stands; the next message comes after `cursor`.
    Subscribed {
        /// The command's own id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The topic.
        topic: &'a TopicName,
        /// The next message comes after it.
        cursor: Cursor,
        /// What happens when it falls behind.
        policy: Policy,
        /// The channel that carries it, where a connection has two.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
    },
    /// A subscription has ended.
    Unsubscribed {
        /// The command's own id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The topic.
        topic: &'a TopicName,
    },
    /// The answer to `echo`, to `publish` and to text that is no command.
    Ack {
        /// The command's own id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// Always true.
        ack: bool,
        /// What was sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        echoed: Option<Echoed<'a>>,
        /// The published message's cursor.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<Cursor>,
    },
    /// Messages that our own policy skipped.
    Gap {
        /// The topic.
        topic: &'a TopicName,
        /// The first message skipped.
        from: Cursor,
        /// The last message skipped.
        to: Cursor,
        /// How many.
        count: u64,
        /// Why.
        reason: GapReason,
    },
    /// A resume that could not be exact.
    Resync {
        /// The topic.
        topic: &'a TopicName,
        /// Why.
        reason: ResyncReason,
        /// The next message comes after it.
        cursor: Cursor,
        /// The first message that is gone, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        missed_from: Option<Cursor>,
        /// The last message that is gone, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        missed_to: Option<Cursor>,
    },
    /// The answer to `time` (RFC 5905: `t1` received, `t2` sent).
    Time {
        /// The command's own id.
        id: RequestId,
        /// The client's stamp, as it came.
        t0: Micros,
        /// When the server saw the command.
        t1: Micros,
        /// When the server wrote the answer.
        t2: Micros,
    },
    /// The server is about to go.
    Drain {
        /// How long to wait before the next attempt, ms; different for each connection.
        reconnect_after_ms: u64,
    },
    /// A command that was not carried out.
    Error {
        /// The command's own id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// For programs.
        code: ErrorCode,
        /// For people: what happened, why, what to do.
        message: Cow<'a, str>,
    },
}

/// What an `ack` gives back: the text of a plain frame, or the JSON of an `echo`.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Echoed<'a> {
    /// A text frame that was no command.
    Text(&'a str),
    /// The `data` of an `echo`, byte for byte.
    Data(&'a RawValue),
}

impl ServerFrame<'_> {
    /// Appends the frame as compact JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("frames hold only what JSON can say, and a Vec takes every byte");
    }

    /// The frame as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.write(&mut out);
        out
    }
}
