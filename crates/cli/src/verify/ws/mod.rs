//! A WebSocket: both ways to open it, who may, and what becomes of frames that are large, cut or wrong.
//!
//! [`mod@open`] knows the two ways in, [`socket`] writes frames that no library would, and [`frames`] asks with them.

mod frames;
mod open;
pub(super) mod socket;

use std::time::Duration;

pub(super) use self::open::{Way, open};
use super::{
    args::Verify,
    check::{Check, Finding, Verdict},
    http::{HttpError, Server, Version},
    reporter::Reporter,
    target::Target,
};

static UPGRADE: Check = Check {
    id: "ws.upgrade",
    what: "it opens over HTTP/1.1 with 101",
};
static ACCEPT_KEY: Check = Check {
    id: "ws.accept-key",
    what: "the answer belongs to the question's key",
};
static HTTP2: Check = Check {
    id: "ws.http2",
    what: "where HTTP/2 offers it, it opens by extended CONNECT with 200",
};
static BROWSER: Check = Check {
    id: "ws.browser",
    what: "the way that a browser takes works",
};
static ORIGIN: Check = Check {
    id: "ws.origin",
    what: "a foreign page is refused",
};
static LIMIT: Check = Check {
    id: "ws.limit",
    what: "a message without end is refused with 1009",
};
static PING: Check = Check {
    id: "ws.ping",
    what: "a ping is answered with its own payload",
};
static CLOSE: Check = Check {
    id: "ws.close",
    what: "a close is answered, then the connection ends",
};
static FRAGMENTS: Check = Check {
    id: "ws.fragments",
    what: "a message in pieces with a ping between them is taken whole",
};
static UTF8: Check = Check {
    id: "ws.utf8",
    what: "text that is not UTF-8 is refused with 1007",
};
static UNMASKED: Check = Check {
    id: "ws.unmasked",
    what: "a frame without a mask is refused with 1002",
};

/// What is checked, in this order.
pub(super) static CHECKS: &[&Check] = &[
    &UPGRADE,
    &ACCEPT_KEY,
    &HTTP2,
    &BROWSER,
    &ORIGIN,
    &LIMIT,
    &PING,
    &CLOSE,
    &FRAGMENTS,
    &UTF8,
    &UNMASKED,
];

/// What nobody publishes to: only what is asked for comes.
pub(super) const QUIET: &str = "verify.quiet";

/// Runs every check of [`CHECKS`] and tells each once.
pub(super) async fn run(asked: &Verify, target: &Target, reporter: &mut Reporter) {
    let Some(server) = target.ws(QUIET) else {
        return reporter.skip_all(
            CHECKS,
            "the URL names no WebSocket: give ws://, and of a wirelab its address alone",
        );
    };
    let patience = asked.timeout * 4;
    let mut keyed = Finding::skip("it did not open");
    let upgraded = reporter.check(&UPGRADE, patience, upgrade(&server, &mut keyed)).await;
    reporter.check(&ACCEPT_KEY, patience, async { keyed }).await;
    let mut offered = false;
    let connected = reporter.check(&HTTP2, patience, http2(&server, &mut offered)).await;
    reporter
        .check(&BROWSER, patience, async { browser(upgraded, connected, offered) })
        .await;
    let way = match (upgraded, connected) {
        (Verdict::Pass, _) => Way::Upgrade,
        (_, Verdict::Pass) => Way::Connect,
        _ => return reporter.skip_all(&CHECKS[4..], "it does not open"),
    };
    reporter
        .check(&ORIGIN, patience, origin(&server, way, &asked.foreign_origin))
        .await;
    reporter.check(&LIMIT, patience, frames::limit(&server, way)).await;
    reporter.check(&PING, patience, frames::ping(&server, way)).await;
    reporter.check(&CLOSE, patience, frames::close(&server, way)).await;
    reporter
        .check(&FRAGMENTS, patience, frames::fragments(&server, way))
        .await;
    reporter.check(&UTF8, patience, frames::utf8(&server, way)).await;
    reporter
        .check(&UNMASKED, patience, frames::unmasked(&server, way))
        .await;
}

async fn upgrade(server: &Server, keyed: &mut Finding) -> Finding {
    let answer = match open(server, Way::Upgrade, None).await {
        Ok(answer) => answer,
        Err(HttpError::Silent(time)) => {
            let hint =
                "something takes the request and says nothing: look into the log of what stands before the server";
            return Finding::fail(format!("no answer after {} ms", time.as_millis()), hint);
        }
        Err(error) => {
            return Finding::fail(
                error.to_string(),
                "a browser opens a WebSocket over HTTP/1.1 unless HTTP/2 offers it",
            );
        }
    };
    let finding = if answer.socket.is_some() {
        *keyed = if answer.is_keyed {
            Finding::pass("Sec-WebSocket-Accept is right")
        } else {
            let hint = "browsers close it at once: compute it from Sec-WebSocket-Key (RFC 6455, 4.2.2), and let no cache answer";
            Finding::fail(format!("Sec-WebSocket-Accept: {}", answer.accept), hint)
        };
        Finding::pass("101")
    } else if let Some(leads) = &answer.leads {
        let hint = "no browser follows a redirect of a WebSocket: give the URL that it leads to";
        Finding::fail(format!("{} leads to {leads}", answer.status), hint)
    } else {
        Finding::fail(answer.status.to_string(), refused(answer.status))
    };
    finding.seen_all(answer.lines)
}

