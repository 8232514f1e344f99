//! One publisher: `POST` on one kept connection, on a schedule that waits for nobody, or flat out within a window.

use std::{thread, time::Duration};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    meter::{Shared, lock, stamped},
    stream::connect,
    way::Way,
};

const MOST_ANSWER_BYTES: usize = 16 * 1024;
/// When nothing arrives for so long, what has not arrived is taken for lost.
const STUCK: Duration = Duration::from_millis(250);

/// When the next message is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// So many a second, on a fixed schedule: a late message does not move those after it.
    Rate(f64),
    /// At once, while fewer than so many are not yet delivered to all.
    Window(u64),
}

/// What is published, how and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) way: Way,
    pub(crate) topic: String,
    pub(crate) pace: Pace,
    pub(crate) bytes: usize,
    pub(crate) receivers: usize,
}

impl Load {
    /// Publishes until `stop`, in a thread of its own, so that no message waits for thousands of receivers to have had
    /// their turn. Gives how many were published.
    pub(crate) async fn publish(self, meter: Shared, stop: CancellationToken) -> Result<u64, String> {
        let (tell, told) = oneshot::channel();
        let run = async move {
            let mut publisher = Publisher::open(&self.way, &self.topic).await?;
            publisher.run(&self, &meter, &stop).await
        };
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let outcome = runtime.map_err(|error| format!("the publisher has no thread: {error}"));
            let _ = tell.send(outcome.and_then(|runtime| runtime.block_on(run))); // nobody listens once it is interrupted
        });
        told.await
            .unwrap_or_else(|_| Err("the publisher's thread ended".into()))
    }
}

/// A kept connection for publishing.
#[derive(Debug)]
pub(crate) struct Publisher {
    tcp: TcpStream,
    head: String,
    patience: Duration,
    answer: Vec<u8>,
}

impl Publisher {
    pub(crate) async fn open(way: &Way, topic: &str) -> Result<Self, String> {
        let tcp = connect(way, 0).await;
        Ok(Self {
            tcp: tcp.map_err(|error| format!("the publisher cannot connect: {error}"))?,
            head: format!(
                "POST /api/topics/{topic} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n",
                way.host
            ),
            patience: way.patience,
            answer: Vec::new(),
        })
    }

    /// Publishes one message, and waits for the answer.
    pub(crate) async fn publish(&mut self, data: &str) -> Result<(), String> {
        let published = timeout(self.patience, self.exchange(data)).await;
        published.unwrap_or_else(|_| Err("the publisher is not answered".into()))
    }

    async fn exchange(&mut self, data: &str) -> Result<(), String> {
        let request = format!("{}Content-Length: {}\r\n\r\n{data}", self.head, data.len());
        let broke = |error| format!("the publisher's connection broke: {error}");
        self.tcp.write_all(request.as_bytes()).await.map_err(broke)?;
        self.answer.clear();
        loop {
            if self.tcp.read_buf(&mut self.answer).await.map_err(broke)? == 0 {
                return Err("the server closed the publisher's connection".into());
            }
            if let Some(status) = whole(&self.answer) {
                return match status {
                    b"200" | b"204" => Ok(()),
                    _ => Err(format!(
                        "the publisher was answered {}",
                        String::from_utf8_lossy(status)
                    )),
                };
            }
            if self.answer.len() > MOST_ANSWER_BYTES {
                return Err("the publisher's answer does not end".into());
            }
        }
    }

    /// Publishes until `stop`; gives how many.
    async fn run(&mut self, load: &Load, meter: &Shared, stop: &CancellationToken) -> Result<u64, String> {
        let receivers = load.receivers;
        let (start, mut number, mut forgiven) = (Instant::now(), 0_u64, 0_u64);
        let (start_us, base) = {
            let meter = lock(meter);
            (meter.now_us(), meter.deliveries)
        };
        loop {
            let due_us = match load.pace {
                Pace::Rate(hz) => {
                    let since = Duration::from_secs_f64(number as f64 / hz);
                    tokio::select! {
                        () = sleep_until(start + since) => {}
                        () = stop.cancelled() => return Ok(number),
                    }
                    start_us + super::stream::us(since)
                }
                Pace::Window(window) => {
                    while number.saturating_sub(arrived(meter, receivers, base, forgiven)) >= window {
                        let before = lock(meter).deliveries;
                        let delivered = lock(meter).delivered.clone();
                        tokio::select! {
                            () = delivered.notified() => {}
                            () = sleep(STUCK) => {
                                // A lane that may lose has lost; waiting for it would be for ever.
                                let deliveries = lock(meter).deliveries;
                                if deliveries == before {
                                    forgiven = (number * receivers as u64).saturating_sub(deliveries - base);
                                }
                            }
                            () = stop.cancelled() => return Ok(number),
                        }
                    }
                    lock(meter).now_us()
                }
            };
            if stop.is_cancelled() {
                return Ok(number);
            }
            self.publish(&stamped(due_us, number, load.bytes)).await?;
            number += 1;
        }
    }
}

/// How many messages are with everybody, or never will be.
fn arrived(meter: &Shared, receivers: usize, base: u64, forgiven: u64) -> u64 {
    (lock(meter).deliveries - base + forgiven) / receivers.max(1) as u64
}

/// The status of an answer that is there as a whole.
fn whole(answer: &[u8]) -> Option<&[u8]> {
    let end = memmem::find(answer, b"\r\n\r\n")?;
    let status = answer.get(9..12)?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    (answer.len() >= end + 4 + length.unwrap_or_default()).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_body() {
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(&b"204"[..]));
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), None);
        assert_eq!(
            whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
            Some(&b"200"[..])
        );
        assert_eq!(whole(b"HTTP/1.1 403 Forbidden\r\n"), None);
    }
}
