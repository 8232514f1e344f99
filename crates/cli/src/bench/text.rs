//! The result as a table for a terminal.

use std::fmt::Write as _;

use super::{
    figure::Figure,
    result::{Contender, Outcome, Report, Setting},
};

/// The whole text.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", setting(&report.setting));
    if report.interrupted {
        out.push_str("INTERRUPTED: this is what was measured so far\n");
    }
    for contender in &report.contenders {
        table(&mut out, report, contender);
    }
    let mut section = |head: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n{head}");
        }
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
    };
    let asked = report.thresholds.iter().map(|judged| {
        let word = if judged.holds { "yes" } else { "NO " };
        let seen = judged.seen.map_or_else(|| "not known".into(), number);
        format!("{word}  {}: {seen}", judged.threshold)
    });
    section("What was asked, of the median", asked.collect());
    section("What speaks against it", report.warnings.clone());
    let advice = report
        .preflight
        .iter()
        .map(|advice| format!("{}: {}", advice.what, advice.command));
    section("What this machine may do better", advice.collect());
    out
}

/// One sentence about what was run.
pub(super) fn setting(setting: &Setting) -> String {
    let pace = match (setting.window, setting.rate_per_s) {
        (Some(window), _) => format!(
            ", flat out with {window} messages under way, {} bytes each",
            setting.bytes
        ),
        (None, Some(rate)) => format!(", {} a second, {} bytes each", number(rate), setting.bytes),
        (None, None) => String::new(),
    };
    let stalled = setting
        .stalled
        .map(|stalled| format!(" and {stalled} that stall"))
        .unwrap_or_default();
    let core = |core: Option<usize>| core.map_or_else(|| "not pinned".into(), |core| format!("on core {core}"));
    let server = if setting.targets.is_empty() {
        format!(
            "server: {} process(es) {}",
            setting.server_processes,
            core(setting.server_core)
        )
    } else {
        format!("server: {}", setting.targets.join(", "))
    };
    format!(
        "{}: {} connections{stalled}{pace}; {} s a run; {server}; load generator: {} process(es) {}, from {} address(es)",
        setting.what.id(),
        setting.connections,
        setting.duration_ms as f64 / 1000.0,
        setting.client_processes,
        core(setting.client_core),
        setting.sources,
    )
}

fn table(out: &mut String, report: &Report, contender: &Contender) {
    let measured = contender.runs.iter().filter(|run| run.figures().is_some()).count();
    let _ = writeln!(out, "\n{}, {measured} run(s)", contender.name());
    let Some(median) = &contender.median else {
        let why = contender.runs.iter().find_map(|run| match &run.outcome {
            Outcome::Failed(why) => Some(why.as_str()),
            Outcome::Measured { .. } => None,
        });
        let _ = writeln!(out, "  not measured: {}", why.unwrap_or("no run"));
        return;
    };
    let ratio = report
        .ratios
        .iter()
        .find(|ratio| ratio.lane == contender.lane && contender.server != super::way::Kind::Reference);
    for figure in report.setting.what.figures() {
        let Some(value) = median.get(figure.name) else { continue };
        let over = ratio.and_then(|ratio| ratio.figures.get(figure.name));
        let over = over
            .map(|over| format!("{} × the reference", number(over)))
            .unwrap_or_default();
        let line = format!(
            "  {:<36} {:>12} {:<4} {:<22}{over}",
            figure.label,
            number(value),
            figure.unit,
            spread(contender, figure)
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// From the least to the most, where the runs differ.
pub(super) fn spread(contender: &Contender, figure: &Figure) -> String {
    match contender.spread(figure.name) {
        Some((least, most)) if number(least) != number(most) => format!("({}–{})", number(least), number(most)),
        _ => String::new(),
    }
}

/// Three digits that count; whole numbers as they are.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size == size.trunc() || size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{:.decimals$}", value + 0.0) // an empty sum is -0
}
