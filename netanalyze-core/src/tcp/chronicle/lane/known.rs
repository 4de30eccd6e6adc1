//! What is known of a direction.

use super::super::end_of;
use super::super::reported::Reported;
use super::{Lane, NEAR};
use crate::model::{Span, Timestamp};
use crate::tcp::segment::Segment;
use crate::tcp::sequence::after;

/// Payload that fits through every path, whatever options come with it (RFC 791: 576 bytes, less two headers and 40 bytes of options).
const ALWAYS_FITS: u32 = 496;

impl Lane {
    /// Something was sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> bool {
        self.begun && self.acked && after(self.next, self.una)
    }

    /// Acknowledgements that repeated the last one while something was outstanding.
    pub(crate) fn duplicate_acks(&self) -> u8 {
        self.duplicate_acks
    }

    /// Acknowledgements of what was not captured until then, if at all: the capture lacks packets, or holds those of one direction too early.
    pub(crate) fn acked_ahead(&self) -> u32 {
        self.acked_ahead
    }

    pub(in crate::tcp::chronicle) fn last_sent(&self) -> Timestamp {
        self.last_sent
    }

    /// How long its sender waited before it sent a segment again: since the copy before, or else since it last sent anything.
    pub(in crate::tcp::chronicle) fn waited(&self, segment: &Segment<'_>) -> Span {
        let copy = self.trouble.as_ref().and_then(|trouble| trouble.chain.last_copy(segment.seq));
        Span(segment.time.since(copy.unwrap_or(self.last_sent)).0.max(0))
    }

    /// Whether a segment begins where the last one with data did, and holds less, although that one fitted into a packet: no sender cuts what it sends again so
    /// small, so these are other bytes.
    pub(in crate::tcp::chronicle) fn is_other_data(&self, segment: &Segment<'_>) -> bool {
        let end = self.next.wrapping_sub(u32::from(self.fin));
        let is_last = segment.seq == end.wrapping_sub(self.last_size);
        is_last
            && segment.len > 0
            && segment.len < self.last_size.min(ALWAYS_FITS)
            && self.last_size <= self.full_size()
            && !self.exceeds_mss(self.last_size)
    }

    /// Whether the other end said that it holds all of a segment.
    pub(in crate::tcp::chronicle) fn is_held(&self, segment: &Segment<'_>) -> bool {
        self.reported.as_ref().is_some_and(|reported| reported.holds(segment.seq, end_of(segment)))
    }

    /// Whether its frames are looked at closely: there was trouble, or the other end reported gaps.
    pub(in crate::tcp::chronicle) fn in_doubt(&self) -> bool {
        self.trouble.is_some() || self.reported.is_some()
    }

    pub(in crate::tcp::chronicle) fn window_is_closed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.zero.is_closed())
    }

    pub(in crate::tcp::chronicle) fn window_is_full(&self) -> bool {
        self.window_full
    }

    pub(crate) fn fin_sent(&self) -> bool {
        self.fin
    }

    /// Its FIN was sent and acknowledged.
    pub(in crate::tcp::chronicle) fn is_closed(&self) -> bool {
        self.fin && self.acked && self.next == self.una
    }

    /// Payload bytes that it sent, each counted once.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Payload of its last segment that had any.
    pub(in crate::tcp::chronicle) fn last_size(&self) -> u32 {
        self.last_size
    }

    pub(crate) fn packets(&self) -> u32 {
        self.packets
    }

    pub(crate) fn data_segments(&self) -> u32 {
        self.data_segments
    }

    /// Largest payload that arrived, and that was sent.
    pub(crate) fn sizes(&self) -> (u32, u32) {
        (self.delivered, self.largest)
    }

    /// Bytes of the largest segment, its header included.
    pub(crate) fn largest_segment(&self) -> u32 {
        self.largest.saturating_add(self.largest_header.into())
    }

    /// Time to live of its packets, if they agree.
    pub(crate) fn usual_ttl(&self) -> Option<u8> {
        (self.packets > 0 && self.ttl_agrees).then_some(self.ttl)
    }

    /// When data was first and last sent.
    pub(crate) fn active(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.first_data?, self.last_data))
    }

    /// Round trips of its transfer, and those in which the window was full.
    pub(crate) fn rounds(&self) -> (u32, u32) {
        (self.rounds, self.full_rounds)
    }

    /// The greatest window that it was given.
    pub(crate) fn greatest_window(&self) -> u32 {
        self.greatest_window
    }

    /// A transfer of some length, over a path on which a full window costs time, filled it.
    pub(crate) fn may_be_window_limited(&self, peer: &Lane) -> bool {
        let long = self.bytes >= 10 * u64::from(self.full_size());
        long && self.rounds >= 3 && self.full_rounds > 0 && self.path_rtt(peer) >= NEAR
    }

    /// Time of its last packet.
    pub(crate) fn last_packet(&self) -> Timestamp {
        self.last_packet
    }

    /// Payload of a full segment.
    pub(crate) fn full_size(&self) -> u32 {
        self.full_size
    }

    /// Larger than the other end takes: the capture shows segments before a network card cut them, or after one joined them.
    pub(in crate::tcp::chronicle) fn exceeds_mss(&self, len: u32) -> bool {
        self.mss.is_some_and(|mss| len > u32::from(mss))
    }

    pub(in crate::tcp::chronicle) fn next(&self) -> Option<u32> {
        self.begun.then_some(self.next)
    }

    pub(in crate::tcp::chronicle) fn acknowledged_to(&self) -> Option<u32> {
        self.acked.then_some(self.una)
    }

    /// What its last data acknowledged.
    pub(in crate::tcp::chronicle) fn last_data_ack(&self) -> u32 {
        self.last_data_ack
    }

    /// The least time from here to who acknowledges this direction's data and back, if any was measured.
    pub(crate) fn least_leg(&self) -> Option<Span> {
        (self.srtt > 0).then_some(Span(self.least_rtt))
    }

    /// Packets without a right checksum, of those that were looked at, if none of these had one; and whether one has the sum that systems leave to the card.
    pub(crate) fn unsummed(&self) -> (u32, bool) {
        if self.sums_right { (0, false) } else { (self.unsummed, self.sums_partly) }
    }

    /// Bytes on the heap.
    pub(in crate::tcp::chronicle) fn heap(&self) -> usize {
        self.copies.heap()
            + self.trouble.as_ref().map_or(0, |trouble| trouble.heap())
            + self.reported.as_ref().map_or(0, |_| size_of::<Reported>())
    }
}
