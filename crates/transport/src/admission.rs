//! How many connections there may be, in all and from one address. The permit travels with the socket.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;

/// Counts the connections that are open.
#[derive(Debug)]
pub struct Admission {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The server holds as many as it may.
    #[error("the server holds as many connections as it may")]
    Full,
    /// This address holds as many as one may.
    #[error("this address holds as many connections as one may")]
    AddressFull,
}

/// One admitted connection, or one request or stream of a visitor whom a proxy carries; gives its place back when
/// dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
    /// Whether it is a connection of its own.
    connection: bool,
}

/// A visitor whose request came over a connection that a trusted proxy shares among many.
#[derive(Debug)]
pub struct Carried {
    /// The address that the proxy vouches for.
    pub visitor: IpAddr,
    /// What it holds of its address's allowance; none where the address is no visitor's.
    pub place: Option<Permit>,
}

impl Admission {
    /// Bounds in all and per address.
    #[must_use]
    pub fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_address,
            open: Mutex::default(),
        })
    }

    /// Admits a connection from `address`, counted in all and for its [`subscriber`]. No address is known where a forwarder
    /// of ours stands before us: such a visitor is counted in all only.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Permit, Refused> {
        self.place(address, true)
    }

    /// Admits one request or stream of a visitor whom a trusted proxy carries. It counts for its address as a connection
    /// would, and not in all, since the proxy's connection does already.
    ///
    /// # Errors
    /// The address holds as many as one may.
    pub fn admit_carried(self: &Arc<Self>, visitor: IpAddr) -> Result<Permit, Refused> {
        self.place(Some(visitor), false)
    }

    fn place(self: &Arc<Self>, address: Option<IpAddr>, connection: bool) -> Result<Permit, Refused> {
        let address = address.and_then(subscriber);
        let mut open = self.open();
        if connection && open.all >= self.most {
            return Err(Refused::Full);
        }
        if let Some(address) = address {
            let held = open.by_address.entry(address).or_default();
            if *held >= self.most_per_address {
                return Err(Refused::AddressFull);
            }
            *held += 1;
        }
        open.all += usize::from(connection);
        Ok(Permit {
            admission: Arc::clone(self),
            address,
            connection,
        })
    }

    /// Connections open now.
    #[must_use]
    pub fn open_now(&self) -> usize {
        self.open().all
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.all -= usize::from(self.connection);
        let Some(address) = self.address else { return };
        if let Some(held) = open.by_address.get_mut(&address) {
            *held -= 1;
            if *held == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// Whom an address stands for where visitors are counted: an IPv6 visitor is its /64, which is what one subscriber gets.
/// None: loopback, which is many (a proxy, a forwarder, everybody on this machine).
#[must_use]
pub fn subscriber(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        IpAddr::V4(_) => address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_per_address_and_come_back() {
        let admission = Admission::new(3, 2);
        let from = |text: &str| admission.admit(Some(text.parse().expect("an address")));
        let (a, b) = (from("192.0.2.1").expect("free"), from("192.0.2.1").expect("free"));
        assert_eq!(from("192.0.2.1").expect_err("two is the bound"), Refused::AddressFull);
        assert_eq!(
            from("::ffff:192.0.2.1").expect_err("the same address in other clothes"),
            Refused::AddressFull
        );
        let c = from("192.0.2.2").expect("free");
        assert_eq!(from("192.0.2.3").expect_err("three is the bound"), Refused::Full);
        drop((a, b, c));
        assert_eq!(admission.open_now(), 0);
        assert!(
            admission.open().by_address.is_empty(),
            "nothing is kept of those who left"
        );
    }

    #[test]
    fn a_carried_visitor_counts_for_its_address_and_the_proxys_connection_in_all() {
        let admission = Admission::new(1, 2);
        let visitor = "192.0.2.1".parse().expect("an address");
        let proxy = admission.admit(None).expect("free");
        let (one, two) = (admission.admit_carried(visitor), admission.admit_carried(visitor));
        assert!(one.is_ok() && two.is_ok(), "one connection carries both");
        assert_eq!(
            admission.admit_carried(visitor).expect_err("two is the bound"),
            Refused::AddressFull
        );
        assert!(
            admission
                .admit_carried("192.0.2.2".parse().expect("an address"))
                .is_ok()
        );
        assert_eq!(admission.open_now(), 1);
        drop((one, two, proxy));
        assert_eq!(admission.open_now(), 0);
        assert!(admission.open().by_address.is_empty());
    }

    #[test]
    fn loopback_counts_in_all_only_and_ipv6_by_its_network() {
        let admission = Admission::new(10, 1);
        let from = |text: &str| admission.admit(Some(text.parse().expect("an address")));
        let held = [
            from("127.0.0.1"),
            from("127.0.0.1"),
            from("::1"),
            from("::1"),
            from("2001:db8::1"),
            admission.admit(None),
            admission.admit(None),
        ];
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(from("2001:db8::2").expect_err("the same /64"), Refused::AddressFull);
        assert!(from("2001:db8:0:1::2").is_ok());
    }
}
