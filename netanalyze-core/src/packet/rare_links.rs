//! Link types that few captures have: FDDI, Token Ring, ARCNET, IP over InfiniBand, Solaris IP observability, netfilter logs,
//! Apple's and Juniper's metadata.

use etherparse::EtherType;

use super::dissect::Decoder;
use super::window::Window;
use super::{Protocol, Sink};
use crate::model::{Link, LinkType};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// FDDI: frame control, two addresses, and LLC in the frames for it (ISO 9314-2).
    pub(super) fn fddi(&mut self, window: Window<'a>) {
        self.other(Protocol::Fddi);
        match window.u8(0) {
            Some(0x50..=0x5f | 0xd0..=0xd7) => self.llc(window.after(13)),
            Some(_) => {}
            None => self.short(Protocol::Fddi, window, 13),
        }
    }

    /// Token Ring: two control bytes, two addresses, a routing field if the source's first bit says so (IEEE 802.5).
    pub(super) fn token_ring(&mut self, window: Window<'a>) {
        self.other(Protocol::TokenRing);
        let (Some(control), Some(source)) = (window.u8(1), window.u8(8)) else {
            return self.short(Protocol::TokenRing, window, 14);
        };
        let route = if source & 0x80 != 0 { window.u8(14).map_or(0, |b| usize::from(b & 0x1f)) } else { 0 };
        if control & 0xc0 == 0x40 {
            self.llc(window.after(14 + route));
        }
    }

    /// ARCNET: addresses, a two-byte offset if Linux wrote it, the protocol, and for RFC 1201 a split flag and sequence number.
    pub(super) fn arcnet(&mut self, window: Window<'a>, header: usize) {
        self.other(Protocol::Arcnet);
        let Some(protocol) = window.u8(header) else {
            return self.short(Protocol::Arcnet, window, header + 1);
        };
        let (old, new) = (window.after(header + 1), window.after(header + 4));
        match protocol {
            240 => self.ipv4_inner(old),
            212 => self.ipv4_inner(new),
            196 => self.ipv6_inner(new),
            213 | 214 | 241 => self.other(Protocol::Arp),
            _ => self.other(Protocol::Data),
        }
    }

    /// IP over InfiniBand (RFC 4391): a 40-byte global route header as the capture stores it, the type, two reserved bytes.
    pub(super) fn ipoib(&mut self, window: Window<'a>) {
        self.other(Protocol::Ipoib);
        match window.be16(40) {
            Some(kind) => self.ethertype(EtherType(kind), window.after(44)),
            None => self.short(Protocol::Ipoib, window, 44),
        }
    }

    /// Solaris IP observability: a header of 24 bytes whose second byte is the address family.
    pub(super) fn ipnet(&mut self, window: Window<'a>) {
        self.other(Protocol::Ipnet);
        let payload = window.after(24);
        match window.u8(1) {
            Some(2) => self.ipv4_inner(payload),
            Some(26) => self.ipv6_inner(payload),
            Some(_) => self.other(Protocol::Data),
            None => self.short(Protocol::Ipnet, window, 24),
        }
    }

    /// Netfilter logs: family, version, resource, then attributes in the writer's byte order; one of them is the packet.
    pub(super) fn nflog(&mut self, window: Window<'a>) {
        self.other(Protocol::Nflog);
        let Some(family) = window.u8(0) else { return self.short(Protocol::Nflog, window, 4) };
        let mut rest = window.after(4);
        while rest.wire() >= 4 {
            let (Some(big_len), Some(big_kind)) = (rest.be16(0), rest.be16(2)) else {
                return self.short(Protocol::Nflog, rest, 4);
            };
            // Kinds are below 256, so the byte that is zero tells the order.
            let little = big_kind & 0xff != 0 && big_kind >> 8 != 0 || big_kind & 0xff == 0;
            let (len, kind) =
                if little { (big_len.swap_bytes(), big_kind.swap_bytes()) } else { (big_len, big_kind) };
            if len < 4 {
                return;
            }
            let payload = rest.limit(u32::from(len)).after(4);
            match (kind & 0x7fff, family) {
                (9, 2) => return self.ipv4_inner(payload),
                (9, 10) => return self.ipv6_inner(payload),
                (9, _) => return self.other(Protocol::Data),
                _ => rest = rest.after(usize::from(len).next_multiple_of(4)),
            }
        }
    }

    /// Apple's packet metadata: little-endian length, record type, and the link type of what follows.
    pub(super) fn pktap(&mut self, window: Window<'a>) {
        self.other(Protocol::Pktap);
        let word = |at| window.array::<4>(at).map(u32::from_le_bytes);
        let (Some(len), Some(record), Some(kind)) = (word(0), word(4), word(8)) else {
            return self.short(Protocol::Pktap, window, 12);
        };
        if record == 1 {
            self.nested(|d| d.link(Link { kind: LinkType(kind), fcs_len: 0 }, window.after(len as usize)));
        }
    }

    /// Juniper's metadata before an Ethernet frame: magic, flags, and extensions whose total length is given if the flags say so.
    pub(super) fn juniper_ethernet(&mut self, window: Window<'a>) {
        self.other(Protocol::Juniper);
        let (Some([0x4d, 0x47, 0x43]), Some(flags)) = (window.array::<3>(0), window.u8(3)) else {
            return self.short(Protocol::Juniper, window, 4);
        };
        let mut len = 4;
        if flags & 0x80 != 0 {
            let Some(extensions) = window.be16(4) else { return self.short(Protocol::Juniper, window, 6) };
            len = 6 + usize::from(extensions);
        }
        // "No layer 2" frames have no Ethernet header.
        if flags & 0x02 != 0 { self.other(Protocol::Data) } else { self.ethernet_inner(window.after(len)) }
    }
}
