//! Stream numbers: conversations in the order of their first frame, TCP and UDP counted apart, as Wireshark numbers them.
//!
//! Shards run apart, so a conversation gets its number only after every shard has seen the batch. The numbers are kept here, four bytes a
//! conversation, because later batches are already in the shards by then.

use super::SHARDS;
use super::key::FlowKey;
use super::shard::ConversationRef;

/// A conversation that a batch brought up, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewConversation {
    /// Frame, as an index into the batch.
    pub frame_index: u32,
    /// Position among the frame's layers.
    pub ordinal: u16,
    /// Which conversation.
    pub reference: ConversationRef,
    /// Its endpoints.
    pub key: FlowKey,
}

impl NewConversation {
    /// Fills room for those to come.
    pub(crate) const BLANK: NewConversation =
        NewConversation { frame_index: 0, ordinal: 0, reference: ConversationRef::NONE, key: FlowKey::NONE };
}

/// The stream numbers of one protocol.
#[derive(Debug)]
pub(crate) struct Numbering {
    next: u32,
    /// Numbers given to nothing that has packets of its own.
    unused: u32,
    by_shard: Vec<Vec<u32>>,
}

impl Default for Numbering {
    fn default() -> Self {
        Numbering { next: 0, unused: 0, by_shard: vec![Vec::new(); SHARDS] }
    }
}

impl Numbering {
    /// Numbers the new conversations of a batch; [`ConversationRef::NONE`] uses up a number. `new` is sorted in place into frame order.
    pub(crate) fn assign(&mut self, new: &mut [NewConversation]) {
        new.sort_unstable_by_key(|n| (n.frame_index, n.ordinal));
        for conversation in new {
            let ConversationRef { shard, index } = conversation.reference;
            if let Some(numbers) = self.by_shard.get_mut(shard as usize) {
                let index = index as usize;
                if numbers.len() <= index {
                    numbers.resize(index + 1, u32::MAX);
                }
                if let Some(number) = numbers.get_mut(index) {
                    *number = self.next;
                }
            } else {
                self.unused = self.unused.saturating_add(1);
            }
            self.next = self.next.saturating_add(1);
        }
    }

    /// The stream number of a conversation of this or an earlier batch.
    #[must_use]
    pub(crate) fn stream(&self, reference: ConversationRef) -> Option<u32> {
        let numbers = self.by_shard.get(reference.shard as usize)?;
        numbers.get(reference.index as usize).copied().filter(|&n| n != u32::MAX)
    }

    /// How many numbers were given.
    pub(super) fn given(&self) -> u32 {
        self.next
    }

    /// Conversations that are still kept, in the order of their numbers.
    pub(super) fn order(&self, is_kept: impl Fn(ConversationRef) -> bool) -> Vec<(u32, ConversationRef)> {
        let known: usize = self.by_shard.iter().map(Vec::len).sum();
        let all = self.by_shard.iter().enumerate().flat_map(|(shard, numbers)| {
            let reference = move |index: usize| ConversationRef { shard: shard as u8, index: index as u32 };
            numbers.iter().enumerate().map(move |(index, &number)| (number, reference(index)))
        });
        let all = all.filter(|&(number, reference)| number != u32::MAX && is_kept(reference));
        if self.next as usize / 2 > known {
            // Most were forgotten.
            let mut order: Vec<_> = all.collect();
            order.sort_unstable_by_key(|&(number, _)| number);
            return order;
        }
        // Each at its place at once, then without gaps.
        let mut order = vec![(u32::MAX, ConversationRef::NONE); self.next as usize];
        for (number, reference) in all {
            if let Some(place) = order.get_mut(number as usize) {
                *place = (number, reference);
            }
        }
        order.retain(|&(number, _)| number != u32::MAX);
        order
    }

    /// How many conversations there are.
    #[must_use]
    pub(crate) fn count(&self) -> u32 {
        self.next - self.unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_first_frames_not_shards() {
        let mut numbering = Numbering::default();
        let at = |frame_index, ordinal, shard, index| NewConversation {
            frame_index,
            ordinal,
            reference: ConversationRef { shard, index },
            key: FlowKey::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), (1, 2)).0,
        };
        numbering.assign(&mut [at(5, 0, 0, 0), at(2, 1, 0, 1), at(2, 0, 63, 0)]);
        numbering.assign(&mut [at(0, 0, 7, 0)]);
        let stream = |shard, index| numbering.stream(ConversationRef { shard, index });
        assert_eq!(
            [stream(63, 0), stream(0, 1), stream(0, 0), stream(7, 0)],
            [Some(0), Some(1), Some(2), Some(3)]
        );
        assert_eq!(numbering.stream(ConversationRef::NONE), None);
        assert_eq!(numbering.count(), 4);
    }

    #[test]
    fn the_order_of_what_is_kept_is_that_of_the_numbers() {
        let mut numbering = Numbering::default();
        let key = FlowKey::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), (1, 2)).0;
        let mut expected = std::collections::BTreeMap::new();
        // Indices are used again and again, a number is given to nothing now and then.
        for frame_index in 0..5_000_u32 {
            let shard = (frame_index * 7 % 64) as u8;
            let index = frame_index * 5 % 11;
            let none = frame_index % 97 == 3;
            let reference = if none { ConversationRef::NONE } else { ConversationRef { shard, index } };
            numbering.assign(&mut [NewConversation { frame_index: 0, ordinal: 0, reference, key }]);
            if !none {
                expected.insert((shard, index), frame_index);
            }
            if frame_index > 0 && frame_index % 500 != 0 {
                continue;
            }
            for is_kept in [|_| true, |of: ConversationRef| of.index % 3 != 1] {
                let mut of: Vec<(u32, ConversationRef)> = expected
                    .iter()
                    .map(|(&(shard, index), &number)| (number, ConversationRef { shard, index }))
                    .filter(|&(_, reference)| is_kept(reference))
                    .collect();
                of.sort_unstable_by_key(|&(number, _)| number);
                assert_eq!(numbering.order(is_kept), of, "{frame_index}");
            }
        }
    }
}
