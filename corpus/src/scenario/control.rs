//! What ICMP, ICMPv6, ARP and neighbour discovery say: unreachable by code, traceroutes, pings, neighbours that do not answer, and addresses that two
//! hosts claim.

use super::{filler, get};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::conversation::Sight;
use crate::endpoint::{Side, flag};
use crate::layer::{self, IpHeader, join, protocol};
use crate::link;
use crate::trace::Trace;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 80));
const HERE6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 2));
const THERE6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x80));

pub(super) fn captures() -> Vec<Capture> {
    vec![
        unreachable_codes(),
        unreachable_codes6(),
        traceroute(),
        quoted_applications(),
        ping(),
        ping6(),
        odd_echoes(),
        arp(),
        arp_conflict(),
        neighbours(),
    ]
}

/// An ICMP or ICMPv6 message in a frame.
fn message(trace: &mut Trace, from: IpAddr, to: IpAddr, kind: (u8, u8), rest: [u8; 4], body: &[u8]) {
    trace.push(link::ethernet(Side::Server, &icmp(from, to, kind, rest, body)));
    if from.is_ipv4() {
        trace.expect_value("icmp.type", kind.0);
    } else {
        trace.expect_value("icmpv6.type", kind.0);
    }
}

/// The packet of an ICMP or ICMPv6 message. Neighbour discovery stays on its link.
fn icmp(from: IpAddr, to: IpAddr, kind: (u8, u8), rest: [u8; 4], body: &[u8]) -> Vec<u8> {
    let ttl = if matches!(kind.0, 133..=137) && from.is_ipv6() { 255 } else { 64 };
    let header = IpHeader { ttl, ..IpHeader::default() };
    if from.is_ipv4() {
        let message = layer::icmp(kind.0, kind.1, rest, body);
        return layer::ip(from, to, protocol::ICMP, header, &message);
    }
    let message = layer::icmpv6(from, to, kind.0, kind.1, rest, body);
    layer::ip(from, to, protocol::ICMPV6, header, &message)
}

/// A UDP datagram's packet.
fn datagram(from: (IpAddr, u16), to: (IpAddr, u16), ttl: u8, payload: &[u8]) -> Vec<u8> {
    let header = IpHeader { ttl, ..IpHeader::default() };
    layer::ip(from.0, to.0, protocol::UDP, header, &layer::udp(from, to, payload))
}

fn unreachable_codes() -> Capture {
    let mut trace = Trace::new();
    let router = IpAddr::from([203, 0, 113, 254]);
    for code in 0..=15u8 {
        let sent = datagram((HERE, 40_000 + u16::from(code)), (THERE, 7_000), 60, b"is anybody there?");
        trace.push(link::ethernet(Side::Client, &sent));
        trace.wait_us(900);
        let rest = if code == 4 { [0, 0, 0x05, 0x14] } else { [0; 4] };
        let reporter = if matches!(code, 2 | 3) { THERE } else { router };
        // All of it, or the least: header and 8 bytes.
        let quoted = if code % 2 == 0 { &sent[..] } else { &sent[..28] };
        message(&mut trace, reporter, HERE, (3, code), rest, quoted);
        trace.expect_value("icmp.code", code).expect_value("udp.stream", code);
        if code == 4 {
            trace.expect_value("icmp.mtu", 1_300);
        }
        trace.wait_ms(10);
    }
    // Of no conversation: a quoted ping, a protocol without ports, nothing quoted at all.
    let ping = icmp(HERE, THERE, (8, 0), [0, 9, 0, 1], &filler(16, 0));
    trace.push(link::ethernet(Side::Client, &ping));
    trace.wait_ms(1);
    trace.push(link::ethernet(Side::Server, &icmp(router, HERE, (3, 1), [0; 4], &ping)));
    trace.expect_value("icmp.type", "3,8").expect_value("icmp.ident", 9);
    let ospf = layer::ip(HERE, THERE, 89, IpHeader::default(), &filler(24, 1));
    message(&mut trace, THERE, HERE, (3, 2), [0; 4], &ospf);
    message(&mut trace, router, HERE, (3, 0), [0; 4], &[]);
    message(&mut trace, router, HERE, (12, 0), [20, 0, 0, 0], &ospf);
    trace.expect_value("icmp.pointer", 20);
    message(&mut trace, router, HERE, (4, 0), [0; 4], &ospf);
    message(&mut trace, router, HERE, (5, 1), [10, 0, 0, 9], &ospf);
    trace.expect_value("icmp.redir_gw", "10.0.0.9");
    trace.wait_ms(2_000);
    message(&mut trace, router, HERE, (11, 1), [0; 4], &ospf);
    Capture::pcap(
        "icmp-unreachable-codes.pcap",
        "every code of ICMP unreachable, and the other errors",
        trace,
    )
}

