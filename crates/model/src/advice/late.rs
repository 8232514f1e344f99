//! How late a message of each transport is on a network like this: measured there, or as the table has it.

use serde::Serialize;

use super::{
    BytesFlow, Delivery, Evidence, Needs, Udp,
    table::{Late, TABLE},
};
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

/// The table's figure. Between two round trips that were measured it lies on the line between theirs; beyond them it is
/// the nearest one's.
pub(super) fn usual(kind: Kind, needs: &Needs) -> (f64, String) {
    let (shorter, longer) = around(needs);
    if shorter.rtt_ms == longer.rtt_ms {
        return (shorter.of(kind), shorter.source.clone());
    }
    let share = f64::from(needs.rtt_ms - shorter.rtt_ms) / f64::from(longer.rtt_ms - shorter.rtt_ms);
    let p99_ms = shorter.of(kind) + share * (longer.of(kind) - shorter.of(kind));
    (p99_ms, format!("between {} and {}", shorter.source, longer.source))
}

/// The rows of the network in question on both sides of the round trip; the same one twice at its own and beyond the last.
fn around(needs: &Needs) -> (&'static Late, &'static Late) {
    let rows = || TABLE.late.iter().filter(|row| row.network == needs.network);
    let shorter = rows()
        .filter(|row| row.rtt_ms <= needs.rtt_ms)
        .max_by_key(|row| row.rtt_ms);
    let longer = rows()
        .filter(|row| row.rtt_ms >= needs.rtt_ms)
        .min_by_key(|row| row.rtt_ms);
    let nearest = shorter.or(longer).expect("a test looks for a row of each network");
    (shorter.unwrap_or(nearest), longer.unwrap_or(nearest))
}

impl Late {
    fn of(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Stream => self.stream,
            Kind::Datachannel => self.datachannel,
            Kind::DatachannelReliable => self.datachannel_reliable,
        }
    }
}

/// The budgets at which it begins to be kept and is not kept yet, ms.
pub(super) fn budgets(lateness: &Lateness) -> [f64; 2] {
    let kept = (lateness.p99_ms - TOLERANCE_MS).ceil().max(1.0);
    [kept, (kept - 1.0).max(1.0)]
}

/// The round trips on both sides of where the table's figure passes the budget, ms.
pub(super) fn round_trips(kind: Kind, needs: &Needs) -> impl Iterator<Item = f64> {
    let rows = TABLE.late.iter().filter(move |row| row.network == needs.network);
    let pairs = rows
        .clone()
        .flat_map(move |a| rows.clone().filter(|b| a.rtt_ms < b.rtt_ms).map(move |b| (a, b)));
    let budget = f64::from(needs.latency_ms) + TOLERANCE_MS;
    pairs.flat_map(move |(shorter, longer)| {
        let share = (budget - shorter.of(kind)) / (longer.of(kind) - shorter.of(kind));
        let rtt_ms = f64::from(shorter.rtt_ms) + share * f64::from(longer.rtt_ms - shorter.rtt_ms);
        let is_between = (0.0..=1.0).contains(&share);
        is_between
            .then_some([rtt_ms.floor(), rtt_ms.floor() + 1.0])
            .into_iter()
            .flatten()
    })
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
