//! What a client may say.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use super::{Channel, ErrorCode, Policy, ServerFrame};
use crate::{Cursor, Micros, TopicName};

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
    /// The channel that shall carry it; a connection that has but one takes no notice.
    pub channel: Option<Channel>,
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
                    channel,
                } = fields.read()?;
                let topic = fields.topic(&topic)?;
                let cursor = cursor.map(|text| fields.cursor(&text)).transpose()?;
                Ok(Some(Self::Subscribe(Subscribe {
                    id,
                    topic,
                    cursor,
                    policy,
                    channel,
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
    channel: Option<Channel>,
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
