//! The shipped files of `deploy/`, run by the real nginx, HAProxy and Caddy before a real server.
//!
//! What is tested is the file itself, with another port and upstream put in its place ([`program`]). A test whose
//! program is missing says so and passes; `scripts/test.sh` installs all of them. "Arrives one by one" always means that
//! an event is seen before the next one is published.

mod curl;
mod program;
mod restart;
mod silence;
mod streams;
mod visitors;
mod wrong;

use self::{
    curl::Curl,
    program::{Proxy, Shipped},
};
use crate::support::{Peer, soon};

/// The proxies that are set up right, without TLS.
const RIGHT: [Shipped; 3] = [Shipped::NginxRight, Shipped::Haproxy, Shipped::Caddy];
/// The same with TLS.
const RIGHT_TLS: [Shipped; 3] = [Shipped::NginxTls, Shipped::Haproxy, Shipped::Caddy];

/// Says why a test shows nothing here.
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(program: &str) {
    eprintln!("skipped: there is no {program} on this machine");
}

/// Open streams, as the server counts them.
const STREAMS: &str = r#"connections{lane="sse"}"#;
const SOCKETS: &str = r#"connections{lane="websocket"}"#;

impl Proxy {
    async fn connect(&self) -> Peer {
        Peer::connect(self.plain).await
    }
}
