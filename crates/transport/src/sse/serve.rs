//! The serving half: what was asked for, the answer, and the two ways in which it is carried.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use thiserror::Error;
use tokio_util::task::TaskTracker;
use wirelab_model::{
    Cursor, TopicName, Transport,
    cursor::CursorError,
    frame::{BadField, ErrorCode, Policy, ResyncReason, ServerFrame},
    topic::TopicError,
};

use super::stream;
use crate::{
    Departure, Takeover,
    counters::LaneCounters,
    fanout::{Beat, Fanout, Framing, Others, Place},
    feed::{Feed, Message, Opened, Resync, TopicsFull},
};

/// What EventSource waits before it connects again, ms.
const RETRY_MS: u64 = 3000;

pub(super) static FRAMING: Framing = Framing {
    transport: Transport::Sse,
    message,
    control: |place, frame, out| control(place, frame, out),
    ids: true,
    heartbeat: b": heartbeat\n\n",
    answered: false,
    farewell,
};

/// The body that hyper streams where it keeps the socket: HTTP/2, and whatever cannot be taken over.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How the room behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The server's version, for `hello`.
    pub version: &'static str,
    /// An idle stream carries a comment this often.
    pub heartbeat: Duration,
    /// A reader that takes nothing for this long is let go.
    pub stall_timeout: Duration,
    /// Topics of one connection.
    pub topics_per_connection: usize,
}

/// The room. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Room {
    feed: Feed,
    fanout: Fanout,
    settings: Settings,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    topics: Vec<(TopicName, From)>,
    policy: Policy,
}

/// Where a topic's reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Live,
    After(Cursor),
    /// A `Last-Event-ID` that is none of ours. A browser cannot be told so by a status (it would give up for ever).
    Unreadable,
}

