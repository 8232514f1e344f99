//! Reports that are read, and those that are refused.

use serde_json::{Value, json};

use super::*;
use crate::advice::{Network, Where, advise};

/// As `compare` writes it, with more than is read.
fn compare(points: &[Value]) -> Value {
    json!({
        "schema": "wirelab.compare.v1", "version": "9.9", "setting": {"hz": 60, "seeds": [1, 2]}, "points": points,
        "findings": [], "something_new": {"a": [1]},
    })
}

fn point(label: &str, is_control: bool, loss: &str, runs: &[(&[&str], f64, f64)]) -> Value {
    let lane = |lane: &str, p99_ms: f64| json!({"lane": lane, "measured": {"open_ms": 1.0, "figures": {"latency": {"p50_us": 1, "p99_us": p99_ms * 1000.0}}}});
    let runs = runs.iter().map(|(disturbed, stream, datachannel)| {
        json!({"seed": 1, "disturbed": disturbed, "lanes": [
            lane("sse", *stream), lane("websocket", *stream + 2.0), lane("datachannel", *datachannel),
            {"lane": "datachannel-reliable", "failed": "it did not open"},
        ]})
    });
    let shape = json!({"delay": "20ms", "loss": loss});
    json!({"label": label, "is_control": is_control, "profile": {"down": shape, "up": shape}, "runs": runs.collect::<Vec<_>>()})
}

fn evidence(reports: &[Value]) -> Evidence {
    let mut evidence = Evidence::default();
    for (n, report) in reports.iter().enumerate() {
        evidence
            .add(&format!("{n}.json"), &report.to_string())
            .expect("a report");
    }
    evidence
}

fn refused(json: &str) -> EvidenceError {
    Evidence::default().add("a.json", json).expect_err("no evidence")
}

#[test]
fn a_measured_figure_takes_the_built_in_ones_place_and_is_cited() {
    let sweep = compare(&[
        point("loss 0%", true, "0%", &[(&[], 20.0, 20.0)]),
        point(
            "loss 2%",
            false,
            "2%",
            &[(&[], 50.0, 21.0), (&["late"], 900.0, 900.0), (&[], 54.0, 22.0)],
        ),
        point("loss 5%", false, "5%", &[(&[], 300.0, 23.0)]),
    ]);
    let evidence = evidence(&[sweep]);
    let needs = |network| Needs {
        network,
        ..Needs::default()
    };
    let at = |network| {
        evidence
            .p99_ms(Kind::Stream, &needs(network))
            .expect("it was measured")
            .0
    };
    assert_eq!(at(Network::Clean), 20.0);
    assert_eq!(
        at(Network::SomeLoss),
        52.0,
        "the median of 50, 52, 54 and 56; the disturbed run is left out"
    );
    assert_eq!(at(Network::Lossy), 300.0);
    assert_eq!(
        evidence.p99_ms(Kind::DatachannelReliable, &needs(Network::Clean)),
        None,
        "it failed"
    );

    let advice = advise(&needs(Network::SomeLoss), &evidence);
    assert_eq!(advice.ranked[0].lateness.p99_ms, 52.0);
    assert!(
        advice.ranked[0]
            .lateness
            .source
            .starts_with("0.json: sse and websocket: latency p99 52.0 ms at loss 2%")
    );
    let cited = &advice.cited[0];
    assert_eq!(
        cited.instead_of.as_deref(),
        Some("77.4 ms, docs/results/rtt-40ms.txt, loss 2 %")
    );
    assert!(
        advice
            .cited
            .iter()
            .any(|cited| cited.says == "loss 2%: disturbed and left out: 1 of the runs")
    );
}

#[test]
fn what_was_measured_changes_the_choice() {
    let needs = Needs {
        latency_ms: 60,
        ..Needs::default()
    };
    let without = advise(&needs, &Evidence::default());
    assert!(
        without.outcome.chosen().is_empty(),
        "77 ms on a stream is built in: {:?}",
        without.outcome
    );
    let good = compare(&[point("loss 2%", false, "2%", &[(&[], 40.0, 21.0)])]);
    let with = advise(&needs, &evidence(&[good]));
    assert_eq!(with.outcome.first(), Some(Transport::Sse));
}

#[test]
fn a_real_path_is_taken_for_whatever_network_is_meant_and_the_later_report_counts() {
    let path = |ms| {
        let mut report = compare(&[
            json!({"label": "http://192.0.2.7", "is_control": false, "profile": {}, "runs": [
                {"disturbed": [], "lanes": [{"lane": "tcp", "measured": {"figures": {"latency": {"p99_us": ms * 1000}}}}]},
            ]}),
        ]);
        report["setting"]["target"] = json!("http://192.0.2.7");
        report
    };
    let evidence = evidence(&[path(30), path(35)]);
    for network in [Network::Clean, Network::Lossy] {
        let needs = Needs {
            network,
            ..Needs::default()
        };
        assert_eq!(evidence.p99_ms(Kind::Stream, &needs).map(|(ms, _)| ms), Some(35.0));
    }
}

