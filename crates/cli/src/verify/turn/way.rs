//! One way in to a TURN server: a URL, the address behind it, and who we are there.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::ClientConfig;
use wirelab_server::{TurnTransport, TurnUrl};

use super::{
    carrier::{Carrier, OpenError},
    message::Account,
    session::{PATIENCE, Session},
};

/// One way in.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) url: TurnUrl,
    /// The first address of its host.
    pub(super) server: SocketAddr,
    /// Who we are; without one nothing can be relayed.
    pub(super) account: Option<Account>,
    /// The same account, signed like it, with a time that is past. Only who has the secret can make one.
    pub(super) expired: Option<Account>,
    /// Whom we trust when the way is `turns:`.
    pub(super) tls: Arc<ClientConfig>,
}

impl Way {
    /// What a line calls it.
    pub(super) fn name(&self) -> &'static str {
        match self.url.transport() {
            TurnTransport::Udp => "udp",
            TurnTransport::Tcp => "tcp",
            TurnTransport::Tls => "tls",
        }
    }

    /// A new connection, or socket, as `account`.
    pub(super) async fn session(&self, account: Option<Account>) -> Result<Session, OpenError> {
        let (host, transport) = (self.url.host(), self.url.transport());
        let carrier = Carrier::open(self.server, host, transport, &self.tls, PATIENCE).await?;
        Ok(Session::new(carrier, account))
    }
}

/// How long ago the username expired, where it says when (`<seconds since 1970>:<id>`).
pub(super) fn expired_since(account: &Account, now: SystemTime) -> Option<Duration> {
    let (expiry, _) = account.username.split_once(':')?;
    let expiry = Duration::from_secs(expiry.parse().ok()?);
    now.duration_since(UNIX_EPOCH).ok()?.checked_sub(expiry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_may_say_when_it_ends() {
        let since = |username: &str| {
            let account = Account {
                username: username.into(),
                password: String::new(),
            };
            expired_since(&account, UNIX_EPOCH + Duration::from_secs(1_000)).map(|since| since.as_secs())
        };
        assert_eq!(since("900:me"), Some(100));
        assert_eq!(since("1100:me"), None);
        assert_eq!(since("me"), None);
        assert_eq!(since("x:me"), None);
    }
}
