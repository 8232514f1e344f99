//! Thresholds: what a figure must be, such as `websocket.latency.p99<50ms`. One that does not hold ends with exit code 1.
//!
//! A threshold is held against the median over the runs of each setting that is no control, or against the control where
//! nothing else ran. A lane that was not measured keeps no threshold.

use std::{fmt, str::FromStr};

use serde::Serialize;
use wirelab_link::rules::Share;

use super::{
    lane::Lane,
    result::{Comparison, Judged, Measured, PointResult},
    verdict::median_of,
};

/// A figure's name, the unit it is asked in, and where it stands.
type Figure = (&'static str, Unit, fn(&Measured) -> f64);
/// A sign, and whether what was seen keeps the limit.
pub(crate) type Sign = (&'static str, fn(f64, f64) -> bool);

/// What can be asked about, in the order in which they are named to who asks for something else.
const FIGURES: [Figure; 13] = [
    ("latency.p50", Unit::Time, |lane| {
        lane.latency_ms(|latency| latency.p50_us)
    }),
    ("latency.p95", Unit::Time, |lane| {
        lane.latency_ms(|latency| latency.p95_us)
    }),
    ("latency.p99", Unit::Time, |lane| {
        lane.latency_ms(|latency| latency.p99_us)
    }),
    ("latency.max", Unit::Time, |lane| {
        lane.latency_ms(|latency| latency.max_us)
    }),
    ("age.mean", Unit::Time, |lane| age_ms(lane, |age| age.mean_us)),
    ("age.p50", Unit::Time, |lane| age_ms(lane, |age| age.p50_us as f64)),
    ("age.p99", Unit::Time, |lane| age_ms(lane, |age| age.p99_us as f64)),
    ("age.peak", Unit::Time, |lane| age_ms(lane, |age| age.peak_us as f64)),
    ("gap", Unit::Time, |lane| lane.figures.longest_gap_ms),
    ("freezes", Unit::Count, |lane| lane.figures.freezes.count as f64),
    ("delivered", Unit::Percent, |lane| {
        percent(lane.figures.delivery.delivered_share)
    }),
    ("on-time", Unit::Percent, |lane| {
        percent(lane.figures.delivery.on_time_share)
    }),
    ("lost", Unit::Percent, |lane| percent(lane.figures.delivery.lost_share)),
];

/// Longer signs first, since they begin with the shorter.
pub(crate) const SIGNS: [Sign; 4] = [
    ("<=", |seen, limit| seen <= limit),
    (">=", |seen, limit| seen >= limit),
    ("<", |seen, limit| seen < limit),
    (">", |seen, limit| seen > limit),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Time,
    Percent,
    Count,
}

/// What one figure of one lane must be.
#[derive(Clone, Debug)]
pub(crate) struct Threshold {
    text: String,
    pub(crate) lane: Lane,
    /// Of [`FIGURES`].
    figure: usize,
    /// Of [`SIGNS`].
    sign: usize,
    /// In ms, percent or as a count.
    limit: f64,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let signs = SIGNS.iter().enumerate();
        let (sign, (what, limit)) = signs
            .filter_map(|(index, (sign, _))| Some((index, text.split_once(sign)?)))
            .next()
            .ok_or(
                "a threshold is lane.figure<limit, such as websocket.latency.p99<50ms or datachannel.delivered>=95%",
            )?;
        let (lane, figure) = what
            .trim()
            .split_once('.')
            .ok_or("a threshold names a lane and a figure, such as websocket.latency.p99")?;
        let lane = lane.parse()?;
        let index = FIGURES.iter().position(|(name, ..)| *name == figure).ok_or_else(|| {
            let names: Vec<_> = FIGURES.iter().map(|(name, ..)| *name).collect();
            format!("there is no figure {figure:?}; there are {}", names.join(", "))
        })?;
        Ok(Self {
            text: text.to_owned(),
            lane,
            figure: index,
            sign,
            limit: FIGURES[index].1.parse(limit.trim())?,
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Threshold {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl Unit {
    fn parse(self, text: &str) -> Result<f64, String> {
        match self {
            Self::Time => humantime::parse_duration(text)
                .map(|time| time.as_secs_f64() * 1000.0)
                .map_err(|_| format!("{text:?} is not a time such as 50ms or 2s")),
            Self::Percent => text
                .parse::<Share>()
                .map(|share| share.of_one() * 100.0)
                .map_err(|error| error.to_string()),
            Self::Count => text
                .parse::<u32>()
                .map(f64::from)
                .map_err(|_| format!("{text:?} is not a count such as 0 or 3")),
        }
    }

    fn write(self, value: f64) -> String {
        match self {
            Self::Time => format!("{value:.1} ms"),
            Self::Percent => format!("{value:.2} %"),
            Self::Count => format!("{value}"),
        }
    }
}

/// Holds the thresholds against what was measured.
pub(crate) fn judge(thresholds: &[Threshold], comparison: &Comparison) -> Vec<Judged> {
    let is_alone = comparison.points.iter().all(|point| point.is_control);
    let points = || comparison.points.iter().filter(|point| is_alone || !point.is_control);
    let each = thresholds
        .iter()
        .flat_map(|threshold| points().map(move |point| (threshold, point)));
    each.map(|(threshold, point)| threshold.judge(point)).collect()
}

impl Threshold {
    fn judge(&self, point: &PointResult) -> Judged {
        let ((_, unit, of), (_, is_kept)) = (FIGURES[self.figure], SIGNS[self.sign]);
        // No figure, as the latency of a lane that heard nothing, compares to nothing.
        let seen = median_of(point, self.lane, of).filter(|seen| !seen.is_nan());
        Judged {
            threshold: self.clone(),
            point: point.label.clone(),
            holds: seen.is_some_and(|seen| is_kept(seen, self.limit)),
            seen: seen.map_or_else(|| "not measured".into(), |seen| unit.write(seen)),
        }
    }
}

fn age_ms(lane: &Measured, of: impl Fn(&wirelab_model::metrics::Age) -> f64) -> f64 {
    lane.figures.age.as_ref().map_or(f64::NAN, |age| of(age) / 1000.0)
}

fn percent(share: Option<f64>) -> f64 {
    share.map_or(f64::NAN, |share| share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::html::sample::comparison;

    fn judged(texts: &[&str], comparison: &Comparison) -> Vec<(String, bool, String)> {
        let thresholds: Vec<Threshold> = texts.iter().map(|text| text.parse().expect(text)).collect();
        let judged = judge(&thresholds, comparison).into_iter();
        judged.map(|judged| (judged.point, judged.holds, judged.seen)).collect()
    }

    #[test]
    fn a_threshold_is_held_against_every_setting_but_the_control() {
        let comparison = comparison();
        let seen =
            |index: usize| median_of(&comparison.points[index], Lane::Udp, Measured::age_p99_ms).expect("it ran");
        let limit = (seen(1) + seen(2)) / 2.0;
        let text = format!("udp.age.p99<{}us", (limit * 1000.0) as u64);
        assert_eq!(
            judged(&[&text], &comparison),
            [
                ("loss 2%".to_owned(), true, format!("{:.1} ms", seen(1))),
                ("loss 5%".to_owned(), false, format!("{:.1} ms", seen(2))),
            ]
        );
    }

    #[test]
    fn the_control_alone_is_judged_too() {
        let mut comparison = comparison();
        comparison.points.truncate(1);
        let said = judged(&["udp.freezes<=0", "udp.freezes>0", "udp.delivered>=95%"], &comparison);
        let kept: Vec<_> = said.iter().map(|(point, holds, _)| (point.as_str(), *holds)).collect();
        assert_eq!(kept, [("loss 0%", true), ("loss 0%", false), ("loss 0%", true)]);
    }

    #[test]
    fn a_lane_that_was_not_measured_keeps_no_threshold() {
        let mut comparison = comparison();
        comparison.points.truncate(2);
        for run in &mut comparison.points[1].runs {
            run.lanes.retain(|result| result.lane != Lane::Sse);
        }
        let nothing = ("loss 2%".to_owned(), false, "not measured".to_owned());
        assert_eq!(
            judged(&["sse.gap<1h", "sse.gap>0s"], &comparison),
            [nothing.clone(), nothing]
        );
    }

    #[test]
    fn every_figure_can_be_asked_in_its_unit_alone() {
        for (name, unit, _) in FIGURES {
            let (right, wrong) = match unit {
                Unit::Time => ("50ms", "5%"),
                Unit::Percent => ("95%", "0.95"),
                Unit::Count => ("3", "3ms"),
            };
            assert!(format!("tcp.{name} <= {right}").parse::<Threshold>().is_ok(), "{name}");
            assert!(format!("tcp.{name}<{wrong}").parse::<Threshold>().is_err(), "{name}");
        }
        for (text, wanted) in [
            ("tcp.gap", "lane.figure<limit"),
            ("tcp<5ms", "names a lane and a figure"),
            ("quic.gap<5ms", "there are sse, websocket"),
            ("tcp.ping<5ms", "there are latency.p50"),
            ("tcp.gap<", "such as 50ms"),
            ("tcp.gap==5ms", "lane.figure<limit"),
        ] {
            let error = text.parse::<Threshold>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
