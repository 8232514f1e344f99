//! Whose STUN message it is and what it wants (RFC 8489; RFC 8445, sections 7.1 and 7.2.2): the little that has to be
//! read outside the stack. Nothing here is proven: that the stack does.

/// Type, length, magic cookie, transaction id.
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// What pairs an answer with its request.
pub(super) type TransactionId = [u8; 12];

/// A connectivity check, or the answer that says it was good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// `nominates`: its sender wants to be reached by this pair.
    Request {
        id: TransactionId,
        nominates: bool,
    },
    Success {
        id: TransactionId,
    },
}

/// Reads one; `None` for everything else, whatever it is.
pub(super) fn binding(datagram: &[u8]) -> Option<Binding> {
    let (kind, attributes) = message(datagram)?;
    let id = datagram[8..HEADER_BYTES].try_into().ok()?;
    match kind {
        BINDING_REQUEST => Some(Binding::Request {
            id,
            nominates: each(attributes).flatten().any(|(kind, _)| kind == USE_CANDIDATE),
        }),
        BINDING_SUCCESS => Some(Binding::Success { id }),
        _ => None,
    }
}

/// The half of a binding request's `USERNAME` that names its receiver: `<receiver>:<sender>`. `None` for everything
/// else, whatever it is.
pub(super) fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let (BINDING_REQUEST, attributes) = message(datagram)? else {
        return None;
    };
    let (_, name) = each(attributes).find(|attribute| attribute.is_none_or(|(kind, _)| kind == USERNAME))??;
    std::str::from_utf8(name).ok()?.split_once(':').map(|(ours, _)| ours)
}

/// The type of a STUN message, and its attributes as they come.
fn message(datagram: &[u8]) -> Option<([u8; 2], &[u8])> {
    let (header, attributes) = datagram.split_at_checked(HEADER_BYTES)?;
    (header[4..8] == MAGIC_COOKIE).then_some(([header[0], header[1]], attributes))
}

/// Reads attributes, up to the first that is cut off, which is `None`.
fn each(mut rest: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    std::iter::from_fn(move || {
        let ([kind_high, kind_low, length_high, length_low], body) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let Some(value) = body.get(..length) else {
            rest = &[];
            return Some(None);
        };
        // Where only the padding is missing the value is whole.
        rest = body.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Some((u16::from_be_bytes([*kind_high, *kind_low]), value)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = [&BINDING_REQUEST[..], &[0, 0], &MAGIC_COOKIE, &[7; 12]].concat();
        for (kind, value) in attributes {
            out.extend_from_slice(&kind.to_be_bytes());
            out.extend_from_slice(&(value.len() as u16).to_be_bytes());
            out.extend_from_slice(value);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        let length = (out.len() - HEADER_BYTES) as u16;
        out[2..4].copy_from_slice(&length.to_be_bytes());
        out
    }

    #[test]
    fn the_receivers_half_is_found_behind_other_attributes() {
        assert_eq!(local_ufrag(&request(&[(USERNAME, b"ours:theirs")])), Some("ours"));
        let odd: (u16, &[u8]) = (0x8022, b"seven77");
        assert_eq!(local_ufrag(&request(&[odd, (USERNAME, b"ours:a:b")])), Some("ours"));
    }

    #[test]
    fn everything_else_is_nobodys() {
        let whole = request(&[(USERNAME, b"ours:theirs")]);
        for cut in 0..whole.len() - 1 {
            assert_eq!(local_ufrag(&whole[..cut]), None, "cut at {cut}");
        }
        // Only the padding is missing then: the name is whole.
        let response = [&[0x01, 0x01], &whole[2..]].concat();
        assert_eq!(local_ufrag(&response), None, "a response");
        assert_eq!(local_ufrag(&request(&[(USERNAME, b"ours")])), None, "no second half");
        assert_eq!(local_ufrag(&request(&[(USERNAME, b"\xff:x")])), None, "no text");
        assert_eq!(local_ufrag(&request(&[])), None);
    }

    proptest! {
        #[test]
        fn no_datagram_is_too_odd(mut datagram in proptest::collection::vec(any::<u8>(), 0..200), stun: bool) {
            if stun && datagram.len() >= HEADER_BYTES {
                datagram[..2].copy_from_slice(&BINDING_REQUEST);
                datagram[4..8].copy_from_slice(&MAGIC_COOKIE);
            }
            let _ = local_ufrag(&datagram);
        }
    }
}
