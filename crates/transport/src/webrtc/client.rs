//! An open peer connection, from the side that measures.

use std::{collections::VecDeque, sync::Arc};

use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage},
    peer_connection::{PeerConnection, RTCPeerConnectionState},
};
use wirelab_model::{Micros, frame::Channel};

use super::{
    connect::{ConnectError, Steps},
    loss::Loss,
    parameters::Parameters,
    port::Port,
    stack::News,
};
use crate::{arrivals::Arrived, clock::Clock};

/// An open peer connection. Dropped without [`Client::close`] it closes by itself.
pub struct Client {
    pub(super) connection: Arc<dyn PeerConnection>,
    pub(super) control: Arc<dyn DataChannel>,
    pub(super) state: Arc<dyn DataChannel>,
    pub(super) news: News,
    pub(super) clock: Clock,
    pub(super) steps: Steps,
    pub(super) loss: Arc<Loss>,
    /// What came on `control` before it was said to be open.
    pub(super) early: VecDeque<Early>,
    pub(super) _port: Port,
}

/// A message and when it came.
pub(super) type Early = (Micros, RTCDataChannelMessage);

impl Client {
    /// When each step of opening was done.
    #[must_use]
    pub fn steps(&self) -> Steps {
        self.steps
    }

    /// What a channel is at this end: what it was made as, and no proof of what it does.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn parameters(&self, channel: Channel) -> Result<Parameters, ConnectError> {
        let channel = match channel {
            Channel::Control => &self.control,
            Channel::State => &self.state,
        };
        Ok(Parameters {
            ordered: channel.ordered().await?,
            max_retransmits: channel.max_retransmits().await?,
        })
    }

    /// A test's way to lose what this client sends.
    #[must_use]
    pub fn loss(&self) -> &Loss {
        &self.loss
    }

    /// The next frame, and the channel that it came on; `None` once the connection has ended.
    ///
    /// # Errors
    /// The server sent something else than frames.
    pub async fn next(&mut self) -> Result<Option<(Channel, Arrived)>, ConnectError> {
        Ok(match self.next_text().await {
            Some((channel, received_us, text)) => Some((
                channel,
                Arrived {
                    frame: serde_json::from_str(&text)?,
                    id: None,
                    received_us,
                    bytes: text.len(),
                },
            )),
            None => None,
        })
    }

    /// The next message as it came.
    pub async fn next_text(&mut self) -> Option<(Channel, Micros, String)> {
        if let Some((at, RTCDataChannelMessage { data, .. })) = self.early.pop_front() {
            return Some((Channel::Control, at, String::from_utf8_lossy(&data).into_owned()));
        }
        loop {
            let (channel, event) = tokio::select! {
                biased; // what has arrived comes before the news that there will be no more
                event = self.control.poll() => (Channel::Control, event?),
                event = self.state.poll() => (Channel::State, event?),
                _ = self.news.connection.wait_for(|state| {
                    matches!(state, RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed)
                }) => return None,
            };
            match event {
                DataChannelEvent::OnMessage(RTCDataChannelMessage { data, .. }) => {
                    return Some((
                        channel,
                        self.clock.now_us(),
                        String::from_utf8_lossy(&data).into_owned(),
                    ));
                }
                DataChannelEvent::OnClose => return None,
                _ => {}
            }
        }
    }

    /// Sends a command on `control`.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&self, text: &str) -> Result<(), ConnectError> {
        Ok(self.control.send_text(text).await?)
    }

    /// Sends on `state`, on which the server takes nothing.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send_on_state(&self, text: &str) -> Result<(), ConnectError> {
        Ok(self.state.send_text(text).await?)
    }

    /// Closes, and says so to the server.
    pub async fn close(self) {
        let _ = self.connection.close().await; // it may be closed already
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The stack's task would go on for ever.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let connection = Arc::clone(&self.connection);
            runtime.spawn(async move { connection.close().await });
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
