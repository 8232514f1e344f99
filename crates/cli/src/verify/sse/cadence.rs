//! Whether events came as they were sent: STREAMING, BATCHED, or HELD-UNTIL-CLOSE.
//!
//! A wirelab's events carry the moment at which they were sent. How late each is beyond the least late of them needs no
//! common clock. Any other server's events are held against their own rhythm: those that come in one instant, again and
//! again, with silence between, were either sent like that or gathered on the way, and only `--direct` tells which.

use std::time::Duration;

use tokio::time::Instant;

use super::stream::Arrived;
use crate::verify::check::Finding;

/// Events closer than this came in one piece.
const ONE_PIECE: Duration = Duration::from_millis(5);
/// Later than this beyond the usual is held back.
const LATE: Duration = Duration::from_millis(250);
/// A lump of a server that tells nothing is one if silence of at least this is before it.
const SILENCE: Duration = Duration::from_millis(400);
/// So many lumps are a habit.
const A_HABIT: usize = 3;

const HINT: &str = "something on the way gathers events: nginx: proxy_buffering off and gzip off; or send X-Accel-Buffering: \
no; or the server does not flush after each event";

/// How a stream ended while it was watched.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It did not.
    Open,
    Closed(Instant),
    Broken(String),
}

/// Not even the head came.
pub(super) fn held_back() -> Finding {
    Finding::fail(
        "HELD-UNTIL-CLOSE: not even the answer's head came, though HEAD is answered",
        HINT,
    )
}

/// What came since `asked_at`, in `time` at most.
pub(super) fn judge(events: &[Arrived], asked_at: Instant, end: &End, time: Duration, is_wirelab: bool) -> Finding {
    let finding = match end {
        End::Broken(why) => Finding::fail(
            format!("BROKEN after {} events: {why}", events.len()),
            "the stream is no event stream in UTF-8, or was cut on the way",
        ),
        End::Closed(at) if is_gathered_until(events, asked_at, *at) => {
            let waited = at.duration_since(asked_at);
            let measured = format!(
                "HELD-UNTIL-CLOSE: {} events came together after {}",
                events.len(),
                secs(waited)
            );
            Finding::fail(measured, HINT)
        }
        End::Closed(_) | End::Open if is_wirelab => against_stamps(events, time),
        End::Closed(_) | End::Open => against_its_rhythm(events, time),
    };
    let first = events.first().map(|first| first.at.duration_since(asked_at));
    finding
        .seen(format!("{} events in {} at most", events.len(), secs(time)))
        .seen_all(first.map(|first| format!("the first after {}", ms(first))))
        .seen_all((!events.is_empty()).then(|| format!("gaps, ms: {}", gaps(events))))
}

/// All events came at once, long after they were asked for, and then it was over.
fn is_gathered_until(events: &[Arrived], asked_at: Instant, closed_at: Instant) -> bool {
    let [first, .., last] = events else { return false };
    let together = last.at.duration_since(first.at) < 2 * ONE_PIECE;
    let at_the_end = closed_at.duration_since(last.at) < SILENCE;
    together && at_the_end && first.at.duration_since(asked_at) >= SILENCE
}

/// With the sender's stamps.
fn against_stamps(events: &[Arrived], time: Duration) -> Finding {
    let stamped: Vec<(Instant, u64)> = events
        .iter()
        .filter_map(|arrived| Some((arrived.at, stamp(&arrived.event.data)?)))
        .collect();
    let (Some(&(start, first_us)), true) = (stamped.first(), stamped.len() >= 4) else {
        let measured = format!(
            "HELD-UNTIL-CLOSE: {} of about {} events came",
            stamped.len(),
            time.as_secs_f64() * 10.0
        );
        return Finding::fail(measured, HINT);
    };
    // Arrival less sending, up to a constant that the least of them takes away.
    let late_us = |&(at, sent_us): &(Instant, u64)| {
        at.duration_since(start).as_micros() as i64 - (sent_us as i64 - first_us as i64)
    };
    let least = stamped.iter().map(late_us).min().unwrap_or_default();
    let mut late: Vec<Duration> = stamped
        .iter()
        .map(|one| Duration::from_micros((late_us(one) - least).unsigned_abs()))
        .collect();
    late.sort();
    let (middle, worst) = (late[late.len() / 2], late[late.len() - 1]);
    let lumps = lumps(stamped.iter().map(|(at, _)| *at));
    let size = stamped.len() as f64 / lumps.len() as f64;
    let measure = format!(
        "{} events, half at most {} late, the latest {}",
        stamped.len(),
        ms(middle),
        ms(worst)
    );
    if worst >= LATE && size >= 1.5 {
        let measured = format!(
            "BATCHED: lumps of {size:.1} events on average, up to {} late",
            ms(worst)
        );
        Finding::fail(measured, HINT).seen(measure)
    } else if middle >= LATE {
        Finding::warn(
            format!("LATE: {measure}"),
            "the path is slow or overloaded, and its delay changes",
        )
    } else {
        Finding::pass(format!("STREAMING: {measure}"))
    }
}

