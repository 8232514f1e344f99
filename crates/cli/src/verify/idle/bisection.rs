//! The longest silence that survives, by many probes at once.
//!
//! A first round is silent for 1/32, 1/16 … and all of the time. Where a connection is cut in sight, the cut tells the limit
//! and the search is over. Where it dies unseen, the next rounds look between the longest silence that survived and the
//! shortest that did not.

use std::{future::Future, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};

/// Rounds of one search at most; each takes the longest of its silences.
pub(super) const ROUNDS: u32 = 3;
/// Probes of a round after the first.
const BETWEEN: u32 = 5;
/// Close enough: a twentieth of the limit.
const CLOSE: u32 = 20;

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// It was silent for as long as it was to be, and answers.
    Alive,
    /// It was cut in sight, after this much silence.
    Cut(Duration, String),
    /// It was silent, and does not answer any more.
    Dead,
    /// Somebody spoke, so silence is never longer than this.
    Spoken(Duration),
    /// It could not be tried.
    Failed(String),
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Silence of `max` survives.
    None,
    /// It was cut in sight after this much.
    Seen(Duration, String),
    /// It survives the first and not the second.
    Between(Duration, Duration),
    /// Nobody is silent for longer than this, and that survives.
    Spoken(Duration),
    /// Nothing was found out.
    Failed(String),
}

/// Searches up to `max`.
pub(super) async fn search<F: Future<Output = Probe>>(max: Duration, probe: impl Fn(Duration) -> F) -> Limit {
    let mut silences: Vec<Duration> = (0..=5).rev().map(|halvings| max / (1 << halvings)).collect();
    let (mut alive, mut dead) = (Duration::ZERO, None::<Duration>);
    for _ in 0..ROUNDS {
        let mut round: FuturesUnordered<_> = silences
            .iter()
            .map(|&silence| {
                let probed = probe(silence);
                async move { (silence, probed.await) }
            })
            .collect();
        let mut spoken = None;
        while let Some((silence, found)) = round.next().await {
            match found {
                Probe::Alive => alive = alive.max(silence),
                Probe::Cut(after, how) => return Limit::Seen(after, how),
                Probe::Dead => dead = Some(dead.map_or(silence, |dead| dead.min(silence))),
                Probe::Spoken(silence) => {
                    spoken = Some(spoken.map_or(silence, |longest: Duration| longest.max(silence)))
                }
                Probe::Failed(why) => return Limit::Failed(why),
            }
            // What is silent for longer than a silence that killed tells nothing more.
            if dead.is_some_and(|dead| alive < dead && silences.iter().all(|&s| s <= alive || s >= dead)) {
                break;
            }
        }
        let Some(dead) = dead else {
            return spoken.map_or(Limit::None, Limit::Spoken);
        };
        let width = dead.saturating_sub(alive);
        if width <= dead / CLOSE {
            break;
        }
        silences = (1..=BETWEEN).map(|part| alive + width * part / (BETWEEN + 1)).collect();
    }
    Limit::Between(alive, dead.unwrap_or(max))
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_cut_in_sight_ends_the_search_at_once() {
        let start = Instant::now();
        let limit = search(600 * SECOND, async |silence| {
            let life = 60 * SECOND;
            sleep(silence.min(life)).await; // the path's own time, which does not pass here
            if silence < life {
                Probe::Alive
            } else {
                Probe::Cut(life, "closed".into())
            }
        });
        assert_eq!(limit.await, Limit::Seen(60 * SECOND, "closed".into()));
        assert_eq!(start.elapsed(), 60 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unseen_death_is_closed_in_on() {
        for life in [61, 100, 350, 599] {
            let start = Instant::now();
            let limit = search(600 * SECOND, async |silence| {
                sleep(silence).await; // the path's own time
                if silence < life * SECOND {
                    Probe::Alive
                } else {
                    Probe::Dead
                }
            })
            .await;
            let Limit::Between(alive, dead) = limit else {
                panic!("{limit:?}")
            };
            assert!(
                alive < life * SECOND && life * SECOND <= dead,
                "{life}: {alive:?} {dead:?}"
            );
            assert!(dead - alive <= dead / 10, "{life}: {alive:?} {dead:?}");
            assert!(start.elapsed() <= ROUNDS * 600 * SECOND);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_survives_has_no_limit() {
        let alive = search(SECOND, async |_| Probe::Alive).await;
        assert_eq!(alive, Limit::None);
        let spoken = search(40 * SECOND, async |silence| match silence > 15 * SECOND {
            true => Probe::Spoken(15 * SECOND),
            false => Probe::Alive,
        });
        assert_eq!(spoken.await, Limit::Spoken(15 * SECOND));
        let failed = search(SECOND, async |_| Probe::Failed("503".into())).await;
        assert_eq!(failed, Limit::Failed("503".into()));
    }
}
