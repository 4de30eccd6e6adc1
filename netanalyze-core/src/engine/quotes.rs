//! What ICMP errors quote: the conversation that it belongs to, and what can be shown of its payload.

use super::applications::{Heard, Spoken};
use super::control::{ControlList, Telling};
use crate::capture::Batch;
use crate::conversation::{FlowKey, Protocol, Shard};

/// The beginning of a TCP header that is too short to take part in its conversation. Routers need not quote more than 8 bytes (RFC 792).
#[derive(Clone, Copy, Debug)]
pub(super) struct ShortQuote {
    pub(super) key: FlowKey,
    pub(super) hash: u32,
    pub(super) frame_index: u32,
    pub(super) ordinal: u16,
    pub(super) slot: u32,
}

impl ShortQuote {
    /// Whether it comes before a place in the batch.
    fn is_before(&self, place: (u32, u16)) -> bool {
        (self.frame_index, self.ordinal) < place
    }
}

/// Finds the conversations of the quotes that come before `place`, if they are known; changes none. Returns those after it.
#[cold]
pub(super) fn take_short<'q>(
    quotes: &'q [ShortQuote],
    place: (u32, u16),
    batch: &Batch,
    control: &mut ControlList,
    shard: &mut Shard,
    telling: &mut Telling<'_>,
) -> &'q [ShortQuote] {
    let count = quotes.iter().take_while(|quote| quote.is_before(place)).count();
    let (now, later) = quotes.split_at_checked(count).unwrap_or_default();
    for quote in now {
        let frame = batch.frame_number(quote.frame_index as usize);
        if let Some((conversation, reference)) = shard.known_tcp(quote.hash, &quote.key, frame) {
            let mut seen = conversation.kinds_seen();
            let place = (quote.frame_index, quote.slot);
            control.tell(batch, place, (Protocol::Tcp, reference), &mut seen, telling);
            conversation.add_kinds(seen.bits());
        }
    }
    later
}

/// Keeps the messages of a quoted payload for rows. They were sent in another packet, if ever: nothing is found in them, no transaction comes of them.
pub(super) fn keep(heard: &mut Heard, spoken: &Spoken) {
    let said = heard.out.drain_said().filter(|said| !said.message.is_transaction());
    heard.met.extend(said.map(|said| spoken.met(said)));
}
