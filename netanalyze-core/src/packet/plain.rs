//! A short cut for what most captures are made of: TCP over IP on Ethernet, recognised at fixed offsets.
//!
//! Owns: [`Plain::of`], which says of the frames listed there what [`dissect`](super::dissect()) says, and leaves all others to it. It has
//! no rules of its own: where a rule would be needed, the frame is not taken. Reads: one frame, borrowed. Emits: the TCP layer, and by
//! [`Plain::layers`] what encloses it. Costs a handful of comparisons. Stops at the TCP header's first byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{ether_type, ip_number};

use super::{Origin, Protocol, Transport};
use crate::model::{Link, LinkType};

/// A frame of Ethernet, at most one VLAN tag, IPv4 or IPv6, and TCP.
#[derive(Clone, Copy, Debug)]
pub enum Plain<'a> {
    /// Over IPv4.
    V4(PlainTcp<'a, Ipv4Addr>),
    /// Over IPv6.
    V6(PlainTcp<'a, Ipv6Addr>),
}

/// What a plain frame holds. At least 20 bytes of the TCP header were captured.
#[derive(Clone, Copy, Debug)]
pub struct PlainTcp<'a, A> {
    /// Network source address.
    pub source: A,
    /// Network destination address.
    pub destination: A,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// As [`Transport::bytes`].
    pub bytes: &'a [u8],
    /// As [`Transport::reported`].
    pub reported: u32,
    /// Whether there is a VLAN tag.
    pub is_tagged: bool,
}

/// An Ethernet header, or a VLAN tag and the two addresses before it.
const ETHERNET: usize = 14;
/// A VLAN tag.
const TAG: usize = 4;
/// An IPv4 header without options.
const IPV4: usize = 20;
/// An IPv6 header.
const IPV6: usize = 40;
/// A TCP header without options.
const TCP: usize = 20;

impl<'a> Plain<'a> {
    /// The layers of the kinds of plain frames, in the order of [`Plain::kind`].
    pub const LAYERS: [&'static [Protocol]; 4] = [
        &[Protocol::Ethernet, Protocol::Ipv4, Protocol::Tcp],
        &[Protocol::Ethernet, Protocol::Ipv6, Protocol::Tcp],
        &[Protocol::Ethernet, Protocol::Vlan, Protocol::Ipv4, Protocol::Tcp],
        &[Protocol::Ethernet, Protocol::Vlan, Protocol::Ipv6, Protocol::Tcp],
    ];

    /// The frame, if it is plain. Exactly these are:
    ///
    /// - link type Ethernet without a frame check sequence;
    /// - the type field is IPv4 or IPv6, or a tag's (0x8100 or 0x9100) whose own type field is;
    /// - IPv4: version 4, header length 20, neither a fragment offset nor "more fragments", protocol 6, total length 40 or more;
    /// - IPv6: version 6, next header 6, payload length 20 or more;
    /// - 20 bytes of the TCP header were captured.
    #[inline(always)]
    #[must_use]
    pub fn of(link: Link, frame: &'a [u8], wire_len: u32) -> Option<Plain<'a>> {
        if link != Link::from(LinkType::ETHERNET) {
            return None;
        }
        match ethertype(frame, ETHERNET)? {
            ether_type::IPV4 => v4(frame.get(ETHERNET..)?, wire_len, false),
            ether_type::IPV6 => v6(frame.get(ETHERNET..)?, wire_len, false),
            ether_type::VLAN_TAGGED_FRAME | ether_type::VLAN_DOUBLE_TAGGED_FRAME => tagged(frame, wire_len),
            _ => None,
        }
    }

    /// Index into [`Plain::LAYERS`].
    #[inline]
    #[must_use]
    pub fn kind(&self) -> usize {
        match self {
            Plain::V4(tcp) => usize::from(tcp.is_tagged) * 2,
            Plain::V6(tcp) => usize::from(tcp.is_tagged) * 2 + 1,
        }
    }

    /// The names of the layers, outermost first.
    #[must_use]
    pub fn layers(&self) -> &'static [Protocol] {
        Self::LAYERS.get(self.kind()).copied().unwrap_or_default()
    }
}

impl<'a, A: Into<IpAddr>> PlainTcp<'a, A> {
    /// Position of the TCP header among the layers.
    #[inline]
    #[must_use]
    pub fn ordinal(&self) -> u16 {
        2 + u16::from(self.is_tagged)
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

/// The type field that ends a header of `len` bytes.
#[inline(always)]
fn ethertype(frame: &[u8], len: usize) -> Option<etherparse::EtherType> {
    let field = frame.get(len - 2..len)?.first_chunk()?;
    Some(etherparse::EtherType(u16::from_be_bytes(*field)))
}

#[inline(never)]
fn tagged(frame: &[u8], wire_len: u32) -> Option<Plain<'_>> {
    match ethertype(frame, ETHERNET + TAG)? {
        ether_type::IPV4 => v4(frame.get(ETHERNET + TAG..)?, wire_len, true),
        ether_type::IPV6 => v6(frame.get(ETHERNET + TAG..)?, wire_len, true),
        _ => None,
    }
}

#[inline(always)]
fn v4(packet: &[u8], wire_len: u32, is_tagged: bool) -> Option<Plain<'_>> {
    let &[first, _, t0, t1, _, _, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        packet.first_chunk::<IPV4>()?;
    let total = u16::from_be_bytes([t0, t1]);
    let is_whole = u16::from_be_bytes([f0, f1]) & 0x3fff == 0;
    if first != 0x45 || !is_whole || protocol != ip_number::TCP.0 {
        return None;
    }
    let (bytes, reported) = payload(packet, IPV4, u32::from(total), wire_len, is_tagged)?;
    Some(Plain::V4(PlainTcp {
        source: Ipv4Addr::new(s0, s1, s2, s3),
        destination: Ipv4Addr::new(d0, d1, d2, d3),
        ttl,
        bytes,
        reported,
        is_tagged,
    }))
}

#[inline(always)]
fn v6(packet: &[u8], wire_len: u32, is_tagged: bool) -> Option<Plain<'_>> {
    let &[first, _, _, _, l0, l1, next, ttl, ref addresses @ ..] = packet.first_chunk::<IPV6>()?;
    if first >> 4 != 6 || next != ip_number::TCP.0 {
        return None;
    }
    let total = u32::from(u16::from_be_bytes([l0, l1])) + IPV6 as u32;
    let (bytes, reported) = payload(packet, IPV6, total, wire_len, is_tagged)?;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let destination = destination.first_chunk::<16>()?;
    Some(Plain::V6(PlainTcp {
        source: Ipv6Addr::from(*source),
        destination: Ipv6Addr::from(*destination),
        ttl,
        bytes,
        reported,
        is_tagged,
    }))
}

/// What follows the IP header of `header` bytes in a packet that says it has `total`, captured and on the wire; if it holds a TCP header.
#[inline(always)]
fn payload(
    packet: &[u8],
    header: usize,
    total: u32,
    wire_len: u32,
    is_tagged: bool,
) -> Option<(&[u8], u32)> {
    let link = if is_tagged { ETHERNET + TAG } else { ETHERNET };
    let captured = packet.len().min(total as usize);
    let bytes = packet.get(header..captured).filter(|bytes| bytes.len() >= TCP)?;
    // A frame can not be shorter on the wire than it was captured.
    let on_wire = wire_len.saturating_sub(link as u32).min(total).max(captured as u32);
    Some((bytes, on_wire - header as u32))
}
