//! Link types that few captures have: FDDI, Token Ring, ARCNET, IP over InfiniBand, Solaris IP observability, netfilter logs,
//! Apple's and Juniper's metadata.

use etherparse::EtherType;

use super::dissect::Decoder;
use super::window::Window;
use super::{Layer, Protocol, Sink};
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
            213 | 214 => self.emit(Layer::Arp(new.bytes())),
            241 => self.emit(Layer::Arp(old.bytes())),
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

    /// Solaris IP observability: the address family at byte 1, the packet's length at byte 4; the packet ends the frame.
    pub(super) fn ipnet(&mut self, window: Window<'a>) {
        self.other(Protocol::Ipnet);
        let (Some(family), Some(len)) = (window.u8(1), window.be32(4)) else {
            return self.short(Protocol::Ipnet, window, 24);
        };
        let payload = window.after(window.bytes().len().saturating_sub(len as usize));
        match family {
            2 => self.ipv4_inner(payload),
            26 => self.ipv6_inner(payload),
            _ => self.other(Protocol::Data),
        }
    }

    /// Netfilter logs: family, version, resource, then attributes in the writer's byte order; one of them is the packet.
    pub(super) fn nflog(&mut self, window: Window<'a>) {
        self.other(Protocol::Nflog);
        let Some(family) = window.u8(0) else { return self.short(Protocol::Nflog, window, 4) };
        let mut rest = window.after(4);
        // Kinds are below 256, so the byte of the first one that is zero tells the order.
        let little = rest.be16(2).is_some_and(|kind| kind.trailing_zeros() >= 8);
        let (mut packet, mut kind_of_packet) = (None, None);
        while rest.wire() >= 4 {
            let (Some(len), Some(kind)) = (rest.be16(0), rest.be16(2)) else {
                return self.short(Protocol::Nflog, rest, 4);
            };
            let (len, kind) = if little { (len.swap_bytes(), kind.swap_bytes()) } else { (len, kind) };
            if len < 4 {
                return;
            }
            if rest.bytes().len() < usize::from(len) {
                return self.short(Protocol::Nflog, rest, usize::from(len));
            }
            match kind & 0x7fff {
                // The packet header attribute starts with an EtherType, 0 if none is known.
                1 => kind_of_packet = rest.be16(4).filter(|kind| *kind != 0),
                9 => packet = Some(rest.limit(u32::from(len)).after(4)),
                _ => {}
            }
            rest = rest.after(usize::from(len).next_multiple_of(4));
        }
        match (packet, kind_of_packet, family) {
            (Some(packet), Some(kind), _) => self.ethertype(EtherType(kind), packet),
            (Some(packet), None, 2) => self.ipv4_inner(packet),
            (Some(packet), None, 10) => self.ipv6_inner(packet),
            _ => self.other(Protocol::Data),
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

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, tcp4, tcp6, trace};
    use crate::model::LinkType;

    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    #[test]
    fn rings_and_others() {
        let ip = tcp4();
        let cases: [(LinkType, Vec<u8>, &str); 10] = [
            (LinkType::FDDI, cat(&[&[0x50], &[0; 12], &SNAP, &ip]), "fddi llc ip tcp/24"),
            (LinkType::IEEE802_5, cat(&[&[0x10, 0x40], &[0; 12], &SNAP, &ip]), "tr llc ip tcp/24"),
            (
                LinkType::IEEE802_5,
                cat(&[&[0x10, 0x40], &[0; 6], &[0x80; 6], &[4, 0, 1, 1], &SNAP, &ip]),
                "tr llc ip tcp/24",
            ),
            (LinkType::ARCNET_LINUX, cat(&[&[1, 2, 0, 0, 240], &ip]), "arcnet ip tcp/24"),
            (LinkType::ARCNET_BSD, cat(&[&[1, 2, 212, 0, 0, 0], &ip]), "arcnet ip tcp/24"),
            (LinkType::IPOIB, cat(&[&[0; 40], &[8, 0, 0, 0], &ip]), "ipoib ip tcp/24"),
            (LinkType::IPNET, cat(&[&[1, 2, 0, 0, 0, 0, 0, 44], &[0; 16], &ip]), "ipnet ip tcp/24"),
            (LinkType::IPNET, cat(&[&[1, 26, 0, 0, 0, 0, 0, 64], &[0; 16], &tcp6()]), "ipnet ipv6 tcp/24"),
            (
                LinkType::PKTAP,
                cat(&[&[12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &eth(0x0800, &ip)]),
                "pktap eth ip tcp/24",
            ),
            (
                LinkType::JUNIPER_ETHER,
                cat(&[b"MGC", &[0x80, 0, 3, 9, 9, 9], &eth(0x0800, &ip)]),
                "juniper eth ip tcp/24",
            ),
        ];
        for (link, frame, want) in cases {
            assert_eq!(trace(link, &frame), want, "{link}");
        }
    }

    #[test]
    fn netfilter_logs_in_both_byte_orders() {
        let attribute = |order: fn(u16) -> [u8; 2], kind: u16, data: &[u8]| {
            let len = 4 + data.len() as u16;
            cat(&[&order(len), &order(kind), data, &vec![0; data.len().next_multiple_of(4) - data.len()]])
        };
        // By family where the packet header attribute knows no EtherType, else by that.
        let cases = [
            (2, [0, 0], tcp4(), "nflog ip tcp/24"),
            (10, [0, 0], tcp6(), "nflog ipv6 tcp/24"),
            (7, [8, 0], tcp4(), "nflog ip tcp/24"),
            (7, [0, 0], tcp4(), "nflog data"),
        ];
        for order in [u16::to_be_bytes, u16::to_le_bytes] {
            for (family, [high, low], packet, want) in &cases {
                let frame = cat(&[
                    &[*family, 0, 0, 1],
                    &attribute(order, 1, &[*high, *low, 1, 0]),
                    &attribute(order, 10, b"p"),
                    &attribute(order, 9, packet),
                ]);
                assert_eq!(trace(LinkType::NFLOG, &frame), *want);
            }
        }
    }
}
