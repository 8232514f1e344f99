//! The vectors of `testdata/`, which `node --test` runs over the pages' modules too: one definition, two programs.

use std::{fs, path::PathBuf};

use serde_json::Value;
use wirelab_model::{
    Micros,
    metrics::{Arrival, Closing, Meter, Opening, Theta, clock::ClockOffset},
};

#[test]
fn the_meter_gives_the_figures_of_its_vectors() {
    for (name, vector) in vectors("meter") {
        let got = serde_json::to_value(measure(&vector)).expect("a summary is JSON");
        same(&got, &vector["summary"], &name);
    }
}

#[test]
fn the_clock_gives_the_offsets_of_its_vectors() {
    for (name, vector) in vectors("clock") {
        let mut clock = ClockOffset::default();
        let mut refused = 0;
        for stamps in list(&vector["samples"]) {
            let [t0, t1, t2, t3] = [0, 1, 2, 3].map(|i| micros(&stamps[i]));
            refused += u64::from(clock.sample(t0, t1, t2, t3).is_err());
        }
        assert_eq!(refused, whole(&vector["refused"]), "{name}: refused");
        let got = clock.fastest().map_or(Value::Null, |trip| {
            serde_json::json!({
                "offset_us": trip.offset_us,
                "delay_us": trip.delay_us,
                "error_us": trip.error_us(),
                "theta_us": trip.theta_for_asker().theta_us,
            })
        });
        assert_eq!(got, vector["fastest"], "{name}");
    }
}

/// Every vector of one folder, by name.
fn vectors(folder: &str) -> Vec<(String, Value)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata")).join(folder);
    let mut vectors: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a vector");
            (path.display().to_string(), serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    assert!(vectors.len() > 10, "{} is where the vectors are", folder.display());
    vectors.sort_by(|(a, _), (b, _): &(String, Value)| a.cmp(b));
    vectors
}

fn measure(vector: &Value) -> wirelab_model::metrics::Summary {
    let (opening, closing) = (&vector["opening"], &vector["closing"]);
    let mut meter = Meter::new(Opening {
        first: whole(&opening["first"]),
        from_us: maybe(&opening["from_us"]),
        period_us: micros(&opening["period_us"]),
        clock: Theta {
            theta_us: opening["clock"]["theta_us"].as_i64().expect("a whole number"),
            error_us: micros(&opening["clock"]["error_us"]),
        },
    });
    for arrival in list(&vector["arrivals"]) {
        meter.arrival(Arrival {
            offset: whole(&arrival[0]),
            sent_us: micros(&arrival[1]),
            received_us: micros(&arrival[2]),
            bytes: u32::try_from(whole(&arrival[3])).expect("bytes"),
        });
    }
    meter.skipped(whole(&vector["skipped"]));
    meter.summary(Closing {
        last: whole(&closing["last"]),
        until_us: micros(&closing["until_us"]),
        link_delay_us: maybe(&closing["link_delay_us"]),
    })
}

/// Counts and times are the same to the last digit, percentiles (`p…_us`) to the histogram's 0.1 % and 1 µs, and
/// numbers with a fraction to what a double holds.
fn same(got: &Value, expect: &Value, path: &str) {
    match (got, expect) {
        (Value::Object(got), Value::Object(expect)) => {
            assert!(
                got.keys().eq(expect.keys()),
                "{path}: {got:?} has not the keys of {expect:?}"
            );
            got.iter()
                .for_each(|(key, value)| same(value, &expect[key], &format!("{path} {key}")));
        }
        (Value::Number(got), Value::Number(expect)) => {
            let [got, expect] = [got, expect].map(|number| number.as_f64().expect("a number"));
            let key = path.rsplit(' ').next().unwrap_or_default();
            let percentile = key.starts_with('p') && key.ends_with("_us") && key != "peak_us";
            let tolerance = if percentile {
                expect / 1000.0 + 1.0
            } else {
                expect.abs() * 1e-12
            };
            assert!((got - expect).abs() <= tolerance, "{path}: {got}, expected {expect}");
        }
        _ => assert_eq!(got, expect, "{path}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn whole(value: &Value) -> u64 {
    value.as_u64().expect("a whole number")
}

fn micros(value: &Value) -> Micros {
    Micros(whole(value))
}

fn maybe(value: &Value) -> Option<Micros> {
    (!value.is_null()).then(|| micros(value))
}
