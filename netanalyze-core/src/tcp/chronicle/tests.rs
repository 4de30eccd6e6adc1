//! Scripts of segments, and what their chronicle says.

use proptest::prelude::*;

use super::*;
use crate::tcp::segment::TcpFlags;

mod drafts;
mod needless;
mod packets;

/// A segment of a script: milliseconds, who sends (`>` the client), flags, relative sequence number, payload, relative acknowledgment number, window.
type Step = (i64, char, &'static str, u32, u32, u32, u16);

/// IP identification, and time stamps: value, echo.
type Marks = (u16, Option<(u32, u32)>);

/// What the checksum of a frame says.
type Sums = fn(u64) -> Checksum;

/// What a frame would tell.
struct Known(Option<Timestamps>, Checksum);

impl Wire for Known {
    fn stamps(&self) -> Option<Timestamps> {
        self.0
    }

    fn checksum(&self) -> Checksum {
        self.1
    }
}

const CLIENT: u32 = u32::MAX - 400;
const SERVER: u32 = 7_000;

/// Plays a script. The client's direction is `AtoB`; sequence numbers wrap soon.
fn play(script: &[Step]) -> Box<Chronicle> {
    play_marked(script, |frame| (frame as u16, None))
}

/// The same, with the marks of each frame.
fn play_marked(script: &[Step], marks: impl Fn(u64) -> Marks) -> Box<Chronicle> {
    play_summed(script, marks, |_| Checksum::Unknown)
}

/// The same, with the checksum of each frame.
fn play_summed(script: &[Step], marks: impl Fn(u64) -> Marks, sums: Sums) -> Box<Chronicle> {
    play_by(script, marks, sums, Chronicle::note)
}

/// What takes a segment: [`Chronicle::note`], or the same without short cuts.
type Take =
    fn(&mut Chronicle, Direction, &Segment<'_>, (&Verdict, &Passing), &dyn Wire, &Patience) -> Option<bool>;

fn play_by(script: &[Step], marks: impl Fn(u64) -> Marks, sums: Sums, take: Take) -> Box<Chronicle> {
    play_sacked(script, (marks, sums), take, |_| None)
}

/// The same, with a SACK block of some frames, in relative numbers. One that ends at or before the acknowledgment number is a D-SACK.
fn play_sacked(
    script: &[Step],
    (marks, sums): (impl Fn(u64) -> Marks, Sums),
    take: Take,
    sacks: impl Fn(u64) -> Option<(u32, u32)>,
) -> Box<Chronicle> {
    let mut chronicle = Chronicle::new(Timestamp(script.first().map_or(0, |step| step.0 * 1_000_000)));
    each_segment(script, (marks, sums), sacks, |direction, segment, seen, wire| {
        let is_over = take(&mut chronicle, direction, segment, seen, wire, &PATIENCE);
        assert_eq!(is_over == Some(true), segment.len == 0 && chronicle.is_dull(), "{:?}", segment.frame);
        check(&chronicle);
    });
    chronicle
}

/// Of all windows.
const SCALE: WindowScale = WindowScale::Unused;

const PATIENCE: Patience = Patience { stall: Span(200_000_000), think: Span(500_000_000) };

/// Shows the segments of a script, one by one.
fn each_segment(
    script: &[Step],
    (marks, sums): (impl Fn(u64) -> Marks, Sums),
    sacks: impl Fn(u64) -> Option<(u32, u32)>,
    mut show: impl FnMut(Direction, &Segment<'_>, (&Verdict, &Passing), &Known),
) {
    let syn = crate::packet::tcp_option::parse(&[2, 4, 5, 180]);
    for (frame, &(ms, who, letters, seq, len, ack, window)) in (1..).zip(script) {
        let flags = TcpFlags::of(letters);
        let (base, peer) = if who == '>' { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let block = sacks(frame).map(|(left, right)| {
            let [left, right] = [left, right].map(|number| peer.wrapping_add(number).to_be_bytes());
            crate::packet::tcp_option::parse(&[&[1, 1, 5, 10][..], &left, &right].concat())
        });
        // Known once there were SYNs.
        let scale = if flags.syn() { WindowScale::Unknown } else { SCALE };
        let mut verdict = Verdict { scale, ..Verdict::default() };
        if sacks(frame).is_some_and(|(_, right)| right <= ack) {
            verdict.flags.set(Flags::DUPLICATE_SACK);
        }
        let segment = Segment {
            frame: FrameNumber(frame),
            time: Timestamp(ms * 1_000_000),
            seq: base.wrapping_add(seq),
            ack: if flags.ack() { peer.wrapping_add(ack) } else { 0 },
            len,
            window,
            flags,
            header_len: 20,
            header_captured: 20,
            urgent_pointer: false,
            scope: Scope::Full,
            options: block.as_ref().or_else(|| flags.syn().then_some(&syn)),
        };
        let (ip_id, stamps) = marks(frame);
        let wire = Known(stamps.map(|(value, echo)| Timestamps { value, echo }), sums(frame));
        let passing = Passing {
            wire_len: 60,
            ttl: 64,
            id: ip_id,
            has_ip_id: ip_id != 0,
            interface: 0,
            gap: Span(0),
            shares_frame: false,
        };
        let direction = if who == '>' { Direction::AtoB } else { Direction::BtoA };
        show(direction, &segment, (&verdict, &passing), &wire);
    }
}

/// Buckets add up to the connection's life, and none is negative.
fn check(chronicle: &Chronicle) {
    let buckets = chronicle.buckets();
    assert!(buckets.iter().all(|(_, span)| span.0 >= 0), "{buckets:?}");
    let sum: i64 = buckets.iter().map(|(_, span)| span.0).sum();
    assert_eq!(sum, chronicle.life().0, "{buckets:?}");
}

const OPEN: [Step; 3] =
    [(0, '>', "S", 0, 0, 0, 9_000), (40, '<', "SA", 0, 0, 1, 9_000), (41, '>', "A", 1, 0, 1, 9_000)];

fn after_opening(steps: &[Step]) -> Box<Chronicle> {
    play(&[&OPEN[..], steps].concat())
}

fn of(chronicle: &Chronicle, bucket: Bucket) -> i64 {
    chronicle.lost.as_ref().map_or(0, |lost| lost.of(bucket).0 / 1_000_000)
}

#[test]
fn a_connection_that_closes_well_is_dull() {
    let exchange = [
        (50, '>', "A", 1, 100, 1, 9_000),
        (90, '<', "A", 1, 1_000, 101, 9_000),
        (91, '>', "FA", 101, 0, 1_001, 9_000),
        (130, '<', "FA", 1_001, 0, 102, 9_000),
        (131, '>', "A", 102, 0, 1_002, 9_000),
    ];
    assert!(after_opening(&exchange).is_dull());
    for cut in 0..exchange.len() {
        assert!(!after_opening(&exchange[..cut]).is_dull(), "{cut}");
    }
    let mut slow = exchange;
    slow[1].0 = 700;
    (slow[2].0, slow[3].0, slow[4].0) = (701, 740, 741);
    let slow = after_opening(&slow);
    assert!(!slow.is_dull());
    assert_eq!((slow.slow_thinks, slow.thinks[0].request.0, slow.thinks[0].answer.0), (1, 4, 5));
    assert_eq!(of(&slow, Bucket::NetworkLimited) + of(&slow, Bucket::ServerThink), 650);
}

#[test]
fn a_server_thinks_from_when_it_has_the_request() {
    let request = (50, '>', "A", 1, 100, 1, 9_000);
    let answer = (1_000, '<', "A", 1, 100, 101, 9_000);
    let ack = |at, upto, window| (at, '<', "A", 1, 0, upto, window);
    let own = |between: &[Step]| {
        let all = [&[request][..], between, &[answer]].concat();
        let chronicle = after_opening(&all);
        assert_eq!(chronicle.slow_thinks, 1);
        chronicle.thinks[0].own(Span(40_000_000)).map(|own| own.0 / 1_000_000)
    };
    assert_eq!(own(&[ack(91, 101, 9_000)]), Some(910), "the way is taken off");
    assert_eq!(own(&[ack(290, 101, 9_000)]), Some(910), "an acknowledgement may be delayed");
    assert_eq!(own(&[ack(900, 101, 9_000)]), Some(100), "it arrived late");
    assert_eq!(own(&[ack(91, 101, 8_000), ack(800, 101, 9_000)]), Some(200), "it was still being taken in");
    assert_eq!(own(&[]), None, "nothing shows that it arrived");
    assert_eq!(own(&[ack(91, 51, 9_000)]), None, "nothing shows that all of it arrived");
    assert_eq!(own(&[(400, '>', "A", 1, 100, 1, 9_000), ack(450, 101, 9_000)]), None, "sent again");
    // What came behind a hole is no answer to time, and not asked for again.
    let holed = after_opening(&[request, ack(91, 101, 9_000), (1_000, '<', "A", 500, 100, 101, 9_000)]);
    assert_eq!((holed.slow_thinks, holed.last_data().unwrap().by), (0, Direction::BtoA));
}

#[test]
fn what_a_reset_leaves_unread_had_arrived() {
    let of = |steps: &[Step]| {
        let chronicle = after_opening(steps);
        let reset = chronicle.reset.as_deref().unwrap();
        (reset.unanswered, reset.reached, reset.in_order)
    };
    let data = |at, seq| (at, '>', "A", seq, 100, 1, 9_000);
    let reset = |at, ack| (at, '<', "RA", 1, 0, ack, 500);
    assert_eq!(of(&[data(50, 1), reset(90, 101)]), (true, true, true));
    assert_eq!(of(&[data(50, 1), reset(90, 1)]), (true, false, false));
    // An acknowledgement before it says so, too.
    assert_eq!(of(&[data(50, 1), (80, '<', "A", 1, 0, 101, 500), reset(90, 1)]), (true, true, true));
    // The second is still on its way, or was lost.
    assert_eq!(of(&[data(50, 1), data(85, 101), reset(90, 101)]), (true, true, true));
    assert_eq!(of(&[data(50, 1), data(51, 101), reset(290, 101)]), (true, true, false));
    assert_eq!(of(&[data(50, 1), data(85, 301), reset(90, 101)]), (true, true, false), "behind a hole");
    // It arrived behind the server's own last data, which says what had been read by then.
    let early = [data(50, 1), data(51, 101), (90, '<', "A", 1, 10, 101, 500), data(91, 201)];
    assert_eq!(of(&[&early[..], &[(92, '<', "RA", 11, 0, 201, 500)]].concat()), (true, true, true));
    assert_eq!(of(&[&early[..], &[(92, '<', "RA", 11, 0, 101, 500)]].concat()), (true, false, true));
}

#[test]
fn syns_without_an_answer_wait() {
    let silent = play(&[
        (0, '>', "S", 0, 0, 0, 9_000),
        (1_000, '>', "S", 0, 0, 0, 9_000),
        (3_000, '>', "S", 0, 0, 0, 9_000),
    ]);
    assert_eq!((silent.opening.syns, of(&silent, Bucket::SynWait)), (3, 3_000));
    assert!(silent.lane(Direction::BtoA).packets() == 0 && !silent.opening.is_complete());
}

#[test]
fn timeouts_make_a_chain_until_an_acknowledgement() {
    let lost = [
        (50, '>', "A", 1, 1_000, 1, 9_000),
        (300, '>', "A", 1, 1_000, 1, 9_000),
        (800, '>', "A", 1, 1_000, 1, 9_000),
        (1_800, '>', "A", 1, 1_000, 1, 9_000),
    ];
    let dead = after_opening(&lost);
    let trouble = dead.lane(Direction::AtoB).trouble.as_deref().unwrap();
    assert_eq!((trouble.lost.timeouts, trouble.chain.count, trouble.lost.events), (3, 3, 3));
    assert_eq!((trouble.lost.behind, trouble.lost.before), (1, 0), "copies of one segment are one loss");
    assert_eq!((trouble.chain.waited.0, trouble.lost.timeout_wait.0), (1_750_000_000, 0), "nobody got it");
    assert_eq!(of(&dead, Bucket::RtoWait), 1_750);
    assert!(dead.lane(Direction::AtoB).outstanding());
    let mended = after_opening(&[&lost[..], &[(1_840, '<', "A", 1, 0, 1_001, 9_000)]].concat());
    let trouble = mended.lane(Direction::AtoB).trouble.as_deref().unwrap();
    assert_eq!((trouble.chain.count, trouble.lost.timeouts, trouble.lost.repaired), (0, 3, 3));
    assert_eq!(trouble.lost.timeout_wait.0, 1_750_000_000);
    assert_eq!(trouble.lost.longest_timeout, (Span(1_000_000_000), FrameNumber(7)));
    let frames: Vec<u64> = trouble.lost.timeout_frames.iter().map(|frame| frame.0).collect();
    assert_eq!(frames, [5, 6, 7]);
    assert_eq!(mended.lane(Direction::AtoB).sizes(), (1_000, 1_000));
}

#[test]
fn duplicate_acknowledgements_make_a_fast_retransmission() {
    // The second of five segments is lost behind the tap; then the same where the tap never saw it.
    let data = |seq, at| (at, '>', "A", seq, 100, 1, 9_000);
    let again = |at| (at, '<', "A", 1, 0, 101, 9_000);
    for seen in [true, false] {
        let mut script = vec![data(1, 50)];
        if seen {
            script.push(data(101, 51));
        }
        script.extend([data(201, 52), data(301, 53), data(401, 54)]);
        script.extend([again(90), again(91), again(92), again(93), data(101, 94)]);
        script.push((134, '<', "A", 1, 0, 501, 9_000));
        let chronicle = after_opening(&script);
        let trouble = chronicle.lane(Direction::AtoB).trouble.as_deref().unwrap();
        assert_eq!((trouble.lost.fast, trouble.lost.timeouts, trouble.reordered), (1, 0, 0), "{seen}");
        assert_eq!((trouble.lost.behind, trouble.lost.before), if seen { (1, 0) } else { (0, 1) });
        assert_eq!(trouble.unseen, 0);
    }
}

#[test]
fn a_closed_window_lasts_until_it_opens() {
    let closed = after_opening(&[
        (50, '>', "A", 1, 1_000, 1, 9_000),
        (90, '<', "A", 1, 0, 1_001, 0),
        (300, '>', "A", 1_000, 0, 1, 9_000),
        (340, '<', "A", 1, 0, 1_001, 0),
        (1_090, '<', "A", 1, 0, 1_001, 9_000),
        (1_091, '>', "A", 1_001, 10, 1, 9_000),
    ]);
    let zero = closed.lane(Direction::AtoB).trouble.as_deref().unwrap().zero;
    assert_eq!((zero.episodes, zero.probes, zero.total.0), (1, 1, 1_000_000_000));
    assert_eq!((zero.frame.0, zero.opened_by.0), (5, 8));
    assert_eq!(of(&closed, Bucket::ZeroWindow), 960);
}

#[test]
fn small_segments_wait_for_delayed_acknowledgements() {
    let mut script = Vec::new();
    let (mut at, mut seq, mut answer) = (50, 1, 1);
    for _ in 0..6 {
        script.push((at, '>', "A", seq, 10, answer, 9_000));
        script.push((at + 42, '<', "A", answer, 0, seq + 10, 9_000));
        script.push((at + 42, '>', "A", seq + 10, 10, answer, 9_000));
        script.push((at + 43, '<', "A", answer, 5, seq + 20, 9_000));
        script.push((at + 44, '>', "A", seq + 20, 0, answer + 5, 9_000));
        (at, seq, answer) = (at + 60, seq + 20, answer + 5);
    }
    let held = after_opening(&script);
    let trouble = held.lane(Direction::AtoB).trouble.as_deref().unwrap();
    // What the handshake takes may be the path's: the first one is no delay for sure.
    assert_eq!((trouble.held, trouble.held_time.0), (5, 5 * 42_000_000));
    assert_eq!(of(&held, Bucket::NagleDelayedAck), 5 * 42);
    assert!(held.lane(Direction::BtoA).trouble.is_none());
    // What a segment may hold, only the options of SYNs say: of SYNs that were cut before them nobody knows what is small.
    let cut: Take = |chronicle, direction, segment, seen, wire, patience| {
        let is_syn = segment.flags.syn();
        let header_len = if is_syn { 24 } else { 20 };
        let options = segment.options.filter(|_| !is_syn);
        chronicle.note(direction, &Segment { header_len, options, ..*segment }, seen, wire, patience)
    };
    let unknown = play_by(&[&OPEN, &script[..]].concat(), |_| (0, None), |_| Checksum::Unknown, cut);
    assert!(unknown.lane(Direction::AtoB).trouble.is_none());
}

#[test]
fn resets_have_shapes() {
    let refused = play(&[(0, '>', "S", 0, 0, 0, 9_000), (1, '<', "RA", 0u32.wrapping_sub(SERVER), 0, 1, 0)]);
    assert_eq!(refused.reset.as_ref().unwrap().shape, Shape::Refusal);
    for (letters, seq, window, shape) in [
        ("R", 1, 0, Shape::NoSocket),
        ("RA", 1, 500, Shape::Abort),
        ("RA", 1, 0, Shape::Other),
        ("RA", 900, 500, Shape::Other),
    ] {
        let reset =
            after_opening(&[(50, '>', "A", 1, 100, 1, 9_000), (90, '<', letters, seq, 0, 101, window)]);
        let reset = reset.reset.as_deref().unwrap();
        assert_eq!(
            (reset.shape, reset.by, reset.established, reset.unanswered),
            (shape, Direction::BtoA, true, true),
            "{letters} {window}"
        );
    }
    let other = after_opening(&[(50, '<', "SA", 77, 0, 1, 9_000), (60, '<', "A", 1, 100, 1, 9_000)]);
    assert!(other.lane(Direction::BtoA).trouble.is_none(), "nobody heeds a SYN-ACK with another number");
    let odd = after_opening(&[(50, '<', "RFA", 1, 0, 1, 500), (60, '<', "RA", 1, 9, 1, 500)]);
    assert!(odd.reset.is_none(), "damaged flags are no reset");
    let forged = after_opening(&[
        (50, '>', "A", 1, 100, 1, 9_000),
        (60, '<', "R", 1, 0, 0, 0),
        (90, '<', "A", 1, 500, 101, 9_000),
    ]);
    assert_eq!(forged.reset.as_deref().unwrap().contradicted, Some(FrameNumber(6)));
}

/// As [`Chronicle::note`], without short cuts.
fn take_the_long_way(
    chronicle: &mut Chronicle,
    direction: Direction,
    segment: &Segment<'_>,
    seen: (&Verdict, &Passing),
    wire: &dyn Wire,
    patience: &Patience,
) -> Option<bool> {
    let is_empty = segment.len == 0;
    let bare = Segment { len: 0, ..*segment };
    let segment = if is_padding(segment, seen.1) { &bare } else { segment };
    if !is_nonsense(segment) && !chronicle.opening.contradicts(segment) {
        let (own, _) = pair(&mut chronicle.lanes, direction);
        match own.repeats(segment, seen.1, Span(0)) {
            Some(copied) => chronicle.copied(segment, copied),
            None => chronicle.rest(direction, segment, seen, wire, patience),
        }
    }
    Some(is_empty && chronicle.is_dull())
}

/// A turn of a conversation: milliseconds, whether it is the client's, payload, what is odd about it.
type Turn = (i64, bool, u32, u8);

fn any_turn() -> impl Strategy<Value = Turn> {
    let pause = prop_oneof![20 => 0i64..60, 1 => 150i64..2_000, 1 => -3i64..0];
    let len = prop_oneof![4 => Just(0u32), 4 => Just(1_000u32), 1 => 1u32..1_448];
    (pause, any::<bool>(), len, prop_oneof![12 => Just(0u8), 1 => 1u8..14])
}

/// A connection that opens, and goes on in turns.
fn conversation(turns: &[Turn]) -> Vec<Step> {
    let mut script = OPEN.to_vec();
    let (mut at, mut next) = (41, [1u32, 1]);
    for &(pause, is_client, len, odd) in turns {
        at += pause;
        let [own, peer] = if is_client { [0, 1] } else { [1, 0] };
        let (mut seq, mut ack, mut window, mut letters, mut len) = (next[own], next[peer], 9_000, "A", len);
        match odd {
            1 => seq = seq.saturating_sub(len),
            2 => seq += 1_000,
            3 => ack += 3_000,
            4 => ack = ack.saturating_sub(1_000),
            5 => window = 0,
            6 => window = 2_000,
            7 => letters = "FA",
            8 => (letters, len) = ("R", 0),
            9 => letters = "",
            10 => seq = seq.saturating_sub(1),
            11 => (letters, seq, len) = ("SA", 0, 0),
            _ => {}
        }
        let end = seq + len + u32::from(letters == "FA");
        next[own] = next[own].max(end);
        script.push((at, if is_client { '>' } else { '<' }, letters, seq, len, ack, window));
    }
    script
}

/// Anything may follow anything.
fn any_step() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![8 => Just("A"), 1 => Just("FA"), 1 => Just("S"), 1 => Just("SA"), 1 => Just("RA"), 1 => Just("R"), 1 => Just("")];
    let time = prop_oneof![3 => 0i64..60, 1 => 0i64..2_000, 1 => -50i64..0];
    let seq = prop_oneof![4 => 0u32..3_000, 1 => any::<u32>()];
    let window = prop_oneof![3 => Just(9_000u16), 1 => Just(0u16), 1 => any::<u16>()];
    (
        time,
        prop_oneof![Just('>'), Just('<')],
        flags,
        seq.clone(),
        prop_oneof![Just(0u32), 1u32..1_500],
        seq,
        window,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::with_cases(400) })]
    #[test]
    fn lost_time_adds_up_to_life(mut steps in prop::collection::vec(any_step(), 1..60)) {
        let mut at = 0;
        for step in &mut steps {
            at += step.0;
            step.0 = at;
        }
        // `play` checks behind every segment.
        let chronicle = play(&steps);
        prop_assert!(chronicle.segments() <= steps.len() as u64);
    }

    #[test]
    fn short_cuts_lead_to_the_same(
        turns in prop::collection::vec(any_turn(), 1..80),
        lag in prop::option::of(0u32..6),
    ) {
        let script = conversation(&turns);
        // Every frame has its number for a time stamp, and echoes that of some frames ago.
        let marks = |frame| (frame as u16, lag.map(|lag| (frame as u32 + 9, frame as u32 + 9 - lag)));
        let sacks = |frame: u64| {
            let turn = usize::try_from(frame).unwrap().checked_sub(OPEN.len() + 1)?;
            let ack = script[turn + OPEN.len()].5;
            match turns[turn].3 {
                12 => Some((ack + 1_000, ack + 2_000)),
                13 => Some((ack.saturating_sub(1_000), ack)),
                _ => None,
            }
        };
        let played = |take| play_sacked(&script, (marks, |_| Checksum::Unknown), take, sacks);
        let (mut short, mut long) = (played(Chronicle::note), played(take_the_long_way));
        (short.calm, long.calm) = (false, false);
        prop_assert_eq!(format!("{short:?}"), format!("{long:?}"));
    }
}
