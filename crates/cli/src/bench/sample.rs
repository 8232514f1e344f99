//! A result of every shape, for the tests of its forms.

use super::{
    args::What,
    connection::Failures,
    figure::Figures,
    lane::Lane,
    preflight::Advice,
    result::{Contender, Outcome, Ratio, Report, Run, SCHEMA, Setting},
    threshold::judge,
    way::Kind,
};
use crate::compare::result::Machine;

/// Two lanes, a reference, a run that failed, a figure that is not known.
pub(crate) fn report(what: What) -> Report {
    let figures = |factor: f64| {
        let mut figures = Figures::of(what);
        // The unit "s" is left out: something is not known.
        for figure in what.figures().iter().filter(|figure| figure.unit != "s") {
            figures.set(figure.name, factor);
        }
        figures
    };
    let measured = |factor| {
        let mut failures = Failures::default();
        failures.count("it answered 503 <&>".into());
        let figures = figures(factor);
        Run {
            interrupted: false,
            outcome: Outcome::Measured { figures, failures },
        }
    };
    let failed = Run {
        interrupted: true,
        outcome: Outcome::Failed("it said \"no\"".into()),
    };
    let contender = |lane, server, runs: Vec<Run>| {
        let all: Vec<&Figures> = runs.iter().filter_map(Run::figures).collect();
        let median = (!all.is_empty()).then(|| Figures::median(what, &all));
        Contender {
            lane,
            server,
            runs,
            median,
        }
    };
    let contenders = vec![
        contender(
            Lane::Sse,
            Kind::Wirelab,
            vec![measured(1.0), measured(2.0), measured(3.0)],
        ),
        contender(Lane::Sse, Kind::Reference, vec![measured(8.0)]),
        contender(Lane::WebSocket, Kind::Wirelab, vec![failed]),
    ];
    let name = what.figures()[2].name;
    let threshold = format!("sse.{}.{name}<1.5", what.id()).parse().expect("a threshold");
    Report {
        schema: SCHEMA,
        version: "0.0.0",
        command: "wirelab bench <&>".into(),
        interrupted: true,
        setting: Setting {
            what,
            connections: 20,
            concurrency: 64,
            duration_ms: 10_000,
            heartbeat_ms: 5_000,
            bytes: 100,
            rate_per_s: Some(20.0),
            window: None,
            stalled: (what == What::Stalled).then_some(3),
            server_processes: 1,
            client_processes: 1,
            sources: 1,
            server_core: Some(0),
            client_core: None,
            targets: Vec::new(),
        },
        machine: Machine {
            os: "An OS".into(),
            kernel: "6.0".into(),
            cpu: "A CPU".into(),
            cores: 2,
        },
        ratios: vec![Ratio {
            lane: Lane::Sse,
            figures: figures(2.0).over(what, &figures(8.0)),
        }],
        thresholds: judge(&[threshold], &contenders),
        contenders,
        preflight: vec![Advice {
            what: "a queue is short".into(),
            command: "sysctl -w a=1".into(),
        }],
        warnings: vec!["sse: limited by the load generator <&>".into()],
    }
}
