//! What a client's bytes mean: a sans-IO decoder of RFC 6455 frames into messages.
//!
//! Headers are read by tungstenite. Payloads are unmasked, and text is checked, as the bytes arrive, in whatever
//! pieces the network makes of them. An idle decoder holds nothing; a busy one holds the message so far, which is
//! bounded by the limit it was made with, and grows only as bytes arrive, whatever length was announced.

use std::io::Cursor;

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{CloseCode, Control, Data, OpCode},
};

use crate::Departure;

/// The longest header (RFC 6455, 5.2).
const MAX_HEADER_BYTES: usize = 14;
/// The longest payload of a control frame (RFC 6455, 5.5).
const MAX_CONTROL_BYTES: u64 = 125;
/// Fragments of one message that may carry nothing: they cost their reader time and bring it no nearer to the end.
const MAX_EMPTY_FRAGMENTS: u32 = 1024;

/// A whole message or control frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    /// The peer closes; `None` where it named no code.
    Close(Option<CloseCode>),
}

/// Reads one client's frames.
#[derive(Debug)]
pub(super) struct Decoder {
    /// There is one decoder for each connection: four bytes are enough.
    limit: u32,
    text_only: bool,
    /// A close was read or the protocol was broken: nothing that comes after counts.
    ended: bool,
    partial: Option<Box<Partial>>,
}

/// What is unfinished.
#[derive(Debug, Default)]
struct Partial {
    header: Vec<u8>,
    frame: Option<Frame>,
    message: Option<Message>,
    control: Vec<u8>,
}

/// A frame whose header is read and whose payload is arriving.
#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    mask: [u8; 4],
    /// Bytes of the payload that have arrived.
    arrived: u64,
    length: u64,
}

/// A data message whose last fragment has not arrived.
#[derive(Debug)]
struct Message {
    text: bool,
    payload: Vec<u8>,
    /// Up to here the payload is known to be UTF-8, if it is text.
    checked: usize,
    empty_fragments: u32,
}

impl Decoder {
    /// Takes messages up to `limit` bytes; with `text_only` a binary message is a reason to close.
    pub(super) fn new(limit: usize, text_only: bool) -> Self {
        Self {
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            text_only,
            ended: false,
            partial: None,
        }
    }

