//! Segments of one direction that await their acknowledgement.
//!
//! Wireshark 4.0 keeps such a list of at most 10,000 entries, walks all of it for every ACK and again for bytes in flight. The verdicts
//! need its exact contents, not its walks: while the entries lie end to end in sequence order (nearly always) an ACK pops from the front,
//! and otherwise the extremes are remembered between walks. An empty list is no list: its memory goes back to a [`Pool`].

use std::collections::VecDeque;

use super::compact::Coder;
use super::sequence::{after, at_or_before};
use crate::model::limits::MAX_UNACKED_SEGMENTS;
use crate::model::{FrameNumber, Timestamp};

/// A sent segment, or what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) frame: FrameNumber,
    pub(crate) time: Timestamp,
    /// First sequence number not yet acknowledged.
    pub(crate) start: u32,
    /// Sequence number after the last one.
    pub(crate) end: u32,
}

/// Entries for which there is room in every list.
const FEWEST: usize = 4;

/// Frame and time of a segment.
pub(crate) type Sent = (FrameNumber, Timestamp);

/// Emptied lists, for the next direction that needs one; what was just used is still in the cache.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "lists move between here and directions by pointer")]
pub(crate) struct Pool(Vec<Box<List>>);

impl Pool {
    /// Buffers kept, and the largest that goes on to others, of which nobody would count all of it: together at most some 30 KiB.
    const KEEP: usize = 64;
    const KEEP_CAPACITY: usize = 16;

    fn take(&mut self) -> Box<List> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, list: Box<List>) {
        if self.0.len() < Self::KEEP && list.entries.capacity() <= Self::KEEP_CAPACITY {
            self.0.push(list);
        }
    }
}

/// What awaits its acknowledgement; a pointer wide while nothing does. Sequence numbers that it reports as extremes are relative to the
/// flow's base.
#[derive(Debug, Default)]
pub(crate) struct Unacked(Option<Box<List>>);

impl Unacked {
    /// Goes over its fields. The base of the sequence numbers, a time and a frame lie near.
    pub(crate) fn code<C: Coder>(&mut self, c: &mut C, base: u32, time: Timestamp, frame: FrameNumber) {
        c.optional(&mut self.0, |c, list| list.code(c, base, time, frame));
    }

    /// Bytes on the heap. What a short list has from its pool, beyond what it needs, does not count: whose list it was may differ from run to run.
    pub(crate) fn heap(&self) -> usize {
        self.0.as_ref().map_or(0, |list| {
            let room = match list.entries.capacity() {
                0..=Pool::KEEP_CAPACITY => list.entries.len().next_power_of_two().max(FEWEST),
                long => long,
            };
            size_of::<List>().saturating_add(room.saturating_mul(size_of::<Entry>()))
        })
    }

    /// How many segments there are.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.entries.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|list| list.entries.len() >= MAX_UNACKED_SEGMENTS)
    }

    pub(crate) fn oldest(&self) -> Option<&Entry> {
        self.0.as_ref()?.entries.front()
    }

    /// The extremes must be computed anew: the flow's base moved.
    pub(crate) fn rebase(&mut self) {
        if let Some(list) = &mut self.0 {
            list.stale = true;
        }
    }

    /// Adds a segment: when it was sent, and the numbers from which and before which it goes.
    #[inline(always)]
    pub(crate) fn push(&mut self, sent: Sent, numbers: (u32, u32), base: u32, pool: &mut Pool) {
        self.0.get_or_insert_with(|| pool.take()).push(sent, numbers, base);
    }

    /// Greatest end minus least start of all entries, relative to `base`, unsigned; `None` when empty.
    #[inline]
    pub(crate) fn span(&mut self, base: u32) -> Option<u32> {
        Some(self.0.as_mut()?.span(base))
    }

    /// Takes an acknowledgement: trims and removes entries. Returns when the oldest segment that ends exactly at `ack` was sent.
    #[inline(always)]
    pub(crate) fn acknowledge(&mut self, ack: u32, base: u32, pool: &mut Pool) -> Option<Sent> {
        let list = self.0.as_mut()?;
        let matched = list.acknowledge(ack, base);
        if list.entries.is_empty()
            && let Some(list) = self.0.take()
        {
            pool.give(list);
        }
        matched
    }
}

