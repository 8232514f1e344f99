//! A data channel: how it opens, and whether unreliable is really so.
//!
//! The client is the one that measures everywhere else, with its sockets behind sockets of ours ([`path`]): they see which
//! way is taken, and lose what the proofs need lost. A property says what a channel was asked to be; only what it does when
//! something is lost says what it is.

mod gate;
mod opening;
mod parameters;
mod path;
mod proof;
mod sdp;
mod sizes;

use std::{net::Ipv4Addr, time::Duration};

use serde_json::json;
use tokio::time::{Instant, timeout_at};
use wirelab_model::frame::{Channel, Received};
use wirelab_transport::{
    clock::Clock,
    webrtc::{Client, Dial},
};

use self::path::Path;
use super::{
    args::Verify,
    check::{Check, Finding},
    http::Server,
    reporter::Reporter,
    target::Target,
};

static SIGNALLING: Check = Check {
    id: "webrtc.signalling",
    what: "an offer is answered",
};
static CANDIDATES: Check = Check {
    id: "webrtc.candidates",
    what: "the answer names addresses that can be reached",
};
static OPEN: Check = Check {
    id: "webrtc.open",
    what: "the channels open, in time",
};
static PAIR: Check = Check {
    id: "webrtc.pair",
    what: "a way is chosen, and it carries",
};
static PARAMETERS: Check = Check {
    id: "webrtc.parameters",
    what: "both ends mean the same channels",
};
static MESSAGE_SIZE: Check = Check {
    id: "webrtc.message-size",
    what: "messages up to the announced size are answered",
};
static UNRELIABLE: Check = Check {
    id: "webrtc.unreliable",
    what: "on the channel state what is lost stays lost, and nothing waits for it",
};
static RELIABLE: Check = Check {
    id: "webrtc.reliable",
    what: "on the channel control everything arrives, in order",
};

/// What is checked, in this order.
pub(super) static CHECKS: &[&Check] = &[
    &SIGNALLING,
    &CANDIDATES,
    &OPEN,
    &PAIR,
    &PARAMETERS,
    &MESSAGE_SIZE,
    &UNRELIABLE,
    &RELIABLE,
];

/// How long one check may take; opening has a limit of its own below it.
const LIMIT: Duration = Duration::from_secs(60);
/// Echoes, of which the fastest counts.
const ECHOES: u64 = 5;
/// How long they may take.
const ECHO_TIME: Duration = Duration::from_secs(5);

/// Runs every check of [`CHECKS`] and tells each once.
pub(super) async fn run(asked: &Verify, target: &Target, reporter: &mut Reporter) {
    let (Some(server), Some(info)) = (&target.http, &target.info) else {
        let why = "only a wirelab is known to answer offers: the signalling of others is their own";
        reporter.skip_all(CHECKS, why);
        return;
    };
    let has_peer = info["lanes"]
        .as_array()
        .is_some_and(|lanes| lanes.iter().any(|lane| lane["path"] == "/signal"));
    if !has_peer {
        reporter.skip_all(CHECKS, "this server has no UDP port, so it takes no data channels");
        return;
    }
    let Some((dial, answer)) = signal(asked, server, reporter).await else {
        reporter.skip_all(&CHECKS[1..], "there is no answer to go on with");
        return;
    };
    let address = server.addresses().first().map(|address| address.ip());
    reporter.tell(&CANDIDATES, opening::candidates(&answer, address), Duration::ZERO);
    let Some((mut client, path)) = open(dial, &answer, reporter).await else {
        reporter.skip_all(&CHECKS[3..], "the channels did not open");
        return;
    };
    let pair = async {
        let trip_us = echo(&mut client).await;
        opening::pair(&path.traffic(), trip_us)
    };
    reporter.check(&PAIR, LIMIT, pair).await;
    reporter
        .check(&PARAMETERS, LIMIT, parameters::check(&client, info))
        .await;
    let announced = sdp::max_message_bytes(&answer);
    reporter
        .check(&MESSAGE_SIZE, LIMIT, sizes::check(&mut client, announced))
        .await;
    // Last, since not every connection outlives a loss.
    for (check, channel) in [(&UNRELIABLE, Channel::State), (&RELIABLE, Channel::Control)] {
        let proof = async {
            match proof::watch(&mut client, &path, channel).await {
                Ok(seen) if channel == Channel::State => proof::is_unreliable(&seen),
                Ok(seen) => proof::is_reliable(&seen),
                Err(why) => Finding::fail(
                    why,
                    "without messages nothing can be proven: see the checks before this one",
                ),
            }
        };
        reporter.check(check, LIMIT, proof).await;
        path.release().await; // a proof that was cut short leaves it shut
    }
    client.close().await;
}

/// An offer and its answer.
async fn signal(asked: &Verify, server: &Server, reporter: &mut Reporter) -> Option<(Dial, String)> {
    let mut signalled = None;
    let probe = async {
        let start = Instant::now();
        let (dial, offer) = match Dial::offer(Ipv4Addr::LOCALHOST.into(), Clock::start()).await {
            Ok(offered) => offered,
            Err(error) => {
                return Finding::fail(format!("this machine makes no offer: {error}"), "is there a loopback?");
            }
        };
        match opening::signal(server, &asked.header, &offer).await {
            Ok(answered) => {
                let finding = Finding::pass(format!("answered in {} ms", start.elapsed().as_millis()))
                    .seen(format!("the server called us {}", answered.id));
                signalled = Some((dial, answered.answer));
                finding
            }
            Err(finding) => {
                dial.give_up().await;
                finding
            }
        }
    };
    reporter.check(&SIGNALLING, LIMIT, probe).await;
    signalled
}

/// The open channels, through our own stretch of the path.
async fn open(dial: Dial, answer: &str, reporter: &mut Reporter) -> Option<(Client, Path)> {
    let mut opened = None;
    let probe = async {
        let (path, answer) = match Path::open(answer).await {
            Ok(opened) => opened,
            Err(error) => return Finding::fail(format!("this machine has no sockets: {error}"), "raise ulimit -n"),
        };
        match dial.accept(&answer).await {
            Ok(client) => {
                let finding = opening::opened(&client.steps());
                opened = Some((client, path));
                finding
            }
            Err(error) => opening::unopened(&error, &path.traffic()),
        }
    };
    reporter.check(&OPEN, LIMIT, probe).await;
    opened
}

/// The fastest of some round trips on `control`, µs.
async fn echo(client: &mut Client) -> Option<u64> {
    hello(client).await;
    let end = Instant::now() + ECHO_TIME;
    let mut fastest = None;
    for id in 0..ECHOES {
        let start = Instant::now();
        let command = json!({ "type": "echo", "id": id, "data": id });
        client.send(&command.to_string()).await.ok()?;
        loop {
            let next = timeout_at(end, client.next()).await;
            let Ok(Ok(Some((_, arrived)))) = next else {
                return fastest;
            };
            if matches!(arrived.frame, Received::Ack { .. }) {
                break;
            }
        }
        let took_us = start.elapsed().as_micros() as u64;
        fastest = Some(fastest.map_or(took_us, |fastest: u64| fastest.min(took_us)));
    }
    fastest
}

/// Waits until the server has spoken, as it does first: with webrtc 0.21.1 what comes before its channel is made is lost.
async fn hello(client: &mut Client) {
    let said = async {
        while let Ok(Some((_, arrived))) = client.next().await
            && !matches!(arrived.frame, Received::Hello { .. })
        {}
    };
    let _ = timeout_at(Instant::now() + ECHO_TIME, said).await; // what does not come is told by the echo
}
