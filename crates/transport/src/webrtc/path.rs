//! Where a peer is: the address that its connectivity checks prove and nominate (RFC 8445, section 7.3.1.5).
//!
//! webrtc 0.21.1 keeps the first pair that was ever nominated, and counts only checks on that one as life. A browser
//! that finds a better pair nominates it and lets the first one rest, so the stack goes on sending to an address that
//! may be gone, and after its patience gives up a connection that is well. So the stack is asked for no patience, and
//! this watches instead: a check that the stack *answers* has proven the password, hence the answer is the life sign,
//! and the answer to a nomination says where the peer wants to be reached.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use tokio::time::Instant;

use super::stun::{self, Binding, TransactionId};

/// Nominations that may wait for the stack's answer; it answers at once or never.
const MOST_ASKED: usize = 8;

/// A peer's whereabouts. `Place` is one of our own addresses.
#[derive(Debug)]
pub(super) struct Path<Place> {
    asked: VecDeque<(TransactionId, Place, SocketAddr)>,
    nominated: Option<(Place, SocketAddr)>,
    alive: Instant,
}

impl<Place: Clone> Path<Place> {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            asked: VecDeque::new(),
            nominated: None,
            alive: now,
        }
    }

    /// Notes what arrives at `place`.
    pub(super) fn arrives(&mut self, datagram: &[u8], place: &Place, from: SocketAddr) {
        let Some(Binding::Request { id, nominates: true }) = stun::binding(datagram) else {
            return;
        };
        if self.asked.len() == MOST_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back((id, place.clone(), from));
    }

    /// Notes what the stack sends, and says where else than it thinks this has to go.
    pub(super) fn leaves(&mut self, datagram: &[u8], now: Instant) -> Option<(Place, SocketAddr)> {
        match stun::binding(datagram) {
            Some(Binding::Success { id }) => {
                self.alive = now;
                if let Some(at) = self.asked.iter().position(|(asked, ..)| *asked == id) {
                    self.nominated = self.asked.remove(at).map(|(_, place, from)| (place, from));
                }
                None
            }
            // Checks have their own addresses.
            Some(Binding::Request { .. }) => None,
            None => self.nominated.clone(),
        }
    }

    /// Where the peer wants to be reached: behind a relay, that is the relay's address.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.nominated.as_ref().map(|(_, remote)| *remote)
    }

    /// How long no check was answered.
    pub(super) fn silent(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.alive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 8] = [0, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    const DATA: &[u8] = &[23, 254, 253, 0];

    fn stun(kind: u16, id: u8, attributes: &[u8]) -> Vec<u8> {
        let mut out = [&HEAD[..], &[id; 12], attributes].concat();
        out[..2].copy_from_slice(&kind.to_be_bytes());
        out[2..4].copy_from_slice(&(attributes.len() as u16).to_be_bytes());
        out
    }

    fn check(id: u8) -> Vec<u8> {
        stun(0x0001, id, &[])
    }

    fn nomination(id: u8) -> Vec<u8> {
        stun(0x0001, id, &[0x00, 0x25, 0, 0])
    }

    fn answer(id: u8) -> Vec<u8> {
        stun(0x0101, id, &[])
    }

    fn remote(port: u16) -> SocketAddr {
        ([192, 0, 2, 7], port).into()
    }

    #[test]
    fn data_follows_the_newest_nomination_that_was_answered() {
        let now = Instant::now();
        let mut path = Path::new(now);
        assert_eq!(
            path.leaves(DATA, now),
            None,
            "the stack knows best as long as nothing was nominated"
        );

        path.arrives(&nomination(1), &'a', remote(1));
        assert_eq!(
            path.leaves(DATA, now),
            None,
            "a nomination proves nothing before its answer"
        );
        assert_eq!(path.remote(), None);
        path.leaves(&answer(1), now);
        assert_eq!(path.leaves(DATA, now), Some(('a', remote(1))));
        assert_eq!(path.remote(), Some(remote(1)));

        path.arrives(&check(2), &'b', remote(2));
        path.leaves(&answer(2), now);
        assert_eq!(
            path.leaves(DATA, now),
            Some(('a', remote(1))),
            "a check is no nomination"
        );

        path.arrives(&nomination(3), &'b', remote(3));
        path.leaves(&answer(3), now);
        assert_eq!(path.leaves(DATA, now), Some(('b', remote(3))));
        assert_eq!(
            path.leaves(&check(4), now),
            None,
            "the stack's own checks go where it says"
        );
    }

    #[test]
    fn a_stranger_cannot_draw_data_to_himself() {
        let now = Instant::now();
        let mut path = Path::new(now);
        path.arrives(&nomination(1), &'a', remote(1));
        path.leaves(&answer(1), now);
        for id in 10..200 {
            path.arrives(&nomination(id), &'a', remote(9)); // the stack answers none: the password is wrong
        }
        assert_eq!(path.leaves(DATA, now), Some(('a', remote(1))));
        assert_eq!(path.asked.len(), MOST_ASKED);
    }

    #[test]
    fn only_answered_checks_are_life() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(9);
        let mut path = Path::new(begun);
        path.arrives(&check(1), &'a', remote(1));
        path.arrives(DATA, &'a', remote(1));
        path.leaves(DATA, later);
        assert_eq!(path.silent(later), Duration::from_secs(9));
        path.leaves(&answer(1), later);
        assert_eq!(path.silent(later), Duration::ZERO);
    }
}
