//! Which sequence numbers of a direction were captured: what is new in a segment, what is repeated, what is missing.
//!
//! Data nearly always follows data, and then this is two comparisons. Holes are kept in sequence order, at most
//! [`MAX_HOLES`]; of further ones the oldest are given up, and what arrives for them later counts as repeated.

use super::compact::Coder;
use super::sequence::{after, before};
use crate::model::limits::MAX_HOLES;

/// Sequence numbers farther apart than any window allows (RFC 7323 §2.3) belong to no one stream.
const GREATEST_WINDOW: u32 = 1 << 30;

/// Lower and upper bound of what was captured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coverage {
    /// The first sequence number that counts.
    low: u32,
    /// After the last.
    top: u32,
    known: bool,
    /// Nothing belongs before `low`: the SYN was captured, or the stream is longer than any window.
    fixed: bool,
}

/// What was not captured between `low` and `top`, in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    ranges: Vec<(u32, u32)>,
    /// Bytes of holes that were given up.
    given_up: u64,
}

impl Holes {
    /// Goes over its fields. `base` lies near.
    pub(crate) fn code<C: Coder>(&mut self, c: &mut C, base: u32) {
        let Holes { ranges, given_up } = self;
        c.word(given_up);
        let mut len = ranges.len() as u64;
        c.word(&mut len);
        ranges.resize_with(len as usize, Default::default);
        let mut at = base;
        for (start, end) in ranges {
            c.u32_from(start, at);
            c.u32_from(end, *start);
            at = *end;
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|&(start, end)| u64::from(end.wrapping_sub(start))).sum::<u64>()
            + self.given_up
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.ranges.capacity() * size_of::<(u32, u32)>()
    }

    /// Notes a hole above all others.
    fn open(&mut self, start: u32, end: u32) {
        self.ranges.push((start, end));
        self.limit();
    }

    /// Notes a hole below all others.
    fn open_below(&mut self, start: u32, end: u32) {
        self.ranges.insert(0, (start, end));
        self.limit();
    }

    fn limit(&mut self) {
        if self.ranges.len() > MAX_HOLES {
            let (start, end) = self.ranges.remove(0);
            self.given_up += u64::from(end.wrapping_sub(start));
        }
    }

    /// Nothing before `low` will be filled any more.
    fn forget_before(&mut self, low: u32) {
        while let Some(&(start, end)) = self.ranges.first().filter(|&&(start, _)| before(start, low)) {
            self.given_up += u64::from(end.wrapping_sub(start));
            self.ranges.remove(0);
        }
    }

    /// Nothing will be filled any more.
    fn give_up(&mut self) {
        self.given_up = self.bytes();
        self.ranges.clear();
    }

    /// Takes a range out of the holes; returns how many of its bytes were missing.
    fn fill(&mut self, start: u32, end: u32) -> u32 {
        let first = self.ranges.partition_point(|&(_, to)| !after(to, start));
        let touched = self.ranges.iter().skip(first).take_while(|&&(from, _)| before(from, end));
        let (mut count, mut missing) = (0, 0u32);
        let (mut left, mut right) = (None, None);
        for &(from, to) in touched {
            count += 1;
            missing = missing.wrapping_add(to.wrapping_sub(from));
            if before(from, start) {
                left = Some((from, start));
            }
            if after(to, end) {
                right = Some((end, to));
            }
        }
        if count == 0 {
            return 0;
        }
        let kept = [left, right].into_iter().flatten().map(|(from, to)| to.wrapping_sub(from));
        let filled = kept.fold(missing, u32::wrapping_sub);
        self.ranges.splice(first..first + count, [left, right].into_iter().flatten());
        self.limit();
        filled
    }
}

impl Coverage {
    /// Goes over its fields and three flags of its owner. `base` lies near.
    pub(crate) fn code<C: Coder>(&mut self, c: &mut C, base: u32, [x, y, z]: [&mut bool; 3]) {
        let Coverage { low, top, known, fixed } = self;
        c.bits([known, fixed, x, y, z]);
        c.u32_from(low, base);
        c.u32_from(top, *low);
    }

    /// A SYN: its data begins one number later.
    pub(crate) fn synchronise(&mut self, first: u32) {
        *self = Coverage { low: first, top: first, known: true, fixed: true };
    }

    /// After the highest sequence number captured; `None` before the first.
    pub(crate) fn top(&self) -> Option<u32> {
        self.known.then_some(self.top)
    }

    /// A FIN takes a number, too. One that comes late was a hole until now.
    pub(crate) fn finish(&mut self, end: u32, holes: &mut Option<Box<Holes>>) {
        if self.known && self.top == end {
            self.top = end.wrapping_add(1);
        } else if let Some(holes) = holes {
            holes.fill(end, end.wrapping_add(1));
        }
    }

    /// Takes a range, which may be empty, if it continues what was captured so far; returns whether it does.
    #[inline]
    pub(crate) fn append(&mut self, start: u32, len: u32, holes: &mut Option<Box<Holes>>) -> bool {
        let continues = self.known && start == self.top;
        if continues {
            self.advance(start.wrapping_add(len), holes);
        }
        continues
    }

