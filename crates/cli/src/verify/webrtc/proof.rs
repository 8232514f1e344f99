//! What a channel is, proven by what it does when a datagram is lost on our own stretch of the path.
//!
//! A topic of large messages is read on the channel, one in each datagram. One is lost, the next one passes and everything
//! else waits ([`gate`](super::gate)): does its message come out? Then all is let go: does the lost one come after all?

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use tokio::time::{Instant, timeout_at};
use wirelab_model::frame::{Channel, Received};
use wirelab_transport::webrtc::Client;

use super::{super::check::Finding, gate::Stage, path::Path};

/// What is read: twenty messages a second, each so large that no two fit into one datagram.
const TOPIC: &str = "tick.20.900";
/// A datagram of this size holds one of them; acknowledgements and heartbeats are smaller.
const LARGE_BYTES: usize = 800;
/// Messages before the first loss.
const WARM_UP: usize = 5;
/// Messages between one loss and the next.
const BETWEEN: usize = 3;
/// Datagrams lost, one after the other.
const ROUNDS: usize = 3;
/// How long what has to come may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an unordered channel may take to hand on what has arrived.
const HAND_ON: Duration = Duration::from_secs(2);
/// How long an ordered one is watched for what it must not hand on: many times what an unordered one takes.
const WATCH: Duration = Duration::from_millis(500);
/// How long what was lost is waited for: SCTP repeats after a second at the latest, unless it is lost again.
const LINGER: Duration = Duration::from_secs(3);

/// What the rounds came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Datagrams lost on purpose.
    pub(super) lost: u64,
    /// Rounds in which a later message came out while the lost one was missing.
    pub(super) overtaken: usize,
    /// Messages that came after a later one.
    pub(super) late: u64,
    /// Messages that never came, and were not told to be skipped.
    pub(super) missing: u64,
    /// Messages that the server told it had skipped.
    pub(super) skipped: u64,
    /// Messages that came.
    pub(super) received: u64,
    /// The longest time between two messages.
    pub(super) longest_gap: Duration,
    /// After a loss nothing more came at all.
    pub(super) stalled: bool,
}

/// Reads the topic on a channel through the losses.
///
/// # Errors
/// It could not be read; the text says why.
pub(super) async fn watch(client: &mut Client, path: &Path, channel: Channel) -> Result<Seen, String> {
    let mut reading = Reading::start(client, channel).await?;
    let (before, _) = path.lost();
    let (mut overtaken, mut stalled) = (0, false);
    let done = async {
        reading.some(WARM_UP).await?;
        for _ in 0..ROUNDS {
            overtaken += usize::from(reading.round(path).await?);
            stalled = !reading.goes_on().await?;
            if stalled {
                return Ok(());
            }
        }
        // What is late may still come; on a reliable channel all has to.
        reading.until(Instant::now() + LINGER).await?;
        let end = Instant::now() + PATIENCE;
        while channel == Channel::Control && reading.missing() > 0 && reading.next(end).await? {}
        Ok(())
    };
    let done: Result<(), String> = done.await;
    path.release().await;
    reading.stop().await;
    done?;
    let (lost, overflowed) = path.lost();
    if overflowed > 0 {
        return Err("more was sent than could be held back".into());
    }
    Ok(Seen {
        lost: lost - before,
        overtaken,
        late: reading.late,
        missing: reading.missing(),
        skipped: reading.skipped,
        received: reading.offsets.len() as u64,
        longest_gap: reading.longest_gap,
        stalled,
    })
}

/// A topic that is read on one channel.
struct Reading<'a> {
    client: &'a mut Client,
    channel: Channel,
    offsets: BTreeSet<u64>,
    late: u64,
    skipped: u64,
    last: Option<Instant>,
    longest_gap: Duration,
    /// A message has come that leaves out an earlier one, while that was lost.
    has_hole: bool,
}

impl<'a> Reading<'a> {
    async fn start(client: &'a mut Client, channel: Channel) -> Result<Self, String> {
        let command = json!({ "type": "subscribe", "id": 1, "topic": TOPIC, "channel": channel });
        client
            .send(&command.to_string())
            .await
            .map_err(|error| error.to_string())?;
        let mut reading = Self {
            client,
            channel,
            offsets: BTreeSet::new(),
            late: 0,
            skipped: 0,
            last: None,
            longest_gap: Duration::ZERO,
            has_hole: false,
        };
        reading.some(1).await?;
        Ok(reading)
    }

