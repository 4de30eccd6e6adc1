//! Exchanges of HTTP that went well, where only diagnoses are made of messages: so many that they are kept in few bytes, apart from messages.

use super::object::Ends;
use crate::conversation::ConversationRef;
use crate::model::{FrameNumber, Timestamp};

/// One of them, which is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordinary {
    /// The frame with which it was over, and the position of the transport header in it.
    pub(crate) frame: FrameNumber,
    pub(crate) ordinal: u16,
    /// Messages that the same header said before it.
    pub(crate) behind: u16,
    pub(crate) conversation: ConversationRef,
    /// Their stream number is assigned later.
    pub(crate) ends: Ends,
    pub(crate) times: Times,
}

/// When its request began, and its response; and when that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) asked: Timestamp,
    pub(crate) answered: Timestamp,
    pub(crate) done: Timestamp,
}

/// Those of a batch.
#[derive(Debug, Default)]
pub(crate) struct OrdinaryExchanges {
    all: Vec<Ordinary>,
    /// In order of frames and headers: the place, and in the lowest 32 bits the index. One number compares faster than two.
    order: Vec<u128>,
}

impl Ordinary {
    /// Where it was said, frames before headers.
    fn place(&self) -> u64 {
        place(self.frame, self.ordinal)
    }

    /// Whether it was said before the message behind so many others of the header at a place.
    pub(super) fn is_before(&self, place: u64, messages: u16) -> bool {
        (self.place(), self.behind) <= (place, messages)
    }
}

/// The place of a header among all.
pub(super) fn place(frame: FrameNumber, ordinal: u16) -> u64 {
    frame.0 << 16 | u64::from(ordinal)
}

impl OrdinaryExchanges {
    /// None any more; their memory stays.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.order.clear();
    }

    /// One more.
    pub(crate) fn push(&mut self, exchange: Ordinary) {
        self.all.push(exchange);
    }

    /// All of them, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Ordinary> {
        self.all.iter_mut()
    }

    /// Finds their order: they came in that of shards. They themselves stay where they are.
    pub(crate) fn sort(&mut self) {
        self.order.clear();
        let places = self.all.iter().map(|exchange| u128::from(exchange.place()) << 32);
        // What one header said has rising indices.
        self.order.extend(places.zip(0..).map(|(place, index): (u128, u32)| place | u128::from(index)));
        self.order.sort_unstable();
    }

    /// All of them, in the order that [`Self::sort`] found.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Ordinary> {
        self.order.iter().filter_map(|&place| self.all.get(place as u32 as usize))
    }
}
