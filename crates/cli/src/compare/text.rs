//! The result as a table and what it says, for a terminal.

use std::fmt::Write as _;

use super::{
    lane::Lane,
    result::{Comparison, Measured, Outcome, PointResult},
};

/// The head of every table; [`row`] has the same widths.
const HEAD: &str = "  lane                  delivered  latency p50     p99     age p99   (over seeds)   longest gap  freezes  wire down";

/// The whole text.
pub(crate) fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    let setting = &comparison.setting;
    let _ = writeln!(
        out,
        "{} messages a second of {} bytes, {} s a run, {} seeds; {}; TCP with {}",
        setting.hz,
        setting.bytes,
        setting.duration_ms as f64 / 1000.0,
        setting.seeds.len(),
        setting.mechanism,
        setting.congestion_control,
    );
    for point in &comparison.points {
        table(&mut out, point, &setting.lanes);
    }
    if !comparison.findings.is_empty() {
        out.push_str("\nWhat it says, in the median runs\n");
    }
    for finding in &comparison.findings {
        let holds = if finding.holds { "yes" } else { "NO " };
        let _ = writeln!(
            out,
            "  {holds}  {}: {}: {}",
            finding.point, finding.expected, finding.seen
        );
    }
    if !comparison.warnings.is_empty() {
        out.push_str("\nWhat speaks against it\n");
    }
    for warning in &comparison.warnings {
        let _ = writeln!(out, "  {warning}");
    }
    out
}

fn table(out: &mut String, point: &PointResult, lanes: &[Lane]) {
    let rtt = humantime::format_duration(point.profile.round_trip());
    let control = if point.is_control { " (control)" } else { "" };
    let _ = write!(out, "\n{}{control}, RTT {rtt}\n{HEAD}\n", point.label);
    for lane in lanes {
        match point.median(*lane) {
            Some(measured) => row(out, point, *lane, measured),
            None => {
                let why = point
                    .runs
                    .iter()
                    .flat_map(|run| &run.lanes)
                    .find_map(|result| match &result.outcome {
                        Outcome::Failed(why) if result.lane == *lane => Some(why.as_str()),
                        _ => None,
                    });
                let _ = writeln!(out, "  {lane:<20}  not measured: {}", why.unwrap_or("no run"));
            }
        }
    }
}

fn row(out: &mut String, point: &PointResult, lane: Lane, measured: &Measured) {
    let delivery = &measured.figures.delivery;
    let delivered = 100.0 * delivery.delivered as f64 / delivery.published.max(1) as f64;
    let (least, most) = point.spread(lane, Measured::age_p99_ms).unwrap_or_default();
    let _ = writeln!(
        out,
        "  {lane:<20}  {delivered:>7.1} %  {:>8.1} ms {:>7.1} ms {:>7.1} ms  {:>15} {:>9.0} ms  {:>7}  {:>7.1} KiB",
        measured.latency_ms(|latency| latency.p50_us),
        measured.latency_ms(|latency| latency.p99_us),
        measured.age_p99_ms(),
        format!("{least:.0}–{most:.0}"),
        measured.figures.longest_gap_ms,
        measured.figures.freezes.count,
        measured.wire.down_bytes as f64 / 1024.0,
    );
}
