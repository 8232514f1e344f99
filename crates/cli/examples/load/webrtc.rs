//! The lane over data channels: native peers instead of sockets, since a peer is a stack and no descriptor.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout, timeout_at},
};
use wirelab_model::frame::{Channel, Received};
use wirelab_transport::{
    clock::Clock,
    webrtc::{Client, Options, connect},
};

use crate::{Failure, SECONDS, WARM_UP, cpu_s, pss_kib};

/// Peers that are opened at once.
const OPENING: usize = 8;
/// How many `tick.240.*` topics a peer reads, step by step; 16 is the most that a connection may.
const STEPS: [usize; 5] = [1, 2, 4, 8, 16];
const TRIPS: usize = 2_000;
/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long idle peers are watched.
const RESTING: Duration = Duration::from_secs(20);
/// How long the server may take to notice that peers are gone: ICE's time, and some more.
const NOTICING: Duration = Duration::from_secs(90);

/// What an idle peer costs.
pub(crate) async fn idle(address: SocketAddr, pid: u32, count: usize) -> Result<(), Failure> {
    let mut held = open(address, WARM_UP).await?;
    sleep(Duration::from_secs(2)).await;
    let (before, cpu, start) = (pss_kib(pid)?, cpu_s(pid)?, Instant::now());
    held.extend(open(address, count).await?);
    let (opened, cpu) = (start.elapsed(), cpu_s(pid)? - cpu);
    sleep(Duration::from_secs(SECONDS)).await; // what opening left to do is done
    let (resting, start) = (cpu_s(pid)?, Instant::now());
    sleep(RESTING).await;
    let resting = (cpu_s(pid)? - resting) / start.elapsed().as_secs_f64();
    let each = (pss_kib(pid)? - before) / count as f64;
    println!(
        "datachannel: {count} idle, {each:.0} KiB each; opened in {:.1} s, {:.1} ms of server CPU each; \
         {:.1} % of a core while all {} rest",
        opened.as_secs_f64(),
        cpu * 1e3 / count as f64,
        resting * 100.0,
        held.len(),
    );
    Ok(())
}

/// What a peer gets on `state` of more and more messages of 100 bytes, and what of it is missing.
pub(crate) async fn rate(address: SocketAddr, pid: u32, count: usize) -> Result<(), Failure> {
    for topics in STEPS {
        let mut readers = JoinSet::new();
        let (cpu, own) = (cpu_s(pid)?, cpu_s(std::process::id())?);
        for client in open(address, count).await? {
            readers.spawn(read(client, topics));
        }
        let start = Instant::now();
        let mut all = Account::default();
        while let Some(account) = readers.join_next().await {
            all.add(account??);
        }
        let took = start.elapsed().as_secs_f64();
        let (cpu, own) = (cpu_s(pid)? - cpu, cpu_s(std::process::id())? - own);
        println!(
            "datachannel: {count} peers, {} messages/s each asked: {:.0} deliveries/s, {} lost, {} skipped by the server of {}; \
             server {:.0} % of a core, generator {:.0} %",
            topics * 240,
            all.delivered as f64 / SECONDS as f64,
            all.published - all.delivered - all.skipped.min(all.published - all.delivered),
            all.skipped,
            all.published,
            cpu * 100.0 / took,
            own * 100.0 / took,
        );
    }
    Ok(())
}

