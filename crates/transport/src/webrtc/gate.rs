//! The skip rule of `state`: a message goes only if it leaves at once. Pure: it is told the time.
//!
//! `maxRetransmits: 0` alone keeps nothing fresh: a message that found the congestion window full waits for its *first*
//! transmission, for the whole of an outage (measured: 228 of 235 messages of a 4 s outage came, 5 s old). So:
//!
//! - what is unacknowledged may be what was sent in the last round trip and [`FRESH`], or one packet, which every
//!   congestion window holds, or four while acknowledgements come: what is lost stays unacknowledged for several round
//!   trips in this stack, and is no queue. With more, the message is skipped;
//! - while one message is seen to wait, none follows it;
//! - what the stack gave up after its timer still fills its window until the peer has answered, whatever it is, so it
//!   counts as unacknowledged until the peer is heard;
//! - a closed gate would stay closed, since what is lost is only found missing by what is sent after it. So it lets a
//!   probe through at growing intervals, where one fits, until something is acknowledged.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::FRESH;

/// The stack's SCTP packets. The congestion window, which counts payload, is never smaller (RFC 9260, section 7.2.3).
const ONE_PACKET_BYTES: usize = 1_191;
/// The window at the beginning and after any loss that was found without a timer, in packets (RFC 9260, sections 7.2.1
/// and 7.2.4).
const PACKETS: usize = 4;
/// How long after the timer struck, which leaves a window of one packet, only one is counted on.
const SMALL_WINDOW: Duration = Duration::from_secs(2);
/// Taken for the round trip until one is known.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(200);
/// Round trips of which the fastest counts.
const ROUND_TRIPS: usize = 64;
/// SCTP gives up on what is unacknowledged after a second at the earliest (RTO.Min). What leaves the ledger as late as
/// this was given up, not acknowledged.
const GIVEN_UP: Duration = Duration::from_millis(900);
/// After this much silence a probe goes even where it may have to wait: one stale message is better than none for ever.
const DESPERATE: Duration = Duration::from_secs(10);
/// A peer is heard at least this often while something reaches it: SCTP delays an acknowledgement by 200 ms at most.
const ALIVE: Duration = Duration::from_millis(250);
/// Longest time between probes.
const MOST_PROBE_WAIT: Duration = Duration::from_millis(500);

/// Decides for each message whether it goes.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// What is unacknowledged as far as is known, oldest first.
    flying: VecDeque<Sent>,
    flying_bytes: usize,
    /// What was sent lately, acknowledged or not.
    recent: VecDeque<Sent>,
    round_trips: VecDeque<Duration>,
    probe: Option<Probe>,
    /// When something was last acknowledged …
    heard: Option<Instant>,
    /// … and given up.
    given_up: Option<Instant>,
    /// When the peer's SCTP last said anything.
    spoke: Option<Instant>,
    given_up_bytes: usize,
}

/// What can be seen of the channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Bytes unacknowledged and not given up.
    pub(super) outstanding: usize,
    /// The last message was not seen to leave.
    pub(super) waits: bool,
    /// Something came from the peer's SCTP since the last message.
    pub(super) heard: bool,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Instant,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    next: Instant,
    wait: Duration,
}

impl Gate {
    /// Whether a message may go now.
    pub(super) fn admits(&mut self, now: Instant, bytes: usize, seen: Seen) -> bool {
        self.settle(now, seen.outstanding);
        if seen.heard {
            self.given_up_bytes = 0;
            self.spoke = Some(now);
        }
        let filled = seen.outstanding + self.given_up_bytes;
        let fits = |window| filled == 0 || filled + bytes <= window;
        if let Some(probe) = &mut self.probe {
            let since = |at: Instant| now.saturating_duration_since(at);
            let desperate = self.heard.is_none_or(|at| since(at) > DESPERATE);
            // As long as the peer is heard it is no outage, so what fits need not wait for its turn: what was lost is
            // found missing by what follows it.
            let alive = fits(ONE_PACKET_BYTES) && self.spoke.is_some_and(|at| since(at) <= ALIVE);
            let turn = now >= probe.next && (fits(ONE_PACKET_BYTES) || desperate);
            let due = !seen.waits && (alive || turn);
            if due {
                probe.wait = (probe.wait * 2).min(MOST_PROBE_WAIT);
                probe.next = now + probe.wait;
            }
            return due;
        }
        let open = fits(self.window(now)) || filled <= self.sent_lately(now);
        if !open {
            let wait = self.patience();
            self.probe = Some(Probe { next: now + wait, wait });
        }
        open && !seen.waits
    }

    /// A message went.
    pub(super) fn sent(&mut self, now: Instant, bytes: usize) {
        let sent = Sent { at: now, bytes };
        self.flying.push_back(sent);
        self.flying_bytes += bytes;
        self.recent.push_back(sent);
    }

    /// Takes what is no longer outstanding off the ledger. A gap acknowledges younger messages before older ones, but
    /// only bytes are known, so the oldest are taken to be the ones: that errs towards a longer round trip.
    fn settle(&mut self, now: Instant, outstanding: usize) {
        let (mut newest, mut bytes) = (None, 0);
        while let Some(oldest) = self.flying.front().copied() {
            if self.flying_bytes - oldest.bytes < outstanding {
                break;
            }
            self.flying.pop_front();
            self.flying_bytes -= oldest.bytes;
            newest = Some(oldest.at);
            bytes += oldest.bytes;
        }
        let took = newest.map(|at| now.saturating_duration_since(at));
        if took.is_some_and(|took| took >= GIVEN_UP) {
            self.given_up = Some(now);
            self.given_up_bytes += bytes;
        } else if let Some(took) = took {
            self.probe = None;
            self.heard = Some(now);
            self.round_trips.push_back(took);
            if self.round_trips.len() > ROUND_TRIPS {
                self.round_trips.pop_front();
            }
        }
        let since = self.patience();
        while self
            .recent
            .front()
            .is_some_and(|sent| now.saturating_duration_since(sent.at) > since)
        {
            self.recent.pop_front();
        }
    }