fn unreachable_codes6() -> Capture {
    let mut trace = Trace::new();
    let router = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1]);
    for code in 0..=7u8 {
        let sent = datagram((HERE6, 40_000 + u16::from(code)), (THERE6, 7_000), 60, b"is anybody there?");
        trace.push(link::ethernet(Side::Client, &sent));
        trace.wait_us(900);
        let reporter = if code == 4 { THERE6 } else { router };
        message(&mut trace, reporter, HERE6, (1, code), [0; 4], &sent);
        trace.expect_value("icmpv6.code", code).expect_value("udp.stream", code);
        trace.wait_ms(10);
    }
    let sent = datagram((HERE6, 41_000), (THERE6, 7_000), 60, &filler(400, 0));
    message(&mut trace, router, HERE6, (2, 0), 1_280u32.to_be_bytes(), &sent[..200]);
    trace.expect_value("icmpv6.mtu", 1_280);
    message(&mut trace, router, HERE6, (3, 0), [0; 4], &sent[..120]);
    message(&mut trace, router, HERE6, (3, 1), [0; 4], &sent[..120]);
    message(&mut trace, router, HERE6, (4, 1), 6u32.to_be_bytes(), &sent[..120]);
    trace.expect_value("icmpv6.pointer", 6);
    Capture::pcap(
        "icmpv6-unreachable-codes.pcap",
        "every code of ICMPv6 unreachable, and the other errors",
        trace,
    )
}

fn traceroute() -> Capture {
    let mut trace = Trace::new();
    for ttl in 1..=3u8 {
        for attempt in 0..2u16 {
            let port = 33_434 + u16::from(ttl) * 2 + attempt;
            let sent = datagram((HERE, 50_100), (THERE, port), ttl, &filler(32, ttl));
            trace.push(link::ethernet(Side::Client, &sent));
            trace.wait_ms(3 * u64::from(ttl));
            let mut arrived = sent.clone();
            arrived[8] = 1;
            layer::restore_ipv4_checksum(&mut arrived);
            if ttl < 3 {
                message(&mut trace, IpAddr::from([203, 0, 113, ttl]), HERE, (11, 0), [0; 4], &arrived[..28]);
            } else {
                message(&mut trace, THERE, HERE, (3, 3), [0; 4], &arrived);
            }
            trace.expect("udp.stream");
            trace.wait_ms(1);
        }
    }
    // The same with echo requests, which the hops answer for.
    for ttl in 1..=3u8 {
        let header = IpHeader { ttl, ..IpHeader::default() };
        let ask = layer::icmp(8, 0, [0x77, 0, 0, ttl], &filler(32, ttl));
        let sent = layer::ip(HERE, THERE, protocol::ICMP, header, &ask);
        trace.push(link::ethernet(Side::Client, &sent));
        trace.wait_ms(3 * u64::from(ttl));
        if ttl < 3 {
            let hop = IpAddr::from([203, 0, 113, ttl]);
            trace.push(link::ethernet(Side::Server, &icmp(hop, HERE, (11, 0), [0; 4], &sent)));
            trace.expect_value("icmp.type", "11,8");
        } else {
            let reply = [0x77, 0, 0, ttl];
            message(&mut trace, THERE, HERE, (0, 0), reply, &filler(32, ttl));
            trace.expect_value("icmp.resptime", 9);
        }
        trace.wait_ms(400);
    }
    Capture::pcap("icmp-traceroute.pcap", "traceroutes of UDP and of echo requests over two hops", trace)
}

/// A DNS query or response for `example.com`, with one answer in a response.
fn dns(id: u8, is_response: bool) -> Vec<u8> {
    let counts = [0, 1, 0, u8::from(is_response), 0, 0, 0, 0];
    let flags = if is_response { [0x81, 0x80] } else { [1, 0] };
    let mut bytes = [&[0x4e, id][..], &flags, &counts, b"\x07example\x03com\0", &[0, 1, 0, 1]].concat();
    if is_response {
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80]);
    }
    bytes
}

