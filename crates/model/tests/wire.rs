//! The frames of DESIGN section 4 as golden texts: Rust writes exactly them and reads them back, and `node --test` reads
//! the same files with the pages' module. What is in `testdata/wire/` is the contract; it was not made by this code.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use wirelab_model::{
    Transport,
    frame::{Command, Echoed, Received, RequestId, ServerFrame},
    message,
};

/// One frame of the server.
#[derive(Deserialize)]
struct Frame {
    name: String,
    text: String,
    frame: Value,
}

/// One text of a client and what it means: a command, none, or an error.
#[derive(Deserialize)]
struct Sent {
    name: String,
    text: String,
    #[serde(default)]
    command: Value,
    error: Option<Value>,
}

#[test]
fn the_server_writes_and_a_client_reads_exactly_the_golden_frames() {
    let mut types = Vec::new();
    for (file, text) in files().filter(|(file, _)| file != "commands.json") {
        for Frame { name, text, frame } in serde_json::from_str::<Vec<Frame>>(&text).expect(&file) {
            assert_eq!(
                serde_json::from_str::<Value>(&text).expect("JSON"),
                frame,
                "{file}: {name}"
            );
            assert!(
                text.starts_with(&format!(r#"{{"type":{},"#, frame["type"])),
                "{file}: {name}: type comes first"
            );
            let received: Received = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(written(&received, &text), text, "{file}: {name}");
            types.push(file.trim_end_matches(".json").to_owned());
        }
    }
    types.dedup();
    assert_eq!(
        types,
        [
            "ack",
            "drain",
            "error",
            "gap",
            "hello",
            "message",
            "resync",
            "subscribed",
            "time",
            "unsubscribed"
        ]
    );
}

#[test]
fn what_a_client_sends_is_read_as_the_golden_commands() {
    let (_, text) = files().find(|(file, _)| file == "commands.json").expect("the commands");
    let all: Vec<Sent> = serde_json::from_str(&text).expect("a list of commands");
    assert!(all.len() > 50);
    for Sent {
        name,
        text,
        command,
        error,
    } in all
    {
        let got = match Command::parse(&text) {
            Ok(read) => read.map_or(Value::Null, |command| shown(&command)),
            Err(refused) => {
                assert!(!refused.message.is_empty(), "{name}: says why");
                json!({"id": refused.id, "code": refused.code})
            }
        };
        let expect = error.unwrap_or(command);
        assert_eq!(got, expect, "{name}: {text}");
    }
}

#[test]
fn a_client_passes_over_fields_that_it_does_not_know() {
    let text = r#"{"tomorrow":1,"type":"drain","reconnect_after_ms":5,"why":"because"}"#;
    let received: Received = serde_json::from_str(text).expect("a frame of a newer server");
    assert_eq!(received, Received::Drain { reconnect_after_ms: 5 });
    assert!(serde_json::from_str::<Received>(r#"{"type":"tomorrow"}"#).is_err());
}

/// What [`Received`] does not keep, as it stands in the text.
#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    echoed: Option<&'a RawValue>,
}

/// `null` is something to echo.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Writes a frame that was read, as the server would.
fn written(received: &Received, text: &str) -> String {
    let kept: Kept<'_> = serde_json::from_str(text).expect("JSON");
    if let Received::Message { topic, cursor, sent_us } = received {
        let (mut out, data) = (Vec::new(), kept.data.map_or("null", RawValue::get));
        message::write_message(topic, *cursor, *sent_us, data.as_bytes(), &mut out);
        return String::from_utf8(out).expect("JSON is UTF-8");
    }
    // Text that was no command is echoed as text, `data` as the JSON that it is: the same where both are possible.
    let plain: Option<String> = kept.echoed.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let echoed = match (&plain, kept.echoed) {
        (Some(text), _) => Some(Echoed::Text(text)),
        (None, raw) => raw.map(Echoed::Data),
    };
    let json = server_frame(received, echoed).to_json();
    String::from_utf8(json).expect("JSON is UTF-8")
}

fn server_frame<'a>(received: &'a Received, echoed: Option<Echoed<'a>>) -> ServerFrame<'a> {
    match received.clone() {
        Received::Hello {
            heartbeat_ms, now_us, ..
        } => {
            let Received::Hello {
                server, lane, topics, ..
            } = received
            else {
                unreachable!()
            };
            let lane = Transport::ALL
                .into_iter()
                .find(|transport| transport.id() == lane)
                .expect("a lane");
            let topics: BTreeMap<_, _> = topics.iter().map(|(topic, cursor)| (topic, *cursor)).collect();
            ServerFrame::Hello {
                server,
                lane,
                heartbeat_ms,
                topics,
                now_us,
            }
        }
        Received::Message { .. } => unreachable!("written by write_message"),
        Received::Subscribed {
            id,
            cursor,
            policy,
            channel,
            ..
        } => ServerFrame::Subscribed {
            id,
            topic: topic(received),
            cursor,
            policy,
            channel,
        },
        Received::Unsubscribed { id, .. } => ServerFrame::Unsubscribed {
            id,
            topic: topic(received),
        },
        Received::Ack { id, cursor } => ServerFrame::Ack {
            id,
            ack: true,
            echoed,
            cursor,
        },
        Received::Gap {
            from,
            to,
            count,
            reason,
            ..
        } => ServerFrame::Gap {
            topic: topic(received),
            from,
            to,
            count,
            reason,
        },
        Received::Resync {
            reason,
            cursor,
            missed_from,
            missed_to,
            ..
        } => ServerFrame::Resync {
            topic: topic(received),
            reason,
            cursor,
            missed_from,
            missed_to,
        },
        Received::Time { id, t0, t1, t2 } => ServerFrame::Time { id, t0, t1, t2 },
        Received::Drain { reconnect_after_ms } => ServerFrame::Drain { reconnect_after_ms },
        Received::Error { id, code, message } => ServerFrame::Error {
            id,
            code,
            message: message.into(),
        },
    }
}

fn topic(received: &Received) -> &wirelab_model::TopicName {
    match received {
        Received::Subscribed { topic, .. }
        | Received::Unsubscribed { topic, .. }
        | Received::Gap { topic, .. }
        | Received::Resync { topic, .. } => topic,
        other => unreachable!("{other:?} has no topic"),
    }
}

/// A command in the words of `commands.json`.
fn shown(command: &Command<'_>) -> Value {
    let id = |id: &Option<RequestId>| serde_json::to_value(id).expect("an id is JSON");
    match command {
        Command::Subscribe(subscribe) => json!({
            "type": "subscribe", "id": id(&subscribe.id), "topic": subscribe.topic, "cursor": subscribe.cursor, "policy": subscribe.policy,
        }),
        Command::Unsubscribe { id: own, topic } => json!({"type": "unsubscribe", "id": id(own), "topic": topic}),
        Command::Publish { id: own, topic, data } => {
            json!({"type": "publish", "id": id(own), "topic": topic, "data_text": data.get()})
        }
        Command::Echo { id: own, data } => json!({"type": "echo", "id": id(own), "data_text": data.get()}),
        Command::Time { id, t0 } => json!({"type": "time", "id": id, "t0": t0}),
    }
}

/// The files of `testdata/wire/`, by name.
fn files() -> impl Iterator<Item = (String, String)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/wire"));
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a vector"))
        })
}
