//! Fields of the link, network and datagram layers: Ethernet, VLAN, IPv4, IPv6, UDP.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Value;
use super::registry::{Field, FieldType, Source};
use crate::packet::ipv4_final_destination;

pub(super) type Out<'o> = &'o mut Vec<Value>;

pub(super) fn byte(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at).map(|&b| u64::from(b))
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|&b| u64::from(u16::from_be_bytes(b)))
}

/// Of a cut header both ports are shown or none, as Wireshark 4.0 does.
fn source_port(bytes: &[u8]) -> Option<u64> {
    word(bytes, 0).filter(|_| word(bytes, 2).is_some())
}

pub(super) fn ether(bytes: &[u8], at: usize) -> Option<Value> {
    bytes.get(at..)?.first_chunk().map(|&b| Value::Ether(b))
}

pub(super) fn ipv4(bytes: &[u8], at: usize) -> Option<Value> {
    bytes.get(at..)?.first_chunk().map(|&b: &[u8; 4]| Value::Address(Ipv4Addr::from(b).into()))
}

/// An IPv4 header whose version or length contradicts itself shows nothing beyond the two, and one whose total length cannot be true
/// (0 means that the network card split the segment) nothing beyond that.
fn sound(bytes: &[u8]) -> &[u8] {
    match *bytes {
        [b, _, high, low, ..] if b >> 4 == 4 && b & 15 >= 5 => {
            let total = u16::from_be_bytes([high, low]);
            let believable = total == 0 || total >= u16::from(b & 15) * 4;
            if believable { bytes } else { bytes.get(..4).unwrap_or_default() }
        }
        [b, ..] if b >> 4 == 4 && b & 15 >= 5 => bytes,
        _ => &[],
    }
}

/// The destination that Wireshark shows: where a source route ends.
fn ipv4_destination(bytes: &[u8]) -> Option<Value> {
    ipv4_final_destination(sound(bytes)).map(|address| Value::Address(address.into()))
}

pub(super) fn ipv6(bytes: &[u8], at: usize) -> Option<Value> {
    bytes.get(at..)?.first_chunk().map(|&b: &[u8; 16]| Value::Address(Ipv6Addr::from(b).into()))
}

pub(super) fn unsigned(value: Option<u64>, out: Out<'_>) {
    out.extend(value.map(Value::Unsigned));
}

pub(super) fn hex(value: Option<u64>, digits: u8, out: Out<'_>) {
    out.extend(value.map(|v| Value::Hex(v, digits)));
}

pub(super) fn bit(value: Option<u64>, mask: u64, out: Out<'_>) {
    out.extend(value.map(|v| Value::Bool(v & mask != 0)));
}

/// A table row, so that a field fits a few lines.
macro_rules! field {
    ($source:ident $name:literal $kind:ident $meaning:literal, $read:expr) => {
        Field { name: $name, kind: FieldType::$kind, meaning: $meaning, source: Source::$source($read) }
    };
}
pub(super) use field;

