//! Which packets count as loss, and which are copies, reordered, damaged, padding or older than the capture.

use super::*;

#[test]
fn what_comes_late_within_milliseconds_was_reordered() {
    let late = [
        (50, '>', "A", 101, 100, 1, 9_000),
        (51, '>', "A", 1, 100, 1, 9_000),
        (90, '<', "A", 1, 0, 201, 9_000),
    ];
    let late = play_marked(&[&OPEN[..], &late].concat(), |_| (0, None));
    let trouble = late.lane(Direction::AtoB).trouble.as_deref().unwrap();
    assert_eq!((trouble.reordered, trouble.lost.fast, trouble.lost.others, trouble.unseen), (1, 0, 0, 0));
    let never = after_opening(&[(50, '>', "A", 101, 100, 1, 9_000), (90, '<', "A", 1, 0, 201, 9_000)]);
    assert_eq!(never.lane(Direction::AtoB).trouble.as_deref().unwrap().unseen, 100, "not captured");
}

#[test]
fn marks_tell_what_was_reordered_from_what_was_sent_again() {
    // 1..101 comes 1 ms, then 70 ms behind the segment after it.
    for (late, by_time) in [(51, (1, 0)), (120, (0, 1))] {
        let script = [
            &OPEN[..],
            &[
                (44, '>', "A", 1, 10, 1, 9_000),
                (50, '>', "A", 111, 100, 1, 9_000),
                (late, '>', "A", 11, 100, 1, 9_000),
                (late + 40, '<', "A", 1, 0, 211, 9_000),
            ],
        ]
        .concat();
        let told = |marks: fn(u64) -> Marks| {
            let chronicle = play_marked(&script, marks);
            let trouble = chronicle.lane(Direction::AtoB).trouble.as_deref().unwrap();
            let again = trouble.lost.fast + trouble.lost.timeouts + trouble.lost.others + trouble.lost.probes;
            ((trouble.reordered, again), trouble.proven)
        };
        assert_eq!(told(|_| (0, None)), (by_time, 0), "only time tells");
        assert_eq!(told(|frame| (0, Some((9 - frame as u32, 1)))), ((1, 0), 1), "an older stamp");
        assert_eq!(told(|frame| (0, Some((frame as u32, 1)))), ((0, 1), 0), "a newer one");
        assert_eq!(told(|frame| (frame as u16, None)), ((0, 1), 0), "a newer number");
        let swapped = |frame| (if frame > 4 { 11 - frame as u16 } else { frame as u16 }, None);
        assert_eq!(told(swapped), ((1, 0), 1), "an older number");
    }
}

#[test]
fn an_echo_of_the_first_copy_tells_that_nothing_was_lost() {
    let script = [
        &OPEN[..],
        &[
            (50, '>', "A", 1, 100, 1, 9_000),
            (300, '>', "A", 1, 100, 1, 9_000),
            (310, '<', "A", 1, 0, 101, 9_000),
            (350, '>', "A", 101, 100, 1, 9_000),
        ],
    ]
    .concat();
    let with_echo = |echo: u32| {
        let stamps = move |frame: u64| (0, Some((frame as u32 * 10, if frame == 6 { echo } else { 1 })));
        let chronicle = play_marked(&script, stamps);
        let trouble = chronicle.lane(Direction::AtoB).trouble.as_deref().unwrap();
        (
            trouble.spurious,
            trouble.echoed,
            trouble.lost.timeouts,
            trouble.lost.timeout_wait.0,
            trouble.lost.behind,
        )
    };
    assert_eq!(with_echo(40), (1, 1, 0, 0, 0), "of frame 4");
    assert_eq!(with_echo(50), (0, 0, 1, 250_000_000, 1), "of frame 5");
    assert_eq!(with_echo(0), (0, 0, 1, 250_000_000, 1), "none");
}

#[test]
fn damaged_numbers_are_left_out() {
    let script = |seq, ack| {
        after_opening(&[
            (50, '>', "A", 1, 100, 1, 9_000),
            (51, '>', "A", seq, 100, ack, 9_000),
            (52, '>', "A", 101, 100, 1, 9_000),
            (90, '<', "A", 1, 0, 201, 9_000),
        ])
    };
    for (seq, ack, strange) in [(101 + (1 << 29), 1, 1), (101, 1 << 28, 0)] {
        let chronicle = script(seq, ack);
        let lane = chronicle.lane(Direction::AtoB);
        assert_eq!((chronicle.strange, lane.bytes(), lane.outstanding()), (strange, 200, false));
        assert_eq!(chronicle.lane(Direction::BtoA).bytes(), 0);
    }
    // A capture that lacks a long piece goes on behind it.
    let far = 1 << 29;
    let gap = after_opening(&[
        (50, '>', "A", 1, 100, 1, 9_000),
        (51, '>', "A", far, 100, 1, 9_000),
        (52, '>', "A", far + 100, 100, 1, 9_000),
        (90, '<', "A", 1, 0, far + 200, 9_000),
    ]);
    assert_eq!((gap.strange, gap.lane(Direction::AtoB).outstanding()), (1, false));
}

