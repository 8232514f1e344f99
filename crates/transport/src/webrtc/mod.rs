//! The WebRTC room: the feed over data channels (RFC 8831), all peers on one UDP port.
//!
//! **What it promises.** Two channels on each peer connection. `control` (id 0) is ordered and reliable: `hello` first,
//! an answer to every command, and topics that have to be whole, with every policy and exact resume. `state` (id 1) is
//! unordered and sends nothing twice: always the policy `latest`, and nothing on it is older than a round trip and
//! [`FRESH`]. What was skipped on `state` is told on `control`.
//!
//! **How it opens.** Somebody else carries the words: [`Room::answer`] takes an offer and gives the answer. The room is
//! ICE-lite: it answers connectivity checks that prove the password of their answer, speaks to no address that has not
//! sent one, and so needs no candidates of the other side. Both channels are negotiated on both ends: with webrtc
//! 0.21.1 a channel opened in-band is reliable towards its opener whatever it asked for.
//!
//! **Framing.** One frame a message, as text: the feed's own bytes.
//!
//! **When it falls behind.** On `control` at most [`OUTSTANDING_BYTES`] wait, the rest stays in the feed's ring and is
//! read from the cursor. On `state` a message that would have to wait is skipped (`gate.rs` says when).
//!
//! **How it ends.** `drain` on `control` and then the peer connection; a peer that closes is gone at once, one that
//! vanishes after [`Settings::silent`], one that never connects after [`Settings::opening`]. Each takes all it held with it.

mod channels;
mod client;
mod connect;
mod counters;
mod early;
mod gate;
mod loss;
mod parameters;
mod path;
mod peer;
mod port;
mod readers;
mod runtime;
mod sdp;
mod serve;
mod signalling;
mod stack;
mod stun;

use std::time::Duration;

pub use client::Client;
pub use connect::{ConnectError, Dial, Options, Steps, connect};
pub use counters::PortCounters;
pub use loss::Loss;
pub use parameters::{Parameters, parameters};
pub use serve::{OfferError, Room, Settings, Visit};
pub use signalling::{Signalled, signal};

/// The id of `control`, negotiated on both ends.
pub const CONTROL_ID: u16 = 0;
/// The id of `state`, negotiated on both ends.
pub const STATE_ID: u16 = 1;
/// Most bytes of one message that a client sends.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Bytes that may be on their way on `control`; more makes queues in SCTP that help nobody.
pub const OUTSTANDING_BYTES: usize = 128 * 1024;
/// How much older than a round trip a message on `state` may be when it arrives.
pub const FRESH: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
