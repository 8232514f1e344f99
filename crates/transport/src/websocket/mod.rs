//! The WebSocket room (RFC 6455): commands in, the feed out, on a socket of its own.
//!
//! **What it promises.** `hello` at once, an answer to every command, and for each subscription every message once and
//! in order, or a `gap` or `resync` that names what is missing.
//!
//! **How it opens.** `GET /ws` with an upgrade, or an extended CONNECT on HTTP/2 (RFC 8441); `?topic=…&policy=…&cursor=…` subscribes at once. `GET /ws/echo` opens a
//! connection that sends every message back as it came, for conformance suites and load tools. [`Room::open_text`] opens
//! one for a protocol of somebody else's: text in, text out.
//!
//! **Framing.** One text frame a server frame. What a client sends is read by a decoder: fragments, control frames
//! between them, masks, and UTF-8 checked as bytes arrive. Text that is no command is acknowledged with what was said.
//!
//! **When it falls behind.** The subscription's policy; close code 4001 for `disconnect`.
//!
//! **How it ends.** A close frame with a code that says why ([`close_code`]), then the TCP connection. A peer silent
//! for two pings is gone (4000).

mod connect;
mod decoder;
mod frames;
mod serve;
mod text;
mod visitor;

pub use connect::{Client, ConnectError, Options, connect};
pub use serve::{OpenError, Request, Room, Settings};
pub use text::{TextLimits, TextSocket};
pub use tungstenite::protocol::frame::coding::CloseCode;

use crate::Departure;

/// Most bytes of one message on `/ws`.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Most bytes of one message on `/ws/echo`.
pub const MAX_ECHO_BYTES: usize = 16 << 20;

/// The code by which a departure is told (RFC 6455 section 7.4, and our own from 4000), if it can be told.
#[must_use]
pub fn close_code(departure: Departure) -> Option<CloseCode> {
    match departure {
        Departure::Gone | Departure::Stalled => None,
        Departure::Closed => Some(CloseCode::Normal),
        Departure::Drain => Some(CloseCode::Away),
        Departure::Binary => Some(CloseCode::Unsupported),
        Departure::InvalidUtf8 => Some(CloseCode::Invalid),
        Departure::Policy => Some(CloseCode::Policy),
        Departure::TooLarge => Some(CloseCode::Size),
        Departure::TryLater => Some(CloseCode::Again),
        Departure::Silent => Some(CloseCode::Library(4000)),
        Departure::Slow => Some(CloseCode::Library(4001)),
        Departure::Misuse => Some(CloseCode::Library(4002)),
        Departure::Protocol => Some(CloseCode::Protocol),
    }
}
