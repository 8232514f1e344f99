//! A link, whole: two places and what is between them.

use std::{net::Ipv4Addr, time::Instant};

use super::{
    device::{Device, Tally, tun},
    emulator::Emulator,
    mechanism::{LabError, Mechanism, Privilege},
    packet::Readdress,
    place::Place,
};
use crate::rules::{Counters, Direction, Profile, ProfileError};

/// A link with the two places that it joins. Everything of it ends when it is dropped, or the process, however it ends.
#[derive(Debug)]
pub struct Lab {
    mechanism: Mechanism,
    server: Place,
    client: Place,
    server_address: Ipv4Addr,
    server_seen_as: Ipv4Addr,
    /// Of the devices in which packets begin, in the order of `Direction::ALL`.
    tallies: [Tally; 2],
    emulator: Emulator,
}

/// What a mechanism comes to.
struct Plan {
    server: Place,
    client: Place,
    ends: [Device; 2],
    server_address: Ipv4Addr,
    server_seen_as: Ipv4Addr,
    readdress: [Option<Readdress>; 2],
}

impl Lab {
    /// Makes a link. `origin` is where the schedule of outages begins: labs that share it and the seed meet the same
    /// ones.
    ///
    /// # Errors
    ///
    /// [`LabError::Nothing`] where this machine lets no link be made, and what was in the way.
    pub fn start(privilege: &Privilege, profile: &Profile, seed: u64, origin: Instant) -> Result<Self, LabError> {
        profile.validate()?;
        let mechanism = privilege
            .mechanism
            .ok_or_else(|| LabError::Nothing(privilege.refusals.clone()))?;
        let Plan {
            server,
            client,
            ends,
            server_address,
            server_seen_as,
            readdress,
        } = match mechanism {
            Mechanism::Tun | Mechanism::TunInUserNamespace => two_namespaces()?,
            Mechanism::OneNamespace => one_namespace()?,
        };
        let [down, up] = ends;
        Ok(Self {
            mechanism,
            server,
            client,
            server_address,
            server_seen_as,
            tallies: [down.tally, up.tally],
            emulator: Emulator::start([down.packets, up.packets], readdress, profile, seed, origin)?,
        })
    }

    /// How it is made.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Where the server's sockets are made.
    #[must_use]
    pub fn server(&self) -> &Place {
        &self.server
    }

    /// Where the clients' sockets are made.
    #[must_use]
    pub fn client(&self) -> &Place {
        &self.client
    }

    /// What the server binds, in its place.
    #[must_use]
    pub fn server_address(&self) -> Ipv4Addr {
        self.server_address
    }

    /// What clients connect to, in theirs.
    #[must_use]
    pub fn server_seen_as(&self) -> Ipv4Addr {
        self.server_seen_as
    }

    /// Changes what the link is like, from the next packet on.
    ///
    /// # Errors
    ///
    /// The profile asks for nonsense; nothing has changed.
    pub fn set_profile(&self, profile: &Profile) -> Result<(), ProfileError> {
        profile.validate()?;
        self.emulator.set_profile(profile);
        Ok(())
    }

    /// What one direction has done so far.
    #[must_use]
    pub fn counters(&self, direction: Direction) -> Counters {
        let mut counters = self.emulator.counters(direction);
        // Somebody with the right to may have deleted the device; what was counted before is not known then.
        counters.kernel_dropped = self.tallies[direction as usize].dropped().unwrap_or(0);
        counters
    }
}

fn two_namespaces() -> Result<Plan, LabError> {
    let (server_address, client_address) = (Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2));
    let (server, client) = (Place::make()?, Place::make()?);
    let ends = [
        server.within(|| tun("wirelab", server_address, 30))??,
        client.within(|| tun("wirelab", client_address, 30))??,
    ];
    Ok(Plan {
        server,
        client,
        ends,
        server_address,
        server_seen_as: server_address,
        readdress: [None, None],
    })
}

/// Both ends are one stack, which would answer itself without using a device. So each end has a network of its own, in
/// which the other end has an address that nobody holds, and on the way both addresses are exchanged. The pairs have the
/// same sum (10.77 + 10.77, .2 + .3 against 10.78 + 10.78, .1 + .2, in 16-bit words), so every checksum stays right.
fn one_namespace() -> Result<Plan, LabError> {
    // Two labs in one namespace must not meet, nor two instances: the first free pair of networks, and its devices.
    let mut refused = None;
    for pair in 0..MOST_PAIRS {
        let [(server, client_seen_as), (server_seen_as, client)] = pair_of_networks(pair);
        let devices = tun(&format!("wirelab-s{pair}"), server, 24)
            .and_then(|end| Ok([end, tun(&format!("wirelab-c{pair}"), client, 24)?]));
        match devices {
            Ok(ends) => {
                let readdress = |source, destination| Some(Readdress { source, destination });
                return Ok(Plan {
                    server: Place::here(),
                    client: Place::here(),
                    ends,
                    server_address: server,
                    server_seen_as,
                    readdress: [readdress(server_seen_as, client), readdress(client_seen_as, server)],
                });
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(refused
        .unwrap_or_else(|| std::io::Error::other("no pair of networks is free"))
        .into())
}

/// Labs in one namespace.
const MOST_PAIRS: u8 = 40;

/// The server's network (its address, and the client's in it) and the client's (the server's in it, and its own).
fn pair_of_networks(pair: u8) -> [(Ipv4Addr, Ipv4Addr); 2] {
    let [first, second] = [77 + 2 * pair, 78 + 2 * pair];
    [
        (Ipv4Addr::new(10, first, 0, 2), Ipv4Addr::new(10, first, 0, 3)),
        (Ipv4Addr::new(10, second, 0, 2), Ipv4Addr::new(10, second, 0, 1)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ones' complement sum of 16-bit words (RFC 1071).
    fn sum(addresses: [Ipv4Addr; 2]) -> u32 {
        let words = addresses.into_iter().flat_map(|address| {
            let [a, b, c, d] = address.octets();
            [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
        });
        let sum: u32 = words.map(u32::from).sum();
        (sum & 0xffff) + (sum >> 16)
    }

    #[test]
    fn exchanged_addresses_keep_every_checksum() {
        for pair in 0..MOST_PAIRS {
            let [(server, client_seen_as), (server_seen_as, client)] = pair_of_networks(pair);
            assert_eq!(
                sum([server, client_seen_as]),
                sum([server_seen_as, client]),
                "down, pair {pair}"
            );
        }
    }
}
