//! What was sent again for nothing, what was held up, and what only looks like a copy.

use super::*;

fn trouble(chronicle: &Chronicle, direction: Direction) -> &Trouble {
    chronicle.lane(direction).trouble.as_deref().unwrap()
}

#[test]
fn what_a_sender_says_meanwhile_does_not_shorten_a_wait() {
    // A FIN goes between the second copy and the third.
    let data = |at| (at, '<', "A", 1, 132, 1, 9_000);
    let fin = (4_000, '<', "FA", 133, 0, 1, 9_000);
    let acked = (4_550, '>', "A", 1, 0, 134, 9_000);
    let chronicle = after_opening(&[data(100), data(1_000), data(2_500), fin, data(4_500), acked]);
    let lost = trouble(&chronicle, Direction::BtoA).lost;
    assert_eq!((lost.repaired, lost.timeout_wait.0), (3, 4_400_000_000));
    assert_eq!(lost.longest_timeout, (Span(2_000_000_000), FrameNumber(8)));
}

#[test]
fn other_data_at_the_same_number_is_no_copy() {
    let first = (50, '>', "A", 1, 69, 1, 9_000);
    for (len, again) in [(37, 0), (68, 0), (69, 1), (300, 1)] {
        let second = (2_050, '>', "A", 1, len, 1, 9_000);
        let chronicle = after_opening(&[first, second, (2_090, '<', "A", 1, 0, 1 + len.max(69), 9_000)]);
        let trouble = chronicle.lane(Direction::AtoB).trouble.as_deref();
        assert_eq!(trouble.map_or(0, |trouble| trouble.lost.timeouts), again, "{len}");
    }
    // What is cut for a narrow path, or was joined by a network card, is another matter.
    for (len, cut) in [(1_448, 1_300), (2_896, 400)] {
        let chronicle =
            after_opening(&[(50, '>', "A", 1, len, 1, 9_000), (2_050, '>', "A", 1, cut, 1, 9_000)]);
        assert_eq!(trouble(&chronicle, Direction::AtoB).lost.timeouts, 1, "{len} {cut}");
    }
}

#[test]
fn copies_of_one_segment_are_one_segment() {
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let ack = |at, upto| (at, '<', "A", 1, 0, upto, 9_000);
    let script = [data(50, 1), data(51, 101), ack(90, 201)];
    let count = |copies: &[Step]| {
        let chronicle = after_opening(&[&script[..], copies].concat());
        let trouble = trouble(&chronicle, Direction::AtoB);
        (trouble.spurious, trouble.spurious_segments.count())
    };
    assert_eq!(count(&[data(300, 1), data(301, 1), data(900, 1)]), (3, 1));
    assert_eq!(count(&[data(300, 101), data(301, 1), data(900, 1), data(901, 101)]), (4, 2), "in any order");
}

#[test]
fn repeated_bytes_before_new_ones_are_not_sent_again() {
    let chronicle = after_opening(&[
        (50, '>', "A", 1, 200, 1, 9_000),
        (90, '<', "A", 1, 0, 201, 9_000),
        (900, '>', "A", 1, 1_400, 1, 9_000),
        (940, '<', "A", 1, 0, 1_401, 9_000),
    ]);
    let lane = chronicle.lane(Direction::AtoB);
    assert_eq!((lane.bytes(), lane.trouble.is_some()), (1_400, false));
}

#[test]
fn segments_whose_echoes_tell_are_counted_once_each() {
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let script = [
        &OPEN[..],
        &[data(50, 1), data(51, 101), data(300, 101), data(310, 1), data(900, 101)],
        &[(940, '<', "A", 1, 0, 201, 9_000)],
    ]
    .concat();
    let stamps = |frame: u64| (0, Some((frame as u32 * 10, if frame == 9 { 50 } else { 1 })));
    let chronicle = play_marked(&script, stamps);
    let trouble = trouble(&chronicle, Direction::AtoB);
    assert_eq!((trouble.echoed, trouble.spurious_segments.count()), (3, 2));
}

/// The same as [`after_opening`], with a SACK block of some frames.
fn sacked(steps: &[Step], blocks: &[(u64, (u32, u32))]) -> Box<Chronicle> {
    let marks = |frame| (frame as u16, None);
    let of = |frame| blocks.iter().find(|(of, _)| *of == frame).map(|(_, block)| *block);
    play_sacked(steps, (marks, |_| Checksum::Unknown), Chronicle::note, of)
}

