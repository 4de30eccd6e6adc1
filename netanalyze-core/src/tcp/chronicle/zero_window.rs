//! Windows that the other end closed (RFC 9293 §3.8.6.1).

use super::Frames;
use crate::model::{FrameNumber, Span, Timestamp};

/// See the head of the module.
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
