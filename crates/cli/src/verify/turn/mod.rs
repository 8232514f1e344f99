//! A TURN server: what it relays, and what it must refuse.
//!
//! Every way in is checked by itself, over its own transport, and a check passes when it passes on all of them. The client
//! is ours and small: the messages, their signatures and their arithmetic are those of the crates that WebRTC brings, and
//! one request at a time needs no more than [`session`].

pub(super) mod access;
mod allocation;
mod carried;
mod carrier;
mod codes;
mod exchange;
mod message;
mod offered;
mod private;
mod probes;
mod session;
mod together;
mod way;

use std::{
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{net::lookup_host, time::Instant};
use wirelab_server::TurnUrl;

use self::{message::Account, together::together, way::Way};
use super::{
    args::Verify,
    check::{Check, Finding, Verdict},
    reporter::Reporter,
    target::{Target, TargetError},
    url::Url,
};
use crate::trust::Trust;

static CREDENTIALS: Check = Check {
    id: "turn.credentials",
    what: "visitors are given credentials that hold",
};
static TRANSPORTS: Check = Check {
    id: "turn.transports",
    what: "there is a way in where UDP is blocked, and one over UDP",
};
static REACH: Check = Check {
    id: "turn.reach",
    what: "the server answers over every transport",
};
static ANONYMOUS: Check = Check {
    id: "turn.anonymous",
    what: "nobody gets an address without a credential",
};
static ALLOCATE: Check = Check {
    id: "turn.allocate",
    what: "who has a credential gets an address and can keep it",
};
static WRONG_PASSWORD: Check = Check {
    id: "turn.wrong-password",
    what: "a wrong password is refused",
};
static EXPIRED: Check = Check {
    id: "turn.expired",
    what: "a credential that has expired is refused",
};
static RELAY: Check = Check {
    id: "turn.relay",
    what: "data goes both ways through the relay",
};
static PRIVATE_PEERS: Check = Check {
    id: "turn.private-peers",
    what: "private addresses are refused as peers",
};

/// What is checked, in this order.
pub(super) static CHECKS: &[&Check] = &[
    &CREDENTIALS,
    &TRANSPORTS,
    &REACH,
    &ANONYMOUS,
    &ALLOCATE,
    &WRONG_PASSWORD,
    &EXPIRED,
    &RELAY,
    &PRIVATE_PEERS,
];

/// How long one check of one way may take: some of its steps may be lost and repeated.
const LIMIT: Duration = Duration::from_secs(60);
/// Addresses of one host that are tried.
const MOST_ADDRESSES: usize = 4;

/// Runs every check of [`CHECKS`] and tells each once.
pub(super) async fn run(asked: &Verify, target: &Target, reporter: &mut Reporter) {
    let urls = match (&target.url, &target.http) {
        (Url::Turn(url), _) => {
            reporter.skip_all(&CHECKS[..2], "only a wirelab tells them: one URL was given");
            vec![(url.clone(), None)]
        }
        (Url::Http(_), Some(server)) if target.is_wirelab() => {
            let start = Instant::now();
            let offered = reporter.within(LIMIT, offered::ask(server)).await.unwrap_or_default();
            let finding = offered
                .finding
                .unwrap_or_else(|| Finding::skip("there was no time for it"));
            reporter.tell(&CREDENTIALS, finding, start.elapsed());
            if offered.urls.is_empty() {
                reporter.skip_all(&CHECKS[1..], "no TURN URL was told");
                return;
            }
            reporter.tell(&TRANSPORTS, offered::transports(&offered.urls), Duration::ZERO);
            offered.urls
        }
        (Url::Http(_), _) => {
            reporter.skip_all(CHECKS, "only a wirelab says where its TURN server is; give a turn: URL");
            return;
        }
    };
    let trust = match asked.belief.trust() {
        Ok(trust) => trust,
        Err(error) => {
            reporter.skip_all(&CHECKS[2..], &TargetError::from(error).to_string());
            return;
        }
    };
    let start = Instant::now();
    let reached = reporter.within(LIMIT, reach(asked, &trust, urls)).await;
    let Ok((finding, ways)) = reached else {
        reporter.skip_all(&CHECKS[2..], "there was no time for it");
        return;
    };
    reporter.tell(&REACH, finding, start.elapsed());
    if ways.is_empty() {
        reporter.skip_all(&CHECKS[3..], "the server was not reached");
        return;
    }
    each(reporter, &ANONYMOUS, &ways, probes::anonymous).await;
    let allocated = each(reporter, &ALLOCATE, &ways, probes::allocate).await;
    each(reporter, &WRONG_PASSWORD, &ways, probes::wrong_password).await;
    if allocated == Verdict::Pass {
        each(reporter, &EXPIRED, &ways, probes::expired).await;
        each(reporter, &RELAY, &ways, carried::relay).await;
        each(reporter, &PRIVATE_PEERS, &ways, private::private_peers).await;
    } else {
        let why = "without an address at the relay nothing can be said: see turn.allocate";
        reporter.skip_all(&CHECKS[6..], why);
    }
}

/// One check, on each way at a time.
async fn each<'a, Probe, Found>(
    reporter: &mut Reporter,
    check: &'static Check,
    ways: &'a [Way],
    probe: Probe,
) -> Verdict
where
    Probe: Fn(&'a Way) -> Found,
    Found: Future<Output = Finding>,
{
    let all = async {
        let mut found = Vec::new();
        for way in ways {
            found.push((way.name().to_owned(), probe(way).await));
        }
        together(found)
    };
    reporter.check(check, LIMIT * ways.len() as u32, all).await
}

/// Finds each server, and says which ways lead to one.
async fn reach(asked: &Verify, trust: &Trust, urls: Vec<(TurnUrl, Option<Account>)>) -> (Finding, Vec<Way>) {
    let now = SystemTime::now();
    let (mut found, mut ways) = (Vec::new(), Vec::new());
    for (url, offered) in urls {
        let way = Way {
            account: asked.turn.account(now).or(offered),
            expired: asked.turn.expired(now),
            tls: Arc::new(trust.config()),
            server: SocketAddr::from(([0; 4], 0)),
            url,
        };
        let name = way.name().to_owned();
        let (finding, way) = first_that_answers(way).await;
        found.push((name, finding));
        ways.extend(way);
    }
    (together(found), ways)
}

/// The way with the first of its host's addresses that answers.
async fn first_that_answers(mut way: Way) -> (Finding, Option<Way>) {
    let host = way.url.host().to_string();
    let addresses = match lookup_host((host.trim_matches(['[', ']']), way.url.port())).await {
        Ok(addresses) => addresses.take(MOST_ADDRESSES),
        Err(error) => {
            return (
                Finding::fail(format!("{host} is not known: {error}"), "is its name spelt right?"),
                None,
            );
        }
    };
    let mut last = Finding::fail(format!("{host} has no address"), "is its name spelt right?");
    for server in addresses {
        way.server = server;
        let finding = probes::reach(&way).await;
        if finding.verdict == Verdict::Pass {
            return (finding, Some(way));
        }
        last = finding;
    }
    (last, None)
}
