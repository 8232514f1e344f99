//! What the two channels are: said once, for both halves and for whoever asks the server.

use webrtc::data_channel::RTCDataChannelInit;
use wirelab_model::frame::Channel;

use super::{CONTROL_ID, STATE_ID};

/// What a channel promises (W3C WebRTC, `RTCDataChannelInit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Nothing is handed on before what was sent earlier.
    pub ordered: bool,
    /// How often what was lost is sent again; `None` is until it arrives.
    pub max_retransmits: Option<u16>,
}

/// The id and the parameters of a channel, negotiated on both ends.
#[must_use]
pub fn parameters(channel: Channel) -> (u16, Parameters) {
    match channel {
        Channel::Control => (
            CONTROL_ID,
            Parameters {
                ordered: true,
                max_retransmits: None,
            },
        ),
        Channel::State => (
            STATE_ID,
            Parameters {
                ordered: false,
                max_retransmits: Some(0),
            },
        ),
    }
}

/// The same, for the stack.
pub(super) fn init(channel: Channel) -> RTCDataChannelInit {
    let (id, parameters) = parameters(channel);
    RTCDataChannelInit {
        ordered: parameters.ordered,
        max_retransmits: parameters.max_retransmits,
        negotiated: Some(id),
        ..RTCDataChannelInit::default()
    }
}
