//! Who we are at a TURN server that no wirelab speaks for.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use wirelab_server::config::{Secret, Turn};

use super::message::Account;
use crate::settings::secret;

/// How long a credential of ours holds: longer than everything here takes.
const HOLDS: Duration = Duration::from_secs(600);
/// How long ago one that has expired did: more than clocks differ.
const EXPIRED: Duration = Duration::from_secs(3_600);
/// Whom the server's log names.
const ID: &str = "wirelab-verify";

/// The flags.
#[derive(Clone, Debug, Args)]
pub(crate) struct Access {
    /// The user at the TURN server
    #[arg(
        long,
        value_name = "NAME",
        requires = "credential_file",
        conflicts_with = "turn_secret_file"
    )]
    username: Option<String>,
    /// File with its password
    #[arg(long, value_name = "FILE", requires = "username", value_parser = credential)]
    credential_file: Option<Secret>,
    /// File with the secret that the TURN server signs credentials with (coturn's static-auth-secret): with it credentials
    /// are made here, also one that has expired, which has to be refused
    #[arg(long, value_name = "FILE", value_parser = shared_secret)]
    turn_secret_file: Option<Secret>,
}

impl Access {
    /// The account of the flags, if there is one.
    pub(super) fn account(&self, now: SystemTime) -> Option<Account> {
        match (&self.username, &self.credential_file) {
            (Some(username), Some(password)) => Some(Account {
                username: username.clone(),
                password: password.expose().to_owned(),
            }),
            _ => Some(self.signed(since_1970(now) + HOLDS)?),
        }
    }

    /// One signed like it that has expired.
    pub(super) fn expired(&self, now: SystemTime) -> Option<Account> {
        self.signed(since_1970(now).saturating_sub(EXPIRED))
    }

    fn signed(&self, expiry: Duration) -> Option<Account> {
        let turn = Turn {
            urls: Vec::new(),
            secret: self.turn_secret_file.clone()?,
            ttl: HOLDS,
        };
        let (username, password) = turn.credential(ID, expiry.as_secs());
        Some(Account { username, password })
    }
}

fn since_1970(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn credential(path: &str) -> Result<Secret, String> {
    secret::read("credential", Path::new(path)).map_err(|error| error.to_string())
}

fn shared_secret(path: &str) -> Result<Secret, String> {
    secret::read("TURN secret", Path::new(path)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_signs_what_holds_and_what_has_expired() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut access = Access {
            username: None,
            credential_file: None,
            turn_secret_file: Some(Secret::new("labsecret".into())),
        };
        let account = access.account(now).expect("one is signed");
        assert_eq!(account.username, "1700000600:wirelab-verify");
        assert_eq!(
            access.expired(now).expect("one is signed").username,
            "1699996400:wirelab-verify"
        );
        (access.username, access.credential_file) = (Some("me".into()), Some(Secret::new("p".into())));
        assert_eq!(access.account(now).expect("the user's own").username, "me");
        access.turn_secret_file = None;
        assert_eq!(access.expired(now), None, "only who has the secret can");
    }
}
