//! What a client hears.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Channel, ErrorCode, GapReason, Policy, RequestId, ResyncReason};
use crate::{Cursor, Micros, TopicName};

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
        /// The channel that carries it, where a connection has two.
        channel: Option<Channel>,
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