/// The list itself, never empty between two calls.
#[derive(Debug, Default)]
struct List {
    entries: VecDeque<Entry>,
    /// Least `start − base` and greatest `end − base`, unsigned as Wireshark compares them; valid unless `stale`.
    min_start: u32,
    max_end: u32,
    stale: bool,
    /// An entry begins below the base and ends above it, so that its end is less than its start; kept with the extremes.
    straddles: bool,
    /// Not every entry starts at or after the end of the one before it, or the whole spans too much for serial order.
    disordered: bool,
}

/// Spans below this are safe from the ambiguity of serial numbers even when two of them are added.
const SAFE_SPAN: u32 = 1 << 30;

impl List {
    fn code<C: Coder>(&mut self, c: &mut C, base: u32, time: Timestamp, frame: FrameNumber) {
        let List { entries, min_start, max_end, stale, straddles, disordered } = self;
        c.u32(min_start);
        c.u32(max_end);
        c.bits([stale, straddles, disordered]);
        let mut len = entries.len() as u64;
        c.word(&mut len);
        // By powers of two, as it grows: how long it was is then all that tells how much it takes.
        entries.reserve(
            (len as usize).min(MAX_UNACKED_SEGMENTS).next_power_of_two().saturating_sub(entries.len()),
        );
        entries.resize(len as usize, Entry { frame: FrameNumber(0), time: Timestamp(0), start: 0, end: 0 });
        let (mut at, mut near, mut near_frame) = (base, time, frame);
        for Entry { frame, time, start, end } in entries {
            c.u32_from(start, at);
            c.u32_from(end, *start);
            c.time(time, near);
            c.frame(frame, near_frame);
            (at, near, near_frame) = (*end, *time, *frame);
        }
    }

    /// The parts of an entry stay in registers up to the list: a processor waits where it loads as one word what it has just stored as two.
    #[inline(always)]
    fn push(&mut self, (frame, time): Sent, (first, last): (u32, u32), base: u32) {
        let (start, end) = (first.wrapping_sub(base), last.wrapping_sub(base));
        let continues = start == self.max_end && start <= end && !self.entries.is_empty();
        if continues && self.is_compact() && end - self.min_start < SAFE_SPAN {
            self.max_end = end;
            self.entries.push_back(Entry { frame, time, start: first, end: last });
        } else {
            self.push_any((frame, time), (first, last), base);
        }
    }

    /// Whether the extremes are known and are those of the two ends of the list, if it is in order: no entry reaches over the base, and if
    /// some lay before it and others behind, the extremes would be farther apart.
    #[inline(always)]
    fn is_compact(&self) -> bool {
        !self.stale && !self.straddles && self.max_end.wrapping_sub(self.min_start) < SAFE_SPAN
    }

    #[inline(never)]
    fn push_any(&mut self, (frame, time): Sent, (first, last): (u32, u32), base: u32) {
        let (start, end) = (first.wrapping_sub(base), last.wrapping_sub(base));
        match (self.entries.front(), self.entries.back()) {
            (Some(oldest), Some(newest)) => {
                let span =
                    u64::from(newest.end.wrapping_sub(oldest.start)) + steps(newest.end, (first, last));
                self.disordered |= span >= u64::from(SAFE_SPAN);
                self.min_start = self.min_start.min(start);
                self.max_end = self.max_end.max(end);
                self.straddles |= end < start;
            }
            _ => {
                (self.min_start, self.max_end) = (start, end);
                self.stale = false;
                self.straddles = end < start;
                self.disordered = last.wrapping_sub(first) >= SAFE_SPAN;
            }
        }
        self.entries.push_back(Entry { frame, time, start: first, end: last });
    }

    fn span(&mut self, base: u32) -> u32 {
        if self.stale {
            self.refresh(base);
        }
        self.max_end.wrapping_sub(self.min_start)
    }

    #[inline(never)]
    fn refresh(&mut self, base: u32) {
        (self.min_start, self.max_end) = (u32::MAX, 0);
        self.straddles = false;
        for entry in &self.entries {
            let (start, end) = (entry.start.wrapping_sub(base), entry.end.wrapping_sub(base));
            self.min_start = self.min_start.min(start);
            self.max_end = self.max_end.max(end);
            self.straddles |= end < start;
        }
        self.stale = false;
    }

