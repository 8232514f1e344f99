//! What the machine allows, before anything is opened: files, ports, queues, buffers, memory. What cannot be is refused;
//! what may disturb is told; both with the line to type.

use std::{fs, net::IpAddr};

use serde::Serialize;
use thiserror::Error;

use super::{args::What, idle::WARM_UP, system};

/// Files of a process that are no connections.
const RESERVED_FILES: u64 = 128;
/// Processes of each side: with 20,000 files each it is more than loopback can carry.
const MOST_PROCESSES: u64 = 64;
/// Of the ports between loopback's addresses, how many are counted on: others use some.
const PORTS_COUNTED_ON: f64 = 0.9;
/// 127.0.0.2 to 127.0.0.241.
const MOST_SOURCES: u64 = 240;
/// What a connection takes on this machine, generously, both ends: of a socket, and of a WebRTC peer.
const SOCKET_KIB: u64 = 24;
const PEER_KIB: u64 = 900;
/// Kernel memory of a reader that is stalled, where nobody bounds it.
const STALLED_KIB: u64 = 4096;
/// Connections that may wait to be accepted, of our own servers.
const BACKLOG: u64 = 4096;
/// What a UDP socket that all peers share should be able to hold.
const UDP_BYTES: u64 = 2 << 20;

/// What the system allows. What cannot be read is taken for enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System {
    /// Of one process, after raising it.
    pub(crate) files: u64,
    pub(crate) ports: u64,
    pub(crate) backlog: u64,
    pub(crate) udp_bytes: u64,
    pub(crate) available_kib: u64,
    /// Of TCP's memory, where the kernel begins to hold back.
    pub(crate) tcp_pressure_kib: u64,
}

/// What is going to be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) what: What,
    /// At the same time.
    pub(crate) connections: u64,
    /// Sockets beside them: those that stall, or each connection's publisher.
    pub(crate) beside: u64,
    /// Of those, the ones that stall.
    pub(crate) stalled: u64,
    pub(crate) concurrency: u64,
    pub(crate) peers: bool,
    /// Whether the server runs on this machine.
    pub(crate) is_local: bool,
    /// Whether its processes are ours.
    pub(crate) is_own: bool,
    pub(crate) address: Option<IpAddr>,
}

/// How it is done here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) servers: usize,
    pub(crate) clients: usize,
    pub(crate) sources: u8,
    pub(crate) advice: Vec<Advice>,
}

/// What may disturb, and what to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Advice {
    pub(crate) what: String,
    pub(crate) command: String,
}

/// Why it cannot be done here.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum TooMany {
    #[error(
        "{connections} connections need more open files than one process may have here ({files}), and {what} runs in one: \
         ask for at most {most} with -n, or raise the limit: ulimit -n {wanted}"
    )]
    Files {
        connections: u64,
        what: &'static str,
        files: u64,
        most: u64,
        wanted: u64,
    },
    #[error(
        "{connections} connections need more than {MOST_PROCESSES} processes of {files} open files: ask for at most {most} \
         with -n, or raise the limit: ulimit -n 1048576"
    )]
    Processes { connections: u64, files: u64, most: u64 },
    #[error(
        "{connections} connections need more ports than there are ({most}): ask for fewer with -n, or widen the range: \
         sysctl -w net.ipv4.ip_local_port_range='1024 65535'"
    )]
    Ports { connections: u64, most: u64 },
    #[error(
        "{connections} connections take about {wanted_mib} MiB on this machine, both ends, and {available_mib} MiB are free: \
         ask for at most {most} with -n, or use a machine with more"
    )]
    Memory {
        connections: u64,
        wanted_mib: u64,
        available_mib: u64,
        most: u64,
    },
}

impl System {
    /// Raises the limit of files, and reads the rest.
    pub(crate) fn read() -> Self {
        let numbers = |path: &str| -> Vec<u64> {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        let first = |path| numbers(path).first().copied().unwrap_or(u64::MAX);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
        Self {
            files: rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024),
            ports: system::ports().len() as u64,
            backlog: first("/proc/sys/net/core/somaxconn"),
            udp_bytes: first("/proc/sys/net/core/rmem_max"),
            available_kib: available
                .and_then(|text| text.split_whitespace().next()?.parse().ok())
                .unwrap_or(u64::MAX),
            tcp_pressure_kib: numbers("/proc/sys/net/ipv4/tcp_mem")
                .get(1)
                .map_or(u64::MAX, |pages| pages * 4),
        }
    }

    /// How what is needed is done, or why it is not.
    pub(crate) fn plan(&self, need: &Need) -> Result<Plan, TooMany> {
        let open = need.connections + need.beside + WARM_UP as u64;
        let room = self.files.saturating_sub(RESERVED_FILES).max(1);
        let held = need.what == What::Idle; // the one measurement that several processes share
        // A peer has a socket of its own at the client, and none at the server.
        let processes = open.div_ceil(room);
        let (servers, clients) = (if need.peers || !need.is_own { 1 } else { processes }, processes);
        if !held && processes > 1 {
            return Err(TooMany::Files {
                connections: need.connections,
                what: need.what.id(),
                files: self.files,
                most: room.saturating_sub(need.beside + WARM_UP as u64).max(1),
                wanted: open + RESERVED_FILES,
            });
        }
        if processes > MOST_PROCESSES {
            return Err(TooMany::Processes {
                connections: need.connections,
                files: self.files,
                most: MOST_PROCESSES * room,
            });
        }
        let sources = self.sources(need, open)?;
        self.memory(need, open)?;
        Ok(Plan {
            servers: usize::try_from(servers).unwrap_or(1),
            clients: usize::try_from(clients).unwrap_or(1),
            sources,
            advice: self.advice(need),
        })
    }