/// Why a stream was not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// A topic is outside the grammar.
    #[error("{0}")]
    Topic(#[from] TopicError),
    /// A cursor is outside the grammar.
    #[error("{0}")]
    Cursor(#[from] CursorError),
    /// Another field is wrong.
    #[error("{0}")]
    Field(#[from] BadField),
    /// More topics than one connection may read.
    #[error("a connection reads {0} topics at most")]
    TooManyTopics(usize),
    /// The server's list of topics is full.
    #[error(transparent)]
    Full(#[from] TopicsFull),
}

impl OpenError {
    /// What an `error` frame calls it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Topic(error) => error.code(),
            Self::Cursor(_) => ErrorCode::BadCursor,
            Self::Field(_) => ErrorCode::BadField,
            Self::TooManyTopics(_) | Self::Full(_) => ErrorCode::Limit,
        }
    }
}

impl Request {
    /// Reads the query and the `Last-Event-ID` header.
    ///
    /// # Errors
    /// A field is outside its grammar.
    pub fn parse(query: &[(String, String)], last_event_id: Option<&str>) -> Result<Self, OpenError> {
        let all = |key: &'static str| {
            query
                .iter()
                .filter(move |(k, _)| k == key)
                .map(|(_, value)| value.as_str())
        };
        let mut topics: Vec<TopicName> = Vec::new();
        for text in all("topic") {
            let topic = text.parse()?;
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        if topics.is_empty() {
            topics.push(TopicName::metric());
        }
        let policy = all("policy").next_back().map_or(Ok(Policy::default()), str::parse)?;
        let asked = all("last_event_id")
            .chain(all("lastEventId"))
            .chain(all("cursor"))
            .next();
        let starts = match (last_event_id.filter(|id| !id.is_empty()), asked) {
            (Some(id), _) => parse_places(id, &topics).unwrap_or_else(|_| vec![From::Unreadable; topics.len()]),
            (None, Some(id)) => parse_places(id, &topics)?,
            (None, None) => vec![From::Live; topics.len()],
        };
        Ok(Self {
            topics: topics.into_iter().zip(starts).collect(),
            policy,
        })
    }
}

/// Reads an `id`: a cursor for the only topic, or `topic@cursor,topic@cursor`.
fn parse_places(id: &str, topics: &[TopicName]) -> Result<Vec<From>, CursorError> {
    if let ([_], false) = (topics, id.contains('@')) {
        return Ok(vec![From::After(id.parse()?)]);
    }
    let mut starts = vec![From::Live; topics.len()];
    for place in id.split(',') {
        let (name, cursor) = place.split_once('@').ok_or(CursorError)?;
        let cursor = cursor.parse()?;
        if let Some(index) = topics.iter().position(|topic| topic.as_str() == name) {
            starts[index] = From::After(cursor);
        }
    }
    Ok(starts)
}

/// What both ways of carrying the answer start from. The first that asks gets it.
#[derive(Clone)]
pub(super) struct Prepared(Arc<Mutex<Option<Start>>>);

/// The first words and the readers.
type Start = (Vec<u8>, Vec<Opened>);

impl Prepared {
    pub(super) fn take(&self) -> Option<Start> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Room {
    /// Opens the room. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(feed: Feed, settings: Settings, counters: LaneCounters, tasks: TaskTracker) -> Self {
        let beat = Beat {
            heartbeat: settings.heartbeat,
            stall_timeout: settings.stall_timeout,
        };
        Self {
            fanout: Fanout::start(&FRAMING, beat, counters, feed.clock(), tasks),
            feed,
            settings,
        }
    }

    /// What the lane counts.
    #[must_use]
    pub fn counters(&self) -> &LaneCounters {
        self.fanout.counters()
    }

    /// Tells every reader when to come back and ends the streams.
    pub fn drain(&self) {
        self.fanout.drain();
    }

    /// Answers a request with a stream that starts at once.
    ///
    /// # Errors
    /// Too many topics, on this connection or in all.
    pub fn open(&self, request: &Request) -> Result<Response<Body>, OpenError> {
        let most = self.settings.topics_per_connection;
        if request.topics.len() > most {
            return Err(OpenError::TooManyTopics(most));
        }
        let mut opened = Vec::with_capacity(request.topics.len());
        for (name, from) in &request.topics {
            let cursor = match from {
                From::After(cursor) => Some(*cursor),
                From::Live | From::Unreadable => None,
            };
            let mut one = self.feed.subscribe(name, cursor, request.policy)?;
            if *from == From::Unreadable {
                one.resync = Some(Resync {
                    reason: ResyncReason::Unknown,
                    cursor: one.subscription.cursor(),
                    missed: None,
                });
            }
            opened.push(one);
        }
        let prepared = Prepared(Arc::new(Mutex::new(Some((self.greeting(&opened), opened)))));
        let body = stream::body(self.fanout.clone(), self.settings.heartbeat, prepared.clone());
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        );
        headers.insert("x-accel-buffering", HeaderValue::from_static("no")); // nginx passes events at once
        let fanout = self.fanout.clone();
        response.extensions_mut().insert(Takeover::new(move |taken| {
            if let Some((greeting, opened)) = prepared.take() {
                let greeting = [&taken.head[..], &greeting].concat();
                fanout.adopt(taken.socket, &greeting, opened, &[], |_, _| {}); // what the peer sends means nothing here
            }
        }));
        Ok(response)
    }

    /// `retry`, `hello` and what could not be resumed. `hello` has an `id`, so that a drop before the first message
    /// loses nothing; where something has to be told first, the last `resync` has it instead.
    fn greeting(&self, opened: &[Opened]) -> Vec<u8> {
        let topics: BTreeMap<_, _> = opened
            .iter()
            .map(|one| (one.subscription.topic().name(), one.subscription.cursor()))
            .collect();
        let hello = ServerFrame::Hello {
            server: self.settings.version,
            lane: Transport::Sse,
            heartbeat_ms: self.settings.heartbeat.as_millis() as u64,
            topics,
            now_us: self.feed.clock().now_us(),
        };
        let mut out = format!("retry: {RETRY_MS}\n").into_bytes();
        let others = Others::of(opened.iter().map(|one| &one.subscription), 0);
        let place = Place {
            topic: opened[0].subscription.topic(),
            offset: opened[0].subscription.cursor().offset,
            others: &others,
        };
        let last = opened.iter().rposition(|one| one.resync.is_some());
        event("hello", &hello.to_json(), last.is_none().then_some(&place), &mut out);
        for (index, one) in opened.iter().enumerate() {
            if let Some(resync) = &one.resync {
                self.fanout.counters().resync(resync.reason);
                control(
                    (Some(index) == last).then_some(&place),
                    &resync.frame(one.subscription.topic()),
                    &mut out,
                );
            }
        }
        out
    }
}

