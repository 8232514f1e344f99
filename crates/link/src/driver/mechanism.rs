//! The ways to make a link, and what stood against each.

use std::{fmt, io};

use serde::Serialize;
use thiserror::Error;

use crate::rules::ProfileError;

/// A way to put a link between two sockets of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Two network namespaces with a TUN device each, made with the rights that the process has.
    Tun,
    /// The same within a user namespace of its own: no rights are needed.
    TunInUserNamespace,
    /// Two TUN devices in the namespace that there is, addresses exchanged on the way: for containers that may not make
    /// namespaces but have `NET_ADMIN`.
    OneNamespace,
}

impl Mechanism {
    /// In the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Tun, Self::TunInUserNamespace, Self::OneNamespace];
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tun => "two network namespaces",
            Self::TunInUserNamespace => "two network namespaces in a user namespace",
            Self::OneNamespace => "two TUN devices in one namespace",
        })
    }
}

/// Why a mechanism does not work here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which one.
    pub mechanism: Mechanism,
    /// The step that failed, and the system's words: `opening /dev/net/tun: No such file or directory (os error 2)`.
    pub why: String,
}

/// What this process may do about links, found out by trying.
#[derive(Clone, Debug)]
pub struct Privilege {
    /// The first that works; none where nothing does.
    pub mechanism: Option<Mechanism>,
    /// What was tried before it.
    pub refusals: Vec<Refusal>,
}

/// Why there is no link.
#[derive(Debug, Error)]
pub enum LabError {
    /// No mechanism works here.
    #[error("this machine lets this process make no link ({}); `wirelab doctor` says what to type", listed(.0))]
    Nothing(Vec<Refusal>),
    /// The profile asks for nonsense.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// It worked when it was tried, and now it does not.
    #[error("the link could not be made: {0}")]
    Io(#[from] io::Error),
}

fn listed(refusals: &[Refusal]) -> String {
    let each: Vec<_> = refusals
        .iter()
        .map(|refusal| format!("{}: {}", refusal.mechanism, refusal.why))
        .collect();
    each.join("; ")
}
