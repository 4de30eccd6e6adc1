//! What few directions have: retransmissions, holes, closed windows.

use super::super::segment::Segment;
use super::super::sequence::{after, at_or_before, before};
use super::Frames;
use super::chain::Chain;
use super::class::{Class, Sight};
use super::losses::{Distinct, Losses};
use super::mark::Mark;
use super::zero_window::ZeroWindow;
use crate::model::{FrameNumber, Span, Timestamp};
use crate::packet::tcp_option::SackBlock;

/// Bytes that were not captured, or came late.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hole {
    start: u32,
    end: u32,
    /// When the segment behind it came.
    pub(super) time: Timestamp,
    /// What its sender wrote on that.
    pub(super) mark: Mark,
    frame: FrameNumber,
    used: bool,
    /// Its bytes may have been sent before the capture began.
    older: bool,
    /// The other end has some of them: they passed, and were not captured.
    passed: bool,
}

impl Hole {
    /// Whether what fills it says nothing of where the first copy was lost.
    pub(super) fn is_placeless(&self) -> bool {
        self.older || self.passed
    }
}

/// Holes that are remembered at a time.
const HOLES: usize = 8;

/// Segments sent again of which it is not known yet whether that was needed.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// Where the first of them ends, and the last.
    end: u32,
    last_end: u32,
    /// Time stamp of the first of them.
    value: u32,
    frames: Frames,
    count: u32,
    /// How many different ones they are.
    segments: Distinct,
    /// What was lost before them.
    before: Losses,
}

/// See the head of the module.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) lost: Losses,
    doubt: Option<Box<Doubt>>,
    /// Where the last segment ends whose loss was given a place.
    placed: Option<u32>,
    /// The last segment of which two copies were captured: where it begins and ends.
    repeated: Option<(u32, u32)>,
    /// Copies that were not needed, and the segments that they are copies of.
    pub(crate) spurious: u32,
    pub(crate) spurious_segments: Distinct,
    pub(crate) spurious_frames: Frames,
    /// Those of them for which the other end had reported a gap that then filled by itself: packets overtook each other.
    pub(crate) overtaken: u32,
    /// Something may be waiting for an acknowledgement: a hole, a timeout, a copy in doubt.
    is_open: bool,
    /// What was sent again lately, from the first of it to the last.
    resent: Option<(u32, u32)>,
    /// Those of them that the receiver's time stamps tell (RFC 3522).
    pub(crate) echoed: u32,
    pub(crate) reordered: u32,
    pub(crate) reordered_frames: Frames,
    /// Those of them that the sender's time stamps or numbers tell.
    pub(crate) proven: u32,
    /// D-SACKs that the other end sent (RFC 2883).
    pub(crate) dsacks: u32,
    pub(crate) dsack_segments: Distinct,
    pub(crate) dsack_frames: Frames,
    /// Bytes that were acknowledged and never captured.
    pub(crate) unseen: u64,
    pub(crate) unseen_frames: Frames,
    /// At most [`HOLES`]; then those that are not used any more give way first.
    holes: Vec<Hole>,
    /// The timeouts of the segment at hand.
    pub(crate) chain: Chain,
    pub(crate) zero: ZeroWindow,
    /// Small segments that waited for a delayed acknowledgement (RFC 896, RFC 9293 §3.8.6.3).
    pub(crate) held: u32,
    pub(crate) held_time: Span,
    pub(crate) held_frames: Frames,
}

/// A segment that is sent again, and what was before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    pub(super) seq: u32,
    pub(super) len: u32,
    pub(super) header_len: u8,
    pub(super) time: Timestamp,
    pub(super) frame: FrameNumber,
    pub(super) mark: Mark,
    /// Since its direction last sent something.
    pub(super) waited: Span,
    pub(super) rtt: Span,
}

impl Trouble {
    /// Whether no copy is in doubt: what acknowledges it would have to be looked at closely.
    pub(super) fn is_settled(&self) -> bool {
        self.doubt.is_none()
    }

    /// Bytes on the heap, its own included.
    pub(super) fn heap(&self) -> usize {
        size_of::<Trouble>()
            + self.holes.capacity() * size_of::<Hole>()
            + self.doubt.as_ref().map_or(0, |_| size_of::<Doubt>())
    }

