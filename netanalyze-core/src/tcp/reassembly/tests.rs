//! The rules, one by one.

use super::*;
use crate::model::{Direction, FrameNumber, Timestamp};

/// Writes chunks as words: `0:abc@1` are bytes from frame 1 at offset 0, `3-2n<4` two bytes missing at 3 (not captured) before frame 4,
/// `s` for cut, `a` for abandoned.
fn word(chunk: Chunk<'_>) -> String {
    match chunk {
        Chunk::Data { offset, bytes, frame, time } => {
            assert_eq!(time, Timestamp(frame.0 as i64 * 10), "time and frame belong together");
            format!("{offset}:{}@{frame}", String::from_utf8_lossy(bytes))
        }
        Chunk::Gap { offset, len, why, before } => {
            let before = before.map_or(String::new(), |frame| format!("<{frame}"));
            format!("{offset}-{len}{}{before}", &why.name()[..1])
        }
    }
}

/// A direction whose SYN has number −1, and what came out of it.
struct Tape {
    side: Reassembler,
    base: u32,
    frame: u64,
    words: Vec<String>,
}

const ROOMY: Limits = Limits { held_bytes: 1000, held_pieces: 100 };

impl Tape {
    fn new(base: u32, limits: Limits) -> Self {
        Tape { side: Reassembler::new(limits), base, frame: 0, words: Vec::new() }
    }

    fn opened(base: u32, limits: Limits) -> Self {
        let mut tape = Tape::new(base, limits);
        tape.side.syn(base.wrapping_sub(1));
        tape
    }

