//! What few directions have: retransmissions, holes, closed windows.

use super::super::sequence::{after, at_or_before, before};
use super::Frames;
use super::class::{Class, Sight};
use super::mark::Mark;
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
}

/// Retransmissions of one segment, one timeout after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) seq: u32,
    /// Timeouts so far.
    pub(crate) count: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) frames: Frames,
    pub(crate) last_frame: FrameNumber,
    /// Payload bytes, and those of its header.
    pub(crate) len: u32,
    pub(crate) header_len: u8,
    /// Waits in front of each, added up.
    pub(crate) waited: Span,
}

/// A window that the other end closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ZeroWindow {
    since: Option<Timestamp>,
    pub(crate) episodes: u32,
    pub(crate) total: Span,
    pub(crate) longest: Span,
    /// Frame that closed it for longest.
    pub(crate) frame: FrameNumber,
    closed_by: FrameNumber,
    pub(crate) opened_by: FrameNumber,
    pub(crate) frames: Frames,
    pub(crate) probes: u32,
}

/// Holes that are remembered at a time.
const HOLES: usize = 8;

/// What was sent again because it was lost, as far as is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    pub(crate) fast: u32,
    pub(crate) probes: u32,
    pub(crate) timeouts: u32,
    pub(crate) others: u32,
    /// Frames that were sent again, of whatever sort.
    pub(crate) frames: Frames,
    /// Time lost in timeouts, and the longest of them with its frame.
    pub(crate) timeout_frames: Frames,
    pub(crate) timeout_wait: Span,
    pub(crate) longest_timeout: (Span, FrameNumber),
    /// Episodes of loss: all that is sent again within a round trip is one.
    pub(crate) events: u32,
    last_event: Option<Timestamp>,
    /// Lost behind the tap, because the capture holds the first copy; lost before it.
    pub(crate) behind: u32,
    pub(crate) behind_frames: Frames,
    pub(crate) before: u32,
    pub(crate) before_frames: Frames,
}

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
    /// What was lost before them.
    before: Losses,
}

