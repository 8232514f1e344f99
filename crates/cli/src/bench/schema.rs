//! Holds the JSON schema against what is written, as that of `compare` is held.

use serde_json::{Value, json};

use super::{args::What, sample::report};
use crate::compare::html::schema::faults;

const SCHEMA: &str = include_str!("../../../../docs/schema/bench.v1.json");

fn check(value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    faults(value, &schema, &schema, "")
}

#[test]
fn what_is_written_fits_the_schema() {
    for what in What::ALL {
        let written = serde_json::to_value(report(what)).expect("it can be written");
        assert_eq!(check(&written), [""; 0], "{what:?}");
    }
}

#[test]
fn what_does_not_fit_is_found() {
    for (at, with) in [
        ("/schema", json!("wirelab.bench.v2")),
        ("/setting/what", json!("sleep")),
        ("/contenders/0/lane", json!("carrier-pigeon")),
        ("/contenders/0/runs", json!([])),
        ("/contenders/0/runs/0/measured/figures/user_kib", json!("much")),
        ("/contenders/0/runs/0/measured/failures", json!({"why": "because"})),
        ("/contenders/0/median", json!({"user_kib": 1.0})),
        ("/interrupted", json!("no")),
    ] {
        let mut value = serde_json::to_value(report(What::Idle)).expect("it can be written");
        *value.pointer_mut(at).unwrap_or_else(|| panic!("{at} is written")) = with;
        assert_eq!(check(&value).len(), 1, "{at}: {:?}", check(&value));
    }
}
