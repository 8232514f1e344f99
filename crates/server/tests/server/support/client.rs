//! The client halves of all lanes behind one face, for tests of what every lane promises.

use std::collections::HashMap;

use serde_json::json;
use wirelab_model::{
    Cursor, Transport,
    frame::{Channel, Received},
};
use wirelab_transport::{clock::Clock, place::Place, sse, webrtc, websocket};

use super::{Server, soon};

/// A client half of any lane. Of a data channel it is `control` that makes these promises.
pub(crate) enum Client {
    Sse(Box<sse::Client>),
    WebSocket(Box<websocket::Client>),
    DataChannel(Box<webrtc::Client>),
}

/// What a client half sees next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Frame(Received),
    /// The stream has ended; with this code, on the lane that has one.
    End(Option<u16>),
}

impl Client {
    pub(crate) async fn open(server: &Server, lane: Transport, query: &str) -> Self {
        let place = Place::plain(server.address(), "localhost");
        let clock = Clock::start();
        match lane {
            Transport::Sse => {
                let options = sse::Options {
                    place,
                    path: format!("/events?{query}"),
                    last_event_id: None,
                };
                Self::Sse(Box::new(
                    soon("a stream", sse::connect(&options, clock)).await.expect("a stream"),
                ))
            }
            Transport::WebSocket => {
                let options = websocket::Options {
                    place,
                    path: format!("/ws?{query}"),
                };
                let client = soon("a WebSocket", websocket::connect(&options, clock)).await;
                Self::WebSocket(Box::new(client.expect("a WebSocket")))
            }
            Transport::DataChannel => {
                let room = "contract".to_owned();
                let options = webrtc::Options { place, room };
                let client = soon("a peer connection", webrtc::connect(&options, clock)).await;
                Self::DataChannel(Box::new(client.expect("a peer connection")))
            }
        }
    }

    /// Opens, reads `hello`, and tells where each topic of `query` stands.
    pub(crate) async fn greeted(server: &Server, lane: Transport, query: &str) -> (Self, HashMap<String, Cursor>) {
        let mut client = Self::open(server, lane, query).await;
        let Received::Hello {
            server: version,
            lane: named,
            heartbeat_ms,
            topics,
            now_us,
        } = client.frame().await
        else {
            panic!("hello comes first")
        };
        assert_eq!((version.as_str(), named.as_str()), (wirelab_server::VERSION, lane.id()));
        assert!(
            heartbeat_ms >= 1000 && now_us.0 > 1_700_000_000_000_000,
            "{heartbeat_ms} {now_us:?}"
        );
        let mut topics: HashMap<_, _> = topics
            .into_iter()
            .map(|(topic, cursor)| (topic.as_str().to_owned(), cursor))
            .collect();
        if let Self::DataChannel(_) = client {
            assert!(topics.is_empty(), "there is no URL that could name topics");
            topics = client.subscribe(query).await;
        }
        (client, topics)
    }

    /// A data channel has no URL: says in commands what the others say in theirs.
    async fn subscribe(&mut self, query: &str) -> HashMap<String, Cursor> {
        let Self::DataChannel(client) = &*self else {
            unreachable!("the others have a URL")
        };
        let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let topics = pairs.iter().filter(|(name, _)| *name == "topic");
        for (_, topic) in topics.clone() {
            let mut command = json!({"type": "subscribe", "channel": "control", "topic": topic});
            for (name, value) in pairs.iter().filter(|(name, _)| *name != "topic") {
                command[*name] = json!(value);
            }
            client.send(&command.to_string()).await.expect("it is open");
        }
        let mut stand = HashMap::new();
        for _ in topics {
            match self.frame().await {
                Received::Subscribed { topic, cursor, .. } => stand.insert(topic.as_str().to_owned(), cursor),
                other => panic!("no answer to subscribe: {other:?}"),
            };
        }
        stand
    }

    /// Stops reading, as far as the other end can tell. Sockets fill by themselves when nobody reads; a WebRTC stack
    /// reads on its own, so its word of what has arrived is lost.
    pub(crate) fn stop_reading(&self) {
        if let Self::DataChannel(client) = self {
            client.loss().set(1, 1_000, 0);
        }
    }

    /// Reads again.
    pub(crate) fn read_again(&self) {
        if let Self::DataChannel(client) = self {
            client.loss().set(1, 0, 0);
        }
    }

    pub(crate) async fn next(&mut self) -> Seen {
        match self {
            Self::Sse(client) => match soon("an event", client.next()).await.expect("an unbroken stream") {
                None => Seen::End(None),
                Some(arrived) => {
                    if let Received::Message { cursor, .. } = &arrived.frame {
                        let id = arrived.id.expect("every message has an id of its own");
                        assert!(id.contains(&cursor.to_string()), "{id} names {cursor}");
                    }
                    Seen::Frame(arrived.frame)
                }
            },
            Self::WebSocket(client) => match soon("a frame", client.next()).await {
                Ok(Some(arrived)) => Seen::Frame(arrived.frame),
                Ok(None) => Seen::End(None),
                Err(websocket::ConnectError::Closed(close)) => Seen::End(Some(close.code.into())),
                Err(error) => panic!("{error}"),
            },
            Self::DataChannel(client) => match soon("a frame", client.next()).await.expect("frames") {
                None => Seen::End(None),
                Some((channel, arrived)) => {
                    assert_eq!(channel, Channel::Control, "nobody subscribed on state");
                    Seen::Frame(arrived.frame)
                }
            },
        }
    }

    pub(crate) async fn frame(&mut self) -> Received {
        match self.next().await {
            Seen::Frame(frame) => frame,
            Seen::End(code) => panic!("the stream ended ({code:?})"),
        }
    }

    pub(crate) async fn message(&mut self) -> (String, Cursor) {
        match self.frame().await {
            Received::Message { topic, cursor, .. } => (topic.as_str().to_owned(), cursor),
            other => panic!("no message: {other:?}"),
        }
    }
}
