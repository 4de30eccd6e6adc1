//! Which packets belong together, over batches and shards: every expectation is what tshark 4.0.17 prints.

use netanalyze_core::model::limits::BATCH_BYTES;

use crate::view::texts;
use crate::wire::{ACK, CLIENT, End, PSH, Pcap, RST, SERVER, SYN, ipv4, segment, tcp, udp};

/// From the client to the server.
fn there(numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp(CLIENT, SERVER, numbers, flags, payload)
}

/// From the server to the client.
fn back(numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp(SERVER, CLIENT, numbers, flags, payload)
}

/// The time of a frame, in seconds after the capture's first.
fn at(seconds: u64) -> u64 {
    (1_000_000_000 + seconds) * 1_000_000
}

#[test]
fn ports_used_again_make_another_stream() {
    let frames = [
        there((100, 0), SYN, b""),
        back((300, 101), SYN | ACK, b""),
        there((101, 301), ACK, b""),
        there((101, 301), RST | ACK, b""),
        // Another number: another connection, to which the server's late segment counts too.
        there((5000, 0), SYN, b""),
        back((301, 101), ACK, b""),
        // The same number again: the same connection.
        there((5000, 0), SYN, b""),
        there((5001, 0), SYN, b""),
    ];
    assert_eq!(
        texts(
            &Pcap::of(&frames),
            "tcp.stream tcp.analysis.reused_ports tcp.completeness tcp.time_relative tcp.analysis.retransmission"
        ),
        [
            "0 . 0 0.000000000 .",
            "0 . 1 0.010000000 .",
            "0 . 3 0.020000000 .",
            "0 . 7 0.030000000 .",
            "1 1 1 0.000000000 .",
            "1 . 1 0.010000000 .",
            "1 . 5 0.020000000 1",
            "2 1 1 0.000000000 .",
        ]
    );
}

#[test]
fn ports_are_used_again_in_a_later_batch() {
    let mut pcap = Pcap::new();
    let other: End = (CLIENT.0, 50_000);
    pcap.frame(at(0), &there((100, 0), SYN, b"")).filler(at(1), BATCH_BYTES);
    pcap.frame(at(2), &tcp(other, SERVER, (7, 0), SYN, b"")).filler(at(3), BATCH_BYTES);
    pcap.frame(at(4), &there((101, 0), SYN, b"")).filler(at(5), BATCH_BYTES);
    pcap.frame(at(6), &back((9, 102), SYN | ACK, b""))
        .frame(at(7), &tcp(SERVER, other, (1, 8), RST | ACK, b""));
    let rows = texts(
        &pcap,
        "tcp.stream tcp.analysis.reused_ports tcp.completeness tcp.time_relative tcp.analysis.acks_frame",
    );
    let rows: Vec<_> = rows.iter().filter(|row| !row.starts_with('.')).collect();
    // Frames between have numbers of their own, so acknowledged frames lie far back.
    let reopened = 2 * BATCH_BYTES.div_ceil(1434) + 3;
    let first = BATCH_BYTES.div_ceil(1434) + 2;
    assert_eq!(
        rows,
        [
            "0 . 0 0.000000000 .",
            "1 . 0 0.000000000 .",
            "2 1 1 0.000000000 .",
            &format!("2 . 1 2.000000000 {reopened}"),
            &format!("1 . 1 5.000000000 {first}"),
        ]
    );
}

