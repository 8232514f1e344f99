//! One peer's life, from its answer to its end. Everything that it holds is this task's.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage},
    peer_connection::RTCPeerConnectionState,
};
use wirelab_model::{
    TopicName, Transport,
    frame::{Channel, CommandError, ErrorCode, Policy, ServerFrame, Subscribe},
};

use super::{
    MAX_MESSAGE_BYTES,
    channels::{Control, State, tell_gaps},
    counters::PortCounters,
    readers::Readers,
    stack::{News, Stack},
};
use crate::{
    Departure,
    admission::Permit,
    clock::Clock,
    commands::{Carried, Commands, Visitor},
    counters::LaneCounters,
    fanout::reconnect_after_ms,
    feed::Subscription,
};

/// How often a full `control` is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long last words have to be acknowledged before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
/// Messages that are kept until the channels are open; more is a client that does not wait for `hello`.
const MOST_EARLY: usize = 16;
/// Messages above the limit, or on the wrong channel, that a peer may send before it has to go.
const MAX_BLUNDERS: u32 = 3;

/// A peer, before its task runs.
pub(super) struct Peer {
    pub(super) id: u64,
    pub(super) stack: Stack,
    pub(super) commands: Commands,
    pub(super) hello: Hello,
    pub(super) opening: Duration,
    pub(super) silent: Duration,
    pub(super) drained: CancellationToken,
    pub(super) clock: Clock,
    pub(super) counters: LaneCounters,
    pub(super) port: PortCounters,
    /// Gives the peer's place back.
    pub(super) permit: Permit,
}

/// What a peer is told first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hello {
    pub(super) server: &'static str,
    pub(super) heartbeat: Duration,
}

impl Peer {
    /// Lives until the peer has gone, and then takes everything down.
    pub(super) async fn run(self) {
        let (id, port, connection) = (self.id, self.port.clone(), Arc::clone(&self.stack.connection));
        let permit = self.live().await;
        let _ = connection.close().await; // it is on its way out; there is nobody to tell
        drop(connection);
        port.peers.dec();
        debug!(id, "the peer connection is gone");
        drop(permit);
    }

    async fn live(self) -> Permit {
        let Self {
            id,
            stack,
            commands,
            hello,
            opening,
            silent,
            drained,
            clock,
            counters,
            port,
            permit,
        } = self;
        let Stack {
            control,
            state,
            mut news,
            flow,
            ..
        } = stack;
        let opened = tokio::select! {
            opened = timeout_at(Instant::now() + opening, opened(&*control, &mut news)) => opened.unwrap_or(None),
            () = drained.cancelled() => None,
        };
        let Some(early) = opened else {
            port.never_opened();
            debug!(id, "never opened");
            return permit;
        };
        flow.opened();
        counters.opened();
        let mut control = Control::new(control, counters.clone());
        control.say(&ServerFrame::Hello {
            server: hello.server,
            lane: Transport::DataChannel,
            heartbeat_ms: hello.heartbeat.as_millis() as u64,
            topics: std::collections::BTreeMap::new(),
            now_us: clock.now_us(),
        });
        let mut open = Open {
            state: State::new(state, Arc::clone(&flow), clock, counters.clone()),
            control,
            readers: Readers::default(),
            commands,
            news,
            counters: counters.clone(),
            blunders: 0,
        };
        let departure = tokio::select! {
            departure = open.run(early) => departure,
            () = flow.silent(silent) => Departure::Gone,
            () = drained.cancelled() => Departure::Drain,
        };
        let remote = flow.remote(); // behind a relay, the relay's
        open.part(id, departure).await;
        counters.closed(departure);
        debug!(id, ?remote, reason = departure.word(), "closed");
        permit
    }
}