#[test]
fn duplicate_sacks_count_segments_not_handshakes() {
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let ack = |at, upto| (at, '<', "A", 1, 0, upto, 9_000);
    let script = [
        &OPEN[..],
        &[data(50, 1), data(51, 101), ack(90, 201)],
        &[data(300, 1), ack(340, 201), data(900, 1), ack(940, 201), data(950, 101), ack(990, 201)],
        &[ack(1_000, 201)],
    ]
    .concat();
    let blocks = [(8, (1, 101)), (10, (1, 101)), (12, (101, 201)), (13, (0, 1))];
    let chronicle = sacked(&script, &blocks);
    let trouble = trouble(&chronicle, Direction::AtoB);
    assert_eq!((trouble.dsacks, trouble.dsack_segments.count()), (3, 2), "the last is of the SYN");
}

#[test]
fn copies_that_follow_a_gap_which_filled_by_itself_follow_overtaking() {
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let ack = |at, upto| (at, '<', "A", 1, 0, upto, 9_000);
    let flight = [&OPEN[..], &[data(50, 1), data(51, 101), data(52, 201), ack(90, 1)]].concat();
    let overtaken = |then: &[Step]| {
        let chronicle = sacked(&[&flight[..], then].concat(), &[(7, (101, 301))]);
        let trouble = trouble(&chronicle, Direction::AtoB);
        (trouble.overtaken, trouble.spurious)
    };
    let copy = data(93, 1);
    assert_eq!(overtaken(&[ack(91, 301), copy]), (1, 1));
    assert_eq!(overtaken(&[ack(91, 301), data(93, 101)]), (0, 1), "not of the gap");
    assert_eq!(overtaken(&[copy, ack(140, 301), data(150, 1)]), (0, 1), "it was sent again before it filled");
}

#[test]
fn a_capture_that_begins_in_a_recovery_places_no_loss() {
    // The first packet is a copy already; then the stream goes on far behind it, and gaps are filled.
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let ack = |at, upto| (at, '<', "A", 1, 0, upto, 9_000);
    let script = [data(0, 1), data(1, 1_001), ack(20, 1), data(30, 101), data(300, 501), data(700, 501)];
    let chronicle = sacked(&script, &[(3, (1_001, 1_101))]);
    let lost = trouble(&chronicle, Direction::AtoB).lost;
    assert_eq!((lost.before, lost.behind), (0, 1), "one of them passed twice");
    // What was missing then was not dropped by the capture.
    let done = sacked(&[&script[..], &[ack(740, 1_101)]].concat(), &[]);
    assert_eq!(trouble(&done, Direction::AtoB).unseen, 0);
}

#[test]
fn what_the_receiver_holds_was_not_lost_before_the_tap() {
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let ack = |at, upto| (at, '<', "A", 1, 0, upto, 9_000);
    let script = [&OPEN[..], &[data(50, 1), data(51, 501), ack(90, 101), data(400, 101)]].concat();
    let before = |block| {
        let chronicle = sacked(&script, &[(6, block)]);
        trouble(&chronicle, Direction::AtoB).lost.before
    };
    assert_eq!(before((501, 601)), 1, "beyond the hole");
    assert_eq!(before((201, 601)), 0, "in the hole, too");
}

#[test]
fn a_connection_that_was_refused_and_then_accepted_was_accepted() {
    let refused = [(0, '>', "S", 0, 0, 0, 9_000), (1, '<', "RA", 0u32.wrapping_sub(SERVER), 0, 1, 0)];
    let again = [
        (500, '>', "S", 0, 0, 0, 9_000),
        (540, '<', "SA", 0, 0, 1, 9_000),
        (541, '>', "A", 1, 0, 1, 9_000),
        (550, '>', "A", 1, 100, 1, 9_000),
    ];
    let script = [&refused[..], &again].concat();
    assert!(play(&script).reset.is_none());
    let aborted = play(&[&script[..], &[(590, '<', "RA", 1, 0, 101, 500)]].concat());
    assert_eq!(aborted.reset.as_deref().unwrap().shape, Shape::Abort);
}
