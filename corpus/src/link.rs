//! Link headers and tunnels around an IP packet.
//!
//! A [`Wrap`] turns the IP packet that one side sent into the bytes that a capture holds. Link wraps end in the frame, tunnel
//! wraps end in another IP packet, so they compose.

use crate::endpoint::Side;
use crate::layer::{self, IpHeader, join, protocol};
use etherparse::{EtherType, Ethernet2Header, IpNumber, SingleVlanHeader, VlanId};
use std::net::IpAddr;

/// Link types as the pcap registry numbers them.
pub mod linktype {
    /// BSD loopback, family in the writer's byte order.
    pub const NULL: u32 = 0;
    /// Ethernet II.
    pub const ETHERNET: u32 = 1;
    /// Raw IP.
    pub const RAW: u32 = 101;
    /// OpenBSD loopback, family in network byte order.
    pub const LOOP: u32 = 108;
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: u32 = 113;
    /// PPP.
    pub const PPP: u32 = 9;
    /// Raw IPv4.
    pub const IPV4: u32 = 228;
    /// Raw IPv6.
    pub const IPV6: u32 = 229;
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: u32 = 276;
    /// Reserved for private use: nobody can decode it.
    pub const USER0: u32 = 147;
}

/// Ethertypes used by the scenarios.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// Customer VLAN tag.
    pub const VLAN: u16 = 0x8100;
    /// Service VLAN tag (QinQ).
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// Transparent Ethernet bridging in GRE.
    pub const BRIDGED: u16 = 0x6558;
    /// PPPoE session.
    pub const PPPOE: u16 = 0x8864;
    /// MPLS, unicast.
    pub const MPLS: u16 = 0x8847;
}

/// Turns an IP packet that the given side sent into the captured bytes.
pub type Wrap = fn(Side, &[u8]) -> Vec<u8>;

/// The ethertype of an IP packet, by its version.
#[must_use]
pub fn ethertype_of(packet: &[u8]) -> u16 {
    if packet.first().is_some_and(|first| first >> 4 == 6) { ethertype::IPV6 } else { ethertype::IPV4 }
}

/// Hardware addresses of the two sides.
pub(crate) fn macs(from: Side) -> ([u8; 6], [u8; 6]) {
    let client = [0x02, 0, 0, 0, 0, 0x0c];
    let server = [0x02, 0, 0, 0, 0, 0x05];
    match from {
        Side::Client => (client, server),
        Side::Server => (server, client),
    }
}

/// An Ethernet II frame with any ethertype.
#[must_use]
pub fn ethernet_with(from: Side, kind: u16, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = macs(from);
    join(&Ethernet2Header { source, destination, ether_type: EtherType(kind) }.to_bytes(), payload)
}

/// Ethernet II.
#[must_use]
pub fn ethernet(from: Side, packet: &[u8]) -> Vec<u8> {
    ethernet_with(from, ethertype_of(packet), packet)
}

