//! Links and tunnels that few networks use, and wireless frames. As [`link`](mod@crate::link) otherwise.

use crate::endpoint::Side;
use crate::layer::{IpHeader, ip, join, protocol};
use crate::link::{
    ends, ethernet, ethernet_with, ethertype, ethertype_of, in_ipv4, in_udp, macs, ppp, ppp_hdlc,
};

/// An LLC and SNAP header (IEEE 802.2) before an IP packet.
fn llc(packet: &[u8]) -> Vec<u8> {
    let kind = ethertype_of(packet).to_be_bytes();
    join(&[0xaa, 0xaa, 3, 0, 0, 0, kind[0], kind[1]], packet)
}

/// GRE with this protocol and body, nothing optional.
fn gre(from: Side, kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let head = [flags.to_be_bytes(), kind.to_be_bytes()].concat();
    in_ipv4(from, protocol::GRE, &join(&head, body))
}

/// GRE version 1 with sequence and acknowledgement number, carrying PPP (RFC 2637).
#[must_use]
pub fn gre_pptp(from: Side, packet: &[u8]) -> Vec<u8> {
    let body = ppp_hdlc(from, packet);
    let length = (body.len() as u16).to_be_bytes();
    gre(from, 0x880b, 0x3081, &join(&[length[0], length[1], 0, 9, 0, 0, 0, 1, 0, 0, 0, 1], &body))
}

/// GRE with a checksum field.
#[must_use]
pub fn gre_checksum(from: Side, packet: &[u8]) -> Vec<u8> {
    gre(from, ethertype_of(packet), 0x8000, &join(&[0, 0, 0, 0], packet))
}

/// ERSPAN type II.
#[must_use]
pub fn erspan_2(from: Side, packet: &[u8]) -> Vec<u8> {
    let head = [0, 0, 0, 1, 0x10, 0x64, 0x00, 0x05, 0, 0, 0, 2];
    gre(from, 0x88be, 0x1000, &join(&head, &ethernet(from, packet)))
}

/// ERSPAN type III without its platform part.
#[must_use]
pub fn erspan_3(from: Side, packet: &[u8]) -> Vec<u8> {
    let head = [0, 0, 0, 1, 0x20, 0x64, 0x00, 0x05, 0, 0, 0, 9, 0, 0, 0, 0];
    gre(from, 0x22eb, 0x1000, &join(&head, &ethernet(from, packet)))
}

/// WCCP redirection in GRE, with the redirect header of version 2.
#[must_use]
pub fn wccp(from: Side, packet: &[u8]) -> Vec<u8> {
    gre(from, 0x883e, 0, &join(&[0, 0, 0, 0], packet))
}

/// GRE in UDP (RFC 8086).
#[must_use]
pub fn gre_in_udp(from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = ethertype_of(packet).to_be_bytes();
    in_udp(from, (49_200, 4754), &join(&[0, 0, kind[0], kind[1]], packet))
}

/// L2TP version 2 (RFC 2661), a data message without optional fields.
#[must_use]
pub fn l2tp(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (1701, 1701), &join(&[0, 2, 0, 7, 0, 8], &ppp_hdlc(from, packet)))
}

/// Ethernet in IP (RFC 3378).
#[must_use]
pub fn ether_ip(from: Side, packet: &[u8]) -> Vec<u8> {
    in_ipv4(from, 97, &join(&[0x30, 0], &ethernet(from, packet)))
}

/// An authentication header (RFC 4302) in tunnel mode.
#[must_use]
pub fn authenticated(from: Side, packet: &[u8]) -> Vec<u8> {
    let next = if ethertype_of(packet) == ethertype::IPV6 { protocol::IPV6 } else { protocol::IPV4 };
    let mut head = vec![next, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    head.extend_from_slice(&[0xa5; 12]);
    in_ipv4(from, 51, &join(&head, packet))
}

/// VXLAN with the generic protocol extension, carrying IP without Ethernet.
#[must_use]
pub fn vxlan_gpe(from: Side, packet: &[u8]) -> Vec<u8> {
    let next = if ethertype_of(packet) == ethertype::IPV6 { 2 } else { 1 };
    in_udp(from, (49_201, 4790), &join(&[0x0c, 0, 0, next, 0, 0, 7, 0], packet))
}

/// LISP data (RFC 9300).
#[must_use]
pub fn lisp(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (49_202, 4341), &join(&[0x80, 0, 0, 1, 0, 0, 0, 1], packet))
}

