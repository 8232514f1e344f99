//! What is needed to repeat it and to read it: the setting, the machine, the command, the meaning of the figures.

use super::words::{bytes, escaped, time, ways};
use crate::compare::result::{Comparison, PointResult};

/// What each figure means, in short.
const MEANINGS: [(&str, &str); 13] = [
    (
        "Delivered",
        "Messages received at least once, of those published in the window. What comes after the drain time counts as lost.",
    ),
    (
        "Latency",
        "From the publisher's stamp to the first line of code that sees the bytes, on one clock. Of the messages that came, half were at least as fast as p50, 99 % as fast as p99. Publishers keep to a fixed schedule and wait for nobody, so a stall does not hide the messages behind it.",
    ),
    (
        "Age",
        "At each moment, how long ago the newest message received was sent: how stale the picture is. It rises until something newer comes. Late and old messages do not lower it. The mean is over time; 99 % of the time it was at most p99.",
    ),
    (
        "Longest gap",
        "The longest time between two fresh messages. Fresh is a message sent later than all before it.",
    ),
    (
        "Freezes",
        "Gaps long enough to be seen: at least three periods of the schedule, and at least one period and 150 ms. How many, and how long together.",
    ),
    (
        "On time",
        "Messages that took at most 50 ms longer than the link's own delay, of those published. A lost message is not on time.",
    ),
    (
        "Reordered",
        "Messages that came after one published later, of those that came.",
    ),
    (
        "Jitter",
        "How much the time on the way changes from one arrival to the next, smoothed as in RFC 3550.",
    ),
    (
        "Wire down, up",
        "Bytes of IP packets that the lane's link carried within the window: from the server and to it, with headers, acknowledgements and what was sent again.",
    ),
    (
        "Open",
        "From the first packet to the first message: all handshakes that the transport needs.",
    ),
    (
        "Median run, spread",
        "Each setting runs once with each seed. What is quoted is the run in the middle by age p99; the spread goes from the least to the most of all runs.",
    ),
    (
        "Disturbed",
        "A run in which the link let packets out a millisecond or more too late (99th percentile), or more than 0.1 % of the publisher's ticks were missed. Its figures are not to be trusted.",
    ),
    (
        "References",
        "TCP and UDP with nothing on top: what the kernel does by itself on the same link.",
    ),
];

/// The last sections of the page.
pub(super) fn sections(comparison: &Comparison) -> String {
    let machine = &comparison.machine;
    let machine = [
        ("Operating system", escaped(&machine.os)),
        ("Kernel", escaped(&machine.kernel)),
        ("Processor", escaped(&machine.cpu)),
        ("Cores", machine.cores.to_string()),
    ];
    let meanings = MEANINGS.map(|(name, meaning)| (name, meaning.to_string()));
    format!(
        "<section id=\"setting\">\n<h2>The setting</h2>\n{}</section>\n\
         <section id=\"machine\">\n<h2>The machine</h2>\n{}</section>\n\
         <section id=\"repeat\">\n<h2>To repeat it</h2>\n<pre><code>{}</code></pre>\n\
         <p class=\"fine\">wirelab {}. The same seeds lose the same packets as long as the same packets are sent; what the machine \
         does beside it is its own.</p>\n</section>\n\
         <section id=\"meaning\">\n<h2>What each figure means</h2>\n{}</section>\n",
        listed(&setting(comparison)),
        listed(&machine),
        escaped(&comparison.command),
        escaped(comparison.version),
        listed(&meanings),
    )
}

fn setting(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let setting = &comparison.setting;
    let lanes: Vec<&str> = setting.lanes.iter().map(|lane| lane.id()).collect();
    let seeds: Vec<String> = setting.seeds.iter().map(u64::to_string).collect();
    let mut all = vec![
        ("Topic", escaped(&setting.topic)),
        (
            "Feed",
            format!(
                "{} messages a second, {} of data each",
                setting.hz,
                bytes(setting.bytes.into())
            ),
        ),
        ("Lanes", lanes.join(", ")),
    ];
    all.extend(comparison.points.iter().map(|point| ("Link", link(point))));
    all.extend([
        ("Seeds", seeds.join(", ")),
        ("Warm-up", format!("{}, in no figure", time(setting.warm_up_ms as f64))),
        ("Window", format!("{} for each seed", time(setting.duration_ms as f64))),
        (
            "Drain",
            format!(
                "{} for what is still on its way; what comes later counts as lost",
                time(setting.drain_ms as f64)
            ),
        ),
        (
            "Congestion control",
            format!("{}, of the TCP sockets", escaped(&setting.congestion_control)),
        ),
        ("Link made with", escaped(&setting.mechanism)),
    ]);
    all
}

fn link(point: &PointResult) -> String {
    let control = if point.is_control { " (control)" } else { "" };
    format!("{}{control}; {}", escaped(&point.label), ways(&point.profile))
}

/// Names and what is said of them.
fn listed(pairs: &[(&str, String)]) -> String {
    let all: String = pairs
        .iter()
        .map(|(name, said)| format!("<dt>{name}</dt><dd>{said}</dd>\n"))
        .collect();
    format!("<dl>\n{all}</dl>\n")
}
