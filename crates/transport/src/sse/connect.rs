//! The measuring half: one stream, read event by event.

use std::{
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    task::Poll,
};

use bytes::Bytes;
use eventsource_stream::{EventStream, Eventsource as _};
use futures_util::Stream as _;
use http::{Request, StatusCode, header};
use http_body_util::{BodyDataStream, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use thiserror::Error;

use crate::{
    arrivals::{Arrived, LastRead, Stamped},
    clock::Clock,
    place::{Carrier, Place},
};

/// Where to connect and what to ask for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub place: Place,
    /// Path and query, such as `/events?topic=metric`.
    pub path: String,
    /// Where to go on.
    pub last_event_id: Option<String>,
}

/// Why there is no stream, or no more of it.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nothing answers at the address.
    #[error("cannot connect: {0}")]
    Unreachable(#[from] io::Error),
    /// The answer is no HTTP.
    #[error("the server's answer cannot be read: {0}")]
    Http(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
    /// The server answers with another status.
    #[error("the server answered {0} instead of a stream")]
    Status(StatusCode),
    /// The answer is no event stream.
    #[error("the server answered with {0:?} instead of text/event-stream")]
    ContentType(String),
    /// The stream breaks the format.
    #[error("the event stream cannot be read: {0}")]
    Stream(String),
    /// An event does not hold a frame.
    #[error("the event {event:?} does not hold a frame: {error}")]
    Frame {
        /// The event's name.
        event: String,
        /// What is wrong.
        error: serde_json::Error,
    },
}

type Connection = http1::Connection<TokioIo<Stamped<Carrier>>, Empty<Bytes>>;

/// An open stream.
pub struct Client {
    /// Polled together with the events, so that a stamp belongs to the bytes that are looked at.
    connection: Pin<Box<Connection>>,
    connected: bool,
    events: EventStream<BodyDataStream<Incoming>>,
    last: LastRead,
    last_id: String,
}

/// Opens a stream.
///
/// # Errors
/// Nothing answers, or what answers is no event stream.
pub async fn connect(options: &Options, clock: Clock) -> Result<Client, ConnectError> {
    let carrier = options.place.connect().await?;
    let (stamped, last) = Stamped::new(carrier, clock);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stamped)).await?;
    let mut connection = Box::pin(connection);
    let mut request = Request::get(&options.path)
        .header(header::HOST, &options.place.host)
        .header(header::ACCEPT, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-cache");
    if let Some(id) = &options.last_event_id {
        request = request.header("last-event-id", id);
    }
    let mut response = pin!(sender.send_request(request.body(Empty::new())?));
    let response = poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = connection.as_mut().poll(cx) {
            return Poll::Ready(Err(error));
        }
        response.as_mut().poll(cx)
    })
    .await?;
    if response.status() != StatusCode::OK {
        return Err(ConnectError::Status(response.status()));
    }
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next() != Some("text/event-stream") {
        return Err(ConnectError::ContentType(kind.to_owned()));
    }
    let events = BodyDataStream::new(response.into_body()).eventsource();
    Ok(Client {
        connection,
        connected: true,
        events,
        last,
        last_id: String::new(),
    })
}

impl Client {
    /// The next frame; `None` once the server has ended the stream.
    ///
    /// # Errors
    /// The stream breaks off or holds something else than frames.
    pub async fn next(&mut self) -> Result<Option<Arrived>, ConnectError> {
        let event = poll_fn(|cx| {
            if self.connected
                && let Poll::Ready(ended) = self.connection.as_mut().poll(cx)
            {
                self.connected = false;
                if let Err(error) = ended {
                    return Poll::Ready(Some(Err(error.to_string())));
                }
            }
            Pin::new(&mut self.events)
                .poll_next(cx)
                .map_err(|error| error.to_string())
        });
        let Some(event) = event.await else { return Ok(None) };
        let event = event.map_err(ConnectError::Stream)?;
        let frame = serde_json::from_str(&event.data);
        let frame = frame.map_err(|error| ConnectError::Frame {
            event: event.event.clone(),
            error,
        })?;
        let id = (event.id != self.last_id).then(|| event.id.clone());
        self.last_id.clone_from(&event.id);
        Ok(Some(Arrived {
            frame,
            id,
            received_us: self.last.get(),
            bytes: event.data.len(),
        }))
    }

    /// What a browser would send as `Last-Event-ID` now.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("last_id", &self.last_id)
            .finish_non_exhaustive()
    }
}
