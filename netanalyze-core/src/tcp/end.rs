//! One end's books: what it sent, and how that fared.

use serde::Serialize;

use super::account::Passing;
use super::analysis::Flags;
use super::coverage::{Coverage, Holes};
use super::rtt::{RoundTrips, RttPlace, RttSummary};
use super::segment::{Scope, Segment};
use super::sequence::after;
use super::state::EndState;
use super::syn_options::{SynOptions, SynSeen};
use super::verdict::Verdict;
use crate::model::{Span, Timestamp};

/// What TCP tells of one end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TcpSide {
    /// The state that this end is in when the capture ends.
    pub state: EndState,
    /// Options of its SYN or SYN-ACK, if that was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syn: Option<SynOptions>,
    /// Payload bytes without those sent again.
    pub unique_bytes: u64,
    /// Payload bytes sent again: at sequence numbers that were captured before.
    pub retransmitted_bytes: u64,
    /// Segments flagged as a retransmission of any kind.
    pub retransmissions: u64,
    /// Segments flagged out of order.
    pub out_of_order: u64,
    /// Segments before which something was missing (`tcp.analysis.lost_segment`).
    pub lost_segments: u64,
    /// Bytes below the highest captured sequence number that were never captured.
    pub missing_bytes: u64,
    /// Duplicate ACKs that this end sent.
    pub duplicate_acks: u64,
    /// Segments with a closed window that this end sent.
    pub zero_windows: u64,
    /// How long its window was closed.
    #[serde(rename = "zero_window_ns")]
    pub zero_window: Span,
    /// The least window that it advertised after its SYN, scaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_min_bytes: Option<u32>,
    /// The most bytes that it had in flight (`tcp.analysis.bytes_in_flight`).
    pub bytes_in_flight_max: u32,
    /// Times from its data, SYN or FIN to their acknowledgement, as seen where the capture was taken.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub rtt: Option<RttSummary>,
}

/// What went wrong in one direction.
#[derive(Debug, Default)]
struct Trouble {
    retransmitted_bytes: u64,
    retransmissions: u32,
    out_of_order: u32,
    lost_segments: u32,
    duplicate_acks: u32,
    zero_windows: u32,
    zero_since: Option<Timestamp>,
    zero_window: Span,
}

/// The figures by which conversations are ranked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Troubles {
    /// As [`TcpSide::retransmissions`].
    pub(crate) retransmissions: u64,
    /// As [`TcpSide::zero_windows`].
    pub(crate) zero_windows: u64,
    /// As [`TcpSide::zero_window`].
    pub(crate) zero_window: Span,
}

/// One end's books.
#[derive(Debug)]
pub(super) struct End {
    wire_bytes: u64,
    payload_bytes: u64,
    coverage: Coverage,
    holes: Option<Box<Holes>>,
    rtt: RttPlace,
    trouble: Option<Box<Trouble>>,
    packets: u32,
    /// Acknowledgements up to here say nothing about the round-trip time.
    tainted_to: u32,
    bytes_in_flight_max: u32,
    window_min: u32,
    ack: u32,
    syn: SynSeen,
    ttl_min: u8,
    ttl_max: u8,
    tainted: bool,
    /// It acknowledged something twice, with different numbers.
    ack_advanced: bool,
    /// It acknowledged something outside of a SYN-ACK.
    acknowledged: bool,
}

impl Default for End {
    fn default() -> Self {
        End {
            wire_bytes: 0,
            payload_bytes: 0,
            coverage: Coverage::default(),
            holes: None,
            rtt: RttPlace::default(),
            trouble: None,
            packets: 0,
            tainted_to: 0,
            bytes_in_flight_max: 0,
            window_min: u32::MAX,
            ack: 0,
            syn: SynSeen::default(),
            ttl_min: u8::MAX,
            ttl_max: 0,
            tainted: false,
            ack_advanced: false,
            acknowledged: false,
        }
    }
}

