//! A draft says what a chronicle would.

use super::*;

/// What is kept of a connection that begins with a SYN.
enum Kept {
    Draft(Box<Draft>),
    Chronicle(Box<Chronicle>),
    /// It is over, and nothing is to be told of it.
    Nothing,
}

/// How a script went by drafts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Went {
    /// Segments that only went on.
    quickly: u32,
    /// It was dropped, as a draft, at this frame.
    over: Option<u64>,
    /// It became a chronicle at this frame.
    refused: Option<u64>,
}

/// Checksums of which none is right: nothing counts as damaged, and all are counted.
fn some_sums(frame: u64) -> Checksum {
    match frame % 3 {
        0 => Checksum::Unknown,
        1 => Checksum::Wrong,
        _ => Checksum::Partial,
    }
}

/// Plays a script by a draft first, and compares what comes of it with a chronicle that was there from the start.
fn play_drafted(script: &[Step], marks: impl Fn(u64) -> Marks) -> Went {
    play_over(&mut Spare::default(), script, marks)
}

/// The same, with drafts that may be written over.
fn play_over(spare: &mut Spare, script: &[Step], marks: impl Fn(u64) -> Marks) -> Went {
    let mut direct = Some(Chronicle::new(Timestamp(script[0].0 * 1_000_000)));
    let mut went = Went::default();
    let mut kept = None;
    each_segment(
        script,
        (marks, some_sums),
        |_| None,
        |direction, segment, seen, wire| {
            let over = direct
                .as_mut()
                .map(|chronicle| chronicle.note(direction, segment, seen, wire, &PATIENCE) == Some(true));
            let is_first = kept.is_none();
            let now = kept.get_or_insert_with(|| {
                let draft = Draft::begin(spare, direction, segment, (seen.0, seen.1, wire));
                draft.map_or_else(|| Kept::Chronicle(Chronicle::new(segment.time)), Kept::Draft)
            });
            if is_first && matches!(now, Kept::Draft(_)) {
                return;
            }
            if let Kept::Draft(draft) = now {
                if segment.is_plain() && draft.go_on(direction, segment, seen.1, &PATIENCE) {
                    went.quickly += 1;
                } else {
                    match draft.take(direction, segment, seen, [SCALE; 2], wire, &PATIENCE) {
                        Taken::Kept => {}
                        Taken::Over => {
                            went.over = Some(segment.frame.0);
                            let brief = direct.as_ref().map(|chronicle| chronicle.brief());
                            assert_eq!(
                                brief,
                                Some(draft.brief((direction, segment.time))),
                                "{:?}",
                                segment.frame
                            );
                            *now = Kept::Nothing;
                        }
                        Taken::Refused => {
                            went.refused = Some(segment.frame.0);
                            *now = Kept::Chronicle(draft.chronicle(&PATIENCE));
                        }
                    }
                }
            }
            if let Kept::Chronicle(chronicle) = now
                && chronicle.note(direction, segment, seen, wire, &PATIENCE) == Some(true)
            {
                *now = Kept::Nothing;
            }
            if over == Some(true) {
                direct = None;
            }
            assert_eq!(matches!(now, Kept::Nothing), direct.is_none(), "{:?}", segment.frame);
        },
    );
    let drafted = match kept {
        Some(Kept::Draft(draft)) => Some(draft.chronicle(&PATIENCE)),
        Some(Kept::Chronicle(chronicle)) => Some(chronicle),
        _ => None,
    };
    let both = [direct, drafted].map(|chronicle| {
        chronicle.map(|mut chronicle| {
            chronicle.calm = false;
            format!("{chronicle:?}")
        })
    });
    assert_eq!(both[0], both[1]);
    went
}

fn numbered(script: &[Step]) -> Went {
    play_drafted(script, |frame| (frame as u16, None))
}

