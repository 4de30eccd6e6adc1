//! What a chronicle tells once its connection is over, or the capture.

use super::{Bucket, Chronicle, Lane, LostTime, Reset, Think};
use crate::model::Span;

impl Chronicle {
    /// Segments, those included that were set aside.
    pub(crate) fn segments(&self) -> u64 {
        let [a, b] = &self.lanes;
        let taken = [a.packets(), b.packets(), self.resets, self.duplicates, self.strange];
        taken.into_iter().map(u64::from).sum()
    }

    /// Its life: from its first packet to its latest.
    pub(crate) fn life(&self) -> Span {
        self.last.since(self.first)
    }

    /// How its life is divided: every bucket with its time, the rest is transfer.
    pub(crate) fn buckets(&self) -> [(Bucket, Span); Bucket::ALL.len()] {
        let mut rest = self.life();
        let mut all = Bucket::ALL.map(|bucket| {
            let span = self.lost.as_ref().map_or(Span(0), |lost| lost.of(bucket));
            rest = Span(rest.0.saturating_sub(span.0));
            (bucket, span)
        });
        if let Some((_, transfer)) = all.iter_mut().find(|(bucket, _)| *bucket == Bucket::Transfer) {
            *transfer = rest;
        }
        all
    }

    /// The time in some of the buckets.
    pub(crate) fn time_in(&self, wanted: &[Bucket]) -> Span {
        let of = self.buckets().into_iter().filter(|(bucket, _)| wanted.contains(bucket));
        Span(of.fold(0, |sum: i64, (_, span)| sum.saturating_add(span.0)))
    }

    /// Nothing is to be told of it: it opened, both ends closed, nothing was lost or slow.
    pub(crate) fn is_dull(&self) -> bool {
        let [a, b] = &self.lanes;
        let quiet = |lane: &Lane, peer: &Lane| lane.trouble.is_none() && !lane.may_be_window_limited(peer);
        let over = match &self.reset {
            None => a.is_closed() && b.is_closed(),
            Some(reset) => reset.is_ordinary() && reset.has_usual_ttl(),
        };
        over && quiet(a, b)
            && quiet(b, a)
            && self.lost.is_none()
            && self.duplicates == 0
            && self.backward == 0
            && self.oversized == 0
            && self.slow_thinks == 0
            && self.opening.is_ordinary()
            && self.pending_idle.is_none()
    }

    /// How many bytes it takes, and how many it took when it was last asked.
    pub(crate) fn weigh(&mut self) -> (usize, usize) {
        let now = self.heap();
        (now, std::mem::replace(&mut self.weighed, now))
    }

    /// Bytes on the heap, its own included.
    fn heap(&self) -> usize {
        size_of::<Chronicle>()
            + self.lanes.iter().map(Lane::heap).sum::<usize>()
            + self.reset.as_ref().map_or(0, |_| size_of::<Reset>())
            + self.thinks.capacity() * size_of::<Think>()
            + self.lost.as_ref().map_or(0, |_| size_of::<LostTime>())
    }
}
