//! How a room gets its socket: an answer that carries a [`Takeover`].
//!
//! A handler answers a streaming request with an ordinary response and, in its extensions, a `Takeover`. Where the
//! connection allows it (HTTP/1.1, see `server::http`), the accept loop takes the socket back from hyper before hyper
//! has written a byte of that answer and gives it to the room with the head that the router made. Everywhere else the
//! extension is dropped and hyper serves the response's own body, the same bytes.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

use crate::socket::Socket;

/// A connection on its way from HTTP to its room.
#[derive(Debug)]
pub struct Taken {
    /// The socket; HTTP holds nothing of it any more.
    pub socket: Socket,
    /// The head of the router's answer, to be written first.
    pub head: Bytes,
    /// What the peer sent behind its request and HTTP has read already.
    pub early: Bytes,
}

type Take = Box<dyn FnOnce(Taken) + Send>;

/// "Give me the socket." It can be used once; clones (extensions must be `Clone`) share that one use.
#[derive(Clone)]
pub struct Takeover(Arc<Mutex<Option<Take>>>);

impl Takeover {
    /// Calls `take` with the socket, if the connection can give it.
    pub fn new(take: impl FnOnce(Taken) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(take)))))
    }

    /// Hands the connection over.
    pub fn give(&self, taken: Taken) {
        let take = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(take) = take {
            take(taken);
        }
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Takeover")
    }
}
