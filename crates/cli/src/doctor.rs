//! `wirelab doctor`: whether a lossy link can be made here, and what to type where not.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    net::{Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use serde::Serialize;
use wirelab_link::{Lab, Mechanism, Place, Privilege, Profile, Refusal};

use crate::{
    args::{Doctor, DoctorOutput},
    error::Error,
    render,
};

/// How long a packet may take over a link that does not hold it up.
const PATIENCE: Duration = Duration::from_secs(2);

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
pub(crate) struct WayOut {
    what: &'static str,
    /// All of them, in this order.
    commands: Vec<&'static str>,
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
#[derive(Clone, Debug, Default)]
struct Machine {
    is_linux: bool,
    is_root: bool,
    in_container: bool,
    /// `/dev/net/tun` is there.
    has_tun: bool,
    /// This user may open it.
    opens_tun: bool,
    /// Ubuntu's rule: a user namespace can be made and allows nothing.
    apparmor_restricts: bool,
    /// Debian's: none can be made by ordinary users.
    debian_forbids: bool,
    /// None can be made by anybody.
    namespaces_are_off: bool,
}

impl Machine {
    fn read() -> Self {
        let is = |path: &str, value: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
        let tun = || OpenOptions::new().read(true).write(true).open("/dev/net/tun");
        Self {
            is_linux: cfg!(target_os = "linux"),
            is_root: is_root(),
            in_container: fs::metadata("/.dockerenv").is_ok() || fs::metadata("/run/.containerenv").is_ok(),
            has_tun: fs::metadata("/dev/net/tun").is_ok(),
            opens_tun: tun().is_ok(),
            apparmor_restricts: is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
            debian_forbids: is("/proc/sys/kernel/unprivileged_userns_clone", "0"),
            namespaces_are_off: is("/proc/sys/user/max_user_namespaces", "0"),
        }
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn examine(privilege: &Privilege, machine: &Machine) -> Findings {
    let mut refusals = privilege.refusals.clone();
    let mut mechanism = privilege.mechanism;
    // What was tried was a part; this is the whole.
    if let (Some(works), Err(why)) = (mechanism, carries(privilege)) {
        mechanism = None;
        refusals.push(Refusal { mechanism: works, why });
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

/// Sends a datagram over a link without loss: a firewall may stand where all could be made.
pub(crate) fn carries(privilege: &Privilege) -> Result<(), String> {
    let lab = Lab::start(privilege, &Profile::default(), 1, Instant::now()).map_err(|error| error.to_string())?;
    let bind = |place: &Place, address| place.within(|| UdpSocket::bind((address, 0))).and_then(|socket| socket);
    let heard = bind(lab.server(), lab.server_address()).and_then(|server| {
        let client = bind(lab.client(), Ipv4Addr::UNSPECIFIED)?;
        server.set_read_timeout(Some(PATIENCE))?;
        client.send_to(b"wirelab", (lab.server_seen_as(), server.local_addr()?.port()))?;
        server.recv(&mut [0; 16])
    });
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            "a link could be made, and a packet did not arrive over it: a firewall's rules drop it".to_owned()
        }
        _ => format!("a link could be made and not be used: {error}"),
    };
    heard.map(drop).map_err(failed)
}

/// What to type on this machine.
pub(crate) fn ways_out_here() -> Vec<WayOut> {
    ways_out(&Machine::read())
}

fn ways_out(machine: &Machine) -> Vec<WayOut> {
    const LOAD: &str = "sudo modprobe tun";
    let host_lacks_tun = machine.is_linux && !machine.in_container && !machine.has_tun;
    let tun = host_lacks_tun.then_some(LOAD);
    let with_tun = |command| tun.into_iter().chain([command]).collect();
    let mut ways = Vec::new();
    if machine.is_linux && !machine.in_container {
        if machine.is_root {
            ways.extend(tun.map(|load| WayOut {
                what: "load the kernel's TUN driver",
                commands: vec![load],
            }));
        } else {
            ways.extend(as_ordinary_user(machine, tun));
            ways.push(WayOut {
                what: "as root",
                commands: with_tun("sudo wirelab compare …"),
            });
        }
    }
    ways.push(WayOut {
        what: "in a container that may make network devices, on any system with Docker",
        commands: with_tun(if machine.in_container && !machine.is_root {
            // Docker gives capabilities to root alone, so an image with a user of its own has to be told.
            "docker run --user 0 --cap-add NET_ADMIN --device /dev/net/tun …"
        } else {
            "docker run --cap-add NET_ADMIN --device /dev/net/tun …"
        }),
    });
    ways
}

/// What takes away all that is in an ordinary user's way. For Ubuntu's rule there are two.
fn as_ordinary_user(machine: &Machine, tun: Option<&'static str>) -> Vec<WayOut> {
    let obstacles = [
        (machine.has_tun && !machine.opens_tun, "sudo chmod 666 /dev/net/tun"),
        (machine.debian_forbids, "sudo sysctl kernel.unprivileged_userns_clone=1"),
        (machine.namespaces_are_off, "sudo sysctl user.max_user_namespaces=10000"),
    ];
    let obstacles = obstacles.into_iter().filter_map(|(is, command)| is.then_some(command));
    let commands: Vec<_> = tun.into_iter().chain(obstacles).collect();
    let and = |more: &[&'static str]| [commands.as_slice(), more].concat();
    if machine.apparmor_restricts {
        return vec![
            WayOut {
                what: "as an ordinary user, by the AppArmor profile that comes with wirelab",
                commands: and(&[
                    "sudo install -m 644 deploy/apparmor/wirelab /etc/apparmor.d/",
                    "sudo apparmor_parser -r /etc/apparmor.d/wirelab",
                ]),
            },
            WayOut {
                what: "as an ordinary user, without AppArmor's rule for any program, until the next start",
                commands: and(&["sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"]),
            },
        ];
    }
    if commands.is_empty() {
        return Vec::new();
    }
    vec![WayOut {
        what: "as an ordinary user, until the next start",
        commands,
    }]
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
    for WayOut { what, commands } in &findings.ways_out {
        let _ = writeln!(out, "  {what}:\n    {}", commands.join("\n    "));
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

    fn linux() -> Machine {
        Machine {
            is_linux: true,
            has_tun: true,
            opens_tun: true,
            ..Machine::default()
        }
    }

    #[test]
    fn each_way_out_takes_away_all_that_is_in_its_way() {
        let commands =
            |machine: &Machine| -> Vec<Vec<&str>> { ways_out(machine).into_iter().map(|way| way.commands).collect() };
        let (root, docker) = (
            "sudo wirelab compare …",
            "docker run --cap-add NET_ADMIN --device /dev/net/tun …",
        );
        assert_eq!(commands(&linux()), [[root], [docker]]);
        let (load, open) = ("sudo modprobe tun", "sudo chmod 666 /dev/net/tun");
        let without_tun = Machine {
            has_tun: false,
            opens_tun: false,
            ..linux()
        };
        assert_eq!(
            commands(&without_tun),
            [vec![load], vec![load, root], vec![load, docker]]
        );
        let closed = Machine {
            opens_tun: false,
            namespaces_are_off: true,
            ..linux()
        };
        let lift = "sudo sysctl user.max_user_namespaces=10000";
        assert_eq!(commands(&closed), [vec![open, lift], vec![root], vec![docker]]);
        let debian = Machine {
            debian_forbids: true,
            ..linux()
        };
        assert_eq!(commands(&debian)[0], ["sudo sysctl kernel.unprivileged_userns_clone=1"]);
        let ubuntu = commands(&Machine {
            apparmor_restricts: true,
            opens_tun: false,
            ..linux()
        });
        assert!(ubuntu[..2].iter().all(|way| way[0] == open), "{ubuntu:?}");
        assert!(ubuntu[0][1].contains("deploy/apparmor/wirelab"), "{ubuntu:?}");
        assert!(
            ubuntu[1][1].contains("apparmor_restrict_unprivileged_userns=0"),
            "{ubuntu:?}"
        );
    }

    #[test]
    fn whoever_is_root_or_in_a_container_is_told_nothing_that_does_not_help_there() {
        let root = Machine {
            is_root: true,
            has_tun: false,
            ..linux()
        };
        assert!(said(&root).contains("modprobe") && !said(&root).contains("sudo wirelab"));
        let container = said(&Machine {
            in_container: true,
            ..root
        });
        assert!(
            container.contains("--cap-add NET_ADMIN") && !container.contains("sudo"),
            "{container}"
        );
        let visitor = said(&Machine {
            in_container: true,
            ..linux()
        });
        assert!(visitor.contains("--user 0 --cap-add NET_ADMIN"), "{visitor}");
    }

    #[test]
    fn the_profile_that_is_named_is_there() {
        let profile = include_str!("../../../deploy/apparmor/wirelab");
        assert!(profile.contains("userns,"));
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
