//! Handshakes: window scale, fast open, MPTCP, repeated and reused ones, refused and unanswered ones.

use super::{filler, get, ok};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![
        window_scale(),
        unanswered(),
        refused(),
        port_reuse(),
        second_syn_ack(),
        late_syn_ack(),
        fast_open(),
        multipath(),
        simultaneous_open(),
        syn_cookies(),
    ]
}

/// A few segments that show the scaled windows of both sides.
fn talk(trace: &mut Trace, connection: &mut Connection) {
    connection.data(trace, Side::Client, b"question");
    trace.wait_us(9_000);
    connection.data(trace, Side::Server, b"answer");
    trace.wait_us(50);
    connection.ack(trace, Side::Client);
}

fn window_scale() -> Capture {
    let mut trace = Trace::new();
    let kinds = [
        (Some(7), Some(2)),
        (None, Some(7)),
        (Some(7), None),
        (None, None),
        (Some(0), Some(14)),
        (Some(15), Some(9)),
    ];
    for (index, (client, server)) in kinds.into_iter().enumerate() {
        let mut connection = Connection::v4(41_000 + index as u16, 5100)
            .with(|side, end| end.scale = if side == Side::Client { client } else { server });
        connection.open(&mut trace, 9_000);
        talk(&mut trace, &mut connection);
        match index {
            0 => trace.expect_value("tcp.window_size_scalefactor", 128),
            5 => trace.expect_value("tcp.window_size_scalefactor", 16_384),
            4 => trace.expect_value("tcp.window_size_scalefactor", 1),
            _ => trace.expect_value("tcp.window_size_scalefactor", -2),
        };
        trace.wait_ms(5);
    }
    let mut half = Connection::v4(41_010, 5100);
    half.segment(&trace, Side::Client, flag::SYN, &[]);
    half.end_mut(Side::Server).expected = half.end(Side::Client).next;
    half.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
    half.ack(&mut trace, Side::Client);
    trace.expect_value("tcp.window_size_scalefactor", -1);
    talk(&mut trace, &mut half);
    Capture::pcap(
        "window-scale.pcap",
        "window scale offered by both, one, none; shifts 0, 14 and 15; and a missing SYN",
        trace,
    )
}

fn unanswered() -> Capture {
    let mut trace = Trace::new();
    for port in [41_020, 41_021] {
        let mut connection = Connection::v4(port, 443);
        let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
        connection.show(&mut trace, &syn);
        for pause in [1_000, 2_000, 4_000] {
            trace.wait_ms(pause);
            connection.show(&mut trace, &syn);
            trace.expect("tcp.analysis.retransmission").expect("tcp.analysis.rto");
        }
        trace.wait_ms(500);
    }
    Capture::pcap(
        "syn-unanswered.pcap",
        "two connection attempts repeated after 1, 2 and 4 s without an answer",
        trace,
    )
}

fn refused() -> Capture {
    let mut trace = Trace::new();
    for port in [41_030, 41_031] {
        let mut connection = Connection::v4(port, 8081);
        connection.bare(&mut trace, Side::Client, flag::SYN);
        trace.wait_us(900);
        let mut reset = connection.segment(&trace, Side::Server, flag::RST | flag::ACK, &[]);
        (reset.seq, reset.window) = (0, 0);
        connection.send(&mut trace, &reset);
        trace.expect("tcp.connection.rst").expect_value("tcp.flags", "0x0014");
        trace.wait_ms(200);
    }
    Capture::pcap("connection-refused.pcap", "two connection attempts answered by a reset", trace)
}

fn port_reuse() -> Capture {
    let mut trace = Trace::new();
    for round in 0..3u32 {
        let mut connection =
            Connection::v4(41_040, 80).with(|_, end| end.isn = end.isn.wrapping_add(round * 640_000));
        connection.bare(&mut trace, Side::Client, flag::SYN);
        if round > 0 {
            trace.expect("tcp.analysis.reused_ports").expect_value("tcp.stream", round);
        }
        trace.wait_us(7_000);
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(50);
        connection.ack(&mut trace, Side::Client);
        connection.data(&mut trace, Side::Client, &get("/again"));
        trace.wait_us(7_000);
        connection.data(&mut trace, Side::Server, &ok(100));
        connection.close(&mut trace, Side::Client, 7_000);
        trace.wait_ms(61_000);
    }
    Capture::pcap("port-reuse.pcap", "the same two ports used for three connections", trace)
}