/// Waits for the channels, and gives what was said on `control` before it was said to be open: a busy stack has it in
/// this order. `None` when they will not open any more.
async fn opened(control: &dyn DataChannel, news: &mut News) -> Option<Vec<RTCDataChannelMessage>> {
    let mut early = Vec::new();
    tokio::select! {
        opened = async {
            loop {
                match control.poll().await? {
                    DataChannelEvent::OnOpen => return Some(early),
                    DataChannelEvent::OnClose => return None,
                    DataChannelEvent::OnMessage(message) if early.len() < MOST_EARLY => early.push(message),
                    _ => {}
                }
            }
        } => opened,
        () = ended(&mut news.connection) => None,
    }
}

/// Waits until the stack has given the connection up.
async fn ended(connection: &mut watch::Receiver<RTCPeerConnectionState>) {
    let gone = |state: &RTCPeerConnectionState| {
        matches!(state, RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed)
    };
    let _ = connection.wait_for(gone).await; // an error says that the stack itself is gone
}

/// A peer whose channels are open.
struct Open {
    control: Control,
    state: State,
    readers: Readers,
    commands: Commands,
    news: News,
    counters: LaneCounters,
    blunders: u32,
}

/// What happens next.
enum Next {
    Said(Option<DataChannelEvent>),
    OnState(Option<DataChannelEvent>),
    Opened(Arc<dyn DataChannel>),
    News(usize),
    Ended,
    LookAgain,
}

impl Open {
    async fn run(&mut self, early: Vec<RTCDataChannelMessage>) -> Departure {
        for message in early {
            if let Err(departure) = self.said(&message) {
                return departure;
            }
        }
        loop {
            if let Err(departure) = self.turn().await {
                return departure;
            }
        }
    }

    /// Says what there is to say, waits for something to happen, and deals with it.
    async fn turn(&mut self) -> Result<(), Departure> {
        tell_gaps(&mut self.readers.0, &mut self.control).await;
        self.control.flush().await?;
        let mut room = self.control.has_room().await;
        for reader in self.readers.0.iter_mut().filter(|reader| reader.behind) {
            if room {
                self.control.catch_up(reader).await?;
                room = self.control.has_room().await;
            } else if reader.subscription.fell_behind() {
                return Err(Departure::Slow);
            }
        }
        let busy = self.readers.0.iter().any(|reader| reader.behind);
        let next = tokio::select! {
            // A client whose answers pile up is not heard before they have gone.
            event = self.control.channel.poll(), if room => Next::Said(event),
            event = self.state.channel.poll() => Next::OnState(event),
            Some(channel) = self.news.opened.recv() => Next::Opened(channel),
            place = self.readers.news() => Next::News(place),
            () = sleep(LOOK_AGAIN), if !room => Next::LookAgain,
            () = std::future::ready(()), if room && busy => Next::LookAgain,
            () = ended(&mut self.news.connection) => Next::Ended,
        };
        match next {
            Next::Said(Some(DataChannelEvent::OnMessage(message))) => self.said(&message),
            Next::OnState(Some(DataChannelEvent::OnMessage(_))) => {
                self.blunder(ErrorCode::BadField, "state carries topics only; commands go on control")
            }
            Next::Said(Some(DataChannelEvent::OnClose) | None) => Err(Departure::Gone),
            Next::OnState(Some(DataChannelEvent::OnClose) | None) | Next::Ended => Err(Departure::Gone),
            Next::Opened(channel) => self.foreign(channel).await,
            Next::News(place) => self.heard(place).await,
            Next::Said(Some(_)) | Next::OnState(Some(_)) | Next::LookAgain => Ok(()),
        }
    }

    async fn heard(&mut self, place: usize) -> Result<(), Departure> {
        let reader = &mut self.readers.0[place];
        match reader.channel {
            Channel::State => self.state.offer(reader).await,
            Channel::Control => {
                reader.behind = true;
                Ok(())
            }
        }
    }

