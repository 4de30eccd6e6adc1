//! File formats: every pcap form, the blocks of pcapng, compression, a rotated set.

use super::{probe, probed};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::file::Order;
use crate::file::compressed::{gzip_fixed, gzip_stored, lz4_frame, skippable_frame, zstd_frame};
use crate::file::pcap::Pcap;
use crate::file::pcapng::{PcapNg, block};
use crate::link::{self, linktype};
use crate::trace::{Expectation, Frame, Trace};

pub(super) fn captures() -> Vec<Capture> {
    let mut captures = Vec::new();
    captures.extend(pcap_forms());
    captures.push(ng_plain());
    captures.push(ng_sections());
    captures.push(ng_resolutions());
    captures.push(ng_blocks());
    captures.push(ng_frames_without_packets());
    captures.push(ng_simple());
    captures.push(ng_fcs());
    captures.push(ng_untimed());
    captures.extend(compressed());
    captures.extend(rotated());
    captures.push(Capture::pcap("header-only.pcap", "a file header and no packet", Trace::new()));
    captures.push(Capture::of_bytes(
        "header-only.pcapng",
        "a section and no packet",
        PcapNg::new(Order::Little, &[]).bytes(),
        Trace::new(),
    ));
    captures
}

fn pcap_forms() -> Vec<Capture> {
    let forms = [
        ("pcap-big-endian.pcap", "big-endian, microseconds", Order::Big, false, false),
        ("pcap-nanoseconds.pcap", "little-endian, nanoseconds", Order::Little, true, false),
        ("pcap-big-endian-nanoseconds.pcap", "big-endian, nanoseconds", Order::Big, true, false),
        ("pcap-modified.pcap", "the modified form with 24-byte record headers", Order::Little, false, true),
        ("pcap-modified-big-endian.pcap", "the modified form, big-endian", Order::Big, false, true),
    ];
    forms
        .into_iter()
        .map(|(file, shows, order, nanoseconds, modified)| {
            let mut trace = probed(Connection::v4(55_000, 80));
            for (index, frame) in trace.frames.iter_mut().enumerate() {
                frame.time_ns += index as u64 * 7;
            }
            Capture::pcap_as(file, shows, &Pcap { order, nanoseconds, modified, ..Pcap::default() }, trace)
        })
        .collect()
}

fn ng_plain() -> Capture {
    let trace = probed(Connection::v4(55_010, 80));
    let options = [(2, &b"Virtual host"[..]), (3, b"Linux 6"), (4, b"corpus")];
    let mut file = PcapNg::new(Order::Little, &options);
    file.interface(1, 262_144, &[(2, b"eth0"), (3, b"office uplink"), (11, b"\0tcp"), (12, b"Linux 6")]);
    for (index, frame) in trace.frames.iter().enumerate() {
        let comment = format!("frame {}", index + 1);
        let options: &[(u16, &[u8])] = if index % 3 == 0 { &[(1, comment.as_bytes())] } else { &[] };
        file.packet(0, frame.time_ns / 1_000, frame, options);
    }
    Capture::of_bytes(
        "pcapng-comments.pcapng",
        "one interface with a name, and comments on frames",
        file.bytes(),
        trace,
    )
}

fn ng_sections() -> Capture {
    let mut trace = probed(Connection::v4(55_020, 80));
    let mut other = Trace::new();
    other.set_clock_ns(trace.now_ns());
    probe(&mut other, &mut Connection::v4(55_021, 80).over(link::sll));
    let shift = trace.last_frame();
    let mut file = PcapNg::new(Order::Little, &[(1, b"first section")]);
    file.interface(1, 0, &[]).packets(0, &trace.frames);
    file.section(Order::Big, &[(1, b"second section, other byte order")]);
    file.interface(1, 0, &[]).interface(linktype::LINUX_SLL as u16, 0, &[]).packets(1, &other.frames);
    file.section(Order::Little, &[]);
    trace.frames.extend(other.frames);
    trace
        .expectations
        .extend(other.expectations.into_iter().map(|e| Expectation { frame: e.frame + shift, ..e }));
    Capture::of_bytes(
        "pcapng-sections.pcapng",
        "three sections: little-endian, big-endian with two interfaces, empty",
        file.bytes(),
        trace,
    )
}

