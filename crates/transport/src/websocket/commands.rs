//! What a client may ask for on `/ws`, and what it is answered.

use wirelab_model::{
    Micros, TopicName,
    frame::{Command, CommandError, Echoed, ErrorCode, RequestId, ServerFrame, Subscribe},
    message::{Data, DataError},
};

use super::serve::{close_words, text as text_frame};
use crate::{
    Departure,
    fanout::{Connection, Fanout},
    feed::Feed,
};

/// Commands of one connection that may be refused: a client that goes on after so many is not going to learn.
const MAX_REFUSED: u32 = 4096;

/// The commands of one connection.
pub(super) struct Commands {
    feed: Feed,
    fanout: Fanout,
    most_topics: usize,
    may_publish: bool,
    refused: u32,
}

impl Commands {
    pub(super) fn new(feed: Feed, fanout: Fanout, most_topics: usize, may_publish: bool) -> Self {
        Self {
            feed,
            fanout,
            most_topics,
            may_publish,
            refused: 0,
        }
    }

    /// Reads a text message and answers it. Text that is no command is acknowledged with what was said.
    pub(super) fn text(&mut self, connection: &std::sync::Arc<Connection>, text: &str) {
        let received_us = self.feed.clock().now_us();
        let done = match Command::parse(text) {
            Ok(Some(command)) => self.carry_out(connection, command, received_us),
            Ok(None) => {
                answer(
                    connection,
                    &ServerFrame::Ack {
                        id: None,
                        ack: true,
                        echoed: Some(Echoed::Text(text)),
                        cursor: None,
                    },
                );
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.fanout.counters().error(error.code);
            answer(connection, &error.frame());
            self.refused += 1;
            if self.refused > MAX_REFUSED {
                connection.depart(Departure::Misuse, &close_words(Departure::Misuse));
            }
        }
    }

    fn carry_out(
        &self,
        connection: &std::sync::Arc<Connection>,
        command: Command<'_>,
        received_us: Micros,
    ) -> Result<(), CommandError> {
        match command {
            Command::Subscribe(subscribe) => self.subscribe(connection, subscribe)?,
            Command::Unsubscribe { id, topic } => self.unsubscribe(connection, id, &topic)?,
            Command::Publish { id, topic, data } => {
                let cursor = self.publish(&topic, data).map_err(|(code, message)| CommandError {
                    id: id.clone(),
                    code,
                    message,
                })?;
                answer(
                    connection,
                    &ServerFrame::Ack {
                        id,
                        ack: true,
                        echoed: None,
                        cursor: Some(cursor),
                    },
                );
            }
            Command::Echo { id, data } => {
                answer(
                    connection,
                    &ServerFrame::Ack {
                        id,
                        ack: true,
                        echoed: Some(Echoed::Data(data)),
                        cursor: None,
                    },
                );
            }
            Command::Time { id, t0 } => {
                answer(
                    connection,
                    &ServerFrame::Time {
                        id,
                        t0,
                        t1: received_us,
                        t2: self.feed.clock().now_us(),
                    },
                );
            }
        }
        Ok(())
    }

    fn subscribe(&self, connection: &std::sync::Arc<Connection>, subscribe: Subscribe) -> Result<(), CommandError> {
        let Subscribe {
            id,
            topic,
            cursor,
            policy,
        } = subscribe;
        let refuse = |code, message: String| CommandError {
            id: id.clone(),
            code,
            message,
        };
        if connection.reads(&topic) {
            return Err(refuse(
                ErrorCode::BadField,
                format!("this connection reads {topic} already; unsubscribe first"),
            ));
        }
        if connection.topics() >= self.most_topics {
            return Err(refuse(
                ErrorCode::Limit,
                format!("a connection reads {} topics at most", self.most_topics),
            ));
        }
        let opened = self
            .feed
            .subscribe(&topic, cursor, policy)
            .map_err(|full| refuse(ErrorCode::Limit, full.to_string()))?;
        let cursor = opened.subscription.cursor();
        answer(
            connection,
            &ServerFrame::Subscribed {
                id,
                topic: &topic,
                cursor,
                policy,
            },
        );
        if let Some(resync) = &opened.resync {
            self.fanout.counters().resync(resync.reason);
            answer(connection, &resync.frame(opened.subscription.topic()));
        }
        self.fanout.join(connection, opened.subscription);
        Ok(())
    }

    fn unsubscribe(
        &self,
        connection: &Connection,
        id: Option<RequestId>,
        topic: &TopicName,
    ) -> Result<(), CommandError> {
        if !self.fanout.part(connection, topic) {
            return Err(CommandError {
                id,
                code: ErrorCode::NotSubscribed,
                message: format!("this connection does not read {topic}"),
            });
        }
        answer(connection, &ServerFrame::Unsubscribed { id, topic });
        Ok(())
    }

    fn publish(
        &self,
        topic: &TopicName,
        data: &serde_json::value::RawValue,
    ) -> Result<wirelab_model::Cursor, (ErrorCode, String)> {
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

fn answer(connection: &Connection, frame: &ServerFrame<'_>) {
    let mut out = Vec::new();
    text_frame(&frame.to_json(), &mut out);
    connection.send(&out);
}