/// A request and an answer of two segments, of which one is acknowledged, each so many milliseconds after the one before.
fn exchange(pause: i64, window: u16) -> Vec<Step> {
    let at = |n: i64| 41 + n * pause;
    let steps = [
        (at(1), '>', "A", 1, 100, 1, window),
        (at(2), '<', "A", 1, 0, 101, 9_000),
        (at(3), '<', "A", 1, 1_000, 101, 9_000),
        (at(4), '<', "A", 1_001, 1_000, 101, 9_000),
        (at(5), '>', "A", 101, 0, 2_001, window),
        (at(6), '>', "FA", 101, 0, 2_001, window),
        (at(7), '<', "FA", 2_001, 0, 102, 9_000),
        (at(8), '>', "A", 102, 0, 2_002, window),
    ];
    [&OPEN[..], &steps].concat()
}

#[test]
fn an_ordinary_connection_never_has_a_chronicle() {
    assert_eq!(numbered(&exchange(1, 9_000)), Went { quickly: 5, over: Some(11), refused: None });
    // Slowly, too: nobody waits for an answer.
    assert_eq!(numbered(&exchange(30, 9_000)).over, Some(11));
    // Its windows are small, and still never full.
    assert_eq!(numbered(&exchange(1, 4_000)).over, Some(11));
    // Who closed answers what still comes by a reset.
    let mut reset = exchange(1, 9_000);
    reset[10] = (49, '>', "R", 102, 0, 0, 0);
    assert_eq!(numbered(&reset).over, Some(11));
}

#[test]
fn a_draft_that_is_written_over_leaves_nothing_behind() {
    let segment = |frame, flags, ack| Segment {
        frame: FrameNumber(frame),
        time: Timestamp(0),
        seq: 7,
        ack,
        len: 0,
        window: 9,
        flags,
        header_len: 20,
        header_captured: 20,
        urgent_pointer: false,
        scope: Scope::Full,
        options: None,
    };
    let (verdict, wire) = (Verdict::default(), Known(None, Checksum::Unknown));
    let passing = Passing {
        wire_len: 60,
        ttl: 64,
        id: 1,
        has_ip_id: true,
        interface: 0,
        gap: Span(0),
        shares_frame: false,
    };
    let mut spare = Spare::default();
    let begin = |spare: &mut Spare| {
        Draft::begin(spare, Direction::AtoB, &segment(1, TcpFlags::SYN, 0), (&verdict, &passing, &wire))
            .unwrap()
    };
    let fresh = format!("{:?}", begin(&mut spare).chronicle(&PATIENCE));
    // One that got as far as windows that are scaled.
    let mut used = begin(&mut spare);
    let syn_ack = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
    for (direction, flags, seq) in [(Direction::BtoA, syn_ack, 7), (Direction::AtoB, TcpFlags::ACK, 8)] {
        let segment = Segment { seq, ..segment(2, flags, 8) };
        let scales = [WindowScale::Shift(7); 2];
        let taken = used.take(direction, &segment, (&verdict, &passing), scales, &wire, &PATIENCE);
        assert_eq!(taken, Taken::Kept);
    }
    // It is longer than most.
    for seq in 8..48 {
        let segment = Segment { seq, len: 1, ..segment(2, TcpFlags::ACK, 8) };
        let taken = used.take(
            Direction::AtoB,
            &segment,
            (&verdict, &passing),
            [WindowScale::Shift(7); 2],
            &wire,
            &PATIENCE,
        );
        assert_eq!(taken, Taken::Kept);
    }
    assert_eq!(used.room(), 128);
    spare.keep(used);
    let again = begin(&mut spare);
    assert_eq!(again.room(), 32, "what is lent on is counted by nobody");
    assert_eq!(format!("{:?}", again.chronicle(&PATIENCE)), fresh);
    let blank = Draft::begin(
        &mut Spare::default(),
        Direction::AtoB,
        &segment(1, TcpFlags::SYN, 0),
        (&verdict, &passing, &wire),
    );
    // All but the room for entries, which stays.
    assert_eq!(format!("{again:?}"), format!("{:?}", blank.unwrap()));
}

