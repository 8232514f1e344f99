//! What the figures say, computed from them: what head-of-line blocking makes one expect of each lane, held against the
//! references of the same runs, and what speaks against it all.

use std::{fmt::Write as _, time::Duration};

use wirelab_link::rules::Loss;

use super::{
    lane::Lane,
    result::{Comparison, Finding, Measured, PointResult},
};

/// Without loss nothing tells the lanes apart by more than this.
const CONTROL_MS: f64 = 2.0;
/// A data channel does not stand further behind UDP than this.
const BEHIND_UDP_MS: f64 = 5.0;
/// From this loss on a stream's longest gap is a multiple of the data channel's …
const HEAVY: f64 = 0.05;
/// … this one at least.
const TIMES: f64 = 3.0;
/// Fewer runs have no spread that means anything.
const A_SPREAD: usize = 3;
/// Fewer messages say little about a 99th percentile.
const ENOUGH: u64 = 300;

/// What is expected of one setting, and whether it is so.
pub(crate) fn findings(point: &PointResult, hz: u32) -> Vec<Finding> {
    if point.is_control {
        return control(point).into_iter().collect();
    }
    let streams = [Lane::Sse, Lane::WebSocket];
    [data_channel_age(point), data_channel_gap(point, hz)]
        .into_iter()
        .chain(streams.map(|lane| within_tcp(point, lane)))
        .chain(streams.map(|lane| stalls(point, lane)))
        .flatten()
        .collect()
}

fn finding(point: &PointResult, expected: String, holds: bool, mut seen: String) -> Finding {
    let disturbed = point.runs.iter().filter(|run| !run.disturbed.is_empty()).count();
    if !holds && disturbed > 0 {
        let _ = write!(seen, "; the machine disturbed {disturbed} of {} runs", point.runs.len());
    }
    Finding {
        point: point.label.clone(),
        expected,
        holds,
        seen,
    }
}

fn control(point: &PointResult) -> Option<Finding> {
    let lanes = Lane::ALL
        .into_iter()
        .filter_map(|lane| Some((lane, point.median(lane)?.age_p99_ms())));
    let mut ages: Vec<_> = lanes.collect();
    ages.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let ((least_lane, least), (most_lane, most)) = (*ages.first()?, *ages.last()?);
    Some(finding(
        point,
        format!("without loss the age p99 of all lanes lies within {CONTROL_MS} ms"),
        most - least <= CONTROL_MS,
        format!("from {least:.1} ms ({least_lane}) to {most:.1} ms ({most_lane})"),
    ))
}

fn data_channel_age(point: &PointResult) -> Option<Finding> {
    let (lane, udp) = (
        point.median(Lane::DataChannel)?.age_p99_ms(),
        point.median(Lane::Udp)?.age_p99_ms(),
    );
    Some(finding(
        point,
        format!("datachannel's age p99 is at most {BEHIND_UDP_MS} ms above udp's"),
        lane - udp <= BEHIND_UDP_MS,
        format!("{lane:.1} ms against {udp:.1} ms"),
    ))
}

fn data_channel_gap(point: &PointResult, hz: u32) -> Option<Finding> {
    let gap = |lane| median_of(point, lane, |measured| measured.figures.longest_gap_ms);
    let (lane, udp, periods) = (gap(Lane::DataChannel)?, gap(Lane::Udp)?, 2000.0 / f64::from(hz));
    Some(finding(
        point,
        "datachannel's longest gap is at most two periods above udp's".into(),
        lane - udp <= periods + 1.0, // arrivals have the machine's own jitter
        format!("{lane:.0} ms against {udp:.0} ms"),
    ))
}

fn within_tcp(point: &PointResult, lane: Lane) -> Option<Finding> {
    if point.of(lane).len().min(point.of(Lane::Tcp).len()) < A_SPREAD {
        return None;
    }
    let age = point.median(lane)?.age_p99_ms();
    let (least, most) = point.spread(Lane::Tcp, Measured::age_p99_ms)?;
    let holds = (least - CONTROL_MS..=most + CONTROL_MS).contains(&age); // what the tools themselves tell apart is no difference
    let mut seen = format!("{age:.1} ms; tcp from {least:.1} to {most:.1} ms");
    if !holds {
        let (runs, percent) = (point.of(lane).len(), 100.0 * by_chance(point.of(lane).len()));
        let _ = write!(
            seen,
            "; with {runs} runs two lanes that are alike fall apart so far in about {percent:.0} % of comparisons"
        );
    }
    let expected = format!("{lane}'s age p99 lies within tcp's spread over the seeds");
    Some(finding(point, expected, holds, seen))
}

