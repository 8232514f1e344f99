//! Systems without network namespaces: there is no link, and it is said why.

use std::io;

use super::{Keeper, Live};
use crate::{args::Addresses, values::OrOff};

pub(super) fn start(addresses: &Addresses) -> Live {
    let keeper = match addresses.link_listen {
        Some(OrOff::Off) => Keeper::off(),
        Some(OrOff::On(_)) | None => Keeper::unavailable(
            "the link works on Linux' network namespaces, which this system does not have: run wirelab in a container"
                .to_owned(),
        ),
    };
    Live {
        entrance: None,
        keeper,
        helper: Helper,
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) struct Helper;

impl Helper {
    /// There is nobody to speak to.
    ///
    /// # Errors
    /// None: it is as on Linux.
    pub(crate) fn watch(self, _: &Keeper) -> io::Result<Watch> {
        Ok(Watch)
    }
}

/// There is nothing to watch.
pub(crate) struct Watch;

impl Watch {
    /// There is nothing to end.
    pub(crate) fn end(self) {}
}
