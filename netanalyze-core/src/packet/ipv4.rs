//! IPv4 headers (RFC 791), and what an IP protocol number selects, for both versions.
//!
//! The total length decides where the packet ends: what follows is padding or a trailer. Zero means that the sender's network card
//! was to cut the packet up (segmentation offload): then it ends with the frame.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{IpNumber, Ipv4HeaderSlice, ip_number};

use super::dissect::Decoder;
use super::window::Window;
use super::{Fragment, Layer, Origin, Protocol, Sink, Transport};

/// Source and destination of a network layer; the destination is the final one of a source route.
///
/// Generic over the address, so that the hot path makes [`IpAddr`]s only where a sink takes them: as enums they cost more to hand on than
/// all of the header does to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses<A> {
    pub(super) source: A,
    pub(super) destination: A,
}

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// An IPv4 packet inside another layer.
    pub(super) fn ipv4_inner(&mut self, window: Window<'a>) {
        self.nested(|d| d.ipv4(window));
    }

    /// An IPv4 packet; one copy of the code for all the places that are not hot.
    #[inline(never)]
    pub(super) fn ipv4(&mut self, window: Window<'a>) {
        self.ipv4_here(window);
    }

    /// An IPv4 packet, decoded in place.
    #[inline(always)]
    pub(super) fn ipv4_here(&mut self, window: Window<'a>) {
        let Ok(header) = Ipv4HeaderSlice::from_slice(window.bytes()) else { return self.short_ipv4(window) };
        let header_len = header.slice().len();
        let total = u32::from(header.total_len());
        let packet = if total == 0 {
            window
        } else if (total as usize) < header_len {
            self.emit(Layer::Ipv4(header.slice()));
            return self.emit(Layer::Malformed(Protocol::Ipv4));
        } else {
            window.limit(total)
        };
        self.emit(Layer::Ipv4(header.slice()));
        let mut destination = header.destination_addr();
        if header_len > 20 {
            match final_hop(header.options()) {
                Ok(hop) => destination = hop.unwrap_or(destination),
                Err(ShortOption) => return self.emit(Layer::Malformed(Protocol::Ipv4)),
            }
        }
        let addresses = Addresses { source: header.source_addr(), destination };
        let payload = packet.after(header_len);
        if header.is_fragmenting_payload() {
            self.ipv4_fragment(&header, addresses, payload, total > window.wire());
        } else {
            self.ip_payload(header.protocol().0, addresses, payload, self.origin);
        }
    }

    /// A header that is cut off or contradicts itself.
    #[cold]
    #[inline(never)]
    fn short_ipv4(&mut self, window: Window<'a>) {
        if window.u8(0).is_some_and(|b| b >> 4 == 6) {
            // Wireshark 4.0 follows the version wherever IP is due.
            return self.ipv6_inner(window);
        }
        self.emit(Layer::Ipv4(window.head(20)));
        match window.u8(0) {
            Some(first) if first >> 4 != 4 || first & 0xf < 5 => self.emit(Layer::Malformed(Protocol::Ipv4)),
            Some(first) => self.short(Protocol::Ipv4, window, usize::from(first & 0xf) * 4),
            None => self.short(Protocol::Ipv4, window, 20),
        }
    }

    #[cold]
    #[inline(never)]
    fn ipv4_fragment(
        &mut self,
        header: &Ipv4HeaderSlice<'a>,
        addresses: Addresses<Ipv4Addr>,
        payload: Window<'a>,
        bogus_len: bool,
    ) {
        let fragment = Fragment {
            source: addresses.source.into(),
            destination: addresses.destination.into(),
            identification: u32::from(header.identification()),
            protocol: header.protocol().0,
            vlan: self.vlan,
            offset: u32::from(header.fragments_offset().value()) * 8,
            more: header.more_fragments(),
            payload: payload.bytes(),
            origin: self.origin,
        };
        if payload.is_whole() && !bogus_len {
            return self.emit(Layer::Fragment(fragment));
        }
        if header.fragments_offset().value() == 0 {
            let origin = if self.origin == Origin::Packet { Origin::Fragment } else { self.origin };
            self.ip_payload(header.protocol().0, addresses, payload, origin);
        } else {
            self.sink.cut_fragment(fragment);
            self.emit(Layer::Cut(Protocol::Ipv4));
        }
    }

    /// The payload that an IP protocol number names.
    #[inline(always)]
    pub(super) fn ip_payload<A: Into<IpAddr> + Copy>(
        &mut self,
        protocol: u8,
        addresses: Addresses<A>,
        payload: Window<'a>,
        origin: Origin,
    ) {
        let transport = || Transport {
            source: addresses.source.into(),
            destination: addresses.destination.into(),
            bytes: payload.bytes(),
            reported: payload.wire(),
            origin,
        };
        match IpNumber(protocol) {
            ip_number::TCP => self.emit(Layer::Tcp(transport())),
            ip_number::UDP => self.udp(transport(), payload),
            _ => self.ip_payload_rare(protocol, transport(), payload),
        }
    }

    #[inline(never)]
    fn ip_payload_rare(&mut self, protocol: u8, transport: Transport<'a>, payload: Window<'a>) {
        match IpNumber(protocol) {
            ip_number::ICMP => self.icmp(transport, payload),
            ip_number::IPV6_ICMP => self.icmpv6(transport, payload),
            ip_number::IPV4 => self.ipv4_inner(payload),
            ip_number::IPV6 => self.ipv6_inner(payload),
            ip_number::GRE => self.nested(|d| d.gre(payload)),
            ip_number::ETHER_IP => self.framed(Protocol::EtherIp, 2, payload),
            ip_number::MPLS_IN_IP => self.nested(|d| d.mpls(payload)),
            ip_number::PIM => self.pim(payload),
            ip_number::IPV6_HEADER_HOP_BY_HOP
            | ip_number::IPV6_ROUTE_HEADER
            | ip_number::IPV6_FRAGMENTATION_HEADER
            | ip_number::IPV6_DESTINATION_OPTIONS
            | ip_number::AUTHENTICATION_HEADER
            | ip_number::SHIM6 => self.extension_chain(protocol, transport, payload),
            IpNumber(143) => self.ethernet_inner(payload), // SRv6, RFC 8986 §4.9.
            ip_number::ENCAPSULATING_SECURITY_PAYLOAD => self.other(Protocol::Esp),
            ip_number::SCTP => self.other(Protocol::Sctp),
            ip_number::IGMP => self.other(Protocol::Igmp),
            ip_number::OSPFIGP => self.other(Protocol::Ospf),
            ip_number::VRRP => self.other(Protocol::Vrrp),
            ip_number::EIGRP => self.other(Protocol::Eigrp),
            ip_number::DCCP => self.other(Protocol::Dccp),
            ip_number::PGM => self.other(Protocol::Pgm),
            ip_number::RSVP => self.other(Protocol::Rsvp),
            IpNumber(115) => self.other(Protocol::L2tp),
            _ => self.other(Protocol::Data),
        }
    }

    /// PIM: a register message (RFC 7761 §4.9.3) carries the packet that it registers.
    fn pim(&mut self, window: Window<'a>) {
        self.other(Protocol::Pim);
        if window.u8(0) == Some(0x21) && matches!(window.u8(8).map(|b| b >> 4), Some(4 | 6)) {
            self.ip_by_nibble(Protocol::Pim, window.after(8));
        }
    }
}

