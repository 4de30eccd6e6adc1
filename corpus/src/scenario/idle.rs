//! More idle connections and what keeps them alive (RFC 9293 §3.8.4).

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::file::pcap::Pcap;
use crate::link::{self, linktype};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![both_sides(), seen_from_the_middle(), after_trouble(), garbage_byte()]
}

/// A keep-alive of `from`: the byte before the next one, or none at all.
fn keep_alive(trace: &mut Trace, connection: &mut Connection, from: Side, garbage: &[u8]) {
    let next = connection.end(from).next;
    let mut segment = connection.segment(trace, from, flag::ACK, garbage);
    segment.seq = next.wrapping_sub(1);
    connection.end_mut(from).next = next;
    connection.show(trace, &segment);
    trace.expect("tcp.analysis.keep_alive");
}

/// Its answer.
fn alive(trace: &mut Trace, connection: &mut Connection, side: Side) {
    connection.ack(trace, side);
    trace.expect("tcp.analysis.keep_alive_ack");
}

fn both_sides() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(40_100, 5006).over(link::sll2).stamped();
    connection.open(&mut trace, 35_000);
    connection.data(&mut trace, Side::Client, b"subscribe\n");
    trace.wait_us(35_000);
    connection.data(&mut trace, Side::Server, b"subscribed\n");
    trace.wait_us(90);
    connection.ack(&mut trace, Side::Client);
    for _ in 0..3 {
        trace.wait_ms(30_000);
        keep_alive(&mut trace, &mut connection, Side::Client, b"");
        trace.wait_us(35_000);
        alive(&mut trace, &mut connection, Side::Server);
        trace.wait_ms(15_000);
        keep_alive(&mut trace, &mut connection, Side::Server, b"");
        trace.wait_us(90);
        alive(&mut trace, &mut connection, Side::Client);
    }
    trace.wait_ms(4_000);
    connection.data(&mut trace, Side::Server, b"event\n");
    trace.wait_us(90);
    connection.ack(&mut trace, Side::Client);
    Capture::pcap_as(
        "keep-alive-both-sides-ipv6.pcap",
        "an idle IPv6 connection that both sides keep alive, still open at the end",
        &Pcap::link(linktype::LINUX_SLL2),
        trace,
    )
}

fn seen_from_the_middle() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_110, 5007).over(link::raw);
    connection.open_unseen();
    connection.unseen_data(&trace, Side::Client, b"before the capture\n");
    connection.unseen_data(&trace, Side::Server, b"before the capture, too\n");
    connection.ack(&mut trace, Side::Client);
    trace.wait_us(500);
    connection.ack(&mut trace, Side::Server);
    for _ in 0..5 {
        trace.wait_ms(75_000);
        keep_alive(&mut trace, &mut connection, Side::Server, b"");
        trace.wait_us(150);
        alive(&mut trace, &mut connection, Side::Client);
    }
    Capture::pcap_as(
        "keep-alive-midstream.pcap",
        "a capture of nothing but keep-alives of a connection that began before it",
        &Pcap::link(linktype::RAW),
        trace,
    )
}

fn after_trouble() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_120, 80).over(link::gre);
    connection.open(&mut trace, 12_000);
    connection.data(&mut trace, Side::Client, &get("/idle"));
    trace.wait_us(12_000);
    let reply = connection.lost_data(&mut trace, Side::Server, &ok(200));
    trace.wait_ms(210);
    connection.again(&mut trace, &reply);
    trace.expect("tcp.analysis.retransmission");
    trace.wait_us(70);
    connection.ack(&mut trace, Side::Client);
    for answered in [true, false, true, false, true] {
        trace.wait_ms(10_000);
        keep_alive(&mut trace, &mut connection, Side::Client, b"");
        if answered {
            trace.wait_us(12_000);
            alive(&mut trace, &mut connection, Side::Server);
        }
    }
    trace.wait_ms(2_000);
    connection.data(&mut trace, Side::Client, &get("/idle"));
    trace.wait_us(12_000);
    connection.data(&mut trace, Side::Server, &ok(100));
    trace.wait_us(70);
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Server, 12_000);
    Capture::pcap(
        "keep-alive-some-lost.pcap",
        "in GRE: keep-alives of which some are lost, between two requests",
        trace,
    )
}

fn garbage_byte() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_130, 5008).with(|_, end| end.isn = u32::MAX - 10);
    connection.open(&mut trace, 2_000);
    connection.data(&mut trace, Side::Client, &filler(10, 0));
    trace.wait_us(2_000);
    connection.ack(&mut trace, Side::Server);
    for pause in [60_000, 60_000, 61_000, 7_200_000] {
        trace.wait_ms(pause);
        keep_alive(&mut trace, &mut connection, Side::Client, b"\0");
        trace.wait_us(2_000);
        alive(&mut trace, &mut connection, Side::Server);
    }
    connection.close(&mut trace, Side::Client, 2_000);
    Capture::pcap(
        "keep-alive-garbage-byte.pcap",
        "keep-alives with a byte of garbage where the sequence number passes 0, the last one after two hours",
        trace,
    )
}