#[test]
fn whatever_is_odd_makes_a_chronicle_of_a_draft() {
    let with = |at: usize, step: Step| {
        let mut script = exchange(1, 9_000);
        script[at] = step;
        numbered(&script).refused
    };
    let frames = |at: usize| Some(at as u64 + 1);
    assert_eq!(with(7, (46, '>', "A", 101, 0, 1, 9_000)), frames(7), "a duplicate acknowledgement");
    assert_eq!(with(6, (45, '<', "A", 2_001, 1_000, 101, 9_000)), frames(6), "a hole");
    assert_eq!(with(6, (45, '<', "A", 1, 1_000, 101, 9_000)), frames(6), "a retransmission");
    assert_eq!(with(6, (345, '<', "A", 1_001, 1_000, 101, 9_000)), frames(6), "a stall");
    assert_eq!(with(6, (40, '<', "A", 1_001, 1_000, 101, 9_000)), frames(6), "an earlier time");
    assert_eq!(with(7, (46, '>', "RA", 101, 0, 2_001, 9_000)), frames(7), "a reset of what is open");
    assert_eq!(with(7, (46, '>', "A", 101, 0, 2_001, 0)), frames(10), "a closed window, told at the end");
    assert_eq!(with(4, (43, '<', "A", 1, 0, 9_101, 9_000)), frames(4), "an acknowledgement of nothing");
    assert_eq!(numbered(&exchange(90, 9_000)).over, Some(11), "acknowledged late, with nothing behind it");
    let mut long = exchange(1, 9_000);
    long.truncate(8);
    long.extend((0..200u32).map(|n| (46 + i64::from(n), '<', "A", 2_001 + n, 1, 101, 9_000)));
    assert_eq!(numbered(&long).refused, Some(2 + 128 + 1), "more than a draft holds");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::with_cases(600) })]
    #[test]
    fn drafts_say_what_chronicles_do(turns in prop::collection::vec(any_turn(), 1..60), from in 0usize..3) {
        numbered(&conversation(&turns)[from..]);
    }

    #[test]
    fn drafts_say_what_chronicles_do_of_healthy_turns(
        turns in prop::collection::vec((0i64..90, any::<bool>(), prop_oneof![Just(0u32), 1u32..1_461]), 1..160),
        window in prop_oneof![Just(9_000u16), Just(3_000), Just(40_000)],
        end in 0u8..4,
    ) {
        numbered(&healthy(&turns, window, end));
    }
}

/// A connection in which every segment goes on where its end had come to; acknowledgements without news are left out.
fn healthy(turns: &[(i64, bool, u32)], window: u16, end: u8) -> Vec<Step> {
    let mut script = OPEN.to_vec();
    let (mut at, mut next, mut acked) = (41, [1u32, 1], [1u32, 1]);
    let mut send = |pause: i64, own: usize, letters: &'static str, len: u32| {
        let peer = 1 - own;
        if len == 0 && letters == "A" && acked[peer] == next[peer] {
            return;
        }
        at += pause;
        script.push((at, if own == 0 { '>' } else { '<' }, letters, next[own], len, next[peer], window));
        next[own] += len + u32::from(letters == "FA");
        acked[peer] = next[peer];
    };
    for &(pause, is_client, len) in turns {
        send(pause, usize::from(!is_client), "A", len);
    }
    match end {
        1 => [(0, "FA"), (1, "FA"), (0, "A")].iter().for_each(|&(own, letters)| send(3, own, letters, 0)),
        2 => [(1, "FA"), (0, "A"), (0, "FA"), (1, "A")]
            .iter()
            .for_each(|&(own, letters)| send(3, own, letters, 0)),
        3 => [(1, "FA"), (0, "RA")].iter().for_each(|&(own, letters)| send(3, own, letters, 0)),
        _ => {}
    }
    script
}
