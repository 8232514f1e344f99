//! One feed and the rooms that carry it.
//!
//! [`feed`] is the log: topics, cursors, policies. Each room is one transport, both halves: `serve` (what the server
//! does with an accepted connection) and `connect` (a measuring client). A room never imports another; what two of
//! them share is below them: [`feed`] and `fanout`, the engine that owns sockets and writes a topic to all of them in
//! one pass.

pub mod admission;
pub mod arrivals;
pub mod clock;
mod commands;
pub mod counters;
pub mod departure;
mod fanout;
pub mod feed;
mod layered;
pub mod place;
pub mod socket;
pub mod sse;
pub mod takeover;
pub mod webrtc;
pub mod websocket;

pub use departure::Departure;
pub use takeover::{Taken, Takeover};
