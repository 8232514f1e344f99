//! One side of a link: a network namespace that this process owns.
//!
//! On Linux a namespace is a property of a *thread*, and a socket belongs for good to the namespace of the thread that
//! made it; any thread may use it afterwards. No namespace of ours has a name: the file keeps it, so all of it vanishes
//! with the process, however that ends.
#![expect(unsafe_code, reason = "unshare can take things away that safe code relies on")]

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    os::fd::AsFd,
    sync::Arc,
    thread,
};

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use super::device::{said, set_up};

/// A network namespace, or the one that the process is in anyway.
#[derive(Clone, Debug)]
pub struct Place(Option<Arc<File>>);

impl Place {
    /// Where the process is.
    pub(super) fn here() -> Self {
        Self(None)
    }

    /// A new one: loopback up, IPv6 off, so that nothing solicits routers over the link.
    pub(super) fn make() -> io::Result<Self> {
        scratch(|| {
            unshare(UnshareFlags::NEWNET).map_err(|error| said("making a network namespace", &error))?;
            set_up("lo").map_err(|error| said("bringing loopback up", &error))?;
            for (key, value) in [
                ("ipv6/conf/all/disable_ipv6", "1"),
                ("ipv6/conf/default/disable_ipv6", "1"),
                ("ipv4/tcp_no_metrics_save", "1"), // no connection learns from the one before it
            ] {
                let _ = fs::write(format!("/proc/sys/net/{key}"), value); // read-only in containers, and no harm there
            }
            let file = File::open("/proc/thread-self/ns/net").map_err(|error| said("keeping the namespace", &error))?;
            Ok(Self(Some(Arc::new(file))))
        })?
    }

    /// Moves the calling thread inside, for good: for the threads of a runtime, as they start.
    ///
    /// # Errors
    ///
    /// The kernel refuses (setns(2)).
    pub fn enter(&self) -> io::Result<()> {
        let Some(file) = &self.0 else {
            return Ok(());
        };
        Ok(move_into_link_name_space(
            file.as_fd(),
            Some(LinkNameSpaceType::Network),
        )?)
    }

    /// Does something inside, on a thread made for it: to make a socket, say.
    ///
    /// # Errors
    ///
    /// No thread could be made, or it could not enter.
    pub fn within<T: Send>(&self, action: impl FnOnce() -> T + Send) -> io::Result<T> {
        scratch(|| {
            self.enter()?;
            Ok(action())
        })?
    }
}

/// Moves the calling thread, which must be one made for this, or the only one.
pub(super) fn unshare(what: UnshareFlags) -> io::Result<()> {
    // SAFETY: neither flag in use here (NEWNET, NEWUSER) takes file descriptors or memory from anybody, which is what
    // makes the call unsafe.
    Ok(unsafe { unshare_unsafe(what) }?)
}

/// Runs on a thread of its own, so that the caller stays where he is.
fn scratch<T: Send>(action: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("wirelab-place".into())
            .spawn_scoped(scope, action)?;
        thread
            .join()
            .map_err(|_| io::Error::other("the thread in the namespace panicked"))
    })
}

/// Has the connections that a listener accepts use this congestion control. A new namespace has the machine's default,
/// which may be BBR here and CUBIC there, and under loss that matters more than anything else.
///
/// # Errors
///
/// The kernel has no such congestion control, or does not let this process use it.
pub fn pin_congestion_control(listener: &TcpListener, name: &str) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_tcp_congestion(listener, name)?)
}
