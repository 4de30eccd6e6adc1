//! More closed windows and what persists against them (RFC 9293 §3.8.6.1): the other direction, other links, answers that get lost,
//! ends while nothing may be sent.

use super::filler;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side, flag};
use crate::file::pcap::Pcap;
use crate::link::{self, linktype};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        download(),
        both_sides(),
        unanswered(),
        answers_lost(),
        closed_meanwhile(),
        aborted_by_the_reader(),
        full_again_and_again(),
        slow_reader(),
        after_a_loss(),
    ]
}

/// Data up to the last byte that the other side's window of `room` bytes allows, in pieces of `size`.
fn fill(trace: &mut Trace, connection: &mut Connection, from: Side, room: usize, size: usize) {
    let payload = filler(room, 2);
    for piece in payload.chunks(size) {
        connection.data(trace, from, piece);
        trace.wait_us(11);
    }
    trace.expect("tcp.analysis.window_full");
}

/// `side` has no room left, and says so.
fn shut(trace: &mut Trace, connection: &mut Connection, side: Side) {
    connection.end_mut(side).window = 0;
    connection.ack(trace, side);
    trace.expect("tcp.analysis.zero_window");
}

/// One byte against a closed window; it does not get in.
fn probe(trace: &mut Trace, connection: &mut Connection, from: Side) -> Segment {
    let next = connection.end(from).next;
    let byte = connection.segment(trace, from, flag::ACK, b"p");
    connection.end_mut(from).next = next;
    connection.show(trace, &byte);
    trace.expect("tcp.analysis.zero_window_probe");
    byte
}

/// The answer that the window is still closed.
fn refuse(trace: &mut Trace, connection: &mut Connection, side: Side) {
    connection.ack(trace, side);
    trace.expect("tcp.analysis.zero_window_probe_ack").expect("tcp.analysis.zero_window");
}

/// Room again.
fn reopen(trace: &mut Trace, connection: &mut Connection, side: Side, window: u32) {
    connection.end_mut(side).window = window;
    connection.ack(trace, side);
    trace.expect("tcp.analysis.window_update");
}

/// The same window and scale on one side.
fn narrow(connection: Connection, narrow: Side, window: u32, scale: Option<u8>) -> Connection {
    connection.with(|side, end| {
        if side == narrow {
            (end.window, end.scale) = (window, scale);
        }
    })
}

fn download() -> Capture {
    let mut trace = Trace::new();
    let mut connection =
        narrow(Connection::v6(46_100, 5511).over(link::sll).stamped(), Side::Client, 2_048, Some(3));
    connection.open(&mut trace, 90_000);
    connection.data(&mut trace, Side::Client, b"send\n");
    trace.wait_us(90_000);
    fill(&mut trace, &mut connection, Side::Server, 2_048, 700);
    trace.wait_us(300);
    shut(&mut trace, &mut connection, Side::Client);
    for pause in [300, 600, 1_200, 2_400] {
        trace.wait_ms(pause);
        probe(&mut trace, &mut connection, Side::Server);
        trace.wait_us(200);
        refuse(&mut trace, &mut connection, Side::Client);
    }
    trace.wait_ms(900);
    reopen(&mut trace, &mut connection, Side::Client, 2_048);
    trace.wait_us(90_000);
    connection.data(&mut trace, Side::Server, &filler(600, 4));
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Server, 90_000);
    Capture::pcap_as(
        "zero-window-download-ipv6.pcap",
        "an IPv6 client that stops reading: its window is probed four times with doubled pauses",
        &Pcap::link(linktype::LINUX_SLL),
        trace,
    )
}

fn both_sides() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(46_110, 5512)
        .over(link::vlan)
        .with(|_, end| (end.window, end.scale) = (1_000, Some(0)));
    connection.open(&mut trace, 4_000);
    fill(&mut trace, &mut connection, Side::Client, 1_000, 500);
    trace.wait_us(4_000);
    shut(&mut trace, &mut connection, Side::Server);
    fill(&mut trace, &mut connection, Side::Server, 1_000, 500);
    trace.wait_us(80);
    shut(&mut trace, &mut connection, Side::Client);
    for pause in [200, 400] {
        trace.wait_ms(pause);
        probe(&mut trace, &mut connection, Side::Client);
        trace.wait_us(4_000);
        refuse(&mut trace, &mut connection, Side::Server);
        trace.wait_ms(50);
        probe(&mut trace, &mut connection, Side::Server);
        trace.wait_us(80);
        refuse(&mut trace, &mut connection, Side::Client);
    }
    trace.wait_ms(30_000);
    connection.bare(&mut trace, Side::Server, flag::RST | flag::ACK);
    Capture::pcap(
        "zero-window-both-sides.pcap",
        "both sides wait for the other to read: each window is closed and probed, then the server gives up",
        trace,
    )
}

