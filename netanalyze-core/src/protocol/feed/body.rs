//! Which bytes of a body were captured.

use crate::model::limits::MAX_BODY_PIECES;

/// A range of bytes that need not be seen.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) id: u32,
    /// Everything before was captured.
    pub(super) have: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    /// What was captured beyond, as ranges in order that do not touch.
    pub(super) pieces: Vec<(u64, u64)>,
}

impl Body {
    /// Bytes of it that were captured.
    pub(super) fn captured(&self) -> u64 {
        let beyond = self.pieces.iter().map(|&(from, to)| to.saturating_sub(from)).sum::<u64>();
        self.have.saturating_sub(self.start).saturating_add(beyond)
    }

    /// Counts a range. True once all of it is there.
    pub(super) fn take(&mut self, at: u64, end: u64) -> bool {
        let end = end.min(self.end);
        if at > self.have {
            if end <= at || self.pieces.len() >= MAX_BODY_PIECES {
                return false;
            }
            let first = self.pieces.partition_point(|&(_, to)| to < at);
            let last = self.pieces.partition_point(|&(from, _)| from <= end);
            let merged = self.pieces.get(first..last).unwrap_or_default().iter();
            let merged = merged.fold((at, end), |all, of| (all.0.min(of.0), all.1.max(of.1)));
            self.pieces.splice(first..last.max(first), [merged]);
            return false;
        }
        self.have = self.have.max(end);
        if !self.pieces.is_empty() {
            let joined = self.pieces.iter().take_while(|piece| piece.0 <= self.have);
            let (count, to) = joined.fold((0, self.have), |(count, to), piece| (count + 1, to.max(piece.1)));
            // A later piece may have come to touch.
            self.have = to;
            self.pieces.drain(..count);
            if count > 0 && self.pieces.first().is_some_and(|piece| piece.0 <= to) {
                return self.take(to, to);
            }
        }
        self.have >= self.end
    }
}
