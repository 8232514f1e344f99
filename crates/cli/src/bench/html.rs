//! The report: one page that needs nothing else.

use super::{
    figure::Figure,
    result::{Contender, Report},
    text::{number, setting, spread},
    way::Kind,
};
use crate::compare::html::{POLICY, STYLE, escaped};

/// Figures that a bar says more of than a number, and only where several contenders have them.
const BARS: [&str; 8] = [
    "user_kib",
    "kernel_kib",
    "deliveries_per_s",
    "million_cpu_s",
    "p99_us",
    "trip_cpu_us",
    "opens_per_s",
    "server_queue_kib",
];

/// The page. Everything that came from outside is escaped; a figure that there is none of is a dash.
pub(crate) fn page(report: &Report) -> String {
    let title = format!("What a connection costs: {}", report.setting.what.id());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · wirelab bench</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"lead\">{lead}</p>\n</header>\n{notices}{bars}{table}{how}</main>\n</body>\n</html>\n",
        lead = escaped(&setting(&report.setting)),
        notices = notices(report),
        bars = bars(report),
        table = table(report),
        how = how(report),
    )
}

fn notices(report: &Report) -> String {
    let mut out = String::new();
    if report.interrupted {
        out.push_str("<div class=\"notice\"><strong>Interrupted</strong><ul><li>This is what was measured so far.</li></ul></div>\n");
    }
    if !report.thresholds.is_empty() {
        let judged = report.thresholds.iter().map(|judged| {
            let (class, verdict) = if judged.holds {
                ("yes", "Holds")
            } else {
                ("no", "Does not hold")
            };
            let seen = judged.seen.map_or_else(|| "not known".into(), number);
            format!(
                "<li><p class=\"verdict {class}\">{verdict}</p><p>{}</p><p class=\"fine\">{seen}</p></li>\n",
                escaped(&judged.threshold.to_string()),
            )
        });
        out.push_str(&format!(
            "<ul class=\"findings\">\n{}</ul>\n",
            judged.collect::<String>()
        ));
    }
    let mut listed = |head: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let lines: String = lines.iter().map(|line| format!("<li>{line}</li>")).collect();
            out.push_str(&format!(
                "<div class=\"notice\"><strong>{head}</strong><ul>{lines}</ul></div>\n"
            ));
        }
    };
    let warnings = report.warnings.iter().map(|warning| escaped(warning)).collect();
    listed("What speaks against these figures", warnings);
    let advice = report.preflight.iter();
    let advice = advice.map(|advice| format!("{}: <code>{}</code>", escaped(&advice.what), escaped(&advice.command)));
    listed("What this machine may do better", advice.collect());
    out
}

/// A plot for each figure that has more than one contender: bars from zero, since these are amounts.
fn bars(report: &Report) -> String {
    let figures = report
        .setting
        .what
        .figures()
        .iter()
        .filter(|figure| BARS.contains(&figure.name));
    let plots: String = figures.filter_map(|figure| plot(report, figure)).collect();
    if plots.is_empty() {
        return String::new();
    }
    format!("<section id=\"plots\">\n<h2>Side by side</h2>\n{plots}</section>\n")
}

fn plot(report: &Report, figure: &Figure) -> Option<String> {
    const ROW: usize = 28;
    let known: Vec<(&Contender, f64)> = report
        .contenders
        .iter()
        .filter_map(|contender| Some((contender, contender.median.as_ref()?.get(figure.name)?)))
        .collect();
    let most = known.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    if known.len() < 2 || most <= 0.0 {
        return None;
    }
    let rows: String = known
        .iter()
        .enumerate()
        .map(|(nth, (contender, value))| {
            let (y, width) = (nth * ROW, (value.max(0.0) / most * 400.0).max(1.0));
            let opacity = if contender.server == Kind::Reference { "0.45" } else { "1" };
            format!(
                "<text x=\"0\" y=\"{}\" fill=\"currentColor\" font-size=\"13\">{}</text>\
                 <rect class=\"{}\" x=\"190\" y=\"{}\" width=\"{width:.1}\" height=\"16\" fill=\"var(--lane)\" opacity=\"{opacity}\"/>\
                 <text x=\"{:.1}\" y=\"{}\" fill=\"currentColor\" font-size=\"13\">{} {}</text>\n",
                y + 17,
                escaped(&contender.name()),
                contender.lane,
                y + 4,
                198.0 + width,
                y + 17,
                number(*value),
                figure.unit,
            )
        })
        .collect();
    Some(format!(
        "<figure><figcaption class=\"fine\">{}</figcaption><svg viewBox=\"0 0 720 {}\" role=\"img\" aria-label=\"{}\">\n{rows}</svg></figure>\n",
        figure.label,
        known.len() * ROW,
        figure.label,
    ))
}

fn table(report: &Report) -> String {
    let heads: String = report
        .contenders
        .iter()
        .map(|contender| format!("<th scope=\"col\">{}</th>", escaped(&contender.name())))
        .collect();
    let ratios: String = report
        .ratios
        .iter()
        .map(|ratio| format!("<th scope=\"col\">{} over the reference</th>", ratio.lane))
        .collect();
    let rows: String = report
        .setting
        .what
        .figures()
        .iter()
        .map(|figure| {
            let known = |value: Option<f64>| value.map_or_else(|| "–".into(), number);
            let cells: String = report
                .contenders
                .iter()
                .map(|contender| {
                    let value = contender.median.as_ref().and_then(|median| median.get(figure.name));
                    format!(
                        "<td>{} <span class=\"fine\">{}</span></td>",
                        known(value),
                        spread(contender, figure)
                    )
                })
                .collect();
            let over: String = report
                .ratios
                .iter()
                .map(|ratio| format!("<td>{}</td>", known(ratio.figures.get(figure.name))))
                .collect();
            let unit = if figure.unit.is_empty() {
                String::new()
            } else {
                format!(", {}", figure.unit)
            };
            format!("<tr><th scope=\"row\">{}{unit}</th>{cells}{over}</tr>\n", figure.label)
        })
        .collect();
    format!(
        "<section id=\"figures\">\n<h2>Figures</h2>\n<p class=\"fine\">Medians over the runs, and from the least to the most.</p>\n\
         <div class=\"table\"><table>\n<thead><tr><th scope=\"col\">figure</th>{heads}{ratios}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}

fn how(report: &Report) -> String {
    let machine = &report.machine;
    format!(
        "<section id=\"how\">\n<h2>How it was measured</h2>\n<pre>{}</pre>\n<p class=\"fine\">wirelab {} on {} cores of {}, Linux {}, {}.</p>\n</section>\n",
        escaped(&report.command),
        report.version,
        machine.cores,
        escaped(&machine.cpu),
        escaped(&machine.kernel),
        escaped(&machine.os),
    )
}
