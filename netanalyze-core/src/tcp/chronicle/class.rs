//! What a segment is by our own rules, beside the expert's flags: the first that matches.

use super::super::segment::Segment;
use super::super::sequence::{at_or_before, before};
use super::lane::Lane;
use super::mark::{Mark, Order};
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
    /// Data from before the capture: whether and why it is sent again is not known.
    Older,
    /// Other data under numbers that were used before.
    OtherData,
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
    /// Its sender's marks say that it is reordered.
    pub(super) proven: bool,
}

impl Sight {
    pub(super) const NONE: Sight = Sight::of(Class::New);

    const fn of(class: Class) -> Sight {
        Sight { class, seen: false, proven: false }
    }

    const fn seen(class: Class) -> Sight {
        Sight { class, seen: true, proven: false }
    }
}

/// Linux sends nothing again sooner than this (RFC 6298 asks for a second).
pub(super) const LEAST_RTO: Span = Span(200_000_000);

/// Reordering in a network is over in so long; what comes later was sent again.
const REORDERING: Span = Span(3_000_000);

/// On long paths it may take longer, but no longer than this.
const LATEST: Span = Span(50_000_000);

/// Duplicate acknowledgements that make a sender send again (RFC 5681 §3.2).
const DUPLICATES: u8 = 3;

/// Bytes of a record with an alert, at most, or a handful of them.
const LAST_WORDS: u32 = 64;

impl Lane {
    /// What a segment of this direction is. `peer` sends the acknowledgements.
    pub(super) fn look(&self, segment: &Segment<'_>, mark: Mark, peer: &Lane, opening: &Opening) -> Sight {
        let (len, flags) = (segment.len, segment.flags);
        let Some(next) = self.next() else { return Sight::NONE };
        let took = len > 0 || flags.takes_sequence_number();
        let probes = len <= 1 && !flags.syn() && !flags.fin() && segment.seq == next.wrapping_sub(1);
        if probes {
            return if self.window_is_closed() {
                Sight::seen(Class::WindowProbe)
            } else if !self.outstanding() {
                Sight::seen(Class::KeepAlive)
            } else {
                Sight::NONE
            };
        }
        if !took || !before(segment.seq, next) {
            let is_ahead = took && segment.seq != next && !flags.syn();
            return Sight::of(if is_ahead { Class::Hole } else { Class::New });
        }
        if flags.syn() {
            let is_same = opening.seq() == segment.seq || flags.ack();
            return if is_same { Sight::seen(Class::Timeout) } else { Sight::NONE };
        }
        if len == 0 {
            // A FIN alone: nobody waits for it.
            return Sight::seen(Class::KeepAlive);
        }
        // Single bytes probe.
        if len > 1 && self.is_other_data(segment) {
            return Sight::seen(Class::OtherData);
        }
        if self.acknowledged_to().is_some_and(|una| at_or_before(end_of(segment), una)) {
            return Sight::seen(if len == 1 { Class::KeepAlive } else { Class::Spurious });
        }
        if self.acknowledged_to() == Some(next) {
            return Sight::NONE; // what it repeats had arrived, and the rest is new
        }
        if self.is_held(segment) {
            return Sight::seen(Class::Spurious);
        }
        if peer.fin_sent() && (self.fin_sent() || len <= LAST_WORDS) {
            // What both had said when they closed, or the last words of TLS to one that closed: nobody waits for them.
            return Sight::seen(Class::KeepAlive);
        }
        if self.is_older(segment.seq) {
            return Sight::of(Class::Older);
        }
        let rtt = self.path_rtt(peer);
        let hole = self.trouble.as_ref().and_then(|trouble| trouble.hole_of(segment.seq));
        if hole.is_some_and(|hole| hole.is_placeless()) {
            return Sight::of(Class::Older);
        }
        if let Some(hole) = hole {
            let late = segment.time.since(hole.time);
            let soon = REORDERING.0.max((rtt.0 / 2).min(LATEST.0));
            match self.order(mark, hole.mark) {
                Order::Earlier => return Sight { class: Class::Reordered, seen: false, proven: true },
                Order::Later => {}
                // Duplicate acknowledgements come from beyond the tap: a retransmission cannot be sooner than they are.
                Order::Unknown if late.0 < soon && self.duplicate_acks() < DUPLICATES => {
                    return Sight::of(Class::Reordered);
                }
                Order::Unknown => {}
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
        Sight { class, seen, proven: false }
    }
}
