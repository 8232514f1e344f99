//! HTTP/2 by hand (RFC 9113): requests that need no compression state, and the frames that come back.

use super::{Peer, Server};

/// The types of frames that the tests look at.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GO_AWAY: u8 = 7;
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// A connection with prior knowledge.
pub(crate) struct Http2 {
    pub(crate) peer: Peer,
    next_stream: u32,
}

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }
}

impl Http2 {
    pub(crate) async fn connect(server: &Server) -> Self {
        let mut peer = server.connect().await;
        peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        peer.send(encode(kind::SETTINGS, 0, 0, &[])).await;
        Self { peer, next_stream: 1 }
    }

    /// Asks for `path` and returns the stream's number.
    pub(crate) async fn get(&mut self, path: &str) -> u32 {
        self.get_with(path, &[]).await
    }

    /// The same with headers.
    pub(crate) async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> u32 {
        // Indexed fields of the static table (RFC 7541, appendix A), and literals without indexing.
        let mut fields = vec![0x82, 0x86]; // :method GET, :scheme http
        for (name, value) in [(0x01, "localhost"), (0x04, path)] {
            fields.extend([name, u8::try_from(value.len()).expect("a short value")]);
            fields.extend_from_slice(value.as_bytes());
        }
        for (name, value) in headers {
            fields.push(0x00);
            for text in [name, value] {
                fields.push(u8::try_from(text.len()).expect("a short text"));
                fields.extend_from_slice(text.as_bytes());
            }
        }
        let stream = self.next_stream;
        self.next_stream += 2;
        self.peer
            .send(encode(kind::HEADERS, END_STREAM | END_HEADERS, stream, &fields))
            .await;
        stream
    }

    /// The next frame; `None` at the end. The server's settings and pings are acknowledged on the way.
    async fn try_frame(&mut self) -> Option<Frame> {
        let head = self.peer.try_take(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.peer.take(length as usize).await;
        let frame = Frame {
            kind: head[3],
            flags: head[4],
            stream,
            payload,
        };
        match frame.kind {
            kind::SETTINGS if frame.flags & ACK == 0 => self.peer.send(encode(kind::SETTINGS, ACK, 0, &[])).await,
            kind::PING if frame.flags & ACK == 0 => self.peer.send(encode(kind::PING, ACK, 0, &frame.payload)).await,
            _ => {}
        }
        Some(frame)
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        self.try_frame().await.expect("the connection ended")
    }

    /// The server ends the connection.
    pub(crate) async fn ends(&mut self) {
        while self.try_frame().await.is_some() {}
    }

    /// The next frame that `wanted` picks.
    pub(crate) async fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.frame().await;
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// The next block of a stream that carries events.
    pub(crate) async fn block(&mut self, stream: u32) -> String {
        let mut block = Vec::new();
        while !block.ends_with(b"\n\n") {
            let data = self
                .find(|frame| frame.stream == stream && frame.kind == kind::DATA)
                .await;
            assert!(
                !data.ends_stream(),
                "the stream ended: {:?}",
                String::from_utf8_lossy(&block)
            );
            block.extend(data.payload);
        }
        String::from_utf8(block).expect("text")
    }

    /// Gives a stream up.
    pub(crate) async fn cancel(&mut self, stream: u32) {
        self.peer
            .send(encode(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()))
            .await;
    }
}

fn encode(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}