    fn payload<'a>(&mut self, at: i64, bytes: &'a str) -> Payload<'a> {
        self.frame += 1;
        Payload {
            seq: self.base.wrapping_add(at as u32),
            bytes: bytes.as_bytes(),
            len: bytes.len() as u32,
            frame: FrameNumber(self.frame),
            time: Timestamp(self.frame as i64 * 10),
            ..Payload::default()
        }
    }

    fn push(&mut self, payload: &Payload<'_>) -> &mut Self {
        let words = &mut self.words;
        self.side.push(payload, &mut |chunk: Chunk<'_>| words.push(word(chunk)));
        self
    }

    fn data(&mut self, at: i64, bytes: &str) -> &mut Self {
        let payload = self.payload(at, bytes);
        self.push(&payload)
    }

    fn cut(&mut self, at: i64, bytes: &str, len: u32) -> &mut Self {
        let payload = Payload { len, ..self.payload(at, bytes) };
        self.push(&payload)
    }

    fn fin(&mut self, at: i64, bytes: &str) -> &mut Self {
        let payload = Payload { fin: true, ..self.payload(at, bytes) };
        self.push(&payload)
    }

    fn ack(&mut self, at: i64) -> &mut Self {
        self.frame += 1;
        let words = &mut self.words;
        let ack = self.base.wrapping_add(at as u32);
        self.side.acknowledged(ack, &mut |chunk: Chunk<'_>| words.push(word(chunk)));
        self
    }

    fn finish(&mut self) -> &mut Self {
        let words = &mut self.words;
        self.side.finish(&mut |chunk: Chunk<'_>| words.push(word(chunk)));
        self
    }

    /// What came out since the last look.
    fn out(&mut self) -> String {
        std::mem::take(&mut self.words).join(" ")
    }
}

/// Sequence numbers at which offset 0 may lie.
const BASES: [u32; 8] = [0, 1, 5, 0x7fff_fffd, 0x7fff_ffff, 0x8000_0000, u32::MAX - 2, u32::MAX];

#[test]
fn order_is_made_around_every_turn_of_the_numbers() {
    for base in BASES {
        let mut tape = Tape::opened(base, ROOMY);
        assert_eq!(tape.data(0, "abc").out(), "0:abc@1", "{base:#x}");
        assert_eq!(tape.data(5, "fg").data(9, "jk").out(), "", "{base:#x}");
        assert_eq!(tape.data(3, "de").out(), "3:de@4 5:fg@2", "{base:#x}");
        assert_eq!(tape.data(7, "hi").out(), "7:hi@5 9:jk@3", "{base:#x}");
        assert_eq!(tape.finish().out(), "", "{base:#x}");
        let counters = Counters { delivered: 11, held_max: 4, ..Counters::default() };
        assert_eq!(tape.side.counters(), counters, "{base:#x}");
    }
}

#[test]
fn offsets_go_on_past_four_gibibytes() {
    // Acknowledged jumps of a GiB, one segment each: the numbers turn round more than once.
    let mut tape = Tape::opened(7, ROOMY);
    let step = 1_i64 << 29;
    for turn in 1..=20 {
        tape.data(turn * step, "x").ack(turn * step + 1).ack(turn * step + 1).ack(turn * step + 1);
        tape.ack(turn * step + 1);
        let missing = if turn == 1 { step } else { step - 1 };
        let from = turn * step - missing;
        let frame = (turn - 1) * 5 + 1;
        assert_eq!(tape.out(), format!("{from}-{missing}n<{frame} {}:x@{frame}", turn * step));
    }
}

#[test]
fn the_first_copy_of_a_byte_wins() {
    let mut tape = Tape::opened(0, ROOMY);
    // Held [4, 7); then a longer copy around it; then bytes that were handed on.
    assert_eq!(tape.data(4, "EFG").data(2, "cdefgh").out(), "");
    assert_eq!(tape.data(0, "abCD").out(), "0:ab@3 2:cd@2 4:EFG@1 7:h@2");
    assert_eq!(tape.data(6, "GHI").out(), "8:I@4");
    let counters = tape.side.counters();
    // "efg" against "EFG", "CD" against "cd"; "GH" came too late to be compared.
    assert_eq!((counters.overlap, counters.conflicting), (3 + 2 + 2, 3 + 2));
    assert_eq!(counters.delivered, 9);
}

#[test]
fn a_segment_in_order_takes_its_turn_between_held_pieces() {
    let mut tape = Tape::opened(0, ROOMY);
    tape.data(2, "c").data(4, "e").data(6, "g");
    assert_eq!(tape.data(0, "ABCDEFGH").out(), "0:AB@4 2:c@1 3:D@4 4:e@2 5:F@4 6:g@3 7:H@4");
    assert_eq!((tape.side.counters().overlap, tape.side.counters().conflicting), (3, 3));
    assert_eq!(tape.side.held(), 0);
}

#[test]
fn other_segmentation_of_a_retransmission_changes_nothing() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(0, "abcd").data(2, "cdef").data(0, "abcdefgh").out(), "0:abcd@1 4:ef@2 6:gh@3");
    assert_eq!((tape.side.counters().overlap, tape.side.counters().conflicting), (8, 0));
}

#[test]
fn without_a_syn_the_first_byte_seen_is_the_start() {
    let mut tape = Tape::new(1000, ROOMY);
    assert_eq!(tape.data(10, "kl").data(7, "hijkl").data(12, "m").out(), "0:kl@1 2:m@3");
    assert_eq!((tape.side.counters().before_start, tape.side.counters().overlap), (3, 2));
    // Nothing was handed on yet: the start moves back.
    let mut tape = Tape::new(1000, ROOMY);
    assert_eq!(tape.cut(10, "", 2).data(12, "mn").out(), "");
    assert_eq!(tape.data(8, "ij").data(6, "gh").out(), "0:ij@3");
    assert_eq!(tape.finish().out(), "2-2s<2 4:mn@2");
    assert_eq!(tape.side.counters().before_start, 2);
    // A late SYN tells where the start was.
    let mut tape = Tape::new(1000, ROOMY);
    tape.cut(10, "", 2);
    tape.side.syn(1004);
    assert_eq!(tape.data(3, "defgh").out(), "0:fgh@2");
    assert_eq!(tape.side.counters().before_start, 2);
}

