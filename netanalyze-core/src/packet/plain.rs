//! A short cut for what most captures are made of: TCP over IP on Ethernet, recognised at fixed offsets.
//!
//! Owns: [`plain`], which says of the frames listed there what [`dissect`](super::dissect()) says, and leaves all others to it. It has no
//! rules of its own: where a rule would be needed, the frame is not taken. Reads: one frame, borrowed. Emits: the TCP layer, and by
//! [`PLAIN_LAYERS`] what encloses it. Costs a handful of comparisons. Stops at the TCP header's first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{EtherType, ether_type, ip_number};

use super::{Origin, Protocol, Transport};
use crate::model::{Link, LinkType};

/// The layers of the kinds of plain frames, outermost first.
pub const PLAIN_LAYERS: [&[Protocol]; 4] = [
    &[Protocol::Ethernet, Protocol::Ipv4, Protocol::Tcp],
    &[Protocol::Ethernet, Protocol::Ipv6, Protocol::Tcp],
    &[Protocol::Ethernet, Protocol::Vlan, Protocol::Ipv4, Protocol::Tcp],
    &[Protocol::Ethernet, Protocol::Vlan, Protocol::Ipv6, Protocol::Tcp],
];

/// What a plain frame holds, between addresses of one family. At least 20 bytes of the TCP header were captured.
#[derive(Clone, Copy, Debug)]
pub struct PlainTcp<'a, A> {
    /// Network source address.
    pub source: A,
    /// Network destination address.
    pub destination: A,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Identification field of IPv4; 0 for IPv6.
    pub ip_id: u16,
    /// As [`Transport::bytes`].
    pub bytes: &'a [u8],
    /// As [`Transport::reported`].
    pub reported: u32,
    /// Index into [`PLAIN_LAYERS`].
    pub kind: u8,
}

/// Takes plain frames. Generic over the address rather than taking an enum, so that each family has code without the other's questions.
pub trait PlainSink<'a> {
    /// The TCP header of a plain frame.
    fn plain<A: Into<IpAddr>>(&mut self, tcp: PlainTcp<'a, A>);
}

/// An Ethernet header.
const ETHERNET: usize = 14;
/// A VLAN tag.
const TAG: usize = 4;
/// An IPv4 header without options.
const IPV4: usize = 20;
/// An IPv6 header.
const IPV6: usize = 40;
/// A TCP header without options.
const TCP: usize = 20;

/// Hands a frame to the sink if it is plain, and says whether it was. Exactly these are:
///
/// - the link type is Ethernet, without a frame check sequence;
/// - the type field is that of IPv4 or IPv6, or that of a tag (0x8100 or 0x9100) whose own type field is;
/// - IPv4: version 4, header length 20, neither a fragment offset nor "more fragments", protocol 6, total length 40 or more;
/// - IPv6: version 6, next header 6, payload length 20 or more;
/// - 20 bytes of the TCP header were captured.
#[inline(always)]
pub fn plain<'a>(link: Link, frame: &'a [u8], wire_len: u32, sink: &mut impl PlainSink<'a>) -> bool {
    link == Link::from(LinkType::ETHERNET) && ethernet(frame, wire_len, sink).is_some()
}

#[inline(always)]
fn ethernet<'a>(frame: &'a [u8], wire_len: u32, sink: &mut impl PlainSink<'a>) -> Option<()> {
    match ethertype(frame, ETHERNET)? {
        ether_type::IPV4 => v4(frame, ETHERNET, wire_len, sink),
        ether_type::IPV6 => v6(frame, ETHERNET, wire_len, sink),
        ether_type::VLAN_TAGGED_FRAME | ether_type::VLAN_DOUBLE_TAGGED_FRAME => tagged(frame, wire_len, sink),
        _ => None,
    }
}

#[inline(always)]
fn tagged<'a>(frame: &'a [u8], wire_len: u32, sink: &mut impl PlainSink<'a>) -> Option<()> {
    match ethertype(frame, ETHERNET + TAG)? {
        ether_type::IPV4 => v4(frame, ETHERNET + TAG, wire_len, sink),
        ether_type::IPV6 => v6(frame, ETHERNET + TAG, wire_len, sink),
        _ => None,
    }
}

/// The type field that ends a header of `len` bytes.
#[inline(always)]
fn ethertype(frame: &[u8], len: usize) -> Option<EtherType> {
    frame.get(len - 2..len)?.first_chunk().map(|field| EtherType(u16::from_be_bytes(*field)))
}

#[inline(always)]
fn v4<'a>(frame: &'a [u8], link: usize, wire_len: u32, sink: &mut impl PlainSink<'a>) -> Option<()> {
    let packet = frame.get(link..)?;
    let &[first, _, t0, t1, i0, i1, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        packet.first_chunk::<IPV4>()?;
    let total = usize::from(u16::from_be_bytes([t0, t1]));
    let is_fragment = u16::from_be_bytes([f0, f1]) & 0x3fff != 0;
    if first != 0x45 || is_fragment || protocol != ip_number::TCP.0 {
        return None;
    }
    let (bytes, reported) = payload(frame, link + IPV4, link + total, wire_len)?;
    sink.plain(PlainTcp {
        source: Ipv4Addr::new(s0, s1, s2, s3),
        destination: Ipv4Addr::new(d0, d1, d2, d3),
        ttl,
        ip_id: u16::from_be_bytes([i0, i1]),
        bytes,
        reported,
        kind: if link == ETHERNET { 0 } else { 2 },
    });
    Some(())
}

