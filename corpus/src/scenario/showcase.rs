//! The capture for the README: one slow shop visit with several causes in it.

use super::udp::datagram;
use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side, flag};
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![web_slow()]
}

fn web_slow() -> Capture {
    let mut trace = Trace::new();
    healthy(&mut trace);
    lossy_download(&mut trace);
    stalled_upload(&mut trace);
    refused(&mut trace);
    aborted(&mut trace);
    forgotten(&mut trace);
    Capture::pcap(
        "web-slow.pcap",
        "a slow shop: a lossy path, a reader that stalls, a refused and an aborted connection, a dropped idle one",
        trace,
    )
}

fn lookup(trace: &mut Trace, port: u16, delay_ms: u64) {
    let resolver = IpAddr::from([10, 0, 0, 53]);
    let mut ask = vec![0x5a, port as u8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    ask.extend_from_slice(b"\x04shop\x07example\0\0\x01\0\x01");
    let mut answer = ask.clone();
    answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80]);
    trace.push(datagram(Side::Client, (port, 53), resolver, &ask));
    trace.wait_ms(delay_ms);
    trace.push(datagram(Side::Server, (port, 53), resolver, &answer));
    trace.wait_us(300);
}

fn healthy(trace: &mut Trace) {
    lookup(trace, 57_001, 9);
    let mut connection = Connection::v4(57_010, 80);
    connection.open(trace, 28_000);
    connection.data(trace, Side::Client, &get("/"));
    trace.wait_us(28_000);
    connection.ack(trace, Side::Server);
    trace.wait_us(6_000);
    super::ordinary::reply(trace, &mut connection, &ok(1_400));
    connection.close(trace, Side::Client, 28_000);
}

/// A download through a path that loses segments: one repaired fast, one by a timeout.
fn lossy_download(trace: &mut Trace) {
    let mut connection = Connection::v4(57_011, 80);
    connection.open(trace, 28_000);
    connection.data(trace, Side::Client, &get("/catalogue.json"));
    trace.wait_us(28_000);
    connection.ack(trace, Side::Server);
    trace.wait_us(14_000);
    let body = ok(14_000);
    let pieces: Vec<&[u8]> = body.chunks(1460).collect();
    let mut lost: Option<Segment> = None;
    let mut behind = 0;
    let last = pieces.len() - 1;
    for (index, piece) in pieces.iter().enumerate() {
        let segment = connection.segment(trace, Side::Server, flag::ACK | flag::PSH, piece);
        if index == 2 || index == last {
            lost = Some(segment);
            continue;
        }
        connection.send(trace, &segment);
        trace.wait_us(35);
        if lost.is_some() || index % 2 == 1 {
            connection.ack(trace, Side::Client);
            trace.wait_us(20);
        }
        behind += u32::from(lost.is_some());
        if behind == 4 {
            if let Some(gone) = lost.take() {
                trace.wait_us(14_000);
                connection.again(trace, &gone);
                trace.expect("tcp.analysis.fast_retransmission");
                trace.wait_us(50);
                connection.ack(trace, Side::Client);
            }
            behind = 0;
        }
    }
    connection.ack(trace, Side::Client);
    if let Some(gone) = lost {
        trace.wait_ms(840);
        connection.again(trace, &gone);
        trace.wait_us(40);
        connection.ack(trace, Side::Client);
    }
    connection.close(trace, Side::Client, 28_000);
}

/// An upload whose reader stops reading for two seconds.
fn stalled_upload(trace: &mut Trace) {
    let mut connection = Connection::v4(57_012, 80).with(|side, end| {
        if side == Side::Server {
            (end.window, end.scale) = (4_000, Some(0));
        }
    });
    connection.open(trace, 28_000);
    let head = b"PUT /cart HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 6000\r\n\r\n";
    connection.data(trace, Side::Client, head);
    trace.wait_us(28_000);
    connection.ack(trace, Side::Server);
    let body = filler(6_000, 5);
    let (now, later) = body.split_at(4_000);
    for piece in now.chunks(1460) {
        connection.data(trace, Side::Client, piece);
        trace.wait_us(15);
    }
    trace.expect("tcp.analysis.window_full");
    trace.wait_us(28_000);
    connection.end_mut(Side::Server).window = 0;
    connection.ack(trace, Side::Server);
    trace.expect("tcp.analysis.zero_window");
    for pause in [250, 500, 1_000] {
        trace.wait_ms(pause);
        let next = connection.end(Side::Client).next;
        let byte = connection.segment(trace, Side::Client, flag::ACK, &later[..1]);
        connection.end_mut(Side::Client).next = next;
        connection.show(trace, &byte);
        trace.expect("tcp.analysis.zero_window_probe");
        trace.wait_us(28_000);
        connection.ack(trace, Side::Server);
        trace.expect("tcp.analysis.zero_window_probe_ack");
    }
    trace.wait_ms(400);
    connection.end_mut(Side::Server).window = 4_000;
    connection.ack(trace, Side::Server);
    trace.expect("tcp.analysis.window_update");
    for piece in later.chunks(1460) {
        connection.data(trace, Side::Client, piece);
        trace.wait_us(15);
    }
    trace.wait_us(28_000);
    connection.data(trace, Side::Server, &ok(2));
    connection.close(trace, Side::Client, 28_000);
}

fn refused(trace: &mut Trace) {
    for attempt in 0..3u16 {
        let mut connection = Connection::v4(57_020 + attempt, 8443);
        connection.bare(trace, Side::Client, flag::SYN);
        trace.wait_us(28_000);
        let mut reset = connection.segment(trace, Side::Server, flag::RST | flag::ACK, &[]);
        (reset.seq, reset.window) = (0, 0);
        connection.send(trace, &reset);
        trace.expect("tcp.connection.rst");
        trace.wait_ms(500);
    }
}

/// A reply that the server breaks off, with a piece that the capture missed.
fn aborted(trace: &mut Trace) {
    let mut connection = Connection::v4(57_030, 80);
    connection.open(trace, 28_000);
    connection.data(trace, Side::Client, &get("/report.csv"));
    trace.wait_us(28_000);
    connection.ack(trace, Side::Server);
    trace.wait_ms(1_900);
    let body = ok(9_000);
    let pieces: Vec<&[u8]> = body.chunks(1460).collect();
    connection.data(trace, Side::Server, pieces[0]);
    connection.data(trace, Side::Server, pieces[1]);
    connection.ack(trace, Side::Client);
    trace.wait_us(200);
    connection.unseen_data(trace, Side::Server, pieces[2]);
    connection.data(trace, Side::Server, pieces[3]);
    trace.expect("tcp.analysis.lost_segment");
    connection.ack(trace, Side::Client);
    trace.expect("tcp.analysis.ack_lost_segment");
    trace.wait_us(3_000);
    connection.bare(trace, Side::Server, flag::RST | flag::ACK);
    trace.expect("tcp.connection.rst");
    trace.wait_ms(30);
}

/// A persistent connection that something on the path forgot while it was idle.
fn forgotten(trace: &mut Trace) {
    let mut connection = Connection::v4(57_031, 80);
    connection.open(trace, 28_000);
    connection.data(trace, Side::Client, &get("/ping"));
    trace.wait_us(30_000);
    connection.data(trace, Side::Server, &ok(4));
    trace.wait_us(50);
    connection.ack(trace, Side::Client);
    trace.wait_ms(75_000);
    let request = connection.lost_data(trace, Side::Client, &get("/ping"));
    for pause in [300, 600, 1_200] {
        trace.wait_ms(pause);
        connection.again(trace, &request);
        trace.expect("tcp.analysis.retransmission");
    }
}
