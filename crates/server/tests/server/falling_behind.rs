//! A reader that stops reading for a while and goes on, under each policy and on each lane: what it gets and what it is
//! told is missing make up exactly what was published.

use wirelab_model::{
    Cursor, Transport,
    frame::{GapReason, Received},
};

use crate::support::{Client, Peer, Seen, Server, Way, soon};

/// Messages that no kernel keeps for a reader that does not read: 40 KB each.
const MESSAGES: u64 = 100;
const KEPT: usize = 8;

/// Publishes more than sockets hold while nobody reads.
async fn overwhelm(server: &Server) -> Vec<Cursor> {
    let (mut peer, data): (Peer, _) = (server.connect().await, format!("\"{}\"", "x".repeat(40_000)));
    let mut cursors = Vec::new();
    for _ in 0..MESSAGES {
        cursors.push(peer.publish("a", &data).await);
    }
    cursors
}

/// What a reader saw, told apart.
#[derive(Debug, Default)]
struct Account {
    messages: Vec<u64>,
    /// First, last and reason of what was skipped.
    gaps: Vec<(u64, u64, GapReason)>,
    end: Option<Seen>,
}

impl Account {
    /// Reads until the newest message or the end.
    async fn of(mut client: Client, newest: Cursor) -> Self {
        let mut account = Self::default();
        loop {
            match client.next().await {
                Seen::Frame(Received::Message { cursor, .. }) => {
                    account.messages.push(cursor.offset);
                    if cursor == newest {
                        return account;
                    }
                }
                Seen::Frame(Received::Gap {
                    topic,
                    from,
                    to,
                    count,
                    reason,
                }) => {
                    assert_eq!(
                        (topic.as_str(), from.epoch, to.epoch),
                        ("a", newest.epoch, newest.epoch)
                    );
                    assert_eq!(count, to.offset - from.offset + 1);
                    account.gaps.push((from.offset, to.offset, reason));
                }
                end => {
                    account.end = Some(end);
                    if !matches!(account.end, Some(Seen::Frame(_))) {
                        return account;
                    }
                }
            }
        }
    }

    /// Messages and gaps, side by side, are one to the newest, once.
    fn is_complete(&self) {
        let mut all: Vec<(u64, u64)> = self.messages.iter().map(|offset| (*offset, *offset)).collect();
        all.extend(self.gaps.iter().map(|(from, to, _)| (*from, *to)));
        assert!(self.messages.is_sorted());
        all.sort_unstable();
        let mut next = 1;
        for (from, to) in all {
            assert_eq!(from, next, "{self:?}");
            next = to + 1;
        }
        assert_eq!(next, MESSAGES + 1, "{self:?}");
    }
}

/// Every lane, and those that TLS and HTTP/2 can carry once more over each.
fn carried() -> impl Iterator<Item = (Way, Transport)> {
    let all = Way::ALL
        .into_iter()
        .flat_map(|way| Transport::ALL.map(|lane| (way, lane)));
    all.filter(|(way, lane)| *way == Way::Plain || *lane != Transport::DataChannel)
}

async fn stopped_reader(way: Way, lane: Transport, policy: &str) -> (Server, Account) {
    let server = Server::over_with(way, |config| config.feed.ring_messages = KEPT);
    let (client, _) = Client::greeted(&server, lane, &format!("topic=a&policy={policy}")).await;
    client.stop_reading();
    let cursors = overwhelm(&server).await;
    client.read_again();
    let account = soon(
        "the reader to catch up",
        Account::of(client, cursors[cursors.len() - 1]),
    )
    .await;
    (server, account)
}

fn skipped(lane: Transport, reason: &str) -> String {
    format!("messages_skipped_total{{lane=\"{}\",reason={reason:?}}}", lane.id())
}

