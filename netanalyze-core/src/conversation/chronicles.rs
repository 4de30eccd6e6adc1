//! The chronicles of a shard's TCP conversations, while somebody wants diagnoses: those of which there may be something to tell.
//!
//! What closed without anything to tell is dropped at once; of it only what its server's other connections are compared with stays, in a [`Census`].

use std::hint::black_box;

use super::packet::TcpPacket;
use super::services::Census;
use super::tcp::TcpConversation;
use crate::model::limits::MAX_SERVICES;
use crate::model::{Direction, Timestamp};
use crate::tcp::{Chronicle, Draft, Passing, Patience, Segment, Spare, Taken, Verdict, Wire};

/// What is kept of a conversation.
#[derive(Debug, Default)]
enum Kept {
    /// Nothing is to be told of it, or it was forgotten, or there is none.
    #[default]
    Nothing,
    /// It began at this time, maybe with a packet that an error quotes.
    Begun(Timestamp),
    /// So far it is ordinary.
    Draft(Box<Draft>),
    Chronicle(Box<Chronicle>),
}

impl Kept {
    /// Bytes that it takes, its place included, and how many it took when it was last asked.
    fn weigh(&mut self) -> (usize, usize) {
        match self {
            Kept::Nothing => (0, 0),
            Kept::Begun(_) => (BESIDE, BESIDE),
            Kept::Draft(draft) => (BESIDE + draft.heap(), BESIDE + draft.heap()),
            Kept::Chronicle(chronicle) => {
                let (now, before) = chronicle.weigh();
                (BESIDE + now, BESIDE + before)
            }
        }
    }
}

/// Bytes of one's place in the table, and of what is put together of it at the capture's end: its place among all, its server and its client in their tables, a
/// case. So many that a flood of SYNs, where all of them are needed for each, stays below the limit.
const BESIDE: usize = size_of::<Kept>() + 320;

/// See the head of the module.
#[derive(Debug, Default)]
pub(super) struct Chronicles {
    /// By the conversation's index in the shard.
    kept: Vec<Kept>,
    census: Census,
    bytes: usize,
}

impl Chronicles {
    /// A conversation begins at an index.
    pub(super) fn begin(&mut self, index: u32, time: Timestamp) {
        let index = index as usize;
        if self.kept.len() <= index {
            self.kept.resize_with(index + 1, Kept::default);
        }
        if let Some(place) = self.kept.get_mut(index) {
            let before = std::mem::replace(place, Kept::Begun(time)).weigh().1;
            self.bytes = self.bytes.saturating_add(BESIDE).saturating_sub(before);
        }
    }

    /// Touches what is kept of a conversation, so that it is on its way from memory while the analysis is at the packet.
    #[inline(always)]
    pub(super) fn ask_ahead(&self, index: u32) {
        if let Some(Kept::Draft(draft)) = self.kept.get(index as usize) {
            black_box(draft.is_flowing());
        }
    }

    /// Takes a plain packet of a conversation, if it does no more than go on in a draft.
    #[inline(always)]
    pub(super) fn go_on(
        &mut self,
        index: u32,
        direction: Direction,
        segment: &Segment<'_>,
        passing: &Passing,
        patience: &Patience,
    ) -> bool {
        match self.kept.get_mut(index as usize) {
            Some(Kept::Draft(draft)) => draft.go_on(direction, segment, passing, patience),
            _ => false,
        }
    }

