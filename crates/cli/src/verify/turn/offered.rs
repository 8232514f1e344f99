//! What a wirelab tells browsers about its relays: `GET /api/ice-servers`.

use std::time::SystemTime;

use http::header::CACHE_CONTROL;
use serde::Deserialize;
use wirelab_model::signal::IceServer;
use wirelab_server::{TurnTransport, TurnUrl};

use super::{
    super::{
        check::Finding,
        http::{Server, Version, body, head_lines, text},
    },
    message::Account,
    way::expired_since,
};

/// Where it is asked for.
const PATH: &str = "/api/ice-servers";
/// Bytes of the answer that are read.
const MOST_BYTES: usize = 64 * 1024;
/// Ways in that are checked; a browser is slowed by more than a handful.
pub(super) const MOST_WAYS: usize = 8;
/// A credential that holds no longer than this is gone before a page has used it.
const SHORT_S: u64 = 60;

/// The ways in and who may use them.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) urls: Vec<(TurnUrl, Option<Account>)>,
    /// What is to be said about the credentials.
    pub(super) finding: Option<Finding>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "iceServers")]
    ice_servers: Vec<IceServer>,
    ttl: Option<u64>,
}

/// Asks the server for what it would tell a browser.
pub(super) async fn ask(server: &Server) -> Offered {
    let failed = |finding| Offered {
        finding: Some(finding),
        ..Offered::default()
    };
    let Ok(request) = server.request_for(PATH).body(Default::default()) else {
        return failed(Finding::fail("a header of --header is none", "write it as NAME: VALUE"));
    };
    let (_connection, answer) = match server.ask(Version::Http1, request).await {
        Ok(answered) => answered,
        Err(error) => return failed(Finding::fail(error.to_string(), "look whether the server still runs")),
    };
    let (status, head) = (answer.status(), head_lines(&answer));
    let stored = !text(answer.headers(), &CACHE_CONTROL).is_some_and(|value| value.contains("no-store"));
    let read = tokio::time::timeout(server.timeout, body(answer, MOST_BYTES)).await;
    let read = read.unwrap_or_else(|_| Err("it does not end".into()));
    let parsed = read.and_then(|bytes| serde_json::from_slice::<Answer>(&bytes).map_err(|error| error.to_string()));
    match parsed {
        Ok(answer) if status.is_success() => judge(answer, stored, SystemTime::now()),
        _ => failed(
            Finding::fail(
                format!("{PATH} answers {status} and no list of servers"),
                "429: too many were asked for, wait for Retry-After; 403: this origin or host may not; else something \
                 between answers for the server",
            )
            .seen_all(head),
        ),
    }
}

fn judge(answer: Answer, stored: bool, now: SystemTime) -> Offered {
    let (mut urls, mut odd) = (Vec::new(), Vec::new());
    for IceServer {
        urls: texts,
        username,
        credential,
    } in answer.ice_servers
    {
        let account = username
            .zip(credential)
            .map(|(username, password)| Account { username, password });
        for text in texts.iter().filter(|text| !text.starts_with("stun")) {
            match text.parse::<TurnUrl>() {
                Ok(url) if urls.len() < MOST_WAYS => urls.push((url, account.clone())),
                Ok(_) => {}
                Err(_) => odd.push(text.clone()),
            }
        }
    }
    let finding = about(&urls, &odd, answer.ttl, stored, now);
    Offered {
        finding: Some(finding.seen_all(urls.iter().map(|(url, _)| url.to_string()))),
        urls,
    }
}

fn about(
    urls: &[(TurnUrl, Option<Account>)],
    odd: &[String],
    ttl_s: Option<u64>,
    stored: bool,
    now: SystemTime,
) -> Finding {
    if let Some(odd) = odd.first() {
        return Finding::fail(
            format!("{odd:?} is no TURN URL"),
            "one that browsers do not know makes RTCPeerConnection throw: write turn:HOST, turn:HOST:PORT?transport=tcp or \
             turns:HOST",
        );
    }
    if urls.is_empty() {
        return Finding::skip("this server offers no relay")
            .hint("visitors whose network blocks UDP, or allows it to few, do not connect: wirelab serve --turn-url");
    }
    let Some(account) = urls
        .iter()
        .map(|(_, account)| account.as_ref())
        .collect::<Option<Vec<_>>>()
    else {
        return Finding::fail(
            "a TURN URL comes without username and credential",
            "a browser throws at it: give every turn: and turns: URL both",
        );
    };
    if let Some(since) = account.iter().find_map(|account| expired_since(account, now)) {
        return Finding::fail(
            format!("the credential expired {} s ago", since.as_secs()),
            "the server's clock, or this machine's, is wrong; or something between keeps old answers: send no-store",
        );
    }
    let count = urls.len();
    match ttl_s {
        _ if stored => Finding::warn(
            format!("{count} URLs with credentials, and a cache may keep them"),
            "send Cache-Control: no-store: a credential is one visitor's",
        ),
        Some(ttl_s) if ttl_s <= SHORT_S => Finding::warn(
            format!("{count} URLs with credentials for {ttl_s} s"),
            "it ends before a call does: let it hold for an hour (--turn-ttl), or ask again in time",
        ),
        Some(ttl_s) => Finding::pass(format!("{count} URLs with credentials for {ttl_s} s")),
        None => Finding::warn(
            format!("{count} URLs with credentials that end nobody knows when"),
            "credentials that never end are an account for everybody who opens the page: mint them (coturn: use-auth-secret)",
        ),
    }
}

