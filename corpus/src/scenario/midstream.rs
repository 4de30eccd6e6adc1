//! Captures that miss a beginning or a side.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::conversation::Sight;
use crate::endpoint::{Segment, Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![midstream(), one_sided(), midstream_syn(), sequence_zero(), epoch_zero(), asymmetric_burst()]
}

fn midstream() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(47_000, 80);
    connection.open_unseen();
    connection.data(&mut trace, Side::Server, &filler(1460, 0));
    trace.expect_value("tcp.window_size_scalefactor", -1).expect_value("tcp.completeness", 0);
    trace.wait_us(20);
    connection.ack(&mut trace, Side::Client);
    trace.wait_ms(5);
    let lost = connection.lost_data(&mut trace, Side::Server, &filler(1460, 1));
    trace.wait_ms(260);
    connection.again(&mut trace, &lost);
    trace.expect("tcp.analysis.retransmission");
    connection.ack(&mut trace, Side::Client);
    let old = connection.segment(&trace, Side::Client, flag::ACK, b"early request");
    let mut early = old.clone();
    early.seq = old.seq.wrapping_sub(500);
    connection.show(&mut trace, &early);
    connection.close(&mut trace, Side::Server, 9_000);
    Capture::pcap("midstream.pcap", "a capture that starts in the middle of a connection", trace)
}

fn one_sided() -> Capture {
    let mut both = Trace::new();
    let mut connection = Connection::v4(47_010, 5600);
    connection.open(&mut both, 9_000);
    let sent: Vec<Segment> =
        (0..5).map(|salt| connection.lost_data(&mut both, Side::Client, &filler(900, salt))).collect();
    both.wait_us(9_000);
    connection.deliver(&sent[0]);
    connection.ack(&mut both, Side::Server);
    for segment in &sent[2..] {
        connection.deliver(segment);
        both.wait_us(70);
        connection.ack(&mut both, Side::Server);
    }
    connection.again(&mut both, &sent[1]);
    both.wait_us(9_000);
    connection.ack(&mut both, Side::Server);
    both.wait_ms(240);
    connection.again(&mut both, &sent[4]);
    connection.close(&mut both, Side::Client, 9_000);
    let mut trace = Trace::new();
    for side in [10, 192] {
        for frame in both.frames.iter().filter(|frame| frame.bytes[26] == side) {
            let mut bytes = frame.bytes.clone();
            trace.set_clock_ns(frame.time_ns);
            if side == 192 {
                // Another client port, so that the server's half is a connection of its own; the checksum follows (RFC 1624).
                bytes[37] += 1;
                let sum = u16::from_be_bytes([bytes[50], bytes[51]]);
                bytes[50..52].copy_from_slice(&sum.checked_sub(1).unwrap_or(0xfffe).to_be_bytes());
                trace.wait_ms(60_000);
            }
            let mut copy = frame.clone();
            for sight in &mut copy.sights {
                if let Sight::Segment(seen) = sight
                    && side == 192
                {
                    seen.to.1 += 1;
                }
            }
            trace.push_like(&copy, bytes);
        }
    }
    Capture::pcap(
        "one-sided.pcap",
        "one connection of which only the client is seen, and one of which only the server is",
        trace,
    )
}

fn midstream_syn() -> Capture {
    let mut trace = Trace::new();
    let mut old = Connection::v4(47_020, 80);
    old.open_unseen();
    old.data(&mut trace, Side::Client, &get("/old"));
    trace.wait_us(9_000);
    old.data(&mut trace, Side::Server, &ok(50));
    trace.wait_ms(3_000);
    let mut new = Connection::v4(47_020, 80).with(|_, end| end.isn = end.isn.wrapping_add(77_000));
    new.bare(&mut trace, Side::Client, flag::SYN);
    trace.expect("tcp.analysis.reused_ports").expect_value("tcp.stream", 1);
    trace.wait_us(9_000);
    new.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
    new.ack(&mut trace, Side::Client);
    new.data(&mut trace, Side::Client, &get("/new"));
    trace.wait_us(9_000);
    new.data(&mut trace, Side::Server, &ok(60));
    new.close(&mut trace, Side::Client, 9_000);
    Capture::pcap(
        "midstream-then-syn.pcap",
        "a connection seen from its middle, then a new one on the same ports",
        trace,
    )
}

fn sequence_zero() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(47_030, 5601).with(|_, end| end.isn = u32::MAX);
    connection.open(&mut trace, 4_000);
    connection.data(&mut trace, Side::Client, &filler(100, 0));
    trace.wait_us(4_000);
    connection.ack(&mut trace, Side::Server);
    connection.data(&mut trace, Side::Server, &filler(100, 1));
    trace.wait_us(4_000);
    connection.ack(&mut trace, Side::Client);
    let mut second = Connection::v4(47_031, 5601).with(|_, end| end.isn = u32::MAX - 100);
    second.open(&mut trace, 4_000);
    let exact = second.data(&mut trace, Side::Client, &filler(100, 0));
    trace.wait_us(4_000);
    second.ack(&mut trace, Side::Server);
    trace.wait_ms(250);
    second.again(&mut trace, &exact);
    second.data(&mut trace, Side::Client, &filler(100, 2));
    trace.wait_us(4_000);
    second.ack(&mut trace, Side::Server);
    Capture::pcap(
        "next-sequence-zero.pcap",
        "connections whose next expected sequence number is exactly 0",
        trace,
    )
}

fn epoch_zero() -> Capture {
    let mut trace = Trace::new();
    trace.set_clock_ns(crate::trace::START_NS);
    for (port, rtt_us) in [(47_050, 7_000), (47_051, 0)] {
        let mut connection = Connection::v4(port, 5603);
        connection.bare(&mut trace, Side::Client, flag::SYN);
        trace.wait_us(rtt_us);
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        connection.ack(&mut trace, Side::Client);
        connection.data(&mut trace, Side::Client, &filler(80, 0));
        let late = connection.segment(&trace, Side::Client, flag::ACK, &filler(80, 1));
        connection.data(&mut trace, Side::Client, &filler(80, 2));
        trace.wait_us(4_000);
        connection.send(&mut trace, &late);
        connection.ack(&mut trace, Side::Server);
    }
    for frame in &mut trace.frames {
        frame.time_ns -= crate::trace::START_NS;
    }
    Capture::pcap(
        "epoch-zero.pcap",
        "a SYN stamped exactly at the epoch, and a handshake that takes no time",
        trace,
    )
}

fn asymmetric_burst() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(47_040, 5602);
    connection.open_unseen();
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(30);
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(30);
    connection.data(&mut trace, Side::Client, &filler(400, 0));
    let lost = connection.segment(&trace, Side::Client, flag::ACK, &filler(400, 1));
    connection.data(&mut trace, Side::Client, &filler(400, 2));
    trace.expect("tcp.analysis.lost_segment");
    trace.wait_us(30);
    connection.ack(&mut trace, Side::Server);
    connection.ack(&mut trace, Side::Server);
    connection.ack(&mut trace, Side::Server);
    connection.again(&mut trace, &lost);
    trace.expect("tcp.analysis.fast_retransmission");
    connection.ack(&mut trace, Side::Server);
    Capture::pcap("midstream-loss.pcap", "a loss and its repair in a connection seen from its middle", trace)
}
