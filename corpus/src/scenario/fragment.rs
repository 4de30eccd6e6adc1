//! IP fragments: in order, out of order, incomplete, twice, cut, and IPv6 extension headers.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side, flag};
use crate::layer;
use crate::link;
use crate::trace::{Frame, Trace};

pub(super) fn captures() -> Vec<Capture> {
    vec![v4(), v4_incomplete(), v4_cut(), v4_vlans(), v6(), v6_extensions()]
}

/// Sends data as fragments in the given order; the receiver gets the segment if all pieces are sent.
fn send(trace: &mut Trace, connection: &mut Connection, payload: &[u8], id: u16, order: &[usize]) -> Segment {
    let mut complete = false;
    let segment = connection.segment(trace, Side::Client, flag::ACK | flag::PSH, payload);
    let packet = connection.packet(&segment, id);
    let pieces = if packet[0] >> 4 == 4 {
        layer::fragments_v4(&packet, 576)
    } else {
        layer::fragments_v6(&packet, 576, 0x1_0000 + u32::from(id))
    };
    let mut missing: Vec<usize> = (0..pieces.len()).collect();
    for &index in order {
        trace.push(connection.wrap(Side::Client, &pieces[index]));
        missing.retain(|&piece| piece != index);
        if missing.is_empty() && !complete {
            complete = true;
            trace.saw(connection.sight(&segment));
            connection.deliver(&segment);
        }
        trace.wait_us(90);
    }
    segment
}

fn v4() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(53_000, 5800);
    connection.open(&mut trace, 6_000);
    for (id, order) in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]].into_iter().enumerate() {
        send(&mut trace, &mut connection, &filler(1_600, id as u8), 100 + id as u16, &order);
        trace.expect_value("tcp.len", 1_600);
        trace.wait_us(6_000);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.acks_frame");
    }
    connection.close(&mut trace, Side::Client, 6_000);
    Capture::pcap("fragments-ipv4.pcap", "segments in three IPv4 fragments, in every kind of order", trace)
}

fn v4_incomplete() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(53_010, 5800);
    connection.open(&mut trace, 6_000);
    let first = send(&mut trace, &mut connection, &filler(1_600, 0), 200, &[0, 1]);
    trace.wait_ms(40);
    send(&mut trace, &mut connection, &filler(1_600, 1), 201, &[0, 1, 1, 2, 2, 0]);
    send(&mut trace, &mut connection, &filler(1_600, 2), 202, &[1, 2]);
    trace.wait_ms(40);
    send(&mut trace, &mut connection, &filler(1_600, 3), 200, &[2]);
    trace.saw(connection.sight(&first));
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 6_000);
    Capture::pcap(
        "fragments-ipv4-incomplete.pcap",
        "missing fragments, repeated ones, and an identification used again",
        trace,
    )
}

fn v4_cut() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(53_020, 5800);
    connection.open(&mut trace, 6_000);
    let segment = send(&mut trace, &mut connection, &filler(1_600, 0), 300, &[0, 1, 2]);
    connection.ack(&mut trace, Side::Server);
    let whole = connection.data(&mut trace, Side::Client, &filler(100, 1));
    connection.show(&mut trace, &whole);
    // Cut fragments are not joined; the first one is analysed as it is.
    trace.frames[5].sights.clear();
    trace.frames[3].sights.push(connection.sight(&segment));
    trace.frames = trace.frames.into_iter().map(|frame: Frame| frame.cut(200)).collect();
    Capture::pcap(
        "fragments-ipv4-cut.pcap",
        "fragments cut by the snap length: the first shows its TCP header",
        trace,
    )
}

fn v4_vlans() -> Capture {
    let mut trace = Trace::new();
    let connection = Connection::v4(53_030, 5800);
    let mut plain = connection.clone().over(link::raw);
    plain.open_unseen();
    let segment = plain.segment(&trace, Side::Client, flag::ACK, &filler(1_000, 0));
    let packet = plain.packet(&segment, 400);
    for piece in layer::fragments_v4(&packet, 576) {
        for vlan in [10, 20] {
            let body = link::tag(vlan, link::ethertype::IPV4, &piece);
            trace.push(link::ethernet_with(Side::Client, link::ethertype::VLAN, &body));
            if trace.last_frame() > 2 {
                trace.saw(plain.sight(&segment));
            }
            trace.wait_us(50);
        }
    }
    for frame in [3, 4] {
        let value = Some("1000".to_owned());
        trace.expectations.push(crate::trace::Expectation { frame, field: "tcp.len", value });
    }
    Capture::pcap(
        "fragments-on-two-vlans.pcap",
        "the same fragments seen in two VLANs are joined apart",
        trace,
    )
}

fn v6() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(53_040, 5800);
    connection.open(&mut trace, 6_000);
    for (id, order) in [[0, 1, 2], [2, 0, 1]].into_iter().enumerate() {
        send(&mut trace, &mut connection, &filler(1_600, id as u8), id as u16, &order);
        trace.expect_value("tcp.len", 1_600);
        trace.wait_us(6_000);
        connection.ack(&mut trace, Side::Server);
    }
    send(&mut trace, &mut connection, &filler(300, 3), 7, &[0]);
    trace.expect_value("tcp.len", 300);
    trace.wait_us(6_000);
    connection.ack(&mut trace, Side::Server);
    send(&mut trace, &mut connection, &filler(1_600, 4), 8, &[0, 2]);
    connection.close(&mut trace, Side::Client, 6_000);
    Capture::pcap(
        "fragments-ipv6.pcap",
        "IPv6 fragments in and out of order, an atomic one, and an incomplete datagram",
        trace,
    )
}

fn v6_extensions() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(53_050, 80);
    connection.open(&mut trace, 6_000);
    let request = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &get("/options"));
    let with = layer::with_extension(&connection.packet(&request, 0), 60, &[1, 4, 0, 0, 0, 0]);
    let with = layer::with_extension(&with, 0, &[5, 2, 0, 0, 1, 0]);
    trace.push(connection.wrap(Side::Client, &with)).saw(connection.sight(&request));
    trace.expect_value("tcp.len", request.payload.len());
    connection.deliver(&request);
    trace.wait_us(6_000);
    let answer = connection.segment(&trace, Side::Server, flag::ACK | flag::PSH, &ok(200));
    let with = layer::with_extension(&connection.packet(&answer, 0), 43, &[0, 0, 0, 0, 0, 0]);
    trace.push(connection.wrap(Side::Server, &with)).saw(connection.sight(&answer));
    trace.expect_value("tcp.stream", 0);
    connection.deliver(&answer);
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Client, 6_000);
    Capture::pcap(
        "ipv6-extension-headers.pcap",
        "hop-by-hop and destination options, and a routing header, before TCP",
        trace,
    )
}