    /// What surely leaves at once.
    fn window(&self, now: Instant) -> usize {
        let within = |at: Option<Instant>, time| at.is_some_and(|at| now.saturating_duration_since(at) <= time);
        // One lost acknowledgement is no outage: a gate that closes on it also ends what would bring the next one at once.
        let hears = within(self.heard, self.patience()) || within(self.spoke, ALIVE);
        if within(self.given_up, SMALL_WINDOW) || !hears {
            ONE_PACKET_BYTES
        } else {
            ONE_PACKET_BYTES * PACKETS
        }
    }

    fn sent_lately(&self, now: Instant) -> usize {
        let since = self.patience();
        let lately = |sent: &&Sent| now.saturating_duration_since(sent.at) <= since;
        self.recent.iter().filter(lately).map(|sent| sent.bytes).sum()
    }

    /// A round trip and [`FRESH`].
    fn patience(&self) -> Duration {
        self.round_trips.iter().min().copied().unwrap_or(FIRST_ROUND_TRIP) + FRESH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 60 Hz stream of 230 bytes over a path that acknowledges after 10 ms, except from `outage`.
    struct Stream {
        gate: Gate,
        start: Instant,
        acknowledged: Vec<(Instant, usize)>,
        outstanding: usize,
        sent: Vec<Duration>,
    }

    const BYTES: usize = 230;

    impl Stream {
        fn new() -> Self {
            Self {
                gate: Gate::default(),
                start: Instant::now(),
                acknowledged: Vec::new(),
                outstanding: 0,
                sent: Vec::new(),
            }
        }

        fn run(&mut self, ticks: std::ops::Range<u32>, acknowledges: impl Fn(u32) -> bool) {
            for n in ticks {
                let now = self.start + Duration::from_micros(16_667) * n;
                let (due, later) = self.acknowledged.iter().partition(|(at, _)| *at <= now);
                let (due, later): (Vec<_>, Vec<_>) = (due, later);
                self.acknowledged = later;
                self.outstanding -= due.iter().map(|(_, bytes)| bytes).sum::<usize>();
                let heard = !due.is_empty();
                let seen = Seen {
                    outstanding: self.outstanding,
                    waits: false,
                    heard,
                };
                if self.gate.admits(now, BYTES, seen) {
                    self.gate.sent(now, BYTES);
                    self.outstanding += BYTES;
                    self.sent.push(now - self.start);
                    if acknowledges(n) {
                        self.acknowledged.push((now + Duration::from_millis(10), BYTES));
                    }
                }
            }
        }
    }

    #[test]
    fn a_path_that_acknowledges_gets_everything() {
        let mut stream = Stream::new();
        stream.run(0..600, |_| true);
        assert_eq!(stream.sent.len(), 600);
    }

    #[test]
    fn a_loss_here_and_there_closes_nothing() {
        let mut stream = Stream::new();
        stream.run(0..60, |n| n % 30 != 7);
        assert_eq!(stream.sent.len(), 60, "two packets are missing, and still one fits");
    }

    #[test]
    fn an_outage_gets_a_few_packets_and_then_probes_until_it_ends() {
        let mut stream = Stream::new();
        stream.run(0..60, |_| true);
        stream.run(60..120, |_| false);
        let during = stream.sent.len() - 60;
        // What goes in the first 250 ms leaves at once, since the window is not full, and is lost with the path; none waits.
        assert!((8..=20).contains(&during), "{during} went into a second of silence");
        // The stack gives up on what is unacknowledged; the path acknowledges again.
        stream.outstanding = 0;
        stream.acknowledged.push((stream.start + Duration::from_secs(3), 0)); // its own question is answered then
        stream.run(120..300, |_| true);
        let after = stream.sent.iter().filter(|at| **at >= Duration::from_secs(2)).count();
        assert!(after > 110, "{after} of 180 went after it");
    }

    #[test]
    fn nothing_follows_a_message_that_waits() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let seen = |outstanding, waits| Seen {
            outstanding,
            waits,
            heard: true,
        };
        assert!(gate.admits(now, BYTES, seen(0, false)));
        gate.sent(now, BYTES);
        assert!(!gate.admits(now, BYTES, seen(BYTES, true)));
        assert!(gate.admits(now, BYTES, seen(BYTES, false)));
    }

    #[test]
    fn large_messages_count_by_what_was_sent_lately() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        let ms = |ms| now + Duration::from_millis(ms);
        let seen = |outstanding| Seen {
            outstanding,
            ..Seen::default()
        };
        assert!(gate.admits(ms(0), 16_000, seen(0)), "an empty path takes any");
        gate.sent(ms(0), 16_000);
        assert!(gate.admits(ms(20), 16_000, seen(16_000)), "it was sent lately");
        gate.sent(ms(20), 16_000);
        assert!(!gate.admits(ms(260), 16_000, seen(32_000)), "half of it was not");
    }
}
