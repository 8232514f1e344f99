//! What a client may ask for, and what it is answered: the same on every lane that hears its clients.
//!
//! The rules are here; a [`Visitor`] is the room's side of it: where answers go and how a topic is joined.

use wirelab_model::{
    Cursor, Micros, TopicName,
    frame::{Channel, Command, CommandError, Echoed, ErrorCode, Policy, RequestId, ServerFrame, Subscribe},
    message::{Data, DataError},
};

use crate::{
    counters::LaneCounters,
    feed::{Feed, Subscription},
};

/// Commands of one connection that may be refused: a client that goes on after so many is not going to learn.
const MAX_REFUSED: u32 = 4096;

/// One connection, as its commands see it.
pub(crate) trait Visitor {
    /// Says something to the client.
    fn answer(&mut self, frame: &ServerFrame<'_>);

    /// The topics that it reads.
    fn topics(&self) -> usize;

    /// Whether it reads `topic`.
    fn reads(&self, topic: &TopicName) -> bool;

    /// How a subscription is carried here, or why it cannot be had.
    fn carry(&self, asked: &Subscribe) -> Result<Carried, &'static str>;

    /// Begins to read.
    fn join(&mut self, subscription: Subscription, carried: Carried);

    /// Ends reading `topic`; says whether it did.
    fn part(&mut self, topic: &TopicName) -> bool;
}

/// How a subscription is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) policy: Policy,
    /// Named where a connection has more than one.
    pub(crate) channel: Option<Channel>,
}

/// So many commands of this client could not be carried out that it has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misused;

/// The commands of one connection.
#[derive(Debug)]
pub(crate) struct Commands {
    feed: Feed,
    counters: LaneCounters,
    most_topics: u16,
    may_publish: bool,
    refused: u32,
}

impl Commands {
    pub(crate) fn new(feed: Feed, counters: LaneCounters, most_topics: usize, may_publish: bool) -> Self {
        Self {
            feed,
            counters,
            most_topics: u16::try_from(most_topics).unwrap_or(u16::MAX),
            may_publish,
            refused: 0,
        }
    }

    /// Reads a text message and answers it. Text that is no command is acknowledged with what was said.
    pub(crate) fn text(&mut self, visitor: &mut impl Visitor, text: &str) -> Result<(), Misused> {
        let received_us = self.feed.clock().now_us();
        let done = match Command::parse(text) {
            Ok(Some(command)) => self.carry_out(visitor, command, received_us),
            Ok(None) => {
                visitor.answer(&ack(None, Some(Echoed::Text(text)), None));
                Ok(())
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(visitor, &error),
        }
    }

    /// Tells the client why something of it is not taken.
    pub(crate) fn refuse(&mut self, visitor: &mut impl Visitor, error: &CommandError) -> Result<(), Misused> {
        self.counters.error(error.code);
        visitor.answer(&error.frame());
        self.refused += 1;
        if self.refused > MAX_REFUSED {
            return Err(Misused);
        }
        Ok(())
    }

    fn carry_out(
        &self,
        visitor: &mut impl Visitor,
        command: Command<'_>,
        received_us: Micros,
    ) -> Result<(), CommandError> {
        match command {
            Command::Subscribe(subscribe) => self.subscribe(visitor, subscribe)?,
            Command::Unsubscribe { id, topic } => unsubscribe(visitor, id, &topic)?,
            Command::Publish { id, topic, data } => {
                let cursor = self.publish(&topic, data).map_err(|(code, message)| CommandError {
                    id: id.clone(),
                    code,
                    message,
                })?;
                visitor.answer(&ack(id, None, Some(cursor)));
            }
            Command::Echo { id, data } => visitor.answer(&ack(id, Some(Echoed::Data(data)), None)),
            Command::Time { id, t0 } => visitor.answer(&ServerFrame::Time {
                id,
                t0,
                t1: received_us,
                t2: self.feed.clock().now_us(),
            }),
        }
        Ok(())
    }

    fn subscribe(&self, visitor: &mut impl Visitor, subscribe: Subscribe) -> Result<(), CommandError> {
        let carried = visitor.carry(&subscribe);
        let Subscribe { id, topic, cursor, .. } = subscribe;
        let refuse = |code, message: String| CommandError {
            id: id.clone(),
            code,
            message,
        };
        let carried = carried.map_err(|why| refuse(ErrorCode::BadField, why.to_owned()))?;
        if visitor.reads(&topic) {
            return Err(refuse(
                ErrorCode::BadField,
                format!("this connection reads {topic} already; unsubscribe first"),
            ));
        }
        if visitor.topics() >= usize::from(self.most_topics) {
            return Err(refuse(
                ErrorCode::Limit,
                format!("a connection reads {} topics at most", self.most_topics),
            ));
        }
        let opened = self
            .feed
            .subscribe(&topic, cursor, carried.policy)
            .map_err(|full| refuse(ErrorCode::Limit, full.to_string()))?;
        visitor.answer(&ServerFrame::Subscribed {
            id,
            topic: &topic,
            cursor: opened.subscription.cursor(),
            policy: carried.policy,
            channel: carried.channel,
        });
        if let Some(resync) = &opened.resync {
            self.counters.resync(resync.reason);
            visitor.answer(&resync.frame(opened.subscription.topic()));
        }
        visitor.join(opened.subscription, carried);
        Ok(())
    }

    fn publish(&self, topic: &TopicName, data: &serde_json::value::RawValue) -> Result<Cursor, (ErrorCode, String)> {
        if !self.may_publish {
            let why = "publishing needs the admin token here; send it as a bearer token with the upgrade";
            return Err((ErrorCode::Forbidden, why.to_owned()));
        }
        let data = Data::compact(data).map_err(|error| match error {
            DataError::Json(_) => (ErrorCode::BadJson, error.to_string()),
            DataError::TooLarge => (ErrorCode::TooLarge, error.to_string()),
        })?;
        self.feed
            .publish_for_client(topic, &data)
            .map_err(|error| (error.code(), error.to_string()))
    }
}

fn unsubscribe(visitor: &mut impl Visitor, id: Option<RequestId>, topic: &TopicName) -> Result<(), CommandError> {
    if !visitor.part(topic) {
        return Err(CommandError {
            id,
            code: ErrorCode::NotSubscribed,
            message: format!("this connection does not read {topic}"),
        });
    }
    visitor.answer(&ServerFrame::Unsubscribed { id, topic });
    Ok(())
}

fn ack<'a>(id: Option<RequestId>, echoed: Option<Echoed<'a>>, cursor: Option<Cursor>) -> ServerFrame<'a> {
    ServerFrame::Ack {
        id,
        ack: true,
        echoed,
        cursor,
    }
}