/// An option too short for what its kind must hold; Wireshark 4.0 gives up on the packet there.
struct ShortOption;

/// The destination of a captured IPv4 header: the final one of a source route, or else the header's own.
#[must_use]
pub fn ipv4_final_destination(header: &[u8]) -> Option<Ipv4Addr> {
    let own = header.get(16..20)?.first_chunk::<4>().map(|&b| Ipv4Addr::from(b))?;
    let hop = header.get(20..).filter(|options| !options.is_empty()).map(final_hop);
    Some(hop.and_then(|hop| hop.ok().flatten()).unwrap_or(own))
}

/// The last address of the first loose or strict source route that is not used up yet (RFC 791 §3.1).
#[cold]
fn final_hop(options: &[u8]) -> Result<Option<Ipv4Addr>, ShortOption> {
    let mut rest = options;
    let mut hop = None;
    while let [kind, tail @ ..] = rest {
        match kind {
            0 => break,
            1 => rest = tail,
            _ => {
                let len = tail.first().map_or(0, |&l| usize::from(l));
                let Some(option) = rest.get(..len).filter(|o| o.len() >= 2) else { break };
                if len < shortest_option(*kind) {
                    return Err(ShortOption);
                }
                if let (131 | 137, [_, _, pointer, .., a, b, c, d]) = (kind, option)
                    && (4..len).contains(&usize::from(*pointer))
                {
                    hop = hop.or(Some(Ipv4Addr::new(*a, *b, *c, *d)));
                }
                rest = rest.get(len..).unwrap_or(&[]);
            }
        }
    }
    Ok(hop)
}

