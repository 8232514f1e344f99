//! What follows from the choice: what to combine it with, the values to set, what else to know, and what it costs.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Evidence, Needs,
    condition::Condition,
    table::{Price, TABLE, Where},
};
use crate::Transport;

/// The heartbeats without anybody's limit: some proxies cut an event stream at 15 s, nearly all allow 50.
const USUAL_HEARTBEAT_S: [(Transport, f64); 3] = [
    (Transport::Sse, 15.0),
    (Transport::WebSocket, 25.0),
    (Transport::DataChannel, 25.0), // its signalling is a WebSocket
];
/// A heartbeat comes this many times within the least limit of silence.
const HEARTBEATS_WITHIN_LIMIT: f64 = 2.0;
/// The least that a server should take of one message, bytes.
const LEAST_INBOUND_BYTES: u32 = 64 * 1024;

/// Another transport or request beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Together {
    /// What to add.
    pub says: String,
    /// Why.
    pub because: String,
}

/// A value to set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Of what.
    pub transport: Transport,
    /// What is set.
    pub name: String,
    /// To what.
    pub value: String,
    /// The same for wirelab itself, where it has a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Why.
    pub because: String,
}

/// What it costs one server at the density that was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Whose server.
    pub server: String,
    /// Carrying what.
    pub transport: Transport,
    /// Of one idle connection: the server's own memory and the kernel's, KiB.
    pub connection_kib: Option<f64>,
    /// Of all connections, MiB.
    pub memory_mib: Option<f64>,
    /// Cores busy with sending, at the rate that was said, for small messages.
    pub cores: Option<f64>,
    /// Who measured it.
    pub measured: Where,
    /// Where it is written, and of what it is.
    pub source: String,
}

/// What goes with the transports that were chosen.
pub(super) fn together(needs: &Needs, chosen: &[Transport]) -> Vec<Together> {
    let view = needs.view();
    let rows = TABLE.combination.iter();
    let rows = rows.filter(|row| is_of(&row.of, chosen) && row.when.holds(&view));
    rows.map(|row| Together {
        says: row.says.clone(),
        because: row.because.clone(),
    })
    .collect()
}

/// The values to set, transport by transport.
pub(super) fn settings(needs: &Needs, evidence: &Evidence, chosen: &[Transport]) -> Vec<Setting> {
    let view = needs.view();
    let mut settings = Vec::new();
    for transport in chosen {
        let worked_out = Filled::of(*transport, needs, evidence);
        let rows = TABLE.setting.iter();
        let rows = rows.filter(|row| row.of.contains(transport) && row.when.holds(&view));
        settings.extend(rows.map(|row| Setting {
            transport: *transport,
            name: row.name.clone(),
            value: worked_out.fill(&row.value),
            flag: row.flag.as_ref().map(|flag| worked_out.fill(flag)),
            because: worked_out.fill(&row.because),
        }));
    }
    settings
}

/// What else to know.
pub(super) fn notes(needs: &Needs, chosen: &[Transport]) -> Vec<String> {
    let view = needs.view();
    let rows = TABLE.note.iter();
    let rows = rows.filter(|row| (row.of.is_empty() || is_of(&row.of, chosen)) && row.when.holds(&view));
    rows.map(|row| row.says.clone()).collect()
}

/// The price list at this density; figures of reports stand first.
pub(super) fn costs(needs: &Needs, evidence: &Evidence) -> Vec<Cost> {
    let measured = evidence.prices();
    // A figure that was measured on this path takes the built-in one's place.
    let is_replaced = |row: &&Price| {
        let same = |found: &Price| found.server == row.server && found.transport == row.transport;
        measured
            .iter()
            .any(|found| same(found) && (found.user_kib.is_some() || row.user_kib.is_none()))
    };
    let built_in = TABLE.price.iter().filter(|row| !is_replaced(row));
    measured
        .iter()
        .chain(built_in)
        .map(|price| cost(price, needs))
        .collect()
}

