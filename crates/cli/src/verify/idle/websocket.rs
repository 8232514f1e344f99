//! A WebSocket on which one side, or both, say nothing.

use std::time::Duration;

use tokio::time::{Instant, interval, timeout_at};

use super::{
    bisection::{Limit, Probe, search as bisect},
    follows, secs,
};
use crate::verify::{
    check::Finding,
    http::Server,
    ws::{
        Way, open,
        socket::{Came, PING, PONG, Socket},
    },
};

/// What a server calls a peer that does not answer its pings.
const SILENT_PEER: u16 = 4000;
/// How often the side that is not silent says something.
const TALK: Duration = Duration::from_millis(500);

/// Who says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    /// Both; the server's pings are answered, as any browser does.
    Both,
    /// The client, not even to pings; the server talks.
    Client,
    /// The server; the client talks, in pongs that nobody has to answer.
    Server,
}

/// Searches for the longest silence that survives.
pub(super) async fn search(server: &Server, silent: Silent, max: Duration) -> Finding {
    let limit = bisect(max, |silence| probe(server, silent, silence)).await;
    let hint = |limit| format!("{}: a ping, or any message", follows(limit));
    match limit {
        Limit::None => Finding::pass(format!("{} of silence", secs(max))),
        Limit::Spoken(beat) => Finding::pass(format!(
            "the server speaks after {} of silence, and with that it lived for {}",
            secs(beat),
            secs(max)
        )),
        Limit::Seen(after, how) if how.contains("4000") => Finding::pass(format!(
            "after {} the server itself takes a client that says nothing for dead ({SILENT_PEER})",
            secs(after)
        ))
        .seen(how),
        Limit::Seen(after, how) => {
            Finding::fail(format!("cut after {} of silence: {how}", secs(after)), hint(after)).limit(after)
        }
        Limit::Between(alive, dead) => {
            let measured = format!(
                "{} of silence survive, {} do not, and nobody is told",
                secs(alive),
                secs(dead)
            );
            Finding::fail(measured, hint(alive.max(dead / 2))).limit(alive.max(dead / 2))
        }
        Limit::Failed(why) => Finding::skip(why),
    }
}

async fn probe(server: &Server, silent: Silent, silence: Duration) -> Probe {
    let answer = match open(server, Way::Upgrade, None).await {
        Ok(answer) => answer,
        Err(error) => return Probe::Failed(error.to_string()),
    };
    let Some(mut socket) = answer.socket else {
        return Probe::Failed(format!("it does not open: {}", answer.status));
    };
    let outcome = keep_silent(&mut socket, silent, silence).await;
    match outcome {
        Ok(longest) => match is_there(&mut socket, server.timeout).await {
            Ok(true) if longest < silence.mul_f64(0.9) => Probe::Spoken(longest),
            Ok(true) => Probe::Alive,
            Ok(false) => Probe::Dead,
            Err(how) => Probe::Cut(silence, how),
        },
        Err(early) => early,
    }
}

/// Is silent for so long, and says how long the longest silence was; or how it ended before.
async fn keep_silent(socket: &mut Socket, silent: Silent, silence: Duration) -> Result<Duration, Probe> {
    let start = Instant::now();
    let until = start + silence;
    let (mut last, mut longest, mut heard) = (start, Duration::ZERO, 0_u32);
    let mut talk = interval(TALK);
    let end = loop {
        let came = tokio::select! {
            came = timeout_at(until, socket.next()) => came,
            _ = talk.tick(), if silent == Silent::Server => {
                socket.send(PONG, b"").await;
                continue;
            }
        };
        match came {
            Err(_) => break None,
            Ok(Came::Close(code)) => break Some(closed_with(code)),
            Ok(Came::End(how)) => break Some(how),
            Ok(Came::Ping(payload)) if silent != Silent::Client => socket.send(PONG, &payload).await,
            Ok(Came::Text(_) | Came::Data | Came::Ping(_) | Came::Pong(_)) => {}
        }
        heard += 1;
        if silent != Silent::Client {
            // What greets breaks no silence; anything later does, in the direction that is to be silent.
            if heard > 1 || last.elapsed() > TALK {
                longest = longest.max(last.elapsed());
            }
            last = Instant::now();
        }
    };
    let (heard, elapsed) = (f64::from(heard), start.elapsed());
    let is_talking = elapsed < TALK || heard >= elapsed.as_secs_f64().max(1.0);
    if silent == Silent::Client && !is_talking {
        let why = "the server does not talk by itself, so the client's silence cannot be told from both";
        return Err(Probe::Failed(why.into()));
    }
    match end {
        None => Ok(longest.max(last.elapsed())),
        Some(how) => Err(Probe::Cut(last.elapsed(), how)),
    }
}

/// Asks whether anybody is there; an error says how the connection ended.
async fn is_there(socket: &mut Socket, patience: Duration) -> Result<bool, String> {
    const ASKED: &[u8] = b"anybody there?";
    socket.send(PING, ASKED).await;
    let until = Instant::now() + patience;
    loop {
        match timeout_at(until, socket.next()).await {
            Err(_) => return Ok(false),
            Ok(Came::Pong(payload)) if payload == ASKED => return Ok(true),
            Ok(Came::Close(code)) => return Err(closed_with(code)),
            Ok(Came::End(how)) => return Err(how),
            Ok(Came::Text(_) | Came::Data | Came::Ping(_) | Came::Pong(_)) => {}
        }
    }
}

fn closed_with(code: u16) -> String {
    format!("the server closed with {code}")
}
