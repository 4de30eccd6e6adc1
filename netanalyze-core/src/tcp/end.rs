//! What is known of one end for the connection's state: which of its sequence numbers were captured, and what it acknowledged.

use super::compact::Coder;
use super::coverage::{Coverage, Holes};
use super::segment::{Scope, Segment};
use super::{Flags, sequence::after};

/// One end.
#[derive(Debug, Default)]
pub(super) struct End {
    coverage: Coverage,
    holes: Option<Box<Holes>>,
    packets: u32,
    ack: u32,
    /// It acknowledged something twice, with different numbers.
    ack_advanced: bool,
    /// It acknowledged something outside of a SYN-ACK.
    sent_ack: bool,
}

/// What a segment brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brought {
    /// Data, or an acknowledgement of something, for the first time.
    pub(super) news: bool,
    /// Payload bytes that were captured before.
    pub(super) repeated: u32,
    /// Its data does not follow what was captured before.
    pub(super) out_of_place: bool,
    /// After the highest sequence number that its sender has sent.
    pub(super) top: u32,
}

impl End {
    /// Takes a segment that this end sent, of which `found` was flagged.
    #[inline(always)]
    pub(super) fn book(&mut self, segment: &Segment<'_>, found: Flags) -> Brought {
        let flags = segment.flags;
        self.packets = self.packets.saturating_add(1);
        if segment.scope != Scope::Full || flags.rst() {
            return Brought::default();
        }
        let mut brought = self.cover(segment, found);
        if flags.ack() {
            let advances = self.ack != segment.ack && self.ack != 0;
            self.ack_advanced |= advances;
            self.sent_ack |= !flags.syn();
            self.ack = segment.ack;
            brought.news |= advances;
        }
        brought
    }

    #[inline(always)]
    fn cover(&mut self, segment: &Segment<'_>, found: Flags) -> Brought {
        let &Segment { flags, len, .. } = segment;
        let mut start = segment.seq;
        if flags.syn() {
            start = start.wrapping_add(1);
            if self.coverage.top().is_none() || found.has(Flags::REUSED_PORTS) {
                self.coverage.synchronise(start);
            }
        }
        if !flags.fin() && self.coverage.append(start, len, &mut self.holes) {
            return Brought { news: len > 0, top: start.wrapping_add(len), ..Brought::default() };
        }
        self.cover_elsewhere(start, len, flags.fin())
    }

    /// A segment that does not continue what was captured, or ends the stream.
    #[cold]
    fn cover_elsewhere(&mut self, start: u32, len: u32, fin: bool) -> Brought {
        let before = self.coverage.top();
        let new = self.coverage.add(start, len, &mut self.holes);
        if fin {
            self.coverage.finish(start.wrapping_add(len), &mut self.holes);
        }
        Brought {
            news: new > 0,
            repeated: len - new.min(len),
            out_of_place: len > 0 && before.is_some_and(|top| top != start),
            top: self.coverage.top().unwrap_or(start),
        }
    }

    pub(super) fn packets(&self) -> u32 {
        self.packets
    }

    /// After the highest sequence number that it sent, a FIN included.
    pub(super) fn top(&self) -> Option<u32> {
        self.coverage.top()
    }

    pub(super) fn has_acknowledged(&self) -> bool {
        self.sent_ack
    }

    /// Whether bytes that it sent were not captured: none of its packets was, or its peer has acknowledged more than they show.
    pub(super) fn misses(&self, peer: &End) -> bool {
        // One number more may be a FIN.
        let beyond = |top: u32| after(peer.ack, top.wrapping_add(1));
        self.packets == 0 || peer.sent_ack && self.top().is_some_and(beyond)
    }

    /// What it acknowledged last.
    pub(super) fn acked(&self) -> Option<u32> {
        (self.ack != 0).then_some(self.ack)
    }

    pub(super) fn ack_advanced(&self) -> bool {
        self.ack_advanced
    }

    /// Bytes that were never captured, below the highest captured number.
    pub(super) fn missing_bytes(&self) -> u64 {
        self.holes.as_ref().map_or(0, |holes| holes.bytes())
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.holes.as_ref().map_or(0, |holes| size_of::<Holes>() + holes.heap())
    }

    /// Goes over its fields. Its sequence numbers and its peer's lie near their bases.
    pub(super) fn code<C: Coder>(&mut self, c: &mut C, base: u32, peer_base: u32) {
        let End { coverage, holes, packets, ack, ack_advanced, sent_ack } = self;
        c.u32(packets);
        if *packets == 0 {
            *self = End::default();
            return;
        }
        let mut has_holes = holes.is_some();
        coverage.code(c, base, [&mut has_holes, ack_advanced, sent_ack]);
        if has_holes {
            holes.get_or_insert_default().code(c, base);
        } else {
            *holes = None;
        }
        c.u32_from(ack, peer_base);
    }
}

/// Acknowledgements that give no round-trip time, because what they answer is ambiguous.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taint {
    up_to: u32,
    is_set: bool,
}

impl Taint {
    /// Nothing up to here gives a sample.
    #[inline]
    pub(super) fn set(&mut self, up_to: u32) {
        (self.up_to, self.is_set) = (up_to, true);
    }

    /// Whether an acknowledgement answers something unambiguous; from then on everything after it does.
    #[inline]
    pub(super) fn is_over(&mut self, ack: u32) -> bool {
        self.is_set &= !after(ack, self.up_to);
        !self.is_set
    }

    pub(super) fn code<C: Coder>(&mut self, c: &mut C, base: u32) {
        let Taint { up_to, is_set } = self;
        c.u32_from(up_to, base);
        c.bits([is_set]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameNumber, Timestamp};
    use crate::tcp::segment::TcpFlags;

    fn segment(flags: TcpFlags, seq: u32, len: u32, ack: u32) -> Segment<'static> {
        Segment {
            frame: FrameNumber(1),
            time: Timestamp(0),
            seq,
            ack,
            len,
            window: 9,
            flags,
            header_len: 20,
            header_captured: 20,
            urgent_pointer: false,
            scope: Scope::Full,
            options: None,
        }
    }

    #[test]
    fn what_was_acknowledged_and_not_captured_is_missing() {
        let syn_ack = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
        // Around the wrap of sequence numbers, too.
        for first in [1_000, u32::MAX - 30] {
            let at = |offset: u32| first.wrapping_add(offset);
            let (mut client, mut server) = (End::default(), End::default());
            assert!(client.misses(&server), "nothing was captured of it");
            client.book(&segment(TcpFlags::SYN, 77, 0, 0), Flags::NONE);
            assert!(!client.misses(&server) && server.misses(&client));
            server.book(&segment(syn_ack, first.wrapping_sub(1), 0, 78), Flags::NONE);
            for (ack, is_missing) in [(0, false), (1, false), (2, true), (90, true)] {
                client.book(&segment(TcpFlags::ACK, 78, 0, at(ack)), Flags::NONE);
                assert_eq!(server.misses(&client), is_missing, "{first}: {ack}");
                assert!(!client.misses(&server));
            }
            server.book(&segment(TcpFlags::ACK, first, 90, 78), Flags::NONE);
            assert!(!server.misses(&client), "it came later");
            // The acknowledgement of a SYN-ACK says nothing of data, and a reset's none at all.
            client.book(&segment(TcpFlags::RST, 78, 0, at(900)), Flags::NONE);
            assert!(!server.misses(&client));
        }
    }
}