    /// The hole that a sequence number lies in.
    pub(super) fn hole_of(&self, seq: u32) -> Option<Hole> {
        let inside = |hole: &&Hole| hole.used && at_or_before(hole.start, seq) && before(seq, hole.end);
        self.holes.iter().find(inside).copied()
    }

    /// Bytes are missing that came not even late.
    pub(super) fn has_hole(&self) -> bool {
        self.holes.iter().any(|hole| hole.used)
    }

    /// Bytes are missing up to the segment at hand.
    pub(super) fn dig(
        &mut self,
        (start, end): (u32, u32),
        older: bool,
        (time, frame, mark): (Timestamp, FrameNumber, Mark),
    ) {
        self.is_open = true;
        self.keep(Hole { start, end, time, mark, frame, used: true, older, passed: false });
    }

    fn keep(&mut self, hole: Hole) {
        if self.holes.len() < HOLES {
            return self.holes.push(hole);
        }
        // The oldest one gives way.
        let oldest = self.holes.iter_mut().min_by_key(|hole| (hole.used, hole.time));
        if let Some(place) = oldest {
            *place = hole;
        }
    }

    /// Bytes came late: a hole becomes smaller, or two.
    pub(super) fn fill(&mut self, start: u32, end: u32) {
        let mut behind = None;
        for hole in &mut self.holes {
            if !(hole.used && before(start, hole.end) && after(end, hole.start)) {
                continue;
            }
            let rest = Hole { start: end, ..*hole };
            if after(start, hole.start) {
                hole.end = start;
                behind = Some(rest).filter(|rest| before(rest.start, rest.end)).or(behind);
            } else {
                *hole = rest;
                hole.used = before(hole.start, hole.end);
            }
        }
        if let Some(hole) = behind {
            self.keep(hole);
        }
    }

    /// What the other end says to hold beyond its acknowledgement: that much of the holes passed.
    pub(super) fn held(&mut self, blocks: &[SackBlock]) {
        for hole in self.holes.iter_mut().filter(|hole| hole.used) {
            hole.passed |=
                blocks.iter().any(|block| before(block.left, hole.end) && after(block.right, hole.start));
        }
    }

    /// What was sent again lately, from the first of it to the last.
    pub(super) fn resent(&self) -> Option<(u32, u32)> {
        self.resent
    }

    /// Everything before a number arrived: what is still missing below it was never captured.
    #[inline]
    pub(super) fn acknowledged(&mut self, ack: u32, mark: Mark) {
        if self.is_open {
            self.settle_all(ack, mark);
        }
    }

    fn settle_all(&mut self, ack: u32, mark: Mark) {
        let was_needless = self.settle(ack, mark);
        if after(ack, self.chain.seq) && self.chain.count > 0 {
            if !was_needless {
                self.lost.repaired_by(&self.chain);
            }
            self.chain.count = 0;
        }
        for hole in &mut self.holes {
            if hole.used && at_or_before(hole.end, ack) {
                hole.used = false;
                if hole.older {
                    continue;
                }
                self.unseen = self.unseen.saturating_add(u64::from(hole.end.wrapping_sub(hole.start)));
                self.unseen_frames.push(hole.frame);
            }
        }
        self.is_open = self.doubt.is_some() || self.chain.count > 0 || self.has_hole();
    }

    /// Remembers that a range was sent again.
    fn resend(&mut self, start: u32, end: u32) {
        // What was sent again before all that is remembered ends is one with it: what lies between counts, too.
        self.resent = Some(match self.resent {
            Some((from, to)) if before(start, to) => {
                (if before(start, from) { start } else { from }, if after(end, to) { end } else { to })
            }
            _ => (start, end),
        });
    }

    /// What was sent again was needless if what acknowledges it was sent for something older (Eifel, RFC 3522 §3.2).
    /// The result is whether all of it was.
    fn settle(&mut self, ack: u32, mark: Mark) -> bool {
        let Some(doubt) = self.doubt.take_if(|doubt| !before(ack, doubt.end)) else { return false };
        if !mark.echoes_before(doubt.value) {
            return false;
        }
        let all = !before(ack, doubt.last_end);
        let count = if all { doubt.count } else { 1 };
        if all {
            self.lost = doubt.before;
        }
        self.spurious = self.spurious.saturating_add(count);
        self.echoed = self.echoed.saturating_add(count);
        if all {
            self.spurious_segments.merge(doubt.segments);
        } else {
            self.spurious_segments.add(doubt.end);
        }
        doubt.frames.iter().take(count as usize).for_each(|frame| self.spurious_frames.push(frame));
        all
    }