pub(super) static FIELDS: &[Field] = &[
    field!(Ethernet "eth.dst" Ether "Destination address", |b, out| out.extend(ether(b, 0))),
    field!(Ethernet "eth.src" Ether "Source address", |b, out| out.extend(ether(b, 6))),
    field!(Ethernet "eth.addr" Ether "Destination and source address", |b, out| out.extend([ether(b, 0), ether(b, 6)].into_iter().flatten())),
    field!(Ethernet "eth.type" Unsigned "Type of the payload", |b, out| hex(word(b, 12).filter(|&t| t >= 0x600 || t == 0), 4, out)),
    field!(Vlan "vlan.id" Unsigned "VLAN identifier", |b, out| unsigned(word(b, 0).map(|t| t & 0xfff), out)),
    field!(Vlan "vlan.priority" Unsigned "Priority code point", |b, out| unsigned(word(b, 0).map(|t| t >> 13), out)),
    field!(AnyIp "ip.version" Unsigned "Version of IP, 4 or 6", |b, out| unsigned(byte(b, 0).map(|v| v >> 4), out)),
    field!(Ipv4 "ip.hdr_len" Unsigned "Header length in bytes", |b, out| unsigned(byte(b, 0).map(|v| (v & 15) * 4), out)),
    field!(Ipv4 "ip.dsfield" Unsigned "Differentiated services field", |b, out| hex(byte(sound(b), 1), 2, out)),
    field!(Ipv4 "ip.dsfield.dscp" Unsigned "Differentiated services codepoint", |b, out| unsigned(byte(sound(b), 1).map(|v| v >> 2), out)),
    field!(Ipv4 "ip.dsfield.ecn" Unsigned "Explicit congestion notification", |b, out| unsigned(byte(sound(b), 1).map(|v| v & 3), out)),
    field!(Ipv4 "ip.len" Unsigned "Total length", |b, out| unsigned(word(sound(b), 2), out)),
    field!(Ipv4 "ip.id" Unsigned "Identification", |b, out| hex(word(sound(b), 4), 4, out)),
    field!(Ipv4 "ip.flags" Unsigned "Flags", |b, out| hex(byte(sound(b), 6).map(|v| v >> 5), 2, out)),
    field!(Ipv4 "ip.flags.df" Boolean "Do not fragment", |b, out| bit(byte(sound(b), 6), 0x40, out)),
    field!(Ipv4 "ip.flags.mf" Boolean "More fragments", |b, out| bit(byte(sound(b), 6), 0x20, out)),
    field!(Ipv4 "ip.frag_offset" Unsigned "Fragment offset, in units of 8 bytes", |b, out| unsigned(word(sound(b), 6).map(|v| v & 0x1fff), out)),
    field!(Ipv4 "ip.ttl" Unsigned "Time to live", |b, out| unsigned(byte(sound(b), 8), out)),
    field!(Ipv4 "ip.proto" Unsigned "Protocol", |b, out| unsigned(byte(sound(b), 9), out)),
    field!(Ipv4 "ip.checksum" Unsigned "Header checksum", |b, out| hex(word(sound(b), 10), 4, out)),
    field!(Ipv4 "ip.src" Ipv4 "Source address", |b, out| out.extend(ipv4(sound(b), 12))),
    field!(Ipv4 "ip.dst" Ipv4 "Destination address", |b, out| out.extend(ipv4_destination(b))),
    field!(Ipv4 "ip.addr" Ipv4 "Source and destination address", |b, out| out.extend([ipv4(sound(b), 12), ipv4_destination(b)].into_iter().flatten())),
    field!(Ipv6 "ipv6.version" Unsigned "Version", |b, out| unsigned(byte(b, 0).map(|v| v >> 4), out)),
    field!(Ipv6 "ipv6.plen" Unsigned "Payload length", |b, out| unsigned(word(b, 4), out)),
    field!(Ipv6 "ipv6.nxt" Unsigned "Next header", |b, out| unsigned(byte(b, 6), out)),
    field!(Ipv6 "ipv6.hlim" Unsigned "Hop limit", |b, out| unsigned(byte(b, 7), out)),
    field!(Ipv6 "ipv6.src" Ipv6 "Source address", |b, out| out.extend(ipv6(b, 8))),
    field!(Ipv6 "ipv6.dst" Ipv6 "Destination address", |b, out| out.extend(ipv6(b, 24))),
    field!(Ipv6 "ipv6.addr" Ipv6 "Source and destination address", |b, out| out.extend([ipv6(b, 8), ipv6(b, 24)].into_iter().flatten())),
    field!(Udp "udp.srcport" Unsigned "Source port", |t, _, out| unsigned(source_port(t.bytes), out)),
    field!(Udp "udp.dstport" Unsigned "Destination port", |t, _, out| unsigned(word(t.bytes, 2), out)),
    field!(Udp "udp.port" Unsigned "Source and destination port", |t, _, out| out.extend([source_port(t.bytes), word(t.bytes, 2)].into_iter().flatten().map(Value::Unsigned))),
    field!(Udp "udp.length" Unsigned "Length of header and payload", |t, _, out| unsigned(word(t.bytes, 4), out)),
    field!(Udp "udp.checksum" Unsigned "Checksum", |t, _, out| hex(word(t.bytes, 6).filter(|_| t.udp_len().is_some()), 4, out)),
    field!(Udp "udp.stream" Unsigned "Conversation number, from 0", |_, stream, out| unsigned(stream.map(u64::from), out)),
];
