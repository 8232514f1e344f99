//! The checks of one way in, each with what it finds.

use std::time::{Instant, SystemTime};

use rtc_stun::message::METHOD_ALLOCATE;

use super::{
    super::check::Finding,
    allocation::Allocation,
    carrier::{CarrierError, OpenError},
    codes::explain,
    message::{Account, Says},
    private::is_inside,
    session::{Fault, PATIENCE},
    way::{Way, expired_since},
};
use wirelab_server::TurnTransport;

/// The server answers over this transport.
pub(super) async fn reach(way: &Way) -> Finding {
    let start = Instant::now();
    let mut session = match way.session(None).await {
        Ok(session) => session,
        Err(error) => return unreached(way, &error),
    };
    let opened = start.elapsed();
    match session.binding().await {
        Ok(answer) => {
            let seen = answer.mapped().map(|mapped| format!("our address is seen as {mapped}"));
            Finding::pass(format!("{} answers in {}", way.server, ms(start.elapsed())))
                .seen(format!(
                    "connection {}, answer {}",
                    ms(opened),
                    ms(start.elapsed() - opened)
                ))
                .seen_all(seen)
        }
        // Whoever refuses speaks STUN.
        Err(Fault::Refused(refusal)) => Finding::pass(format!("{} answers in {}", way.server, ms(start.elapsed())))
            .seen(format!(
                "a binding request is refused: {} {}",
                refusal.code, refusal.reason
            )),
        Err(Fault::Silent) if session.foreign() > 0 => Finding::fail(
            format!("{} sends what is no STUN", way.server),
            "another service listens there, or something between changes packets: look at the port of the URL",
        ),
        Err(fault) => Finding::fail(
            format!("{}: {fault}", way.server),
            silent_hint(way.url.transport(), &fault),
        ),
    }
}

fn unreached(way: &Way, error: &OpenError) -> Finding {
    let hint = match error {
        OpenError::Tls(_) => {
            "the certificate has to be good for the host of the URL, and turns: needs a TLS port (coturn: \
             tls-listening-port, cert, pkey; 5349 unless the URL says otherwise)"
        }
        OpenError::Refused(_) => "nothing listens there: look at host and port of the URL, and whether the server runs",
        OpenError::Late(_) => "a firewall drops it, or the port is not published: open it for this protocol",
    };
    Finding::fail(format!("{}: {error}", way.server), hint)
}

fn silent_hint(transport: TurnTransport, fault: &Fault) -> &'static str {
    match (transport, fault) {
        (TurnTransport::Udp, _) => {
            "open the UDP port to the server (a rule for TCP alone is the usual reason), and look whether it listens on \
             this address (coturn: listening-ip, listening-port)"
        }
        (_, Fault::Carrier(CarrierError::Foreign(_))) => "another service listens there: look at the port of the URL",
        _ => "what listens there takes connections and no STUN: look at the port of the URL, and whether TLS is meant",
    }
}

/// Nobody gets an address without a credential.
pub(super) async fn anonymous(way: &Way) -> Finding {
    let mut session = match way.session(None).await {
        Ok(session) => session,
        Err(error) => return unreached(way, &error),
    };
    match session.anonymous(METHOD_ALLOCATE, &[Says::OverUdp]).await {
        Ok(answer) => {
            let given = answer
                .relayed()
                .map_or("an address".into(), |relayed| relayed.to_string());
            Finding::fail(
                format!("{given} was given to nobody in particular"),
                "an open relay carries anybody's traffic in your name: ask for credentials (coturn: use-auth-secret or \
                 lt-cred-mech, and no no-auth)",
            )
        }
        Err(Fault::Refused(refusal)) if refusal.code == 401 => match session.realm() {
            Some(realm) => Finding::pass(format!("401, realm {realm:?}")),
            None => Finding::fail(
                "401 without realm and nonce",
                "no client can sign what it is not told: give the server a realm (coturn: realm)",
            ),
        },
        Err(fault) => unexpected("the first request", &fault),
    }
}

/// A wrong password is refused.
pub(super) async fn wrong_password(way: &Way) -> Finding {
    let account = Account {
        username: way
            .account
            .as_ref()
            .map_or("wirelab", |account| &account.username)
            .to_owned(),
        password: uuid::Uuid::new_v4().to_string(),
    };
    refused(way, account, "a wrong password").await
}