    /// Takes a segment's range, which may be empty; returns how many bytes of it are new. `holes` are made with the first one.
    #[inline]
    pub(crate) fn add(&mut self, start: u32, len: u32, holes: &mut Option<Box<Holes>>) -> u32 {
        if !self.known {
            (self.low, self.top, self.known) = (start, start.wrapping_add(len), true);
            return len;
        }
        if self.append(start, len, holes) {
            return len;
        }
        self.add_elsewhere(start, len, holes)
    }

    #[cold]
    fn add_elsewhere(&mut self, start: u32, len: u32, holes: &mut Option<Box<Holes>>) -> u32 {
        let end = start.wrapping_add(len);
        if after(start, self.top) {
            if start.wrapping_sub(self.top) <= GREATEST_WINDOW {
                holes.get_or_insert_default().open(self.top, start);
                self.advance(end, holes);
            } else if len > 0 {
                // Nothing that a window allows: another stream's number, or damage. Counting goes on from there.
                self.restart(start, end, holes);
            }
            return len;
        }
        if len == 0 {
            return 0;
        }
        let mut new = 0;
        if before(start, self.low) {
            if self.fixed && self.low == self.top && self.low.wrapping_sub(start) > 1 {
                // No data so far, and this is no keep-alive: the SYN that was captured was not the one that counts. A SYN-ACK may be answered
                // twice, with different numbers, or be made by a proxy.
                self.restart(start, end, holes);
                return len;
            }
            if self.fixed || self.low.wrapping_sub(start) > GREATEST_WINDOW {
                return 0;
            }
            let below = if after(end, self.low) { self.low } else { end };
            new = below.wrapping_sub(start);
            if below != self.low {
                holes.get_or_insert_default().open_below(below, self.low);
            }
            self.low = start;
        }
        if let Some(holes) = holes.as_mut() {
            new = new.saturating_add(holes.fill(start, if after(end, self.top) { self.top } else { end }));
        }
        if after(end, self.top) {
            new = end.wrapping_sub(self.top).saturating_add(new);
            self.advance(end, holes);
        }
        new
    }

    /// Moves the upper bound on. The lower one follows at a distance, so that serial numbers between them keep their order however long the
    /// stream is; what is older than any window is old.
    #[inline]
    fn advance(&mut self, end: u32, holes: &mut Option<Box<Holes>>) {
        self.top = end;
        if self.top.wrapping_sub(self.low) > GREATEST_WINDOW {
            self.low = self.top.wrapping_sub(GREATEST_WINDOW);
            self.fixed = true;
            if let Some(holes) = holes {
                holes.forget_before(self.low);
            }
        }
    }

