//! Whose STUN request it is (RFC 8489 and RFC 8445, section 7.2.2): the little that a demultiplexer has to read.

/// Type, length, magic cookie, transaction id.
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;

/// The half of a binding request's `USERNAME` that names its receiver: `<receiver>:<sender>`. `None` for everything
/// else, whatever it is.
pub(super) fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let (header, mut rest) = datagram.split_at_checked(HEADER_BYTES)?;
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    while let Some(([kind_high, kind_low, length_high, length_low], body)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = body.get(..length)?;
        if u16::from_be_bytes([*kind_high, *kind_low]) == USERNAME {
            return std::str::from_utf8(value).ok()?.split_once(':').map(|(ours, _)| ours);
        }
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
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
