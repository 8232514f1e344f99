//! Frames that the server writes: never masked (RFC 6455, 5.1).

use std::io;

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{CloseCode, Control, Data, OpCode},
};

use super::close_code;
use crate::Departure;

pub(super) fn close_words(departure: Departure) -> Vec<u8> {
    close_code(departure).map_or_else(Vec::new, |code| close_frame(Some(code), departure.sentence()))
}

pub(super) fn close_frame(code: Option<CloseCode>, reason: &str) -> Vec<u8> {
    let payload = code.map_or_else(Vec::new, |code| {
        [&u16::from(code).to_be_bytes(), reason.as_bytes()].concat()
    });
    control(Control::Close, &payload)
}

/// Appends a text frame.
pub(super) fn text(payload: &[u8], out: &mut Vec<u8>) {
    write_frame(OpCode::Data(Data::Text), payload, out).expect("a Vec takes every byte");
}

pub(super) fn frame(kind: Data, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    write_frame(OpCode::Data(kind), payload, &mut out).expect("a Vec takes every byte");
    out
}

pub(super) fn control(kind: Control, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 2);
    write_frame(OpCode::Control(kind), payload, &mut out).expect("a Vec takes every byte");
    out
}

fn write_frame(opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let header = FrameHeader {
        opcode,
        mask: None,
        ..FrameHeader::default()
    };
    header.format(payload.len() as u64, out).map_err(io::Error::other)?;
    out.extend_from_slice(payload);
    Ok(())
}
