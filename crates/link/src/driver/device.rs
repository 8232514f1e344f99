//! TUN devices, and the little that has to be set on an interface. It all concerns the calling thread's namespace.
#![expect(
    unsafe_code,
    reason = "interface requests are C structures that no crate in use wraps"
)]

use std::{
    fs::{File, OpenOptions},
    io,
    net::Ipv4Addr,
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, OpenOptionsExt},
    },
};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send, socket, socket_with};

/// Ethernet's: what browsers and servers meet almost everywhere.
pub(super) const MTU: libc::c_int = 1500;
/// Packets between the kernel's stack and our read. The kernel's 500 are dropped without a word when a burst comes.
const QUEUE_PACKETS: u32 = 10_000;

/// Brings up an interface that there is.
pub(super) fn set_up(name: &str) -> io::Result<()> {
    let mut request = request(name);
    ioctl(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: SIOCGIFFLAGS has filled this member of the union.
    unsafe { request.ifr_ifru.ifru_flags |= (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short };
    ioctl(libc::SIOCSIFFLAGS, &mut request)
}

/// A TUN device.
#[derive(Debug)]
pub(super) struct Device {
    /// Reads and writes are whole IPv4 packets. The device vanishes with it.
    pub(super) packets: File,
    pub(super) tally: Tally,
}

/// What the kernel counts of a device, for whatever thread asks: the file belongs to the namespace in which it was
/// opened.
#[derive(Debug)]
pub(super) struct Tally {
    file: File,
    name: String,
}

impl Tally {
    /// Packets that the kernel dropped since we did not read fast enough.
    pub(super) fn dropped(&self) -> io::Result<u64> {
        let (mut text, mut block) = (Vec::new(), [0; 4096]);
        // By position, since several threads may be at it.
        while let length @ 1.. = self.file.read_at(&mut block, text.len() as u64)? {
            text.extend_from_slice(&block[..length]);
        }
        dropped(&String::from_utf8_lossy(&text), &self.name)
            .ok_or_else(|| io::Error::other(format!("the kernel tells nothing of the device {}", self.name)))
    }
}

/// From the text of `/proc/net/dev`: a line for each device, eight counts of what it received, eight of what it sent.
fn dropped(text: &str, name: &str) -> Option<u64> {
    const SENT_DROPPED: usize = 8 + 3;
    let counts = text.lines().find_map(|line| {
        let (device, counts) = line.split_once(':')?;
        (device.trim() == name).then_some(counts)
    })?;
    counts.split_ascii_whitespace().nth(SENT_DROPPED)?.parse().ok()
}

/// A TUN device with an address, up. Without `IFF_VNET_HDR` the kernel cuts TCP to the MTU and fills in checksums before
/// a packet is seen. `%d` in the name becomes a number that is free.
pub(super) fn tun(name: &str, address: Ipv4Addr, prefix: u32) -> io::Result<Device> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .map_err(|error| said("opening /dev/net/tun", &error))?;
    let mut made = request(name);
    made.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which `made` is.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut made) };
    if result < 0 {
        return Err(said("making a TUN device", &io::Error::last_os_error()));
    }
    let given = made
        .ifr_name
        .iter()
        .map(|byte| *byte as u8)
        .take_while(|byte| *byte != 0);
    let name = String::from_utf8_lossy(&given.collect::<Vec<_>>()).into_owned();
    configure(&name, address, prefix).map_err(|error| said("giving the device its address", &error))?;
    set_queue(&name).map_err(|error| said("giving the device its queue", &error))?;
    let tally = File::open("/proc/thread-self/net/dev").map_err(|error| said("opening its counts", &error))?;
    Ok(Device {
        packets: file,
        tally: Tally { file: tally, name },
    })
}

