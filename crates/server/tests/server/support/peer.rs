//! A TCP connection that says HTTP/1.1 by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use wirelab_model::Cursor;

use super::soon;

/// A GET as the shortest client sends it.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

/// One end of a connection, and what has arrived and was not looked at yet.
pub(crate) struct Peer {
    tcp: TcpStream,
    arrived: Vec<u8>,
}

/// An answer's head and, where it has a length, its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body of text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer is a problem of this status and code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, Some("application/problem+json")),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&status.into(), &code.into()),
            "{self:?}"
        );
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 20),
            "says what to do: {problem}"
        );
    }
}

/// One block of an event stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<u64>,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Reads one block as WHATWG HTML section 9.2.6 says; panics on a line that no block of ours has. `None`: a comment.
pub(crate) fn read_event(block: &str) -> Option<Event> {
    let mut event = Event::default();
    for line in block.trim_end().lines() {
        match line.split_once(": ") {
            Some(("", _)) => return None,
            Some(("event", name)) => event.name = name.to_owned(),
            Some(("data", data)) => event.data = data.to_owned(),
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("retry", ms)) => event.retry = Some(ms.parse().expect("retry is a number")),
            _ => panic!("what is the line {line:?}?"),
        }
    }
    Some(event)
}

impl Peer {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let tcp = soon("a connection", TcpStream::connect(address))
            .await
            .expect("the server listens");
        tcp.set_nodelay(true).expect("it is a TCP socket");
        Self {
            tcp,
            arrived: Vec::new(),
        }
    }

    /// A connection whose kernel takes little of what its owner does not read.
    pub(crate) async fn connect_small(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("before it is connected");
        let tcp = soon("a connection", socket.connect(address))
            .await
            .expect("the server listens");
        Self {
            tcp,
            arrived: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon("room to send", self.tcp.write_all(bytes.as_ref()))
            .await
            .expect("the server still reads");
    }

    /// Sends what the server may not want to read any more.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        soon("room to send", self.tcp.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Says that it will send nothing more.
    pub(crate) async fn finish(&mut self) {
        self.tcp.shutdown().await.expect("the connection stands");
    }

    /// Reads once. False at the end of the stream, however it ended.
    async fn read(&mut self) -> bool {
        let so_far = String::from_utf8_lossy(&self.arrived[..self.arrived.len().min(300)]).into_owned();
        let read = soon(&format!("more than {so_far:?}"), self.tcp.read_buf(&mut self.arrived)).await;
        read.is_ok_and(|n| n > 0)
    }

    /// The next `n` bytes; `None` if the stream ends before.
    pub(crate) async fn try_take(&mut self, n: usize) -> Option<Vec<u8>> {
        while self.arrived.len() < n {
            if !self.read().await {
                return None;
            }
        }
        Some(self.arrived.drain(..n).collect())
    }

    pub(crate) async fn take(&mut self, n: usize) -> Vec<u8> {
        let taken = self.try_take(n).await;
        taken.unwrap_or_else(|| panic!("the stream ended: {:?}", String::from_utf8_lossy(&self.arrived)))
    }

    /// Everything up to `mark` and with it; `None` if the stream ends before.
    pub(crate) async fn try_take_until(&mut self, mark: &str) -> Option<String> {
        let mut from = 0;
        loop {
            if let Some(at) = self.arrived[from..]
                .windows(mark.len())
                .position(|window| window == mark.as_bytes())
            {
                let taken = self.arrived.drain(..from + at + mark.len()).collect();
                return Some(String::from_utf8(taken).expect("text"));
            }
            from = self.arrived.len().saturating_sub(mark.len());
            if !self.read().await {
                return None;
            }
        }
    }

    pub(crate) async fn take_until(&mut self, mark: &str) -> String {
        let taken = self.try_take_until(mark).await;
        taken.unwrap_or_else(|| panic!("ended before {mark:?}: {:?}", String::from_utf8_lossy(&self.arrived)))
    }

    /// Everything until the server has closed the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.arrived)
    }

    /// The server closes the connection and says nothing more.
    pub(crate) async fn ends(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "last words: {:?}", String::from_utf8_lossy(&rest));
    }

    /// The head of an answer.
    pub(crate) async fn head(&mut self) -> Answer {
        let head = self.take_until("\r\n\r\n").await;
        let version = head.strip_prefix("HTTP/1.1 ").or(head.strip_prefix("HTTP/1.0 "));
        let status = version.and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no head of an answer: {head:?}"));
        Answer {
            status,
            head,
            body: Vec::new(),
        }
    }

    /// An answer with its body.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer
            .header("content-length")
            .map(|text| text.parse().expect("a length"));
        answer.body = self.take(length.unwrap_or(0)).await;
        answer
    }

    /// The next event of a stream; comments are passed over.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            if let Some(event) = read_event(&self.take_until("\n\n").await) {
                return event;
            }
        }
    }

    /// Asks for a stream and reads its head and its `hello`.
    pub(crate) async fn open_stream(&mut self, path: &str) -> Answer {
        self.send(get(path)).await;
        self.opens_stream().await
    }

    /// The stream asked for opens, on a socket that its room owns.
    pub(crate) async fn opens_stream(&mut self) -> Answer {
        let answer = self.head().await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/event-stream")),
            "{answer:?}"
        );
        assert_eq!(
            answer.header("connection"),
            Some("close"),
            "ends with its socket: {answer:?}"
        );
        for absent in ["content-length", "transfer-encoding", "content-encoding"] {
            assert_eq!(answer.header(absent), None, "{answer:?}");
        }
        assert_eq!(self.event().await.name, "hello");
        answer
    }

    pub(crate) async fn publish(&mut self, topic: &str, json: &str) -> Cursor {
        self.send(post(&format!("/api/topics/{topic}"), json)).await;
        let answer = self.answer().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["cursor"]
            .as_str()
            .expect("a cursor")
            .parse()
            .expect("a cursor")
    }
}

/// A POST with a body.
pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