impl End {
    pub(super) fn window_is_closed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|t| t.zero_since.is_some())
    }

    /// `found` are the verdict's flags. Whether the segment brought data, or acknowledged something for the first time.
    #[inline(always)]
    pub(super) fn book(
        &mut self,
        segment: &Segment<'_>,
        found: Flags,
        verdict: &Verdict,
        passing: Passing,
    ) -> bool {
        let flags = segment.flags;
        self.packets = self.packets.saturating_add(1);
        self.wire_bytes = self.wire_bytes.saturating_add(u64::from(passing.wire_len));
        if passing.ttl < self.ttl_min || passing.ttl > self.ttl_max {
            self.note_ttl(passing.ttl);
        }
        if flags.syn() {
            self.syn = SynSeen::new(segment);
        }
        if segment.scope != Scope::Full || flags.rst() {
            return false;
        }
        let mut news = self.cover(segment, found);
        if !flags.syn() {
            self.advertise(segment, verdict);
        }
        if flags.ack() {
            let advances = self.ack != segment.ack && self.ack != 0;
            self.ack_advanced |= advances;
            self.acknowledged |= !flags.syn();
            self.ack = segment.ack;
            news |= advances;
        }
        if found.intersects(TROUBLE) {
            self.note_trouble(found);
        }
        if let Some(record) = &verdict.analysis {
            self.bytes_in_flight_max = self.bytes_in_flight_max.max(record.bytes_in_flight);
        }
        news
    }

    /// Notes a time to live below or above all others; 0 stands for an unknown one.
    #[cold]
    fn note_ttl(&mut self, ttl: u8) {
        if ttl != 0 {
            self.ttl_min = self.ttl_min.min(ttl);
            self.ttl_max = self.ttl_max.max(ttl);
        }
    }

    /// Whether there was new data.
    #[inline(always)]
    fn cover(&mut self, segment: &Segment<'_>, found: Flags) -> bool {
        let &Segment { flags, len, .. } = segment;
        let mut start = segment.seq;
        if flags.syn() {
            start = start.wrapping_add(1);
            if self.coverage.top().is_none() || found.has(Flags::REUSED_PORTS) {
                self.coverage.synchronise(start);
            }
        }
        self.payload_bytes = self.payload_bytes.saturating_add(u64::from(len));
        let sent_again = found.intersects(Flags::ANY_RETRANSMISSION);
        if !flags.fin() && !sent_again && self.coverage.append(start, len, &mut self.holes) {
            return len > 0;
        }
        self.cover_elsewhere(start, len, flags.fin(), sent_again)
    }

    /// A segment that does not continue what was captured, that was sent again, or that ends the stream.
    #[cold]
    fn cover_elsewhere(&mut self, start: u32, len: u32, fin: bool, sent_again: bool) -> bool {
        let in_order = self.coverage.top().is_none_or(|top| top == start);
        let new = self.coverage.add(start, len, &mut self.holes);
        if fin {
            self.coverage.finish(start.wrapping_add(len), &mut self.holes);
        }
        let repeated = u64::from(len - new.min(len));
        if repeated > 0 {
            let trouble = self.trouble.get_or_insert_default();
            trouble.retransmitted_bytes = trouble.retransmitted_bytes.saturating_add(repeated);
        }
        if (!in_order && len > 0) || sent_again {
            self.tainted = true;
            self.tainted_to = self.coverage.top().unwrap_or(start);
        }
        new > 0
    }

    /// Its window.
    #[inline(always)]
    fn advertise(&mut self, segment: &Segment<'_>, verdict: &Verdict) {
        self.window_min = self.window_min.min(verdict.scale.apply(segment.window));
        if segment.window == 0 {
            // A FIN without window does not open it again.
            if !segment.flags.is_control() {
                let trouble = self.trouble.get_or_insert_default();
                trouble.zero_since.get_or_insert(segment.time);
            }
        } else if let Some(trouble) = &mut self.trouble
            && let Some(since) = trouble.zero_since.take()
        {
            trouble.closed_for(since, segment.time);
        }
    }

    #[cold]
    fn note_trouble(&mut self, found: Flags) {
        let trouble = self.trouble.get_or_insert_default();
        let count = |counter: &mut u32, flags: Flags| {
            *counter = counter.saturating_add(u32::from(found.intersects(flags)));
        };
        count(&mut trouble.retransmissions, Flags::ANY_RETRANSMISSION);
        count(&mut trouble.out_of_order, Flags::OUT_OF_ORDER);
        count(&mut trouble.lost_segments, Flags::LOST_SEGMENT);
        count(&mut trouble.duplicate_acks, Flags::DUPLICATE_ACK);
        count(&mut trouble.zero_windows, Flags::ZERO_WINDOW);
    }

    /// The other end acknowledged a segment after `time`.
    #[inline]
    pub(super) fn acknowledged(&mut self, ack: u32, time: Span, round_trips: &mut RoundTrips) {
        let Ok(ns) = u64::try_from(time.0) else { return };
        if self.tainted {
            if !after(ack, self.tainted_to) {
                return;
            }
            self.tainted = false;
        }
        round_trips.add(&mut self.rtt, ns);
    }

    pub(super) fn packets(&self) -> u32 {
        self.packets
    }

    pub(super) fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    pub(super) fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Least and greatest time to live.
    pub(super) fn ttl(&self) -> Option<(u8, u8)> {
        (self.ttl_min <= self.ttl_max).then_some((self.ttl_min, self.ttl_max))
    }

    /// After the highest sequence number that it sent, a FIN included.
    pub(super) fn top(&self) -> Option<u32> {
        self.coverage.top()
    }

    pub(super) fn has_acknowledged(&self) -> bool {
        self.acknowledged
    }

    pub(super) fn ack_advanced(&self) -> bool {
        self.ack_advanced
    }

    /// What went wrong with it, when the connection's last packet came at `last`.
    pub(super) fn troubles(&self, last: Timestamp) -> Troubles {
        self.trouble.as_ref().map_or_else(Troubles::default, |trouble| Troubles {
            retransmissions: u64::from(trouble.retransmissions),
            zero_windows: u64::from(trouble.zero_windows),
            zero_window: trouble.zero_window_until(last),
        })
    }

    /// The books closed at `last`: a window that is still closed was so until then.
    pub(super) fn facts(&self, state: EndState, last: Timestamp, round_trips: &RoundTrips) -> TcpSide {
        let none = Trouble::default();
        let trouble = self.trouble.as_deref().unwrap_or(&none);
        TcpSide {
            state,
            syn: self.syn.options(),
            unique_bytes: self.payload_bytes.saturating_sub(trouble.retransmitted_bytes),
            retransmitted_bytes: trouble.retransmitted_bytes,
            retransmissions: u64::from(trouble.retransmissions),
            out_of_order: u64::from(trouble.out_of_order),
            lost_segments: u64::from(trouble.lost_segments),
            missing_bytes: self.holes.as_ref().map_or(0, |holes| holes.bytes()),
            duplicate_acks: u64::from(trouble.duplicate_acks),
            zero_windows: u64::from(trouble.zero_windows),
            zero_window: trouble.zero_window_until(last),
            window_min_bytes: (self.window_min != u32::MAX).then_some(self.window_min),
            bytes_in_flight_max: self.bytes_in_flight_max,
            rtt: round_trips.summary(self.rtt),
        }
    }
}

impl Trouble {
    /// How long the window was closed, with the time until `last` if it still is.
    fn zero_window_until(&self, last: Timestamp) -> Span {
        let still_closed = self.zero_since.map_or(0, |since| last.since(since).0.max(0));
        Span(self.zero_window.0.saturating_add(still_closed))
    }

    fn closed_for(&mut self, since: Timestamp, until: Timestamp) {
        self.zero_window = Span(self.zero_window.0.saturating_add(until.since(since).0.max(0)));
    }
}

/// Flags that are counted where things went wrong.
pub(super) const TROUBLE: Flags = Flags(
    Flags::ANY_RETRANSMISSION.0
        | Flags::OUT_OF_ORDER.0
        | Flags::LOST_SEGMENT.0
        | Flags::DUPLICATE_ACK.0
        | Flags::ZERO_WINDOW.0,
);
