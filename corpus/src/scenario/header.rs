//! TCP and IP headers that say odd things.

use super::filler;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::conversation::{Seen, Sight};
use crate::endpoint::{Side, flag};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    vec![options(), lengths(), offload(), checksums(), same_addresses()]
}

fn options() -> Capture {
    let mut trace = Trace::new();
    let cases: [&[u8]; 17] = [
        &[2, 4, 5, 180],
        &[3, 3, 7, 0],
        &[1, 1, 1, 1],
        &[3, 3, 5, 0],
        &[0, 0, 7, 7],
        &[3, 2, 1, 1],
        &[2, 3, 5, 1],
        &[8, 9, 1, 1],
        &[5, 40, 1, 1],
        &[200, 0, 1, 1],
        &[30, 4, 0x20, 0, 1, 3, 3, 4],
        &[5, 7, 0, 0, 0, 1, 1, 1],
        &[1, 1, 1, 1],
        &[0, 9, 0, 0],
        &[5, 7, 0, 0, 0, 2, 1, 1],
        &[3, 3, 15, 0],
        &[3, 3, 15, 0],
    ];
    let mut connection = Connection::v4(48_000, 5700);
    connection.open(&mut trace, 3_000);
    for (index, option) in cases.into_iter().enumerate() {
        let side = if index % 2 == 0 { Side::Client } else { Side::Server };
        let mut segment = connection.segment(&trace, side, flag::ACK | flag::PSH, &filler(20, index as u8));
        segment.options = option.to_vec();
        connection.deliver(&segment);
        connection.show(&mut trace, &segment);
        if option.starts_with(&[5, 7]) {
            // Wireshark breaks off inside these options and does not count the segment.
            trace.uncount();
        }
        trace.wait_us(3_000);
    }
    let mut bare = Connection::v4(48_001, 5700);
    let mut syn = bare.segment(&trace, Side::Client, flag::SYN, &[]);
    syn.options = vec![1, 3, 3, 8];
    bare.send(&mut trace, &syn);
    trace.wait_us(3_000);
    let mut answer = bare.segment(&trace, Side::Server, flag::SYN | flag::ACK, &[]);
    answer.options = vec![1, 3, 3, 6, 99, 4, 1, 2];
    bare.send(&mut trace, &answer);
    bare.ack(&mut trace, Side::Client);
    trace.expect_value("tcp.window_size_scalefactor", 256);
    bare.data(&mut trace, Side::Server, b"unknown option 99 was skipped");
    trace.expect_value("tcp.window_size_scalefactor", 64);
    Capture::pcap(
        "tcp-options-odd.pcap",
        "options with wrong lengths, unknown kinds, late window scales, bytes after the end",
        trace,
    )
}

fn lengths() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(48_010, 5701);
    connection.open(&mut trace, 3_000);
    let data = connection.data(&mut trace, Side::Client, &filler(60, 0));
    for offset in [0x40u8, 0xf0, 0x00] {
        trace.wait_us(500);
        let bare = connection.end_segment(Side::Client);
        let mut packet = connection.packet(&bare, 900);
        packet[32] = offset;
        let odd = Seen { counted: false, flags: 0, ..connection.seen(&bare) };
        trace.push(connection.wrap(Side::Client, &packet)).saw(Sight::Segment(odd));
    }
    for (first, total) in [(0x44u8, 80u16), (0x4f, 80), (0x45, 30), (0x45, 10), (0x45, 200), (0x65, 80)] {
        trace.wait_us(500);
        let mut packet = connection.packet(&data, 901);
        packet[0] = first;
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        trace.push(connection.wrap(Side::Client, &packet));
        let seen = connection.seen(&data);
        match (first, total) {
            // Behind 60 bytes of IP header payload is taken for a TCP header.
            (0x4f, _) => {
                let port = |at: usize| u16::from_be_bytes([packet[60 + at], packet[61 + at]]);
                let (from, to) = ((seen.from.0, port(0)), (seen.to.0, port(2)));
                trace.saw(Sight::Segment(Seen { from, to, flags: 0, counted: false, ..seen }));
            }
            (0x45, 200) => drop(trace.saw(Sight::Segment(seen))),
            _ => {}
        }
    }
    trace.wait_us(500);
    connection.ack(&mut trace, Side::Server);
    connection.close(&mut trace, Side::Client, 3_000);
    Capture::pcap(
        "header-lengths-odd.pcap",
        "TCP and IP header lengths that are too small or too large",
        trace,
    )
}

fn offload() -> Capture {
    let mut trace = Trace::new();
    for (index, v6) in [false, true].into_iter().enumerate() {
        let port = 48_020 + index as u16;
        let mut connection = if v6 { Connection::v6(port, 5702) } else { Connection::v4(port, 5702) };
        connection.open(&mut trace, 3_000);
        let segment = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &filler(2_920, 1));
        let mut packet = connection.packet(&segment, 77);
        packet[if v6 { 4..6 } else { 2..4 }].fill(0);
        trace.push(connection.wrap(Side::Client, &packet));
        if !v6 {
            trace.saw(connection.sight(&segment));
            trace.expect_value("tcp.len", 2_920);
        }
        connection.deliver(&segment);
        trace.wait_us(3_000);
        connection.ack(&mut trace, Side::Server);
        let small = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, b"padded");
        let mut packet = connection.packet(&small, 78);
        if !v6 {
            packet[2..4].fill(0);
        }
        packet.resize(packet.len().max(46), 0);
        trace.push(connection.wrap(Side::Client, &packet)).saw(connection.sight(&small));
        connection.deliver(&small);
        connection.close(&mut trace, Side::Client, 3_000);
    }
    Capture::pcap("ip-length-zero.pcap", "segmentation offload leaves an IP length of 0", trace)
}

fn checksums() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(48_030, 5703);
    connection.open(&mut trace, 3_000);
    for salt in 0..2 {
        let segment = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &filler(120, salt));
        let mut packet = connection.packet(&segment, 5);
        let at = if salt == 0 { 36 } else { 10 };
        packet[at] ^= 0x5a;
        trace.push(connection.wrap(Side::Client, &packet)).saw(connection.sight(&segment));
        trace.expect_value("tcp.len", 120);
        connection.deliver(&segment);
        trace.wait_us(3_000);
        connection.ack(&mut trace, Side::Server);
        trace.expect("tcp.analysis.acks_frame");
    }
    connection.close(&mut trace, Side::Client, 3_000);
    Capture::pcap(
        "checksums-wrong.pcap",
        "wrong TCP and IP checksums, as offloading writes them: analysed like others",
        trace,
    )
}

fn same_addresses() -> Capture {
    let mut trace = Trace::new();
    let mut connection =
        Connection::v4(48_040, 5704).with(|_, end| end.addr = std::net::IpAddr::from([127, 0, 0, 1]));
    super::probe(&mut trace, &mut connection);
    let mut swapped =
        Connection::v4(5704, 48_041).with(|_, end| end.addr = std::net::IpAddr::from([127, 0, 0, 1]));
    super::probe(&mut trace, &mut swapped);
    Capture::pcap("loopback-addresses.pcap", "both sides have the same address, only the ports differ", trace)
}