/// A credential that has expired is refused.
pub(super) async fn expired(way: &Way) -> Finding {
    let of_user = way
        .account
        .as_ref()
        .filter(|account| expired_since(account, SystemTime::now()).is_some());
    let Some(account) = way.expired.as_ref().or(of_user) else {
        return Finding::skip("only who has the secret can sign a credential that has expired")
            .hint("give --turn-secret-file, the secret that the server checks");
    };
    refused(way, account.clone(), "an expired credential").await
}

async fn refused(way: &Way, account: Account, what: &str) -> Finding {
    let session = match way.session(Some(account)).await {
        Ok(session) => session,
        Err(error) => return unreached(way, &error),
    };
    match Allocation::new(session).await {
        Err(Fault::Refused(refusal)) if matches!(refusal.code, 401 | 441) => {
            Finding::pass(format!("{} {}", refusal.code, refusal.reason))
        }
        Ok(allocation) => {
            let relayed = allocation.relayed;
            allocation.release().await;
            Finding::fail(format!("{what} gets {relayed}"), accepted_hint(what))
        }
        // It gave an address and signed with what it thinks is right.
        Err(Fault::Unsigned | Fault::Lacks(_)) => Finding::fail(format!("{what} is accepted"), accepted_hint(what)),
        Err(fault) => unexpected(what, &fault),
    }
}

fn accepted_hint(what: &str) -> &'static str {
    if what.contains("expired") {
        "a credential that leaks stays good for ever: let the server read the time in the username (coturn: \
         use-auth-secret, no user= of the same name), and look at its clock"
    } else {
        "the server checks no passwords: take out no-auth, and look which user database it asks"
    }
}

/// Who may gets an address, and keeps it.
pub(super) async fn allocate(way: &Way) -> Finding {
    let Some(account) = way.account.clone() else {
        return without_account();
    };
    let session = match way.session(Some(account.clone())).await {
        Ok(session) => session,
        Err(error) => return unreached(way, &error),
    };
    let start = Instant::now();
    let mut allocation = match Allocation::new(session).await {
        Ok(allocation) => allocation,
        Err(fault) => return not_allocated(&account, &fault),
    };
    let took = start.elapsed();
    let (relayed, mapped, lifetime) = (allocation.relayed, allocation.mapped, allocation.lifetime);
    let refreshed = allocation.refresh().await;
    allocation.release().await;
    let measured = format!("{relayed} for {} s in {}", lifetime.as_secs(), ms(took));
    if let Err(fault) = refreshed {
        let explained = fault.code().map_or("", |code| explain(code).next);
        return Finding::fail(format!("{relayed} cannot be kept: {fault}"), explained);
    }
    if is_inside(relayed.ip()) && !is_inside(way.server.ip()) {
        return Finding::fail(
            format!("{measured}, which nobody outside reaches"),
            "the server stands behind a NAT and does not know its public address: tell it (coturn: external-ip)",
        );
    }
    let seen = mapped.map(|mapped| format!("our address is seen as {mapped}"));
    Finding::pass(measured).seen_all(seen)
}

pub(super) fn without_account() -> Finding {
    Finding::skip("no credential was given")
        .hint("give --username and --credential-file, or --turn-secret-file, or a wirelab's http URL")
}

fn not_allocated(account: &Account, fault: &Fault) -> Finding {
    let since = expired_since(account, SystemTime::now()).filter(|_| fault.code() == Some(401));
    if let Some(since) = since {
        return Finding::fail(
            format!(
                "{fault}: the username expired {} s ago by this machine's clock",
                since.as_secs()
            ),
            "ask for a new credential; if it is new, the clocks of wirelab and this machine differ",
        );
    }
    unexpected("the credential", fault)
}

/// A refusal with its explanation, or what else went wrong.
pub(super) fn unexpected(what: &str, fault: &Fault) -> Finding {
    match fault.code() {
        Some(code) => {
            let explained = explain(code);
            Finding::fail(format!("{what}: {fault}: {}", explained.means), explained.next)
        }
        None => Finding::fail(
            format!("{what}: {fault}"),
            format!(
                "the server answered before and not now: read its log for the last {} s",
                PATIENCE.as_secs()
            ),
        ),
    }
}

pub(super) fn ms(time: std::time::Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
