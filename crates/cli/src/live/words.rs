//! What server and helper say to each other: one JSON object a line, over the socket that is the helper's standard input.

use serde::{Deserialize, Serialize};
use wirelab_link::Profile;

/// The longest line, bytes. A profile has some 400.
pub(super) const MOST_LINE_BYTES: usize = 16 * 1024;

/// The server's first words. The sockets at which browsers knock come with them: one for TCP, then those for UDP.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Begin {
    pub(super) profile: Profile,
    pub(super) seed: u64,
    /// Of the connections that the far end accepts.
    pub(super) congestion: String,
}

/// The helper's first words.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Begun {
    /// The far end's sockets come with it: one for TCP, one for UDP.
    Up {
        /// In words.
        mechanism: String,
        /// None: the kernel did not let us choose, so it is the system's own.
        congestion: Option<String>,
    },
    /// There is no link.
    No { why: String },
}

/// What the server asks from then on. Each is answered by a [`Report`].
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// From now on the link is like this. The server has validated it.
    Set(Box<Profile>),
    /// What has happened so far.
    Report,
}

/// What the link has done so far.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Report {
    pub(super) counters: Ways,
    pub(super) forwarder: Forwarder,
}

/// Both directions.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Ways {
    /// From the server to its clients.
    pub(super) down: Way,
    /// From clients to the server.
    pub(super) up: Way,
}

/// One direction, as [`wirelab_link::Counters`] has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Way {
    pub(super) packets: u64,
    pub(super) ip_bytes: u64,
    pub(super) lost: u64,
    pub(super) queue_dropped: u64,
    pub(super) overflowed: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
    pub(super) delivered: u64,
    pub(super) refused: u64,
    pub(super) kernel_dropped: u64,
    pub(super) lateness_p50_us: u64,
    pub(super) lateness_p99_us: u64,
}

/// What carries browsers to the near end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Forwarder {
    /// TCP connections now.
    pub(super) connections: usize,
    /// TCP connections turned away because there were too many.
    pub(super) connections_refused: u64,
    /// UDP addresses now.
    pub(super) datagram_peers: usize,
    /// Datagrams dropped: of addresses beyond the limit, or that a socket did not take.
    pub(super) datagrams_refused: u64,
}

impl From<wirelab_link::Counters> for Way {
    fn from(counters: wirelab_link::Counters) -> Self {
        Self {
            packets: counters.packets,
            ip_bytes: counters.ip_bytes,
            lost: counters.lost,
            queue_dropped: counters.queue_dropped,
            overflowed: counters.overflowed,
            duplicated: counters.duplicated,
            reordered: counters.reordered,
            delivered: counters.delivered,
            refused: counters.refused,
            kernel_dropped: counters.kernel_dropped,
            lateness_p50_us: counters.lateness_us.value_at_quantile(0.5),
            lateness_p99_us: counters.lateness_us.value_at_quantile(0.99),
        }
    }
}