    /// Waits for so many messages.
    async fn some(&mut self, count: usize) -> Result<(), String> {
        let (wanted, end) = (self.offsets.len() + count, Instant::now() + PATIENCE);
        while self.offsets.len() < wanted {
            if !self.next(end).await? {
                return Err(format!(
                    "{TOPIC} brought {} messages in {} s",
                    self.offsets.len(),
                    PATIENCE.as_secs()
                ));
            }
        }
        Ok(())
    }

    /// Reads until `end`.
    async fn until(&mut self, end: Instant) -> Result<(), String> {
        while self.next(end).await? {}
        Ok(())
    }

    /// One datagram is lost. Says whether a later message came out without it.
    async fn round(&mut self, path: &Path) -> Result<bool, String> {
        let mut stage = path.stage();
        path.arm(LARGE_BYTES);
        let end = Instant::now() + PATIENCE;
        self.has_hole = false;
        loop {
            let at = *stage.borrow_and_update();
            if at == Stage::Holding {
                break;
            }
            if Instant::now() >= end {
                return Err("no message came in a datagram of its own".into());
            }
            tokio::select! {
                read = self.read(end, at == Stage::Lost) => { read?; }
                _ = stage.changed() => {}
            }
        }
        let patience = if self.channel == Channel::State { HAND_ON } else { WATCH };
        let end = Instant::now() + patience;
        while !self.has_hole && self.read(end, true).await? {}
        let overtaken = self.has_hole;
        path.release().await;
        Ok(overtaken)
    }

    /// Whether messages come again, once everything is let go.
    async fn goes_on(&mut self) -> Result<bool, String> {
        let (wanted, end) = (self.offsets.len() + BETWEEN, Instant::now() + PATIENCE);
        while self.offsets.len() < wanted && self.next(end).await? {}
        Ok(self.offsets.len() >= wanted)
    }

    async fn next(&mut self, end: Instant) -> Result<bool, String> {
        self.read(end, false).await
    }

    /// Takes the next frame; false when none came until `end`. `lost` says that one is missing on purpose.
    async fn read(&mut self, end: Instant, lost: bool) -> Result<bool, String> {
        let Ok(next) = timeout_at(end, self.client.next()).await else {
            return Ok(false);
        };
        let (_, arrived) = next.map_err(|error| error.to_string())?.ok_or("the connection ended")?;
        match arrived.frame {
            Received::Message { topic, cursor, .. } if topic.as_str() == TOPIC => self.take(cursor.offset, lost),
            Received::Gap { topic, count, .. } if topic.as_str() == TOPIC => self.skipped += count,
            Received::Error { message, .. } => return Err(format!("the server refuses: {message}")),
            _ => {}
        }
        Ok(Instant::now() < end)
    }

    fn take(&mut self, offset: u64, lost: bool) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.longest_gap = self.longest_gap.max(now - last);
        }
        if let Some(&newest) = self.offsets.last() {
            self.late += u64::from(offset < newest);
            self.has_hole |= lost && offset > newest + 1;
        }
        self.offsets.insert(offset);
    }

    /// Messages between the first and the last that did not come, without those that were told to be skipped.
    fn missing(&self) -> u64 {
        let span = self
            .offsets
            .last()
            .zip(self.offsets.first())
            .map_or(0, |(last, first)| last - first + 1);
        (span - self.offsets.len() as u64).saturating_sub(self.skipped)
    }

    async fn stop(&mut self) {
        let command = json!({ "type": "unsubscribe", "id": 2, "topic": TOPIC });
        if self.client.send(&command.to_string()).await.is_err() {
            return; // who is gone sends nothing more
        }
        let ended = async {
            while let Ok(Some((_, arrived))) = self.client.next().await {
                if matches!(arrived.frame, Received::Unsubscribed { .. }) {
                    return;
                }
            }
        };
        let _ = timeout_at(Instant::now() + PATIENCE, ended).await; // the next check says what does not work
    }
}

