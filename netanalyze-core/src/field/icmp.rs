//! Fields of ICMP, ICMPv6, neighbour discovery and ARP.

use super::Value;
use super::network::{Out, bit, byte, ether, field, hex, ipv4, ipv6, unsigned, word};
use super::registry::{Field, FieldType, Source};

/// Wireshark shows an ICMP header only where its first six bytes were captured.
fn whole(bytes: &[u8]) -> &[u8] {
    if bytes.len() >= 6 { bytes } else { &[] }
}

/// The message, if it is of one of these types.
fn of<'b>(bytes: &'b [u8], types: &[u8]) -> &'b [u8] {
    match bytes.first() {
        Some(kind) if types.contains(kind) => bytes,
        _ => &[],
    }
}

/// ICMP messages with an identifier, and those with a sequence number of 16 bits (RFC 792, 950, 8335).
const IDENTIFIED: [u8; 10] = [0, 8, 13, 14, 15, 16, 17, 18, 42, 43];
const NUMBERED: [u8; 8] = [0, 8, 13, 14, 15, 16, 17, 18];

fn identified(bytes: &[u8]) -> &[u8] {
    of(whole(bytes), &IDENTIFIED)
}

fn numbered(bytes: &[u8]) -> &[u8] {
    of(whole(bytes), &NUMBERED)
}

fn word_le(bytes: &[u8], at: usize) -> Option<u64> {
    word(bytes, at).map(|value| u64::from((value as u16).swap_bytes()))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|&b| u64::from(u32::from_be_bytes(b)))
}

/// The next hop's MTU is in the message only if it is "fragmentation needed".
fn mtu(bytes: &[u8]) -> Option<u64> {
    word(of(whole(bytes), &[3]), 6).filter(|_| bytes.get(1) == Some(&4))
}

/// A number before the addresses, where every ARP packet begins. That of ATM (hardware type 19) is another one (RFC 2225 §8.7).
fn begun(bytes: &[u8], at: usize) -> Option<u64> {
    word(bytes, at).filter(|_| word(bytes, 0) != Some(19))
}

fn operation(bytes: &[u8]) -> Option<u64> {
    begun(bytes, 6)
}

/// An ARP packet's addresses are shown together or not at all, and as what they are by the types and lengths before them.
struct Arp<'b> {
    sender: (&'b [u8], &'b [u8]),
    target: (&'b [u8], &'b [u8]),
    is_mac: bool,
    is_ipv4: bool,
}

fn arp(bytes: &[u8]) -> Option<Arp<'_>> {
    operation(bytes)?;
    let (&[h0, h1, p0, p1, hardware, protocol, _, _], rest) = bytes.split_first_chunk()?;
    let (sender_hardware, rest) = rest.split_at_checked(usize::from(hardware))?;
    let (sender, rest) = rest.split_at_checked(usize::from(protocol))?;
    let (target_hardware, rest) = rest.split_at_checked(usize::from(hardware))?;
    let target = rest.get(..usize::from(protocol))?;
    let is_mac = matches!((h0, h1), (0, 1 | 6)) && hardware == 6;
    let is_ipv4 = [p0, p1] == [8, 0] && protocol == 4;
    Some(Arp { sender: (sender_hardware, sender), target: (target_hardware, target), is_mac, is_ipv4 })
}

fn sender_mac(bytes: &[u8]) -> Option<Value> {
    arp(bytes).filter(|arp| arp.is_mac).and_then(|arp| ether(arp.sender.0, 0))
}

fn target_mac(bytes: &[u8]) -> Option<Value> {
    arp(bytes).filter(|arp| arp.is_mac).and_then(|arp| ether(arp.target.0, 0))
}

fn sender_ipv4(bytes: &[u8]) -> Option<Value> {
    arp(bytes).filter(|arp| arp.is_ipv4).and_then(|arp| ipv4(arp.sender.1, 0))
}

fn target_ipv4(bytes: &[u8]) -> Option<Value> {
    arp(bytes).filter(|arp| arp.is_ipv4).and_then(|arp| ipv4(arp.target.1, 0))
}

/// Marks are there only where they are true.
fn mark(holds: bool, out: Out<'_>) {
    out.extend(holds.then_some(Value::Bool(true)));
}

/// The sender's own address is the target: a request or a reply that nobody asked for.
fn is_gratuitous(bytes: &[u8]) -> bool {
    let own = arp(bytes).is_some_and(|arp| arp.sender.1 == arp.target.1 && !is_zero(arp.sender.1));
    own && matches!(operation(bytes), Some(1 | 2))
}

/// A request for the sender's own address announces it, once it was probed (RFC 5227 §2.3).
fn is_announcement(bytes: &[u8]) -> bool {
    is_gratuitous(bytes) && operation(bytes) == Some(1) && arp(bytes).is_some_and(|arp| is_zero(arp.target.0))
}

/// A request without the sender's address asks whether anybody has the target's (RFC 5227 §2.1).
fn is_probe(bytes: &[u8]) -> bool {
    operation(bytes) == Some(1)
        && arp(bytes).is_some_and(|arp| is_zero(arp.sender.1) && !is_zero(arp.target.1))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| b == 0)
}

fn target6(bytes: &[u8], kind: u8) -> Option<Value> {
    ipv6(of(bytes, &[kind]), 8)
}

/// Flags of a neighbour advertisement (RFC 4861 §4.4).
fn advertised(bytes: &[u8]) -> Option<u64> {
    long(of(bytes, &[136]), 4)
}

