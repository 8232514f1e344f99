//! Every figure that the bench measures: its name, which is also its name in JSON, CSV and thresholds, and what it is.
//! The unit is the name's last word.

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::What;

/// A figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// What it is, for a row of a table.
    pub(crate) label: &'static str,
    pub(crate) unit: &'static str,
}

const fn figure(name: &'static str, label: &'static str, unit: &'static str) -> Figure {
    Figure { name, label, unit }
}

const OPENED: Figure = figure("opened_count", "connections", "");
const FAILED: Figure = figure("failed_count", "failed or ended early", "");
const SERVER_BUSY: Figure = figure("server_busy_percent", "server, of one core", "%");
const CLIENT_BUSY: Figure = figure("client_busy_percent", "load generator, of one core", "%");

const IDLE: &[Figure] = &[
    OPENED,
    FAILED,
    figure("user_kib", "server memory each", "KiB"),
    figure("kernel_kib", "kernel memory each, both ends", "KiB"),
    figure("queues_kib", "of it data in queues", "KiB"),
    figure("slab_kib", "of it kernel objects", "KiB"),
    figure("base_mib", "server before", "MiB"),
    figure("open_s", "time to open all", "s"),
    figure("open_cpu_us", "server CPU to open one", "µs"),
    figure("heartbeats_count", "heartbeats", ""),
    figure("heartbeat_cpu_us", "server CPU for a heartbeat", "µs"),
    SERVER_BUSY,
    CLIENT_BUSY,
];

const FANOUT: &[Figure] = &[
    OPENED,
    FAILED,
    figure("published_count", "messages published", ""),
    figure("missing_count", "deliveries missing", ""),
    figure("skipped_count", "of them skipped by the server, and told", ""),
    figure("deliveries_per_s", "deliveries a second", "1/s"),
    figure("p50_us", "latency p50", "µs"),
    figure("p90_us", "latency p90", "µs"),
    figure("p99_us", "latency p99", "µs"),
    figure("p99_9_us", "latency p99.9", "µs"),
    figure("max_us", "latency max", "µs"),
    figure("spread_p50_us", "first to last receiver p50", "µs"),
    figure("spread_p99_us", "first to last receiver p99", "µs"),
    figure("million_cpu_s", "server CPU for a million deliveries", "s"),
    SERVER_BUSY,
    CLIENT_BUSY,
];

const ECHO: &[Figure] = &[
    OPENED,
    FAILED,
    figure("trips_count", "round trips", ""),
    figure("trips_per_s", "round trips a second", "1/s"),
    figure("p50_us", "round trip p50", "µs"),
    figure("p90_us", "round trip p90", "µs"),
    figure("p99_us", "round trip p99", "µs"),
    figure("p99_9_us", "round trip p99.9", "µs"),
    figure("max_us", "round trip max", "µs"),
    figure("trip_cpu_us", "server CPU for a round trip", "µs"),
    SERVER_BUSY,
    CLIENT_BUSY,
];

const CONNECT: &[Figure] = &[
    OPENED,
    FAILED,
    figure("opens_per_s", "opened a second", "1/s"),
    figure("open_p50_us", "open time p50", "µs"),
    figure("open_p99_us", "open time p99", "µs"),
    figure("tcp_p50_us", "TCP p50", "µs"),
    figure("tcp_p99_us", "TCP p99", "µs"),
    figure("head_p50_us", "answer's head p50", "µs"),
    figure("head_p99_us", "answer's head p99", "µs"),
    figure("hello_p50_us", "first message p50", "µs"),
    figure("hello_p99_us", "first message p99", "µs"),
    figure("signalling_p50_us", "signalling p50", "µs"),
    figure("signalling_p99_us", "signalling p99", "µs"),
    figure("ice_p50_us", "ICE p50", "µs"),
    figure("ice_p99_us", "ICE p99", "µs"),
    figure("dtls_p50_us", "DTLS p50", "µs"),
    figure("dtls_p99_us", "DTLS p99", "µs"),
    figure("sctp_p50_us", "SCTP and channels p50", "µs"),
    figure("sctp_p99_us", "SCTP and channels p99", "µs"),
    figure("open_cpu_us", "server CPU to open one", "µs"),
    SERVER_BUSY,
    CLIENT_BUSY,
];