/// What a channel has to be that promises nothing.
pub(super) fn is_unreliable(seen: &Seen) -> Finding {
    let Seen { lost, overtaken, .. } = *seen;
    if seen.stalled {
        return stall(seen);
    }
    // Not whether any came late: a network may change the order, and only a repetition brings back what was lost.
    let finding = match (overtaken > 0, seen.missing >= lost) {
        (true, true) => Finding::pass(format!(
            "{lost} of {lost} lost messages stayed lost, and later ones overtook them"
        )),
        (true, false) => Finding::fail(
            format!(
                "{} of {lost} lost messages came all the same, late: it is reliable",
                lost - seen.missing.min(lost)
            ),
            "whoever sends repeats what was lost: make the channel with maxRetransmits: 0 where it is sent from; a channel \
             that was opened in-band may be reliable there whatever it asked for, so negotiate it on both ends",
        ),
        (false, true) => Finding::fail(
            "later messages waited for lost ones that never came: it is ordered",
            "one lost datagram holds back everything newer: make the channel with ordered: false where it is sent from",
        ),
        (false, false) => Finding::fail(
            "later messages waited, and the lost ones came: it is ordered and reliable",
            "it is a TCP connection with other means: make the channel with ordered: false and maxRetransmits: 0 where it \
             is sent from, and negotiate it on both ends (an in-band channel may ignore what it was asked for)",
        ),
    };
    finding.seen_all(evidence(seen))
}

/// What a channel has to be that promises everything.
pub(super) fn is_reliable(seen: &Seen) -> Finding {
    if seen.stalled {
        return stall(seen);
    }
    let finding = if seen.missing > 0 {
        Finding::fail(
            format!("{} messages never came: it is not reliable", seen.missing),
            "commands and answers go over it: make the channel without maxRetransmits and maxPacketLifeTime where it is \
             sent from",
        )
    } else if seen.overtaken > 0 || seen.late > 0 {
        Finding::fail(
            "later messages overtook lost ones: it is not ordered",
            "who reads it counts on the order: make the channel with ordered: true where it is sent from",
        )
    } else {
        Finding::pass(format!(
            "{lost} of {lost} lost messages came in their place; the longest wait was {} ms",
            seen.longest_gap.as_millis(),
            lost = seen.lost
        ))
    };
    finding.seen_all(evidence(seen))
}

fn stall(seen: &Seen) -> Finding {
    let finding = if seen.overtaken > 0 {
        Finding::fail(
            format!(
                "after a lost message one more came, and then none for {} s",
                PATIENCE.as_secs()
            ),
            "the channel does not outlive a loss: look at the SCTP of whoever sends",
        )
    } else {
        Finding::fail(
            format!(
                "later messages waited for a lost one that did not come in {} s: it is ordered",
                PATIENCE.as_secs()
            ),
            "whoever sends neither repeats what was lost nor says that it gave it up: make state with ordered: false, and \
             control without maxRetransmits",
        )
    };
    finding.seen_all(evidence(seen))
}

fn evidence(seen: &Seen) -> [String; 2] {
    [
        format!(
            "{} datagrams lost on our side of the path; in {} rounds of {ROUNDS} a later message came out",
            seen.lost, seen.overtaken
        ),
        format!(
            "{} messages received, {} of them after a later one, {} never, {} skipped by the server; longest gap {} ms",
            seen.received,
            seen.late,
            seen.missing,
            seen.skipped,
            seen.longest_gap.as_millis()
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{super::super::check::Verdict, *};

    fn seen(overtaken: usize, late: u64, missing: u64) -> Seen {
        Seen {
            lost: 3,
            overtaken,
            late,
            missing,
            received: 100,
            ..Seen::default()
        }
    }

    #[test]
    fn a_channel_that_a_loss_ends_is_neither() {
        for overtaken in [0, 1] {
            let ended = Seen {
                stalled: true,
                ..seen(overtaken, 0, 0)
            };
            for finding in [is_unreliable(&ended), is_reliable(&ended)] {
                assert_eq!(finding.verdict, Verdict::Fail, "{finding:?}");
            }
        }
    }

    #[test]
    fn each_of_the_four_kinds_of_channel_is_told_from_the_others() {
        for (seen, unreliable, reliable) in [
            (seen(3, 0, 3), None, Some("not reliable")), // unordered, unreliable
            (seen(3, 3, 0), Some("it is reliable"), Some("not ordered")), // unordered, reliable
            (seen(0, 0, 3), Some("it is ordered"), Some("not reliable")), // ordered, unreliable
            (seen(0, 0, 0), Some("ordered and reliable"), None), // ordered, reliable
        ] {
            for (finding, wanted) in [(is_unreliable(&seen), unreliable), (is_reliable(&seen), reliable)] {
                match wanted {
                    None => assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}"),
                    Some(words) => {
                        assert!(
                            finding.verdict == Verdict::Fail && finding.measured.contains(words),
                            "{finding:?}"
                        );
                    }
                }
            }
        }
    }
}
