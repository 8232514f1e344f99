//! How late a message of each transport is on a network like this: measured there, or as the table has it.

use serde::Serialize;

use super::{BytesFlow, Delivery, Evidence, Needs, Udp, table::TABLE};
use crate::Transport;

/// Figures this near to the budget keep it: they were measured to about that, ms.
const TOLERANCE_MS: f64 = 1.0;

/// What carries the messages, as far as delay is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// TCP, whatever is on top.
    Stream,
    /// Unordered, nothing sent twice.
    Datachannel,
    /// Everything, and so it waits.
    DatachannelReliable,
}

/// How late 99 of 100 messages are at most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lateness {
    /// One way, ms.
    pub p99_ms: f64,
    /// What was measured.
    pub kind: Kind,
    /// Where the figure is from.
    pub source: String,
    /// Whether the budget is kept.
    pub is_kept: bool,
}

/// What a transport is, for these needs.
pub(super) fn kind(transport: Transport, needs: &Needs) -> Kind {
    match transport {
        Transport::Sse | Transport::WebSocket => Kind::Stream,
        // Through a relay over TCP every channel is a stream.
        Transport::DataChannel if needs.udp == Udp::Blocked => Kind::Stream,
        Transport::DataChannel if needs.delivery == Delivery::Newest || needs.media => Kind::Datachannel,
        Transport::DataChannel => Kind::DatachannelReliable,
    }
}

/// How late it is, and whether that is soon enough.
pub(super) fn lateness(transport: Transport, needs: &Needs, evidence: &Evidence) -> Lateness {
    let kind = kind(transport, needs);
    let (p99_ms, source) = evidence.p99_ms(kind, needs).unwrap_or_else(|| usual(kind, needs));
    Lateness {
        p99_ms,
        kind,
        source,
        is_kept: p99_ms <= f64::from(needs.latency_ms) + TOLERANCE_MS,
    }
}

/// The table's figure: at the nearest round trip that is not shorter, else at the longest there is.
pub(super) fn usual(kind: Kind, needs: &Needs) -> (f64, String) {
    let rows = TABLE.late.iter().filter(|row| row.network == needs.network);
    let row = rows
        .min_by_key(|row| (row.rtt_ms < needs.rtt_ms, row.rtt_ms.abs_diff(needs.rtt_ms)))
        .expect("a test looks for a row of each network");
    let p99_ms = match kind {
        Kind::Stream => row.stream,
        Kind::Datachannel => row.datachannel,
        Kind::DatachannelReliable => row.datachannel_reliable,
    };
    (p99_ms, row.source.clone())
}

/// The budgets at which it begins to be kept and is not kept yet, ms.
pub(super) fn budgets(lateness: &Lateness) -> [f64; 2] {
    let kept = (lateness.p99_ms - TOLERANCE_MS).ceil().max(1.0);
    [kept, (kept - 1.0).max(1.0)]
}

/// The round trips at which another row of the table is looked up, ms.
pub(super) fn round_trips() -> impl Iterator<Item = f64> {
    TABLE
        .late
        .iter()
        .flat_map(|row| [f64::from(row.rtt_ms), f64::from(row.rtt_ms + 1)])
}

impl Kind {
    /// In a sentence.
    pub(super) fn words(self, needs: &Needs) -> &'static str {
        match self {
            Self::Stream if needs.udp == Udp::Blocked && needs.bytes_flow == BytesFlow::Peer => "a relay over TCP",
            Self::Stream => "a TCP connection",
            Self::Datachannel => "an unordered data channel",
            Self::DatachannelReliable => "a reliable data channel",
        }
    }
}
