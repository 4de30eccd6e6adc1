//! The books of a connection, for whoever wants its record: what each end sent and how that fared, round-trip times, history, lost time.
//!
//! Rare things (anything that went wrong, round-trip times) are allocated when they first happen: most connections are well.

use serde::Serialize;

use super::account::Passing;
use super::analysis::Flags;
use super::compact::Coder;
use super::end::{Brought, End, Taint};
use super::history::History;
use super::rtt::{Rtt, RttSummary};
use super::segment::{Scope, Segment};
use super::state::EndState;
use super::syn_options::{SynOptions, SynSeen};
use super::verdict::Verdict;
use crate::model::{Direction, Span, Timestamp};

/// What TCP tells of one end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Since when its window is closed.
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
pub(super) struct EndBooks {
    wire_bytes: u64,
    payload_bytes: u64,
    rtt: Option<Box<Rtt>>,
    trouble: Option<Box<Trouble>>,
    taint: Taint,
    bytes_in_flight_max: u32,
    window_min: u32,
    syn: SynSeen,
    ttl_min: u8,
    ttl_max: u8,
}

impl Default for EndBooks {
    fn default() -> Self {
        EndBooks {
            wire_bytes: 0,
            payload_bytes: 0,
            rtt: None,
            trouble: None,
            taint: Taint::default(),
            bytes_in_flight_max: 0,
            window_min: u32::MAX,
            syn: SynSeen::default(),
            ttl_min: u8::MAX,
            ttl_max: 0,
        }
    }
}

/// A connection's books.
#[derive(Debug, Default)]
pub(super) struct Books {
    ends: [EndBooks; 2],
    pub(super) history: History,
    pub(super) stalled: Span,
}

impl Books {
    /// Whether somebody's window is closed.
    pub(super) fn window_is_closed(&self) -> bool {
        self.ends.iter().any(EndBooks::window_is_closed)
    }

    pub(super) fn end(&self, direction: Direction) -> &EndBooks {
        let [a, b] = &self.ends;
        if direction == Direction::AtoB { a } else { b }
    }

