//! One event stream, read piece by piece, each with the moment at which it came.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use eventsource_stream::{Event, EventStream, EventStreamError};
use futures_util::Stream;
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::verify::http::{Connection, HttpError, Server, Version, head_lines, redirect};

/// Bytes that are read of one stream. Whoever sends more in a few seconds floods.
const MOST_BYTES: usize = 4 << 20;

/// An answer whose head is there.
pub(in crate::verify) struct Opened {
    /// It goes with this.
    _connection: Connection,
    pub(in crate::verify) status: StatusCode,
    pub(in crate::verify) headers: HeaderMap,
    /// Where it leads, if it is a redirect.
    pub(in crate::verify) leads: Option<String>,
    /// What is told of it.
    pub(in crate::verify) lines: Vec<String>,
    pub(in crate::verify) asked_at: Instant,
    events: Pin<Box<EventStream<Tap>>>,
    told: Arc<Mutex<Told>>,
    comments_seen: usize,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

/// An event, and when it came.
#[derive(Clone, Debug)]
pub(in crate::verify) struct Arrived {
    pub(in crate::verify) event: Event,
    pub(in crate::verify) at: Instant,
}

/// What came.
#[derive(Debug)]
pub(in crate::verify) enum Next {
    Event(Arrived),
    Comment(Instant),
    /// The server ended it properly.
    Ended(Instant),
    /// It broke, or breaks the format, or is a flood.
    Broken(String),
}

/// Asks for the stream, as EventSource would but for `more` headers.
///
/// # Errors
/// There is no answer.
pub(in crate::verify) async fn open(
    server: &Server,
    version: Version,
    more: &[(HeaderName, &str)],
) -> Result<Opened, HttpError> {
    let mut request = server
        .get()
        .header(header::ACCEPT, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-cache");
    for (name, value) in more {
        request = request.header(name, *value);
    }
    let request = request
        .body(Default::default())
        .map_err(|error| HttpError::Ended(format!("the request cannot be made: {error}")))?;
    let asked_at = Instant::now();
    let (connection, answer) = server.ask(version, request).await?;
    let (lines, leads) = (head_lines(&answer), redirect(&answer));
    let (head, body) = answer.into_parts();
    let told = Arc::new(Mutex::new(Told::new()));
    let tap = Tap {
        body: BodyDataStream::new(body),
        told: told.clone(),
    };
    Ok(Opened {
        _connection: connection,
        status: head.status,
        headers: head.headers,
        leads,
        lines,
        asked_at,
        events: Box::pin(EventStream::new(tap)),
        told,
        comments_seen: 0,
    })
}

impl Opened {
    /// What comes next. It may be cancelled.
    pub(in crate::verify) async fn next(&mut self) -> Next {
        poll_fn(|cx| {
            let polled = self.events.as_mut().poll_next(cx);
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            match polled {
                Poll::Ready(Some(Ok(event))) => Poll::Ready(Next::Event(Arrived { event, at: told.at })),
                Poll::Ready(Some(Err(EventStreamError::Transport(why)))) => Poll::Ready(Next::Broken(why)),
                Poll::Ready(Some(Err(error))) => Poll::Ready(Next::Broken(error.to_string())),
                Poll::Ready(None) => Poll::Ready(Next::Ended(Instant::now())),
                Poll::Pending if told.comments > self.comments_seen => {
                    self.comments_seen = told.comments;
                    Poll::Ready(Next::Comment(told.at))
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// When anything came last.
    pub(in crate::verify) fn last_at(&self) -> Instant {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).at
    }
}

/// What the parser does not tell.
#[derive(Debug)]
struct Told {
    at: Instant,
    comments: usize,
    bytes: usize,
    at_line_start: bool,
}

impl Told {
    fn new() -> Self {
        Self {
            at: Instant::now(),
            comments: 0,
            bytes: 0,
            at_line_start: true,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.at = Instant::now();
        self.bytes += bytes.len();
        for byte in bytes {
            self.comments += usize::from(self.at_line_start && *byte == b':');
            self.at_line_start = matches!(byte, b'\n' | b'\r');
        }
    }
}

/// The body, looked at as it passes.
struct Tap {
    body: BodyDataStream<Incoming>,
    told: Arc<Mutex<Told>>,
}

impl Stream for Tap {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.body).poll_next(cx);
        polled.map(|next| {
            let bytes = match next? {
                Ok(bytes) => bytes,
                Err(error) => return Some(Err(format!("it was cut: {error}"))),
            };
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.take(&bytes);
            if told.bytes > MOST_BYTES {
                return Some(Err(format!("a flood: more than {} MiB came at once", MOST_BYTES >> 20)));
            }
            Some(Ok(bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_lines_that_begin_with_a_colon() {
        let mut told = Told::new();
        for piece in [": a\n\nda", "ta: {\"a\":1}\n", "\n", ":\r:\r\n", "id: 5\n\n"] {
            told.take(piece.as_bytes());
        }
        assert_eq!(told.comments, 3);
    }
}
