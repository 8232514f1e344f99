//! Which datagrams on their way to us are lost, and which wait: a proof that needs no clock.
//!
//! Once armed, the next datagram that is large enough to hold a message is lost, and the next one after it, the witness,
//! passes. From then on everything waits. So all that can still come out of our stack is what the witness brought: on an
//! unordered channel that is its message, on an ordered one nothing, however fast or slow the machine is.

use std::collections::VecDeque;

/// Datagrams that wait at most; of more the oldest is lost, as in a full queue.
const MOST_HELD: usize = 256;
/// DTLS records begin with their type (RFC 7983, section 7). Everything else is ICE's, which always passes.
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;

/// How far a loss has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Everything passes.
    #[default]
    Open,
    /// The next large datagram will be lost.
    Armed,
    /// One is lost, and the next large one is the witness.
    Lost,
    /// The witness has passed, and everything waits.
    Holding,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Passes,
    IsLost,
    Waits,
}

/// What waits, and where it goes: `Place` tells ways apart.
#[derive(Debug, Default)]
pub(super) struct Gate<Place> {
    stage: Stage,
    large_bytes: usize,
    held: VecDeque<(Place, Vec<u8>)>,
    lost: u64,
    overflowed: u64,
}

/// Whether it is DTLS, and so carries what channels say.
pub(super) fn is_dtls(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| DTLS.contains(first))
}

impl<Place> Gate<Place> {
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// How many were lost on purpose.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// How many were lost because too many waited.
    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The next datagram of so many bytes is lost.
    pub(super) fn arm(&mut self, large_bytes: usize) {
        (self.stage, self.large_bytes) = (Stage::Armed, large_bytes);
    }

    /// What becomes of this one. One that waits is kept here.
    pub(super) fn meets(&mut self, place: Place, datagram: &[u8]) -> Fate {
        if !is_dtls(datagram) {
            return Fate::Passes;
        }
        let is_large = datagram.len() >= self.large_bytes;
        match self.stage {
            Stage::Open => Fate::Passes,
            Stage::Armed if is_large => {
                self.stage = Stage::Lost;
                self.lost += 1;
                Fate::IsLost
            }
            Stage::Lost if is_large => {
                self.stage = Stage::Holding;
                Fate::Passes
            }
            Stage::Armed | Stage::Lost => Fate::Passes,
            Stage::Holding => {
                if self.held.len() == MOST_HELD {
                    self.held.pop_front();
                    self.overflowed += 1;
                }
                self.held.push_back((place, datagram.to_vec()));
                Fate::Waits
            }
        }
    }

    /// Opens, and gives what has waited, in its order.
    pub(super) fn release(&mut self) -> VecDeque<(Place, Vec<u8>)> {
        self.stage = Stage::Open;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: [u8; 60] = [23; 60];
    const LARGE: [u8; 900] = [23; 900];
    const STUN: [u8; 900] = [0; 900];

    #[test]
    fn one_is_lost_its_witness_passes_and_the_rest_waits() {
        let mut gate = Gate::default();
        assert_eq!(gate.meets(0, &LARGE), Fate::Passes);
        gate.arm(800);
        assert_eq!(gate.meets(0, &SMALL), Fate::Passes, "it holds no message");
        assert_eq!(gate.meets(0, &STUN), Fate::Passes, "ICE goes on");
        assert_eq!((gate.meets(0, &LARGE), gate.stage()), (Fate::IsLost, Stage::Lost));
        assert_eq!(gate.meets(0, &SMALL), Fate::Passes);
        assert_eq!((gate.meets(0, &LARGE), gate.stage()), (Fate::Passes, Stage::Holding));
        assert_eq!(
            gate.meets(0, &SMALL),
            Fate::Waits,
            "nor may anything else explain what comes out"
        );
        assert_eq!(gate.meets(1, &LARGE), Fate::Waits);
        assert_eq!(gate.meets(0, &STUN), Fate::Passes);
        let held: Vec<_> = gate
            .release()
            .into_iter()
            .map(|(place, datagram)| (place, datagram.len()))
            .collect();
        assert_eq!(held, [(0, 60), (1, 900)]);
        assert_eq!(
            (gate.stage(), gate.lost(), gate.meets(0, &LARGE)),
            (Stage::Open, 1, Fate::Passes)
        );
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut gate = Gate::default();
        gate.arm(1);
        for _ in 0..MOST_HELD + 12 {
            gate.meets((), &LARGE);
        }
        assert_eq!((gate.overflowed(), gate.release().len()), (10, MOST_HELD));
    }
}
