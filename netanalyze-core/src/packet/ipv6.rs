//! IPv6 headers and extension headers (RFC 8200).
//!
//! The destination is the last segment of a routing header that is not used up. A payload length of 0 is taken literally unless a
//! jumbo payload option (RFC 2675) gives the length.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::{IpNumber, ip_number};

use super::dissect::Decoder;
use super::ipv4::Addresses;
use super::window::Window;
use super::{Fragment, Layer, Protocol, Sink, Transport};

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
        self.bogus_len = u64::from(len) + 40 > u64::from(window.wire());
        let payload = window.after(40).limit(len);
        self.ip_payload(next, addresses, payload, self.origin);
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

    /// Extension headers, then what they lead to. `transport` holds the addresses and where the chain was found.
    #[inline(never)]
    pub(super) fn extension_chain(&mut self, first: u8, transport: Transport<'a>, mut window: Window<'a>) {
        let mut addresses = Addresses { source: transport.source, destination: transport.destination };
        let is_v6 = addresses.source.is_ipv6();
        let mut next = first;
        loop {
            let kind = IpNumber(next);
            if kind == ip_number::IPV6_FRAGMENTATION_HEADER {
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
                let fragment = Fragment {
                    source: addresses.source,
                    destination: addresses.destination,
                    identification,
                    protocol: after,
                    vlan: self.vlan,
                    offset: u32::from(offset & 0xfff8),
                    more: offset & 1 == 1,
                    payload: window.bytes(),
                    origin: self.origin,
                };
                if self.bogus_len || !window.is_whole() {
                    self.sink.cut_fragment(fragment);
                    return self.emit(Layer::Cut(Protocol::Ipv6));
                }
                return self.emit(Layer::Fragment(fragment));
            }
            let unit = match kind {
                ip_number::IPV6_HEADER_HOP_BY_HOP
                | ip_number::IPV6_DESTINATION_OPTIONS
                | ip_number::IPV6_ROUTE_HEADER => 8,
                ip_number::AUTHENTICATION_HEADER => 4,
                // The first bit of its third byte tells payload from control messages, RFC 5533 §5.1.
                ip_number::SHIM6 if window.u8(2).is_some_and(|b| b & 0x80 != 0) => 8,
                ip_number::IPV6_NO_NEXT_HEADER | ip_number::SHIM6 => return self.other(Protocol::Data),
                _ => return self.ip_payload(next, addresses, window, transport.origin),
            };
            let (Some(after), Some(len)) = (window.u8(0), window.u8(1)) else {
                return self.short(Protocol::Ipv6, window, 8);
            };
            let len = if unit == 4 { usize::from(len) * 4 + 8 } else { usize::from(len) * 8 + 8 };
            if window.bytes().len() < len {
                return self.short(Protocol::Ipv6, window, len);
            }
            match kind {
                ip_number::IPV6_ROUTE_HEADER if is_v6 => {
                    addresses.destination = final_segment(window.head(len), addresses.destination)
                        .unwrap_or(addresses.destination);
                }
                ip_number::IPV6_HEADER_HOP_BY_HOP | ip_number::IPV6_DESTINATION_OPTIONS => {
                    match home_address(window, len) {
                        Ok(Some(home)) if is_v6 => addresses.source = home,
                        Ok(_) => {}
                        Err(end) => return self.short(Protocol::Ipv6, window, end),
                    }
                }
                ip_number::AUTHENTICATION_HEADER => self.other(Protocol::Ah),
                _ => {}
            }
            next = after;
            window = window.after(len);
        }
    }
}