fn ng_resolutions() -> Capture {
    let trace = probed(Connection::v4(55_030, 80));
    let mut file = PcapNg::new(Order::Big, &[]);
    let offset = 1_600_000_000i64.to_be_bytes();
    file.interface(1, 0, &[]);
    file.interface(1, 0, &[(9, &[9])]);
    file.interface(1, 0, &[(9, &[3])]);
    file.interface(1, 0, &[(9, &[0x80 | 20])]);
    file.interface(1, 0, &[(9, &[6]), (14, &offset)]);
    for (index, frame) in trace.frames.iter().enumerate() {
        let ns = frame.time_ns;
        let (seconds, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
        let time = match index % 5 {
            0 => ns / 1_000,
            1 => ns + 123,
            2 => ns / 1_000_000,
            3 => (seconds << 20) + (rest << 20) / 1_000_000_000,
            _ => ns / 1_000 - 1_600_000_000_000_000,
        };
        file.packet((index % 5) as u32, time, frame, &[]);
    }
    let mut trace = trace;
    trace.expectations.clear();
    let mut capture = Capture::of_bytes(
        "pcapng-resolutions.pcapng",
        "five interfaces with microseconds, nanoseconds, milliseconds, 2^-20 s, and a time offset",
        file.bytes(),
        trace,
    );
    let expect =
        |frame, value: &str| Expectation { frame, field: "frame.time_epoch", value: Some(value.to_owned()) };
    capture.expectations.push(expect(1, "1700000000.000000000"));
    capture.expectations.push(expect(2, "1700000000.012000123"));
    capture.expectations.push(expect(3, "1700000000.012000000"));
    capture
}

fn ng_blocks() -> Capture {
    let trace = probed(Connection::v4(55_040, 80));
    let mut file = PcapNg::new(Order::Little, &[]);
    file.names(&[([192, 0, 2, 80], "shop.example"), ([10, 0, 0, 2], "desk.example")]);
    file.interface(1, 65_535, &[(2, b"eth0")]);
    file.secrets("# no secrets in here\n");
    for (index, frame) in trace.frames.iter().enumerate() {
        let us = frame.time_ns / 1_000;
        match index {
            2 | 5 => file.old_packet(0, index as u16, us, frame),
            3 => file.block(0x0000_0bb8, b"a block that nobody knows: skip "),
            _ => &mut file,
        };
        if index != 2 && index != 5 {
            file.packet(0, us, frame, &[(2, &[1, 0, 0, 0]), (4, &3u64.to_le_bytes())]);
        }
    }
    let end = trace.now_ns() / 1_000;
    file.statistics(0, end, &[(4, 11), (5, 6), (7, 2)]);
    Capture::of_bytes(
        "pcapng-blocks.pcapng",
        "names, secrets, statistics with drops, obsolete packets, an unknown block",
        file.bytes(),
        trace,
    )
}

fn ng_frames_without_packets() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(55_045, 80);
    probe(&mut trace, &mut connection);
    let mut file = PcapNg::new(Order::Little, &[]);
    file.interface(1, 0, &[]);
    let (front, back) = trace.frames.split_at(4);
    file.packets(0, front);
    let mut custom = 32_473u32.to_le_bytes().to_vec();
    custom.extend_from_slice(b"for our own eyes");
    file.block(block::CUSTOM, &custom);
    file.block(block::CUSTOM | 0x4000_0000, &custom);
    let entry = format!("__REALTIME_TIMESTAMP={}\nMESSAGE=link up\n\n", trace.now_ns() / 1_000);
    let mut journal = entry.into_bytes();
    journal.resize(journal.len().next_multiple_of(4), 0);
    file.block(block::JOURNAL, &journal);
    file.packets(0, back);
    let entries = 3;
    for expectation in trace.expectations.iter_mut().filter(|expectation| expectation.frame > 4) {
        expectation.frame += entries;
    }
    let mut capture = Capture::of_bytes(
        "pcapng-custom-and-journal.pcapng",
        "custom blocks and a journal entry, which tshark counts as frames",
        file.bytes(),
        trace,
    );
    capture.frames += entries;
    capture
}

