//! Lost segments and what brings them back: timeouts, duplicate ACKs, both, too much; and segments that only the capture missed.

use super::filler;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Segment, Side, flag, sack_option};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        timeout(),
        backoff(),
        fast_seen_at_the_sender(),
        fast_seen_at_the_receiver(),
        fast_limit(),
        two_holes(),
        spurious(),
        lost_ack(),
        capture_gap(),
        acked_unseen(),
        wrap(),
        probe_byte_overlap(),
        repacketised(),
    ]
}

/// An opened connection to a bulk service.
fn opened(trace: &mut Trace, port: u16, rtt_us: u64) -> Connection {
    let mut connection = Connection::v4(port, 5300);
    connection.open(trace, rtt_us);
    connection
}

fn timeout() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_000, 20_000);
    for round in 0..2 {
        connection.data(&mut trace, Side::Client, &filler(1000, round));
        trace.wait_us(20_000);
        connection.ack(&mut trace, Side::Server);
        let lost = connection.lost_data(&mut trace, Side::Client, &filler(1000, round + 1));
        trace.wait_ms(221);
        connection.again(&mut trace, &lost);
        trace.expect("tcp.analysis.retransmission").expect_value("tcp.analysis.rto", "0.221000000");
        trace.wait_us(20_000);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.ack_rtt");
    }
    connection.close(&mut trace, Side::Client, 20_000);
    Capture::pcap(
        "retransmission-timeout.pcap",
        "the last segment of a burst lost twice and sent again after 221 ms",
        trace,
    )
}

fn backoff() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_010, 20_000);
    connection.data(&mut trace, Side::Client, &filler(300, 0));
    trace.wait_us(20_000);
    connection.ack(&mut trace, Side::Server);
    let lost = connection.lost_data(&mut trace, Side::Client, &filler(700, 1));
    connection.lost_data(&mut trace, Side::Client, &filler(600, 2));
    for pause in [300, 600, 1_200, 2_400, 4_800] {
        trace.wait_ms(pause);
        connection.show(&mut trace, &lost);
        trace.expect("tcp.analysis.retransmission").expect("tcp.analysis.rto_frame");
    }
    trace.wait_ms(9_600);
    let mut abort = connection.segment(&trace, Side::Client, flag::RST | flag::ACK, &[]);
    abort.seq = lost.seq;
    connection.show(&mut trace, &abort);
    trace.expect("tcp.connection.rst");
    Capture::pcap(
        "retransmission-backoff.pcap",
        "five retransmissions of one segment with doubled pauses, then a reset",
        trace,
    )
}

/// Three duplicate ACKs of the server for segments behind a hole.
fn duplicate_acks(trace: &mut Trace, connection: &mut Connection, behind: &[Segment], expect: bool) {
    for (index, segment) in behind.iter().enumerate() {
        connection.deliver(segment);
        trace.wait_us(120);
        connection.ack(trace, Side::Server);
        if expect {
            trace
                .expect("tcp.analysis.duplicate_ack")
                .expect_value("tcp.analysis.duplicate_ack_num", index + 1);
        }
    }
}

fn fast_seen_at_the_sender() -> Capture {
    let mut trace = Trace::new();
    for sack in [true, false] {
        let mut connection = Connection::v4(44_020 + u16::from(sack), 5300).with(|_, end| end.sack = sack);
        connection.open(&mut trace, 30_000);
        connection.data(&mut trace, Side::Client, &filler(900, 0));
        trace.wait_us(30_000);
        connection.ack(&mut trace, Side::Server);
        let lost = connection.lost_data(&mut trace, Side::Client, &filler(900, 1));
        let mut behind = Vec::new();
        for salt in 2..6 {
            trace.wait_us(12);
            behind.push(connection.lost_data(&mut trace, Side::Client, &filler(900, salt)));
        }
        trace.wait_us(30_000);
        duplicate_acks(&mut trace, &mut connection, &behind, true);
        trace.wait_us(40);
        connection.again(&mut trace, &lost);
        trace.expect("tcp.analysis.fast_retransmission").expect("tcp.analysis.retransmission");
        trace.wait_us(30_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(100);
        connection.close(&mut trace, Side::Client, 30_000);
    }
    Capture::pcap(
        "fast-retransmission-sender-side.pcap",
        "fast retransmissions with and without SACK, the lost segment in the capture",
        trace,
    )
}

fn fast_seen_at_the_receiver() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(44_030, 5300).stamped();
    connection.open(&mut trace, 400);
    for round in 0..2 {
        connection.data(&mut trace, Side::Client, &filler(600, round));
        trace.wait_us(60);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(500);
        let lost = connection.segment(&trace, Side::Client, flag::ACK, &filler(600, round + 1));
        for number in 1..=4 {
            connection.data(&mut trace, Side::Client, &filler(600, round + 2));
            if number == 1 {
                trace.expect("tcp.analysis.lost_segment");
            }
            trace.wait_us(30);
            connection.ack(&mut trace, Side::Server);
            trace.expect_value("tcp.analysis.duplicate_ack_num", number);
            trace.wait_us(90);
        }
        trace.wait_us(15_000);
        connection.again(&mut trace, &lost);
        trace.expect("tcp.analysis.fast_retransmission");
        trace.wait_us(30);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(400);
    }
    connection.close(&mut trace, Side::Client, 400);
    Capture::pcap(
        "fast-retransmission-receiver-side.pcap",
        "fast retransmissions of segments lost before the capture",
        trace,
    )
}

