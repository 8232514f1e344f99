//! Where messages begin and end in what arrives on a socket, without decoding them: a generator that reads a million
//! messages a second on one core has time for no more.

use std::io::Cursor;

use memchr::memmem;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// The most that is kept of a message that is not whole.
const MOST_KEPT_BYTES: usize = 32 << 20;
/// What a client's frames are masked with. Zero is as good as any between two programs of one machine, and costs nothing.
const MASK: [u8; 4] = [0; 4];

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A message. Of an event stream it is the whole event.
    Message(&'a [u8]),
    /// A comment of an event stream, or a ping.
    Heartbeat,
}

/// The format, and how far a connection is in it.
#[derive(Clone, Debug)]
pub(crate) enum Framing {
    /// Events between empty lines, which some end with CR LF.
    Sse { empty_line: Option<&'static [u8]> },
    /// Frames, and what has to be said in answer to pings.
    WebSocket { answers: Vec<u8> },
}

impl Framing {
    pub(crate) fn sse() -> Self {
        Self::Sse { empty_line: None }
    }

    pub(crate) fn websocket() -> Self {
        Self::WebSocket { answers: Vec::new() }
    }

    /// Finds what is whole in `bytes`, and says how many bytes of it that was.
    pub(crate) fn find(&mut self, bytes: &[u8], each: impl FnMut(Found<'_>)) -> Result<usize, String> {
        let used = match self {
            Self::Sse { empty_line } => events(empty_line, bytes, each),
            Self::WebSocket { answers } => frames(answers, bytes, each)?,
        };
        if bytes.len() - used > MOST_KEPT_BYTES {
            return Err("it sends a message that does not end".into());
        }
        Ok(used)
    }

    /// What has to be written now.
    pub(crate) fn answers(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::WebSocket { answers } if !answers.is_empty() => Some(std::mem::take(answers)),
            Self::WebSocket { .. } | Self::Sse { .. } => None,
        }
    }
}

fn events(empty_line: &mut Option<&'static [u8]>, bytes: &[u8], mut each: impl FnMut(Found<'_>)) -> usize {
    if empty_line.is_none() {
        // The first event tells which line ends the server uses; chunks are framed by CR LF whatever it does.
        let (lf, crlf) = (memmem::find(bytes, b"\n\n"), memmem::find(bytes, b"\r\n\r\n"));
        *empty_line = match (lf, crlf) {
            (Some(lf), Some(crlf)) if crlf < lf => Some(b"\r\n\r\n"),
            (Some(_), _) => Some(b"\n\n"),
            (None, Some(_)) => Some(b"\r\n\r\n"),
            (None, None) => None,
        };
    }
    let Some(empty_line) = empty_line else { return 0 };
    let mut start = 0;
    for end in memmem::find_iter(bytes, *empty_line) {
        let event = &bytes[start..end];
        start = end + empty_line.len();
        // In a chunked answer the chunk's size stands before the event.
        if memmem::find(event, b"data:").is_some() {
            each(Found::Message(event));
        } else if event.starts_with(b":") || memmem::find(event, b"\n:").is_some() {
            each(Found::Heartbeat);
        }
    }
    start
}

fn frames(answers: &mut Vec<u8>, bytes: &[u8], mut each: impl FnMut(Found<'_>)) -> Result<usize, String> {
    let mut start = 0;
    loop {
        let mut cursor = Cursor::new(&bytes[start..]);
        let header =
            FrameHeader::parse(&mut cursor).map_err(|error| format!("it breaks WebSocket's framing: {error}"))?;
        let Some((header, length)) = header else {
            return Ok(start);
        };
        let head = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(payload) = bytes[start..].get(head..).and_then(|after| after.get(..length)) else {
            return Ok(start);
        };
        match header.opcode {
            OpCode::Data(Data::Text | Data::Binary) => each(Found::Message(payload)),
            OpCode::Control(Control::Ping) => {
                answers.extend_from_slice(&frame(OpCode::Control(Control::Pong), payload));
                each(Found::Heartbeat);
            }
            OpCode::Control(Control::Close) => {
                let code = payload
                    .first_chunk::<2>()
                    .map_or(1005, |code| u16::from_be_bytes(*code));
                return Err(format!("it closed the WebSocket with {code}"));
            }
            OpCode::Data(_) | OpCode::Control(_) => {}
        }
        start += head + length;
    }
}

/// A text message as a client sends it.
pub(crate) fn text_frame(text: &[u8]) -> Vec<u8> {
    frame(OpCode::Data(Data::Text), text)
}

fn frame(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        opcode,
        mask: Some(MASK),
        ..FrameHeader::default()
    };
    let length = payload.len() as u64;
    let mut out = Vec::with_capacity(header.len(length) + payload.len());
    let _ = header.format(length, &mut out); // into memory
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found when the bytes come in pieces of every size.
    fn found(framing: &Framing, bytes: &[u8]) -> Vec<String> {
        let mut outcomes = Vec::new();
        for piece in 1..=bytes.len() {
            let (mut framing, mut kept, mut all) = (framing.clone(), Vec::new(), Vec::new());
            for piece in bytes.chunks(piece) {
                kept.extend_from_slice(piece);
                let used = framing.find(&kept, |found| all.push(said(found))).expect("well formed");
                kept.drain(..used);
            }
            outcomes.push(all);
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        outcomes.swap_remove(0)
    }

    fn said(found: Found<'_>) -> String {
        match found {
            Found::Message(bytes) => String::from_utf8_lossy(bytes).trim().to_owned(),
            Found::Heartbeat => "beat".into(),
        }
    }

    #[test]
    fn events_are_found_however_they_are_cut_and_chunked() {
        let plain = b": heartbeat\n\nevent: a\ndata: 1\nid: 5\n\n:\n\ndata: 2\n\ndata: cut";
        assert_eq!(
            found(&Framing::sse(), plain),
            ["beat", "event: a\ndata: 1\nid: 5", "beat", "data: 2"]
        );
        let chunked = b"9\r\ndata: 1\n\n\r\n3\r\n:\n\n\r\n9\r\ndata: 2\n\n\r\n";
        assert_eq!(found(&Framing::sse(), chunked).len(), 3);
        let crlf = b"data: 1\r\n\r\n:\r\n\r\n";
        assert_eq!(found(&Framing::sse(), crlf), ["data: 1", "beat"]);
    }

    #[test]
    fn frames_are_found_and_pings_answered() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x89, 1, b'p', 0x81, 126, 0, 130];
        bytes.extend([b'x'; 130]);
        bytes.extend([0x81, 3, b'c']);
        assert_eq!(found(&Framing::websocket(), &bytes), ["hi", "beat", &"x".repeat(130)]);

        let mut framing = Framing::websocket();
        framing.find(&bytes, |_| {}).expect("well formed");
        assert_eq!(framing.answers(), Some(vec![0x8a, 0x81, 0, 0, 0, 0, b'p']));
        assert_eq!(framing.answers(), None, "once");
    }

    #[test]
    fn who_closes_or_lies_is_told() {
        let closed = Framing::websocket().find(&[0x88, 2, 0x03, 0xe9], |_| {});
        assert_eq!(closed, Err("it closed the WebSocket with 1001".into()));
        let lie = Framing::websocket().find(&[0x83, 0], |_| {});
        assert!(lie.is_err_and(|why| why.contains("framing")));
    }

    #[test]
    fn a_text_is_masked() {
        assert_eq!(text_frame(b"hi"), [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        assert_eq!(text_frame(&[b'x'; 200])[..4], [0x81, 0xfe, 0, 200]);
    }
}
