//! What becomes of frames that are asked for, large, cut or wrong. Each question has a socket of its own.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    Way, open,
    socket::{CLOSE, CONTINUE, Came, PING, Socket, TEXT},
    step,
};
use crate::verify::{check::Finding, http::Server};

/// What a message is announced as, and how much of it is sent at most.
const ANNOUNCED_BYTES: u64 = 1 << 30;
const SENT_BYTES: usize = 8 << 20;
const CHUNK_BYTES: usize = 64 * 1024;
/// How long a refusal of the announcement alone is waited for.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Two halves of one word, so that either is known when it comes back alone.
const FIRST: &str = "verify-first";
const SECOND: &str = "-second";

/// The first thing that a server's end says, all else passed over.
async fn end(socket: &mut Socket, until: Instant) -> Option<Came> {
    loop {
        match timeout_at(until, socket.next()).await.ok()? {
            came @ (Came::Close(_) | Came::End(_)) => return Some(came),
            Came::Text(_) | Came::Data | Came::Ping(_) | Came::Pong(_) => {}
        }
    }
}

/// Pings, and waits for the answer; how long it took.
pub(super) async fn pings(socket: &mut Socket, time: Duration) -> Result<Duration, String> {
    const PAYLOAD: &[u8] = b"wirelab verify";
    let start = Instant::now();
    socket.send(PING, PAYLOAD).await;
    loop {
        match timeout_at(start + time, socket.next()).await {
            Err(_) => return Err(format!("no pong in {} ms", time.as_millis())),
            Ok(Came::Pong(payload)) if payload == PAYLOAD => return Ok(start.elapsed()),
            Ok(Came::Pong(payload)) if !payload.is_empty() => {
                return Err(format!("a pong came with {} other bytes", payload.len()));
            }
            Ok(Came::Close(code)) => return Err(format!("it closed with {code}")),
            Ok(Came::End(why)) => return Err(why),
            Ok(Came::Text(_) | Came::Data | Came::Ping(_) | Came::Pong(_)) => {}
        }
    }
}

async fn opened(server: &Server, way: Way) -> Result<Socket, Finding> {
    let answer = open(server, way, None).await;
    let answer = answer.map_err(|error| Finding::skip(format!("it did not open again: {error}")))?;
    let status = answer.status;
    answer
        .socket
        .ok_or_else(|| Finding::skip(format!("it did not open again: {status}")))
}

pub(super) async fn ping(server: &Server, way: Way) -> Finding {
    let mut socket = match opened(server, way).await {
        Ok(socket) => socket,
        Err(skipped) => return skipped,
    };
    match pings(&mut socket, step(server)).await {
        Ok(time) => Finding::pass(format!("after {:.1} ms", time.as_secs_f64() * 1000.0)),
        Err(why) => Finding::fail(
            why,
            "whoever pings takes the server for dead: RFC 6455, 5.5.2, wants a pong as soon as possible",
        ),
    }
}

pub(super) async fn close(server: &Server, way: Way) -> Finding {
    let mut socket = match opened(server, way).await {
        Ok(socket) => socket,
        Err(skipped) => return skipped,
    };
    let until = Instant::now() + step(server);
    socket.send(CLOSE, &1000u16.to_be_bytes()).await;
    let hint = "answer a close frame with one, then end the connection: without it browsers report 1006 and wait";
    let code = match end(&mut socket, until).await {
        Some(Came::Close(code)) => code,
        Some(Came::End(why)) => return Finding::fail(format!("1000 was sent, and {why}"), hint),
        _ => return Finding::fail("1000 was sent, and nothing came", hint),
    };
    match timeout_at(until, socket.next()).await {
        Err(_) => Finding::warn(
            format!("{code} came back, but the connection stays"),
            "the server ends the connection first (RFC 6455, 7.1.1)",
        ),
        Ok(_) if code == 1000 || code == 1005 => Finding::pass(format!("{code} came back, and the connection ended")),
        Ok(_) => Finding::warn(
            format!("1000 was sent, and {code} came back"),
            "send back the code that came",
        ),
    }
}

