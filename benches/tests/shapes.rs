//! Every shape writes a readable file of the size asked for, the same for the same seed.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use netanalyze_benches::encode::Extent;
use netanalyze_benches::shape::{Plan, Shape, Summary, write};

fn made(plan: &Plan) -> (Vec<u8>, Summary) {
    let mut file = Vec::new();
    let summary = write(&mut file, plan).unwrap();
    (file, summary)
}

/// The frames of a capture.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let (mut at, mut frames) = (24, Vec::new());
    while at < file.len() {
        let len = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) as usize;
        frames.push(&file[at + 16..at + 16 + len]);
        at += 16 + len;
    }
    frames
}

/// Walks the records: frames, and whether times never descend.
fn walk(file: &[u8]) -> (u64, bool) {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut at, mut frames, mut latest, mut ascending) = (24, 0, 0, true);
    while at < file.len() {
        let time = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        ascending &= time >= latest;
        latest = time;
        assert!(word(at + 8) <= word(at + 12));
        at += 16 + word(at + 8) as usize;
        frames += 1;
    }
    assert_eq!(at, file.len(), "the last record is whole");
    (frames, ascending)
}

/// Adds up a header's 16-bit words: 0xffff if its checksum is right.
fn sum(bytes: &[u8], start: u64) -> u64 {
    let mut sum = start;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

#[test]
fn files_are_whole_and_repeatable() {
    for shape in Shape::ALL {
        let plan = Plan::new(shape, Extent::Bytes(2_000_000), 11);
        let (file, summary) = made(&plan);
        assert_eq!(summary.bytes, file.len() as u64);
        assert!((2_000_000..2_002_000).contains(&file.len()), "{shape:?}: {} bytes", file.len());
        let (frames, ascending) = walk(&file);
        assert_eq!(frames, summary.frames, "{shape:?}");
        assert!(ascending, "{shape:?}: times descend");
        assert!(file == made(&plan).0, "{shape:?} is not repeatable");
        assert!(file != made(&Plan { seed: 12, ..plan }).0, "{shape:?} does not depend on the seed");
    }
}

#[test]
fn packets_are_counted_exactly() {
    for shape in Shape::ALL {
        let (file, summary) = made(&Plan::new(shape, Extent::Packets(1_237), 3));
        assert_eq!((walk(&file).0, summary.frames), (1_237, 1_237), "{shape:?}");
    }
}

#[test]
fn a_snap_length_cuts_bytes_and_nothing_else() {
    let plan = Plan::new(Shape::Elephant, Extent::Packets(2_000), 3);
    let ((whole, _), (cut, summary)) = (made(&plan), made(&Plan { snap: Some(96), ..plan }));
    assert_eq!((summary.bytes, summary.frames), (cut.len() as u64, 2_000));
    assert_eq!(walk(&cut), walk(&whole));
    for (cut, whole) in frames(&cut).iter().zip(frames(&whole)) {
        assert_eq!(*cut, &whole[..whole.len().min(96)]);
    }
}

#[test]
fn connections_run_at_once_as_many_as_asked() {
    let plan = Plan { connections: Some(2_500), ..Plan::new(Shape::Interleaved, Extent::Packets(20_000), 3) };
    let (file, summary) = made(&plan);
    assert_eq!(summary.conversations, 2_500, "none has ended after eight packets");
    let tuple = |frame: &[u8]| {
        let mut ends = [[&frame[26..30], &frame[34..36]].concat(), [&frame[30..34], &frame[36..38]].concat()];
        ends.sort();
        ends
    };
    // Two rounds, however they are cut out, have a packet of nearly every connection.
    for rounds in frames(&file).chunks(5_000) {
        let running: HashSet<_> = rounds.iter().map(|frame| tuple(frame)).collect();
        assert!(running.len() > 2_400, "{}", running.len());
    }
}

#[test]
fn a_flood_repeats_no_tuple() {
    let (file, summary) = made(&Plan::new(Shape::SynFlood, Extent::Packets(60_000), 7));
    let syns = || frames(&file).into_iter().filter(|frame| frame[47] == 2);
    let tuples: HashSet<_> = syns().map(|frame| frame[26..38].to_vec()).collect();
    assert_eq!(
        (syns().count(), tuples.len()),
        (summary.conversations as usize, summary.conversations as usize)
    );
    assert!(tuples.len() > 50_000);
}

#[test]
fn packets_come_backwards() {
    let (file, _) = made(&Plan::new(Shape::Backwards, Extent::Packets(20_000), 7));
    let (mut highest, mut data, mut behind) = (std::collections::HashMap::new(), 0, 0);
    for frame in frames(&file).into_iter().filter(|frame| frame.len() > 100) {
        let seq = u32::from_be_bytes(frame[38..42].try_into().unwrap());
        let top = highest.entry(frame[26..38].to_vec()).or_insert(seq);
        data += 1;
        if (seq.wrapping_sub(*top) as i32) < 0 {
            behind += 1;
        } else {
            *top = seq;
        }
    }
    assert!(data > 15_000 && behind * 100 > data * 95, "{behind} of {data}");
}

#[test]
fn lone_fragments_never_complete() {
    let (file, summary) = made(&Plan::new(Shape::LoneFragments, Extent::Packets(20_000), 7));
    let datagrams: HashSet<_> =
        frames(&file).iter().map(|frame| (frame[26..34].to_vec(), frame[18..20].to_vec())).collect();
    assert_eq!(datagrams.len() as u64, summary.frames);
    let is_fragment = |frame: &&[u8]| (u16::from_be_bytes([frame[20], frame[21]]) & 0x3fff) != 0;
    assert!(frames(&file).iter().all(is_fragment));
}

#[test]
fn tiny_packets_have_the_least_size() {
    let (file, _) = made(&Plan::new(Shape::Tiny, Extent::Packets(5_000), 7));
    let shortest = frames(&file).iter().map(|frame| frame.len()).min();
    let longer = frames(&file).iter().filter(|frame| frame.len() > 60).count();
    assert_eq!(shortest, Some(60));
    assert!(longer < 300, "only the SYNs have options: {longer}");
}

#[test]
fn checksums_are_right() {
    let (file, _) = made(&Plan::new(Shape::Mixed, Extent::Bytes(3_000_000), 5));
    let mut checked = [0; 2];
    for frame in frames(&file) {
        let (addresses, transport, protocol) = if frame[12..14] == [0x86, 0xdd] {
            (&frame[22..54], &frame[54..], frame[20])
        } else {
            assert_eq!(sum(&frame[14..34], 0), 0xffff);
            (&frame[26..34], &frame[34..], frame[23])
        };
        let pseudo = sum(addresses, u64::from(protocol) + transport.len() as u64);
        assert_eq!(sum(transport, pseudo), 0xffff);
        checked[usize::from(protocol == 17)] += 1;
    }
    assert!(checked.iter().all(|count| *count > 100), "{checked:?}");
}