#[tokio::test(flavor = "multi_thread")]
async fn gap_names_what_is_missing_and_goes_on_from_the_oldest_kept() {
    for (way, lane) in carried() {
        let (server, account) = stopped_reader(way, lane, "gap").await;
        account.is_complete();
        assert!(account.gaps.iter().all(|(_, _, reason)| *reason == GapReason::Slow) && !account.gaps.is_empty());
        let oldest = MESSAGES - KEPT as u64 + 1;
        assert!(
            account.messages.ends_with(&(oldest..=MESSAGES).collect::<Vec<_>>()),
            "{way:?} {lane:?}: {account:?}"
        );
        let count: u64 = account.gaps.iter().map(|(from, to, _)| to - from + 1).sum();
        server.until(&skipped(lane, "slow"), count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_skips_to_the_newest_and_names_what_it_skipped() {
    for (way, lane) in carried() {
        let (server, account) = stopped_reader(way, lane, "latest").await;
        account.is_complete();
        assert!(account.gaps.iter().all(|(_, _, reason)| *reason == GapReason::Latest) && !account.gaps.is_empty());
        let count: u64 = account.gaps.iter().map(|(from, to, _)| to - from + 1).sum();
        assert!(count > MESSAGES / 2, "{way:?} {lane:?}: {account:?}");
        server.until(&skipped(lane, "latest"), count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnect_ends_the_connection_and_a_resume_names_what_is_missing() {
    for (way, lane) in carried() {
        let (server, account) = stopped_reader(way, lane, "disconnect").await;
        assert_eq!(account.gaps, [], "{way:?} {lane:?}");
        // What is on its way to a peer when its connection ends may be lost with it, all of it on a busy machine.
        let may_lose_all = lane == Transport::DataChannel;
        let last = match account.messages.last() {
            Some(last) => *last,
            None if may_lose_all => 0,
            None => panic!("the first messages fit: {way:?} {lane:?} {account:?}"),
        };
        assert!(
            account.messages.iter().copied().eq(1..=last) && last < MESSAGES,
            "{way:?} {lane:?}: {account:?}"
        );
        let code = if lane == Transport::WebSocket { Some(4001) } else { None };
        assert_eq!(account.end, Some(Seen::End(code)), "{way:?} {lane:?}");
        server
            .until(
                &format!("connections_closed_total{{lane=\"{}\",reason=\"slow\"}}", lane.id()),
                1,
            )
            .await;

        let epoch = server.publish("a", "1").await.epoch;
        let from = Cursor::new(epoch, last);
        let (mut client, _) = Client::greeted(&server, lane, &format!("topic=a&cursor={from}")).await;
        let Received::Resync {
            missed_from, missed_to, ..
        } = client.frame().await
        else {
            panic!("the ring moved on")
        };
        let oldest = MESSAGES + 1 - KEPT as u64 + 1;
        assert_eq!(missed_from.map(|cursor| cursor.offset), Some(last + 1));
        assert_eq!(missed_to.map(|cursor| cursor.offset), Some(oldest - 1));
        for offset in oldest..=MESSAGES + 1 {
            assert_eq!(client.message().await.1, Cursor::new(epoch, offset));
        }
    }
}

/// A replay is paced by its reader and never counts as falling behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_replay_is_complete_under_every_policy() {
    let server = Server::with(|config| config.feed.ring_bytes = 64 << 20);
    let cursors = overwhelm(&server).await;
    for lane in Transport::ALL {
        for policy in ["gap", "latest", "disconnect"] {
            let start = Cursor::new(cursors[0].epoch, 0);
            let (mut client, _) =
                Client::greeted(&server, lane, &format!("topic=a&policy={policy}&cursor={start}")).await;
            for cursor in &cursors {
                assert_eq!(client.message().await.1, *cursor, "{lane:?} {policy}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_reader_does_not_hold_up_the_others() {
    let server = Server::with(|config| config.feed.ring_messages = KEPT);
    let mut stopped = Vec::new();
    for lane in Transport::ALL {
        let (client, _) = Client::greeted(&server, lane, "topic=a").await;
        client.stop_reading();
        stopped.push(client);
    }
    let data = format!("\"{}\"", "x".repeat(40_000));
    let (mut publisher, (mut reader, _)) = (
        server.connect().await,
        Client::greeted(&server, Transport::Sse, "topic=a").await,
    );
    for _ in 0..MESSAGES {
        let cursor = publisher.publish("a", &data).await;
        assert_eq!(reader.message().await.1, cursor);
    }
}
