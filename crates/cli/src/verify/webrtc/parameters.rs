//! What each end takes the two channels for.

use serde_json::Value;
use wirelab_model::frame::Channel;
use wirelab_transport::webrtc::{Client, Parameters, parameters};

use super::super::check::Finding;

/// The server's end, as `/api/info` tells it, is ours, as our stack has it.
pub(super) async fn check(client: &Client, info: &Value) -> Finding {
    let Some(told) = info["channels"].as_array() else {
        return Finding::skip("this server does not tell what its channels are")
            .hint("one of before that: update it; the proofs below need no telling");
    };
    let (mut seen, mut wrong) = (Vec::new(), Vec::new());
    for channel in [Channel::Control, Channel::State] {
        let name = if channel == Channel::Control {
            "control"
        } else {
            "state"
        };
        let Ok(ours) = client.parameters(channel).await else {
            return Finding::fail("the connection ended", "see webrtc.open");
        };
        let (id, _) = parameters(channel);
        let theirs = told.iter().find(|told| told["label"] == name).and_then(read);
        seen.push(format!("{name}: here id {id}, {}", words(ours)));
        match theirs {
            Some((their_id, theirs)) => {
                seen.push(format!("{name}: there id {their_id}, {}", words(theirs)));
                if (their_id, theirs) != (u64::from(id), ours) {
                    wrong.push(format!("{name} is {} here and {} there", words(ours), words(theirs)));
                }
            }
            None => wrong.push(format!("{name} is not told")),
        }
    }
    let finding = if wrong.is_empty() {
        Finding::pass("control ordered and reliable, state unordered and sent once, at both ends")
    } else {
        Finding::fail(
            wrong.join("; "),
            "each end sends as it was made itself: negotiate the same id, ordered and maxRetransmits on both",
        )
    };
    finding.seen_all(seen)
}

/// An entry of `channels`.
fn read(told: &Value) -> Option<(u64, Parameters)> {
    let max_retransmits = match &told["maxRetransmits"] {
        Value::Null => None,
        number => Some(u16::try_from(number.as_u64()?).ok()?),
    };
    let ordered = told["ordered"].as_bool()?;
    Some((
        told["id"].as_u64()?,
        Parameters {
            ordered,
            max_retransmits,
        },
    ))
}

fn words(parameters: Parameters) -> String {
    let ordered = if parameters.ordered { "ordered" } else { "unordered" };
    match parameters.max_retransmits {
        Some(times) => format!("{ordered}, maxRetransmits {times}"),
        None => format!("{ordered}, reliable"),
    }
}
