//! One setting of the link: its time lines, its distribution, its figures.

use super::{
    plots::{legend, slower_than, swatch, time_lines},
    words::{bytes, counted, escaped, label, percent, spread, time, ways},
};
use crate::compare::{
    lane::Lane,
    result::{Measured, Outcome, PointResult, Setting},
};

/// The section of one setting.
pub(super) fn section(point: &PointResult, setting: &Setting) -> String {
    let lanes = &setting.lanes;
    let control = if point.is_control {
        "<p>The control: nothing is lost here. What shows is the link's delay and the tools' own doing.</p>\n"
    } else {
        ""
    };
    format!(
        "<section class=\"point\">\n<h2>{}</h2>\n{control}<p class=\"fine\">The link, {}.</p>\n{}\
         <h3>Age of the newest state</h3>\n<p class=\"fine\">How old the newest message was at each moment of each lane's median \
         run; all on one scale. Shaded: freezes. Each lane has its own median run.</p>\n{}\
         <h3>Latency</h3>\n<p class=\"fine\">Of the messages that came in the median run, the share that took at least so long. \
         A line that reaches far to the right has a tail of late messages. Both scales are logarithmic.</p>\n{}{}\
         <h3>Figures</h3>\n<p class=\"fine\">Each lane's median run by age p99, and below age p99 its spread over the seeds.</p>\n{}</section>\n",
        escaped(&point.label),
        ways(&point.profile),
        doubts(point),
        time_lines(point, lanes, setting.duration_ms),
        legend(lanes),
        slower_than(point, lanes),
        table(point, lanes),
    )
}

/// Lanes that failed and runs that were disturbed, with the reasons; a reason is said once.
fn doubts(point: &PointResult) -> String {
    let mut said: Vec<(String, Vec<String>, &str)> = Vec::new();
    let mut say =
        |who: &str, seed: u64, why| match said.iter_mut().find(|(other, _, same)| other == who && *same == why) {
            Some((_, seeds, _)) => seeds.push(seed.to_string()),
            None => said.push((who.into(), vec![seed.to_string()], why)),
        };
    for run in &point.runs {
        for result in &run.lanes {
            if let Outcome::Failed(why) = &result.outcome {
                say(&format!("{} failed", label(result.lane)), run.seed, why);
            }
        }
        for why in &run.disturbed {
            say("All lanes were disturbed", run.seed, why);
        }
    }
    if said.is_empty() {
        return String::new();
    }
    let line = |(who, seeds, why): &(String, Vec<String>, &str)| {
        let word = if seeds.len() == 1 { "seed" } else { "seeds" };
        format!("<li>{who} with {word} {}: {}</li>", seeds.join(", "), escaped(why))
    };
    format!(
        "<div class=\"notice\"><ul>{}</ul></div>\n",
        said.iter().map(line).collect::<String>()
    )
}

/// What the table shows of a run, column by column.
type Column = (&'static str, fn(&Measured) -> String);

const BEFORE_AGE: [Column; 6] = [
    ("delivered", |run| percent(run.figures.delivery.delivered_share)),
    ("latency p50", |run| time(run.latency_ms(|latency| latency.p50_us))),
    ("p95", |run| time(run.latency_ms(|latency| latency.p95_us))),
    ("p99", |run| time(run.latency_ms(|latency| latency.p99_us))),
    ("max", |run| time(run.latency_ms(|latency| latency.max_us))),
    ("age mean", |run| {
        time(run.figures.age.as_ref().map_or(f64::NAN, |age| age.mean_us / 1000.0))
    }),
];
const AFTER_AGE: [Column; 8] = [
    ("longest gap", |run| time(run.figures.longest_gap_ms)),
    ("freezes", |run| {
        let freezes = &run.figures.freezes;
        format!("{}<small>{}</small>", freezes.count, time(freezes.total_ms))
    }),
    ("on time", |run| percent(run.figures.delivery.on_time_share)),
    ("reordered", |run| percent(run.figures.reordering.share)),
    ("jitter", |run| time(run.figures.jitter_us / 1000.0)),
    ("wire down", |run| bytes(run.wire.down_bytes)),
    ("wire up", |run| bytes(run.wire.up_bytes)),
    ("open", |run| time(run.open_ms)),
];

fn table(point: &PointResult, lanes: &[Lane]) -> String {
    let names = BEFORE_AGE
        .iter()
        .map(|(name, _)| *name)
        .chain(["age p99"])
        .chain(AFTER_AGE.iter().map(|(name, _)| *name));
    let head: String = names.map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let rows: String = lanes.iter().map(|lane| row(point, *lane)).collect();
    let name = escaped(&point.label);
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures at {name}\"><table>\
         <thead><tr><th scope=\"col\">lane</th>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn row(point: &PointResult, lane: Lane) -> String {
    let measured = point.of(lane).len();
    let Some(run) = point.median(lane) else {
        let columns = BEFORE_AGE.len() + 1 + AFTER_AGE.len();
        return format!(
            "<tr><th scope=\"row\">{}</th><td class=\"words failed\" colspan=\"{columns}\">{}</td></tr>\n",
            swatch(lane),
            failures(point, lane),
        );
    };
    let missing = if measured < point.runs.len() {
        format!(
            "<small class=\"failed\">measured in {measured} of {}</small>",
            counted(point.runs.len(), "run")
        )
    } else {
        String::new()
    };
    let cells =
        |columns: &[Column]| -> String { columns.iter().map(|(_, of)| format!("<td>{}</td>", of(run))).collect() };
    format!(
        "<tr><th scope=\"row\">{}{missing}</th>{}<td>{}<small>{}</small></td>{}</tr>\n",
        swatch(lane),
        cells(&BEFORE_AGE),
        time(run.age_p99_ms()),
        spread(point.spread(lane, Measured::age_p99_ms)),
        cells(&AFTER_AGE),
    )
}

/// Why a lane has no figures.
fn failures(point: &PointResult, lane: Lane) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for result in point
        .runs
        .iter()
        .flat_map(|run| &run.lanes)
        .filter(|result| result.lane == lane)
    {
        match &result.outcome {
            Outcome::Failed(why) if !reasons.contains(&why.as_str()) => reasons.push(why),
            _ => {}
        }
    }
    if reasons.is_empty() {
        "not run".into()
    } else {
        format!("failed: {}", escaped(&reasons.join("; ")))
    }
}
