//! The tables of `advice.toml`, read once.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::condition::Condition;
use crate::{Transport, facts::Axis};

/// The file as it is in the tree: what it holds is tested, so that reading it cannot fail.
pub(super) static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("advice.toml")).expect("a test reads the same file"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) question: Vec<Question>,
    pub(super) contradiction: Vec<Contradiction>,
    pub(super) out: Vec<Out>,
    pub(super) weight: Vec<Weight>,
    pub(super) late: Vec<Late>,
    pub(super) combination: Vec<Combination>,
    pub(super) setting: Vec<SettingRow>,
    pub(super) note: Vec<Note>,
    pub(super) proxy: Vec<ProxyRow>,
    pub(super) price: Vec<Price>,
    pub(super) check: Vec<Check>,
    pub(super) preset: Vec<Preset>,
}

/// One question, for forms, flags and the terminal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The key of its answer.
    pub key: String,
    /// What it is about.
    pub axis: Axis,
    /// A few words that the answer completes.
    pub title: String,
    /// The words of a choice, each with what it means; empty: it is a number, or yes or no.
    #[serde(default)]
    pub answers: Vec<(String, String)>,
    /// Whether several of the words may be chosen.
    #[serde(default)]
    pub many: bool,
    /// `ms`, `hz`, `bytes` or `count`, where it is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The least that a number may be.
    #[serde(default)]
    pub least: f64,
    /// The most that a number may be.
    #[serde(default)]
    pub most: f64,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Times a second; the only one that takes fractions.
    Hz,
    /// Bytes.
    Bytes,
    /// Things.
    Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contradiction {
    pub(super) when: Condition,
    pub(super) because: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Out {
    pub(super) transport: Transport,
    pub(super) when: Condition,
    pub(super) row: Option<String>,
    pub(super) because: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weight {
    pub(super) when: Condition,
    #[serde(rename = "for")]
    pub(super) points: BTreeMap<Transport, i32>,
    pub(super) row: Option<String>,
    pub(super) because: String,
}

impl Weight {
    pub(super) fn of(&self, transport: Transport) -> i32 {
        self.points.get(&transport).copied().unwrap_or(0)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Late {
    #[serde(rename = "rtt_ms")]
    pub(super) rtt_ms: u32,
    pub(super) network: super::Network,
    pub(super) stream: f64,
    pub(super) datachannel: f64,
    pub(super) datachannel_reliable: f64,
    pub(super) source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Combination {
    pub(super) of: Vec<Transport>,
    #[serde(default)]
    pub(super) when: Condition,
    pub(super) says: String,
    pub(super) because: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingRow {
    pub(super) of: Vec<Transport>,
    #[serde(default)]
    pub(super) when: Condition,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) flag: Option<String>,
    pub(super) because: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// Empty: whatever is chosen.
    #[serde(default)]
    pub(super) of: Vec<Transport>,
    #[serde(default)]
    pub(super) when: Condition,
    pub(super) says: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProxyRow {
    pub(super) id: super::Proxy,
    pub(super) idle_s: Option<u32>,
    pub(super) setting: String,
    pub(super) source: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    pub(super) server: String,
    pub(super) transport: Transport,
    pub(super) user_kib: Option<f64>,
    pub(super) kernel_kib: Option<f64>,
    pub(super) million_cpu_s: Option<f64>,
    pub(super) measured: Where,
    pub(super) source: String,
}

/// Who measured a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// We did, for this project.
    Here,
    /// Others did, and published it.
    Elsewhere,
    /// It is in a report that was handed in.
    Evidence,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) id: String,
    pub(super) transport: Transport,
    #[serde(default)]
    pub(super) blocks: bool,
}

/// What people build, as answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The word for it.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// The answers that it gives; the others are as usual.
    pub needs: Map<String, Value>,
}

/// The questions, in the order in which they are asked.
#[must_use]
pub fn questions() -> &'static [Question] {
    &TABLE.question
}

/// What people build.
#[must_use]
pub fn presets() -> &'static [Preset] {
    &TABLE.preset
}

/// The question with this key.
pub(super) fn question(key: &str) -> Option<&'static Question> {
    TABLE.question.iter().find(|question| question.key == key)
}

impl Question {
    /// An answer as it is said.
    #[must_use]
    pub fn say(&self, answer: &Value) -> String {
        match answer {
            Value::Bool(true) => "yes".into(),
            Value::Bool(false) => "no".into(),
            Value::Null => "not said".into(),
            Value::Array(words) if words.is_empty() => "none".into(),
            Value::Array(words) => words.iter().map(|word| self.say(word)).collect::<Vec<_>>().join(", "),
            Value::String(word) => {
                let told = self.answers.iter().find(|(known, _)| known == word);
                told.map_or_else(|| word.clone(), |(_, label)| label.clone())
            }
            Value::Number(_) => match (self.unit, plain(answer)) {
                (Some(Unit::Ms), number) => format!("{number} ms"),
                (Some(Unit::Hz), number) => format!("{number} a second"),
                (Some(Unit::Bytes), number) => format!("{number} bytes"),
                (Some(Unit::Count) | None, number) => number,
            },
            Value::Object(_) => answer.to_string(),
        }
    }
}

/// An answer as one types it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().map(plain).collect::<Vec<_>>().join(","),
        // 60 and not 60.0, whichever it was written as.
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Object(_) => value.to_string(),
    }
}
