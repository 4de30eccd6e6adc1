//! More segments sent needlessly again, overtaken, or sent again at once: other links, other directions, other causes.

use super::{filler, get};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side, flag, sack_option};
use crate::file::pcap::Pcap;
use crate::link::{self, linktype};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        go_back(),
        tail_probes(),
        acks_lost_behind(),
        two_paths(),
        overtaken_upload(),
        fast_download(),
        fast_in_tunnel(),
    ]
}

fn segments(trace: &Trace, connection: &mut Connection, from: Side, sizes: &[usize]) -> Vec<Segment> {
    let one = |(salt, size): (usize, &usize)| {
        connection.segment(trace, from, flag::ACK | flag::PSH, &filler(*size, salt as u8))
    };
    sizes.iter().enumerate().map(one).collect()
}

fn go_back() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(44_200, 5302).over(link::sll).with(|_, end| end.sack = false);
    connection.open(&mut trace, 60_000);
    connection.data(&mut trace, Side::Client, &get("/all"));
    trace.wait_us(300);
    let sent = segments(&trace, &mut connection, Side::Server, &[700; 5]);
    for segment in &sent {
        connection.send(&mut trace, segment);
        trace.wait_us(10);
    }
    trace.wait_us(60_000);
    connection.ack(&mut trace, Side::Client);
    trace.wait_us(80);
    // The timer had run out just before: everything goes again, although the ACK has come.
    for segment in &sent {
        connection.again(&mut trace, segment);
        trace.expect("tcp.analysis.spurious_retransmission");
        trace.wait_us(10);
    }
    trace.wait_us(60_000);
    for _ in 0..3 {
        connection.ack(&mut trace, Side::Client);
        trace.expect("tcp.analysis.duplicate_ack");
        trace.wait_us(10);
    }
    connection.close(&mut trace, Side::Server, 60_000);
    Capture::pcap_as(
        "spurious-go-back-ipv6.pcap",
        "an IPv6 server without SACK that sends five acknowledged segments again",
        &Pcap::link(linktype::LINUX_SLL),
        trace,
    )
}

fn tail_probes() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(44_210, 5303).over(link::qinq).stamped();
    connection.open(&mut trace, 30_000);
    for round in 0..3u8 {
        let last = connection.data(&mut trace, Side::Client, &filler(350, round));
        trace.wait_us(30_000);
        let ack = connection.ack(&mut trace, Side::Server);
        trace.wait_us(600);
        // A tail loss probe (RFC 8985 §7) that crosses the ACK on its way; the answer names the copy (RFC 2883).
        connection.again(&mut trace, &last);
        trace.expect("tcp.analysis.spurious_retransmission");
        trace.wait_us(30_000);
        let mut answer = ack;
        answer.options.truncate(12);
        answer.options.extend_from_slice(&sack_option(&[(last.seq, last.end())]));
        connection.show(&mut trace, &answer);
        trace.wait_ms(40);
    }
    connection.close(&mut trace, Side::Client, 30_000);
    Capture::pcap(
        "spurious-tail-probes.pcap",
        "in two VLAN tags: probes of the last segment, each a moment too early, answered with D-SACK",
        trace,
    )
}

fn acks_lost_behind() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(44_220, 5304);
    connection.open(&mut trace, 5_000);
    for round in 0..3u8 {
        // Near the receiver: its ACK is in the capture and lost behind it.
        let sent = segments(&trace, &mut connection, Side::Client, &[500, 300]);
        for segment in &sent {
            connection.send(&mut trace, segment);
            trace.wait_us(12);
        }
        connection.ack(&mut trace, Side::Server);
        trace.wait_ms(220 << round);
        connection.again(&mut trace, &sent[0]);
        trace.expect("tcp.analysis.spurious_retransmission");
        trace.wait_us(30);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.duplicate_ack");
        trace.wait_ms(20);
    }
    connection.close(&mut trace, Side::Client, 5_000);
    Capture::pcap(
        "spurious-ack-lost-behind.pcap",
        "ACKs captured near the receiver and lost on the way: the data comes again after the timer",
        trace,
    )
}