fn quoted_applications() -> Capture {
    let mut trace = Trace::new();
    let resolver = IpAddr::from([192, 0, 2, 53]);
    let query = datagram((HERE, 45_000), (resolver, 53), 64, &dns(1, false));
    trace.push(link::ethernet(Side::Client, &query));
    trace.wait_ms(5);
    message(&mut trace, resolver, HERE, (3, 3), [0; 4], &query);
    trace.wait_ms(5);
    let answer = datagram((resolver, 53), (HERE, 45_000), 64, &dns(1, true));
    trace.push(link::ethernet(Side::Server, &answer));
    trace.wait_ms(1);
    message(&mut trace, HERE, resolver, (3, 3), [0; 4], &answer);
    let mut connection = Connection::v4(50_200, 80);
    connection.open(&mut trace, 8_000);
    let request = connection.data(&mut trace, Side::Client, &get("/quoted"));
    trace.wait_ms(1);
    super::icmp::error(&mut trace, &connection, &request, (3, 13, [0; 4]), 400);
    trace.expect_value("tcp.stream", 0);
    trace.wait_ms(1);
    super::icmp::error(&mut trace, &connection, &request, (3, 13, [0; 4]), 8);
    trace.wait_ms(1);
    let lost = connection.lost_data(&mut trace, Side::Server, &filler(1_400, 2));
    super::icmp::error(&mut trace, &connection, &lost, (3, 4, [0, 0, 5, 0]), 300);
    let mut other = Connection::v4(50_201, 443);
    let syn = other.segment(&trace, Side::Client, flag::SYN, &[]);
    other.show(&mut trace, &syn);
    super::icmp::error(&mut trace, &other, &syn, (3, 3, [0; 4]), 20);
    trace.saw(Sight::Quote(other.seen(&syn)));
    Capture::pcap(
        "icmp-quoted-applications.pcap",
        "errors that quote DNS and HTTP, whose messages tshark shows, and TCP headers of 8 bytes and of 20",
        trace,
    )
}

fn echo(trace: &mut Trace, from: IpAddr, to: IpAddr, is_reply: bool, seq: u8, body: &[u8]) {
    let kind = match (from.is_ipv4(), is_reply) {
        (true, false) => 8,
        (true, true) => 0,
        (false, false) => 128,
        (false, true) => 129,
    };
    message(trace, from, to, (kind, 0), [0x12, 0x34, 0, seq], body);
}

fn ping() -> Capture {
    let mut trace = Trace::new();
    for seq in 1..=6u8 {
        echo(&mut trace, HERE, THERE, false, seq, &filler(56, seq));
        trace.expect_value("icmp.ident", 0x1234).expect_value("icmp.seq", seq);
        trace.wait_us(20_000 + 500 * u64::from(seq));
        if !matches!(seq, 3 | 4) {
            let request = trace.last_frame();
            echo(&mut trace, THERE, HERE, true, seq, &filler(56, seq));
            trace.expect_value("icmp.resp_to", request).expect("icmp.resptime");
        }
        if seq == 5 {
            trace.wait_us(90);
            echo(&mut trace, THERE, HERE, true, seq, &filler(56, seq));
        }
        trace.wait_ms(980);
    }
    // Another one that nobody answers.
    let nobody = IpAddr::from([192, 0, 2, 99]);
    for seq in 1..=3 {
        echo(&mut trace, HERE, nobody, false, seq, &filler(56, seq));
        trace.wait_ms(1_000);
    }
    Capture::pcap(
        "icmp-ping.pcap",
        "a ping with losses and a duplicate reply, and one without any reply",
        trace,
    )
}

fn ping6() -> Capture {
    let mut trace = Trace::new();
    for seq in 1..=4u8 {
        echo(&mut trace, HERE6, THERE6, false, seq, &filler(48, seq));
        trace
            .expect_value("icmpv6.echo.identifier", "0x1234")
            .expect_value("icmpv6.echo.sequence_number", seq);
        trace.wait_us(7_300);
        if seq != 2 {
            let request = trace.last_frame();
            echo(&mut trace, THERE6, HERE6, true, seq, &filler(48, seq));
            trace.expect_value("icmpv6.resp_to", request).expect_value("icmpv6.resptime", "7.3");
        }
        trace.wait_ms(1_000);
    }
    Capture::pcap("icmpv6-ping.pcap", "four echo requests over IPv6, the second without a reply", trace)
}

