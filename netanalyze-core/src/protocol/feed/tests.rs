use proptest::prelude::*;

use super::*;
use crate::model::limits::MAX_FEED_HELD_BYTES;
use crate::model::{FrameNumber, Timestamp};
use crate::protocol::stream::Progress;

/// Messages of four bytes and a payload: a mark, what the payload is, its length.
#[derive(Debug, Default)]
struct Toy {
    /// Payloads' numbers, with the frame that completed them.
    complete: Vec<(u8, u64)>,
    open: Vec<u8>,
    lost: usize,
    /// Times that bytes were passed over.
    unplaced: usize,
    cut: Vec<usize>,
    closed: Vec<Closing>,
}

const MARK: u8 = 0xa5;
const COUNTED: u8 = 1;
const SEEN: u8 = 2;
const UNTIL_END: u8 = 3;
const UNKNOWN: u8 = 4;

/// A message; `number` is in its payload, which holds no mark.
fn message(number: u8, kind: u8, len: u8) -> Vec<u8> {
    let mut bytes = vec![MARK, kind, number, len];
    bytes.extend((0..len).map(|i| i % 100));
    bytes
}

impl StreamDecoder for Toy {
    fn decode(&mut self, _: Direction, bytes: &[u8], now: Moment, _: &mut Messages) -> Progress {
        let &[mark, kind, number, len, ref rest @ ..] = bytes else { return Progress::More };
        assert_eq!(mark, MARK, "decoding goes on where a message begins");
        let whole = 4 + usize::from(len);
        match kind {
            COUNTED => {
                self.open.push(number);
                Progress::Body { head: 4, len: u64::from(len), id: u32::from(number) }
            }
            UNTIL_END => {
                self.open.push(number);
                Progress::UntilEnd { head: 4 }
            }
            SEEN if rest.len() < usize::from(len) => Progress::Need(whole),
            UNKNOWN if rest.len() < usize::from(len) => Progress::More,
            _ => {
                self.complete.push((number, now.frame.0));
                Progress::Consumed(whole)
            }
        }
    }

    fn decode_cut(&mut self, _: Direction, bytes: &[u8], _: u32, _: Moment, _: &mut Messages) {
        self.cut.push(bytes.len());
    }

    fn body_complete(&mut self, _: Direction, id: u32, now: Moment, _: &mut Messages) {
        let before = self.open.len();
        self.open.retain(|&open| u32::from(open) != id);
        assert_eq!(self.open.len() + 1, before, "a body completes once");
        self.complete.push((id as u8, now.frame.0));
    }

    fn begins_message(&self, _: Direction, bytes: &[u8]) -> bool {
        bytes.first() == Some(&MARK)
    }

    fn lost(&mut self, _: Direction, _: Moment, _: &mut Messages) {
        self.lost += 1;
    }

    fn unplaced(&mut self, _: Direction) {
        self.unplaced += 1;
    }

    fn closed(&mut self, _: Direction, how: Closing, now: Moment, _: &mut Messages) {
        self.closed.push(how);
        let open = std::mem::take(&mut self.open);
        self.complete.extend(open.into_iter().map(|number| (number, now.frame.0)));
    }

    fn heap(&self) -> usize {
        0
    }
}

struct Run {
    feed: Feed,
    toy: Toy,
    frame: u64,
    /// Segments that only went on with a body.
    counted: u32,
}

impl Run {
    fn new(syn: bool) -> Self {
        let mut feed = Feed::new(Direction::AtoB);
        if syn {
            feed.begin(START);
        }
        Run { feed, toy: Toy::default(), frame: 0, counted: 0 }
    }

    fn now(&mut self) -> Moment {
        self.frame += 1;
        Moment { frame: FrameNumber(self.frame), time: Timestamp(self.frame as i64) }
    }

    /// A segment with what lies at an offset of a stream.
    fn segment(&mut self, stream: &[u8], at: usize, end: usize) {
        self.cut_segment(stream, at, end, end);
    }

    /// The same, captured up to `captured`.
    fn cut_segment(&mut self, stream: &[u8], at: usize, captured: usize, end: usize) {
        let now = self.now();
        let payload = Payload {
            seq: START.wrapping_add(at as u32),
            bytes: &stream[at..captured],
            len: (end - at) as u32,
            fin: end == stream.len(),
        };
        // As `Session` does it.
        if !payload.fin && self.feed.is_only_counted(payload.seq, payload.len) {
            self.counted += 1;
            return;
        }
        let mut out = Messages::default();
        self.feed.segment(&payload, &mut self.toy, now, &mut out);
        self.feed.pass(&mut self.toy, now, &mut out);
    }

