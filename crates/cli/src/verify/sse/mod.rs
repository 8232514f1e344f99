//! An event stream: does it stream, resume, stay uncompressed, say that it lives; who may read it.
//!
//! [`stream`] opens one and reads it; the others judge what was read. With a wirelab the feed is a schedule of ten events a
//! second, each with its sender's stamp; any other server is held against its own rhythm.

mod cadence;
pub(super) mod heads;
mod heartbeat;
mod resume;
pub(super) mod stream;

use std::time::Duration;

use http::{HeaderMap, header};
use tokio::time::{Instant, timeout_at};

use self::stream::{Next, Opened, open};
use super::{
    args::Verify,
    check::{Check, Finding, Verdict},
    http::{HttpError, Server, Version, head_lines, redirect, text},
    reporter::Reporter,
    target::Target,
};

static ANSWER: Check = Check {
    id: "sse.answer",
    what: "the answer is 200 with text/event-stream",
};
static STREAMING: Check = Check {
    id: "sse.streaming",
    what: "events arrive as they are sent",
};
static NO_TRANSFORM: Check = Check {
    id: "sse.no-transform",
    what: "nobody may change the stream on the way",
};
static COMPRESSION: Check = Check {
    id: "sse.compression",
    what: "the stream is not compressed, asked for or not",
};
static RETRY: Check = Check {
    id: "sse.retry",
    what: "readers are told when to come back",
};
static IDS: Check = Check {
    id: "sse.ids",
    what: "every event has an id",
};
static RESUME: Check = Check {
    id: "sse.resume",
    what: "Last-Event-ID brings back what was missed, once and in order",
};
static HEARTBEAT: Check = Check {
    id: "sse.heartbeat",
    what: "a silent stream says that it lives",
};
static HTTP2: Check = Check {
    id: "sse.http2",
    what: "a browser may open more than six streams",
};
static ORIGIN: Check = Check {
    id: "sse.origin",
    what: "a foreign page cannot read the stream",
};

/// What is checked, in this order.
pub(super) static CHECKS: &[&Check] = &[
    &ANSWER,
    &STREAMING,
    &NO_TRANSFORM,
    &COMPRESSION,
    &RETRY,
    &IDS,
    &RESUME,
    &HEARTBEAT,
    &HTTP2,
    &ORIGIN,
];

/// Ten events of 100 bytes a second: slow enough for any server, fast enough to tell a lump.
const FEED: &str = "tick.10.100";
/// What nobody publishes to.
const QUIET: &str = "verify.quiet";
/// Events a second that anybody may have to say: a wirelab's fastest feed has 240.
const MOST_EVENTS_HZ: f64 = 300.0;

/// Runs every check of [`CHECKS`] and tells each once.
pub(super) async fn run(asked: &Verify, target: &Target, reporter: &mut Reporter) {
    let (Some(server), Some(quiet)) = (target.sse(FEED), target.sse(QUIET)) else {
        return reporter.skip_all(
            CHECKS,
            "the URL names no event stream: give http://, and of a wirelab its address alone",
        );
    };
    let patience = asked.timeout * 3 + asked.watch;
    let version = match heads::version(&server).await {
        Ok(version) => version,
        Err(error) => {
            reporter.tell(&ANSWER, unanswered(&error), Duration::ZERO);
            return reporter.skip_all(&CHECKS[1..], "there is no event stream");
        }
    };
    // It waits for most of its time, so it does so beside the others.
    let beating = tokio::spawn(heartbeat::listen(quiet.clone(), version, asked.heartbeat));

    let mut head = None;
    let answered = reporter
        .check(&ANSWER, patience, answer(&server, version, &mut head))
        .await;
    if answered == Verdict::Fail || answered == Verdict::Skip {
        beating.abort();
        return reporter.skip_all(&CHECKS[1..], "there is no event stream");
    }
    let (headers, opened) = head.expect("it was answered");
    let (mut seen, mut since) = (Vec::new(), Instant::now());
    let watched = async {
        let (finding, events) = watch(opened, asked.watch, target.is_wirelab()).await;
        seen = events;
        since = Instant::now();
        finding
    };
    reporter.check(&STREAMING, patience, watched).await;
    reporter
        .check(&NO_TRANSFORM, patience, async { heads::no_transform(&headers) })
        .await;
    // Where the head is held back, it may come when what holds it gives up.
    let patient = quiet.patient(asked.heartbeat);
    let compressed = heads::compression(&patient, version, &headers);
    reporter
        .check(&COMPRESSION, patience + asked.heartbeat, compressed)
        .await;
    reporter.check(&RETRY, patience, async { resume::retry(&seen) }).await;
    reporter.check(&IDS, patience, async { resume::ids(&seen) }).await;
    let resumed = resume::resume(&server, version, &seen, since, asked.watch);
    reporter.check(&RESUME, patience, resumed).await;
    let beat = async {
        beating
            .await
            .unwrap_or_else(|_| Finding::skip("it could not be watched"))
    };
    reporter.check(&HEARTBEAT, asked.heartbeat + patience, beat).await;
    reporter
        .check(&HTTP2, patience, async { heads::http2(&server, version) })
        .await;
    reporter
        .check(&ORIGIN, patience, heads::origin(&quiet, version, &asked.foreign_origin))
        .await;
}

