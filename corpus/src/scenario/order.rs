//! Segments in another order than they were sent in, and frames that a capture holds twice.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side};
use crate::link;
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![out_of_order(), threshold(), duplicated(), twice_on_two_vlans(), interleaved()]
}

fn out_of_order() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(45_000, 5400);
    connection.open(&mut trace, 30_000);
    for round in 0..2 {
        let sent: Vec<Segment> = (0..4)
            .map(|salt| {
                connection.segment(
                    &trace,
                    Side::Client,
                    crate::endpoint::flag::ACK,
                    &filler(500, round + salt),
                )
            })
            .collect();
        connection.send(&mut trace, &sent[0]);
        trace.wait_us(10);
        connection.send(&mut trace, &sent[2]);
        trace.expect("tcp.analysis.lost_segment");
        trace.wait_us(10);
        connection.ack(&mut trace, Side::Server);
        connection.send(&mut trace, &sent[3]);
        trace.wait_us(10);
        connection.send(&mut trace, &sent[1]);
        trace.expect("tcp.analysis.out_of_order");
        trace.wait_us(10);
        connection.ack(&mut trace, Side::Server);
        trace.wait_ms(40);
    }
    connection.close(&mut trace, Side::Client, 30_000);
    Capture::pcap("out-of-order.pcap", "one of four segments overtaken by the two behind it, twice", trace)
}

fn threshold() -> Capture {
    let mut trace = Trace::new();
    let cases = [(true, 9_900), (true, 10_200), (false, 2_990), (false, 3_010)];
    for (index, (handshake, pause_us)) in cases.into_iter().enumerate() {
        let mut connection = Connection::v4(45_010 + index as u16, 5400);
        if handshake {
            connection.open(&mut trace, 10_000);
        } else {
            connection.open_unseen();
        }
        connection.data(&mut trace, Side::Client, &filler(400, 0));
        let overtaken = connection.segment(&trace, Side::Client, crate::endpoint::flag::ACK, &filler(400, 1));
        connection.data(&mut trace, Side::Client, &filler(400, 2));
        trace.wait_us(pause_us);
        connection.send(&mut trace, &overtaken);
        trace.expect(if index % 2 == 0 {
            "tcp.analysis.out_of_order"
        } else {
            "tcp.analysis.retransmission"
        });
        trace.wait_us(10);
        connection.ack(&mut trace, Side::Server);
        trace.wait_ms(100);
    }
    Capture::pcap(
        "out-of-order-limits.pcap",
        "just inside and outside of the time that separates reordering from loss",
        trace,
    )
}

fn duplicated() -> Capture {
    let mut single = Trace::new();
    let mut connection = Connection::v4(45_020, 80);
    connection.open(&mut single, 10_000);
    connection.data(&mut single, Side::Client, &get("/mirror"));
    single.wait_us(10_000);
    connection.data(&mut single, Side::Server, &ok(900));
    single.wait_us(50);
    connection.ack(&mut single, Side::Client);
    connection.close(&mut single, Side::Client, 10_000);
    let mut trace = Trace::new();
    for frame in single.frames {
        trace.set_clock_ns(frame.time_ns).push_like(&frame, frame.bytes.clone());
        trace.wait_us(4).push_like(&frame, frame.bytes.clone());
    }
    for (frame, field) in [
        (2, "tcp.analysis.retransmission"),
        (4, "tcp.analysis.retransmission"),
        (6, "tcp.analysis.duplicate_ack"),
        (8, "tcp.analysis.retransmission"),
    ] {
        trace.expectations.push(crate::trace::Expectation { frame, field, value: None });
    }
    Capture::pcap("every-frame-twice.pcap", "a mirror port that copies every frame in both directions", trace)
}

fn twice_on_two_vlans() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(45_030, 80).over(link::raw);
    let mut bare = Trace::new();
    connection.open(&mut bare, 8_000);
    connection.data(&mut bare, Side::Client, &get("/routed"));
    bare.wait_us(8_000);
    connection.data(&mut bare, Side::Server, &ok(300));
    connection.close(&mut bare, Side::Client, 8_000);
    for frame in bare.frames {
        let from = if frame.bytes[12] == 10 { Side::Client } else { Side::Server };
        let kind = link::ethertype::IPV4;
        trace.set_clock_ns(frame.time_ns);
        let before = link::ethernet_with(from, link::ethertype::VLAN, &link::tag(10, kind, &frame.bytes));
        trace.push_like(&frame, before);
        let mut routed = frame.bytes.clone();
        routed[8] -= 1;
        crate::layer::restore_ipv4_checksum(&mut routed);
        let after = link::ethernet_with(from, link::ethertype::VLAN, &link::tag(20, kind, &routed));
        trace.wait_us(30).push_like(&frame, after);
        trace.expect_value("tcp.stream", 0);
    }
    Capture::pcap(
        "routed-between-vlans.pcap",
        "every packet seen before and after a router, in two VLANs",
        trace,
    )
}

fn interleaved() -> Capture {
    let mut trace = Trace::new();
    let mut rng = crate::rng::Rng::new(45);
    let mut connections: Vec<Connection> = (0..8).map(|index| Connection::v4(45_040 + index, 5401)).collect();
    for connection in &mut connections {
        connection.open(&mut trace, 900);
    }
    for salt in 0..60 {
        let at = rng.below(8) as usize;
        let side = if rng.one_in(3) { Side::Server } else { Side::Client };
        let len = rng.between(1, 120) as usize;
        match rng.below(10) {
            0 => drop(connections[at].lost_data(&mut trace, side, &filler(len, salt))),
            1 => drop(connections[at].unseen_data(&trace, side, &filler(len, salt))),
            2 => drop(connections[at].ack(&mut trace, side)),
            _ => drop(connections[at].data(&mut trace, side, &filler(len, salt))),
        }
        trace.wait_us(rng.between(5, 3_000));
    }
    Capture::pcap(
        "eight-interleaved.pcap",
        "eight connections whose segments alternate at random, some lost or not captured",
        trace,
    )
}