    #[inline(always)]
    fn acknowledge(&mut self, ack: u32, base: u32) -> Option<Sent> {
        let first = self.entries.front()?.start;
        if self.disordered {
            if !self.stale && self.covers_nothing(ack.wrapping_sub(base)) {
                return None;
            }
            return self.acknowledge_all(ack, base);
        }
        // Serial comparison with every entry agrees with the front-to-back order only while all are within half the circle of `ack`.
        let (ahead, behind) = (ack.wrapping_sub(first), first.wrapping_sub(ack));
        if behind < SAFE_SPAN {
            return None; // at or before everything (`behind` is 0 when `ack` equals the first start)
        }
        if ahead < SAFE_SPAN || ahead < SAFE_SPAN + self.entries.back()?.end.wrapping_sub(first) {
            self.acknowledge_front(ack, base)
        } else {
            self.acknowledge_all(ack, base)
        }
    }

    /// Whether an acknowledgement at this place lies at or before every entry's start.
    fn covers_nothing(&self, ack: u32) -> bool {
        !self.straddles && ack <= self.min_start && self.max_end.wrapping_sub(ack) < SAFE_SPAN
    }

    #[inline(always)]
    fn acknowledge_front(&mut self, ack: u32, base: u32) -> Option<Sent> {
        let mut matched = None;
        while let Some(entry) = self.entries.front_mut() {
            if after(entry.end, ack) {
                if after(ack, entry.start) {
                    entry.start = ack;
                }
                break;
            }
            let (end, sent) = (entry.end, (entry.frame, entry.time));
            self.entries.pop_front();
            if end == ack {
                matched = Some(sent);
                break;
            }
        }
        if let Some(first) = self.entries.front() {
            if self.is_compact() {
                self.min_start = first.start.wrapping_sub(base);
            } else {
                self.follow_front(base);
            }
        }
        matched
    }

    /// The least start after entries left from the front of an ordered list.
    #[inline(never)]
    fn follow_front(&mut self, base: u32) {
        if let (Some(first), Some(last)) = (self.entries.front(), self.entries.back()) {
            let (start, end) = (first.start.wrapping_sub(base), last.end.wrapping_sub(base));
            // Ordered entries can still straddle the base, where unsigned extremes are not at the two ends.
            if start < end {
                (self.min_start, self.max_end, self.straddles) = (start, end, false);
            } else {
                self.stale = true;
            }
        }
    }

    #[inline(never)]
    fn acknowledge_all(&mut self, ack: u32, base: u32) -> Option<Sent> {
        let mut matched = None;
        self.entries.retain_mut(|entry| {
            if ack == entry.end {
                matched = matched.or(Some((entry.frame, entry.time))); // entries are in order of arrival: the first match is the oldest
                return false;
            }
            if after(ack, entry.start) && at_or_before(ack, entry.end) {
                entry.start = ack;
                return true;
            }
            after(entry.end, ack)
        });
        self.refresh(base);
        self.disordered = !self.is_ordered();
        matched
    }

    /// Whether every entry starts at or after the end of the one before it, and all lie within [`SAFE_SPAN`]. Steps are added up: entries
    /// that lead once round the circle would seem close to each other.
    fn is_ordered(&self) -> bool {
        let Some(first) = self.entries.front() else { return true };
        let (mut at, mut span) = (first.start, 0u64);
        self.entries.iter().enumerate().all(|(place, entry)| {
            span += steps(at, (entry.start, entry.end));
            at = entry.end;
            span < u64::from(SAFE_SPAN) && (place == 0 || entry.start != entry.end)
        })
    }
}

