//! The checksums of TCP (RFC 9293 §3.1) and UDP (RFC 768), of packets for which they matter: verdicts, which are Wireshark's, do not look at them.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;
use etherparse::{IpNumber, ip_number};

/// What a segment's checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Right,
    /// Of another segment: damaged, or its sender leaves the sum to its network card and writes anything.
    Wrong,
    /// Of the addresses alone, as systems leave it that let the network card add the rest.
    Partial,
    /// The segment was not captured whole.
    Unknown,
}

impl Checksum {
    /// Of a segment of `reported` bytes between two addresses; `segment` is what was captured of it, header first.
    pub(crate) fn of(addresses: (IpAddr, IpAddr), segment: &[u8], reported: u32) -> Self {
        Checksum::at(addresses, segment, reported, (ip_number::TCP, 16))
    }

    /// Of a datagram; its sender may leave it out, which zero says.
    pub(crate) fn of_datagram(addresses: (IpAddr, IpAddr), datagram: &[u8], reported: u32) -> Self {
        match datagram.get(6..8) {
            Some([0, 0]) => Checksum::Unknown,
            _ => Checksum::at(addresses, datagram, reported, (ip_number::UDP, 6)),
        }
    }

    /// Of a protocol whose header has the sum at an offset.
    fn at(
        addresses: (IpAddr, IpAddr),
        segment: &[u8],
        reported: u32,
        (protocol, offset): (IpNumber, usize),
    ) -> Self {
        let (Some(field), Ok(len)) = (segment.get(offset..offset + 2), u16::try_from(reported)) else {
            return Checksum::Unknown;
        };
        if segment.len() != usize::from(len) {
            return Checksum::Unknown;
        }
        let addressed = match addresses {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                Sum16BitWords::new().add_slice(&from.octets()).add_slice(&to.octets())
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                Sum16BitWords::new().add_slice(&from.octets()).add_slice(&to.octets())
            }
            _ => return Checksum::Unknown,
        };
        let addressed = addressed.add_2bytes([0, protocol.0]).add_2bytes(len.to_be_bytes());
        let partial = (!addressed.ones_complement()).to_be().to_be_bytes();
        if addressed.add_slice(segment).ones_complement() == 0 {
            Checksum::Right
        } else if partial == field {
            Checksum::Partial
        } else {
            Checksum::Wrong
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN with three bytes of data, from port 4000 to port 80.
    fn segment() -> Vec<u8> {
        let mut bytes = vec![0x0f, 0xa0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
        bytes.extend(b"odd");
        bytes
    }

    /// By the definition: the complement of the sum of all 16-bit words.
    fn sum(words: &[u8]) -> u16 {
        let words =
            words.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let mut sum: u32 = words.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn sums_are_told_apart() {
        for (from, to) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8:ffff::2")] {
            let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let pseudo = [octets(from), octets(to), vec![0, 6, 0, 23]].concat();
            let mut bytes = segment();
            let of = |bytes: &[u8]| Checksum::of((from, to), bytes, 23);
            assert_eq!(of(&bytes), Checksum::Wrong);
            let right = !sum(&[&pseudo[..], &bytes].concat());
            bytes[16..18].copy_from_slice(&right.to_be_bytes());
            assert_eq!(of(&bytes), Checksum::Right);
            assert_eq!(of(&bytes[..22]), Checksum::Unknown, "cut");
            bytes[20] ^= 1;
            assert_eq!(of(&bytes), Checksum::Wrong, "damaged");
            bytes[16..18].copy_from_slice(&sum(&pseudo).to_be_bytes());
            assert_eq!(of(&bytes), Checksum::Partial);
        }
        let mixed = ("10.0.0.1".parse().unwrap(), "::1".parse().unwrap());
        assert_eq!(Checksum::of(mixed, &segment(), 23), Checksum::Unknown);
        assert_eq!(Checksum::of(mixed, &[], 70_000), Checksum::Unknown);
    }

    #[test]
    fn of_datagrams() {
        let addresses: (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.53".parse().unwrap());
        let mut bytes = vec![0xc3, 0x50, 0, 53, 0, 11, 0, 0];
        bytes.extend(b"odd");
        let of = |bytes: &[u8]| Checksum::of_datagram(addresses, bytes, 11);
        assert_eq!(of(&bytes), Checksum::Unknown, "left out");
        let sum = (1..=u16::MAX).find(|sum| {
            bytes[6..8].copy_from_slice(&sum.to_be_bytes());
            Checksum::of_datagram(addresses, &bytes, 11) == Checksum::Right
        });
        bytes[6..8].copy_from_slice(&sum.unwrap().to_be_bytes());
        assert_eq!(of(&bytes[..10]), Checksum::Unknown, "cut");
        bytes[9] ^= 1;
        assert_eq!(of(&bytes), Checksum::Wrong, "damaged");
    }
}
