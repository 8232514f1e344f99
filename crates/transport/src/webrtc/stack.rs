//! The third-party stack, set up as this room wants it, for both halves.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use rtc::{
    crypto::{SignatureScheme, default_provider},
    ice::mdns::MulticastDnsMode,
    peer_connection::{
        certificate::{CertificateParams, RTCCertificate},
        configuration::setting_engine::SctpMaxMessageSize,
        transport::RTCDtlsRole,
    },
};
use tokio::sync::{Notify, mpsc, watch};
use webrtc::{
    data_channel::DataChannel,
    error::Result,
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
        RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionState, SettingEngineBuilder,
    },
};
use wirelab_model::frame::Channel;

use super::{
    parameters::init,
    port::Local,
    runtime::{Flow, PeerRuntime},
};

/// How often ICE looks whether there is something to do; the default of 200 ms is also how long 0.21.1 holds back what it
/// writes of its own accord.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// What our answer announces as `max-message-size` (RFC 8841), a little above the `MAX_MESSAGE_BYTES` that are allowed. A
/// browser throws at its own page for what is above the announced size, and a message cut short by SCTP has nobody to
/// tell: so what is above our limit arrives up to here, and its sender is answered `too_large` as on the other lanes. It
/// is not more because webrtc 0.21.1 fills so many bytes with zeros for each peer and never uses them
/// (docs/decisions/0012-idle-peers.md).
const READABLE_BYTES: u32 = 68 * 1024;
/// The receive window of one association: three of the largest messages.
const RECEIVE_WINDOW_BYTES: u32 = 3 * READABLE_BYTES;
/// Channels that a foreign client may open before anybody looks.
const WAITING_CHANNELS: usize = 8;

/// How long ICE waits for a sign of life; zero is for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) disconnected: Duration,
    pub(super) failed: Duration,
    pub(super) keep_alive: Duration,
}

/// What of a peer connection is the half's own matter.
pub(super) struct Wanted {
    /// Answers checks and makes none: the serving half.
    pub(super) lite: bool,
    pub(super) patience: Patience,
    pub(super) certificate: Option<RTCCertificate>,
    pub(super) locals: Vec<Arc<Local>>,
}

/// A peer connection with its two channels, and what is heard of it.
pub(super) struct Stack {
    pub(super) connection: Arc<dyn PeerConnection>,
    pub(super) control: Arc<dyn DataChannel>,
    pub(super) state: Arc<dyn DataChannel>,
    pub(super) news: News,
    pub(super) flow: Arc<Flow>,
}

/// What the stack says by itself.
pub(super) struct News {
    pub(super) connection: watch::Receiver<RTCPeerConnectionState>,
    pub(super) ice: watch::Receiver<RTCIceConnectionState>,
    pub(super) gathered: Arc<Notify>,
    /// Channels that the other side opened in-band.
    pub(super) opened: mpsc::Receiver<Arc<dyn DataChannel>>,
}

struct Handler {
    connection: watch::Sender<RTCPeerConnectionState>,
    ice: watch::Sender<RTCIceConnectionState>,
    gathered: Arc<Notify>,
    opened: mpsc::Sender<Arc<dyn DataChannel>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.connection.send_replace(state);
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        self.ice.send_replace(state);
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        // With more than fit, the rest is let go unseen: the peer has lost its manners, not we our memory.
        let _ = self.opened.try_send(channel);
    }
}

impl Stack {
    /// A peer connection on the port, its routes taken, its channels negotiated.
    pub(super) async fn build(wanted: Wanted) -> Result<Self> {
        let (ufrag, password) = credentials();
        let settings = SettingEngineBuilder::new()
            .with_ice_credentials(ufrag.clone(), password)
            .with_lite(wanted.lite)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), None)
            .with_ice_timeouts(
                Some(wanted.patience.disconnected),
                Some(wanted.patience.failed),
                Some(wanted.patience.keep_alive),
            )
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_answering_dtls_role(RTCDtlsRole::Server)
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(READABLE_BYTES))
            .with_sctp_max_receive_buffer_size(RECEIVE_WINDOW_BYTES)
            .build();
        let (connection, ice) = (watch::Sender::default(), watch::Sender::default());
        let (opened, opens) = mpsc::channel(WAITING_CHANNELS);
        let gathered = Arc::new(Notify::new());
        let news = News {
            connection: connection.subscribe(),
            ice: ice.subscribe(),
            gathered: Arc::clone(&gathered),
            opened: opens,
        };
        let handler = Handler {
            connection,
            ice,
            gathered,
            opened,
        };
        let flow = Arc::new(Flow::new());
        // The stack binds sockets of its own, one for each address, and hands them to our runtime, which lets them go.
        let placeholders: Vec<SocketAddr> = wanted
            .locals
            .iter()
            .map(|local| SocketAddr::new(local.stand_in(), 0))
            .collect();
        let runtime = PeerRuntime {
            locals: wanted.locals,
            ufrag,
            dials: !wanted.lite,
            flow: Arc::clone(&flow),
        };
        let configuration = RTCConfigurationBuilder::new().with_certificates(wanted.certificate.into_iter().collect());
        let connection = PeerConnectionBuilder::new()
            .with_configuration(configuration.build())
            .with_setting_engine(settings)
            .with_handler(Arc::new(handler))
            .with_runtime(Arc::new(runtime))
            .with_udp_addrs(placeholders)
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        Ok(Self {
            control: connection
                .create_data_channel("control", Some(init(Channel::Control)))
                .await?,
            state: connection
                .create_data_channel("state", Some(init(Channel::State)))
                .await?,
            connection,
            news,
            flow,
        })
    }
}

/// One certificate for all peers of a process: making one costs a millisecond of CPU, and the fingerprint in the answer
/// binds each connection to it.
pub(super) fn certificate() -> Result<RTCCertificate> {
    let other = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
    let provider = default_provider().map_err(|error| other(&error))?;
    let subject = CertificateParams::new(vec!["wirelab".to_owned()]).map_err(|error| other(&error))?;
    RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, subject)
}

/// A user fragment that no other peer of the port has, and a password (RFC 8445, section 5.3, wants 128 random bits).
fn credentials() -> (String, String) {
    let random = || uuid::Uuid::new_v4().simple().to_string();
    let ufrag = random()[..12].to_owned(); // the digits before the version's
    (ufrag, random() + &random())
}