fn ng_simple() -> Capture {
    let mut trace = probed(Connection::v4(55_050, 80));
    trace.expectations.clear();
    let mut file = PcapNg::new(Order::Little, &[]);
    file.interface(1, 99, &[]);
    for frame in &trace.frames {
        file.simple_packet(&frame.clone().cut(99));
    }
    Capture::of_bytes(
        "pcapng-simple-packets.pcapng",
        "simple packets without times, cut at 99 bytes, with padding behind",
        file.bytes(),
        trace,
    )
}

fn ng_fcs() -> Capture {
    let mut trace = probed(Connection::v4(55_060, 80).over(link::padded_ethernet));
    let mut file = PcapNg::new(Order::Little, &[]);
    file.interface(1, 0, &[(13, &[4])]);
    for frame in &mut trace.frames {
        let sum = crate::file::compressed::crc32(&frame.bytes);
        frame.bytes.extend_from_slice(&sum.to_le_bytes());
        frame.wire_len += 4;
    }
    file.packets(0, &trace.frames);
    Capture::of_bytes(
        "pcapng-fcs.pcapng",
        "an interface option says that frames end in a check sequence",
        file.bytes(),
        trace,
    )
}

fn ng_untimed() -> Capture {
    let mut trace = probed(Connection::v4(55_070, 80));
    trace.expectations.clear();
    let mut file = PcapNg::new(Order::Little, &[]);
    file.interface(1, 0, &[]);
    for (index, frame) in trace.frames.iter().enumerate() {
        if index % 2 == 0 {
            file.packet(0, frame.time_ns / 1_000, frame, &[]);
        } else {
            file.simple_packet(frame);
        }
    }
    Capture::of_bytes(
        "pcapng-mixed-packets.pcapng",
        "enhanced and simple packets in turn",
        file.bytes(),
        trace,
    )
}

fn compressed() -> Vec<Capture> {
    let trace = probed(Connection::v4(55_080, 80));
    let pcap = Pcap::default().write(&trace.frames);
    let (front, back) = pcap.split_at(1_000);
    let members = [gzip_stored(front, 300), gzip_stored(&[], 1), gzip_fixed(back, "back.pcap")].concat();
    let frames = [zstd_frame(front, 256), skippable_frame(b"skip me"), zstd_frame(back, 64)].concat();
    let blocks = [lz4_frame(front, 200), skippable_frame(b"skip me too"), lz4_frame(back, 65_536)].concat();
    let of = |file, shows, bytes| Capture::of_bytes(file, shows, bytes, trace.clone());
    vec![
        of("compressed.pcap.gz", "one gzip member", gzip_fixed(&pcap, "compressed.pcap")),
        of("compressed-members.pcap.gz", "three gzip members cut inside a record, the second empty", members),
        of("compressed.pcap.zst", "one Zstandard frame", zstd_frame(&pcap, 4_096)),
        of("compressed-frames.pcap.zst", "two Zstandard frames around a skippable one", frames),
        of("compressed.pcap.lz4", "one LZ4 frame", lz4_frame(&pcap, 65_536)),
        of("compressed-frames.pcap.lz4", "two LZ4 frames around a skippable one", blocks),
    ]
}

fn rotated() -> Vec<Capture> {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(55_090, 80);
    let mut second = Connection::v6(55_091, 80);
    probe(&mut trace, &mut connection);
    probe(&mut trace, &mut second);
    let names = [
        ("rotated-whole.pcap", "the rotated set in one file"),
        ("rotated-1.pcap", "first file of a rotated set: a connection up to its reply"),
        ("rotated-2.pcap", "second file: the retransmission of what the first file holds, and a handshake"),
        ("rotated-3.pcap", "third file: the end of the second connection"),
    ];
    let pieces: [&[Frame]; 4] =
        [&trace.frames, &trace.frames[..7], &trace.frames[7..15], &trace.frames[15..]];
    names
        .into_iter()
        .zip(pieces)
        .map(|((file, shows), frames)| {
            let mut part = Trace::new();
            part.frames = frames.to_vec();
            Capture::pcap(file, shows, part)
        })
        .collect()
}