    /// The other side says that it has everything before an offset.
    fn acknowledge(&mut self, offset: usize) {
        let (now, mut out) = (self.now(), Messages::default());
        self.feed.acknowledged(START.wrapping_add(offset as u32));
        self.feed.pass(&mut self.toy, now, &mut out);
    }

    fn numbers(&self) -> Vec<u8> {
        let mut numbers: Vec<u8> = self.toy.complete.iter().map(|&(number, _)| number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// Sequence numbers wrap within every test.
const START: u32 = u32::MAX - 20;

#[test]
fn messages_are_complete_in_the_frame_of_their_last_byte() {
    let stream =
        [message(1, COUNTED, 10), message(2, SEEN, 3), message(3, UNKNOWN, 20), message(4, UNTIL_END, 5)]
            .concat();
    for len in 1..=stream.len() {
        let mut run = Run::new(true);
        for at in (0..stream.len()).step_by(len) {
            run.segment(&stream, at, (at + len).min(stream.len()));
        }
        let frame = |end: usize| end.div_ceil(len) as u64;
        let all = stream.len();
        let expected = [(1, frame(14)), (2, frame(21)), (3, frame(45)), (4, frame(all))];
        assert_eq!(run.toy.complete, expected, "in segments of {len}");
        if len == 1 {
            // All of the first body but its last byte.
            assert_eq!(run.counted, 9);
        }
        assert_eq!((run.toy.closed.as_slice(), run.toy.lost), (&[Closing::Fin][..], 0));
        assert_eq!(run.feed.heap(), 0);
    }
}

#[test]
fn a_message_beyond_a_hole_need_not_wait() {
    let stream = [message(1, COUNTED, 10), message(2, SEEN, 3), message(3, SEEN, 4)].concat();
    // The hole is in a body, and the next message begins within a segment.
    let mut run = Run::new(true);
    run.segment(&stream, 0, 6);
    run.segment(&stream, 9, 21);
    assert_eq!(run.toy.complete, [(2, 2)]);
    run.segment(&stream, 6, 9);
    assert_eq!(run.toy.complete, [(2, 2), (1, 3)]);
    // The hole holds a whole message.
    let mut run = Run::new(true);
    run.segment(&stream, 0, 14);
    run.segment(&stream, 21, 29);
    assert_eq!(run.toy.complete, [(1, 1), (3, 2)]);
    run.segment(&stream, 14, 21);
    assert_eq!(run.toy.complete, [(1, 1), (3, 2), (2, 3)]);
    assert!(run.feed.is_idle() && run.feed.heap() == 0);
}

#[test]
fn what_does_not_begin_a_message_waits_for_the_hole() {
    let stream = [message(1, SEEN, 10), message(2, SEEN, 30), message(3, SEEN, 4)].concat();
    let mut run = Run::new(true);
    run.segment(&stream, 0, 14);
    run.segment(&stream, 20, 56);
    assert_eq!(run.numbers(), [1]);
    assert!(run.feed.heap() > 36);
    run.segment(&stream, 14, 20);
    assert_eq!(run.toy.complete, [(1, 1), (2, 3), (3, 3)]);
}

#[test]
fn a_message_that_waits_for_its_hole_does_not_hold_up_the_next() {
    let stream = [message(1, SEEN, 40), message(2, SEEN, 10), message(3, SEEN, 4)].concat();
    let mut run = Run::new(true);
    run.segment(&stream, 0, 10);
    run.segment(&stream, 30, 58);
    assert_eq!(run.toy.complete, [(2, 2)]);
    run.segment(&stream, 10, 30);
    assert_eq!(run.toy.complete, [(2, 2), (1, 3)]);
    run.segment(&stream, 58, 66);
    assert_eq!(run.toy.complete, [(2, 2), (1, 3), (3, 4)]);
}

#[test]
fn a_hole_of_the_capture_is_given_up_and_decoding_begins_anew() {
    let stream =
        [message(1, SEEN, 10), message(2, SEEN, 30), message(3, SEEN, 4), message(4, SEEN, 9)].concat();
    let mut run = Run::new(true);
    run.segment(&stream, 0, 14);
    run.segment(&stream, 20, 48);
    run.segment(&stream, 48, 56);
    // The third message was met at its beginning, so it need not wait.
    assert_eq!(run.numbers(), [1, 3]);
    for _ in 0..SLACK {
        run.acknowledge(56);
    }
    run.segment(&stream, 56, 69);
    assert_eq!(run.numbers(), [1, 3, 4]);
    // Nothing begins a message: all waits until the other side is known to have it.
    let mut run = Run::new(true);
    run.segment(&stream, 0, 14);
    run.segment(&stream, 20, 50);
    run.segment(&stream, 50, 56);
    run.segment(&stream, 56, 69);
    assert_eq!(run.numbers(), [1, 4]);
    let mut run = Run::new(true);
    run.segment(&stream, 0, 14);
    run.segment(&stream, 20, 50);
    run.acknowledge(50);
    assert_eq!((run.toy.lost, run.feed.next), (0, u64::from(START) + (1 << 32) + 14));
    for _ in 0..SLACK {
        run.acknowledge(50);
    }
    assert_eq!((run.toy.lost, run.feed.next), (1, u64::from(START) + (1 << 32) + 50));
    run.segment(&stream, 50, 56);
    run.segment(&stream, 56, 69);
    assert_eq!(run.numbers(), [1, 4]);
}

#[test]
fn a_cut_segment_speaks_for_itself_unless_a_body_covers_it() {
    let stream = [message(1, COUNTED, 50), message(2, SEEN, 30), message(3, SEEN, 4)].concat();
    let mut run = Run::new(true);
    run.cut_segment(&stream, 0, 4, 4);
    run.cut_segment(&stream, 4, 10, 54);
    run.cut_segment(&stream, 54, 60, 88);
    run.segment(&stream, 88, 96);
    assert_eq!((run.numbers(), run.toy.cut.as_slice()), (vec![1, 3], &[6][..]));
    assert_eq!(run.toy.lost, 0);
}

#[test]
fn without_a_syn_the_first_bytes_must_begin_a_message() {
    let stream = [message(1, SEEN, 50), message(2, SEEN, 30)].concat();
    let mut run = Run::new(false);
    run.segment(&stream, 10, 54);
    run.segment(&stream, 54, 88);
    assert_eq!((run.numbers(), run.toy.unplaced), (vec![2], 1));
}

#[test]
fn bytes_held_and_asked_for_have_caps() {
    let mut run = Run::new(true);
    let stream = vec![0; 8 << 20];
    for at in (1..stream.len()).step_by(1000) {
        run.segment(&stream, at, (at + 900).min(stream.len()));
        assert!(run.feed.heap() < MAX_FEED_HELD_BYTES + 100_000, "{} bytes", run.feed.heap());
    }
    assert!(run.toy.lost > 0);
}

proptest! {
    #[test]
    fn in_any_order_every_message_is_met_once(
        messages in prop::collection::vec((1..=2u8, 0..60u8), 1..12),
        cuts in prop::collection::vec(0..1000usize, 0..20),
        order in prop::collection::vec(0..1000usize, 0..40),
        overlap in 0..20usize,
    ) {
        let stream: Vec<u8> =
            messages.iter().zip(0..).flat_map(|(&(kind, len), number)| message(number, kind, len)).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % stream.len()).chain([stream.len()]).collect();
        ends.sort_unstable();
        ends.dedup();
        let mut segments: Vec<(usize, usize)> =
            ends.iter().scan(0, |at, &end| Some((std::mem::replace(at, end), end))).filter(|s| s.0 < s.1).collect();
        // Shuffled, some twice, some a little longer.
        for (i, swap) in order.iter().enumerate() {
            let (a, b) = (i % segments.len(), swap % segments.len());
            segments.swap(a, b);
            if swap % 7 == 0 && segments.len() < 60 {
                let (at, end) = segments[a];
                segments.push((at.saturating_sub(overlap), (end + overlap).min(stream.len())));
            }
        }
        let mut run = Run::new(true);
        for &(at, end) in &segments {
            run.segment(&stream, at, end);
        }
        let expected: Vec<u8> = (0..messages.len() as u8).collect();
        prop_assert_eq!(run.numbers(), expected);
        prop_assert_eq!(run.toy.closed.as_slice(), &[Closing::Fin][..]);
    }

    #[test]
    fn whatever_is_missing_nothing_is_met_twice(
        messages in prop::collection::vec((1..=4u8, 0..60u8), 1..12),
        segments in prop::collection::vec((0..700usize, 1..90usize, any::<bool>(), any::<bool>()), 0..60),
    ) {
        let stream: Vec<u8> =
            messages.iter().zip(0..).flat_map(|(&(kind, len), number)| message(number, kind, len)).collect();
        let mut run = Run::new(true);
        for (at, len, acknowledges, begins) in segments {
            // Where a message begins the toy knows it; elsewhere it never believes so.
            let at = if begins { 0 } else { at.min(stream.len() - 1) };
            run.segment(&stream, at, (at + len).min(stream.len()));
            if acknowledges {
                run.acknowledge(at);
            }
        }
        let numbers = run.numbers();
        let mut once = numbers.clone();
        once.dedup();
        prop_assert_eq!(once, numbers);
    }
}