#[test]
fn of_several_syns_the_acknowledged_or_else_the_last_counts() {
    for base in BASES {
        for other in [-8000, -2, 1, 2, 4000, 1 << 30, i64::from(i32::MIN)] {
            let syn = |tape: &mut Tape, at: i64| tape.side.syn(base.wrapping_add(at as u32).wrapping_sub(1));
            let what = format!("{base:#x} {other}");
            // The last one.
            let mut tape = Tape::new(base, ROOMY);
            syn(&mut tape, other);
            syn(&mut tape, 0);
            assert_eq!(tape.data(0, "hello").finish().out(), "0:hello@1", "{what}");
            assert_eq!(tape.side.counters().before_start, 0, "{what}");
            // The one before it, since data follow that, or since that is acknowledged: before or after the other is seen.
            let mut tape = Tape::new(base, ROOMY);
            syn(&mut tape, 0);
            syn(&mut tape, other);
            assert_eq!(tape.data(0, "hello").finish().out(), "0:hello@1", "{what}");
            for early in [true, false] {
                let mut tape = Tape::new(base, ROOMY);
                syn(&mut tape, 0);
                if early {
                    tape.ack(0);
                }
                syn(&mut tape, other);
                if !early {
                    tape.ack(0);
                }
                // The first segment is not seen: nothing but the acknowledgement tells the start.
                assert_eq!(tape.data(3, "lo").finish().out(), "0-3n<2 3:lo@2", "{what}");
            }
            // An acknowledged one that the other side takes back, as after a restart.
            let mut tape = Tape::new(base, ROOMY);
            syn(&mut tape, other);
            tape.ack(other);
            syn(&mut tape, 0);
            assert_eq!(tape.ack(0).data(0, "hello").ack(5).finish().out(), "0:hello@3", "{what}");
            // After data, no SYN moves anything.
            let mut tape = Tape::opened(base, ROOMY);
            tape.data(2, "llo");
            syn(&mut tape, other);
            assert_eq!(tape.data(0, "he").out(), "0:he@2 2:llo@1", "{what}");
        }
    }
}

#[test]
fn a_start_moves_back_no_further_than_a_window() {
    for base in BASES {
        let mut tape = Tape::new(base, ROOMY);
        tape.cut(0, "", 1);
        assert_eq!(tape.data(-(1 << 30) - 1, "x").out(), "", "{base:#x}");
        assert_eq!(tape.side.counters().before_start, 1);
        assert_eq!(tape.data(-(1 << 30), "y").out(), "0:y@3", "{base:#x}");
    }
}

#[test]
fn syn_with_data() {
    let mut tape = Tape::new(99, ROOMY);
    let payload = Payload { syn: true, ..tape.payload(0, "GET") };
    assert_eq!(tape.push(&payload).out(), "0:GET@1");
    // The server did not take it: the same again, after the SYN.
    assert_eq!(tape.data(1, "GET /").out(), "3: /@2");
    // The SYN once more.
    assert_eq!(tape.push(&payload).out(), "");
    assert_eq!(tape.side.counters().overlap, 6);
}

#[test]
fn keep_alives_are_no_data_and_probes_are() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(0, "abc").data(2, "\0").data(2, "").out(), "0:abc@1");
    // The last byte was not captured, but acknowledged long ago: a keep-alive does not make it up.
    assert_eq!(tape.ack(6).ack(6).ack(6).ack(6).data(5, "\0").out(), "");
    assert_eq!(tape.data(6, "gh").out(), "3-3n<9 6:gh@9");
    // A probe brings the next byte; the receiver does not take it, and it comes again.
    assert_eq!(tape.data(8, "i").data(8, "i").data(8, "ij").out(), "8:i@10 9:j@12");
    assert_eq!((tape.side.counters().overlap, tape.side.counters().conflicting), (1 + 1 + 1 + 1, 0));
    // Before any data, right after the SYN, and in the middle of a connection of which only an ACK was seen.
    assert_eq!(Tape::opened(0, ROOMY).data(-1, "\0").data(0, "a").out(), "0:a@2");
    assert_eq!(Tape::new(50, ROOMY).ack(5).data(4, "\0").data(5, "a").out(), "0:a@3");
}

