//! `wirelab verify` from outside: against the real server, against the real proxies, and against small servers that are
//! broken in one way each. A check whose broken server is not caught is no check.

mod bad_input;
mod broken;
mod coturn;
mod idle;
mod proxies;
mod real;
mod sse;
mod support;
mod turn;
mod webrtc;
mod ws;
