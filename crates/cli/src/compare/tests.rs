//! Arguments, plan, verdict and forms.

use std::time::Duration;

use clap::Parser;
use wirelab_link::rules::Loss;

use super::{args::Compare, lane::Lane, plan::Plan};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    asked: Compare,
}

fn asked(arguments: &str) -> Result<Compare, String> {
    let words = ["compare"].into_iter().chain(arguments.split_whitespace());
    Line::try_parse_from(words)
        .map(|line| line.asked)
        .map_err(|error| error.to_string())
}

fn plan(arguments: &str) -> Plan {
    Plan::of(&asked(arguments).expect("right arguments"))
}

#[test]
fn a_profile_is_changed_by_the_flags() {
    let link = asked("--profile satellite --rtt 100ms --loss 3% --jitter 5ms --rate 1Mbit/s")
        .expect("right")
        .link();
    for shape in [link.down, link.up] {
        assert_eq!(
            (shape.delay, shape.jitter),
            (Duration::from_millis(50), Duration::from_millis(5))
        );
        assert_eq!(shape.loss, Loss::Random("3%".parse().expect("a share")));
        assert_eq!(shape.rate.map(|rate| rate.to_string()), Some("1Mbit/s".into()));
    }
    assert_eq!(
        asked("").expect("right").link().round_trip(),
        Duration::from_millis(40),
        "the default"
    );
}

#[test]
fn a_run_without_loss_is_always_part_of_it() {
    let labels = |arguments| {
        plan(arguments)
            .points
            .iter()
            .map(|point| point.label.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(labels("--loss 5%"), ["loss 0%", "loss 5%"]);
    assert_eq!(labels("--loss 0%"), ["loss 0%"], "once");
    assert_eq!(labels("--sweep loss=0%,1%,10%"), ["loss 0%", "loss 1%", "loss 10%"]);
    assert_eq!(labels("--profile train")[1], "outages 5% of 400ms on average");
    let plan = plan("--sweep loss=2% --repeat 4 --seed 9");
    assert!(plan.points[0].is_control && !plan.points[1].is_control);
    assert_eq!((plan.seeds.clone(), plan.runs()), (vec![9, 10, 11, 12], 8));
}

#[test]
fn the_references_are_always_part_of_it() {
    assert_eq!(
        asked("--lanes websocket").expect("right").contenders(),
        [Lane::WebSocket, Lane::Tcp, Lane::Udp]
    );
    assert_eq!(asked("").expect("right").contenders(), Lane::ALL);
}

#[test]
fn wrong_arguments_say_what_is_right() {
    for (arguments, wanted) in [
        ("--profile 5g", "there are lan, wifi"),
        ("--loss 5", "such as 2%"),
        ("--loss 101%", "from 0% to 100%"),
        ("--rate fast", "such as 512kbit/s"),
        ("--lanes sse,quic", "there are sse, websocket"),
        ("--sweep 0%,1%", "loss=0%,1%"),
        ("--sweep loss=1%,x", "such as 2%"),
        ("--sweep loss=1% --loss 2%", "cannot be used with"),
        ("--hz 0", "1..=240"),
        ("--size 8", "32..=16384"),
        ("--duration 10", "has a unit"),
        ("--duration 2h", "from 1s to 10m"),
        ("--repeat 0", "1..=100"),
        ("--target localhost", "http://host"),
        ("--target http://a --rtt 20ms", "cannot be used with"),
        ("--target http://a --seed 2", "cannot be used with"),
        ("--threshold sse.gap", "lane.figure<limit"),
    ] {
        let error = asked(arguments).expect_err(arguments);
        assert!(error.contains(wanted), "{arguments}: {error}");
    }
    let slow = asked("--rate 1kbit/s").expect("it parses").link().validate();
    assert!(slow.expect_err("too slow").to_string().contains("8kbit/s"));
}

#[test]
fn a_target_has_lanes_and_one_path() {
    let asked = asked("--target http://a:8080 --repeat 2").expect("right");
    assert_eq!(asked.contenders(), Lane::ALL[..4]);
    let plan = Plan::of(&asked);
    assert_eq!((plan.runs(), plan.points[0].is_control), (2, false));
}

#[test]
fn what_is_not_measured_cannot_be_asked_for() {
    for (arguments, wanted) in [
        (
            "--lanes sse --threshold websocket.gap<1s",
            "websocket, which is not measured",
        ),
        ("--target http://a --lanes sse,udp", "no reference udp"),
        ("--target http://a --threshold tcp.gap<1s", "tcp, which is not measured"),
    ] {
        let error = asked(arguments).expect("it parses").check().expect_err(arguments);
        assert!(error.to_string().contains(wanted), "{arguments}: {error}");
    }
    assert_eq!(
        asked("--lanes sse --threshold tcp.gap<1s").expect("it parses").check(),
        Ok(())
    );
}
