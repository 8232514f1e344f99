//! The rules, in virtual time.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const FLOW: FlowKey = FlowKey {
    protocol: 17,
    server_port: 1,
    client_port: 2,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn share(of_one: f64) -> Share {
    Share::new(of_one).expect("a share")
}

/// Sends packets of these sizes at these distances, and gives each fate and what came out, in order.
fn run(shape: &Shape, seed: u64, packets: &[(u64, usize)]) -> (Vec<Fate>, Vec<(Duration, usize)>, Counters) {
    let mut line = Line::new(shape.clone(), seed, Direction::Down);
    let (mut now, mut out) = (Duration::ZERO, Vec::new());
    let mut fates = Vec::new();
    for (number, (gap_us, bytes)) in packets.iter().enumerate() {
        now += Duration::from_micros(*gap_us);
        while let Some(released) = line.release(now) {
            out.push((released.due, released.packet));
        }
        fates.push(line.enter(now, number, *bytes, FLOW));
    }
    while let Some(due) = line.next_due() {
        let released = line.release(due).expect("it is due");
        out.push((released.due, released.packet));
    }
    (fates, out, line.counters().clone())
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        (0.0..1.0).prop_map(|of_one| Loss::Random(share(of_one))),
        (0.0..0.9, 1_u64..500).prop_map(|(of_one, mean)| Loss::Outages {
            outages: share(of_one),
            mean: ms(mean)
        }),
        (0.0..0.9, 1.0..50.0).prop_map(|(of_one, length)| Loss::Bursts {
            bursts: share(of_one),
            length
        }),
    ]
}

prop_compose! {
    fn shape()(
        delay in 0_u64..300, jitter in 0_u64..100, loss in loss(), rate in proptest::option::of(8_000_u64..1_000_000_000),
        queue in 1_u64..500, duplicate in 0.0..0.5, reorder in 0.0..0.5,
    ) -> Shape {
        Shape {
            delay: ms(delay),
            jitter: ms(jitter),
            loss,
            rate: rate.and_then(Rate::new),
            queue: ms(queue),
            duplicate: share(duplicate),
            reorder: share(reorder),
        }
    }
}

fn packets() -> impl Strategy<Value = Vec<(u64, usize)>> {
    proptest::collection::vec((0_u64..20_000, 40_usize..1500), 1..300)
}