fn message(place: &Place<'_>, message: &Message, out: &mut Vec<u8>) {
    event(place.topic.name().as_str(), &message.json, Some(place), out);
}

fn control(place: Option<&Place<'_>>, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
    if let ServerFrame::Drain { reconnect_after_ms } = frame {
        out.extend_from_slice(format!("retry: {reconnect_after_ms}\n").as_bytes());
    }
    event("control", &frame.to_json(), place, out);
}

/// One event. Names, JSON and ids hold no line ends: names by their grammar, JSON because it is compact.
fn event(name: &str, data: &[u8], place: Option<&Place<'_>>, out: &mut Vec<u8>) {
    use std::io::Write as _;
    for part in [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n"] {
        out.extend_from_slice(part);
    }
    if let Some(place) = place {
        writeln!(out, "id: {place}").expect("a Vec takes every byte");
    }
    out.push(b'\n');
}

fn farewell(departure: Departure, out: &mut Vec<u8>) {
    if departure == Departure::Slow {
        let frame = ServerFrame::Error {
            id: None,
            code: ErrorCode::Limit,
            message: departure.sentence().into(),
        };
        control(None, &frame, out);
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, header: Option<&str>) -> Result<Request, OpenError> {
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Request::parse(&pairs, header)
    }

    const CURSOR: &str = "00c0ffee00c0ffee.7";

    #[test]
    fn the_query_says_what_and_from_where() {
        let name = |text: &str| text.parse::<TopicName>().expect("a name");
        let after = From::After(CURSOR.parse().expect("a cursor"));
        assert_eq!(
            parse("", None).expect("fine").topics,
            [(TopicName::metric(), From::Live)]
        );
        let one = parse(&format!("topic=a&policy=latest&cursor={CURSOR}"), None).expect("fine");
        assert_eq!((one.topics, one.policy), (vec![(name("a"), after)], Policy::Latest));
        let both = parse(&format!("topic=a&topic=b&topic=a&last_event_id=b@{CURSOR}"), None).expect("fine");
        assert_eq!(
            both.topics,
            [(name("a"), From::Live), (name("b"), after)],
            "a topic is read once"
        );
        let header = parse("topic=a&cursor=00c0ffee00c0ffee.1", Some(CURSOR)).expect("fine");
        assert_eq!(header.topics, [(name("a"), after)], "the header wins");
    }

    #[test]
    fn a_foreign_last_event_id_is_told_and_a_bad_query_refused() {
        for odd in ["x", "a@", "a@x", "@", ",", "00c0ffee00c0ffee", "\u{fffd}"] {
            assert_eq!(
                parse("topic=a", Some(odd)).expect(odd).topics[0].1,
                From::Unreadable,
                "{odd}"
            );
            assert_eq!(
                parse(&format!("topic=a&cursor={odd}"), None),
                Err(OpenError::Cursor(CursorError)),
                "{odd}"
            );
        }
        assert_eq!(
            parse("topic=a&topic=b", Some(CURSOR)).expect("fine").topics[1].1,
            From::Unreadable
        );
        assert!(matches!(parse("topic=A", None), Err(OpenError::Topic(_))));
        assert!(matches!(parse("policy=drop", None), Err(OpenError::Field(_))));
    }
}
