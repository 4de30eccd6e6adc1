//! Reassembly against a map of bytes that is obviously right.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::model::FrameNumber;

/// Cases are the same in every run: a failure is about the change at hand.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 256,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x6e65_7461),
        ..ProptestConfig::default()
    }
}

/// A segment: where, how many bytes, how many of them captured, and what they say.
#[derive(Clone, Debug)]
struct Cut {
    at: usize,
    len: usize,
    captured: usize,
    fill: u8,
}

/// Numbers of the first byte, dense around the places where they turn.
fn base() -> impl Strategy<Value = u32> {
    let around = |turn: u32| (0_u32..80).prop_map(move |n| turn.wrapping_add(n).wrapping_sub(60));
    prop_oneof![around(0), around(1 << 31), any::<u32>()]
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
}

/// A stream in segments.
fn segmentation(len: usize) -> impl Strategy<Value = Vec<Cut>> {
    prop::collection::btree_set(1..len, 0..len.min(24)).prop_map(move |edges| {
        let mut edges: Vec<_> = edges.into_iter().collect();
        edges.push(len);
        let mut at = 0;
        edges
            .into_iter()
            .map(|end| {
                let cut = Cut { at, len: end - at, captured: end - at, fill: 0 };
                at = end;
                cut
            })
            .collect()
    })
}

/// A stream in segments, some of them twice or thrice, some repeated in another segmentation, in any order.
fn shuffled(len: usize) -> impl Strategy<Value = Vec<Cut>> {
    (segmentation(len), segmentation(len), any::<u64>()).prop_flat_map(|(all, again, picks)| {
        let mut cuts = all.clone();
        for (place, cut) in all.into_iter().chain(again).enumerate() {
            if picks >> (place % 64) & 1 == 1 {
                cuts.push(cut);
            }
        }
        Just(cuts).prop_shuffle()
    })
}

/// Segments anywhere, of any content, some cut.
fn anywhere(len: usize) -> impl Strategy<Value = Vec<Cut>> {
    let cut = (0..len, prop_oneof![0..4_usize, 0..40_usize], 0..60_usize, any::<u8>()).prop_map(
        move |(at, size, captured, fill)| {
            let size = size.min(len - at);
            Cut { at, len: size, captured: captured.min(size), fill }
        },
    );
    prop::collection::vec(cut, 0..60)
}

/// What came out: bytes by offset, and gaps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Out {
    bytes: BTreeMap<u64, (u8, FrameNumber)>,
    gaps: Vec<(u64, u64, Why)>,
    end: u64,
}

impl Out {
    fn take(&mut self, chunk: Chunk<'_>) {
        match chunk {
            Chunk::Data { offset, bytes, frame, .. } => {
                assert!(offset == self.end && !bytes.is_empty());
                self.bytes.extend((offset..).zip(bytes.iter().map(|&b| (b, frame))));
                self.end += bytes.len() as u64;
            }
            Chunk::Gap { offset, len, why, .. } => {
                assert!(offset == self.end && len > 0);
                self.gaps.push((offset, len, why));
                self.end += len;
            }
        }
    }
}

fn bytes_of(cut: &Cut) -> Vec<u8> {
    text(cut.at + cut.captured).split_off(cut.at).iter().map(|b| b ^ cut.fill).collect()
}

