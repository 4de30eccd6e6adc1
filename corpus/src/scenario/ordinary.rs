//! Connections without trouble: exchanges, silences, keep-alives.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        http_exchange(),
        http_persistent(),
        bulk_transfer(),
        keep_alive(),
        silence(),
        half_open_windows(),
        timestamps(),
        congestion_marks(),
        urgent(),
    ]
}

/// Sends a reply in segments of at most 1460 bytes, each second one acknowledged.
pub(super) fn reply(trace: &mut Trace, connection: &mut Connection, payload: &[u8]) {
    for (index, piece) in payload.chunks(1460).enumerate() {
        connection.data(trace, Side::Server, piece);
        trace.wait_us(15);
        if index % 2 == 1 {
            connection.ack(trace, Side::Client);
            trace.wait_us(15);
        }
    }
    if payload.chunks(1460).len() % 2 == 1 {
        connection.ack(trace, Side::Client);
    }
}

fn http_exchange() -> Capture {
    let mut trace = Trace::new();
    for (port, first) in [(40_001, Side::Client), (40_002, Side::Server)] {
        let mut connection = Connection::v4(port, 80);
        connection.bare(&mut trace, Side::Client, flag::SYN);
        trace.expect("tcp.connection.syn").expect_value("tcp.stream", port - 40_001);
        trace.wait_us(18_000);
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.expect("tcp.connection.synack").expect_value("tcp.analysis.ack_rtt", "0.018000000");
        trace.wait_us(40);
        connection.ack(&mut trace, Side::Client);
        trace.expect_value("tcp.analysis.initial_rtt", "0.018040000");
        trace.wait_us(100);
        connection.data(&mut trace, Side::Client, &get("/index.html"));
        trace.wait_us(18_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(3_000);
        reply(&mut trace, &mut connection, &ok(3_000));
        trace.wait_us(500);
        connection.bare(&mut trace, first, flag::FIN | flag::ACK);
        trace.expect("tcp.connection.fin_active");
        trace.wait_us(9_000);
        connection.bare(&mut trace, first.other(), flag::FIN | flag::ACK);
        trace.expect("tcp.connection.fin_passive").expect_value("tcp.completeness", 31);
        trace.wait_us(9_000);
        connection.ack(&mut trace, first);
        trace.expect_value("tcp.completeness", 31);
        trace.wait_ms(50);
    }
    Capture::pcap("http-exchange.pcap", "two whole exchanges, closed by the client and by the server", trace)
}

fn http_persistent() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v6(40_003, 80);
    connection.open(&mut trace, 25_000);
    for path in ["/a", "/b", "/c"] {
        connection.data(&mut trace, Side::Client, &get(path));
        trace.wait_us(26_000);
        reply(&mut trace, &mut connection, &ok(900));
        trace.wait_ms(120);
    }
    connection.close(&mut trace, Side::Client, 25_000);
    Capture::pcap("http-persistent-ipv6.pcap", "three requests on one IPv6 connection", trace)
}

fn bulk_transfer() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_004, 5001).stamped();
    connection.open(&mut trace, 2_000);
    for burst in 0..2 {
        for piece in 0..4 {
            connection.data(&mut trace, Side::Client, &filler(1448, burst * 4 + piece));
            trace.wait_us(12);
        }
        trace.wait_us(2_000);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.ack_rtt");
        trace.wait_us(10);
    }
    connection.close(&mut trace, Side::Client, 2_000);
    Capture::pcap("bulk-upload.pcap", "an upload in two bursts, acknowledged burst by burst", trace)
}

fn keep_alive() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_005, 5002);
    connection.open(&mut trace, 8_000);
    connection.data(&mut trace, Side::Client, b"hello\n");
    trace.wait_us(8_000);
    connection.ack(&mut trace, Side::Server);
    for garbage in [&b""[..], b"\0", b""] {
        trace.wait_ms(45_000);
        let mut probe = connection.segment(&trace, Side::Client, flag::ACK, b"");
        probe.seq = probe.seq.wrapping_sub(1);
        probe.payload = garbage.to_vec();
        connection.show(&mut trace, &probe);
        trace.expect("tcp.analysis.keep_alive");
        trace.wait_us(8_000);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.keep_alive_ack");
        if garbage.is_empty() {
            trace.wait_us(700);
            connection.ack(&mut trace, Side::Server);
            trace.expect("tcp.analysis.keep_alive_ack");
        }
    }
    for _ in 0..3 {
        trace.wait_ms(10_000);
        let mut probe = connection.segment(&trace, Side::Server, flag::ACK, b"");
        probe.seq = probe.seq.wrapping_sub(1);
        connection.show(&mut trace, &probe);
        trace.expect("tcp.analysis.keep_alive");
    }
    trace.wait_ms(10_000);
    connection.bare(&mut trace, Side::Server, flag::RST | flag::ACK);
    trace.expect("tcp.connection.rst");
    Capture::pcap(
        "keep-alive.pcap",
        "keep-alives with and without a byte, answered, answered twice, and at last unanswered",
        trace,
    )
}

