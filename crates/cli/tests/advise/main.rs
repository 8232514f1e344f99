//! `wirelab advise` from outside: what it prints, where, and how it ends.

mod compose;
mod deployed;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirelab"))
        .arg("advise")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the binary")
}

fn told(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn refused(code: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}: stdout is for results");
    said
}

/// A file of this test's own, taken away at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-advise-{}-{name}", std::process::id()));
        fs::write(&path, text).expect("a file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn flags_lie_above_the_file_and_the_file_above_what_is_built() {
    let file = File::new("layers.toml", "latency_ms = 70\nbinary = false\n");
    let json = told(&[
        "--preset",
        "game-state",
        "--needs",
        file.path(),
        "--binary",
        "--output",
        "json",
    ]);
    let advice: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(advice["schema"], "wirelab.advise.v1");
    let needs = &advice["needs"];
    assert_eq!(
        (&needs["latency_ms"], &needs["binary"], &needs["server_hz"]),
        (&json!(70), &json!(true), &json!(60.0))
    );
    assert_eq!(advice["outcome"]["transport"], "datachannel");
}

#[test]
fn each_form_says_the_choice() {
    assert!(told(&["--preset", "dashboard"]).starts_with("Take: Server-Sent Events\n"));
    assert!(told(&["--preset", "chat", "--output", "markdown"]).starts_with("# Transport: WebSocket\n"));
}

#[test]
fn a_report_overrules_what_is_built_in() {
    let report =
        json!({"schema": "wirelab.verify.v1", "checks": [{"id": "ws.upgrade", "verdict": "FAIL", "measured": "400"}]});
    let file = File::new("report.json", &report.to_string());
    let said = told(&["--preset", "chat", "--evidence", file.path()]);
    assert!(!said.starts_with("Take: WebSocket"), "{said}");
    assert!(said.contains("On this path ws.upgrade fails: 400"), "{said}");
}

#[test]
fn what_is_wrong_is_named_whole() {
    let file = File::new("wrong.toml", "talk = \"both\"\nlatency_ms = \"soon\"\n");
    let said = refused(2, &["--needs", file.path(), "--talks", "server", "--client-hz", "60"]);
    for piece in [
        "3 things are wrong",
        "there is no question talk; is talks meant?",
        "latency_ms cannot be",
        "client_hz = 60",
    ] {
        assert!(said.contains(piece), "{piece}: {said}");
    }
    assert!(refused(2, &[]).contains("nobody is at the terminal to be asked"));
    assert!(refused(2, &["--preset", "rocket"]).contains("dashboard"));
    assert!(refused(2, &["--needs-more"]).contains("unexpected argument"));
    let no_toml = File::new("no.toml", "talks = ");
    assert!(refused(2, &["--needs", no_toml.path()]).contains("is no TOML"));
    assert!(refused(1, &["--needs", "there/is/no.toml"]).contains("cannot be read"));
    let no_report = File::new("no.json", "{\"schema\": \"wirelab.compare.v9\"}");
    assert!(refused(2, &["--preset", "chat", "--evidence", no_report.path()]).contains("this version reads"));
}
