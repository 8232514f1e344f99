//! The report: one page that needs nothing else, for someone who was not there.
//!
//! Top-down: what was found, what speaks against it, the plots and figures of each setting of the link, and then all
//! that is needed to repeat it.

mod axis;
mod plots;
mod point;
mod setting;
mod words;

pub(crate) use self::words::escaped;
use self::{
    plots::{curve, legend, loss_percent},
    words::counted,
};
use super::{
    lane::Lane,
    result::{Comparison, Measured, PointResult},
};

/// Nothing may be loaded, nothing may run.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
pub(crate) const STYLE: &str = include_str!("html/report.css");

/// The page. Everything that came from outside is escaped; a figure that there is none of is a dash.
pub(crate) fn page(comparison: &Comparison) -> String {
    let title = title(comparison);
    let setting = &comparison.setting;
    // The control last: it is there to be looked up.
    let (controls, lossy): (Vec<_>, Vec<_>) = comparison.points.iter().partition(|point| point.is_control);
    let points: String = lossy
        .into_iter()
        .chain(controls)
        .map(|point| point::section(point, setting))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · wirelab compare</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n{lead}</header>\n{findings}{sweep}{points}{how}</main>\n</body>\n</html>\n",
        lead = lead(comparison),
        findings = findings(comparison),
        sweep = sweep(comparison),
        how = setting::sections(comparison),
    )
}

/// `Compared over one link: loss 2%`; of a sweep its two ends.
fn title(comparison: &Comparison) -> String {
    let lossy: Vec<&PointResult> = comparison.points.iter().filter(|point| !point.is_control).collect();
    let link = match (lossy.as_slice(), comparison.points.first().as_ref()) {
        ([first, .., last], _) => format!("{} to {}", first.label, last.label),
        ([only], _) | ([], Some(only)) => only.label.clone(),
        ([], None) => "nothing ran".into(),
    };
    let lanes = comparison.setting.lanes.len();
    format!("{} on the same link: {}", counted(lanes, "lane"), escaped(&link))
}

fn lead(comparison: &Comparison) -> String {
    let setting = &comparison.setting;
    let trip = match comparison.points.first() {
        Some(point) => words::time(point.profile.round_trip().as_secs_f64() * 1000.0),
        None => words::time(f64::NAN),
    };
    format!(
        "<p class=\"lead\">{} messages a second of {} each, from one publisher over every lane at the same moment. Each lane has \
         a link of its own with the same loss, drawn from the same seed; the round trip is {trip}. Measured for {} with each \
         of {}.</p>\n",
        setting.hz,
        words::bytes(setting.bytes.into()),
        words::time(setting.duration_ms as f64),
        counted(setting.seeds.len(), "seed"),
    )
}

fn findings(comparison: &Comparison) -> String {
    let each = comparison.findings.iter();
    let listed: String = each
        .map(|finding| verdict(finding.holds, &finding.expected, &finding.point, &finding.seen))
        .collect();
    let listed = if listed.is_empty() {
        "<p>Nothing was expected of this setting, so nothing is claimed: the figures below stand for themselves.</p>\n"
            .into()
    } else {
        format!(
            "<p class=\"fine\">What head-of-line blocking makes one expect, and whether the median run shows it.</p>\n\
             <ul class=\"findings\">\n{listed}</ul>\n"
        )
    };
    let asked = asked(comparison);
    let warnings: String = comparison
        .warnings
        .iter()
        .map(|warning| format!("<li>{}</li>", escaped(warning)))
        .collect();
    let warnings = if warnings.is_empty() {
        "<p class=\"fine\">Nothing that was watched speaks against these figures.</p>\n".into()
    } else {
        format!("<div class=\"notice\"><strong>What speaks against these figures</strong><ul>{warnings}</ul></div>\n")
    };
    format!("<section id=\"findings\">\n<h2>What was found</h2>\n{asked}{listed}{warnings}</section>\n")
}

/// The thresholds, where there are any.
fn asked(comparison: &Comparison) -> String {
    let each = comparison.thresholds.iter();
    let listed: String = each
        .map(|judged| verdict(judged.holds, &judged.threshold.to_string(), &judged.point, &judged.seen))
        .collect();
    if listed.is_empty() {
        return String::new();
    }
    format!(
        "<p class=\"fine\">What was asked of the median over the seeds.</p>\n<ul class=\"findings\">\n{listed}</ul>\n"
    )
}

fn verdict(holds: bool, claim: &str, point: &str, seen: &str) -> String {
    let (class, verdict) = if holds {
        ("yes", "Holds")
    } else {
        ("no", "Does not hold")
    };
    format!(
        "<li><p class=\"verdict {class}\">{verdict}</p><p>{} <span class=\"fine\">({})</span></p><p class=\"fine\">{}</p></li>\n",
        escaped(claim),
        escaped(point),
        escaped(seen),
    )
}

/// Figures over loss, where there is more than one loss.
fn sweep(comparison: &Comparison) -> String {
    if comparison.points.iter().filter(|point| !point.is_control).count() < 2 {
        return String::new();
    }
    let mut points: Vec<&PointResult> = comparison.points.iter().collect();
    points.sort_by(|a, b| loss_percent(a).total_cmp(&loss_percent(b)));
    let lanes: &[Lane] = &comparison.setting.lanes;
    let plots = [
        ("age p99", Measured::age_p99_ms as fn(&Measured) -> f64),
        ("longest gap", |measured: &Measured| measured.figures.longest_gap_ms),
    ];
    let plots: String = plots
        .into_iter()
        .map(|(name, of)| curve(&points, lanes, name, of))
        .collect();
    format!(
        "<section id=\"sweep\">\n<h2>Over loss</h2>\n<p class=\"fine\">Lines join the median runs; whiskers go from the least to \
         the most of the seeds. Lanes are drawn a little aside of each other. Times are on a logarithmic scale.</p>\n\
         {}<div class=\"curves\">{plots}</div>\n</section>\n",
        legend(lanes)
    )
}

#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
pub(crate) mod schema;
#[cfg(test)]
mod tests;
