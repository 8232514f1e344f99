//! Conditions on answers, as the table writes them: `{ talks = ["server", "answer"], client_hz = ">=1" }`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Holds when all its parts do; without parts, always.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub(super) struct Condition(BTreeMap<String, Test>);

/// What one answer has to be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub(super) enum Test {
    /// One of these; a list holds a word that is among its own.
    OneOf(Vec<Value>),
    /// A word that it is not, and does not hold.
    Not(String),
    /// A number below this.
    Below(f64),
    /// A number of at least this.
    AtLeast(f64),
}

impl TryFrom<Value> for Test {
    type Error = String;

    fn try_from(written: Value) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
        Ok(match written {
            Value::String(text) => match text.as_bytes() {
                [b'<', ..] => Self::Below(number(&text[1..])?),
                [b'>', b'=', ..] => Self::AtLeast(number(&text[2..])?),
                [b'!', ..] => Self::Not(text[1..].to_owned()),
                _ => Self::OneOf(vec![Value::String(text)]),
            },
            Value::Array(values) => Self::OneOf(values),
            Value::Bool(_) | Value::Number(_) => Self::OneOf(vec![written]),
            other => return Err(format!("{other} is no condition")),
        })
    }
}

impl Test {
    fn holds(&self, answer: &Value) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|value| is(answer, value)),
            Self::Not(word) => !is(answer, &Value::String(word.clone())),
            Self::Below(limit) => answer.as_f64().is_some_and(|number| number < *limit),
            Self::AtLeast(limit) => answer.as_f64().is_some_and(|number| number >= *limit),
        }
    }

    /// The number at which it changes, if there is one.
    fn threshold(&self) -> Option<f64> {
        match self {
            Self::Below(limit) | Self::AtLeast(limit) => Some(*limit),
            Self::OneOf(_) | Self::Not(_) => None,
        }
    }
}

/// Numbers are compared as such: the table writes 0 where an answer says 0.0.
fn is(answer: &Value, value: &Value) -> bool {
    match answer {
        Value::Array(words) => words.contains(value),
        Value::Number(_) => answer.as_f64() == value.as_f64(),
        _ => answer == value,
    }
}

impl Condition {
    pub(super) fn holds(&self, view: &Map<String, Value>) -> bool {
        self.0
            .iter()
            .all(|(key, test)| view.get(key).is_some_and(|answer| test.holds(answer)))
    }

    /// The answers that it looks at.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The numbers at which what it says of this answer changes.
    pub(super) fn thresholds(&self, key: &str) -> impl Iterator<Item = f64> {
        self.0.get(key).and_then(Test::threshold).into_iter()
    }

    /// The words that it looks for, each with the answer in which.
    #[cfg(test)]
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, Value)> {
        self.0.iter().flat_map(|(key, test)| {
            let words = match test {
                Test::OneOf(values) => values.clone(),
                Test::Not(word) => vec![Value::String(word.clone())],
                Test::Below(_) | Test::AtLeast(_) => Vec::new(),
            };
            words.into_iter().map(move |word| (key.as_str(), word))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: &Value, view: Value) -> bool {
        let condition: Condition = serde_json::from_value(condition.clone()).expect("a condition");
        let Value::Object(view) = view else {
            panic!("{view} is no object")
        };
        condition.holds(&view)
    }

    #[test]
    fn all_parts_must_hold() {
        let condition = json!({"talks": ["server", "answer"], "client_hz": ">=1"});
        assert!(holds(&condition, json!({"talks": "answer", "client_hz": 1.0})));
        assert!(!holds(&condition, json!({"talks": "both", "client_hz": 1.0})));
        assert!(!holds(&condition, json!({"talks": "answer", "client_hz": 0.9})));
        assert!(holds(&json!({}), json!({})));
    }

    #[test]
    fn numbers_words_and_lists_are_held_against_what_is_written() {
        assert!(holds(&json!({"n": 0}), json!({"n": 0.0})));
        assert!(holds(&json!({"n": "<0.2"}), json!({"n": 0.1})));
        assert!(!holds(&json!({"n": "<0.2"}), json!({"n": 0.2})));
        assert!(holds(&json!({"list": "a"}), json!({"list": ["a", "b"]})));
        assert!(holds(&json!({"list": "!c"}), json!({"list": ["a", "b"]})));
        assert!(!holds(&json!({"list": "!a"}), json!({"list": ["a", "b"]})));
        assert!(holds(&json!({"flag": true}), json!({"flag": true})));
        assert!(
            !holds(&json!({"absent": true}), json!({})),
            "what is not there is nothing"
        );
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for written in [
            json!({"n": "<few"}),
            json!({"n": ">=many"}),
            json!({"n": {"a": 1}}),
            json!({"n": null}),
        ] {
            assert!(
                serde_json::from_value::<Condition>(written.clone()).is_err(),
                "{written}"
            );
        }
    }
}