#[test]
fn the_first_copy_of_a_last_byte_is_no_keep_alive() {
    // Cut off at first, alone or as the end of a longer segment.
    assert_eq!(Tape::opened(0, ROOMY).cut(0, "", 1).data(0, "y").data(1, "es").out(), "0:y@2 1:es@3");
    assert_eq!(Tape::opened(0, ROOMY).cut(0, "ab", 3).data(2, "c").data(3, "d").out(), "0:ab@1 2:c@2 3:d@3");
    // It came, and is handed on or held: a keep-alive.
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(2, "c").data(2, "\0").data(0, "ab").data(2, "\0").out(), "0:ab@3 2:c@1");
    assert_eq!((tape.side.counters().overlap, tape.side.counters().conflicting), (2, 0));
    // Cut off and acknowledged long ago: the receiver has another byte than this.
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.cut(0, "", 1).ack(1).ack(1).ack(1).ack(1).data(0, "\0").out(), "0-1s");
}

#[test]
fn a_byte_whose_acknowledgement_was_recorded_first_is_no_keep_alive() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.ack(1).data(0, "a").ack(2).data(1, "b").out(), "0:a@2 1:b@4");
}

#[test]
fn an_acknowledged_hole_is_closed_three_segments_later() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(4, "efgh").ack(8).data(8, "i").data(9, "j").out(), "");
    assert_eq!(tape.data(10, "k").out(), "0-4n<1 4:efgh@1 8:i@3 9:j@4 10:k@5");
    // A copy within the slack fills it.
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(4, "efgh").ack(8).ack(8).ack(8).data(0, "abcd").out(), "0:abcd@5 4:efgh@1");
    // Afterwards it is too late.
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(4, "e").ack(5).ack(5).ack(5).ack(5).data(0, "abcdef").out(), "0-4n<1 4:e@1 5:f@6");
    assert_eq!(tape.side.counters().overlap, 5);
}

#[test]
fn an_acknowledgement_below_what_is_held_closes_nothing() {
    let mut tape = Tape::opened(0, ROOMY);
    tape.data(4, "ef").data(8, "ij");
    for _ in 0..10 {
        tape.ack(3);
    }
    assert_eq!(tape.out(), "");
    // The first hole only.
    for _ in 0..10 {
        tape.ack(6);
    }
    assert_eq!(tape.out(), "0-4n<1 4:ef@1");
    // One that later ones take back closes nothing.
    for _ in 0..5 {
        tape.ack(400).ack(6).ack(6);
    }
    assert_eq!(tape.out(), "");
    // Nor does one that is further ahead than any window.
    for _ in 0..10 {
        tape.ack(10 + (1 << 30) + 1);
    }
    assert_eq!(tape.out(), "");
    assert_eq!(tape.finish().out(), "6-2n<2 8:ij@2");
}

#[test]
fn what_was_acknowledged_and_never_seen_is_missing_at_the_end() {
    assert_eq!(Tape::opened(0, ROOMY).data(0, "ab").ack(9).finish().out(), "0:ab@1 2-7n");
    // One number more may be the FIN.
    assert_eq!(Tape::opened(0, ROOMY).data(0, "ab").ack(3).finish().out(), "0:ab@1");
    assert_eq!(Tape::opened(0, ROOMY).fin(0, "ab").ack(3).finish().out(), "0:ab@1");
    // Acknowledged before the first byte was seen, believably or not.
    assert_eq!(Tape::new(0, ROOMY).ack(9).data(0, "ab").finish().out(), "0:ab@2 2-7n");
    assert_eq!(Tape::new(0, ROOMY).ack((1 << 30) + 1).data(0, "ab").finish().out(), "0:ab@2");
    // Nothing of the direction was seen: nothing is known of it.
    assert_eq!(Tape::new(0, ROOMY).ack(500).finish().out(), "");
}

