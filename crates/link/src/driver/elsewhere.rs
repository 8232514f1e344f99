//! Systems without network namespaces: everything is there to call, and says that it does not work.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, TcpListener},
    time::Instant,
};

use super::mechanism::{LabError, Mechanism, Privilege, Refusal};
use crate::rules::{Counters, Direction, Profile, ProfileError};

/// Says that there is no link here.
#[must_use]
pub fn acquire() -> Privilege {
    let refusals = Mechanism::ALL.map(|mechanism| Refusal {
        mechanism,
        why: "this is not Linux: the link works on its network namespaces and TUN devices".to_owned(),
    });
    Privilege {
        mechanism: None,
        refusals: refusals.into(),
    }
}

/// # Errors
///
/// Always: there is nothing to pin.
pub fn pin_congestion_control(_: &TcpListener, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A link; there is none.
#[derive(Debug)]
pub struct Lab(Infallible);

/// A side of a link; there is none.
#[derive(Clone, Debug)]
pub struct Place(Infallible);

#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "the same as on Linux, where they are described"
)]
impl Lab {
    pub fn start(privilege: &Privilege, _: &Profile, _: u64, _: Instant) -> Result<Self, LabError> {
        Err(LabError::Nothing(privilege.refusals.clone()))
    }

    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        match self.0 {}
    }

    #[must_use]
    pub fn server(&self) -> &Place {
        match self.0 {}
    }

    #[must_use]
    pub fn client(&self) -> &Place {
        match self.0 {}
    }

    #[must_use]
    pub fn server_address(&self) -> Ipv4Addr {
        match self.0 {}
    }

    #[must_use]
    pub fn server_seen_as(&self) -> Ipv4Addr {
        match self.0 {}
    }

    pub fn set_profile(&self, _: &Profile) -> Result<(), ProfileError> {
        match self.0 {}
    }

    #[must_use]
    pub fn counters(&self, _: Direction) -> Counters {
        match self.0 {}
    }
}

#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "the same as on Linux, where they are described"
)]
impl Place {
    pub fn enter(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub fn within<T: Send>(&self, _: impl FnOnce() -> T + Send) -> io::Result<T> {
        match self.0 {}
    }
}
