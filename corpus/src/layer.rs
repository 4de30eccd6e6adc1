//! Network and transport headers in front of a payload, built with etherparse.
//!
//! Every function returns the new packet; the payload follows the header unchanged. Lengths and checksums are right unless a
//! scenario patches them afterwards. RFC 791, 8200, 768, 9293, 792, 4443.

use etherparse::{
    Icmpv4Header, Icmpv4Type, IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions,
    Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header, PacketBuilder, TcpHeader, UdpHeader,
};
use std::net::IpAddr;

/// IP protocol numbers used by the scenarios.
pub mod protocol {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP.
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP.
    pub const IPV6: u8 = 41;
    /// IPv6 fragment header.
    pub const IPV6_FRAGMENT: u8 = 44;
    /// Generic routing encapsulation.
    pub const GRE: u8 = 47;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
}

/// Header and payload as one packet.
#[must_use]
pub fn join(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(header.len() + payload.len());
    packet.extend_from_slice(header);
    packet.extend_from_slice(payload);
    packet
}

/// What an IP header says besides addresses and protocol.
#[derive(Clone, Copy, Debug)]
pub struct IpHeader {
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub id: u16,
    /// IPv4 "do not fragment".
    pub dont_fragment: bool,
    /// The two congestion notification bits, and above them the six of the service class.
    pub traffic_class: u8,
}

impl Default for IpHeader {
    fn default() -> Self {
        Self { ttl: 64, id: 0, dont_fragment: true, traffic_class: 0 }
    }
}

/// The headers of an IP packet, for etherparse's builder; `None` for addresses of different versions.
fn ip_headers(from: IpAddr, to: IpAddr, header: IpHeader) -> Option<IpHeaders> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let head = Ipv4Header {
                identification: header.id,
                dont_fragment: header.dont_fragment,
                time_to_live: header.ttl,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv4Header::default()
            };
            Some(IpHeaders::Ipv4(head, Ipv4Extensions::default()))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let head = Ipv6Header {
                hop_limit: header.ttl,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            };
            Some(IpHeaders::Ipv6(head, Ipv6Extensions::default()))
        }
        _ => None,
    }
}

/// A whole IP packet with a TCP segment, made by etherparse's builder: lengths and checksums are its. `None` if it cannot: addresses of
/// different versions, or more payload than a length field holds.
#[must_use]
pub fn tcp_packet(
    from: IpAddr,
    to: IpAddr,
    header: IpHeader,
    tcp: TcpHeader,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ip(ip_headers(from, to, header)?).tcp_header(tcp);
    builder.write(&mut packet, payload).ok().map(|()| packet)
}

/// The same with a UDP datagram.
#[must_use]
pub fn udp_packet(
    from: (IpAddr, u16),
    to: (IpAddr, u16),
    header: IpHeader,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ip(ip_headers(from.0, to.0, header)?).udp(from.1, to.1);
    builder.write(&mut packet, payload).ok().map(|()| packet)
}

/// An IP packet of the version that the addresses have. An IPv4 payload that does not fit a total length of 16 bits gets 0,
/// as segmentation offload writes it. Addresses of different versions give an IPv6 packet with mapped addresses.
#[must_use]
pub fn ip(from: IpAddr, to: IpAddr, protocol: u8, header: IpHeader, payload: &[u8]) -> Vec<u8> {
    if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
        let mut head = Ipv4Header {
            total_len: u16::try_from(payload.len() + Ipv4Header::MIN_LEN).unwrap_or(0),
            identification: header.id,
            dont_fragment: header.dont_fragment,
            time_to_live: header.ttl,
            protocol: IpNumber(protocol),
            source: from.octets(),
            destination: to.octets(),
            ..Ipv4Header::default()
        };
        head.header_checksum = head.calc_header_checksum();
        let mut packet = join(&head.to_bytes(), payload);
        if header.traffic_class != 0 {
            packet[1] = header.traffic_class;
            restore_ipv4_checksum(&mut packet);
        }
        return packet;
    }
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let head = Ipv6Header {
        traffic_class: header.traffic_class,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(payload.len()).unwrap_or(0),
        next_header: IpNumber(protocol),
        hop_limit: header.ttl,
        source: octets(from),
        destination: octets(to),
    };
    join(&head.to_bytes(), payload)
}

/// Computes the header checksum of an IPv4 packet again after a patch.
pub fn restore_ipv4_checksum(packet: &mut [u8]) {
    let length = usize::from(packet[0] & 0xf) * 4;
    packet[10..12].fill(0);
    let sum = ones_complement(0, &packet[..length]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A UDP datagram with its checksum.
#[must_use]
pub fn udp(from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let mut head = UdpHeader {
        source_port: from.1,
        destination_port: to.1,
        length: u16::try_from(payload.len() + UdpHeader::LEN).unwrap_or(0),
        checksum: 0,
    };
    head.checksum = match (from.0, to.0) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            head.calc_checksum_ipv4_raw(a.octets(), b.octets(), payload).unwrap_or(0)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            head.calc_checksum_ipv6_raw(a.octets(), b.octets(), payload).unwrap_or(0)
        }
        _ => 0,
    };
    join(&head.to_bytes(), payload)
}

