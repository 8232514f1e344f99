//! TUN devices, and the little that has to be set on an interface. It all concerns the calling thread's namespace.
#![expect(
    unsafe_code,
    reason = "interface requests are C structures that no crate in use wraps"
)]

use std::{
    fs::{File, OpenOptions},
    io,
    net::Ipv4Addr,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
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

/// A TUN device with an address, up. Reads and writes are whole IPv4 packets: without `IFF_VNET_HDR` the kernel cuts
/// TCP to the MTU and fills in checksums before a packet is seen. It vanishes with the file.
pub(super) fn tun(name: &str, address: Ipv4Addr, prefix: u32) -> io::Result<File> {
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
    configure(name, address, prefix).map_err(|error| said("giving the device its address", &error))?;
    set_queue(name).map_err(|error| said("giving the device its queue", &error))?;
    Ok(file)
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
