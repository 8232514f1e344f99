//! A lane's client: the real one, and what it hears.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use wirelab_model::{
    Micros, TopicName,
    frame::{Channel, Received},
    metrics::Arrival,
};
use wirelab_transport::{arrivals::Arrived, clock::Clock, place::Place, sse, webrtc, websocket};

use super::{lane::Lane, reference};

/// Messages that are kept: ten minutes and more of the fastest feed. Beyond it the lane fails, and says so.
const MOST_ARRIVALS: usize = 400_000;
/// Under heavy loss a connection may not open in its time; a second one mostly does.
const ATTEMPTS: u32 = 3;
/// How long a client may take to close.
const CLOSING: Duration = Duration::from_secs(2);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// What a lane has heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// In the order in which they came.
    pub(crate) arrivals: Vec<Arrival>,
    /// Messages that the server skipped and told of: the last one's offset, and how many.
    pub(crate) skipped: Vec<(u64, u64)>,
    /// When the first attempt to open began.
    pub(crate) asked_us: Micros,
}

/// Where a lane stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Opening,
    Hearing,
    Failed(String),
}

/// A lane's client, from outside.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) lane: Lane,
    pub(crate) heard: Arc<Mutex<Heard>>,
    pub(crate) standing: watch::Receiver<Standing>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listener {
    /// Closes, so that a server that goes on is not left with a peer that is gone.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let _ = timeout(CLOSING, self.task).await; // who does not answer has heard it, or never will
    }
}

/// Opens the lane and listens until it is ended or the runtime is. Must be called within the client's runtime.
pub(crate) fn listen(lane: Lane, server: Place, topic: TopicName) -> Listener {
    let heard = Arc::new(Mutex::new(Heard {
        asked_us: Clock::start().now_us(),
        ..Heard::default()
    }));
    let (sender, standing) = watch::channel(Standing::Opening);
    let (stop, kept) = (CancellationToken::new(), Arc::clone(&heard));
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let opened = tokio::select! {
            opened = open(lane, &server, &topic) => opened,
            () = stopped.cancelled() => return,
        };
        let why = match opened {
            Ok(mut client) => tokio::select! {
                why = hear(&mut client, &kept, &sender) => why,
                () = stopped.cancelled() => return client.close().await,
            },
            Err(why) => why,
        };
        sender.send_replace(Standing::Failed(why));
    });
    Listener {
        lane,
        heard,
        standing,
        stop,
        task,
    }
}

/// The client halves.
enum Client {
    Sse(Box<sse::Client>),
    WebSocket(Box<websocket::Client>),
    DataChannel(Box<webrtc::Client>),
    Tcp(reference::Tcp),
    Udp(reference::Udp),
}

async fn open(lane: Lane, server: &Place, topic: &TopicName) -> Result<Client, String> {
    let mut attempt = 1;
    loop {
        match try_open(lane, server, topic).await {
            Ok(client) => return Ok(client),
            Err(why) if attempt == ATTEMPTS => return Err(format!("it did not open in {ATTEMPTS} attempts: {why}")),
            Err(_) => attempt += 1,
        }
        tokio::time::sleep(PAUSE).await; // the network has to change, and tells nobody
    }
}

async fn try_open(lane: Lane, server: &Place, topic: &TopicName) -> Result<Client, String> {
    let (clock, place) = (Clock::start(), server.clone());
    let said = |error: &dyn std::error::Error| error.to_string();
    Ok(match lane {
        Lane::Sse => {
            let (path, last_event_id) = (format!("/events?topic={topic}"), None);
            let options = sse::Options {
                place,
                path,
                last_event_id,
            };
            Client::Sse(Box::new(
                sse::connect(&options, clock).await.map_err(|error| said(&error))?,
            ))
        }
        Lane::WebSocket => {
            let path = format!("/ws?topic={topic}");
            let options = websocket::Options { place, path };
            Client::WebSocket(Box::new(
                websocket::connect(&options, clock)
                    .await
                    .map_err(|error| said(&error))?,
            ))
        }
        Lane::DataChannel | Lane::DataChannelReliable => {
            let room = "compare".to_owned();
            let options = webrtc::Options { place, room };
            let client = webrtc::connect(&options, clock).await.map_err(|error| said(&error))?;
            let channel = if lane == Lane::DataChannel {
                Channel::State
            } else {
                Channel::Control
            };
            let channel = serde_json::to_string(&channel).map_err(|error| said(&error))?;
            let command = format!(r#"{{"type":"subscribe","topic":"{topic}","channel":{channel}}}"#);
            client.send(&command).await.map_err(|error| said(&error))?;
            Client::DataChannel(Box::new(client))
        }
        Lane::Tcp => Client::Tcp(
            reference::Tcp::connect(place.address)
                .await
                .map_err(|error| said(&error))?,
        ),
        Lane::Udp => Client::Udp(
            reference::Udp::connect(place.address)
                .await
                .map_err(|error| said(&error))?,
        ),
    })
}

impl Client {
    async fn next(&mut self) -> Result<Option<Arrived>, String> {
        let said = |error: &dyn std::error::Error| error.to_string();
        match self {
            Self::Sse(client) => client.next().await.map_err(|error| said(&error)),
            Self::WebSocket(client) => client.next().await.map_err(|error| said(&error)),
            Self::DataChannel(client) => {
                let next = client.next().await.map_err(|error| said(&error))?;
                Ok(next.map(|(_, arrived)| arrived))
            }
            Self::Tcp(client) => client.next().await.map_err(|error| said(&error)),
            Self::Udp(client) => client.next().await.map_err(|error| said(&error)),
        }
    }

    /// The others end with their socket.
    async fn close(self) {
        if let Self::DataChannel(client) = self {
            client.close().await;
        }
    }
}

/// Listens for as long as there is something, and says why there no more is.
async fn hear(client: &mut Client, heard: &Mutex<Heard>, standing: &watch::Sender<Standing>) -> String {
    loop {
        let arrived = match client.next().await {
            Ok(Some(arrived)) => arrived,
            Ok(None) => return "the server closed it".into(),
            Err(why) => return why,
        };
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match arrived.frame {
            Received::Message { cursor, sent_us, .. } => {
                if heard.arrivals.len() == MOST_ARRIVALS {
                    return format!("more than {MOST_ARRIVALS} messages came");
                }
                heard.arrivals.push(Arrival {
                    offset: cursor.offset,
                    sent_us,
                    received_us: arrived.received_us,
                    bytes: u32::try_from(arrived.bytes).unwrap_or(u32::MAX),
                });
                standing.send_if_modified(|standing| {
                    let first = *standing == Standing::Opening;
                    *standing = Standing::Hearing;
                    first
                });
            }
            Received::Gap { to, count, .. } if heard.skipped.len() < MOST_ARRIVALS => {
                heard.skipped.push((to.offset, count))
            }
            Received::Error { message, .. } => return format!("the server refuses: {message}"),
            _ => {}
        }
    }
}
