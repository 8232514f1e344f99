//! The live link from outside: `serve`, its helper process, and `/api/link`. Where no link can be made, the tests that
//! need one say so.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::{
    fs,
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longer than anything here should take, so that a hang is a failure and not a hang.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often something is looked at that cannot be awaited.
const LOOK: Duration = Duration::from_millis(20);

const BINARY: &str = env!("CARGO_BIN_EXE_wirelab");

struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    direct: SocketAddr,
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command
            .args(["serve", "--http", "127.0.0.1:0", "--https", "off"])
            .args(flags);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("WIRELAB_") || name == "RUST_LOG")
            {
                command.env_remove(name);
            }
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let port = line.trim_end().rsplit(':').next().and_then(|port| port.parse().ok());
        let direct = SocketAddr::from(([127, 0, 0, 1], port.expect("an address in the first line")));
        Self { child, stdout, direct }
    }

    /// One with its link, if there can be one here.
    fn with_link(flags: &[&str]) -> Option<(Self, SocketAddr)> {
        let server = Self::start(&[&["--link-listen", "127.0.0.1:0"], flags].concat());
        let told = server.link();
        if told["state"] != "up" {
            eprintln!("skipped: {}", told["why"]);
            return None;
        }
        let port = told["port"].as_u64().and_then(|port| port.try_into().ok());
        let far = SocketAddr::from(([127, 0, 0, 1], port.expect("a port")));
        Some((server, far))
    }

    fn link(&self) -> Value {
        ask(self.direct, "GET", "/api/link", "").1
    }

    fn set(&self, profile: &Value) -> Value {
        let (status, told) = ask(
            self.direct,
            "PUT",
            "/api/link",
            &json!({"profile": profile}).to_string(),
        );
        assert_eq!(status, 200, "{told}");
        told
    }

    /// Looks at the link until it stands as wanted.
    fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let told = self.link();
            if wanted(&told) {
                return told;
            }
            assert!(started.elapsed() < PATIENCE, "{told}");
            std::thread::sleep(LOOK); // why: another process's state cannot be awaited
        }
    }

    /// The helper's process id: the server's only child.
    fn helper(&self) -> String {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("the kernel lists them");
        children.trim().to_owned()
    }

    fn stop(mut self, signal: &str) -> ExitStatus {
        kill(signal, &self.child.id().to_string());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text"); // ends when nobody holds it any more
        self.child.wait().expect("its end")
    }

    fn log(&mut self) -> String {
        let mut text = String::new();
        self.child.kill().expect("it runs");
        let mut stderr = self.child.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, id: &str) {
    assert!(
        Command::new("kill")
            .args(["-s", signal, id])
            .status()
            .expect("kill")
            .success()
    );
}

fn send(to: SocketAddr, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("a request");
    stream
}

