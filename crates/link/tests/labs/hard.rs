//! What is hard on a link: floods, outages, and ends at a bad moment.

use std::{
    fs,
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use wirelab_link::{
    Direction, FlowKey, Lab, Profile, Shape,
    rules::{Fate, Line, Loss, Share},
};

use super::{PATIENCE, both, lab, privilege_here, sent, udp};

/// How long is flooded where it is not certain that something overflows.
const FLOODED: Duration = Duration::from_secs(2);

/// More than the link can take comes in while it ends: it must not wait for an idle moment.
pub(super) fn a_flooded_lab_ends() -> Result<(), Failed> {
    let lab = lab(&Profile::default(), 1)?;
    let (_server, client) = udp(&lab)?;
    let (enough, count) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                // Once the device is gone there is no way, and that is no failure here.
                let _ = client.send(b"flood");
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (ended, end) = mpsc::channel();
        while count.load(Ordering::Relaxed) < 20_000 {
            thread::yield_now();
        }
        scope.spawn(move || {
            drop(lab);
            ended.send(())
        });
        let in_time = end.recv_timeout(PATIENCE);
        enough.store(true, Ordering::Relaxed);
        in_time.map_err(|_| "the link goes on while packets come".into())
    })
}

/// A link is told what it lost by itself; what the kernel dropped before it is told as well, and nothing else is missing.
pub(super) fn what_the_kernel_drops_is_counted() -> Result<(), Failed> {
    let lab = lab(&Profile::default(), 1)?;
    let sockets = udp(&lab)?;
    let begun = Instant::now();
    let mut offered = 0;
    // The link's thread empties its queue after each packet if the scheduler favours it, and nothing would overflow. Not
    // everybody may change that; then all may arrive, and all is told.
    let overflows = schedule_link_threads("--idle")?;
    while lab.counters(Direction::Up).kernel_dropped == 0 {
        if !overflows && begun.elapsed() > FLOODED {
            break;
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("{offered} packets, as fast as can be, and none dropped").into());
        }
        thread::scope(|scope| {
            let flood = || (0..20_000).filter(|_| sockets.1.send(b"flood").is_ok()).count() as u64;
            let threads = [scope.spawn(flood), scope.spawn(flood)];
            offered += threads
                .map(|thread| thread.join().expect("it only sends"))
                .iter()
                .sum::<u64>();
        });
    }
    schedule_link_threads("--other")?;
    let dropped = lab.counters(Direction::Up).kernel_dropped;
    let flow = sent(&lab, Direction::Up, &sockets, offered - dropped)?;
    assert_eq!(flow.packets + dropped, offered);
    Ok(())
}

/// Gives the threads of this process's links another scheduling policy, in the words of `chrt` (util-linux), if we may.
fn schedule_link_threads(policy: &str) -> Result<bool, Failed> {
    let mut all = true;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        if fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim_end() == "wirelab-link") {
            let done = Command::new("chrt")
                .args([policy, "--pid", "0"])
                .arg(task.file_name())
                .stderr(Stdio::null())
                .status()?;
            all &= done.success();
        }
    }
    Ok(all)
}

/// Seed and origin alone say when nothing passes: the same on every link, and the same as the rules say.
pub(super) fn outages_come_when_the_schedule_says() -> Result<(), Failed> {
    const SEED: u64 = 5;
    const LONG: Duration = Duration::from_secs(8);
    let loss = Loss::Outages {
        outages: Share::new(0.5).ok_or("a share")?,
        mean: Duration::from_secs(6),
    };
    let shape = Shape {
        loss,
        ..Shape::default()
    };
    for out in [true, false] {
        let within = spell(&shape, SEED, out, LONG).ok_or("no spell is that long")?;
        let origin = Instant::now().checked_sub(within + LONG / 4).ok_or("a moment ago")?;
        let lab = Lab::start(privilege_here(), &both(shape.clone()), SEED, origin)?;
        let sockets = udp(&lab)?;
        for _ in 0..50 {
            sockets.1.send(b"through?")?;
        }
        let flow = sent(&lab, Direction::Up, &sockets, 50)?;
        if origin.elapsed() < within + LONG {
            assert_eq!(flow.dropped, if out { 50 } else { 0 }, "out: {out}");
        }
    }
    Ok(())
}

/// Where a spell of at least this length begins, as the rules have it.
fn spell(shape: &Shape, seed: u64, out: bool, length: Duration) -> Option<Duration> {
    const STEP: Duration = Duration::from_millis(10);
    let flow = FlowKey::OTHER;
    let mut line = Line::new(shape.clone(), seed, Direction::Up);
    let mut begun = Duration::ZERO;
    for step in 1..100_000 {
        let now = STEP * step;
        let lost = matches!(line.enter(now, (), 100, flow), Fate::Dropped(_));
        line.release(now);
        if lost != out {
            begun = now;
        } else if now - begun > length {
            return Some(begun);
        }
    }
    None
}
