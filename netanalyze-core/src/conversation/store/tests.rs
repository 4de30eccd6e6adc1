use super::*;

/// A conversation with little in it.
#[derive(Debug, PartialEq, Eq)]
struct Note {
    key: FlowKey,
    value: u64,
    last: FrameNumber,
    is_bulky: bool,
    is_over: bool,
}

impl Record for Note {
    type Aside = ();

    fn detach(&mut self) -> Option<()> {
        None
    }

    fn attach(&mut self, (): ()) {}

    fn size_of_aside((): &()) -> usize {
        0
    }

    fn blank() -> Self {
        Note { key: FlowKey::NONE, value: 0, last: FrameNumber(0), is_bulky: false, is_over: false }
    }

    fn key(&self) -> &FlowKey {
        &self.key
    }

    fn key_mut(&mut self) -> &mut FlowKey {
        &mut self.key
    }

    fn last_frame(&self) -> FrameNumber {
        self.last
    }

    fn is_bulky(&self) -> bool {
        self.is_bulky
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn heap(&self) -> usize {
        self.value as usize
    }

    fn code<C: Coder>(&mut self, c: &mut C, _: Timestamp, last: FrameNumber) {
        let Note { key: _, value, last: own, is_bulky, is_over } = self;
        c.word(value);
        c.frame(own, last);
        c.bits([is_bulky, is_over]);
    }
}

/// Quiet after so many frames.
const PATIENCE: u64 = 640;

struct Shelf(Store<Note>);

impl Shelf {
    fn new() -> Self {
        Shelf(Store::new(KeyHasher::default(), PATIENCE))
    }

    fn seek(&mut self, number: u32, now: u64) -> Option<Spot> {
        let key = key(number);
        let hash = self.0.hasher.hash(&key);
        self.0.seek(hash, &key, FrameNumber(now))
    }

    fn insert(&mut self, number: u32, note: Note) -> u32 {
        let now = note.last;
        let key = key(number);
        let hash = self.0.hasher.hash(&key);
        self.0.insert((hash, &key), || note, Timestamp(5), now).index
    }

    fn is_open(&self, index: u32) -> bool {
        matches!(self.0.get(index), Some(Seen::Open(_)))
    }

