//! The advice as a decision record in Markdown, to paste into a pull request.
//!
//! The page writes the same: `web/pages/advise/record.js`. `testdata/record` holds both to one text.

use std::fmt::Write as _;

use wirelab_model::advice::{Advice, Outcome, Standing};

use super::text::is_of_interest;

/// The record.
pub(crate) fn record(advice: &Advice) -> String {
    let mut out = format!("# Transport: {}\n", escaped(&advice.outcome_words));
    section(&mut out, "What is needed", &needs(advice));
    section(&mut out, "Decision", &decision(advice));
    section(
        &mut out,
        "Why",
        &advice.ranked.iter().flat_map(reasons).collect::<Vec<_>>(),
    );
    let rejected = advice.ranked.iter().filter(|standing| !standing.ruled_out.is_empty());
    section(&mut out, "Ruled out", &rejected.map(ruled_out).collect::<Vec<_>>());
    let flips = advice
        .flips
        .iter()
        .map(|flip| format!("{}, instead of {}: {}", flip.change, flip.instead_of, flip.then_words));
    section(&mut out, "What would change our mind", &flips.collect::<Vec<_>>());
    table(&mut out, advice);
    section(&mut out, "What else to know", &advice.notes);
    costs(&mut out, advice);
    let cited = advice.cited.iter().map(|cited| {
        let instead = cited.instead_of.as_ref().map(|usual| format!(", instead of {usual}"));
        format!("{}: {}{}", cited.report, cited.says, instead.unwrap_or_default())
    });
    section(&mut out, "Evidence", &cited.collect::<Vec<_>>());
    out
}

fn needs(advice: &Advice) -> Vec<String> {
    let said = advice.answers.iter().filter(|answer| !answer.is_usual);
    let mut lines: Vec<_> = said.map(|answer| answer.text.clone()).collect();
    lines.push("all else as usual".into());
    lines
}

fn decision(advice: &Advice) -> Vec<String> {
    let taken = match &advice.outcome {
        Outcome::Clear { transport } => format!("{}.", transport.label()),
        Outcome::Close { .. } => format!("To be made: {}.", advice.outcome_words),
        Outcome::None { .. } => format!("To be made: {}.", advice.outcome_words),
    };
    let together = advice
        .together
        .iter()
        .map(|together| format!("{} {}", together.says, together.because));
    [taken].into_iter().chain(together).collect()
}

fn reasons(standing: &Standing) -> Vec<String> {
    if !standing.ruled_out.is_empty() {
        return Vec::new();
    }
    let points = standing
        .preferences
        .iter()
        .map(|preference| format!("{:+} {}", preference.points, preference.because));
    let head = format!(
        "{}, points: {}; 99 of 100 messages within {:.0} ms ({})",
        standing.label, standing.points, standing.lateness.p99_ms, standing.lateness.source
    );
    [head]
        .into_iter()
        .chain(points.map(|point| format!("  {point}")))
        .collect()
}

fn ruled_out(standing: &Standing) -> String {
    let reasons: Vec<_> = standing
        .ruled_out
        .iter()
        .map(|reason| reason.because.as_str())
        .collect();
    format!("{}: {}", standing.label, reasons.join(" "))
}

/// A list under a heading; nothing where there is nothing to list. A line that begins with spaces is below the one before.
fn section(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n");
    for line in lines {
        let text = line.trim_start();
        let _ = writeln!(out, "{}* {}", &line[..line.len() - text.len()], escaped(text));
    }
}

fn table(out: &mut String, advice: &Advice) {
    if advice.settings.is_empty() {
        return;
    }
    out.push_str("\n## Values\n\n| | value | why |\n|---|---|---|\n");
    for setting in &advice.settings {
        let flag = setting.flag.as_ref().map(|flag| format!(" (`wirelab {flag}`)"));
        let _ = writeln!(
            out,
            "| {}, {} | {}{} | {} |",
            setting.transport.id(),
            cell(&setting.name),
            cell(&setting.value),
            flag.unwrap_or_default(),
            cell(&setting.because)
        );
    }
}

fn costs(out: &mut String, advice: &Advice) {
    let _ = write!(
        out,
        "\n## What it costs\n\n{} connections to one server, {} messages a second to each.\n\n\
         | server | carrying | MiB idle | cores for sending | source |\n|---|---|--:|--:|---|\n",
        advice.needs.connections, advice.server_rate_hz
    );
    for cost in advice.costs.iter().filter(|cost| is_of_interest(cost, advice)) {
        let figure =
            |value: Option<f64>, digits: usize| value.map_or_else(|| "–".into(), |value| format!("{value:.digits$}"));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            cell(&cost.server),
            cost.transport.id(),
            figure(cost.memory_mib, 0),
            figure(cost.cores, 2),
            cell(&cost.source)
        );
    }
}

/// What came from outside (names of reports, what they say) is text and no Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' => out.extend(['\\', character]),
            '\n' | '\r' => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

fn cell(text: &str) -> String {
    escaped(text).replace('|', "\\|")
}
