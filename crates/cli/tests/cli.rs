//! The binary from outside: what it prints, where, and how it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

/// Longer than anything here should take, so that a hang is a failure and not a hang.
const PATIENCE: Duration = Duration::from_secs(20);

fn wirelab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    // What the developer's shell has set is no part of a test.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("WIRELAB_") || name == "RUST_LOG")
        {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs to the end. Only for what ends by itself.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    wirelab()
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .expect("the binary")
}

/// Runs what must be refused: nothing on stdout, the sentence on stderr.
fn refused(code: i32, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(arguments, variables);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(code), "{arguments:?} {variables:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}: stdout is for results");
    assert!(said.contains("error: "), "{said}");
    said
}

/// A server on a free port, killed when the test ends.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    first_line: String,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = wirelab();
        let default: &[&str] = if arguments.contains(&"--http") {
            &["--https=off", "--link-listen=off"]
        } else {
            &["--https=off", "--link-listen=off", "--http", "127.0.0.1:0"]
        };
        command.args(default).args(arguments).envs(variables.iter().copied());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).expect("a line");
        let Some((_, port)) = first_line.trim_end().rsplit_once(':') else {
            let output = child.wait_with_output().expect("its end");
            panic!(
                "no address in {first_line:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
        Self {
            child,
            stdout,
            first_line,
            address,
        }
    }

    fn ask(&self, path: &str, headers: &str) -> TcpStream {
        self.send("GET", path, headers)
    }

    /// Opens a connection and sends the head of a request.
    fn send(&self, method: &str, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let host = self.address;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").expect("a request");
        stream
    }

    fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        self.ask(path, "Connection: close\r\n")
            .read_to_string(&mut answer)
            .expect("an answer");
        answer
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().expect("kill");
        assert!(status.success());
    }

    /// Reads stderr up to a line that holds `text`, and returns it.
    fn wait_for_log(&mut self, text: &str) -> String {
        let stderr = self.child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr);
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                lines.read_line(&mut line).expect("a line"),
                0,
                "the log never said {text:?}"
            );
        }
        self.child.stderr = Some(lines.into_inner());
        line
    }

    /// Ends it at once, and gives all that it has logged.
    fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        let (mut log, mut stderr) = (String::new(), self.child.stderr.take().expect("it is piped"));
        stderr.read_to_string(&mut log).expect("text");
        log
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text"); // ends when the process does
        let status = self.child.wait().expect("its end");
        (status, rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of one test, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-cli-{}-{name}", std::process::id()));
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
fn the_exit_code_stands_where_nobody_reads_what_is_said() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = wirelab();
    command.args(["advise", "--talks", "server", "--client-hz", "60"]);
    let status = command
        .stdout(writer.try_clone().expect("a pipe"))
        .stderr(writer)
        .status();
    assert_eq!(status.expect("the binary").code(), Some(2));
}

#[test]
fn help_and_version_are_results() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["help"], &["-h"]] {
        let output = run(arguments, &[]);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && output.stderr.is_empty());
        for flag in [
            "--http",
            "--allow-origin",
            "--admin-token-file",
            "--max-connections",
            "--log-format",
        ] {
            assert!(
                text.contains(flag) || arguments == ["help"],
                "{arguments:?} without {flag}:\n{text}"
            );
        }
    }
    let output = run(&["--version"], &[]);
    assert_eq!(
        output.stdout,
        concat!("wirelab ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()
    );
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    assert!(
        refused(2, &["--htpp", "127.0.0.1:0"], &[]).contains("--http"),
        "it names the flag that is meant"
    );
    assert!(refused(2, &["measure"], &[]).contains("compare"));
    assert!(refused(2, &["--http", "localhost:8080"], &[]).contains("127.0.0.1:8080"));
    assert!(refused(2, &["--max-connections", "0"], &[]).contains("from 1 to"));
    assert!(refused(2, &["--https", "8443"], &[]).contains("off says that there is to be none"));
    assert!(refused(2, &["--allow-origin", "app.example.org"], &[]).contains("scheme://host"));
}

#[test]
fn a_configuration_that_cannot_be_used_names_file_and_key() {
    let file = File::new("bad.toml", "http = \n");
    assert!(refused(2, &["--config", file.path()], &[]).contains("line 1"));
    let file = File::new("unknown.toml", "max-conections = 5\n");
    let said = refused(2, &["--config", file.path()], &[]);
    assert!(said.contains(file.path()) && said.contains("max-conections"), "{said}");
    assert!(refused(2, &["--config", "/nowhere.toml"], &[]).contains("/nowhere.toml cannot be read"));
    assert!(refused(2, &[], &[("WIRELAB_CONFIG", "/nowhere.toml")]).contains("/nowhere.toml cannot be read"));
    assert!(refused(2, &[], &[("WIRELAB_MAX_CONECTIONS", "5")]).contains("WIRELAB_MAX_CONECTIONS"));
    assert!(refused(2, &[], &[("WIRELAB_GRACE", "soon")]).contains("WIRELAB_GRACE"));
    assert!(refused(2, &[], &[("RUST_LOG", "a=b=c")]).contains("RUST_LOG"));
    assert!(refused(2, &["--admin-token-file", "/nowhere"], &[]).contains("/nowhere cannot be read"));
    assert!(refused(2, &["--web-dir", "/nowhere"], &[]).contains("/nowhere"));
}

