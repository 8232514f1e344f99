//! Weighs a running server: what an idle connection costs, what a delivery costs, how long it takes.
//!
//! ```text
//! taskset -c 0 target/release/wirelab --http 127.0.0.1:8080 &
//! taskset -c 1 cargo run --release -p wirelab --example load -- idle sse 10000 --pid $!
//! taskset -c 1 cargo run --release -p wirelab --example load -- rate websocket 1000 20 --pid $!
//! taskset -c 1 cargo run --release -p wirelab --example load -- flat sse 1000 --pid $!
//! taskset -c 1 cargo run --release -p wirelab --example load -- idle datachannel 200 --pid $!
//! taskset -c 1 cargo run --release -p wirelab --example load -- rate datachannel 50 --pid $!
//! taskset -c 1 cargo run --release -p wirelab --example load -- trips datachannel 1 --pid $!
//! taskset -c 1 cargo run --release -p wirelab --example load -- abandoned datachannel 200 --pid $!
//! ```
//!
//! One thread, plain sockets, no decoding beyond a search for the stamp of each message, so that the generator costs as
//! little as it can. Server and generator belong on different cores.
#![expect(clippy::print_stdout, reason = "a measuring tool says what it measured")]

mod webrtc;

use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
};

type Failure = Box<dyn Error + Send + Sync>;

const STAMP: &[u8] = b"\"sent_us\":";
const DATA_CHANNEL: &str = "datachannel";
const WARM_UP: usize = 64;
const SECONDS: u64 = 5;
const WINDOW: u64 = 16;
const PUBLISHERS: usize = 8;

#[derive(Default)]
struct Seen {
    messages: AtomicU64,
    latencies_us: Mutex<Vec<u32>>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.remove(at);
        Some(args.remove(at))
    };
    let address: SocketAddr = option("--address").unwrap_or("127.0.0.1:8080".into()).parse()?;
    let pid: u32 = option("--pid").ok_or("--pid says which process is weighed")?.parse()?;
    let word = |at: usize| args.get(at).map(String::as_str).unwrap_or_default();
    let (lane, count) = (word(1).to_owned(), word(2).parse::<usize>()?);
    match (word(0), &*lane) {
        ("idle", DATA_CHANNEL) => webrtc::idle(address, pid, count).await,
        ("rate", DATA_CHANNEL) => webrtc::rate(address, pid, count).await,
        ("trips", DATA_CHANNEL) => webrtc::round_trips(address).await,
        ("abandoned", DATA_CHANNEL) => webrtc::abandoned(address, pid, count).await,
        ("idle", _) => idle(address, pid, &lane, count).await,
        ("rate", _) => rate(address, pid, &lane, count, word(3).parse()?).await,
        ("flat", _) => flat(address, pid, &lane, count).await,
        (other, _) => {
            Err(format!("{lane} has no {other:?}: idle, rate, flat; datachannel idle, rate, trips, abandoned").into())
        }
    }
}

async fn idle(address: SocketAddr, pid: u32, lane: &str, count: usize) -> Result<(), Failure> {
    let mut held = open(address, lane, "quiet", WARM_UP).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, cpu, start) = (pss_kib(pid)?, cpu_s(pid)?, Instant::now());
    held.extend(open(address, lane, "quiet", count).await?);
    let opened = start.elapsed();
    let cpu = cpu_s(pid)? - cpu;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let each = (pss_kib(pid)? - before) / count as f64;
    println!(
        "{lane}: {count} idle, {each:.2} KiB each; opened in {:.2} s, {:.0} µs of server CPU each",
        opened.as_secs_f64(),
        cpu * 1e6 / count as f64
    );
    Ok(())
}

async fn rate(address: SocketAddr, pid: u32, lane: &str, count: usize, hz: u32) -> Result<(), Failure> {
    let seen = Arc::new(Seen::default());
    let _readers = read_all(open(address, lane, &format!("tick.{hz}.100"), count).await?, &seen);
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.latencies_us.lock().expect("one thread").clear();
    report(pid, lane, &seen, tokio::time::sleep(Duration::from_secs(SECONDS))).await
}

