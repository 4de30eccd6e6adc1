//! More ends: FINs lost or crossing a reset, ends never reached, hosts that forgot, one side only.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::file::pcap::Pcap;
use crate::link::{self, linktype};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        every_state(),
        fin_lost(),
        crossing_and_reset(),
        server_restarted(),
        client_only(),
        server_only(),
        last_ack_lost(),
        second_reset(),
    ]
}

/// A connection over which a question was answered.
fn answered(trace: &mut Trace, port: u16) -> Connection {
    let mut connection = Connection::v4(port, 5_204);
    connection.open(trace, 6_000);
    connection.data(trace, Side::Client, b"question\n");
    trace.wait_us(6_000);
    connection.data(trace, Side::Server, b"answer\n");
    trace.wait_us(50);
    connection.ack(trace, Side::Client);
    trace.wait_us(400);
    connection
}

fn every_state() -> Capture {
    let mut trace = Trace::new();
    for stop in 0..8u16 {
        let mut connection = Connection::v4(43_100 + stop, 5_203);
        let steps: [(Side, u16); 7] = [
            (Side::Client, flag::SYN),
            (Side::Server, flag::SYN | flag::ACK),
            (Side::Client, flag::ACK),
            (Side::Server, flag::FIN | flag::ACK),
            (Side::Client, flag::ACK),
            (Side::Client, flag::FIN | flag::ACK),
            (Side::Server, flag::ACK),
        ];
        for (side, flags) in steps.into_iter().take(usize::from(stop)) {
            connection.bare(&mut trace, side, flags);
            trace.wait_us(2_000);
        }
    }
    Capture::pcap(
        "every-state.pcap",
        "one connection after the other, each a step further through opening and closing by the server",
        trace,
    )
}

fn fin_lost() -> Capture {
    let mut trace = Trace::new();
    let mut early = answered(&mut trace, 43_110);
    // Lost before the capture: the other side never hears of the first FIN, the second one shows the hole.
    let fin = early.segment(&trace, Side::Client, flag::FIN | flag::ACK, &[]);
    trace.wait_ms(230);
    early.again(&mut trace, &fin);
    trace.wait_us(6_000);
    early.ack(&mut trace, Side::Server);
    trace.wait_ms(10);
    early.data(&mut trace, Side::Server, b"one more thing\n");
    trace.wait_us(50);
    early.ack(&mut trace, Side::Client);
    let mut late = answered(&mut trace, 43_111);
    // Lost behind the capture, five times.
    let fin = late.segment(&trace, Side::Server, flag::FIN | flag::ACK, &[]);
    late.show(&mut trace, &fin);
    for pause in [220, 440, 880, 1_760] {
        trace.wait_ms(pause);
        late.show(&mut trace, &fin);
        trace.expect("tcp.analysis.retransmission");
    }
    Capture::pcap(
        "fin-lost.pcap",
        "a FIN lost before the capture and sent again, half-closed after it; a FIN that is never acknowledged",
        trace,
    )
}

fn crossing_and_reset() -> Capture {
    let mut trace = Trace::new();
    for (port, who) in [(43_120, Side::Client), (43_121, Side::Server)] {
        let mut connection = answered(&mut trace, port);
        let ours = connection.segment(&trace, Side::Client, flag::FIN | flag::ACK, &[]);
        let theirs = connection.segment(&trace, Side::Server, flag::FIN | flag::ACK, &[]);
        connection.send(&mut trace, &ours);
        trace.expect("tcp.connection.fin_active");
        trace.wait_us(1_000);
        connection.send(&mut trace, &theirs);
        trace.expect("tcp.connection.fin_passive");
        trace.wait_us(2_000);
        connection.bare(&mut trace, who, flag::RST | flag::ACK);
        trace.expect("tcp.connection.rst");
        trace.wait_us(500);
    }
    let mut waiting = answered(&mut trace, 43_122);
    let ours = waiting.segment(&trace, Side::Client, flag::FIN | flag::ACK, &[]);
    let theirs = waiting.segment(&trace, Side::Server, flag::FIN | flag::ACK, &[]);
    waiting.send(&mut trace, &ours);
    trace.wait_us(1_000);
    waiting.send(&mut trace, &theirs);
    Capture::pcap(
        "simultaneous-close-reset.pcap",
        "FINs that cross, then a reset by the client, by the server, and a capture that ends before the ACKs",
        trace,
    )
}

