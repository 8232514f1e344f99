//! curl, reading a stream: a client that is not ours, over every version of HTTP.

use std::{io::ErrorKind, process::Stdio};

use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStdout, Command},
};

use super::{STREAMS, program::Proxy, skipped};
use crate::support::{Event, Server, read_event, soon};

/// curl, and what it has shown and was not looked at yet.
pub(super) struct Curl {
    child: Child,
    out: ChildStdout,
    arrived: Vec<u8>,
}

impl Curl {
    /// `None`, and a line that says so, where there is no curl.
    pub(super) fn start(arguments: &[&str], url: &str) -> Option<Self> {
        let mut command = Command::new("curl");
        command
            .args(["-sSN4", "--noproxy", "*"])
            .args(arguments)
            .arg(url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null()) // that a stream was cut is what some tests are about
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skipped("curl");
                return None;
            }
            spawned => spawned.expect("curl starts"),
        };
        let out = child.stdout.take().expect("it is piped");
        Some(Self {
            child,
            out,
            arrived: Vec::new(),
        })
    }

    /// A proxy's HTTPS, the answer's head first.
    pub(super) fn tls(proxy: &Proxy, arguments: &[&str], path: &str) -> Option<Self> {
        let certificate = proxy.certificate();
        let arguments = [&["-D", "-", "--cacert", &certificate], arguments].concat();
        Self::start(&arguments, &proxy.tls_url(path))
    }

    /// Everything up to `mark` and with it.
    pub(super) async fn until(&mut self, mark: &str) -> Vec<u8> {
        loop {
            let found = self
                .arrived
                .windows(mark.len())
                .position(|window| window == mark.as_bytes());
            if let Some(at) = found {
                return self.arrived.drain(..at + mark.len()).collect();
            }
            let read = soon("curl to show more", self.out.read_buf(&mut self.arrived)).await;
            assert!(
                read.expect("a pipe") > 0,
                "curl has ended ({:?}) before {mark:?}: {:?}",
                self.child.try_wait(),
                String::from_utf8_lossy(&self.arrived)
            );
        }
    }

    /// The answer's head, where `-D -` asks for it.
    pub(super) async fn head(&mut self) -> String {
        String::from_utf8(self.until("\r\n\r\n").await)
            .expect("text")
            .to_lowercase()
    }

    pub(super) async fn block(&mut self) -> String {
        String::from_utf8(self.until("\n\n").await).expect("text")
    }

    /// The next event; comments are passed over.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            if let Some(event) = read_event(&self.block().await) {
                return event;
            }
        }
    }

    /// Nothing has been shown that was not looked at.
    pub(super) fn has_shown_nothing(&mut self) -> bool {
        let mut room = [0; 1];
        let mut out = std::pin::pin!(self.out.read(&mut room));
        let waker = std::task::Waker::noop();
        let pending = out
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker))
            .is_pending();
        pending && self.arrived.is_empty()
    }

    /// All that it shows until it ends, and its exit code.
    pub(super) async fn ends(mut self) -> (String, Option<i32>) {
        let read = soon("curl to end", self.out.read_to_end(&mut self.arrived)).await;
        read.expect("a pipe");
        let status = soon("curl to end", self.child.wait()).await.expect("a child of ours");
        (String::from_utf8_lossy(&self.arrived).into_owned(), status.code())
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("a child of ours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_streams_the_same_over_http_1_and_http_2_and_never_ends() {
    let server = Server::start();
    let url = format!("http://localhost:{}/events?topic=a", server.address().port());
    let started = (
        Curl::start(&["--http1.1"], &url),
        Curl::start(&["--http2-prior-knowledge"], &url),
    );
    let (Some(mut one), Some(mut two)) = started else {
        return;
    };
    for curl in [&mut one, &mut two] {
        let hello = read_event(&curl.block().await).expect("no comment");
        assert_eq!(
            (hello.name.as_str(), hello.json()["lane"].as_str()),
            ("hello", Some("sse"))
        );
    }
    for n in 0..5 {
        server.publish("a", &n.to_string()).await;
        assert_eq!(one.block().await, two.block().await);
    }
    for mut curl in [one, two] {
        assert!(curl.is_running(), "it still reads");
        curl.kill().await;
    }
    server.until(STREAMS, 0).await;
}
