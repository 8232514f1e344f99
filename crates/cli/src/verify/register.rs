//! Holds the lists of checks against their pages.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{check::Check, idle, sse, turn, webrtc, ws};

/// Every check, family by family, in the order in which they run.
fn all() -> impl Iterator<Item = &'static Check> {
    [sse::CHECKS, ws::CHECKS, webrtc::CHECKS, turn::CHECKS, idle::CHECKS]
        .into_iter()
        .flatten()
        .copied()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_check_has_a_page_and_every_page_a_check() {
    let mut pages = BTreeSet::new();
    for check in all() {
        let text =
            fs::read_to_string(root().join(check.page())).unwrap_or_else(|error| panic!("{}: {error}", check.page()));
        assert!(text.starts_with(&format!("# {}\n", check.id)), "{}", check.page());
        for heading in ["## What it means", "## Why it matters", "## How to fix it"] {
            assert!(text.contains(heading), "{} has no {heading:?}", check.page());
        }
        assert!(pages.insert(check.page()), "{} is there twice", check.id);
    }
    let folder = fs::read_dir(root().join("docs/verify")).expect("the folder");
    for entry in folder.flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        let page = format!("docs/verify/{name}");
        assert!(name == "README.md" || pages.contains(&page), "{page} explains no check");
    }
}

#[test]
fn the_index_names_every_check() {
    let index = fs::read_to_string(root().join("docs/verify/README.md")).expect("the index");
    for check in all() {
        let line = format!("| [{id}]({id}.md) | {what} |", id = check.id, what = check.what);
        assert!(index.contains(&line), "docs/verify/README.md has no line {line:?}");
    }
}

#[test]
fn an_id_is_a_family_and_a_word() {
    for check in all() {
        let (family, word) = check.id.split_once('.').expect(check.id);
        assert!(
            ["sse", "ws", "webrtc", "turn", "idle"].contains(&family),
            "{}",
            check.id
        );
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!word.is_empty() && word.chars().all(is_plain), "{}", check.id);
    }
}