    /// Remembers how things stood before a segment was sent again, for [`Self::settle`].
    fn doubt(&mut self, again: Again) {
        let Some(stamps) = again.mark.stamps else { return };
        let end = again.seq.wrapping_add(again.len);
        let fresh = || {
            Box::new(Doubt {
                end,
                last_end: end,
                value: stamps.value,
                frames: Frames::default(),
                count: 0,
                segments: Distinct::default(),
                before: self.lost,
            })
        };
        let doubt = self.doubt.get_or_insert_with(fresh);
        if after(end, doubt.last_end) {
            doubt.last_end = end;
        }
        doubt.segments.add(end);
        doubt.count = doubt.count.saturating_add(1);
        doubt.frames.push(again.frame);
    }

    /// The other end says that something came twice.
    pub(super) fn confirmed(&mut self, segment: &Segment<'_>) {
        self.dsacks = self.dsacks.saturating_add(1);
        self.dsack_frames.push(segment.frame);
        if let Some(block) = segment.options.and_then(|options| options.sack().first()) {
            self.dsack_segments.add(block.right);
        }
    }

    /// Whether a number lies in the last segment of which two copies were captured.
    pub(super) fn sent_again(&self, seq: u32) -> bool {
        self.repeated.is_some_and(|(start, end)| at_or_before(start, seq) && before(seq, end))
    }

    /// Counts a segment of a class. `overtaken`: it lies in a gap that the other end reported, and that filled by itself.
    pub(super) fn count(&mut self, sight: Sight, again: Again, overtaken: bool) {
        self.is_open = true;
        let retransmits =
            matches!(sight.class, Class::Fast | Class::TailLossProbe | Class::Timeout | Class::Other);
        if sight.seen {
            self.repeated = Some((again.seq, again.seq.wrapping_add(again.len)));
        }
        if retransmits {
            self.resend(again.seq, again.seq.wrapping_add(again.len));
        }
        if retransmits && sight.seen {
            self.doubt(again);
        }
        match sight.class {
            Class::Spurious => {
                self.overtaken = self.overtaken.saturating_add(u32::from(overtaken));
                self.spurious = self.spurious.saturating_add(1);
                self.spurious_segments.add(again.seq.wrapping_add(again.len));
                self.spurious_frames.push(again.frame);
            }
            Class::Reordered => {
                self.reordered = self.reordered.saturating_add(1);
                self.proven = self.proven.saturating_add(u32::from(sight.proven));
                self.reordered_frames.push(again.frame);
            }
            Class::Fast => self.lost.fast = self.lost.fast.saturating_add(1),
            Class::TailLossProbe => self.lost.probes = self.lost.probes.saturating_add(1),
            Class::Timeout => {
                self.lost.timeouts = self.lost.timeouts.saturating_add(1);
                self.chain.add(again);
            }
            Class::Other => self.lost.others = self.lost.others.saturating_add(1),
            Class::WindowProbe => self.zero.probes = self.zero.probes.saturating_add(1),
            Class::New | Class::Hole | Class::KeepAlive | Class::OtherData | Class::Older => return,
        }
        self.chain.copied(again);
        if retransmits {
            self.lost.frames.push(again.frame);
            self.event(sight, again);
        }
    }

    /// A loss, unless it belongs to the last one.
    fn event(&mut self, sight: Sight, again: Again) {
        let same = self.lost.last_event.is_some_and(|last| again.time.since(last) < again.rtt);
        self.lost.last_event = Some(again.time);
        if !same {
            self.lost.events = self.lost.events.saturating_add(1);
        }
        // The second and later copies of a segment say nothing new of its place.
        let repeated = sight.class == Class::Timeout && self.chain.count > 1;
        let (count, frames) = if sight.seen {
            (&mut self.lost.behind, &mut self.lost.behind_frames)
        } else {
            (&mut self.lost.before, &mut self.lost.before_frames)
        };
        // Nor does what is sent once more from the beginning of what was not acknowledged.
        let end = again.seq.wrapping_add(again.len);
        let known = self.placed.is_some_and(|placed| before(again.seq, placed));
        if !known {
            self.placed = Some(end);
        }
        if !repeated && !known {
            *count = count.saturating_add(1);
            frames.push(again.frame);
        }
    }
}
