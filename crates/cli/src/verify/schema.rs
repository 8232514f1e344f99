//! Holds the JSON schema against what is written, as that of `compare` is held.

use serde_json::{Value, json};

use super::{
    args::What,
    check::Verdict,
    result::{Beside, Blame, Counts, Outcome, Report, SCHEMA as NAME},
};
use crate::compare::html::schema::faults;

const SCHEMA: &str = include_str!("../../../../docs/schema/verify.v1.json");

fn check(value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    faults(value, &schema, &schema, "")
}

fn report() -> Report {
    let outcome = Outcome {
        id: "sse.streaming",
        what: "events arrive as they are sent",
        verdict: Verdict::Fail,
        measured: "HELD-UNTIL-CLOSE".into(),
        hint: "turn buffering off".into(),
        evidence: vec!["HTTP/1.1 200 OK".into()],
        took_ms: 5012,
        limit_s: Some(60.2),
        page: "docs/verify/sse.streaming.md".into(),
        direct: Some(Beside {
            verdict: Verdict::Pass,
            measured: "STREAMING".into(),
            evidence: Vec::new(),
            took_ms: 4003,
        }),
        blame: Some(Blame::Path),
    };
    let alone = Outcome {
        limit_s: None,
        direct: None,
        blame: None,
        ..outcome.clone()
    };
    Report {
        schema: NAME,
        version: "0.1.0",
        what: What::Sse,
        target: "https://feed.example.org/".into(),
        direct: Some("http://10.0.3.7:8080/".into()),
        is_wirelab: true,
        insecure: false,
        interrupted: false,
        out_of_time: false,
        counts: Counts {
            fail: 2,
            ..Counts::default()
        },
        checks: vec![outcome, alone],
    }
}

#[test]
fn what_is_written_fits_the_schema() {
    assert_eq!(
        check(&serde_json::to_value(report()).expect("it can be written")),
        [""; 0]
    );
}

#[test]
fn what_does_not_fit_is_found() {
    for (at, with) in [
        ("/schema", json!("wirelab.verify.v2")),
        ("/what", json!("everything")),
        ("/checks/0/verdict", json!("MAYBE")),
        ("/checks/0/blame", json!("somebody")),
        ("/checks/0/direct", json!("nothing")),
        ("/checks/0/evidence", json!("none")),
        ("/counts", json!({"pass": 1, "warn": 0, "fail": 0})),
        ("/insecure", json!("no")),
    ] {
        let mut value = serde_json::to_value(report()).expect("it can be written");
        *value.pointer_mut(at).unwrap_or_else(|| panic!("{at} is written")) = with;
        assert_eq!(check(&value).len(), 1, "{at}: {:?}", check(&value));
    }
}
