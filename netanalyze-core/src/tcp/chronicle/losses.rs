//! What was sent again because it was lost, counted.

use super::Frames;
use super::chain::Chain;
use crate::model::{FrameNumber, Span, Timestamp};

/// What was sent again because it was lost, as far as is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    pub(crate) fast: u32,
    pub(crate) probes: u32,
    pub(crate) timeouts: u32,
    pub(crate) others: u32,
    /// Frames that were sent again, of whatever sort.
    pub(crate) frames: Frames,
    /// Timeouts behind which what was sent again got through, the time lost in them, and the longest of them with its frame. Where nothing got through any
    /// more, nobody was held up until it did.
    pub(crate) repaired: u32,
    pub(crate) timeout_frames: Frames,
    pub(crate) timeout_wait: Span,
    pub(crate) longest_timeout: (Span, FrameNumber),
    /// Episodes of loss: all that is sent again within a round trip is one.
    pub(crate) events: u32,
    pub(super) last_event: Option<Timestamp>,
    /// Lost behind the tap, because the capture holds the first copy; lost before it.
    pub(crate) behind: u32,
    pub(crate) behind_frames: Frames,
    pub(crate) before: u32,
    pub(crate) before_frames: Frames,
}

/// How many different segments there were, told apart by where they end; exact as long as copies of one are not too far apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Distinct {
    /// The latest of them.
    ends: [Option<u32>; ENDS],
    count: u32,
}

/// Ends that are remembered.
const ENDS: usize = 8;

impl Distinct {
    /// A segment that ends at a number.
    pub(super) fn add(&mut self, end: u32) {
        if !self.ends.contains(&Some(end)) {
            if let Some(place) = self.ends.get_mut(self.count as usize % ENDS) {
                *place = Some(end);
            }
            self.count = self.count.saturating_add(1);
        }
    }

    /// All of those, too.
    pub(super) fn merge(&mut self, others: Distinct) {
        let known = others.ends.iter().flatten();
        self.count = self.count.saturating_add(others.count.saturating_sub(known.clone().count() as u32));
        known.for_each(|&end| self.add(end));
    }

    pub(crate) fn count(self) -> u32 {
        self.count
    }
}

impl Losses {
    /// Something got through behind timeouts.
    pub(crate) fn repaired_by(&mut self, chain: &Chain) {
        self.repaired = self.repaired.saturating_add(chain.count);
        self.timeout_wait = Span(self.timeout_wait.0.saturating_add(chain.waited.0));
        chain.frames.iter().for_each(|frame| self.timeout_frames.push(frame));
        if chain.longest.0 > self.longest_timeout.0 {
            self.longest_timeout = chain.longest;
        }
    }
}
