//! ICMP and ICMPv6 messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::neighbour::{Hardware, Neighbour};

/// What an error message reports of the packet that it quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// No route to the network.
    NetworkUnreachable {},
    /// A router on the destination's own network cannot reach it.
    HostUnreachable {},
    /// The destination does not know the protocol above IP.
    ProtocolUnreachable {},
    /// Nobody listens on the port.
    PortUnreachable {},
    /// A filter or a policy forbids it.
    Prohibited {},
    /// Another reason why the destination is not reached.
    Unreachable {},
    /// Too large for the next link: ICMP "fragmentation needed", ICMPv6 "packet too big".
    TooBig {
        /// What the next link takes; 0 if the router does not say (RFC 1191 §5).
        mtu: u32,
    },
    /// The hop limit was used up.
    TimeExceeded {},
    /// Fragments were missing when the time for putting the datagram together was over.
    ReassemblyTimeExceeded {},
    /// There is a better first hop.
    Redirect {
        /// The better first hop.
        gateway: IpAddr,
    },
    /// A header field that the sender of the message cannot deal with.
    ParameterProblem {
        /// Where in the quoted packet, in bytes.
        pointer: u32,
    },
    /// Please send less (deprecated by RFC 6633).
    SourceQuench {},
}

/// An echo request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// It is the reply.
    pub is_reply: bool,
    /// Identifier.
    pub ident: u16,
    /// Sequence number.
    pub seq: u16,
    /// The checksum of the request, modulo 65,535: a reply's is changed by what the other type makes. It tells whether a reply carries
    /// what its request did.
    pub sum: u16,
}

/// What a message says, as far as it is kept track of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// An error or a redirect, with type and code.
    Error(Trouble, u8, u8),
    /// An echo request or reply.
    Echo(Echo),
    /// A neighbour solicitation or advertisement.
    Neighbour(Neighbour),
}

/// Checksums modulo 65,535, in which 0 and 0xffff are one: `by` more.
fn adjusted(checksum: u16, by: u32) -> u16 {
    ((u32::from(checksum) + by) % 0xffff) as u16
}

/// Reads an ICMP message. `None` if it is none of those kept track of, or if less than its first eight bytes was captured.
#[must_use]
pub fn icmpv4(bytes: &[u8]) -> Option<Said> {
    let &[kind, code, c0, c1, b4, b5, b6, b7] = bytes.first_chunk()?;
    let trouble = match (kind, code) {
        (0 | 8, _) => {
            // A reply's type is 0 and a request's 8 in the upper half of the first word.
            let by = if kind == 0 { 0xffff - 0x0800 } else { 0 };
            return Some(Said::Echo(Echo {
                is_reply: kind == 0,
                ident: u16::from_be_bytes([b4, b5]),
                seq: u16::from_be_bytes([b6, b7]),
                sum: adjusted(u16::from_be_bytes([c0, c1]), by),
            }));
        }
        // Codes: RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1.
        (3, 0 | 6 | 11) => Trouble::NetworkUnreachable {},
        (3, 1 | 7 | 8 | 12) => Trouble::HostUnreachable {},
        (3, 2) => Trouble::ProtocolUnreachable {},
        (3, 3) => Trouble::PortUnreachable {},
        (3, 4) => Trouble::TooBig { mtu: u32::from(u16::from_be_bytes([b6, b7])) },
        (3, 9 | 10 | 13) => Trouble::Prohibited {},
        (3, _) => Trouble::Unreachable {},
        (4, _) => Trouble::SourceQuench {},
        (5, _) => Trouble::Redirect { gateway: Ipv4Addr::new(b4, b5, b6, b7).into() },
        (11, 1) => Trouble::ReassemblyTimeExceeded {},
        (11, _) => Trouble::TimeExceeded {},
        (12, _) => Trouble::ParameterProblem { pointer: u32::from(b4) },
        _ => return None,
    };
    Some(Said::Error(trouble, kind, code))
}