fn odd_echoes() -> Capture {
    let mut trace = Trace::new();
    let step = |trace: &mut Trace, from, to, is_reply, seq, salt| {
        echo(trace, from, to, is_reply, seq, &filler(32, salt));
        trace.wait_us(750);
        trace.last_frame()
    };
    step(&mut trace, THERE, HERE, true, 1, 1);
    step(&mut trace, HERE, THERE, false, 2, 1);
    step(&mut trace, THERE, HERE, true, 2, 9);
    step(&mut trace, HERE, THERE, false, 3, 1);
    step(&mut trace, HERE, THERE, false, 3, 1);
    step(&mut trace, THERE, HERE, true, 3, 1);
    trace.expect_value("icmp.resp_to", 5);
    step(&mut trace, THERE, HERE, true, 3, 1);
    // Same number, other data, answered in the other order.
    step(&mut trace, HERE, THERE, false, 4, 1);
    step(&mut trace, HERE, THERE, false, 4, 2);
    step(&mut trace, THERE, HERE, true, 4, 1);
    trace.expect_value("icmp.resp_to", 8);
    step(&mut trace, THERE, HERE, true, 4, 2);
    trace.expect_value("icmp.resp_to", 9);
    let group = IpAddr::from([224, 0, 0, 1]);
    step(&mut trace, HERE, group, false, 5, 1);
    step(&mut trace, THERE, HERE, true, 5, 1);
    for kind in [13, 14, 17, 18, 42, 43, 9, 10] {
        message(&mut trace, HERE, THERE, (kind, 0), [0x12, 0x34, 0, 7], &filler(12, 0));
    }
    let ask = icmp(HERE, THERE, (8, 0), [0x12, 0x34, 0, 8], &filler(32, 1));
    let mut frames = Trace::new();
    frames.set_clock_ns(trace.now_ns()).push(link::ethernet(Side::Client, &ask));
    for cut in [37, 39, 40, 41, 42, 50] {
        trace.frames.extend(frames.clone().cut(cut).frames);
    }
    Capture::pcap(
        "icmp-echo-odd.pcap",
        "replies without request, with other data, to the later of two that are alike, to a group; other messages; cut ones",
        trace,
    )
}

/// An ARP packet in a frame, to all or to one.
fn resolve(trace: &mut Trace, operation: u16, sender: ([u8; 6], [u8; 4]), target: ([u8; 6], [u8; 4])) {
    let packet =
        [&[0, 1, 8, 0, 6, 4][..], &operation.to_be_bytes(), &sender.0, &sender.1, &target.0, &target.1]
            .concat();
    let to = if operation == 1 { [0xff; 6] } else { target.0 };
    let head = [&to[..], &sender.0, &ARP.to_be_bytes()].concat();
    trace.push(join(&join(&head, &packet), &[0; 18]));
    trace.expect_value("arp.opcode", operation);
}

fn mac(host: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, host]
}

fn host(number: u8) -> ([u8; 6], [u8; 4]) {
    (mac(number), [10, 0, 0, number])
}

fn unknown(number: u8) -> ([u8; 6], [u8; 4]) {
    ([0; 6], [10, 0, 0, number])
}

fn arp() -> Capture {
    let mut trace = Trace::new();
    // An address is probed, announced, and used.
    for _ in 0..3 {
        resolve(&mut trace, 1, (mac(2), [0; 4]), unknown(2));
        trace.expect_value("arp.isprobe", 1);
        trace.wait_ms(1_100);
    }
    resolve(&mut trace, 1, host(2), unknown(2));
    trace.expect_value("arp.isannouncement", 1).expect_value("arp.isgratuitous", 1);
    trace.wait_ms(50);
    resolve(&mut trace, 1, host(2), unknown(1));
    trace.wait_us(300);
    resolve(&mut trace, 2, host(1), host(2));
    trace.expect_value("arp.src.hw_mac", "02:00:00:00:00:01");
    trace.wait_ms(20);
    // Nobody is there.
    for _ in 0..3 {
        resolve(&mut trace, 1, host(2), unknown(77));
        trace.wait_ms(1_024);
    }
    // Another host asks once: its answer would not be seen here.
    resolve(&mut trace, 1, host(3), unknown(4));
    trace.wait_ms(900);
    // One that is slow to answer.
    resolve(&mut trace, 1, host(2), unknown(5));
    trace.wait_ms(1_000);
    resolve(&mut trace, 1, host(2), unknown(5));
    trace.wait_ms(4);
    resolve(&mut trace, 2, host(5), host(2));
    trace.wait_ms(1_500);
    // Reverse ARP, other networks, less than a whole packet.
    let request = trace.frames[4].bytes.clone();
    for (at, value) in
        [(12, RARP.to_be_bytes()), (14, [0, 7]), (16, [0x86, 0xdd]), (20, [0, 8]), (18, [8, 4])]
    {
        let mut odd = request.clone();
        odd[at..at + 2].copy_from_slice(&value);
        trace.push(odd);
    }
    for len in [15, 21, 22, 30, 41, 42] {
        trace.push(request[..len].to_vec());
        let mut cut = trace.frames[4].clone().cut(len);
        cut.time_ns = trace.now_ns();
        trace.frames.push(cut);
    }
    Capture::pcap(
        "arp.pcap",
        "ARP: probes, an announcement, answers, a host that never answers, odd packets",
        trace,
    )
}