/// What is likely, where the answer is not 101.
fn refused(status: u16) -> &'static str {
    match status {
        400 | 426 => {
            "Upgrade and Connection did not arrive: they are hop-by-hop, and a proxy passes them on only if told. nginx: \
             proxy_http_version 1.1 and proxy_set_header Upgrade, Connection"
        }
        401 => "who asks must be known: give --header 'Authorization: …'",
        403 => "refused: Envoy says so without upgrade_configs; or who asks must be known: --header",
        404 => "give the WebSocket's own URL, with its path",
        421 => "the host that is asked for is not the server's: let the proxy keep Host, or allow the name",
        200 => "it was answered as an ordinary GET: the upgrade is lost on the way, or this is no WebSocket",
        500..=599 => "the server, or the proxy that cannot reach it, failed: look into its log",
        _ => "a WebSocket opens with 101 and nothing else",
    }
}

async fn http2(server: &Server, offered: &mut bool) -> Finding {
    if !server.url.is_secure {
        return Finding::skip("without TLS no browser speaks HTTP/2");
    }
    let looked = async {
        let mut connection = server.open(Version::Http2).await?;
        // Any answer will do: the server's settings come before it.
        let request = server
            .get()
            .method("HEAD")
            .body(Default::default())
            .expect("valid parts");
        connection.send(request).await?;
        Ok::<_, HttpError>(connection.takes_websockets())
    };
    match looked.await {
        Err(HttpError::NotOffered(_)) => return Finding::skip("no HTTP/2 is offered (ALPN)"),
        Err(error) => return Finding::skip(format!("HTTP/2 does not answer: {error}")),
        Ok(false) => return Finding::skip("HTTP/2 offers no WebSocket (no SETTINGS_ENABLE_CONNECT_PROTOCOL)"),
        Ok(true) => *offered = true,
    }
    let hint = "it is offered and does not work: browsers would take it. Do not offer it, or pass it on";
    let answer = match open(server, Way::Connect, None).await {
        Ok(answer) => answer,
        Err(error) => return Finding::fail(error.to_string(), hint),
    };
    let finding = match answer.socket {
        Some(mut socket) => match frames::pings(&mut socket, server.timeout).await {
            Ok(_) => Finding::pass("200, and it speaks"),
            Err(why) => Finding::fail(format!("200, but {why}"), hint),
        },
        None => Finding::fail(answer.status.to_string(), hint),
    };
    finding.seen_all(answer.lines)
}

/// RFC 8441 is taken where a connection of HTTP/2 to the server stands and offers it, which after loading a page it does.
fn browser(upgraded: Verdict, connected: Verdict, offered: bool) -> Finding {
    let works = |verdict| verdict == Verdict::Pass;
    match (offered, works(upgraded), works(connected)) {
        (true, true, true) => Finding::pass("HTTP/2, and it works; HTTP/1.1 works too"),
        (true, false, true) => Finding::warn(
            "HTTP/2, and it works; but HTTP/1.1 does not",
            "whoever has no HTTP/2 connection yet takes HTTP/1.1: see ws.upgrade",
        ),
        (true, _, false) => Finding::fail("HTTP/2, since it is offered, and it does not work", "see ws.http2"),
        (false, true, _) => Finding::pass("HTTP/1.1, and it works"),
        (false, false, _) => Finding::fail("HTTP/1.1, and it does not work", "see ws.upgrade"),
    }
}

async fn origin(server: &Server, way: Way, foreign: &str) -> Finding {
    let answer = match open(server, way, Some(foreign)).await {
        Ok(answer) => answer,
        Err(error) => return Finding::skip(format!("asked from {foreign}: {error}")),
    };
    let finding = if answer.socket.is_some() {
        let hint = "a page anywhere speaks here with its visitor's cookies: compare Origin with the origins that you know, \
                    and answer 403";
        Finding::fail(format!("{} to a page of {foreign}", answer.status), hint)
    } else {
        Finding::pass(format!("{} to a page of {foreign}", answer.status))
    };
    finding
        .seen(format!("asked with Origin: {foreign}"))
        .seen_all(answer.lines)
}

/// How long a step of a dialogue over frames may take.
pub(super) fn step(server: &Server) -> Duration {
    server.timeout
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Fail, Pass, Skip, Warn};

    #[test]
    fn a_browser_takes_what_is_offered() {
        for (upgraded, connected, offered, verdict) in [
            (Pass, Pass, true, Pass),
            (Pass, Skip, false, Pass),
            (Pass, Fail, true, Fail),
            (Fail, Pass, true, Warn),
            (Fail, Skip, false, Fail),
        ] {
            let finding = browser(upgraded, connected, offered);
            assert_eq!(finding.verdict, verdict, "{upgraded:?} {connected:?} {offered}");
        }
    }
}