fn second_syn_ack() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(41_050, 80);
    let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
    connection.send(&mut trace, &syn);
    trace.wait_us(500);
    let mut reset = connection.segment(&trace, Side::Server, flag::RST | flag::ACK, &[]);
    reset.seq = 0;
    connection.show(&mut trace, &reset);
    trace.wait_ms(500);
    connection.send(&mut trace, &syn);
    trace.expect("tcp.analysis.retransmission");
    trace.wait_us(500);
    connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
    trace.expect("tcp.analysis.reused_ports");
    trace.wait_us(50);
    connection.ack(&mut trace, Side::Client);
    connection.data(&mut trace, Side::Client, &get("/second-try"));
    trace.wait_us(500);
    connection.data(&mut trace, Side::Server, &ok(40));
    connection.close(&mut trace, Side::Client, 500);
    Capture::pcap(
        "refused-then-accepted.pcap",
        "a SYN refused, repeated with the same ISN and accepted",
        trace,
    )
}

fn late_syn_ack() -> Capture {
    let mut trace = Trace::new();
    for port in [41_060, 41_061] {
        let mut connection = Connection::v4(port, 80);
        let syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
        connection.send(&mut trace, &syn);
        trace.wait_ms(5);
        let answer = connection.segment(&trace, Side::Server, flag::SYN | flag::ACK, &[]);
        connection.show(&mut trace, &answer);
        trace.wait_ms(1_000);
        if port == 41_060 {
            connection.show(&mut trace, &syn);
            trace.expect("tcp.analysis.retransmission");
            trace.wait_ms(5);
        }
        connection.send(&mut trace, &answer);
        trace.expect("tcp.analysis.retransmission");
        trace.wait_us(60);
        connection.ack(&mut trace, Side::Client);
        connection.data(&mut trace, Side::Client, &get("/late"));
        trace.wait_ms(5);
        connection.data(&mut trace, Side::Server, &ok(10));
        connection.close(&mut trace, Side::Client, 5_000);
    }
    Capture::pcap(
        "syn-ack-repeated.pcap",
        "a lost SYN-ACK: repeated after a second SYN, and on the server's own timer",
        trace,
    )
}

fn fast_open() -> Capture {
    let mut trace = Trace::new();
    let cookie = [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1];
    let kinds = [
        (&cookie[..], 8, true),
        (&cookie[..], 8, false),
        (&[34, 2, 1, 1][..], 0, true),
        (&[254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8][..], 8, true),
        (&[254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8][..], 8, false),
    ];
    for (index, (option, early, accepted)) in kinds.into_iter().enumerate() {
        let mut connection = Connection::v4(41_070 + index as u16, 80);
        let request = get("/early");
        let data = if early == 0 { &[][..] } else { &request[..] };
        let mut syn = connection.segment(&trace, Side::Client, flag::SYN, data);
        syn.options.extend_from_slice(option);
        connection.send(&mut trace, &syn);
        if early != 0 {
            trace.expect_value("tcp.len", request.len());
        }
        trace.wait_us(14_000);
        if !accepted {
            connection.end_mut(Side::Server).expected = syn.seq.wrapping_add(1);
        }
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(50);
        connection.ack(&mut trace, Side::Client);
        if !accepted || early == 0 {
            if !accepted {
                connection.end_mut(Side::Client).next = syn.seq.wrapping_add(1);
            }
            connection.data(&mut trace, Side::Client, &request);
        }
        trace.wait_us(14_000);
        connection.data(&mut trace, Side::Server, &ok(60));
        connection.close(&mut trace, Side::Client, 14_000);
    }
    Capture::pcap(
        "fast-open.pcap",
        "TCP fast open: accepted, ignored, cookie asked for, and the experimental option",
        trace,
    )
}

