//! Servers that run already: ours, anybody's, and every kind that is none.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::Value;

use super::{N, all_opened, bench, command, figures, measured, number, text, weighed};

/// A server elsewhere, ended with the test.
struct Elsewhere {
    child: Child,
    url: String,
}

impl Elsewhere {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wirelab"))
            .args(["--http", "127.0.0.1:0", "--https", "off", "--link-listen", "off"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let url = line.trim_end().rsplit(' ').next().expect("a word").to_owned();
        Self { child, url }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_that_runs_already_is_measured_and_weighed() {
    let server = Elsewhere::start();
    let pid = server.child.id();
    let report = measured(&format!(
        "fanout -n 20 --duration 500ms --target {} --pid {pid}",
        server.url
    ));
    assert_eq!(report["setting"]["targets"][0], server.url.as_str());
    for (name, figures) in figures(&report) {
        assert!(name.ends_with(" target"), "{name}");
        all_opened(&name, figures, N);
        weighed(figures, &["million_cpu_s"]);
    }
    // As anybody's, by the paths that it happens to have; and nobody is weighed.
    let socket = server.url.replace("http", "ws") + "/ws/echo";
    let report = measured(&format!("echo -n 4 --duration 300ms --ws-url {socket}"));
    let (name, figures) = figures(&report).remove(0);
    assert_eq!(name, "websocket foreign");
    assert!(
        number(figures, "trips_count") > 0.0 && figures["trip_cpu_us"].is_null(),
        "{figures}"
    );
    assert!(
        report["warnings"][0].as_str().expect("a sentence").contains("--pid"),
        "{report}"
    );
}

/// A listener that treats each connection so, until the test ends with its process.
fn server(treat: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for (nth, socket) in listener.incoming().flatten().enumerate() {
            treat(socket, nth);
        }
    });
    address.to_string()
}

fn answer(mut socket: &TcpStream, head: &str) {
    let mut request = [0; 4096];
    let _ = socket.read(&mut request);
    let _ = socket.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
}

#[test]
fn a_target_that_is_none_ends_with_4_and_says_why() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound")
        .to_string();
    let (keep, _kept) = mpsc::channel();
    let silent = server(move |socket, _| {
        let _ = keep.send(socket); // open, and never a word
    });
    let closing = server(|socket, _| drop(socket));
    let lying = server(|socket, _| answer(&socket, "200 OK\r\nContent-Type: text/html"));
    let refusing = server(|socket, _| answer(&socket, "503 Service Unavailable"));
    for (address, wanted) in [
        (gone, "cannot connect"),
        (silent, "did not open within 200ms"),
        (closing, "closed"),
        (lying, "no text/event-stream"),
        (refusing, "answered 503"),
    ] {
        let output = bench(&format!(
            "connect -n 300 --sse-url http://{address}/ --patience 200ms --repeat 3"
        ));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{wanted}: {said}");
        assert!(said.contains(wanted) && said.contains(&address), "{wanted}: {said}");
    }
}

#[test]
fn failures_among_many_are_counted_with_their_reasons() {
    let (keep, _kept) = mpsc::channel();
    let moody = server(move |socket, nth| {
        let head = if nth % 4 == 3 {
            "503 Service Unavailable"
        } else {
            "200 OK\r\nContent-Type: text/event-stream"
        };
        answer(&socket, head);
        let _ = keep.send(socket);
    });
    let report = measured(&format!("connect -n 20 --concurrency 1 --sse-url http://{moody}/"));
    let (_, figures) = figures(&report).remove(0);
    assert_eq!(
        (number(figures, "opened_count"), number(figures, "failed_count")),
        (15.0, 5.0)
    );
    let failures = &report["contenders"][0]["runs"][0]["measured"]["failures"];
    assert_eq!(failures["it answered 503"], 5, "{failures}");
}

#[test]
fn an_echo_that_lies_is_no_round_trip() {
    let (keep, _kept) = mpsc::channel();
    let liar = server(move |socket, _| {
        // RFC 6455's own example of a key: the generator uses it.
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        answer(
            &socket,
            &format!("101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{accept}"),
        );
        let _ = (&socket).write_all(b"\x81\x05hello");
        let _ = keep.send(socket);
    });
    let output = bench(&format!(
        "echo -n 2 --ws-url ws://{liar}/ --patience 300ms --duration 500ms --repeat 1"
    ));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("did not come back in time"), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_tells_what_was_measured_so_far() {
    let (all_open, opened) = mpsc::channel();
    let (keep, _kept) = mpsc::channel();
    let address = server(move |socket, nth| {
        answer(&socket, "200 OK\r\nContent-Type: text/event-stream");
        let _ = keep.send(socket);
        if nth + 1 == 2 * N as usize {
            let _ = all_open.send(()); // the warm-up and those that count
        }
    });
    let child = command(&format!(
        "idle -n {N} --sse-url http://{address}/ --duration 60m --repeat 1 --output json"
    ))
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .expect("the binary");
    opened.recv().expect("they open");
    thread::sleep(std::time::Duration::from_millis(500)); // until the generator has heard of the last one too
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (
            &report["interrupted"],
            &report["contenders"][0]["runs"][0]["interrupted"]
        ),
        (&true.into(), &true.into())
    );
    let (name, figures) = figures(&report).remove(0);
    all_opened(&name, figures, N);
}