/// Bytes that an option of this kind has at least, kind and length included.
fn shortest_option(kind: u8) -> usize {
    match kind {
        7 | 130 | 131 | 133 | 137 => 3, // Record route, security, source routes, extended security.
        11 | 12 | 68 | 136 | 148 => 4,  // MTU probe and reply, time stamp, stream id, router alert.
        134 => 6,                       // Commercial security.
        25 => 8,                        // Quick start.
        82 => 12,                       // Traceroute.
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragment::FragmentTable;
    use super::super::sample::{
        cat, eth, ip4, ip4_fragment, ip6, tcp, tcp4, tcp6, trace, trace_all, trace_eth, udp,
    };
    use super::super::{Layer, Sink, dissect};
    use super::*;
    use crate::model::{Link, LinkType};

    /// Takes the addresses of the innermost transport header.
    struct Ends(Option<(IpAddr, IpAddr)>);

    impl<'a> Sink<'a> for Ends {
        fn layer(&mut self, layer: Layer<'a>) {
            if let Layer::Tcp(t) | Layer::Udp(t) = layer {
                self.0 = Some((t.source, t.destination));
            }
        }
    }

    fn destination(options: &[u8]) -> String {
        let payload = tcp();
        let mut packet = cat(&[&ip4(6, &[])[..20], options, &payload]);
        packet[0] = 0x40 | (5 + options.len() / 4) as u8;
        packet[3] = packet.len() as u8;
        let mut ends = Ends(None);
        dissect(Link { kind: LinkType::IPV4, fcs_len: 0 }, &packet, 0, &mut ends);
        ends.0.map_or_else(|| "none".into(), |(_, d)| d.to_string())
    }

    #[test]
    fn source_routes_lead_to_the_last_hop() {
        assert_eq!(destination(&[]), "8.0.0.2");
        assert_eq!(destination(&[0x83, 11, 4, 9, 9, 9, 9, 10, 10, 10, 10, 0]), "10.10.10.10");
        assert_eq!(destination(&[0x89, 7, 4, 9, 9, 9, 9, 0]), "9.9.9.9");
        assert_eq!(destination(&[0x83, 11, 12, 9, 9, 9, 9, 10, 10, 10, 10, 0]), "8.0.0.2"); // Used up.
        assert_eq!(destination(&[7, 7, 4, 9, 9, 9, 9, 0]), "8.0.0.2"); // Record route.
        assert_eq!(destination(&[0, 0x83, 7, 4, 9, 9, 9, 9]), "8.0.0.2"); // After the end of the list.
        assert_eq!(destination(&[0x44, 1, 0, 0]), "8.0.0.2"); // A length that ends the walk.
        assert_eq!(destination(&[0x82, 2, 0, 0]), "none"); // An option too short for its kind ends decoding.
    }

    #[test]
    fn lengths_that_lie() {
        let with_total = |total: u16| {
            let mut packet = tcp4();
            packet[2..4].copy_from_slice(&total.to_be_bytes());
            trace_eth(0x0800, &packet)
        };
        assert_eq!(with_total(0), "eth ip tcp/24");
        assert_eq!(with_total(19), "eth ip malformed(ip)");
        assert_eq!(with_total(20), "eth ip tcp/0");
        assert_eq!(with_total(43), "eth ip tcp/23");
        assert_eq!(with_total(1000), "eth ip tcp/24");
        let with_first = |first: u8| {
            let mut packet = tcp4();
            packet[0] = first;
            trace_eth(0x0800, &packet)
        };
        assert_eq!(with_first(0x44), "eth ip malformed(ip)");
        assert_eq!(with_first(0x55), "eth ip malformed(ip)");
        assert_eq!(with_first(0x4f), "eth ip malformed(ip)");
        assert_eq!(trace_eth(0x0800, &tcp6()), "eth ipv6 tcp/24");
    }

    #[test]
    fn fragments_complete_in_the_frame_that_brings_the_last_piece() {
        let whole = udp(1, 2, &[7; 24]);
        let (a, b) = (ip4_fragment(17, 0, true, &whole[..16]), ip4_fragment(17, 16, false, &whole[16..]));
        let run = |frames: [&Vec<u8>; 2]| trace_all(LinkType::IPV4, frames.map(|f| (&f[..], f.len())));
        assert_eq!(run([&a, &b]), ["ip frag:0+16", "ip frag:16+16 whole udp/32"]);
        assert_eq!(run([&b, &a]), ["ip frag:16+16", "ip frag:0+16 whole udp/32"]);
        // Snapped: the first one shows its header, the other nothing.
        let snapped = trace_all(LinkType::IPV4, [(&a[..30], 36), (&b[..30], 36)]);
        assert_eq!(snapped, ["ip first-udp/16", "ip part:16 cut(ip)"]);
        // A total length past the frame's end counts as bytes that were not captured.
        let mut bogus = a.clone();
        bogus[3] += 8;
        assert_eq!(run([&bogus, &b]), ["ip first-udp/16", "ip frag:16+16"]);
        assert_eq!(FragmentTable::default().dropped(), 0);
    }

    #[test]
    fn what_protocol_numbers_select() {
        let inner = eth(0x0800, &tcp4());
        let cases: [(u8, Vec<u8>, &str); 12] = [
            (4, tcp4(), "ip tcp/24"),
            (41, tcp6(), "ipv6 tcp/24"),
            (97, cat(&[&[0x30, 0], &inner]), "etherip eth ip tcp/24"),
            (137, cat(&[&[0, 0, 1, 64], &tcp4()]), "mpls ip tcp/24"),
            (143, inner.clone(), "eth ip tcp/24"),
            (103, cat(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &tcp4()]), "pim ip tcp/24"),
            (103, vec![0x20; 20], "pim"),
            (51, cat(&[&[6, 4], &[0; 22], &tcp()]), "ah tcp/24"),
            (0, cat(&[&[6, 0, 1, 4, 0, 0, 0, 0], &tcp()]), "tcp/24"),
            (132, vec![0; 12], "sctp"),
            (50, vec![0; 12], "esp"),
            (253, vec![0; 12], "data"),
        ];
        for (protocol, payload, want) in cases {
            assert_eq!(trace_eth(0x0800, &ip4(protocol, &payload)), format!("eth ip {want}"));
        }
        assert_eq!(trace(LinkType::RAW, &ip6(4, &tcp4())), "raw ipv6 ip tcp/24");
        let nested = (0..200).fold(tcp4(), |inner, _| ip4(4, &inner));
        assert!(trace_all(LinkType::IPV4, [(&nested[..], nested.len())])[0].ends_with("too deep"));
    }
}