async fn flat(address: SocketAddr, pid: u32, lane: &str, count: usize) -> Result<(), Failure> {
    let seen = Arc::new(Seen::default());
    let _readers = read_all(open(address, lane, "flat", count).await?, &seen);
    let published = Arc::new(AtomicU64::new(0));
    let places = Arc::new(Semaphore::new(PUBLISHERS));
    let mut publishers = JoinSet::new();
    for _ in 0..PUBLISHERS {
        let (seen, published, places) = (Arc::clone(&seen), Arc::clone(&published), Arc::clone(&places));
        publishers.spawn(async move {
            let mut socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let body = format!("\"{}\"", "x".repeat(98));
            let request = format!(
                "POST /api/topics/flat HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut answer = [0; 2048];
            loop {
                while published.load(Relaxed) * count as u64 >= seen.messages.load(Relaxed) + WINDOW * count as u64 {
                    tokio::task::yield_now().await;
                }
                let _place = places.acquire().await?;
                published.fetch_add(1, Relaxed);
                socket.write_all(request.as_bytes()).await?;
                if socket.read(&mut answer).await? == 0 {
                    return Err::<(), Failure>("the server closed a publisher".into());
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.latencies_us.lock().expect("one thread").clear();
    let done = report(pid, lane, &seen, tokio::time::sleep(Duration::from_secs(SECONDS))).await;
    publishers.abort_all();
    done
}

async fn report(pid: u32, lane: &str, seen: &Seen, window: impl Future<Output = ()>) -> Result<(), Failure> {
    let (before, cpu, own, start) = (
        seen.messages.load(Relaxed),
        cpu_s(pid)?,
        cpu_s(std::process::id())?,
        Instant::now(),
    );
    window.await;
    let (messages, took) = (seen.messages.load(Relaxed) - before, start.elapsed().as_secs_f64());
    let (cpu, own) = (cpu_s(pid)? - cpu, cpu_s(std::process::id())? - own);
    let mut latencies = std::mem::take(&mut *seen.latencies_us.lock().expect("one thread"));
    latencies.sort_unstable();
    let at = |share: f64| {
        latencies
            .get((latencies.len() as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{lane}: {:.0} deliveries/s; publish to arrival p50 {} µs, p99 {} µs; {:.2} server CPU seconds a million; \
         server {:.0} % of a core, generator {:.0} %",
        messages as f64 / took,
        at(0.5),
        at(0.99),
        cpu * 1e6 / messages as f64,
        cpu * 100.0 / took,
        own * 100.0 / took,
    );
    Ok(())
}

/// Opens connections and reads each until its `hello` is there.
async fn open(address: SocketAddr, lane: &str, topic: &str, count: usize) -> Result<Vec<TcpStream>, Failure> {
    let request = match lane {
        "sse" => format!("GET /events?topic={topic} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        "websocket" => format!(
            "GET /ws?topic={topic} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
        other => return Err(format!("{other:?} is none of sse, websocket, datachannel").into()),
    };
    let mut all = Vec::with_capacity(count);
    let mut buffer = vec![0; 4096];
    for _ in 0..count {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(request.as_bytes()).await?;
        let mut text = Vec::new();
        while !text.windows(7).any(|window| window == b"\"hello\"") {
            let read = socket.read(&mut buffer).await?;
            if read == 0 {
                return Err(format!("the server closed: {}", String::from_utf8_lossy(&text)).into());
            }
            text.extend_from_slice(&buffer[..read]);
        }
        all.push(socket);
    }
    Ok(all)
}

fn read_all(sockets: Vec<TcpStream>, seen: &Arc<Seen>) -> JoinSet<()> {
    let mut readers = JoinSet::new();
    for mut socket in sockets {
        let seen = Arc::clone(seen);
        readers.spawn(async move {
            let (mut buffer, mut kept) = (vec![0; 65536], 0);
            while let Ok(read @ 1..) = socket.read(&mut buffer[kept..]).await {
                let end = kept + read;
                kept = count(&buffer[..end], &seen);
                buffer.copy_within(end - kept..end, 0);
            }
        });
    }
    readers
}

/// Counts the stamps in what arrived; returns how many bytes of its end may be part of a stamp that is cut.
fn count(bytes: &[u8], seen: &Seen) -> usize {
    const STAMP_AND_DIGITS: usize = STAMP.len() + 16;
    let now_us = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros() as u64;
    let mut latencies = seen.latencies_us.lock().expect("one thread");
    let (mut at, mut messages) = (0, 0);
    while let Some(found) = bytes[at..].windows(STAMP.len()).position(|window| window == STAMP) {
        let digits = at + found + STAMP.len();
        let Some(stamp) = bytes.get(digits..digits + 16) else {
            break;
        };
        let sent_us = stamp
            .iter()
            .fold(0_u64, |sent, digit| sent * 10 + u64::from(digit.wrapping_sub(b'0')));
        latencies.push(u32::try_from(now_us.saturating_sub(sent_us)).unwrap_or(u32::MAX));
        messages += 1;
        at = digits + 16;
    }
    seen.messages.fetch_add(messages, Relaxed);
    (bytes.len() - at).min(STAMP_AND_DIGITS - 1)
}

/// The memory that is the process's own, with its share of what it shares.
fn pss_kib(pid: u32) -> Result<f64, Failure> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text
        .lines()
        .find(|line| line.starts_with("Pss:"))
        .ok_or("no Pss in smaps_rollup")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure behind Pss")?.parse()?)
}

/// User and system time of the process so far, in the kernel's 10 ms.
fn cpu_s(pid: u32) -> Result<f64, Failure> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}
