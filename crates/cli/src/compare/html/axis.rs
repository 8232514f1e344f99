//! Axes: where a value lies between the two ends, and the round values that are written beside it.

/// The least that a logarithmic axis shows: below it is noise of the clock, or nothing.
const LEAST: f64 = 1e-3;
/// More round values than this do not fit beside each other on a telephone.
const MOST_TICKS: usize = 8;

/// One axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    least: f64,
    most: f64,
    is_log: bool,
    /// The values that are written.
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// From nothing to a round value that holds the greatest of these.
    pub(super) fn from_zero(values: impl Iterator<Item = f64>) -> Self {
        let greatest = values.filter(|value| value.is_finite()).fold(0.0_f64, f64::max);
        let greatest = if greatest > 0.0 { greatest } else { 1.0 };
        let step = round_up(greatest / 4.0);
        let steps = (greatest / step - 1e-9).ceil().max(1.0);
        Self::fixed(step * steps, step)
    }

    /// From nothing to exactly this, with a tick at each step: an axis of time.
    pub(super) fn fixed(most: f64, step: f64) -> Self {
        let count = ((most / step + 1e-9).floor() as usize).min(20);
        Self {
            least: 0.0,
            most,
            is_log: false,
            ticks: (0..=count).map(|n| n as f64 * step).collect(),
        }
    }

    /// An axis of time as long as the window.
    pub(super) fn window(seconds: f64) -> Self {
        let seconds = if seconds > 0.0 { seconds } else { 1.0 };
        Self::fixed(seconds, round_up(seconds / 6.0))
    }

    /// From nothing to the greatest of these, which are the ticks themselves.
    pub(super) fn of(ticks: &[f64]) -> Self {
        let most = ticks.iter().copied().fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let mut written: Vec<f64> = Vec::new();
        for tick in ticks {
            if written.last().is_none_or(|last| tick - last >= most * 0.07) {
                written.push(*tick);
            }
        }
        Self {
            least: 0.0,
            most,
            is_log: false,
            ticks: written,
        }
    }

    /// Logarithmic, between round values that hold all of these.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values.filter(|value| value.is_finite()) {
            (least, most) = (least.min(value.max(LEAST)), most.max(value.max(LEAST)));
        }
        if most <= 0.0 {
            (least, most) = (1.0, 10.0);
        }
        let least = round_down(least);
        let most = round_up(most).max(round_up(least * 1.5));
        let steps: Vec<f64> = rounds(least, most).collect();
        let decades = |tick: &f64| (tick.log10() - tick.log10().round()).abs() < 1e-6;
        let ticks = if steps.len() > MOST_TICKS {
            steps.into_iter().filter(decades).collect()
        } else {
            steps
        };
        Self {
            least,
            most,
            is_log: true,
            ticks,
        }
    }

    /// Where a value lies, 0 at the least and 1 at the most.
    pub(super) fn at(&self, value: f64) -> f64 {
        let way = if self.is_log {
            (value.max(LEAST) / self.least).ln() / (self.most / self.least).ln()
        } else {
            (value - self.least) / (self.most - self.least)
        };
        way.clamp(0.0, 1.0)
    }
}

/// The least of 1, 2, 5, 10 … that is no less.
fn round_up(value: f64) -> f64 {
    let decade = 10.0_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|step| value <= decade * step * (1.0 + 1e-9));
    decade * step.unwrap_or(10.0)
}

/// The greatest of 1, 2, 5, 10 … that is no more.
fn round_down(value: f64) -> f64 {
    let decade = 10.0_f64.powf((value.log10() + 1e-9).floor());
    let step = [5.0, 2.0, 1.0]
        .into_iter()
        .find(|step| value >= decade * step * (1.0 - 1e-9));
    decade * step.unwrap_or(1.0)
}

/// 1, 2, 5, 10 … from one to the other.
fn rounds(least: f64, most: f64) -> impl Iterator<Item = f64> {
    let next = move |last: &f64| Some(round_up(last * 1.5)).filter(|tick| *tick <= most * (1.0 + 1e-9));
    std::iter::successors(Some(least), next).take(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ticks: &[f64], wanted: &[f64]) {
        let same = ticks.len() == wanted.len() && ticks.iter().zip(wanted).all(|(a, b)| (a / b - 1.0).abs() < 1e-6);
        assert!(same, "{ticks:?} instead of {wanted:?}");
    }

    #[test]
    fn a_logarithmic_axis_ends_at_round_values() {
        let axis = Axis::log([21.0, 430.0, f64::NAN].into_iter());
        close(&axis.ticks, &[20.0, 50.0, 100.0, 200.0, 500.0]);
        assert!(axis.at(20.0).abs() < 1e-9);
        assert!((axis.at(100.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_long_logarithmic_axis_is_marked_by_decades() {
        close(&Axis::log([0.001, 1.0].into_iter()).ticks, &[0.001, 0.01, 0.1, 1.0]);
    }

    #[test]
    fn an_axis_of_one_value_or_none_has_length() {
        for axis in [
            Axis::log([20.0].into_iter()),
            Axis::log([0.0].into_iter()),
            Axis::log([].into_iter()),
            Axis::from_zero([].into_iter()),
            Axis::of(&[0.0]),
            Axis::window(0.0),
        ] {
            assert!(axis.most > axis.least, "{axis:?}");
            assert!(axis.at(7.0).is_finite());
        }
    }

    #[test]
    fn an_axis_from_zero_holds_the_greatest() {
        let axis = Axis::from_zero([12.0, 412.0].into_iter());
        close(&axis.ticks[1..], &[200.0, 400.0, 600.0]);
    }

    #[test]
    fn marks_that_would_touch_are_left_out() {
        close(&Axis::of(&[1.0, 1.1, 5.0, 10.0]).ticks, &[1.0, 5.0, 10.0]);
    }
}
