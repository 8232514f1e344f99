//! How a data channel opens: signalling, the ways that the answer names, ICE, DTLS, SCTP.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use tokio::time::timeout;
use tungstenite::Error as SocketError;
use wirelab_transport::webrtc::{self, ConnectError, Signalled, Steps};

use super::{
    super::{
        check::Finding,
        http::{HttpError, Server, Version},
    },
    path::Traffic,
    sdp::{self, Candidate},
};

/// From here on people notice, and from there on they leave.
const SLOW_MS: u64 = 2_000;
const BAD_MS: u64 = 4_000;

/// Asks the server's own peer for an answer.
pub(super) async fn signal(
    server: &Server,
    headers: &[(HeaderName, HeaderValue)],
    offer: &str,
) -> Result<Signalled, Finding> {
    let (stream, _) = server
        .connect(&[Version::Http1])
        .await
        .map_err(|error| unreached(&error))?;
    // Nothing goes round our own stretch of the path: the server learns where we are from what we send.
    let offer = sdp::rewrite(offer, |_| None);
    let room = format!("verify-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let signalled = webrtc::signal(stream, &server.url.authority, headers, &room, &offer);
    match timeout(server.timeout, signalled).await {
        Ok(Ok(signalled)) => Ok(signalled),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(Finding::fail(
            format!("no answer to the offer in {} ms", server.timeout.as_millis()),
            "/signal takes what is sent and says nothing: look whether what stands before the server passes WebSocket frames \
             on, both ways, and at the server's log",
        )),
    }
}

fn unreached(error: &HttpError) -> Finding {
    Finding::fail(error.to_string(), "it was reached a moment ago: is it overloaded?")
}

fn refused(error: &ConnectError) -> Finding {
    match error {
        ConnectError::Signalling(SocketError::Http(answer)) => Finding::fail(
            format!("/signal answers {} and no WebSocket", answer.status()),
            "the upgrade does not get through: see ws.upgrade; 404 is a path that what stands before the server does not \
             pass on",
        ),
        ConnectError::Refused { code, message } => Finding::fail(
            format!("the server refuses the offer: {code}: {message}"),
            "limit: it has no place left; unavailable: it takes no data channels, or is going away",
        ),
        error => Finding::fail(
            format!("signalling: {error}"),
            "what answers on /signal does not speak as DESIGN says: is it the same version?",
        ),
    }
}

/// The answer names ways to the server that somebody at `server` can go.
pub(super) fn candidates(answer: &str, server: Option<IpAddr>) -> Finding {
    let all = sdp::candidates(answer);
    let usable: Vec<_> = all.iter().filter(|candidate| candidate.udp().is_some()).collect();
    let mut kinds: Vec<String> = Vec::new();
    for kind in ["host", "srflx", "prflx", "relay"] {
        let count = usable.iter().filter(|candidate| candidate.kind == kind).count();
        kinds.extend((count > 0).then(|| format!("{count} {kind}")));
    }
    let measured = format!(
        "{} over UDP",
        if kinds.is_empty() {
            "none".into()
        } else {
            kinds.join(", ")
        }
    );
    let is_far = |candidate: &Candidate| candidate.udp().is_some_and(|address| !is_near(address.ip()));
    let finding = if usable.is_empty() {
        Finding::fail(
            measured,
            "without an address nobody connects: open the server's UDP port (wirelab: --http's number, --announce-ip)",
        )
    } else if server.is_some_and(|server| !is_near(server)) && !usable.iter().any(|candidate| is_far(candidate)) {
        Finding::fail(
            format!("{measured}, all of them private, and the server's own address is not"),
            "the server stands behind a NAT and does not know its public address: wirelab serve --announce-ip",
        )
    } else {
        Finding::pass(measured)
    };
    let line = |candidate: &Candidate| {
        let Candidate {
            kind,
            transport,
            host,
            port,
        } = candidate;
        format!("{kind} {transport} {host} {port}")
    };
    finding.seen_all(all.iter().map(line))
}

/// Whether an address is one of this machine or a private network.
fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The channels opened, in time.
pub(super) fn opened(steps: &Steps) -> Finding {
    // A step may be heard of after the next one; then it took no time of its own.
    let dtls_us = steps.dtls_us.max(steps.ice_us);
    let parts = [
        ("signalling", steps.signalled_us.since(steps.started_us)),
        ("ICE", steps.ice_us.since(steps.signalled_us)),
        ("DTLS", dtls_us.since(steps.ice_us)),
        ("SCTP", steps.open_us.since(dtls_us)),
    ];
    let all_ms = steps.open_us.since(steps.started_us).0 / 1_000;
    let parts: Vec<_> = parts
        .iter()
        .map(|(step, us)| format!("{step} {} ms", us.0 / 1_000))
        .collect();
    let measured = format!("{all_ms} ms: {}", parts.join(", "));
    match all_ms {
        BAD_MS.. => Finding::fail(
            measured,
            "people leave before it opens: a slow ICE is a first address that does not answer or lost packets, a slow \
             signalling the server or what stands before it",
        ),
        SLOW_MS.. => Finding::warn(
            measured,
            "look which step it is: the round trip, loss, or addresses that lead nowhere",
        ),
        _ => Finding::pass(measured),
    }
}

/// The channels did not open: how far it came says why.
pub(super) fn unopened(error: &ConnectError, traffic: &[Traffic]) -> Finding {
    let sum = |count: fn(&Traffic) -> u64| traffic.iter().map(count).sum::<u64>();
    let (sent, answered, secured) = (sum(|way| way.sent), sum(|way| way.answered), sum(|way| way.secured));
    let (measured, hint) = if traffic.is_empty() {
        (
            "the answer names no address that this machine can send to",
            "see webrtc.candidates",
        )
    } else if sent == 0 {
        (
            "our own stack sent nothing",
            "the answer does not fit the offer: look at its a=ice-ufrag and a=fingerprint",
        )
    } else if answered == 0 {
        (
            "ICE: no connectivity check was answered",
            "UDP does not get through: open the server's UDP port on the way (a rule for TCP alone is the usual reason, or a \
             container that publishes tcp only), or relay (wirelab verify turn)",
        )
    } else if secured == 0 {
        (
            "DTLS: checks are answered and no greeting is",
            "something on the way lets small packets through and no DTLS, or the certificates do not fit the descriptions",
        )
    } else {
        (
            "SCTP: DTLS speaks and the channels do not open",
            "both sides have to negotiate the same ids, 0 and 1; packets of more than 1200 bytes may be lost on the way",
        )
    };
    Finding::fail(format!("{measured} ({error})"), hint).seen_all(lines(traffic))
}

/// Which way it went.
pub(super) fn pair(traffic: &[Traffic], trip_us: Option<u64>) -> Finding {
    let Some(way) = traffic
        .iter()
        .max_by_key(|way| way.secured)
        .filter(|way| way.secured > 0)
    else {
        return Finding::fail("no way carried anything", "see webrtc.open").seen_all(lines(traffic));
    };
    let trip = trip_us.map_or_else(
        || "no echo came back".into(),
        |us| format!("{:.1} ms there and back", us as f64 / 1e3),
    );
    let ours = way.ours.map_or_else(|| "?".into(), |ours| ours.to_string());
    let measured = format!("{ours} to {} ({} udp), {trip}", way.theirs, way.candidate.kind);
    let finding = match (trip_us, &*way.candidate.kind) {
        (None, _) => Finding::fail(
            measured,
            "the channel is open and carries nothing: look at the server's log",
        ),
        (_, "relay") => Finding::warn(
            measured,
            "everything makes a detour: open a direct way to the server's UDP port",
        ),
        _ => Finding::pass(measured),
    };
    finding.seen_all(lines(traffic))
}

fn lines(traffic: &[Traffic]) -> impl Iterator<Item = String> {
    traffic.iter().map(|way| {
        format!(
            "{} {}: {} datagrams sent, {} of ICE and {} of DTLS received",
            way.candidate.kind, way.theirs, way.sent, way.answered, way.secured
        )
    })
}

#[cfg(test)]
mod tests {
    use wirelab_model::Micros;

    use super::{super::super::check::Verdict, *};

    fn answer(host: &str) -> String {
        format!(
            "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=candidate:1 1 udp 1 {host} 8080 typ host\r\n"
        )
    }

    #[test]
    fn an_answer_has_to_name_a_way_from_where_we_are() {
        let ip = |text: &str| Some(text.parse().expect("an address"));
        for (host, server, wanted) in [
            ("127.0.0.1", ip("127.0.0.1"), Verdict::Pass),
            ("10.0.0.7", ip("10.0.0.1"), Verdict::Pass),
            ("10.0.0.7", ip("192.0.2.1"), Verdict::Fail),
            ("192.0.2.1", ip("192.0.2.1"), Verdict::Pass),
            ("0a1b.local", ip("127.0.0.1"), Verdict::Fail),
        ] {
            let finding = candidates(&answer(host), server);
            assert_eq!(finding.verdict, wanted, "{host} {finding:?}");
        }
    }

    #[test]
    fn an_opening_is_told_step_by_step() {
        let at = |ms: u64| Micros(ms * 1_000);
        let mut steps = Steps {
            started_us: at(1_000),
            signalled_us: at(1_010),
            ice_us: at(1_030),
            dtls_us: at(1_060),
            open_us: at(1_100),
        };
        let finding = opened(&steps);
        assert_eq!(
            (finding.verdict, &*finding.measured),
            (
                Verdict::Pass,
                "100 ms: signalling 10 ms, ICE 20 ms, DTLS 30 ms, SCTP 40 ms"
            )
        );
        steps.dtls_us = at(0); // not heard of
        assert!(opened(&steps).measured.contains("DTLS 0 ms, SCTP 70 ms"));
        for (ms, wanted) in [(3_500, Verdict::Warn), (9_000, Verdict::Fail)] {
            assert_eq!(
                opened(&Steps {
                    open_us: at(ms),
                    ..steps
                })
                .verdict,
                wanted
            );
        }
    }

    #[test]
    fn how_far_it_came_says_why_it_did_not_open() {
        let traffic = |sent, answered, secured| Traffic {
            candidate: sdp::candidates(&answer("127.0.0.1")).remove(0),
            ours: None,
            theirs: ([127, 0, 0, 1], 8080).into(),
            sent,
            answered,
            secured,
        };
        for (ways, wanted) in [
            (vec![], "names no address"),
            (vec![traffic(0, 0, 0)], "sent nothing"),
            (vec![traffic(9, 0, 0)], "ICE"),
            (vec![traffic(9, 0, 0), traffic(9, 9, 0)], "DTLS"),
            (vec![traffic(9, 9, 9)], "SCTP"),
        ] {
            let finding = unopened(&ConnectError::Late, &ways);
            assert!(finding.measured.contains(wanted), "{finding:?}");
        }
        assert_eq!(pair(&[traffic(9, 9, 0)], None).verdict, Verdict::Fail);
        assert_eq!(pair(&[traffic(9, 9, 9)], None).verdict, Verdict::Fail);
        assert_eq!(pair(&[traffic(9, 9, 9)], Some(500)).verdict, Verdict::Pass);
    }
}
