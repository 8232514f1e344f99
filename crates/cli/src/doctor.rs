//! `wirelab doctor`: whether a lossy link can be made here, and what to type where not.

use std::{fmt::Write as _, fs, time::Instant};

use serde::Serialize;
use wirelab_link::{Lab, Mechanism, Privilege, Profile, Refusal};

use crate::{
    args::{Doctor, DoctorOutput},
    error::Error,
    render,
};

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    /// Whether `wirelab compare` can measure.
    link: bool,
    mechanism: Option<Mechanism>,
    /// What was tried and does not work.
    refusals: Vec<Refusal>,
    /// What to do about it; each by itself is enough.
    ways_out: Vec<WayOut>,
}

/// Something to type.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct WayOut {
    what: &'static str,
    command: String,
}

/// Looks and says. `privilege` was acquired before anything else.
///
/// # Errors
///
/// [`Error::NoLink`] where nothing works, so that scripts can ask.
pub(crate) fn run(asked: Doctor, privilege: &Privilege) -> Result<(), Error> {
    let findings = examine(privilege, &Machine::read());
    match asked.output {
        DoctorOutput::Text => render::result(&text(&findings)),
        DoctorOutput::Json => {
            let json = serde_json::to_string(&findings).map_err(|error| Error::System(error.into()))?;
            render::result(&(json + "\n"));
        }
    }
    if findings.link { Ok(()) } else { Err(Error::NoLink) }
}

/// What the ways out depend on.
#[derive(Debug, Default)]
struct Machine {
    is_linux: bool,
    /// `/dev/net/tun` is there.
    has_tun: bool,
    /// Ubuntu's rule: a user namespace can be made and allows nothing.
    apparmor_restricts: bool,
    /// Debian's: none can be made.
    debian_forbids: bool,
    in_container: bool,
}

impl Machine {
    fn read() -> Self {
        let is = |path: &str, value: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
        Self {
            is_linux: cfg!(target_os = "linux"),
            has_tun: fs::metadata("/dev/net/tun").is_ok(),
            apparmor_restricts: is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
            debian_forbids: is("/proc/sys/kernel/unprivileged_userns_clone", "0"),
            in_container: fs::metadata("/.dockerenv").is_ok() || fs::metadata("/run/.containerenv").is_ok(),
        }
    }
}

fn examine(privilege: &Privilege, machine: &Machine) -> Findings {
    let mut refusals = privilege.refusals.clone();
    let mut mechanism = privilege.mechanism;
    // What was tried was a part; this is the whole.
    if let (Some(works), Err(error)) = (mechanism, Lab::start(privilege, &Profile::default(), 1, Instant::now())) {
        mechanism = None;
        refusals.push(Refusal {
            mechanism: works,
            why: error.to_string(),
        });
    }
    Findings {
        link: mechanism.is_some(),
        mechanism,
        refusals,
        ways_out: if mechanism.is_some() {
            Vec::new()
        } else {
            ways_out(machine)
        },
    }
}

fn ways_out(machine: &Machine) -> Vec<WayOut> {
    let way = |what, command: &str| WayOut {
        what,
        command: command.to_owned(),
    };
    let container = way(
        "in a container that may make network devices, on any system with Docker",
        "docker run --cap-add NET_ADMIN --device /dev/net/tun …",
    );
    if !machine.is_linux {
        return vec![container];
    }
    let mut ways = Vec::new();
    if machine.in_container {
        ways.push(container);
    }
    if !machine.has_tun {
        ways.push(way("load the kernel's TUN driver", "sudo modprobe tun"));
    }
    if machine.apparmor_restricts {
        ways.push(way(
            "let wirelab make user namespaces, by the AppArmor profile that comes with it",
            "sudo install -m 644 deploy/apparmor/wirelab /etc/apparmor.d/ && sudo apparmor_parser -r /etc/apparmor.d/wirelab",
        ));
    }
    if machine.debian_forbids {
        ways.push(way(
            "let ordinary users make user namespaces, until the next start",
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        ));
    }
    ways.push(way("as root", "sudo wirelab compare …"));
    ways
}

fn text(findings: &Findings) -> String {
    let mut out = String::new();
    let _ = match findings.mechanism {
        Some(mechanism) => writeln!(out, "A lossy link can be made here: {mechanism}."),
        None => writeln!(out, "No lossy link can be made here."),
    };
    for Refusal { mechanism, why } in &findings.refusals {
        let _ = writeln!(out, "  no   {mechanism}: {why}");
    }
    if let Some(mechanism) = findings.mechanism {
        let _ = writeln!(out, "  yes  {mechanism}\n\nTry it: wirelab compare --profile lossy-2");
    }
    if !findings.ways_out.is_empty() {
        out.push_str("\nAny one of these is enough:\n");
    }
    for WayOut { what, command } in &findings.ways_out {
        let _ = writeln!(out, "  {what}:\n    {command}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Privilege {
        let refusals = Mechanism::ALL.map(|mechanism| Refusal {
            mechanism,
            why: "opening /dev/net/tun: No such file or directory".into(),
        });
        Privilege {
            mechanism: None,
            refusals: refusals.into(),
        }
    }

    fn said(machine: &Machine) -> String {
        text(&examine(&nothing(), machine))
    }

    #[test]
    fn each_obstacle_has_its_own_line_to_type() {
        let linux = || Machine {
            is_linux: true,
            has_tun: true,
            ..Machine::default()
        };
        assert!(said(&linux()).contains("sudo wirelab compare"));
        assert!(!said(&linux()).contains("modprobe"));
        assert!(
            said(&Machine {
                has_tun: false,
                ..linux()
            })
            .contains("sudo modprobe tun")
        );
        let ubuntu = said(&Machine {
            apparmor_restricts: true,
            ..linux()
        });
        assert!(ubuntu.contains("deploy/apparmor/wirelab"), "{ubuntu}");
        assert!(
            said(&Machine {
                debian_forbids: true,
                ..linux()
            })
            .contains("unprivileged_userns_clone=1")
        );
        assert!(
            said(&Machine {
                in_container: true,
                ..linux()
            })
            .contains("--cap-add NET_ADMIN")
        );
    }

    #[test]
    fn elsewhere_there_is_docker() {
        let elsewhere = said(&Machine::default());
        assert!(
            elsewhere.contains("docker run") && !elsewhere.contains("sudo"),
            "{elsewhere}"
        );
    }

    #[test]
    fn every_refusal_is_told_with_its_reason() {
        let said = said(&Machine::default());
        assert_eq!(said.matches("No such file or directory").count(), 3, "{said}");
    }
}
