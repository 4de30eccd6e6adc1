//! UDP conversations.

use super::filler;
use crate::capture::Capture;
use crate::endpoint::Side;
use crate::layer::{self, IpHeader, protocol};
use crate::link;
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![lookups(), streams(), quoted()]
}

/// A DNS message with one question for an address, and one answer if `answered` (RFC 1035 §4).
pub(super) fn dns(id: u16, name: &str, answered: bool, rcode: u8) -> Vec<u8> {
    let flags: [u8; 2] = if answered { [0x81, 0x80 | rcode] } else { [0x01, 0x00] };
    let answers = u8::from(answered && rcode == 0);
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&flags);
    message.extend_from_slice(&[0, 1, 0, answers, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    if answers == 1 {
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80]);
    }
    message
}

/// A frame from a client port to a server port or back.
pub(super) fn datagram(from: Side, ports: (u16, u16), server: IpAddr, payload: &[u8]) -> Vec<u8> {
    let client = match server {
        IpAddr::V4(_) => IpAddr::from([10, 0, 0, 2]),
        IpAddr::V6(_) => IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 2]),
    };
    let (source, target) = match from {
        Side::Client => ((client, ports.0), (server, ports.1)),
        Side::Server => ((server, ports.1), (client, ports.0)),
    };
    let built = layer::udp_packet(source, target, IpHeader::default(), payload);
    link::ethernet(
        from,
        &built.unwrap_or_else(|| {
            let body = layer::udp(source, target, payload);
            layer::ip(source.0, target.0, protocol::UDP, IpHeader::default(), &body)
        }),
    )
}

fn lookups() -> Capture {
    let mut trace = Trace::new();
    let server = IpAddr::from([10, 0, 0, 53]);
    for (index, (name, rcode)) in
        [("shop.example", 0), ("missing.example", 3), ("broken.example", 2)].into_iter().enumerate()
    {
        let ports = (51_000 + index as u16, 53);
        trace.push(datagram(Side::Client, ports, server, &dns(77 + index as u16, name, false, 0)));
        trace.expect_value("udp.stream", index);
        trace.wait_ms(12);
        trace.push(datagram(Side::Server, ports, server, &dns(77 + index as u16, name, true, rcode)));
        trace.expect_value("udp.stream", index);
        trace.wait_ms(3);
    }
    for pause in [1_000, 1_000, 4_500] {
        trace.push(datagram(Side::Client, (51_010, 53), server, &dns(99, "slow.example", false, 0)));
        trace.expect_value("udp.stream", 3);
        trace.wait_ms(pause);
    }
    trace.push(datagram(Side::Server, (51_010, 53), server, &dns(99, "slow.example", true, 0)));
    trace.wait_ms(5);
    trace.push(datagram(Side::Server, (51_011, 53), server, &dns(5, "unasked.example", true, 0)));
    trace.expect_value("udp.stream", 4);
    Capture::pcap(
        "dns-lookups.pcap",
        "answers, a missing name, a server failure, a slow server, an unasked answer",
        trace,
    )
}

fn streams() -> Capture {
    let mut trace = Trace::new();
    let servers = [IpAddr::from([192, 0, 2, 90]), IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x90])];
    for round in 0..3u8 {
        for (index, server) in servers.into_iter().enumerate() {
            for port in [52_000, 52_001] {
                trace.push(datagram(Side::Client, (port, 9_999), server, &filler(40, round)));
                trace.expect_value("udp.stream", index * 2 + usize::from(port - 52_000));
                trace.wait_us(400);
                trace.push(datagram(Side::Server, (port, 9_999), server, &filler(300, round)));
                trace.wait_us(100);
            }
        }
        trace.wait_ms(2_000);
    }
    let mut short = datagram(Side::Client, (52_002, 9_999), servers[0], b"length too small");
    short[38..40].copy_from_slice(&[0, 4]);
    trace.push(short);
    let mut long = datagram(Side::Client, (52_003, 9_999), servers[0], b"length too large");
    long[38..40].copy_from_slice(&[1, 0]);
    trace.wait_us(100).push(long);
    trace.wait_us(100).push(datagram(Side::Client, (0, 9_999), servers[0], b""));
    Capture::pcap("udp-streams.pcap", "four UDP conversations in turn, then wrong lengths and port 0", trace)
}

fn quoted() -> Capture {
    let mut trace = Trace::new();
    let server = IpAddr::from([192, 0, 2, 91]);
    for port in [52_010, 52_011] {
        let frame = datagram(Side::Client, (port, 9_998), server, &filler(30, 0));
        trace.push(frame.clone());
        trace.wait_us(800);
        let message = layer::icmp(3, 3, [0; 4], &frame[14..if port == 52_010 { 42 } else { frame.len() }]);
        let packet =
            layer::ip(server, IpAddr::from([10, 0, 0, 2]), protocol::ICMP, IpHeader::default(), &message);
        trace.push(link::ethernet(Side::Server, &packet));
        trace.expect_value("icmp.code", 3);
        trace.wait_ms(20);
    }
    Capture::pcap("udp-port-unreachable.pcap", "datagrams to a closed port, quoted by ICMP", trace)
}