pub(super) async fn fragments(server: &Server, way: Way) -> Finding {
    let mut socket = match opened(server, way).await {
        Ok(socket) => socket,
        Err(skipped) => return skipped,
    };
    socket.piece(TEXT, false, FIRST.as_bytes()).await;
    let hint = "proxies and clients cut messages: gather the pieces of one, and answer control frames between them (RFC 6455, 5.4)";
    if let Err(why) = pings(&mut socket, step(server)).await {
        return Finding::fail(format!("after the first of two pieces, and a ping: {why}"), hint);
    }
    socket.piece(CONTINUE, true, SECOND.as_bytes()).await;
    // Its answer, if it has one, comes before that to a ping.
    socket.send(PING, b"after").await;
    let until = Instant::now() + step(server);
    let mut echoed = "";
    loop {
        match timeout_at(until, socket.next()).await {
            Err(_) => return Finding::fail("after the last piece nothing is answered any more", hint),
            Ok(Came::Close(code)) => {
                return Finding::fail(format!("a message in two pieces was answered with {code}"), hint);
            }
            Ok(Came::End(why)) => return Finding::fail(format!("after a message in two pieces {why}"), hint),
            Ok(Came::Text(text)) if text.contains(&format!("{FIRST}{SECOND}")) => echoed = ", and came back whole",
            Ok(Came::Text(text)) if text.contains(FIRST) || text.contains(SECOND) => {
                return Finding::fail(format!("pieces are taken for messages: {text}"), hint);
            }
            Ok(Came::Pong(payload)) if payload == b"after" => {
                return Finding::pass(format!("two pieces were taken{echoed}"));
            }
            Ok(Came::Text(_) | Came::Data | Came::Ping(_) | Came::Pong(_)) => {}
        }
    }
}

pub(super) async fn utf8(server: &Server, way: Way) -> Finding {
    let mut socket = match opened(server, way).await {
        Ok(socket) => socket,
        Err(skipped) => return skipped,
    };
    socket.send(TEXT, b"\xc3\x28 \xff").await;
    let hint = "whoever reads it later breaks instead: check text, and close with 1007 (RFC 6455, 8.1)";
    refusal(&mut socket, step(server), 1007, hint).await
}

pub(super) async fn unmasked(server: &Server, way: Way) -> Finding {
    let mut socket = match opened(server, way).await {
        Ok(socket) => socket,
        Err(skipped) => return skipped,
    };
    socket.unmasked(b"hi").await;
    let hint =
        "masks keep clients from writing what a cache on the way takes for HTTP: close with 1002 (RFC 6455, 5.1)";
    refusal(&mut socket, step(server), 1002, hint).await
}

/// What was just sent must be refused with this code.
async fn refusal(socket: &mut Socket, time: Duration, wanted: u16, hint: &str) -> Finding {
    // Whoever takes it goes on and answers this.
    socket.send(PING, b"still there").await;
    let until = Instant::now() + time;
    loop {
        return match timeout_at(until, socket.next()).await {
            Err(_) => Finding::warn("it is neither refused nor answered", hint),
            Ok(Came::Close(code)) if code == wanted => Finding::pass(format!("closed with {code}")),
            Ok(Came::Close(code)) => Finding::warn(format!("closed with {code} instead of {wanted}"), hint),
            Ok(Came::End(why)) => Finding::warn(format!("no {wanted}: {why}"), hint),
            Ok(Came::Pong(payload)) if payload == b"still there" => Finding::fail("it was taken", hint),
            Ok(Came::Text(_) | Came::Data | Came::Ping(_) | Came::Pong(_)) => continue,
        };
    }
}

pub(super) async fn limit(server: &Server, way: Way) -> Finding {
    let mut socket = match opened(server, way).await {
        Ok(socket) => socket,
        Err(skipped) => return skipped,
    };
    let hint = "one client can fill the memory: give messages a limit, and close with 1009";
    socket.announce(ANNOUNCED_BYTES).await;
    let until = Instant::now() + step(server);
    let mut sent = 0;
    let mut ended = end(&mut socket, Instant::now() + AT_ONCE).await;
    let chunk = vec![b'a'; CHUNK_BYTES];
    while ended.is_none() && sent < SENT_BYTES && Instant::now() < until {
        tokio::select! {
            biased;
            came = end(&mut socket, until) => ended = came,
            () = std::future::ready(()) => {}
        }
        if ended.is_some() {
            break;
        }
        if timeout_at(until, socket.write(&chunk)).await.is_err() {
            break; // it takes no more: it may still say why
        }
        sent += CHUNK_BYTES;
    }
    if ended.is_none() {
        ended = end(&mut socket, until).await;
    }
    let measured = format!("1 GiB was announced and {} KiB of it sent", sent / 1024);
    match ended {
        Some(Came::Close(1009)) => Finding::pass("closed with 1009"),
        Some(Came::Close(code)) => Finding::warn(format!("closed with {code} instead of 1009"), hint),
        Some(Came::End(why)) => Finding::warn(format!("no 1009: {why}"), hint),
        _ if sent >= SENT_BYTES => Finding::fail(format!("{} MiB of one message were taken", sent >> 20), hint),
        _ => Finding::fail("it neither takes the message nor refuses it", hint),
    }
    .seen(measured)
}
