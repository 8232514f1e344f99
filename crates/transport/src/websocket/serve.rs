//! The serving half: the handshake, and who gets what is read.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Response, Uri, Version, header};
use thiserror::Error;
use tokio_util::task::TaskTracker;
use tungstenite::{
    error::ProtocolError,
    handshake::server::create_response_with_body,
    protocol::frame::coding::{Control, Data},
};
use wirelab_model::{
    Cursor, TopicName, Transport,
    cursor::CursorError,
    frame::{BadField, ErrorCode, Policy, ServerFrame},
    topic::TopicError,
};

use super::{
    MAX_ECHO_BYTES, MAX_MESSAGE_BYTES, TextLimits, TextSocket,
    decoder::{Decoder, Event},
    frames::{close_frame, close_words, control, frame, text},
    visitor::Seat,
};
use crate::{
    Departure, Takeover,
    admission::{Admission, Permit},
    commands::Commands,
    counters::LaneCounters,
    fanout::{Beat, Connection, Fanout, Framing},
    feed::{Feed, TopicsFull},
};

/// The subprotocol that we name when it is asked for.
const SUBPROTOCOL: &str = "wirelab.v1";

static FRAMING: Framing = Framing {
    transport: Transport::WebSocket,
    message: |_, message, out| text(&message.json, out),
    control: |_, frame, out| text(&frame.to_json(), out),
    ids: false,
    heartbeat: &[0x89, 0x00], // an empty ping (RFC 6455, 5.5.2)
    answered: true,
    farewell,
};

/// How the room behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The server's version, for `hello`.
    pub version: &'static str,
    /// A ping this often; a peer silent for two is closed.
    pub heartbeat: Duration,
    /// A peer that takes nothing for this long is let go.
    pub stall_timeout: Duration,
    /// Topics of one connection.
    pub topics_per_connection: usize,
    /// Connections on `/ws/echo`.
    pub echo_connections: usize,
}

/// The room. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Room {
    feed: Feed,
    fanout: Fanout,
    settings: Settings,
    echoes: Arc<Admission>,
}