#[test]
fn cut_segments_leave_holes_that_later_copies_fill() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.cut(0, "ab", 6).cut(6, "gh", 6).out(), "0:ab@1");
    // From another place of the path with more of it, and split.
    assert_eq!(tape.cut(2, "cd", 4).out(), "2:cd@3");
    assert_eq!(tape.ack(12).ack(12).ack(12).ack(12).out(), "4-2s<2 6:gh@2 8-4s");
    let counters = tape.side.counters();
    assert_eq!((counters.delivered, counters.snapped, counters.not_captured), (6, 6, 0));
    // Partly cut, partly never seen.
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.cut(1, "", 2).cut(5, "f", 3).finish().out(), "0-1n<2 1-2s<2 3-2n<2 5:f@2 6-2s");
}

#[test]
fn a_segment_of_which_nothing_was_captured_is_a_hole() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.cut(0, "", 4).data(4, "ef").data(0, "abcd").out(), "0:abcd@3 4:ef@2");
    assert_eq!(tape.finish().out(), "");
}

#[test]
fn the_cap_gives_up_the_oldest_holes_as_far_as_needed() {
    let limits = Limits { held_bytes: 6, held_pieces: 100 };
    let mut tape = Tape::opened(0, limits);
    assert_eq!(tape.data(2, "cd").data(6, "gh").data(10, "kl").out(), "");
    assert_eq!(tape.data(14, "op").out(), "0-2a<1 2:cd@1");
    assert_eq!(tape.side.held(), 6);
    // A segment below everything that is held is itself what is handed on.
    assert_eq!(tape.data(5, "f").out(), "4-1a<5 5:f@5 6:gh@2");
    // One that alone is too long closes everything before it.
    assert_eq!(tape.data(20, "12345678").out(), "8-2a<3 10:kl@3 12-2a<4 14:op@4 16-4a<6 20:12345678@6");
    let counters = tape.side.counters();
    assert_eq!((counters.abandoned, counters.held_max, counters.not_captured), (2 + 1 + 2 + 2 + 4, 6, 0));
}

#[test]
fn the_cap_on_pieces_holds_for_crafted_bytes() {
    let limits = Limits { held_bytes: 1000, held_pieces: 3 };
    let mut tape = Tape::opened(0, limits);
    assert_eq!(tape.data(2, "c").data(4, "e").data(6, "g").data(8, "i").out(), "0-2a<1 2:c@1");
    // One segment that would fill three holes between pieces at once.
    assert_eq!(tape.data(5, "fghij").out(), "3-1a<2 4:e@2 5:f@5 6:g@3 7:h@5 8:i@4 9:j@5");
    // No room at all: everything is handed on at once, with gaps.
    let mut tape = Tape::opened(0, Limits { held_bytes: 0, held_pieces: 0 });
    assert_eq!(tape.data(2, "c").data(1, "b").data(5, "f").out(), "0-2a<1 2:c@1 3-2a<3 5:f@3");
}

#[test]
fn a_fin_ends_the_direction() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.fin(4, "ef").out(), "");
    assert!(!tape.side.is_complete());
    assert_eq!(tape.data(0, "abcd").out(), "0:abcd@2 4:ef@1");
    assert!(tape.side.is_complete());
    // Data beyond it, at its number, and across it.
    assert_eq!(tape.data(6, "g").data(9, "h").data(5, "fxx").fin(6, "").out(), "");
    assert_eq!((tape.side.counters().after_end, tape.side.counters().overlap), (4, 1));
    assert_eq!(tape.finish().out(), "");
}

