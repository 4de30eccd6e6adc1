//! Headers of QUIC packets, and how several lie in a datagram. Rules: RFC 9000 sections 12.2 and 17, RFC 9369 section 3.2.
//!
//! What is protected stays closed here.

use super::version::{self, Dialect};

/// The longest connection id (RFC 9000 section 17.2).
pub(crate) const MAX_ID: usize = 20;

/// What a packet with a long header is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongType {
    /// Carries the first flights of the handshake.
    Initial,
    /// The client's early data.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// The server asks the client to prove its address.
    Retry,
}

impl LongType {
    fn from_bits(bits: u8, second: bool) -> LongType {
        match if second { bits.wrapping_sub(1) & 3 } else { bits & 3 } {
            0 => LongType::Initial,
            1 => LongType::ZeroRtt,
            2 => LongType::Handshake,
            _ => LongType::Retry,
        }
    }
}

/// A packet with a long header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Long<'a> {
    pub(crate) version: u32,
    pub(crate) dialect: Dialect,
    pub(crate) kind: LongType,
    /// Destination connection id.
    pub(crate) to: &'a [u8],
    /// Source connection id.
    pub(crate) from: &'a [u8],
    /// The whole packet, as far as it was captured.
    pub(crate) bytes: &'a [u8],
    /// Where the protected packet number begins.
    pub(crate) number_at: usize,
    /// Bytes of the packet on the wire.
    pub(crate) len: usize,
}

/// A packet of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Long(Long<'a>),
    /// Version Negotiation (RFC 9000 section 17.2.1): destination and source connection id.
    Negotiation {
        to: &'a [u8],
        from: &'a [u8],
    },
    /// A packet with a short header. Only with the connection can one tell how long its connection id is.
    Short(&'a [u8]),
}

/// A variable-length integer (RFC 9000 section 16) and what follows it.
pub(crate) fn integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, _) = bytes.split_first()?;
    let (encoded, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let number = encoded.iter().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    let bits = 8 * encoded.len() as u32 - 2;
    Some((number & ((1 << bits) - 1), rest))
}

/// Reads the first packet of what is left of a datagram, `missing` bytes of which were cut off.
pub(crate) fn packet(bytes: &[u8], missing: usize) -> Option<Packet<'_>> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return Some(Packet::Short(bytes));
    }
    let (word, rest) = rest.split_first_chunk()?;
    let version = u32::from_be_bytes(*word);
    let (to, rest) = id(rest)?;
    let (from, rest) = id(rest)?;
    if version == 0 {
        // A list of versions, at least one.
        return (rest.len() >= 4).then_some(Packet::Negotiation { to, from });
    }
    let dialect = version::dialect(version)?;
    let kind = LongType::from_bits(first >> 4, dialect.second);
    if kind == LongType::Retry {
        let len = bytes.len() + missing;
        return Some(Packet::Long(Long {
            version,
            dialect,
            kind,
            to,
            from,
            bytes,
            number_at: bytes.len(),
            len,
        }));
    }
    let rest = if kind == LongType::Initial {
        let (token, rest) = integer(rest)?;
        rest.get(usize::try_from(token).ok()?..)?
    } else {
        rest
    };
    let (len, rest) = integer(rest)?;
    let number_at = bytes.len() - rest.len();
    // Four bytes of packet number or plain text, and a tag, at the least: a sample begins behind those four (RFC 9001 section 5.4.2).
    if !(4 + 16..=(rest.len() + missing) as u64).contains(&len) {
        return None;
    }
    let len = number_at + usize::try_from(len).ok()?;
    let bytes = bytes.get(..len).unwrap_or(bytes);
    Some(Packet::Long(Long { version, dialect, kind, to, from, bytes, number_at, len }))
}

fn id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    let len = usize::from(len);
    if len > MAX_ID {
        return None;
    }
    rest.split_at_checked(len)
}