    /// Takes any other packet of it.
    #[inline(never)]
    pub(super) fn note(
        &mut self,
        (index, conversation): (u32, &TcpConversation),
        packet: &TcpPacket,
        segment: &Segment<'_>,
        seen: (&Verdict, &Passing),
        (wire, patience, spare): (&dyn Wire, &Patience, &mut Spare),
    ) {
        let Some(place) = self.kept.get_mut(index as usize) else { return };
        match place {
            Kept::Nothing => {}
            Kept::Draft(draft) => {
                let before = draft.heap();
                let scales = conversation.connection.scales();
                let taken = draft.take(packet.direction, segment, seen, scales, wire, patience);
                if taken == Taken::Kept {
                    self.bytes = self.bytes.saturating_add(draft.heap()).saturating_sub(before);
                    return;
                }
                self.bytes = self.bytes.saturating_sub(before);
                let after = match taken {
                    Taken::Over => {
                        let brief = draft.brief((packet.direction, segment.time));
                        self.census.add(conversation.key(), &brief, MAX_SERVICES);
                        self.bytes = self.bytes.saturating_sub(BESIDE);
                        Kept::Nothing
                    }
                    _ => {
                        let mut chronicle = draft.chronicle(patience);
                        self.bytes = self.bytes.saturating_add(chronicle.weigh().0);
                        Kept::Chronicle(chronicle)
                    }
                };
                if let Kept::Draft(draft) = std::mem::replace(place, after) {
                    spare.keep(draft);
                }
                self.tell((index, conversation), packet.direction, segment, seen, (wire, patience));
            }
            Kept::Begun(time) => {
                let first = *time;
                let seen_first = (first == segment.time).then_some((seen.0, seen.1, wire));
                let draft = seen_first.and_then(|seen| Draft::begin(spare, packet.direction, segment, seen));
                let is_draft = draft.is_some();
                *place = match draft {
                    Some(draft) => Kept::Draft(draft),
                    None => Kept::Chronicle(Chronicle::new(first)),
                };
                let bytes = place.weigh().0;
                self.bytes = self.bytes.saturating_add(bytes).saturating_sub(BESIDE);
                if !is_draft {
                    self.tell((index, conversation), packet.direction, segment, seen, (wire, patience));
                }
            }
            Kept::Chronicle(_) => {
                self.tell((index, conversation), packet.direction, segment, seen, (wire, patience));
            }
        }
    }

    /// Tells a chronicle of a packet.
    fn tell(
        &mut self,
        (index, conversation): (u32, &TcpConversation),
        direction: Direction,
        segment: &Segment<'_>,
        seen: (&Verdict, &Passing),
        (wire, patience): (&dyn Wire, &Patience),
    ) {
        let Some(place) = self.kept.get_mut(index as usize) else { return };
        let Kept::Chronicle(chronicle) = place else { return };
        let Some(is_over) = chronicle.note(direction, segment, seen, wire, patience) else { return };
        let (now, before) = chronicle.weigh();
        self.bytes = self.bytes.saturating_add(now).saturating_sub(before);
        if is_over {
            self.census.add(conversation.key(), &chronicle.brief(), MAX_SERVICES);
            *place = Kept::Nothing;
            self.bytes = self.bytes.saturating_sub(now + BESIDE);
        }
    }

    /// A conversation is forgotten.
    pub(super) fn forget(&mut self, index: u32) {
        if let Some(place) = self.kept.get_mut(index as usize) {
            let (_, before) = std::mem::take(place).weigh();
            self.bytes = self.bytes.saturating_sub(before);
        }
    }

    /// Bytes that they take, as of the last segment of each that did more than go on. Nothing here may depend on indices, which depend on where batches
    /// end: it decides what is forgotten.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that are left, by index; and what is known of servers by connections that were dropped.
    pub(super) fn finish(
        &mut self,
        patience: Option<Patience>,
    ) -> (impl Iterator<Item = (u32, Box<Chronicle>)> + use<>, Census) {
        let kept = (0..).zip(std::mem::take(&mut self.kept));
        let told = kept.filter_map(move |(index, kept)| match kept {
            Kept::Nothing => None,
            Kept::Begun(time) => Some((index, Chronicle::new(time))),
            Kept::Draft(draft) => patience.map(|patience| (index, draft.chronicle(&patience))),
            Kept::Chronicle(chronicle) => Some((index, chronicle)),
        });
        // Those that were dropped came in frame order: what the cap leaves out of them is settled before others come by their indices.
        self.census.settle(MAX_SERVICES);
        (told, std::mem::take(&mut self.census))
    }
}