    /// Books a segment of which `found` was flagged.
    #[inline(always)]
    pub(super) fn book(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        found: Flags,
        verdict: &Verdict,
        passing: Passing,
        brought: Brought,
    ) {
        let delta = verdict.time_delta;
        let waited = found.has(Flags::RETRANSMISSION) && !found.has(Flags::FAST_RETRANSMISSION)
            || delta > passing.gap && verdict.owed()
            || self.window_is_closed();
        if waited && delta > Span(0) {
            self.stalled = Span(self.stalled.0.saturating_add(delta.0));
        }
        let [a, b] = &mut self.ends;
        let (sender, receiver) = if direction == Direction::AtoB { (a, b) } else { (b, a) };
        sender.book(segment, found, verdict, passing, brought);
        if let Some(record) = &verdict.analysis
            && record.acked_frame.0 != 0
        {
            receiver.is_acknowledged(segment.ack, record.ack_rtt);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.ends.iter().map(EndBooks::heap).sum()
    }

    /// Goes over their fields. A time and the bases of both ends' sequence numbers lie near.
    pub(super) fn code<C: Coder>(&mut self, c: &mut C, time: Timestamp, bases: [u32; 2]) {
        let Books { ends, history, stalled } = self;
        for (end, base) in ends.iter_mut().zip(bases) {
            end.code(c, time, base);
        }
        history.code(c);
        c.span(stalled);
    }
}

impl EndBooks {
    pub(super) fn window_is_closed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|t| t.zero_since.is_some())
    }

    #[inline(always)]
    fn book(
        &mut self,
        segment: &Segment<'_>,
        found: Flags,
        verdict: &Verdict,
        passing: Passing,
        brought: Brought,
    ) {
        self.wire_bytes = self.wire_bytes.saturating_add(u64::from(passing.wire_len));
        if passing.ttl < self.ttl_min || passing.ttl > self.ttl_max {
            self.note_ttl(passing.ttl);
        }
        let flags = segment.flags;
        if flags.syn() {
            self.syn = SynSeen::new(segment);
        }
        if segment.scope != Scope::Full || flags.rst() {
            return;
        }
        self.payload_bytes = self.payload_bytes.saturating_add(u64::from(segment.len));
        if brought.repeated > 0 {
            let trouble = self.trouble.get_or_insert_default();
            trouble.retransmitted_bytes =
                trouble.retransmitted_bytes.saturating_add(u64::from(brought.repeated));
        }
        if brought.out_of_place || found.intersects(Flags::ANY_RETRANSMISSION) {
            self.taint.set(brought.top);
        }
        if !flags.syn() {
            self.advertise(segment, verdict);
        }
        if found.intersects(TROUBLE) {
            self.note_trouble(found);
        }
        if let Some(record) = &verdict.analysis {
            self.bytes_in_flight_max = self.bytes_in_flight_max.max(record.bytes_in_flight);
        }
    }

    /// Notes a time to live below or above all others; 0 stands for an unknown one.
    #[cold]
    fn note_ttl(&mut self, ttl: u8) {
        if ttl != 0 {
            self.ttl_min = self.ttl_min.min(ttl);
            self.ttl_max = self.ttl_max.max(ttl);
        }
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
    fn is_acknowledged(&mut self, ack: u32, time: Span) {
        let Ok(ns) = u64::try_from(time.0) else { return };
        if self.taint.is_over(ack) {
            match &mut self.rtt {
                Some(rtt) => rtt.add(ns),
                None => self.rtt = Some(Box::new(Rtt::first(ns))),
            }
        }
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

    /// What went wrong with it. A window that is still closed was so until `until`.
    pub(super) fn troubles(&self, until: Timestamp) -> Troubles {
        self.trouble.as_ref().map_or_else(Troubles::default, |trouble| Troubles {
            retransmissions: u64::from(trouble.retransmissions),
            zero_windows: u64::from(trouble.zero_windows),
            zero_window: trouble.zero_window_until(until),
        })
    }

    /// The books closed at `until`: a window that is still closed was so until then.
    pub(super) fn facts(&self, end: &End, state: EndState, until: Timestamp) -> TcpSide {
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
            missing_bytes: end.missing_bytes(),
            duplicate_acks: u64::from(trouble.duplicate_acks),
            zero_windows: u64::from(trouble.zero_windows),
            zero_window: trouble.zero_window_until(until),
            window_min_bytes: (self.window_min != u32::MAX).then_some(self.window_min),
            bytes_in_flight_max: self.bytes_in_flight_max,
            rtt: self.rtt.as_ref().map(|rtt| rtt.summary()),
        }
    }

    fn heap(&self) -> usize {
        let rtt = self.rtt.as_ref().map_or(0, |rtt| size_of::<Rtt>() + rtt.heap());
        rtt + self.trouble.as_ref().map_or(0, |_| size_of::<Trouble>())
    }

    fn code<C: Coder>(&mut self, c: &mut C, time: Timestamp, base: u32) {
        let EndBooks {
            wire_bytes,
            payload_bytes,
            rtt,
            trouble,
            taint,
            bytes_in_flight_max,
            window_min,
            syn,
            ttl_min,
            ttl_max,
        } = self;
        c.word(wire_bytes);
        c.word(payload_bytes);
        c.optional(rtt, |c, rtt| rtt.code(c));
        c.optional(trouble, |c, trouble| trouble.code(c, time));
        taint.code(c, base);
        c.u32(bytes_in_flight_max);
        c.u32(window_min);
        syn.code(c);
        c.u8(ttl_min);
        c.u8(ttl_max);
    }
}

impl Trouble {
    fn code<C: Coder>(&mut self, c: &mut C, time: Timestamp) {
        let Trouble {
            retransmitted_bytes,
            retransmissions,
            out_of_order,
            lost_segments,
            duplicate_acks,
            zero_windows,
            zero_since,
            zero_window,
        } = self;
        c.word(retransmitted_bytes);
        for count in [retransmissions, out_of_order, lost_segments, duplicate_acks, zero_windows] {
            c.u32(count);
        }
        let (mut is_closed, mut since) = (zero_since.is_some(), zero_since.unwrap_or(time));
        c.bits([&mut is_closed]);
        c.time(&mut since, time);
        *zero_since = is_closed.then_some(since);
        c.span(zero_window);
    }

    /// How long the window was closed, with the time until `until` if it still is.
    fn zero_window_until(&self, until: Timestamp) -> Span {
        let still_closed = self.zero_since.map_or(0, |since| until.since(since).0.max(0));
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