    /// Inserts others until the hand has been everywhere.
    fn go_round(&mut self, now: u64) {
        for number in 0..=self.0.slots.len() {
            self.insert(1_000_000 + number, note(1_000_000 + number, now));
        }
    }
}

fn key(number: u32) -> FlowKey {
    FlowKey::new(number.to_be_bytes().into(), [192, 0, 2, 1].into(), (40_000, 80)).0
}

fn note(number: u32, frame: u64) -> Note {
    let value = u64::from(number) << 20 | 9;
    Note { key: key(number), value, last: FrameNumber(frame), is_bulky: false, is_over: false }
}

#[test]
fn what_was_inserted_is_found_by_its_key_and_nothing_else_is() {
    let mut shelf = Shelf::new();
    for number in 0..2_000 {
        assert!(shelf.seek(number, 1).is_none());
        assert_eq!(shelf.insert(number, note(number, 1)), number);
    }
    for number in (0..2_000).rev().chain(0..2_000) {
        let spot = shelf.seek(number, 1).unwrap();
        assert_eq!(spot.index, number);
        assert_eq!(shelf.0.at(spot), Some(&mut note(number, 1)));
        assert!(shelf.0.is_kept(number) && shelf.is_open(number));
    }
    assert!(shelf.seek(2_000, 1).is_none() && !shelf.0.is_kept(2_000) && shelf.0.get(2_000).is_none());
}

#[test]
fn what_is_quiet_becomes_compact_and_comes_back_as_it_was() {
    let mut shelf = Shelf::new();
    for number in 0..100 {
        let is_bulky = number % 10 == 3;
        let is_over = number % 10 == 5;
        shelf.insert(number, Note { is_bulky, is_over, ..note(number, 1) });
    }
    let closed = PATIENCE / 64;
    for (now, what) in [(closed, "nothing"), (1 + closed, "over"), (PATIENCE, "over"), (1 + PATIENCE, "all")]
    {
        shelf.go_round(now);
        for number in 0..100 {
            let compact = match number % 10 {
                3 => false,
                5 => what != "nothing",
                _ => what == "all",
            };
            assert_eq!(!shelf.is_open(number), compact, "{number} at {now}");
            assert_eq!(shelf.0.is_over(number), compact && number % 10 == 5, "{number} at {now}");
            assert!(shelf.0.is_kept(number));
            // Looking does not bring it back.
            assert_eq!(shelf.0.get(number).unwrap().value, note(number, 1).value);
        }
    }
    for number in (0..100).rev() {
        let spot = shelf.seek(number, 2_000).unwrap();
        assert_eq!(spot.index, number);
        let (is_bulky, is_over) = (number % 10 == 3, number % 10 == 5);
        assert_eq!(shelf.0.at(spot), Some(&mut Note { is_bulky, is_over, ..note(number, 1) }));
        assert!(shelf.is_open(number) && !shelf.0.is_over(number));
    }
}

#[test]
fn a_conversation_that_takes_over_a_key_leaves_the_earlier_one_where_it_is() {
    for compact in [false, true] {
        let mut shelf = Shelf::new();
        let old = shelf.insert(7, note(7, 1));
        let mut now = 2;
        if compact {
            now = 1 + PATIENCE;
            shelf.go_round(now);
            assert!(!shelf.is_open(old));
        }
        // As a shard does it, and as if it had not looked.
        if !compact {
            shelf.seek(7, now).unwrap();
        }
        let new = shelf.insert(7, Note { value: 1, ..note(7, now) });
        assert_ne!(old, new);
        assert_eq!(shelf.seek(7, now).unwrap().index, new);
        assert_eq!(shelf.0.get(old).unwrap().value, note(7, 1).value, "{compact}");
        assert_eq!(shelf.0.get(new).unwrap().value, 1);
        // The earlier one is forgotten without harm to the later one, and the other way round.
        shelf.0.forget(old);
        assert!(!shelf.0.is_kept(old));
        assert_eq!(shelf.seek(7, now).unwrap().index, new);
        shelf.0.forget(new);
        assert!(shelf.seek(7, now).is_none());
    }
}

#[test]
fn what_is_forgotten_is_gone_and_its_index_comes_back_with_the_next_batch() {
    let mut shelf = Shelf::new();
    for number in 0..300 {
        let is_over = number % 3 == 0;
        shelf.insert(number, Note { is_over, ..note(number, 1) });
    }
    shelf.go_round(1 + PATIENCE / 64);
    let fresh = shelf.0.places.len();
    // Open ones, compact ones, and the one that was found last.
    let gone = [0, 1, 2, 3, 299, fresh - 1];
    assert!(shelf.seek(299, 20).is_some());
    assert!(shelf.is_open(1) && !shelf.is_open(0));
    for index in gone {
        let before = shelf.0.bytes(true);
        shelf.0.forget(index);
        assert!(shelf.0.bytes(true) < before, "{index}");
        assert!(!shelf.0.is_kept(index) && !shelf.0.is_over(index) && shelf.0.get(index).is_none());
        // Once more does nothing.
        let before = shelf.0.bytes(true);
        shelf.0.forget(index);
        assert_eq!(shelf.0.bytes(true), before);
    }
    for number in [0, 1, 2, 3, 299] {
        assert!(shelf.seek(number, 20).is_none(), "{number}");
    }
    assert_eq!(shelf.0.last_frames().count(), fresh as usize - gone.len());
    // The batch may still name the indices.
    assert_eq!(shelf.insert(0, note(0, 20)), fresh);
    assert_eq!(shelf.seek(0, 20).unwrap().index, fresh);
    shelf.0.begin_batch();
    let mut again: Vec<u32> = (0..7).map(|n| shelf.insert(2_000 + n, note(2_000 + n, 21))).collect();
    assert_eq!(again.pop(), Some(fresh + 1), "all are used again");
    again.sort_unstable();
    assert_eq!(again, gone);
    for number in 4..299 {
        assert_eq!(shelf.seek(number, 22).unwrap().index, number);
    }
}

#[test]
fn last_frames_are_those_of_all_that_are_kept_compact_or_not() {
    let mut shelf = Shelf::new();
    for number in 0..200 {
        let is_over = number % 2 == 0;
        shelf.insert(number, Note { is_over, ..note(number, u64::from(number)) });
    }
    shelf.go_round(250);
    shelf.0.forget(8);
    shelf.0.forget(9);
    assert!(!shelf.is_open(10) && shelf.is_open(11));
    let mut frames: Vec<(FrameNumber, u32)> =
        shelf.0.last_frames().filter(|&(_, index)| index < 200).collect();
    frames.sort_unstable();
    let expected = (0..200).filter(|n| ![8, 9].contains(n)).map(|n| (FrameNumber(u64::from(n)), n));
    assert!(frames.into_iter().eq(expected));
}

/// After removals a table keeps marks whose number depends on the hashes, and so does when it grows.
#[test]
fn bytes_are_the_same_whatever_the_seed_of_the_hash() {
    let mut shelves: Vec<Shelf> = (0..4).map(|_| Shelf::new()).collect();
    let mut tables = Vec::new();
    for number in 0..10_000 {
        let mut bytes: Vec<usize> = shelves
            .iter_mut()
            .map(|shelf| {
                shelf.0.begin_batch();
                let index = shelf.insert(number, note(number, u64::from(number)));
                if number >= 850 {
                    shelf.0.forget((index + 1) % 851);
                }
                shelf.0.bytes(false)
            })
            .collect();
        bytes.dedup();
        assert_eq!(bytes.len(), 1, "{number}: {bytes:?}");
        tables.push(shelves.iter().map(|shelf| shelf.0.index.allocation_size()).collect::<Vec<_>>());
    }
    let differ = |sizes: &Vec<usize>| sizes.iter().any(|size| size != &sizes[0]);
    assert!(tables.iter().any(differ), "the tables themselves do differ");
}
