//! Holds the JSON schema against what is written and asked, as that of `compare` is held.

use serde_json::{Map, Value, json};
use wirelab_model::advice::{Evidence, Needs, Unit, advise, presets, questions};

use crate::compare::html::schema::faults;

const SCHEMA: &str = include_str!("../../../../docs/schema/advise.v1.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn check(value: &Value, pointer: &str) -> Vec<String> {
    let schema = schema();
    let part = schema
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer} is in the schema"));
    faults(value, part, &schema, "")
}

/// The advice for these answers.
fn advice(answers: &Map<String, Value>) -> Value {
    let mut evidence = Evidence::default();
    let report = json!({"schema": "wirelab.verify.v1", "checks": [
        {"id": "sse.retry", "verdict": "FAIL"}, {"id": "ws.limit", "verdict": "FAIL"}, {"id": "webrtc.open", "verdict": "FAIL", "hint": "open UDP"},
    ]});
    evidence.add("path.json", &report.to_string()).expect("a report");
    let needs = Needs::read(answers).expect("answers");
    serde_json::to_value(advise(&needs, &evidence)).expect("it can be written")
}

#[test]
fn what_is_written_fits_the_schema() {
    let mut kinds = std::collections::BTreeSet::new();
    let lossy = json!({"network": "lossy", "latency_ms": 100});
    let alike = json!({"talks": "both", "client_hz": 0.1, "simple": false, "media": false});
    let others = [lossy, alike].map(|answers| answers.as_object().expect("answers").clone());
    for answers in presets().iter().map(|preset| &preset.needs).chain(&others) {
        let written = advice(answers);
        kinds.insert(written["outcome"]["kind"].to_string());
        assert_eq!(check(&written, ""), [""; 0], "{answers:?}");
        assert_eq!(
            check(
                &json!({"preset": "chat", "needs": answers, "evidence": []}),
                "/$defs/request"
            ),
            [""; 0]
        );
    }
    assert_eq!(kinds.len(), 3, "each outcome was held to it: {kinds:?}");
}

#[test]
fn what_does_not_fit_is_found() {
    let written = advice(&presets()[0].needs);
    for (at, with) in [
        ("/schema", json!("wirelab.advise.v2")),
        ("/outcome", json!({"kind": "clear"})),
        ("/ranked", json!([])),
        ("/ranked/0/points", json!(1.5)),
        ("/flips/0/then/kind", json!("maybe")),
        ("/needs/latency_ms", json!(600_001)),
        ("/needs/clients", json!([])),
        ("/costs/0/measured", json!("somewhere")),
    ] {
        let mut value = written.clone();
        *value.pointer_mut(at).unwrap_or_else(|| panic!("{at} is written")) = with;
        assert!(!check(&value, "").is_empty(), "{at}");
    }
}

#[test]
fn the_schema_asks_what_is_asked() {
    let schema = schema();
    let described = schema["$defs"]["needs"]["properties"].as_object().expect("answers");
    assert_eq!(described.len(), questions().len());
    for question in questions() {
        let of = &described[&question.key];
        let words: Vec<&str> = question.answers.iter().map(|(word, _)| word.as_str()).collect();
        let list = if question.many { &of["items"] } else { of };
        match question.unit {
            None if words.is_empty() => assert_eq!(of["type"], "boolean", "{}", question.key),
            None => assert_eq!(list["enum"], json!(words), "{}", question.key),
            Some(unit) => {
                let range = [&of["minimum"], &of["maximum"]].map(Value::as_f64);
                assert_eq!(range, [Some(question.least), Some(question.most)], "{}", question.key);
                assert_eq!(of["type"] == "integer", unit != Unit::Hz, "{}", question.key);
            }
        }
    }
    let ids: Vec<&str> = presets().iter().map(|preset| preset.id.as_str()).collect();
    assert_eq!(schema["$defs"]["request"]["properties"]["preset"]["enum"], json!(ids));
}
