//! HTTPS from outside: curl against the binary, certificates that it refuses, and another one on SIGHUP.
#![cfg(unix)]
#![expect(clippy::print_stderr, reason = "a test that is skipped says why")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
};

use rcgen::{CertificateParams, KeyPair};

const BINARY: &str = env!("CARGO_BIN_EXE_wirelab");

/// A folder of one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-https-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("a file");
        self.path(name)
    }

    /// A certificate and its key, as two files.
    fn pair(&self, name: &str, adjust: impl FnOnce(&mut CertificateParams)) -> [String; 2] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        adjust(&mut params);
        let chain = params.self_signed(&key).expect("a certificate").pem();
        [
            self.write(&format!("{name}.crt"), &chain),
            self.write(&format!("{name}.key"), &key.serialize_pem()),
        ]
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn wirelab(flags: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("WIRELAB_") || name == "RUST_LOG")
        {
            command.env_remove(name);
        }
    }
    command
        .args(["serve", "--http", "127.0.0.1:0", "--link-listen=off"])
        .args(flags)
        .stdin(Stdio::null());
    command
}

/// A server that ends with its test.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// The line that tells of HTTPS, and its address.
    line: String,
    url: String,
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut command = wirelab(&["--https", "127.0.0.1:0"]);
        command.args(flags);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while !line.starts_with("  https ") {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).expect("text"), 0, "it never told of HTTPS");
        }
        let url = line
            .split_whitespace()
            .nth(1)
            .expect("an address")
            .trim_end_matches('/')
            .to_owned();
        Self {
            child,
            stdout,
            stderr,
            line,
            url,
        }
    }

    fn curl(&self, trusted: &str, arguments: &[&str], path: &str) -> Output {
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "*",
            "--cacert",
            trusted,
        ]);
        command
            .args(arguments)
            .arg(format!("{}{path}", self.url))
            .output()
            .expect("curl")
    }

    fn hang_up(&mut self, until: &str) -> String {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "HUP", &id]).status().expect("kill");
        assert!(sent.success());
        let mut line = String::new();
        while !line.contains(until) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).expect("text"),
                0,
                "the log never said {until:?}"
            );
        }
        line
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.stdout.read_to_string(&mut String::new());
    }
}

fn has_curl() -> bool {
    let there = Command::new("curl")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: there is no curl");
    }
    there
}

#[test]
fn curl_reads_over_both_protocols_with_the_development_certificate() {
    if !has_curl() {
        return;
    }
    let folder = Folder::new("data");
    let data = folder.path("kept");
    let trusted = folder.path("kept/localhost.crt");
    let server = Server::start(&["--data-dir", &data]);
    assert!(
        server.line.contains("development certificate") && server.line.contains(&trusted),
        "{}",
        server.line
    );
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let output = server.curl(&trusted, &[flag, "--write-out", "\n%{http_version}"], "/health/ready");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(
            text.contains(r#""status":"ready""#) && text.ends_with(&format!("\n{version}")),
            "{text}"
        );

        // A stream is told by its first bytes; curl is ended by the pipe.
        let output = server.curl(
            &trusted,
            &[flag, "--no-buffer", "--max-time", "2"],
            "/events?topic=metric",
        );
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            text.contains("event: hello"),
            "{text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(28), "it lasts until curl gives up");
    }
    let stranger = folder.pair("stranger", |_| {});
    let output = server.curl(&stranger[0], &[], "/");
    assert_eq!(output.status.code(), Some(60), "curl does not know who signed it");

    let first = server.line.rsplit("SHA-256").next().map(str::to_owned);
    drop(server);
    let again = Server::start(&["--data-dir", &data]);
    assert_eq!(
        again.line.rsplit("SHA-256").next().map(str::to_owned),
        first,
        "it is kept"
    );
}