/// Why a WebSocket was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The request is no upgrade as RFC 6455 section 4.2.1 wants it.
    #[error("this path takes a WebSocket upgrade (RFC 6455, 4.2.1): {0}")]
    Handshake(#[from] ProtocolError),
    /// The CONNECT is not one that RFC 8441 section 5 wants.
    #[error("over HTTP/2 this path takes an extended CONNECT (RFC 8441, 5): {0}")]
    Connect(&'static str),
    /// A topic is outside the grammar.
    #[error("{0}")]
    Topic(#[from] TopicError),
    /// A cursor is outside the grammar.
    #[error("{0}")]
    Cursor(#[from] CursorError),
    /// Another field of the query is wrong.
    #[error("{0}")]
    Field(#[from] BadField),
    /// More topics than one connection may read.
    #[error("a connection reads {0} topics at most")]
    TooManyTopics(usize),
    /// The server's list of topics is full.
    #[error(transparent)]
    Full(#[from] TopicsFull),
    /// `/ws/echo` has as many connections as it may.
    #[error("this path holds {0} connections at most; try again later")]
    EchoFull(usize),
}

impl OpenError {
    /// What an `error` frame calls it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Handshake(_) | Self::Connect(_) | Self::Field(_) => ErrorCode::BadField,
            Self::Cursor(_) => ErrorCode::BadCursor,
            Self::Topic(error) => error.code(),
            Self::TooManyTopics(_) | Self::Full(_) => ErrorCode::Limit,
            Self::EchoFull(_) => ErrorCode::Unavailable,
        }
    }
}

/// A request for a WebSocket, as far as the room is concerned.
#[derive(Debug)]
pub struct Request<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's version.
    pub version: Version,
    /// HTTP/2's `:protocol`, if the request has one.
    pub protocol: Option<&'a str>,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// `topic`, `policy` and `cursor` pairs.
    pub query: &'a [(String, String)],
    /// Whether this visitor may publish.
    pub may_publish: bool,
}

impl Room {
    /// Opens the room. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(feed: Feed, settings: Settings, counters: LaneCounters, tasks: TaskTracker) -> Self {
        let beat = Beat {
            heartbeat: settings.heartbeat,
            stall_timeout: settings.stall_timeout,
        };
        let echoes = Admission::new(settings.echo_connections, usize::MAX);
        Self {
            fanout: Fanout::start(&FRAMING, beat, counters, feed.clock(), tasks),
            feed,
            settings,
            echoes,
        }
    }

    /// What the lane counts.
    #[must_use]
    pub fn counters(&self) -> &LaneCounters {
        self.fanout.counters()
    }

    /// Tells every client when to come back and closes with 1001.
    pub fn drain(&self) {
        self.fanout.drain();
    }

    /// Answers a request for `/ws`.
    ///
    /// # Errors
    /// It is no upgrade, or what it asks for cannot be had.
    pub fn open(&self, request: &Request<'_>) -> Result<Response<()>, OpenError> {
        let mut response = handshake(request)?;
        if offered(request.headers).any(|protocol| protocol == SUBPROTOCOL) {
            response
                .headers_mut()
                .insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        let all = |key: &'static str| {
            request
                .query
                .iter()
                .filter(move |(k, _)| k == key)
                .map(|(_, value)| value)
        };
        let policy = all("policy")
            .next_back()
            .map_or(Ok(Policy::default()), |text| text.parse())?;
        let cursor = all("cursor").next().map(|text| text.parse::<Cursor>()).transpose()?;
        let (mut topics, mut opened) = (BTreeMap::new(), Vec::new());
        for text in all("topic") {
            topics.insert(text.parse::<TopicName>()?, ());
        }
        match (topics.len(), cursor) {
            (many, _) if many > self.settings.topics_per_connection => {
                return Err(OpenError::TooManyTopics(self.settings.topics_per_connection));
            }
            (0 | 2.., Some(_)) => {
                return Err(BadField("cursor goes with exactly one topic; use subscribe for more".into()).into());
            }
            _ => {}
        }
        for topic in topics.keys() {
            opened.push(self.feed.subscribe(topic, cursor, policy)?);
        }
        let room = self.clone();
        let mut commands = Commands::new(
            self.feed.clone(),
            self.counters().clone(),
            self.settings.topics_per_connection,
            request.may_publish,
        );
        response.extensions_mut().insert(Takeover::new(move |taken| {
            let mut greeting = taken.head.to_vec();
            text(&room.hello(&opened), &mut greeting);
            for one in &opened {
                if let Some(resync) = &one.resync {
                    room.counters().resync(resync.reason);
                    text(&resync.frame(one.subscription.topic()).to_json(), &mut greeting);
                }
            }
            let mut decoder = Decoder::new(MAX_MESSAGE_BYTES, true);
            let fanout = room.fanout.clone();
            room.fanout.adopt(
                taken.socket,
                &greeting,
                opened,
                &taken.early,
                move |connection, bytes| {
                    read(connection, &mut decoder, bytes, |event| match event {
                        Event::Text(text) => {
                            let mut seat = Seat {
                                fanout: &fanout,
                                connection,
                            };
                            if commands.text(&mut seat, text).is_err() {
                                connection.depart(Departure::Misuse, &close_words(Departure::Misuse));
                            }
                        }
                        // The decoder has refused binary messages; the rest is answered below.
                        Event::Binary(_) | Event::Ping(_) | Event::Pong | Event::Close(_) => {}
                    });
                },
            );
        }));
        Ok(response)
    }

    /// Answers a request for `/ws/echo`: the first subprotocol offered is accepted, whatever it is.
    ///
    /// # Errors
    /// It is no upgrade, or there are too many already.
    pub fn open_echo(&self, request: &Request<'_>) -> Result<Response<()>, OpenError> {
        let mut response = handshake(request)?;
        if let Some(protocol) = offered(request.headers)
            .next()
            .and_then(|text| HeaderValue::from_str(text).ok())
        {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        let full = |_| OpenError::EchoFull(self.settings.echo_connections);
        let permit = self.echoes.admit(None).map_err(full)?;
        let fanout = self.fanout.clone();
        response.extensions_mut().insert(Takeover::new(move |taken| {
            let mut decoder = Decoder::new(MAX_ECHO_BYTES, false);
            fanout.adopt(
                taken.socket,
                &taken.head,
                Vec::new(),
                &taken.early,
                move |connection, bytes| {
                    let _held: &Permit = &permit;
                    read(connection, &mut decoder, bytes, |event| match event {
                        Event::Text(message) => connection.send(&frame(Data::Text, message.as_bytes())),
                        Event::Binary(message) => connection.send(&frame(Data::Binary, message)),
                        Event::Ping(_) | Event::Pong | Event::Close(_) => {}
                    });
                },
            );
        }));
        Ok(response)
    }

    /// Opens a WebSocket for a protocol of the caller's: text in, text out. `open` is called with the socket when its
    /// first text arrives and gives the reader of all its texts, which is dropped when the connection has gone.
    ///
    /// # Errors
    /// It is no upgrade.
    pub fn open_text<R>(
        &self,
        request: &Request<'_>,
        limits: TextLimits,
        open: impl FnOnce(TextSocket) -> R + Send + 'static,
    ) -> Result<Response<()>, OpenError>
    where
        R: FnMut(&str) + Send + 'static,
    {
        let mut response = handshake(request)?;
        let fanout = self.fanout.clone();
        response.extensions_mut().insert(Takeover::new(move |taken| {
            let mut decoder = Decoder::new(limits.message_bytes, true);
            let (mut open, mut reader) = (Some(open), None);
            fanout.adopt(
                taken.socket,
                &taken.head,
                Vec::new(),
                &taken.early,
                move |connection, bytes| {
                    if let Some(open) = open.take() {
                        reader = Some(open(TextSocket::new(connection, limits)));
                    }
                    read(connection, &mut decoder, bytes, |event| {
                        // The decoder has refused binary messages; what is no text is answered below.
                        if let (Event::Text(text), Some(reader)) = (event, &mut reader) {
                            reader(text);
                        }
                    });
                },
            );
        }));
        Ok(response)
    }

    fn hello(&self, opened: &[crate::feed::Opened]) -> Vec<u8> {
        let place = |one: &crate::feed::Opened| one.subscription.cursor();
        let topics = opened
            .iter()
            .map(|one| (one.subscription.topic().name(), place(one)))
            .collect();
        ServerFrame::Hello {
            server: self.settings.version,
            lane: Transport::WebSocket,
            heartbeat_ms: self.settings.heartbeat.as_millis() as u64,
            topics,
            now_us: self.feed.clock().now_us(),
        }
        .to_json()
    }
}

/// Checks the upgrade and answers 101 with the right `Sec-WebSocket-Accept`; an extended CONNECT is answered 200.
fn handshake(request: &Request<'_>) -> Result<Response<()>, OpenError> {
    if request.method == Method::CONNECT {
        return connect(request);
    }
    let mut checked = http::Request::new(());
    *checked.method_mut() = request.method.clone();
    *checked.version_mut() = request.version;
    *checked.uri_mut() = Uri::default();
    *checked.headers_mut() = request.headers.clone();
    create_response_with_body(&checked, || ()).map_err(|error| match error {
        tungstenite::Error::Protocol(error) => OpenError::Handshake(error),
        _ => OpenError::Handshake(ProtocolError::InvalidSecWebSocketKey),
    })
}

/// HTTP/2 needs no key: no cache or proxy of old takes its frames for a request.
fn connect(request: &Request<'_>) -> Result<Response<()>, OpenError> {
    let version = request.headers.get(header::SEC_WEBSOCKET_VERSION);
    match request.protocol {
        Some("websocket") if version.is_some_and(|version| version == "13") => Ok(Response::new(())),
        Some("websocket") => Err(OpenError::Connect("its sec-websocket-version is not 13")),
        Some(_) => Err(OpenError::Connect("its :protocol is not websocket")),
        None => Err(OpenError::Connect("it has no :protocol")),
    }
}

/// The subprotocols that the client offers, in its order.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// Reads what arrived: control frames are answered here, messages go to `each`.
fn read(connection: &Connection, decoder: &mut Decoder, bytes: &[u8], mut each: impl FnMut(Event<'_>)) {
    let done = decoder.read(bytes, |event| match event {
        Event::Ping(payload) => connection.send(&control(Control::Pong, payload)),
        Event::Pong => {}
        // The close is answered with the same code (RFC 6455, 5.5.1).
        Event::Close(code) => connection.depart(Departure::Closed, &close_frame(code, "")),
        Event::Text(_) | Event::Binary(_) => {
            connection.count_received();
            each(event);
        }
    });
    if let Err(departure) = done {
        connection.depart(departure, &close_words(departure));
    }
}

fn farewell(departure: Departure, out: &mut Vec<u8>) {
    out.extend_from_slice(&close_words(departure));
}
