//! The WebSocket room's side of its clients' commands.

use std::sync::Arc;

use wirelab_model::{
    TopicName,
    frame::{ServerFrame, Subscribe},
};

use super::frames::text as text_frame;
use crate::{
    commands::{Carried, Visitor},
    fanout::{Connection, Fanout},
    feed::Subscription,
};

/// A connection in its engine.
pub(super) struct Seat<'a> {
    pub(super) fanout: &'a Fanout,
    pub(super) connection: &'a Arc<Connection>,
}

impl Visitor for Seat<'_> {
    fn answer(&mut self, frame: &ServerFrame<'_>) {
        let mut out = Vec::new();
        text_frame(&frame.to_json(), &mut out);
        self.connection.send(&out);
    }

    fn topics(&self) -> usize {
        self.connection.topics()
    }

    fn reads(&self, topic: &TopicName) -> bool {
        self.connection.reads(topic)
    }

    fn carry(&self, asked: &Subscribe) -> Result<Carried, &'static str> {
        Ok(Carried {
            policy: asked.policy,
            channel: None,
        })
    }

    fn join(&mut self, subscription: Subscription, _: Carried) {
        self.fanout.join(self.connection, subscription);
    }

    fn part(&mut self, topic: &TopicName) -> bool {
        self.fanout.part(self.connection, topic)
    }
}
