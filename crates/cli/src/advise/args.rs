//! What `wirelab advise` is told. One flag for each question of the table, and what they are answered with.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum};
use serde_json::{Map, Value, json};
use wirelab_model::advice::{Question, Unit, questions};

use super::emit::Emit;
use crate::values;

/// What is said below the flags.
pub(crate) const AFTER: &str = "\
What is not answered is taken as usual. Without any flag it asks, where somebody is at the terminal. --preset is what people \
build, needs.toml lies above it, flags above both. A needs.toml has the answers by their keys: talks = \"both\", latency_ms = 80.

Evidence are reports of wirelab compare, bench and verify in JSON; what they measured takes the place of built-in figures.

Exit codes: 0 there is an advice, 1 a file cannot be read, 2 wrong arguments, answers that contradict each other or a report \
that is none; all of it is named at once.

  wirelab advise --preset game-state
  wirelab advise --talks both --client-hz 5 --latency 80ms --proxies nginx,alb
  wirelab compare --target https://feed.example.org --output json > path.json
  wirelab advise --preset notifications --proxies nginx --emit nginx > nginx.conf
  wirelab advise --needs needs.toml --evidence path.json --output markdown > docs/decisions/transport.md";

/// The form of the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// All of it, versioned: docs/schema/advise.v1.json
    Json,
    /// A decision record
    Markdown,
}

/// What `wirelab advise` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Advise {
    /// What is built
    #[arg(long, value_name = "WHAT", value_parser = preset_ids(), help_heading = "Needs")]
    pub(crate) preset: Option<String>,
    /// TOML file with answers
    #[arg(long, value_name = "FILE", help_heading = "Needs")]
    pub(crate) needs: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Answers")]
    pub(crate) answers: Answers,
    /// Reports in JSON that were measured on the path in question
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Needs")]
    pub(crate) evidence: Vec<PathBuf>,
    /// The form of the advice on stdout
    #[arg(long, value_enum, default_value_t = Output::Text, help_heading = "Results")]
    pub(crate) output: Output,
    /// Writes what to deploy instead of the advice
    #[arg(long, value_enum, conflicts_with = "output", help_heading = "Results")]
    pub(crate) emit: Option<Emit>,
}

impl Advise {
    /// Nothing says what is needed, so somebody has to be asked.
    pub(crate) fn says_nothing(&self) -> bool {
        self.preset.is_none() && self.needs.is_none() && self.answers.0.is_empty()
    }
}

fn preset_ids() -> Vec<&'static str> {
    wirelab_model::advice::presets()
        .iter()
        .map(|preset| preset.id.as_str())
        .collect()
}

/// Answers by flag, in the form in which needs are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answers(pub(crate) Map<String, Value>);

impl Args for Answers {
    fn augment_args(command: Command) -> Command {
        command.args(questions().iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Answers {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = questions().iter().filter_map(|question| {
            let text = matches.get_one::<String>(&question.key)?;
            Some((question.key.clone(), answer(question, text)))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

/// `latency_ms` is `--latency`, since a time has its unit with it.
fn flag(question: &'static Question) -> Arg {
    let key = question.key.as_str();
    let name = key.strip_suffix("_ms").unwrap_or(key).replace('_', "-");
    let arg = Arg::new(key).long(name).action(ArgAction::Set);
    let words = || {
        let words: Vec<_> = question.answers.iter().map(|(word, _)| word.as_str()).collect();
        words.join(", ")
    };
    match (question.answers.is_empty(), question.unit) {
        (false, _) if question.many => arg.value_name("LIST").help(format!("{}: {}", question.title, words())),
        (false, _) => arg.value_name("WORD").help(format!("{}: {}", question.title, words())),
        (true, None) => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .help(question.title.clone()),
        (true, Some(Unit::Ms)) => arg.value_name("TIME").help(question.title.clone()),
        (true, Some(Unit::Hz)) => arg.value_name("HZ").help(format!("{}, a second", question.title)),
        (true, Some(Unit::Bytes)) => arg.value_name("SIZE").help(question.title.clone()),
        (true, Some(Unit::Count)) => arg.value_name("COUNT").help(question.title.clone()),
    }
}

/// What was typed, as needs have it. What cannot be read stays text, and is refused with everything else that is wrong.
pub(crate) fn answer(question: &Question, text: &str) -> Value {
    let text = text.trim();
    let as_it_is = || json!(text);
    let most = question.most as usize;
    match (question.answers.is_empty(), question.unit) {
        (false, _) if question.many && text == "none" => json!([]),
        (false, _) if question.many => text.split(',').map(str::trim).collect(),
        (false, _) => as_it_is(),
        (true, None) => text.parse::<bool>().map_or_else(|_| as_it_is(), Value::Bool),
        (true, Some(Unit::Ms)) => {
            humantime::parse_duration(text).map_or_else(|_| as_it_is(), |time| json!(time.as_secs_f64() * 1000.0))
        }
        (true, Some(Unit::Hz)) => {
            let hz = text.parse::<f64>().ok().filter(|hz| hz.is_finite()); // JSON knows no others
            hz.map_or_else(as_it_is, |hz| json!(hz))
        }
        (true, Some(Unit::Bytes)) => values::bytes(0..=most)(text).map_or_else(|_| as_it_is(), |bytes| json!(bytes)),
        (true, Some(Unit::Count)) => values::count(0..=most)(text).map_or_else(|_| as_it_is(), |count| json!(count)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use wirelab_model::advice::Needs;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        advise: Advise,
    }

    fn typed(line: &str) -> Advise {
        let words = ["advise"].into_iter().chain(line.split_whitespace());
        Typed::try_parse_from(words).expect(line).advise
    }

    #[test]
    fn each_question_has_a_flag() {
        let advise = typed(
            "--talks both --client-hz 0.5 --latency 1s --connections 40k --message-bytes 64KiB --proxies nginx,alb \
             --binary --resume=false --clients browser",
        );
        let needs = Needs::read(&advise.answers.0).expect("answers");
        assert_eq!(
            (needs.latency_ms, needs.connections, needs.message_bytes),
            (1000, 40_000, 65_536)
        );
        assert_eq!((needs.client_hz, needs.binary, needs.resume), (Some(0.5), true, false));
        assert_eq!(needs.proxies.len(), 2);
        assert!(!advise.says_nothing() && typed("").says_nothing() && typed("--output json").says_nothing());
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_rest() {
        let advise =
            typed("--latency soon --connections many --talks nobody --client-hz nan --proxies none --binary=maybe");
        let error = Needs::read(&advise.answers.0).expect_err("five of them are nonsense");
        assert_eq!(error.faults.len(), 5, "{error}");
        assert!(error.to_string().contains("latency_ms cannot be \"soon\""), "{error}");
    }

    #[test]
    fn several_reports_follow_one_flag() {
        let advise = typed("--evidence a.json b.json --evidence c.json --preset chat");
        assert_eq!(advise.evidence.len(), 3);
        assert_eq!(advise.preset.as_deref(), Some("chat"));
    }
}
