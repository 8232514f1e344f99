//! An address at the relay, and what it takes to use it.

use std::{net::SocketAddr, time::Duration};

use rtc_stun::message::{METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH};
use tokio::time::Instant;

use super::{
    message::{Says, Sender, channel_data, send_indication},
    session::{Fault, Session},
};

/// How long an address is asked for: a check takes seconds, and what is given back late harms the quota.
const WANTED: Duration = Duration::from_secs(120);

/// An address at the relay.
#[derive(Debug)]
pub(super) struct Allocation {
    session: Session,
    /// Where peers send to.
    pub(super) relayed: SocketAddr,
    /// Our address as the server sees it.
    pub(super) mapped: Option<SocketAddr>,
    /// How long it is kept unless it is asked for again.
    pub(super) lifetime: Duration,
}

impl Allocation {
    /// Asks for an address.
    pub(super) async fn new(mut session: Session) -> Result<Self, Fault> {
        let answer = session
            .request(METHOD_ALLOCATE, &[Says::OverUdp, Says::Lifetime(WANTED)])
            .await?;
        let relayed = answer.relayed().ok_or(Fault::Lacks("XOR-RELAYED-ADDRESS"))?;
        let lifetime = answer.lifetime().ok_or(Fault::Lacks("LIFETIME"))?;
        Ok(Self {
            session,
            relayed,
            mapped: answer.mapped(),
            lifetime,
        })
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Lets `peer` in: all of its ports.
    pub(super) async fn permit(&mut self, peer: SocketAddr) -> Result<(), Fault> {
        let asked = self
            .session
            .request(METHOD_CREATE_PERMISSION, &[Says::Peer(peer)])
            .await;
        asked.map(|_| ())
    }

    /// From now on `peer` is `number`, from 0x4000 to 0x4fff: 32 bytes less on every packet.
    pub(super) async fn bind(&mut self, number: u16, peer: SocketAddr) -> Result<(), Fault> {
        let says = [Says::Channel(number), Says::Peer(peer)];
        self.session.request(METHOD_CHANNEL_BIND, &says).await.map(|_| ())
    }

    /// Sends to a peer that was let in. Nothing says whether it arrives.
    pub(super) async fn send(&mut self, to: Sender, data: &[u8]) -> Result<(), Fault> {
        let message = match to {
            Sender::At(peer) => send_indication(peer, data).map_err(Fault::Unwritable)?,
            Sender::On(number) => channel_data(number, data),
        };
        self.session.say(&message).await
    }

    /// Waits until exactly this comes from exactly there.
    pub(super) async fn hear(&mut self, from: Sender, data: &[u8], end: Instant) -> Result<(), Fault> {
        loop {
            let relayed = self.session.relayed(end).await?;
            if (relayed.from, relayed.data.as_slice()) == (from, data) {
                return Ok(());
            }
        }
    }

    /// Keeps it for longer, as a browser does every few minutes.
    pub(super) async fn refresh(&mut self) -> Result<Duration, Fault> {
        let answer = self.session.request(METHOD_REFRESH, &[Says::Lifetime(WANTED)]).await?;
        answer.lifetime().ok_or(Fault::Lacks("LIFETIME"))
    }

    /// Gives the address back, so that it counts against nobody's quota.
    pub(super) async fn release(mut self) {
        // It expires by itself.
        let _ = self
            .session
            .request(METHOD_REFRESH, &[Says::Lifetime(Duration::ZERO)])
            .await;
    }
}
