//! What is true of each transport, and the decision at a glance: one table for the code, the API and the pages.
//!
//! Three axes decide (who initiates, what is guaranteed, where bytes flow), and the cost settles what is left. The
//! texts are sentences for people; the standards they rest on are in [`Facts::standard`].

use serde::{Deserialize, Serialize};

use crate::Transport;

/// What is true of one transport, in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// [`Transport::id`].
    pub id: &'static str,
    /// [`Transport::label`].
    pub label: &'static str,
    /// What a narrow table calls it.
    pub short: &'static str,
    /// Where it is defined.
    pub standard: &'static str,
    /// Who may speak, and when.
    pub initiates: &'static str,
    /// What arrives, and in which order.
    pub guarantee: &'static str,
    /// The way that bytes take.
    pub route: &'static str,
    /// What a message may be.
    pub carries: &'static str,
    /// What happens after a drop.
    pub resumes: &'static str,
    /// What it takes to run.
    pub costs: &'static str,
    /// When to take it.
    pub choose: &'static str,
    /// When not to.
    pub avoid: &'static str,
}

/// The facts about one transport.
#[must_use]
pub fn facts(transport: Transport) -> Facts {
    let (id, label) = (transport.id(), transport.label());
    match transport {
        Transport::Sse => Facts {
            id,
            label,
            short: "SSE",
            standard: "WHATWG HTML, section 9.2",
            initiates: "The browser asks once; from then on only the server speaks.",
            guarantee: "Every event, in order, while the connection lives.",
            route: "Browser to server, as one HTTP answer that never ends; proxies carry it as long as they do not buffer it.",
            carries: "UTF-8 text in lines, downwards only.",
            resumes: "Built in: the browser reconnects and sends Last-Event-ID; the server has to keep what it will replay.",
            costs: "A TCP connection, one of six a host over HTTP/1.1; over HTTP/2 only a stream of the one there is.",
            choose: "Dashboards, notifications, progress, streamed answers: the server tells, the browser listens.",
            avoid: "The client talks as much as the server, the data is binary, or a late update is worth nothing.",
        },
        Transport::WebSocket => Facts {
            id,
            label,
            short: "WebSocket",
            standard: "RFC 6455; over HTTP/2, RFC 8441",
            initiates: "The browser opens it; from then on either side speaks whenever it likes.",
            guarantee: "Every message, in order, while the connection lives; one lost segment holds back everything newer.",
            route: "Browser to server, on a connection that began as HTTP; every proxy on the way must pass the upgrade on.",
            carries: "Text and binary messages, both ways.",
            resumes: "Nothing built in: reconnecting, backing off and catching up are your code.",
            costs: "A TCP connection each, outside HTTP's six, and heartbeats against the idle limits of proxies.",
            choose: "Chat, editing together, commands and answers, terminals, games that can wait for a retransmission.",
            avoid: "Only the server speaks, which SSE does with less, or the newest state must not wait for a lost older one.",
        },
        Transport::DataChannel => Facts {
            id,
            label,
            short: "Data channel",
            standard: "RFC 8831 and W3C WebRTC",
            initiates: "Either peer, once offer, answer and candidates have gone over a signalling channel that you provide.",
            guarantee: "Chosen for each channel: ordered or not; reliable, or given up after some retransmissions or some time.",
            route: "Straight from peer to peer over UDP where the NATs allow it, else through a TURN relay.",
            carries: "Text and binary messages, both ways, always encrypted.",
            resumes: "Nothing built in: an ICE restart survives a change of network, a lost peer begins anew.",
            costs: "Signalling, STUN and often TURN to run; ICE, DTLS and SCTP state for each peer; several round trips to open.",
            choose: "Positions, cursors, sensors, game state where only the newest counts; browsers that talk to each other.",
            avoid: "Feeds that go one way, networks that block UDP, or nobody to run signalling and TURN.",
        },
    }
}