/// TaZmen sniffer protocol with an Ethernet frame.
#[must_use]
pub fn tzsp(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (49_203, 37_008), &join(&[1, 0, 0, 1, 1], &ethernet(from, packet)))
}

/// GTP-U with an extension header (a PDU session container).
#[must_use]
pub fn gtp_u_extended(from: Side, packet: &[u8]) -> Vec<u8> {
    let length = ((packet.len() + 8) as u16).to_be_bytes();
    let head = [0x34, 0xff, length[0], length[1], 0, 0, 0, 6, 0, 0, 0, 0x85, 1, 0, 9, 0];
    in_udp(from, (2152, 2152), &join(&head, packet))
}

/// Automatic multicast tunnelling (RFC 7450), multicast data.
#[must_use]
pub fn amt(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (49_204, 2268), &join(&[6, 0], packet))
}

/// CAPWAP data (RFC 5415) with an Ethernet frame.
#[must_use]
pub fn capwap(from: Side, packet: &[u8]) -> Vec<u8> {
    in_udp(from, (49_205, 5247), &join(&[0, 0x10, 0x42, 0, 0, 0, 0, 0], &ethernet(from, packet)))
}

/// A network service header (RFC 8300) of the fixed-length kind over Ethernet.
#[must_use]
pub fn nsh(from: Side, packet: &[u8]) -> Vec<u8> {
    let next = if ethertype_of(packet) == ethertype::IPV6 { 2 } else { 1 };
    let mut head = vec![0x0f, 0xc6, 1, next, 0, 0, 1, 255];
    head.extend_from_slice(&[0; 16]);
    ethernet_with(from, 0x894f, &join(&head, packet))
}

/// Ethernet between hardware addresses of a registered maker: tshark tells the kinds of pseudo-wire apart by them.
fn registered(from: Side, packet: &[u8]) -> Vec<u8> {
    let mut frame = ethernet(from, packet);
    for start in [0, 6] {
        frame[start..start + 3].copy_from_slice(&[0x00, 0x00, 0x0c]);
    }
    frame
}

/// An Ethernet pseudo-wire without control word in MPLS (RFC 4448).
#[must_use]
pub fn pseudo_wire(from: Side, packet: &[u8]) -> Vec<u8> {
    ethernet_with(from, ethertype::MPLS, &join(&[0, 0x05, 0x01, 0x40], &registered(from, packet)))
}

/// An Ethernet pseudo-wire with control word.
#[must_use]
pub fn pseudo_wire_with_control(from: Side, packet: &[u8]) -> Vec<u8> {
    let head = [0, 0x05, 0x01, 0x40, 0, 0, 0, 0];
    ethernet_with(from, ethertype::MPLS, &join(&head, &registered(from, packet)))
}

/// Geneve with an IP packet straight in it.
#[must_use]
pub fn geneve_ip(from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = ethertype_of(packet).to_be_bytes();
    in_udp(from, (49_206, 6081), &join(&[0, 0, kind[0], kind[1], 0, 0, 9, 0], packet))
}

/// IPv4 with a loose source route: the last listed hop is the destination, the header's address is the next hop.
#[must_use]
pub fn source_routed(from: Side, packet: &[u8]) -> Vec<u8> {
    let (_, hop) = ends(from);
    let mut routed = packet[..20].to_vec();
    routed.extend_from_slice(&[131, 7, 4]);
    routed.extend_from_slice(&packet[16..20]);
    routed.push(0);
    routed.extend_from_slice(&packet[20..]);
    if let std::net::IpAddr::V4(hop) = hop {
        routed[16..20].copy_from_slice(&hop.octets());
    }
    routed[0] = 0x47;
    let length = routed.len() as u16;
    routed[2..4].copy_from_slice(&length.to_be_bytes());
    crate::layer::restore_ipv4_checksum(&mut routed);
    ethernet(from, &routed)
}

