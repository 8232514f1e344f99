//! Holds each transport against the needs: what rules it out, what speaks for it, and which is first.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Evidence, Needs,
    late::{Lateness, lateness},
    needs::asked_by,
    table::{TABLE, question},
};
use crate::Transport;

/// Two transports nearer than this are alike, points.
pub const MARGIN: i32 = 2;

/// How one transport stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Which.
    pub transport: Transport,
    /// What it is called.
    pub label: &'static str,
    /// Points of all that speaks for it, less what speaks against it.
    pub points: i32,
    /// Why it cannot be; empty: it can.
    pub ruled_out: Vec<RuledOut>,
    /// What speaks for it and against it.
    pub preferences: Vec<Preference>,
    /// How late a message may be.
    pub lateness: Lateness,
}

/// One reason why it cannot be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuledOut {
    /// The answers that cause it.
    pub requirements: Vec<Said>,
    /// Why.
    pub because: String,
    /// Where it is known from, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// One thing that speaks for or against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preference {
    /// Below zero: against it.
    pub points: i32,
    /// The answers that cause it.
    pub requirements: Vec<Said>,
    /// Why.
    pub because: String,
    /// Where it is known from, if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// An answer, as it is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Of the question.
    pub key: String,
    /// `Who speaks: both sides, at any moment`.
    pub text: String,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Outcome {
    /// One of them.
    Clear {
        /// Which.
        transport: Transport,
    },
    /// These are alike: the one with the most points first.
    Close {
        /// Two or more.
        transports: Vec<Transport>,
    },
    /// None of them does all that is asked.
    None {
        /// The one that the fewest reasons rule out.
        nearest: Transport,
    },
}

impl Outcome {
    /// Those to choose from; none where none fits.
    #[must_use]
    pub fn chosen(&self) -> &[Transport] {
        match self {
            Self::Clear { transport } => std::slice::from_ref(transport),
            Self::Close { transports } => transports,
            Self::None { .. } => &[],
        }
    }

    /// The one that comes first, if any fits.
    #[must_use]
    pub fn first(&self) -> Option<Transport> {
        self.chosen().first().copied()
    }

    /// A few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Clear { transport } => transport.label().into(),
            Self::Close { transports } => {
                let labels: Vec<_> = transports.iter().map(|transport| transport.label()).collect();
                format!("no clear winner: {}", labels.join(" or "))
            }
            Self::None { nearest } => format!("none does all of it; {} comes nearest", nearest.label()),
        }
    }
}

/// All transports, the first to take first, those ruled out last.
pub(super) fn judge(needs: &Needs, evidence: &Evidence) -> Vec<Standing> {
    let view = needs.view();
    let mut standings = Transport::ALL
        .map(|transport| standing(transport, needs, &view, evidence))
        .to_vec();
    // Stable, and in the order of every table where nothing else tells them apart.
    standings.sort_by_key(|standing| (standing.ruled_out.len(), -standing.points));
    standings
}

/// What comes of the standings.
pub(super) fn outcome(standings: &[Standing]) -> Outcome {
    let first = &standings[0];
    if !first.ruled_out.is_empty() {
        return Outcome::None {
            nearest: first.transport,
        };
    }
    let near = |standing: &&Standing| standing.ruled_out.is_empty() && first.points - standing.points < MARGIN;
    let transports: Vec<_> = standings
        .iter()
        .filter(near)
        .map(|standing| standing.transport)
        .collect();
    match transports[..] {
        [transport] => Outcome::Clear { transport },
        _ => Outcome::Close { transports },
    }
}

fn standing(transport: Transport, needs: &Needs, view: &Map<String, Value>, evidence: &Evidence) -> Standing {
    let lateness = lateness(transport, needs, evidence);
    let rules = TABLE
        .out
        .iter()
        .filter(|rule| rule.transport == transport && rule.when.holds(view));
    let mut ruled_out: Vec<_> = rules
        .map(|rule| RuledOut {
            requirements: said(rule.when.keys(), needs),
            because: rule.because.clone(),
            source: None,
        })
        .collect();
    ruled_out.extend(too_late(&lateness, needs));
    ruled_out.extend(evidence.blocked(transport));

    let weights = TABLE.weight.iter().filter(|weight| weight.when.holds(view));
    let mut preferences: Vec<_> = weights
        .map(|weight| Preference {
            points: weight.of(transport),
            requirements: said(weight.when.keys(), needs),
            because: weight.because.clone(),
            source: None,
        })
        .filter(|preference| preference.points != 0)
        .collect();
    preferences.extend(evidence.against(transport));
    Standing {
        transport,
        label: transport.label(),
        points: preferences.iter().map(|preference| preference.points).sum(),
        ruled_out,
        preferences,
        lateness,
    }
}

fn too_late(lateness: &Lateness, needs: &Needs) -> Option<RuledOut> {
    if lateness.is_kept {
        return None;
    }
    let network = &needs.to_map()["network"];
    let network = question("network")
        .map(|question| question.say(network))
        .unwrap_or_default();
    Some(RuledOut {
        requirements: said(["latency_ms", "network", "rtt_ms"].into_iter(), needs),
        because: format!(
            "On {} 99 of 100 messages came within {:.0} ms, which is more than {} ms, where the network loses {network}.",
            lateness.kind.words(needs),
            lateness.p99_ms,
            needs.latency_ms,
        ),
        source: Some(lateness.source.clone()),
    })
}

/// The answers behind these keys, as they are said.
pub(super) fn said<'a>(keys: impl Iterator<Item = &'a str>, needs: &Needs) -> Vec<Said> {
    let answers = needs.view();
    let asked = keys.flat_map(|key| match asked_by(key) {
        [] => vec![key],
        asked => asked.to_vec(),
    });
    let questions = asked.filter_map(question);
    questions
        .map(|question| Said {
            key: question.key.clone(),
            text: format!("{}: {}", question.title, question.say(&answers[&question.key])),
        })
        .collect()
}
