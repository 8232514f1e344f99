//! One file for what each path answers.

pub(crate) mod advise;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod ice_servers;
pub(crate) mod info;
pub(crate) mod metrics;
pub(crate) mod signal;
pub(crate) mod topics;
pub(crate) mod websocket;

#[cfg(test)]
mod tests;