/// Three layers of IP in IP with the same addresses.
#[must_use]
pub fn deep(from: Side, packet: &[u8]) -> Vec<u8> {
    let (near, far) = ends(from);
    let mut inner = packet.to_vec();
    for _ in 0..3 {
        inner = ip(near, far, protocol::IPV4, IpHeader::default(), &inner);
    }
    ethernet(from, &inner)
}

/// Cisco HDLC.
#[must_use]
pub fn cisco_hdlc(_from: Side, packet: &[u8]) -> Vec<u8> {
    let kind = ethertype_of(packet).to_be_bytes();
    join(&[0x0f, 0, kind[0], kind[1]], packet)
}

/// PPP with a direction byte.
#[must_use]
pub fn ppp_directed(from: Side, packet: &[u8]) -> Vec<u8> {
    join(&[u8::from(from == Side::Client)], &ppp_hdlc(from, packet))
}

/// PPPoE without Ethernet.
#[must_use]
pub fn pppoe_bare(from: Side, packet: &[u8]) -> Vec<u8> {
    let body = ppp(from, packet);
    let length = (body.len() as u16).to_be_bytes();
    join(&[0x11, 0, 0, 0x2a, length[0], length[1]], &body)
}

/// Per-packet information before Ethernet.
#[must_use]
pub fn ppi(from: Side, packet: &[u8]) -> Vec<u8> {
    join(&[0, 0, 8, 0, 1, 0, 0, 0], &ethernet(from, packet))
}

/// A Linux netfilter log entry: a prefix, then the packet.
#[must_use]
pub fn nflog(_from: Side, packet: &[u8]) -> Vec<u8> {
    let family = if ethertype_of(packet) == ethertype::IPV6 { 10 } else { 2 };
    let length = ((packet.len() + 4) as u16).to_le_bytes();
    join(&[family, 0, 0, 5, 8, 0, 10, 0, b'i', b'n', 0, 0, length[0], length[1], 9, 0], packet)
}

/// An 802.11 data frame to or from an access point.
#[must_use]
pub fn wlan(from: Side, packet: &[u8]) -> Vec<u8> {
    join(&wlan_header(from, 0x08), &llc(packet))
}

/// An 802.11 QoS data frame after a radiotap header that says nothing.
#[must_use]
pub fn radiotap(from: Side, packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 8, 0, 0, 0, 0, 0];
    frame.extend_from_slice(&wlan_header(from, 0x88));
    frame.extend_from_slice(&[0, 0]);
    join(&frame, &llc(packet))
}

/// An aggregate of several packets in one 802.11 frame (A-MSDU), all from the same side.
#[must_use]
pub fn wlan_aggregate(from: Side, packets: &[Vec<u8>]) -> Vec<u8> {
    let (source, destination) = macs(from);
    let mut frame = wlan_header(from, 0x88);
    frame.extend_from_slice(&[0x80, 0]);
    for (index, packet) in packets.iter().enumerate() {
        let body = llc(packet);
        frame.extend_from_slice(&destination);
        frame.extend_from_slice(&source);
        frame.extend_from_slice(&(body.len() as u16).to_be_bytes());
        frame.extend_from_slice(&body);
        if index + 1 < packets.len() {
            let padded = (14 + body.len()).next_multiple_of(4) - (14 + body.len());
            frame.resize(frame.len() + padded, 0);
        }
    }
    frame
}

fn wlan_header(from: Side, kind: u8) -> Vec<u8> {
    let (source, destination) = macs(from);
    let station = [0x02, 0, 0, 0, 0, 0xab];
    let (direction, addresses) = match from {
        Side::Client => (1, [station, source, destination]),
        Side::Server => (2, [destination, station, source]),
    };
    join(&[kind, direction, 0, 0], &join(&addresses.concat(), &[0x10, 0]))
}
