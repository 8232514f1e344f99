//! Frames that break RFC 6455, or our limits: each ends its own connection with the code that says why, and only that.

use crate::support::{Frame, Server, Socket, Watched, frame};

const CONTINUED: u8 = 0x00;
const LAST: u8 = 0x80;
const TEXT_BEGINS: u8 = 0x01;

/// What is wrong, and the bytes that are.
type Case = (&'static str, Vec<u8>);

/// Each case closes with `code` and is counted as `reason`; nobody else notices.
async fn check(path: &str, code: u16, reason: &str, cases: Vec<Case>) {
    let mut watched = Watched::start().await;
    let sample = format!("connections_closed_total{{lane=\"websocket\",reason={reason:?}}}");
    for (n, (what, bytes)) in cases.into_iter().enumerate() {
        let mut socket = open(&watched.server, path).await;
        socket.peer.try_send(&bytes).await;
        let close = socket.frame().await;
        assert_eq!(
            (close.first, close.payload.first_chunk()),
            (Frame::CLOSE, Some(&u16::to_be_bytes(code))),
            "{what}"
        );
        assert!(close.payload.len() > 10, "{what}: says why in words");
        socket.peer.ends().await;
        watched.unharmed(&sample, n as u64 + 1).await;
    }
}

async fn open(server: &Server, path: &str) -> Socket {
    match path {
        "/ws/echo" => Socket::open(server, path).await,
        _ => Socket::greeted(server, path).await,
    }
}

/// A masked header that announces `length` bytes.
fn header(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0x80 | 127][..], &length.to_be_bytes(), &[0; 4]].concat()
}