/// See the head of the module.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) lost: Losses,
    doubt: Option<Doubt>,
    /// Where the last segment ends whose loss was given a place.
    placed: Option<u32>,
    /// The last segment of which two copies were captured: where it begins and ends.
    repeated: Option<(u32, u32)>,
    pub(crate) spurious: u32,
    pub(crate) spurious_frames: Frames,
    /// Those of them that the receiver's time stamps tell (RFC 3522).
    pub(crate) echoed: u32,
    pub(crate) reordered: u32,
    pub(crate) reordered_frames: Frames,
    /// Those of them that the sender's time stamps or numbers tell.
    pub(crate) proven: u32,
    /// D-SACKs that the other end sent (RFC 2883).
    pub(crate) dsacks: u32,
    pub(crate) dsack_frames: Frames,
    /// Bytes that were acknowledged and never captured.
    pub(crate) unseen: u64,
    pub(crate) unseen_frames: Frames,
    holes: [Hole; HOLES],
    /// The latest SACK blocks of the other end.
    held_blocks: [Option<SackBlock>; 4],
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
    pub(super) fn dig(&mut self, start: u32, end: u32, (time, frame, mark): (Timestamp, FrameNumber, Mark)) {
        self.keep(Hole { start, end, time, mark, frame, used: true });
    }

    fn keep(&mut self, hole: Hole) {
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

    /// What the other end says to hold beyond its acknowledgement.
    pub(super) fn hold(&mut self, blocks: &[SackBlock]) {
        self.held_blocks = [None; 4];
        self.held_blocks.iter_mut().zip(blocks).for_each(|(place, block)| *place = Some(*block));
    }

    /// Whether the other end said that it holds all of a segment.
    pub(super) fn is_held(&self, start: u32, end: u32) -> bool {
        let within = |block: &SackBlock| !before(start, block.left) && !after(end, block.right);
        self.held_blocks.iter().flatten().any(within)
    }

    /// Everything before a number arrived: what is still missing below it was never captured.
    pub(super) fn acknowledged(&mut self, ack: u32, mark: Mark) {
        self.settle(ack, mark);
        for hole in &mut self.holes {
            if hole.used && at_or_before(hole.end, ack) {
                hole.used = false;
                self.unseen = self.unseen.saturating_add(u64::from(hole.end.wrapping_sub(hole.start)));
                self.unseen_frames.push(hole.frame);
            }
        }
    }

    /// What was sent again was needless if what acknowledges it was sent for something older (Eifel, RFC 3522 §3.2).
    fn settle(&mut self, ack: u32, mark: Mark) {
        let Some(doubt) = self.doubt.take_if(|doubt| !before(ack, doubt.end)) else { return };
        if !mark.echoes_before(doubt.value) {
            return;
        }
        let all = !before(ack, doubt.last_end);
        let count = if all { doubt.count } else { 1 };
        if all {
            self.lost = doubt.before;
        }
        self.spurious = self.spurious.saturating_add(count);
        self.echoed = self.echoed.saturating_add(count);
        doubt.frames.iter().take(count as usize).for_each(|frame| self.spurious_frames.push(frame));
    }

    /// Remembers how things stood before a segment was sent again, for [`Self::settle`].
    fn doubt(&mut self, again: Again) {
        let Some(stamps) = again.mark.stamps else { return };
        let end = again.seq.wrapping_add(again.len);
        let fresh = Doubt {
            end,
            last_end: end,
            value: stamps.value,
            frames: Frames::default(),
            count: 0,
            before: self.lost,
        };
        let doubt = self.doubt.get_or_insert(fresh);
        if after(end, doubt.last_end) {
            doubt.last_end = end;
        }
        doubt.count = doubt.count.saturating_add(1);
        doubt.frames.push(again.frame);
    }

    /// Whether a number lies in the last segment of which two copies were captured.
    pub(super) fn sent_again(&self, seq: u32) -> bool {
        self.repeated.is_some_and(|(start, end)| at_or_before(start, seq) && before(seq, end))
    }

    /// Counts a segment of a class.
    pub(super) fn count(&mut self, sight: Sight, again: Again) {
        let retransmits =
            matches!(sight.class, Class::Fast | Class::TailLossProbe | Class::Timeout | Class::Other);
        if sight.seen {
            self.repeated = Some((again.seq, again.seq.wrapping_add(again.len)));
        }
        if retransmits && sight.seen {
            self.doubt(again);
        }
        match sight.class {
            Class::Spurious => {
                self.spurious = self.spurious.saturating_add(1);
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
                self.lost.timeout_frames.push(again.frame);
                self.timeout(again);
            }
            Class::Other => self.lost.others = self.lost.others.saturating_add(1),
            Class::WindowProbe => self.zero.probes = self.zero.probes.saturating_add(1),
            Class::New | Class::Hole | Class::KeepAlive | Class::Older => return,
        }
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

    fn timeout(&mut self, again: Again) {
        if self.chain.count == 0 || self.chain.seq != again.seq {
            self.chain = Chain {
                seq: again.seq,
                first: again.time,
                len: again.len,
                header_len: again.header_len,
                ..Chain::default()
            };
        }
        let chain = &mut self.chain;
        chain.count = chain.count.saturating_add(1);
        chain.last = again.time;
        chain.last_frame = again.frame;
        chain.frames.push(again.frame);
        chain.waited = Span(chain.waited.0.saturating_add(again.waited.0));
        // A retransmission may hold less, or more, than the first copy did.
        chain.len = chain.len.max(again.len);
        self.lost.timeout_wait = Span(self.lost.timeout_wait.0.saturating_add(again.waited.0));
        if again.waited > self.lost.longest_timeout.0 {
            self.lost.longest_timeout = (again.waited, again.frame);
        }
    }
}

impl ZeroWindow {
    /// The window is closed.
    pub(super) fn close(&mut self, time: Timestamp, frame: FrameNumber) {
        if self.since.is_none() {
            self.since = Some(time);
            self.closed_by = frame;
            self.episodes = self.episodes.saturating_add(1);
            self.frames.push(frame);
        }
    }

    /// It is open, or nothing more comes.
    pub(super) fn open(&mut self, time: Timestamp, frame: FrameNumber) {
        let Some(since) = self.since.take() else { return };
        let span = Span(time.since(since).0.max(0));
        self.total = Span(self.total.0.saturating_add(span.0));
        if span >= self.longest {
            (self.longest, self.frame, self.opened_by) = (span, self.closed_by, frame);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.since.is_some()
    }

    /// The same, had it been over at a time.
    pub(crate) fn until(mut self, end: Timestamp) -> ZeroWindow {
        self.open(end, FrameNumber(0));
        self
    }
}
