//! The same troubled connection cut at usual snap lengths.

use super::{filler, get};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side};
use crate::file::pcap::Pcap;
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    let names = [
        ("snaplen-50.pcap", 50, "cut inside the TCP header after 16 bytes of it"),
        ("snaplen-54.pcap", 54, "cut after a TCP header without its options"),
        ("snaplen-60.pcap", 60, "cut inside the timestamps"),
        ("snaplen-66.pcap", 66, "cut after the timestamps"),
        ("snaplen-96.pcap", 96, "cut inside the payload, as tcpdump -s 96 does"),
        ("snaplen-44.pcap", 44, "cut inside the TCP header after 10 bytes of it"),
        ("snaplen-34.pcap", 34, "cut after the IP header"),
    ];
    names
        .into_iter()
        .map(|(file, snaplen, shows)| {
            let mut trace = troubled();
            if snaplen < 66 {
                trace.expectations.clear();
            }
            let form = Pcap { snaplen: snaplen as u32, ..Pcap::default() };
            Capture::pcap_as(file, shows, &form, trace.cut(snaplen))
        })
        .collect()
}

/// With and without timestamps: a loss repaired fast, one repaired late, a zero window, and a close.
fn troubled() -> Trace {
    let mut trace = Trace::new();
    for stamped in [true, false] {
        let mut connection = Connection::v4(49_000 + u16::from(stamped), 80);
        if stamped {
            connection = connection.stamped();
        }
        connection.open(&mut trace, 7_000);
        connection.data(&mut trace, Side::Client, &get("/cut"));
        trace.wait_us(7_000);
        let sent: Vec<Segment> =
            (0..5).map(|salt| connection.lost_data(&mut trace, Side::Server, &filler(1_200, salt))).collect();
        connection.deliver(&sent[0]);
        connection.ack(&mut trace, Side::Client);
        for segment in &sent[2..] {
            connection.deliver(segment);
            connection.ack(&mut trace, Side::Client);
            if !stamped || segment.seq == sent[2].seq {
                trace.wait_us(30);
            }
        }
        trace.wait_us(7_000);
        connection.again(&mut trace, &sent[1]);
        trace.wait_us(40);
        connection.ack(&mut trace, Side::Client);
        let lost = connection.lost_data(&mut trace, Side::Server, &filler(800, 7));
        trace.wait_ms(230);
        connection.again(&mut trace, &lost);
        trace.expect("tcp.analysis.retransmission");
        connection.end_mut(Side::Client).window = 0;
        connection.ack(&mut trace, Side::Client);
        trace.expect("tcp.analysis.zero_window");
        trace.wait_ms(90);
        connection.end_mut(Side::Client).window = 64_240;
        connection.ack(&mut trace, Side::Client);
        trace.expect("tcp.analysis.window_update");
        connection.close(&mut trace, Side::Client, 7_000);
    }
    trace
}
