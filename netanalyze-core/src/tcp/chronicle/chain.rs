//! Timeouts of one segment, one after the other (RFC 6298 §5.5: each wait twice the one before).

use super::Frames;
use super::trouble::Again;
use crate::model::{FrameNumber, Span, Timestamp};

/// See the head of the module.
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
    /// Waits in front of each, added up; the longest, and the frame that ended it.
    pub(crate) waited: Span,
    pub(super) longest: (Span, FrameNumber),
    /// When its last copy was sent, for whatever reason.
    sent: Timestamp,
}

impl Chain {
    /// One more timeout; of another segment it is the first.
    pub(super) fn add(&mut self, again: Again) {
        if self.count == 0 || self.seq != again.seq {
            *self = Chain {
                seq: again.seq,
                first: again.time,
                len: again.len,
                header_len: again.header_len,
                ..Chain::default()
            };
        }
        self.count = self.count.saturating_add(1);
        (self.last, self.sent) = (again.time, again.time);
        self.last_frame = again.frame;
        self.frames.push(again.frame);
        self.waited = Span(self.waited.0.saturating_add(again.waited.0));
        if again.waited > self.longest.0 {
            self.longest = (again.waited, again.frame);
        }
        // A retransmission may hold less, or more, than the first copy did.
        self.len = self.len.max(again.len);
    }

    /// Its segment was sent once more, for another reason than the timer.
    pub(super) fn copied(&mut self, again: Again) {
        if self.count > 0 && self.seq == again.seq {
            self.sent = again.time;
        }
    }

    /// When the last copy of a segment was sent, if timeouts of it go on: what else its sender sends meanwhile, a FIN for one, does not set the timer anew
    /// (RFC 6298 §5.1).
    pub(super) fn last_copy(&self, seq: u32) -> Option<Timestamp> {
        (self.count > 0 && self.seq == seq).then_some(self.sent)
    }
}
