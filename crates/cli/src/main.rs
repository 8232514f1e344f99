//! The binary: arguments, layers of configuration, terminal, files, signals and exit codes. Everything else is in the
//! crates below.

mod advise;
mod announce;
mod args;
mod bench;
mod compare;
mod development;
mod doctor;
mod error;
mod https;
mod inside;
mod live;
mod logging;
mod openings;
mod ports;
mod render;
mod serve;
mod settings;
mod signals;
mod trust;
mod values;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    args::{Cli, Command, LogFormat},
    error::Error,
    settings::SettingsError,
};

/// Many small buffers that come and go with connections: see docs/decisions/0003-allocator.md.
#[cfg(all(unix, not(target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => render::failure(error),
    }
}

fn run() -> Result<(), Error> {
    let cli = Cli::try_parse().map_err(SettingsError::from)?;
    match cli.asked() {
        // Once more, with the variables and the file below the flags.
        Command::Serve(_) => serve::run(&settings::load(std::env::args_os(), std::env::vars_os())?),
        Command::Compare(asked) => {
            // While there is one thread: a user namespace is refused to a process of more.
            let privilege = wirelab_link::acquire();
            logging::start(LogFormat::Text, "warn")?;
            Ok(compare::run(&asked, &privilege)?)
        }
        Command::Advise(asked) => Ok(advise::run(&asked)?),
        Command::Bench(asked) => {
            logging::start(LogFormat::Text, "error")?; // a peer that is dropped in the middle is no news here
            Ok(bench::run(&asked)?)
        }
        Command::Verify(asked) => {
            logging::start(LogFormat::Text, "error")?; // what a server does wrong is told by the checks
            Ok(verify::run(&asked)?)
        }
        Command::BenchServer => bench::serve::run(),
        Command::BenchHolder => bench::hold::run(),
        #[cfg(target_os = "linux")]
        Command::LinkHelper => live::helper::run(&wirelab_link::acquire()),
        Command::Doctor(asked) => doctor::run(asked, &wirelab_link::acquire()),
    }
}