fn server_restarted() -> Capture {
    let mut trace = Trace::new();
    for asks in [true, false] {
        let mut connection = answered(&mut trace, 43_130 + u16::from(asks));
        trace.wait_ms(20_000);
        let from = if asks {
            connection.data(&mut trace, Side::Client, b"still there?\n")
        } else {
            let mut keep = connection.segment(&trace, Side::Client, flag::ACK, b"");
            keep.seq = keep.seq.wrapping_sub(1);
            connection.show(&mut trace, &keep);
            trace.expect("tcp.analysis.keep_alive");
            keep
        };
        trace.wait_us(6_000);
        // A host without the connection takes the number from the acknowledgement (RFC 9293 §3.5.2).
        let mut reset = connection.segment(&trace, Side::Server, flag::RST, &[]);
        (reset.seq, reset.window) = (from.ack, 0);
        connection.send(&mut trace, &reset);
        trace.expect("tcp.connection.rst");
        trace.wait_ms(5);
    }
    Capture::pcap(
        "half-open-server-restarted.pcap",
        "a server restarts: data and a keep-alive on the old connection are answered with a reset",
        trace,
    )
}

/// The frames of a trace of raw IPv4 packets that one side sent.
fn only(trace: Trace, from: Side) -> Trace {
    let first = if from == Side::Client { 10 } else { 192 };
    let mut half = Trace::new();
    half.frames = trace.frames.into_iter().filter(|frame| frame.bytes[12] == first).collect();
    half
}

/// Connections of which one side is seen: only opened, used, and closed by that side.
fn halves(from: Side) -> Trace {
    let mut trace = Trace::new();
    for (index, service) in [5_205, 5_206, 5_207].into_iter().enumerate() {
        let port = 43_140 + 10 * from as u16 + index as u16;
        let mut connection = Connection::v4(port, service).over(link::raw);
        connection.bare(&mut trace, Side::Client, flag::SYN);
        trace.wait_us(14_000);
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(50);
        if index == 0 {
            continue;
        }
        connection.ack(&mut trace, Side::Client);
        connection.data(&mut trace, Side::Client, &get("/half"));
        trace.wait_us(14_000);
        connection.data(&mut trace, Side::Server, &ok(400));
        trace.wait_us(50);
        connection.ack(&mut trace, Side::Client);
        if index == 2 {
            connection.close(&mut trace, from, 14_000);
        }
    }
    only(trace, from)
}

fn client_only() -> Capture {
    let form = Pcap::link(linktype::RAW);
    let shows = "only the client's packets, from the SYN on: opened, used, closed by the client";
    Capture::pcap_as("one-sided-client.pcap", shows, &form, halves(Side::Client))
}

fn server_only() -> Capture {
    let form = Pcap::link(linktype::RAW);
    let shows = "only the server's packets, from the SYN-ACK on: opened, used, closed by the server";
    Capture::pcap_as("one-sided-server.pcap", shows, &form, halves(Side::Server))
}

fn last_ack_lost() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(43_160, 5_208).over(link::padded_ethernet);
    connection.open(&mut trace, 6_000);
    connection.data(&mut trace, Side::Server, &filler(100, 0));
    trace.wait_us(50);
    connection.bare(&mut trace, Side::Client, flag::FIN | flag::ACK);
    trace.wait_us(3_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_ms(30);
    let fin = connection.segment(&trace, Side::Server, flag::FIN | flag::ACK, &[]);
    for pause in [0, 210, 420] {
        trace.wait_ms(pause);
        connection.send(&mut trace, &fin);
        trace.wait_us(50);
        if pause != 210 {
            connection.ack(&mut trace, Side::Client);
        }
    }
    let mut stuck = Connection::v6(43_161, 5_208).over(link::padded_ethernet);
    stuck.open(&mut trace, 6_000);
    stuck.bare(&mut trace, Side::Client, flag::FIN | flag::ACK);
    trace.wait_us(3_000);
    let fin = stuck.segment(&trace, Side::Server, flag::FIN | flag::ACK, &[]);
    for pause in [0, 210, 420, 840] {
        trace.wait_ms(pause);
        stuck.show(&mut trace, &fin);
    }
    Capture::pcap(
        "last-ack-lost-ipv6.pcap",
        "the last ACK is lost: the FIN comes again and is acknowledged again; another is never acknowledged",
        trace,
    )
}

fn second_reset() -> Capture {
    let mut trace = Trace::new();
    let mut connection = answered(&mut trace, 43_170);
    connection.close(&mut trace, Side::Client, 6_000);
    trace.wait_ms(5);
    connection.bare(&mut trace, Side::Server, flag::RST | flag::ACK);
    trace.expect("tcp.connection.rst");
    let mut refused = Connection::v4(43_171, 5_204);
    let syn = refused.bare(&mut trace, Side::Client, flag::SYN);
    for _ in 0..2 {
        trace.wait_us(700);
        let mut reset = refused.segment(&trace, Side::Server, flag::RST | flag::ACK, &[]);
        (reset.seq, reset.window) = (0, 0);
        refused.send(&mut trace, &reset);
        trace.wait_ms(500);
        refused.show(&mut trace, &syn);
    }
    Capture::pcap(
        "reset-after-everything.pcap",
        "a reset after an orderly close, and a SYN that is refused twice and sent a third time",
        trace,
    )
}