#[inline(always)]
fn v6<'a>(frame: &'a [u8], link: usize, wire_len: u32, sink: &mut impl PlainSink<'a>) -> Option<()> {
    let packet = frame.get(link..)?;
    let &[first, _, _, _, l0, l1, next, ttl, ref addresses @ ..] = packet.first_chunk::<IPV6>()?;
    if first >> 4 != 6 || next != ip_number::TCP.0 {
        return None;
    }
    let start = link + IPV6;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    let (bytes, reported) = payload(frame, start, start + len, wire_len)?;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    sink.plain(PlainTcp {
        source: Ipv6Addr::from(*source),
        destination: Ipv6Addr::from(*destination.first_chunk::<16>()?),
        ttl,
        ip_id: 0,
        bytes,
        reported,
        kind: if link == ETHERNET { 1 } else { 3 },
    });
    Some(())
}

/// What a frame holds from `start`, its TCP header, to `end`, where the IP header says that it ends: captured, and on the wire. `None` if
/// no TCP header was captured.
#[inline(always)]
fn payload(frame: &[u8], start: usize, end: usize, wire_len: u32) -> Option<(&[u8], u32)> {
    let captured = frame.len().min(end);
    let bytes = frame.get(start..captured).filter(|bytes| bytes.len() >= TCP)?;
    // A frame cannot be shorter on the wire than it was captured.
    let on_wire = wire_len.min(end as u32).max(captured as u32);
    Some((bytes, on_wire - start as u32))
}

impl<'a, A: Into<IpAddr>> PlainTcp<'a, A> {
    /// Position of the TCP header among the layers.
    #[inline]
    #[must_use]
    pub fn ordinal(&self) -> u16 {
        if self.kind < 2 { 2 } else { 3 }
    }

    /// The TCP header and what follows.
    #[inline(always)]
    #[must_use]
    pub fn transport(self) -> Transport<'a> {
        Transport {
            source: self.source.into(),
            destination: self.destination.into(),
            bytes: self.bytes,
            reported: self.reported,
            origin: Origin::Packet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzz::short_cut;
    use super::super::sample::{cat, eth, ip4, ip6, tcp, udp};
    use super::*;
    use crate::model::LinkType;

    const ETHERNET_LINK: Link = Link { kind: LinkType::ETHERNET, fcs_len: 0 };

    fn taken(frame: &[u8]) -> bool {
        short_cut(ETHERNET_LINK, frame, frame.len() as u32)
    }

    /// One frame of each kind.
    fn frames() -> [Vec<u8>; 4] {
        let stamped = cat(&[&tcp()[..12], &[0x80], &tcp()[13..20], &[1, 1, 8, 10], &[7; 8], b"data"]);
        let tagged = |kind: u16, packet: &[u8]| cat(&[&[0x20, 5], &kind.to_be_bytes(), packet]);
        [
            eth(0x0800, &cat(&[&ip4(6, &stamped), &[0; 5]])),
            eth(0x86dd, &ip6(6, &stamped)),
            eth(0x8100, &tagged(0x0800, &ip4(6, &tcp()))),
            eth(0x9100, &tagged(0x86dd, &cat(&[&ip6(6, &tcp()), &[0; 5]]))),
        ]
    }

    #[test]
    fn takes_the_frames_that_it_promises_and_no_others() {
        assert!(frames().iter().all(|frame| taken(frame)));
        // Segmentation offload, service tags, two tags, options, fragments, other protocols, extension headers, short headers.
        let mut offloaded = ip4(6, &tcp());
        offloaded[2..4].fill(0);
        let mut options = ip4(6, &cat(&[&[1; 4], &tcp()]));
        options[0] = 0x46;
        let mut fragment = ip4(6, &tcp());
        fragment[6] = 0x20;
        for (kind, packet) in [
            (0x0800, offloaded),
            (0x88a8, cat(&[&[0, 5, 8, 0], &ip4(6, &tcp())])),
            (0x8100, cat(&[&[0, 5, 0x81, 0, 0, 6, 8, 0], &ip4(6, &tcp())])),
            (0x0800, options),
            (0x0800, fragment),
            (0x0800, ip4(17, &udp(1, 2, &[0; 20]))),
            (0x86dd, ip6(0, &cat(&[&[6, 0, 1, 4, 0, 0, 0, 0], &tcp()]))),
            (0x0800, ip4(6, &tcp()[..19])),
            (0x86dd, ip6(6, &tcp()[..19])),
        ] {
            assert!(!taken(&eth(kind, &packet)), "{kind:x} {packet:x?}");
        }
        let [frame, ..] = frames();
        for link in [Link { fcs_len: 4, ..ETHERNET_LINK }, Link::from(LinkType::RAW)] {
            assert!(!short_cut(link, &frame, frame.len() as u32));
        }
    }

    #[test]
    fn says_what_the_decoder_says_of_every_cut_and_mutated_frame() {
        let mut took = 0;
        for frame in frames() {
            let whole = frame.len() as u32;
            for len in 0..=frame.len() {
                for wire_len in [0, len as u32, whole, whole + 9, u32::MAX] {
                    took += usize::from(short_cut(ETHERNET_LINK, &frame[..len], wire_len));
                }
            }
            for at in 0..frame.len() {
                let mut mutant = frame.clone();
                for value in 0..=255 {
                    mutant[at] = value;
                    for (len, wire_len) in [(frame.len(), whole), (frame.len() - 4, whole), (70, 70)] {
                        let bytes = &mutant[..len.min(frame.len())];
                        took += usize::from(short_cut(ETHERNET_LINK, bytes, wire_len));
                    }
                }
                // Every bit of every header byte, cut everywhere.
                for bit in 0..8 {
                    mutant[at] = frame[at] ^ (1 << bit);
                    for len in 14..frame.len() {
                        took += usize::from(short_cut(ETHERNET_LINK, &mutant[..len], whole));
                    }
                }
            }
        }
        assert!(took > 100_000, "only {took}");
    }
}
