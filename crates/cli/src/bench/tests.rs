//! Arguments and forms.

use clap::Parser;

use super::{
    args::{Bench, What},
    csv::csv,
    html::page,
    lane::Lane,
    publisher::Pace,
    sample::report,
    text::{number, text},
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    asked: Bench,
}

fn asked(arguments: &str) -> Result<Bench, String> {
    let words = ["bench"].into_iter().chain(arguments.split_whitespace());
    Line::try_parse_from(words)
        .map(|line| line.asked)
        .map_err(|error| error.to_string())
}

#[test]
fn each_measurement_has_its_defaults() {
    let asked = |arguments| asked(arguments).expect(arguments);
    assert_eq!(asked("idle").connections(), 10_000);
    assert_eq!(asked("idle").lanes(), [Lane::Sse, Lane::WebSocket]);
    assert_eq!(asked("fanout").pace(), Pace::Rate(20.0));
    assert_eq!(
        (asked("stalled").pace(), asked("stalled").size()),
        (Pace::Rate(100.0), 8_000)
    );
    assert_eq!(asked("fanout --window 16").pace(), Pace::Window(16));
    assert_eq!(
        asked("idle --lane websocket,sse,sse").lanes(),
        [Lane::Sse, Lane::WebSocket],
        "once, in order"
    );
    assert_eq!(asked("idle --ws-url ws://a/").lanes(), [Lane::WebSocket]);
}

#[test]
fn wrong_arguments_say_what_is_right() {
    for (arguments, wanted) in [
        ("", "<WHAT>"),
        ("sleep", "possible values: idle"),
        ("idle -n 0", "from 1 to 1000000"),
        ("idle -n many", "such as 500 or 10k"),
        ("idle --lane quic", "possible values: sse"),
        ("fanout --rate 0", "from 0.1 to 100000"),
        ("fanout --rate 20 --window 16", "cannot be used with"),
        ("fanout --size 8", "from"),
        ("idle --duration 10", "has a unit"),
        ("idle --target https://a", "no TLS yet"),
        ("idle --target http://a --ws-url ws://a", "cannot be used with"),
        ("idle --target http://a --reference", "cannot be used with"),
        ("idle --threshold sse.user_kib<1", "lane.what.figure<limit"),
        ("idle --pid me", "invalid digit"),
    ] {
        let error = asked(arguments).expect_err(arguments);
        assert!(error.contains(wanted), "{arguments}: {error}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (arguments, wanted) in [
        ("fanout --sse-url http://a/", "nobody knows how that is done"),
        ("echo --sse-url http://a/", "give --ws-url"),
        ("idle --window 3", "publishes nothing"),
        ("connect --rate 3", "sends nothing"),
        ("idle --pid 1", "give --target"),
        ("idle --ws-url ws://a/ --lane sse", "leave --lane out"),
        ("idle --reference --lane datachannel", "no data channels"),
        ("idle --threshold sse.echo.p50_us<1", "not measured: this is idle"),
        ("idle --lane sse --threshold websocket.idle.open_s<1", "of sse"),
    ] {
        let error = asked(arguments).expect(arguments).check().expect_err(arguments);
        assert!(error.to_string().contains(wanted), "{arguments}: {error}");
    }
    for arguments in [
        "idle",
        "echo --ws-url ws://a/ --pid 1",
        "echo --rate 100",
        "stalled --window 4",
    ] {
        assert_eq!(asked(arguments).expect(arguments).check(), Ok(()), "{arguments}");
    }
}

#[test]
fn every_contender_has_a_table_and_every_figure_known_a_row() {
    for what in What::ALL {
        let said = text(&report(what));
        for wanted in [
            "INTERRUPTED",
            "sse, 3 run(s)",
            "sse, reference, 1 run(s)",
            "not measured: it said \"no\"",
            "× the reference",
            "limited by the load generator",
            "a queue is short: sysctl -w a=1",
            "NO   sse.",
        ] {
            assert!(said.contains(wanted), "{what:?} {wanted}: {said}");
        }
        for figure in what.figures() {
            assert_eq!(
                said.contains(figure.label),
                figure.unit != "s",
                "{}: {said}",
                figure.name
            );
        }
    }
}

#[test]
fn every_line_for_programs_has_all_columns() {
    for what in What::ALL {
        let said = csv(&report(what));
        let columns = |line: &str| line.split('"').step_by(2).collect::<String>().matches(',').count();
        assert!(said.lines().all(|line| columns(line) == 8), "{said}");
        assert_eq!(said.lines().count(), 1 + 4 * what.figures().len() + 1);
    }
}

#[test]
fn the_page_escapes_what_came_from_outside_and_has_bars() {
    for what in What::ALL {
        let page = page(&report(what));
        assert!(!page.contains("<&>") && page.contains("&lt;&amp;&gt;"), "{page}");
        assert!(page.contains("<rect class=\"sse\""), "{what:?} has a plot");
        assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
        assert!(
            !page.contains("http://") && !page.contains("<script"),
            "it loads nothing"
        );
    }
}

#[test]
fn numbers_have_three_digits_that_count() {
    let said: Vec<String> = [0.0, -0.0, 0.1234, 1.234, 12.34, 123.4, 5.0].map(number).into();
    assert_eq!(said, ["0", "0", "0.123", "1.23", "12.3", "123", "5"]);
}