/// The home address option (RFC 6275 §6.3) among the options of an extension header of `len` bytes.
///
/// # Errors
/// Where an option ends that runs past the captured bytes.
fn home_address(window: Window<'_>, len: usize) -> Result<Option<IpAddr>, usize> {
    let mut home = None;
    let mut at = 2;
    while at < len {
        if window.u8(at) == Some(0) {
            at += 1;
            continue;
        }
        let data = at + 2;
        let is_home = window.u8(at) == Some(0xc9);
        // As Wireshark 4.0: a home address takes its 16 bytes whatever its length says.
        at = data + if is_home { 16 } else { usize::from(window.u8(at + 1).unwrap_or(0)) };
        if at > window.bytes().len() {
            return Err(at);
        }
        if is_home {
            home = window.array::<16>(data).map(|a| Ipv6Addr::from(a).into());
        }
    }
    Ok(home)
}

#[inline]
fn address(bytes: &[u8]) -> IpAddr {
    IpAddr::V6(bytes.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |b| Ipv6Addr::from(*b)))
}

/// The jumbo payload option of a hop-by-hop header: the length of all that follows the IPv6 header. It must exceed what the header's own
/// field can say (RFC 2675 §3).
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
            return data.first_chunk().map(|b| u32::from_be_bytes(*b)).filter(|len| *len > 0xffff);
        }
        options = tail.get(1 + len..)?;
    }
    None
}

