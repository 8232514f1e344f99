//! The thread between the two places: takes packets in, waits, lets them out.
#![expect(unsafe_code, reason = "no crate in use sets a thread's scheduling")]

use std::{
    fs::File,
    io::{self, Read, Write},
    num::NonZeroU64,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    thread::set_current_timer_slack,
};

use super::packet::{Readdress, flow, is_ipv4};
use crate::rules::{Counters, Direction, Line, Profile};

/// Packets taken in before what is due is looked at again, so that releases stay punctual.
const BURST: usize = 64;
/// The largest IP packet.
const PACKET_BYTES: usize = 65_536;

/// A line for each direction, in the order of `Direction::ALL`.
type Lines = Mutex<[Line<Box<[u8]>>; 2]>;

/// One direction: where packets come from, what becomes of them, and where they go.
struct Way {
    direction: Direction,
    readdress: Option<Readdress>,
}

/// The running thread. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Emulator {
    lines: Arc<Lines>,
    ended: Arc<AtomicBool>,
    wake: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// `ends` are the TUN devices of server and client, in this order.
    pub(super) fn start(
        ends: [File; 2],
        readdress: [Option<Readdress>; 2],
        profile: &Profile,
        seed: u64,
        origin: Instant,
    ) -> io::Result<Self> {
        let lines = Direction::ALL.map(|direction| Line::new(profile.shape(direction).clone(), seed, direction));
        let lines = Arc::new(Mutex::new(lines));
        let (wake, woken) = both(eventfd(0, EventfdFlags::CLOEXEC)?)?;
        let ended = Arc::new(AtomicBool::new(false));
        let [down, up] = readdress;
        let pump = Pump {
            ends,
            ways: [(Direction::Down, down), (Direction::Up, up)]
                .map(|(direction, readdress)| Way { direction, readdress }),
            lines: Arc::clone(&lines),
            origin,
            ended: Arc::clone(&ended),
            woken,
        };
        let thread = thread::Builder::new()
            .name("wirelab-link".into())
            .spawn(move || pump.run())?;
        Ok(Self {
            lines,
            ended,
            wake,
            thread: Some(thread),
        })
    }

    pub(super) fn set_profile(&self, profile: &Profile) {
        let mut lines = locked(&self.lines);
        for (line, direction) in lines.iter_mut().zip(Direction::ALL) {
            line.set_shape(profile.shape(direction).clone());
        }
    }

    pub(super) fn counters(&self, direction: Direction) -> Counters {
        locked(&self.lines)[direction as usize].counters().clone()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes()); // an eventfd takes it
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // its panic has been told where it happened
        }
    }
}

struct Pump {
    ends: [File; 2],
    ways: [Way; 2],
    lines: Arc<Lines>,
    origin: Instant,
    /// Asked for every round: under a flood there is never a moment to wait in.
    ended: Arc<AtomicBool>,
    /// Ends the waiting.
    woken: OwnedFd,
}

impl Pump {
    fn run(self) {
        be_punctual();
        let mut packet = vec![0; PACKET_BYTES];
        while !self.ended.load(Ordering::Relaxed) {
            let mut busy = false;
            for way in &self.ways {
                busy |= self.take_in(way, &mut packet);
                busy |= self.let_out(way);
            }
            if !busy && !self.wait() {
                return;
            }
        }
    }

    /// Says whether there was anything.
    fn take_in(&self, way: &Way, buffer: &mut [u8]) -> bool {
        let (mut from, mut to) = self.between(way);
        for taken in 0..BURST {
            let Ok(length @ 1..) = from.read(buffer) else {
                return taken > 0;
            };
            let packet = &mut buffer[..length];
            if !is_ipv4(packet) {
                let _ = to.write(packet); // not ours to judge
                continue;
            }
            let flow = flow(packet, way.direction);
            if let Some(readdress) = way.readdress {
                readdress.apply(packet);
            }
            let mut lines = locked(&self.lines);
            lines[way.direction as usize].enter(self.now(), Box::from(&*packet), length, flow);
        }
        true
    }

    /// Says whether anything was due.
    fn let_out(&self, way: &Way) -> bool {
        let (_, mut to) = self.between(way);
        let mut any = false;
        loop {
            let released = locked(&self.lines)[way.direction as usize].release(self.now());
            let Some(released) = released else {
                return any;
            };
            any = true;
            if to.write(&released.packet).is_err() {
                locked(&self.lines)[way.direction as usize].refused();
            }
        }
    }

    /// Until a packet comes, one is due, or it is over. Says whether there is a link to go on with: somebody with the
    /// right to may have deleted a device of it, and waiting for that would return at once for ever.
    fn wait(&self) -> bool {
        let next = locked(&self.lines).iter().filter_map(Line::next_due).min();
        let timeout = next.map(|due| {
            let left = due.saturating_sub(self.now());
            Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let [server, client] = &self.ends;
        let mut polled = [
            PollFd::new(server, PollFlags::IN),
            PollFd::new(client, PollFlags::IN),
            PollFd::new(&self.woken, PollFlags::IN),
        ];
        let _ = poll(&mut polled, timeout.as_ref()); // interrupted by a signal: the loop looks again
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        !polled.iter().any(|file| file.revents().intersects(gone))
    }

    fn between(&self, way: &Way) -> (&File, &File) {
        let [server, client] = &self.ends;
        match way.direction {
            Direction::Down => (server, client),
            Direction::Up => (client, server),
        }
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// What the system allows of it: without either the link works and is late more often, which its counters say.
fn be_punctual() {
    // The default lets a sleep end 50 µs late.
    let _ = set_current_timer_slack(NonZeroU64::new(1));
    let first = libc::sched_param { sched_priority: 1 };
    // SAFETY: reads `first`, which outlives the call, and concerns the calling thread alone. For root only.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const first) };
}

fn both(fd: OwnedFd) -> io::Result<(OwnedFd, OwnedFd)> {
    let twin = fd.try_clone()?;
    Ok((fd, twin))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
