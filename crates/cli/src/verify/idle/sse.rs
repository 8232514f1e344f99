//! An event stream on which nothing happens: only the server can speak on it, so it is watched.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{follows, secs};
use crate::verify::{
    check::Finding,
    http::{HttpError, Server},
    sse::{
        heads,
        stream::{Next, open},
    },
};

/// A server that says so often that it lives is dead when it says nothing for so many times as long.
const BEATS_MISSED: u32 = 3;

/// Watches a silent stream for `max`. `beat` is how often the server says that it speaks, if it says so.
pub(super) async fn watch(server: &Server, max: Duration, beat: Option<Duration>) -> Finding {
    // Where the head is held back, it comes with the end.
    let patient = server.patient(max);
    let opened = async { open(&patient, heads::version(server).await?, &[]).await };
    let mut opened = match opened.await {
        Ok(opened) if opened.status == http::StatusCode::OK => opened,
        Ok(opened) => return Finding::skip(format!("there is no stream: {}", opened.status.as_u16())),
        Err(HttpError::Silent(time)) => {
            return Finding::skip(format!("not even the head came in {}: see sse.streaming", secs(time)));
        }
        Err(error) => return Finding::skip(error.to_string()),
    };
    let start = opened.asked_at;
    let until = Instant::now() + max; // however long the head took
    let dead_after = beat.map(|beat| beat * BEATS_MISSED);
    let (mut last, mut longest, mut words) = (start, Duration::ZERO, 0);
    loop {
        let patience = dead_after.map_or(until, |dead| until.min(last + dead));
        match timeout_at(patience, opened.next()).await {
            Ok(Next::Event(_) | Next::Comment(_)) => {
                // What comes with the head breaks no silence.
                if words > 0 || last.elapsed() > Duration::from_millis(500) {
                    longest = longest.max(last.elapsed());
                }
                (last, words) = (Instant::now(), words + 1);
            }
            Ok(Next::Ended(_)) => return cut(start, last, longest, "it was ended"),
            Ok(Next::Broken(why)) => return cut(start, last, longest, &why),
            Err(_) if Instant::now() < until => {
                let measured = format!(
                    "nothing came for {}, and nobody is told that it is dead",
                    secs(last.elapsed())
                );
                return Finding::fail(measured, follows(longest.max(last.elapsed() / BEATS_MISSED)));
            }
            Err(_) => break,
        }
    }
    if longest.is_zero() || last.elapsed() > longest * BEATS_MISSED {
        let measured = format!(
            "{} of silence without a cut, but without a sign of life either",
            secs(last.elapsed())
        );
        return Finding::warn(
            measured,
            "only a word of the server's shows that it lives: send a comment every 15 s",
        );
    }
    Finding::pass(format!(
        "the server speaks after {} of silence, and with that it lived for {}",
        secs(longest),
        secs(max)
    ))
}

fn cut(start: Instant, last: Instant, longest: Duration, how: &str) -> Finding {
    // What came with the end was held back until then.
    let all = start.elapsed();
    let silence = if longest.is_zero() { all } else { last.elapsed() };
    if longest > silence {
        // It had survived longer silences: the time is that of the whole answer.
        let measured = format!(
            "cut after {} in all, though something came every {}: {how}",
            secs(all),
            secs(longest)
        );
        let hint = "something on the way limits the whole answer's time and not its silence: Envoy: timeout 0s on the route; \
                    Traefik: writeTimeout 0s";
        return Finding::fail(measured, hint);
    }
    let hint = format!(
        "{}: a comment is enough. Or let the proxy allow more silence",
        follows(silence)
    );
    Finding::fail(format!("cut after {} of silence: {how}", secs(silence)), hint).limit(silence)
}
