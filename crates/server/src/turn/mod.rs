//! TURN: credentials that expire, for relays that share a secret with this server.
//!
//! Nobody has an account. The username says until when it holds, and the credential proves that whoever knows the
//! secret wrote it: `<expiry>:<id>` and `base64(HMAC-SHA1(secret, username))`, the convention that coturn checks with
//! `use-auth-secret` (draft-uberti-behave-turn-rest). The relay is never asked, so one that is down costs nothing here:
//! the browser that meets it says so.
//!
//! The id is the visitor's, not the request's, so that the relay's quota for a user bounds a visitor however often it
//! asks. It is a keyed hash: who reads a username learns no address from it.

mod allowance;
mod url;

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use sha1::Sha1;
use wirelab_model::signal::IceServer;
use wirelab_transport::admission::subscriber;

use self::allowance::Allowance;
pub use self::url::{TurnTransport, TurnUrl, TurnUrlError};
use crate::config::Secret;

/// Bytes of an id: enough that two visitors do not share one.
const ID_BYTES: usize = 8;

/// The relays, and what they check.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Where they are reached. Without one there is no relay.
    pub urls: Vec<TurnUrl>,
    /// What they share with this server: coturn's `static-auth-secret`.
    pub secret: Secret,
    /// How long a credential holds.
    pub ttl: Duration,
}

/// Mints credentials, so many for each visitor. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Minter {
    shared: Arc<Shared>,
}

struct Shared {
    turn: Option<Turn>,
    allowance: Allowance,
    counters: Counters,
}

/// What one visitor gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minted {
    pub(crate) server: IceServer,
    pub(crate) ttl: Duration,
    /// Seconds since 1970, as in the username.
    pub(crate) expires_at: u64,
}

/// The visitor has had as many as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) retry_after: Duration,
}

impl Minter {
    pub(crate) fn new(turn: Option<Turn>, counters: Counters) -> Self {
        Self {
            shared: Arc::new(Shared {
                turn: turn.filter(|turn| !turn.urls.is_empty()),
                allowance: Allowance::default(),
                counters,
            }),
        }
    }

    /// A credential for the visitor at `address`; `None` where there is no relay.
    ///
    /// # Errors
    /// The visitor has had as many as it may.
    pub(crate) fn mint(&self, address: Option<IpAddr>) -> Result<Option<Minted>, TooMany> {
        let Shared {
            turn,
            allowance,
            counters,
        } = &*self.shared;
        let Some(turn) = turn else { return Ok(None) };
        if let Err(retry_after) = allowance.take(address, Instant::now()) {
            counters.refused.inc();
            return Err(TooMany { retry_after });
        }
        counters.minted.inc();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Some(turn.mint(&turn.id(address), now)))
    }

    /// The same for a `welcome`, which introduces peers to each other with or without a relay: who has had too many
    /// gets none, and is told why at `/api/ice-servers`.
    pub(crate) fn servers(&self, address: Option<IpAddr>) -> Vec<IceServer> {
        let minted = self.mint(address).ok().flatten();
        minted.map(|minted| minted.server).into_iter().collect()
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minter")
    }
}

impl Turn {
    /// Username and credential of `id` that hold until `expires_at`, in seconds since 1970. What asks a relay whether it
    /// looks at the time gives one that is past.
    #[must_use]
    pub fn credential(&self, id: &str, expires_at: u64) -> (String, String) {
        let username = format!("{expires_at}:{id}");
        let credential = STANDARD.encode(self.sign(&username));
        (username, credential)
    }

    fn mint(&self, id: &str, now: Duration) -> Minted {
        let expires_at = (now + self.ttl).as_secs();
        let (username, credential) = self.credential(id, expires_at);
        Minted {
            server: IceServer {
                urls: self.urls.iter().map(ToString::to_string).collect(),
                username: Some(username),
                credential: Some(credential),
            },
            ttl: self.ttl,
            expires_at,
        }
    }

