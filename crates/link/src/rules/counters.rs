//! What one direction of a link has done.

use std::{collections::HashMap, fmt, time::Duration};

use hdrhistogram::Histogram;

/// Flows that are told apart; the rest is counted together under [`FlowKey::OTHER`].
pub const MOST_FLOWS: usize = 256;
/// Lateness above it counts as it, µs.
const MOST_LATE_US: u64 = 10_000_000;

/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// By the rule of loss.
    Lost,
    /// The bottleneck's queue was full.
    Queue,
    /// Too much was in flight for this process's memory. A run in which this happened is worth nothing.
    Overflow,
}

/// Who speaks: the protocol and both ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// IANA's number: 6 is TCP, 17 is UDP.
    pub protocol: u8,
    /// The server's port; 0 where the protocol has none.
    pub server_port: u16,
    /// The client's port; 0 where the protocol has none.
    pub client_port: u16,
}

impl FlowKey {
    /// All flows beyond [`MOST_FLOWS`].
    pub const OTHER: Self = Self {
        protocol: 255,
        server_port: 0,
        client_port: 0,
    };
}

/// What one flow has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounters {
    /// Packets that entered.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub ip_bytes: u64,
    /// Of them, not delivered.
    pub dropped: u64,
}

/// What one direction has done.
#[derive(Clone)]
pub struct Counters {
    /// Packets that entered.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub ip_bytes: u64,
    /// Lost by the rule.
    pub lost: u64,
    /// Dropped by the full queue of the bottleneck.
    pub queue_dropped: u64,
    /// Dropped because too much was in flight.
    pub overflowed: u64,
    /// Made twice.
    pub duplicated: u64,
    /// Sent ahead of others.
    pub reordered: u64,
    /// Handed to the other side, duplicates included.
    pub delivered: u64,
    /// Of the delivered, not taken by the kernel.
    pub refused: u64,
    /// Dropped by the kernel because the link did not read fast enough; they never entered it and are in no other count.
    /// The driver knows it, the rules do not. A run in which this happened is worth nothing.
    pub kernel_dropped: u64,
    /// How much later than planned each left, µs.
    pub lateness_us: Histogram<u64>,
    flows: HashMap<FlowKey, FlowCounters>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            packets: 0,
            ip_bytes: 0,
            lost: 0,
            queue_dropped: 0,
            overflowed: 0,
            duplicated: 0,
            reordered: 0,
            delivered: 0,
            refused: 0,
            kernel_dropped: 0,
            lateness_us: Histogram::new_with_bounds(1, MOST_LATE_US, 3).expect("these bounds are valid"),
            flows: HashMap::new(),
        }
    }
}

/// Without the histogram's thousands of counts.
impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters")
            .field("packets", &self.packets)
            .field("lost", &self.lost)
            .field("queue_dropped", &self.queue_dropped)
            .field("overflowed", &self.overflowed)
            .field("kernel_dropped", &self.kernel_dropped)
            .field("delivered", &self.delivered)
            .field("late_most_us", &self.lateness_us.max())
            .finish_non_exhaustive()
    }
}

impl Counters {
    /// Each flow with what it sent; the busiest ones first.
    #[must_use]
    pub fn flows(&self) -> Vec<(FlowKey, FlowCounters)> {
        let mut flows: Vec<_> = self.flows.iter().map(|(key, counters)| (*key, *counters)).collect();
        flows.sort_by_key(|(key, counters)| (std::cmp::Reverse(counters.ip_bytes), *key));
        flows
    }

    pub(super) fn entered(&mut self, flow: FlowKey, ip_bytes: usize, dropped: Option<Dropped>) {
        self.packets += 1;
        self.ip_bytes += ip_bytes as u64;
        match dropped {
            None => {}
            Some(Dropped::Lost) => self.lost += 1,
            Some(Dropped::Queue) => self.queue_dropped += 1,
            Some(Dropped::Overflow) => self.overflowed += 1,
        }
        let known = self.flows.len() < MOST_FLOWS - 1 || self.flows.contains_key(&flow);
        let counters = self.flows.entry(if known { flow } else { FlowKey::OTHER }).or_default();
        counters.packets += 1;
        counters.ip_bytes += ip_bytes as u64;
        counters.dropped += u64::from(dropped.is_some());
    }

    pub(super) fn left(&mut self, lateness: Duration) {
        self.delivered += 1;
        self.lateness_us
            .saturating_record(lateness.as_micros().clamp(1, u128::from(MOST_LATE_US)) as u64);
    }
}