/// The way from the end of one entry over the start of the next to its end.
fn steps(last_end: u32, (start, end): (u32, u32)) -> u64 {
    u64::from(start.wrapping_sub(last_end)) + u64::from(end.wrapping_sub(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list as the rule states it: every entry visited, newest to oldest, nothing remembered.
    #[derive(Default)]
    struct Plain(Vec<Entry>);

    impl Plain {
        fn acknowledge(&mut self, ack: u32) -> Option<Sent> {
            let mut matched = None;
            for i in (0..self.0.len()).rev() {
                let e = self.0[i];
                if ack == e.end {
                    matched = Some((e.frame, e.time));
                    self.0.remove(i);
                } else if after(ack, e.start) && at_or_before(ack, e.end) {
                    self.0[i].start = ack;
                } else if !after(e.end, ack) {
                    self.0.remove(i);
                }
            }
            matched
        }

        fn span(&self, base: u32) -> Option<u32> {
            let max = self.0.iter().map(|e| e.end.wrapping_sub(base)).max()?;
            Some(max.wrapping_sub(self.0.iter().map(|e| e.start.wrapping_sub(base)).min()?))
        }
    }

    /// A small deterministic generator: the test needs variety, not quality.
    struct Lcg(u64);

    impl Lcg {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) % u64::from(n)) as u32
        }
    }

    #[test]
    fn agrees_with_the_plain_list_on_ordered_disordered_and_wrapping_traffic() {
        let mut pool = Pool::default();
        let mut spans = 0;
        for seed in 0..400 {
            let mut rng = Lcg(seed);
            let mut base = [0, 1000, u32::MAX - 2000, 0x7fff_f000][rng.below(4) as usize];
            let (mut fast, mut plain) = (Unacked::default(), Plain::default());
            let mut next = base;
            for frame in 0..300 {
                match rng.below(10) {
                    0..=4 => {
                        let back = if rng.below(8) == 0 { rng.below(4000) } else { 0 };
                        // Half the circle twice leads round it, past everything that is waiting.
                        let jump = match rng.below(60) {
                            0 => rng.below(u32::MAX),
                            1..=3 => (1 << 31) - rng.below(3) * 700,
                            4 => 3 << 30,
                            _ => 0,
                        };
                        let start = next.wrapping_sub(back).wrapping_add(jump);
                        let end = start.wrapping_add(1 + rng.below(1500));
                        let entry = Entry { frame: FrameNumber(frame), time: Timestamp(0), start, end };
                        fast.push((entry.frame, entry.time), (start, end), base, &mut pool);
                        plain.0.push(entry);
                        next = end;
                    }
                    5..=8 => {
                        let pick = plain.0.get(rng.below(plain.0.len().max(1) as u32) as usize);
                        let ack = match rng.below(5) {
                            0 => pick.map_or(next, |e| e.end),
                            1 => pick.map_or(next, |e| e.start.wrapping_add(1)),
                            2 => rng.below(u32::MAX),
                            3 => pick.map_or(base, |e| e.start),
                            _ => next.wrapping_sub(rng.below(3000)),
                        };
                        assert_eq!(
                            fast.acknowledge(ack, base, &mut pool),
                            plain.acknowledge(ack),
                            "seed {seed}"
                        );
                    }
                    _ if rng.below(20) == 0 => {
                        base = next.wrapping_sub(rng.below(5000));
                        fast.rebase();
                    }
                    _ => {}
                }
                assert!(
                    fast.0.iter().flat_map(|list| &list.entries).eq(&plain.0),
                    "seed {seed} frame {frame}"
                );
                assert_eq!(fast.span(base), plain.span(base), "seed {seed} frame {frame}");
                spans += usize::from(fast.span(base).is_some());
            }
        }
        assert!(spans > 10_000, "the walk must have met lists that are not empty");
    }

    /// Found by fuzzing: two steps of half the circle bring the last entry back beside the first, and all seemed in order.
    #[test]
    fn entries_that_lead_round_the_circle_are_not_in_order() {
        let (mut fast, mut plain, mut pool) = (Unacked::default(), Plain::default(), Pool::default());
        let base = 0x3fff_cd3c;
        for (start, end) in
            [(0x3fff_cd3d, 0x3fff_d2f1), (0xbfff_d25f, 0xbfff_d273), (0x3fff_d273, 0x3fff_d274)]
        {
            let entry = Entry { frame: FrameNumber(1), time: Timestamp(0), start, end };
            fast.push((entry.frame, entry.time), (start, end), base, &mut pool);
            plain.0.push(entry);
        }
        for ack in [0x3fff_d273, 0x3fff_d274, 0x3fff_d27b, 0x3fff_d286, 0xbfff_d260, 0x3fff_d2f1, 0xbfff_d273]
        {
            assert_eq!(fast.acknowledge(ack, base, &mut pool), plain.acknowledge(ack), "{ack:#x}");
            assert!(fast.0.iter().flat_map(|list| &list.entries).eq(&plain.0), "{ack:#x}");
            assert_eq!(fast.span(base), plain.span(base), "{ack:#x}");
        }
    }

    #[test]
    fn an_emptied_list_gives_its_buffer_back() {
        let (mut pool, mut list) = (Pool::default(), Unacked::default());
        list.push((FrameNumber(1), Timestamp(0)), (0, 10), 0, &mut pool);
        assert_eq!(list.acknowledge(10, 0, &mut pool).map(|(frame, _)| frame), Some(FrameNumber(1)));
        assert!(list.is_empty() && list.0.is_none());
        assert_eq!(pool.0.len(), 1);
    }
}
