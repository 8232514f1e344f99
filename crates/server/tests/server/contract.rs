//! What every lane promises, run over each of them through the client halves: one list of tests for all transports.

use std::collections::HashMap;

use wirelab_model::{
    Cursor, Epoch, Transport,
    frame::{Received, ResyncReason},
};
use wirelab_transport::{clock::Clock, place::Place, sse};

use crate::support::{Client, Server, Socket, Way, soon};

async fn publish(server: &Server, topic: &str, count: usize) -> Vec<Cursor> {
    let (mut peer, mut cursors) = (server.connect().await, Vec::new());
    for n in 0..count {
        cursors.push(peer.publish(topic, &n.to_string()).await);
    }
    cursors
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_comes_first_and_names_the_lane_the_topics_and_where_they_stand() {
    for way in Way::ALL {
        let server = Server::over(way);
        let newest = publish(&server, "a", 3).await[2];
        for lane in Transport::ALL {
            let (_client, topics) = Client::greeted(&server, lane, "topic=b&topic=a").await;
            let mut names: Vec<_> = topics.keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["a", "b"], "{lane:?}");
            assert_eq!(topics["a"], newest, "the next message comes after it: {lane:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_once_and_in_order() {
    for way in Way::ALL {
        let server = Server::over(way);
        for lane in Transport::ALL {
            let (mut client, _) = Client::greeted(&server, lane, "topic=a").await;
            for cursor in publish(&server, "a", 200).await {
                assert_eq!(client.message().await, ("a".to_owned(), cursor), "{lane:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_brings_exactly_what_was_missed() {
    for way in Way::ALL {
        let server = Server::over(way);
        for lane in Transport::ALL {
            let (mut client, _) = Client::greeted(&server, lane, "topic=a").await;
            let seen = publish(&server, "a", 5).await;
            for cursor in &seen[..3] {
                assert_eq!(client.message().await.1, *cursor);
            }
            drop(client);
            let missed = publish(&server, "a", 50).await;
            let (mut client, topics) = Client::greeted(&server, lane, &format!("topic=a&cursor={}", seen[2])).await;
            assert_eq!(topics["a"], seen[2]);
            let live = publish(&server, "a", 5).await;
            for cursor in seen[3..].iter().chain(&missed).chain(&live) {
                assert_eq!(client.message().await.1, *cursor, "{lane:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_resumes_by_the_id_that_a_browser_sends() {
    for way in Way::ALL {
        let server = Server::over(way);
        let Client::Sse(mut client) = Client::open(&server, Transport::Sse, "topic=a&topic=b").await else {
            unreachable!()
        };
        soon("hello", client.next()).await.expect("a stream");
        let id = client.last_event_id().to_owned();
        drop(client); // before any message: hello's own id loses nothing
        let missed = [
            server.publish("b", "1").await,
            server.publish("a", "2").await,
            server.publish("b", "3").await,
        ];
        let options = sse::Options {
            place: Place::plain(server.address(), "localhost"),
            path: "/events?topic=a&topic=b".to_owned(),
            last_event_id: Some(id),
        };
        let client = soon("a stream", sse::connect(&options, Clock::start()))
            .await
            .expect("a stream");
        let mut client = Client::Sse(Box::new(client));
        assert!(matches!(client.frame().await, Received::Hello { .. }));
        let mut got = HashMap::<_, Vec<_>>::new();
        for _ in 0..3 {
            let (topic, cursor) = client.message().await;
            got.entry(topic).or_default().push(cursor);
        }
        assert_eq!(
            got,
            HashMap::from([("a".into(), vec![missed[1]]), ("b".into(), vec![missed[0], missed[2]])])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_that_cannot_be_exact_names_what_is_gone() {
    for way in Way::ALL {
        let server = Server::over_with(way, |config| config.feed.ring_messages = 4);
        let all = publish(&server, "a", 10).await; // the ring holds the last four
        let (first, newest) = (all[0], all[9]);
        let other = Cursor::new(Epoch(first.epoch.0 ^ 1), 9);
        let ahead = Cursor::new(first.epoch, 11);
        for lane in Transport::ALL {
            for (from, reason, cursor, missed, replayed) in [
                (first, ResyncReason::Expired, all[5], Some((all[1], all[5])), &all[6..]),
                (
                    Cursor::new(first.epoch, 0),
                    ResyncReason::Expired,
                    all[5],
                    Some((all[0], all[5])),
                    &all[6..],
                ),
                (other, ResyncReason::OtherEpoch, newest, None, &[]),
                (ahead, ResyncReason::Unknown, newest, None, &[]),
            ] {
                let (mut client, topics) = Client::greeted(&server, lane, &format!("topic=a&cursor={from}")).await;
                assert_eq!(topics["a"], cursor, "{lane:?} {reason:?}");
                let (missed_from, missed_to) = (missed.map(|(from, _)| from), missed.map(|(_, to)| to));
                let topic = "a".parse().expect("a name");
                let resync = Received::Resync {
                    topic,
                    reason,
                    cursor,
                    missed_from,
                    missed_to,
                };
                assert_eq!(client.frame().await, resync, "{lane:?}");
                for cursor in replayed {
                    assert_eq!(client.message().await.1, *cursor, "{lane:?} {reason:?}");
                }
            }
            // The oldest cursor from which everything is still there.
            let (mut client, _) = Client::greeted(&server, lane, &format!("topic=a&cursor={}", all[5])).await;
            for cursor in &all[6..] {
                assert_eq!(client.message().await.1, *cursor, "{lane:?}");
            }
            let resyncs = |reason| format!("resyncs_total{{lane=\"{}\",reason=\"{reason}\"}}", lane.id());
            for (reason, count) in [("expired", 2), ("other-epoch", 1), ("unknown", 1)] {
                server.until(&resyncs(reason), count).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_topics_share_a_connection() {
    for way in Way::ALL {
        let server = Server::over(way);
        for lane in Transport::ALL {
            let (mut client, _) = Client::greeted(&server, lane, "topic=a&topic=b&topic=c").await;
            let mut got = HashMap::<_, Vec<_>>::new();
            let mut sent = HashMap::<_, Vec<_>>::new();
            for n in 0..60 {
                let topic = ["a", "b", "c"][n % 3].to_owned();
                let cursor = server.publish(&topic, &n.to_string()).await;
                sent.entry(topic).or_default().push(cursor);
            }
            for _ in 0..60 {
                let (topic, cursor) = client.message().await;
                got.entry(topic).or_default().push(cursor);
            }
            assert_eq!(got, sent, "{lane:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lane_carries_the_same_bytes_whoever_published_them() {
    for way in [Way::Plain, Way::Tls] {
        // over HTTP/2 the tunnel cuts streams into chunks
        let server = Server::over(way);
        let mut stream = server.connect().await;
        stream.open_stream("/events?topic=a").await;
        let mut socket = Socket::greeted(&server, "/ws?topic=a").await;
        let (Client::DataChannel(mut channel), _) = Client::greeted(&server, Transport::DataChannel, "topic=a").await
        else {
            unreachable!()
        };
        let mut publisher = Socket::greeted(&server, "/ws").await;
        for (data, compact) in [
            ("1.50", "1.50"),
            (r#" { "b" : [ 1 , 2 ] , "a" : "x y" } "#, r#"{"b":[1,2],"a":"x y"}"#),
            ("\"ü\u{2028}\\u00e9\\/\"", "\"ü\u{2028}\\u00e9\\/\""),
            ("12345678901234567890123", "12345678901234567890123"),
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
            ("null", "null"),
        ] {
            let by_http = server.publish("a", data).await;
            let ack = publisher
                .ask(&format!(r#"{{"type":"publish","id":"p","topic":"a","data":{data}}}"#))
                .await;
            assert_eq!(
                (&ack["type"], &ack["ack"], &ack["id"]),
                (&"ack".into(), &true.into(), &"p".into())
            );
            let by_socket: Cursor = ack["cursor"].as_str().expect("a cursor").parse().expect("a cursor");
            assert_eq!(by_socket.offset, by_http.offset + 1);
            for cursor in [by_http, by_socket] {
                let (event, text) = (stream.event().await, socket.raw().await);
                let (_, _, message) = soon("a message", channel.next_text()).await.expect("it is open");
                assert_eq!((&event.data, &message), (&text, &text), "the same bytes");
                let head = format!(r#"{{"type":"message","topic":"a","cursor":"{cursor}","sent_us":"#);
                assert!(
                    text.starts_with(&head) && text.ends_with(&format!(r#","data":{compact}}}"#)),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_with_their_id() {
    for way in Way::ALL {
        let server = Server::over(way);
        let mut socket = Socket::greeted(&server, "/ws").await;
        let subscribed = socket
            .ask(r#"{"type":"subscribe","id":1,"topic":"a","policy":"latest"}"#)
            .await;
        assert_eq!(
            (&subscribed["type"], &subscribed["policy"]),
            (&"subscribed".into(), &"latest".into())
        );
        let cursor = server.publish("a", "1").await;
        assert_eq!(socket.json().await["cursor"], cursor.to_string());
        assert_eq!(
            socket.ask(r#"{"type":"unsubscribe","id":"u","topic":"a"}"#).await,
            serde_json::json!({"type": "unsubscribed", "id": "u", "topic": "a"})
        );
        server.publish("a", "2").await;
        let time = socket.ask(r#"{"type":"time","id":9,"t0":123}"#).await;
        assert_eq!(
            (&time["type"], &time["id"], &time["t0"]),
            (&"time".into(), &9.into(), &123.into())
        );
        assert!(time["t1"].as_u64() <= time["t2"].as_u64() && time["t1"].as_u64() > Some(1_700_000_000_000_000));
        assert_eq!(
            socket
                .ask(r#"{"type":"echo","data":{"a":[1.50]},"id":2}"#)
                .await
                .to_string(),
            serde_json::json!({"type": "ack", "id": 2, "ack": true, "echoed": {"a": [1.50]}}).to_string()
        );
        let resumed = socket
            .ask(&format!(r#"{{"type":"subscribe","topic":"a","cursor":"{cursor}"}}"#))
            .await;
        assert_eq!(resumed["cursor"], cursor.to_string());
        assert_eq!(socket.json().await["data"], 2, "what was published meanwhile");
    }
}
