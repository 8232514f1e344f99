//! What this machine lets us do, found out by doing it in a child: that a call succeeds is no proof. On Ubuntu a user
//! namespace can be made and then allows nothing (AppArmor); a container may make namespaces and not configure them.
#![expect(unsafe_code, reason = "fork, which is what makes a try leave no trace")]

use std::{
    fs,
    io::{self, Read, Write, pipe},
    net::Ipv4Addr,
};

use rustix::thread::{CapabilitySet, UnshareFlags, capabilities, set_capabilities};

use super::{
    device::{Device, said, set_up, tun},
    mechanism::{Mechanism, Privilege, Refusal},
    place::unshare,
};

/// A device for the try. Its number is a free one, since another process may be trying as well.
const DEVICE: &str = "wirelab-try%d";
/// Its address: of the block that documentation uses, so nobody's.
const TRIED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Finds the first mechanism that works, and takes what it needs. To be called first in `main`, while the process has
/// one thread: a user namespace is refused to any other (unshare(2)). The process stays in its *network* namespace, so
/// what it listens on is where it was.
#[must_use]
pub fn acquire() -> Privilege {
    raise();
    let mut refusals = Vec::new();
    for mechanism in Mechanism::ALL {
        match works(mechanism) {
            Ok(()) => {
                return Privilege {
                    mechanism: Some(mechanism),
                    refusals,
                };
            }
            Err(error) => refusals.push(Refusal {
                mechanism,
                why: error.to_string(),
            }),
        }
    }
    Privilege {
        mechanism: None,
        refusals,
    }
}

/// Uses the right to make network devices where it is granted and not in effect, as it is for a program that has it as a
/// file capability and is run by an ordinary user (capabilities(7)): a container's helper, say.
fn raise() {
    let Ok(mut sets) = capabilities(None) else { return };
    sets.effective |= sets.permitted & CapabilitySet::NET_ADMIN;
    let _ = set_capabilities(None, sets); // what was permitted may be put into effect
}

fn works(mechanism: Mechanism) -> io::Result<()> {
    match mechanism {
        Mechanism::Tun => in_child(|| namespace_with_tun().map(drop)),
        Mechanism::TunInUserNamespace => {
            in_child(|| {
                enter_user_namespace()?;
                namespace_with_tun().map(drop)
            })?;
            enter_user_namespace()
        }
        Mechanism::OneNamespace => in_child(|| tun(DEVICE, TRIED, 32).map(drop)),
    }
}

fn namespace_with_tun() -> io::Result<Device> {
    unshare(UnshareFlags::NEWNET).map_err(|error| said("making a network namespace", &error))?;
    set_up("lo").map_err(|error| said("bringing loopback up", &error))?;
    tun(DEVICE, TRIED, 32)
}

/// A user namespace in which we are who we are, so that files keep their owner, with all rights over what is made in it.
fn enter_user_namespace() -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(UnshareFlags::NEWUSER).map_err(|error| said("making a user namespace", &error))?;
    // In this order: without it a group map is refused (user_namespaces(7)).
    let files = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ];
    for (file, text) in files {
        fs::write(format!("/proc/self/{file}"), text)
            .map_err(|error| said(&format!("writing the user namespace's {file}"), &error))?;
    }
    Ok(())
}

/// Tries something in a child process, which ends with it and leaves nothing behind. What went wrong comes back through
/// a pipe.
fn in_child(attempt: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let (mut reader, mut writer) = pipe()?;
    // SAFETY: the child has one thread, this one, and ends by _exit. What it does until then needs no lock that another
    // thread of the parent could have held: `acquire` asks for a process of one thread, and glibc keeps its allocator
    // usable in a child even of others.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(said("making a child to try it in", &io::Error::last_os_error()));
    }
    if child == 0 {
        if let Err(error) = attempt() {
            let _ = writer.write_all(error.to_string().as_bytes()); // or nobody hears it
        }
        // SAFETY: ends the child at once, without the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut words = String::new();
    reader.read_to_string(&mut words)?;
    let mut status = 0;
    // SAFETY: `child` is ours and not waited for by anybody else; `status` is a valid place for the answer.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    match (words.is_empty(), libc::WIFEXITED(status)) {
        (true, true) => Ok(()),
        (true, false) => Err(io::Error::other("the child that tried it was killed")),
        (false, _) => Err(io::Error::other(words)),
    }
}
