//! What is written says what was read.

use super::*;
use crate::capture::sample::{LITTLE, ORDERS, Order, Outcome, T0, read_good, small_pcap, stream};
use crate::capture::{CaptureReader, Source};

/// Copies a set, with a comment on the frames of these numbers.
fn copy(files: &[&[u8]], format: FileFormat, commented: &[u64]) -> io::Result<(Vec<u8>, Losses)> {
    let sources: Vec<Source> = files.iter().map(|bytes| stream("test", bytes, usize::MAX)).collect();
    let mut reader = CaptureReader::open(sources).unwrap();
    let (mut writer, mut batch) = (CaptureWriter::new(Vec::new(), format), Batch::default());
    while reader.next_batch(&mut batch).unwrap() {
        writer.begin_batch(&batch)?;
        for index in 0..batch.frames.len() {
            let is_commented = commented.contains(&batch.frame_number(index).0);
            writer.packet(&batch, index, if is_commented { &["é!"] } else { &[] })?;
        }
    }
    writer.finish(&reader.finish().0)
}

fn pcapng(file: &[u8]) -> Vec<u8> {
    let (bytes, losses) = copy(&[file], FileFormat::Pcapng, &[]).unwrap();
    assert_eq!(losses, Losses::default());
    bytes
}

fn u64_of(order: Order, value: u64) -> [u8; 8] {
    if order.big { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// A time that nanoseconds cannot hold.
const PICOSECONDS: u64 = 5_000_000_123_456_789_012;

/// An Enhanced Packet Block with options.
fn enhanced_with(order: Order, interface: u32, units: u64, data: &[u8], options: &[u8]) -> Vec<u8> {
    let mut body = order.words(&[interface, (units >> 32) as u32, units as u32, data.len() as u32, 99]);
    body.extend_from_slice(data);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend_from_slice(options);
    order.block(6, &body)
}

/// A file with every block that is kept, and no other.
fn everything(order: Order) -> Vec<u8> {
    let end = order.option(0, &[]);
    let section = [order.option(1, b"about"), order.option(4, b"dumpcap 1"), end.clone()].concat();
    let of_interface = [
        order.option(2, b"eth0"),
        order.option(8, &u64_of(order, 1_000_000_000)),
        order.option(9, &[12]),
        order.option(11, b"\0tcp port 80"),
        order.option(14, &u64_of(order, 3600)),
        end.clone(),
    ];
    let of_packet = [
        order.option(1, b"look at this"),
        order.option(2, &order.word(0x0000_0105)),
        order.option(4, &u64_of(order, 7)),
        end.clone(),
    ];
    let names = [
        order.option(1, &[&[10, 0, 0, 1][..], b"host.example\0"].concat()),
        order.half(0).to_vec(),
        order.half(0).to_vec(),
    ];
    let secrets = [&order.words(&[0x544c_534b, 5])[..], b"CLIEN\0\0\0"].concat();
    let counters = [order.option(4, &u64_of(order, 1000)), order.option(5, &u64_of(order, 3)), end];
    let statistics = [&order.words(&[1, 0x0006_0a80, 0x1234_5678])[..], &counters.concat()].concat();
    [
        order.section(&section),
        order.interface(1, 65_535, &of_interface.concat()),
        order.interface(113, 0, &[]),
        order.block(4, &names.concat()),
        order.block(10, &secrets),
        enhanced_with(order, 0, PICOSECONDS, b"packet", &of_packet.concat()),
        enhanced_with(order, 1, u64::from(T0) * 1_000_000 + 1, b"", &[]),
        order.block(9, b"__REALTIME_TIMESTAMP=5\n"),
        order.block(0xbad, &[&order.word(32_473)[..], b"custom!!"].concat()),
        order.block(5, &statistics),
    ]
    .concat()
}

#[test]
fn all_of_a_pcapng_file_is_kept_in_either_order() {
    for order in ORDERS {
        assert_eq!(pcapng(&everything(order)), everything(LITTLE), "big: {}", order.big);
    }
}

/// Counters run on, so the last block tells them; what it does not tell stays as an earlier one told it.
#[test]
fn statistics_of_an_interface_become_one_block() {
    // Times are two words, the high one first; counters are one number.
    let option = |order: Order, (code, value): (u16, u64)| match code {
        2 | 3 => order.option(code, &order.words(&[0, value as u32])),
        _ => order.option(code, &u64_of(order, value)),
    };
    let options = |order: Order, each: &[(u16, u64)]| -> Vec<u8> {
        each.iter().flat_map(|each| option(order, *each)).collect()
    };
    let statistics = |order: Order, time: u32, options: &[Vec<u8>]| {
        order.block(5, &[order.words(&[0, 0, time]), options.concat()].concat())
    };
    let begin = |order: Order| {
        [order.section(&[]), order.interface(1, 65_535, &[]), order.enhanced(0, 7, 1, b"x")].concat()
    };
    let facts = |file: &[u8]| {
        let read = read_good(file);
        let facts = &read.facts.interfaces[0];
        (facts.received, facts.dropped)
    };
    for order in ORDERS {
        let first = [(2, 9), (4, 5), (4, 6), (5, 1), (7, 2), (8, 3)];
        let first = statistics(order, 1, &[options(order, &first), order.option(8, b"no")]);
        let last = [options(order, &[(7, 12), (3, 10)]), order.option(1, b"text"), order.option(4, b"odd")];
        let whole = [begin(order), first, statistics(order, 2, &last)].concat();
        let want = [
            options(LITTLE, &[(7, 12), (3, 10)]),
            LITTLE.option(1, b"text"),
            LITTLE.option(4, b"odd"),
            options(LITTLE, &[(2, 9), (4, 5), (8, 3)]),
            LITTLE.option(0, &[]),
        ];
        let copied = pcapng(&whole);
        assert_eq!(copied, [begin(LITTLE), statistics(LITTLE, 2, &want)].concat(), "big: {}", order.big);
        assert_eq!([facts(&copied), facts(&whole)], [(Some(5), Some(12)); 2]);
    }
}

#[test]
fn pcap_becomes_pcap_again() {
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
        for order in ORDERS {
            let file = |order: Order| {
                let records = [order.record(T0, 999_999, 1500, b"one"), order.record(T0 + 1, 0, 0, b"")];
                [order.pcap(magic, 96, 0x2400_0001), records.concat()].concat()
            };
            let (bytes, losses) = copy(&[&file(order)], FileFormat::Pcap, &[]).unwrap();
            assert_eq!((bytes, losses), (file(LITTLE), Losses::default()));
        }
    }
}

/// What two files say of each packet.
fn assert_same_packets(left: &Outcome, right: &Outcome) {
    assert_eq!(left.rows, right.rows);
    assert_eq!(left.links, right.links);
}

#[test]
fn formats_turn_into_each_other() {
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
        let records = [LITTLE.record(T0, 999_999, 1500, b"one"), LITTLE.record(u32::MAX, 1, 9, b"xx")];
        let file = [LITTLE.pcap(magic, 96, 0x2400_0001), records.concat()].concat();
        let as_pcapng = pcapng(&file);
        assert_same_packets(&read_good(&as_pcapng), &read_good(&file));
        assert_eq!(pcapng(&as_pcapng), as_pcapng);
        assert_eq!(copy(&[&as_pcapng], FileFormat::Pcap, &[]).unwrap(), (file, Losses::default()));
    }
}