fn fast_limit() -> Capture {
    let mut trace = Trace::new();
    for (index, (pause_us, duplicates)) in
        [(19_990, 3), (20_010, 3), (100, 1), (100, 2)].into_iter().enumerate()
    {
        let mut connection = opened(&mut trace, 44_040 + index as u16, 5_000);
        let lost = connection.segment(&trace, Side::Client, flag::ACK, &filler(500, 0));
        connection.show(&mut trace, &lost);
        let mut behind = Vec::new();
        for salt in 0..duplicates {
            behind.push(connection.lost_data(&mut trace, Side::Client, &filler(500, salt)));
        }
        trace.wait_us(5_000);
        connection.ack(&mut trace, Side::Server);
        duplicate_acks(&mut trace, &mut connection, &behind, false);
        trace.wait_us(pause_us);
        connection.again(&mut trace, &lost);
        match index {
            0 | 3 => trace.expect("tcp.analysis.fast_retransmission"),
            1 => trace.expect("tcp.analysis.rto"),
            _ => trace.expect("tcp.analysis.retransmission"),
        };
        trace.wait_us(5_000);
        connection.ack(&mut trace, Side::Server);
        connection.close(&mut trace, Side::Client, 5_000);
    }
    Capture::pcap(
        "fast-retransmission-limits.pcap",
        "resent just inside and outside 20 ms, after one and two duplicate ACKs",
        trace,
    )
}

fn two_holes() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_050, 24_000);
    connection.data(&mut trace, Side::Client, &filler(800, 0));
    trace.wait_us(24_000);
    connection.ack(&mut trace, Side::Server);
    let sent: Vec<Segment> =
        (1..11).map(|salt| connection.lost_data(&mut trace, Side::Client, &filler(800, salt))).collect();
    trace.wait_us(24_000);
    for (index, segment) in sent.iter().enumerate() {
        if index != 1 && index != 4 && index != 5 {
            connection.deliver(segment);
            trace.wait_us(100);
            connection.ack(&mut trace, Side::Server);
        }
    }
    trace.expect("tcp.analysis.duplicate_ack");
    connection.again(&mut trace, &sent[1]);
    trace.expect("tcp.analysis.fast_retransmission");
    trace.wait_us(24_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(50);
    connection.again(&mut trace, &sent[4]);
    connection.again(&mut trace, &sent[5]);
    trace.expect("tcp.analysis.retransmission");
    trace.wait_us(24_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 24_000);
    Capture::pcap("sack-several-holes.pcap", "SACK blocks for three holes, filled one after another", trace)
}

fn spurious() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_060, 40_000);
    for round in 0..2 {
        let slow = connection.data(&mut trace, Side::Client, &filler(800, round));
        trace.wait_us(80_000);
        let ack = connection.ack(&mut trace, Side::Server);
        trace.wait_us(150);
        connection.again(&mut trace, &slow);
        trace.expect("tcp.analysis.spurious_retransmission").expect("tcp.analysis.retransmission");
        trace.wait_us(40_000);
        let mut repeat = ack.clone();
        repeat.options = sack_option(&[(slow.seq, slow.end())]);
        connection.show(&mut trace, &repeat);
        trace.expect("tcp.analysis.duplicate_ack");
        trace.wait_ms(10);
    }
    let first = connection.data(&mut trace, Side::Client, &filler(500, 3));
    let second = connection.data(&mut trace, Side::Client, &filler(500, 4));
    trace.wait_us(20_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_ms(200);
    for segment in [first, second] {
        connection.again(&mut trace, &segment);
        trace.expect("tcp.analysis.spurious_retransmission");
    }
    connection.close(&mut trace, Side::Client, 40_000);
    Capture::pcap(
        "spurious-retransmission.pcap",
        "segments sent again after their ACK was seen, answered with D-SACK",
        trace,
    )
}

fn lost_ack() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_070, 10_000);
    let data = connection.data(&mut trace, Side::Client, &filler(600, 0));
    trace.wait_ms(250);
    connection.again(&mut trace, &data);
    trace.expect("tcp.analysis.retransmission");
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    connection.data(&mut trace, Side::Client, &filler(600, 1));
    connection.data(&mut trace, Side::Client, &filler(600, 2));
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    trace.expect("tcp.analysis.acks_frame");
    connection.close(&mut trace, Side::Client, 10_000);
    Capture::pcap("ack-lost.pcap", "data sent again because its ACK was lost before the capture", trace)
}