/// Ethernet II, padded with zero bytes to the smallest frame of 60 bytes.
#[must_use]
pub fn padded_ethernet(from: Side, packet: &[u8]) -> Vec<u8> {
    let mut frame = ethernet(from, packet);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// 802.3 with an LLC and SNAP header in place of the ethertype.
#[must_use]
pub fn snap(from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = ethertype_of(packet).to_be_bytes();
    let body = join(&[0xaa, 0xaa, 3, 0, 0, 0, kind[0], kind[1]], packet);
    ethernet_with(from, body.len() as u16, &body)
}

/// A VLAN tag in front of what has the ethertype `inner`.
#[must_use]
pub fn tag(vlan: u16, inner: u16, payload: &[u8]) -> Vec<u8> {
    let head = SingleVlanHeader {
        vlan_id: VlanId::try_new(vlan).unwrap_or(VlanId::ZERO),
        ether_type: EtherType(inner),
        ..SingleVlanHeader::default()
    };
    join(&head.to_bytes(), payload)
}

/// Ethernet with the VLAN tag 100.
#[must_use]
pub fn vlan(from: Side, packet: &[u8]) -> Vec<u8> {
    ethernet_with(from, ethertype::VLAN, &tag(100, ethertype_of(packet), packet))
}

/// Ethernet with a service tag 200 around a customer tag 100.
#[must_use]
pub fn qinq(from: Side, packet: &[u8]) -> Vec<u8> {
    let inner = tag(100, ethertype_of(packet), packet);
    ethernet_with(from, ethertype::SERVICE_VLAN, &tag(200, ethertype::VLAN, &inner))
}

/// Ethernet with four tags, among them the pre-standard 0x9100.
#[must_use]
pub fn four_tags(from: Side, packet: &[u8]) -> Vec<u8> {
    let one = tag(101, ethertype_of(packet), packet);
    let two = tag(102, ethertype::VLAN, &one);
    let three = tag(103, ethertype::VLAN, &two);
    ethernet_with(from, 0x9100, &tag(104, ethertype::SERVICE_VLAN, &three))
}

/// The two-byte PPP protocol of an IP packet (RFC 1332, 5072), then the packet.
#[must_use]
pub fn ppp(_from: Side, packet: &[u8]) -> Vec<u8> {
    let kind: u16 = if ethertype_of(packet) == ethertype::IPV6 { 0x0057 } else { 0x0021 };
    join(&kind.to_be_bytes(), packet)
}

/// PPP with the address and control bytes of HDLC-like framing (RFC 1662).
#[must_use]
pub fn ppp_hdlc(from: Side, packet: &[u8]) -> Vec<u8> {
    join(&[0xff, 0x03], &ppp(from, packet))
}

/// A PPPoE session (RFC 2516) over Ethernet.
#[must_use]
pub fn pppoe(from: Side, packet: &[u8]) -> Vec<u8> {
    let body = ppp(from, packet);
    let length = (body.len() as u16).to_be_bytes();
    ethernet_with(from, ethertype::PPPOE, &join(&[0x11, 0, 0, 0x2a, length[0], length[1]], &body))
}

/// Two MPLS labels (RFC 3032) over Ethernet.
#[must_use]
pub fn mpls(from: Side, packet: &[u8]) -> Vec<u8> {
    let labels = [0x00, 0x01, 0x00, 0x40, 0x00, 0x02, 0x01, 0x40];
    ethernet_with(from, ethertype::MPLS, &join(&labels, packet))
}

/// Linux cooked capture, version 1.
#[must_use]
pub fn sll(from: Side, packet: &[u8]) -> Vec<u8> {
    let (source, _) = macs(from);
    let direction: u16 = if from == Side::Client { 4 } else { 0 };
    let mut head = Vec::new();
    head.extend_from_slice(&direction.to_be_bytes());
    head.extend_from_slice(&[0, 1, 0, 6]);
    head.extend_from_slice(&source);
    head.extend_from_slice(&[0, 0]);
    head.extend_from_slice(&ethertype_of(packet).to_be_bytes());
    join(&head, packet)
}

/// Linux cooked capture, version 2.
#[must_use]
pub fn sll2(from: Side, packet: &[u8]) -> Vec<u8> {
    let (source, _) = macs(from);
    let mut head = ethertype_of(packet).to_be_bytes().to_vec();
    head.extend_from_slice(&[0, 0, 0, 0, 0, 2, 0, 1, if from == Side::Client { 4 } else { 0 }, 6]);
    head.extend_from_slice(&source);
    head.extend_from_slice(&[0, 0]);
    join(&head, packet)
}

/// BSD loopback, family little-endian.
#[must_use]
pub fn null_little(_from: Side, packet: &[u8]) -> Vec<u8> {
    let family: u32 = if ethertype_of(packet) == ethertype::IPV6 { 30 } else { 2 };
    join(&family.to_le_bytes(), packet)
}

/// BSD loopback, family big-endian; also what OpenBSD's loopback writes.
#[must_use]
pub fn null_big(_from: Side, packet: &[u8]) -> Vec<u8> {
    let family: u32 = if ethertype_of(packet) == ethertype::IPV6 { 24 } else { 2 };
    join(&family.to_be_bytes(), packet)
}

/// No link header at all.
#[must_use]
pub fn raw(_from: Side, packet: &[u8]) -> Vec<u8> {
    packet.to_vec()
}

/// Addresses of the two tunnel ends.
pub(crate) fn ends(from: Side) -> (IpAddr, IpAddr) {
    let (near, far) = (IpAddr::from([203, 0, 113, 1]), IpAddr::from([203, 0, 113, 2]));
    if from == Side::Client { (near, far) } else { (far, near) }
}

/// IPv6 addresses of the two tunnel ends.
fn ends_v6(from: Side) -> (IpAddr, IpAddr) {
    let near = IpAddr::from([0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 1]);
    let far = IpAddr::from([0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 2]);
    if from == Side::Client { (near, far) } else { (far, near) }
}

/// A packet straight in IPv4 over Ethernet.
pub(crate) fn in_ipv4(from: Side, kind: u8, payload: &[u8]) -> Vec<u8> {
    let (near, far) = ends(from);
    ethernet(from, &layer::ip(near, far, kind, IpHeader::default(), payload))
}

/// A UDP datagram in IPv4 over Ethernet, from a port to a tunnel's port.
pub(crate) fn in_udp(from: Side, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let (near, far) = ends(from);
    in_ipv4(from, protocol::UDP, &layer::udp((near, ports.0), (far, ports.1), payload))
}

/// IP in IPv4: protocol 4 or 41 as the inner packet's version asks (RFC 2003, 4213).
#[must_use]
pub fn ip_in_ipv4(from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = if ethertype_of(packet) == ethertype::IPV6 { IpNumber::IPV6.0 } else { IpNumber::IPV4.0 };
    in_ipv4(from, kind, packet)
}

/// IP in IPv6 (RFC 2473).
#[must_use]
pub fn ip_in_ipv6(from: Side, packet: &[u8]) -> Vec<u8> {
    let (near, far) = ends_v6(from);
    let kind = if ethertype_of(packet) == ethertype::IPV6 { protocol::IPV6 } else { protocol::IPV4 };
    ethernet(from, &layer::ip(near, far, kind, IpHeader::default(), packet))
}

/// GRE (RFC 2784) without options.
#[must_use]
pub fn gre(from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = ethertype_of(packet).to_be_bytes();
    in_ipv4(from, protocol::GRE, &join(&[0, 0, kind[0], kind[1]], packet))
}

/// GRE with key and sequence number (RFC 2890), carrying an Ethernet frame.
#[must_use]
pub fn gre_ethernet(from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = ethertype::BRIDGED.to_be_bytes();
    let head = [0x30, 0, kind[0], kind[1], 0, 0, 0, 7, 0, 0, 0, 1];
    in_ipv4(from, protocol::GRE, &join(&head, &ethernet(from, packet)))
}

/// VXLAN (RFC 7348), network 5000.
#[must_use]
pub fn vxlan(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (49_152, 4789), &join(&[0x08, 0, 0, 0, 0, 0x13, 0x88, 0], &ethernet(from, packet)))
}