#[test]
fn comments_are_added_to_those_that_are_there() {
    let (bytes, _) = copy(&[&everything(LITTLE)], FileFormat::Pcapng, &[1, 2]).unwrap();
    let (comment, end) = (LITTLE.option(1, "é!".as_bytes()), LITTLE.option(0, &[]));
    let first = [
        LITTLE.option(1, b"look at this"),
        LITTLE.option(2, &[5, 1, 0, 0]),
        LITTLE.option(4, &7_u64.to_le_bytes()),
        comment.clone(),
        end.clone(),
    ];
    let want = [
        enhanced_with(LITTLE, 0, PICOSECONDS, b"packet", &first.concat()),
        enhanced_with(LITTLE, 1, u64::from(T0) * 1_000_000 + 1, b"", &[comment, end].concat()),
    ];
    assert!(bytes.windows(want.concat().len()).any(|window| window == want.concat()));
}

#[test]
fn old_and_simple_blocks_become_new_ones() {
    for order in ORDERS {
        let times = order.words(&[0, 77, 3, 3]);
        let old =
            [&order.half(0)[..], &order.half(5), &times, b"old\0", &order.option(2, &order.word(1))].concat();
        let unknown = [&order.half(0)[..], &order.half(u16::MAX), &times, b"old\0"].concat();
        let file = [
            order.section(&[]),
            order.interface(1, 0, &[]),
            order.block(2, &old),
            order.block(2, &unknown),
            order.block(3, &[&order.word(6)[..], b"simple\0\0"].concat()),
        ]
        .concat();
        let written = read_good(&pcapng(&file));
        assert_same_packets(&written, &read_good(&file));
        let options =
            [LITTLE.option(2, &[1, 0, 0, 0]), LITTLE.option(4, &5_u64.to_le_bytes()), vec![0; 4]].concat();
        let mut body = LITTLE.words(&[0, 0, 77, 3, 3]);
        body.extend([&b"old\0"[..], &options].concat());
        let block = LITTLE.block(6, &body);
        assert!(pcapng(&file).windows(block.len()).any(|window| window == block));
    }
}

