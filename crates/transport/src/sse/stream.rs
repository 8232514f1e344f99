//! The stream where hyper keeps the socket: the same bytes, read by cursor.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{future::select_all, stream};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::serve::{Body, FRAMING, Prepared};
use crate::{
    Departure,
    fanout::{Fanout, Piece, catch_up},
    feed::Subscription,
};

/// A body that starts when it is first asked for; it says nothing if the socket was taken over meanwhile.
pub(super) fn body(fanout: Fanout, heartbeat: Duration, prepared: Prepared) -> Body {
    let start = State::Waiting {
        fanout,
        heartbeat,
        prepared,
    };
    let chunks = stream::unfold(start, |state| async {
        let mut streamed = match state {
            State::Streaming(streamed) => streamed,
            State::Waiting {
                fanout,
                heartbeat,
                prepared,
            } => {
                let (greeting, opened) = prepared.take()?;
                let readers = opened.into_iter().map(|one| one.subscription).collect();
                Box::new(Streamed::open(fanout, heartbeat, greeting, readers))
            }
        };
        let chunk = streamed.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(chunk)), State::Streaming(streamed)))
    });
    StreamBody::new(chunks).boxed_unsync()
}

enum State {
    Waiting {
        fanout: Fanout,
        heartbeat: Duration,
        prepared: Prepared,
    },
    Streaming(Box<Streamed>),
}

struct Streamed {
    fanout: Fanout,
    greeting: Option<Vec<u8>>,
    readers: Vec<Subscription>,
    heads: Vec<watch::Receiver<u64>>,
    beat: Interval,
    /// Why it ends, once it does; the last words are said.
    departed: Option<Departure>,
}

impl Streamed {
    fn open(fanout: Fanout, heartbeat: Duration, greeting: Vec<u8>, readers: Vec<Subscription>) -> Self {
        fanout.counters().opened();
        let heads = readers.iter().map(|reader| reader.topic().watch()).collect();
        let mut beat = interval_at(Instant::now() + heartbeat, heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            fanout,
            greeting: Some(greeting),
            readers,
            heads,
            beat,
            departed: None,
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        if self.departed.is_some() {
            return None;
        }
        let chunk = match self.greeting.take() {
            Some(greeting) => greeting,
            None => self.wait().await,
        };
        self.fanout.counters().wrote(chunk.len());
        Some(chunk.into())
    }

    async fn wait(&mut self) -> Vec<u8> {
        loop {
            for head in &mut self.heads {
                head.mark_unchanged();
            }
            let mut readers: Vec<_> = self.readers.iter_mut().map(|reader| (reader, u64::MAX)).collect();
            let Piece { bytes, departure } = catch_up(&mut readers, &FRAMING, self.fanout.counters());
            self.departed = departure;
            if !bytes.is_empty() {
                return bytes;
            }
            let changed = select_all(self.heads.iter_mut().map(|head| Box::pin(head.changed())));
            tokio::select! {
                _ = changed => {}
                _ = self.beat.tick() => {
                    self.fanout.counters().heartbeat();
                    return FRAMING.heartbeat.to_vec();
                }
                () = self.fanout.drained() => {
                    self.departed = Some(Departure::Drain);
                    return self.fanout.drain_words();
                }
            }
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.fanout.counters().closed(self.departed.unwrap_or(Departure::Gone));
    }
}