/// How often the (lower) median of `runs` values lies outside the range of as many others from the same source: all
/// orders of the `2 × runs` values are as likely, so it is counted how many of them begin or end with that many of one.
fn by_chance(runs: usize) -> f64 {
    let median = runs.saturating_sub(1) / 2;
    let all = |first: usize| {
        // All of the first (or last) `first` values are of one lane.
        (0..first)
            .map(|n| runs.saturating_sub(n) as f64 / (2 * runs - n) as f64)
            .product::<f64>()
    };
    if runs == 0 {
        0.0
    } else {
        all(median + 1) + all(runs - median)
    }
}

fn stalls(point: &PointResult, lane: Lane) -> Option<Finding> {
    let Loss::Random(share) = point.profile.down.loss else {
        return None; // nobody escapes an outage, so no multiple is to be expected
    };
    let gap = |lane| median_of(point, lane, |measured| measured.figures.longest_gap_ms);
    let (stream, channel) = (gap(lane)?, gap(Lane::DataChannel)?);
    (share.of_one() >= HEAVY).then(|| {
        finding(
            point,
            format!("{lane}'s longest gap is at least {TIMES} times datachannel's"),
            stream >= TIMES * channel,
            format!("{stream:.0} ms against {channel:.0} ms: {:.1} times", stream / channel),
        )
    })
}