const STALLED: &[Figure] = &[
    OPENED,
    FAILED,
    figure("stalled_count", "of them stalled", ""),
    figure("user_kib", "server memory for each stalled", "KiB"),
    figure("kernel_kib", "data in the kernel for each, both ends", "KiB"),
    figure("server_queue_kib", "send queue of each, at the server", "KiB"),
    figure("client_queue_kib", "receive queue of each, at the client", "KiB"),
    figure("offered_kib", "published past each", "KiB"),
    figure("missing_count", "deliveries missing to the others", ""),
    figure("p50_us", "the others' latency p50", "µs"),
    figure("p99_us", "the others' latency p99", "µs"),
    figure("p50_without_us", "p50 before any stalled", "µs"),
    figure("p99_without_us", "p99 before any stalled", "µs"),
    SERVER_BUSY,
    CLIENT_BUSY,
];

impl What {
    /// Its figures, in the order of every table.
    pub(crate) fn figures(self) -> &'static [Figure] {
        match self {
            Self::Idle => IDLE,
            Self::Fanout => FANOUT,
            Self::Echo => ECHO,
            Self::Connect => CONNECT,
            Self::Stalled => STALLED,
        }
    }
}

/// What was measured, by the figure's name. What could not be is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<&'static str, Option<f64>>);

impl Figures {
    /// All of them, none known.
    pub(crate) fn of(what: What) -> Self {
        Self(what.figures().iter().map(|figure| (figure.name, None)).collect())
    }

    /// A value that is no number is not known.
    pub(crate) fn set(&mut self, name: &'static str, value: f64) {
        let known = self.0.get_mut(name).expect("a figure of this table");
        *known = value.is_finite().then_some(value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied().flatten()
    }

    /// Of each figure the median of those that know it.
    pub(crate) fn median(what: What, all: &[&Self]) -> Self {
        let mut median = Self::of(what);
        for figure in what.figures() {
            let mut values: Vec<f64> = all.iter().filter_map(|figures| figures.get(figure.name)).collect();
            values.sort_by(f64::total_cmp);
            if let Some(middle) = values.get(values.len().saturating_sub(1) / 2) {
                median.set(figure.name, *middle);
            }
        }
        median
    }

    /// Each figure as so many times the other's, but for counts. Where the other is zero there is none.
    pub(crate) fn over(&self, what: What, other: &Self) -> Self {
        let mut ratio = Self::of(what);
        for figure in what.figures().iter().filter(|figure| !figure.unit.is_empty()) {
            if let (Some(own), Some(others)) = (self.get(figure.name), other.get(figure.name)) {
                ratio.set(figure.name, own / others);
            }
        }
        ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_ends_with_its_unit_and_stands_once() {
        for what in What::ALL {
            let mut names = std::collections::BTreeSet::new();
            for figure in what.figures() {
                assert!(names.insert(figure.name), "{} stands twice", figure.name);
                let suffix = match figure.unit {
                    "" => "_count",
                    "%" => "_percent",
                    "µs" => "_us",
                    "1/s" => "_per_s",
                    "KiB" => "_kib",
                    "MiB" => "_mib",
                    "s" => "_s",
                    other => panic!("{other} is no unit of ours"),
                };
                assert!(figure.name.ends_with(suffix), "{}", figure.name);
            }
        }
    }

    #[test]
    fn medians_and_ratios_are_of_what_is_known() {
        let with = |user: f64, open: f64| {
            let mut figures = Figures::of(What::Idle);
            figures.set("user_kib", user);
            figures.set("open_s", open);
            figures
        };
        let (low, high) = (with(1.0, f64::NAN), with(3.0, 8.0));
        let median = Figures::median(What::Idle, &[&high, &low, &with(2.0, 0.0)]);
        assert_eq!((median.get("user_kib"), median.get("open_s")), (Some(2.0), Some(0.0)));
        let ratio = high.over(What::Idle, &median);
        assert_eq!(
            (ratio.get("user_kib"), ratio.get("open_s"), ratio.get("queues_kib")),
            (Some(1.5), None, None)
        );
    }
}
