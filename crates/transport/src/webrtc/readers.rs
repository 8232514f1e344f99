//! The topics that one peer reads, and which of them has news.

use std::{future::poll_fn, task::Poll};

use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;
use wirelab_model::{TopicName, frame::Channel};

use crate::feed::{Gap, Subscription};

/// One topic.
pub(super) struct Reader {
    pub(super) subscription: Subscription,
    pub(super) channel: Channel,
    /// On `control`: there may be something to read.
    pub(super) behind: bool,
    /// On `state`: what was skipped and is not told yet.
    pub(super) owed: Option<Gap>,
    bell: ReusableBoxFuture<'static, Option<watch::Receiver<u64>>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Readers(pub(super) Vec<Reader>);

impl Readers {
    pub(super) fn add(&mut self, subscription: Subscription, channel: Channel) {
        let bell = ReusableBoxFuture::new(news(subscription.topic().watch()));
        self.0.push(Reader {
            subscription,
            channel,
            behind: channel == Channel::Control,
            owed: None,
            bell,
        });
    }

    pub(super) fn reads(&self, topic: &TopicName) -> bool {
        self.place(topic).is_some()
    }

    pub(super) fn remove(&mut self, topic: &TopicName) -> bool {
        let place = self.place(topic);
        place.map(|place| self.0.remove(place)).is_some()
    }

    /// Waits until a topic has something new, and says which.
    pub(super) async fn news(&mut self) -> usize {
        poll_fn(|cx| {
            for (place, reader) in self.0.iter_mut().enumerate() {
                if let Poll::Ready(receiver) = reader.bell.poll(cx) {
                    match receiver {
                        Some(receiver) => reader.bell.set(news(receiver)),
                        None => reader.bell.set(std::future::pending()),
                    }
                    return Poll::Ready(place);
                }
            }
            Poll::Pending
        })
        .await
    }

    fn place(&self, topic: &TopicName) -> Option<usize> {
        self.0
            .iter()
            .position(|reader| reader.subscription.topic().name() == topic)
    }
}

/// `None` when the topic says nothing any more.
async fn news(mut receiver: watch::Receiver<u64>) -> Option<watch::Receiver<u64>> {
    receiver.changed().await.is_ok().then_some(receiver)
}
