//! What fuzzing asserts of reassembly: whatever comes in whatever order, chunks follow each other without hole or overlap, every byte
//! handed on was in a segment at its place, the books add up, caps are kept, and nothing is held once it has ended.
//!
//! The body of the fuzz target `reassembly`, which reads its bytes as a script; run once on scripts in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::collections::HashMap;

use super::{Chunk, Limits, Payload, Reassembler};
use crate::model::FrameNumber;

/// Bytes of the script before the first segment: where numbers begin, the caps.
const PREFIX: usize = 4;

/// Bytes of the script for each segment.
const STEP: usize = 6;

const CORNERS: [u32; 4] = [0, 0x7fff_ff80, 0x8000_0000, 0xffff_ff80];

/// What came out.
#[derive(Default)]
struct Out {
    end: u64,
    delivered: u64,
    missing: u64,
    /// What each frame carried: its sequence number and bytes.
    sent: HashMap<u64, (u32, Vec<u8>)>,
    /// Sequence number of offset 0, told by the first byte handed on.
    origin: Option<u32>,
}

impl Out {
    fn take(&mut self, chunk: Chunk<'_>) {
        match chunk {
            Chunk::Data { offset, bytes, frame, .. } => {
                assert_eq!(offset, self.end, "chunks follow each other");
                assert!(!bytes.is_empty());
                let (seq, sent) = &self.sent[&frame.0];
                let places = sent.len() + 1 - bytes.len();
                let candidates = (0..places).filter(|&at| sent[at..at + bytes.len()] == *bytes);
                let origins = candidates.map(|at| seq.wrapping_add(at as u32).wrapping_sub(offset as u32));
                let origins: Vec<u32> = origins.collect();
                match self.origin {
                    Some(origin) => assert!(origins.contains(&origin), "bytes of another place"),
                    // Which of several places the first bytes come from is told by those that follow.
                    None => self.origin = Some(origins[0]).filter(|_| origins.len() == 1),
                }
                self.end += bytes.len() as u64;
                self.delivered += bytes.len() as u64;
            }
            Chunk::Gap { offset, len, .. } => {
                assert_eq!(offset, self.end, "gaps stand between chunks");
                assert!(len > 0);
                self.end += len;
                self.missing += len;
            }
        }
    }
}

/// Runs a script.
pub fn reassembly(data: &[u8]) {
    let Some((&[corner, jitter, held_bytes, held_pieces], script)) = data.split_first_chunk::<PREFIX>()
    else {
        return;
    };
    let base = CORNERS[usize::from(corner & 3)].wrapping_add_signed(i32::from(jitter.cast_signed()));
    let limits =
        Limits { held_bytes: usize::from(held_bytes) * 4, held_pieces: usize::from(held_pieces & 31) };
    let (mut side, mut out) = (Reassembler::new(limits), Out::default());
    if corner & 4 == 0 {
        side.syn(base.wrapping_sub(1));
    }
    let mut captured = 0;
    for (number, step) in script.chunks_exact(STEP).enumerate() {
        let &[kind, low, high, len, cut, ack] = step.first_chunk().expect("of this length");
        let far = u32::from(kind & 0x80 != 0) << 31;
        let seq = base.wrapping_add(u32::from(u16::from_le_bytes([low, high & 3]))).wrapping_add(far);
        let kept = if kind & 1 == 0 { len } else { len.min(cut) };
        // Bytes tell their frame and place, so that a wrong copy shows.
        let bytes: Vec<u8> =
            (0..kept).map(|at| at.wrapping_mul(31) ^ (number as u8).wrapping_mul(89)).collect();
        let frame = FrameNumber(number as u64 + 1);
        captured += bytes.len() as u64;
        out.sent.insert(frame.0, (seq.wrapping_add(u32::from(kind & 2 != 0)), bytes.clone()));
        let payload = Payload {
            seq,
            bytes: &bytes,
            len: u32::from(len),
            frame,
            syn: kind & 2 != 0,
            fin: kind & 0x1c == 0x1c,
            ..Payload::default()
        };
        side.push(&payload, &mut |chunk: Chunk<'_>| out.take(chunk));
        if kind & 0x20 != 0 {
            let ack = base.wrapping_add(u32::from(ack) * 4);
            side.acknowledged(ack, &mut |chunk: Chunk<'_>| out.take(chunk));
        }
        assert!(side.held() <= limits.held_bytes, "the cap is kept");
    }
    side.finish(&mut |chunk: Chunk<'_>| out.take(chunk));
    let counters = side.counters();
    assert_eq!(side.held(), 0, "nothing is held after the end");
    assert_eq!((counters.delivered, counters.missing()), (out.delivered, out.missing));
    assert!(counters.conflicting <= counters.overlap && counters.held_max <= limits.held_bytes as u64);
    let accounted = counters.delivered + counters.overlap + counters.before_start + counters.after_end;
    assert!(accounted <= captured, "{accounted} bytes of {captured}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_body_holds_for_scripts() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for _ in 0..400 {
            let script: Vec<u8> = (0..600).map(|_| next()).collect();
            super::reassembly(&script);
        }
    }
}
