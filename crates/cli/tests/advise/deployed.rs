//! What `--emit` writes, started for real: nginx, HAProxy and Caddy before a real wirelab, and coturn.
//!
//! Only addresses and files are exchanged for this machine's. Where a program is missing, the test says so and passes;
//! `scripts/test.sh` installs them.
#![allow(clippy::print_stderr, reason = "a test that skips says so")]

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::told;

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A folder of a test's own, taken away at its end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wirelab-emit-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(super) fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server with a development certificate in the folder, and where it takes HTTP.
fn server(folder: &Folder) -> (Running, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    // What the developer's shell has set is no part of a test.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("WIRELAB_")) {
            command.env_remove(name);
        }
    }
    let mut child = command
        .args([
            "serve",
            "--http",
            "127.0.0.1:0",
            "--https",
            "127.0.0.1:0",
            "--link-listen",
            "off",
        ])
        .args([
            "--visitors",
            "local",
            "--trust-proxy",
            "127.0.0.1",
            "--data-dir",
            &folder.at(""),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    let mut first = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut first).expect("a line");
    let port = first.trim_end().rsplit(':').next().and_then(|port| port.parse().ok());
    let port: u16 = port.unwrap_or_else(|| panic!("no address in {first:?}"));
    (Running(child), SocketAddr::from(([127, 0, 0, 1], port)))
}

fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port 0 is free");
    listener.local_addr().expect("it is bound")
}

/// Writes the file, with what is this machine's own, and starts the program; none where it is missing.
fn start(
    program: &str,
    arguments: &[&str],
    folder: &Folder,
    mut text: String,
    own: &[(&str, String)],
    at: SocketAddr,
) -> Option<Running> {
    for (from, to) in own {
        assert!(text.contains(from), "{program}: no {from:?} in {text}");
        text = text.replace(from, to);
    }
    fs::write(folder.0.join("file"), text).expect("the file");
    let log = File::create(folder.0.join("log")).expect("a log");
    let spawned = Command::new(find(program))
        .args(arguments)
        .current_dir(&folder.0)
        .envs(["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].map(|name| (name, &folder.0)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn();
    let mut running = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no {program} on this machine");
            return None;
        }
        spawned => Running(spawned.expect("it starts")),
    };
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(at).is_err() {
        let log = || fs::read_to_string(folder.0.join("log")).unwrap_or_default();
        if let Some(status) = running.0.try_wait().expect("a child of ours") {
            panic!("{program} did not start ({status}): {}", log());
        }
        assert!(Instant::now() < until, "{program} does not listen: {}", log());
        thread::sleep(POLL); // it tells nobody when it does
    }
    Some(running)
}

/// The first in the path, or where those are who do not have /usr/sbin in theirs.
fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(elsewhere);
    folders
        .find(|folder| folder.join(program).is_file())
        .map_or_else(|| program.into(), |folder| folder.join(program))
}

/// Sends a request and reads until the answer has all these pieces.
fn ask(at: SocketAddr, path: &str, headers: &str, pieces: &[&str]) {
    let mut stream = TcpStream::connect(at).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{headers}\r\n",
        at.port()
    )
    .expect("a request");
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer);
        if pieces.iter().all(|piece| text.contains(piece)) {
            return;
        }
        let read = stream
            .read(&mut piece)
            .unwrap_or_else(|error| panic!("{path}: {error} after {text}"));
        assert!(read > 0, "{path} ended with {text}");
        answer.extend_from_slice(&piece[..read]);
    }
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The stream streams: a second event comes before the answer ends, which it never does.
fn streams(at: SocketAddr) {
    ask(
        at,
        "/events?topic=tick.10.32",
        "",
        &["200 OK", "text/event-stream", "\"n\":1", "\"n\":2"],
    );
}

