//! The flags of TURN.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use wirelab_server::{TurnUrl, TurnUrlError};

use super::{HOUR, MINUTE};
use crate::values::time;

/// The relay for browsers that nothing else lets through.
#[derive(Clone, Debug, Args)]
pub(crate) struct Turn {
    /// Where browsers reach the TURN server: turn:HOST, turn:HOST:PORT?transport=tcp, turns:HOST; several are one
    /// server's ways in
    #[arg(long, value_name = "URL", value_delimiter = ',', value_parser = url)]
    pub(crate) turn_url: Vec<TurnUrl>,

    /// File with the secret that the TURN server has too (coturn's static-auth-secret); it signs credentials that expire
    #[arg(long, value_name = "FILE")]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// How long a TURN credential holds; browsers ask for a new one after three quarters of it
    #[arg(long, value_name = "TIME", value_parser = time(MINUTE..=24 * HOUR), default_value = "1h")]
    pub(crate) turn_ttl: Duration,
}

fn url(text: &str) -> Result<TurnUrl, String> {
    text.parse().map_err(|error: TurnUrlError| error.to_string())
}
