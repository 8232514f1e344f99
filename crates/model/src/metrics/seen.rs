//! Which offsets have been seen: one bit for each of the last [`Seen::WINDOW`] below the greatest.
//!
//! Bound: 8 KiB, whatever the run. Overflow: an offset further behind than the window cannot be told from a duplicate
//! any more; it is [`Sighting::TooOld`] and counted as that, never guessed. At 240 Hz the window holds four and a half
//! minutes.

/// What an offset turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// It had not come before; `behind` is how far it is below the greatest seen, 0 for a new greatest.
    First { behind: u64 },
    /// It had come before.
    Duplicate,
    /// It is below the window.
    TooOld,
}

/// A ring of bits: the bit of an offset is its remainder.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    greatest: Option<u64>,
    words: Box<[u64]>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            greatest: None,
            words: vec![0; (Self::WINDOW / 64) as usize].into_boxed_slice(),
        }
    }
}

impl Seen {
    /// Offsets that are remembered.
    const WINDOW: u64 = 65_536;

    pub(super) fn greatest(&self) -> Option<u64> {
        self.greatest
    }

    pub(super) fn insert(&mut self, offset: u64) -> Sighting {
        let behind = match self.greatest {
            Some(greatest) if offset <= greatest => greatest - offset,
            greatest => {
                self.forget_up_to(greatest, offset);
                self.greatest = Some(offset);
                0
            }
        };
        if behind >= Self::WINDOW {
            return Sighting::TooOld;
        }
        let (word, bit) = Self::place(offset);
        if self.words[word] & bit != 0 {
            return Sighting::Duplicate;
        }
        self.words[word] |= bit;
        Sighting::First { behind }
    }

    /// Clears the bits that offsets past `greatest`, up to `offset`, take over from those a whole window below.
    fn forget_up_to(&mut self, greatest: Option<u64>, offset: u64) {
        let Some(greatest) = greatest else { return };
        if offset - greatest >= Self::WINDOW {
            self.words.fill(0);
            return;
        }
        for new in greatest + 1..=offset {
            let (word, bit) = Self::place(new);
            self.words[word] &= !bit;
        }
    }

    fn place(offset: u64) -> (usize, u64) {
        let index = offset % Self::WINDOW;
        ((index / 64) as usize, 1 << (index % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_has_an_end() {
        let mut seen = Seen::default();
        assert_eq!(seen.insert(10), Sighting::First { behind: 0 });
        assert_eq!(seen.insert(10 + Seen::WINDOW - 1), Sighting::First { behind: 0 });
        assert_eq!(seen.insert(10), Sighting::Duplicate);
        assert_eq!(
            seen.insert(11),
            Sighting::First {
                behind: Seen::WINDOW - 2
            }
        );
        assert_eq!(
            seen.insert(10 + Seen::WINDOW),
            Sighting::First { behind: 0 },
            "takes over the bit of 10"
        );
        assert_eq!(seen.insert(10), Sighting::TooOld);
        assert_eq!(seen.insert(u64::MAX), Sighting::First { behind: 0 });
        assert_eq!(seen.insert(u64::MAX), Sighting::Duplicate);
        assert_eq!(seen.insert(u64::MAX - 1), Sighting::First { behind: 1 });
        assert_eq!(seen.insert(0), Sighting::TooOld);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set(steps in prop::collection::vec((0_u64..200_000, 0_u64..40), 0..300)) {
            let (mut seen, mut set, mut greatest) = (Seen::default(), HashSet::new(), None::<u64>);
            for (base, small) in steps {
                let offset = base / 50_000 * 50_000 + small; // four clusters, so that the window moves and offsets repeat
                let top = *greatest.get_or_insert(offset).max(&mut offset.clone());
                let expect = match top - offset {
                    behind if behind >= Seen::WINDOW => Sighting::TooOld,
                    _ if !set.insert(offset) => Sighting::Duplicate,
                    behind => Sighting::First { behind },
                };
                greatest = Some(top);
                prop_assert_eq!(seen.insert(offset), expect);
            }
        }
    }
}
