//! Whether a stream that has nothing to say says that it lives.

use std::time::Duration;

use tokio::time::timeout_at;

use super::{
    cadence::secs,
    stream::{Next, open},
};
use crate::verify::{
    check::Finding,
    http::{Server, Version},
};

const HINT: &str = "send a comment, such as \": heartbeat\", at least every 15 s: most proxies cut after a minute of silence, \
some after 15 s";

/// Listens to a stream for as long as it may be silent.
pub(super) async fn listen(server: Server, version: Version, patience: Duration) -> Finding {
    // Where the head is held back, it comes with the end.
    let mut opened = match open(&server.patient(patience), version, &[]).await {
        Ok(opened) => opened,
        Err(error) => return Finding::skip(error.to_string()),
    };
    let start = opened.asked_at;
    let until = start + patience;
    let (mut last, mut longest, mut events) = (start, Duration::ZERO, 0);
    loop {
        let next = timeout_at(until, opened.next()).await;
        let silence = opened.last_at().max(last).duration_since(last);
        longest = longest.max(silence);
        match next {
            Ok(Next::Comment(at)) => {
                return Finding::pass(format!("a comment after {} of silence", secs(at.duration_since(last))));
            }
            Ok(Next::Event(event)) => {
                (last, events) = (event.at, events + 1);
            }
            // What came with the end was held back until then.
            Ok(Next::Ended(_)) if events < 2 => return cut(start.elapsed(), "it was ended"),
            Ok(Next::Broken(why)) if events < 2 => return cut(start.elapsed(), &why),
            Ok(Next::Ended(at)) => return cut(at.duration_since(last), "it was ended"),
            Ok(Next::Broken(why)) => return cut(last.elapsed(), &why),
            Err(_) if events > 1 && last.elapsed() < patience / 2 => {
                let measured = format!("no comment, but {events} events, at most {} apart", secs(longest));
                return Finding::pass(measured).hint("if it can be silent for longer, send a comment then");
            }
            Err(_) => {
                return Finding::warn(format!("nothing in {} of silence", secs(last.elapsed())), HINT);
            }
        }
    }
}

fn cut(silence: Duration, why: &str) -> Finding {
    Finding::fail(format!("cut after {} of silence: {why}", secs(silence)), HINT)
}
