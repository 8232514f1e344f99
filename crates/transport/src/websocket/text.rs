//! A WebSocket for a protocol of somebody else's: text in, text out.

use std::{net::SocketAddr, sync::Arc};

use super::frames::{close_words, text as text_frame};
use crate::{Departure, fanout::Connection};

/// Bounds of one such socket.
#[derive(Clone, Copy, Debug)]
pub struct TextLimits {
    /// Most bytes of one message.
    pub message_bytes: usize,
    /// Most bytes that may wait for a slow reader, who has to go then.
    pub waiting_bytes: usize,
}

/// The writing side. Cheap to clone; it stays valid, and silent, after the connection has gone.
#[derive(Clone)]
pub struct TextSocket {
    connection: Arc<Connection>,
    limits: TextLimits,
}

impl TextSocket {
    pub(super) fn new(connection: &Arc<Connection>, limits: TextLimits) -> Self {
        Self {
            connection: Arc::clone(connection),
            limits,
        }
    }

    /// The address at the other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.connection.peer()
    }

    /// Says `text`, after what waits already.
    pub fn send(&self, text: &str) {
        if self.connection.waiting() > self.limits.waiting_bytes {
            self.close(Departure::Slow);
            return;
        }
        let mut out = Vec::with_capacity(text.len() + 10); // the longest header
        text_frame(text.as_bytes(), &mut out);
        self.connection.send(&out);
    }

    /// Closes with the code of `departure`, once what waits is written.
    pub fn close(&self, departure: Departure) {
        self.connection.depart(departure, &close_words(departure));
    }
}

impl std::fmt::Debug for TextSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TextSocket").field(&self.peer()).finish()
    }
}
