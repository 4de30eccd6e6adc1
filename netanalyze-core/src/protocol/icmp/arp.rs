//! ARP for IPv4 on networks with Ethernet's addresses (RFC 826).

use std::net::Ipv4Addr;

use super::neighbour::{Hardware, Neighbour};

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// 1: who has the target's address; 2: the sender has its own.
    pub operation: u16,
    /// Hardware address of the sender.
    pub sender_hardware: Hardware,
    /// Its address; 0.0.0.0 in a probe (RFC 5227 §2.1.1).
    pub sender: Ipv4Addr,
    /// The address that is asked for, or whom the answer is for.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Reads a packet. `None` if it is of other networks or protocols, or cut.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Arp> {
        let &[h0, h1, p0, p1, hardware_len, protocol_len, o0, o1] = bytes.first_chunk()?;
        // Hardware types 1 and 6 are Ethernet and IEEE 802 networks (RFC 1700).
        let is_known = matches!((h0, h1), (0, 1 | 6)) && [p0, p1] == [8, 0];
        if !is_known || (hardware_len, protocol_len) != (6, 4) {
            return None;
        }
        let target: [u8; 4] = *bytes.get(24..)?.first_chunk()?;
        Some(Arp {
            operation: u16::from_be_bytes([o0, o1]),
            sender_hardware: Hardware(*bytes.get(8..)?.first_chunk()?),
            sender: Ipv4Addr::from(*bytes.get(14..)?.first_chunk::<4>()?),
            target: target.into(),
        })
    }

    /// What it says of neighbours. Every ARP packet but a probe tells the sender's address; a request asks for the target unless the sender
    /// announces its own.
    #[must_use]
    pub fn said(&self) -> Option<Neighbour> {
        if !matches!(self.operation, 1 | 2) {
            return None;
        }
        let claimed = Some(self.sender).filter(|sender| !sender.is_unspecified());
        let other = Some(self.target).filter(|target| *target != self.sender && !target.is_unspecified());
        let (asked, told) = if self.operation == 1 { (other, None) } else { (None, other) };
        Some(Neighbour {
            claimed: claimed.map(Into::into),
            asked: asked.map(Into::into),
            told: told.map(Into::into),
            hardware: Some(self.sender_hardware),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        let head = [0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 9];
        [&head[..], &sender, &[0; 6], &target].concat()
    }

    #[test]
    fn requests_ask_and_all_but_probes_claim() {
        let (a, b, none) = ([10, 0, 0, 1], [10, 0, 0, 2], [0; 4]);
        for (operation, sender, target, claimed, asked, told) in [
            (1, a, b, Some(a), Some(b), None),
            (2, a, b, Some(a), None, Some(b)),
            (1, a, a, Some(a), None, None),
            (2, a, a, Some(a), None, None),
            (1, none, b, None, Some(b), None),
            (1, a, none, Some(a), None, None),
            (2, a, none, Some(a), None, None),
        ] {
            let arp = Arp::parse(&bytes(operation, sender, target)).unwrap();
            let said = arp.said().unwrap();
            assert_eq!((said.claimed, said.asked), (claimed.map(Into::into), asked.map(Into::into)));
            assert_eq!(said.told, told.map(Into::into));
            assert_eq!(said.hardware, Some(Hardware([2, 0, 0, 0, 0, 9])));
        }
        for operation in [0, 3, 4, 8, 9] {
            assert_eq!(Arp::parse(&bytes(operation, a, b)).unwrap().said(), None);
        }
    }

    #[test]
    fn what_is_cut_or_of_other_networks_is_not_read() {
        let whole = bytes(1, [10, 0, 0, 1], [10, 0, 0, 2]);
        for len in 0..whole.len() {
            assert_eq!(Arp::parse(&whole[..len]), None);
        }
        for (at, value) in [(0, 1), (1, 7), (2, 0x86), (3, 1), (4, 8), (5, 16)] {
            let mut other = whole.clone();
            other[at] = value;
            assert_eq!(Arp::parse(&other), None);
        }
        let mut token_ring = whole.clone();
        token_ring[1] = 6;
        assert!(Arp::parse(&token_ring).is_some() && Arp::parse(&whole).is_some());
    }
}
