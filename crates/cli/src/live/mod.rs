//! The live link: the same server once more, at the far end of an emulated network, for any browser.
//!
//! ```text
//!  browser ── 127.0.0.1:8081, TCP and UDP ──┐
//!                                           │ forwarder
//!  ┌ helper: a process of its own ──────────▼──────────────────────────────────────┐
//!  │  near place ── TUN ── emulator: delay, loss, outages, rate ── TUN ── far place │
//!  └──────────────────────────────────────────────────────────────────────┬────────┘
//!  ┌ server: where it always was ──────────────────────────────────────────▼────────┐
//!  │  8080 ── one router, one feed, the same rooms ── listeners made in the far place│
//!  └─────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Namespaces need rights that the server should not have, and a user namespace is for a process of one thread. So
//! `serve` starts itself once more as a helper, gives it the sockets at which browsers knock, and gets back the sockets
//! at the far end: they are listeners like any other. The far place has no way out but the link, so nothing can go round
//! it. The helper lives as long as its socket to the server, and the server does not need it.

mod api;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod forward;
#[cfg(target_os = "linux")]
pub(crate) mod helper;
mod keeper;
#[cfg(target_os = "linux")]
mod pass;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod speak;
#[cfg(target_os = "linux")]
mod start;
mod words;

use wirelab_server::Entrance;

#[cfg(not(target_os = "linux"))]
use elsewhere::Helper;
#[cfg(target_os = "linux")]
use speak::Helper;

use crate::{args::Addresses, error::Error};
pub(crate) use {
    api::{direct_routes, far_routes},
    keeper::Keeper,
};

/// What `/api/info` calls the way through the link.
pub(crate) const PATH: &str = "link";

/// The link as it is when the server starts.
#[derive(Debug)]
pub(crate) struct Live {
    /// The far end, where there is one.
    pub(crate) entrance: Option<Entrance>,
    /// Knows how the link stands, and sets it.
    pub(crate) keeper: Keeper,
    /// Not watched yet, since there is no runtime.
    pub(crate) helper: Helper,
}

/// Brings the link up, if it is wanted and can be. Where it cannot, the log says why, once, and everything else works.
///
/// # Errors
/// An address that was asked for cannot be had. One that is ours by default is only warned of.
pub(crate) fn start(addresses: &Addresses) -> Result<Live, Error> {
    #[cfg(target_os = "linux")]
    let live = start::start(addresses)?;
    #[cfg(not(target_os = "linux"))]
    let live = elsewhere::start(addresses);
    if let Some(why) = live.keeper.why_not() {
        tracing::warn!(%why, "there is no emulated link, so compare.html is without loss; wirelab doctor says what to type");
    }
    Ok(live)
}
