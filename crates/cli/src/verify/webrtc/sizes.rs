//! How large a message may be: what is announced, whether that holds, and what happens above.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use wirelab_model::frame::{ErrorCode, Received};
use wirelab_transport::webrtc::{Client, ConnectError};

use super::super::check::Finding;

/// Below this every stack works; above, some cut or refuse.
const SAFE_BYTES: usize = 16 * 1024;
/// The largest that is tried where more, or any size, is announced.
const MOST_BYTES: usize = 256 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a message of some size was taken.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Answered,
    TooLarge,
    Silence,
    Ended(String),
    /// By our own stack, before it left.
    NotSent,
}

/// Sends up to what is announced, and one byte more.
pub(super) async fn check(client: &mut Client, announced: u64) -> Finding {
    let most = match usize::try_from(announced) {
        Ok(0) | Err(_) => MOST_BYTES,
        Ok(announced) => announced.min(MOST_BYTES),
    };
    let mut sizes = vec![1024, SAFE_BYTES, 64 * 1024, most];
    sizes.retain(|bytes| *bytes <= most);
    sizes.dedup();
    let (mut answered, mut seen) = (0, vec![format!("a=max-message-size: {announced}")]);
    for bytes in sizes {
        let taken = send(client, bytes).await;
        seen.push(format!("{bytes} bytes: {taken:?}"));
        match taken {
            Taken::Answered => answered = bytes,
            Taken::TooLarge => {}
            Taken::NotSent => {
                return Finding::fail(
                    format!("our own stack does not send {bytes} bytes, and {announced} are announced"),
                    "the answer changed on the way, or names two limits: look at a=max-message-size",
                )
                .seen_all(seen);
            }
            Taken::Silence | Taken::Ended(_) => {
                return Finding::fail(
                    format!("{announced} bytes are announced, and {bytes} get no answer; {answered} do"),
                    "announce what is taken (a=max-message-size), or answer what is too large; until then send at most \
                     16 KiB at a time",
                )
                .seen_all(seen);
            }
        }
    }
    let above = if most as u64 == announced {
        Some(send(client, most + 1).await)
    } else {
        None
    };
    seen.extend(above.as_ref().map(|taken| format!("{} bytes: {taken:?}", most + 1)));
    if send(client, 1024).await != Taken::Answered {
        let hint =
            "what is too large has to be refused and not to end the connection: close it with a reason, or answer";
        return Finding::fail("after the largest message nothing is answered any more", hint).seen_all(seen);
    }
    let above = match above {
        Some(Taken::NotSent) => ", above it our own stack refuses to send",
        Some(_) => ", above it all the same",
        None => "",
    };
    let measured = format!("{answered} bytes answered, {announced} announced{above}");
    if answered < SAFE_BYTES {
        return Finding::warn(measured, "most programs send up to 16 KiB at a time: take that much").seen_all(seen);
    }
    Finding::pass(measured).seen_all(seen)
}

/// Sends a command of so many bytes, whose answer is small.
async fn send(client: &mut Client, bytes: usize) -> Taken {
    let command = |pad: usize| json!({ "type": "time", "id": 7, "t0": 0, "pad": "x".repeat(pad) }).to_string();
    let text = command(bytes - command(0).len());
    if let Err(error) = client.send(&text).await {
        return match error {
            ConnectError::Stack(_) => Taken::NotSent,
            error => Taken::Ended(error.to_string()),
        };
    }
    let answered = async {
        loop {
            match client.next().await {
                Ok(Some((_, arrived))) => match arrived.frame {
                    Received::Time { .. } => return Taken::Answered,
                    Received::Error {
                        code: ErrorCode::TooLarge,
                        ..
                    } => return Taken::TooLarge,
                    Received::Error { message, .. } => return Taken::Ended(message),
                    _ => {}
                },
                Ok(None) => return Taken::Ended("the connection ended".into()),
                Err(error) => return Taken::Ended(error.to_string()),
            }
        }
    };
    timeout(PATIENCE, answered).await.unwrap_or(Taken::Silence)
}
