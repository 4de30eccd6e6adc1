//! What a segment is by our own rules, beside the expert's flags: the first that matches.

use super::super::segment::Segment;
use super::super::sequence::{at_or_before, before};
use super::lane::Lane;
use super::opening::Opening;
use super::{end_of, ends_after};
use crate::model::Span;

/// Classes of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// No data, or data that was not sent before.
    New,
    /// The same, but bytes before it are missing.
    Hole,
    /// Asks whether a window is still closed.
    WindowProbe,
    /// Asks whether the other end is still there (RFC 9293 §3.8.4).
    KeepAlive,
    /// Sent again although it had been acknowledged.
    Spurious,
    /// It came behind later ones.
    Reordered,
    /// Sent again because of duplicate acknowledgements (RFC 5681 §3.2, RFC 6675).
    Fast,
    /// The last segment once more, before the timer (RFC 8985 §7).
    TailLossProbe,
    /// Sent again because the timer expired (RFC 6298 §5).
    Timeout,
    /// Sent again for another reason: what follows the first one of a timeout, mostly.
    Other,
}

/// A class, and whether the capture holds an earlier copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) class: Class,
    /// What it sends again is in the capture: it was lost, if at all, behind the tap.
    pub(super) seen: bool,
}

impl Sight {
    pub(super) const NONE: Sight = Sight { class: Class::New, seen: false };
}

/// Linux sends nothing again sooner than this (RFC 6298 asks for a second).
pub(super) const LEAST_RTO: Span = Span(200_000_000);

/// Reordering in a network is over in so long; what comes later was sent again.
const REORDERING: Span = Span(3_000_000);

/// Duplicate acknowledgements that make a sender send again (RFC 5681 §3.2).
const DUPLICATES: u8 = 3;

impl Lane {
    /// What a segment of this direction is. `peer` sends the acknowledgements.
    pub(super) fn look(&self, segment: &Segment<'_>, peer: &Lane, opening: &Opening) -> Sight {
        let (len, flags) = (segment.len, segment.flags);
        let Some(next) = self.next() else { return Sight::NONE };
        let took = len > 0 || flags.takes_sequence_number();
        let probes = len <= 1 && !flags.syn() && !flags.fin() && segment.seq == next.wrapping_sub(1);
        if probes {
            return if self.window_is_closed() {
                Sight { class: Class::WindowProbe, seen: true }
            } else if !self.outstanding() {
                Sight { class: Class::KeepAlive, seen: true }
            } else {
                Sight::NONE
            };
        }
        if !took || !before(segment.seq, next) {
            let is_ahead = took && segment.seq != next && !flags.syn();
            return Sight { class: if is_ahead { Class::Hole } else { Class::New }, seen: false };
        }
        if flags.syn() {
            let is_same = opening.seq() == segment.seq || flags.ack();
            return if is_same { Sight { class: Class::Timeout, seen: true } } else { Sight::NONE };
        }
        if len == 0 && (end_of(segment) != next || !self.fin_sent()) {
            // A FIN below what was sent: the two ends are out of step, and nothing is sent again.
            return Sight::NONE;
        }
        if self.acknowledged_to().is_some_and(|una| at_or_before(end_of(segment), una)) {
            // Single bytes probe.
            let class = if len == 1 { Class::KeepAlive } else { Class::Spurious };
            return Sight { class, seen: true };
        }
        if self.fin_sent() && peer.fin_sent() {
            // Both have said all: what is repeated now costs nobody anything.
            return Sight { class: Class::KeepAlive, seen: true };
        }
        let rtt = self.path_rtt(peer);
        let hole = self.trouble.as_ref().and_then(|trouble| trouble.hole_of(segment.seq));
        if let Some(hole) = hole {
            let late = segment.time.since(hole.time);
            let soon = if rtt.0 > 0 { REORDERING.0.max(rtt.0 / 2) } else { REORDERING.0 };
            // Duplicate acknowledgements come from beyond the tap: a retransmission cannot be sooner than they are.
            if late.0 < soon && self.duplicate_acks() < DUPLICATES {
                return Sight { class: Class::Reordered, seen: false };
            }
        }
        let seen = hole.is_none();
        let waited = segment.time.since(self.last_sent());
        let rto = self.timer(peer);
        let first = self.acknowledged_to().is_none_or(|una| segment.seq == una);
        let expired = waited.0 >= rto.0 / 10 * 9;
        let class = if first && self.duplicate_acks() >= DUPLICATES && !expired {
            Class::Fast
        } else if first && expired {
            Class::Timeout
        } else if !ends_after(segment, next) && end_of(segment) == next && self.duplicate_acks() == 0 && seen
        {
            // A probe of the tail comes after two round trips, and once.
            if waited.0 >= rtt.0.saturating_mul(3) / 2 && waited.0 >= 2_000_000 {
                Class::TailLossProbe
            } else {
                Class::Other
            }
        } else {
            Class::Other
        };
        Sight { class, seen }
    }
}
