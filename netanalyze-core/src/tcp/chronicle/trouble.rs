//! What few directions have: retransmissions, holes, closed windows.

use super::super::sequence::{after, at_or_before, before};
use super::Frames;
use super::class::{Class, Sight};
use crate::model::{FrameNumber, Span, Timestamp};

/// Bytes that were not captured, or came late.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hole {
    start: u32,
    end: u32,
    /// When the segment behind it came.
    pub(super) time: Timestamp,
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

/// See the head of the module.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) spurious: u32,
    pub(crate) spurious_frames: Frames,
    pub(crate) reordered: u32,
    pub(crate) reordered_frames: Frames,
    pub(crate) fast: u32,
    pub(crate) probes: u32,
    pub(crate) timeouts: u32,
    pub(crate) others: u32,
    /// Frames that were sent again, of whatever sort.
    pub(crate) frames: Frames,
    /// Time lost in timeouts, and the longest of them with its frame.
    pub(crate) timeout_wait: Span,
    pub(crate) longest_timeout: (Span, FrameNumber),
    /// D-SACKs that the other end sent (RFC 2883).
    pub(crate) dsacks: u32,
    /// Episodes of loss: all that is sent again within a round trip is one.
    pub(crate) events: u32,
    last_event: Option<Timestamp>,
    /// Lost behind the tap, because the capture holds the first copy; lost before it.
    pub(crate) behind: u32,
    pub(crate) behind_frames: Frames,
    pub(crate) before: u32,
    pub(crate) before_frames: Frames,
    /// Bytes that were acknowledged and never captured.
    pub(crate) unseen: u64,
    pub(crate) unseen_frames: Frames,
    holes: [Hole; HOLES],
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

    /// Bytes are missing up to the segment at hand.
    pub(super) fn dig(&mut self, start: u32, end: u32, time: Timestamp, frame: FrameNumber) {
        let hole = Hole { start, end, time, frame, used: true };
        // The oldest one gives way.
        let oldest = self.holes.iter_mut().min_by_key(|hole| (hole.used, hole.time));
        if let Some(place) = oldest {
            *place = hole;
        }
    }

    /// Bytes came late. What a hole keeps are those at its end; a segment in its middle takes those before it with it.
    pub(super) fn fill(&mut self, start: u32, end: u32) {
        for hole in &mut self.holes {
            if hole.used && before(start, hole.end) && after(end, hole.start) {
                hole.start = end;
                hole.used = before(hole.start, hole.end);
            }
        }
    }

    /// Everything before a number arrived: what is still missing below it was never captured.
    pub(super) fn acknowledged(&mut self, ack: u32) {
        for hole in &mut self.holes {
            if hole.used && at_or_before(hole.end, ack) {
                hole.used = false;
                self.unseen = self.unseen.saturating_add(u64::from(hole.end.wrapping_sub(hole.start)));
                self.unseen_frames.push(hole.frame);
            }
        }
    }

    /// Counts a segment of a class.
    pub(super) fn count(&mut self, sight: Sight, again: Again) {
        match sight.class {
            Class::Spurious => {
                self.spurious = self.spurious.saturating_add(1);
                self.spurious_frames.push(again.frame);
            }
            Class::Reordered => {
                self.reordered = self.reordered.saturating_add(1);
                self.reordered_frames.push(again.frame);
            }
            Class::Fast => self.fast = self.fast.saturating_add(1),
            Class::TailLossProbe => self.probes = self.probes.saturating_add(1),
            Class::Timeout => {
                self.timeouts = self.timeouts.saturating_add(1);
                self.timeout(again);
            }
            Class::Other => self.others = self.others.saturating_add(1),
            Class::WindowProbe => self.zero.probes = self.zero.probes.saturating_add(1),
            Class::New | Class::Hole | Class::KeepAlive => return,
        }
        if matches!(sight.class, Class::Fast | Class::TailLossProbe | Class::Timeout | Class::Other) {
            self.frames.push(again.frame);
            self.event(sight, again);
        }
    }

    /// A loss, unless it belongs to the last one.
    fn event(&mut self, sight: Sight, again: Again) {
        let same = self.last_event.is_some_and(|last| again.time.since(last) < again.rtt);
        self.last_event = Some(again.time);
        if !same {
            self.events = self.events.saturating_add(1);
        }
        // The second and later copies of a segment say nothing new of its place.
        let repeated = sight.class == Class::Timeout && self.chain.count > 1;
        let (count, frames) = if sight.seen {
            (&mut self.behind, &mut self.behind_frames)
        } else {
            (&mut self.before, &mut self.before_frames)
        };
        if !repeated {
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
        self.timeout_wait = Span(self.timeout_wait.0.saturating_add(again.waited.0));
        if again.waited > self.longest_timeout.0 {
            self.longest_timeout = (again.waited, again.frame);
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