fn arp_conflict() -> Capture {
    let mut trace = Trace::new();
    let other = (mac(66), [10, 0, 0, 9]);
    for _ in 0..2 {
        resolve(&mut trace, 1, host(2), unknown(9));
        trace.wait_us(300);
        resolve(&mut trace, 2, host(9), host(2));
        trace.wait_us(200);
        resolve(&mut trace, 2, other, host(2));
        trace.wait_ms(30_000);
    }
    // The address moves, long after.
    trace.wait_ms(120_000);
    resolve(&mut trace, 1, host(9), unknown(9));
    // A virtual router takes over.
    let (router, shared) = (host(1), ([0, 0, 0x5e, 0, 1, 7], [10, 0, 0, 1]));
    resolve(&mut trace, 1, router, unknown(2));
    trace.wait_ms(10);
    resolve(&mut trace, 1, shared, unknown(1));
    trace.wait_ms(2_000);
    Capture::pcap(
        "arp-conflict.pcap",
        "two hosts claim one address; an address that moves, and one that routers share",
        trace,
    )
}

/// Neighbour discovery: a message with a target and an option that holds a hardware address.
fn discover(
    trace: &mut Trace,
    from: IpAddr,
    to: IpAddr,
    kind: u8,
    target: IpAddr,
    option: Option<(u8, [u8; 6])>,
) {
    let IpAddr::V6(address) = target else { return };
    let mut body = address.octets().to_vec();
    if let Some((option, hardware)) = option {
        body.extend([option, 1]);
        body.extend(hardware);
    }
    let flags = if kind == 136 { [0x60, 0, 0, 0] } else { [0; 4] };
    message(trace, from, to, (kind, 0), flags, &body);
    match kind {
        135 => trace.expect_value("icmpv6.nd.ns.target_address", target),
        136 => trace.expect_value("icmpv6.nd.na.target_address", target),
        _ => trace,
    };
}

fn neighbours() -> Capture {
    let mut trace = Trace::new();
    let link = |number: u16| IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, number]);
    let group = |number: u16| IpAddr::from([0xff02, 0, 0, 0, 0, 1, 0xff00, number]);
    // Duplicate address detection, then ordinary resolution.
    discover(&mut trace, Ipv6Addr::UNSPECIFIED.into(), group(2), 135, link(2), None);
    trace.wait_ms(1_000);
    discover(&mut trace, link(2), group(1), 135, link(1), Some((1, mac(2))));
    trace.wait_us(400);
    discover(&mut trace, link(1), link(2), 136, link(1), Some((2, mac(1))));
    trace.wait_ms(100);
    // Nobody is there.
    for _ in 0..3 {
        discover(&mut trace, link(2), group(0x77), 135, link(0x77), Some((1, mac(2))));
        trace.wait_ms(1_000);
    }
    // Two owners.
    discover(&mut trace, link(2), group(9), 135, link(9), Some((1, mac(2))));
    trace.wait_us(300);
    discover(&mut trace, link(9), link(2), 136, link(9), Some((2, mac(9))));
    trace.wait_us(100);
    discover(&mut trace, link(9), link(2), 136, link(9), Some((2, mac(66))));
    trace.wait_ms(10);
    // A redirect: target, destination, and the packet in an option.
    let packet = datagram((link(2), 40_000), (THERE6, 7_000), 64, &filler(20, 0));
    let mut body = Vec::new();
    for address in [link(9), THERE6] {
        if let IpAddr::V6(address) = address {
            body.extend(address.octets());
        }
    }
    let option = 8 + packet.len().next_multiple_of(8);
    body.extend([4, (option / 8) as u8, 0, 0, 0, 0, 0, 0]);
    body.extend(&packet);
    body.resize(32 + option, 0);
    message(&mut trace, link(1), link(2), (137, 0), [0; 4], &body);
    trace.expect_value("icmpv6.nd.rd.target_address", link(9));
    // One with a wrong hop limit counts for nothing.
    let forged = layer::icmpv6(link(3), link(2), 136, 0, [0x60, 0, 0, 0], &[0; 16]);
    trace.push(link::ethernet(
        Side::Client,
        &layer::ip(link(3), link(2), protocol::ICMPV6, IpHeader::default(), &forged),
    ));
    trace.wait_ms(2_000);
    Capture::pcap(
        "neighbour-discovery.pcap",
        "neighbour discovery: answers, none, two owners, a redirect",
        trace,
    )
}