fn configure(name: &str, address: Ipv4Addr, prefix: u32) -> io::Result<()> {
    ioctl(libc::SIOCSIFADDR, &mut with_address(name, address))?;
    let mask = Ipv4Addr::from_bits(u32::MAX << (32 - prefix));
    ioctl(libc::SIOCSIFNETMASK, &mut with_address(name, mask))?;
    let mut request = request(name);
    request.ifr_ifru.ifru_mtu = MTU;
    ioctl(libc::SIOCSIFMTU, &mut request)?;
    set_up(name)
}

fn request(name: &str) -> libc::ifreq {
    debug_assert!(name.len() < libc::IFNAMSIZ);
    // SAFETY: all of its members are plain numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

fn with_address(name: &str, address: Ipv4Addr) -> libc::ifreq {
    let mut request = request(name);
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: address.to_bits().to_be(),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: the kernel reads this member as a sockaddr_in because of its family, and it has the size of one.
    unsafe { (&raw mut request.ifr_ifru).cast::<libc::sockaddr_in>().write(address) };
    request
}

fn ioctl(operation: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    // SAFETY: the SIOC?IF operations read and write one ifreq, which lives as long as the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), operation, std::ptr::from_mut(request)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// By netlink: the ioctl for it asks for rights in the *first* user namespace.
fn set_queue(name: &str) -> io::Result<()> {
    const IFLA_IFNAME: u16 = 3;
    const IFLA_TXQLEN: u16 = 13;
    const REQUEST_AND_ACK: u16 = 0x1 | 0x4;
    const ACK_BYTES: usize = 20;

    let mut body = vec![0; 16]; // struct ifinfomsg: any family, found by name
    attribute(&mut body, IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
    attribute(&mut body, IFLA_TXQLEN, &QUEUE_PACKETS.to_ne_bytes());
    let mut message = Vec::new();
    message.extend(((16 + body.len()) as u32).to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes()); // sequence
    message.extend(0_u32.to_ne_bytes()); // to the kernel
    message.extend(body);

    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        rustix::net::SocketFlags::CLOEXEC,
        None, // its protocol 0 is the one for interfaces and routes
    )?;
    send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    let code = answer[..length]
        .get(16..ACK_BYTES)
        .and_then(|code| code.try_into().ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::other("netlink's answer is too short")),
    }
}

fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend(((4 + value.len()) as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// An error that says which step it was.
pub(super) fn said(step: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{step}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::place::Place;
    use super::*;

    #[test]
    fn the_count_is_that_of_sending_and_of_this_device() {
        let text = "Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n\
            wirelab-s1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n wirelab-s10:1 2 3 4 5 6 7 8 9 10 11 99 13 14 15 16\n";
        assert_eq!(dropped(text, "wirelab-s1"), Some(12));
        assert_eq!(dropped(text, "wirelab-s10"), Some(99));
        assert_eq!(dropped(text, "wirelab-s"), None);
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let place = match Place::make() {
            Ok(place) => place,
            Err(error) => {
                eprintln!("skipped: this test makes a network namespace, for which it has no right: {error}");
                return;
            }
        };
        let (device, socket) = place
            .within(|| {
                let device = tun("wirelab-test%d", Ipv4Addr::new(192, 0, 2, 1), 24)?;
                Ok::<_, io::Error>((device, UdpSocket::bind("0.0.0.0:0")?))
            })
            .and_then(|both| both)
            .expect("a device");
        assert_eq!(device.tally.dropped().expect("its counts"), 0);
        let beyond = 500;
        for _ in 0..QUEUE_PACKETS + beyond {
            socket
                .send_to(b"nobody reads this", "192.0.2.2:9")
                .expect("the device takes it, or drops it");
        }
        let mut read = 0;
        while io::Read::read(&mut &device.packets, &mut [0; 100]).is_ok() {
            read += 1;
        }
        let dropped = device.tally.dropped().expect("its counts");
        assert!(dropped > 0, "{read} read");
        assert_eq!(read + dropped, u64::from(QUEUE_PACKETS + beyond));
    }
}
