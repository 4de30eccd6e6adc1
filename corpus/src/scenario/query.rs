//! Questions and answers: DNS over TCP, UDP of which one side is silent, ICMP errors about what the capture knows or does not know yet.

use super::udp::{datagram, dns};
use super::{filler, icmp};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![dns_over_tcp(), unanswered_datagrams(), quoted_before_and_after(), cut_below_tcp()]
}

/// A DNS message as TCP carries it (RFC 1035 §4.2.2): its length first.
fn framed(message: Vec<u8>) -> Vec<u8> {
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend_from_slice(&message);
    framed
}

fn dns_over_tcp() -> Capture {
    let mut trace = Trace::new();
    let resolver = IpAddr::from([192, 0, 2, 80]);
    // The answer over UDP does not fit and is cut (TC): the question is asked again over TCP.
    trace.push(datagram(Side::Client, (51_100, 53), resolver, &dns(700, "large.example", false, 0)));
    trace.wait_ms(4);
    let mut cut = dns(700, "large.example", true, 0);
    cut[2] |= 0x02;
    trace.push(datagram(Side::Server, (51_100, 53), resolver, &cut));
    trace.wait_us(300);
    let mut connection = Connection::v4(51_101, 53);
    connection.open(&mut trace, 4_000);
    connection.data(&mut trace, Side::Client, &framed(dns(701, "large.example", false, 0)));
    trace.wait_us(4_000);
    connection.data(&mut trace, Side::Server, &framed(dns(701, "large.example", true, 0)));
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    // Two questions in one segment; the answers come in the other order, one in two segments.
    let two = [framed(dns(702, "one.example", false, 0)), framed(dns(703, "two.example", false, 0))];
    connection.data(&mut trace, Side::Client, &two.concat());
    trace.wait_us(4_000);
    let answer = framed(dns(703, "two.example", true, 3));
    let (front, back) = answer.split_at(1);
    connection.data(&mut trace, Side::Server, front);
    connection.data(&mut trace, Side::Server, back);
    connection.data(&mut trace, Side::Server, &framed(dns(702, "one.example", true, 0)));
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Client, 4_000);
    Capture::pcap(
        "dns-over-tcp.pcap",
        "an answer cut over UDP, then questions over TCP: one by one, two in a segment, an answer in two segments",
        trace,
    )
}

fn unanswered_datagrams() -> Capture {
    let mut trace = Trace::new();
    let servers = [IpAddr::from([192, 0, 2, 92]), IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x92])];
    for (index, server) in servers.into_iter().enumerate() {
        for pause in [1_000, 2_000, 4_000] {
            trace.push(datagram(Side::Client, (52_100, 9_997), server, &filler(20, 0)));
            trace.expect_value("udp.stream", index * 2);
            trace.wait_ms(pause);
        }
        // One direction only, from the server.
        for salt in 0..4 {
            trace.push(datagram(Side::Server, (52_101, 9_996), server, &filler(200, salt)));
            trace.expect_value("udp.stream", index * 2 + 1);
            trace.wait_ms(20);
        }
    }
    // The first one is answered at last.
    trace.push(datagram(Side::Server, (52_100, 9_997), servers[0], &filler(20, 1)));
    trace.expect_value("udp.stream", 0);
    Capture::pcap(
        "udp-unanswered.pcap",
        "UDP over IPv4 and IPv6: three questions without an answer, a stream of which one side is seen, a late answer",
        trace,
    )
}

fn quoted_before_and_after() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(50_100, 80);
    connection.open_unseen();
    let before = connection.unseen_data(&trace, Side::Server, &filler(500, 0));
    // The quote is the first that the capture sees of the connection.
    icmp::error(&mut trace, &connection, &before, (11, 0, [0; 4]), 548);
    trace.expect_value("tcp.stream", 0);
    trace.wait_ms(5);
    let data = connection.data(&mut trace, Side::Server, &filler(500, 1));
    trace.wait_us(100);
    connection.ack(&mut trace, Side::Client);
    trace.wait_ms(5);
    icmp::error(&mut trace, &connection, &data, (3, 13, [0; 4]), 28);
    trace.expect_value("tcp.stream", 0);
    trace.wait_ms(5);
    connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
    trace.wait_ms(5);
    icmp::error(&mut trace, &connection, &data, (3, 1, [0; 4]), 64);
    trace.expect_value("tcp.stream", 0);
    // A connection of which nothing but quotes is seen.
    let mut other = Connection::v4(50_101, 80);
    for _ in 0..2 {
        let syn = other.segment(&trace, Side::Client, flag::SYN, &[]);
        other.end_mut(Side::Client).next = syn.seq;
        trace.wait_ms(1_000);
        icmp::error(&mut trace, &other, &syn, (3, 0, [0; 4]), 40);
        trace.expect_value("tcp.stream", 1);
    }
    Capture::pcap(
        "icmp-quotes-before-and-after.pcap",
        "quotes before, between and after a connection's own packets, and a connection known from quotes alone",
        trace,
    )
}

fn cut_below_tcp() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(49_100, 80);
    connection.open(&mut trace, 7_000);
    connection.data(&mut trace, Side::Client, &filler(300, 0));
    trace.wait_us(7_000);
    connection.ack(&mut trace, Side::Server);
    let syn_only = trace.frames.len() - 1;
    connection.close(&mut trace, Side::Client, 7_000);
    // Each frame cut a little further: inside the ports, the numbers, before and behind the flags, inside the options.
    for (frame, cut) in trace.frames.iter_mut().skip(syn_only).zip([68, 66, 58, 57]) {
        *frame = frame.clone().cut(cut);
    }
    let first = trace.frames[0].clone();
    trace.frames[0] = first.cut(78);
    let resolver = IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x53]);
    for cut in [55, 57, 58, 60, 62] {
        let question =
            datagram(Side::Client, (51_110, 53), resolver, &dns(cut as u16, "cut.example", false, 0));
        trace.push(question);
        let whole = trace.frames.pop();
        trace.frames.extend(whole.map(|frame| frame.cut(cut)));
        trace.wait_ms(10);
    }
    Capture::pcap(
        "snaplen-varies-ipv6.pcap",
        "IPv6 frames cut at different places inside the TCP or UDP header, as hardware captures do",
        trace,
    )
}
