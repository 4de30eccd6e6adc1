//! ICMP errors that quote TCP, and what they do to the quoted connection.

use super::{filler, get};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::conversation::Sight;
use crate::endpoint::{Segment, Side, flag};
use crate::layer::{self, IpHeader, protocol};
use crate::link;
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![fragmentation_needed(), unreachable(), quotes_of_the_unseen(), time_exceeded(), too_big(), echo()]
}

/// A router's ICMP error about a segment, quoting the IP header and `quoted` bytes after it.
pub(super) fn error(
    trace: &mut Trace,
    connection: &Connection,
    about: &Segment,
    message: (u8, u8, [u8; 4]),
    quoted: usize,
) {
    let packet = connection.packet(about, 4_242);
    let router = IpAddr::from([203, 0, 113, 254]);
    let body = &packet[..packet.len().min(20 + quoted)];
    let kind = message.0;
    let message = layer::icmp(message.0, message.1, message.2, body);
    let to = connection.end(about.from).addr;
    let packet = layer::ip(router, to, protocol::ICMP, IpHeader::default(), &message);
    trace.push(link::ethernet(about.from.other(), &packet));
    // Fewer bytes than up to the flags say too little for a stream.
    if quoted >= 14 && matches!(kind, 3 | 4 | 11 | 12) {
        trace.saw(Sight::Quote(connection.seen(about)));
    }
}

fn fragmentation_needed() -> Capture {
    let mut trace = Trace::new();
    for (port, quoted) in [(50_000, 8), (50_001, 548)] {
        let mut connection = Connection::v4(port, 80);
        connection.open(&mut trace, 16_000);
        connection.data(&mut trace, Side::Client, &get("/tunnelled"));
        trace.wait_us(16_000);
        connection.ack(&mut trace, Side::Server);
        let large = connection.lost_data(&mut trace, Side::Server, &filler(1_460, 1));
        trace.wait_us(4_000);
        error(&mut trace, &connection, &large, (3, 4, [0, 0, 0x05, 0x78]), quoted);
        trace.expect_value("icmp.type", 3).expect_value("icmp.code", 4);
        if quoted > 8 {
            trace.expect_value("tcp.stream", 1);
        }
        trace.wait_us(300);
        for (index, part) in large.payload.chunks(1_360).enumerate() {
            let mut smaller = large.clone();
            smaller.seq = large.seq.wrapping_add(1_360 * index as u32);
            smaller.payload = part.to_vec();
            connection.send(&mut trace, &smaller);
        }
        trace.wait_us(16_000);
        connection.ack(&mut trace, Side::Client);
        connection.close(&mut trace, Side::Client, 16_000);
    }
    Capture::pcap(
        "icmp-fragmentation-needed.pcap",
        "path MTU discovery: quotes of 8 bytes and of the whole TCP header",
        trace,
    )
}

fn unreachable() -> Capture {
    let mut trace = Trace::new();
    for (index, (code, quoted)) in [(1u8, 8), (3, 28), (13, 40), (10, 19), (9, 16)].into_iter().enumerate() {
        let mut connection = Connection::v4(50_010 + index as u16, 443);
        let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
        connection.show(&mut trace, &syn);
        trace.wait_us(700);
        error(&mut trace, &connection, &syn, (3, code, [0; 4]), quoted);
        trace.expect_value("icmp.code", code);
        trace.wait_ms(1_000);
        connection.show(&mut trace, &syn);
        trace.expect("tcp.analysis.retransmission");
    }
    Capture::pcap(
        "icmp-unreachable.pcap",
        "SYNs answered with ICMP unreachable, quoted to different lengths",
        trace,
    )
}