fn cost(price: &Price, needs: &Needs) -> Cost {
    let connections = f64::from(needs.connections);
    let connection_kib = price.user_kib.map(|user| user + price.kernel_kib.unwrap_or(0.0));
    let deliveries_per_s = connections * needs.server_rate_hz();
    Cost {
        server: price.server.clone(),
        transport: price.transport,
        connection_kib,
        memory_mib: connection_kib.map(|kib| kib * connections / 1024.0),
        cores: price.million_cpu_s.map(|cpu_s| cpu_s * deliveries_per_s / 1e6),
        measured: price.measured,
        source: price.source.clone(),
    }
}

fn is_of(of: &[Transport], chosen: &[Transport]) -> bool {
    chosen.iter().any(|transport| of.contains(transport))
}

/// What stands for the words in braces.
struct Filled(Vec<(&'static str, String)>);

impl Filled {
    fn of(transport: Transport, needs: &Needs, evidence: &Evidence) -> Self {
        let limit = idle_limit(transport, needs, evidence);
        let heartbeat = |of: Transport| {
            let usual = USUAL_HEARTBEAT_S.iter().find(|(known, _)| *known == of);
            let usual_s = usual.map_or(15.0, |(_, usual_s)| *usual_s);
            let most_s = limit
                .as_ref()
                .map_or(usual_s, |(limit_s, _)| limit_s / HEARTBEATS_WITHIN_LIMIT);
            format!("{}s", usual_s.min(most_s.floor()).max(1.0))
        };
        let limit_words = limit.as_ref().map_or_else(
            || "none is known of; 60 s is usual".to_owned(),
            |(limit_s, whose)| format!("{limit_s} s, {whose}"),
        );
        let inbound_bytes = needs
            .message_bytes
            .saturating_mul(2)
            .next_power_of_two()
            .max(LEAST_INBOUND_BYTES);
        Self(vec![
            ("{sse_heartbeat}", heartbeat(Transport::Sse)),
            ("{websocket_heartbeat}", heartbeat(Transport::WebSocket)),
            ("{idle_limit}", limit_words),
            ("{inbound_limit}", format!("{} KiB", inbound_bytes / 1024)),
        ])
    }

    fn fill(&self, text: &str) -> String {
        let words = self.0.iter();
        words.fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }
}

/// The least limit of silence on the way, s, and whose: measured, or of the proxies that were named.
fn idle_limit(transport: Transport, needs: &Needs, evidence: &Evidence) -> Option<(f64, String)> {
    // Signalling is a WebSocket.
    let of = match transport {
        Transport::Sse => Transport::Sse,
        Transport::WebSocket | Transport::DataChannel => Transport::WebSocket,
    };
    if let Some((limit_s, report)) = evidence.idle_s(of) {
        return Some((limit_s, format!("measured, {report}")));
    }
    let named = TABLE.proxy.iter().filter(|row| needs.proxies.contains(&row.id));
    let limits = named.filter_map(|row| Some((f64::from(row.idle_s?), row)));
    let (limit_s, row) = limits.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((limit_s, format!("{} of {} ({})", row.setting, word(row.id), row.source)))
}

fn word(proxy: super::Proxy) -> String {
    let written = serde_json::to_value(proxy).unwrap_or_default();
    super::table::question("proxies").map_or_else(String::new, |question| question.say(&written))
}

/// Whether a row of the decision at a glance is about these answers.
pub(super) fn is_asked_for(row: &str, view: &Map<String, Value>) -> bool {
    let weights = TABLE.weight.iter().map(|weight| (&weight.row, &weight.when));
    let outs = TABLE.out.iter().map(|out| (&out.row, &out.when));
    let mut rules = weights.chain(outs);
    rules.any(|(of, when): (&Option<String>, &Condition)| of.as_deref() == Some(row) && when.holds(view))
}
