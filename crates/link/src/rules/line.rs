//! One direction of a link: takes packets in, and says when each comes out.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use super::{
    chance::Chance,
    counters::{Counters, Dropped, FlowKey},
    loss::Losing,
    profile::{Direction, Shape},
};

/// Packets that one direction holds at most: what 10 s of a busy link need.
pub const MOST_PACKETS: usize = 200_000;
/// Bytes that one direction holds at most.
pub const MOST_BYTES: usize = 128 << 20;

/// What was decided about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes out then, since the origin; `twice`: and once more.
    Due {
        /// When.
        at: Duration,
        /// A second one with it.
        twice: bool,
    },
    /// It does not come out.
    Dropped(Dropped),
}

/// A packet that comes out.
#[derive(Debug, PartialEq, Eq)]
pub struct Released<P> {
    /// The packet.
    pub packet: P,
    /// When it had to come out, since the origin.
    pub due: Duration,
}

/// One direction of a link, with the packets that are in it. `P` is whatever the driver carries.
#[derive(Debug)]
pub struct Line<P> {
    shape: Shape,
    chance: Chance,
    losing: Losing,
    flying: BinaryHeap<Reverse<Flying<P>>>,
    flying_bytes: usize,
    sequence: u64,
    /// When the bottleneck has sent all that it has taken.
    idle_at: Duration,
    /// When the last packet that kept its place comes out: nothing behind it comes out earlier.
    last_due: Duration,
    counters: Counters,
}

impl<P: Clone> Line<P> {
    /// An empty line. The same seed, direction, shape and packets have the same fates.
    #[must_use]
    pub fn new(shape: Shape, seed: u64, direction: Direction) -> Self {
        Self {
            shape,
            chance: Chance::new(seed, direction as u64),
            losing: Losing::new(seed),
            flying: BinaryHeap::new(),
            flying_bytes: 0,
            sequence: 0,
            idle_at: Duration::ZERO,
            last_due: Duration::ZERO,
            counters: Counters::default(),
        }
    }

    /// From the next packet on; what is in flight keeps its time.
    pub fn set_shape(&mut self, shape: Shape) {
        self.shape = shape;
    }

    /// What it is like.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What it has done.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A packet enters. `now` never goes back.
    pub fn enter(&mut self, now: Duration, packet: P, ip_bytes: usize, flow: FlowKey) -> Fate {
        let fate = self.judge(now, ip_bytes);
        match fate {
            Fate::Dropped(why) => self.counters.entered(flow, ip_bytes, Some(why)),
            Fate::Due { at, twice } => {
                self.counters.entered(flow, ip_bytes, None);
                if twice {
                    self.counters.duplicated += 1;
                    self.fly(at, packet.clone(), ip_bytes);
                }
                self.fly(at, packet, ip_bytes);
            }
        }
        fate
    }

    /// When the next one is due, since the origin.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.flying.peek().map(|Reverse(next)| next.due)
    }

    /// The next packet, if it is due: the earliest deadline first, and of equal ones the first that entered.
    pub fn release(&mut self, now: Duration) -> Option<Released<P>> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(next) = self.flying.pop()?;
        self.flying_bytes -= next.ip_bytes;
        self.counters.left(now - next.due);
        Some(Released {
            packet: next.packet,
            due: next.due,
        })
    }

    /// The kernel did not take a packet that was released.
    pub fn refused(&mut self) {
        self.counters.refused += 1;
    }

    fn judge(&mut self, now: Duration, ip_bytes: usize) -> Fate {
        let draws = self.chance.draws();
        // Two, since it may be doubled.
        if self.flying.len() + 2 > MOST_PACKETS || self.flying_bytes + 2 * ip_bytes > MOST_BYTES {
            return Fate::Dropped(Dropped::Overflow);
        }
        let Some(sent) = self.bottleneck(now, ip_bytes) else {
            return Fate::Dropped(Dropped::Queue);
        };
        if self.losing.takes(&self.shape.loss, &draws, now) {
            return Fate::Dropped(Dropped::Lost);
        }
        if draws.reorder < self.shape.reorder.of_one() {
            self.counters.reordered += 1;
            return Fate::Due { at: sent, twice: false };
        }
        let at = (sent + self.shape.delay + self.shape.jitter.mul_f64(draws.jitter)).max(self.last_due);
        self.last_due = at;
        Fate::Due {
            at,
            twice: draws.duplicate < self.shape.duplicate.of_one(),
        }
    }

    /// When the packet's last bit has left the bottleneck; `None` where it would wait too long.
    fn bottleneck(&mut self, now: Duration, ip_bytes: usize) -> Option<Duration> {
        let Some(rate) = self.shape.rate else {
            return Some(now);
        };
        let begins = self.idle_at.max(now);
        if begins - now > self.shape.queue {
            return None;
        }
        // Rounded up: never faster than the rate.
        let nanos = (ip_bytes as u128 * 8 * 1_000_000_000).div_ceil(u128::from(rate.bits_per_second()));
        self.idle_at = begins + Duration::from_nanos(nanos as u64);
        Some(self.idle_at)
    }

    fn fly(&mut self, due: Duration, packet: P, ip_bytes: usize) {
        self.sequence += 1;
        self.flying_bytes += ip_bytes;
        self.flying.push(Reverse(Flying {
            due,
            sequence: self.sequence,
            ip_bytes,
            packet,
        }));
    }
}

#[derive(Debug)]
struct Flying<P> {
    due: Duration,
    sequence: u64,
    ip_bytes: usize,
    packet: P,
}

impl<P> Ord for Flying<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.sequence).cmp(&(other.due, other.sequence))
    }
}

impl<P> PartialOrd for Flying<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> PartialEq for Flying<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<P> Eq for Flying<P> {}
