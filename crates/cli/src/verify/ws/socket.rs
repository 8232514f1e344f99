//! An open WebSocket whose client may break every rule: frames as they are, without a library's care.

use std::{fmt, io::Cursor};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use crate::verify::http::Connection;

pub(in crate::verify) const TEXT: OpCode = OpCode::Data(Data::Text);
pub(in crate::verify) const CONTINUE: OpCode = OpCode::Data(Data::Continue);
pub(in crate::verify) const PING: OpCode = OpCode::Control(Control::Ping);
pub(in crate::verify) const PONG: OpCode = OpCode::Control(Control::Pong);
pub(in crate::verify) const CLOSE: OpCode = OpCode::Control(Control::Close);

/// The longest frame that is read, and all that is read of one socket: whoever sends more floods.
const MOST_FRAME_BYTES: u64 = 1 << 20;
const MOST_BYTES: usize = 4 << 20;
/// Any mask is as good as another between a checker and what it checks.
const MASK: [u8; 4] = [0x17, 0x2a, 0x05, 0x71];

/// An open WebSocket.
pub(in crate::verify) struct Socket {
    io: TokioIo<Upgraded>,
    /// Over HTTP/2 the socket is a stream of it.
    _connection: Connection,
    kept: Vec<u8>,
    read_bytes: usize,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::verify) enum Came {
    Text(String),
    /// Any other data, also pieces of a message.
    Data,
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// With its code; 1005 where there was none.
    Close(u16),
    /// The connection ended, in this way.
    End(String),
}

impl Socket {
    pub(super) fn new(io: TokioIo<Upgraded>, connection: Connection) -> Self {
        Self {
            io,
            _connection: connection,
            kept: Vec::new(),
            read_bytes: 0,
        }
    }

    /// Sends a whole message or control frame. That the server has gone is told by what is read next.
    pub(in crate::verify) async fn send(&mut self, opcode: OpCode, payload: &[u8]) {
        self.write(&frame(opcode, true, true, payload)).await;
    }

    /// Sends a piece of a message.
    pub(in crate::verify) async fn piece(&mut self, opcode: OpCode, is_last: bool, payload: &[u8]) {
        self.write(&frame(opcode, is_last, true, payload)).await;
    }

    /// Sends what no client may.
    pub(in crate::verify) async fn unmasked(&mut self, payload: &[u8]) {
        self.write(&frame(TEXT, true, false, payload)).await;
    }

    /// Announces a message of this length, and sends nothing of it.
    pub(in crate::verify) async fn announce(&mut self, length: u64) {
        let mut bytes = Vec::new();
        let header = FrameHeader {
            opcode: TEXT,
            mask: Some(MASK),
            ..FrameHeader::default()
        };
        let _ = header.format(length, &mut bytes); // into memory
        self.write(&bytes).await;
    }

    /// Sends bytes as they are. That the server has gone is told by what is read next.
    pub(in crate::verify) async fn write(&mut self, bytes: &[u8]) {
        let _ = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        }
        .await;
    }

    /// What comes next. It may be cancelled.
    pub(in crate::verify) async fn next(&mut self) -> Came {
        loop {
            match self.parse() {
                Ok(Some(came)) => return came,
                Ok(None) => {}
                Err(why) => return Came::End(why),
            }
            match self.io.read_buf(&mut self.kept).await {
                Ok(0) => return Came::End("it ended without a close frame".into()),
                Ok(read) => self.read_bytes += read,
                Err(error) => return Came::End(format!("it broke: {error}")),
            }
            if self.read_bytes > MOST_BYTES {
                return Came::End(format!("a flood: more than {} MiB came", MOST_BYTES >> 20));
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Came>, String> {
        let mut cursor = Cursor::new(&self.kept[..]);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|error| format!("it breaks the framing: {error}"))?;
        let Some((header, length)) = parsed else {
            return Ok(None);
        };
        if length > MOST_FRAME_BYTES {
            return Err(format!("it announces a frame of {length} bytes"));
        }
        if header.mask.is_some() {
            return Err("it breaks the framing: a server must not mask".into());
        }
        let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let end = start + length as usize; // at most a MiB
        let Some(payload) = self.kept.get(start..end) else {
            return Ok(None);
        };
        let came = match header.opcode {
            OpCode::Data(Data::Text) if header.is_final => Came::Text(String::from_utf8_lossy(payload).into_owned()),
            OpCode::Control(Control::Ping) => Came::Ping(payload.to_vec()),
            OpCode::Control(Control::Pong) => Came::Pong(payload.to_vec()),
            OpCode::Control(Control::Close) => Came::Close(
                payload
                    .first_chunk::<2>()
                    .map_or(1005, |code| u16::from_be_bytes(*code)),
            ),
            OpCode::Data(_) | OpCode::Control(_) => Came::Data,
        };
        self.kept.drain(..end);
        Ok(Some(came))
    }
}

fn frame(opcode: OpCode, is_final: bool, is_masked: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        is_final,
        opcode,
        mask: is_masked.then_some(MASK),
        ..FrameHeader::default()
    };
    let mut out = Vec::with_capacity(payload.len() + 14);
    let _ = header.format(payload.len() as u64, &mut out); // into memory
    let masked = payload.iter().zip(MASK.iter().cycle());
    out.extend(masked.map(|(byte, mask)| if is_masked { byte ^ mask } else { *byte }));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_masked_unless_they_must_not_be() {
        assert_eq!(frame(TEXT, true, false, b"hi"), [0x81, 2, b'h', b'i']);
        assert_eq!(
            frame(PING, true, true, b"h"),
            [0x89, 0x81, 0x17, 0x2a, 0x05, 0x71, b'h' ^ 0x17]
        );
        assert_eq!(frame(TEXT, false, false, b"")[0], 0x01);
    }
}
