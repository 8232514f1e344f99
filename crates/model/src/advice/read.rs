//! Reads answers, and names all that is wrong with them at once.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{
    Needs,
    table::{Question, TABLE, Unit, plain, question},
};

/// Most characters of a foreign word that a message repeats.
const MAX_REPEATED_CHARS: usize = 60;

/// One thing that is wrong with the answers.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Fault {
    /// Nothing is called so.
    #[error("there is no question {}{}", said(key), nearest.as_ref().map(|near| format!("; is {near} meant?")).unwrap_or_default())]
    UnknownKey {
        /// As it was written.
        key: String,
        /// The question that is spelt most like it.
        nearest: Option<String>,
    },
    /// The question is known, its answer is none.
    #[error("{key} cannot be {}: it is {wanted}", said(value))]
    BadAnswer {
        /// The question.
        key: String,
        /// The answer, as JSON.
        value: String,
        /// What it takes.
        wanted: String,
    },
    /// Both cannot be.
    #[error("{} do not go together. {because}", answers.join(" and "))]
    Contradiction {
        /// The questions.
        keys: Vec<String>,
        /// Each with its answer: `talks = server`.
        answers: Vec<String>,
        /// Why not, and what to say instead.
        because: String,
    },
}

impl Fault {
    /// The answers that it is about.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        match self {
            Self::UnknownKey { key, .. } | Self::BadAnswer { key, .. } => std::slice::from_ref(key),
            Self::Contradiction { keys, .. } => keys,
        }
    }
}

/// Everything that is wrong with the answers; at least one thing.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct NeedsError {
    /// In the order of the answers, contradictions last.
    pub faults: Vec<Fault>,
}

impl Needs {
    /// Reads answers. What is not answered is as usual.
    ///
    /// # Errors
    /// All unknown questions, answers that are none, and contradictions, together.
    pub fn read(answers: &Map<String, Value>) -> Result<Self, NeedsError> {
        let mut whole = Self::default().to_map();
        let mut faults = Vec::new();
        let mut wrong = Vec::new();
        for (key, value) in answers {
            let Some(question) = question(key) else {
                faults.push(Fault::UnknownKey {
                    key: key.clone(),
                    nearest: nearest(key),
                });
                continue;
            };
            if let Some(value) = question.take(value) {
                whole.insert(key.clone(), value);
            } else {
                wrong.push(key.as_str());
                faults.push(Fault::BadAnswer {
                    key: key.clone(),
                    value: value.to_string(),
                    wanted: question.wanted(),
                });
            }
        }
        let needs: Self =
            serde_json::from_value(Value::Object(whole)).expect("each answer is one that its question takes");
        let contradictions = needs.contradictions().into_iter();
        faults.extend(contradictions.filter(|fault| match fault {
            Fault::Contradiction { keys, .. } => !keys.iter().any(|key| wrong.contains(&key.as_str())),
            Fault::UnknownKey { .. } | Fault::BadAnswer { .. } => true,
        }));
        if faults.is_empty() {
            Ok(needs)
        } else {
            Err(NeedsError { faults })
        }
    }

    /// What of these answers cannot be had together.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Fault> {
        let view = self.view();
        let told = |keys: &[&str], because: &str| Fault::Contradiction {
            keys: keys.iter().map(ToString::to_string).collect(),
            answers: keys
                .iter()
                .map(|key| format!("{key} = {}", plain(&view[*key])))
                .collect(),
            because: because.to_owned(),
        };
        let rows = TABLE.contradiction.iter().filter(|row| row.when.holds(&view));
        let mut faults: Vec<_> = rows
            .map(|row| told(&row.when.keys().collect::<Vec<_>>(), &row.because))
            .collect();
        // Two numbers held against each other, which a row of the table cannot say.
        if self.latency_ms < self.rtt_ms / 2 {
            let because = "Nothing arrives before half a round trip is over: allow more, or come closer.";
            faults.push(told(&["latency_ms", "rtt_ms"], because));
        }
        faults
    }
}

impl Question {
    /// The answer as needs have it; none: it is no answer to this.
    fn take(&self, value: &Value) -> Option<Value> {
        let is_word = |value: &Value| {
            value
                .as_str()
                .is_some_and(|word| self.answers.iter().any(|(known, _)| known == word))
        };
        match (self.answers.is_empty(), self.unit) {
            (false, _) if self.many => {
                let words = value.as_array()?;
                let may_be_none = self.key != "clients";
                (words.iter().all(is_word) && (may_be_none || !words.is_empty())).then(|| value.clone())
            }
            (false, _) => is_word(value).then(|| value.clone()),
            (true, None) => value.is_boolean().then(|| value.clone()),
            (true, Some(Unit::Hz)) if value.is_null() => Some(Value::Null),
            (true, Some(unit)) => {
                let number = value
                    .as_f64()
                    .filter(|number| (self.least..=self.most).contains(number))?;
                match unit {
                    Unit::Hz => Some(json!(number)),
                    // Whole, and within 32 bits by its range.
                    Unit::Ms | Unit::Bytes | Unit::Count => (number.fract() == 0.0).then(|| json!(number as u32)),
                }
            }
        }
    }