proptest! {
    #[test]
    fn every_packet_is_accounted_for(shape in shape(), packets in packets(), seed: u64) {
        let (fates, out, counters) = run(&shape, seed, &packets);
        let due: usize = fates.iter().map(|fate| match fate {
            Fate::Due { twice, .. } => 1 + usize::from(*twice),
            Fate::Dropped(_) => 0,
        }).sum();
        prop_assert_eq!(out.len(), due);
        prop_assert_eq!(counters.packets as usize, packets.len());
        prop_assert_eq!(counters.ip_bytes as usize, packets.iter().map(|(_, bytes)| bytes).sum::<usize>());
        prop_assert_eq!(
            counters.packets + counters.duplicated,
            counters.delivered + counters.lost + counters.queue_dropped + counters.overflowed
        );
        prop_assert_eq!(counters.flows().len(), 1);
    }

    #[test]
    fn without_reordering_nothing_overtakes_whatever_the_jitter(mut shape in shape(), packets in packets(), seed: u64) {
        shape.reorder = Share::NONE;
        let (_, out, _) = run(&shape, seed, &packets);
        prop_assert!(out.is_sorted_by(|(_, a), (_, b)| a <= b));
    }

    #[test]
    fn the_same_seed_has_the_same_fates_and_another_has_others(shape in shape(), packets in packets(), seed: u64) {
        prop_assert_eq!(run(&shape, seed, &packets).0, run(&shape, seed, &packets).0);
    }

    #[test]
    fn one_figure_changes_nothing_of_the_others_draws(mut shape in shape(), packets in packets(), seed: u64, delay in 0_u64..300) {
        let lost = |shape: &Shape| -> Vec<bool> {
            let (fates, ..) = run(shape, seed, &packets);
            fates.iter().map(|fate| *fate == Fate::Dropped(Dropped::Lost)).collect()
        };
        let before = lost(&shape);
        (shape.delay, shape.duplicate) = (ms(delay), Share::NONE);
        prop_assert_eq!(before, lost(&shape));
    }

    #[test]
    fn the_rate_is_never_exceeded(mut shape in shape(), packets in packets(), seed: u64, rate in 8_000_u64..50_000_000) {
        (shape.rate, shape.jitter, shape.duplicate) = (Rate::new(rate), Duration::ZERO, Share::NONE);
        (shape.reorder, shape.loss) = (Share::NONE, Loss::default());
        let (_, out, _) = run(&shape, seed, &packets);
        let bits = |from: usize, to: usize| -> u64 { out[from..=to].iter().map(|(_, n)| packets[*n].1 as u64 * 8).sum() };
        for window in [2, 5, 20, 100] {
            for from in 0..out.len().saturating_sub(window) {
                let to = from + window;
                // The first packet's bits came before its own instant.
                let most = (out[to].0 - out[from].0).as_secs_f64() * rate as f64 + 1.0;
                prop_assert!(bits(from + 1, to) as f64 <= most);
            }
        }
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_none_before_its_time(shape in shape(), packets in packets(), seed: u64) {
        let (fates, ..) = run(&shape, seed, &packets);
        let mut line = Line::new(shape.clone(), seed, Direction::Down);
        let mut now = Duration::ZERO;
        for (number, (gap_us, bytes)) in packets.iter().enumerate() {
            now += Duration::from_micros(*gap_us);
            prop_assert_eq!(line.enter(now, number, *bytes, FLOW), fates[number]);
            if let Some(due) = line.next_due() {
                prop_assert!(due >= now || line.release(now).is_some());
            }
        }
        let mut last = Duration::ZERO;
        while let Some(due) = line.next_due() {
            prop_assert!(due >= last);
            if due > Duration::ZERO {
                prop_assert!(line.release(due - Duration::from_nanos(1)).is_none());
            }
            last = line.release(due).expect("it is due").due;
        }
    }

    #[test]
    fn outages_are_the_same_however_many_packets_ask(seed: u64, of_one in 0.05..0.5, mean in 20_u64..300) {
        let shape = Shape { loss: Loss::Outages { outages: share(of_one), mean: ms(mean) }, ..Shape::default() };
        let lost_at = |every_us: u64| -> Vec<u64> {
            let packets = vec![(every_us, 100); (2_000_000 / every_us) as usize];
            let (fates, ..) = run(&shape, seed, &packets);
            (1..).zip(fates).filter(|(_, fate)| *fate == Fate::Dropped(Dropped::Lost)).map(|(n, _)| n * every_us).collect()
        };
        let (often, seldom) = (lost_at(1_000), lost_at(50_000));
        prop_assert_eq!(often.into_iter().filter(|at| at % 50_000 == 0).collect::<Vec<_>>(), seldom);
    }
}

#[test]
fn shares_come_out_as_asked() {
    let packets = vec![(1_000, 100); 50_000];
    let lost = |loss| {
        let shape = Shape {
            loss,
            ..Shape::default()
        };
        run(&shape, 7, &packets).2.lost as f64 / packets.len() as f64
    };
    let random = lost(Loss::Random(share(0.05)));
    assert!((random - 0.05).abs() < 0.005, "{random}");
    let outages = lost(Loss::Outages {
        outages: share(0.05),
        mean: ms(50),
    });
    assert!((outages - 0.05).abs() < 0.02, "{outages}");
    let bursts = lost(Loss::Bursts {
        bursts: share(0.05),
        length: 5.0,
    });
    assert!((bursts - 0.05).abs() < 0.015, "{bursts}");
}

#[test]
fn what_is_in_flight_is_bounded_and_counted() {
    let mut line = Line::new(
        Shape {
            delay: ms(10_000),
            ..Shape::default()
        },
        1,
        Direction::Up,
    );
    for number in 0..MOST_PACKETS as u64 + 5 {
        line.enter(Duration::from_nanos(number), (), 40, FLOW);
    }
    assert!(line.counters().overflowed > 0);
}

#[test]
fn flows_beyond_the_limit_are_counted_together() {
    let mut line = Line::new(Shape::default(), 1, Direction::Up);
    for port in 0..1_000 {
        let flow = FlowKey {
            client_port: port,
            ..FLOW
        };
        line.enter(Duration::ZERO, (), 100, flow);
    }
    let flows = line.counters().flows();
    assert_eq!(flows.len(), MOST_FLOWS);
    assert_eq!(flows[0].0, FlowKey::OTHER);
    assert_eq!(flows.iter().map(|(_, flow)| flow.packets).sum::<u64>(), 1_000);
}

#[test]
fn nonsense_is_refused_with_what_would_make_sense() {
    let refusal = |shape: Shape| Profile::symmetric(shape).validate().expect_err("nonsense").to_string();
    let plain = Shape::default;
    let slow = refusal(Shape {
        delay: ms(60_000),
        ..plain()
    });
    assert_eq!(slow, "a delay of 1m is more than 10s: say a shorter one");
    let rate = Rate::new(1_000);
    assert!(refusal(Shape { rate, ..plain() }).contains("the least is 8kbit/s"));
    let outages = |of_one, mean| Shape {
        loss: Loss::Outages {
            outages: share(of_one),
            mean,
        },
        ..plain()
    };
    assert!(refusal(outages(1.0, ms(100))).contains("the most is 95%"));
    assert!(refusal(outages(0.1, Duration::ZERO)).contains("at least 1ms"));
    let bursts = Loss::Bursts {
        bursts: share(0.1),
        length: 0.5,
    };
    assert!(
        refusal(Shape {
            loss: bursts,
            ..plain()
        })
        .contains("1 to 1000")
    );
    let bursts = Loss::Bursts {
        bursts: share(0.9),
        length: 2.0,
    };
    let dense = refusal(Shape {
        loss: bursts,
        ..plain()
    });
    assert!(dense.contains("at least 9.0 packets"), "{dense}");
    for loss in [
        "'lots'",
        "{ outages = '5%', mean = '1s', length = 5 }",
        "{ outages = '5%' }",
    ] {
        let refused = toml::from_str::<Shape>(&format!("loss = {loss}"))
            .expect_err(loss)
            .to_string();
        assert!(refused.contains("a loss is"), "{refused}");
    }
    for text in ["2", "-1%", "101%", "two%", "NaN%", ""] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
    for text in ["20", "0bit/s", "-1Mbit/s", "NaNMbit/s", "9999999Gbit/s", "fast"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
    assert_eq!(
        "7%".parse::<Share>().map(|share| share.to_string()),
        Ok("7%".to_owned())
    );
    assert_eq!(
        "1.6Mbit/s".parse::<Rate>().map(|rate| rate.to_string()),
        Ok("1.6Mbit/s".to_owned())
    );
}

/// A published run is repeated by its seed, with later versions too. Whoever has to change these numbers has changed
/// what every seed means, and says so in the changelog.
#[test]
fn a_seed_means_the_same_in_every_version() {
    let lost = |loss, direction| -> Vec<u64> {
        let mut line = Line::new(
            Shape {
                loss,
                ..Shape::default()
            },
            7,
            direction,
        );
        let fates = (0..60).map(|n| (n, line.enter(ms(n * 10), (), 100, FLOW)));
        fates
            .filter(|(_, fate)| *fate == Fate::Dropped(Dropped::Lost))
            .map(|(n, _)| n)
            .collect()
    };
    let outages = Loss::Outages {
        outages: share(0.2),
        mean: ms(50),
    };
    let found = [
        lost(Loss::Random(share(0.1)), Direction::Down),
        lost(Loss::Random(share(0.1)), Direction::Up),
        lost(outages, Direction::Down),
    ];
    let known: [&[u64]; 3] = [
        &[1, 4, 7, 31, 45, 57],
        &[2, 18, 26, 30, 31, 33, 45, 46, 52, 53, 56],
        &[15, 16, 17, 18],
    ];
    assert_eq!(found, known);
}
