//! Signalling: rooms in which peers find each other and pass on what WebRTC wants them to know.
//!
//! [`rules`] is the hub itself, a pure state machine: a signal in, signals out. [`socket`] is the shell around it: one
//! WebSocket a peer, limits, and the server's own peer, which every room has and which is reached like any other.
//!
//! A peer connection outlives the socket over which it was made.

mod rules;
mod socket;

pub(crate) use rules::Limits;
pub(crate) use socket::{Counters, Signalling, TEXT_LIMITS};