/// An ICMP message: type, code, the four bytes after the checksum, and the rest.
#[must_use]
pub fn icmp(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let kind = Icmpv4Type::Unknown { type_u8: kind, code_u8: code, bytes5to8: rest };
    join(&Icmpv4Header::with_checksum(kind, payload).to_bytes(), payload)
}

/// An ICMPv6 message between two IPv6 addresses, with its checksum.
#[must_use]
pub fn icmpv6(from: IpAddr, to: IpAddr, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut message = join(&[kind, code, 0, 0, rest[0], rest[1], rest[2], rest[3]], payload);
    if let (IpAddr::V6(from), IpAddr::V6(to)) = (from, to) {
        let mut pseudo = join(&from.octets(), &to.octets());
        pseudo.extend_from_slice(&(message.len() as u32).to_be_bytes());
        pseudo.extend_from_slice(&[0, 0, 0, protocol::ICMPV6]);
        let sum = ones_complement(!ones_complement(0, &pseudo), &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

/// The internet checksum (RFC 1071) of `bytes`, on top of an uncomplemented `start`.
#[must_use]
pub fn ones_complement(start: u16, bytes: &[u8]) -> u16 {
    let mut sum = u32::from(start);
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Cuts an IPv4 packet without options into fragments of `size` payload bytes (a multiple of 8), in order (RFC 791 §3.2).
#[must_use]
pub fn fragments_v4(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(Ipv4Header::MIN_LEN);
    let pieces: Vec<&[u8]> = payload.chunks(size).collect();
    let last = pieces.len().saturating_sub(1);
    let mut fragments = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let mut fragment = join(header, piece);
        let more = if index == last { 0 } else { 0x2000 };
        fragment[2..4].copy_from_slice(&((header.len() + piece.len()) as u16).to_be_bytes());
        fragment[6..8].copy_from_slice(&(more | (index * size / 8) as u16).to_be_bytes());
        restore_ipv4_checksum(&mut fragment);
        fragments.push(fragment);
    }
    fragments
}

/// Cuts an IPv6 packet into fragments of `size` payload bytes (a multiple of 8), in order (RFC 8200 §4.5). A payload that fits
/// gives one atomic fragment (RFC 6946).
#[must_use]
pub fn fragments_v6(packet: &[u8], size: usize, ident: u32) -> Vec<Vec<u8>> {
    let (header, payload) = packet.split_at(Ipv6Header::LEN);
    let pieces: Vec<&[u8]> = payload.chunks(size).collect();
    let last = pieces.len().saturating_sub(1);
    let mut fragments = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let head = Ipv6FragmentHeader {
            next_header: IpNumber(header[6]),
            fragment_offset: IpFragOffset::try_new((index * size / 8) as u16).unwrap_or(IpFragOffset::ZERO),
            more_fragments: index != last,
            identification: ident,
        };
        let mut fragment = header.to_vec();
        fragment[6] = protocol::IPV6_FRAGMENT;
        fragment[4..6].copy_from_slice(&((8 + piece.len()) as u16).to_be_bytes());
        fragment.extend_from_slice(&head.to_bytes());
        fragment.extend_from_slice(piece);
        fragments.push(fragment);
    }
    fragments
}

/// Puts an IPv6 extension header of the usual form (next header, length in units of 8, body) before the payload.
#[must_use]
pub fn with_extension(packet: &[u8], kind: u8, body: &[u8; 6]) -> Vec<u8> {
    let (header, payload) = packet.split_at(Ipv6Header::LEN);
    let mut longer = header.to_vec();
    longer[6] = kind;
    longer[4..6].copy_from_slice(&((payload.len() + 8) as u16).to_be_bytes());
    longer.extend_from_slice(&[header[6], 0]);
    longer.extend_from_slice(body);
    longer.extend_from_slice(payload);
    longer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_example_in_rfc_1071() {
        assert_eq!(ones_complement(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn fragments_carry_the_payload_in_order() {
        let (from, to) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let payload: Vec<u8> = (0..100).collect();
        let packet = ip(from, to, protocol::UDP, IpHeader::default(), &payload);
        let pieces = fragments_v4(&packet, 48);
        assert_eq!(pieces.iter().map(|piece| piece[6] & 0x20 != 0).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(pieces.iter().flat_map(|piece| piece[20..].to_vec()).collect::<Vec<u8>>(), payload);
        assert!(pieces.iter().all(|piece| ones_complement(0, &piece[..20]) == 0));
    }
}
