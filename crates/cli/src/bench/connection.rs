//! A connection of any lane, and how many are opened at once.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use wirelab_transport::{
    clock::Clock,
    place::Place,
    webrtc::{self, Client},
};

use super::{
    framing::Found,
    lane::Lane,
    stream::{Steps, Stream},
    way::Way,
};

/// Peers that are opened at once, whatever was asked: each opening keeps a core busy for milliseconds.
const MOST_PEERS_OPENING: usize = 8;
/// After so many failures in a row nobody will open.
const HOPELESS: usize = 256;
/// Different reasons that are told.
const MOST_REASONS: usize = 8;

/// A connection of any lane.
#[derive(Debug)]
pub(crate) enum Connection {
    Tcp(Stream),
    Peer(Box<Client>),
}

impl Connection {
    /// Opens the `nth` connection within the way's patience. A peer subscribes to `topic`, if there is one.
    ///
    /// # Errors
    /// It did not open; the text says why.
    pub(crate) async fn open(way: &Way, topic: Option<&str>, nth: usize) -> Result<(Self, Steps), String> {
        let opening = async {
            if way.lane.is_peer() {
                let (client, steps) = open_peer(way, topic, nth).await?;
                return Ok((Self::Peer(Box::new(client)), steps));
            }
            let (stream, steps) = Stream::open(way, nth).await?;
            Ok((Self::Tcp(stream), steps))
        };
        let late = |_| format!("it did not open within {}", humantime::format_duration(way.patience));
        timeout(way.patience, opening).await.map_err(late)?
    }

    /// Reads what there is, and hands out what is whole in it.
    ///
    /// # Errors
    /// The connection has ended; the text says how.
    pub(crate) async fn read(&mut self, mut each: impl FnMut(Found<'_>)) -> Result<(), String> {
        match self {
            Self::Tcp(stream) => stream.read(each).await,
            Self::Peer(client) => {
                let (_, _, text) = client.next_text().await.ok_or("it closed")?;
                each(Found::Message(text.as_bytes()));
                Ok(())
            }
        }
    }

    /// Sends a text: a command, where it is an object.
    pub(crate) async fn send(&mut self, text: &str) -> Result<(), String> {
        match self {
            Self::Tcp(stream) => stream.send(text).await,
            Self::Peer(client) => client.send(text).await.map_err(|error| error.to_string()),
        }
    }

    /// The client's end, where it is a socket.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local(),
            Self::Peer(_) => None,
        }
    }
}

/// Opens a peer until it is answered on `control`. `hello` is not waited for: of many that open at once, some never get
/// theirs, though all that is said afterwards arrives.
async fn open_peer(way: &Way, topic: Option<&str>, nth: usize) -> Result<(Client, Steps), String> {
    let options = webrtc::Options {
        place: Place::plain(way.address, way.host.clone()),
        room: format!("bench-{}-{nth}", std::process::id()),
    };
    let opened = webrtc::connect(&options, Clock::start()).await;
    let mut client = opened.map_err(|error| error.to_string())?;
    let at = client.steps();
    let between = |from: wirelab_model::Micros, to: wirelab_model::Micros| Some(to.0.saturating_sub(from.0));
    let mut steps = Steps {
        signalling_us: between(at.started_us, at.signalled_us),
        ice_us: between(at.signalled_us, at.ice_us),
        dtls_us: between(at.ice_us, at.dtls_us),
        sctp_us: between(at.dtls_us, at.open_us),
        ..Steps::default()
    };
    let command = match (topic, way.lane) {
        (Some(topic), Lane::DataChannelReliable) => {
            format!(r#"{{"type":"subscribe","topic":"{topic}","channel":"control"}}"#)
        }
        (Some(topic), _) => format!(r#"{{"type":"subscribe","topic":"{topic}"}}"#),
        (None, _) => r#"{"type":"echo","data":0}"#.to_owned(),
    };
    client.send(&command).await.map_err(|error| error.to_string())?;
    loop {
        let (_, answered_us, text) = client.next_text().await.ok_or("it closed while it opened")?;
        if text.contains(r#""type":"error""#) {
            return Err(format!("it refused: {text}"));
        }
        if text.contains(r#""type":"subscribed""#) || text.contains(r#""type":"ack""#) {
            steps.open_us = answered_us.0.saturating_sub(at.started_us.0);
            return Ok((client, steps));
        }
    }
}

/// Why connections did not open, or ended, and how many for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Failures(pub(crate) BTreeMap<String, u64>);

impl Failures {
    pub(crate) fn count(&mut self, why: String) {
        let why = if self.0.len() < MOST_REASONS || self.0.contains_key(&why) {
            why
        } else {
            "for other reasons".into()
        };
        *self.0.entry(why).or_default() += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (why, count) in &other.0 {
            *self.0.entry(why.clone()).or_default() += count;
        }
    }

    pub(crate) fn first(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }
}

/// How many connections are to be opened, and how.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) way: Way,
    pub(crate) topic: Option<String>,
    pub(crate) count: usize,
    /// At once.
    pub(crate) concurrency: usize,
    /// The number of the first.
    pub(crate) first: usize,
}

impl Opening {
    /// Opens all, and hands each to `each` as soon as it is open. Ends early when nobody opens any more, or at `stop`.
    pub(crate) async fn run(self, stop: &CancellationToken, mut each: impl FnMut(Connection, Steps)) -> Failures {
        let most = if self.way.lane.is_peer() {
            MOST_PEERS_OPENING
        } else {
            usize::MAX
        };
        let (way, topic) = (Arc::new(self.way), self.topic.map(Arc::<str>::from));
        let (mut failures, mut in_a_row) = (Failures::default(), 0);
        let mut opening = JoinSet::new();
        let mut left = self.first..self.first + self.count;
        loop {
            while opening.len() < self.concurrency.min(most) && in_a_row < HOPELESS && !stop.is_cancelled() {
                let Some(nth) = left.next() else { break };
                let (way, topic) = (Arc::clone(&way), topic.clone());
                opening.spawn(async move { Connection::open(&way, topic.as_deref(), nth).await });
            }
            let opened = tokio::select! {
                opened = opening.join_next() => opened,
                () = stop.cancelled() => return failures, // what is opening is dropped
            };
            match opened {
                None => {
                    for _ in left {
                        failures.count("it was not tried any more".into());
                    }
                    return failures;
                }
                Some(Ok(Ok((connection, steps)))) => {
                    in_a_row = 0;
                    each(connection, steps);
                }
                Some(Ok(Err(why))) => {
                    in_a_row += 1;
                    failures.count(why);
                }
                Some(Err(panic)) => failures.count(panic.to_string()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_reason_and_bounded() {
        let mut failures = Failures::default();
        for n in 0..100 {
            failures.count(format!("reason {n}"));
            failures.count("reason 0".into());
        }
        assert_eq!((failures.total(), failures.0.len()), (200, MOST_REASONS + 1));
        assert_eq!(failures.0["reason 0"], 101);
        let mut sum = Failures::default();
        sum.add(&failures);
        sum.add(&failures);
        assert_eq!(sum.total(), 400);
    }
}