/// What a need is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Axis {
    /// Who may speak first, and who may speak at all.
    #[serde(rename = "who initiates")]
    Initiates,
    /// What arrives, in which order, and how late.
    #[serde(rename = "what is guaranteed")]
    Guaranteed,
    /// Which way the bytes take.
    #[serde(rename = "where bytes flow")]
    BytesFlow,
    /// What it takes to build and to run.
    #[serde(rename = "what it costs")]
    Costs,
}

/// How well a transport meets a need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Made for it.
    Best,
    /// It can be done, with more work or a drawback.
    Works,
    /// It cannot, or not as the need says.
    No,
}

/// How well each transport meets one need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fits {
    /// Server-Sent Events.
    pub sse: Fit,
    /// WebSocket.
    pub websocket: Fit,
    /// WebRTC data channel.
    pub datachannel: Fit,
}

impl Fits {
    /// How well this transport does.
    #[must_use]
    pub fn of(self, transport: Transport) -> Fit {
        match transport {
            Transport::Sse => self.sse,
            Transport::WebSocket => self.websocket,
            Transport::DataChannel => self.datachannel,
        }
    }
}

/// One need and who meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    /// What the need is about; rows of one axis stand together.
    pub axis: Axis,
    /// What one needs.
    pub need: &'static str,
    /// Who meets it.
    pub fits: Fits,
    /// Why.
    pub because: &'static str,
}

/// The decision at a glance.
pub const DECISION: &[DecisionRow] = {
    use Axis::{BytesFlow, Costs, Guaranteed, Initiates};
    use Fit::{Best, No, Works};
    &[
        row(
            Initiates,
            "The server speaks, the browser listens",
            [Best, Works, Works],
            "One HTTP answer that never ends is enough; the usual routing, cookies and authorisation apply to it.",
        ),
        row(
            Initiates,
            "One question, an answer that streams in",
            [Best, Works, Works],
            "It stays one HTTP request, with status and authorisation. EventSource can only GET; fetch reads the answer to a POST.",
        ),
        row(
            Initiates,
            "Both sides speak at any moment",
            [No, Best, Works],
            "SSE goes one way; each message up is a request of its own. A WebSocket carries both ways on one connection.",
        ),
        row(
            Guaranteed,
            "Every message, in order",
            [Best, Best, Works],
            "TCP keeps them whole and in order while the connection lives. A data channel does too, left ordered and reliable.",
        ),
        row(
            Guaranteed,
            "Going on after a drop where it broke off",
            [Best, Works, Works],
            "EventSource reconnects by itself and sends Last-Event-ID. The others leave reconnecting and catching up to you.",
        ),
        row(
            Guaranteed,
            "Within 100 ms on a clean network",
            [Best, Best, Works],
            "Without loss all three take one network delay, so take the simpler. They differ from the first lost packet on.",
        ),
        row(
            Guaranteed,
            "The newest state at once, though packets get lost",
            [No, No, Best],
            "On TCP one lost segment holds back everything newer. An unordered channel without retransmissions does not wait.",
        ),
        row(
            BytesFlow,
            "Through ordinary HTTP proxies",
            [Best, Works, No],
            "SSE is a plain GET, if nothing buffers it. A WebSocket needs its upgrade passed on. WebRTC is not HTTP at all.",
        ),
        row(
            BytesFlow,
            "From browser to browser, not through your server",
            [No, No, Best],
            "Only WebRTC joins two browsers. It needs signalling and ICE, and TURN where the NATs let nothing through.",
        ),
        row(
            BytesFlow,
            "On networks that block UDP",
            [Best, Best, Works],
            "Both run over TCP port 443. A data channel then needs TURN over TCP or TLS, and waits for lost segments again.",
        ),
        row(
            Costs,
            "Binary data",
            [No, Best, Best],
            "SSE is UTF-8 text: binary goes as base64, a third more bytes. Both others have binary messages.",
        ),
        row(
            Costs,
            "Seven tabs of one site at once",
            [Works, Best, Best],
            "Over HTTP/1.1 a browser opens six connections to a host and each SSE stream holds one; HTTP/2 lifts that wall.",
        ),
        row(
            Costs,
            "A hundred thousand idle connections on a node",
            [Best, Best, Works],
            "An idle SSE or WebSocket is little more than its TCP socket. A peer adds ICE, DTLS and SCTP state, and checks.",
        ),
        row(
            Costs,
            "In every browser, with the least to build and run",
            [Best, Works, Works],
            "All three are in every current browser. SSE takes the least code; WebRTC takes signalling, and often TURN.",
        ),
    ]
};