/// The median of one figure over the seeds.
pub(crate) fn median_of(point: &PointResult, lane: Lane, of: impl Fn(&Measured) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = point.of(lane).into_iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

/// What speaks against the figures.
pub(crate) fn warnings(comparison: &Comparison) -> Vec<String> {
    let mut warnings = Vec::new();
    let (disturbed, runs) = (disturbed(comparison), runs(comparison));
    if disturbed > 0 {
        let first = comparison
            .points
            .iter()
            .flat_map(|point| &point.runs)
            .find_map(|run| run.disturbed.first());
        warnings.push(format!(
            "{disturbed} of {runs} runs were disturbed by this machine: {}",
            first.map_or("", String::as_str)
        ));
    }
    for point in &comparison.points {
        for result in point.runs.iter().flat_map(|run| &run.lanes) {
            if let super::result::Outcome::Failed(why) = &result.outcome {
                warnings.push(format!("{}, {}: not measured, {why}", point.label, result.lane));
            }
        }
        if let Loss::Bursts { .. } = point.profile.down.loss {
            warnings.push(format!(
                "{}: bursts are counted in packets, which is unfair to a TCP that has backed off; use outages to compare",
                point.label
            ));
        }
    }
    warnings.extend(of_target(comparison));
    let messages = comparison.setting.duration_ms * u64::from(comparison.setting.hz) / 1000;
    if messages < ENOUGH {
        warnings.push(format!(
            "{messages} messages a run say little about a 99th percentile: use a longer --duration"
        ));
    }
    if comparison.setting.target.is_none() && comparison.setting.seeds.len() < A_SPREAD {
        warnings.push("with fewer than three seeds the tail of TCP is a matter of luck: use --repeat 3 or more".into());
    }
    warnings
}

/// What a path that is not ours cannot show.
fn of_target(comparison: &Comparison) -> Vec<String> {
    if comparison.setting.target.is_none() {
        return Vec::new();
    }
    let lanes = comparison
        .points
        .iter()
        .flat_map(|point| &point.runs)
        .flat_map(|run| &run.lanes);
    let errors = lanes.filter_map(|result| Some(result.measured()?.figures.clock.error_us.0));
    let error_ms = errors.max().unwrap_or(0) as f64 / 1000.0;
    vec![
        "there is no reference and no control: what the path does is not told apart from what a lane adds".into(),
        format!(
            "the two clocks agree to within {error_ms:.1} ms: every latency and age may be wrong by so much, all lanes of a \
             run alike"
        ),
    ]
}

/// Whether more runs were disturbed than not.
pub(crate) fn is_inconclusive(comparison: &Comparison) -> bool {
    2 * disturbed(comparison) > runs(comparison)
}

fn disturbed(comparison: &Comparison) -> usize {
    let runs = comparison.points.iter().flat_map(|point| &point.runs);
    runs.filter(|run| !run.disturbed.is_empty()).count()
}

fn runs(comparison: &Comparison) -> usize {
    comparison.points.iter().map(|point| point.runs.len()).sum()
}

/// A duration as whole milliseconds.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{html::sample::comparison, result::Outcome};

    #[test]
    fn how_often_two_alike_fall_apart_by_chance() {
        assert_eq!(by_chance(1), 1.0, "one value lies outside another's range");
        assert!(
            (by_chance(3) - 0.4).abs() < 1e-9,
            "8 of the 20 orders of three and three"
        );
        assert!(by_chance(9) < 0.06 && by_chance(0) == 0.0);
    }

    /// Sets the age p99 of each run of a lane.
    fn ages(comparison: &mut Comparison, lane: Lane, ages_us: [u64; 3]) {
        for (run, age_us) in comparison.points[1].runs.iter_mut().zip(ages_us) {
            let result = run.lanes.iter_mut().find(|result| result.lane == lane);
            match result.map(|result| &mut result.outcome) {
                Some(Outcome::Measured(measured)) => {
                    measured.figures.age.as_mut().expect("it has an age").p99_us = age_us;
                }
                _ => panic!("{lane} was measured"),
            }
        }
    }

    fn said(comparison: &Comparison, about: &str) -> Finding {
        let all = findings(&comparison.points[1], 60);
        let found = all.iter().find(|finding| finding.expected.contains(about));
        found.unwrap_or_else(|| panic!("{about}: {all:?}")).clone()
    }

    #[test]
    fn a_stream_is_held_against_the_spread_of_tcp() {
        let mut comparison = comparison();
        ages(&mut comparison, Lane::Tcp, [70_000, 90_000, 110_000]);
        ages(&mut comparison, Lane::WebSocket, [60_000, 95_000, 300_000]);
        let finding = said(&comparison, "websocket's age");
        assert!(finding.holds && !finding.seen.contains("alike"), "{finding:?}");
        ages(&mut comparison, Lane::WebSocket, [60_000, 113_000, 300_000]);
        let finding = said(&comparison, "websocket's age");
        assert!(!finding.holds && finding.seen.contains("in about 40 %"), "{finding:?}");
    }

    #[test]
    fn one_run_has_no_spread_to_lie_in() {
        let mut comparison = comparison();
        comparison.points[1].runs.truncate(1);
        let all = findings(&comparison.points[1], 60);
        assert!(
            !all.is_empty() && all.iter().all(|finding| !finding.expected.contains("spread")),
            "{all:?}"
        );
    }

    #[test]
    fn what_deviates_says_how_many_runs_were_disturbed() {
        let mut comparison = comparison();
        ages(&mut comparison, Lane::Udp, [40_000; 3]);
        ages(&mut comparison, Lane::DataChannel, [50_000; 3]);
        assert!(!said(&comparison, "datachannel's age").seen.contains("disturbed"));
        comparison.points[1].runs[0].disturbed = vec!["late".into()];
        let finding = said(&comparison, "datachannel's age");
        assert!(
            finding.seen.ends_with("the machine disturbed 1 of 3 runs"),
            "{finding:?}"
        );
    }

    #[test]
    fn a_data_channel_is_held_against_udp() {
        let mut comparison = comparison();
        ages(&mut comparison, Lane::Udp, [40_000; 3]);
        for (age_us, holds) in [(45_000, true), (45_100, false)] {
            ages(&mut comparison, Lane::DataChannel, [39_000, age_us, 90_000]);
            assert_eq!(said(&comparison, "datachannel's age").holds, holds, "{age_us}");
        }
    }

    #[test]
    fn most_runs_disturbed_decide_nothing() {
        let mut comparison = comparison();
        let mut disturb = |count: usize| {
            let runs = comparison.points.iter_mut().flat_map(|point| &mut point.runs);
            for (n, run) in runs.enumerate() {
                run.disturbed = if n < count { vec!["late".into()] } else { Vec::new() };
            }
            (is_inconclusive(&comparison), warnings(&comparison))
        };
        let (inconclusive, warned) = disturb(4);
        assert!(
            !inconclusive && warned[0].starts_with("4 of 9 runs were disturbed"),
            "{warned:?}"
        );
        assert!(disturb(5).0);
        assert!(!disturb(0).1.iter().any(|warning| warning.contains("disturbed")));
    }

    #[test]
    fn a_target_is_warned_of() {
        let mut comparison = comparison();
        comparison.setting.target = Some("http://a".into());
        assert!(
            warnings(&comparison)
                .iter()
                .any(|warning| warning.contains("no reference and no control"))
        );
    }
}
