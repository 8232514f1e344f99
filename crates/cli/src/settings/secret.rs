//! Secrets come from files: a flag is seen by everybody who lists processes, a variable by every child.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;
use wirelab_server::config::Secret;

/// Why a file gives no secret.
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    #[error("the {what} file {path} cannot be read: {source}", path = path.display())]
    Unreadable {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "the {what} file {path} must hold one line of printable ASCII without spaces; openssl rand -hex 32 makes a \
         good one", path = path.display())]
    Shape { what: &'static str, path: PathBuf },
}

/// The one line of the file, and a warning when everybody on the machine can read it. `what` it is, in words.
pub(crate) fn read(what: &'static str, path: &Path) -> Result<Secret, SecretError> {
    let at = || path.to_owned();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| SecretError::Unreadable {
        what,
        path: at(),
        source,
    })?;
    let secret = text.trim();
    if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(SecretError::Shape { what, path: at() });
    }
    warn_if_world_readable(what, path);
    Ok(Secret::new(secret.to_owned()))
}

/// Warns of a secret that is none. `what` the file holds, in words.
pub(crate) fn warn_if_world_readable(what: &str, path: &Path) {
    if is_world_readable(path) {
        tracing::warn!(file = %path.display(), "every user of this machine can read the {what}: chmod 600 the file");
    }
}

#[cfg(unix)]
fn is_world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_world_readable(_: &Path) -> bool {
    false // elsewhere files have lists of rights that std does not show
}