/// With nothing but the moments of arrival.
fn against_its_rhythm(events: &[Arrived], time: Duration) -> Finding {
    if events.len() < 2 {
        return Finding::skip(format!(
            "{} events in {}: too few to see a rhythm; --watch watches for longer",
            events.len(),
            secs(time)
        ));
    }
    let lumps = lumps(events.iter().map(|arrived| arrived.at));
    let in_lumps: Vec<&Lump> = lumps.iter().filter(|lump| lump.events >= 2).collect();
    let silences = lumps.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
    let mut silences: Vec<Duration> = silences.collect();
    silences.sort();
    let longest = silences.last().copied().unwrap_or_default();
    let usual = silences.get(silences.len() / 2).copied().unwrap_or_default();
    let size = events.len() as f64 / lumps.len() as f64;
    if in_lumps.len() >= A_HABIT && usual >= SILENCE && size >= 2.0 {
        let measured = format!(
            "BATCHED: {} lumps of {size:.1} events on average, up to {} apart",
            lumps.len(),
            ms(longest)
        );
        let hint = format!("either the server sends like that, or {HINT}. Compare with --direct");
        return Finding::fail(measured, hint);
    }
    Finding::pass(format!(
        "STREAMING: {} events, at most {} apart",
        events.len(),
        ms(longest)
    ))
}

/// Events that came in one piece.
#[derive(Clone, Copy, Debug)]
struct Lump {
    at: Instant,
    events: usize,
}

fn lumps(arrivals: impl Iterator<Item = Instant>) -> Vec<Lump> {
    let mut lumps: Vec<(Lump, Instant)> = Vec::new();
    for at in arrivals {
        match lumps.last_mut() {
            Some((lump, last)) if at.duration_since(*last) < ONE_PIECE => {
                lump.events += 1;
                *last = at;
            }
            _ => lumps.push((Lump { at, events: 1 }, at)),
        }
    }
    lumps.into_iter().map(|(lump, _)| lump).collect()
}

/// When a wirelab sent it.
fn stamp(data: &str) -> Option<u64> {
    let frame: serde_json::Value = serde_json::from_str(data).ok()?;
    (frame["type"] == "message").then(|| frame["sent_us"].as_u64())?
}

fn gaps(events: &[Arrived]) -> String {
    const SHOWN: usize = 20;
    let gaps = events.windows(2).take(SHOWN);
    let gaps = gaps.map(|pair| pair[1].at.duration_since(pair[0].at).as_millis().to_string());
    gaps.collect::<Vec<_>>().join(" ")
}

pub(super) fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

pub(super) fn secs(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use eventsource_stream::Event;

    use super::*;
    use crate::verify::check::Verdict::{self, Fail, Pass, Skip, Warn};

    const WATCHED: Duration = Duration::from_secs(4);

    /// Events that were sent and came at these milliseconds.
    fn judged(times_ms: impl IntoIterator<Item = (u64, u64)>, is_wirelab: bool) -> (Verdict, String) {
        let start = Instant::now();
        let events: Vec<Arrived> = times_ms
            .into_iter()
            .map(|(sent_ms, came_ms)| Arrived {
                event: Event {
                    data: format!(r#"{{"type":"message","sent_us":{}}}"#, 1_000_000 + sent_ms * 1000),
                    ..Event::default()
                },
                at: start + Duration::from_millis(came_ms),
            })
            .collect();
        let finding = judge(&events, start, &End::Open, WATCHED, is_wirelab);
        (finding.verdict, finding.measured)
    }

    #[test]
    fn what_comes_one_by_one_streams() {
        let steady = (0..40).map(|n| (n * 100, n * 100 + 30 + n % 7));
        let (verdict, measured) = judged(steady.clone(), true);
        assert!(
            verdict == Pass && measured.starts_with("STREAMING: 40 events"),
            "{measured}"
        );
        assert_eq!(judged(steady, false).0, Pass);
        // One lost packet holds two events back, and no proxy is to blame.
        let hiccup = (0..40).map(|n| (n * 100, if n == 7 { 830 } else { n * 100 + 30 }));
        assert_eq!(judged(hiccup, true).0, Pass);
    }

    #[test]
    fn what_comes_in_lumps_is_batched() {
        let lumps = |n: u64| (n * 100, n / 10 * 1000 + 1000);
        let (verdict, measured) = judged((0..40).map(lumps), true);
        assert_eq!(
            (verdict, measured.as_str()),
            (Fail, "BATCHED: lumps of 10.0 events on average, up to 900 ms late")
        );
        let (verdict, measured) = judged((0..40).map(lumps), false);
        assert!(
            verdict == Fail && measured.starts_with("BATCHED: 4 lumps of 10.0"),
            "{measured}"
        );
        // A server that sends two at a time, all the time, does so by itself.
        let pairs = (0..40).map(|n| (0, n / 2 * 100));
        assert_eq!(judged(pairs, false).0, Pass);
    }

    #[test]
    fn what_does_not_come_is_held() {
        let (verdict, measured) = judged([], true);
        assert!(
            verdict == Fail && measured.starts_with("HELD-UNTIL-CLOSE: 0 of about 40"),
            "{measured}"
        );
        assert_eq!(judged([], false).0, Skip, "a foreign server may have nothing to say");
        let growing = (0..40).map(|n| (n * 100, n * 100 + n * 20));
        assert_eq!(judged(growing, true).0, Warn);
    }

    #[test]
    fn what_comes_at_the_end_was_held_until_then() {
        let start = Instant::now();
        let closed = start + Duration::from_secs(2);
        let event = Arrived {
            event: Event::default(),
            at: closed,
        };
        let finding = judge(&[event.clone(), event], start, &End::Closed(closed), WATCHED, false);
        assert!(
            finding
                .measured
                .starts_with("HELD-UNTIL-CLOSE: 2 events came together after 2.0 s"),
            "{finding:?}"
        );
    }
}
