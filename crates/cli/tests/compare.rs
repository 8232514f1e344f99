//! `wirelab compare` and `wirelab doctor` from outside. A run needs a link, so where none can be made these say so and
//! test only that the program does.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{self, Child, Command, Output, Stdio},
};

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
        (
            &["compare", "--target", "wss://a"],
            "a target is http://host or https://host",
        ),
        (
            &["compare", "--target", "http://a", "--insecure"],
            "give an https:// --target",
        ),
        (
            &["compare", "--target", "https://a", "--ca", "Cargo.lock.not"],
            "--ca Cargo.lock.not cannot be read",
        ),
        (
            &["compare", "--target", "http://a", "--lanes", "udp"],
            "no reference udp",
        ),
        (
            &["compare", "--lanes", "sse", "--threshold", "websocket.gap<1s"],
            "is not measured",
        ),
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
        let run = &point["runs"][0];
        let is_disturbed = run["disturbed"].as_array().is_some_and(|reasons| !reasons.is_empty());
        let lanes = run["lanes"].as_array().expect("lanes");
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
            // About 180 of them, but for those that a busy machine skips, of which the result tells.
            let published = count("published");
            let least = if is_disturbed { 60 } else { 170 };
            assert!(published >= least, "{lane}: {delivery}");
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
                assert!(
                    (1..published / 3).contains(&count("lost")),
                    "{lane} at 10 %: {delivery}"
                );
            }
        }
    }
    let findings = result["findings"].as_array().expect("findings");
    assert!(
        findings.iter().any(|finding| finding["point"] == "loss 10%"),
        "{findings:?}"
    );
}

/// A server elsewhere, ended with the test.
struct Elsewhere {
    child: Child,
    url: String,
}

impl Elsewhere {
    fn start() -> Self {
        Self::announced(&["--https", "off"], "http://")
    }

    /// With a certificate of its own that only `folder` knows.
    fn start_tls(folder: &Path) -> Self {
        let folder = folder.to_str().expect("UTF-8");
        Self::announced(&["--https", "127.0.0.1:0", "--data-dir", folder], "https://")
    }

    /// At the first URL of a scheme that it says.
    fn announced(arguments: &[&str], scheme: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wirelab"))
            .args(["--http", "127.0.0.1:0", "--link-listen", "off"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let url_of = |line: String| {
            let mut words = line.split_whitespace();
            words.find(|word| word.starts_with(scheme)).map(str::to_owned)
        };
        let url = lines.find_map(url_of).expect("a URL");
        let url = url.trim_end_matches('/').to_owned();
        Self { child, url }
    }
}

/// Measures it for a second, with `more` arguments, as JSON.
fn compare_with(server: &Elsewhere, more: &[&str]) -> Output {
    let arguments = ["compare", "--target", &server.url, "--duration", "1s", "--repeat", "1"];
    wirelab(&[&arguments[..], &["--output", "json"], more].concat())
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_elsewhere_is_measured_over_the_path_that_there_is() {
    let server = Elsewhere::start();
    let thresholds = ["--threshold", "sse.delivered>0%", "--threshold", "sse.latency.p50<0s"];
    let output = compare_with(&server, &thresholds);
    // 1: the second threshold cannot hold. 3: the machine was too busy, and that comes first.
    assert!(matches!(output.status.code(), Some(1 | 3)), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(result["setting"]["target"], server.url.as_str());
    assert_eq!(result["points"].as_array().map(Vec::len), Some(1), "no control");
    let lanes = result["points"][0]["runs"][0]["lanes"].as_array().expect("lanes");
    let names: Vec<_> = lanes
        .iter()
        .map(|result| result["lane"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        ["sse", "websocket", "datachannel", "datachannel-reliable"],
        "no references"
    );
    for result in lanes {
        let figures = &result["measured"]["figures"];
        assert!(figures["delivery"]["delivered"].as_u64() > Some(0), "{result}");
        assert!(figures["payload_bytes"].as_u64() > Some(0), "{result}");
        let (least_us, error_us) = (&figures["latency"]["least_us"], &figures["clock"]["error_us"]);
        // One machine's clocks: what they differ by has been taken off, to within the error that is told.
        assert!(
            least_us.as_u64() < Some(1_000_000) && error_us.as_u64() < Some(1_000_000),
            "{figures}"
        );
    }
    let holds: Vec<_> = result["thresholds"]
        .as_array()
        .expect("judged")
        .iter()
        .map(|judged| &judged["holds"])
        .collect();
    assert_eq!(holds, [true, false]);
}

#[test]
fn a_server_with_tls_is_measured_once_it_is_believed() {
    let folder = env::temp_dir().join(format!("wirelab-compare-{}", process::id()));
    let server = Elsewhere::start_tls(&folder);
    let certificate = folder.join("localhost.crt");
    let stranger = compare_with(&server, &[]);
    let known = compare_with(&server, &["--ca", certificate.to_str().expect("UTF-8")]);
    let blind = compare_with(&server, &["--insecure"]);
    drop(server);
    let _ = fs::remove_dir_all(folder); // it is in a folder for such

    assert_eq!(stranger.status.code(), Some(4));
    let said = text(&stranger.stderr);
    assert!(
        said.contains("UnknownIssuer") && said.contains("name the issuer with --ca"),
        "{said}"
    );
    for (output, believes_all) in [(known, false), (blind, true)] {
        // 3: this machine may have been too busy, which does not concern what is asserted here.
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mechanism = result["setting"]["mechanism"].as_str().expect("words");
        assert_eq!(
            mechanism.contains("any certificate believed"),
            believes_all,
            "{mechanism}"
        );
        let lanes = result["points"][0]["runs"][0]["lanes"].as_array().expect("lanes");
        assert_eq!(lanes.len(), 4);
        for result in lanes {
            let delivery = &result["measured"]["figures"]["delivery"];
            assert!(delivery["delivered"].as_u64() > Some(0), "{result}");
        }
    }
}

#[test]
fn a_target_that_does_not_answer_ends_with_4() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener); // now nobody is there
    let output = wirelab(&["compare", "--target", &format!("http://{address}")]);
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty());
    let said = text(&output.stderr);
    assert!(
        said.contains("nothing answers at http://127.0.0.1") && said.contains("Is the server up"),
        "{said}"
    );
}
