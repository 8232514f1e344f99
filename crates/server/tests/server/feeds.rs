//! The topics that the server itself fills: `metric` and `tick.<hz>.<bytes>`.

use serde_json::Value;

use crate::support::{Server, Socket};

#[tokio::test(flavor = "multi_thread")]
async fn metric_has_readings_of_this_server() {
    let server = Server::start();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Socket::greeted(&server, "/ws?topic=metric").await);
    }
    let mut stream = server.connect().await;
    stream.open_stream("/events").await; // metric is what one gets who names no topic
    server.until(r#"connections{lane="sse"}"#, 1).await;
    let reading = readers[0].json().await;
    let number = |path: &str| {
        reading["data"]
            .pointer(path)
            .and_then(Value::as_f64)
            .unwrap_or_else(|| panic!("{path}: {reading}"))
    };
    assert_eq!(
        (reading["topic"].as_str(), number("/connections/websocket")),
        (Some("metric"), 3.0)
    );
    assert!(number("/memory_bytes") > 1e6 && number("/system_memory_used_bytes") > number("/memory_bytes"));
    assert!(number("/system_memory_total_bytes") >= number("/system_memory_used_bytes"));
    assert!((0.0..=100.0).contains(&number("/system_cpu_percent")) && number("/cpu_percent") >= 0.0);
    assert_eq!(stream.event().await.name, "metric");
    let next = readers[0].json().await;
    assert_eq!(next["data"]["connections"]["sse"], 1, "{next}");
    assert!(
        next["data"]["deliveries_per_second"]
            .as_f64()
            .is_some_and(|rate| rate > 0.0),
        "{next}"
    );
    let span = next["sent_us"].as_u64().expect("µs") - reading["sent_us"].as_u64().expect("µs");
    assert!(span > 500_000, "once a second: {span} µs");
}

#[tokio::test(flavor = "multi_thread")]
async fn tick_has_its_rate_and_its_size() {
    let server = Server::start();
    for (topic, hz, bytes) in [
        ("tick.20.100", 20, 100),
        ("tick.200.16384", 200, 16_384),
        ("tick.240.32", 240, 32),
    ] {
        let mut socket = Socket::greeted(&server, &format!("/ws?topic={topic}")).await;
        let (mut first, mut last) = (None, None);
        for _ in 0..hz / 2 {
            let text = socket.raw().await;
            let data = text.split_once(r#","data":"#).expect("data comes last").1;
            assert_eq!(data.len() - 1, bytes, "{topic}");
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            let now = (
                frame["data"]["n"].as_u64().expect("a count"),
                frame["sent_us"].as_u64().expect("µs"),
            );
            assert!(
                last.is_none_or(|(n, sent_us)| n < now.0 && sent_us <= now.1),
                "{topic}: {last:?} {now:?}"
            );
            first = first.or(Some(now));
            last = Some(now);
        }
        // The schedule is exact, the moment of sending is not: half a second of it is, to a tenth.
        let (Some(first), Some(last)) = (first, last) else {
            unreachable!()
        };
        let (periods, span_us) = (last.0 - first.0, last.1 - first.1);
        let due_us = periods * 1_000_000 / hz;
        assert!(
            span_us.abs_diff(due_us) < 100_000,
            "{topic}: {periods} periods in {span_us} µs"
        );
    }
}