/// Every visitor finds a way in: those whose network blocks UDP, and those whose network lets TLS through and nothing else.
pub(super) fn transports(urls: &[(TurnUrl, Option<Account>)]) -> Finding {
    let has = |transport| urls.iter().any(|(url, _)| url.transport() == transport);
    let tls_on_443 = urls
        .iter()
        .any(|(url, _)| url.transport() == TurnTransport::Tls && url.port() == 443);
    let (udp, tcp, tls) = (
        has(TurnTransport::Udp),
        has(TurnTransport::Tcp),
        has(TurnTransport::Tls),
    );
    let all: Vec<&str> = [("udp", udp), ("tcp", tcp), ("tls", tls)]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect();
    let all = all.join(", ");
    match (udp, tcp || tls, tls_on_443) {
        (true, true, true) => Finding::pass(format!("{all}, tls on 443")),
        (true, true, false) => Finding::pass(all)
            .hint("some networks let nothing but TLS on port 443 through: a turns:HOST:443 reaches them too"),
        (true, false, _) => Finding::warn(
            format!("{all} only"),
            "where UDP is blocked nobody connects: offer the same server with ?transport=tcp, and turns:HOST:443",
        ),
        (false, ..) => Finding::warn(
            format!("{all} only"),
            "everything goes through TCP, which holds back what is newer for what was lost: offer UDP as well",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{super::super::check::Verdict, *};

    const NOW: SystemTime = UNIX_EPOCH;

    fn offered(urls: &[&str], username: Option<&str>, ttl: Option<u64>, stored: bool) -> Offered {
        let server = IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: username.map(str::to_owned),
            credential: username.map(|_| "p".to_owned()),
        };
        let ice_servers = vec![server];
        judge(Answer { ice_servers, ttl }, stored, NOW + Duration::from_secs(1_000))
    }

    fn verdict(finding: &Finding) -> (Verdict, &str) {
        (finding.verdict, &finding.measured)
    }

    #[test]
    fn what_a_browser_is_told_has_to_work_for_it() {
        let good = offered(&["turn:a", "stun:a"], Some("4600:me"), Some(3_600), false);
        assert_eq!(good.urls.len(), 1, "stun: relays nothing");
        for (offered, wanted) in [
            (good, (Verdict::Pass, "for 3600 s")),
            (
                offered(&["turn:a"], Some("900:me"), Some(3_600), false),
                (Verdict::Fail, "expired 100 s ago"),
            ),
            (
                offered(&["turn:a"], None, None, false),
                (Verdict::Fail, "without username"),
            ),
            (
                offered(&["turn://a"], Some("4600:me"), Some(3_600), false),
                (Verdict::Fail, "no TURN URL"),
            ),
            (
                offered(&["turn:a"], Some("4600:me"), Some(3_600), true),
                (Verdict::Warn, "a cache"),
            ),
            (
                offered(&["turn:a"], Some("1030:me"), Some(30), false),
                (Verdict::Warn, "for 30 s"),
            ),
            (
                offered(&["turn:a"], Some("me"), None, false),
                (Verdict::Warn, "nobody knows when"),
            ),
            (offered(&[], None, None, false), (Verdict::Skip, "no relay")),
        ] {
            let finding = offered.finding.expect("there is always one");
            let (verdict, measured) = verdict(&finding);
            assert!(verdict == wanted.0 && measured.contains(wanted.1), "{finding:?}");
        }
        let many: Vec<String> = (0..20).map(|n| format!("turn:host{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(offered(&many, Some("4600:me"), Some(60), false).urls.len(), MOST_WAYS);
    }

    #[test]
    fn a_way_in_over_udp_alone_is_none_for_many() {
        for (urls, wanted) in [
            (&["turn:a"][..], (Verdict::Warn, "udp only")),
            (&["turn:a?transport=tcp"], (Verdict::Warn, "tcp only")),
            (&["turn:a", "turn:a?transport=tcp"], (Verdict::Pass, "udp, tcp")),
            (&["turn:a", "turns:a:443"], (Verdict::Pass, "udp, tls, tls on 443")),
        ] {
            let finding = transports(&offered(urls, Some("4600:me"), Some(3_600), false).urls);
            assert_eq!(verdict(&finding), wanted, "{urls:?}");
        }
    }
}
