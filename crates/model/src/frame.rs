//! The frames of DESIGN section 4: the same JSON on every lane, `type` first.
//!
//! [`ServerFrame`] is written by the server, [`Command`] is read by it. The client halves read server frames as
//! [`Received`], which keeps `data` as the text that arrived.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

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

/// The `id` by which a client pairs answer and command: a number or a short text, given back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(u64),
    /// A text of at most [`RequestId::MAX_BYTES`] bytes.
    Text(String),
}

impl RequestId {
    /// The longest text id, bytes.
    pub const MAX_BYTES: usize = 64;
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "id is a whole number or a text of at most 64 bytes")]
        enum Raw {
            Number(u64),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Number(number) => Ok(Self::Number(number)),
            Raw::Text(text) if text.len() <= Self::MAX_BYTES => Ok(Self::Text(text)),
            Raw::Text(_) => Err(serde::de::Error::custom(
                "id is a whole number or a text of at most 64 bytes",
            )),
        }
    }
}

/// A frame that a client sends.
#[derive(Clone, Debug)]
pub enum Command<'a> {
    /// Start a subscription.
    Subscribe(Subscribe),
    /// End a subscription.
    Unsubscribe {
        /// To pair the answer.
        id: Option<RequestId>,
        /// The topic.
        topic: TopicName,
    },
    /// Publish to a topic.
    Publish {
        /// To pair the answer.
        id: Option<RequestId>,
        /// The topic.
        topic: TopicName,
        /// Any JSON.
        data: &'a RawValue,
    },
    /// Ask for the same data back.
    Echo {
        /// To pair the answer.
        id: Option<RequestId>,
        /// Any JSON.
        data: &'a RawValue,
    },
    /// Ask for the server's clock.
    Time {
        /// To pair the answer.
        id: RequestId,
        /// The client's stamp.
        t0: Micros,
    },
}

/// What a subscription asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// To pair the answer.
    pub id: Option<RequestId>,
    /// The topic.
    pub topic: TopicName,
    /// Everything after this message; none: live only.
    pub cursor: Option<Cursor>,
    /// What happens when it falls behind.
    pub policy: Policy,
}

/// A field is missing or of the wrong kind. The text says which.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct BadField(pub String);

/// Why a command cannot be carried out as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct CommandError {
    /// The command's own id, where it could be read.
    pub id: Option<RequestId>,
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

impl CommandError {
    /// The error as a frame.
    #[must_use]
    pub fn frame(&self) -> ServerFrame<'_> {
        ServerFrame::Error {
            id: self.id.clone(),
            code: self.code,
            message: Cow::Borrowed(&self.message),
        }
    }
}

impl<'a> Command<'a> {
    /// Reads a text frame. `Ok(None)` says that the text is no command at all: not a JSON object with a text `type`.
    ///
    /// # Errors
    /// The text is a command that does not exist or whose fields are wrong.
    pub fn parse(text: &'a str) -> Result<Option<Self>, CommandError> {
        if !text.trim_ascii_start().starts_with('{') {
            return Ok(None);
        }
        let Ok(head) = serde_json::from_str::<Head<'_>>(text) else {
            return Ok(None);
        };
        let id = || head.id.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let fields = Fields { text, id: &id };
        match &*head.kind {
            "subscribe" => {
                let SubscribeFields {
                    id,
                    topic,
                    cursor,
                    policy,
                } = fields.read()?;
                let topic = fields.topic(&topic)?;
                let cursor = cursor.map(|text| fields.cursor(&text)).transpose()?;
                Ok(Some(Self::Subscribe(Subscribe {
                    id,
                    topic,
                    cursor,
                    policy,
                })))
            }
            "unsubscribe" => {
                let TopicFields { id, topic } = fields.read()?;
                Ok(Some(Self::Unsubscribe {
                    id,
                    topic: fields.topic(&topic)?,
                }))
            }
            "publish" => {
                let PublishFields { id, topic, data } = fields.read()?;
                Ok(Some(Self::Publish {
                    id,
                    topic: fields.topic(&topic)?,
                    data,
                }))
            }
            "echo" => fields
                .read()
                .map(|EchoFields { id, data }| Some(Self::Echo { id, data })),
            "time" => fields.read().map(|TimeFields { id, t0 }| Some(Self::Time { id, t0 })),
            other => {
                let shown: String = other.chars().take(32).collect();
                let message = format!(
                    "no frame has the type {shown:?}; there are subscribe, unsubscribe, publish, echo and time"
                );
                Err(CommandError {
                    id: id(),
                    code: ErrorCode::UnknownType,
                    message,
                })
            }
        }
    }
}