/// The upgrade passes, with the key's right answer.
fn upgrades(at: SocketAddr) {
    ask(at, "/ws", UPGRADE, &[" 101 ", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
}

/// What is deployed passes every check of these families: the proof that `--emit verify` names.
fn passes(what: &str, url: &str, more: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_wirelab"))
        .args(["verify", what, url, "--timeout", "30s"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("PASS"), "{said}{why}");
    assert!(!said.contains("FAIL"), "{said}");
}

fn nginx_own(folder: &Folder, upstream: SocketAddr) -> Vec<(&'static str, String)> {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {};\n", folder.at(kind)))
        .concat();
    vec![
        ("pid /tmp/nginx.pid;", format!("pid {};", folder.at("pid"))),
        ("http {\n", format!("http {{\n{temporary}")),
        ("server wirelab:8080;", format!("server {upstream};")),
    ]
}

/// One process, so that its id is all that there is to end.
fn nginx_arguments(folder: &Folder) -> [String; 8] {
    [
        "-p",
        &folder.at(""),
        "-c",
        "file",
        "-e",
        "stderr",
        "-g",
        "daemon off; master_process off;",
    ]
    .map(str::to_owned)
}

#[test]
fn nginx_carries_what_was_chosen() {
    for (preset, works, what) in [
        ("notifications", streams as fn(SocketAddr), "sse"),
        ("chat", upgrades, "ws"),
    ] {
        let (folder, plain) = (Folder::new(&format!("nginx-{preset}")), free());
        let (_server, upstream) = server(&folder);
        let text = told(&[
            "--preset",
            preset,
            "--http2=false",
            "--connections",
            "1k",
            "--emit",
            "nginx",
        ]);
        let mut own = nginx_own(&folder, upstream);
        own.push(("listen 8090;", format!("listen {plain};")));
        let arguments = nginx_arguments(&folder);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Some(_proxy) = start("nginx", &arguments, &folder, text, &own, plain) else {
            return;
        };
        works(plain);
        passes(what, &format!("http://{plain}"), &[]);
    }
}

#[test]
fn nginx_takes_the_file_with_tls() {
    let (folder, tls) = (Folder::new("nginx-tls"), free());
    let (_server, upstream) = server(&folder);
    let text = told(&["--preset", "game-state", "--emit", "nginx"]);
    let mut own = nginx_own(&folder, upstream);
    let pair = folder.at("localhost.pem");
    own.push(("listen 8443 ssl http2;", format!("listen {tls} ssl http2;")));
    own.push(("/etc/nginx/tls/cert.pem", pair.clone()));
    own.push(("/etc/nginx/tls/key.pem", pair));
    let arguments = nginx_arguments(&folder);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(_proxy) = start("nginx", &arguments, &folder, text, &own, tls) else {
        return;
    };
    let url = format!("https://localhost:{}/health/live", tls.port());
    let curl = [
        "-sk",
        "--max-time",
        "20",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{http_version}",
        &url,
    ];
    let answer = Command::new("curl").args(curl).output().expect("curl");
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "200 2");
    let url = format!("https://localhost:{}", tls.port());
    let ca = folder.at("localhost.crt");
    for what in ["sse", "ws"] {
        passes(what, &url, &["--ca", &ca]);
    }
}

#[test]
fn haproxy_carries_what_was_chosen() {
    let (folder, plain, tls) = (Folder::new("haproxy"), free(), free());
    let (_server, upstream) = server(&folder);
    let text = told(&["--talks", "both", "--connections", "200", "--emit", "haproxy"]);
    let own = [
        ("bind :8092", format!("bind {plain}")),
        ("bind :8443", format!("bind {tls}")),
        ("/etc/haproxy/tls/cert-and-key.pem", folder.at("localhost.pem")),
        ("server wirelab wirelab:8080", format!("server wirelab {upstream}")),
    ];
    if let Some(_proxy) = start("haproxy", &["-db", "-f", "file"], &folder, text, &own, plain) {
        upgrades(plain);
        streams(plain);
        for what in ["sse", "ws"] {
            passes(what, &format!("http://{plain}"), &[]);
        }
    }
}

#[test]
fn caddy_carries_what_was_chosen() {
    let (folder, plain, tls) = (Folder::new("caddy"), free(), free());
    let (_server, upstream) = server(&folder);
    let text = told(&["--preset", "notifications", "--emit", "caddy"]);
    let pair = folder.at("localhost.pem");
    let own = [
        (
            "http://:8094 {",
            format!("http://:{} {{\n  bind {}", plain.port(), plain.ip()),
        ),
        (
            "https://:8443 {",
            format!("https://:{} {{\n  bind {}", tls.port(), tls.ip()),
        ),
        ("/etc/caddy/tls/cert.pem", pair.clone()),
        ("/etc/caddy/tls/key.pem", pair),
        ("reverse_proxy wirelab:8080 {", format!("reverse_proxy {upstream} {{")),
    ];
    let arguments = ["run", "--adapter", "caddyfile", "--config", "file"];
    if let Some(_proxy) = start("caddy", &arguments, &folder, text, &own, plain) {
        streams(plain);
        upgrades(plain);
        for what in ["sse", "ws"] {
            passes(what, &format!("http://{plain}"), &[]);
        }
    }
}

#[test]
fn coturn_starts_with_what_is_written() {
    let (folder, at) = (Folder::new("coturn"), free());
    let text = told(&["--preset", "game-state", "--emit", "coturn"]);
    let port = format!("listening-port={}", at.port());
    let own = [(
        "listening-port=3478",
        format!(
            "{port}\n{}\nstatic-auth-secret=of-a-test",
            include_str!("../../../../coturn/loopback.conf")
        ),
    )];
    let (userdb, pid) = (
        format!("--userdb={}", folder.at("turndb")),
        format!("--pidfile={}", folder.at("pid")),
    );
    let arguments = ["-c", "file", userdb.as_str(), pid.as_str()];
    let Some(_relay) = start("turnserver", &arguments, &folder, text, &own, at) else {
        return;
    };
    // A binding request (RFC 8489) is answered with a success.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = *b"\x00\x01\x00\x00\x21\x12\xa4\x42of-this-test";
    socket.send_to(&request, at).expect("a request");
    let mut answer = [0; 512];
    let read = socket.recv(&mut answer).expect("an answer");
    assert_eq!(answer[..2], [0x01, 0x01]);
    assert_eq!(answer[4..20], request[4..], "{read} bytes");
    let secret = folder.at("secret");
    fs::write(&secret, "of-a-test").expect("a file");
    for transport in ["udp", "tcp"] {
        let url = format!("turn:{at}?transport={transport}");
        passes("turn", &url, &["--turn-secret-file", &secret]);
    }
}