/// Geneve (RFC 8926) with one option of four bytes.
#[must_use]
pub fn geneve(from: Side, packet: &[u8]) -> Vec<u8> {
    let head = [0x02, 0, 0x65, 0x58, 0, 0, 9, 0, 0x01, 0x02, 0x03, 0x01, 0xde, 0xad, 0xbe, 0xef];
    in_udp(from, (49_153, 6081), &join(&head, &ethernet(from, packet)))
}

/// GTP-U (3GPP TS 29.281) with a sequence number.
#[must_use]
pub fn gtp_u(from: Side, packet: &[u8]) -> Vec<u8> {
    let length = ((packet.len() + 4) as u16).to_be_bytes();
    let head = [0x32, 0xff, length[0], length[1], 0, 0, 0, 5, 0, 1, 0, 0];
    in_udp(from, (2152, 2152), &join(&head, packet))
}

/// Teredo (RFC 4380): IPv6 in UDP port 3544.
#[must_use]
pub fn teredo(from: Side, packet: &[u8]) -> Vec<u8> {
    let ports = if from == Side::Client { (50_000, 3544) } else { (3544, 50_000) };
    in_udp(from, ports, packet)
}

/// MPLS in UDP (RFC 7510).
#[must_use]
pub fn mpls_in_udp(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (49_154, 6635), &join(&[0x00, 0x01, 0x01, 0x40], packet))
}

/// VXLAN in GRE in a VLAN: several tunnels in one frame.
#[must_use]
pub fn vxlan_in_gre_in_vlan(from: Side, packet: &[u8]) -> Vec<u8> {
    let outer = vxlan(from, packet);
    let inner = gre(from, &outer[Ethernet2Header::LEN..]);
    ethernet_with(from, ethertype::VLAN, &tag(300, ethertype::IPV4, &inner[Ethernet2Header::LEN..]))
}
