//! The tree as text: which files are ours, and what a rule says about their lines.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = [".git", "target", "node_modules", "artifacts"];

/// A text of ours; its path is relative to the root and has slashes.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All texts with one of these endings; all texts of any kind if none is given.
pub(super) fn files(endings: &[&str]) -> Vec<File> {
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("names here are UTF-8");
            let path = format!("{folder}{name}");
            if FOREIGN.contains(&name.as_str()) {
                continue; // in a worktree .git is a file
            }
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path + "/");
                continue;
            }
            let wanted = endings.is_empty() || endings.iter().any(|ending| name.ends_with(&format!(".{ending}")));
            // What is not UTF-8 is a picture; what is gone was somebody's scratch file.
            if let Some(text) = wanted.then(|| fs::read_to_string(entry.path()).ok()).flatten() {
                found.push(File { path, text });
            }
        }
    }
    assert!(
        !found.is_empty(),
        "no file ends in {endings:?}: the walk has gone wrong"
    );
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The names of the folders in a folder.
pub(super) fn folders(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder").flatten();
    let entries = entries.filter(|entry| entry.path().is_dir());
    entries
        .map(|entry| entry.file_name().into_string().expect("UTF-8"))
        .collect()
}

/// What `judge` says about each line.
pub(super) fn lines(endings: &[&str], judge: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for File { path, text } in files(endings) {
        let judged = text.lines().enumerate();
        found.extend(judged.filter_map(|(index, line)| Some(at(&path, index, &judge(line)?))));
    }
    found
}

/// What `judge` says about each line of Rust below `folder` that ships, without its comment.
pub(super) fn shipped(folder: &str, judge: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let ours = |file: &File| file.path.starts_with(folder) && !file.path.ends_with("/tests.rs");
    for File { path, text } in files(&["rs"]).into_iter().filter(ours) {
        for (index, line) in text.lines().enumerate().take(shipped_lines(&text)) {
            let code = line.split("//").next().unwrap_or_default();
            found.extend(judge(code).map(|said| at(&path, index, &said)));
        }
    }
    found
}

/// How many lines stand before the tests, which come last.
pub(super) fn shipped_lines(text: &str) -> usize {
    let lines: Vec<_> = text.lines().collect();
    let tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(tests).unwrap_or(lines.len())
}

/// Where each occurrence of `word` that is no part of a longer word ends.
pub(super) fn whole_words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).filter_map(move |(start, _)| {
        let end = start + word.len();
        (!text[..start].ends_with(is_word) && !text[end..].starts_with(is_word)).then_some(end)
    })
}

/// Whether code has `module::…` in it.
pub(super) fn names_module(code: &str, module: &str) -> bool {
    whole_words(code, module).any(|end| code[end..].starts_with("::"))
}

pub(super) fn at(path: &str, index: usize, what: &str) -> String {
    format!("{path}:{}: {what}", index + 1)
}

pub(super) fn none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}\n", found.join("\n  "));
}
