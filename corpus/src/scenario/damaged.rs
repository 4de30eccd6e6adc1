//! Files that are damaged, and files that are no captures.

use super::probed;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::file::Order;
use crate::file::compressed::{gzip_fixed, zstd_frame};
use crate::file::pcap::Pcap;
use crate::file::pcapng::{PcapNg, block};
use crate::trace::{Frame, Trace};

pub(super) fn captures() -> Vec<Capture> {
    vec![
        truncated(),
        absurd_length(),
        garbage(),
        wire_shorter(),
        ng_truncated(),
        ng_lengths_differ(),
        ng_absurd_block(),
        ng_unknown_interface(),
        ng_capture_too_long(),
        ng_bad_option(),
        gz_truncated(),
        zst_damaged(),
        empty(),
        half_header(),
        text(),
    ]
}

fn trace() -> Trace {
    probed(Connection::v4(56_000, 80))
}

/// Offsets at which the records of a pcap file start, and its end.
fn starts(frames: &[Frame]) -> Vec<usize> {
    let mut at = 24;
    let mut starts = vec![at];
    for frame in frames {
        at += 16 + frame.bytes.len();
        starts.push(at);
    }
    starts
}

fn truncated() -> Capture {
    let trace = trace();
    let mut bytes = Pcap::default().write(&trace.frames);
    bytes.truncate(starts(&trace.frames)[11] + 16 + 20);
    Capture::of_bytes("damaged-tail.pcap", "the last record is cut", bytes, trace).damaged(11)
}

fn absurd_length() -> Capture {
    let trace = trace();
    let mut bytes = Pcap::default().write(&trace.frames);
    let at = starts(&trace.frames)[5];
    bytes[at + 8..at + 12].copy_from_slice(&0x7654_3210u32.to_le_bytes());
    Capture::of_bytes("damaged-length.pcap", "the sixth record claims two gigabytes", bytes, trace).damaged(5)
}

fn garbage() -> Capture {
    let trace = trace();
    let whole = Pcap::default().write(&trace.frames);
    let (front, back) = whole.split_at(starts(&trace.frames)[6]);
    let noise: Vec<u8> = (0..97u8).map(|n| n.wrapping_mul(37) | 0x81).collect();
    let bytes = [front, &noise, back].concat();
    Capture::of_bytes(
        "damaged-garbage.pcap",
        "97 bytes of garbage between the sixth and seventh record",
        bytes,
        trace,
    )
    .damaged(6)
}

fn wire_shorter() -> Capture {
    let mut trace = trace();
    trace.expectations.clear();
    for frame in trace.frames.iter_mut().step_by(3) {
        frame.wire_len -= 14;
    }
    Capture::pcap(
        "wire-length-too-small.pcap",
        "records whose length on the wire is smaller than what was captured",
        trace,
    )
}

fn plain(frames: &[Frame]) -> PcapNg {
    let mut file = PcapNg::new(Order::Little, &[]);
    file.interface(1, 262_144, &[]).packets(0, frames);
    file
}

fn ng_truncated() -> Capture {
    let trace = trace();
    let mut bytes = plain(&trace.frames).bytes();
    bytes.truncate(bytes.len() - 7);
    Capture::of_bytes("damaged-tail.pcapng", "the last block is cut inside its trailing length", bytes, trace)
        .damaged(11)
}

fn ng_lengths_differ() -> Capture {
    let trace = trace();
    let front = plain(&trace.frames[..6]).bytes().len();
    let mut bytes = plain(&trace.frames).bytes();
    bytes[front - 4] ^= 0x40;
    Capture::of_bytes(
        "damaged-trailing-length.pcapng",
        "the sixth packet block ends in another length than it starts with",
        bytes,
        trace,
    )
    .damaged(5)
}

fn ng_absurd_block() -> Capture {
    let trace = trace();
    let front = plain(&trace.frames[..4]).bytes().len();
    let mut bytes = plain(&trace.frames).bytes();
    bytes[front + 4..front + 8].copy_from_slice(&0xfff0_0000u32.to_le_bytes());
    Capture::of_bytes(
        "damaged-block-length.pcapng",
        "the fifth packet block claims four gigabytes",
        bytes,
        trace,
    )
    .damaged(4)
}

fn ng_unknown_interface() -> Capture {
    let trace = trace();
    let mut file = plain(&trace.frames[..5]);
    file.packet(9, 0, &trace.frames[5], &[]);
    file.packets(0, &trace.frames[6..]);
    Capture::of_bytes(
        "damaged-interface.pcapng",
        "the sixth packet names an interface that does not exist",
        file.bytes(),
        trace,
    )
    .damaged(5)
}

fn ng_capture_too_long() -> Capture {
    let trace = trace();
    let mut file = plain(&trace.frames[..5]);
    let mut body = vec![0; 12];
    body.extend_from_slice(&4_000u32.to_le_bytes());
    body.extend_from_slice(&4_000u32.to_le_bytes());
    body.extend_from_slice(&[0xee; 40]);
    file.block(block::PACKET, &body).packets(0, &trace.frames[5..]);
    Capture::of_bytes(
        "damaged-captured-length.pcapng",
        "a packet block whose captured length runs past its end",
        file.bytes(),
        trace,
    )
    .damaged(5)
}

fn ng_bad_option() -> Capture {
    let trace = trace();
    let mut file = plain(&trace.frames[..5]);
    let frame = &trace.frames[5];
    let mut body = vec![0; 4];
    body.extend_from_slice(&((frame.time_ns / 1_000 / (1 << 32)) as u32).to_le_bytes());
    body.extend_from_slice(&((frame.time_ns / 1_000) as u32).to_le_bytes());
    body.extend_from_slice(&(frame.bytes.len() as u32).to_le_bytes());
    body.extend_from_slice(&frame.wire_len.to_le_bytes());
    body.extend_from_slice(&frame.bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend_from_slice(&[1, 0, 0xff, 0x7f, b'?', b'?', b'?', b'?']);
    file.block(block::PACKET, &body).packets(0, &trace.frames[6..]);
    Capture::of_bytes(
        "damaged-option.pcapng",
        "an option of a packet block runs past the block",
        file.bytes(),
        trace,
    )
    .damaged(5)
}

fn gz_truncated() -> Capture {
    let trace = trace();
    let mut bytes = gzip_fixed(&Pcap::default().write(&trace.frames), "cut.pcap");
    bytes.truncate(bytes.len() / 2);
    Capture::of_bytes("damaged.pcap.gz", "a gzip member cut in its middle", bytes, trace).damaged(5)
}

fn zst_damaged() -> Capture {
    let trace = trace();
    let mut bytes = zstd_frame(&Pcap::default().write(&trace.frames), 256);
    let block = 9 + 3 * 259;
    bytes[block] |= 0b110;
    Capture::of_bytes("damaged.pcap.zst", "a Zstandard frame with a block of the reserved type", bytes, trace)
        .damaged(0)
}

fn empty() -> Capture {
    Capture::of_bytes("empty.pcap", "no byte at all", Vec::new(), Trace::new()).unreadable()
}

fn half_header() -> Capture {
    let mut bytes = Pcap::default().header();
    bytes.truncate(15);
    Capture::of_bytes("half-header.pcap", "a file header cut after 15 bytes", bytes, Trace::new())
        .unreadable()
}

fn text() -> Capture {
    Capture::of_bytes(
        "text.pcap",
        "a text file with a wrong name",
        b"this is not a capture\n".repeat(4),
        Trace::new(),
    )
    .unreadable()
}
