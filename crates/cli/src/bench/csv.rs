//! The result as a line for each figure of each run (RFC 4180), for other tools: measurements differ in their figures, and
//! all have this form.

use std::fmt::Write as _;

use super::result::{Outcome, Report};

const HEAD: &str = "what,lane,server,run,interrupted,figure,unit,value,failed\r\n";

/// The whole text.
pub(crate) fn csv(report: &Report) -> String {
    let mut out = HEAD.to_owned();
    let what = report.setting.what;
    for contender in &report.contenders {
        for (nth, run) in contender.runs.iter().enumerate() {
            let (lane, server) = (contender.lane, contender.server.id());
            let start = format!("{},{lane},{server},{},{}", what.id(), nth + 1, run.interrupted);
            match &run.outcome {
                Outcome::Failed(why) => {
                    let _ = write!(out, "{start},,,,\"{}\"\r\n", why.replace('"', "\"\""));
                }
                Outcome::Measured { figures, .. } => {
                    for figure in what.figures() {
                        let value = figures
                            .get(figure.name)
                            .map(|value| value.to_string())
                            .unwrap_or_default();
                        let _ = write!(out, "{start},{},{},{value},\r\n", figure.name, figure.unit);
                    }
                }
            }
        }
    }
    out
}
