//! The compose file that `--emit` writes, read by compose itself where there is one.
#![allow(clippy::print_stderr, reason = "a test that skips says so")]

use std::{fs, io::ErrorKind, process::Command};

use super::{deployed::Folder, told};

#[test]
fn compose_takes_what_is_written() {
    let folder = Folder::new("compose");
    for preset in ["dashboard", "game-state"] {
        let file = folder.at(preset);
        fs::write(&file, told(&["--preset", preset, "--emit", "compose"])).expect("the file");
        let ask = |program: &str, first: &[&str]| {
            Command::new(program)
                .args(first)
                .args(["-f", &file, "config", "--quiet"])
                .current_dir(&folder.0)
                .output()
        };
        // Compose 2 is a part of docker, 1.29 a program of its own.
        let has_second = Command::new("docker").args(["compose", "version"]).output();
        let output = if has_second.is_ok_and(|output| output.status.success()) {
            ask("docker", &["compose"])
        } else {
            ask("docker-compose", &[])
        };
        match output {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("skipped: there is no docker-compose on this machine");
                return;
            }
            output => {
                let output = output.expect("it starts");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}