fn quotes_of_the_unseen() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(50_020, 80);
    let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
    error(&mut trace, &connection, &syn, (11, 0, [0; 4]), 28);
    trace.expect_value("tcp.stream", 0);
    trace.wait_ms(300);
    connection.send(&mut trace, &syn);
    trace.wait_ms(10);
    connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
    connection.ack(&mut trace, Side::Client);
    let ask = connection.data(&mut trace, Side::Client, &get("/quoted"));
    trace.wait_ms(1);
    error(&mut trace, &connection, &ask, (3, 1, [0; 4]), 200);
    let mut other = Connection::v4(50_020, 80).with(|_, end| end.isn = end.isn.wrapping_add(9_999));
    let new = other.segment(&trace, Side::Client, flag::SYN, &[]);
    trace.wait_ms(1);
    error(&mut trace, &connection, &new, (3, 1, [0; 4]), 28);
    trace.expect_value("tcp.stream", 1);
    trace.wait_ms(1);
    let reset = connection.segment(&trace, Side::Server, flag::RST | flag::ACK, &[]);
    error(&mut trace, &connection, &reset, (3, 1, [0; 4]), 20);
    connection.data(&mut trace, Side::Server, &filler(50, 0));
    error(&mut trace, &connection, &reset, (5, 1, [10, 0, 0, 9]), 20);
    error(&mut trace, &connection, &ask, (4, 0, [0; 4]), 20);
    error(&mut trace, &connection, &ask, (12, 0, [20, 0, 0, 0]), 20);
    Capture::pcap(
        "icmp-quotes-create-streams.pcap",
        "quoted headers of connections not seen before, of a new ISN, of a reset; redirect, quench, parameter problem",
        trace,
    )
}

fn time_exceeded() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(50_030, 80).with(|_, end| end.ttl = 1);
    for hop in 1..=4 {
        connection.end_mut(Side::Client).ttl = hop;
        connection.end_mut(Side::Client).next = connection.end(Side::Client).isn;
        let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
        connection.show(&mut trace, &syn);
        trace.wait_ms(5 * u64::from(hop));
        error(&mut trace, &connection, &syn, (11, 0, [0; 4]), 8);
        trace.expect_value("icmp.type", 11);
        trace.wait_ms(10);
    }
    Capture::pcap("icmp-time-exceeded.pcap", "a TCP traceroute: the same SYN with growing TTL", trace)
}

fn too_big() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(50_040, 80);
    connection.open(&mut trace, 16_000);
    connection.data(&mut trace, Side::Client, &get("/six"));
    trace.wait_us(16_000);
    connection.ack(&mut trace, Side::Server);
    let router = IpAddr::from([0x2001, 0xdb8, 0, 9, 0, 0, 0, 1]);
    for (kind, code, rest, quoted) in
        [(2, 0, [0, 0, 5, 0], 1_192), (1, 1, [0; 4], 60), (3, 0, [0; 4], 48), (4, 0, [0, 0, 0, 40], 60)]
    {
        let large = connection.lost_data(&mut trace, Side::Server, &filler(1_440, 1));
        trace.wait_us(4_000);
        let packet = connection.packet(&large, 0);
        let body = &packet[..packet.len().min(quoted)];
        let to = connection.end(Side::Server).addr;
        let message = layer::icmpv6(router, to, kind, code, rest, body);
        let reply = layer::ip(router, to, protocol::ICMPV6, IpHeader::default(), &message);
        trace.push(link::ethernet(Side::Client, &reply));
        if quoted >= 60 {
            trace.saw(Sight::Quote(connection.seen(&large)));
            trace.expect_value("tcp.stream", 0);
        }
        trace.wait_us(300);
        connection.deliver(&large);
        let mut smaller = large.clone();
        smaller.payload.truncate(1_220);
        connection.send(&mut trace, &smaller);
        trace.wait_us(16_000);
        connection.ack(&mut trace, Side::Client);
    }
    Capture::pcap(
        "icmpv6-errors.pcap",
        "ICMPv6 packet too big, unreachable, time exceeded and parameter problem, quoting TCP",
        trace,
    )
}

fn echo() -> Capture {
    let mut trace = Trace::new();
    let (here, there) = (IpAddr::from([10, 0, 0, 2]), IpAddr::from([192, 0, 2, 80]));
    for number in 0..4u8 {
        let ask = layer::icmp(8, 0, [0x12, 0x34, 0, number], &filler(56, number));
        trace.push(link::ethernet(
            Side::Client,
            &layer::ip(here, there, protocol::ICMP, IpHeader::default(), &ask),
        ));
        trace.expect_value("icmp.type", 8);
        trace.wait_ms(21);
        if number != 2 {
            let answer = layer::icmp(0, 0, [0x12, 0x34, 0, number], &filler(56, number));
            trace.push(link::ethernet(
                Side::Server,
                &layer::ip(there, here, protocol::ICMP, IpHeader::default(), &answer),
            ));
            trace.expect_value("icmp.type", 0);
        }
        trace.wait_ms(979);
    }
    Capture::pcap("icmp-echo.pcap", "four echo requests, the third unanswered", trace)
}
