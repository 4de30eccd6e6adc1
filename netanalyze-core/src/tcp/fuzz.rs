//! What fuzzing asserts of the sequence analysis: any segments in any order have a verdict; it does not matter which end is the lower
//! address, nor what buffers other connections left behind; and frames that it names came before.
//!
//! The body of the fuzz target `connections`, which reads its bytes as a script; run once on scripts in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use super::{Birth, Connection, Flags, Pool, Scope, Segment, SynOutcome, TcpFlags, Verdict};
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::packet::tcp_option::{self, TcpOptions, kind};

/// Bytes of the script for each segment.
pub const STEP: usize = 8;

/// Bytes before the first segment: where each side's numbers begin.
pub const PREFIX: usize = 4;

/// Numbers around which arithmetic goes wrong.
const CORNERS: [u32; 8] =
    [0, 1_000, 0x7fff_ff00, 0x8000_0000, 0xffff_ff00, 0xffff_ffff, 0x4000_0000, 0xc000_0000];

const FLAGS: [u16; 16] = [
    0x010, 0x010, 0x018, 0x018, 0x010, 0x011, 0x019, 0x002, 0x012, 0x004, 0x014, 0x001, 0x000, 0x0c2, 0x03f,
    0x018,
];

const LENGTHS: [u32; 8] = [0, 0, 1, 2, 100, 1_460, 65_000, 20];

const WINDOWS: [u16; 8] = [1_000, 1_000, 0, 1, 200, 65_535, 1_001, 1_460];

/// Nanoseconds between segments; a clock may step back.
const PAUSES: [i64; 8] =
    [0, 1_000, 2_900_000, 3_100_000, 25_000_000, 1_100_000_000, -5_000_000, i64::MAX / 3];

/// A segment before it has a frame.
#[derive(Debug)]
struct Step {
    from_a: bool,
    time: i64,
    seq: u32,
    ack: u32,
    len: u32,
    window: u16,
    flags: TcpFlags,
    header_len: u8,
    header_captured: u8,
    urgent_pointer: bool,
    scope: Scope,
    options: Option<TcpOptions>,
    /// Whether another header of the same frame has the same numbers.
    twin: bool,
}

/// Reads a script. A side's numbers follow what it sent, give or take what the script says.
fn steps(data: &[u8]) -> Vec<Step> {
    let Some((&[a, jitter_a, b, jitter_b], script)) = data.split_first_chunk::<PREFIX>() else {
        return Vec::new();
    };
    let start = |corner: u8, jitter: u8| {
        CORNERS[usize::from(corner & 7)].wrapping_add_signed(i32::from(jitter.cast_signed()))
    };
    let mut next = [start(a, jitter_a), start(b, jitter_b)];
    let mut time = 1_700_000_000_000_000_000i64;
    let step = |step: &[u8]| {
        let &[kind, flags, size, seq, ack, pause, option, value] =
            step.first_chunk().expect("of this length");
        let (own, peer) = (usize::from(kind & 1), usize::from(!kind & 1));
        // Small steps, and now and then one of half the circle.
        let far = if kind & 0x80 != 0 { 0x8000_0000 } else { 0 };
        let scaled = |by: u8, wide: bool| i32::from(by.cast_signed()) * if wide { 146 } else { 1 };
        let seq = next[own].wrapping_add_signed(scaled(seq, kind & 2 != 0)).wrapping_add(far);
        let ack = next[peer].wrapping_add_signed(scaled(ack, kind & 4 != 0));
        let flags = TcpFlags(FLAGS[usize::from(flags & 15)]);
        let len = LENGTHS[usize::from(size & 7)];
        time = time.saturating_add(PAUSES[usize::from(pause & 7)]);
        let end = seq.wrapping_add(len).wrapping_add(u32::from(flags.takes_sequence_number()));
        if end.wrapping_sub(next[own]).cast_signed() > 0 || kind & 0x40 != 0 {
            next[own] = end;
        }
        let area = area(option, value, next[peer]);
        let header_len = if kind & 0x30 == 0x30 { (value & 15) * 4 } else { 20 + area.len() as u8 };
        Step {
            from_a: own == 0,
            time,
            seq,
            ack: if flags.ack() || size & 0x40 != 0 { ack } else { 0 },
            len,
            window: WINDOWS[usize::from(size >> 3 & 7)],
            flags,
            header_len,
            header_captured: header_len.max(20) - if kind & 0x30 == 0x20 { value & 3 } else { 0 },
            urgent_pointer: pause & 0x80 != 0,
            scope: match pause & 0x78 {
                0x40 => Scope::HeaderOnly,
                0x48 => Scope::ShortSegment,
                _ => Scope::Full,
            },
            options: (!area.is_empty()).then(|| tcp_option::parse(&area)),
            twin: pause & 0x78 == 0x50,
        }
    };
    script.chunks_exact(STEP).map(step).collect()
}

/// An area of options; SACK blocks lie around what the peer sent.
fn area(option: u8, value: u8, peer_next: u32) -> Vec<u8> {
    let edge = |by: u8| peer_next.wrapping_add_signed(i32::from(by.cast_signed())).to_be_bytes();
    let mut area = match option & 15 {
        1 => vec![kind::MSS, 4, value, 0],
        2 => vec![kind::WINDOW_SCALE, 3, value & 31],
        3 => [&[kind::SACK, 10][..], &edge(value), &edge(value.wrapping_add(option >> 4))].concat(),
        4 => {
            let second = [edge(value.wrapping_mul(3)), edge(option)].concat();
            [&[kind::SACK, 18][..], &edge(value), &edge(option), &second].concat()
        }
        5 => vec![kind::FAST_OPEN, 2 + (value & 7), 1, 2, 3, 4, 5, 6],
        6 => vec![kind::MPTCP, 4, value, 0],
        7 => vec![kind::MSS, 4, 5, 0xb4, kind::WINDOW_SCALE, 3, value & 15, kind::SACK_PERMITTED, 2],
        8 => vec![value, option, 0, 0],
        _ => Vec::new(),
    };
    area.resize(area.len().next_multiple_of(4), kind::EOL);
    area
}