fn ask(to: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut answer = String::new();
    send(to, method, path, body)
        .read_to_string(&mut answer)
        .expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (
        status.expect("a status"),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

#[test]
fn nothing_goes_round_the_link_and_nothing_is_broken_by_it() {
    let Some((server, far)) = Server::with_link(&["--link-profile", "lan"]) else {
        return;
    };
    let told = server.link();
    assert_eq!(
        (&told["profile"]["name"], &told["revision"]),
        (&json!("lan"), &json!(1))
    );
    let (status, info) = ask(far, "GET", "/api/info", "");
    assert_eq!(status, 200, "the same server answers at the far end");
    let paths: Vec<_> = info["listeners"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|listener| &listener["path"])
        .collect();
    assert_eq!(paths, ["direct", "link"]);
    for announced in info["announced"].as_array().expect("a list") {
        let port = announced
            .as_str()
            .and_then(|address| address.rsplit(':').next()?.parse().ok());
        assert_eq!(
            port,
            Some(far.port()),
            "peers are told the forwarder alone: {announced}"
        );
    }

    let nothing = json!({"down": {"loss": "100%"}, "up": {"loss": "100%"}});
    assert_eq!(server.set(&nothing)["revision"], 2);
    let mut held = send(far, "GET", "/health/live", "");
    server.until(|told| told["counters"]["up"]["lost"].as_u64() > Some(0));
    held.set_read_timeout(Some(Duration::from_millis(300)))
        .expect("a socket");
    let silence = held.read(&mut [0; 64]).expect_err("nothing passes");
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    assert_eq!(
        ask(server.direct, "GET", "/health/live", "").0,
        200,
        "the direct way is unharmed"
    );

    server.set(&json!("lan"));
    held.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut answer = String::new();
    held.read_to_string(&mut answer)
        .expect("the kernel asks again until it is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_change_is_seen_by_all_and_nonsense_changes_nothing() {
    let Some((server, far)) = Server::with_link(&[]) else {
        return;
    };
    let put = |body: &str| ask(server.direct, "PUT", "/api/link", body);
    for (body, wanted) in [
        ("", "This is not"),
        ("[]", "This is not"),
        (r#"{"profile":"5g"}"#, "there are lan, wifi"),
        (r#"{"profile":"lan","colour":1}"#, "unknown field `colour`"),
        (r#"{"profile":7}"#, "no profile"),
        (r#"{"profile":{"down":{"loss":"120%"}}}"#, "no profile"),
        (r#"{"profile":{"down":{"delay":"1h"}}}"#, "more than 10s"),
        (r#"{"profile":{"down":{"rate":"1bit/s"}}}"#, "8kbit/s"),
    ] {
        let (status, told) = put(body);
        let detail = told["detail"].as_str().unwrap_or_default();
        assert!(status == 400 && detail.contains(wanted), "{body}: {status} {told}");
    }
    assert_eq!(put(&format!(r#"{{"profile":"{}"}}"#, "x".repeat(70_000))).0, 413);
    assert_eq!(server.link()["revision"], 1, "nothing has changed");

    let (status, told) = put(r#"{"profile":{"down":{"delay":"5ms"}},"revision":1}"#);
    assert_eq!(
        (status, &told["revision"], &told["profile"]["name"]),
        (200, &json!(2), &Value::Null)
    );
    assert_eq!(told["profile"]["down"]["delay"], "5ms");
    assert_eq!(told["profile"]["up"]["delay"], "0s", "what is left out is as usual");
    let (status, told) = put(r#"{"profile":"lan","revision":1}"#);
    assert_eq!(status, 409, "somebody else was first: {told}");

    let (status, told) = ask(far, "GET", "/api/link", "");
    let detail = told["detail"].as_str().unwrap_or_default();
    assert!(
        status == 421 && detail.contains(&server.direct.port().to_string()),
        "{status} {told}"
    );
    assert_eq!(ask(far, "PUT", "/api/link", r#"{"profile":"lan"}"#).0, 421);
}

#[test]
fn the_server_survives_its_helper() {
    let Some((server, far)) = Server::with_link(&[]) else {
        return;
    };
    kill("KILL", &server.helper());
    let told = server.until(|told| told["state"] != "up");
    assert_eq!((&told["state"], &told["revision"]), (&json!("lost"), &json!(2)));
    assert!(told["why"].as_str().expect("a sentence").contains("SIGKILL"), "{told}");
    assert!(told.get("profile").is_none() && told["profiles"].is_array());
    assert!(TcpStream::connect(far).is_err(), "nobody is there any more");
    assert_eq!(ask(server.direct, "PUT", "/api/link", r#"{"profile":"lan"}"#).0, 503);
    assert_eq!(ask(server.direct, "GET", "/health/ready", "").0, 200);
    assert!(server.stop("TERM").success());
}

#[test]
fn a_helper_that_hangs_is_ended() {
    let Some((server, _)) = Server::with_link(&[]) else {
        return;
    };
    kill("STOP", &server.helper());
    let told = server.until(|told| told["state"] != "up");
    assert!(
        told["why"].as_str().expect("a sentence").contains("did not answer"),
        "{told}"
    );
}

#[test]
fn the_helper_goes_with_the_server_however_that_ends() {
    for signal in ["TERM", "KILL"] {
        let Some((server, _)) = Server::with_link(&[]) else {
            return;
        };
        let helper = server.helper();
        server.stop(signal);
        let started = Instant::now();
        while fs::read_to_string(format!("/proc/{helper}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(started.elapsed() < PATIENCE, "{signal}: the helper is still there");
            std::thread::sleep(LOOK); // why: it is no child of ours, so it cannot be waited for
        }
    }
}

#[test]
fn without_a_link_everything_else_works_and_the_reason_is_told() {
    let server = Server::start(&["--link-listen", "off"]);
    let told = server.link();
    assert_eq!((&told["state"], &told["ways_out"]), (&json!("off"), &json!([])));
    assert!(told["why"].as_str().expect("a sentence").contains("--link-listen off"));
    assert_eq!(ask(server.direct, "PUT", "/api/link", r#"{"profile":"lan"}"#).0, 503);

    // Inside, no network namespace may be made, and the one outside is not ours to put a device into.
    let mut confined = Command::new("unshare");
    let script = r#"echo 0 > /proc/sys/user/max_net_namespaces && exec "$0" serve --http 127.0.0.1:0 --https off --link-listen 127.0.0.1:0"#;
    confined.args(["--user", "--map-root-user", "sh", "-c", script, BINARY]);
    let can = Command::new("unshare")
        .args(["--user", "--map-root-user", "true"])
        .status();
    if !can.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no user namespace can be made here to take the rights away in");
        return;
    }
    let mut server = Server::spawn(confined);
    let told = server.link();
    assert_eq!(told["state"], "unavailable", "{told}");
    let why = told["why"].as_str().expect("a sentence");
    assert!(why.contains("making a network namespace"), "{why}");
    let ways = told["ways_out"].as_array().expect("a list");
    assert!(
        ways.iter()
            .any(|way| way["commands"].to_string().contains("docker run")),
        "{told}"
    );
    assert_eq!(ask(server.direct, "GET", "/health/ready", "").0, 200);
    let log = server.log();
    assert_eq!(log.matches("there is no emulated link").count(), 1, "{log}");
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_is_an_error() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("bound").to_string();
    let output = Command::new(BINARY)
        .args([
            "serve",
            "--http",
            "127.0.0.1:0",
            "--https",
            "off",
            "--link-listen",
            &address,
        ])
        .output()
        .expect("the binary");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--link-listen 127.0.0.1:0"), "{said}");

    let output = Command::new(BINARY)
        .arg("link-helper")
        .stdin(Stdio::null())
        .output()
        .expect("the binary");
    assert_eq!(output.status.code(), Some(2), "it is for the server alone");
}