#[test]
fn sets_become_one_section() {
    // Two like pcap files share an interface; a section's interfaces are numbered on, and its comment goes to the first of them.
    let pcap = small_pcap(2);
    let nanos = [LITTLE.pcap(0xa1b2_3c4d, 65_535, 1), LITTLE.record(T0 + 1, 5, 60, &[9; 60])].concat();
    let order = Order { big: true };
    let second = [
        order.section(&[order.option(1, b"second"), order.option(3, b"system")].concat()),
        order.interface(1, 9, &order.option(2, b"eth1")),
        order.interface(1, 9, &[]),
        order.enhanced(1, u64::from(T0 + 2) * 1_000_000, 60, &[7; 60]),
        order.enhanced(0, u64::from(T0 + 2) * 1_000_000, 60, &[8; 60]),
    ]
    .concat();
    let (bytes, losses) = copy(&[&pcap, &pcap, &nanos, &second], FileFormat::Pcapng, &[]).unwrap();
    let written = read_good(&bytes);
    assert_eq!(written.rows.iter().map(|row| row.interface).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 3, 2]);
    assert_eq!(written.rows.iter().map(|row| row.bytes[0]).collect::<Vec<_>>(), [0, 1, 0, 1, 9, 7, 8]);
    assert_eq!(
        (written.rows[4].time, written.rows[5].time % 1_000_000_000),
        (i64::from(T0 + 1) * 1_000_000_000 + 5, 0)
    );
    assert_eq!(written.facts.files[0].comments, ["interface comment: second"]);
    assert_eq!(written.facts.interfaces[2].name.as_deref(), Some("eth1"));
    assert_eq!(losses, Losses::default());
}

#[test]
fn what_pcap_cannot_hold_is_counted() {
    let refused = copy(&[&everything(LITTLE)], FileFormat::Pcap, &[]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    assert!(refused.to_string().starts_with("pcap holds packets of one link type"), "{refused}");

    let mut file = [LITTLE.section(&[]), LITTLE.interface(1, 0, &LITTLE.option(9, &[12]))].concat();
    file.extend(LITTLE.block(10, &[&LITTLE.words(&[1, 4])[..], b"keys"].concat()));
    file.extend(enhanced_with(LITTLE, 0, 1_500_000_001_999, b"data", &LITTLE.option(1, b"comment")));
    file.extend(LITTLE.enhanced(3, 1, 4, b"whose"));
    file.extend(LITTLE.block(9, b"__REALTIME_TIMESTAMP=5\n"));
    let (bytes, losses) = copy(&[&file], FileFormat::Pcap, &[]).unwrap();
    assert_eq!(losses, Losses { packets: 2, times: 1, comments: 1, secrets: 1 });
    let want = [LITTLE.pcap(0xa1b2_3c4d, 262_144, 1), LITTLE.record(1, 500_000_001, 99, b"data")].concat();
    assert_eq!(bytes, want);
}

#[test]
fn times_outside_pcap_are_moved_to_its_ends() {
    let offset = [LITTLE.option(14, &(-10_i64).to_le_bytes()), vec![0; 4]].concat();
    let mut file = [LITTLE.section(&[]), LITTLE.interface(1, 0, &offset)].concat();
    file.extend(LITTLE.enhanced(0, 9_999_999, 1, b"x"));
    file.extend(LITTLE.enhanced(0, (1_u64 << 32) * 1_000_000 + 10_000_000, 1, b"y"));
    let (bytes, losses) = copy(&[&file], FileFormat::Pcap, &[]).unwrap();
    assert_eq!(losses.times, 2);
    let times: Vec<_> = read_good(&bytes).rows.iter().map(|row| row.time).collect();
    assert_eq!(times, [0, i64::from(u32::MAX) * 1_000_000_000 + 999_999_000]);
    assert_eq!(pcapng(&file), file);
}

#[test]
fn packets_of_unknown_interfaces_are_left_out() {
    let mut file = [LITTLE.section(&[]), LITTLE.interface(1, 0, &[])].concat();
    file.extend(LITTLE.enhanced(1, 5, 1, b"x"));
    file.extend(LITTLE.enhanced(0, 6, 1, b"y"));
    let (bytes, losses) = copy(&[&file], FileFormat::Pcapng, &[]).unwrap();
    assert_eq!(losses, Losses { packets: 1, ..Losses::default() });
    assert_eq!(read_good(&bytes).marks(), b"y");
}
