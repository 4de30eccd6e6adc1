//! Where a connection's life went: every pause of it in one bucket, what is left is transfer.

use super::class::Sight;
use super::{Chronicle, Class};
use crate::model::{Direction, Span};
use crate::tcp::segment::Segment;

/// What a pause is put down to, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    SynWait,
    ZeroWindow,
    RtoWait,
    FastRecovery,
    NagleDelayedAck,
    WindowLimited,
    NetworkLimited,
    ServerThink,
    ClientThink,
    SenderLimited,
    Idle,
    Transfer,
}

impl Bucket {
    pub(crate) const ALL: [Bucket; 12] = [
        Bucket::SynWait,
        Bucket::ZeroWindow,
        Bucket::RtoWait,
        Bucket::FastRecovery,
        Bucket::NagleDelayedAck,
        Bucket::WindowLimited,
        Bucket::NetworkLimited,
        Bucket::ServerThink,
        Bucket::ClientThink,
        Bucket::SenderLimited,
        Bucket::Idle,
        Bucket::Transfer,
    ];
}

/// An acknowledgement that was delayed while the sender held back a small segment for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) span: Span,
    /// The bucket that the same time was put into when the acknowledgement came.
    pub(crate) before: Option<Bucket>,
}

/// The sums.
#[derive(Debug, Default)]
pub(crate) struct LostTime {
    sums: [i64; Bucket::ALL.len()],
}

impl LostTime {
    /// Adds a pause.
    pub(super) fn add(&mut self, bucket: Bucket, span: Span) {
        self.change(bucket, span.0);
    }

    /// Puts the time of a delayed acknowledgement where it belongs, now that its effect is known.
    pub(super) fn hold(&mut self, held: Held) {
        if let Some(before) = held.before {
            self.change(before, -held.span.0);
        }
        self.change(Bucket::NagleDelayedAck, held.span.0);
    }

    fn change(&mut self, bucket: Bucket, by: i64) {
        if let Some(sum) = self.sums.get_mut(bucket as usize) {
            *sum = sum.saturating_add(by).max(0);
        }
    }

    /// The time in a bucket.
    pub(crate) fn of(&self, bucket: Bucket) -> Span {
        Span(self.sums.get(bucket as usize).copied().unwrap_or(0))
    }
}

/// How things stood before the segment at hand, for either direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Something was sent and not acknowledged.
    pub(super) pending: bool,
    /// A window was closed, or full.
    pub(super) closed: bool,
    pub(super) full: bool,
}

impl Chronicle {
    /// Which bucket a pause that the segment at hand ends belongs to: the first that matches.
    pub(super) fn bucket(
        &self,
        direction: Direction,
        segment: &Segment<'_>,
        sight: Sight,
        before: Before,
    ) -> Bucket {
        let data = segment.len > 0;
        if !self.opening.is_complete() && self.opening.syns > 0 {
            return Bucket::SynWait;
        }
        if before.closed {
            return Bucket::ZeroWindow;
        }
        match sight.class {
            Class::Timeout | Class::TailLossProbe => return Bucket::RtoWait,
            Class::Fast => return Bucket::FastRecovery,
            Class::Other | Class::Spurious if before.pending => return Bucket::RtoWait,
            _ => {}
        }
        if before.pending && before.full {
            return Bucket::WindowLimited;
        }
        // Who sent last has an answer to wait for, or more to say.
        let last = self.turn.map(|turn| turn.by);
        let client = self.opening.client();
        match last {
            Some(last) if data && last != direction && Some(direction) != client => Bucket::ServerThink,
            Some(last) if data && last != direction => Bucket::ClientThink,
            _ if before.pending => Bucket::NetworkLimited,
            Some(_) if data => Bucket::SenderLimited,
            _ => Bucket::Idle,
        }
    }
}
