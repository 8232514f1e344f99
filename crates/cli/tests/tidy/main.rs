//! The rules of this repository, as tests. A failure says which rule is broken and where.
//!
//! They read the tree as text, with plain std: what the compiler, clippy or a manifest can keep is left to them.
//! Words that a rule looks for are written in two halves here, so that this file keeps the rules too.

mod links;
mod tree;

use tree::{File, at, files, folders, lines, names_module, none, read, root, shipped, shipped_lines, whole_words};

/// A file past this is asking to be split.
const MOST_LINES: usize = 400;

/// Files that may be longer, each with its reason.
const LONG: &[(&str, &str)] = &[];

/// Which of our crates each may name in its manifest, tests included.
const MAY_KNOW: [(&str, &[&str]); 5] = [
    ("model", &[]),
    ("link", &[]),
    ("transport", &["model"]),
    ("server", &["model", "transport"]),
    ("cli", &["model", "link", "transport", "server"]),
];

/// Names that say nothing, so that everything ends up in them.
const DRAWERS: [&str; 7] = ["common", "core", "helpers", "misc", "shared", "util", "utils"];

/// Work that is left undone, if nobody says where it is written down.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Waiting for time and not for a condition.
const SLEEPS: [&str; 3] = [
    concat!("sle", "ep("),
    concat!("setTime", "out("),
    concat!("waitForTime", "out("),
];

/// Where somebody's checkout is.
const MACHINES: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("\\Us", "ers\\"),
];

#[test]
fn no_file_is_long_without_a_reason() {
    let mut found = Vec::new();
    for File { path, text } in files(&["rs", "js", "css", "html"]) {
        let lines = text.lines().count();
        let excused = LONG.iter().any(|(long, _)| *long == path);
        match (lines > MOST_LINES, excused) {
            (true, false) => found.push(format!(
                "{path} has {lines} lines: split it, or put it on the list LONG with its reason"
            )),
            (false, true) => found.push(format!("{path} has {lines} lines again: take it off the list LONG")),
            _ => {}
        }
    }
    for (path, _) in LONG {
        if !root().join(path).exists() {
            found.push(format!("{path} is gone: take it off the list LONG"));
        }
    }
    none(&format!("a file has {MOST_LINES} lines at most"), &found);
}