    /// Reads what arrived and calls `each` with every event that it completes.
    ///
    /// # Errors
    /// Why the connection has to be closed. After that, and after a `Close`, the decoder reads nothing more.
    pub(super) fn read(&mut self, bytes: &[u8], each: impl FnMut(Event<'_>)) -> Result<(), Departure> {
        let done = self.read_frames(bytes, each);
        self.ended |= done.is_err();
        done
    }

    fn read_frames(&mut self, mut bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), Departure> {
        while !bytes.is_empty() && !self.ended {
            let mut partial = self.partial.take().unwrap_or_default();
            if partial.frame.is_none() {
                bytes = partial.read_header(bytes)?;
                let Some(frame) = &partial.frame else {
                    self.partial = Some(partial);
                    return Ok(());
                };
                self.check(frame, partial.message.as_ref())?;
                partial.begin();
            }
            bytes = partial.read_payload(bytes)?;
            self.ended = partial.finish(&mut each)?;
            if !partial.is_idle() {
                self.partial = Some(partial);
            }
        }
        Ok(())
    }

    /// The rules that a header alone can break.
    fn check(&self, frame: &Frame, message: Option<&Message>) -> Result<(), Departure> {
        match (frame.opcode, message) {
            (OpCode::Control(_), _) if !frame.is_final || frame.length > MAX_CONTROL_BYTES => Err(Departure::Protocol),
            (OpCode::Control(_), _) => Ok(()),
            (OpCode::Data(Data::Continue), None) | (OpCode::Data(Data::Text | Data::Binary), Some(_)) => {
                Err(Departure::Protocol)
            }
            (OpCode::Data(Data::Binary), None) if self.text_only => Err(Departure::Binary),
            (OpCode::Data(_), message) => {
                let so_far = message.map_or(0, |message| message.payload.len() as u64);
                let fits = so_far.saturating_add(frame.length) <= u64::from(self.limit);
                let patient = message.is_none_or(|message| message.empty_fragments < MAX_EMPTY_FRAGMENTS);
                match (fits, patient) {
                    (false, _) => Err(Departure::TooLarge),
                    (_, false) => Err(Departure::Policy),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl Partial {
    fn is_idle(&self) -> bool {
        self.header.is_empty() && self.frame.is_none() && self.message.is_none()
    }

    /// Takes bytes until a header is whole; returns those behind it.
    fn read_header<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Departure> {
        let before = self.header.len();
        self.header
            .extend_from_slice(&bytes[..bytes.len().min(MAX_HEADER_BYTES - before)]);
        let mut cursor = Cursor::new(&self.header);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Departure::Protocol)? else {
            return Ok(&[]); // fewer bytes than a header: all are kept
        };
        let used = usize::try_from(cursor.position()).unwrap_or(MAX_HEADER_BYTES) - before;
        self.header.clear();
        let reserved = header.rsv1 || header.rsv2 || header.rsv3; // no extension was negotiated
        let Some(mask) = header.mask.filter(|_| !reserved) else {
            return Err(Departure::Protocol);
        };
        self.frame = Some(Frame {
            opcode: header.opcode,
            is_final: header.is_final,
            mask,
            arrived: 0,
            length,
        });
        Ok(&bytes[used..])
    }

    /// A frame begins: a first fragment begins a message.
    fn begin(&mut self) {
        let Some(frame) = &self.frame else { return };
        let OpCode::Data(kind) = frame.opcode else { return };
        let text = kind == Data::Text;
        let message = self.message.get_or_insert_with(|| Message {
            text,
            payload: Vec::new(),
            checked: 0,
            empty_fragments: 0,
        });
        message.empty_fragments += u32::from(frame.length == 0);
    }

    /// Takes payload bytes, unmasked and, if text, checked; returns those behind the frame.
    fn read_payload<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Departure> {
        let Some(frame) = &mut self.frame else { return Ok(bytes) };
        let left = usize::try_from(frame.length - frame.arrived).unwrap_or(usize::MAX);
        let (payload, behind) = bytes.split_at(left.min(bytes.len()));
        let target = match (&mut self.message, frame.opcode) {
            (Some(message), OpCode::Data(_)) => &mut message.payload,
            _ => &mut self.control,
        };
        let start = target.len();
        target.extend_from_slice(payload);
        unmask(&mut target[start..], frame.mask, frame.arrived);
        frame.arrived += payload.len() as u64;
        if let (Some(message), OpCode::Data(_)) = (&mut self.message, frame.opcode) {
            message.check_text()?;
        }
        Ok(behind)
    }

    /// Hands over what the frame completes, if it is whole. Says whether that was a close.
    fn finish(&mut self, each: &mut impl FnMut(Event<'_>)) -> Result<bool, Departure> {
        let Some(frame) = self.frame.take_if(|frame| frame.arrived == frame.length) else {
            return Ok(false);
        };
        match frame.opcode {
            OpCode::Control(kind) => {
                let payload = std::mem::take(&mut self.control);
                match kind {
                    Control::Ping => each(Event::Ping(&payload)),
                    Control::Close => each(Event::Close(close_code(&payload)?)),
                    Control::Pong | Control::Reserved(_) => each(Event::Pong),
                }
                return Ok(kind == Control::Close);
            }
            OpCode::Data(_) if frame.is_final => {
                let Some(message) = self.message.take() else {
                    return Ok(false);
                };
                if message.text {
                    each(Event::Text(
                        std::str::from_utf8(&message.payload).map_err(|_| Departure::InvalidUtf8)?,
                    ));
                } else {
                    each(Event::Binary(&message.payload));
                }
            }
            OpCode::Data(_) => {}
        }
        Ok(false)
    }
}

impl Message {
    /// Fails on the first byte that cannot be part of UTF-8; a character cut by the end of what has arrived may go on.
    fn check_text(&mut self) -> Result<(), Departure> {
        if !self.text {
            return Ok(());
        }
        match std::str::from_utf8(&self.payload[self.checked..]) {
            Ok(_) => self.checked = self.payload.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Departure::InvalidUtf8),
        }
        Ok(())
    }
}

/// Removes the mask (RFC 6455, 5.3) from a piece of a payload that starts `arrived` bytes into it.
fn unmask(piece: &mut [u8], mut mask: [u8; 4], arrived: u64) {
    mask.rotate_left((arrived % 4) as usize);
    let wide = u64::from_ne_bytes([mask, mask].concat().try_into().expect("four and four are eight"));
    let mut words = piece.chunks_exact_mut(8);
    for word in &mut words {
        let unmasked = u64::from_ne_bytes((&*word).try_into().expect("chunks of eight")) ^ wide;
        word.copy_from_slice(&unmasked.to_ne_bytes());
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The code of a close frame (RFC 6455, 5.5.1 and 7.4): nothing, or an allowed code and UTF-8.
fn close_code(payload: &[u8]) -> Result<Option<CloseCode>, Departure> {
    match payload {
        [] => Ok(None),
        [_] => Err(Departure::Protocol),
        [high, low, reason @ ..] => {
            let code = CloseCode::from(u16::from_be_bytes([*high, *low]));
            if !code.is_allowed() {
                return Err(Departure::Protocol);
            }
            std::str::from_utf8(reason).map_err(|_| Departure::InvalidUtf8)?;
            Ok(Some(code))
        }
    }
}

#[cfg(test)]
mod tests;
