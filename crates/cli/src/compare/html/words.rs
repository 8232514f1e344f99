//! Figures and names as a reader sees them: three significant digits, a unit, and nothing that HTML would take for its
//! own.

use std::time::Duration;

use wirelab_link::{Profile, Shape, rules::Loss};

use crate::compare::lane::Lane;

/// Where there is no figure.
const NONE: &str = "–";

/// Text from outside, safe in HTML's text and in its attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

/// A number with three significant digits; what is no number is a dash.
pub(super) fn three(value: f64) -> String {
    if !value.is_finite() {
        return NONE.into();
    }
    // Rounded first, so that 9.996 has the digits of 10.
    let rounded = format!("{value:.2e}").parse().unwrap_or(value) + 0.0; // an empty sum is -0
    let decimals = match rounded.abs() {
        size if size == 0.0 || size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{rounded:.decimals$}")
}

/// A number and its unit, which no line break parts.
fn with(value: f64, unit: &str) -> String {
    if value.is_finite() {
        format!("{}\u{a0}{unit}", three(value))
    } else {
        NONE.into()
    }
}

/// A time: milliseconds, and seconds from one second on.
pub(super) fn time(ms: f64) -> String {
    if ms.abs() < 999.5 {
        with(ms, "ms")
    } else {
        with(ms / 1000.0, "s")
    }
}

/// From the least to the most, once if they read the same.
pub(super) fn spread(least_and_most: Option<(f64, f64)>) -> String {
    match least_and_most {
        Some((least, most)) if time(least) == time(most) => time(least),
        Some((least, most)) => format!("{} to {}", time(least), time(most)),
        None => NONE.into(),
    }
}

/// A share of one as percent. What is not all is never written as all, nor a little as nothing.
pub(super) fn percent(share: Option<f64>) -> String {
    match share.map(|share| share * 100.0) {
        Some(percent) if (99.95..100.0).contains(&percent) => ">\u{a0}99.9\u{a0}%".into(),
        Some(percent) if percent > 0.0 && percent < 0.01 => "<\u{a0}0.01\u{a0}%".into(),
        Some(percent) => with(percent, "%"),
        None => NONE.into(),
    }
}

/// Bytes, by thousands.
pub(super) fn bytes(count: u64) -> String {
    match count as f64 {
        few if few < 999.5 => with(few, "B"),
        some if some < 999.5e3 => with(some / 1e3, "kB"),
        many => with(many / 1e6, "MB"),
    }
}

/// `1 freeze`, `2 freezes`.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{count}\u{a0}{one}{}", if count == 1 { "" } else { "s" })
}

/// What a lane is called in a sentence.
pub(super) fn label(lane: Lane) -> &'static str {
    match lane {
        Lane::Sse => "Server-Sent Events",
        Lane::WebSocket => "WebSocket",
        Lane::DataChannel => "Data channel",
        Lane::DataChannelReliable => "Reliable data channel",
        Lane::Tcp => "TCP (reference)",
        Lane::Udp => "UDP (reference)",
    }
}

/// Both directions of the link in a sentence, once where they are the same.
pub(super) fn ways(profile: &Profile) -> String {
    if profile.down == profile.up {
        format!("both ways: {}", shape(&profile.down))
    } else {
        format!("down: {}. Up: {}", shape(&profile.down), shape(&profile.up))
    }
}

/// One direction of the link in a sentence.
fn shape(shape: &Shape) -> String {
    let span = |time: Duration| humantime::format_duration(time).to_string();
    let mut words = vec![format!("delay {}", span(shape.delay))];
    if shape.jitter > Duration::ZERO {
        words.push(format!("jitter up to {}, in order", span(shape.jitter)));
    }
    words.push(match shape.loss {
        Loss::Random(share) => format!("loss {share}, each packet by itself"),
        Loss::Outages { outages, mean } => format!("outages {outages} of the time, {} on average", span(mean)),
        Loss::Bursts { bursts, length } => format!("loss {bursts} in bursts of {length} packets on average"),
    });
    words.push(match shape.rate {
        Some(rate) => format!("at most {rate}, with a queue of {}", span(shape.queue)),
        None => "no bottleneck".into(),
    });
    if shape.duplicate.of_one() > 0.0 {
        words.push(format!("{} arrive twice", shape.duplicate));
    }
    if shape.reorder.of_one() > 0.0 {
        words.push(format!("{} overtake", shape.reorder));
    }
    words.join("; ")
}