fn unanswered() -> Capture {
    let mut trace = Trace::new();
    let mut connection = narrow(Connection::v4(46_120, 5513), Side::Server, 900, None);
    connection.open(&mut trace, 15_000);
    fill(&mut trace, &mut connection, Side::Client, 900, 900);
    trace.wait_us(15_000);
    shut(&mut trace, &mut connection, Side::Server);
    for pause in [250, 500, 1_000, 2_000, 4_000] {
        trace.wait_ms(pause);
        probe(&mut trace, &mut connection, Side::Client);
    }
    trace.wait_ms(8_000);
    connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
    Capture::pcap(
        "zero-window-probes-unanswered.pcap",
        "five probes of a host that is gone, then a reset",
        trace,
    )
}

fn answers_lost() -> Capture {
    let mut trace = Trace::new();
    let mut connection = narrow(Connection::v4(46_130, 5514).over(link::vxlan), Side::Server, 1_024, Some(8));
    connection.open(&mut trace, 25_000);
    connection.data(&mut trace, Side::Client, b"ready?\n");
    trace.wait_us(25_000);
    connection.ack(&mut trace, Side::Server);
    fill(&mut trace, &mut connection, Side::Client, 1_024, 1_024);
    trace.wait_us(25_000);
    shut(&mut trace, &mut connection, Side::Server);
    for answered in [true, false, true, true] {
        trace.wait_ms(400);
        probe(&mut trace, &mut connection, Side::Client);
        if answered {
            trace.wait_us(25_000);
            refuse(&mut trace, &mut connection, Side::Server);
        }
    }
    trace.wait_ms(100);
    // The update is lost before the capture: a probe finds the window open.
    connection.end_mut(Side::Server).window = 1_024;
    trace.wait_ms(300);
    connection.data(&mut trace, Side::Client, b"p");
    trace.expect("tcp.analysis.zero_window_probe");
    trace.wait_us(25_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(100);
    connection.data(&mut trace, Side::Client, &filler(300, 3));
    trace.wait_us(25_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Server, 25_000);
    Capture::pcap(
        "zero-window-update-lost.pcap",
        "in VXLAN: an answer to a probe and the window update are lost, a probe gets through",
        trace,
    )
}

fn closed_meanwhile() -> Capture {
    let mut trace = Trace::new();
    let mut connection = narrow(Connection::v4(46_140, 5515).stamped(), Side::Server, 1_200, Some(1));
    connection.open(&mut trace, 7_000);
    connection.data(&mut trace, Side::Client, b"log\n");
    trace.wait_us(7_000);
    connection.ack(&mut trace, Side::Server);
    fill(&mut trace, &mut connection, Side::Client, 1_200, 600);
    trace.wait_us(7_000);
    shut(&mut trace, &mut connection, Side::Server);
    trace.wait_ms(210);
    probe(&mut trace, &mut connection, Side::Client);
    trace.wait_us(7_000);
    refuse(&mut trace, &mut connection, Side::Server);
    trace.wait_ms(100);
    // The server stops writing, still without room for anything.
    connection.bare(&mut trace, Side::Server, flag::FIN | flag::ACK);
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    trace.wait_ms(320);
    probe(&mut trace, &mut connection, Side::Client);
    trace.wait_us(7_000);
    refuse(&mut trace, &mut connection, Side::Server);
    trace.wait_ms(500);
    connection.bare(&mut trace, Side::Client, flag::FIN | flag::ACK);
    trace.wait_us(7_000);
    connection.ack(&mut trace, Side::Server);
    Capture::pcap(
        "zero-window-closed.pcap",
        "a connection closed by both sides while the server's window stays closed",
        trace,
    )
}

fn aborted_by_the_reader() -> Capture {
    let mut trace = Trace::new();
    for (port, scale) in [(46_150, Some(14)), (46_151, Some(0))] {
        let window = if scale == Some(14) { 16_384 } else { 700 };
        let mut connection = narrow(Connection::v6(port, 5516), Side::Client, window, scale);
        connection.open(&mut trace, 11_000);
        connection.data(&mut trace, Side::Client, b"all of it\n");
        trace.wait_us(11_000);
        fill(&mut trace, &mut connection, Side::Server, window as usize, 4_000);
        trace.wait_us(80);
        shut(&mut trace, &mut connection, Side::Client);
        trace.wait_ms(220);
        probe(&mut trace, &mut connection, Side::Server);
        trace.wait_us(80);
        refuse(&mut trace, &mut connection, Side::Client);
        trace.wait_ms(100);
        connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
        trace.expect("tcp.connection.rst");
        trace.wait_ms(10);
    }
    Capture::pcap_as(
        "zero-window-reader-resets.pcap",
        "readers with window scale 14 and 0 that close their window and then reset, as a killed process does",
        &Pcap { snaplen: 128, ..Pcap::default() },
        trace.cut(128),
    )
}

fn full_again_and_again() -> Capture {
    let mut trace = Trace::new();
    let mut connection =
        narrow(Connection::v4(46_160, 5517).over(link::padded_ethernet), Side::Server, 500, None);
    connection.open(&mut trace, 3_000);
    for salt in 0..5u8 {
        connection.data(&mut trace, Side::Client, &filler(500, salt));
        trace.expect("tcp.analysis.window_full");
        trace.wait_us(3_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(40);
    }
    connection.close(&mut trace, Side::Client, 3_000);
    Capture::pcap(
        "window-full-each-time.pcap",
        "a tiny receive buffer: every segment fills the window, none closes it",
        trace,
    )
}

fn slow_reader() -> Capture {
    let mut trace = Trace::new();
    let mut connection = narrow(Connection::v4(46_170, 5518).over(link::ppp), Side::Server, 400, Some(0));
    connection.open(&mut trace, 180_000);
    fill(&mut trace, &mut connection, Side::Client, 400, 400);
    for room in [40, 80, 120] {
        trace.wait_us(180_000);
        shut(&mut trace, &mut connection, Side::Server);
        trace.wait_ms(500);
        probe(&mut trace, &mut connection, Side::Client);
        trace.wait_us(180_000);
        refuse(&mut trace, &mut connection, Side::Server);
        trace.wait_ms(300);
        reopen(&mut trace, &mut connection, Side::Server, room);
        trace.wait_us(180_000);
        fill(&mut trace, &mut connection, Side::Client, room as usize, room as usize);
    }
    trace.wait_us(180_000);
    connection.end_mut(Side::Server).window = 400;
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 180_000);
    Capture::pcap_as(
        "zero-window-slow-reader.pcap",
        "on PPP, a reader that gives back a few bytes at a time (silly windows), each time filled and probed",
        &Pcap::link(linktype::PPP),
        trace,
    )
}

fn after_a_loss() -> Capture {
    let mut trace = Trace::new();
    let mut connection = narrow(Connection::v4(46_180, 5519), Side::Server, 2_400, Some(2));
    connection.open(&mut trace, 20_000);
    connection.data(&mut trace, Side::Client, b"ready?\n");
    trace.wait_us(20_000);
    connection.ack(&mut trace, Side::Server);
    let sent: Vec<Segment> =
        (0..4).map(|salt| connection.lost_data(&mut trace, Side::Client, &filler(600, salt))).collect();
    trace.expect("tcp.analysis.window_full");
    trace.wait_us(20_000);
    for segment in &sent[1..] {
        connection.deliver(segment);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.duplicate_ack");
        trace.wait_us(12);
    }
    connection.again(&mut trace, &sent[0]);
    trace.expect("tcp.analysis.fast_retransmission");
    trace.wait_us(20_000);
    shut(&mut trace, &mut connection, Side::Server);
    trace.wait_ms(250);
    probe(&mut trace, &mut connection, Side::Client);
    trace.wait_us(20_000);
    refuse(&mut trace, &mut connection, Side::Server);
    trace.wait_ms(40);
    reopen(&mut trace, &mut connection, Side::Server, 2_400);
    trace.wait_us(50);
    connection.data(&mut trace, Side::Client, &filler(200, 5));
    connection.close(&mut trace, Side::Client, 20_000);
    Capture::pcap(
        "zero-window-after-loss.pcap",
        "a window filled by segments of which the first was lost: repaired, closed, probed and opened",
        trace,
    )
}
