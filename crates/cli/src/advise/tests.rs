//! What is said, and that the page says the same.

use serde_json::{Map, Value, json};
use wirelab_model::advice::{Advice, Evidence, Needs, advise};

use super::{record::record, text::text};

/// A game's state, with a report from a path that is worse than was thought.
fn advice() -> Advice {
    let preset = wirelab_model::advice::presets()
        .iter()
        .find(|preset| preset.id == "game-state");
    let mut answers = preset.expect("it is there").needs.clone();
    answers.insert("proxies".into(), json!(["alb"]));
    answers.insert("connections".into(), json!(3000));
    let mut evidence = Evidence::default();
    let lane =
        |lane: &str, p99_us: u32| json!({"lane": lane, "measured": {"figures": {"latency": {"p99_us": p99_us}}}});
    let report = json!({
        "schema": "wirelab.compare.v1",
        "setting": {"target": "http://192.0.2.7:8080"},
        "points": [{"label": "<the real path> | *now*", "is_control": false, "runs": [
            {"disturbed": [], "lanes": [lane("sse", 81_500), lane("websocket", 83_250), lane("datachannel", 22_000)]},
        ]}],
    });
    evidence.add("path_1.json", &report.to_string()).expect("a report");
    advise(&Needs::read(&answers).expect("answers"), &evidence)
}

/// Checked in, so that the page's test has both; `WIRELAB_BLESS=1 cargo test -p wirelab record` writes them anew.
fn golden(name: &str, now: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/record")
        .join(name);
    if std::env::var_os("WIRELAB_BLESS").is_some() {
        std::fs::write(&path, now).expect("the golden file");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file");
    assert_eq!(now, golden, "{name} has changed: bless it if that is meant");
}

#[test]
fn the_record_is_the_one_that_the_page_writes() {
    let advice = advice();
    golden(
        "advice.json",
        &(serde_json::to_string_pretty(&advice).expect("JSON") + "\n"),
    );
    golden("record.md", &record(&advice));
}

#[test]
fn a_tie_and_nothing_at_all_have_a_record_too() {
    let of = |answers: Value| {
        let Value::Object(answers) = answers else {
            unreachable!("an object")
        };
        record(&advise(&Needs::read(&answers).expect("answers"), &Evidence::default()))
    };
    let tie = of(json!({"talks": "both", "client_hz": 0.1, "simple": false}));
    assert!(
        tie.starts_with("# Transport: no clear winner: Server-Sent Events or WebSocket\n"),
        "{tie}"
    );
    let none = of(json!({"network": "lossy", "latency_ms": 100}));
    assert!(none.contains("To be made: none does all of it"), "{none}");
    assert!(!none.contains("## Why") && none.contains("## Ruled out"), "{none}");
}

#[test]
fn what_is_said_at_a_terminal_fits_and_has_its_reasons() {
    let said = text(&advice());
    assert!(said.starts_with("Take: WebRTC data channel\n"), "{said}");
    for piece in [
        "WebSocket: ruled out",
        "Evidence",
        "instead of 77.4 ms",
        "maxRetransmits: 0",
        "What would change it",
    ] {
        assert!(said.contains(piece), "{piece}: {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 110), "{said}");
    let usual = text(&advise(
        &Needs::read(&Map::new()).expect("answers"),
        &Evidence::default(),
    ));
    assert!(usual.contains("For what is usual"), "{usual}");
}
