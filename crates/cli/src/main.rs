//! The binary: arguments, layers of configuration, terminal, files, signals and exit codes. Everything else is in the
//! crates below.

mod args;
#[cfg_attr(not(test), expect(dead_code, reason = "temporary"))]
mod compare;
mod error;
mod logging;
mod ports;
mod render;
mod serve;
mod settings;
mod signals;
mod values;

use std::process::ExitCode;

/// Many small buffers that come and go with connections: see docs/decisions/0003-allocator.md.
#[cfg(all(unix, not(target_env = "msvc")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let settings = settings::load(std::env::args_os(), std::env::vars_os());
    match settings
        .map_err(error::Error::from)
        .and_then(|settings| serve::run(&settings))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => render::failure(error),
    }
}
