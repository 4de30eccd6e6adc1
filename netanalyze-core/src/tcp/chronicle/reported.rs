//! What the other end reports to hold beyond its acknowledgement (RFC 2018): by itself no trouble, packets that overtake each other make it, too.

use super::super::sequence::{after, at_or_before, before};
use crate::packet::tcp_option::SackBlock;

/// See the head of the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    /// The latest SACK blocks.
    blocks: [Option<SackBlock>; 4],
    /// One of them lies behind what is acknowledged.
    is_open: bool,
    /// The last gap below them that filled by itself.
    filled: Option<(u32, u32)>,
}

impl Reported {
    /// Takes what it says to hold now.
    pub(super) fn hold(&mut self, blocks: &[SackBlock]) {
        self.is_open = true;
        self.blocks = [None; 4];
        self.blocks.iter_mut().zip(blocks).for_each(|(place, block)| *place = Some(*block));
    }

    /// Whether it said that it holds all of a segment.
    pub(super) fn holds(&self, start: u32, end: u32) -> bool {
        let within = |block: &SackBlock| !before(start, block.left) && !after(end, block.right);
        self.blocks.iter().flatten().any(within)
    }

    /// Whether a number lies in the last gap that filled by itself.
    pub(super) fn filled_itself(&self, seq: u32) -> bool {
        self.filled.is_some_and(|(from, to)| at_or_before(from, seq) && before(seq, to))
    }

    /// An acknowledgement moves on from a number: notices a gap below the blocks that nobody filled by sending it again. `resent` is what was sent again
    /// lately, from the first of it to the last.
    #[inline]
    pub(super) fn acknowledged(&mut self, moves: (u32, u32), resent: Option<(u32, u32)>) {
        if self.is_open {
            self.settle(moves, resent);
        }
    }

    fn settle(&mut self, (una, ack): (u32, u32), resent: Option<(u32, u32)>) {
        let lefts = || self.blocks.iter().flatten().map(|block| block.left);
        let reached = lefts().filter(|&left| after(left, una) && at_or_before(left, ack));
        let end = reached.reduce(|first, other| if before(other, first) { other } else { first });
        self.is_open = lefts().any(|left| after(left, ack));
        if let Some(end) = end
            && !resent.is_some_and(|(from, to)| before(from, end) && after(to, una))
        {
            self.filled = Some((una, end));
        }
    }
}