    fn said(&mut self, message: &RTCDataChannelMessage) -> Result<(), Departure> {
        self.counters.received();
        if message.data.len() > MAX_MESSAGE_BYTES {
            return self.blunder(ErrorCode::TooLarge, "a message has at most 65,536 bytes");
        }
        let text = std::str::from_utf8(&message.data).ok().filter(|_| message.is_string);
        let Some(text) = text else {
            return self.blunder(ErrorCode::BadJson, "control takes text");
        };
        let mut seat = Seat {
            control: &mut self.control,
            readers: &mut self.readers,
        };
        self.commands.text(&mut seat, text).map_err(|_| Departure::Misuse)
    }

    /// A channel that a foreign client opened in-band. What it asked for is not applied in our direction (webrtc 0.21.1),
    /// so only an ordered one is what it says; that it may ask for fewer retransmissions as well is not shown to us. Nor
    /// is its first channel, which gets stream 0 as the client's lowest: that is our `control` from the beginning, whatever
    /// it asked for (`web/test/browser/lossy.test.js`).
    async fn foreign(&mut self, channel: Arc<dyn DataChannel>) -> Result<(), Departure> {
        if channel.ordered().await.unwrap_or(false) {
            self.control = Control::new(channel, self.counters.clone());
            return Ok(());
        }
        let _ = channel.close().await; // it may be closed already
        self.blunder(
            ErrorCode::BadField,
            "a channel opened in-band would be reliable here whatever it asks for; use negotiated: true with id 1",
        )
    }

    /// Tells the peer what it did wrong; one that goes on has to go.
    fn blunder(&mut self, code: ErrorCode, message: &str) -> Result<(), Departure> {
        self.blunders += 1;
        let error = CommandError {
            id: None,
            code,
            message: message.to_owned(),
        };
        let mut seat = Seat {
            control: &mut self.control,
            readers: &mut self.readers,
        };
        let refused = self.commands.refuse(&mut seat, &error);
        match (refused, self.blunders > MAX_BLUNDERS, code) {
            (Ok(()), false, _) => Ok(()),
            (_, _, ErrorCode::TooLarge) => Err(Departure::TooLarge),
            _ => Err(Departure::Misuse),
        }
    }

    /// Says the last words and gives them time to arrive.
    async fn part(mut self, id: u64, departure: Departure) {
        if departure == Departure::Gone {
            return;
        }
        if departure == Departure::Drain {
            self.control.say(&ServerFrame::Drain {
                reconnect_after_ms: reconnect_after_ms(id),
            });
        }
        let heard = async {
            if self.control.flush().await.is_ok() {
                while self.control.outstanding().await > 0 {
                    sleep(LOOK_AGAIN).await; // there is no event for it
                }
            }
        };
        tokio::select! {
            () = heard => {}
            () = sleep(LINGER) => {}
            () = ended(&mut self.news.connection) => {}
        }
    }
}

/// The peer, as its commands see it.
struct Seat<'a> {
    control: &'a mut Control,
    readers: &'a mut Readers,
}

impl Visitor for Seat<'_> {
    fn answer(&mut self, frame: &ServerFrame<'_>) {
        self.control.say(frame);
    }

    fn topics(&self) -> usize {
        self.readers.0.len()
    }

    fn reads(&self, topic: &TopicName) -> bool {
        self.readers.reads(topic)
    }

    fn carry(&self, asked: &Subscribe) -> Result<Carried, &'static str> {
        let channel = asked.channel.unwrap_or(Channel::State);
        let policy = match channel {
            Channel::Control => asked.policy,
            Channel::State if asked.cursor.is_some() => {
                return Err("state does not resume: leave the cursor out, or subscribe with \"channel\":\"control\"");
            }
            Channel::State => Policy::Latest,
        };
        Ok(Carried {
            policy,
            channel: Some(channel),
        })
    }

    fn join(&mut self, subscription: Subscription, carried: Carried) {
        self.readers
            .add(subscription, carried.channel.unwrap_or(Channel::State));
    }

    fn part(&mut self, topic: &TopicName) -> bool {
        self.readers.remove(topic)
    }
}
