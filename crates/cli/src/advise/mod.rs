//! `wirelab advise`: which transport to take, and why.
//!
//! The decision is the model's. Here it is asked for ([`args`], [`ask`]), said ([`text`], [`record`]), and made into what
//! to deploy ([`mod@emit`]).

pub(crate) mod args;
mod ask;
mod emit;
mod record;
mod text;

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use thiserror::Error;
use wirelab_model::advice::{Evidence, EvidenceError, Needs, NeedsError, advise, presets};

use self::args::{Advise, Output};
use crate::render;

/// The largest file that is read: the report of the longest comparison has about a tenth.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Why there is no advice.
#[derive(Debug, Error)]
pub(crate) enum AdviseError {
    #[error(
        "nobody said what is needed, and nobody is at the terminal to be asked: give answers by flags, --preset or \
         --needs; wirelab advise --help names them"
    )]
    NobodyToAsk,
    #[error("{0}")]
    Asking(io::Error),
    #[error("the file {path} cannot be read: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the file {path} has more than {MAX_FILE_BYTES} bytes: it is no report", path = path.display())]
    TooLarge { path: PathBuf },
    #[error("the file {path} is no TOML: {why}", path = path.display())]
    Toml { path: PathBuf, why: String },
    #[error("{}", each(faults))]
    Needs { faults: NeedsError },
    #[error("{0}")]
    Evidence(#[from] EvidenceError),
    #[error("{0}")]
    Emit(#[from] emit::EmitError),
    #[error("the advice cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl AdviseError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::NobodyToAsk | Self::Toml { .. } | Self::Needs { .. } | Self::Evidence(_) | Self::Emit(_) => 2,
            Self::Asking(_) | Self::Unreadable { .. } | Self::TooLarge { .. } | Self::Json(_) => 1,
        }
    }
}

/// Everything that is wrong, one line each.
fn each(faults: &NeedsError) -> String {
    let faults: Vec<_> = faults.faults.iter().map(ToString::to_string).collect();
    match &faults[..] {
        [only] => only.clone(),
        several => format!(
            "{} things are wrong with the answers:\n  {}",
            several.len(),
            several.join("\n  ")
        ),
    }
}

/// Asks where it has to, and says what comes of it.
pub(crate) fn run(asked: &Advise) -> Result<(), AdviseError> {
    let answers = if asked.says_nothing() {
        if !io::stdin().is_terminal() {
            return Err(AdviseError::NobodyToAsk);
        }
        ask::ask(&mut io::stdin().lock(), &mut render::say).map_err(AdviseError::Asking)?
    } else {
        answers(asked)?
    };
    let needs = Needs::read(&answers).map_err(|faults| AdviseError::Needs { faults })?;
    let mut evidence = Evidence::default();
    for path in &asked.evidence {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        evidence.add(&name, &read(path)?)?;
    }
    let advice = advise(&needs, &evidence);
    if let Some(what) = asked.emit {
        render::result(&emit::emit(what, &advice)?);
        return Ok(());
    }
    render::result(&match asked.output {
        Output::Text => text::text(&advice),
        Output::Json => serde_json::to_string_pretty(&advice)? + "\n",
        Output::Markdown => record::record(&advice),
    });
    Ok(())
}

/// The layers: what is built, the file, the flags.
fn answers(asked: &Advise) -> Result<Map<String, Value>, AdviseError> {
    let built = asked.preset.as_ref();
    let built = built.and_then(|id| presets().iter().find(|preset| preset.id == *id));
    let mut answers = built.map(|preset| preset.needs.clone()).unwrap_or_default();
    if let Some(path) = &asked.needs {
        let toml = |why: toml::de::Error| AdviseError::Toml {
            path: path.clone(),
            why: why.to_string().trim_end().to_owned(),
        };
        let written: Map<String, Value> = toml::from_str(&read(path)?).map_err(toml)?;
        answers.extend(written.into_iter().map(|(key, answer)| match answer {
            // TOML has no null: these are inf and nan, which JSON does not have.
            Value::Null => (key, "inf or nan".into()),
            answer => (key, answer),
        }));
    }
    answers.extend(asked.answers.0.clone());
    Ok(answers)
}

fn read(path: &Path) -> Result<String, AdviseError> {
    let unreadable = |source| AdviseError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(AdviseError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}
