//! One connection over TCP: opened step by step, then read in pieces. It costs the generator as little as can be: one
//! buffer for all, no decoding.

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    sync::OnceLock,
    time::{Duration, Instant},
};

use memchr::memmem;
use socket2::SockRef;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use super::{
    framing::{Found, Framing, text_frame},
    lane::Lane,
    system,
    way::{Kind, Way},
};

/// What is read at once, by all connections of the thread.
const BUFFER_BYTES: usize = 64 * 1024;
const MOST_HEAD_BYTES: usize = 16 * 1024;
/// Other ports that are tried where one is taken, and how far apart: a prime, so that it meets no others of ours.
const ATTEMPTS: usize = 32;
const STRIDE: usize = 7919;
/// RFC 6455's example of a key, and what a server must make of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// How long each step of opening took, µs. What a lane has no step for is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    /// TCP stood.
    pub(crate) tcp_us: Option<u64>,
    /// The answer's head was there.
    pub(crate) head_us: Option<u64>,
    /// The first message was there.
    pub(crate) hello_us: Option<u64>,
    /// The answer to the offer was there.
    pub(crate) signalling_us: Option<u64>,
    /// ICE had found a path.
    pub(crate) ice_us: Option<u64>,
    /// DTLS had keys.
    pub(crate) dtls_us: Option<u64>,
    /// SCTP stood and the channels were open.
    pub(crate) sctp_us: Option<u64>,
    /// All of it.
    pub(crate) open_us: u64,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    framing: Framing,
    /// What came of a message that is not whole yet.
    kept: Vec<u8>,
}

impl Stream {
    /// Opens the `nth` connection. Takes as long as the server does: the caller has the patience.
    ///
    /// # Errors
    /// Nothing answers, or not as the lane wants it; the text says which.
    pub(crate) async fn open(way: &Way, nth: usize) -> Result<(Self, Steps), String> {
        let start = Instant::now();
        let tcp = connect(way, nth)
            .await
            .map_err(|error| format!("cannot connect: {error}"))?;
        let connected = Instant::now();
        let framing = match way.lane {
            Lane::WebSocket => Framing::websocket(),
            Lane::Sse | Lane::DataChannel | Lane::DataChannelReliable => Framing::sse(),
        };
        let kept = Vec::new();
        let mut stream = Self { tcp, framing, kept };
        stream
            .ask(way)
            .await
            .map_err(|error| format!("it closed while it was asked: {error}"))?;
        stream.head(way.lane).await?;
        let answered = Instant::now();
        let mut steps = Steps {
            tcp_us: Some(us(connected - start)),
            head_us: Some(us(answered - connected)),
            ..Steps::default()
        };
        if way.greets() {
            stream.hello().await?;
            steps.hello_us = Some(us(answered.elapsed()));
        }
        steps.open_us = us(start.elapsed());
        Ok((stream, steps))
    }