    /// Loopback is many visitors, each of which gets an id of its own.
    fn id(&self, address: Option<IpAddr>) -> String {
        let Some(visitor) = address.and_then(subscriber) else {
            return uuid::Uuid::new_v4().simple().to_string()[..2 * ID_BYTES].to_owned();
        };
        // No username begins like this, so the hash is no credential of anybody.
        let hash = self.sign(&format!("visitor {visitor}"));
        hash[..ID_BYTES].iter().fold(String::new(), |mut id, byte| {
            write!(id, "{byte:02x}").expect("a String takes every text");
            id
        })
    }

    fn sign(&self, text: &str) -> [u8; 20] {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.expose().as_bytes()).expect("any length is a key");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// What the minter counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    minted: Counter,
    refused: Counter,
}

impl Counters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register(
            "turn_credentials_minted",
            "Expiring TURN credentials given out",
            all.minted.clone(),
        );
        registry.register(
            "turn_credentials_refused",
            "TURN credentials not given, since the address had too many",
            all.refused.clone(),
        );
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn() -> Turn {
        Turn {
            urls: ["turn:turn.example.org", "turns:turn.example.org?transport=tcp"]
                .map(|text| text.parse().expect("a URL"))
                .into(),
            secret: Secret::new("labsecret".into()),
            ttl: Duration::from_secs(3600),
        }
    }

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn a_credential_is_the_one_that_coturn_computes() {
        let minted = turn().mint("visitor", Duration::from_secs(1_700_000_000));
        assert_eq!(minted.expires_at, 1_700_003_600);
        assert_eq!(minted.server.username.as_deref(), Some("1700003600:visitor"));
        // printf 1700003600:visitor | openssl dgst -sha1 -hmac labsecret -binary | base64
        assert_eq!(
            minted.server.credential.as_deref(),
            Some("umXFcSCIJFJKYW6uda/520jA1Zw=")
        );
        assert_eq!(
            minted.server.urls,
            ["turn:turn.example.org", "turns:turn.example.org?transport=tcp"]
        );
    }

    #[test]
    fn a_visitor_keeps_its_id_and_shares_it_with_nobody() {
        let (turn, other) = (
            turn(),
            Turn {
                secret: Secret::new("another".into()),
                ..turn()
            },
        );
        let id = turn.id(at("192.0.2.1"));
        assert_eq!(id.len(), 2 * ID_BYTES);
        assert_eq!(id, turn.id(at("::ffff:192.0.2.1")), "the same address in other clothes");
        assert_eq!(
            turn.id(at("2001:db8::1")),
            turn.id(at("2001:db8::2")),
            "one /64 is one visitor"
        );
        assert_ne!(id, turn.id(at("192.0.2.2")));
        assert_ne!(
            id,
            other.id(at("192.0.2.1")),
            "without the secret nobody finds the address"
        );
        assert_ne!(turn.id(at("127.0.0.1")), turn.id(at("127.0.0.1")), "loopback is many");
    }

    #[test]
    fn who_asks_too_often_is_refused_and_counted() {
        let minter = Minter::new(Some(turn()), Counters::default());
        let mut minted = 0;
        while minter.mint(at("192.0.2.1")).is_ok() {
            minted += 1;
            assert!(minted < 10_000, "there is a limit");
        }
        assert!(minter.servers(at("192.0.2.1")).is_empty());
        assert_eq!(minter.servers(at("192.0.2.2")).len(), 1, "another one is not concerned");
        let counters = &minter.shared.counters;
        assert_eq!((counters.minted.get(), counters.refused.get()), (minted + 1, 2));
    }

    #[test]
    fn without_a_relay_nothing_is_minted() {
        let minter = Minter::new(None, Counters::default());
        assert_eq!(minter.mint(at("192.0.2.1")), Ok(None));
        assert_eq!(minter.shared.counters.minted.get(), 0);
    }

    #[test]
    fn no_secret_can_be_read_off() {
        let minter = Minter::new(Some(turn()), Counters::default());
        let minted = minter.mint(at("192.0.2.1")).expect("the first").expect("a relay");
        let credential = minted.server.credential.clone().expect("one");
        let shown = format!("{minter:?} {:?} {minted:?}", turn());
        assert!(!shown.contains("labsecret") && !shown.contains(&credential), "{shown}");
    }
}
