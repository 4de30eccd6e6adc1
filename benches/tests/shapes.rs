//! Every shape writes a readable file of the size asked for, the same for the same seed.

#![allow(clippy::unwrap_used)]

use netanalyze_benches::shape::{Shape, write};

const SHAPES: [Shape; 7] = [
    Shape::Mixed,
    Shape::SynFlood,
    Shape::Elephant,
    Shape::Interleaved,
    Shape::OutOfOrder,
    Shape::Fragments,
    Shape::Tiny,
];

/// Walks the records: frames, and whether times never descend.
fn walk(file: &[u8]) -> (u64, bool) {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut at, mut frames, mut latest, mut ascending) = (24, 0, 0, true);
    while at < file.len() {
        let time = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        ascending &= time >= latest;
        latest = time;
        assert_eq!(word(at + 8), word(at + 12));
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
    for shape in SHAPES {
        let mut file = Vec::new();
        let summary = write(&mut file, shape, 2_000_000, 11).unwrap();
        assert_eq!(summary.bytes, file.len() as u64);
        assert!((2_000_000..2_020_000).contains(&file.len()), "{shape:?}: {} bytes", file.len());
        let (frames, ascending) = walk(&file);
        assert_eq!(frames, summary.frames, "{shape:?}");
        assert!(ascending, "{shape:?}: times descend");
        let mut again = Vec::new();
        write(&mut again, shape, 2_000_000, 11).unwrap();
        assert!(file == again, "{shape:?} is not repeatable");
        let mut other = Vec::new();
        write(&mut other, shape, 2_000_000, 12).unwrap();
        assert!(file != other, "{shape:?} does not depend on the seed");
    }
}

#[test]
fn checksums_are_right() {
    let mut file = Vec::new();
    write(&mut file, Shape::Mixed, 3_000_000, 5).unwrap();
    let (mut at, mut checked) = (24, [0; 2]);
    while at < file.len() {
        let len = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) as usize;
        let frame = &file[at + 16..at + 16 + len];
        let (addresses, transport, protocol) = if frame[12..14] == [0x86, 0xdd] {
            (&frame[22..54], &frame[54..], frame[20])
        } else {
            assert_eq!(sum(&frame[14..34], 0), 0xffff);
            (&frame[26..34], &frame[34..], frame[23])
        };
        let pseudo = sum(addresses, u64::from(protocol) + transport.len() as u64);
        assert_eq!(sum(transport, pseudo), 0xffff);
        checked[usize::from(protocol == 17)] += 1;
        at += 16 + len;
    }
    assert!(checked.iter().all(|count| *count > 100), "{checked:?}");
}
