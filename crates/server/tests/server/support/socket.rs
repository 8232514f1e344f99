//! A WebSocket by hand (RFC 6455): frames as they are, right or wrong.

use serde_json::Value;

use super::{Peer, Server};

/// The sample handshake of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The request for an upgrade, with `more` header lines.
pub(crate) fn upgrade(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n{more}\r\n"
    )
}

/// A client's frame: the first byte as it is (FIN, RSV, opcode), the length in its shortest form, masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        short @ ..126 => out.push(0x80 | short as u8),
        medium @ ..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// A frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) const TEXT: u8 = 0x81;
    pub(crate) const BINARY: u8 = 0x82;
    pub(crate) const CLOSE: u8 = 0x88;
    pub(crate) const PING: u8 = 0x89;
    pub(crate) const PONG: u8 = 0x8a;

    /// The code of a close frame, if it has one.
    pub(crate) fn code(&self) -> Option<u16> {
        assert_eq!(self.first, Self::CLOSE, "{:?}", String::from_utf8_lossy(&self.payload));
        self.payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }
}

/// An open WebSocket.
pub(crate) struct Socket {
    pub(crate) peer: Peer,
}

impl Socket {
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        let mut peer = server.connect().await;
        peer.send(upgrade(path, "")).await;
        Self::opens(peer).await
    }

    /// The upgrade asked for is granted.
    pub(crate) async fn opens(mut peer: Peer) -> Self {
        let answer = peer.head().await;
        assert_eq!(
            (answer.status, answer.header("sec-websocket-accept")),
            (101, Some(ACCEPT)),
            "{answer:?}"
        );
        Self { peer }
    }

    /// Opens `/ws` and reads its `hello`.
    pub(crate) async fn greeted(server: &Server, path: &str) -> Self {
        let mut socket = Self::open(server, path).await;
        assert_eq!(socket.json().await["type"], "hello");
        socket
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.peer.send(frame(Frame::TEXT, text.as_bytes())).await;
    }

    /// The next frame, whatever it is.
    pub(crate) async fn frame(&mut self) -> Frame {
        let head = self.peer.take(2).await;
        assert_eq!(head[1] & 0x80, 0, "a server's frames are not masked");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.peer.take(2).await.try_into().expect("two"))),
            127 => u64::from_be_bytes(self.peer.take(8).await.try_into().expect("eight")),
            short => u64::from(short),
        };
        let payload = self.peer.take(usize::try_from(length).expect("it fits")).await;
        Frame {
            first: head[0],
            payload,
        }
    }

    /// The next text; pings are passed over.
    pub(crate) async fn raw(&mut self) -> String {
        loop {
            let frame = self.frame().await;
            if frame.first != Frame::PING {
                assert_eq!(
                    frame.first,
                    Frame::TEXT,
                    "{:?}",
                    String::from_utf8_lossy(&frame.payload)
                );
                return String::from_utf8(frame.payload).expect("text is UTF-8");
            }
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        let text = self.raw().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    /// Sends a command and reads the next text.
    pub(crate) async fn ask(&mut self, command: &str) -> Value {
        self.text(command).await;
        self.json().await
    }

    /// The server closes with this code, without a word before, and ends the connection.
    pub(crate) async fn closes(&mut self, code: u16) {
        let close = self.frame().await;
        assert_eq!(close.code(), Some(code), "{close:?}");
        self.peer.ends().await;
    }
}
