//! A client's talk with one TURN server: requests and their answers, challenges, and what is relayed meanwhile.

use std::{collections::VecDeque, io, time::Duration};

use rtc_stun::message::{METHOD_BINDING, Message, Method};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::{
    carrier::{Carrier, CarrierError},
    message::{Account, Answer, Challenge, Heard, Refusal, Says, Sender, Signer, read},
};

/// How long a server may take to answer, all repetitions included. RFC 8489 waits 39.5 s; who answers after five is not
/// going to carry anything live.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// After what a datagram is sent again for the first time; then after twice that, and so on (RFC 8489, section 6.2.1).
const FIRST_REPETITION: Duration = Duration::from_millis(500);
/// Relayed data that waits to be looked at; of more the oldest goes.
const MOST_WAITING: usize = 64;
/// Nonces that are taken in a row for one request: an old one once, and one more for a server that has just restarted.
const MOST_CHALLENGES: usize = 3;

/// Why a request has no good answer.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// The server's no.
    #[error("{} {}", .0.code, .0.reason)]
    Refused(Refusal),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silent,
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    #[error("the answer is not signed with this password, so somebody else than the TURN server may have given it")]
    Unsigned,
    #[error("the answer has no {0}")]
    Lacks(&'static str),
    #[error("the request cannot be written: {0}")]
    Unwritable(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Carrier(error.into())
    }
}

impl Fault {
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(Refusal { code, .. }) => Some(*code),
            _ => None,
        }
    }
}

/// What a peer sent through the relay.
#[derive(Debug)]
pub(super) struct Relayed {
    pub(super) from: Sender,
    pub(super) data: Vec<u8>,
}

/// A client's talk with one server.
#[derive(Debug)]
pub(super) struct Session {
    carrier: Carrier,
    signer: Signer,
    account: Option<Account>,
    challenge: Option<Challenge>,
    waiting: VecDeque<Relayed>,
    /// Messages that were none of TURN.
    foreign: usize,
}

impl Session {
    /// Talks as `account`, or as nobody.
    pub(super) fn new(carrier: Carrier, account: Option<Account>) -> Self {
        Self {
            carrier,
            signer: Signer::new(),
            account,
            challenge: None,
            waiting: VecDeque::new(),
            foreign: 0,
        }
    }

    pub(super) fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Messages that were none of TURN.
    pub(super) fn foreign(&self) -> usize {
        self.foreign
    }

    /// What the server calls itself when it asks who we are.
    pub(super) fn realm(&self) -> Option<&str> {
        self.challenge.as_ref().map(|challenge| challenge.realm.as_str())
    }

    /// Asks for our address as the server sees it, which needs no account.
    pub(super) async fn binding(&mut self) -> Result<Answer, Fault> {
        self.ask(METHOD_BINDING, &[], false).await
    }

    /// A request as nobody: how it is answered is the server's first word.
    pub(super) async fn anonymous(&mut self, method: Method, says: &[Says]) -> Result<Answer, Fault> {
        self.ask(method, says, false).await
    }

    /// A request with everything the server wants of who asks: the challenge is taken, and an old nonce renewed.
    pub(super) async fn request(&mut self, method: Method, says: &[Says]) -> Result<Answer, Fault> {
        let mut challenges = 0;
        loop {
            let signed = self.account.is_some() && self.challenge.is_some();
            let answered = self.ask(method, says, signed).await;
            let Err(Fault::Refused(refusal)) = &answered else {
                return answered;
            };
            let renewed = match refusal.code {
                401 => !signed && self.account.is_some(),
                438 => true,
                _ => false,
            };
            challenges += 1;
            if !renewed || self.challenge.is_none() || challenges > MOST_CHALLENGES {
                return answered;
            }
        }
    }

    async fn ask(&mut self, method: Method, says: &[Says], signed: bool) -> Result<Answer, Fault> {
        let account = self.account.clone().filter(|_| signed);
        let proof = account.as_ref().zip(self.challenge.as_ref());
        let request = self.signer.request(method, says, proof).map_err(Fault::Unwritable)?;
        let (challenge, mut answer) = (self.challenge.clone(), self.exchange(&request).await?);
        if let Some(refusal) = answer.refusal() {
            if let Some(challenge) = answer.challenge() {
                self.challenge = Some(challenge);
            }
            return Err(Fault::Refused(refusal));
        }
        if let Some((account, challenge)) = account.as_ref().zip(challenge.as_ref())
            && !self.signer.has_signed(&mut answer, account, challenge)
        {
            return Err(Fault::Unsigned);
        }
        Ok(answer)
    }

    /// Sends, again and again where it may be lost, until the answer comes.
    async fn exchange(&mut self, request: &Message) -> Result<Answer, Fault> {
        let end = Instant::now() + PATIENCE;
        let (mut wait, mut again) = (FIRST_REPETITION, end);
        self.carrier.send(&request.raw).await?;
        if self.carrier.loses() {
            again = Instant::now() + wait;
        }
        loop {
            match timeout_at(again.min(end), self.carrier.receive()).await {
                Ok(received) => match self.heard(received?) {
                    Some(answer) if answer.is_to(request) => return Ok(answer),
                    _ => {}
                },
                Err(_) if again < end => {
                    self.carrier.send(&request.raw).await?;
                    wait *= 2;
                    again += wait;
                }
                Err(_) => return Err(Fault::Silent),
            }
            // A flood is never silent.
            if Instant::now() >= end {
                return Err(Fault::Silent);
            }
        }
    }

    /// An answer is handed on; what was relayed is kept.
    fn heard(&mut self, bytes: Vec<u8>) -> Option<Answer> {
        match read(bytes) {
            Some(Heard::Answer(answer)) => Some(*answer),
            Some(Heard::Data { from, data }) => {
                if self.waiting.len() == MOST_WAITING {
                    self.waiting.pop_front();
                }
                self.waiting.push_back(Relayed { from, data });
                None
            }
            None => {
                self.foreign += 1;
                None
            }
        }
    }

    /// Says something that nobody answers.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.carrier.send(bytes).await?)
    }

    /// What comes next through the relay.
    ///
    /// # Errors
    /// Nothing came until `end`, or nothing more can come.
    pub(super) async fn relayed(&mut self, end: Instant) -> Result<Relayed, Fault> {
        loop {
            if let Some(relayed) = self.waiting.pop_front() {
                return Ok(relayed);
            }
            let received = timeout_at(end, self.carrier.receive()).await;
            let _ = self.heard(received.map_err(|_| Fault::Silent)??); // an answer that nobody waits for any more
            if Instant::now() >= end && self.waiting.is_empty() {
                return Err(Fault::Silent);
            }
        }
    }
}
