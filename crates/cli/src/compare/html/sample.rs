//! A small comparison made by hand: what the tests of the page and of the schema look at.

use std::time::Duration;

use wirelab_link::{
    Profile, Shape,
    rules::{Loss, Share},
};
use wirelab_model::metrics::{Age, Delivery, Freezes, Latency, Reordering, Summary, Theta};

use crate::compare::{
    lane::Lane,
    result::{
        Comparison, Finding, Judged, LaneResult, Machine, Measured, Outcome, PointResult, Run, SCHEMA, Setting, Wire,
    },
};

/// What a failed lane says, with all that HTML must not see.
pub(super) const WHY: &str = "no answer <script>alert(1)</script> & \"none\"";

/// A sweep of two losses beside the control, three seeds, one lane that failed once and one that never opened.
pub(in crate::compare) fn comparison() -> Comparison {
    Comparison {
        schema: SCHEMA,
        version: "0.1.0",
        command: "wirelab compare --sweep loss=0%,2%,5% --report '<script>.html'".into(),
        setting: Setting {
            topic: "state".into(),
            hz: 60,
            bytes: 100,
            lanes: Lane::ALL.to_vec(),
            seeds: vec![1, 2, 3],
            duration_ms: 10_000,
            warm_up_ms: 1_000,
            drain_ms: 2_000,
            target: None,
            congestion_control: "cubic".into(),
            mechanism: "two network namespaces".into(),
        },
        machine: Machine {
            os: "Linux".into(),
            kernel: "6.1".into(),
            cpu: "Some <Processor>".into(),
            cores: 2,
        },
        points: vec![point(0.0), point(0.02), point(0.05)],
        findings: vec![
            Finding {
                point: "loss 2%".into(),
                expected: "WebSocket is older than the data channel.".into(),
                holds: true,
                seen: "age p99 223 ms against 57.0 ms".into(),
            },
            Finding {
                point: "loss 2%".into(),
                expected: "The data channel is as old as UDP.".into(),
                holds: false,
                seen: "age p99 57.0 ms against 45.0 ms".into(),
            },
        ],
        thresholds: vec![
            judged("websocket.latency.p99<50ms", false, "223.0 ms"),
            judged("datachannel.delivered>=90%", true, "95.00 %"),
        ],
        warnings: vec!["1 of 9 runs was disturbed".into()],
    }
}

fn judged(text: &str, holds: bool, seen: &str) -> Judged {
    Judged {
        threshold: text.parse().expect("a threshold"),
        point: "loss 2%".into(),
        holds,
        seen: seen.into(),
    }
}

/// One run of each seed.
fn point(loss: f64) -> PointResult {
    let shape = Shape {
        delay: Duration::from_millis(20),
        loss: Loss::Random(Share::new(loss).expect("a share")),
        ..Shape::default()
    };
    let runs = (1..=3).map(|seed| Run {
        seed,
        disturbed: if seed == 3 && loss > 0.03 {
            vec!["the link was 1.4 ms late".into()]
        } else {
            Vec::new()
        },
        lanes: Lane::ALL.into_iter().map(|lane| result(lane, loss, seed)).collect(),
    });
    PointResult {
        label: format!("loss {}%", loss * 100.0),
        is_control: loss == 0.0,
        runs: runs.collect(),
        profile: Profile::symmetric(shape),
    }
}

fn result(lane: Lane, loss: f64, seed: u64) -> LaneResult {
    let failed = (lane == Lane::DataChannelReliable && seed == 2) || (lane == Lane::Sse && loss > 0.03);
    let outcome = if failed {
        Outcome::Failed(WHY.into())
    } else {
        Outcome::Measured(Box::new(measured(lane, loss, seed)))
    };
    LaneResult { lane, outcome }
}

/// Whether a message of this lane waits for those before it.
fn waits(lane: Lane) -> bool {
    !matches!(lane, Lane::Udp | Lane::DataChannel)
}

/// Lanes that wait freeze twice where packets are lost; the others never.
pub(super) fn measured(lane: Lane, loss: f64, seed: u64) -> Measured {
    let worst_ms = if waits(lane) {
        37.0 + 9_000.0 * loss
    } else {
        37.0 + 1_000.0 * loss
    } + seed as f64 * 3.0;
    let freezes_ms = if waits(lane) && loss > 0.0 {
        vec![(2_000.0, 2_210.0), (7_000.0, 7_191.0)]
    } else {
        Vec::new()
    };
    let frozen = |at: f64| freezes_ms.iter().any(|(from, to)| (*from..=*to).contains(&at));
    let age_ms = (0..200).map(|n| {
        let at = f64::from(n) * 50.0 + 25.0;
        (n != 0).then_some(if frozen(at) {
            worst_ms
        } else {
            36.0 + f64::from(n * 7 % 5)
        })
    });
    let mut latencies_ms: Vec<f64> = (0..590).map(|n| 20.1 + f64::from(n * 37 % 100) / 50.0).collect();
    if loss > 0.0 && waits(lane) {
        latencies_ms.extend((0..10).map(|n| 40.0 + f64::from(n) * worst_ms / 10.0));
    }
    latencies_ms.sort_by(f64::total_cmp);
    let us = |ms: f64| (ms * 1000.0) as u64;
    Measured {
        open_ms: 63.2,
        figures: Summary {
            delivery: Delivery {
                published: 600,
                delivered: latencies_ms.len() as u64,
                lost: 600 - latencies_ms.len() as u64,
                skipped: 0,
                on_time: 590,
                duplicates: 0,
                too_old: 0,
                delivered_share: Some(latencies_ms.len() as f64 / 600.0),
                lost_share: Some(1.0 - latencies_ms.len() as f64 / 600.0),
                skipped_share: Some(0.0),
                on_time_share: Some(590.0 / 600.0),
            },
            latency: Some(Latency {
                least_us: 20_100,
                p50_us: 21_100,
                p95_us: 22_000,
                p99_us: us(worst_ms - 16.0),
                p99_9_us: us(worst_ms),
                max_us: us(worst_ms + 2.0),
                negative: 0,
            }),
            clock: Theta::SAME_CLOCK,
            age: Some(Age {
                mean_us: 29_400.0,
                p50_us: 29_000,
                p99_us: us(worst_ms),
                peak_us: us(worst_ms + 4.0),
                watched_us: 10_000_000,
            }),
            longest_gap_ms: worst_ms - 10.0,
            freezes: Freezes {
                count: freezes_ms.len() as u64,
                total_ms: freezes_ms.iter().map(|(from, to)| to - from).sum(),
                threshold_ms: 166.667,
            },
            reordering: Reordering {
                count: 0,
                share: Some(0.0),
                greatest_depth: 0,
            },
            jitter_us: 412.7,
            payload_bytes: 60_000,
        },
        missed_ticks: 0,
        wire: Wire {
            down_packets: 600,
            down_bytes: 93_600,
            up_packets: 300,
            up_bytes: 15_600,
            lost_packets: 12,
            lateness_p99_us: 140,
        },
        age_ms: age_ms.collect(),
        freezes_ms,
        latencies_ms,
    }
}

/// A lane over which nothing came.
pub(super) fn silent() -> Measured {
    let mut run = measured(Lane::Udp, 0.0, 1);
    (run.figures.latency, run.figures.age) = (None, None);
    run.figures.delivery.delivered_share = None;
    run.figures.reordering.share = None;
    run.figures.jitter_us = f64::NAN;
    (run.age_ms, run.latencies_ms) = (Vec::new(), Vec::new());
    run
}
