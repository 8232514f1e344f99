//! Which transport to take: the decision as data, and one function that applies it.
//!
//! [`advise`] holds `advice.toml` against somebody's [`Needs`]. What cannot be is ruled out, with the answers that cause
//! it; what speaks for a transport has points, with a reason each; two that are nearly alike are said to be. Then every
//! answer is changed by itself and the same is asked again, which finds what would change the choice. The command line,
//! `POST /api/advise` and the page are this function and a form.
//!
//! Where a report of [`Evidence`] has a figure, the built-in one gives way. A message that comes too late rules its
//! transport out and is in no points, so that a tighter budget never leads to a slower transport.

mod condition;
mod evidence;
mod flip;
mod follow;
mod judge;
mod late;
mod needs;
mod read;
mod table;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

pub use self::{
    evidence::{Cited, Evidence, EvidenceError, MAX_REPORTS},
    flip::Flip,
    follow::{Cost, Setting, Together},
    judge::{MARGIN, Outcome, Preference, RuledOut, Said, Standing},
    late::{Kind, Lateness},
    needs::{Auth, BytesFlow, Client, Delivery, Entrance, Needs, Network, Proxy, Talks, Udp},
    read::{Fault, NeedsError},
    table::{Preset, Question, Unit, Where, presets, questions},
};
use crate::facts::{DECISION, Fits};

/// The name and version of the advice's JSON. A field may be added under it; a change of meaning takes a new one.
pub const SCHEMA: &str = "wirelab.advise.v1";

/// The advice, as it is written: `docs/schema/advise.v1.json` describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// All answers, those that nobody gave too.
    pub needs: Needs,
    /// The same as they are said, in the order of the questions.
    pub answers: Vec<Answer>,
    /// What comes of it.
    pub outcome: Outcome,
    /// The same in a few words.
    pub outcome_words: String,
    /// All transports, the first to take first.
    pub ranked: Vec<Standing>,
    /// What would change the choice, the smallest change first.
    pub flips: Vec<Flip>,
    /// What to combine it with.
    pub together: Vec<Together>,
    /// The values to set.
    pub settings: Vec<Setting>,
    /// What else to know.
    pub notes: Vec<String>,
    /// Messages a second to each client, said or not: what the costs are for.
    pub server_rate_hz: f64,
    /// What it costs one server.
    pub costs: Vec<Cost>,
    /// What of the reports counted.
    pub cited: Vec<Cited>,
    /// The decision at a glance, each row with whether it is about these answers.
    pub rows: Vec<Row>,
}

/// An answer, as it is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Of the question.
    pub key: String,
    /// `Who speaks: both sides, at any moment`.
    pub text: String,
    /// Whether it is what is taken where nobody answers.
    pub is_usual: bool,
}

/// A row of the decision at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What one needs.
    pub need: &'static str,
    /// Who meets it.
    pub fits: Fits,
    /// Whether it is needed here.
    pub is_asked_for: bool,
}

/// Which transport to take. Total: every combination of answers has an advice, contradictions too, which
/// [`Needs::read`] names before.
#[must_use]
pub fn advise(needs: &Needs, evidence: &Evidence) -> Advice {
    let ranked = judge::judge(needs, evidence);
    let outcome = judge::outcome(&ranked);
    let chosen = outcome.chosen();
    let view = needs.view();
    let rows = DECISION.iter().map(|row| Row {
        need: row.need,
        fits: row.fits,
        is_asked_for: follow::is_asked_for(row.need, &view),
    });
    Advice {
        schema: SCHEMA,
        needs: needs.clone(),
        answers: answers(needs),
        outcome_words: outcome.words(),
        flips: flip::flips(needs, evidence, &outcome),
        together: follow::together(needs, chosen),
        settings: follow::settings(needs, evidence, chosen),
        notes: follow::notes(needs, chosen),
        server_rate_hz: needs.server_rate_hz(),
        costs: follow::costs(needs, evidence),
        cited: evidence.cited(needs),
        rows: rows.collect(),
        outcome,
        ranked,
    }
}

fn answers(needs: &Needs) -> Vec<Answer> {
    let (answers, usual, view) = (needs.to_map(), Needs::default().to_map(), needs.view());
    // A rate that nobody gave is said as what follows for it.
    let spoken = |key: &str| match &answers[key] {
        Value::Null => &view[key],
        answer => answer,
    };
    let said = questions().iter().map(|question| Answer {
        key: question.key.clone(),
        text: format!("{}: {}", question.title, question.say(spoken(&question.key))),
        is_usual: answers[&question.key] == usual[&question.key],
    });
    said.collect()
}