#[test]
fn unfinished_work_names_its_issue() {
    let is_told = |rest: &str| {
        let number = rest.trim_start_matches([' ', '(']).strip_prefix('#');
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    let found = lines(&["rs", "js", "css", "html", "toml", "sh"], |line| {
        let told = |word: &&str| whole_words(line, word).all(|end| is_told(&line[end..]));
        let word = UNFINISHED.iter().find(|word| !told(word))?;
        Some(format!("{word} without a number: write {word}(#12)"))
    });
    none("what is left undone is an issue", &found);
}

#[test]
fn a_crate_knows_only_whom_it_may() {
    let mut found = Vec::new();
    for folder in folders("crates") {
        if DRAWERS.contains(&folder.as_str()) {
            found.push(format!("crates/{folder}: this name says nothing about what is in it"));
        }
        let Some((_, may_know)) = MAY_KNOW.iter().find(|(name, _)| *name == folder) else {
            found.push(format!("crates/{folder}: give it a row in MAY_KNOW"));
            continue;
        };
        for line in read(&format!("crates/{folder}/Cargo.toml")).lines() {
            let Some(named) = line.strip_prefix("wirelab-") else {
                continue;
            };
            let named = named.split(['.', ' ', '=']).next().unwrap_or_default();
            if !may_know.contains(&named) {
                found.push(format!("crates/{folder}/Cargo.toml names wirelab-{named}"));
            }
        }
    }
    none("dependencies point one way, see ARCHITECTURE.md", &found);
}

#[test]
fn the_model_reads_no_clock_and_does_no_io() {
    let words = ["tokio", "Instant", "SystemTime"];
    let modules = ["net", "fs", "env", "process", "thread", "rand"];
    let found = shipped("crates/model/src/", |code| {
        let word = words.iter().find(|word| whole_words(code, word).next().is_some());
        let module = modules.iter().find(|module| names_module(code, module));
        word.or(module)
            .map(|name| format!("{name}: the model is told the time and given the bytes"))
    });
    none("wirelab-model is pure", &found);
}

#[test]
fn rooms_do_not_know_each_other() {
    const TRANSPORT: &str = "crates/transport/src";
    let is_room = |folder: &String| root().join(TRANSPORT).join(folder).join("serve.rs").exists();
    let (rooms, below): (Vec<_>, Vec<_>) = folders(TRANSPORT).into_iter().partition(is_room);
    assert!(rooms.len() >= 2, "a room is a folder with a serve.rs; found {rooms:?}");
    let mut found = Vec::new();
    for room in &rooms {
        let others: Vec<_> = rooms.iter().filter(|other| *other != room).collect();
        found.extend(shipped(&format!("{TRANSPORT}/{room}/"), |code| {
            let other = others.iter().find(|other| names_module(code, other))?;
            Some(format!("names the room {other}: what two share moves down"))
        }));
    }
    for folder in below {
        found.extend(shipped(&format!("{TRANSPORT}/{folder}/"), |code| {
            let above = rooms.iter().find(|room| names_module(code, room));
            let above = above.map(String::as_str);
            let above = above.or((folder == "feed" && names_module(code, "fanout")).then_some("fanout"));
            above.map(|above| format!("names {above}, which is above it"))
        }));
    }
    none("a room knows the engine and the feed, and they know no room", &found);
}

#[test]
fn only_the_binary_speaks_to_people() {
    const SPEAKER: &str = "crates/cli/src/render.rs";
    let macros = ["eprintln", "eprint", "println", "print", "dbg"];
    let mut found = Vec::new();
    for folder in folders("crates") {
        found.extend(shipped(&format!("crates/{folder}/src/"), |code| {
            let macros = macros.iter().find(|name| code.contains(&format!("{name}!(")));
            let streams = ["stdout()", "stderr()"].iter().find(|name| code.contains(**name));
            let streams = streams.filter(|_| folder != "cli"); // the log of the binary has to go somewhere
            macros
                .or(streams)
                .map(|what| format!("{what}: log it, or hand it to the caller"))
        }));
    }
    found.retain(|found| !found.starts_with(SPEAKER));
    none("only crates/cli/src/render.rs prints", &found);
}

#[test]
fn tests_wait_for_conditions() {
    let mut found = Vec::new();
    for File { path, text } in files(&["rs", "js"]) {
        let all = path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("web/test/");
        let start = if all { 0 } else { shipped_lines(&text) };
        let (mut paused_next, mut paused) = (false, false);
        for (index, line) in text.lines().enumerate().skip(start) {
            paused_next |= line.contains("start_paused = true");
            if line.contains("fn ") {
                (paused, paused_next) = (paused_next, false); // no real time passes in it
            }
            if !paused && SLEEPS.iter().any(|sleep| line.contains(sleep)) && !line.contains("; // ") {
                found.push(at(
                    &path,
                    index,
                    "wait for what you need, or say behind the line why time is what you need",
                ));
            }
        }
    }
    none("a test waits for a condition and not for time", &found);
}

#[test]
fn the_lock_of_npm_names_no_registry() {
    let locks = files(&["json"])
        .into_iter()
        .filter(|file| file.path.ends_with("package-lock.json"));
    let mut found = Vec::new();
    for File { path, text } in locks {
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("\"resolved\": \"http") {
                found.push(at(
                    &path,
                    index,
                    "an address; omit-lockfile-registry-resolved in .npmrc leaves it out",
                ));
            }
        }
    }
    none("package-lock.json works with any registry", &found);
}

#[test]
fn nothing_names_a_machine() {
    let found = lines(&[], |line| {
        let path = MACHINES.iter().find(|path| line.contains(**path))?;
        Some(format!("{path} is a place on somebody's machine"))
    });
    none("the tree works wherever it is cloned", &found);
}
