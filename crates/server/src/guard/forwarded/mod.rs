//! Who is asking, where a proxy carries the request: read from its headers as far as trusted hops vouch for them.
//!
//! A proxy appends to `X-Forwarded-For`, or to `Forwarded` (RFC 7239), the address that it was asked from. So each entry
//! is vouched for by whoever stands to its right, and the last by the peer itself. The walk goes from the right, for as
//! long as whoever vouches is trusted: the visitor is the first address that is not. What stands further left may be
//! anybody's invention and is never looked at.
//!
//! * Nothing is taken from a peer that is not trusted.
//! * An entry that is no address (`unknown`, `_hidden`, rubbish) ends the walk at the last good one, and so do
//!   [`MAX_HOPS`]. A visitor who is then one of the trusted, the peer included, is not known: nobody is held to an
//!   allowance for many.
//! * Scheme and host come with the visitor's entry in `Forwarded`, and from the last entry of `X-Forwarded-Proto` and
//!   `X-Forwarded-Host`, which is the peer's own.
//! * Where both kinds are there and do not say the same, one of them was written by nobody trusted, and which one cannot
//!   be seen: the request is refused. To believe either would let visitors choose their address behind every proxy that
//!   writes the other.

mod element;

use std::net::IpAddr;

use hyper::{
    HeaderMap,
    header::{FORWARDED, HeaderName},
};

use self::element::Element;
use super::{
    authority::{Authority, Scheme},
    proxies::Proxies,
    refusal::Refusal,
};

/// Entries that are looked at in one request.
pub(super) const MAX_HOPS: usize = 16;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a request says of who is asking and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// The visitor, as far as is known: else the last hop that is.
    pub(crate) address: IpAddr,
    /// Whether a trusted proxy carries the request.
    pub(crate) carried: bool,
    /// Whether the address is a visitor's and no proxy's.
    pub(crate) known: bool,
    /// How the visitor came to the proxy.
    pub(super) scheme: Option<Scheme>,
    /// The host that the visitor asked for.
    pub(super) host: Option<Authority>,
}

/// What one kind of headers says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Claim {
    address: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<Authority>,
}

impl Visit {
    /// Somebody who came by something of ours that tells nothing.
    pub(super) fn unknown(peer: IpAddr) -> Self {
        Self {
            address: peer,
            carried: false,
            known: false,
            scheme: None,
            host: None,
        }
    }

    /// The address that limits per address count, if it is the visitor's own.
    pub(crate) fn counted(&self) -> Option<IpAddr> {
        self.known.then_some(self.address)
    }

    /// Reads it from the headers, believing only `proxies`.
    ///
    /// # Errors
    /// Both kinds of headers are there and contradict each other, or a host is none.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> Result<Self, Refusal> {
        let peer = peer.to_canonical();
        if !proxies.trusts(peer) {
            return Ok(Self {
                address: peer,
                carried: false,
                known: true,
                scheme: None,
                host: None,
            });
        }
        let claim = x_forwarded(headers, peer, proxies)?.agreeing(forwarded(headers, peer, proxies)?)?;
        let address = claim.address.unwrap_or(peer);
        Ok(Self {
            address,
            carried: true,
            known: !proxies.trusts(address),
            scheme: claim.scheme,
            host: claim.host,
        })
    }
}

/// Whether a request carries what a proxy would have written.
pub(super) fn claims_a_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED)
}

impl Claim {
    /// Both, where they do not contradict each other.
    fn agreeing(self, other: Self) -> Result<Self, Refusal> {
        Ok(Self {
            address: one(self.address, other.address)?,
            scheme: one(self.scheme, other.scheme)?,
            host: one(self.host, other.host)?,
        })
    }
}

fn one<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, Refusal> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Refusal::ForwardedDisagree),
        (one, other) => Ok(one.or(other)),
    }
}

fn x_forwarded(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> Result<Claim, Refusal> {
    let last = |name| entries(headers, name).next();
    let host = match last(X_FORWARDED_HOST) {
        Some(text) => Some(authority(text)?),
        None => None,
    };
    let addresses = headers.contains_key(X_FORWARDED_FOR).then(|| {
        let entries = entries(headers, X_FORWARDED_FOR);
        walk(peer, entries.map(|entry| element::node(entry?)), proxies, |address| {
            *address
        })
    });
    Ok(Claim {
        address: addresses.map(|last| last.unwrap_or(peer)),
        scheme: last(X_FORWARDED_PROTO).flatten().and_then(Scheme::of_proxy),
        host,
    })
}

fn forwarded(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> Result<Claim, Refusal> {
    if !headers.contains_key(FORWARDED) {
        return Ok(Claim::default());
    }
    let elements = entries(headers, FORWARDED).map(|entry| Element::parse(entry?));
    let Some(element) = walk(peer, elements, proxies, |element| element.address) else {
        return Ok(Claim {
            address: Some(peer),
            ..Claim::default()
        });
    };
    Ok(Claim {
        address: Some(element.address),
        scheme: element.proto.and_then(Scheme::of_proxy),
        host: element.host.map(|host| authority(Some(host))).transpose()?,
    })
}

/// The last good hop, from the right: the first that is not trusted, or the one before the first that is none.
fn walk<T>(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<T>>,
    proxies: &Proxies,
    address: impl Fn(&T) -> IpAddr,
) -> Option<T> {
    debug_assert!(proxies.trusts(peer), "nobody vouches for the first");
    let mut last = None;
    for hop in hops.take(MAX_HOPS).map_while(|hop| hop) {
        let vouches = proxies.trusts(address(&hop));
        last = Some(hop);
        if !vouches {
            break;
        }
    }
    last
}

/// The entries of a list header from the right, over all its lines; `None` for a line that is no text.
///
/// Commas are taken as they come, quoted or not. No address has one, so a list that is cut inside a quoted text leaves
/// pieces that are no entries, and the walk ends there.
fn entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Option<&str>> {
    headers.get_all(name).iter().rev().flat_map(|line| {
        let (text, broken) = match line.to_str() {
            Ok(text) => (Some(text), None),
            Err(_) => (None, Some(None)),
        };
        let pieces = text.into_iter().flat_map(|text| text.rsplit(','));
        pieces.map(|piece| Some(piece.trim_matches([' ', '\t']))).chain(broken)
    })
}

fn authority(text: Option<&str>) -> Result<Authority, Refusal> {
    text.and_then(|text| text.parse().ok()).ok_or(Refusal::HostMalformed)
}

#[cfg(test)]
mod tests;