/// Reads an ICMPv6 message from `source` to `destination`, as [`icmpv4`]. Neighbour discovery counts only with a hop limit of 255, i.e. if it comes
/// from the link itself (RFC 4861 §7.1).
#[must_use]
pub fn icmpv6(bytes: &[u8], source: Ipv6Addr, destination: Ipv6Addr, hop_limit: u8) -> Option<Said> {
    let &[kind, code, c0, c1, b4, b5, b6, b7] = bytes.first_chunk()?;
    let word = u32::from_be_bytes([b4, b5, b6, b7]);
    let trouble = match (kind, code) {
        (128 | 129, _) => {
            // 0x80 and 0x81 in the upper half of the first word.
            let by = if kind == 129 { 0x0100 } else { 0 };
            return Some(Said::Echo(Echo {
                is_reply: kind == 129,
                ident: u16::from_be_bytes([b4, b5]),
                seq: u16::from_be_bytes([b6, b7]),
                sum: adjusted(u16::from_be_bytes([c0, c1]), by),
            }));
        }
        (135 | 136, _) => {
            let target = address(bytes, 8)?;
            let (claimed, asked, told) = if kind == 136 {
                (Some(target), None, Some(destination).filter(|told| !told.is_multicast()))
            } else {
                (Some(source).filter(|source| !source.is_unspecified()), Some(target), None)
            };
            // The sender's own address is in an option: of a solicitation the source's (1), of an advertisement the target's (2).
            let hardware =
                option(bytes.get(24..)?, kind - 134).and_then(|bytes| bytes.first_chunk().copied());
            let said = Neighbour {
                claimed: claimed.map(IpAddr::V6),
                asked: asked.map(IpAddr::V6),
                told: told.map(IpAddr::V6),
                hardware: hardware.map(Hardware),
            };
            return Some(Said::Neighbour(said)).filter(|_| hop_limit == 255);
        }
        (137, _) => Trouble::Redirect { gateway: address(bytes, 8)?.into() },
        // Codes: RFC 4443 §3.1.
        (1, 0) => Trouble::NetworkUnreachable {},
        (1, 1 | 5 | 6) => Trouble::Prohibited {},
        (1, 2 | 3) => Trouble::HostUnreachable {},
        (1, 4) => Trouble::PortUnreachable {},
        (1, _) => Trouble::Unreachable {},
        (2, _) => Trouble::TooBig { mtu: word },
        (3, 1) => Trouble::ReassemblyTimeExceeded {},
        (3, _) => Trouble::TimeExceeded {},
        (4, _) => Trouble::ParameterProblem { pointer: word },
        _ => return None,
    };
    Some(Said::Error(trouble, kind, code))
}

fn address(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    bytes.get(at..)?.first_chunk::<16>().map(|&octets| Ipv6Addr::from(octets))
}