#[test]
fn a_port_in_use_is_an_error_with_a_way_out() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address").to_string();
    let said = refused(2, &["--http", &address], &[]);
    for part in [&*address, "another program holds the port", "--http 127.0.0.1:0"] {
        assert!(said.contains(part), "{said}");
    }
    let said = refused(2, &["--http", "127.0.0.1:0", "--internal", &address], &[]);
    assert!(said.contains("--internal 127.0.0.1:0"), "{said}");
}

#[test]
fn a_relay_that_is_not_whole_is_a_usage_error_and_its_secret_is_never_shown() {
    const URL: &str = "turn:turn.example.org:3478";
    let (secret, empty) = (File::new("turn", "s3cret-of-turn\n"), File::new("turn-empty", "\n"));
    assert!(refused(2, &["--turn-url", URL], &[]).contains("--turn-secret-file"));
    assert!(refused(2, &[], &[("WIRELAB_TURN_SECRET_FILE", secret.path())]).contains("--turn-url"));
    assert!(refused(2, &["--turn-url", "http://turn.example.org"], &[]).contains("turn:HOST"));
    for (file, said) in [("/nowhere", "cannot be read"), (empty.path(), "openssl rand")] {
        assert!(refused(2, &["--turn-url", URL, "--turn-secret-file", file], &[]).contains(said));
    }

    let arguments = ["--turn-url", URL, "--turn-ttl", "5m", "--log-format", "json"];
    let variables = [("WIRELAB_TURN_SECRET_FILE", secret.path()), ("RUST_LOG", "debug")];
    let server = Server::start(&arguments, &variables);
    let answer = server.get("/api/ice-servers");
    assert!(answer.contains(URL) && answer.contains(r#""ttl":300"#), "{answer}");
    let shown = [answer, server.get("/api/info"), server.get("/metrics"), server.kill()].concat();
    assert!(shown.contains("turn_credentials_minted_total 1"), "{shown}");
    assert!(!shown.contains("s3cret-of-turn"), "{shown}");
}

#[test]
fn an_announced_address_is_taken_and_one_that_is_not_ours_is_named() {
    assert!(refused(2, &["--announce-ip", "0.0.0.0"], &[]).contains("no peer can reach"));
    assert!(refused(2, &["--announce-ip", "example.org"], &[]).contains("or auto"));
    let mut server = Server::start(&["--announce-ip", "192.0.2.7,auto"], &[]);
    let info = server.get("/api/info");
    let announced = format!(r#""192.0.2.7:{}""#, server.address.port());
    assert!(info.contains(&announced), "{announced} in {info}");
    assert!(server.wait_for_log("no address of this machine").contains("192.0.2.7"));
}

#[cfg(unix)]
#[test]
fn off_loopback_it_says_which_ports_must_be_open() {
    let server = Server::start(&["--http", "0.0.0.0:0"], &[]);
    let port = server.address.port();
    server.signal("TERM");
    let (_, rest) = server.end();
    for open in [format!("open     tcp {port} "), format!("udp {port} ")] {
        assert!(rest.contains(&open), "{open}: {rest}");
    }
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let file = File::new(
        "layers.toml",
        "http = '127.0.0.1:1'\nmax-connections = 11\nmax-topics = 12\nring-messages = 130\n",
    );
    let variables = [
        ("WIRELAB_HTTP", "127.0.0.1:2"),
        ("WIRELAB_MAX_TOPICS", "22"),
        ("WIRELAB_RING_MESSAGES", "230"),
    ];
    let server = Server::start(&["--config", file.path(), "--ring-messages", "330"], &variables);
    let info = server.get("/api/info");
    for limit in [r#""connections":11"#, r#""topics":22"#, r#""ring_messages":330"#] {
        assert!(info.contains(limit), "{limit} in {info}");
    }
}

#[cfg(unix)]
#[test]
fn it_says_where_it_listens_and_a_signal_ends_it_well() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&[], &[]);
        assert_eq!(
            server.first_line,
            format!("wirelab listens on http://localhost:{}\n", server.address.port())
        );
        let ready = server.get("/health/ready");
        assert!(
            ready.starts_with("HTTP/1.1 200 OK\r\n") && ready.contains(r#""status":"ready""#),
            "{ready}"
        );

        server.signal(signal);
        let port = server.address.port();
        let (status, rest) = server.end();
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(
            rest.contains(&format!("curl -N 'http://localhost:{port}/events?topic=metric'")),
            "{rest}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&["--grace", "1m"], &[]);
    let mut stream = server.ask("/events", "");
    stream.read_exact(&mut [0; 12]).expect("an answer");
    // A request whose body never comes keeps the drain waiting for longer than a stream does.
    let mut waiting = server.send("POST", "/api/topics/a", "Content-Length: 9\r\nExpect: 100-continue\r\n");
    let mut head = [0; 12];
    waiting.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 100");

    server.signal("TERM");
    server.wait_for_log("stopping");
    server.signal("TERM");
    assert_eq!(server.end().0.code(), Some(130));
}

#[test]
fn logs_are_on_stderr_in_the_format_asked_for() {
    let mut server = Server::start(&["--log-format", "json", "--max-connections", "9M"], &[]);
    server.wait_for_log(r#""level":"WARN""#); // no system allows as many open files
}

#[test]
fn the_log_says_of_each_connection_who_it_was_and_why_it_ended() {
    let mut server = Server::start(&[], &[]);
    let mut stream = BufReader::new(server.ask("/events", ""));
    stream.read_line(&mut String::new()).expect("the answer begins");
    drop(stream);
    let line = server.wait_for_log("closed");
    for part in [
        "connection{",
        r#"lane="sse""#,
        "peer=127.0.0.1:",
        r#"reason="gone""#,
        "lasted_ms=",
    ] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
}
