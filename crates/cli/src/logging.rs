//! The log: on stderr, `info` and above unless `RUST_LOG` says otherwise, text for people or JSON for machines.

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// What the crates of the WebRTC stack may say.
const STACK: &str = "rtc=error,rtc_dtls=error,rtc_ice=error,rtc_sctp=error,webrtc=error";

/// `RUST_LOG` cannot be read.
#[derive(Debug, Error)]
#[error("RUST_LOG is no filter: {0}. Write such as RUST_LOG=info or RUST_LOG=info,wirelab_transport=debug")]
pub(crate) struct LoggingError(String);

/// Starts the log, once. `level` is what is logged where `RUST_LOG` says nothing.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), LoggingError> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let wanted = if wanted.is_empty() { level } else { &wanted };
    // The WebRTC stack warns of every TLS extension that it passes over. What is asked for by name comes after and wins.
    let filter = EnvFilter::builder().parse(format!("{STACK},{wanted}"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.map_err(|error| LoggingError(error.to_string()))?)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(is_colourful()).init(),
        LogFormat::Json => log.json().with_ansi(false).init(),
    }
    Ok(())
}

/// Colours only for a person at a terminal who has not said no (no-color.org: any value but an empty one).
fn is_colourful() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
