//! What the system knows of a process and of its own memory, read from `/proc`. Elsewhere than on Linux there is none of
//! it, and every figure that needs it is missing.

use std::{fs, net::SocketAddr, ops::RangeInclusive, thread};

/// `utime` and `stime` are in hundredths of a second on every Linux that there is.
const TICKS_PER_S: f64 = 100.0;
const PAGE_KIB: f64 = 4.0;

/// The processes that are weighed as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weighed {
    pub(crate) pids: Vec<u32>,
}

impl Weighed {
    /// The memory that is the processes' own, with their share of what they share. None: nobody to weigh, or not
    /// allowed to.
    pub(crate) fn pss_kib(&self) -> Option<f64> {
        self.sum(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            number_after(&text, "Pss:")
        })
    }

    /// User and system time so far.
    pub(crate) fn cpu_s(&self) -> Option<f64> {
        self.sum(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name of the program may hold anything, a space or a bracket too.
            let mut fields = text.rsplit(')').next()?.split_whitespace().skip(11);
            let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
            Some(ticks / TICKS_PER_S)
        })
    }

    fn sum(&self, of: impl Fn(u32) -> Option<f64>) -> Option<f64> {
        let each: Option<Vec<f64>> = self.pids.iter().map(|pid| of(*pid)).collect();
        each.filter(|each| !each.is_empty()).map(|each| each.iter().sum())
    }
}

/// The kernel's memory for sockets, of both ends where both are on this machine, and of all else that runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kernel {
    /// Data in the queues of TCP and UDP.
    pub(crate) queues_kib: f64,
    /// The kernel's own objects.
    pub(crate) slab_kib: f64,
}

impl Kernel {
    pub(crate) fn read() -> Option<Self> {
        let sockets = fs::read_to_string("/proc/net/sockstat").ok()?;
        let queued = |name| {
            let line = sockets.lines().find(|line| line.starts_with(name))?;
            number_after(line, " mem")
        };
        let memory = fs::read_to_string("/proc/meminfo").ok()?;
        Some(Self {
            queues_kib: (queued("TCP:")? + queued("UDP:")?) * PAGE_KIB,
            slab_kib: number_after(&memory, "Slab:")?,
        })
    }
}

/// Bytes in the queues of sockets between a server's port and some of its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Queues {
    /// Waiting at the server, sent or not, for the peer to acknowledge.
    pub(crate) server_bytes: u64,
    /// Waiting at the client, to be read.
    pub(crate) client_bytes: u64,
}

impl Queues {
    /// Of the connections whose client end is among `clients`.
    pub(crate) fn read(server_port: u16, clients: &[SocketAddr]) -> Option<Self> {
        Some(Self::of(
            &fs::read_to_string("/proc/net/tcp").ok()?,
            server_port,
            clients,
        ))
    }

    fn of(table: &str, server_port: u16, clients: &[SocketAddr]) -> Self {
        let ends: std::collections::HashSet<String> = clients.iter().map(|address| hex(*address)).collect();
        let port = format!(":{server_port:04X}");
        let mut queues = Self::default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().take(5).collect();
            let &[_, local, remote, _, waiting] = fields.as_slice() else {
                continue;
            };
            let Some((sent, received)) = waiting.split_once(':') else {
                continue;
            };
            let bytes = |text| u64::from_str_radix(text, 16).unwrap_or_default();
            if local.ends_with(&port) && ends.contains(remote) {
                queues.server_bytes += bytes(sent);
            } else if remote.ends_with(&port) && ends.contains(local) {
                queues.client_bytes += bytes(received);
            }
        }
        queues
    }
}

/// An address as `/proc/net/tcp` writes it: the bytes of the IP as a number of the machine.
fn hex(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port()),
        SocketAddr::V6(_) => String::new(), // in a table of its own
    }
}

fn number_after(text: &str, key: &str) -> Option<f64> {
    let (_, after) = text.split_once(key)?;
    after.split_whitespace().next()?.parse().ok()
}

/// The ports that the system gives to connections, first and last.
pub(crate) fn ports() -> RangeInclusive<u16> {
    const MOST_SYSTEMS_HAVE: RangeInclusive<u16> = 49152..=65535; // RFC 6335, section 6
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let numbers: Vec<u16> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [first, last] if first <= last => *first..=*last,
        _ => MOST_SYSTEMS_HAVE,
    }
}

/// The cores for the server and for the load generator, where there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) client: usize,
}

impl Cores {
    pub(crate) fn apart() -> Option<Self> {
        let enough = cfg!(target_os = "linux") && thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2);
        let allowed = allowed();
        match allowed.as_slice() {
            [server, client, ..] if enough => Some(Self {
                server: *server,
                client: *client,
            }),
            _ => None,
        }
    }
}

/// Keeps this thread, and those that it starts from now on, on one core. Whether it did.
#[cfg(target_os = "linux")]
pub(crate) fn pin(core: usize) -> bool {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: usize) -> bool {
    false
}

/// The cores that this process may use.
#[cfg(target_os = "linux")]
fn allowed() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None);
    set.map_or_else(
        |_| Vec::new(),
        |set| {
            (0..rustix::thread::CpuSet::MAX_CPU)
                .filter(|core| set.is_set(*core))
                .collect()
        },
    )
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Vec<usize> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_counted_at_both_ends_and_of_the_clients_asked_for() {
        // A listener, then both ends of two connections to port 0x1F90, then one to another server.
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000\n\
            1: 0100007F:1F90 0200007F:C001 01 00000010:00000001 00:00000000\n\
            2: 0200007F:C001 0100007F:1F90 01 00000002:00000100 00:00000000\n\
            3: 0100007F:1F90 0200007F:C002 01 00001000:00000000 00:00000000\n\
            4: 0200007F:C001 0100007F:0050 01 00000000:00001000 00:00000000\n";
        let clients = ["127.0.0.2:49153".parse().expect("an address")];
        let counted = Queues::of(table, 0x1F90, &clients);
        if cfg!(target_endian = "little") {
            assert_eq!((counted.server_bytes, counted.client_bytes), (0x10, 0x100));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_time() {
        let own = Weighed {
            pids: vec![std::process::id()],
        };
        assert!(own.pss_kib() > Some(0.0) && own.cpu_s() >= Some(0.0));
        assert!(Kernel::read().is_some_and(|kernel| kernel.slab_kib > 0.0));
        let gone = Weighed { pids: vec![u32::MAX] };
        assert_eq!(
            (gone.pss_kib(), gone.cpu_s(), Weighed::default().cpu_s()),
            (None, None, None)
        );
    }
}
