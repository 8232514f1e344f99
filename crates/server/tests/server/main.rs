//! The server from outside: real sockets on port 0, whole conversations, and what is counted of them.
//!
//! Every test starts a server of its own. What can be awaited is awaited, what can only be counted is polled
//! (`Server::until`), and no test asserts a time that it took.

mod bad_frames;
mod bad_input;
mod bad_names;
mod bounds;
mod carried;
mod contract;
mod falling_behind;
mod feeds;
mod http;
mod http2;
mod hub;
mod proxies;
mod stop;
mod support;
mod takeover;
mod tls;
mod turn;
mod upgrade;
mod webrtc;
mod who_may;