    /// What it takes, in words.
    #[must_use]
    pub fn wanted(&self) -> String {
        let words = || {
            self.answers
                .iter()
                .map(|(word, _)| word.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (least, most) = (self.least, self.most);
        match (self.answers.is_empty(), self.unit) {
            (false, _) if self.key == "clients" => format!("a list of at least one of {}", words()),
            (false, _) if self.many => format!("a list of {}", words()),
            (false, _) => format!("one of {}", words()),
            (true, None) => "true or false".into(),
            (true, Some(Unit::Hz)) => format!("a number from {least} to {most}, a second"),
            (true, Some(Unit::Ms)) => {
                format!("a whole number of milliseconds from {least} to {most}, with its unit where it is typed (80ms)")
            }
            (true, Some(Unit::Bytes)) => format!("a whole number of bytes from {least} to {most}"),
            (true, Some(Unit::Count)) => format!("a whole number from {least} to {most}"),
        }
    }
}

/// The question that is spelt most like this, if one is near enough to be meant.
fn nearest(key: &str) -> Option<String> {
    if key.chars().count() > MAX_REPEATED_CHARS {
        return None;
    }
    let distances = TABLE
        .question
        .iter()
        .map(|question| (distance(key, &question.key), question));
    let (distance, question) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 || question.key.starts_with(key) && key.len() >= 3).then(|| question.key.clone())
}

/// Levenshtein's: letters to add, take away or exchange.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// What somebody wrote, no longer than a message wants it.
fn said(text: &str) -> String {
    if text.chars().count() <= MAX_REPEATED_CHARS {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_REPEATED_CHARS).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(answers: Value) -> Vec<Fault> {
        let Value::Object(answers) = answers else {
            panic!("{answers} is no object")
        };
        Needs::read(&answers).map_or_else(|error| error.faults, |_| Vec::new())
    }

    #[test]
    fn nothing_said_is_what_is_usual() {
        assert_eq!(Needs::read(&Map::new()), Ok(Needs::default()));
        assert_eq!(Needs::read(&Needs::default().to_map()), Ok(Needs::default()));
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let told = faults(json!({
            "talk": "server", "latency_ms": "soon", "delivery": "newest", "resume": true, "zzzzzz": 1,
            "talks": "server", "client_hz": 60,
        }));
        let said: Vec<_> = told.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(
            said.iter()
                .any(|said| said == "there is no question talk; is talks meant?")
        );
        assert!(said.iter().any(|said| said == "there is no question zzzzzz"));
        assert!(
            said.iter()
                .any(|said| said.starts_with("latency_ms cannot be \"soon\": it is a whole number"))
        );
        assert!(
            said.iter()
                .any(|said| said.starts_with("client_hz = 60 and talks = server do not go together."))
        );
        assert!(
            said.iter()
                .any(|said| said.starts_with("delivery = newest and resume = true"))
        );
    }

    #[test]
    fn answers_are_held_to_their_kind_and_range() {
        for answers in [
            json!({"talks": "nobody"}),
            json!({"talks": ["server"]}),
            json!({"resume": "yes"}),
            json!({"resume": null}),
            json!({"latency_ms": 0}),
            json!({"latency_ms": 0.5}),
            json!({"latency_ms": 1e99}),
            json!({"latency_ms": null}),
            json!({"client_hz": -1}),
            json!({"connections": 10_000_001}),
            json!({"proxies": "nginx"}),
            json!({"proxies": ["squid"]}),
            json!({"clients": []}),
            json!({"message_bytes": {}}),
        ] {
            let told = faults(answers.clone());
            assert!(matches!(told[..], [Fault::BadAnswer { .. }]), "{answers}: {told:?}");
        }
        assert_eq!(faults(json!({"client_hz": null, "proxies": [], "server_hz": 0.5})), []);
    }

    #[test]
    fn no_answer_is_blamed_for_another_that_cannot_be_read() {
        let told = faults(json!({"talks": "server", "client_hz": "often"}));
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn a_budget_below_the_light_s_is_a_contradiction() {
        let told = faults(json!({"latency_ms": 40, "rtt_ms": 100}));
        assert!(matches!(&told[..], [Fault::Contradiction { keys, .. }] if keys == &["latency_ms", "rtt_ms"]));
        assert_eq!(faults(json!({"latency_ms": 50, "rtt_ms": 100})), []);
    }

    #[test]
    fn what_is_repeated_is_short() {
        let key = "k".repeat(10_000);
        let told = faults(json!({key: 1, "talks": "x".repeat(10_000)}));
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|fault| fault.to_string().chars().count() < 200));
    }
}
