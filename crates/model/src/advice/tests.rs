//! What holds for all needs, and what the table must keep so that it does.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::btree_set, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{
    condition::Condition,
    judge::{judge, outcome},
    needs::asked_by,
    table::{TABLE, question},
    *,
};
use crate::{
    Transport,
    facts::{DECISION, Fit},
};

/// Any answers, those that contradict each other too: half of the time all are anything, and nearly everything is ruled
/// out; half of the time most are as usual.
fn any_needs() -> impl Strategy<Value = Needs> {
    prop_oneof![needs_with(0), needs_with(4)]
}

/// Each answer is as usual so many times as often as it is any.
fn needs_with(usual_weight: u32) -> impl Strategy<Value = Needs> {
    let usual = Needs::default().to_map();
    let hz = || {
        prop_oneof![
            Just(Value::Null),
            select(vec![json!(0), json!(0.05), json!(0.2), json!(1), json!(10), json!(60)])
        ]
    };
    let answers: Vec<_> = TABLE
        .question
        .iter()
        .map(|question| {
            let words: Vec<Value> = question.answers.iter().map(|(word, _)| json!(word)).collect();
            let least = if question.key == "clients" { 1 } else { 0 };
            let value: BoxedStrategy<Value> = match (words.is_empty(), question.unit) {
                (false, _) if question.many => btree_set(0..words.len(), least..=words.len())
                    .prop_map(move |chosen| chosen.into_iter().map(|i| words[i].clone()).collect())
                    .boxed(),
                (false, _) => select(words).boxed(),
                (true, None) => any::<bool>().prop_map(Value::Bool).boxed(),
                (true, Some(Unit::Hz)) => hz().boxed(),
                (true, Some(_)) => (question.least as u32..=question.most as u32)
                    .prop_map(|n| json!(n))
                    .boxed(),
            };
            let value = prop_oneof![1 => value, usual_weight => Just(usual[&question.key].clone())];
            value.prop_map(|value| (question.key.clone(), value))
        })
        .collect();
    answers.prop_map(|answers| {
        let answers: Map<String, Value> = answers.into_iter().collect();
        serde_json::from_value(Value::Object(answers)).expect("each is an answer")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_combination_of_answers_has_an_advice(needs in any_needs()) {
        let advice = advise(&needs, &Evidence::default());
        prop_assert_eq!(&advice, &advise(&needs, &Evidence::default()), "and always the same one");
        prop_assert_eq!(advice.ranked.len(), Transport::ALL.len());
        for chosen in advice.outcome.chosen() {
            let standing = advice.ranked.iter().find(|standing| standing.transport == *chosen).expect("it is ranked");
            prop_assert!(standing.ruled_out.is_empty());
        }
        if let Outcome::None { .. } = advice.outcome {
            prop_assert!(advice.ranked.iter().all(|standing| !standing.ruled_out.is_empty()));
        }
        let json = serde_json::to_string(&advice).expect("advice can be written");
for braces in ["{sse_", "{websocket_", "{idle_", "{inbound_"] {
            prop_assert!(!json.contains(braces), "{braces} is left");
        }
    }

    #[test]
    fn each_flip_is_true(needs in any_needs()) {
        let now = advise(&needs, &Evidence::default());
        let mut last = 0.0;
        for flip in &now.flips {
            let mut answers = needs.to_map();
            answers.insert(flip.key.clone(), flip.to.clone());
            let changed = Needs::read(&answers).expect("a flip contradicts nothing");
            let then = outcome(&judge(&changed, &Evidence::default()));
            prop_assert_eq!(&then, &flip.then);
            prop_assert_ne!(&then, &now.outcome);
            prop_assert!(flip.size >= last, "the smallest first");
            last = flip.size;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_tighter_budget_never_leads_to_a_slower_transport(needs in any_needs(), budgets in prop::array::uniform2(1u32..300), p99_us in prop::array::uniform3(1_000u32..400_000), measured: bool) {
        let mut evidence = Evidence::default();
        if measured {
            evidence.add("path.json", &compare_report(p99_us)).expect("a report");
        }
        let under = |latency_ms| {
            let standings = judge(&Needs { latency_ms, ..needs.clone() }, &evidence);
            let first = outcome(&standings).first();
            first.map(|first| standings.into_iter().find(|standing| standing.transport == first).expect("it is ranked"))
        };
        let (loose, tight) = (under(budgets[0].max(budgets[1])), under(budgets[0].min(budgets[1])));
        match (loose, tight) {
            (Some(loose), Some(tight)) => {
                prop_assert!(tight.transport == loose.transport || tight.lateness.p99_ms < loose.lateness.p99_ms);
            }
            (None, Some(tight)) => prop_assert!(false, "{:?} keeps a tight budget and no loose one", tight.transport),
            (_, None) => {}
        }
    }

    #[test]
    fn what_reads_is_what_was_written(needs in any_needs()) {
        match Needs::read(&needs.to_map()) {
            Ok(again) => prop_assert_eq!(again, needs),
            Err(error) => {
                let is_contradiction = |fault: &Fault| matches!(fault, Fault::Contradiction { .. });
                prop_assert!(error.faults.iter().all(is_contradiction));
                prop_assert_eq!(error.faults, needs.contradictions());
            }
        }
    }
}

/// A comparison over one path: what a stream, an unordered and a reliable channel took, µs.
fn compare_report([stream, datachannel, reliable]: [u32; 3]) -> String {
    let lane =
        |lane: &str, p99_us: u32| json!({"lane": lane, "measured": {"figures": {"latency": {"p99_us": p99_us}}}});
    let lanes = [
        lane("sse", stream),
        lane("websocket", stream),
        lane("datachannel", datachannel),
        lane("datachannel-reliable", reliable),
    ];
    let point =
        json!({"label": "real path", "is_control": false, "profile": {}, "runs": [{"disturbed": [], "lanes": lanes}]});
    json!({"schema": "wirelab.compare.v1", "setting": {"target": "http://192.0.2.7:8080"}, "points": [point]})
        .to_string()
}

#[test]
fn every_answer_has_a_question_and_every_question_an_answer() {
    let answers: BTreeSet<String> = Needs::default().to_map().into_iter().map(|(key, _)| key).collect();
    let questions: BTreeSet<String> = TABLE.question.iter().map(|question| question.key.clone()).collect();
    assert_eq!(answers, questions);
    assert_eq!(TABLE.question.len(), questions.len(), "each is asked once");
}

#[test]
fn every_word_of_a_question_is_known_and_none_is_missing() {
    for question in &TABLE.question {
        let wrap = |word: &str| if question.many { json!([word]) } else { json!(word) };
        let read = |value: Value| {
            let mut answers = Needs::default().to_map();
            answers.insert(question.key.clone(), value);
            serde_json::from_value::<Needs>(Value::Object(answers)).map_err(|error| error.to_string())
        };
        for (word, _) in &question.answers {
            assert!(read(wrap(word)).is_ok(), "{}: {word}", question.key);
        }
        if !question.answers.is_empty() {
            // serde names all variants when it is given none of them.
            let said = read(wrap("no-such-word")).expect_err("no word");
            let known = said.matches('`').count() / 2 - 1;
            assert_eq!(known, question.answers.len(), "{}: {said}", question.key);
        }
    }
}

#[test]
fn conditions_name_what_there_is() {
    let conditions: Vec<&Condition> = TABLE
        .contradiction
        .iter()
        .map(|row| &row.when)
        .chain(TABLE.out.iter().map(|row| &row.when))
        .chain(TABLE.weight.iter().map(|row| &row.when))
        .chain(TABLE.combination.iter().map(|row| &row.when))
        .chain(TABLE.setting.iter().map(|row| &row.when))
        .chain(TABLE.note.iter().map(|row| &row.when))
        .collect();
    let view = Needs::default().view();
    for condition in conditions {
        for key in condition.keys() {
            assert!(view.contains_key(key), "{key} is no answer");
        }
        for (key, word) in condition.words() {
            let Some(question) = question(key) else {
                assert!(!asked_by(key).is_empty(), "{key} follows from nothing");
                continue;
            };
            let Value::String(word) = word else { continue };
            assert!(
                question.answers.iter().any(|(known, _)| *known == word),
                "{key} is never {word}"
            );
        }
    }
    for row in &TABLE.contradiction {
        assert!(row.when.keys().all(|key| question(key).is_some()), "{}", row.because);
    }
}

#[test]
fn the_budget_is_in_no_points() {
    let weights = TABLE.weight.iter().map(|weight| &weight.when);
    let outs = TABLE.out.iter().map(|out| &out.when);
    for when in weights.chain(outs) {
        assert!(
            when.keys().all(|key| key != "latency_ms"),
            "{when:?}: late.rs alone looks at it"
        );
    }
}

#[test]
fn usual_answers_contradict_nothing_and_presets_neither() {
    assert_eq!(Needs::default().contradictions(), []);
    for preset in presets() {
        let read = Needs::read(&preset.needs);
        assert!(read.is_ok(), "{}: {read:?}", preset.id);
    }
}

#[test]
fn the_rules_say_what_the_decision_at_a_glance_says() {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for weight in &TABLE.weight {
        let Some(row) = &weight.row else { continue };
        let row = DECISION
            .iter()
            .find(|known| known.need == row)
            .unwrap_or_else(|| panic!("no row {row}"));
        *told.entry(row.need).or_default() += 1;
        let points = |fit| {
            Transport::ALL
                .into_iter()
                .filter(move |of| row.fits.of(*of) == fit)
                .map(|of| weight.of(of))
        };
        let least_best = points(Fit::Best).min().expect("each row has a best");
        for fit in [Fit::Works, Fit::No] {
            assert!(points(fit).all(|points| points < least_best), "{}", row.need);
        }
        let least_working = points(Fit::Works).min().unwrap_or(least_best);
        assert!(points(Fit::No).all(|points| points <= least_working), "{}", row.need);
    }
    for out in &TABLE.out {
        let Some(row) = &out.row else { continue };
        let row = DECISION
            .iter()
            .find(|known| known.need == row)
            .unwrap_or_else(|| panic!("no row {row}"));
        *told.entry(row.need).or_default() += 1;
        assert_ne!(row.fits.of(out.transport), Fit::Best, "{}", row.need);
    }
    for row in DECISION {
        assert!(told.contains_key(row.need), "no rule is about {}", row.need);
        for transport in Transport::ALL
            .into_iter()
            .filter(|transport| row.fits.of(*transport) == Fit::No)
        {
            let rules_out = TABLE
                .out
                .iter()
                .any(|out| out.row.as_deref() == Some(row.need) && out.transport == transport);
            // What comes too late is held against the budget and not in a rule.
            let is_late = row.need.starts_with("The newest state");
            assert!(
                rules_out || is_late,
                "{} has no {}, and no rule says so",
                transport.label(),
                row.need
            );
        }
    }
}

#[test]
fn delays_between_two_round_trips_lie_between_theirs_and_the_flip_is_where_the_budget_is() {
    let p99_ms = |rtt_ms| {
        let needs = Needs {
            rtt_ms,
            ..Needs::default()
        };
        judge(&needs, &Evidence::default())[0].lateness.p99_ms
    };
    assert_eq!(
        (p99_ms(0), p99_ms(40), p99_ms(100), p99_ms(2000)),
        (77.4, 77.4, 190.7, 190.7)
    );
    assert_eq!(p99_ms(70), (77.4 + 190.7) / 2.0);
    let needs = Needs {
        latency_ms: 133,
        ..Needs::default()
    };
    let advice = advise(&needs, &Evidence::default());
    let flip = advice
        .flips
        .iter()
        .find(|flip| flip.key == "rtt_ms")
        .expect("it is too late beyond");
    assert_eq!(flip.to, json!(70), "at 69 ms it is 132.2 ms, at 70 ms 134.05");
}

#[test]
fn what_the_table_needs_is_there() {
    for network in [Network::Clean, Network::SomeLoss, Network::Lossy] {
        assert!(TABLE.late.iter().any(|row| row.network == network), "{network:?}");
    }
    for (proxy, _) in &question("proxies").expect("it is asked").answers {
        let rows = TABLE.proxy.iter().filter(|row| json!(row.id) == json!(proxy));
        assert_eq!(rows.count(), 1, "{proxy}");
    }
    let mut seen = BTreeSet::new();
    for price in &TABLE.price {
        assert!(seen.insert((&price.server, price.transport)), "{} twice", price.server);
        assert!(price.user_kib.is_some() && !price.source.is_empty(), "{}", price.server);
        assert_ne!(price.measured, Where::Evidence);
    }
    for transport in Transport::ALL {
        assert!(
            TABLE.setting.iter().any(|row| row.of.contains(&transport)),
            "{}",
            transport.label()
        );
    }
}