    async fn ask(&mut self, way: &Way) -> io::Result<()> {
        let (path, host) = (&way.path, &way.host);
        let request = match way.lane {
            Lane::WebSocket => format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
            ),
            Lane::Sse | Lane::DataChannel | Lane::DataChannelReliable => format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n\r\n"
            ),
        };
        self.tcp.write_all(request.as_bytes()).await
    }

    /// Reads the answer's head, and keeps what came behind it.
    async fn head(&mut self, lane: Lane) -> Result<(), String> {
        loop {
            self.more().await?;
            let Some(end) = memmem::find(&self.kept, b"\r\n\r\n") else {
                if self.kept.len() > MOST_HEAD_BYTES {
                    return Err("its answer has no end of a head".into());
                }
                continue;
            };
            let head = String::from_utf8_lossy(&self.kept[..end]).into_owned();
            self.kept.drain(..end + 4);
            return judge(lane, &head);
        }
    }

    async fn hello(&mut self) -> Result<(), String> {
        loop {
            let mut greeted = false;
            self.find(|found| {
                greeted |= matches!(found, Found::Message(text) if memmem::find(text, b"\"hello\"").is_some())
            })?;
            if greeted {
                return Ok(());
            }
            self.more().await?;
        }
    }

    /// Waits for more and keeps it.
    async fn more(&mut self) -> Result<(), String> {
        loop {
            let closed = |error| format!("it closed while it opened: {error}");
            self.tcp.readable().await.map_err(closed)?;
            let read = BUFFER.with_borrow_mut(|buffer| {
                let read = self.tcp.try_read(buffer)?;
                self.kept.extend_from_slice(&buffer[..read]);
                Ok(read)
            });
            match read {
                Ok(0) => return Err("it closed while it opened".into()),
                Ok(_) => return Ok(()),
                Err(error) if is_early(&error) => {}
                Err(error) => return Err(closed(error)),
            }
        }
    }

    /// Reads what there is, hands out what is whole in it, and answers pings.
    ///
    /// # Errors
    /// The connection has ended; the text says how.
    pub(crate) async fn read(&mut self, mut each: impl FnMut(Found<'_>)) -> Result<(), String> {
        self.find(&mut each)?; // of what came while it opened
        self.tcp.readable().await.map_err(|error| error.to_string())?;
        BUFFER.with_borrow_mut(|buffer| {
            let read = match self.tcp.try_read(buffer) {
                Ok(0) => return Err("it closed".to_owned()),
                Ok(read) => read,
                Err(error) if is_early(&error) => return Ok(()),
                Err(error) => return Err(format!("it broke: {error}")),
            };
            let fresh = &buffer[..read];
            if self.kept.is_empty() {
                let used = self.framing.find(fresh, &mut each)?;
                self.kept.extend_from_slice(&fresh[used..]);
                Ok(())
            } else {
                self.kept.extend_from_slice(fresh);
                self.find(&mut each)
            }
        })?;
        if let Some(answers) = self.framing.answers() {
            let sent = self.tcp.write_all(&answers).await;
            sent.map_err(|error| format!("it broke: {error}"))?;
        }
        Ok(())
    }

    fn find(&mut self, each: impl FnMut(Found<'_>)) -> Result<(), String> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let used = self.framing.find(&self.kept, each)?;
        self.kept.drain(..used);
        if self.kept.is_empty() {
            self.kept = Vec::new(); // thousands of connections need it no more
        }
        Ok(())
    }

    /// Sends a text message; on a WebSocket only.
    pub(crate) async fn send(&mut self, text: &str) -> Result<(), String> {
        let sent = self.tcp.write_all(&text_frame(text.as_bytes())).await;
        sent.map_err(|error| format!("it broke: {error}"))
    }

    /// The client's end.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.tcp.local_addr().ok()
    }
}

/// A socket that leaves nothing behind: ten thousand of them in TIME_WAIT would be the next run's.
pub(crate) async fn connect(way: &Way, nth: usize) -> io::Result<TcpStream> {
    let tcp = match (way.address, way.sources) {
        (SocketAddr::V4(_), sources @ 2..) => from_one_of(sources, way.address, nth).await?,
        _ => TcpStream::connect(way.address).await?,
    };
    tcp.set_nodelay(true)?;
    SockRef::from(&tcp).set_linger(Some(Duration::ZERO))?;
    Ok(tcp)
}

/// Connects from an address and a port that are chosen here: the system's own search for a free one takes longer with each
/// connection, a millisecond for the twenty thousandth.
async fn from_one_of(sources: u8, to: SocketAddr, nth: usize) -> io::Result<TcpStream> {
    static PORTS: OnceLock<RangeInclusive<u16>> = OnceLock::new();
    let ports = PORTS.get_or_init(system::ports);
    let mut taken = io::ErrorKind::AddrInUse.into();
    for attempt in 0..ATTEMPTS {
        let port = (nth / usize::from(sources) + attempt * STRIDE) % ports.len();
        let socket = TcpSocket::new_v4()?;
        let bound = socket.bind(SocketAddr::new(source(nth, sources), ports.start() + port as u16));
        let connected = match bound {
            Ok(()) => socket.connect(to).await,
            Err(error) => Err(error),
        };
        match connected {
            Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable) => {
                taken = error
            }
            done => return done,
        }
    }
    Err(taken)
}