    fn sources(&self, need: &Need, open: u64) -> Result<u8, TooMany> {
        let each = ((self.ports as f64 * PORTS_COUNTED_ON) as u64).max(1);
        let sources = open.div_ceil(each);
        // Only loopback has more addresses than one without asking anybody. Each peer has a UDP port.
        let most = match need.address {
            _ if need.peers => 1,
            Some(IpAddr::V4(address)) if address.is_loopback() => MOST_SOURCES,
            _ => 1,
        };
        match u8::try_from(sources) {
            Ok(sources) if u64::from(sources) <= most => Ok(sources),
            _ => Err(TooMany::Ports {
                connections: need.connections,
                most: most * each,
            }),
        }
    }

    fn memory(&self, need: &Need, open: u64) -> Result<(), TooMany> {
        let each = if need.peers { PEER_KIB } else { SOCKET_KIB };
        let wanted = open.saturating_mul(each);
        if need.is_local && wanted > self.available_kib {
            return Err(TooMany::Memory {
                connections: need.connections,
                wanted_mib: wanted / 1024,
                available_mib: self.available_kib / 1024,
                most: self.available_kib / each,
            });
        }
        Ok(())
    }

    fn advice(&self, need: &Need) -> Vec<Advice> {
        let mut advice = Vec::new();
        let mut say = |what: String, command: String| advice.push(Advice { what, command });
        if !need.peers && self.backlog < BACKLOG.min(need.concurrency) {
            say(
                format!(
                    "at most {} connections wait to be accepted, and {} open at once",
                    self.backlog, need.concurrency
                ),
                format!("sysctl -w net.core.somaxconn={BACKLOG}"),
            );
        }
        if need.peers && self.udp_bytes < UDP_BYTES {
            say(
                format!(
                    "a UDP socket may hold at most {} KiB, and all peers share one at the server: bursts may be lost",
                    self.udp_bytes / 1024
                ),
                format!("sysctl -w net.core.rmem_max={UDP_BYTES} net.core.wmem_max={UDP_BYTES}"),
            );
        }
        let stalled = need.stalled.saturating_mul(STALLED_KIB);
        if !need.peers && need.is_local && stalled > self.tcp_pressure_kib {
            let pages = stalled / 4;
            say(
                format!(
                    "a server that does not bound its send queues may take {} MiB of TCP memory here, and from {} MiB on the \
                     kernel holds all back",
                    stalled / 1024,
                    self.tcp_pressure_kib / 1024
                ),
                format!("sysctl -w net.ipv4.tcp_mem='{} {pages} {}'", pages / 2, 2 * pages),
            );
        }
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: System = System {
        files: 20_000,
        ports: 28_232,
        backlog: 4096,
        udp_bytes: 4 << 20,
        available_kib: 16 << 20,
        tcp_pressure_kib: 1 << 20,
    };

    fn need(what: What, connections: u64) -> Need {
        Need {
            what,
            connections,
            beside: 0,
            stalled: 0,
            concurrency: 64,
            peers: false,
            is_local: true,
            is_own: true,
            address: Some([127, 0, 0, 1].into()),
        }
    }

    #[test]
    fn many_idle_connections_take_processes_and_addresses() {
        let plan = |connections| {
            let plan = USUAL.plan(&need(What::Idle, connections)).expect("it can be done");
            (plan.servers, plan.clients, plan.sources)
        };
        assert_eq!(plan(10_000), (1, 1, 1));
        assert_eq!(plan(38_000), (2, 2, 2));
        let target = Need {
            is_own: false,
            ..need(What::Idle, 38_000)
        };
        assert_eq!(USUAL.plan(&target).map(|plan| (plan.servers, plan.clients)), Ok((1, 2)));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_do() {
        let far = Need {
            address: Some([192, 0, 2, 7].into()),
            is_local: false,
            ..need(What::Idle, 30_000)
        };
        let peers = Need {
            peers: true,
            ..need(What::Idle, 19_000)
        };
        let poor = System {
            available_kib: 1 << 20,
            ..USUAL
        };
        for (system, need, wanted) in [
            (USUAL, need(What::Fanout, 25_000), "ulimit -n 25192"),
            (USUAL, need(What::Idle, 1_300_000), "at most 1271808"),
            (USUAL, far, "ip_local_port_range"),
            (poor, peers, "MiB are free: ask for at most 1165"),
        ] {
            let error = system.plan(&need).expect_err(wanted).to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn what_may_disturb_is_told_with_the_line_to_type() {
        let poor = System {
            backlog: 16,
            udp_bytes: 212_992,
            ..USUAL
        };
        let stalled = Need {
            beside: 1_000,
            stalled: 1_000,
            ..need(What::Stalled, 100)
        };
        let peers = Need {
            peers: true,
            ..need(What::Fanout, 100)
        };
        let lines = |system: &System, need: &Need| -> Vec<String> {
            let plan = system.plan(need).expect("it can be done");
            plan.advice.into_iter().map(|advice| advice.command).collect()
        };
        assert_eq!(lines(&USUAL, &need(What::Idle, 10_000)), Vec::<String>::new());
        assert_eq!(
            lines(&poor, &need(What::Idle, 10_000)),
            ["sysctl -w net.core.somaxconn=4096"]
        );
        assert!(lines(&poor, &peers)[0].contains("net.core.rmem_max=2097152"));
        assert_eq!(
            lines(&USUAL, &stalled),
            ["sysctl -w net.ipv4.tcp_mem='512000 1024000 2048000'"]
        );
    }
}