fn two_paths() -> Capture {
    let mut trace = Trace::new();
    let mut rng = crate::rng::Rng::new(44);
    let mut connection = Connection::v6(45_100, 5402).over(link::gre);
    connection.open(&mut trace, 22_000);
    for _ in 0..5 {
        let sizes: Vec<usize> = (0..4).map(|_| rng.between(100, 400) as usize).collect();
        let sent = segments(&trace, &mut connection, Side::Client, &sizes);
        for at in [0, 2, 1, 3] {
            connection.send(&mut trace, &sent[at]);
            if at == 1 {
                trace.expect("tcp.analysis.out_of_order");
            }
            trace.wait_us(rng.between(20, 400));
        }
        trace.wait_us(22_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_ms(rng.between(5, 30));
    }
    connection.close(&mut trace, Side::Client, 22_000);
    Capture::pcap(
        "out-of-order-two-paths-ipv6.pcap",
        "in GRE over two paths: the second of four segments comes third, five times",
        trace,
    )
}

fn overtaken_upload() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(45_110, 5403).over(link::pppoe).stamped();
    connection.open(&mut trace, 50_000);
    for salt in 0..3u8 {
        let sent = segments(&trace, &mut connection, Side::Server, &[300, 200, 100]);
        for at in [2, 1, 0] {
            connection.send(&mut trace, &sent[at]);
            if at != 2 {
                trace.expect("tcp.analysis.out_of_order");
            }
            trace.wait_us(900);
        }
        connection.ack(&mut trace, Side::Client);
        trace.wait_us(50_000);
        connection.data(&mut trace, Side::Client, &filler(40, salt));
        trace.wait_us(50_000);
        connection.ack(&mut trace, Side::Server);
    }
    connection.close(&mut trace, Side::Client, 50_000);
    Capture::pcap(
        "out-of-order-reversed.pcap",
        "in PPPoE: three segments of the server in reversed order, three times, between data of the client",
        trace,
    )
}

/// A hole, as many segments behind it as duplicate ACKs are wanted, and the repair.
fn hole(trace: &mut Trace, connection: &mut Connection, from: Side, behind: usize, rtt_us: u64) {
    connection.data(trace, from, &filler(300, 8));
    trace.wait_us(rtt_us);
    connection.ack(trace, from.other());
    let lost = connection.lost_data(trace, from, &filler(300, 0));
    let sent = segments(trace, connection, from, &vec![300; behind]);
    for segment in &sent {
        connection.show(trace, segment);
        trace.wait_us(15);
    }
    trace.wait_us(rtt_us);
    for segment in &sent {
        connection.deliver(segment);
        connection.ack(trace, from.other());
        trace.expect("tcp.analysis.duplicate_ack");
        trace.wait_us(15);
    }
    connection.again(trace, &lost);
    trace.expect("tcp.analysis.fast_retransmission");
    trace.wait_us(rtt_us);
    connection.ack(trace, from.other());
}

fn fast_download() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(44_230, 80).over(link::null_big).stamped();
    connection.open(&mut trace, 45_000);
    connection.data(&mut trace, Side::Client, &get("/video"));
    trace.wait_us(45_000);
    for behind in [3, 6] {
        hole(&mut trace, &mut connection, Side::Server, behind, 45_000);
    }
    connection.close(&mut trace, Side::Client, 45_000);
    Capture::pcap_as(
        "fast-retransmission-download-ipv6.pcap",
        "two holes in an IPv6 download, repaired after three and six duplicate ACKs",
        &Pcap::link(linktype::LOOP),
        trace,
    )
}

fn fast_in_tunnel() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(44_240, 5305).over(link::geneve).with(|side, end| {
        end.scale = if side == Side::Client { Some(9) } else { None };
    });
    connection.open(&mut trace, 8_000);
    for behind in [4, 3] {
        hole(&mut trace, &mut connection, Side::Client, behind, 8_000);
        hole(&mut trace, &mut connection, Side::Server, behind, 8_000);
    }
    connection.bare(&mut trace, Side::Client, flag::RST | flag::ACK);
    Capture::pcap(
        "fast-retransmission-both-ways.pcap",
        "in Geneve: holes in both directions in turn, each repaired after three or four duplicate ACKs",
        trace,
    )
}