#[test]
fn a_wrong_checksum_counts_where_others_were_right() {
    let script = [
        &OPEN[..],
        &[
            (50, '>', "A", 1, 100, 1, 9_000),
            (51, '>', "A", 301, 100, 1, 9_000),
            (52, '>', "A", 101, 100, 1, 9_000),
            (90, '<', "A", 1, 0, 201, 9_000),
        ],
    ]
    .concat();
    let seen = |sums: Sums| {
        let chronicle = play_summed(&script, |_| (0, None), sums);
        let client = chronicle.lane(Direction::AtoB);
        (chronicle.strange, client.trouble.is_some(), client.unsummed().0)
    };
    assert_eq!(seen(|_| Checksum::Right), (0, true, 0), "a hole");
    assert_eq!(
        seen(|frame| if frame == 5 { Checksum::Wrong } else { Checksum::Right }),
        (1, false, 0),
        "damage"
    );
    assert_eq!(
        seen(|frame| if frame == 1 { Checksum::Partial } else { Checksum::Wrong }),
        (0, true, 3),
        "offload"
    );
    assert_eq!(seen(|_| Checksum::Unknown), (0, true, 0));
}

#[test]
fn padding_is_no_data() {
    // Two bytes of padding behind an acknowledgement; the data that follows is sent once.
    let padded = after_opening(&[
        (50, '>', "A", 1, 100, 1, 9_000),
        (90, '<', "A", 1, 2, 101, 9_000),
        (900, '<', "A", 1, 100, 101, 9_000),
        (940, '>', "A", 101, 0, 101, 9_000),
    ]);
    let server = padded.lane(Direction::BtoA);
    assert_eq!((server.bytes(), server.trouble.is_some()), (100, false));
}

#[test]
fn what_nobody_waits_for_is_no_loss() {
    let lost = |steps: &[Step]| {
        let chronicle = after_opening(steps);
        let trouble = chronicle.lane(Direction::AtoB).trouble.as_deref();
        trouble.map_or(0, |trouble| trouble.lost.timeouts + trouble.lost.others + trouble.spurious)
    };
    let request = (50, '>', "A", 1, 100, 1, 9_000);
    let fin = |at| (at, '>', "FA", 101, 0, 1, 9_000);
    assert_eq!(
        lost(&[request, (90, '<', "A", 1, 0, 101, 9_000), fin(91), fin(400), fin(900)]),
        0,
        "a FIN alone"
    );
    let words = |at, len| (at, '>', "A", 101, len, 2, 9_000);
    let closed = [request, (90, '<', "FA", 1, 0, 101, 9_000)];
    assert_eq!(lost(&[&closed[..], &[words(91, 31), words(400, 31)]].concat()), 0, "to an end that closed");
    assert_eq!(lost(&[&closed[..], &[words(91, 900), words(400, 900)]].concat()), 1, "that half-closed");
}

#[test]
fn data_from_before_the_capture_says_nothing() {
    let midstream = play(&[
        (0, '>', "A", 5_001, 1_000, 1, 9_000),
        (300, '>', "A", 1_001, 1_000, 1, 9_000),
        (340, '<', "A", 1, 0, 6_001, 9_000),
    ]);
    let trouble = midstream.lane(Direction::AtoB).trouble.as_deref();
    assert!(trouble.is_none_or(|trouble| trouble.lost.timeouts + trouble.lost.others == 0));
}

