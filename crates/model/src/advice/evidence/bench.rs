//! What is read of `wirelab.bench.v1`: memory of an idle connection, and what a million deliveries cost.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    super::table::{Price, Where},
    Cited,
};
use crate::Transport;

/// The figures that are read, in the median over the runs.
#[derive(Clone, Debug, PartialEq)]
struct Contender {
    server: String,
    transport: Transport,
    user_kib: Option<f64>,
    kernel_kib: Option<f64>,
    million_cpu_s: Option<f64>,
}

/// The figures of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bench {
    contenders: Vec<Contender>,
}

impl Bench {
    pub(super) fn of(written: Written) -> Self {
        let contenders = written.contenders.into_iter().filter_map(|contender| {
            let lane = Transport::ALL
                .into_iter()
                .find(|transport| transport.id() == contender.lane)?;
            let median = contender.median?;
            let figure = |name: &str| median.get(name).copied().flatten();
            let found = Contender {
                server: whose(contender.server),
                transport: lane,
                user_kib: figure("user_kib"),
                // Both ends are on the machine that measured; one of them is the server's.
                kernel_kib: figure("kernel_kib").map(|both| both / 2.0),
                million_cpu_s: figure("million_cpu_s"),
            };
            (found.user_kib.is_some() || found.million_cpu_s.is_some()).then_some(found)
        });
        Self {
            contenders: contenders.collect(),
        }
    }

    pub(super) fn prices(&self, name: &str) -> Vec<Price> {
        let prices = self.contenders.iter().map(|contender| Price {
            server: contender.server.clone(),
            transport: contender.transport,
            user_kib: contender.user_kib,
            kernel_kib: contender.kernel_kib,
            million_cpu_s: contender.million_cpu_s,
            measured: Where::Evidence,
            source: name.to_owned(),
        });
        prices.collect()
    }

    pub(super) fn cited(&self, name: &str) -> Vec<Cited> {
        let lines = self.contenders.iter().map(|contender| {
            let figures = [
                contender
                    .user_kib
                    .map(|kib| format!("{kib:.2} KiB of the server’s own memory an idle connection")),
                contender
                    .kernel_kib
                    .map(|kib| format!("{kib:.2} KiB of the kernel’s for the server’s end")),
                contender
                    .million_cpu_s
                    .map(|s| format!("{s:.2} CPU-seconds for a million deliveries")),
            ];
            let figures: Vec<_> = figures.into_iter().flatten().collect();
            Cited {
                report: name.to_owned(),
                says: format!(
                    "{}, {}: {}",
                    contender.server,
                    contender.transport.id(),
                    figures.join(", ")
                ),
                instead_of: None,
            }
        });
        lines.collect()
    }
}

/// Whose server a kind of it is. A target is a wirelab that ran already.
fn whose(kind: String) -> String {
    match kind.as_str() {
        "wirelab" | "target" => "wirelab".into(),
        "reference" => "axum, the bench’s reference".into(),
        _ => kind,
    }
}

#[derive(Deserialize)]
pub(super) struct Written {
    contenders: Vec<WrittenContender>,
}

#[derive(Deserialize)]
struct WrittenContender {
    lane: String,
    server: String,
    median: Option<BTreeMap<String, Option<f64>>>,
}
