//! The plots: SVG as wide as its place, whose letters and lines keep their size.
//!
//! Lines live in an inner `svg` that is stretched; everything that must not be stretched is placed by percentages.

use wirelab_link::rules::Loss;

use super::{
    axis::Axis,
    words::{counted, escaped, label, three, time},
};
use crate::compare::{
    lane::Lane,
    result::{Measured, PointResult},
};

/// Points of a line: more are not seen, and make the page heavy.
const MOST_POINTS: usize = 200;
/// Time lines keep the worst of each of so many spans.
const MOST_SPANS: usize = 400;

/// A point as (way along x, way up y), both from 0 to 1.
type Spot = (f64, f64);

/// A figure over loss: a line through the medians, whiskers from the least to the most of the seeds.
pub(super) fn curve(points: &[&PointResult], lanes: &[Lane], title: &str, of: fn(&Measured) -> f64) -> String {
    let losses: Vec<f64> = points.iter().map(|point| loss_percent(point)).collect();
    let spread = |lane, point: &PointResult| {
        point
            .spread(lane, of)
            .filter(|(least, most)| least.is_finite() && most.is_finite())
    };
    let x = Axis::of(&losses);
    let ends = lanes
        .iter()
        .flat_map(|lane| points.iter().filter_map(|point| spread(*lane, point)));
    let y = Axis::log(ends.flat_map(|(least, most)| [least, most]));
    let mut body = String::new();
    for (n, lane) in lanes.iter().enumerate() {
        let mut spots = Vec::new();
        let mut marks = String::new();
        for (point, loss) in points.iter().zip(&losses) {
            let median = point.median(*lane).map(of).filter(|value| value.is_finite());
            let (Some(median), Some((least, most))) = (median, spread(*lane, point)) else {
                continue;
            };
            spots.push((x.at(*loss), y.at(median)));
            let (at, top, bottom) = (x.at(*loss) * 100.0, down(y.at(most)), down(y.at(least)));
            marks += &format!(
                "<line class=\"whisker\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"{top:.2}%\" y2=\"{bottom:.2}%\"/>\
                 <circle cx=\"{at:.2}%\" cy=\"{:.2}%\" r=\"3\"><title>{}, {}: {} (seeds: {} to {})</title></circle>",
                down(y.at(median)),
                label(*lane),
                escaped(&point.label),
                time(median),
                time(least),
                time(most),
            );
        }
        // Side by side, so that whiskers do not hide each other.
        let aside = (n as f64 - (lanes.len() as f64 - 1.0) / 2.0) * 3.0;
        body += &format!(
            "<g class=\"{lane}\" transform=\"translate({aside:.1} 0)\">{}{marks}</g>",
            stretched(&[spots], *lane)
        );
    }
    let name = format!("{title} over loss, for each lane");
    framed("tall", &name, (&x, "loss, %"), (&y, &format!("{title}, ms")), &body)
}

/// How old the newest state was through the window, a plot for each lane, all on one scale.
pub(super) fn time_lines(point: &PointResult, lanes: &[Lane], window_ms: u64) -> String {
    let runs: Vec<(Lane, Option<&Measured>)> = lanes.iter().map(|lane| (*lane, point.median(*lane))).collect();
    let measured = runs.iter().filter_map(|(_, run)| *run);
    let x = Axis::window(window_ms as f64 / 1000.0);
    let y = Axis::from_zero(measured.flat_map(|run| run.age_ms.iter().flatten().copied()));
    let draw = |(lane, run): (Lane, Option<&Measured>)| match run {
        Some(run) => time_line(lane, run, &seed_of(point, run), window_ms, (&x, &y)),
        None => format!(
            "<figure class=\"line\"><figcaption>{}<span class=\"failed\">not measured</span></figcaption></figure>",
            swatch(lane)
        ),
    };
    runs.into_iter().map(draw).collect()
}

fn time_line(lane: Lane, run: &Measured, seed: &str, window_ms: u64, (x, y): (&Axis, &Axis)) -> String {
    let mut body = String::new();
    for (from, to) in &run.freezes_ms {
        let (left, right) = (x.at(from / 1000.0) * 100.0, x.at(to / 1000.0) * 100.0);
        body += &format!(
            "<rect class=\"freeze\" x=\"{left:.2}%\" y=\"0\" width=\"{:.2}%\" height=\"100%\"><title>frozen for {}, from {}</title></rect>",
            (right - left).max(0.0),
            time(to - from),
            time(*from),
        );
    }
    let spans = run.age_ms.len().max(1);
    let together = spans.div_ceil(MOST_SPANS);
    let mut lines = vec![Vec::new()];
    for (n, ages) in run.age_ms.chunks(together).enumerate() {
        let middle = (n * together) as f64 + ages.len() as f64 / 2.0;
        let at = x.at(middle / spans as f64 * window_ms as f64 / 1000.0);
        match ages
            .iter()
            .flatten()
            .copied()
            .filter(|age| age.is_finite())
            .reduce(f64::max)
        {
            Some(age) => lines.last_mut().into_iter().for_each(|line| line.push((at, y.at(age)))),
            None => lines.push(Vec::new()),
        }
    }
    body += &format!("<g class=\"{lane}\">{}</g>", stretched(&lines, lane));
    let froze = counted(run.freezes_ms.len(), "freeze");
    let said = format!(
        "{froze}, {} together; age p99 {}; {seed}",
        time(run.figures.freezes.total_ms),
        time(run.age_p99_ms())
    );
    let name = format!("Age of information of {} through the window: {said}", label(lane));
    format!(
        "<figure class=\"line\"><figcaption>{}<span>{said}</span></figcaption>{}</figure>",
        swatch(lane),
        framed("low", &name, (x, "time, s"), (y, "age, ms"), &body),
    )
}