#[test]
fn a_fin_tells_how_much_is_missing_before_it() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(0, "a").fin(3, "de").finish().out(), "0:a@1 1-2n<2 3:de@2");
    assert!(tape.side.is_complete());
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(0, "a").fin(5, "").ack(6).finish().out(), "0:a@1 1-4n");
    assert!(tape.side.is_complete());
}

#[test]
fn a_fin_below_known_data_is_no_end() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.data(0, "abcd").fin(2, "").data(4, "e").out(), "0:abcd@1 4:e@3");
    assert!(!tape.side.is_complete());
    // The first believable one counts.
    assert_eq!(tape.fin(6, "").fin(9, "").data(5, "fgh").out(), "5:f@6");
    assert!(tape.side.is_complete());
}

#[test]
fn after_the_end_nothing_comes() {
    let mut tape = Tape::opened(0, ROOMY);
    tape.data(0, "a").finish();
    assert_eq!(tape.data(1, "b").finish().out(), "0:a@1");
    assert_eq!(tape.side.counters().after_end, 1);
}

#[test]
fn lengths_that_cannot_be_are_bounded() {
    let mut tape = Tape::opened(0, ROOMY);
    assert_eq!(tape.cut(0, "ab", u32::MAX).finish().out(), format!("0:ab@1 2-{}s", (1 << 30) - 2));
    // Shorter on the wire than captured.
    assert_eq!(Tape::opened(0, ROOMY).cut(0, "abc", 1).out(), "0:abc@1");
}

/// Keeps what it gets as words; has enough of a direction after so many bytes.
#[derive(Default)]
struct Reader {
    words: Vec<String>,
    enough_after: [Option<usize>; 2],
}

impl StreamParser for Reader {
    fn data(&mut self, direction: Direction, chunk: Chunk<'_>) -> Appetite {
        self.words.push(format!("{}{}", direction.index(), word(chunk)));
        let left = &mut self.enough_after[direction.index()];
        if let (Some(left), Chunk::Data { bytes, .. }) = (left, chunk) {
            *left = left.saturating_sub(bytes.len());
            if *left == 0 {
                return Appetite::Enough;
            }
        }
        Appetite::More
    }

    fn end(&mut self, direction: Direction, end: End) {
        self.words.push(format!("{}{end:?}", direction.index()));
    }
}

fn at(frame: u64, seq: u32, bytes: &str) -> Payload<'_> {
    Payload {
        seq,
        bytes: bytes.as_bytes(),
        len: bytes.len() as u32,
        frame: FrameNumber(frame),
        time: Timestamp(frame as i64 * 10),
        ..Payload::default()
    }
}

use Direction::{AtoB, BtoA};

#[test]
fn a_conversation_is_read_in_both_directions() {
    let (mut both, mut reader) = (Reassembly::new(ROOMY), Reader::default());
    both.segment(AtoB, &Payload { syn: true, ..at(1, 9, "") }, None, &mut reader);
    both.segment(BtoA, &Payload { syn: true, ..at(2, 99, "") }, Some(10), &mut reader);
    both.segment(AtoB, &at(3, 10, "GET"), Some(100), &mut reader);
    both.segment(BtoA, &Payload { fin: true, ..at(4, 101, "K") }, Some(13), &mut reader);
    assert_eq!(both.held(), 1);
    both.segment(BtoA, &at(5, 100, "O"), Some(13), &mut reader);
    both.segment(BtoA, &at(6, 100, "O"), Some(13), &mut reader);
    assert_eq!(reader.words.join(" "), "00:GET@3 10:O@5 11:K@4 1Fin");
    reader.words.clear();
    // The other side ends with the capture.
    both.segment(AtoB, &at(7, 14, "x"), Some(103), &mut reader);
    both.finish(End::Open, &mut reader);
    both.finish(End::Open, &mut reader);
    assert_eq!(reader.words.join(" "), "03-1n<7 04:x@7 0Open");
    assert!(!both.wants(AtoB) && !both.wants(BtoA));
    assert_eq!(both.counters(AtoB).delivered, 4);
}

