//! `wirelab compare` and `wirelab doctor` from outside. A run needs a link, so where none can be made these say so and
//! test only that the program does.

use std::process::{Command, Output};

use serde_json::Value;

fn wirelab(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirelab"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .expect("the binary")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Whether a link can be made here; `doctor` knows.
fn has_link() -> bool {
    let output = wirelab(&["doctor", "--output", "json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let link = findings["link"].as_bool().expect("a yes or no");
    assert_eq!(output.status.code(), Some(if link { 0 } else { 1 }));
    assert_eq!(
        findings["ways_out"].as_array().map(Vec::is_empty),
        Some(link),
        "{findings}"
    );
    link
}

#[test]
fn doctor_says_what_works_or_what_to_type() {
    let output = wirelab(&["doctor"]);
    let said = text(&output.stdout);
    if has_link() {
        assert!(
            said.contains("A lossy link can be made here") && said.contains("yes  "),
            "{said}"
        );
    } else {
        assert!(
            said.contains("Any one of these is enough") && said.contains("no   "),
            "{said}"
        );
    }
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_right() {
    for (arguments, wanted) in [
        (&["compare", "--profile", "5g"][..], "there are lan, wifi"),
        (&["compare", "--rtt", "1m"], "it must be from"),
        (&["compare", "--rate", "1kbit/s"], "the least is 8kbit/s"),
        (&["compare", "--nonsense"], "unexpected argument"),
        (&["doctor", "--output", "xml"], "possible values: text, json"),
    ] {
        let output = wirelab(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(wanted),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_congestion_control_that_there_is_not_is_named() {
    if !has_link() {
        return;
    }
    let output = wirelab(&["compare", "--congestion", "no-such-thing", "--duration", "1s"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(
        said.contains("no-such-thing") && said.contains("tcp_available_congestion_control"),
        "{said}"
    );
}

#[test]
fn every_lane_is_measured_over_a_lossy_link() {
    if !has_link() {
        return;
    }
    let arguments = [
        "compare",
        "--rtt",
        "10ms",
        "--loss",
        "10%",
        "--duration",
        "3s",
        "--repeat",
        "1",
        "--output",
        "json",
    ];
    let output = wirelab(&arguments);
    // 3: this machine may have been too busy, which does not concern what is asserted here.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["schema"], "wirelab.compare.v1");
    let points = result["points"].as_array().expect("points");
    assert_eq!(points.len(), 2, "the control and the setting");
    for (point, is_lossy) in points.iter().zip([false, true]) {
        assert_eq!(point["is_control"], !is_lossy);
        let lanes = point["runs"][0]["lanes"].as_array().expect("lanes");
        assert_eq!(lanes.len(), 6);
        for result in lanes {
            let lane = result["lane"].as_str().expect("a name");
            let measured = &result["measured"];
            let delivery = &measured["figures"]["delivery"];
            let count = |key: &str| {
                delivery[key]
                    .as_u64()
                    .unwrap_or_else(|| panic!("{lane} has {key}: {result}"))
            };
            assert!(count("published") >= 170, "{lane}: {delivery}");
            let least_us = measured["figures"]["latency"]["least_us"]
                .as_u64()
                .expect("it delivered");
            assert!(least_us >= 5_000, "{lane} came faster than its link: {least_us} µs");
            assert!(
                measured["wire"]["down_bytes"].as_u64() > Some(10_000),
                "{lane}: it went over the link"
            );
            let unreliable = ["udp", "datachannel"].contains(&lane);
            if !is_lossy {
                assert_eq!(count("lost"), 0, "{lane}");
            } else if unreliable {
                assert!((1..60).contains(&count("lost")), "{lane} at 10 %: {delivery}");
            }
        }
    }
    let findings = result["findings"].as_array().expect("findings");
    assert!(
        findings.iter().any(|finding| finding["point"] == "loss 10%"),
        "{findings:?}"
    );
}
