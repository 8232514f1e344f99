//! A server for one test and the plain clients that talk to it: bytes in, bytes out, nothing between.

mod client;
mod h2;
mod peer;
mod secure;
mod server;
mod socket;

use std::time::Duration;

pub(crate) use client::{Client, Seen};
pub(crate) use h2::{Http2, kind};
pub(crate) use peer::{Answer, Event, Peer, get, post, read_event};
pub(crate) use secure::{Http2Client, Identity, secure_tcp};
pub(crate) use server::{Server, Watched, Way};
pub(crate) use socket::{Frame, Socket, frame, upgrade};

/// What takes longer does not happen: the test fails. Generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits what must happen, and says what did not.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