/// How many of the messages that came took at least so long, all lanes in one plot.
pub(super) fn slower_than(point: &PointResult, lanes: &[Lane]) -> String {
    let runs: Vec<(Lane, &[f64])> = lanes
        .iter()
        .filter_map(|lane| Some((*lane, point.median(*lane)?.latencies_ms.as_slice())))
        .collect();
    let ends = runs
        .iter()
        .flat_map(|(_, all)| [all.first(), all.last()])
        .flatten()
        .copied();
    let x = Axis::log(ends);
    let most = runs.iter().map(|(_, all)| all.len()).max().unwrap_or(1).max(10);
    let y = Axis::log([1.0, 1.0 / most as f64].into_iter().map(|share| share * 100.0));
    let mut body = String::new();
    for (lane, latencies) in &runs {
        let spots = tail(latencies)
            .into_iter()
            .map(|(latency, share)| (x.at(latency), y.at(share * 100.0)));
        body += &format!("<g class=\"{lane}\">{}</g>", stretched(&[spots.collect()], *lane));
    }
    let name = format!("Share of messages at least as slow, for each lane, at {}", point.label);
    framed(
        "tall",
        &name,
        (&x, "latency, ms"),
        (&y, "share at least as slow, %"),
        &body,
    )
}

/// Of sorted latencies, each with the share that is at least as slow. Shares are spread evenly over a logarithmic scale,
/// so that the slowest few, which matter, are all there.
pub(super) fn tail(sorted: &[f64]) -> Vec<(f64, f64)> {
    let all = sorted.len();
    let mut behind: Vec<usize> = (0..MOST_POINTS)
        .map(|n| (all as f64).powf(1.0 - n as f64 / (MOST_POINTS - 1) as f64).round() as usize)
        .filter(|behind| (1..=all).contains(behind))
        .collect();
    behind.dedup();
    behind
        .into_iter()
        .map(|behind| (sorted[all - behind], behind as f64 / all as f64))
        .collect()
}

/// A lane's line and name: colour, dash and words.
pub(super) fn swatch(lane: Lane) -> String {
    format!(
        "<span class=\"lane\"><svg class=\"swatch {lane}\" width=\"26\" height=\"10\" aria-hidden=\"true\">\
         <line class=\"{lane}\" x1=\"1\" x2=\"25\" y1=\"5\" y2=\"5\"/></svg>{}</span>",
        label(lane)
    )
}

/// All lanes' swatches.
pub(super) fn legend(lanes: &[Lane]) -> String {
    let all: String = lanes.iter().map(|lane| format!("<li>{}</li>", swatch(*lane))).collect();
    format!("<ul class=\"legend\">{all}</ul>")
}

/// What of the packets is lost on the way down, or of the time where loss comes as outages.
pub(super) fn loss_percent(point: &PointResult) -> f64 {
    100.0
        * match point.profile.down.loss {
            Loss::Random(share) => share.of_one(),
            Loss::Outages { outages, .. } => outages.of_one(),
            Loss::Bursts { bursts, .. } => bursts.of_one(),
        }
}

fn seed_of(point: &PointResult, wanted: &Measured) -> String {
    let has = |run: &&crate::compare::result::Run| {
        let mut lanes = run.lanes.iter().filter_map(|lane| lane.measured());
        lanes.any(|measured| std::ptr::eq(measured, wanted))
    };
    point
        .runs
        .iter()
        .find(has)
        .map_or_else(String::new, |run| format!("seed {}", run.seed))
}

/// Percent from the top for a way up.
fn down(up: f64) -> f64 {
    (1.0 - up) * 100.0
}

/// Lines in a space of 1000 by 1000 that takes the place there is.
fn stretched(lines: &[Vec<Spot>], lane: Lane) -> String {
    let mut path = String::new();
    for line in lines {
        for (n, (x, y)) in line.iter().enumerate() {
            path += &format!(
                "{}{:.1} {:.1}",
                if n == 0 { "M" } else { "L" },
                x * 1000.0,
                (1.0 - y) * 1000.0
            );
        }
        if let [(x, y)] = line.as_slice() {
            path += &format!("L{:.1} {:.1}", x * 1000.0 + 0.1, (1.0 - y) * 1000.0);
        }
    }
    format!(
        "<svg class=\"{lane}\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" height=\"100%\">\
         <path class=\"{lane}\" d=\"{path}\"/></svg>"
    )
}

/// A plot with its axes.
fn framed(size: &str, name: &str, (x, x_name): (&Axis, &str), (y, y_name): (&Axis, &str), body: &str) -> String {
    let mut grid = String::new();
    for tick in &y.ticks {
        let at = down(y.at(*tick));
        grid += &format!(
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{at:.2}%\" y2=\"{at:.2}%\"/>\
             <text class=\"tick\" x=\"-8\" y=\"{at:.2}%\" dy=\"0.32em\" text-anchor=\"end\">{}</text>",
            bare(*tick)
        );
    }
    for tick in &x.ticks {
        let at = x.at(*tick) * 100.0;
        grid += &format!(
            "<line class=\"grid\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"0\" y2=\"100%\"/>\
             <text class=\"tick\" x=\"{at:.2}%\" y=\"100%\" dy=\"1.5em\" text-anchor=\"middle\">{}</text>",
            bare(*tick)
        );
    }
    let name = escaped(name);
    format!(
        "<div class=\"plot {size}\"><p class=\"axis\">{y_name}</p><svg role=\"img\" aria-label=\"{name}\"><title>{name}</title>{grid}{body}</svg>\
         <p class=\"axis x\">{x_name}</p></div>"
    )
}

/// A tick: three digits without zeros behind.
fn bare(tick: f64) -> String {
    let text = three(tick);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}
