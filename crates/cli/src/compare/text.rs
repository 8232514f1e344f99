//! The result as a table and what it says, for a terminal.

use std::fmt::Write as _;

use super::{
    lane::Lane,
    result::{Comparison, Measured, Outcome, PointResult, Setting},
};

/// The head of every table but for the last column's name; [`row`] has the same widths.
const HEAD: &str =
    "  lane                  delivered  latency p50     p99     age p99    (over runs)   longest gap  freezes";

/// The whole text.
pub(crate) fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    let setting = &comparison.setting;
    let _ = writeln!(
        out,
        "{} messages a second of {} bytes, {} s a run, {} {}; {}; TCP with {} congestion control",
        setting.hz,
        setting.bytes,
        setting.duration_ms as f64 / 1000.0,
        setting.seeds.len(),
        if setting.seeds.len() == 1 { "seed" } else { "seeds" },
        setting.mechanism,
        setting.congestion_control,
    );
    for point in &comparison.points {
        table(&mut out, point, setting);
    }
    if !comparison.thresholds.is_empty() {
        out.push_str("\nWhat was asked, of the median over the runs\n");
    }
    for judged in &comparison.thresholds {
        let _ = writeln!(
            out,
            "  {}  {}: {}: {}",
            word(judged.holds),
            judged.point,
            judged.threshold,
            judged.seen
        );
    }
    if !comparison.findings.is_empty() {
        out.push_str("\nWhat it says, in the median runs\n");
    }
    for finding in &comparison.findings {
        let _ = writeln!(
            out,
            "  {}  {}: {}: {}",
            word(finding.holds),
            finding.point,
            finding.expected,
            finding.seen
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

fn word(holds: bool) -> &'static str {
    if holds { "yes" } else { "NO " }
}

fn table(out: &mut String, point: &PointResult, setting: &Setting) {
    let control = if point.is_control { " (control)" } else { "" };
    let _ = write!(out, "\n{}{control}", point.label);
    let bytes = if setting.target.is_some() {
        "payload" // nobody counts what is on the wire
    } else {
        let rtt = humantime::format_duration(point.profile.round_trip());
        let _ = write!(out, ", RTT {rtt}");
        "wire down"
    };
    let _ = writeln!(out, "\n{HEAD}  {bytes}");
    for lane in &setting.lanes {
        match point.median(*lane) {
            Some(measured) => row(out, point, *lane, measured, setting),
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

fn row(out: &mut String, point: &PointResult, lane: Lane, measured: &Measured, setting: &Setting) {
    let bytes = match setting.target {
        Some(_) => measured.figures.payload_bytes,
        None => measured.wire.down_bytes,
    };
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
        bytes as f64 / 1024.0,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{csv::csv, html::sample::comparison};

    #[test]
    fn every_lane_of_every_setting_has_a_row() {
        let said = text(&comparison());
        let heads: Vec<_> = said.lines().filter(|line| line.contains(", RTT ")).collect();
        assert_eq!(
            heads,
            ["loss 0% (control), RTT 40ms", "loss 2%, RTT 40ms", "loss 5%, RTT 40ms"]
        );
        for lane in Lane::ALL {
            let rows = said
                .lines()
                .filter(|line| line.split_whitespace().next() == Some(lane.id()));
            assert_eq!(rows.count(), 3, "{lane}: {said}");
        }
        assert!(
            said.contains("not measured: no answer"),
            "a lane that failed says why: {said}"
        );
        assert!(
            said.contains("NO   loss 2%: websocket.latency.p99<50ms: 223.0 ms"),
            "{said}"
        );
        assert!(
            said.contains("What speaks against it\n  1 of 9 runs was disturbed"),
            "{said}"
        );
    }

    #[test]
    fn a_direct_path_has_no_round_trip_of_ours_and_no_bytes_on_the_wire() {
        let mut direct = comparison();
        direct.setting.target = Some("http://a".into());
        let said = text(&direct);
        assert!(
            !said.contains("RTT") && !said.contains("wire down") && said.contains("payload"),
            "{said}"
        );
    }

    #[test]
    fn every_line_for_programs_has_all_columns() {
        let mut direct = comparison();
        direct.setting.target = Some("http://a".into());
        for comparison in [comparison(), direct] {
            let said = csv(&comparison);
            let columns = |line: &str| line.split('"').step_by(2).collect::<String>().matches(',').count();
            let wanted = columns(said.lines().next().expect("a head"));
            assert!(said.lines().all(|line| columns(line) == wanted), "{said}");
            assert_eq!(said.lines().count(), 1 + 3 * 3 * 6);
        }
    }
}
