//! `connect`: connections that open and go, as after a restart: how many a second, and where the time goes.

use super::{
    args::What,
    figure::Figures,
    meter::Times,
    stream::Steps,
    trial::{Failed, Found, Trial},
    way::Way,
};

/// A step, and under which names its quantiles are told.
type Step = (&'static str, &'static str, fn(&Steps) -> Option<u64>);

const STEPS: [Step; 8] = [
    ("open_p50_us", "open_p99_us", |steps| Some(steps.open_us)),
    ("tcp_p50_us", "tcp_p99_us", |steps| steps.tcp_us),
    ("head_p50_us", "head_p99_us", |steps| steps.head_us),
    ("hello_p50_us", "hello_p99_us", |steps| steps.hello_us),
    ("signalling_p50_us", "signalling_p99_us", |steps| steps.signalling_us),
    ("ice_p50_us", "ice_p99_us", |steps| steps.ice_us),
    ("dtls_p50_us", "dtls_p99_us", |steps| steps.dtls_us),
    ("sctp_p50_us", "sctp_p99_us", |steps| steps.sctp_us),
];

pub(super) async fn run(trial: &Trial<'_>) -> Result<Found, Failed> {
    let way = trial.way(Way::topic_path(trial.lane, &trial.topic()));
    let opening = trial.opening(way, None, trial.asked.connections());
    let mut times: Vec<Times> = STEPS.iter().map(|_| Times::default()).collect();
    let (watch, mut opened) = (trial.watch(), 0);
    let failures = opening
        .run(trial.stop, |connection, steps| {
            drop(connection); // another takes its place
            opened += 1;
            for ((.., of), times) in STEPS.iter().zip(&mut times) {
                if let Some(us) = of(&steps) {
                    times.record(us);
                }
            }
        })
        .await;
    let used = watch.used();
    trial.reached(opened, &failures)?;

    let mut figures = Figures::of(What::Connect);
    figures.set("opened_count", opened as f64);
    figures.set("failed_count", failures.total() as f64);
    figures.set("opens_per_s", opened as f64 / used.took_s);
    figures.set("open_cpu_us", used.server_cpu_s * 1e6 / opened as f64);
    for ((p50, p99, _), times) in STEPS.iter().zip(&times) {
        figures.set(p50, times.at(0.5));
        figures.set(p99, times.at(0.99));
    }
    used.busy(&mut figures);
    Ok(Found { figures, failures })
}
