//! What each lane counts. One set a lane, made once, so that counting on the hot path is one atomic addition.

use std::sync::Arc;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use wirelab_model::{
    Micros, Transport,
    frame::{ErrorCode, GapReason, ResyncReason},
};

use crate::Departure;

/// The counters of one lane.
#[derive(Clone, Debug)]
pub struct LaneCounters(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lane: &'static str,
    connections: Gauge,
    opened: Counter,
    closed: Family<Closed, Counter>,
    messages: Counter,
    bytes: Counter,
    heartbeats: Counter,
    received: Counter,
    skipped: Family<Reason, Counter>,
    resyncs: Family<Reason, Counter>,
    errors: Family<Coded, Counter>,
    publish_to_write_us: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    lane: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    lane: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Coded {
    lane: &'static str,
    code: String,
}

/// Upper bounds of the publish-to-write histogram, µs.
const WRITE_BUCKETS_US: [f64; 13] = [
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    25_000.0,
    50_000.0,
    100_000.0,
    250_000.0,
    1_000_000.0,
];

/// The families that the lanes share in the registry.
#[derive(Debug)]
pub struct Counters {
    connections: Family<Lane, Gauge>,
    opened: Family<Lane, Counter>,
    closed: Family<Closed, Counter>,
    messages: Family<Lane, Counter>,
    bytes: Family<Lane, Counter>,
    heartbeats: Family<Lane, Counter>,
    received: Family<Lane, Counter>,
    skipped: Family<Reason, Counter>,
    resyncs: Family<Reason, Counter>,
    errors: Family<Coded, Counter>,
    publish_to_write_us: Family<Lane, Histogram, fn() -> Histogram>,
}

impl Counters {
    /// Names the families to `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(WRITE_BUCKETS_US);
        let all = Self {
            connections: Family::default(),
            opened: Family::default(),
            closed: Family::default(),
            messages: Family::default(),
            bytes: Family::default(),
            heartbeats: Family::default(),
            received: Family::default(),
            skipped: Family::default(),
            resyncs: Family::default(),
            errors: Family::default(),
            publish_to_write_us: Family::new_with_constructor(histogram),
        };
        registry.register("connections", "Connections open now", all.connections.clone());
        registry.register("connections_opened", "Connections opened", all.opened.clone());
        registry.register(
            "connections_closed",
            "Connections closed, by reason",
            all.closed.clone(),
        );
        registry.register(
            "messages_sent",
            "Topic messages delivered to connections",
            all.messages.clone(),
        );
        registry.register(
            "bytes_sent",
            "Bytes given to the kernel for connections, framing included",
            all.bytes.clone(),
        );
        registry.register("heartbeats_sent", "Heartbeats sent", all.heartbeats.clone());
        registry.register(
            "messages_received",
            "Messages received from clients",
            all.received.clone(),
        );
        registry.register(
            "messages_skipped",
            "Messages skipped by a policy, by reason",
            all.skipped.clone(),
        );
        registry.register(
            "resyncs",
            "Resumes that could not be exact, by reason",
            all.resyncs.clone(),
        );
        registry.register("errors_sent", "Error frames sent, by code", all.errors.clone());
        let written = "From publish to the last write of the pass that carried the message";
        registry.register("publish_to_write_us", written, all.publish_to_write_us.clone());
        all
    }

    /// The counters of one lane.
    #[must_use]
    pub fn lane(&self, transport: Transport) -> LaneCounters {
        let lane = transport.id();
        let label = Lane { lane };
        LaneCounters(Arc::new(Inner {
            lane,
            connections: self.connections.get_or_create_owned(&label),
            opened: self.opened.get_or_create_owned(&label),
            closed: self.closed.clone(),
            messages: self.messages.get_or_create_owned(&label),
            bytes: self.bytes.get_or_create_owned(&label),
            heartbeats: self.heartbeats.get_or_create_owned(&label),
            received: self.received.get_or_create_owned(&label),
            skipped: self.skipped.clone(),
            resyncs: self.resyncs.clone(),
            errors: self.errors.clone(),
            publish_to_write_us: self.publish_to_write_us.get_or_create_owned(&label),
        }))
    }
}

impl LaneCounters {
    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        u64::try_from(self.0.connections.get()).unwrap_or_default()
    }

    /// Messages delivered since the start.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.0.messages.get()
    }

    pub(crate) fn opened(&self) {
        self.0.connections.inc();
        self.0.opened.inc();
    }

    pub(crate) fn closed(&self, departure: Departure) {
        self.0.connections.dec();
        self.0
            .closed
            .get_or_create(&Closed {
                lane: self.0.lane,
                reason: departure.word(),
            })
            .inc();
    }

    pub(crate) fn delivered(&self, messages: u64) {
        self.0.messages.inc_by(messages);
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        self.0.bytes.inc_by(bytes as u64);
    }

    pub(crate) fn heartbeat(&self) {
        self.0.heartbeats.inc();
    }

    pub(crate) fn received(&self) {
        self.0.received.inc();
    }

    pub(crate) fn skipped(&self, count: u64, reason: GapReason) {
        let reason = match reason {
            GapReason::Slow => "slow",
            GapReason::Latest => "latest",
        };
        self.0
            .skipped
            .get_or_create(&Reason {
                lane: self.0.lane,
                reason,
            })
            .inc_by(count);
    }

    pub(crate) fn resync(&self, reason: ResyncReason) {
        let reason = match reason {
            ResyncReason::Expired => "expired",
            ResyncReason::OtherEpoch => "other-epoch",
            ResyncReason::Unknown => "unknown",
        };
        self.0
            .resyncs
            .get_or_create(&Reason {
                lane: self.0.lane,
                reason,
            })
            .inc();
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        let code = serde_json::to_string(&code)
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned();
        self.0
            .errors
            .get_or_create(&Coded {
                lane: self.0.lane,
                code,
            })
            .inc();
    }

    pub(crate) fn publish_to_write(&self, span: Micros) {
        self.0.publish_to_write_us.observe(span.0 as f64);
    }
}
