//! What holds for every meter, whatever arrives.

use proptest::prelude::*;

use super::*;

const OPENING: Opening = Opening {
    first: 1,
    from_us: None,
    period_us: Micros(10_000),
    clock: Theta::SAME_CLOCK,
};

/// A message of a steady schedule: offset n is sent at n × 10 ms.
fn arrival(offset: u64, transit_us: u64) -> Arrival {
    let sent_us = offset * 10_000;
    Arrival {
        offset,
        sent_us: Micros(sent_us),
        received_us: Micros(sent_us + transit_us),
        bytes: 100,
    }
}

fn measure(opening: Opening, arrivals: &[Arrival], skipped: u64, closing: Closing) -> Summary {
    let mut meter = Meter::new(opening);
    arrivals.iter().for_each(|arrival| meter.arrival(*arrival));
    meter.skipped(skipped);
    meter.summary(closing)
}

fn closing(last: u64) -> Closing {
    Closing {
        last,
        until_us: Micros((last + 1) * 10_000),
        link_delay_us: None,
    }
}

/// Some of the first two hundred messages, some twice, each with its own delay, in the order in which they come.
fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    prop::collection::vec((1_u64..200, 0_u64..300_000), 0..200).prop_map(|picks| {
        let mut arrivals: Vec<_> = picks
            .into_iter()
            .map(|(offset, transit_us)| arrival(offset, transit_us))
            .collect();
        arrivals.sort_by_key(|arrival| arrival.received_us);
        arrivals
    })
}

/// Δ by its definition, µs by µs, over the same time: the sum of `t − newest` at the middle of each µs, doubled.
fn age_by_definition(arrivals: &[Arrival], until_us: u64) -> Option<(u64, u64, u64)> {
    let from_us = arrivals.first()?.received_us.0;
    let (mut twice_area, mut peak_us, mut newest_us, mut i) = (0, 0, 0, 0);
    for t in from_us..until_us {
        while let Some(arrival) = arrivals.get(i).filter(|arrival| arrival.received_us.0 <= t) {
            newest_us = newest_us.max(arrival.sent_us.0);
            i += 1;
        }
        twice_area += 2 * (t - newest_us) + 1;
        peak_us = peak_us.max(t + 1 - newest_us);
    }
    Some((twice_area, peak_us, until_us.saturating_sub(from_us)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))] // a meter fills thousands of bins for a long tooth

    #[test]
    fn every_message_published_is_delivered_lost_or_skipped(
        arrivals in arrivals(), skipped in 0_u64..300, last in 0_u64..300,
    ) {
        let delivery = measure(OPENING, &arrivals, skipped, closing(last)).delivery;
        prop_assert_eq!(delivery.delivered + delivery.lost + delivery.skipped, delivery.published);
        prop_assert!(delivery.on_time <= delivery.delivered && delivery.published >= last);
        prop_assert_eq!(delivery.delivered + delivery.duplicates + delivery.too_old, arrivals.len() as u64);
    }

    #[test]
    fn the_age_is_never_below_the_least_latency(arrivals in arrivals()) {
        let summary = measure(OPENING, &arrivals, 0, closing(250));
        if let (Some(age), Some(latency)) = (summary.age, summary.latency) {
            prop_assert!(age.mean_us >= latency.least_us as f64 && age.p50_us >= latency.least_us);
            prop_assert!(age.p50_us <= age.p99_us && age.p99_us <= age.peak_us);
        }
    }

    #[test]
    fn the_age_is_what_its_definition_says(picks in prop::collection::vec((1_u64..40, 0_u64..5000), 1..40)) {
        let mut arrivals: Vec<_> = picks.into_iter().map(|(n, delay)| Arrival {
            offset: n, sent_us: Micros(n * 100), received_us: Micros(n * 100 + delay), bytes: 1,
        }).collect();
        arrivals.sort_by_key(|arrival| arrival.received_us);
        let until_us = arrivals.last().expect("not empty").received_us.0 + 500;
        let age = measure(OPENING, &arrivals, 0, Closing { last: 0, until_us: Micros(until_us), link_delay_us: None })
            .age.expect("watched");
        let (twice_area, peak_us, watched_us) = age_by_definition(&arrivals, until_us).expect("not empty");
        prop_assert_eq!((age.peak_us, age.watched_us), (peak_us, watched_us));
        prop_assert_eq!(age.mean_us, twice_area as f64 / (2 * watched_us) as f64);
    }

    #[test]
    fn a_constant_delay_has_no_jitter_and_one_latency(offsets in prop::collection::btree_set(1_u64..500, 1..100), transit_us in 0_u64..1_000_000) {
        let arrivals: Vec<_> = offsets.iter().map(|offset| arrival(*offset, transit_us)).collect();
        let summary = measure(OPENING, &arrivals, 0, closing(500));
        prop_assert_eq!(summary.jitter_us, 0.0);
        prop_assert_eq!(summary.reordering.count, 0);
        let latency = summary.latency.expect("delivered");
        prop_assert_eq!((latency.least_us, latency.p50_us, latency.max_us), (transit_us, transit_us, transit_us));
        prop_assert_eq!(summary.delivery.on_time, summary.delivery.delivered);
    }

    #[test]
    fn counts_do_not_depend_on_order(arrivals in arrivals().prop_shuffle(), skipped in 0_u64..50) {
        let mut sorted = arrivals.clone();
        sorted.sort_by_key(|arrival| (arrival.offset, arrival.received_us));
        let [any, by_offset] = [arrivals, sorted].map(|list| measure(OPENING, &list, skipped, closing(250)));
        let counts = |d: &Delivery| (d.published, d.delivered, d.lost, d.skipped, d.duplicates, d.too_old);
        prop_assert_eq!(counts(&any.delivery), counts(&by_offset.delivery));
        prop_assert_eq!(any.payload_bytes, by_offset.payload_bytes);
        prop_assert_eq!(by_offset.reordering.count, 0, "in order of offsets nothing is reordered");
    }

    #[test]
    fn a_clock_apart_changes_nothing_once_it_is_known(arrivals in arrivals(), apart_us in 0_u64..10_000_000) {
        let shift = |time: Micros| Micros(time.0 + apart_us);
        let shifted: Vec<_> =
            arrivals.iter().map(|a| Arrival { received_us: shift(a.received_us), ..*a }).collect();
        let theta = Theta { theta_us: apart_us as i64, error_us: Micros(7) };
        let from_us = Some(Micros(100_000));
        let here = measure(Opening { from_us, ..OPENING }, &arrivals, 0, closing(250));
        let opening = Opening { from_us: from_us.map(shift), clock: theta, ..OPENING };
        let there = measure(opening, &shifted, 0, Closing { until_us: shift(closing(250).until_us), ..closing(250) });
        prop_assert_eq!(there, Summary { clock: theta, ..here });
    }

    #[test]
    fn nothing_a_stranger_sends_breaks_it(
        stamps in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>()), 0..20),
        theta_us: i64, first: u64, from_us: Option<u64>, last: u64, until_us: u64, skipped: u64,
    ) {
        let clock = Theta { theta_us, error_us: Micros(0) };
        let opening = Opening { first, from_us: from_us.map(Micros), period_us: Micros(until_us), clock };
        let arrivals: Vec<_> = stamps.into_iter().map(|(offset, sent, received, bytes)| Arrival {
            offset, sent_us: Micros(sent), received_us: Micros(received), bytes,
        }).collect();
        let summary =
            measure(opening, &arrivals, skipped, Closing { last, until_us: Micros(until_us), link_delay_us: None });
        let delivery = summary.delivery;
        prop_assert_eq!(delivery.delivered + delivery.lost + delivery.skipped, delivery.published);
    }
}