fn silence() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_006, 5003);
    connection.open(&mut trace, 8_000);
    connection.data(&mut trace, Side::Client, b"first question\n");
    trace.wait_us(8_000);
    connection.ack(&mut trace, Side::Server);
    trace.wait_ms(5_000);
    connection.data(&mut trace, Side::Server, b"late answer, nothing outstanding\n");
    trace.expect_value("tcp.time_delta", "5.000000000");
    trace.wait_us(60);
    connection.ack(&mut trace, Side::Client);
    trace.wait_ms(30);
    connection.data(&mut trace, Side::Client, b"second question\n");
    trace.wait_ms(3_000);
    connection.data(&mut trace, Side::Server, b"late answer, question outstanding\n");
    trace.expect_value("tcp.analysis.ack_rtt", "3.000000000");
    trace.wait_ms(1_500);
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Server, 8_000);
    Capture::pcap("silence.pcap", "silences of more than a second with and without outstanding data", trace)
}

fn half_open_windows() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_007, 5004);
    connection.open(&mut trace, 8_000);
    for size in [30_000, 20_000, 60_000] {
        connection.data(&mut trace, Side::Client, &filler(200, 1));
        trace.wait_us(8_000);
        connection.ack(&mut trace, Side::Server);
        trace.wait_us(100);
        connection.end_mut(Side::Server).window = size;
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.window_update");
        trace.wait_ms(20);
    }
    connection.close(&mut trace, Side::Client, 8_000);
    Capture::pcap("window-update.pcap", "window updates that shrink and grow", trace)
}

fn timestamps() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_008, 80).stamped();
    connection.open(&mut trace, 18_000);
    connection.data(&mut trace, Side::Client, &get("/stamped"));
    let asked = trace.now_ns();
    trace.set_clock_ns(asked - 5_000_000);
    connection.ack(&mut trace, Side::Server);
    trace.expect_value("tcp.time_delta", "-0.005000000");
    trace.wait_us(4_000);
    reply(&mut trace, &mut connection, &ok(1_000));
    connection.close(&mut trace, Side::Client, 18_000);
    Capture::pcap(
        "clock-steps-back.pcap",
        "a clock that steps back by 5 ms between a request and its ACK",
        trace,
    )
}

fn congestion_marks() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_009, 80);
    connection.bare(&mut trace, Side::Client, flag::SYN | flag::ECE | flag::CWR);
    trace.expect_value("tcp.flags", "0x00c2");
    trace.wait_us(18_000);
    connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK | flag::ECE);
    trace.wait_us(50);
    connection.ack(&mut trace, Side::Client);
    connection.data(&mut trace, Side::Client, &get("/marked"));
    trace.wait_us(18_000);
    connection.data(&mut trace, Side::Server, &ok(500));
    trace.wait_us(50);
    connection.bare(&mut trace, Side::Client, flag::ACK | flag::ECE);
    trace.wait_us(18_000);
    let marked =
        connection.segment(&trace, Side::Server, flag::ACK | flag::PSH | flag::CWR | flag::AE, b"more");
    connection.send(&mut trace, &marked);
    trace.expect_value("tcp.flags", "0x0198");
    connection.close(&mut trace, Side::Client, 18_000);
    Capture::pcap("ecn.pcap", "explicit congestion notification negotiated and used, with the AE bit", trace)
}

fn urgent() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(40_010, 5005);
    connection.open(&mut trace, 6_000);
    let mut urgent =
        connection.segment(&trace, Side::Client, flag::ACK | flag::URG | flag::PSH, b"interrupt!");
    urgent.urgent = 10;
    connection.send(&mut trace, &urgent);
    trace.expect_value("tcp.flags", "0x0038");
    trace.wait_us(6_000);
    connection.ack(&mut trace, Side::Server);
    let mut unmarked =
        connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, b"pointer without the flag");
    unmarked.urgent = 3;
    connection.send(&mut trace, &unmarked);
    trace.wait_us(6_000);
    let mut answer = connection.segment(&trace, Side::Server, flag::ACK | flag::PSH, b"and back");
    answer.urgent = 0xffff;
    connection.send(&mut trace, &answer);
    trace.expect("tcp.urgent_pointer.non_zero");
    trace.wait_us(6_000);
    let mut unasked = connection.segment(&trace, Side::Client, flag::PSH, b"data without the ACK flag");
    unasked.ack = 77;
    connection.send(&mut trace, &unasked);
    trace.wait_us(6_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 6_000);
    Capture::pcap(
        "urgent-and-missing-ack-flag.pcap",
        "urgent data, an urgent pointer without its flag, an ACK number without its flag",
        trace,
    )
}
