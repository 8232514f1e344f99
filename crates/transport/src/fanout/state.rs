//! What a connection still has to say, what it reads, and whether it is going.

use std::{io, sync::Arc};

use bytes::BytesMut;

use super::{
    Framing,
    pass::Pass,
    piece::{Piece, catch_up},
};
use crate::{Departure, counters::LaneCounters, feed::Subscription};

/// Everything that a connection's lock guards.
pub(super) struct State {
    /// What has to be written before anything else: the greeting, answers, the rest of a frame that was cut.
    pub(super) outbox: BytesMut,
    pub(super) members: Vec<Member>,
    pub(super) leaving: Option<Departure>,
    /// The socket is full; its task waits for it.
    pub(super) blocked: bool,
    /// Nothing more can be said.
    pub(super) broken: bool,
    /// Visits of the wheel without a byte written while blocked or leaving.
    pub(super) stalled: u16,
    /// Visits of the wheel without a byte heard.
    pub(super) silent: u8,
}

/// A connection's part in one topic.
pub(super) struct Member {
    pub(super) subscription: Subscription,
    pub(super) pass: Arc<Pass>,
    pub(super) key: usize,
}

impl State {
    /// A connection that has only its greeting to say.
    pub(super) fn new(greeting: &[u8]) -> Self {
        Self {
            outbox: BytesMut::from(greeting),
            members: Vec::new(),
            leaving: None,
            blocked: false,
            broken: false,
            stalled: 0,
            silent: 0,
        }
    }

    pub(super) fn leave(&mut self, departure: Departure, framing: &Framing) {
        let mut farewell = Vec::new();
        (framing.farewell)(departure, &mut farewell);
        self.outbox.extend_from_slice(&farewell);
        self.leaving = Some(departure);
        self.stalled = 0;
    }

    /// The socket is no use any more. The stall time is the kernel's too (`TCP_USER_TIMEOUT`), and it may be the first
    /// to see it over.
    pub(super) fn break_off(&mut self, error: &io::Error) {
        self.broken = true;
        if error.kind() == io::ErrorKind::TimedOut {
            self.leaving.get_or_insert(Departure::Stalled);
        }
    }

    /// Whether every cursor stands where its pass stands.
    pub(super) fn in_step(&self) -> bool {
        self.members
            .iter()
            .all(|member| member.subscription.next() >= member.pass.position())
    }

    /// Frames the next piece of every topic that is behind its pass.
    pub(super) fn catch_up(&mut self, framing: &Framing, counters: &LaneCounters) {
        let mut readers: Vec<_> = self
            .members
            .iter_mut()
            .map(|member| (&mut member.subscription, member.pass.position()))
            .collect();
        let Piece { bytes, departure } = catch_up(&mut readers, framing, counters);
        self.outbox.extend_from_slice(&bytes);
        if departure.is_some() {
            self.leaving = departure;
            self.stalled = 0;
        }
    }
}