#[test]
fn a_bench_is_the_price() {
    let report = json!({"schema": "wirelab.bench.v1", "setting": {"what": "idle"}, "contenders": [
        {"lane": "sse", "server": "wirelab", "runs": [], "median": {"user_kib": 0.7, "kernel_kib": 9.0, "open_s": null}},
        {"lane": "websocket", "server": "wirelab", "runs": [], "median": null},
        {"lane": "datachannel-reliable", "server": "wirelab", "runs": [], "median": {"user_kib": 1.0}},
        {"lane": "websocket", "server": "reference", "runs": [], "median": {"million_cpu_s": 20.0}},
    ]});
    let needs = Needs {
        connections: 1024,
        ..Needs::default()
    };
    let advice = advise(&needs, &evidence(&[report]));
    let [first, second, ..] = &advice.costs[..] else {
        panic!("{:?}", advice.costs)
    };
    assert_eq!(
        (first.measured, first.memory_mib),
        (Where::Evidence, Some(5.2)),
        "half of the kernel's, for one end"
    );
    assert_eq!((second.connection_kib, second.cores), (None, Some(20.0 * 1024.0 / 1e6)));
    let ours = advice
        .costs
        .iter()
        .filter(|cost| cost.server == "wirelab" && cost.transport == Transport::Sse);
    assert_eq!(ours.count(), 1, "the built-in figure is gone");
    assert_eq!(advice.cited.len(), 2);
}

#[test]
fn a_check_that_fails_counts() {
    let check = |id: &str, status: &str| json!({"id": id, "verdict": status, "measured": "held until close", "hint": "proxy_buffering off", "more": 1});
    let report = json!({"schema": "wirelab.verify.v1", "target": "https://feed.example.org", "checks": [
        check("sse.streaming", "FAIL"), check("sse.retry", "fail"), check("ws.limit", "Fail"), check("ws.upgrade", "PASS"),
        check("webrtc.open", "SKIP"), check("ssex", "FAIL"),
        {"id": "idle.ws", "verdict": "WARN", "limit_s": 30.0}, {"id": "idle.sse", "verdict": "PASS", "limit_s": 0},
    ]});
    let evidence = evidence(&[report]);
    let advice = advise(&Needs::default(), &evidence);
    let of = |transport| {
        advice
            .ranked
            .iter()
            .find(|standing| standing.transport == transport)
            .expect("all are ranked")
    };
    let [out] = &of(Transport::Sse).ruled_out[..] else {
        panic!("{:?}", of(Transport::Sse))
    };
    assert_eq!(
        out.because,
        "On this path sse.streaming fails: held until close; proxy_buffering off"
    );
    assert_eq!(out.source.as_deref(), Some("0.json"));
    assert!(
        of(Transport::Sse)
            .preferences
            .iter()
            .any(|preference| preference.because.contains("sse.retry"))
    );
    assert!(of(Transport::WebSocket).ruled_out.is_empty());
    assert!(
        of(Transport::WebSocket)
            .preferences
            .iter()
            .any(|preference| preference.because.contains("ws.limit"))
    );
    let heartbeat = advice
        .settings
        .iter()
        .find(|setting| setting.name == "heartbeat")
        .expect("of a WebSocket");
    assert_eq!(heartbeat.flag.as_deref(), Some("--websocket-heartbeat 15s"));
    assert!(heartbeat.because.contains("30 s, measured, 0.json"));
    assert_eq!(
        advice.cited.iter().filter(|cited| cited.says.contains("fails")).count(),
        4
    );
}

#[test]
fn what_is_no_report_is_refused_in_words() {
    assert!(matches!(refused("{"), EvidenceError::NotJson { .. }));
    assert!(matches!(refused("[]"), EvidenceError::NotJson { .. }));
    assert!(matches!(refused("{}"), EvidenceError::NoSchema { .. }));
    assert!(matches!(refused(r#"{"schema": 1}"#), EvidenceError::NoSchema { .. }));
    let other = refused(r#"{"schema": "wirelab.compare.v2"}"#).to_string();
    assert_eq!(
        other,
        "a.json is wirelab.compare.v2; this version reads wirelab.compare.v1, wirelab.bench.v1 and wirelab.verify.v1"
    );
    for schema in ["wirelab.compare.v1", "wirelab.bench.v1", "wirelab.verify.v1"] {
        let error = refused(&json!({"schema": schema}).to_string());
        assert!(
            matches!(&error, EvidenceError::Shape { why, .. } if why.contains("missing field")),
            "{error}"
        );
    }
}

#[test]
fn reports_are_bounded() {
    let report = json!({"schema": "wirelab.bench.v1", "contenders": []}).to_string();
    let mut evidence = Evidence::default();
    for n in 0..MAX_REPORTS {
        evidence.add(&n.to_string(), &report).expect("there is room");
    }
    assert!(matches!(
        evidence.add("one more", &report),
        Err(EvidenceError::TooMany { .. })
    ));
}
