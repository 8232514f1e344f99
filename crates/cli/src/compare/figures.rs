//! From what a lane heard to its figures, within one window.

use std::time::Duration;

use wirelab_model::{
    Micros,
    metrics::{Arrival, Closing, Meter, Opening, Theta},
};

use super::{
    client::Heard,
    result::{Measured, Wire},
};

/// The grid of the age time line.
const SPAN_US: u64 = 50_000;

/// The window of a run, on the one clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from_us: Micros,
    pub(crate) until_us: Micros,
    pub(crate) period_us: Micros,
    /// The link's, downwards; none where there is no link.
    pub(crate) delay: Option<Duration>,
    /// Our clock against the publisher's.
    pub(crate) clock: Theta,
}

impl Window {
    /// The figures of what was published within the window; `None` where nothing was heard.
    pub(crate) fn measure(&self, heard: &Heard, wire: Wire) -> Option<Measured> {
        let arrivals = &self.on_our_clock(&heard.arrivals);
        let (first, last) = (
            self.offset_at(arrivals, self.from_us)?,
            self.offset_at(arrivals, self.until_us)?,
        );
        let last = last.saturating_sub(1);
        let mut meter = Meter::new(Opening {
            first,
            from_us: Some(self.from_us),
            period_us: self.period_us,
            clock: Theta::SAME_CLOCK,
        });
        for arrival in arrivals.iter().filter(|arrival| arrival.offset <= last) {
            meter.arrival(*arrival);
        }
        for (_, count) in heard.skipped.iter().filter(|(to, _)| (first..=last).contains(to)) {
            meter.skipped(*count);
        }
        let mut figures = meter.summary(Closing {
            last,
            until_us: self.until_us,
            link_delay_us: self.delay.map(|delay| Micros(delay.as_micros() as u64)),
        });
        figures.clock = self.clock;
        let mut latencies_ms: Vec<f64> = arrivals
            .iter()
            .filter(|arrival| (first..=last).contains(&arrival.offset))
            .map(|arrival| arrival.received_us.since(arrival.sent_us).0 as f64 / 1000.0)
            .collect();
        latencies_ms.sort_by(f64::total_cmp);
        let age = AgeLine::of(self, arrivals);
        Some(Measured {
            open_ms: arrivals.first()?.received_us.since(heard.asked_us).0 as f64 / 1000.0,
            figures,
            missed_ticks: self.missed(arrivals, first, last),
            wire,
            age_ms: age.worst_ms,
            freezes_ms: age.freezes_ms,
            latencies_ms,
        })
    }

    /// From here on every time is ours.
    fn on_our_clock(&self, arrivals: &[Arrival]) -> Vec<Arrival> {
        let ours = |sent: Micros| Micros(sent.0.saturating_add_signed(self.clock.theta_us));
        arrivals
            .iter()
            .map(|arrival| Arrival {
                sent_us: ours(arrival.sent_us),
                ..*arrival
            })
            .collect()
    }

    /// The first offset published at or after `at_us`: by the schedule, from the message heard that was sent closest to
    /// it, since that one may be lost.
    fn offset_at(&self, arrivals: &[Arrival], at_us: Micros) -> Option<u64> {
        let closest = arrivals
            .iter()
            .min_by_key(|arrival| arrival.sent_us.0.abs_diff(at_us.0))?;
        let ahead = at_us.0 as f64 - closest.sent_us.0 as f64;
        // Half a period of grace: the schedule's stamps are a little late.
        let periods = (ahead / self.period_us.0 as f64 - 0.5).ceil();
        Some((closest.offset as f64 + periods).max(1.0) as u64)
    }

    /// Offsets have no holes for ticks that were missed, so time has run ahead of them.
    fn missed(&self, arrivals: &[Arrival], first: u64, last: u64) -> u64 {
        let within = || {
            arrivals
                .iter()
                .filter(|arrival| (first..=last).contains(&arrival.offset))
        };
        let (Some(earliest), Some(latest)) = (within().min_by_key(|a| a.offset), within().max_by_key(|a| a.offset))
        else {
            return 0;
        };
        let ticks = (latest.sent_us.since(earliest.sent_us).0 as f64 / self.period_us.0 as f64).round() as u64;
        ticks.saturating_sub(latest.offset - earliest.offset)
    }
}

/// The age of information over the window, to draw.
struct AgeLine {
    worst_ms: Vec<Option<f64>>,
    freezes_ms: Vec<(f64, f64)>,
}

impl AgeLine {
    fn of(window: &Window, arrivals: &[Arrival]) -> Self {
        let spans = window.until_us.since(window.from_us).0.div_ceil(SPAN_US) as usize;
        let mut line = Self {
            worst_ms: vec![None; spans],
            freezes_ms: Vec::new(),
        };
        let freeze_us = (3 * window.period_us.0).max(window.period_us.0 + 150_000); // METRICS: freeze
        let (mut newest, mut fresh_us) = (None, None);
        for arrival in arrivals {
            if newest.is_some_and(|newest| arrival.sent_us <= newest) {
                continue;
            }
            if let (Some(newest), Some(fresh_us)) = (newest, fresh_us) {
                line.rise(window, newest, fresh_us, arrival.received_us, freeze_us);
            }
            (newest, fresh_us) = (Some(arrival.sent_us), Some(arrival.received_us));
        }
        if let (Some(newest), Some(fresh_us)) = (newest, fresh_us) {
            line.rise(window, newest, fresh_us, window.until_us, freeze_us);
        }
        line
    }

