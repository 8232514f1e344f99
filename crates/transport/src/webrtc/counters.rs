//! What the port counts, and the room about its peers.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::stun;

/// One set a port.
#[derive(Clone, Debug, Default)]
pub struct PortCounters {
    received: Counter,
    sent: Counter,
    dropped: Family<Reason, Counter>,
    unrouted: Family<Reason, Counter>,
    pub(super) peers: Gauge,
    refused: Family<Reason, Counter>,
    unopened: Counter,
    candidates_ignored: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl PortCounters {
    /// Names the counters to `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register(
            "udp_received",
            "Datagrams received on the UDP port",
            all.received.clone(),
        );
        registry.register("udp_sent", "Datagrams given to the kernel", all.sent.clone());
        registry.register("udp_dropped", "Datagrams dropped here, by reason", all.dropped.clone());
        registry.register(
            "udp_unrouted",
            "Datagrams that belong to no peer, by kind",
            all.unrouted.clone(),
        );
        registry.register(
            "webrtc_peers",
            "Peer connections held, those that are opening included",
            all.peers.clone(),
        );
        registry.register("webrtc_refused", "Offers not answered, by reason", all.refused.clone());
        registry.register(
            "webrtc_unopened",
            "Peer connections that ended before their channels opened",
            all.unopened.clone(),
        );
        registry.register(
            "webrtc_candidates_ignored",
            "Candidates of clients that name no address or cannot be read",
            all.candidates_ignored.clone(),
        );
        all
    }

    /// Peer connections held now.
    #[must_use]
    pub fn peers(&self) -> i64 {
        self.peers.get()
    }

    /// Peer connections that ended before their channels opened.
    #[must_use]
    pub fn unopened(&self) -> u64 {
        self.unopened.get()
    }

    /// Datagrams that belonged to nobody.
    #[must_use]
    pub fn unrouted_in_all(&self) -> u64 {
        ["stun", "other"]
            .map(|reason| self.unrouted.get_or_create(&Reason { reason }).get())
            .iter()
            .sum()
    }

    /// Candidates that could not be used.
    #[must_use]
    pub fn candidates_ignored(&self) -> u64 {
        self.candidates_ignored.get()
    }

    pub(super) fn received(&self) {
        self.received.inc();
    }

    pub(super) fn sent(&self, datagrams: u64) {
        self.sent.inc_by(datagrams);
    }

    pub(super) fn ignored(&self, candidates: u64) {
        self.candidates_ignored.inc_by(candidates);
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn never_opened(&self) {
        self.unopened.inc();
    }

    pub(super) fn dropped(&self, reason: &'static str) {
        self.dropped.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn unrouted(&self, datagram: &[u8]) {
        let reason = if stun::local_ufrag(datagram).is_some() {
            "stun"
        } else {
            "other"
        };
        self.unrouted.get_or_create(&Reason { reason }).inc();
    }
}