#[test]
fn an_asker_one_second_ahead_measures_the_true_latency() {
    // The receiver's clock shows a second more than the server's. A round trip of 20 ms each way tells it so.
    let mut offset = clock::ClockOffset::default();
    let trip = offset
        .sample(Micros(1_000_000), Micros(20_000), Micros(20_000), Micros(1_040_000))
        .expect("possible");
    assert_eq!(trip.offset_us, -1_000_000, "RFC 5905: the server is behind");
    let opening = Opening {
        clock: trip.theta_for_asker(),
        ..OPENING
    };
    let ahead = Arrival {
        offset: 1,
        sent_us: Micros(50_000),
        received_us: Micros(1_070_000),
        bytes: 1,
    };
    let summary = measure(opening, &[ahead], 0, closing(1));
    assert_eq!(summary.latency.expect("delivered").p50_us, 20_000);
    assert_eq!(
        summary.clock,
        Theta {
            theta_us: 1_000_000,
            error_us: Micros(20_000)
        }
    );
}

#[test]
fn the_warm_up_counts_in_nothing_but_the_age_at_the_opening() {
    let opening = Opening {
        first: 10,
        from_us: Some(Micros(100_000)),
        ..OPENING
    };
    let summary = measure(
        opening,
        &[arrival(1, 900), arrival(9, 5000), arrival(10, 5000)],
        0,
        closing(10),
    );
    assert_eq!((summary.delivery.published, summary.delivery.delivered), (1, 1));
    assert_eq!(
        (summary.payload_bytes, summary.jitter_us, summary.longest_gap_ms),
        (100, 0.0, 5.0)
    );
    let age = summary.age.expect("watched");
    // From 10 ms (message 9, sent at 90 ms, seen at 100 ms) to 15 ms, then from 5 ms to 10 ms.
    assert_eq!((age.mean_us, age.peak_us, age.watched_us), (10_000.0, 15_000, 10_000));
}

#[test]
fn a_long_run_does_not_grow() {
    // A schedule of 10 µs, to keep the test short.
    let sent = |offset: u64| Arrival {
        sent_us: Micros(offset * 10),
        ..arrival(offset, 0)
    };
    let mut meter = Meter::new(OPENING);
    for offset in 1..=200_000 {
        meter.arrival(Arrival {
            received_us: Micros(offset * 10 + 5),
            ..sent(offset)
        });
    }
    meter.arrival(Arrival {
        received_us: Micros(2_000_005),
        ..sent(200_000 - 65_536)
    });
    let delivery = meter
        .summary(Closing {
            last: 200_000,
            until_us: Micros(2_000_010),
            link_delay_us: None,
        })
        .delivery;
    assert_eq!(
        (delivery.delivered, delivery.too_old, delivery.duplicates),
        (200_000, 1, 0)
    );
}
