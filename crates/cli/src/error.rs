//! Everything that ends the program early, and the exit code that goes with it.

use std::{io, net::SocketAddr};

use thiserror::Error;
use wirelab_server::RunError;

use crate::{
    advise::AdviseError,
    bench::BenchError,
    compare::{CompareError, run},
    logging::LoggingError,
    settings::SettingsError,
    verify::VerifyError,
};

/// The server did not start, or did not end well.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Logging(#[from] LoggingError),
    #[error("cannot listen on {address}: {why}. {way_out}", why = why(source), way_out = way_out(source, flag, *address))]
    Bind {
        flag: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the system does not give the threads or signals that a server needs: {0}")]
    System(io::Error),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Compare(#[from] CompareError),
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error(transparent)]
    Advise(#[from] AdviseError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("this machine lets this process make no link; the lines above say what to type")]
    NoLink,
    #[error("link-helper is what `wirelab serve` starts for itself; it does nothing for anybody else")]
    NoServer,
}

impl Error {
    /// 2: the arguments or the configuration are wrong, or ask for an address that is not to be had; 1: the world is
    /// wrong; 3: it was measured and decides nothing; 4: there is nothing there to be measured.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Logging(_) | Self::Bind { .. } | Self::NoServer => 2,
            Self::Bench(error) => error.exit_code(),
            Self::Advise(error) => error.exit_code(),
            Self::Verify(error) => error.exit_code(),
            Self::Compare(CompareError::Asked(_) | CompareError::Tls(_) | CompareError::Profile(_)) => 2,
            Self::Compare(CompareError::Run(run::RunError::Target(_))) => 4,
            Self::Compare(CompareError::Run(run::RunError::Interrupted)) => 130,
            Self::Compare(CompareError::Inconclusive | CompareError::Run(run::RunError::Stage(_))) => 3,
            Self::System(_) | Self::Run(_) | Self::Compare(_) | Self::NoLink => 1,
        }
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program holds the port".into(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".into(),
        io::ErrorKind::PermissionDenied => "the system does not let this user have the port".into(),
        _ => error.to_string(),
    }
}

fn way_out(error: &io::Error, flag: &str, address: SocketAddr) -> String {
    let port = address.port();
    let any = SocketAddr::new(address.ip(), 0);
    match error.kind() {
        io::ErrorKind::AddrInUse if cfg!(windows) => {
            format!("End it (netstat -ano names it), or take a free port: {flag} {any}")
        }
        io::ErrorKind::AddrInUse if cfg!(target_os = "linux") => {
            format!("End it (ss -ltnp 'sport = :{port}' names it), or take a free port: {flag} {any}")
        }
        io::ErrorKind::AddrInUse => {
            format!("End it (lsof -nP -iTCP:{port} -sTCP:LISTEN names it), or take a free port: {flag} {any}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("Give one that it has, such as {flag} 127.0.0.1:{port}, or all of them: {flag} 0.0.0.0:{port}")
        }
        io::ErrorKind::PermissionDenied => format!("Take one above 1023, such as {flag} {}:8080", host(address)),
        _ => format!("Try another address, such as {flag} 127.0.0.1:0"),
    }
}

fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}