    /// From one fresh arrival to the next the age rises with the clock.
    fn rise(&mut self, window: &Window, newest: Micros, from_us: Micros, to_us: Micros, freeze_us: u64) {
        let (from, to) = (from_us.max(window.from_us), to_us.min(window.until_us));
        if from >= to {
            return;
        }
        let at = |at_us: Micros| at_us.since(window.from_us).0;
        if to_us.since(from_us).0 >= freeze_us {
            self.freezes_ms.push((at(from) as f64 / 1000.0, at(to) as f64 / 1000.0));
        }
        for span in at(from) / SPAN_US..=(at(to) - 1) / SPAN_US {
            let end_us = window.from_us.0 + ((span + 1) * SPAN_US).min(at(to));
            let age_ms = end_us.saturating_sub(newest.0) as f64 / 1000.0;
            if let Some(worst) = self.worst_ms.get_mut(span as usize) {
                *worst = Some(worst.map_or(age_ms, |worst: f64| worst.max(age_ms)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD_US: u64 = 10_000;

    fn window() -> Window {
        Window {
            from_us: Micros(1_000_000),
            until_us: Micros(2_000_000),
            period_us: Micros(PERIOD_US),
            delay: Some(Duration::from_millis(20)),
            clock: Theta::SAME_CLOCK,
        }
    }

    /// A message every 10 ms from 0.5 s on, 20 ms on its way; `lost` are not heard.
    fn heard(lost: std::ops::Range<u64>) -> Heard {
        let arrivals = (1..=200).filter(|offset| !lost.contains(offset)).map(|offset| {
            let sent_us = 500_000 + offset * PERIOD_US + 30; // the schedule's stamps are a little late
            Arrival {
                offset,
                sent_us: Micros(sent_us),
                received_us: Micros(sent_us + 20_000),
                bytes: 100,
            }
        });
        Heard {
            arrivals: arrivals.collect(),
            ..Heard::default()
        }
    }

    #[test]
    fn a_window_has_what_was_published_in_it() {
        let measured = window().measure(&heard(0..0), Wire::default()).expect("it was heard");
        assert_eq!(measured.figures.delivery.published, 100);
        assert_eq!(measured.figures.delivery.delivered, 100);
        assert_eq!((measured.missed_ticks, measured.freezes_ms.len()), (0, 0));
        assert_eq!(measured.age_ms.len(), 20);
        assert!(
            measured
                .age_ms
                .iter()
                .all(|age| age.is_some_and(|age| (29.9..30.1).contains(&age))),
            "{measured:?}"
        );
    }

    #[test]
    fn what_is_lost_at_the_edge_still_counts_as_published() {
        let measured = window().measure(&heard(45..70), Wire::default()).expect("it was heard");
        let delivery = &measured.figures.delivery;
        assert_eq!((delivery.published, delivery.lost), (100, 20));
        assert_eq!(measured.freezes_ms, [(0.0, 220.03)], "open when the window opens");
    }

    #[test]
    fn a_missed_tick_is_time_without_an_offset() {
        let mut heard = heard(0..0);
        for arrival in heard.arrivals.iter_mut().filter(|arrival| arrival.offset > 100) {
            arrival.sent_us = Micros(arrival.sent_us.0 + 2 * PERIOD_US);
            arrival.received_us = Micros(arrival.received_us.0 + 2 * PERIOD_US);
        }
        assert_eq!(
            window()
                .measure(&heard, Wire::default())
                .expect("it was heard")
                .missed_ticks,
            2
        );
    }

    #[test]
    fn a_publisher_with_another_clock_changes_nothing() {
        let mut heard = heard(45..70);
        let same = window().measure(&heard, Wire::default()).expect("it was heard");
        let clock = Theta {
            theta_us: -400_000, // ours is behind
            error_us: Micros(300),
        };
        for arrival in &mut heard.arrivals {
            arrival.sent_us = Micros(arrival.sent_us.0 + 400_000);
        }
        let other = Window { clock, ..window() }
            .measure(&heard, Wire::default())
            .expect("it was heard");
        assert_eq!(other.figures.clock, clock, "and how wrong it may be is told");
        assert_eq!(
            (other.figures.age, other.figures.latency),
            (same.figures.age, same.figures.latency)
        );
        assert_eq!((other.age_ms, other.freezes_ms), (same.age_ms, same.freezes_ms));
        assert_eq!(other.figures.delivery, same.figures.delivery);
    }

    #[test]
    fn nothing_heard_is_nothing_measured() {
        assert!(window().measure(&Heard::default(), Wire::default()).is_none());
    }
}