/// Where a routing header finally leads, if segments are left: the last address of types 0 and 2, the first of a segment list (type 4,
/// RFC 8754), the last of a compressed route (type 3, RFC 6554), which leaves out what it shares with the destination.
fn final_segment(header: &[u8], destination: IpAddr) -> Option<IpAddr> {
    let [_, _, kind, left, compression, pad, _, _, segments @ ..] = header else { return None };
    if *left == 0 {
        return None;
    }
    match (kind, destination) {
        (0 | 2, _) => segments.chunks_exact(16).next_back().map(address),
        (4, _) => segments.chunks_exact(16).next().map(address),
        (3, IpAddr::V6(destination)) => {
            let shared = usize::from(compression & 0xf);
            let end = segments.len().checked_sub(usize::from(pad >> 4))?;
            let last = segments.get(end.checked_sub(16 - shared)?..end)?;
            let mut whole = destination.octets();
            whole.get_mut(shared..)?.copy_from_slice(last);
            Some(Ipv6Addr::from(whole).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, ip6, tcp, tcp6, trace, trace_all, udp};
    use super::super::{Sink, dissect};
    use super::*;
    use crate::model::{Link, LinkType};

    const OPTIONS: [u8; 8] = [6, 0, 1, 4, 0, 0, 0, 0];
    const A: [u8; 16] = [0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa];
    const B: [u8; 16] = [0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xb];

    struct Ends(String);

    impl<'a> Sink<'a> for Ends {
        fn layer(&mut self, layer: Layer<'a>) {
            if let Layer::Tcp(t) = layer {
                self.0 = format!("{} {}", t.source, t.destination);
            }
        }
    }

    fn ends(next: u8, chain: &[u8]) -> String {
        let packet = ip6(next, &cat(&[chain, &tcp()]));
        let mut ends = Ends("none".into());
        dissect(Link { kind: LinkType::IPV6, fcs_len: 0 }, &packet, 0, &mut ends);
        ends.0
    }

    #[test]
    fn extension_headers_are_walked() {
        let chain = cat(&[&[60, 0, 1, 4, 0, 0, 0, 0], &OPTIONS, &tcp()]);
        assert_eq!(trace(LinkType::IPV6, &ip6(0, &chain)), "ipv6 tcp/24");
        let chain = cat(&[&[6, 4], &[0; 22], &tcp()]);
        assert_eq!(trace(LinkType::IPV6, &ip6(51, &chain)), "ipv6 ah tcp/24");
        assert_eq!(trace(LinkType::IPV6, &ip6(59, &tcp())), "ipv6 data");
        // An option that runs past the packet ends decoding.
        let chain = cat(&[&[6, 0, 1, 200, 0, 0, 0, 0], &tcp()]);
        assert_eq!(trace(LinkType::IPV6, &ip6(60, &chain)), "ipv6 malformed(ipv6)");
    }

    #[test]
    fn routing_headers_lead_to_the_final_segment() {
        let routing = |kind: u8, left: u8, rest: &[u8]| {
            let len = (rest.len() / 8) as u8;
            ends(43, &cat(&[&[6, len, kind, left, 0, 0, 0, 0], rest]))
        };
        let both = cat(&[&A, &B]);
        assert_eq!(routing(0, 2, &both), "2001::1 2001::b");
        assert_eq!(routing(0, 0, &both), "2001::1 2001::2");
        assert_eq!(routing(2, 1, &A), "2001::1 2001::a");
        assert_eq!(routing(4, 1, &both), "2001::1 2001::a");
        assert_eq!(routing(3, 2, &both), "2001::1 2001::b");
        assert_eq!(routing(99, 1, &both), "2001::1 2001::2");
        // Type 3 with the last 8 bytes of each address.
        let compressed =
            cat(&[&[6, 2, 3, 2, 0x88, 0, 0, 0], &[1, 2, 3, 4, 5, 6, 7, 8], &[1, 2, 3, 4, 5, 6, 7, 9]]);
        assert_eq!(ends(43, &compressed), "2001::1 2001::102:304:506:709");
        let home = cat(&[&[6, 2, 1, 2, 0, 0, 0xc9, 16], &A]);
        assert_eq!(ends(60, &home), "2001::a 2001::2");
    }

    #[test]
    fn lengths_that_lie() {
        let with_len = |len: u16| {
            let mut packet = tcp6();
            packet[4..6].copy_from_slice(&len.to_be_bytes());
            trace(LinkType::IPV6, &packet)
        };
        assert_eq!(with_len(0), "ipv6 tcp/0");
        assert_eq!(with_len(23), "ipv6 tcp/23");
        assert_eq!(with_len(9000), "ipv6 tcp/24");
        let mut packet = tcp6();
        packet[0] = 0x50;
        assert_eq!(trace(LinkType::IPV6, &packet), "ipv6 malformed(ipv6)");
        let jumbo = |len: u32| {
            let mut packet = ip6(0, &cat(&[&[6, 0, 0xc2, 4], &len.to_be_bytes(), &tcp()]));
            packet[4..6].fill(0);
            packet.resize(70_048, 0);
            trace_all(LinkType::IPV6, [(&packet[..], packet.len())]).remove(0)
        };
        assert_eq!(jumbo(70_008), "ipv6 tcp/70000");
        assert_eq!(jumbo(60_000), "ipv6 malformed(ipv6)");
    }

    #[test]
    fn fragments() {
        let piece = |offset: u16, more: u8, payload: &[u8]| {
            let field = (offset | u16::from(more)).to_be_bytes();
            ip6(44, &cat(&[&[17, 0, field[0], field[1], 0, 0, 0, 9], payload]))
        };
        let whole = udp(1, 2, &[7; 24]);
        let (a, b) = (piece(0, 1, &whole[..16]), piece(16, 0, &whole[16..]));
        let run = |frames: [(&[u8], usize); 2]| trace_all(LinkType::IPV6, frames);
        assert_eq!(run([(&a, 0), (&b, 0)]), ["ipv6 frag:0+16", "ipv6 frag:16+16 whole udp/32"]);
        assert_eq!(run([(&b, 0), (&a, 0)]), ["ipv6 frag:16+16", "ipv6 frag:0+16 whole udp/32"]);
        // Snapped, even the first shows nothing; an atomic fragment is no fragment.
        assert_eq!(run([(&a[..60], 64), (&b, 0)]), ["ipv6 part:0 cut(ipv6)", "ipv6 frag:16+16"]);
        assert_eq!(trace(LinkType::IPV6, &piece(0, 0, &whole)), "ipv6 udp/32");
        let mut bogus = a.clone();
        bogus[5] += 8;
        assert_eq!(run([(&bogus, 0), (&b, 0)]), ["ipv6 part:0 cut(ipv6)", "ipv6 frag:16+16"]);
    }
}
