//! What wirelab says and what its figures mean.
//!
//! Message, cursor and frames as they stand on the wire, the table of facts about the transports, the decision between
//! them, and the definition of every figure. This crate never reads a clock, never asks for chance, never does IO and knows no
//! async: it is told the time. Its `Cargo.toml` keeps that rule.

pub mod advice;
pub mod cursor;
pub mod facts;
pub mod frame;
pub mod message;
pub mod metrics;
pub mod signal;
pub mod time;
pub mod topic;
pub mod transport;

pub use cursor::{Cursor, Epoch};
pub use time::Micros;
pub use topic::TopicName;
pub use transport::Transport;