/// What stands between the wire and the analysis: conversations that are opened anew.
struct Host {
    connection: Option<Connection>,
    frame: u64,
    last: Option<Verdict>,
    mirrored: bool,
}

impl Host {
    fn new(mirrored: bool) -> Self {
        Host { connection: None, frame: 0, last: None, mirrored }
    }

    fn receive(&mut self, step: &Step, pool: &mut Pool) -> Verdict {
        self.frame += u64::from(!step.twin || self.frame == 0);
        let segment = Segment {
            frame: FrameNumber(self.frame),
            time: Timestamp(step.time),
            seq: step.seq,
            ack: step.ack,
            len: step.len,
            window: step.window,
            flags: step.flags,
            header_len: step.header_len,
            header_captured: step.header_captured,
            urgent_pointer: step.urgent_pointer,
            scope: step.scope,
            options: step.options.as_ref(),
        };
        let direction = if step.from_a == self.mirrored { Direction::BtoA } else { Direction::AtoB };
        let continues = |known: &Connection| known.syn_outcome(direction, &segment) == SynOutcome::Continues;
        let birth = match &self.connection {
            None => Birth::New,
            Some(known) if continues(known) => Birth::Known,
            Some(_) => Birth::Reused,
        };
        // What a verdict said before must not matter.
        let mut verdict = self.last.unwrap_or_default();
        match &mut self.connection {
            Some(connection) if birth == Birth::Known => {
                let twin = self.last.filter(|_| step.twin).and_then(|verdict| verdict.analysis);
                if self.mirrored {
                    connection.any(direction, &segment, Birth::Known, twin.as_ref(), pool, &mut verdict);
                } else {
                    connection.advance(direction, &segment, twin.as_ref(), pool, &mut verdict);
                }
            }
            place => {
                let connection = place.insert(Connection::new(segment.time));
                connection.open(direction, &segment, birth, pool, &mut verdict);
            }
        }
        self.check(&verdict);
        self.last = Some(verdict);
        verdict
    }

    /// What holds for every verdict.
    fn check(&self, verdict: &Verdict) {
        assert!(verdict.completeness < 64);
        assert!((-2..=1 << 14).contains(&verdict.scale.factor()));
        let Some(analysis) = verdict.analysis else { return };
        for frame in [analysis.acked_frame, analysis.rto_frame, analysis.duplicate_ack_frame] {
            assert!(frame.0 <= self.frame, "frame {} names frame {frame}", self.frame);
        }
        if analysis.flags.has(Flags::DUPLICATE_ACK) {
            assert!(analysis.duplicate_ack_number > 0);
        }
    }
}

/// What of a verdict is compared.
fn summary(verdict: &Verdict) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (verdict.flags, verdict.analysis, verdict.shown, verdict.completeness, verdict.scale),
        (verdict.seq_base, verdict.ack_base, verdict.time_relative, verdict.time_delta, verdict.initial_rtt),
        (verdict.opener, verdict.state),
    )
}

/// Plays a script as it is, and mirrored with the buffers that the first run and another connection left, there without what is made for
/// plain segments.
pub fn connections(data: &[u8]) {
    let steps = steps(data);
    let (mut plain, mut mirrored, mut other) = (Host::new(false), Host::new(true), Host::new(false));
    let (mut fresh, mut used) = (Pool::default(), Pool::default());
    for (number, step) in steps.iter().enumerate() {
        let verdict = plain.receive(step, &mut fresh);
        let reflection = mirrored.receive(step, &mut used);
        assert_eq!(summary(&verdict), summary(&reflection), "segment {number}: {step:?}");
        // The other connection goes through the script backwards.
        if let Some(step) = steps.get(steps.len() - 1 - number) {
            other.receive(step, &mut used);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_body_holds_for_scripts() {
        // A handshake, data, a lost segment, duplicate ACKs, a retransmission, a close; from all corners.
        let script: [[u8; 8]; 12] = [
            [0, 7, 0, 0, 0, 0, 7, 7],
            [1, 8, 0, 0, 0, 4, 7, 2],
            [0, 0, 0, 0, 0, 4, 0, 0],
            [0, 2, 4, 0, 0, 1, 0, 0],
            [0, 2, 4, 100, 0, 1, 0, 0],
            [1, 0, 0, 0, 156, 4, 3, 200],
            [1, 0, 0, 0, 156, 1, 3, 200],
            [1, 0, 0, 0, 156, 1, 3, 200],
            [0, 2, 4, 56, 0, 3, 0, 0],
            [1, 0, 16, 0, 0, 4, 0, 0],
            [0, 5, 0, 0, 0, 5, 0, 0],
            [1, 5, 0, 0, 0, 4, 0, 0],
        ];
        for corners in 0..64u8 {
            for jitter in [0, 1, 0x7f, 0x80, 0xff] {
                let prefix = [corners & 7, jitter, corners >> 3, jitter.wrapping_mul(3)];
                super::connections(&[&prefix[..], &script.concat()].concat());
            }
        }
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for _ in 0..20 {
            let script: Vec<u8> = (0..2_000).map(|_| next()).collect();
            super::connections(&script);
        }
    }
}