#[test]
fn what_an_acknowledgement_lets_go_comes_before_the_answer() {
    let (mut both, mut reader) = (Reassembly::new(ROOMY), Reader::default());
    both.segment(AtoB, &Payload { syn: true, ..at(1, 9, "") }, None, &mut reader);
    both.segment(AtoB, &at(2, 12, "b"), None, &mut reader);
    for frame in 3..6 {
        both.segment(BtoA, &at(frame, 0, ""), Some(13), &mut reader);
    }
    both.segment(BtoA, &at(6, 0, "answer"), Some(13), &mut reader);
    assert_eq!(reader.words.join(" "), "00-2n<2 02:b@2 10:answer@6");
}

#[test]
fn a_parser_that_has_enough_gets_no_more_and_costs_nothing() {
    let (mut both, mut reader) =
        (Reassembly::new(ROOMY), Reader { enough_after: [Some(2), None], ..Reader::default() });
    both.segment(AtoB, &at(1, 10, "a"), None, &mut reader);
    both.segment(AtoB, &at(2, 12, "c"), None, &mut reader);
    both.segment(AtoB, &at(3, 14, "e"), None, &mut reader);
    assert_eq!(both.held(), 2);
    both.segment(AtoB, &at(4, 11, "b"), None, &mut reader);
    assert_eq!((both.held(), both.wants(AtoB), both.wants(BtoA)), (0, false, true));
    both.segment(AtoB, &at(5, 13, "d"), None, &mut reader);
    both.finish(End::Open, &mut reader);
    assert_eq!(reader.words.join(" "), "00:a@1 01:b@4 1Open");
}

#[test]
fn counters_stop_where_the_parser_had_enough() {
    let (mut both, mut reader) =
        (Reassembly::new(ROOMY), Reader { enough_after: [Some(5), None], ..Reader::default() });
    let syn = Payload { syn: true, ..at(1, 9, "") };
    both.segment(AtoB, &syn, None, &mut reader);
    both.segment(AtoB, &at(2, 15, "fghij"), None, &mut reader);
    both.segment(AtoB, &at(3, 22, "mno"), None, &mut reader);
    both.segment(AtoB, &at(4, 10, "abcde"), None, &mut reader);
    assert_eq!((both.counters(AtoB).delivered, both.counters(AtoB).missing()), (5, 0));
    // A gap behind what it took is not counted, either.
    let (mut both, mut reader) =
        (Reassembly::new(ROOMY), Reader { enough_after: [Some(5), None], ..Reader::default() });
    both.segment(AtoB, &syn, None, &mut reader);
    both.segment(AtoB, &at(2, 12, "cdefg"), None, &mut reader);
    both.segment(AtoB, &at(3, 22, "mno"), None, &mut reader);
    both.finish(End::Open, &mut reader);
    assert_eq!((both.counters(AtoB).delivered, both.counters(AtoB).missing()), (5, 2));
    assert_eq!(reader.words.join(" "), "00-2n<2 02:cdefg@2 1Open");
}

#[test]
fn a_reset_ends_what_has_not_ended() {
    let (mut both, mut reader) = (Reassembly::new(ROOMY), Reader::default());
    both.segment(AtoB, &Payload { fin: true, ..at(1, 10, "a") }, None, &mut reader);
    both.segment(BtoA, &at(2, 12, "c"), None, &mut reader);
    both.segment(BtoA, &at(3, 14, "d"), None, &mut reader);
    both.finish(End::Reset, &mut reader);
    assert_eq!(reader.words.join(" "), "00:a@1 0Fin 10:c@2 11-1n<3 12:d@3 1Reset");
}
