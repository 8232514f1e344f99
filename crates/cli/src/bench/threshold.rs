//! Thresholds: what a figure must be, such as `websocket.idle.user_kib<=0.8`. One that does not hold ends with exit code 1.
//!
//! A threshold is held against the median of the runs, of this program's server or the target, never of the reference. A
//! figure that is not known keeps none.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{
    args::What,
    figure::Figure,
    lane::Lane,
    result::{Contender, Judged},
    way::Kind,
};
use crate::compare::threshold::SIGNS;

/// What one figure of one lane must be.
#[derive(Clone, Debug)]
pub(crate) struct Threshold {
    text: String,
    pub(crate) lane: Lane,
    pub(crate) what: What,
    figure: &'static Figure,
    /// Of [`SIGNS`].
    sign: usize,
    limit: f64,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "a threshold is lane.what.figure<limit, such as websocket.idle.user_kib<=0.8";
        let signs = SIGNS.iter().enumerate();
        let (sign, (figure, limit)) = signs
            .filter_map(|(index, (sign, _))| Some((index, text.split_once(sign)?)))
            .next()
            .ok_or(wanted)?;
        let &[lane, what, name] = figure.trim().split('.').collect::<Vec<_>>().as_slice() else {
            return Err(wanted.into());
        };
        let lane = known(lane, "lane")?;
        let what: What = known(what, "measurement")?;
        let figure = what
            .figures()
            .iter()
            .find(|figure| figure.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = what.figures().iter().map(|figure| figure.name).collect();
                format!("{} has no figure {name:?}; it has {}", what.id(), names.join(", "))
            })?;
        let limit: f64 = limit.trim().parse().map_err(|_| {
            format!(
                "{:?} is not a number; the unit is the figure's own, as in {name}<=10",
                limit.trim()
            )
        })?;
        if !limit.is_finite() {
            return Err("a limit is a finite number".into());
        }
        Ok(Self {
            text: text.to_owned(),
            lane,
            what,
            figure,
            sign,
            limit,
        })
    }
}

/// A word of a closed set.
fn known<T: clap::ValueEnum>(text: &str, of: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let names: Vec<_> = T::value_variants()
            .iter()
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("there is no {of} {text:?}; there are {}", names.join(", "))
    })
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

/// Holds the thresholds against what was measured.
pub(crate) fn judge(thresholds: &[Threshold], contenders: &[Contender]) -> Vec<Judged> {
    thresholds.iter().map(|threshold| threshold.judge(contenders)).collect()
}

impl Threshold {
    fn judge(&self, contenders: &[Contender]) -> Judged {
        let own = contenders
            .iter()
            .find(|contender| contender.lane == self.lane && contender.server != Kind::Reference);
        let seen = own.and_then(|contender| contender.median.as_ref()?.get(self.figure.name));
        Judged {
            threshold: self.clone(),
            holds: seen.is_some_and(|seen| SIGNS[self.sign].1(seen, self.limit)),
            seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample::report;

    #[test]
    fn a_threshold_is_held_against_our_own_median() {
        let report = report(What::Idle);
        let judged = |text: &str| {
            let threshold: Threshold = text.parse().expect(text);
            let judged = judge(&[threshold], &report.contenders).remove(0);
            (judged.holds, judged.seen)
        };
        assert_eq!(judged("sse.idle.user_kib <= 2"), (true, Some(2.0)));
        assert_eq!(judged("sse.idle.user_kib<2"), (false, Some(2.0)));
        assert_eq!(
            judged("sse.idle.open_s>=0"),
            (false, None),
            "what is not known holds nothing"
        );
        assert_eq!(judged("datachannel.idle.user_kib>0"), (false, None));
    }

    #[test]
    fn what_is_no_threshold_is_told_how_one_looks() {
        for (text, wanted) in [
            ("sse.idle.user_kib", "lane.what.figure<limit"),
            ("sse.user_kib<1", "lane.what.figure<limit"),
            ("quic.idle.user_kib<1", "there are sse, websocket"),
            ("sse.rest.user_kib<1", "there are idle, fanout"),
            ("sse.idle.user_mib<1", "idle has no figure"),
            ("sse.idle.user_kib<1KiB", "is not a number"),
            ("sse.idle.user_kib<inf", "finite"),
        ] {
            let error = text.parse::<Threshold>().expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
