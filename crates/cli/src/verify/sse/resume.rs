//! What a reader needs in order to go on after a break, and whether it works.

use std::{collections::BTreeSet, time::Duration};

use http::HeaderName;
use tokio::time::{Instant, timeout_at};

use super::stream::{Arrived, Next, open};
use crate::verify::{
    check::Finding,
    http::{Server, Version},
};

/// Longer than this, and a reader looks dead to its user.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// A reader that comes back in no time, with all others, is a flood after a restart.
const SHORTEST_RETRY: Duration = Duration::from_millis(100);
/// Events that are read after coming back.
const MOST_AFTER: usize = 1000;

pub(super) fn retry(events: &[Arrived]) -> Finding {
    if events.is_empty() {
        return Finding::skip("no event came");
    }
    match events.iter().find_map(|arrived| arrived.event.retry) {
        None => Finding::warn(
            "no retry: browsers wait between 3 and 5 s, each as it likes",
            "send retry: 3000 with the first event",
        ),
        Some(retry) if retry < SHORTEST_RETRY => Finding::warn(
            format!("retry: {}", retry.as_millis()),
            "after a restart all readers come at once: let them wait some seconds",
        ),
        Some(retry) if retry > LONGEST_RETRY => Finding::warn(
            format!("retry: {}", retry.as_millis()),
            "nobody waits for that long: some seconds are enough",
        ),
        Some(retry) => Finding::pass(format!("retry: {}", retry.as_millis())),
    }
}

pub(super) fn ids(events: &[Arrived]) -> Finding {
    let total = events.len();
    let with = events.iter().filter(|arrived| !arrived.event.id.is_empty()).count();
    let different: BTreeSet<&str> = events.iter().map(|arrived| arrived.event.id.as_str()).collect();
    match (total, with) {
        (0, _) => Finding::skip("no event came"),
        (_, 0) => Finding::warn(
            format!("none of {total} events has an id"),
            "without ids a reader that was cut off loses what came meanwhile: send id: with every event",
        ),
        _ if total > 1 && different.len() == 1 => Finding::fail(
            format!("all of {total} events have the same id"),
            "an id names one event",
        ),
        _ if with < total => Finding::warn(
            format!("{with} of {total} events have an id"),
            "a reader goes on after the last id that it saw: events without one come again or not at all",
        ),
        _ => Finding::pass(format!("all of {total} events")),
    }
    .seen_all(events.iter().take(3).map(|arrived| format!("id: {}", arrived.event.id)))
}

/// Goes on in the middle of what was seen, and holds what comes against the rest of it.
pub(super) async fn resume(
    server: &Server,
    version: Version,
    seen: &[Arrived],
    since: Instant,
    time: Duration,
) -> Finding {
    let named: Vec<&Arrived> = seen.iter().filter(|arrived| !arrived.event.id.is_empty()).collect();
    let Some((from, missed)) = middle(&named) else {
        return Finding::skip(format!("{} events with an id came: too few", named.len()));
    };
    let header = [(HeaderName::from_static("last-event-id"), from)];
    let mut opened = match open(server, version, &header).await {
        Ok(opened) => opened,
        Err(error) => return Finding::fail(format!("with Last-Event-ID there is no answer: {error}"), HINT),
    };
    if opened.status != http::StatusCode::OK {
        let measured = format!("with Last-Event-ID the answer is {}", opened.status.as_u16());
        return Finding::fail(
            measured,
            "a reader that gets an error gives up for ever: answer 200, and say in the stream what is lost",
        );
    }
    let until = Instant::now() + time;
    let mut after: Vec<Arrived> = Vec::new();
    while after.len() < MOST_AFTER {
        match timeout_at(until, opened.next()).await {
            Ok(Next::Event(event)) => after.push(event),
            Ok(Next::Comment(_)) => {}
            Ok(Next::Ended(_) | Next::Broken(_)) | Err(_) => break,
        }
        // What came live after the replay shows that nothing of it is still to come.
        if after.len() > missed.len() * 2 + 8 {
            break;
        }
    }
    let after: Vec<&str> = after.iter().map(|arrived| arrived.event.id.as_str()).collect();
    held_against(from, &missed, &after)
        .seen(format!(
            "after {:.1} s, with Last-Event-ID: {from}",
            since.elapsed().as_secs_f64()
        ))
        .seen(format!("then wanted: {}", missed.join(" ")))
        .seen(format!("then came: {}", after.join(" ")))
}

const HINT: &str =
    "keep the last events, and send those after Last-Event-ID before any new one; let the proxy pass the header";

/// The id of the event before the middle, and the ids after it.
fn middle<'a>(named: &[&'a Arrived]) -> Option<(&'a str, Vec<&'a str>)> {
    let ids: Vec<&str> = named.iter().map(|arrived| arrived.event.id.as_str()).collect();
    let (from, missed) = ids.get(ids.len().saturating_sub(1) / 2..)?.split_first()?;
    let missed: Vec<&str> = missed.iter().copied().filter(|id| id != from).collect();
    (!missed.is_empty()).then_some((*from, missed))
}

/// What came after coming back, against what was missed.
fn held_against(from: &str, missed: &[&str], after: &[&str]) -> Finding {
    // A greeting may repeat the id from which it goes on.
    let after: Vec<&str> = after
        .iter()
        .copied()
        .skip_while(|id| *id == from)
        .filter(|id| !id.is_empty())
        .collect();
    let mut times = std::collections::BTreeMap::new();
    for id in &after {
        *times.entry(*id).or_insert(0) += 1;
    }
    let lost = missed.iter().filter(|id| !times.contains_key(*id)).count();
    let doubled = times.values().filter(|times| **times > 1).count();
    let again = after.contains(&from);
    let replayed: Vec<&str> = after.iter().copied().filter(|id| missed.contains(id)).collect();
    let in_order = replayed == missed && after.starts_with(missed);
    let total = missed.len();
    if lost > 0 {
        Finding::fail(format!("{lost} of {total} missed events did not come back"), HINT)
    } else if doubled > 0 || again {
        let doubled = doubled + usize::from(again);
        Finding::fail(
            format!("{doubled} events came twice"),
            "send what is after Last-Event-ID, and each event once",
        )
    } else if !in_order {
        Finding::fail(format!("{total} missed events came back in another order"), HINT)
    } else {
        Finding::pass(format!("{total} missed events came back, none lost, none twice"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::check::Verdict::{Fail, Pass};

    #[test]
    fn what_was_missed_comes_back_once_and_in_order() {
        let missed = ["3", "4", "5"];
        for (after, verdict, wanted) in [
            (&["3", "4", "5", "6"][..], Pass, "3 missed events came back"),
            (&["2", "3", "4", "5"], Pass, "3 missed"), // hello goes on from 2
            (&["3", "4", "5"], Pass, "3 missed"),
            (&["6", "7"], Fail, "3 of 3 missed events did not"),
            (&[], Fail, "3 of 3"),
            (&["3", "5", "6"], Fail, "1 of 3"),
            (&["3", "3", "4", "5"], Fail, "1 events came twice"),
            (&["1", "2", "3", "4", "5"], Fail, "1 events came twice"),
            (&["3", "5", "4"], Fail, "another order"),
            (&["9", "3", "4", "5"], Fail, "another order"),
        ] {
            let finding = held_against("2", &missed, after);
            assert_eq!(finding.verdict, verdict, "{after:?} {finding:?}");
            assert!(finding.measured.contains(wanted), "{after:?} {finding:?}");
        }
    }
}
