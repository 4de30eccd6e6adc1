//! Queries that the capture holds more than once: from two taps, two interfaces, a mirror port. Diagnoses are made of those that were sent; fields, rows and
//! findings, which are Wireshark's, count all of them.

use super::lookup::Lookup;
use crate::model::{Span, Timestamp};
use crate::protocol::message::Brought;
use crate::protocol::stream::Moment;

/// A copy comes so soon after its query, or after the answer to it. No client sends a query again so soon, nor the id of an answered one from the same port.
const COPY_WITHIN: Span = Span(50_000_000);
/// The same for a copy from another place, whose clock may differ: its IP packet has the identification of the first, and another time to live, or it came in
/// on another interface.
const COPY_ELSEWHERE: Span = Span(5_000_000_000);

/// IP packets that brought a query: their identifications, as far as those say anything (RFC 6864 §4.1), and where the first was captured. Beyond what there
/// is room for, the first one stays, and the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks<const N: usize> {
    ids: [u16; N],
    place: u16,
}

impl<const N: usize> Default for Marks<N> {
    fn default() -> Self {
        Marks { ids: [0; N], place: 0 }
    }
}

impl<const N: usize> Marks<N> {
    pub(super) fn new(packet: Brought) -> Self {
        let mut marks = Marks { place: packet.place, ..Marks::default() };
        marks.note(packet.ip_id);
        marks
    }

    pub(super) fn note(&mut self, id: u16) {
        if id == 0 || self.ids.contains(&id) {
            return;
        }
        let free = self.ids.iter().position(|known| *known == 0).unwrap_or(N.saturating_sub(1));
        if let Some(place) = self.ids.get_mut(free) {
            *place = id;
        }
    }

    /// Whether the same query again, in another packet, is a copy of one that came, or was answered, so long before.
    pub(super) fn has_copy(&self, packet: Brought, since: Span) -> bool {
        let has_id = packet.ip_id != 0 && self.ids.iter().any(|id| *id != 0);
        // Who gives all packets the same identification shows nothing by it: they must have gone different ways.
        let is_same = has_id && self.ids.contains(&packet.ip_id);
        since >= Span(0)
            && ((is_same || !has_id) && since <= COPY_WITHIN
                || is_same && packet.place != self.place && since <= COPY_ELSEWHERE)
    }
}

/// What of a lookup's queries are copies of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copies {
    count: u32,
    /// The first and the last that are none, where they are not the lookup's first and last one.
    first: Option<Moment>,
    last: Option<Moment>,
    marks: Marks<4>,
}

impl Lookup {
    /// Notes the packet that brought its first query; it is a copy if others of the same query are known.
    pub(super) fn brought_by(&mut self, packet: Brought, copied: Option<Marks<2>>) {
        self.copies.count = u32::from(copied.is_some());
        self.copies.marks = Marks::new(packet);
        if let Some(known) = copied {
            self.copies.marks.place = known.place;
            known.ids.into_iter().for_each(|id| self.copies.marks.note(id));
        }
    }

    /// Notes that its query came again, in another packet; `last` is when it came last.
    pub(super) fn comes_again(&mut self, packet: Brought, last: Timestamp, now: Moment) {
        let before = self.last_sent();
        let is_copy = self.copies.marks.has_copy(packet, now.time.since(last));
        if is_copy {
            self.copies.count = self.copies.count.saturating_add(1);
            self.copies.last = before;
        } else {
            if self.times_sent() == 0 {
                self.copies.first = Some(now);
            }
            self.copies.last = None;
        }
        self.copies.marks.note(packet.ip_id);
        self.queries = self.queries.saturating_add(1);
        self.last_query = Some(now);
    }

    /// How often its query was sent. What is only a copy of a query that was answered was not sent at all.
    pub(crate) fn times_sent(&self) -> u32 {
        self.queries.saturating_sub(self.copies.count)
    }

    /// The first query that is no copy.
    pub(crate) fn first_sent(&self) -> Option<Moment> {
        self.copies.first.or(self.query)
    }

    /// The last one.
    pub(crate) fn last_sent(&self) -> Option<Moment> {
        self.copies.last.or(self.last_query)
    }

    /// Time from the first query that is no copy to the response.
    pub(crate) fn took(&self) -> Option<Span> {
        match (self.copies.first, self.response) {
            (Some(first), Some(response)) => Some(response.time.since(first.time)),
            _ => self.latency,
        }
    }
}