fn capture_gap() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_080, 10_000);
    for round in 0..3 {
        connection.data(&mut trace, Side::Server, &filler(1460, round));
        trace.wait_us(15);
        connection.unseen_data(&trace, Side::Server, &filler(1460, round));
        connection.unseen_data(&trace, Side::Server, &filler(1460, round));
        connection.data(&mut trace, Side::Server, &filler(1460, round));
        trace.expect("tcp.analysis.lost_segment");
        trace.wait_us(15);
        connection.ack(&mut trace, Side::Client);
        trace.expect("tcp.analysis.ack_lost_segment");
        trace.wait_ms(10);
        connection.unseen_data(&trace, Side::Server, &filler(1000, round));
        connection.ack(&mut trace, Side::Client);
        if round == 0 {
            trace.expect("tcp.analysis.ack_lost_segment");
        }
        trace.wait_ms(10);
    }
    connection.close(&mut trace, Side::Client, 10_000);
    Capture::pcap("capture-gap.pcap", "segments that arrived but are not in the capture", trace)
}

fn acked_unseen() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_090, 10_000);
    connection.data(&mut trace, Side::Client, &filler(100, 0));
    for salt in 0..4 {
        trace.wait_us(10_000);
        connection.unseen_data(&trace, Side::Client, &filler(1000, salt));
        connection.ack(&mut trace, Side::Server);
        if salt == 0 {
            trace.expect("tcp.analysis.ack_lost_segment");
        }
        trace.wait_us(200);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.duplicate_ack");
    }
    trace.wait_us(10_000);
    connection.data(&mut trace, Side::Client, &filler(400, 9));
    trace.expect("tcp.analysis.lost_segment");
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 10_000);
    Capture::pcap("acked-unseen.pcap", "ACKs of data that the capture never saw, repeated", trace)
}

fn wrap() -> Capture {
    let mut trace = Trace::new();
    for (index, isn) in [0xffff_fc00u32, 0x7fff_fc00, u32::MAX].into_iter().enumerate() {
        let mut connection = Connection::v4(44_100 + index as u16, 5301).with(|side, end| {
            end.isn = if side == Side::Client { isn } else { !isn.wrapping_mul(3) };
        });
        connection.open(&mut trace, 15_000);
        let mut sent = Vec::new();
        for salt in 0..5 {
            sent.push(connection.lost_data(&mut trace, Side::Client, &filler(400, salt)));
            trace.wait_us(20);
        }
        trace.wait_us(15_000);
        connection.deliver(&sent[0]);
        connection.ack(&mut trace, Side::Server);
        duplicate_acks(&mut trace, &mut connection, &sent[2..], true);
        connection.again(&mut trace, &sent[1]);
        trace.expect("tcp.analysis.fast_retransmission");
        trace.wait_us(15_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_ms(250);
        connection.again(&mut trace, &sent[1]);
        trace.expect("tcp.analysis.spurious_retransmission");
        connection.close(&mut trace, Side::Client, 15_000);
    }
    Capture::pcap(
        "sequence-wrap.pcap",
        "losses across sequence numbers 2^32 and 2^31, and an ISN of 2^32-1",
        trace,
    )
}

fn probe_byte_overlap() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_110, 10_000);
    let first = connection.data(&mut trace, Side::Client, &filler(300, 0));
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    let mut overlap = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &filler(400, 1));
    overlap.seq = overlap.seq.wrapping_sub(1);
    connection.send(&mut trace, &overlap);
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    let mut partly = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &filler(500, 2));
    partly.seq = first.seq;
    connection.send(&mut trace, &partly);
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 10_000);
    Capture::pcap("overlapping-data.pcap", "segments that begin inside data already sent", trace)
}

fn repacketised() -> Capture {
    let mut trace = Trace::new();
    let mut connection = opened(&mut trace, 44_120, 10_000);
    let pieces: Vec<Segment> =
        (0..4).map(|salt| connection.lost_data(&mut trace, Side::Client, &filler(250, salt))).collect();
    trace.wait_ms(300);
    let mut merged = pieces[0].clone();
    merged.payload = pieces.iter().flat_map(|piece| piece.payload.clone()).collect();
    connection.send(&mut trace, &merged);
    trace.expect("tcp.analysis.retransmission");
    trace.wait_us(10_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_us(100);
    let long = connection.lost_data(&mut trace, Side::Client, &filler(1400, 5));
    trace.wait_ms(300);
    for (index, part) in long.payload.chunks(500).enumerate() {
        let mut piece = long.clone();
        piece.seq = long.seq.wrapping_add(500 * index as u32);
        piece.payload = part.to_vec();
        connection.send(&mut trace, &piece);
        trace.expect("tcp.analysis.retransmission");
        trace.wait_us(10_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(100);
    }
    connection.close(&mut trace, Side::Client, 10_000);
    Capture::pcap("repacketised.pcap", "four segments sent again as one, one sent again as three", trace)
}
