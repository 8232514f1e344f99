//! The advice for somebody at a terminal.

use wirelab_model::advice::{Advice, Cost, Outcome, Said, Standing};

/// Longer lines are broken here, columns.
const WIDTH: usize = 100;

/// All of it but for what nobody asked.
pub(crate) fn text(advice: &Advice) -> String {
    let mut out = Lines::default();
    out.line(0, &headline(advice));
    needs(&mut out, advice);
    for standing in &advice.ranked {
        standing_text(&mut out, standing);
    }
    if !advice.flips.is_empty() {
        out.title("What would change it, the smallest change first");
    }
    for flip in &advice.flips {
        out.line(
            2,
            &format!("{}, instead of {} → {}", flip.change, flip.instead_of, flip.then_words),
        );
    }
    if !advice.together.is_empty() {
        out.title("Together with");
    }
    for together in &advice.together {
        out.line(2, &format!("{} {}", together.says, together.because));
    }
    settings(&mut out, advice);
    if !advice.notes.is_empty() {
        out.title("What else to know");
    }
    for note in &advice.notes {
        out.line(2, note);
    }
    costs(&mut out, advice);
    if !advice.cited.is_empty() {
        out.title("Evidence");
    }
    for cited in &advice.cited {
        let instead = cited.instead_of.as_ref().map(|usual| format!("; instead of {usual}"));
        out.line(
            2,
            &format!("{}: {}{}", cited.report, cited.says, instead.unwrap_or_default()),
        );
    }
    out.0
}

fn headline(advice: &Advice) -> String {
    let words = &advice.outcome_words;
    match &advice.outcome {
        Outcome::Clear { .. } => format!("Take: {words}"),
        Outcome::Close { .. } => format!("There is {words}. Take the one that you know how to run."),
        Outcome::None { .. } => format!("Of the transports {words}. Change what is asked, or live with less."),
    }
}

fn needs(out: &mut Lines, advice: &Advice) {
    let said: Vec<_> = advice.answers.iter().filter(|answer| !answer.is_usual).collect();
    out.title(if said.is_empty() { "For what is usual" } else { "For" });
    for answer in said {
        out.line(2, &answer.text);
    }
    out.line(2, "All else is taken as usual; --output json has all answers.");
}

fn standing_text(out: &mut Lines, standing: &Standing) {
    let late = format!("99 of 100 messages within {:.0} ms", standing.lateness.p99_ms);
    if standing.ruled_out.is_empty() {
        out.title(&format!(
            "{}, points: {}; {late} ({})",
            standing.label, standing.points, standing.lateness.source
        ));
    } else {
        out.title(&format!("{}: ruled out", standing.label));
    }
    for reason in &standing.ruled_out {
        out.line(
            2,
            &format!(
                " ✗  {}{}",
                reason.because,
                because_of(&reason.requirements, reason.source.as_deref())
            ),
        );
    }
    // What speaks for one that cannot be changes nothing.
    let counting = standing.preferences.iter().filter(|_| standing.ruled_out.is_empty());
    for preference in counting {
        let from = because_of(&preference.requirements, preference.source.as_deref());
        out.line(2, &format!("{:+}  {}{from}", preference.points, preference.because));
    }
}

/// The answers behind it, and where a figure is from.
fn because_of(requirements: &[Said], source: Option<&str>) -> String {
    let told = requirements.iter().map(|said| said.text.as_str()).chain(source);
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" [{}]", told.join("; "))
    }
}

fn settings(out: &mut Lines, advice: &Advice) {
    let mut last = None;
    for setting in &advice.settings {
        if last != Some(setting.transport) {
            out.title(&format!("Values for {}", setting.transport.label()));
            last = Some(setting.transport);
        }
        out.line(2, &format!("{}: {}", setting.name, setting.value));
        if let Some(flag) = &setting.flag {
            out.line(6, &format!("wirelab {flag}"));
        }
        out.line(6, &setting.because);
    }
}

fn costs(out: &mut Lines, advice: &Advice) {
    out.title(&format!(
        "What {} connections cost one server at {} messages a second each",
        advice.needs.connections, advice.server_rate_hz
    ));
    for cost in advice.costs.iter().filter(|cost| is_of_interest(cost, advice)) {
        let figures = [
            cost.memory_mib.map(|mib| format!("{mib:.0} MiB idle")),
            cost.cores.map(|cores| format!("{cores:.2} cores for sending")),
        ];
        let figures: Vec<_> = figures.into_iter().flatten().collect();
        out.line(
            2,
            &format!(
                "{}, {}: {} [{}]",
                cost.server,
                cost.transport.id(),
                figures.join(", "),
                cost.source
            ),
        );
    }
}

/// Figures of transports that can be.
pub(super) fn is_of_interest(cost: &Cost, advice: &Advice) -> bool {
    let can_be = |standing: &&Standing| standing.transport == cost.transport && standing.ruled_out.is_empty();
    advice.ranked.iter().any(|standing| can_be(&standing))
}

/// Lines that are broken where they are too long for a terminal.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn title(&mut self, text: &str) {
        self.0.push('\n');
        self.line(0, text);
    }

    fn line(&mut self, indent: usize, text: &str) {
        let mut columns = indent;
        self.0.extend(std::iter::repeat_n(' ', indent));
        for (n, word) in text.split(' ').enumerate() {
            let width = word.chars().count();
            if n > 0 && columns + 1 + width > WIDTH {
                self.0.push('\n');
                self.0.extend(std::iter::repeat_n(' ', indent + 4));
                columns = indent + 4;
            } else if n > 0 {
                self.0.push(' ');
                columns += 1;
            }
            self.0.push_str(word);
            columns += width;
        }
        self.0.push('\n');
    }
}