fn multipath() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(41_080, 5101);
    let capable = |len: u8, from: u8| {
        let mut option = vec![30, len, 0, 0x81];
        option.resize(usize::from(len), from);
        option
    };
    let mut syn = connection.segment(&trace, Side::Client, flag::SYN, &[]);
    syn.options = [&[2, 4, 5, 180, 4, 2][..], &capable(12, 0xa1)[..], &[1, 3, 3, 9][..]].concat();
    connection.send(&mut trace, &syn);
    trace.wait_us(9_000);
    let mut answer = connection.segment(&trace, Side::Server, flag::SYN | flag::ACK, &[]);
    answer.options = [&capable(12, 0xb2)[..], &[2, 4, 5, 180, 1, 3, 3, 6, 4, 2]].concat();
    connection.send(&mut trace, &answer);
    trace.wait_us(60);
    connection.end_mut(Side::Client).scale = Some(9);
    connection.end_mut(Side::Server).scale = Some(6);
    let mut third = connection.segment(&trace, Side::Client, flag::ACK, &[]);
    third.options = capable(20, 0xa1);
    connection.send(&mut trace, &third);
    trace.expect_value("tcp.window_size_scalefactor", 512);
    trace.wait_us(100);
    connection.data(&mut trace, Side::Client, &filler(300, 0));
    trace.wait_us(9_000);
    connection.ack(&mut trace, Side::Server);
    trace.expect_value("tcp.window_size_scalefactor", 64);
    trace.wait_us(100);
    let mut joined = connection.segment(&trace, Side::Server, flag::ACK, &[]);
    joined.options = vec![30, 8, 0x20, 1, 0, 0, 0, 9];
    connection.send(&mut trace, &joined);
    trace.expect("tcp.analysis.duplicate_ack");
    trace.wait_us(100);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 9_000);
    Capture::pcap(
        "mptcp-before-window-scale.pcap",
        "MPTCP options before the window scale in both SYNs, and a data ACK that repeats an ACK",
        trace,
    )
}

fn simultaneous_open() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(41_090, 5102);
    let ours = connection.segment(&trace, Side::Client, flag::SYN, &[]);
    let theirs = connection.segment(&trace, Side::Server, flag::SYN, &[]);
    connection.send(&mut trace, &ours);
    trace.wait_us(2_000);
    connection.send(&mut trace, &theirs);
    trace.wait_us(100);
    for segment in [&ours, &theirs] {
        let mut both = connection.refreshed(&trace, segment);
        both.flags = flag::SYN | flag::ACK;
        both.ack = connection.end(segment.from).expected;
        connection.send(&mut trace, &both);
        trace.wait_us(2_000);
    }
    connection.data(&mut trace, Side::Client, b"both opened");
    trace.wait_us(4_000);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Server, 4_000);
    Capture::pcap("simultaneous-open.pcap", "both sides open at once (RFC 9293, figure 7)", trace)
}

fn syn_cookies() -> Capture {
    let mut trace = Trace::new();
    let mut flood = Vec::new();
    for index in 0..12u16 {
        let mut connection = Connection::v4(42_000 + index * 7, 80).with(|side, end| {
            if side == Side::Client {
                end.addr = std::net::IpAddr::from([198, 51, 100, index as u8])
            }
        });
        connection.bare(&mut trace, Side::Client, flag::SYN);
        trace.wait_us(30);
        flood.push(connection);
    }
    for connection in &mut flood {
        connection.bare(&mut trace, Side::Server, flag::SYN | flag::ACK);
        trace.wait_us(20);
    }
    for connection in &mut flood {
        trace.wait_ms(90);
        let mut again = connection.segment(&trace, Side::Server, flag::SYN | flag::ACK, &[]);
        again.seq = again.seq.wrapping_sub(1);
        connection.show(&mut trace, &again);
        trace.expect("tcp.analysis.retransmission");
    }
    Capture::pcap(
        "half-open.pcap",
        "twelve handshakes from different hosts that the client never completes",
        trace,
    )
}
