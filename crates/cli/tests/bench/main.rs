//! `wirelab bench` from outside: each measurement for real, with a handful of connections. What is asserted is structure
//! and behaviour; no figure of a busy machine is.

mod targets;

use std::process::{Command, Output};

use serde_json::Value;

const N: u64 = 20;

fn command(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command
        .arg("bench")
        .args(arguments.split_whitespace())
        .env_remove("RUST_LOG");
    command
}

fn bench(arguments: &str) -> Output {
    command(arguments).output().expect("the binary")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// What is measured well, as JSON.
fn measured(arguments: &str) -> Value {
    let output = bench(&format!("{arguments} --repeat 1 --output json"));
    assert_eq!(output.status.code(), Some(0), "{arguments}: {}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["schema"], "wirelab.bench.v1");
    assert_eq!(report["interrupted"], false);
    report
}

/// The figures of each contender.
fn figures(report: &Value) -> Vec<(String, &Value)> {
    let contenders = report["contenders"].as_array().expect("contenders");
    let name = |contender: &Value| format!("{} {}", contender["lane"], contender["server"]).replace('"', "");
    contenders
        .iter()
        .map(|contender| (name(contender), &contender["median"]))
        .collect()
}

fn number(figures: &Value, name: &str) -> f64 {
    figures[name]
        .as_f64()
        .unwrap_or_else(|| panic!("{name} is known: {figures}"))
}

fn all_opened(name: &str, figures: &Value, count: u64) {
    assert_eq!(
        figures["opened_count"].as_f64(),
        Some(count as f64),
        "{name}: {figures}"
    );
    assert_eq!(figures["failed_count"].as_f64(), Some(0.0), "{name}: {figures}");
}

/// What can be read of processes and the kernel, on Linux alone.
fn weighed(figures: &Value, names: &[&str]) {
    for name in names {
        assert_eq!(
            figures[name].is_number(),
            cfg!(target_os = "linux"),
            "{name}: {figures}"
        );
    }
}

#[test]
fn idle_connections_are_weighed_on_every_lane() {
    let report = measured("idle -n 20 --lane sse,websocket,datachannel --duration 2s --heartbeat 1s");
    let all = figures(&report);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sse wirelab", "websocket wirelab", "datachannel wirelab"]);
    for (name, figures) in all {
        all_opened(&name, figures, N);
        weighed(figures, &["user_kib", "kernel_kib", "slab_kib", "base_mib"]);
        assert!(number(figures, "open_s") > 0.0, "{name}");
        let beats = number(figures, "heartbeats_count");
        assert_eq!(
            beats > 0.0,
            !name.starts_with("datachannel"),
            "{name}: {beats} heartbeats"
        );
    }
}

#[test]
fn a_topic_is_fanned_out_on_every_lane_and_beside_the_reference() {
    let lanes = measured("fanout -n 20 --lane datachannel,datachannel-reliable --rate 50 --duration 500ms");
    let rivals = measured("fanout -n 20 --rate 50 --duration 500ms --reference");
    for (name, figures) in figures(&lanes).into_iter().chain(figures(&rivals)) {
        all_opened(&name, figures, N);
        assert!(number(figures, "published_count") > 0.0, "{name}");
        if !name.starts_with("datachannel ") {
            assert_eq!(number(figures, "missing_count"), 0.0, "{name} is reliable");
        }
        assert!(number(figures, "deliveries_per_s") > 0.0, "{name}");
        let (p50, p99, max) = (
            number(figures, "p50_us"),
            number(figures, "p99_us"),
            number(figures, "max_us"),
        );
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{name}: {figures}");
        weighed(
            figures,
            &["million_cpu_s", "server_busy_percent", "client_busy_percent"],
        );
    }
    let ratios = rivals["ratios"].as_array().expect("ratios");
    assert_eq!(ratios.len(), 2, "{ratios:?}");
    for ratio in ratios {
        assert!(ratio["figures"]["p50_us"].as_f64() > Some(0.0), "{ratio}");
    }
}

#[test]
fn flat_out_never_has_more_under_way_than_its_window() {
    let report = measured("fanout -n 20 --window 4 --duration 500ms");
    assert_eq!(
        (&report["setting"]["window"], &report["setting"]["rate_per_s"]),
        (&4.into(), &Value::Null)
    );
    for (name, figures) in figures(&report) {
        assert_eq!(number(figures, "missing_count"), 0.0, "{name}");
        assert!(
            number(figures, "published_count") > 4.0,
            "{name}: the window opens again"
        );
    }
}

#[test]
fn round_trips_are_made_in_a_loop_and_on_a_schedule() {
    for pace in ["", "--rate 200"] {
        let report = measured(&format!(
            "echo -n 20 --lane sse,websocket,datachannel --duration 500ms {pace}"
        ));
        for (name, figures) in figures(&report) {
            all_opened(&name, figures, N);
            let trips = number(figures, "trips_count");
            assert!(trips >= 1.0, "{name} {pace}: {trips}");
            if !pace.is_empty() {
                // Half a second of 200, and what was late when the window opened.
                assert!(trips <= 320.0, "{name}: no more than the schedule has: {trips}");
            }
            assert!(number(figures, "p50_us") <= number(figures, "p99_9_us"), "{name}");
            weighed(figures, &["trip_cpu_us"]);
        }
    }
}

#[test]
fn opening_is_told_step_by_step() {
    let report = measured("connect -n 20 --lane sse,websocket,datachannel");
    for (name, figures) in figures(&report) {
        all_opened(&name, figures, N);
        let (own, others) = if name.starts_with("datachannel") {
            (
                ["signalling_p50_us", "ice_p50_us", "dtls_p50_us", "sctp_p50_us"].as_slice(),
                ["tcp_p50_us", "head_p50_us"].as_slice(),
            )
        } else {
            (
                ["tcp_p50_us", "head_p50_us", "hello_p50_us"].as_slice(),
                ["dtls_p50_us", "sctp_p50_us"].as_slice(),
            )
        };
        for step in own {
            assert!(
                number(figures, step) <= number(figures, "open_p99_us") * 1.001,
                "{name}: {step} is a part: {figures}"
            );
        }
        for step in others {
            assert!(figures[step].is_null(), "{name} has no {step}");
        }
        assert!(number(figures, "opens_per_s") > 0.0, "{name}");
    }
}

#[test]
fn receivers_that_stop_reading_are_weighed_and_harm_nobody() {
    let report = measured("stalled -n 20 --stalled 5 --duration 3s");
    for (name, figures) in figures(&report) {
        all_opened(&name, figures, N + 5);
        assert_eq!(number(figures, "stalled_count"), 5.0, "{name}");
        assert_eq!(
            number(figures, "missing_count"),
            0.0,
            "{name}: the others get everything"
        );
        assert!(
            number(figures, "p99_us") > 0.0 && number(figures, "p99_without_us") > 0.0,
            "{name}"
        );
        weighed(figures, &["user_kib", "kernel_kib"]);
        if cfg!(target_os = "linux") {
            // 3 MiB and more went past each; TCP's usual most is 4 MiB, our server's 16 KiB unsent and what is in flight.
            let queue = number(figures, "server_queue_kib");
            assert!(queue > 0.0 && queue < 512.0, "{name}: {queue} KiB wait for each");
            assert!(number(figures, "client_queue_kib") > 0.0, "{name}");
        }
    }
}

#[test]
fn thresholds_and_the_report_are_as_asked() {
    let page = std::env::temp_dir().join(format!("wirelab-bench-{}.html", std::process::id()));
    let output = bench(&format!(
        "connect -n 20 --lane sse --repeat 2 --threshold sse.connect.opened_count>=20 --threshold sse.connect.open_p50_us<0 \
         --report {}",
        page.display()
    ));
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("sse, 2 run(s)"), "{said}");
    assert!(said.contains("yes  sse.connect.opened_count>=20: 20"), "{said}");
    assert!(said.contains("NO   sse.connect.open_p50_us<0"), "{said}");
    assert!(text(&output.stderr).contains("sse.connect.open_p50_us<0 does not hold"));
    let report = std::fs::read_to_string(&page).expect("it was written");
    let _ = std::fs::remove_file(&page);
    assert!(report.contains("<h2>Figures</h2>"), "{report}");
}

#[test]
fn wrong_arguments_end_with_2() {
    for (arguments, wanted) in [
        ("", "<WHAT>"),
        ("fanout --ws-url ws://127.0.0.1:1/", "nobody knows"),
        ("idle --pid 1", "give --target"),
        (
            "idle --target http://127.0.0.1:1 --pid 4000000000",
            "there is no process",
        ),
        // More ports than there are, wherever this runs.
        ("fanout -n 1M --lane datachannel", "-n"),
    ] {
        let output = bench(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments}");
        assert!(
            text(&output.stderr).contains(wanted),
            "{arguments}: {}",
            text(&output.stderr)
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn where_files_are_few_several_processes_share_one_port() {
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 200 && exec \"$0\" bench idle -n 100 --lane websocket --repeat 1 --duration 100ms --output json",
        ])
        .arg(env!("CARGO_BIN_EXE_wirelab"))
        .output()
        .expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let processes = (
        &report["setting"]["server_processes"],
        &report["setting"]["client_processes"],
    );
    assert_eq!(processes, (&3.into(), &3.into()), "200 files, 128 of them reserved");
    let (name, figures) = figures(&report).remove(0);
    all_opened(&name, figures, 100);
}