#[test]
fn a_packet_that_was_captured_twice_counts_once() {
    let mut chronicle = Chronicle::new(Timestamp(0));
    let patience = Patience { stall: Span(200_000_000), think: Span(500_000_000) };
    let mut note = |frame: u64, time: i64, ttl: u8, ip_id: u16| {
        let segment = Segment {
            frame: FrameNumber(frame),
            time: Timestamp(time),
            seq: 5,
            ack: 9,
            len: 100,
            window: 9,
            flags: TcpFlags::ACK,
            header_len: 20,
            header_captured: 20,
            urgent_pointer: false,
            scope: Scope::Full,
            options: None,
        };
        let passing = Passing {
            wire_len: 60,
            ttl,
            id: ip_id,
            has_ip_id: ip_id != 0,
            interface: 0,
            gap: Span(0),
            shares_frame: false,
        };
        chronicle.note(
            Direction::AtoB,
            &segment,
            (&Verdict::default(), &passing),
            &Known(None, Checksum::Unknown),
            &patience,
        );
        (chronicle.duplicates, chronicle.elsewhere)
    };
    assert_eq!(note(1, 1, 64, 7), (0, 0));
    assert_eq!(note(2, 1_000, 64, 7), (1, 0), "at the same place");
    assert_eq!(note(3, 20_000_000, 63, 7), (2, 1), "a hop further");
    assert_eq!(note(4, 20_000_001, 64, 8), (2, 1), "sent again");
    assert_eq!(note(5, 20_000_002, 64, 0), (2, 1));
    assert_eq!(note(6, 20_000_003, 64, 0), (3, 1), "nothing is sent again so soon");
    assert_eq!(note(7, 24_000_003, 64, 0), (3, 1), "without a number nobody knows");
    assert_eq!(note(8, 190_000_000, 64, 7), (3, 1), "too late");
}

#[test]
fn without_an_identification_checksums_and_interfaces_tell_copies() {
    // Behind a handshake whose checksums were looked at: milliseconds, checksum, interface, time to live, header.
    type Seen = (i64, u16, u32, u8, u8);
    let duplicates = |sums: Checksum, packets: &[Seen]| {
        let mut chronicle = Chronicle::new(Timestamp(0));
        let steps = OPEN.iter().map(|step| (step.0, step.1, step.2, 0, (step.0 as u16, 0, 64, 20)));
        let data = packets
            .iter()
            .map(|&(ms, sum, interface, ttl, header)| (ms, '>', "A", 100, (sum, interface, ttl, header)));
        for (frame, (ms, who, letters, len, (sum, interface, ttl, header_len))) in
            (1..).zip(steps.chain(data))
        {
            let (direction, seq, ack) =
                if who == '>' { (Direction::AtoB, 1, 1) } else { (Direction::BtoA, 0, 1) };
            let segment = Segment {
                frame: FrameNumber(frame),
                time: Timestamp(ms * 1_000_000 + 1),
                seq: if letters == "S" { 0 } else { seq },
                ack,
                len,
                window: 9,
                flags: TcpFlags::of(letters),
                header_len,
                header_captured: header_len,
                urgent_pointer: false,
                scope: Scope::Full,
                options: None,
            };
            let passing = Passing {
                wire_len: 160,
                ttl,
                id: sum,
                has_ip_id: false,
                interface,
                gap: Span(0),
                shares_frame: false,
            };
            chronicle.note(
                direction,
                &segment,
                (&Verdict::default(), &passing),
                &Known(None, sums),
                &PATIENCE,
            );
        }
        (chronicle.duplicates, chronicle.elsewhere)
    };
    // The round trip takes 41 ms.
    for (sums, packets, expected, why) in [
        (
            Checksum::Right,
            [(100, 7, 0, 64, 32), (150, 7, 0, 64, 32)],
            (0, 0),
            "the clock of stamps may have stood",
        ),
        (Checksum::Right, [(100, 7, 0, 64, 32), (150, 8, 0, 64, 32)], (0, 0), "another stamp: sent again"),
        (Checksum::Right, [(100, 7, 0, 64, 32), (101, 8, 0, 64, 32)], (0, 0), "the same, soon"),
        (
            Checksum::Right,
            [(100, 7, 0, 64, 32), (101, 8, 1, 64, 32)],
            (0, 0),
            "the same, on another interface",
        ),
        (
            Checksum::Right,
            [(100, 7, 0, 64, 32), (400, 7, 1, 64, 32)],
            (1, 0),
            "from a tap whose clock differs",
        ),
        (Checksum::Right, [(100, 7, 0, 64, 20), (400, 7, 1, 64, 20)], (0, 0), "without stamps nobody knows"),
        (Checksum::Right, [(100, 7, 0, 64, 20), (129, 7, 1, 64, 20)], (1, 0), "but so soon"),
        (Checksum::Right, [(100, 7, 0, 64, 20), (149, 7, 0, 64, 20)], (0, 0), "on one interface"),
        (
            Checksum::Wrong,
            [(100, 7, 0, 64, 32), (150, 7, 0, 64, 32)],
            (0, 0),
            "left to the network card: all the same",
        ),
        (Checksum::Wrong, [(100, 7, 0, 64, 32), (129, 8, 1, 64, 32)], (1, 0), "and true behind it"),
        (Checksum::Right, [(100, 7, 0, 64, 32), (400, 7, 0, 63, 32)], (1, 1), "a hop further"),
    ] {
        assert_eq!(duplicates(sums, &packets), expected, "{why}");
    }
}

