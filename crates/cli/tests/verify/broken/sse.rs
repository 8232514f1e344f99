//! A plain event stream of numbers, right but for one fault.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::interval};

use super::{Broken, Request};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    Html,
    Unavailable,
    /// A flush every 600 ms.
    Late,
    /// All of it when the stream ends, after a second.
    Held,
    NoCacheControl,
    Gzip,
    GzipIfAsked,
    GzipInSpiteOfNoTransform,
    NoRetry,
    RetryAtOnce,
    NoIds,
    OneId,
    /// What was missed is gone.
    NoResume,
    /// What was missed comes twice.
    Doubled,
    /// One of the missed is gone.
    Hole,
    /// An error for who comes back.
    ResumeRefused,
    /// Five events, and then nothing.
    NoHeartbeat,
    /// Five events, and a moment later the end.
    Cut,
    /// Heartbeats, and the end right after one of them.
    CutInAll,
    AnyOrigin,
    EveryOriginWithCookies,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Events without end or pause.
    Flood,
}

const EVENT: Duration = Duration::from_millis(50);
const BEAT: Duration = Duration::from_millis(300);

/// Starts it.
pub(crate) async fn serve(fault: Fault) -> Broken {
    Broken::http(move |request, tcp| async move {
        let _ = stream(fault, &request, tcp).await; // who asked has gone
    })
    .await
}

async fn stream(fault: Fault, request: &Request, mut tcp: TcpStream) -> std::io::Result<()> {
    let last_id: Option<u64> = request.header("last-event-id").and_then(|id| id.parse().ok());
    if fault == Fault::Unavailable || (fault == Fault::ResumeRefused && last_id.is_some()) {
        return tcp
            .write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
    tcp.write_all(head(fault, request).as_bytes()).await?;
    if request.method() == "HEAD" {
        return Ok(());
    }
    if fault == Fault::Flood {
        let flood = format!("data: {}\n\n", "x".repeat(1000)).repeat(64);
        loop {
            tcp.write_all(flood.as_bytes()).await?;
        }
    }
    if fault == Fault::NotUtf8 {
        return tcp.write_all(b"data: \xff\xfe\n\n").await;
    }
    let mut waiting = replay(fault, last_id);
    tcp.write_all(waiting.as_bytes()).await?;
    waiting.clear();
    let ends = matches!(fault, Fault::NoHeartbeat | Fault::Cut | Fault::CutInAll);
    let last = if ends { 5 } else { 40 };
    let first = last_id.map_or(1, |id| id + 21); // so many went by meanwhile
    let mut pace = interval(EVENT);
    for n in first..first + last {
        pace.tick().await;
        waiting += &event(fault, n);
        let flushes = match fault {
            Fault::Late => n % 12 == 0,
            Fault::Held => n == first + 20,
            _ => true,
        };
        if flushes {
            tcp.write_all(std::mem::take(&mut waiting).as_bytes()).await?;
        }
        if fault == Fault::Held && n == first + 20 {
            return Ok(());
        }
    }
    let mut beat = interval(BEAT);
    beat.tick().await;
    let mut beats = 0;
    loop {
        beat.tick().await;
        beats += 1;
        match fault {
            Fault::Cut => return Ok(()),
            Fault::CutInAll if beats == 4 => return tcp.write_all(b": beat\n\n").await,
            Fault::NoHeartbeat => std::future::pending().await,
            _ => tcp.write_all(b": beat\n\n").await?,
        }
    }
}

fn head(fault: Fault, request: &Request) -> String {
    let asks_for_gzip = request
        .header("accept-encoding")
        .is_some_and(|value| value.contains("gzip"));
    let kind = if fault == Fault::Html {
        "text/html"
    } else {
        "text/event-stream"
    };
    let mut head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n");
    match fault {
        Fault::NoCacheControl => {}
        Fault::GzipIfAsked => head += "cache-control: no-cache\r\n",
        _ => head += "cache-control: no-cache, no-transform\r\n",
    }
    let gzip = match fault {
        Fault::Gzip => true,
        Fault::GzipIfAsked | Fault::GzipInSpiteOfNoTransform => asks_for_gzip,
        _ => false,
    };
    if gzip {
        head += "content-encoding: gzip\r\n";
    }
    match (fault, request.header("origin")) {
        (Fault::AnyOrigin, _) => head += "access-control-allow-origin: *\r\n",
        (Fault::EveryOriginWithCookies, Some(origin)) => {
            head += &format!("access-control-allow-origin: {origin}\r\naccess-control-allow-credentials: true\r\n");
        }
        _ => {}
    }
    head + "\r\n"
}

/// What a reader missed, who had seen `last_id` and twenty more were sent.
fn replay(fault: Fault, last_id: Option<u64>) -> String {
    let Some(last) = last_id else { return String::new() };
    let missed: Vec<u64> = (last + 1..=last + 20).collect();
    let sent: Vec<u64> = match fault {
        Fault::NoResume => Vec::new(),
        Fault::Doubled => missed.iter().chain(&missed).copied().collect(),
        Fault::Hole => missed.iter().copied().filter(|n| *n != last + 3).collect(),
        _ => missed,
    };
    sent.into_iter().map(|n| event(fault, n)).collect()
}

fn event(fault: Fault, n: u64) -> String {
    let retry = match fault {
        Fault::NoRetry => "",
        Fault::RetryAtOnce => "retry: 1\n",
        _ => "retry: 3000\n",
    };
    let id = match fault {
        Fault::NoIds => String::new(),
        Fault::OneId => "id: 7\n".into(),
        _ => format!("id: {n}\n"),
    };
    format!("{retry}{id}data: {n}\n\n")
}
