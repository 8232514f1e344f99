//! Asks at the terminal: what is built, and then which of its answers are different here.

use std::io::{self, BufRead};

use serde_json::{Map, Value};
use wirelab_model::advice::{Fault, Needs, Preset, Question, presets, questions};

use super::args::answer;

/// Asks until there are answers that go together.
///
/// # Errors
/// The terminal ended before.
pub(crate) fn ask(typed: &mut impl BufRead, say: &mut impl FnMut(&str)) -> io::Result<Map<String, Value>> {
    let mut answers = built(typed, say)?;
    loop {
        say(&listed(&answers));
        let line = line(typed, say, "a number to change an answer, Enter for the advice: ")?;
        if line.is_empty() {
            match Needs::read(&answers) {
                Ok(_) => return Ok(answers),
                Err(faults) => say(&format!("{faults}\n")),
            }
            continue;
        }
        match numbered(&line, questions()) {
            Some(question) => change(question, &mut answers, typed, say)?,
            None => say("that is no number of the list\n"),
        }
    }
}

/// What is built, as answers.
fn built(typed: &mut impl BufRead, say: &mut impl FnMut(&str)) -> io::Result<Map<String, Value>> {
    let mut text = String::from("What do you build?\n");
    for (n, Preset { title, .. }) in presets().iter().enumerate() {
        text.push_str(&format!("  {:>2}  {title}\n", n + 1));
    }
    say(&text);
    loop {
        let line = line(typed, say, "a number, or Enter for something else: ")?;
        if line.is_empty() {
            return Ok(Map::new());
        }
        match numbered(&line, presets()) {
            Some(preset) => return Ok(preset.needs.clone()),
            None => say("that is no number of the list\n"),
        }
    }
}

/// All questions with what is answered at the moment.
fn listed(answers: &Map<String, Value>) -> String {
    let usual = Needs::default().to_map();
    let mut text = String::from("\n");
    for (n, question) in questions().iter().enumerate() {
        let answer = answers.get(&question.key).unwrap_or(&usual[&question.key]);
        text.push_str(&format!(
            "  {:>2}  {}: {}\n",
            n + 1,
            question.title,
            question.say(answer)
        ));
    }
    text
}

fn change(
    question: &Question,
    answers: &mut Map<String, Value>,
    typed: &mut impl BufRead,
    say: &mut impl FnMut(&str),
) -> io::Result<()> {
    for (word, means) in &question.answers {
        say(&format!("      {word}: {means}\n"));
    }
    loop {
        let line = line(typed, say, &format!("{} ({}): ", question.title, question.wanted()))?;
        if line.is_empty() {
            return Ok(());
        }
        let alone = Map::from_iter([(question.key.clone(), answer(question, &line))]);
        // Whether it goes with the others is said when all are there.
        let only_wrong = Needs::read(&alone).err().filter(|error| {
            let is_bad = |fault: &Fault| matches!(fault, Fault::BadAnswer { .. });
            error.faults.iter().any(is_bad)
        });
        match only_wrong {
            Some(faults) => say(&format!("{faults}\n")),
            None => {
                answers.extend(alone);
                return Ok(());
            }
        }
    }
}

fn numbered<'a, T>(line: &str, list: &'a [T]) -> Option<&'a T> {
    let number: usize = line.parse().ok()?;
    list.get(number.checked_sub(1)?)
}

fn line(typed: &mut impl BufRead, say: &mut impl FnMut(&str), prompt: &str) -> io::Result<String> {
    say(prompt);
    let mut line = String::new();
    if typed.read_line(&mut line)? == 0 {
        say("\n");
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the terminal ended before there was an advice to give",
        ));
    }
    Ok(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(lines: &str) -> (io::Result<Map<String, Value>>, String) {
        let mut said = String::new();
        let answers = ask(&mut lines.as_bytes(), &mut |text| said.push_str(text));
        (answers, said)
    }

    fn number_of(key: &str) -> usize {
        1 + questions()
            .iter()
            .position(|question| question.key == key)
            .expect("a question")
    }

    #[test]
    fn enter_twice_is_what_is_usual() {
        let (answers, said) = typed("\n\n");
        assert_eq!(answers.expect("answers"), Map::new());
        assert!(said.contains("What do you build?") && said.contains("Who speaks: the server speaks"));
    }

    #[test]
    fn answers_of_what_is_built_are_changed_by_number() {
        let lines = format!("99\n3\n{}\nsoon\n80ms\nnope\n\n", number_of("latency_ms"));
        let (answers, said) = typed(&lines);
        let needs = Needs::read(&answers.expect("answers")).expect("they go together");
        assert_eq!((needs.latency_ms, needs.client_hz), (80, Some(0.3)), "chat, but sooner");
        assert!(said.contains("latency_ms cannot be \"soon\""));
        assert_eq!(said.matches("that is no number of the list").count(), 2);
    }

    #[test]
    fn what_contradicts_is_said_and_asked_again() {
        let lines = format!("\n{}\n60\n\n{}\nboth\n\n", number_of("client_hz"), number_of("talks"));
        let (answers, said) = typed(&lines);
        assert_eq!(answers.expect("answers")["talks"], "both");
        assert_eq!(said.matches("do not go together").count(), 1);
    }

    #[test]
    fn an_end_in_the_middle_is_an_error() {
        assert!(typed("").0.is_err());
        assert!(typed("1\n").0.is_err());
    }
}