#[test]
fn an_acknowledgement_that_is_ahead_of_its_data_released_nothing() {
    // Small writes each 45 ms, acknowledged at once; one direction's clock is a little ahead.
    let mut script = OPEN.to_vec();
    for n in 0..20 {
        let (at, seq) = (100 + i64::from(n) * 45, 1 + n * 100);
        script.push((at, '>', "A", 1, 0, seq + 100, 9_000));
        script.push((at, '<', "A", seq, 100, 1, 9_000));
    }
    let chronicle = play(&script);
    assert_eq!(chronicle.lane(Direction::BtoA).trouble.as_ref().map_or(0, |trouble| trouble.held), 0);
    // Behind their data they do: see the test of delayed acknowledgements.
}

#[test]
fn a_handshake_whose_answer_was_not_captured_is_over_with_the_first_data() {
    let chronicle = play(&[
        OPEN[0],
        (41, '>', "A", 1, 0, 1, 9_000),
        (42, '>', "A", 1, 100, 1, 9_000),
        (900, '<', "A", 1, 100, 101, 9_000),
        (2_000, '>', "A", 101, 100, 101, 9_000),
    ]);
    assert!(chronicle.opening.is_complete() && chronicle.opening.rtt().is_none());
    assert_eq!(of(&chronicle, Bucket::SynWait), 0);
    assert_eq!(of(&chronicle, Bucket::ServerThink), 858);
}

#[test]
fn copies_of_a_whole_burst_are_copies() {
    // Each packet again a millisecond behind it, as a second tap shows them; behind a burst come the copies of all of it.
    let mut script: Vec<Step> = Vec::new();
    let mut numbers: Vec<u16> = Vec::new();
    let mut group = |steps: &[Step]| {
        for late in [0, 1] {
            numbers.extend((0..steps.len()).map(|n| (steps[n].0 * 100 + n as i64) as u16 + 1));
            script.extend(
                steps.iter().map(|step| (step.0 + late, step.1, step.2, step.3, step.4, step.5, step.6)),
            );
        }
    };
    OPEN.iter().zip([0, 0, 2]).for_each(|(step, late)| {
        group(&[(step.0 + late, step.1, step.2, step.3, step.4, step.5, step.6)]);
    });
    let burst: Vec<Step> = (0..20).map(|n| (90, '<', "A", 1 + n * 1_000, 1_000, 1, 9_000)).collect();
    group(&burst);
    group(&[(110, '>', "A", 1, 0, 20_001, 9_000)]);
    let seen = |numbered: bool| {
        let marks = |frame: u64| (if numbered { numbers[frame as usize - 1] } else { 0 }, None);
        let chronicle = play_marked(&script, marks);
        let trouble = chronicle.lane(Direction::BtoA).trouble.as_deref();
        (chronicle.duplicates, trouble.map_or(0, |trouble| trouble.lost.others + trouble.spurious))
    };
    assert_eq!(seen(true), (23, 0), "all but that of the very first nanosecond");
    assert_eq!(seen(false), (21, 0), "acknowledgements without a number may be sent twice");
}

#[test]
fn a_few_numbers_tell_the_order_of_a_short_answer() {
    // The server sends little, and the last of it runs ahead.
    let script = [
        &OPEN[..],
        &[
            (44, '>', "A", 1, 10, 1, 9_000),
            (90, '<', "A", 201, 100, 11, 9_000),
            (91, '<', "A", 1, 100, 11, 9_000),
            (92, '<', "A", 101, 100, 11, 9_000),
        ],
    ]
    .concat();
    let ids = [1, 0x9d90, 2, 3, 0x9d95, 0x9d91, 0x9d92];
    let chronicle = play_marked(&script, |frame| (ids[frame as usize - 1], None));
    let trouble = chronicle.lane(Direction::BtoA).trouble.as_deref().unwrap();
    assert_eq!((trouble.reordered, trouble.proven), (2, 2));
}
