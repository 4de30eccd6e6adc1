//! IPv6 headers and extension headers (RFC 8200).
//!
//! The destination is the last segment of a routing header that is not used up. A payload length of 0 is taken literally unless a
//! jumbo payload option (RFC 2675) gives the length.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{IpNumber, ip_number};

use super::dissect::Decoder;
use super::ipv4::Addresses;
use super::window::Window;
use super::{Fragment, Layer, Protocol, Sink};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// An IPv6 packet inside another layer.
    #[inline(never)]
    pub(super) fn ipv6_inner(&mut self, window: Window<'a>) {
        self.nested(|d| d.ipv6(window));
    }

    /// An IPv6 packet.
    #[inline]
    pub(super) fn ipv6(&mut self, window: Window<'a>) {
        let Some(header) = window.array::<40>(0) else { return self.short_ipv6(window) };
        self.emit(Layer::Ipv6(window.head(40)));
        let [v, _, _, _, len_high, len_low, next, _, addresses @ ..] = header;
        if v >> 4 != 6 {
            return self.emit(Layer::Malformed(Protocol::Ipv6));
        }
        let (source, destination) = addresses.split_at(16);
        let addresses = Addresses { source: address(source), destination: address(destination) };
        let mut len = u32::from(u16::from_be_bytes([len_high, len_low]));
        if len == 0 && next == 0 {
            len = jumbo_length(window.after(40)).unwrap_or(0);
        }
        let payload = window.after(40).limit(len);
        match IpNumber(next) {
            ip_number::TCP | ip_number::UDP => self.ip_payload(next, addresses, payload, self.origin),
            _ => self.ipv6_chain(next, addresses, payload),
        }
    }

    #[cold]
    #[inline(never)]
    fn short_ipv6(&mut self, window: Window<'a>) {
        self.emit(Layer::Ipv6(window.bytes()));
        match window.u8(0) {
            Some(first) if first >> 4 != 6 => self.emit(Layer::Malformed(Protocol::Ipv6)),
            _ => self.short(Protocol::Ipv6, window, 40),
        }
    }

    /// Extension headers, then what they lead to.
    #[inline(never)]
    pub(super) fn ipv6_chain(&mut self, first: u8, mut addresses: Addresses, mut window: Window<'a>) {
        let mut next = first;
        loop {
            match IpNumber(next) {
                ip_number::IPV6_HEADER_HOP_BY_HOP
                | ip_number::IPV6_DESTINATION_OPTIONS
                | ip_number::IPV6_ROUTE_HEADER => {
                    let (Some(after), Some(len)) = (window.u8(0), window.u8(1)) else {
                        return self.short(Protocol::Ipv6, window, 8);
                    };
                    let len = (usize::from(len) + 1) * 8;
                    if window.bytes().len() < len {
                        return self.short(Protocol::Ipv6, window, len);
                    }
                    if next == ip_number::IPV6_ROUTE_HEADER.0
                        && let Some(last) = final_segment(window.head(len))
                    {
                        addresses.destination = last;
                    }
                    next = after;
                    window = window.after(len);
                }
                ip_number::IPV6_FRAGMENTATION_HEADER => {
                    let (Some(after), Some(offset), Some(identification)) =
                        (window.u8(0), window.be16(2), window.be32(4))
                    else {
                        return self.short(Protocol::Ipv6, window, 8);
                    };
                    next = after;
                    window = window.after(8);
                    if offset & 0xfff9 == 0 {
                        continue; // Atomic fragment, RFC 6946.
                    }
                    if !window.is_whole() {
                        return self.emit(Layer::Cut(Protocol::Ipv6));
                    }
                    return self.emit(Layer::Fragment(Fragment {
                        source: addresses.source,
                        destination: addresses.destination,
                        identification,
                        protocol: after,
                        vlan: self.vlan,
                        offset: u32::from(offset & 0xfff8),
                        more: offset & 1 == 1,
                        payload: window.bytes(),
                        origin: self.origin,
                    }));
                }
                ip_number::IPV6_NO_NEXT_HEADER => return,
                _ => return self.ip_payload(next, addresses, window, self.origin),
            }
        }
    }
}

#[inline]
fn address(bytes: &[u8]) -> IpAddr {
    IpAddr::V6(bytes.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |b| Ipv6Addr::from(*b)))
}

/// The jumbo payload option of a hop-by-hop header: the length of all that follows the IPv6 header.
#[cold]
fn jumbo_length(hop_by_hop: Window<'_>) -> Option<u32> {
    let len = (usize::from(hop_by_hop.u8(1)?) + 1) * 8;
    let mut options = hop_by_hop.get(2, len - 2)?;
    while let [kind, tail @ ..] = options {
        if *kind == 0 {
            options = tail;
            continue;
        }
        let len = usize::from(*tail.first()?);
        let data = tail.get(1..)?.get(..len)?;
        if *kind == 0xc2 {
            return data.first_chunk().map(|b| u32::from_be_bytes(*b));
        }
        options = tail.get(1 + len..)?;
    }
    None
}

/// Where a routing header finally leads, if segments are left: the last address of types 0 and 2, the first of a segment list (type 4, RFC 8754).
fn final_segment(header: &[u8]) -> Option<IpAddr> {
    let [_, _, kind, left, _, _, _, _, segments @ ..] = header else { return None };
    if *left == 0 {
        return None;
    }
    let segment = match kind {
        0 | 2 => segments.chunks_exact(16).next_back()?,
        4 => segments.chunks_exact(16).next()?,
        _ => return None,
    };
    Some(address(segment))
}