/// What an option of neighbour discovery holds (RFC 4861 §4.6): type, length in units of 8 bytes.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let &[kind, words] = options.first_chunk()?;
        let len = usize::from(words) * 8;
        if kind == wanted {
            return options.get(2..len);
        }
        options = options.get(len..).filter(|_| len > 0)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const DESTINATION: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

    #[test]
    fn errors_are_told_apart_by_type_and_code() {
        let said = |kind, code| icmpv4(&[kind, code, 0, 0, 192, 0, 5, 120]);
        let gateway = [192, 0, 5, 120].into();
        for (kind, codes, trouble) in [
            (3, &[0, 6, 11][..], Trouble::NetworkUnreachable {}),
            (3, &[1, 7, 8, 12], Trouble::HostUnreachable {}),
            (3, &[2], Trouble::ProtocolUnreachable {}),
            (3, &[3], Trouble::PortUnreachable {}),
            (3, &[4], Trouble::TooBig { mtu: 1_400 }),
            (3, &[9, 10, 13], Trouble::Prohibited {}),
            (3, &[5, 14, 15, 255], Trouble::Unreachable {}),
            (4, &[0], Trouble::SourceQuench {}),
            (5, &[0, 1, 2, 3], Trouble::Redirect { gateway }),
            (11, &[0], Trouble::TimeExceeded {}),
            (11, &[1], Trouble::ReassemblyTimeExceeded {}),
            (12, &[0, 1], Trouble::ParameterProblem { pointer: 192 }),
        ] {
            for &code in codes {
                assert_eq!(said(kind, code), Some(Said::Error(trouble, kind, code)));
            }
        }
        for kind in [1, 2, 6, 7, 9, 10, 13, 14, 30, 42, 255] {
            assert_eq!(said(kind, 0), None);
        }
        let said = |kind, code| icmpv6(&[kind, code, 0, 0, 0, 0, 5, 0], SOURCE, DESTINATION, 64);
        for (kind, codes, trouble) in [
            (1, &[0][..], Trouble::NetworkUnreachable {}),
            (1, &[1, 5, 6], Trouble::Prohibited {}),
            (1, &[2, 3], Trouble::HostUnreachable {}),
            (1, &[4], Trouble::PortUnreachable {}),
            (1, &[7, 200], Trouble::Unreachable {}),
            (2, &[0], Trouble::TooBig { mtu: 1_280 }),
            (3, &[0], Trouble::TimeExceeded {}),
            (3, &[1], Trouble::ReassemblyTimeExceeded {}),
            (4, &[0, 1, 2], Trouble::ParameterProblem { pointer: 1_280 }),
        ] {
            for &code in codes {
                assert_eq!(said(kind, code), Some(Said::Error(trouble, kind, code)));
            }
        }
        for kind in [0, 100, 130, 133, 134, 143] {
            assert_eq!(said(kind, 0), None);
        }
    }

    #[test]
    fn a_reply_s_checksum_leads_to_its_request_s() {
        // The same message with both types, checksums computed by hand: RFC 1071.
        let checksum = |words: &[u16]| {
            let mut sum: u32 = words.iter().map(|&word| u32::from(word)).sum();
            while sum > 0xffff {
                sum = (sum & 0xffff) + (sum >> 16);
            }
            !(sum as u16)
        };
        let sum = |said| match said {
            Some(Said::Echo(echo)) => echo,
            other => panic!("{other:?}"),
        };
        for filler in (0..=u16::MAX).step_by(7).chain([0, 0xf7fe, 0xf7ff, 0xf800, 0xfeff, 0xffff]) {
            for (parse, request, reply) in [
                (&icmpv4 as &dyn Fn(&[u8]) -> Option<Said>, 0x0800, 0),
                (&|bytes: &[u8]| icmpv6(bytes, SOURCE, DESTINATION, 64), 0x8000, 0x8100),
            ] {
                let [ask, answer] = [request, reply].map(|first: u16| {
                    let [high, low] = checksum(&[first, 7, 9, filler]).to_be_bytes();
                    sum(parse(&[(first >> 8) as u8, 0, high, low, 0, 7, 0, 9]))
                });
                assert_eq!((ask.is_reply, answer.is_reply), (false, true));
                assert_eq!((ask.ident, ask.seq, ask.sum), (answer.ident, answer.seq, answer.sum), "{filler}");
                assert_eq!((ask.ident, ask.seq), (7, 9));
            }
        }
    }

    #[test]
    fn neighbours_are_read_with_their_options() {
        let target: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let nonce = [14, 1, 1, 2, 3, 4, 5, 6];
        let mac = [2, 0, 0, 0, 0, 7];
        for (kind, option) in [(135, 1), (136, 2)] {
            let head = [&[kind, 0, 0, 0, 0x60, 0, 0, 0][..], &target.octets(), &nonce].concat();
            let bytes = [&head, &[option, 1][..], &mac].concat();
            let Some(Said::Neighbour(said)) = icmpv6(&bytes, SOURCE, DESTINATION, 255) else { panic!() };
            assert_eq!(said.hardware, Some(Hardware(mac)));
            let (asked, claimed) = if kind == 135 { (Some(target), SOURCE) } else { (None, target) };
            assert_eq!((said.asked, said.claimed), (asked.map(IpAddr::V6), Some(claimed.into())));
            assert_eq!(said.told, (kind == 136).then_some(DESTINATION.into()));
            assert_eq!(icmpv6(&bytes, SOURCE, DESTINATION, 254), None, "routed");
            for len in 0..bytes.len() {
                let cut = icmpv6(&bytes[..len], SOURCE, DESTINATION, 255);
                assert_eq!(cut.is_some(), len >= 24);
                if let Some(Said::Neighbour(cut)) = cut {
                    assert_eq!((cut.hardware, cut.asked), (None, said.asked));
                }
            }
        }
        // Of a probe nobody claims anything, and an option without length ends the list.
        let probe = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target.octets(), &[9, 0, 1, 1, 1, 1, 1, 1]].concat();
        let said = Neighbour { claimed: None, asked: Some(target.into()), told: None, hardware: None };
        assert_eq!(icmpv6(&probe, Ipv6Addr::UNSPECIFIED, DESTINATION, 255), Some(Said::Neighbour(said)));
    }

    #[test]
    fn less_than_eight_bytes_say_nothing() {
        for kind in 0..=u8::MAX {
            let bytes = [kind, 0, 0, 0, 1, 2, 3, 4];
            for len in 0..8 {
                assert_eq!(icmpv4(&bytes[..len]), None);
                assert_eq!(icmpv6(&bytes[..len], SOURCE, DESTINATION, 255), None);
            }
        }
    }
}
