//! What would change the choice: each answer is really changed, by itself, and the same procedure asked again.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Evidence, Needs, Outcome,
    judge::{judge, outcome},
    late,
    needs::asked_by,
    table::{Question, TABLE, Unit},
};
use crate::Transport;

/// One answer that would change the choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Of the question.
    pub key: String,
    /// `Who speaks: both sides, at any moment`.
    pub change: String,
    /// What was answered, as it is said.
    pub instead_of: String,
    /// The other answer.
    pub to: Value,
    /// How large the change is: 1 for another word or a doubling.
    pub size: f64,
    /// What would come of it.
    pub then: Outcome,
    /// The same in words.
    pub then_words: String,
}

/// The smallest change of each answer that changes the choice, the smallest first.
pub(super) fn flips(needs: &Needs, evidence: &Evidence, now: &Outcome) -> Vec<Flip> {
    let mut flips: Vec<Flip> = TABLE
        .question
        .iter()
        .filter_map(|question| smallest(question, needs, evidence, now))
        .collect();
    flips.sort_by(|a, b| a.size.total_cmp(&b.size)); // stable: of two alike, the one asked first
    flips
}

fn smallest(question: &Question, needs: &Needs, evidence: &Evidence, now: &Outcome) -> Option<Flip> {
    let said = needs.view()[&question.key].clone();
    let candidates = others(question, needs, evidence);
    let flips = candidates.into_iter().filter_map(|to| {
        let mut answers: Map<String, Value> = needs.to_map();
        answers.insert(question.key.clone(), to.clone());
        let then = outcome(&judge(&Needs::read(&answers).ok()?, evidence));
        is_another(now, &then).then(|| Flip {
            key: question.key.clone(),
            change: format!("{}: {}", question.title, question.say(&to)),
            instead_of: question.say(&said),
            size: size(&said, &to),
            then_words: then.words(),
            to,
            then,
        })
    });
    flips.min_by(|a, b| a.size.total_cmp(&b.size))
}

/// Whether somebody would do something else.
fn is_another(now: &Outcome, then: &Outcome) -> bool {
    now.first() != then.first() || matches!((now, then), (Outcome::Close { .. }, Outcome::Clear { .. }))
}

/// Other answers to this question: all words, one word more or less, or the numbers next to where a rule changes.
fn others(question: &Question, needs: &Needs, evidence: &Evidence) -> Vec<Value> {
    let answer = &needs.to_map()[&question.key];
    let words = question.answers.iter().map(|(word, _)| json!(word));
    match (answer, question.unit) {
        (Value::Bool(yes), _) => vec![json!(!yes)],
        (Value::Array(chosen), _) => words.map(|word| toggled(chosen, &word)).collect(),
        (Value::String(_), _) => words.filter(|word| word != answer).collect(),
        (_, Some(unit)) => numbers(question, unit, needs, evidence),
        (other, None) => unreachable!("{}: {other} is no answer", question.key),
    }
}

fn toggled(chosen: &[Value], word: &Value) -> Value {
    let without: Vec<_> = chosen.iter().filter(|had| *had != word).cloned().collect();
    if without.len() < chosen.len() {
        return Value::Array(without);
    }
    Value::Array(chosen.iter().chain([word]).cloned().collect())
}

fn numbers(question: &Question, unit: Unit, needs: &Needs, evidence: &Evidence) -> Vec<Value> {
    let key = question.key.as_str();
    let conditions = TABLE.out.iter().map(|rule| &rule.when);
    let conditions = conditions.chain(TABLE.weight.iter().map(|weight| &weight.when));
    // A rule may look at what follows from this answer.
    let names_it = |name: &&str| *name == key || asked_by(name).contains(&key);
    let thresholds = conditions.flat_map(|condition| {
        let names: Vec<_> = condition.keys().filter(names_it).collect();
        names
            .into_iter()
            .flat_map(|name| condition.thresholds(name))
            .collect::<Vec<_>>()
    });
    let mut numbers: Vec<f64> = thresholds.flat_map(|limit| [limit, below(limit, unit)]).collect();
    match key {
        "latency_ms" => {
            let standing = Transport::ALL.map(|transport| late::lateness(transport, needs, evidence));
            numbers.extend(standing.iter().flat_map(late::budgets));
        }
        "rtt_ms" => {
            let kinds = Transport::ALL.map(|transport| late::kind(transport, needs));
            numbers.extend(kinds.into_iter().flat_map(|kind| late::round_trips(kind, needs)));
        }
        _ => {}
    }
    let as_written = |number: f64| match unit {
        Unit::Hz => json!(number),
        Unit::Ms | Unit::Bytes | Unit::Count => json!(number as u32), // thresholds are within the ranges
    };
    numbers.into_iter().map(as_written).collect()
}

/// Just below: the next whole number, or a twentieth less.
fn below(limit: f64, unit: Unit) -> f64 {
    match unit {
        Unit::Hz => limit * 0.95,
        Unit::Ms | Unit::Bytes | Unit::Count => limit - 1.0,
    }
}

/// Another word is as large a change as a number twice or half as large.
fn size(from: &Value, to: &Value) -> f64 {
    /// So that zero has a logarithm too.
    const LITTLE: f64 = 1e-3;
    match (from.as_f64(), to.as_f64()) {
        (Some(from), Some(to)) => ((to + LITTLE) / (from + LITTLE)).log2().abs(),
        _ => 1.0,
    }
}