/// The head that was answered, and the stream behind it; none where GET is held back and HEAD is answered.
type Head = (HeaderMap, Option<Opened>);

async fn answer(server: &Server, version: Version, head: &mut Option<Head>) -> Finding {
    let opened = match open(server, version, &[]).await {
        Ok(opened) => opened,
        Err(error @ HttpError::Silent(_)) => return held(server, version, head, &error).await,
        Err(error) => return unanswered(&error),
    };
    let lines = opened.lines.clone();
    let finding = judge(opened.status, &opened.headers, opened.leads.as_deref(), version).seen_all(lines);
    if finding.verdict == Verdict::Pass {
        *head = Some((opened.headers.clone(), Some(opened)));
    }
    finding
}

/// A stream whose head does not come is held back somewhere, or is none. HEAD has nothing that could be held back.
async fn held(server: &Server, version: Version, head: &mut Option<Head>, error: &HttpError) -> Finding {
    let request = server.get().method("HEAD").header(header::ACCEPT, "text/event-stream");
    let request = request.body(Default::default()).expect("it is made of valid parts");
    let Ok((_connection, answer)) = server.ask(version, request).await else {
        return unanswered(error);
    };
    let finding = judge(answer.status(), answer.headers(), redirect(&answer).as_deref(), version);
    if finding.verdict != Verdict::Pass {
        return unanswered(error);
    }
    let finding = finding
        .seen(format!("to GET: {error}; to HEAD:"))
        .seen_all(head_lines(&answer));
    *head = Some((answer.headers().clone(), None));
    finding
}

fn unanswered(error: &HttpError) -> Finding {
    let hint = match error {
        HttpError::Silent(_) => {
            "the server, or what stands before it, takes the request and says nothing: look into its log"
        }
        HttpError::NotHttp(_) => "another program has this port, or TLS is spoken here",
        _ => "open the URL with curl -N, and look into the server's log",
    };
    Finding::fail(error.to_string(), hint)
}

fn judge(status: http::StatusCode, headers: &HeaderMap, leads: Option<&str>, version: Version) -> Finding {
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let is_stream = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("text/event-stream");
    if let Some(leads) = leads {
        let measured = format!("{} leads to {leads}", status.as_u16());
        return Finding::fail(
            measured,
            "no redirect is followed: verify the URL that it leads to, or let the proxy not redirect",
        );
    }
    if status != http::StatusCode::OK {
        let hint = match status.as_u16() {
            204 => "204 tells EventSource to stop for ever",
            401 | 403 => "who asks must be known: give --header 'Authorization: …'",
            404 => "give the stream's own URL, with its path",
            421 => "the host that is asked for is not the server's: let the proxy keep Host, or allow the name",
            500..=599 => "EventSource gives up for ever on it: look into the server's log",
            _ => "EventSource takes 200 and nothing else",
        };
        return Finding::fail(format!("{} over {version}", status.as_u16()), hint);
    }
    if !is_stream {
        let measured = format!("200 over {version} with content-type {kind:?}");
        return Finding::fail(measured, "EventSource refuses anything but text/event-stream");
    }
    Finding::pass(format!("200, {kind}, over {version}"))
}

/// Reads for a while, and says how events came.
async fn watch(opened: Option<Opened>, time: Duration, is_wirelab: bool) -> (Finding, Vec<stream::Arrived>) {
    let Some(mut opened) = opened else {
        return (cadence::held_back(), Vec::new());
    };
    let (mut events, mut end) = (Vec::new(), cadence::End::Open);
    let until = Instant::now() + time;
    let most = (MOST_EVENTS_HZ * time.as_secs_f64()) as usize;
    loop {
        if events.len() > most {
            end = cadence::End::Broken(format!(
                "a flood: more than {most} events in less than {} s",
                time.as_secs_f64()
            ));
            break;
        }
        match timeout_at(until, opened.next()).await {
            Err(_) => break,
            Ok(Next::Event(event)) => events.push(event),
            Ok(Next::Comment(_)) => {}
            Ok(Next::Ended(at)) => {
                end = cadence::End::Closed(at);
                break;
            }
            Ok(Next::Broken(why)) => {
                end = cadence::End::Broken(why);
                break;
            }
        }
    }
    let finding = cadence::judge(&events, opened.asked_at, &end, time, is_wirelab);
    (finding, events)
}