/// An 802.11 frame that aggregates Ethernet frames (IEEE 802.11 A-MSDU).
fn aggregate(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0x88, 0, 0, 0];
    bytes.extend([2; 18]);
    bytes.extend([0, 0, 0x80, 0]);
    for frame in frames {
        while !(bytes.len() - 26).is_multiple_of(4) {
            bytes.push(0);
        }
        let packet = &frame[14..];
        bytes.extend(&frame[..12]);
        bytes.extend((8 + packet.len() as u16).to_be_bytes());
        bytes.extend([0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        bytes.extend(packet);
    }
    bytes
}

/// Headers of one frame that agree in conversation and numbers share one record: the second adds to what the first found.
#[test]
fn twin_headers_of_one_frame_share_their_record() {
    const IEEE802_11: u32 = 105;
    let mut pcap = Pcap::of_link(IEEE802_11);
    pcap.frame(at(0), &aggregate(&[there((100, 0), SYN, b"")]));
    pcap.frame(at(1), &aggregate(&[back((300, 101), SYN | ACK, b"")]));
    pcap.frame(at(2), &aggregate(&[there((101, 301), ACK, b""), there((101, 301), ACK, b"")]));
    pcap.frame(at(3), &aggregate(&[there((101, 301), ACK, b"xx"), there((101, 301), ACK, b"xx")]));
    // Another number, so a record of its own.
    pcap.frame(at(4), &aggregate(&[there((103, 301), ACK, b"yy"), there((105, 301), ACK, b"zz")]));
    assert_eq!(
        texts(
            &pcap,
            "tcp.stream tcp.seq tcp.analysis.acks_frame tcp.analysis.duplicate_ack_num tcp.analysis.retransmission tcp.analysis.bytes_in_flight"
        ),
        ["0 0 . . . .", "0 0 1 . . .", "0,0 1,1 2,2 1 . .", "0,0 1,1 . . 1 2,2", "0,0 3,5 . . . 4,6",]
    );
}

#[test]
fn the_banner_of_vnc_starts_another_conversation() {
    let session = |port: u16| {
        let (client, server) = (CLIENT, (SERVER.0, port));
        let there = |numbers, flags, payload: &[u8]| tcp(client, server, numbers, flags, payload);
        let back = |numbers, flags, payload: &[u8]| tcp(server, client, numbers, flags, payload);
        Pcap::of(&[
            there((100, 0), SYN, b""),
            back((300, 101), SYN | ACK, b""),
            there((101, 301), ACK, b""),
            back((301, 101), PSH | ACK, b"RFB 003.008\n"),
            there((101, 313), ACK, b""),
            there((101, 313), PSH | ACK, b"RFB 003.008\n"),
            back((313, 113), ACK, b""),
            back((313, 113), PSH | ACK, b"\x01\x01"),
        ])
    };
    let fields = "tcp.stream tcp.completeness tcp.seq tcp.time_relative tcp.analysis.reused_ports tcp.analysis.initial_rtt";
    assert_eq!(
        texts(&session(6900), fields),
        [
            "0 0 0 0.000000000 . .",
            "0 1 0 0.010000000 . .",
            "0 3 1 0.020000000 . 0.020000000",
            "0 7 1 0.030000000 . 0.020000000",
            "1 0 1 0.000000000 . .",
            "1 4 1 0.010000000 . .",
            "1 12 1 0.020000000 . .",
            "1 12 1 0.030000000 . .",
        ]
    );
    // On the registered port nothing changes hands.
    let streams = texts(&session(5900), "tcp.stream");
    assert_eq!(streams, ["0"; 8]);
}

/// An FTP session that announces port 1029; a data connection to it and one to another port, in later batches.
#[test]
fn announced_data_connections_lack_the_mark_of_their_syn() {
    let control: (End, End) = ((CLIENT.0, 40_001), (SERVER.0, 21));
    let mut pcap = Pcap::new();
    let reply = b"227 Entering Passive Mode (10,0,0,2,4,5).\r\n";
    pcap.frame(at(0), &tcp(control.0, control.1, (1, 1), PSH | ACK, b"PASV\r\n"));
    pcap.frame(at(1), &tcp(control.1, control.0, (1, 7), PSH | ACK, reply));
    pcap.filler(at(2), BATCH_BYTES);
    let mut open = |time, client_port, port, batch_between: bool| {
        let (client, server) = ((CLIENT.0, client_port), (SERVER.0, port));
        pcap.frame(at(time), &tcp(client, server, (100, 0), SYN, b""));
        if batch_between {
            pcap.filler(at(time), BATCH_BYTES);
        }
        pcap.frame(at(time), &tcp(server, client, (300, 101), SYN | ACK, b""));
        pcap.frame(at(time), &tcp(client, server, (101, 301), ACK, b""));
    };
    open(3, 41_000, 1030, false);
    open(4, 41_001, 1029, true);
    // The announcement served one connection.
    open(5, 41_002, 1029, false);
    let rows = texts(&pcap, "tcp.stream tcp.completeness");
    let rows: Vec<_> = rows.iter().filter(|row| !row.starts_with('.')).collect();
    assert_eq!(rows, ["0 0", "0 0", "1 0", "1 1", "1 3", "2 0", "2 0", "2 2", "3 0", "3 1", "3 3"]);
}

/// Conversations are numbered by their first frame, whatever shard and batch they are in, TCP and UDP apart.
#[test]
fn numbers_follow_the_frames() {
    let mut pcap = Pcap::new();
    let mut expected = Vec::new();
    let client = |i: u32| -> End { ([10, 1, (i >> 8) as u8, i as u8].into(), 40_000) };
    let mut tcp_frame = |pcap: &mut Pcap, i: u32| {
        pcap.frame(at(0), &tcp(client(i), SERVER, (i, 0), SYN, b""));
        expected.push(format!("{i} ."));
    };
    for i in 0..150 {
        tcp_frame(&mut pcap, i);
    }
    pcap.filler(at(1), BATCH_BYTES);
    // Old and new ones in turn.
    for i in 0..150 {
        tcp_frame(&mut pcap, i);
        tcp_frame(&mut pcap, 150 + i);
    }
    pcap.filler(at(2), BATCH_BYTES);
    for i in (0..300).rev() {
        tcp_frame(&mut pcap, i);
    }
    for i in 0..200 {
        pcap.frame(at(3), &udp(client(i), SERVER, b"x"));
        pcap.frame(at(3), &udp(SERVER, client(i / 2), b"x"));
        expected.push(format!(". {i}"));
        expected.push(format!(". {}", i / 2));
    }
    let rows = texts(&pcap, "tcp.stream udp.stream");
    assert_eq!(rows.into_iter().filter(|row| row != ". .").collect::<Vec<_>>(), expected);
}

/// A datagram is of the frame that completes it, however many batches after its first fragment.
#[test]
fn fragments_wait_for_later_batches() {
    let mut pcap = Pcap::new();
    let datagram = segment((40_000, 9_999), (100, 0), SYN, &[7; 40]);
    let piece = |from: usize, to: usize, more: u16| {
        ipv4(CLIENT.0, SERVER.0, 6, 77, more | (from / 8) as u16, &datagram[from..to])
    };
    let other: End = (CLIENT.0, 50_000);
    pcap.frame(at(0), &piece(0, 24, 0x2000)).filler(at(1), BATCH_BYTES);
    pcap.frame(at(2), &piece(40, 60, 0)).frame(at(3), &tcp(other, SERVER, (1, 0), SYN, b""));
    pcap.filler(at(4), BATCH_BYTES);
    pcap.frame(at(5), &piece(24, 40, 0x2000)).frame(at(6), &back((300, 141), SYN | ACK, b""));
    let rows = texts(
        &pcap,
        "tcp.stream tcp.len tcp.time_relative tcp.analysis.ack_rtt frame.time_relative ip.proto",
    );
    let rows: Vec<_> = rows.iter().filter(|row| row.ends_with(" 6")).collect();
    assert_eq!(
        rows,
        [
            ". . . . 0.000000000 6",
            ". . . . 2.000000000 6",
            "0 0 0.000000000 . 3.000000000 6",
            "1 40 0.000000000 . 5.000000000 6",
            "1 0 1.000000000 1.000000000 6.000000000 6",
        ]
    );
}
