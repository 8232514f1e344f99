//! The same by others: a process that is killed, an ordinary user, a container's one namespace.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use libtest_mimic::{Completion, Failed};
use wirelab_link::{Lab, Mechanism, Privilege, Profile};

use super::{HOLD, ONE_NAMESPACE, privilege_here, skipped};

/// Interfaces of the namespace that this process is in.
fn interfaces() -> Result<Vec<String>, Failed> {
    let entries = fs::read_to_string("/proc/net/dev")?;
    Ok(entries
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()))
        .collect())
}

/// The child: makes a lab, says so, and waits.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(super) fn hold(privilege: &Privilege) {
    let _lab = Lab::start(privilege, &Profile::default(), 1, Instant::now()).expect("a lab");
    println!("held");
    let _ = std::io::stdin().read(&mut [0]);
}

pub(super) fn a_killed_process_leaves_nothing() -> Result<Completion, Failed> {
    let in_one = privilege_here().mechanism == Some(Mechanism::OneNamespace);
    let mut child = Command::new(std::env::current_exe()?)
        .arg(HOLD)
        .args(in_one.then_some(ONE_NAMESPACE))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("its output")?).read_line(&mut line)?;
    assert_eq!(line, "held\n");
    let devices = || interfaces().map(|names| names.iter().filter(|name| name.starts_with("wirelab-")).count());
    let held = namespaces(child.id());
    // In one namespace there are two devices; else two namespaces that nobody else knows, with the devices in them.
    assert_eq!((devices()?, held.len()), if in_one { (2, 0) } else { (0, 2) });
    child.kill()?; // SIGKILL
    child.wait()?;
    assert_eq!(devices()?, 0);
    let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let known: Vec<_> = processes.flat_map(namespaces).collect();
    assert!(held.iter().all(|namespace| !known.contains(namespace)), "{held:?}");
    Ok(Completion::Completed)
}

/// Network namespaces that a process keeps by a file, as far as we may look.
fn namespaces(process: u32) -> Vec<PathBuf> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("net:["))
        .collect()
}

/// Everything once more by one who has no rights at all: a user namespace gives them.
pub(super) fn an_ordinary_user_has_it_all() -> Result<Completion, Failed> {
    if privilege_here().mechanism != Some(Mechanism::Tun) || !rustix::process::geteuid().is_root() {
        return skipped("it takes root to become somebody else");
    }
    if !Path::new("/usr/bin/setpriv").exists() {
        return skipped("there is no setpriv here (Debian: util-linux)");
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all",
        "--no-new-privs",
    ]);
    again(command, &[])
}

pub(super) fn one_namespace_has_it_all() -> Result<Completion, Failed> {
    if !rustix::process::geteuid().is_root() || privilege_here().mechanism != Some(Mechanism::Tun) {
        return skipped("two devices in this namespace take CAP_NET_ADMIN in it");
    }
    // In a namespace made for it, so that no device and no route of the machine's own is in the way.
    let mut command = Command::new("/usr/bin/unshare");
    command.arg("--net");
    again(command, &[ONE_NAMESPACE, "--skip=two_namespaces"])
}

/// Runs the tests of this binary that need nobody else, by another.
fn again(mut command: Command, arguments: &[&str]) -> Result<Completion, Failed> {
    let copy = tempfile()?;
    let output = command
        .arg(&copy.0)
        .args(["--skip=an_ordinary_user", "--skip=one_namespace", "--test-threads=1"])
        .args(arguments)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !said.contains(" 0 ignored") || !output.status.success() {
        return Err(format!("{said}\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Completion::Completed)
}

/// This binary where everybody may run it.
fn tempfile() -> Result<Copy, Failed> {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!(
        "wirelab-labs-{}-{:?}",
        std::process::id(),
        thread::current().id()
    ));
    fs::copy(std::env::current_exe()?, &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(Copy(path))
}

struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