    /// Begins anew elsewhere: holes so far stay counted, but nothing can fill them.
    fn restart(&mut self, low: u32, top: u32, holes: &mut Option<Box<Holes>>) {
        (self.low, self.top) = (low, top);
        if let Some(holes) = holes {
            holes.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, first number after the SYN, segments, new bytes of each, bytes missing at the end.
    type Case = (&'static str, Option<u32>, Vec<(u32, u32)>, Vec<u32>, u64);

    /// New bytes of each segment, and what is missing at the end.
    fn run(syn: Option<u32>, segments: &[(u32, u32)]) -> (Vec<u32>, u64) {
        let (mut coverage, mut holes) = (Coverage::default(), None);
        if let Some(first) = syn {
            coverage.synchronise(first);
        }
        let new = segments.iter().map(|&(start, len)| coverage.add(start, len, &mut holes)).collect();
        (new, holes.map_or(0, |holes| holes.bytes()))
    }

    #[test]
    fn tells_new_from_repeated_and_missing() {
        for base in [0, 1000, u32::MAX - 150, (1 << 31) - 150] {
            let at = |offset: i32| base.wrapping_add_signed(offset);
            let cases: [Case; 10] = [
                ("in order", Some(base), vec![(at(0), 100), (at(100), 100)], vec![100, 100], 0),
                ("repeated", Some(base), vec![(at(0), 100), (at(0), 100)], vec![100, 0], 0),
                ("partly repeated", Some(base), vec![(at(0), 100), (at(50), 100)], vec![100, 50], 0),
                ("a hole", Some(base), vec![(at(0), 100), (at(200), 100)], vec![100, 100], 100),
                (
                    "a hole filled in three pieces, the middle first",
                    Some(base),
                    vec![(at(100), 100), (at(40), 20), (at(0), 40), (at(60), 40)],
                    vec![100, 20, 40, 40],
                    0,
                ),
                (
                    "over two holes",
                    Some(base),
                    vec![(at(10), 10), (at(30), 10), (at(0), 50)],
                    vec![10, 10, 30],
                    0,
                ),
                (
                    "before the first of a stream without SYN",
                    None,
                    vec![(at(100), 100), (at(0), 50)],
                    vec![100, 50],
                    50,
                ),
                ("before the SYN", Some(base), vec![(at(0), 10), (at(-1), 1)], vec![10, 0], 0),
                ("a keep-alive before any data", Some(base), vec![(at(-1), 1), (at(0), 9)], vec![0, 9], 0),
                (
                    "the SYN was not the one that counts",
                    Some(base),
                    vec![(at(-5000), 100), (at(-4900), 50), (at(-5000), 100)],
                    vec![100, 50, 0],
                    0,
                ),
            ];
            for (what, syn, segments, new, missing) in cases {
                assert_eq!(run(syn, &segments), (new, missing), "{what} from {base}");
            }
        }
    }

    #[test]
    fn agrees_with_a_map_of_bytes() {
        let mut state = 1u64;
        let mut below = |n: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % u64::from(n)) as u32
        };
        for round in 0..300 {
            let base = [0, u32::MAX - 400, (1 << 31) - 400][round % 3];
            let (mut coverage, mut holes) = (Coverage::default(), None);
            coverage.synchronise(base);
            let mut map = [false; 1000];
            for _ in 0..60 {
                let (start, len) = (below(900), below(100));
                let fresh = map.iter_mut().skip(start as usize).take(len as usize).filter(|b| !**b);
                let expected = fresh.map(|b| *b = true).count();
                assert_eq!(coverage.add(base.wrapping_add(start), len, &mut holes) as usize, expected);
            }
            let top = coverage.top().unwrap().wrapping_sub(base) as usize;
            let missing = map[..top].iter().filter(|b| !**b).count();
            assert_eq!(holes.map_or(0, |holes| holes.bytes()) as usize, missing);
        }
    }

    #[test]
    fn holes_are_capped_and_still_counted() {
        let (mut coverage, mut holes) = (Coverage::default(), None);
        coverage.synchronise(0);
        for i in 1..=2 * MAX_HOLES as u32 {
            assert_eq!(coverage.add(i * 20, 10, &mut holes), 10);
        }
        assert_eq!(holes.as_ref().unwrap().ranges.len(), MAX_HOLES);
        assert_eq!(holes.as_ref().unwrap().bytes(), 20 + (2 * MAX_HOLES as u64 - 1) * 10);
        assert_eq!(coverage.add(0, 20, &mut holes), 0, "a hole that was given up counts as captured");
    }

    #[test]
    fn a_late_fin_fills_its_hole() {
        let (mut coverage, mut holes) = (Coverage::default(), None);
        coverage.synchronise(0);
        coverage.add(0, 10, &mut holes);
        coverage.add(11, 0, &mut holes);
        assert_eq!(holes.as_ref().unwrap().bytes(), 1);
        coverage.finish(10, &mut holes);
        assert_eq!((holes.unwrap().bytes(), coverage.top()), (0, Some(11)));
    }

    #[test]
    fn anything_keeps_the_holes_in_order() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        for round in 0..200 {
            let (mut coverage, mut holes) = (Coverage::default(), None);
            let mut payload = 0u64;
            let mut new = 0u64;
            for _ in 0..200 {
                let far = next() % 4 == 0;
                let near = coverage.top().unwrap_or(0).wrapping_add(next() % 4000).wrapping_sub(2000);
                let (start, len) =
                    (if far { next() } else { near }, [0, 1, 100, 60_000][next() as usize % 4]);
                if round % 3 == 0 && next() % 50 == 0 {
                    coverage.finish(start, &mut holes);
                }
                payload += u64::from(len);
                new += u64::from(coverage.add(start, len, &mut holes));
                let ranges = holes.as_ref().map_or(&[][..], |holes| &holes.ranges);
                assert!(ranges.iter().all(|&(from, to)| before(from, to)));
                assert!(ranges.windows(2).all(|pair| !before(pair[1].0, pair[0].1)), "{ranges:x?}");
            }
            assert!(new <= payload);
        }
    }

    #[test]
    fn a_long_stream_keeps_its_order() {
        let (mut coverage, mut holes) = (Coverage::default(), None);
        let mut at = 0u32;
        for _ in 0..6 {
            for _ in 0..(1 << 14) {
                assert_eq!(coverage.add(at, 65_536, &mut holes), 65_536);
                at = at.wrapping_add(65_536);
            }
            assert_eq!(coverage.add(at.wrapping_sub(200_000), 100, &mut holes), 0, "repeated at {at:x}");
            assert_eq!(coverage.add(at.wrapping_add(100), 100, &mut holes), 100);
            assert_eq!(coverage.add(at, 100, &mut holes), 100, "fills its hole at {at:x}");
            at = at.wrapping_add(200);
        }
        assert_eq!(holes.unwrap().bytes(), 0);
    }

    #[test]
    fn a_number_beyond_every_window_starts_afresh() {
        assert_eq!(run(Some(0), &[(0, 10), (3 << 29, 10), ((3 << 29) + 10, 10)]), (vec![10, 10, 10], 0));
    }
}
