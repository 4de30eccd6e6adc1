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
        if payload.is_whole() && !bogus_len {
            return self.emit(Layer::Fragment(Fragment {
                source: addresses.source.into(),
                destination: addresses.destination.into(),
                identification: u32::from(header.identification()),
                protocol: header.protocol().0,
                vlan: self.vlan,
                offset: u32::from(header.fragments_offset().value()) * 8,
                more: header.more_fragments(),
                payload: payload.bytes(),
                origin: self.origin,
            }));
        }
        if header.fragments_offset().value() == 0 {
            let origin = if self.origin == Origin::Packet { Origin::Fragment } else { self.origin };
            self.ip_payload(header.protocol().0, addresses, payload, origin);
        } else {
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
