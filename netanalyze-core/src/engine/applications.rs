//! What applications say, and the findings of it.

use super::tally::Tally;
use super::{Depth, Interests};
use crate::capture::Batch;
use crate::conversation::{At, ConversationRef, FlowKey, KindsSeen, Met, Protocol};
use crate::diagnosis::{Ends, Ordinary, OrdinaryExchanges, in_brief};
use crate::expert::{CHAT, Detail, Finding, KindId, KindSet, application_findings};
use crate::field::CompletedDatagram;
use crate::protocol::message::{Limit, Message, Messages, Said};
use crate::protocol::stream::Moment;

impl Interests {
    /// Tells decoders what is wanted of them.
    pub(super) fn tell(&self, out: &mut Messages) {
        out.every = self.applications == Depth::All;
        out.terse = self.applications <= Depth::Diagnoses && !self.kinds.contains(CHAT);
    }
}

/// Where something was said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken {
    pub(super) protocol: Protocol,
    pub(super) reference: ConversationRef,
    pub(super) key: FlowKey,
    pub(super) now: Moment,
    pub(super) ordinal: u16,
}

impl Spoken {
    /// A message with where it was said. Its stream number is assigned later.
    pub(super) fn met(&self, said: Said) -> Met {
        let Said { from, message, aside } = said;
        let (source, destination) = self.key.endpoints(message.client().unwrap_or(from));
        Met {
            frame: self.now.frame,
            time: self.now.time,
            ordinal: self.ordinal,
            protocol: self.protocol,
            stream: None,
            source,
            destination,
            conversation: self.reference,
            message,
            aside,
        }
    }
}

/// What was said in a batch, in the order of shards.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Said by the application at hand.
    pub(super) out: Messages,
    pub(super) met: Vec<Met>,
    pub(super) ordinary: OrdinaryExchanges,
}

impl Heard {
    /// Makes findings of what was said, and keeps it if it is wanted.
    #[inline(never)]
    pub(super) fn take(
        &mut self,
        spoken: &Spoken,
        seen: &mut KindsSeen,
        interests: &Interests,
        tally: &mut Tally,
        findings: &mut Vec<Finding>,
    ) {
        let Heard { out, met, ordinary } = self;
        take(out, (met, Some(ordinary)), spoken, seen, interests, tally, findings);
    }
}

/// As [`Heard::take`]. Without a list of them, exchanges that went well are messages like all others.
pub(super) fn take(
    out: &mut Messages,
    (met, mut ordinary): (&mut Vec<Met>, Option<&mut OrdinaryExchanges>),
    spoken: &Spoken,
    seen: &mut KindsSeen,
    interests: &Interests,
    tally: &mut Tally,
    findings: &mut Vec<Finding>,
) {
    let &Spoken { protocol, reference, key, now, ordinal } = spoken;
    let before = met.len();
    for _ in 0..out.take_left_out() {
        let bit = 1u128 << CHAT.0;
        tally.kinds(KindSet(bit), KindSet(bit & !seen.bits()), now.frame);
        seen.add(bit);
    }
    for limit in out.take_hits() {
        tally.limit(limit, now.frame);
    }
    for Said { from, message, aside } in out.drain_said() {
        let (source, destination) = key.endpoints(from);
        tally.transactions.add(&message, &interests.thresholds);
        if let Message::Handshake(handshake) = &message {
            tally.fits_secrets |= handshake.has_secrets;
        }
        if let Message::Exchange(exchange) = &message
            && exchange.over_limit
        {
            tally.limit(Limit::HttpHead, exchange.start().map_or(now.frame, |moment| moment.frame));
        }
        let mut found = |kind: KindId, about: Option<Moment>, detail: &dyn Fn() -> Detail| {
            let bit = 1u128 << kind.0;
            let first_of_conversation = seen.bits() & bit == 0;
            let about = about.unwrap_or(now);
            tally.kinds(KindSet(bit), KindSet(if first_of_conversation { bit } else { 0 }), about.frame);
            seen.add(bit);
            if interests.kinds.contains(kind) {
                findings.push(Finding {
                    kind,
                    frame: about.frame,
                    known_at: now.frame,
                    ordinal,
                    time: about.time,
                    protocol: Some(protocol),
                    stream: None,
                    source,
                    destination,
                    detail: detail(),
                    first_of_conversation,
                    conversation: reference,
                });
            }
        };
        application_findings(&message, &interests.thresholds, &mut found);
        let wanted = match interests.applications {
            Depth::All => true,
            Depth::Diagnoses | Depth::Transactions => message.is_transaction(),
            Depth::None | Depth::Findings => false,
        };
        if interests.applications == Depth::Diagnoses
            && let Message::Exchange(exchange) = &message
            && let (Some(limits), Some(ordinary)) = (&interests.diagnoses, &mut ordinary)
            && let Some(times) = in_brief(exchange, now.time, limits)
        {
            let (client, server) = key.endpoints(exchange.client);
            let behind = u16::try_from(met.len() - before).unwrap_or(u16::MAX);
            let ends = Ends { client, server, protocol, stream: None };
            ordinary.push(Ordinary {
                frame: now.frame,
                ordinal,
                behind,
                conversation: reference,
                ends,
                times,
            });
        } else if wanted {
            met.push(spoken.met(Said { from, message, aside }));
        }
    }
}

/// Bytes of a packet from `skip` bytes behind its transport header's first byte on, at most `len`.
#[inline]
pub(super) fn payload<'b>(
    batch: &'b Batch,
    datagrams: &'b [CompletedDatagram],
    (frame_index, slot): (u32, u32),
    at: At,
    skip: u32,
    len: u32,
) -> &'b [u8] {
    let whole = if at.is_in_datagram() {
        let of_frame = datagrams.iter().filter(|d| d.frame_index == frame_index && d.first_slot <= slot);
        of_frame.max_by_key(|d| d.first_slot).map_or(&[][..], |d| &d.datagram.payload)
    } else {
        batch.frames.get(frame_index as usize).map_or(&[][..], |raw| batch.frame_bytes(raw))
    };
    let start = at.offset().saturating_add(skip as usize);
    let bytes = whole.get(start..).unwrap_or_default();
    bytes.get(..len as usize).unwrap_or(bytes)
}