/// Runs segments through a reassembler whose SYN is known.
fn run(base: u32, cuts: &[Cut], limits: Limits, acks: &[Option<usize>]) -> (Out, Counters) {
    let (mut side, mut out) = (Reassembler::new(limits), Out::default());
    side.syn(base.wrapping_sub(1));
    for (place, cut) in cuts.iter().enumerate() {
        let bytes = bytes_of(cut);
        let payload = Payload {
            seq: base.wrapping_add(cut.at as u32),
            bytes: &bytes,
            len: cut.len as u32,
            frame: FrameNumber(place as u64),
            ..Payload::default()
        };
        side.push(&payload, &mut |chunk: Chunk<'_>| out.take(chunk));
        assert!(side.held() <= limits.held_bytes);
        if let Some(&Some(ack)) = acks.get(place) {
            side.acknowledged(base.wrapping_add(ack as u32), &mut |chunk: Chunk<'_>| out.take(chunk));
        }
    }
    side.finish(&mut |chunk: Chunk<'_>| out.take(chunk));
    assert_eq!(side.held(), 0);
    (out, side.counters())
}

/// The map: each byte from the segment that brought it first; each gap with its reason.
fn by_map(cuts: &[Cut]) -> (Out, Counters) {
    let (mut out, mut counters) = (Out::default(), Counters::default());
    let mut sent = std::collections::BTreeSet::new();
    for (place, cut) in cuts.iter().enumerate() {
        if cut.len == 0 {
            continue;
        }
        // A keep-alive repeats a byte that is there, and is in the map like any other copy.
        out.end = out.end.max((cut.at + cut.len) as u64);
        sent.extend((cut.at..cut.at + cut.len).map(|n| n as u64));
        for (offset, byte) in (cut.at as u64..).zip(bytes_of(cut)) {
            let fresh = !out.bytes.contains_key(&offset);
            counters.overlap += u64::from(!fresh);
            out.bytes.entry(offset).or_insert((byte, FrameNumber(place as u64)));
        }
    }
    counters.delivered = out.bytes.len() as u64;
    for offset in (0..out.end).filter(|offset| !out.bytes.contains_key(offset)) {
        let why = if sent.contains(&offset) { Why::Snapped } else { Why::NotCaptured };
        counters.count_gap(why, 1);
        match out.gaps.last_mut() {
            Some((start, len, last)) if *start + *len == offset && *last == why => *len += 1,
            _ => out.gaps.push((offset, 1, why)),
        }
    }
    (out, counters)
}

const ROOMY: Limits = Limits { held_bytes: 1 << 20, held_pieces: 1 << 12 };

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_order_and_duplication_gives_the_same_bytes(base in base(), cuts in shuffled(400)) {
        let (out, counters) = run(base, &cuts, ROOMY, &[]);
        let bytes: Vec<u8> = out.bytes.values().map(|&(byte, _)| byte).collect();
        prop_assert_eq!(bytes, text(400));
        prop_assert_eq!((out.gaps.len(), counters.missing(), counters.conflicting), (0, 0, 0));
        let captured: usize = cuts.iter().map(|cut| cut.captured).sum();
        prop_assert_eq!(counters.delivered + counters.overlap, captured as u64);
    }

    #[test]
    fn agrees_with_a_map_of_bytes(base in base(), cuts in anywhere(200)) {
        let (out, counters) = run(base, &cuts, ROOMY, &[]);
        let (expected, expected_counters) = by_map(&cuts);
        prop_assert_eq!(out, expected);
        prop_assert!(counters.conflicting <= counters.overlap);
        let comparable = Counters { conflicting: 0, held_max: 0, ..counters };
        prop_assert_eq!(comparable, expected_counters);
    }

    #[test]
    fn gaps_are_exactly_what_is_missing(
        base in base(), cuts in segmentation(300).prop_shuffle(), lost in any::<u32>(),
    ) {
        let mut place = 0;
        let kept: Vec<Cut> = cuts.into_iter().filter(|_| { place += 1; lost >> (place % 32) & 1 == 0 }).collect();
        let (out, _) = run(base, &kept, ROOMY, &[]);
        let mut missing: Vec<u64> = (0..out.end).collect();
        missing.retain(|&n| !kept.iter().any(|cut| (cut.at..cut.at + cut.len).contains(&(n as usize))));
        let gaps: Vec<u64> = out.gaps.iter().flat_map(|&(start, len, _)| start..start + len).collect();
        prop_assert_eq!(gaps, missing);
        prop_assert!(out.gaps.iter().all(|&(_, _, why)| why == Why::NotCaptured));
    }

    /// Caps and acknowledgements cost bytes at most: what is handed on is a subset of the map's, and every byte is accounted for.
    #[test]
    fn caps_and_acknowledgements_only_make_gaps(
        base in base(), cuts in anywhere(200), held_bytes in 0..80_usize, held_pieces in 0..6_usize,
        acks in prop::collection::vec(prop::option::of(0..220_usize), 60),
    ) {
        let (out, counters) = run(base, &cuts, Limits { held_bytes, held_pieces }, &acks);
        prop_assert!(counters.held_max <= held_bytes as u64);
        prop_assert_eq!(counters.delivered, out.bytes.len() as u64);
        prop_assert_eq!(counters.missing(), out.gaps.iter().map(|&(_, len, _)| len).sum::<u64>());
        prop_assert_eq!(out.end, counters.delivered + counters.missing());
        for (offset, (byte, frame)) in out.bytes {
            let cut = &cuts[frame.0 as usize];
            prop_assert_eq!(byte, bytes_of(cut)[offset as usize - cut.at]);
        }
        let captured: usize = cuts.iter().map(|cut| cut.captured).sum();
        prop_assert_eq!(counters.delivered + counters.overlap, captured as u64);
    }

    /// Anything at all: no panic, offsets without overlap, caps kept.
    #[test]
    fn nothing_makes_it_panic(
        segments in prop::collection::vec(
            (any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..9), any::<u32>(), any::<u8>(), any::<u32>()),
            0..80,
        ),
        near in any::<u32>(), held_bytes in 0..40_usize, held_pieces in 0..6_usize,
    ) {
        let limits = Limits { held_bytes, held_pieces };
        let (mut side, mut out) = (Reassembler::new(limits), Out::default());
        for (seq, far, bytes, len, flags, ack) in segments {
            let seq = if far { seq } else { near.wrapping_add(seq % 64) };
            let payload = Payload {
                seq, bytes: &bytes, len: if flags & 12 == 0 { len } else { 0 }, syn: flags & 3 == 0, fin: flags & 0x70 == 0,
                ..Payload::default()
            };
            side.push(&payload, &mut |chunk: Chunk<'_>| out.take(chunk));
            if flags & 128 != 0 {
                let ack = if far { ack } else { near.wrapping_add(ack % 90) };
                side.acknowledged(ack, &mut |chunk: Chunk<'_>| out.take(chunk));
            }
            prop_assert!(side.held() <= held_bytes);
        }
        side.finish(&mut |chunk: Chunk<'_>| out.take(chunk));
        prop_assert_eq!(out.bytes.len() as u64, side.counters().delivered);
    }
}

/// Every second byte of a long stretch, then every other one, backwards: a list instead of a tree would take minutes.
#[test]
fn the_worst_order_is_sorted_in() {
    let total = 40_000_usize;
    let mut side = Reassembler::new(Limits { held_bytes: total, held_pieces: total });
    side.syn(u32::MAX);
    let mut out = 0_usize;
    let mut sink = |chunk: Chunk<'_>| {
        if let Chunk::Data { bytes, .. } = chunk {
            out += bytes.len();
        }
    };
    for n in (1..total).rev().step_by(2).chain((0..total - 1).rev().step_by(2)) {
        side.push(&Payload { seq: n as u32, bytes: b"x", len: 1, ..Payload::default() }, &mut sink);
    }
    assert_eq!(out, total);
}