/// The fits are in the order of [`Transport::ALL`].
const fn row(
    axis: Axis,
    need: &'static str,
    [sse, websocket, datachannel]: [Fit; 3],
    because: &'static str,
) -> DecisionRow {
    DecisionRow {
        axis,
        need,
        fits: Fits {
            sse,
            websocket,
            datachannel,
        },
        because,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Longer than this is not read at a glance.
    const MAX_CHARS: usize = 140;

    #[test]
    fn every_fact_is_told_and_short() {
        for transport in Transport::ALL {
            let facts = serde_json::to_value(facts(transport)).expect("JSON");
            assert_eq!(facts["id"], transport.id());
            assert_eq!(facts["label"], transport.label());
            let fields = facts.as_object().expect("an object");
            assert_eq!(fields.len(), 12);
            for (field, text) in fields {
                let length = text.as_str().expect("a text").chars().count();
                assert!(
                    (1..=MAX_CHARS).contains(&length),
                    "{} {field}: {length}",
                    transport.id()
                );
            }
        }
    }

    #[test]
    fn sentences_end() {
        for facts in Transport::ALL.map(facts) {
            let Facts {
                initiates,
                guarantee,
                route,
                carries,
                resumes,
                costs,
                choose,
                avoid,
                ..
            } = facts;
            for text in [initiates, guarantee, route, carries, resumes, costs, choose, avoid] {
                assert!(text.ends_with('.'), "{text}");
            }
        }
        assert!(
            DECISION
                .iter()
                .all(|row| row.because.ends_with('.') && !row.need.ends_with('.'))
        );
    }

    #[test]
    fn every_row_decides() {
        assert!((10..=14).contains(&DECISION.len()));
        for row in DECISION {
            let best = Transport::ALL
                .into_iter()
                .filter(|transport| row.fits.of(*transport) == Fit::Best)
                .count();
            assert!((1..=2).contains(&best), "{}: {best} are best", row.need);
            assert!((1..=60).contains(&row.need.chars().count()), "{}", row.need);
            assert!(
                (1..=MAX_CHARS).contains(&row.because.chars().count()),
                "{}",
                row.because
            );
        }
    }

    #[test]
    fn every_transport_is_best_somewhere_and_not_everywhere() {
        for transport in Transport::ALL {
            let best = DECISION
                .iter()
                .filter(|row| row.fits.of(transport) == Fit::Best)
                .count();
            assert!(0 < best && best < DECISION.len(), "{}: {best}", transport.id());
        }
    }

    #[test]
    fn needs_are_told_once_and_axes_stand_together() {
        let needs: HashSet<_> = DECISION.iter().map(|row| row.need).collect();
        assert_eq!(needs.len(), DECISION.len());
        let mut axes: Vec<_> = DECISION.iter().map(|row| row.axis).collect();
        axes.dedup();
        assert_eq!(axes, [Axis::Initiates, Axis::Guaranteed, Axis::BytesFlow, Axis::Costs]);
    }

    #[test]
    fn the_page_finds_each_fit_under_its_transport_id() {
        let json = serde_json::to_value(DECISION).expect("JSON");
        assert_eq!(json[0]["axis"], "who initiates");
        for (row, told) in DECISION.iter().zip(json.as_array().expect("a list")) {
            assert_eq!(
                told["fits"].as_object().map(|fits| fits.len()),
                Some(Transport::ALL.len())
            );
            for transport in Transport::ALL {
                let fit = match row.fits.of(transport) {
                    Fit::Best => "best",
                    Fit::Works => "works",
                    Fit::No => "no",
                };
                assert_eq!(told["fits"][transport.id()], fit, "{}", row.need);
            }
        }
    }
}
