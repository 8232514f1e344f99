//! The SSE room: one HTTP answer that does not end (WHATWG HTML, section 9.2).
//!
//! **What it promises.** `hello` at once, then every message of the topics asked for, once and in order, or a `gap` or
//! `resync` that names what is missing. The client can say nothing.
//!
//! **How it opens.** `GET /events?topic=…&policy=…`; the answer is never compressed and has no length. It goes on after
//! `Last-Event-ID`, else `?last_event_id=`, else `?cursor=`.
//!
//! **Framing.** A message is `event: <topic>`, `data: <the frame>`, `id: <where the reader stands>`: the cursor, or
//! `topic@cursor,topic@cursor` where it reads several. `hello` is `event: hello`, any other frame `event: control`; of those only
//! `gap` and `resync` move the `id`. An idle stream carries a comment.
//!
//! **When it falls behind.** The subscription's policy; a reader that takes nothing at all for the stall time is let go.
//!
//! **How it ends.** The socket closes. Before a drain `retry` says when to come back, different for each reader.

mod connect;
mod serve;
mod stream;

pub use connect::{Client, ConnectError, Options, connect};
pub use serve::{Body, OpenError, Request, Room, Settings};