/// Whether a datagram's first packet is one of QUIC: a long header of a version that we know, with lengths that fit. Short headers
/// cannot be told from anything else.
#[must_use]
pub fn looks_like_quic(bytes: &[u8]) -> bool {
    // The fixed bit is set, unless the ends know better from an earlier connection (RFC 9287).
    if bytes.first().is_none_or(|first| first & 0x40 == 0) {
        return false;
    }
    match packet(bytes, 0) {
        // Clients fill datagrams with Initial packets up to 1,200 bytes (RFC 9000 section 14.1).
        Some(Packet::Long(long)) if version::forces_negotiation(long.version) => {
            long.kind == LongType::Initial && bytes.len() >= 1_200
        }
        Some(Packet::Long(long)) => long.kind != LongType::Retry || bytes.len() > 7 + long.to.len() + 16,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_four_lengths() {
        // RFC 9000 appendix A.1.
        for (bytes, number) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            assert_eq!(integer(&[bytes, &[7]].concat()), Some((number, &[7][..])));
            for cut in 0..bytes.len() {
                assert_eq!(integer(&bytes[..cut]), None);
            }
        }
    }

    fn initial(version: u32, bits: u8) -> Vec<u8> {
        let mut bytes = vec![0xc0 | bits << 4];
        bytes.extend(version.to_be_bytes());
        bytes.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 3, 9, 9, 9]);
        bytes
    }

    #[test]
    fn packets_of_a_datagram_follow_each_other() {
        let mut bytes = initial(1, 0);
        bytes.extend([2, 0xaa, 0xaa, 0x40, 30]);
        bytes.extend([7; 30]);
        let first = bytes.len();
        bytes.extend(initial(1, 2));
        bytes.push(25);
        bytes.extend([8; 25]);
        let second = bytes.len() - first;
        bytes.extend([0x40, 1, 2, 3]);
        let Some(Packet::Long(long)) = packet(&bytes, 0) else { panic!() };
        assert_eq!((long.kind, long.len, long.number_at), (LongType::Initial, first, first - 30));
        assert_eq!(
            (long.to, long.from, long.bytes.len()),
            (&[1, 2, 3, 4, 5, 6, 7, 8][..], &[9; 3][..], first)
        );
        let Some(Packet::Long(long)) = packet(&bytes[first..], 0) else { panic!() };
        assert_eq!((long.kind, long.len), (LongType::Handshake, second));
        assert_eq!(packet(&bytes[first + second..], 0), Some(Packet::Short(&[0x40, 1, 2, 3])));
        // Cut by the snapshot length, the packet is still one; cut for good, it is none.
        for cut in 0..first {
            assert_eq!(packet(&bytes[..cut], 0), None, "{cut}");
            assert!(!looks_like_quic(&bytes[..cut]));
            let there = packet(&bytes[..cut], first - cut).is_some();
            assert_eq!(there, cut >= first - 30, "{cut}");
        }
        assert!(looks_like_quic(&bytes));
    }

    #[test]
    fn version_2_numbers_types_anew() {
        for (bits, kind) in
            [(0, LongType::Retry), (1, LongType::Initial), (2, LongType::ZeroRtt), (3, LongType::Handshake)]
        {
            let mut bytes = initial(0x6b33_43cf, bits);
            if kind == LongType::Initial {
                bytes.push(0);
            }
            bytes.push(25);
            bytes.extend([8; 25]);
            let Some(Packet::Long(long)) = packet(&bytes, 0) else { panic!("{bits}") };
            assert_eq!(long.kind, kind);
        }
    }

    #[test]
    fn other_things_are_not_quic() {
        let mut negotiation = vec![0x80, 0, 0, 0, 0, 1, 5, 1, 6];
        assert_eq!(packet(&negotiation, 0), None);
        negotiation.extend([0, 0, 0, 1]);
        assert_eq!(packet(&negotiation, 0), Some(Packet::Negotiation { to: &[5], from: &[6] }));
        assert!(!looks_like_quic(&negotiation));
        let mut good = initial(1, 0);
        good.push(0);
        good.push(25);
        good.extend([8; 25]);
        assert!(looks_like_quic(&good));
        for (at, value) in [(0, 0x80), (0, 0x00), (1, 1), (4, 3), (5, 21), (18, 0x3f), (19, 26), (19, 19)] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert!(!looks_like_quic(&bytes), "{at} {value}");
        }
        // A version that forces negotiation makes sense only in a client's first datagram.
        let mut grease = initial(0x1a2a_3a4a, 0);
        grease.extend([0, 0x44, 0xa0]);
        grease.extend(vec![3; 1184]);
        assert!(looks_like_quic(&grease));
        assert!(!looks_like_quic(&grease[..1100]));
    }
}