pub(super) static FIELDS: &[Field] = &[
    field!(Icmp "icmp.type" Unsigned "Type", |b, out| unsigned(byte(whole(b), 0), out)),
    field!(Icmp "icmp.code" Unsigned "Code", |b, out| unsigned(byte(whole(b), 1), out)),
    field!(Icmp "icmp.checksum" Unsigned "Checksum", |b, out| hex(word(whole(b), 2), 4, out)),
    field!(Icmp "icmp.ident" Unsigned "Identifier of an echo request or reply", |b, out| unsigned(word(identified(b), 4), out)),
    field!(Icmp "icmp.ident_le" Unsigned "Identifier, bytes swapped", |b, out| unsigned(word_le(identified(b), 4), out)),
    field!(Icmp "icmp.seq" Unsigned "Sequence number of an echo request or reply", |b, out| unsigned(word(numbered(b), 6), out)),
    field!(Icmp "icmp.seq_le" Unsigned "Sequence number, bytes swapped", |b, out| unsigned(word_le(numbered(b), 6), out)),
    field!(Icmp "icmp.mtu" Unsigned "MTU of the next hop", |b, out| unsigned(mtu(b), out)),
    field!(Icmp "icmp.pointer" Unsigned "Byte of the quoted packet that cannot be processed", |b, out| unsigned(byte(of(whole(b), &[12]), 4), out)),
    field!(Icmp "icmp.redir_gw" Ipv4 "The better first hop", |b, out| out.extend(ipv4(of(whole(b), &[5]), 4))),
    field!(IcmpAnswer "icmp.resp_to" FrameNumber "Frame of the echo request", |a, out| unsigned(Some(a.request.0), out)),
    field!(IcmpAnswer "icmp.resptime" Double "Milliseconds since the echo request", |a, out| out.push(Value::Millis(a.rtt))),
    field!(Icmpv6 "icmpv6.type" Unsigned "Type", |b, out| unsigned(byte(b, 0), out)),
    field!(Icmpv6 "icmpv6.code" Unsigned "Code", |b, out| unsigned(byte(b, 1), out)),
    field!(Icmpv6 "icmpv6.checksum" Unsigned "Checksum", |b, out| hex(word(b, 2), 4, out)),
    field!(Icmpv6 "icmpv6.mtu" Unsigned "MTU of the next hop", |b, out| unsigned(long(of(b, &[2]), 4), out)),
    field!(Icmpv6 "icmpv6.pointer" Unsigned "Byte of the quoted packet that cannot be processed", |b, out| unsigned(long(of(b, &[4]), 4), out)),
    field!(Icmpv6 "icmpv6.echo.identifier" Unsigned "Identifier of an echo request or reply", |b, out| hex(word(of(b, &[128, 129, 160, 161]), 4), 4, out)),
    field!(Icmpv6 "icmpv6.echo.sequence_number" Unsigned "Sequence number of an echo request or reply", |b, out| unsigned(word(of(b, &[128, 129]), 6), out)),
    field!(Icmpv6 "icmpv6.nd.ns.target_address" Ipv6 "Address whose owner is asked for", |b, out| out.extend(target6(b, 135))),
    field!(Icmpv6 "icmpv6.nd.na.target_address" Ipv6 "Address whose owner speaks", |b, out| out.extend(target6(b, 136))),
    field!(Icmpv6 "icmpv6.nd.na.flag.r" Boolean "It is a router", |b, out| bit(advertised(b), 1 << 31, out)),
    field!(Icmpv6 "icmpv6.nd.na.flag.s" Boolean "It answers a solicitation", |b, out| bit(advertised(b), 1 << 30, out)),
    field!(Icmpv6 "icmpv6.nd.na.flag.o" Boolean "It overrides what was known", |b, out| bit(advertised(b), 1 << 29, out)),
    field!(Icmpv6 "icmpv6.nd.rd.target_address" Ipv6 "The better first hop", |b, out| out.extend(target6(b, 137))),
    field!(Icmpv6Answer "icmpv6.resp_to" FrameNumber "Frame of the echo request", |a, out| unsigned(Some(a.request.0), out)),
    field!(Icmpv6Answer "icmpv6.resptime" Double "Milliseconds since the echo request", |a, out| out.push(Value::Millis(a.rtt))),
    field!(Arp "arp.hw.type" Unsigned "Hardware type", |b, out| unsigned(begun(b, 0), out)),
    field!(Arp "arp.proto.type" Unsigned "Protocol type", |b, out| hex(begun(b, 2), 4, out)),
    field!(Arp "arp.opcode" Unsigned "1: who has; 2: is at", |b, out| unsigned(operation(b), out)),
    field!(Arp "arp.isgratuitous" Boolean "The sender speaks of its own address", |b, out| mark(is_gratuitous(b), out)),
    field!(Arp "arp.isprobe" Boolean "The sender asks whether anybody has the address", |b, out| mark(is_probe(b), out)),
    field!(Arp "arp.isannouncement" Boolean "The sender announces its own address", |b, out| mark(is_announcement(b), out)),
    field!(Arp "arp.src.hw_mac" Ether "Hardware address of the sender", |b, out| out.extend(sender_mac(b))),
    field!(Arp "arp.src.proto_ipv4" Ipv4 "Address of the sender", |b, out| out.extend(sender_ipv4(b))),
    field!(Arp "arp.dst.hw_mac" Ether "Hardware address of the target", |b, out| out.extend(target_mac(b))),
    field!(Arp "arp.dst.proto_ipv4" Ipv4 "Address of the target", |b, out| out.extend(target_ipv4(b))),
];