/// 127.0.0.2 and those after it, in turn.
fn source(nth: usize, sources: u8) -> IpAddr {
    let last = 2 + (nth % usize::from(sources)) as u8;
    Ipv4Addr::new(127, 0, 0, last).into()
}

fn judge(lane: Lane, head: &str) -> Result<(), String> {
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    let code = status.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    let field = |name: &str| {
        let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let value = fields.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value));
        value.unwrap_or_default().trim()
    };
    let wanted = match lane {
        Lane::WebSocket => "101",
        Lane::Sse | Lane::DataChannel | Lane::DataChannelReliable => "200",
    };
    match (code, lane) {
        (None, _) => Err("what it answers is no HTTP/1.1".into()),
        (Some(code), _) if code != wanted => Err(format!("it answered {code}")),
        (_, Lane::WebSocket) if field("sec-websocket-accept") != ACCEPT => {
            Err("it answered 101 without the right Sec-WebSocket-Accept".into())
        }
        (_, Lane::Sse) if !field("content-type").starts_with("text/event-stream") => Err(format!(
            "it answered {:?} and no text/event-stream",
            field("content-type")
        )),
        _ => Ok(()),
    }
}

/// What `readable` says may be wrong.
pub(crate) fn is_early(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

pub(crate) fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Way {
    /// Whether the lane's connections are sockets of ours that `/proc/net/tcp` shows.
    pub(crate) fn is_seen_by_the_kernel(&self) -> bool {
        !self.lane.is_peer() && self.address.is_ipv4() && self.address.ip().is_loopback() && self.kind != Kind::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_of_the_lane_is_told() {
        let head = |status: &str, field: &str| format!("HTTP/1.1 {status}\r\n{field}");
        let stream = head("200 OK", "Content-Type: text/event-stream; charset=utf-8");
        assert_eq!(judge(Lane::Sse, &stream), Ok(()));
        let upgrade = head("101 Switching Protocols", &format!("sec-websocket-accept: {ACCEPT}"));
        assert_eq!(judge(Lane::WebSocket, &upgrade), Ok(()));
        for (lane, head, wanted) in [
            (Lane::Sse, head("503 Service Unavailable", ""), "answered 503"),
            (Lane::Sse, head("200 OK", "content-type: text/html"), "text/html"),
            (Lane::WebSocket, stream, "answered 200"),
            (Lane::WebSocket, head("101 Sure", "Sec-WebSocket-Accept: x"), "Accept"),
            (Lane::Sse, "SSH-2.0-OpenSSH".to_owned(), "no HTTP"),
        ] {
            let why = judge(lane, &head).expect_err(&head);
            assert!(why.contains(wanted), "{head}: {why}");
        }
    }

    #[test]
    fn sources_are_taken_in_turn() {
        let all: Vec<String> = (0..3).map(|nth| source(nth, 2).to_string()).collect();
        assert_eq!(all, ["127.0.0.2", "127.0.0.3", "127.0.0.2"]);
    }

    #[cfg(target_os = "linux")] // elsewhere loopback has one address
    #[tokio::test]
    async fn connections_go_out_from_several_addresses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let way = Way {
            lane: Lane::Sse,
            kind: Kind::Foreign,
            address: listener.local_addr().expect("bound"),
            host: "localhost".into(),
            path: "/".into(),
            sources: 2,
            patience: Duration::from_secs(1),
        };
        for (nth, from) in [(0, "127.0.0.2"), (1, "127.0.0.3")] {
            let socket = connect(&way, nth).await.expect("somebody listens");
            assert_eq!(socket.local_addr().expect("bound").ip().to_string(), from);
        }
    }
}