/// What every command has; the rest is looked at once the type is known.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct SubscribeFields<'a> {
    id: Option<RequestId>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    cursor: Option<Cow<'a, str>>,
    #[serde(default)]
    policy: Policy,
}

#[derive(Deserialize)]
struct TopicFields<'a> {
    id: Option<RequestId>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PublishFields<'a> {
    id: Option<RequestId>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct EchoFields<'a> {
    id: Option<RequestId>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct TimeFields {
    id: RequestId,
    t0: Micros,
}

/// Reads the fields of one command, naming the command's id in every error.
struct Fields<'a, 'f> {
    text: &'a str,
    id: &'f dyn Fn() -> Option<RequestId>,
}

impl<'a> Fields<'a, '_> {
    fn read<T: Deserialize<'a>>(&self) -> Result<T, CommandError> {
        serde_json::from_str(self.text).map_err(|error| self.error(ErrorCode::BadField, error.to_string()))
    }

    fn topic(&self, text: &str) -> Result<TopicName, CommandError> {
        text.parse()
            .map_err(|error: crate::topic::TopicError| self.error(error.code(), error.to_string()))
    }

    fn cursor(&self, text: &str) -> Result<Cursor, CommandError> {
        text.parse()
            .map_err(|error: crate::cursor::CursorError| self.error(ErrorCode::BadCursor, error.to_string()))
    }

    fn error(&self, code: ErrorCode, message: String) -> CommandError {
        CommandError {
            id: (self.id)(),
            code,
            message,
        }
    }
}

/// A server frame as a client reads it.
///
/// Fields that this version does not know are passed over, so that a newer server can still be measured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Received {
    /// Always the first.
    Hello {
        /// The server's version.
        server: String,
        /// The lane's name.
        lane: String,
        /// How often the server says something, ms.
        heartbeat_ms: u64,
        /// Where each topic of the URL starts.
        topics: BTreeMap<TopicName, Cursor>,
        /// The server's clock.
        now_us: Micros,
    },
    /// One message; its `data` is not kept here.
    Message {
        /// The topic.
        topic: TopicName,
        /// Its id.
        cursor: Cursor,
        /// When it was published.
        sent_us: Micros,
    },
    /// A subscription stands.
    Subscribed {
        /// The command's own id.
        id: Option<RequestId>,
        /// The topic.
        topic: TopicName,
        /// The next message comes after it.
        cursor: Cursor,
        /// What happens when it falls behind.
        policy: Policy,
    },
    /// A subscription has ended.
    Unsubscribed {
        /// The command's own id.
        id: Option<RequestId>,
        /// The topic.
        topic: TopicName,
    },
    /// The answer to `echo`, to `publish` and to plain text; what was echoed is not kept here.
    Ack {
        /// The command's own id.
        id: Option<RequestId>,
        /// The published message's cursor.
        cursor: Option<Cursor>,
    },
    /// Messages that the server's policy skipped.
    Gap {
        /// The topic.
        topic: TopicName,
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
        topic: TopicName,
        /// Why.
        reason: ResyncReason,
        /// The next message comes after it.
        cursor: Cursor,
        /// The first message that is gone.
        missed_from: Option<Cursor>,
        /// The last message that is gone.
        missed_to: Option<Cursor>,
    },
    /// The server's clock.
    Time {
        /// The command's own id.
        id: RequestId,
        /// The client's stamp.
        t0: Micros,
        /// When the server saw the command.
        t1: Micros,
        /// When the server wrote the answer.
        t2: Micros,
    },
    /// The server is about to go.
    Drain {
        /// How long to wait before the next attempt, ms.
        reconnect_after_ms: u64,
    },
    /// A command that was not carried out.
    Error {
        /// The command's own id.
        id: Option<RequestId>,
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
}