/// How long a question on `control` takes, one after another.
pub(crate) async fn round_trips(address: SocketAddr) -> Result<(), Failure> {
    let mut client = open(address, 1).await?.remove(0);
    let mut trips_us = Vec::with_capacity(TRIPS);
    for id in 0..TRIPS {
        let start = Instant::now();
        client.send(&format!(r#"{{"type":"echo","id":{id},"data":1}}"#)).await?;
        while !matches!(client.next().await?, Some((_, arrived)) if matches!(arrived.frame, Received::Ack { .. })) {}
        trips_us.push(start.elapsed().as_micros());
    }
    trips_us.sort_unstable();
    let at = |share: usize| trips_us[TRIPS * share / 100];
    println!(
        "datachannel: {TRIPS} round trips on control, p50 {} µs, p99 {} µs",
        at(50),
        at(99)
    );
    client.close().await;
    Ok(())
}

/// What stays of peers that vanish without a word.
pub(crate) async fn abandoned(address: SocketAddr, pid: u32, count: usize) -> Result<(), Failure> {
    let files = || Ok::<_, Failure>(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count());
    let (before, files_before) = (pss_kib(pid)?, files()?);
    let clients = open(address, count).await?;
    let full = pss_kib(pid)?;
    for client in &clients {
        client.loss().set(1, 1_000, 1_000);
    }
    let start = Instant::now();
    while peers(address).await? > 0 {
        if start.elapsed() > NOTICING {
            return Err(format!("{} peers are still held", peers(address).await?).into());
        }
        sleep(Duration::from_millis(500)).await; // a counter cannot be awaited
    }
    let noticed = start.elapsed();
    sleep(Duration::from_secs(15)).await; // jemalloc gives memory back after ten seconds
    println!(
        "datachannel: {count} abandoned, gone after {:.0} s: 0 peers, {} files more than before; PSS {before:.0} KiB before, \
         {full:.0} with them, {:.0} after",
        noticed.as_secs_f64(),
        files()? as i64 - files_before as i64,
        pss_kib(pid)?,
    );
    Ok(())
}

/// What one peer saw of its topics.
#[derive(Clone, Copy, Default)]
struct Account {
    published: u64,
    delivered: u64,
    skipped: u64,
}

impl Account {
    fn add(&mut self, other: Self) {
        self.published += other.published;
        self.delivered += other.delivered;
        self.skipped += other.skipped;
    }
}

/// Reads so many topics for the time of a measurement.
async fn read(mut client: Client, topics: usize) -> Result<Account, Failure> {
    for topic in 0..topics {
        let command = format!(r#"{{"type":"subscribe","topic":"tick.240.{}"}}"#, 100 + topic);
        client.send(&command).await?;
    }
    let mut account = Account::default();
    let mut seen = HashMap::<String, (u64, u64)>::new();
    let warm = tokio::time::Instant::now() + Duration::from_secs(1);
    let end = warm + Duration::from_secs(SECONDS);
    while let Ok(next) = timeout_at(end, client.next()).await {
        let Some((channel, arrived)) = next? else {
            return Err("the server closed a peer".into());
        };
        if tokio::time::Instant::now() < warm {
            continue;
        }
        match arrived.frame {
            Received::Message { topic, cursor, .. } if channel == Channel::State => {
                account.delivered += 1;
                let span = seen
                    .entry(topic.as_str().to_owned())
                    .or_insert((cursor.offset, cursor.offset));
                *span = (span.0.min(cursor.offset), span.1.max(cursor.offset));
            }
            Received::Gap { count, .. } => account.skipped += count,
            _ => {}
        }
    }
    account.published = seen.values().map(|(first, last)| last - first + 1).sum();
    client.close().await;
    Ok(account)
}

/// Opens peers, each until its `hello` has come, first of all, and an echo is answered.
async fn open(address: SocketAddr, count: usize) -> Result<Vec<Client>, Failure> {
    let (mut opening, mut all) = (JoinSet::new(), Vec::with_capacity(count));
    let clock = Clock::start();
    for n in 0..count {
        if opening.len() == OPENING {
            all.extend(opening.join_next().await.transpose()?.transpose()?);
        }
        opening.spawn(async move {
            let options = Options {
                address,
                host: "localhost".into(),
                room: format!("load-{n}"),
            };
            let mut client = connect(&options, clock).await?;
            let first = timeout(PATIENCE, client.next()).await.map_err(|_| format!("peer {n}: no hello"))??;
            if !matches!(first, Some((Channel::Control, ref arrived)) if matches!(arrived.frame, Received::Hello { .. })) {
                return Err(format!("peer {n}: {first:?} came before hello").into());
            }
            client.send(r#"{"type":"echo","data":1}"#).await?;
            while !matches!(client.next().await?, Some((_, arrived)) if matches!(arrived.frame, Received::Ack { .. })) {
            }
            Ok::<_, Failure>(client)
        });
    }
    while let Some(client) = opening.join_next().await {
        all.push(client??);
    }
    Ok(all)
}

/// Peers that the server says it holds.
async fn peers(address: SocketAddr) -> Result<u64, Failure> {
    let mut socket = TcpStream::connect(address).await?;
    socket
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await?;
    let mut text = String::new();
    socket.read_to_string(&mut text).await?;
    let value = text.lines().find_map(|line| line.strip_prefix("wirelab_webrtc_peers "));
    Ok(value.ok_or("no wirelab_webrtc_peers in /metrics")?.parse()?)
}
