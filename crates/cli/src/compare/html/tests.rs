use super::{
    page,
    plots::tail,
    sample::{WHY, comparison, silent},
    words::{bytes, escaped, percent, spread, three, time},
};
use crate::compare::{
    lane::Lane,
    result::{Comparison, Outcome},
};

/// The part of the page about the point with this label.
fn section(page: &str, label: &str) -> String {
    let from = page
        .find(&format!("<h2>{label}</h2>"))
        .expect("the point has a section");
    page[from..].split("</section>").next().expect("a section ends").into()
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

fn only(keep: impl Fn(usize) -> bool) -> Comparison {
    let mut comparison = comparison();
    let mut n = 0;
    comparison.points.retain(|_| {
        n += 1;
        keep(n - 1)
    });
    comparison
}

#[test]
fn every_lane_has_a_row_and_a_line_at_every_point() {
    let page = page(&comparison());
    for label in ["loss 0%", "loss 2%", "loss 5%"] {
        let section = section(&page, label);
        for lane in [
            "Server-Sent Events",
            "WebSocket",
            "Data channel",
            "Reliable data channel",
            "TCP (reference)",
            "UDP (reference)",
        ] {
            assert!(
                section.contains(&format!("</svg>{lane}</span>")),
                "{lane} is missing at {label}"
            );
        }
        assert_eq!(count(&section, "<tr><th scope=\"row\">"), Lane::ALL.len());
    }
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let page = page(&comparison());
    for part in [
        "http:",
        "https:",
        "<script",
        "src=",
        "href=",
        "@import",
        "url(",
        "javascript:",
        "<link",
    ] {
        assert!(!page.contains(part), "{part} is in the page");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
}

#[test]
fn text_from_outside_is_escaped() {
    let page = page(&comparison());
    assert!(page.contains("--report &#39;&lt;script&gt;.html&#39;"));
    assert!(page.contains("Some &lt;Processor&gt;"));
    assert!(page.contains(&escaped(WHY)));
    assert_eq!(escaped("<a b='\"&"), "&lt;a b=&#39;&quot;&amp;");
}

#[test]
fn each_freeze_of_the_median_run_is_shaded_and_counted() {
    let comparison = comparison();
    let page = page(&comparison);
    assert_eq!(count(&section(&page, "loss 0%"), "class=\"freeze\""), 0);
    for point in &comparison.points {
        let listed: usize = Lane::ALL
            .iter()
            .filter_map(|lane| point.median(*lane))
            .map(|run| run.freezes_ms.len())
            .sum();
        assert_eq!(count(&section(&page, &point.label), "class=\"freeze\""), listed);
    }
    let section = section(&page, "loss 2%");
    assert!(section.contains("frozen for 210\u{a0}ms, from 2.00\u{a0}s"));
    assert!(section.contains("2\u{a0}freezes, 401\u{a0}ms together; age p99 223\u{a0}ms; seed 2"));
}

#[test]
fn a_lane_that_never_opened_says_why_in_its_row() {
    let page = page(&comparison());
    let section = section(&page, "loss 5%");
    let row = section
        .split("<tbody>")
        .nth(1)
        .and_then(|rows| rows.lines().find(|row| row.contains("Server-Sent")));
    let row = row.expect("SSE has a row");
    assert!(row.contains(&format!("failed: {}", escaped(WHY))), "{row}");
    assert!(section.contains(&format!(
        "<li>Server-Sent Events failed with seeds 1, 2, 3: {}</li>",
        escaped(WHY)
    )));
    assert!(section.contains("<span class=\"failed\">not measured</span>"));
    assert!(section.contains("<small class=\"failed\">measured in 2 of 3\u{a0}runs</small>"));
    assert!(section.contains("<li>All lanes were disturbed with seed 3: the link was 1.4 ms late</li>"));
}

#[test]
fn the_table_quotes_the_median_run_with_its_spread() {
    let page = page(&comparison());
    let section = section(&page, "loss 2%");
    assert!(section.contains("<td>223\u{a0}ms<small>220\u{a0}ms to 226\u{a0}ms</small></td>"));
    assert!(section.contains("<td>93.6\u{a0}kB</td><td>15.6\u{a0}kB</td><td>63.2\u{a0}ms</td>"));
}

#[test]
fn findings_say_whether_they_hold() {
    let page = page(&comparison());
    assert!(page.contains("<p class=\"verdict yes\">Holds</p><p>WebSocket is older than the data channel."));
    assert!(page.contains("<p class=\"verdict no\">Does not hold</p><p>The data channel is as old as UDP."));
    assert!(page.contains("<li>1 of 9 runs was disturbed</li>"));
}

#[test]
fn only_a_sweep_has_curves() {
    let sweep = page(&comparison());
    assert!(sweep.contains("<h1>6\u{a0}lanes on the same link: loss 2% to loss 5%</h1>"));
    assert_eq!(count(&sweep, "over loss, for each lane</title>"), 2);
    // 6 lanes at 3 losses, of which SSE failed at one, in two plots.
    assert_eq!(count(&sweep, "class=\"whisker\""), 2 * 17);
    let one = page(&only(|n| n < 2));
    assert!(!one.contains("id=\"sweep\""));
}

#[test]
fn runs_without_figures_are_dashes() {
    let mut comparison = only(|n| n > 0);
    for result in comparison
        .points
        .iter_mut()
        .flat_map(|point| &mut point.runs)
        .flat_map(|run| &mut run.lanes)
    {
        result.outcome = Outcome::Measured(Box::new(silent()));
    }
    let silent = page(&comparison);
    comparison.points.iter_mut().for_each(|point| point.runs.clear());
    let unmeasured = page(&comparison);
    comparison.points.clear();
    comparison.setting.duration_ms = 0;
    for page in [silent, unmeasured, page(&comparison)] {
        for part in ["NaN", "-0\u{a0}", "inf%", ">inf", "\"inf"] {
            assert!(!page.contains(part), "{part} is in the page");
        }
        assert!(page.ends_with("</html>\n"));
    }
}

#[test]
fn figures_have_three_digits_and_a_unit() {
    let read = [-0.0, 3.0, 0.0412, 1.234, 9.996, 12.34, 99.96, 412.4, 1234.0].map(three);
    assert_eq!(
        read,
        ["0", "3.00", "0.041", "1.23", "10.0", "12.3", "100", "412", "1230"]
    );
    assert_eq!([412.4, 999.6, f64::NAN].map(time), ["412\u{a0}ms", "1.00\u{a0}s", "–"]);
    let shares = [Some(1.0), Some(0.9998), Some(0.9833), Some(0.00001), Some(0.0), None].map(percent);
    assert_eq!(
        shares,
        [
            "100\u{a0}%",
            ">\u{a0}99.9\u{a0}%",
            "98.3\u{a0}%",
            "<\u{a0}0.01\u{a0}%",
            "0\u{a0}%",
            "–"
        ]
    );
    assert_eq!(
        [100, 93_600, 1_500_000].map(bytes),
        ["100\u{a0}B", "93.6\u{a0}kB", "1.50\u{a0}MB"]
    );
    assert_eq!(spread(Some((57.01, 57.04))), "57.0\u{a0}ms");
}

#[test]
fn the_tail_keeps_the_slowest_and_is_bounded() {
    let latencies: Vec<f64> = (0..30_000).map(f64::from).collect();
    let tail = tail(&latencies);
    assert!(tail.len() <= 200);
    assert_eq!(tail.first(), Some(&(0.0, 1.0)));
    assert_eq!(tail.last(), Some(&(29_999.0, 1.0 / 30_000.0)));
    assert!(tail.is_sorted());
    assert!(super::plots::tail(&[]).is_empty());
}
