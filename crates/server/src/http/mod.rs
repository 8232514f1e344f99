//! The accept loop: from a listener to a judged request, and for a stream of ours on to its room.
//!
//! `axum::serve` never closes a connection that sends half a request head, or nothing, or idles in keep-alive. Here
//! every connection has a permit ([`wirelab_transport::admission`]) that travels with its socket, and a deadline
//! ([`activity`]) for whatever it is doing. HTTP itself is hyper's.
//!
//! HTTP/1.1 and HTTP/2 with prior knowledge come on the same port: the first bytes tell them apart. On HTTP/1.1 the
//! socket of a streaming answer leaves hyper for its room ([`http1`]); on HTTP/2 hyper streams the answer's body.

mod accept;
mod activity;
mod http1;
mod http2;
mod io;

pub(crate) use accept::{Accept, Counters};

/// Where a request comes from: an extension that every request over HTTP has, for the guard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The other end of its connection.
    pub(crate) address: std::net::SocketAddr,
    /// Whether that is something of ours which carries many and tells nothing of them.
    pub(crate) fronted: bool,
    /// Whether it came over TLS that we end.
    pub(crate) secure: bool,
}
