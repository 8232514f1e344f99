//! Holds the JSON schema against what is written, both ways round: what is written fits, and is described.
//!
//! A validator from the registry brings 34 crates for this one test. This one knows the words that our schema uses, and
//! refuses any other, so nothing in the schema goes unchecked. It is stricter than a validator in one point: a field
//! that the schema does not know is an error, for it would be one that nobody described.

use serde_json::{Value, json};

use super::sample::{comparison, silent};
use crate::compare::result::Outcome;

const SCHEMA: &str = include_str!("../../../../../docs/schema/compare.v1.json");

/// Words that say nothing about what fits.
const SILENT_WORDS: [&str; 4] = ["$schema", "$defs", "title", "description"];

/// What does not fit, one line each.
pub(crate) fn faults(value: &Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (word, wanted) in schema.as_object().expect("a schema is an object") {
        let said = |what: String| vec![format!("{at}: {what}")];
        faults.extend(match word.as_str() {
            word if SILENT_WORDS.contains(&word) => Vec::new(),
            "$ref" => {
                let pointer = wanted
                    .as_str()
                    .and_then(|path| path.strip_prefix('#'))
                    .expect("a path in this schema");
                let target = root
                    .pointer(pointer)
                    .unwrap_or_else(|| panic!("{pointer} leads nowhere"));
                self::faults(value, target, root, at)
            }
            "type" if !is_of(value, wanted) => said(format!("{value} is not of type {wanted}")),
            "const" if value != wanted => said(format!("{value} is not {wanted}")),
            "enum" if !list(wanted).contains(value) => said(format!("{value} is none of {wanted}")),
            "minimum" if value.is_number() && value.as_f64() < wanted.as_f64() => {
                said(format!("{value} is below {wanted}"))
            }
            "maximum" if value.is_number() && value.as_f64() > wanted.as_f64() => {
                said(format!("{value} is above {wanted}"))
            }
            "minLength" if value.as_str().map(|text| text.len() as u64) < wanted.as_u64() => {
                said(format!("{value} is too short"))
            }
            "minItems" if (list(value).len() as u64) < wanted.as_u64().expect("a count") => said("too few".into()),
            "maxItems" if list(value).len() as u64 > wanted.as_u64().expect("a count") => said("too many".into()),
            "type" | "const" | "enum" | "minimum" | "maximum" | "minLength" | "minItems" | "maxItems" => Vec::new(),
            "required" => {
                let missing = list(wanted)
                    .iter()
                    .filter(|name| value.get(name.as_str().expect("a name")).is_none());
                missing.map(|name| format!("{at}: {name} is missing")).collect()
            }
            "properties" => properties(value, wanted, root, at),
            "additionalProperties" => {
                let fields = value.as_object().into_iter().flatten();
                fields
                    .flat_map(|(name, field)| self::faults(field, wanted, root, &format!("{at}/{name}")))
                    .collect()
            }
            "items" => {
                let items = list(value).iter().enumerate();
                items
                    .flat_map(|(n, item)| self::faults(item, wanted, root, &format!("{at}/{n}")))
                    .collect()
            }
            "oneOf" => {
                let fits = list(wanted)
                    .iter()
                    .filter(|schema| self::faults(value, schema, root, at).is_empty())
                    .count();
                if fits == 1 {
                    Vec::new()
                } else {
                    said(format!("{fits} of the alternatives fit {value}"))
                }
            }
            unknown => panic!("this test does not know the word {unknown}: teach it"),
        });
    }
    faults
}

fn properties(value: &Value, wanted: &Value, root: &Value, at: &str) -> Vec<String> {
    let Some(fields) = value.as_object() else {
        return Vec::new(); // "type" says so
    };
    fields
        .iter()
        .flat_map(|(name, field)| match wanted.get(name) {
            Some(schema) => faults(field, schema, root, &format!("{at}/{name}")),
            None => vec![format!("{at}: {name} is not described")],
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_of(value: &Value, wanted: &Value) -> bool {
    match wanted.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("null") => value.is_null(),
        Some(other) => panic!("there is no type {other}"),
        None => list(wanted).iter().any(|one| is_of(value, one)),
    }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn check(value: &Value) -> Vec<String> {
    let schema = schema();
    faults(value, &schema, &schema, "")
}

fn written() -> Value {
    serde_json::to_value(comparison()).expect("it can be written")
}

#[test]
fn what_is_written_fits_the_schema() {
    assert_eq!(check(&written()), [""; 0]);
}

#[test]
fn a_lane_without_figures_fits() {
    let mut comparison = comparison();
    let mut silent = silent();
    silent.figures.jitter_us = 0.0;
    comparison.points[0].runs[0].lanes[0].outcome = Outcome::Measured(Box::new(silent));
    assert_eq!(
        check(&serde_json::to_value(comparison).expect("it can be written")),
        [""; 0]
    );
}

#[test]
fn every_kind_of_loss_and_a_bottleneck_fit() {
    for loss in [
        json!({"outages": "5%", "mean": "400ms"}),
        json!({"bursts": "2%", "length": 5.0}),
    ] {
        let profile = json!({"down": {"loss": loss, "rate": "2Mbit/s"}, "up": {}});
        let profile: wirelab_link::Profile = serde_json::from_value(profile).expect("a profile");
        let mut comparison = comparison();
        comparison.points[1].profile = profile;
        assert_eq!(
            check(&serde_json::to_value(comparison).expect("it can be written")),
            [""; 0]
        );
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let spoilt = [
        ("/schema", json!("wirelab.compare.v2")),
        ("/setting/lanes/0", json!("carrier-pigeon")),
        ("/setting/hz", json!(-1)),
        ("/points/0/runs/0/lanes/0/measured/open_ms", json!(null)),
        ("/points/0/runs/0/lanes/0/measured/freezes_ms", json!([[1.0]])),
        ("/points/0/runs/0/lanes/0", json!({"lane": "sse"})),
        ("/points/0/profile/down/loss", json!({"outages": "5%"})),
        (
            "/machine",
            json!({"os": "", "kernel": "", "cpu": "", "cores": 1, "secret": 1}),
        ),
        ("/warnings", json!("none")),
    ];
    for (at, with) in spoilt {
        let mut value = written();
        *value.pointer_mut(at).unwrap_or_else(|| panic!("{at} is written")) = with;
        assert_eq!(check(&value).len(), 1, "{at}: {:?}", check(&value));
    }
}

#[test]
fn everything_in_the_schema_is_described() {
    fn walk(schema: &Value, at: &str) {
        for group in ["properties", "$defs"] {
            for (name, field) in schema.get(group).and_then(Value::as_object).into_iter().flatten() {
                let says = field.get("description").or(field.get("$ref"));
                assert!(says.is_some(), "{at}/{name} has no description");
                walk(field, &format!("{at}/{name}"));
            }
        }
    }
    walk(&schema(), "");
}