#[test]
fn a_certificate_that_cannot_be_served_ends_the_start_with_2() {
    let folder = Folder::new("refused");
    let (good, other) = (folder.pair("good", |_| {}), folder.pair("other", |_| {}));
    let old = folder.pair("old", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let empty = folder.write("empty", "");
    let missing = folder.path("missing");
    for (cert, key, flag, says) in [
        (&good[0], &other[1], "--tls-key", "belongs to another certificate"),
        (&old[0], &old[1], "--tls-cert", "has expired"),
        (&empty, &good[1], "--tls-cert", "there is no certificate in it"),
        (&good[0], &empty, "--tls-key", "there is no private key in it"),
        (&good[1], &good[0], "--tls-cert", "there is no certificate in it"),
        (&missing, &good[1], "--tls-cert", "cannot be read"),
        (&good[0], &missing, "--tls-key", "cannot be read"),
    ] {
        let said = refused(2, &["--https", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key]);
        assert!(said.contains(flag) && said.contains(says), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    }
    let said = refused(2, &["--https", "127.0.0.1:0", "--tls-cert", &good[0]]);
    assert!(said.contains("go together"), "{said}");
    let said = refused(2, &["--https", "127.0.0.1:0", "--data-dir", &empty]);
    assert!(said.contains("--data-dir"), "{said}");
}

/// Runs what must be refused, and says why it was.
fn refused(code: i32, flags: &[&str]) -> String {
    let output = wirelab(flags).output().expect("the binary");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{flags:?}: {said}");
    assert!(output.stdout.is_empty(), "{flags:?}: stdout is for results");
    said
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_is_an_error_and_the_usual_one_a_warning() {
    let folder = Folder::new("taken");
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("bound").to_string();
    let said = refused(2, &["--https", &address, "--data-dir", &folder.path("a")]);
    assert!(said.contains("--https 127.0.0.1:0"), "{said}");

    // In a network of its own, where HTTP has taken the usual port of HTTPS.
    let script = r#"ip link set lo up && exec "$0" serve --http 127.0.0.1:8443 --link-listen off --data-dir "$1""#;
    let mut inside = Command::new("unshare");
    inside.args([
        "--user",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        script,
        BINARY,
        &folder.path("b"),
    ]);
    let can = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "ip", "link"])
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no network of its own can be made here");
        return;
    }
    let mut child = inside
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("text");
    assert_eq!(line, "wirelab listens on http://localhost:8443\n", "it serves without");
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().expect("kill").success());
    let output = child.wait_with_output().expect("its end");
    let log = String::from_utf8(output.stderr).expect("text");
    assert!(log.contains("WARN") && log.contains("there is no HTTPS"), "{log}");
    assert!(log.contains("another program holds the port"), "{log}");
}

#[test]
fn a_hangup_brings_another_certificate_and_drops_nobody() {
    if !has_curl() {
        return;
    }
    let folder = Folder::new("hangup");
    let (first, second) = (folder.pair("first", |_| {}), folder.pair("second", |_| {}));
    let (cert, key) = (folder.path("cert.pem"), folder.path("key.pem"));
    let install = |pair: &[String; 2]| {
        fs::copy(&pair[0], &cert).expect("a file");
        fs::copy(&pair[1], &key).expect("a file");
    };
    install(&first);
    let mut server = Server::start(&["--tls-cert", &cert, "--tls-key", &key]);
    let reads = |server: &Server, trusted: &Path| {
        let output = server.curl(trusted.to_str().expect("text"), &[], "/health/live");
        output.status.success()
    };
    assert!(reads(&server, Path::new(&first[0])) && !reads(&server, Path::new(&second[0])));

    let mut stream = Command::new("curl");
    stream.args([
        "--silent",
        "--no-buffer",
        "--max-time",
        "60",
        "--noproxy",
        "*",
        "--cacert",
        &first[0],
    ]);
    let mut stream = stream
        .arg(format!("{}/events?topic=tick.10.32", server.url))
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    let mut events = BufReader::new(stream.stdout.take().expect("it is piped")).lines();
    let mut messages = |n: usize| {
        let ticks = events.by_ref().map(|line| line.expect("the stream stands"));
        assert_eq!(ticks.filter(|line| line.starts_with("event: tick")).take(n).count(), n);
    };
    messages(2);

    install(&second);
    let line = server.hang_up("new connections are shown");
    assert!(line.contains("sha256="), "{line}");
    assert!(reads(&server, Path::new(&second[0])) && !reads(&server, Path::new(&first[0])));
    messages(5);

    fs::copy(&first[1], &key).expect("a file"); // of another certificate
    let line = server.hang_up("the certificate stays as it was");
    assert!(
        line.contains("ERROR") && line.contains("belongs to another certificate"),
        "{line}"
    );
    assert!(reads(&server, Path::new(&second[0])), "what was good is still shown");
    fs::remove_file(&cert).expect("it is ours");
    server.hang_up("cannot be read");
    assert!(reads(&server, Path::new(&second[0])));
    messages(5);
    stream.kill().expect("it still reads");
    stream.wait().expect("its end");
}
