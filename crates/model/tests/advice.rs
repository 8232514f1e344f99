//! Every claim of the procedure, as a scenario of `testdata/advice`: these needs, this advice.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value};
use wirelab_model::{
    Transport,
    advice::{Advice, Evidence, Needs, advise, presets},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What is claimed, for whoever reads a failure.
    claim: String,
    preset: Option<String>,
    needs: Map<String, Value>,
    #[serde(default)]
    evidence: Vec<Value>,
    expect: Expect,
}

/// What must be in the advice. Texts are pieces of what it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    outcome: Option<Value>,
    #[serde(default)]
    ruled_out: BTreeMap<Transport, Vec<String>>,
    #[serde(default)]
    prefers: BTreeMap<Transport, Vec<String>>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// Of settings.
    #[serde(default)]
    because: Vec<String>,
    /// Notes and combinations.
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    flips: BTreeMap<String, Value>,
    #[serde(default)]
    rows: Vec<String>,
    /// Server and transport with a figure.
    #[serde(default)]
    costs: BTreeMap<String, Transport>,
    #[serde(default)]
    cited: Vec<String>,
    /// The needs are refused, with exactly so many faults.
    faults: Option<Vec<String>>,
}

#[test]
fn every_scenario_has_the_advice_that_is_claimed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/advice");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    names.sort();
    assert!(names.len() > 50, "{} scenarios", names.len());
    let mut wrong = Vec::new();
    for path in names {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a scenario");
        let scenario: Scenario = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = check(&scenario);
        wrong.extend(
            found
                .into_iter()
                .map(|what| format!("{name} ({}): {what}", scenario.claim)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(scenario: &Scenario) -> Vec<String> {
    let expect = &scenario.expect;
    let preset = scenario.preset.as_ref().map(|id| {
        let known = presets().iter().find(|preset| preset.id == *id);
        known.unwrap_or_else(|| panic!("there is no preset {id}")).needs.clone()
    });
    let mut answers = preset.unwrap_or_default();
    answers.extend(scenario.needs.clone());
    let needs = match (Needs::read(&answers), &expect.faults) {
        (Ok(needs), None) => needs,
        (Ok(_), Some(faults)) => return vec![format!("it is taken, and not refused with {faults:?}")],
        (Err(error), faults) => {
            let told: Vec<_> = error.faults.iter().map(ToString::to_string).collect();
            let wanted = faults.as_deref().unwrap_or_default();
            let fits = told.len() == wanted.len() && wanted.iter().all(|text| contains(&told, text));
            return if fits {
                Vec::new()
            } else {
                vec![format!("refused with {told:?}")]
            };
        }
    };
    let mut evidence = Evidence::default();
    for (n, report) in scenario.evidence.iter().enumerate() {
        evidence
            .add(&format!("report {n}"), &report.to_string())
            .expect("a report");
    }
    compare(&advise(&needs, &evidence), expect)
}

fn compare(advice: &Advice, expect: &Expect) -> Vec<String> {
    let mut wrong = Vec::new();
    let outcome = serde_json::to_value(&advice.outcome).expect("JSON");
    if expect.outcome.as_ref().is_some_and(|wanted| *wanted != outcome) {
        let standings = advice
            .ranked
            .iter()
            .map(|standing| (standing.transport, standing.points));
        wrong.push(format!("it comes to {outcome}: {:?}", standings.collect::<Vec<_>>()));
    }
    let of = |transport: &Transport| {
        advice
            .ranked
            .iter()
            .find(|standing| standing.transport == *transport)
            .expect("all are ranked")
    };
    for (transport, texts) in &expect.ruled_out {
        let told: Vec<_> = of(transport).ruled_out.iter().map(|out| out.because.clone()).collect();
        missing(&mut wrong, transport.id(), &told, texts);
    }
    for (transport, texts) in &expect.prefers {
        let told: Vec<_> = of(transport)
            .preferences
            .iter()
            .map(|preference| preference.because.clone())
            .collect();
        missing(&mut wrong, transport.id(), &told, texts);
    }
    for (name, value) in &expect.settings {
        let told: Vec<_> = advice
            .settings
            .iter()
            .filter(|setting| setting.name == *name)
            .map(|setting| setting.value.clone())
            .collect();
        missing(&mut wrong, name, &told, std::slice::from_ref(value));
    }
    let reasons: Vec<_> = advice.settings.iter().map(|setting| setting.because.clone()).collect();
    missing(&mut wrong, "settings", &reasons, &expect.because);
    let combinations = advice.together.iter().map(|together| together.says.clone());
    let said: Vec<_> = combinations.chain(advice.notes.iter().cloned()).collect();
    missing(&mut wrong, "notes", &said, &expect.says);
    for (key, then) in &expect.flips {
        let flip = advice.flips.iter().find(|flip| flip.key == *key);
        let found = flip.map(|flip| serde_json::to_value(&flip.then).expect("JSON"));
        if found.as_ref() != Some(then) {
            wrong.push(format!("{key} flips it to {found:?} and not to {then}"));
        }
    }
    let lit: Vec<_> = advice
        .rows
        .iter()
        .filter(|row| row.is_asked_for)
        .map(|row| row.need.to_owned())
        .collect();
    missing(&mut wrong, "rows", &lit, &expect.rows);
    for (server, transport) in &expect.costs {
        let has = |cost: &&wirelab_model::advice::Cost| {
            cost.server == *server && cost.transport == *transport && cost.memory_mib.is_some()
        };
        if !advice.costs.iter().any(|cost| has(&cost)) {
            wrong.push(format!("no figure for {server} with {}", transport.id()));
        }
    }
    let cited: Vec<_> = advice.cited.iter().map(|cited| cited.says.clone()).collect();
    missing(&mut wrong, "cited", &cited, &expect.cited);
    wrong
}

fn missing(wrong: &mut Vec<String>, of: &str, told: &[String], texts: &[String]) {
    let absent = texts.iter().filter(|text| !contains(told, text));
    wrong.extend(absent.map(|text| format!("{of} does not say {text:?} but {told:?}")));
}

fn contains(told: &[String], text: &str) -> bool {
    told.iter().any(|told| told.contains(text))
}
