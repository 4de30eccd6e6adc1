//! Whose turn it is to speak: requests, the pauses of servers before their answers, and silences that both ends outlive.

use super::class::Sight;
use super::{Chronicle, Class, Patience};
use crate::model::{Direction, FrameNumber, Span, Timestamp};
use crate::tcp::segment::Segment;

/// A pause of the server before its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Think {
    /// How long.
    pub(crate) span: Span,
    /// When the server acknowledged all of the request, by an acknowledgement of its own: how long after it.
    pub(crate) heard: Option<Span>,
    /// When the server last made room for more: how long after the request.
    pub(crate) drained: Span,
    /// Something of the request was sent again meanwhile.
    pub(crate) again: bool,
    /// Last frame of the request.
    pub(crate) request: FrameNumber,
    /// First frame of the answer.
    pub(crate) answer: FrameNumber,
}

/// An acknowledgement may be delayed by so much (RFC 9293 §3.8.6.3 allows half a second; stacks take up to 200 ms).
const ACKNOWLEDGED_LATE: Span = Span(250_000_000);

/// Slow answers of a connection that are remembered one by one.
const THINKS: usize = 8;

impl Think {
    /// What of the pause is the server's own, over a path with a round-trip time of `rtt`: it begins when the request has arrived there and been taken in.
    /// `None` if it does not show when that was.
    pub(crate) fn own(&self, rtt: Span) -> Option<Span> {
        let heard = self.heard.filter(|_| !self.again)?;
        let late = if heard.0 > rtt.0.saturating_add(ACKNOWLEDGED_LATE.0) { heard.0 } else { 0 };
        Some(Span(self.span.0.saturating_sub(rtt.0.max(late).max(self.drained.0))))
    }
}

/// Who sent data last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) by: Direction,
    pub(crate) time: Timestamp,
    pub(crate) frame: FrameNumber,
    /// The first of its segments since the other end sent data, and the sequence number behind it.
    pub(crate) first: FrameNumber,
    pub(super) first_end: u32,
}

/// A silence that can be the end of what a device in the path remembers.
pub(super) const IDLE: Span = Span(1_000_000_000);

impl Chronicle {
    /// Notices silences that both ends outlived, and those that one did not.
    pub(super) fn idle(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        pause: Span,
        pending: bool,
        sight: Sight,
    ) {
        if pause >= IDLE && !pending && sight.class == Class::New && !segment.flags.rst() {
            self.pending_idle = Some((pause, segment.frame, direction));
        } else if let Some((idle, _, by)) = self.pending_idle
            && by != direction
            && !segment.flags.rst()
        {
            // The other end answered: the path still knows the connection.
            self.survived = self.survived.max(idle);
            self.pending_idle = None;
        }
    }

    /// Whose turn it is to speak.
    #[inline(always)]
    pub(super) fn turns(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        sight: Sight,
        patience: &Patience,
    ) {
        if segment.len == 0 || !matches!(sight.class, Class::New | Class::Hole) || segment.flags.rst() {
            return;
        }
        let (time, frame) = (segment.time, segment.frame);
        match &mut self.turn {
            Some(turn) if turn.by == direction => (turn.time, turn.frame) = (time, frame),
            turn => {
                // Seldom copied: what was just written in parts is slow to read as a whole.
                let is_late = |request: &&mut Turn| time.since(request.time) >= patience.think;
                let late = turn.as_mut().filter(is_late).map(|request| *request);
                let first_end = segment.seq.wrapping_add(segment.len);
                *turn = Some(Turn { by: direction, time, frame, first: frame, first_end });
                if let Some(request) = late
                    && sight.class == Class::New
                {
                    self.thought(request, (time, frame));
                }
            }
        }
    }

    /// An answer came late.
    #[cold]
    fn thought(&mut self, request: Turn, (time, answer): (Timestamp, FrameNumber)) {
        if self.opening.client() != Some(request.by) {
            return;
        }
        self.slow_thinks = self.slow_thinks.saturating_add(1);
        if self.thinks.len() < THINKS {
            let lane = self.lane(request.by);
            let after = |at: Timestamp| Some(at.since(request.time)).filter(|after| after.0 >= 0);
            let think = Think {
                span: time.since(request.time),
                heard: after(lane.all_acknowledged()),
                drained: after(lane.window_updated()).unwrap_or_default(),
                again: lane.last_sent() > request.time,
                request: request.frame,
                answer,
            };
            self.thinks.push(think);
        }
    }

    /// The last data: who sent it, when, in which frame.
    pub(crate) fn last_data(&self) -> Option<Turn> {
        self.turn
    }
}
