//! How long silence survives on this path, and how often somebody has to say something.
//!
//! Of a WebSocket many probes are silent at once, each for another time, and then ask whether anybody is there:
//! [`bisection`] closes in on the longest silence that survives. Of an event stream only the server can speak, so it is
//! watched. All checks run at the same time.

mod bisection;
mod sse;
mod websocket;

use std::time::Duration;

use tokio::time::Instant;

use self::websocket::Silent;
use super::{
    args::Verify,
    check::{Check, Finding},
    reporter::Reporter,
    target::Target,
    ws::QUIET,
};

static SSE: Check = Check {
    id: "idle.sse",
    what: "a silent event stream survives",
};
static WS: Check = Check {
    id: "idle.ws",
    what: "a silent WebSocket survives",
};
static UP: Check = Check {
    id: "idle.ws-up",
    what: "a WebSocket survives a client that says nothing",
};
static DOWN: Check = Check {
    id: "idle.ws-down",
    what: "a WebSocket survives a server that says nothing",
};

/// What is checked, in this order.
pub(super) static CHECKS: &[&Check] = &[&SSE, &WS, &UP, &DOWN];

/// Five messages a second, of the least size.
const TALKING: &str = "tick.5.32";

/// Runs every check of [`CHECKS`] and tells each once.
pub(super) async fn run(asked: &Verify, target: &Target, reporter: &mut Reporter) {
    let max = asked.max();
    let (stream, quiet, talking) = (target.sse(QUIET), target.ws(QUIET), target.ws(TALKING));
    let beat = target.info.as_ref().and_then(|info| {
        let lanes = info["lanes"].as_array()?;
        let sse = lanes.iter().find(|lane| lane["id"] == "sse")?;
        Some(Duration::from_millis(sse["heartbeat_ms"].as_u64()?))
    });
    let start = Instant::now();
    let no_stream = || Finding::skip("the URL names no event stream");
    let no_socket = || Finding::skip("the URL names no WebSocket");
    let all = async {
        tokio::join!(
            async {
                match &stream {
                    Some(server) => sse::watch(server, max, beat).await,
                    None => no_stream(),
                }
            },
            async {
                match &quiet {
                    Some(server) => websocket::search(server, Silent::Both, max).await,
                    None => no_socket(),
                }
            },
            async {
                match &talking {
                    Some(server) => websocket::search(server, Silent::Client, max).await,
                    None => no_socket(),
                }
            },
            async {
                match &quiet {
                    Some(server) => websocket::search(server, Silent::Server, max).await,
                    None => no_socket(),
                }
            },
        )
    };
    // A search is a few rounds of at most `max`; each step ends by itself.
    let limit = max * bisection::ROUNDS + asked.timeout * 10;
    match reporter.within(limit, all).await {
        Ok((sse, both, up, down)) => {
            for (check, finding) in CHECKS.iter().zip([sse, both, up, down]) {
                reporter.tell(check, finding, start.elapsed());
            }
        }
        Err(early) => reporter.skip_all(CHECKS, early.words()),
    }
}

/// How often to say something where silence survives for `limit`: two words must fit in, and some delay.
fn heartbeat(limit: Duration) -> Duration {
    limit * 5 / 12
}

fn follows(limit: Duration) -> String {
    format!("say something every {} at least", secs(heartbeat(limit)))
}

fn secs(time: Duration) -> String {
    if time < Duration::from_secs(20) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{:.0} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_minute_wants_a_word_every_25_seconds() {
        assert_eq!(follows(Duration::from_secs(60)), "say something every 25 s at least");
        assert_eq!(follows(Duration::from_secs(5)), "say something every 2.1 s at least");
    }
}
