use proptest::prelude::*;
use tungstenite::protocol::frame::coding::CloseCode;

use super::{Decoder, Event, MAX_EMPTY_FRAGMENTS};
use crate::Departure;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;

/// A client's frame: first byte as given, masked, the length in its shortest form.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        short @ ..126 => out.push(0x80 | short as u8),
        middle @ ..=0xffff => out.extend([&[0x80 | 126][..], &(middle as u16).to_be_bytes()].concat()),
        long => out.extend([&[0x80 | 127][..], &(long as u64).to_be_bytes()].concat()),
    }
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
    out
}

/// What the decoder makes of bytes that come in pieces of `piece` bytes: events as text, then why it closed, if it did.
fn read(mut decoder: Decoder, bytes: &[u8], piece: usize) -> Vec<String> {
    let mut said = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        if let Err(departure) = decoder.read(piece, |event| said.push(format!("{event:?}"))) {
            said.push(departure.word().to_owned());
            break;
        }
    }
    said
}

fn check(bytes: &[u8], expected: &[&str]) {
    for piece in [1, 2, 3, 7, usize::MAX] {
        assert_eq!(
            read(Decoder::new(64, false), bytes, piece),
            expected,
            "in pieces of {piece}"
        );
    }
}

#[test]
fn messages_whole_and_in_fragments() {
    check(&frame(LAST | TEXT, "Hello".as_bytes()), &[r#"Text("Hello")"#]);
    check(&frame(LAST | TEXT, b""), &[r#"Text("")"#]);
    check(&frame(LAST | BINARY, &[0, 255]), &["Binary([0, 255])"]);
    let fragments = [frame(TEXT, b"Hel"), frame(0, b""), frame(LAST, b"lo")].concat();
    check(&fragments, &[r#"Text("Hello")"#]);
    let between = [
        frame(TEXT, b"Hel"),
        frame(LAST | PING, b"x"),
        frame(LAST | PONG, b""),
        frame(LAST, b"lo"),
    ]
    .concat();
    check(&between, &["Ping([120])", "Pong", r#"Text("Hello")"#]);
    check(
        &[frame(LAST | TEXT, b"a"), frame(LAST | TEXT, b"b")].concat(),
        &[r#"Text("a")"#, r#"Text("b")"#],
    );
}

#[test]
fn what_breaks_the_protocol_is_a_protocol_error() {
    let mut unmasked = frame(LAST | TEXT, b"");
    unmasked[1] &= 0x7f;
    check(&unmasked, &["protocol"]);
    for reserved in [0x40, 0x20, 0x10] {
        check(&frame(LAST | TEXT | reserved, b"x"), &["protocol"]);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(&frame(LAST | opcode, b""), &["protocol"]);
    }
    check(&frame(PING, b""), &["protocol"]);
    check(&frame(LAST | PING, &[0; 126]), &["protocol"]);
    check(&frame(LAST, b"no beginning"), &["protocol"]);
    check(&[frame(TEXT, b"a"), frame(LAST | TEXT, b"b")].concat(), &["protocol"]);
    check(
        &[frame(BINARY, b"a"), frame(LAST | BINARY, b"b")].concat(),
        &["protocol"],
    );
}

#[test]
fn text_is_checked_as_it_arrives() {
    let smile = "κόσμε😀".as_bytes();
    for cut in 1..smile.len() {
        check(
            &[frame(TEXT, &smile[..cut]), frame(LAST, &smile[cut..])].concat(),
            &[r#"Text("κόσμε😀")"#],
        );
    }
    check(&frame(LAST | TEXT, &[0xce]), &["invalid-utf8"]);
    check(&frame(LAST | TEXT, &[0xed, 0xa0, 0x80]), &["invalid-utf8"]);
    check(
        &[frame(TEXT, &[0xf4, 0x90]), frame(LAST, &[0x80, 0x80])].concat(),
        &["invalid-utf8"],
    );
    // Long before the frame is whole.
    let announced = frame(LAST | TEXT, &[b"abc\xff".as_slice(), &[b'x'; 50]].concat());
    assert_eq!(
        read(Decoder::new(64, false), &announced[..2 + 4 + 4], usize::MAX),
        ["invalid-utf8"]
    );
    check(&frame(LAST | BINARY, &[0xff]), &["Binary([255])"]);
}

#[test]
fn limits_hold_before_the_bytes_arrive() {
    check(&frame(LAST | BINARY, &[7; 65])[..6], &["too-large"]);
    check(
        &[frame(BINARY, &[7; 40]), frame(LAST, &[7; 25])].concat(),
        &["too-large"],
    );
    let huge = [&[LAST | BINARY, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    check(&huge, &["too-large"]);
    let patience = MAX_EMPTY_FRAGMENTS as usize + 1;
    let endless = [frame(TEXT, b""), frame(0, b"").repeat(patience)].concat();
    check(&endless, &["policy"]);
    assert_eq!(read(Decoder::new(64, true), &frame(BINARY, b"x"), 1), ["binary"]);
}

#[test]
fn closes_carry_a_code_that_is_allowed_and_a_reason_that_is_text() {
    let close = |code: u16, reason: &[u8]| frame(LAST | CLOSE, &[&code.to_be_bytes(), reason].concat());
    check(&frame(LAST | CLOSE, b""), &["Close(None)"]);
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ] {
        check(
            &close(code, b"why"),
            &[&format!("Close(Some({:?}))", CloseCode::from(code))],
        );
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        check(&close(code, b""), &["protocol"]);
    }
    check(&frame(LAST | CLOSE, &[3]), &["protocol"]);
    check(&close(1000, &[0xff]), &["invalid-utf8"]);
    // Nothing counts behind a close.
    check(&close(1000, b"")[..], &["Close(Some(Normal))"]);
}

#[test]
fn an_idle_decoder_holds_nothing() {
    let mut decoder = Decoder::new(64, false);
    let bytes = [frame(TEXT, b"a"), frame(LAST | PING, b""), frame(LAST, b"b")].concat();
    decoder.read(&bytes, |_| {}).expect("fine");
    assert!(decoder.partial.is_none());
    assert!(size_of::<Decoder>() <= 24, "it is part of every connection");
}

proptest! {
    #[test]
    fn any_message_in_any_fragments_and_pieces_arrives(
        fragments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        piece in 1_usize..400,
    ) {
        let whole = fragments.concat();
        let last = fragments.len() - 1;
        let bytes: Vec<u8> = fragments
            .iter()
            .enumerate()
            .flat_map(|(i, part)| frame(if i == last { LAST } else { 0 } | if i == 0 { BINARY } else { 0 }, part))
            .collect();
        let mut decoder = Decoder::new(1 << 16, false);
        let mut got = None;
        for piece in bytes.chunks(piece) {
            decoder.read(piece, |event| if let Event::Binary(message) = event { got = Some(message.to_vec()) }).expect("fine");
        }
        prop_assert_eq!(got, Some(whole));
    }

    #[test]
    fn any_bytes_in_any_pieces_mean_the_same_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..50) {
        prop_assert_eq!(read(Decoder::new(64, false), &bytes, piece), read(Decoder::new(64, false), &bytes, usize::MAX));
    }

    #[test]
    fn text_is_taken_exactly_when_it_is_utf8(bytes in prop::collection::vec(any::<u8>(), 0..20), cut in 0_usize..20) {
        let cut = cut.min(bytes.len());
        let frames = [frame(TEXT, &bytes[..cut]), frame(LAST, &bytes[cut..])].concat();
        let expected = match std::str::from_utf8(&bytes) {
            Ok(text) => format!("{:?}", Event::Text(text)),
            Err(_) => Departure::InvalidUtf8.word().to_owned(),
        };
        prop_assert_eq!(read(Decoder::new(64, false), &frames, 3), [expected]);
    }
}
