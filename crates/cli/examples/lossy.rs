//! The server, losing a share of the datagrams that it sends to data channels: what the browser tests run to prove what
//! each channel is (`web/test/browser/lossy.test.js`). No imitation of a network: that is the link's work.
//!
//! ```text
//! cargo run -p wirelab --example lossy -- 100     # of 1,000 are lost
//! ```
//!
//! A program of its own, so that nothing can make the real one do it.
#![expect(clippy::print_stdout, reason = "it says where it listens, as the real one does")]

use std::{
    error::Error,
    net::{Ipv4Addr, SocketAddr},
};

use tokio_util::sync::CancellationToken;
use wirelab_server::{Entrance, Listeners, bind, bind_udp, config::Config, config::url};

/// How often another port is tried when the one that TCP took is not free for UDP.
const ATTEMPTS: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let lost_per_mille = std::env::args().nth(1).ok_or("how many of 1,000 datagrams are lost?")?;
    let config = Config {
        lost_per_mille: lost_per_mille.parse()?,
        ..Config::default()
    };
    let listeners = listeners()?;
    println!("wirelab listens on {}", url(listeners.public[0].tcp.local_addr()?));
    wirelab_server::run(listeners, config, terminated()?).await?;
    Ok(())
}

/// One free port of loopback, for TCP and UDP.
fn listeners() -> std::io::Result<Listeners> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut attempts = ATTEMPTS;
    loop {
        attempts -= 1;
        let tcp = bind(any)?;
        match bind_udp(tcp.local_addr()?) {
            Ok(udp) => {
                return Ok(Listeners {
                    public: vec![Entrance::direct(tcp, vec![udp])],
                    internal: None,
                });
            }
            Err(_) if attempts > 0 => {} // the next free one
            Err(error) => return Err(error),
        }
    }
}

/// Cancelled by SIGTERM on Unix, by Ctrl-C elsewhere.
fn terminated() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    #[cfg(unix)]
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        #[cfg(unix)]
        term.recv().await;
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await; // without it, it ends with the process
        told.cancel();
    });
    Ok(stop)
}
