//! The result as a line for each lane of each run (RFC 4180), for other tools.

use std::fmt::Write as _;

use super::result::{Comparison, Outcome, Wire};

const HEAD: &str = "point,control,seed,disturbed,lane,open_ms,published,delivered,lost,skipped,latency_p50_ms,latency_p95_ms,\
latency_p99_ms,latency_max_ms,age_mean_ms,age_p99_ms,longest_gap_ms,freezes,missed_ticks,payload_bytes,wire_down_bytes,wire_up_bytes,\
lateness_p99_us,failed\r\n";

/// The whole text.
pub(crate) fn csv(comparison: &Comparison) -> String {
    let mut out = HEAD.to_owned();
    for point in &comparison.points {
        for run in &point.runs {
            for result in &run.lanes {
                let _ = write!(
                    out,
                    "{},{},{},{},{},",
                    quoted(&point.label),
                    point.is_control,
                    run.seed,
                    !run.disturbed.is_empty(),
                    result.lane
                );
                match &result.outcome {
                    Outcome::Failed(why) => {
                        let _ = write!(out, "{}{}\r\n", ",".repeat(18), quoted(why));
                    }
                    Outcome::Measured(measured) => {
                        let (delivery, wire) = (&measured.figures.delivery, &measured.wire);
                        let age_mean_ms = measured
                            .figures
                            .age
                            .as_ref()
                            .map_or(f64::NAN, |age| age.mean_us / 1000.0);
                        let _ = write!(
                            out,
                            "{:.3},{},{},{},{},{:.3},{:.3},{:.3},{:.3},{:.3},{:.3},{:.3},{},{},{},{},\r\n",
                            measured.open_ms,
                            delivery.published,
                            delivery.delivered,
                            delivery.lost,
                            delivery.skipped,
                            measured.latency_ms(|latency| latency.p50_us),
                            measured.latency_ms(|latency| latency.p95_us),
                            measured.latency_ms(|latency| latency.p99_us),
                            measured.latency_ms(|latency| latency.max_us),
                            age_mean_ms,
                            measured.age_p99_ms(),
                            measured.figures.longest_gap_ms,
                            measured.figures.freezes.count,
                            measured.missed_ticks,
                            measured.figures.payload_bytes,
                            wires(wire, comparison.setting.target.is_some()),
                        );
                    }
                }
            }
        }
    }
    out
}

/// The link's columns, empty where there was none.
fn wires(wire: &Wire, is_direct: bool) -> String {
    if is_direct {
        return ",,".into();
    }
    format!("{},{},{}", wire.down_bytes, wire.up_bytes, wire.lateness_p99_us)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
