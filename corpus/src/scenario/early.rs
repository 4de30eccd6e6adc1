//! More TCP fast open (RFC 7413): data in the SYN taken, ignored, repeated, lost.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side, flag};
use crate::link;
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![accepted(), answered_early(), ignored(), ignored_and_lost(), repeated()]
}

/// A SYN with a cookie of `cookie` bytes and data.
fn early(trace: &mut Trace, connection: &mut Connection, cookie: usize, data: &[u8]) -> Segment {
    let mut syn = connection.segment(trace, Side::Client, flag::SYN, data);
    syn.options.extend_from_slice(&[34, 2 + cookie as u8]);
    syn.options.extend_from_slice(&filler(cookie, 9));
    syn.options.resize(syn.options.len().next_multiple_of(4), 1);
    syn
}

/// A SYN-ACK that acknowledges the SYN alone: the data has to be sent again.
fn ignore(trace: &mut Trace, connection: &mut Connection, syn: &Segment) {
    connection.end_mut(Side::Server).expected = syn.seq.wrapping_add(1);
    connection.bare(trace, Side::Server, flag::SYN | flag::ACK);
    trace.expect("tcp.analysis.tfo_ignored");
    connection.end_mut(Side::Client).next = syn.seq.wrapping_add(1);
}

/// A SYN-ACK that acknowledges the data, too.
fn accept(trace: &mut Trace, connection: &mut Connection) {
    connection.bare(trace, Side::Server, flag::SYN | flag::ACK);
    trace.expect("tcp.analysis.tfo_ack");
}

fn accepted() -> Capture {
    let mut trace = Trace::new();
    for (index, cookie) in [4, 6, 8, 12, 14, 16].into_iter().enumerate() {
        let port = 41_200 + index as u16;
        let mut connection = Connection::v6(port, 443).over(link::vlan);
        let syn = early(&mut trace, &mut connection, cookie, &filler(60 + 40 * index, 1));
        connection.send(&mut trace, &syn);
        trace.expect("tcp.analysis.tfo_syn");
        trace.wait_us(21_000);
        accept(&mut trace, &mut connection);
        trace.wait_us(40);
        connection.ack(&mut trace, Side::Client);
        trace.wait_us(2_000);
        connection.data(&mut trace, Side::Server, &ok(80));
        connection.close(&mut trace, Side::Server, 21_000);
    }
    Capture::pcap(
        "fast-open-ipv6.pcap",
        "fast open over IPv6 with cookies of 4 to 16 bytes, all accepted",
        trace,
    )
}

fn answered_early() -> Capture {
    let mut trace = Trace::new();
    for port in 41_210..41_218u16 {
        let mut connection = Connection::v4(port, 80).stamped();
        let syn = early(&mut trace, &mut connection, 8, &get("/0-rtt"));
        connection.send(&mut trace, &syn);
        trace.expect("tcp.analysis.tfo_syn");
        trace.wait_us(33_000);
        accept(&mut trace, &mut connection);
        trace.wait_us(700);
        // The reply does not wait for the third segment of the handshake.
        connection.data(&mut trace, Side::Server, &ok(60));
        trace.wait_us(60);
        if port % 2 == 0 {
            connection.ack(&mut trace, Side::Client);
            connection.close(&mut trace, Side::Client, 33_000);
        } else {
            connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
        }
    }
    Capture::pcap(
        "fast-open-early-reply.pcap",
        "fast open: the reply comes before the client's first ACK, which is an ACK or a reset",
        trace,
    )
}

fn ignored() -> Capture {
    let mut trace = Trace::new();
    for port in 41_220..41_230u16 {
        let mut connection = Connection::v4(port, 80).over(link::padded_ethernet);
        let request = get("/cookie-too-old");
        let syn = early(&mut trace, &mut connection, 8, &request);
        connection.send(&mut trace, &syn);
        trace.expect("tcp.analysis.tfo_syn");
        trace.wait_us(17_000);
        ignore(&mut trace, &mut connection, &syn);
        trace.wait_us(40);
        match port % 3 {
            0 => drop(connection.ack(&mut trace, Side::Client)),
            1 => {
                connection.data(&mut trace, Side::Client, &request);
                trace.wait_us(17_000);
                connection.data(&mut trace, Side::Server, &ok(30));
                connection.close(&mut trace, Side::Client, 17_000);
            }
            _ => {
                connection.ack(&mut trace, Side::Client);
                trace.wait_ms(200);
                connection.data(&mut trace, Side::Client, &request);
                trace.wait_us(17_000);
                connection.bare(&mut trace, Side::Server, flag::RST | flag::ACK);
            }
        }
    }
    Capture::pcap(
        "fast-open-ignored.pcap",
        "fast open ignored: the data is sent again at once, late, or never",
        trace,
    )
}

fn ignored_and_lost() -> Capture {
    let mut trace = Trace::new();
    for port in 41_250..41_256u16 {
        let mut connection = Connection::v6(port, 8_443).over(link::vxlan);
        let data = filler(200, port as u8);
        let syn = early(&mut trace, &mut connection, 8, &data);
        connection.send(&mut trace, &syn);
        trace.expect("tcp.analysis.tfo_syn");
        trace.wait_us(28_000);
        ignore(&mut trace, &mut connection, &syn);
        trace.wait_us(40);
        let again = connection.lost_data(&mut trace, Side::Client, &data);
        trace.wait_ms(230);
        connection.again(&mut trace, &again);
        trace.expect("tcp.analysis.retransmission");
        trace.wait_us(28_000);
        connection.ack(&mut trace, Side::Server);
    }
    Capture::pcap(
        "fast-open-ignored-then-lost.pcap",
        "in VXLAN: data in the SYN ignored, sent again, lost, and sent a third time",
        trace,
    )
}

fn repeated() -> Capture {
    let mut trace = Trace::new();
    for port in 41_240..41_246u16 {
        let mut connection = Connection::v4(port, 80);
        let syn = early(&mut trace, &mut connection, 8, &get("/lossy"));
        connection.show(&mut trace, &syn);
        trace.expect("tcp.analysis.tfo_syn");
        trace.wait_ms(1_000);
        if port % 2 == 0 {
            // The whole SYN again.
            connection.send(&mut trace, &syn);
            trace.wait_us(14_000);
            let answer = connection.segment(&trace, Side::Server, flag::SYN | flag::ACK, &[]);
            connection.show(&mut trace, &answer);
            trace.expect("tcp.analysis.tfo_ack");
            trace.wait_ms(1_000);
            connection.send(&mut trace, &answer);
        } else {
            // Without the option and its data, as RFC 7413 §4.1.3 asks.
            let mut plain = syn.clone();
            plain.options.truncate(12);
            plain.payload.clear();
            connection.send(&mut trace, &plain);
            trace.expect("tcp.analysis.retransmission");
            connection.end_mut(Side::Client).next = plain.end();
            trace.wait_us(14_000);
            connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        }
        trace.wait_us(40);
        connection.ack(&mut trace, Side::Client);
    }
    Capture::pcap(
        "fast-open-syn-lost.pcap",
        "a SYN with data lost and repeated, with its data and a SYN-ACK repeated, or without data",
        trace,
    )
}