fn both(one: Vec<u8>, other: Vec<u8>) -> Vec<u8> {
    [one, other].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_framing_closes_with_1002() {
    for path in ["/ws", "/ws/echo"] {
        let mut cases = vec![
            ("a frame without a mask", vec![Frame::TEXT, 1, b'a']),
            ("a control frame without a mask", vec![Frame::PING, 0]),
            ("a ping of 126 bytes", frame(Frame::PING, &[0; 126])),
            ("a pong of 126 bytes", frame(Frame::PONG, &[0; 126])),
            (
                "a close of 126 bytes",
                frame(Frame::CLOSE, &[[3, 232].as_slice(), &[b'x'; 124]].concat()),
            ),
            ("a ping that announces a terabyte", header(Frame::PING, 1 << 40)),
            ("a fragmented ping", frame(0x09, b"")),
            ("a fragmented close", frame(0x08, b"")),
            ("a last fragment of nothing", frame(LAST, b"a")),
            ("a fragment of nothing", frame(CONTINUED, b"a")),
            (
                "a message within a message",
                both(frame(TEXT_BEGINS, b"a"), frame(Frame::TEXT, b"b")),
            ),
            ("a close of one byte", frame(Frame::CLOSE, &[3])),
        ];
        for rsv in [0x40, 0x20, 0x10, 0x70] {
            cases.push(("a reserved bit", frame(Frame::TEXT | rsv, b"a")));
            cases.push(("a reserved bit on a ping", frame(Frame::PING | rsv, b"")));
        }
        for opcode in [0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x03, 0x0b] {
            cases.push(("a reserved opcode", frame(opcode, b"")));
        }
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            cases.push((
                "a close code that may not be sent",
                frame(Frame::CLOSE, &code.to_be_bytes()),
            ));
        }
        check(path, 1002, "protocol", cases).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_utf_8_closes_with_1007_as_soon_as_that_is_known() {
    for path in ["/ws", "/ws/echo"] {
        let cases: Vec<Case> = vec![
            ("in one frame", frame(Frame::TEXT, b"a\xffb")),
            ("an overlong slash", frame(Frame::TEXT, b"\xc0\xaf")),
            ("a surrogate", frame(Frame::TEXT, b"\xed\xa0\x80")),
            ("beyond Unicode", frame(Frame::TEXT, b"\xf4\x90\x80\x80")),
            (
                "cut inside its last character",
                frame(Frame::TEXT, "κ".as_bytes().split_at(1).0),
            ),
            (
                "the last fragment cut inside a character",
                both(frame(TEXT_BEGINS, b"a"), frame(LAST, b"\xf0\x9f\x98")),
            ),
            (
                "a character cut by a fragment and not gone on with",
                both(frame(TEXT_BEGINS, b"\xce"), frame(LAST, b"a")),
            ),
            ("in a fragment with more to come", frame(TEXT_BEGINS, b"a\xff")),
            (
                "in the second fragment with more to come",
                both(frame(TEXT_BEGINS, b"\xf0\x9f"), frame(CONTINUED, b"\x98a")),
            ),
            (
                "early in a frame of which little has come",
                [&header(Frame::TEXT, 1000)[..], b"ab\xff"].concat(),
            ),
            ("the reason of a close", frame(Frame::CLOSE, b"\x03\xe8\xff")),
        ];
        check(path, 1007, "invalid-utf8", cases).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_closes_with_1009_before_it_has_come() {
    let half = vec![b'x'; 40_000];
    let cases: Vec<Case> = vec![
        ("a byte too many", frame(Frame::TEXT, &vec![b'x'; 65_537])),
        ("a terabyte announced", header(Frame::TEXT, 1 << 40)),
        ("the largest length", header(Frame::TEXT, u64::MAX >> 1)),
        (
            "the sum of two fragments",
            both(frame(TEXT_BEGINS, &half), frame(LAST, &half)),
        ),
        (
            "a fragment announced behind another",
            both(frame(TEXT_BEGINS, &half), header(CONTINUED, 1 << 20)),
        ),
    ];
    check("/ws", 1009, "too-large", cases).await;
    let cases = vec![
        ("a byte too many", header(Frame::BINARY, (16 << 20) + 1)),
        ("behind a fragment", both(frame(0x02, &half), header(LAST, 16 << 20))),
    ];
    check("/ws/echo", 1009, "too-large", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_closes_with_1003_where_text_is_meant() {
    let cases = vec![
        ("a message", frame(Frame::BINARY, b"\x00")),
        ("an empty message", frame(Frame::BINARY, b"")),
        ("a first fragment", frame(0x02, b"a")),
        ("only announced", header(Frame::BINARY, 10)),
    ];
    check("/ws", 1003, "binary", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_of_nothing_for_ever_close_with_1008() {
    for path in ["/ws", "/ws/echo"] {
        let forever = both(frame(TEXT_BEGINS, b"a"), frame(CONTINUED, b"").repeat(2000));
        check(path, 1008, "policy", vec![("empty fragments", forever)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_in_any_pieces_with_pings_between_are_one_message() {
    let server = Server::start();
    let text = "κόσμε 😀".repeat(100);
    let mut bytes = frame(TEXT_BEGINS, b"");
    for (n, byte) in text.bytes().enumerate() {
        bytes.extend(frame(CONTINUED, &[byte]));
        if n % 500 == 0 {
            bytes.extend(frame(Frame::PING, b"still here?"));
        }
    }
    bytes.extend(frame(LAST, b""));
    for pieces in [bytes.len(), 1000, 7] {
        let mut socket = Socket::open(&server, "/ws/echo").await;
        for piece in bytes.chunks(pieces) {
            socket.peer.send(piece).await;
        }
        let pongs = text.len().div_ceil(500);
        for _ in 0..pongs {
            assert_eq!(
                socket.frame().await,
                Frame {
                    first: Frame::PONG,
                    payload: b"still here?".to_vec()
                }
            );
        }
        assert_eq!(
            socket.frame().await,
            Frame {
                first: Frame::TEXT,
                payload: text.clone().into_bytes()
            }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_is_taken() {
    let server = Server::start();
    let mut socket = Socket::greeted(&server, "/ws").await;
    let text = "x".repeat(65_536);
    assert_eq!(socket.ask(&text).await["echoed"], text);
    let mut socket = Socket::open(&server, "/ws/echo").await;
    let large = vec![1; 16 << 20];
    // It answers while it reads: both directions at once.
    socket.peer.send(frame(Frame::BINARY, &large)).await;
    let mut echoed = socket.frame().await;
    while echoed.first == Frame::PING {
        echoed = socket.frame().await; // sixteen MiB may take longer than the wheel does to come by
    }
    assert_eq!((echoed.first, echoed.payload.len()), (Frame::BINARY, large.len()));
    assert!(echoed.payload == large);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered_with_its_code_and_nothing_after_it_counts() {
    let mut watched = Watched::start().await;
    let mut closed = 0;
    for path in ["/ws", "/ws/echo"] {
        for code in [
            1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
        ] {
            let mut socket = open(&watched.server, path).await;
            let close = frame(Frame::CLOSE, &[&code.to_be_bytes()[..], b"so long"].concat());
            socket
                .peer
                .send(both(close, frame(Frame::TEXT, b"one more thing")))
                .await;
            assert_eq!(socket.frame().await.code(), Some(code), "{path}");
            socket.peer.ends().await;
            closed += 1;
        }
        let mut socket = open(&watched.server, path).await;
        socket.peer.send(frame(Frame::CLOSE, b"")).await;
        assert_eq!(socket.frame().await.code(), None, "none given, none echoed");
        socket.peer.ends().await;
        closed += 1;
    }
    watched
        .unharmed(r#"connections_closed_total{lane="websocket",reason="closed"}"#, closed)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_before_a_fault_are_still_given() {
    let server = Server::start();
    let mut socket = Socket::greeted(&server, "/ws").await;
    socket
        .peer
        .send(both(frame(Frame::TEXT, b"hi"), frame(Frame::BINARY, b"")))
        .await;
    assert_eq!(socket.json().await["echoed"], "hi");
    socket.closes(1003).await;
}
