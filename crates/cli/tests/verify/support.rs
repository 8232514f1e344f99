//! The binary, run on a URL, and what it said; and a real server.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_wirelab");
/// What takes longer does not happen. Generous, since the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// Awaits what must happen, and says what did not.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// What a run of `wirelab verify` said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Starts it, with stdout to be read.
pub(crate) fn start(arguments: &[&str]) -> tokio::process::Child {
    let mut command = tokio::process::Command::new(BINARY);
    command
        .env_clear()
        .arg("verify")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().expect("the binary")
}

/// Runs it.
pub(crate) async fn verify(arguments: &[&str]) -> Said {
    let output = soon("verify to end", start(arguments).wait_with_output()).await;
    let output = output.expect("a child of ours");
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs it with little patience, and reads its report.
pub(crate) async fn report(arguments: &[&str]) -> Report {
    let hasty = [
        "--timeout",
        "8s",
        "--watch",
        "1s",
        "--heartbeat",
        "1s",
        "--output",
        "json",
    ];
    // The last of two wins nowhere: what is asked for takes the place of haste.
    let given = |flag: &str| arguments.contains(&flag);
    let pairs = hasty.chunks(2).filter(|pair| !given(pair[0])).flatten().copied();
    let all: Vec<&str> = arguments.iter().copied().chain(pairs).collect();
    let said = verify(&all).await;
    let json = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    Report { code: said.code, json }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
}

impl Report {
    pub(crate) fn check(&self, id: &str) -> &Value {
        let checks = self.json["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["id"] == id);
        found.unwrap_or_else(|| panic!("there is no {id} in {self:?}"))
    }

    pub(crate) fn measured(&self, id: &str) -> &str {
        self.check(id)["measured"].as_str().expect("text")
    }

    /// All checks that ended otherwise than PASS, as `VERDICT id`.
    pub(crate) fn faults(&self) -> Vec<String> {
        let checks = self.json["checks"].as_array().expect("checks").iter();
        let faults = checks.filter(|check| check["verdict"] != "PASS");
        faults
            .map(|check| {
                format!(
                    "{} {}",
                    check["verdict"].as_str().expect("text"),
                    check["id"].as_str().expect("text")
                )
            })
            .collect()
    }

    /// A line for each check, for who reads why a test failed.
    pub(crate) fn told(&self) -> String {
        let checks = self.json["checks"].as_array().expect("checks").iter();
        let lines = checks.map(|check| {
            let field = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {}: {} ({} ms)",
                field("verdict"),
                field("id"),
                field("measured"),
                check["took_ms"]
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Nothing else is wrong.
    #[track_caller]
    pub(crate) fn has_exactly(&self, faults: &[&str]) {
        assert_eq!(self.faults(), faults, "{}", self.told());
        let fails = faults.iter().any(|fault| fault.starts_with("FAIL"));
        assert_eq!(self.code, Some(i32::from(fails)), "{self:?}");
    }
}

/// A real server. It ends with its test.
pub(crate) struct Wirelab {
    child: Child,
    pub(crate) port: u16,
}

impl Wirelab {
    /// On a free port of loopback, with these flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .args(["serve", "--http", "127.0.0.1:0", "--link-listen", "off"])
            .args(flags)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("text");
        let port = line.trim_end().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("it said {line:?}"));
        child.stdout = Some(stdout.into_inner()); // it goes on writing
        Self { child, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

impl Drop for Wirelab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
