//! Packets that the capture holds twice: from two interfaces, a mirror port in both directions, or a tap on either side of a router.

use super::super::account::Passing;
use super::super::segment::Segment;
use super::mark::{count_up, lie_close};
use crate::model::{Span, Timestamp};

/// What tells a copy of a packet, captured once more, from the packet sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Print {
    /// When it came, in ticks.
    ticks: u32,
    /// Its IP identification, or with [`IS_SUM`] its checksum.
    id: u16,
    ttl: u8,
    /// [`IS_THERE`], [`IS_SUM`], and the lower bits of the interface's number.
    place: u8,
}

/// Bits of [`Print::place`].
const IS_THERE: u8 = 1 << 7;
const IS_SUM: u8 = 1 << 6;
const INTERFACE: u8 = IS_SUM - 1;

impl Print {
    #[inline(always)]
    fn new(time: Timestamp, passing: &Passing) -> Self {
        let Passing { id, has_ip_id, ttl, interface, .. } = *passing;
        let is_there = if time == Timestamp(0) { 0 } else { IS_THERE };
        let kind = if has_ip_id { 0 } else { IS_SUM };
        Print { ticks: ticks(time.0), id, ttl, place: is_there | kind | interface as u8 & INTERFACE }
    }

    fn is_there(self) -> bool {
        self.place & IS_THERE != 0
    }

    /// Its IP identification, 0 if it has none.
    fn ip_id(self) -> u16 {
        if self.place & IS_SUM == 0 { self.id } else { 0 }
    }
}

/// Nanoseconds in ticks of 1,024 of them: times that are compared lie near each other, so that 32 bits do for these many small prints.
const fn ticks(nanoseconds: i64) -> u32 {
    (nanoseconds >> 10) as u32
}

/// Packets that copies are sought among: other packets lie between them where two interfaces were captured.
const PRINTS: usize = 8;

/// How a packet that the capture holds twice was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copied {
    /// At one place, two times.
    Here,
    /// At two places: its time to live differs.
    Elsewhere,
}

/// A copy of a packet follows the packet within this time: what is sent again comes later, or has another number.
const COPY_WITHIN: u32 = ticks(120_000_000);

/// The same for a copy from another place, whose clock may differ: it has the number of the first, and another time to live.
const COPY_ELSEWHERE: u32 = ticks(5_000_000_000);

/// Where packets have no number and the round trip is not known: nothing is sent again so soon.
const TOO_SOON: u32 = ticks(2_000_000);

/// Where packets have no number, and nothing else tells: a copy from another interface.
const COPY_BESIDE: u32 = ticks(50_000_000);

/// Packets that copies are sought among once a conversation has some: behind a burst come the copies of all of it.
const WIDE: usize = 1_024;

/// The last packets of a direction.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// A sum of the numbers, length, flags and window of each, and its print.
    sums: [u32; PRINTS],
    prints: [Print; PRINTS],
    printed: u8,
    /// Many more of them, in a conversation with copies.
    wide: Option<Box<Wide>>,
}

/// A ring of prints.
#[derive(Debug, Default)]
struct Wide {
    sums: Vec<u32>,
    prints: Vec<Print>,
    next: usize,
}

impl Wide {
    fn keep(&mut self, sum: u32, print: Print) {
        if self.sums.len() < WIDE {
            self.sums.push(sum);
            self.prints.push(print);
        } else if let (Some(of), Some(known)) = (self.sums.get_mut(self.next), self.prints.get_mut(self.next))
        {
            (*of, *known) = (sum, print);
            self.next = (self.next + 1) % WIDE;
        }
    }
}

impl Copies {
    /// Whether a segment is one that the capture holds already. What is sent again has another IP identification; but Linux numbers neither SYN-ACKs nor
    /// RSTs, and IPv6 nothing: there the checksum differs if the sender's clock has ticked between them, provided that senders write true ones (`sums_right`)
    /// and time stamps; or else the time to live or the interface must differ, or data comes again sooner than an acknowledgement could, in less than
    /// half of `rtt`.
    #[inline(always)]
    pub(super) fn find_or_keep(
        &mut self,
        segment: &Segment<'_>,
        passing: &Passing,
        rtt: Span,
        sums_right: bool,
    ) -> Option<Copied> {
        let (sum, print) = (sum(segment), Print::new(segment.time, passing));
        // All of them, without a branch for each.
        let found = self.sums.iter().fold(false, |found, known| found | (*known == sum));
        if (found || self.wide.is_some())
            && let Some(copied) = self.copied(sum, print, segment, (rtt, sums_right))
        {
            return Some(copied);
        }
        self.keep(sum, print);
        None
    }

    /// Remembers a segment that cannot be a copy: nothing was captured so far that lies where it does.
    #[inline(always)]
    pub(super) fn keep_new(&mut self, segment: &Segment<'_>, passing: &Passing) {
        self.keep(sum(segment), Print::new(segment.time, passing));
    }

    #[inline(always)]
    fn keep(&mut self, sum: u32, print: Print) {
        let place = usize::from(self.printed) % PRINTS;
        if let (Some(of), Some(known)) = (self.sums.get_mut(place), self.prints.get_mut(place)) {
            (*of, *known) = (sum, print);
        }
        self.printed = self.printed.wrapping_add(1);
        if let Some(wide) = &mut self.wide {
            wide.keep(sum, print);
        }
    }

    /// Remembers more from here on.
    pub(super) fn widen(&mut self) {
        if self.wide.is_none() {
            let mut wide = Wide::default();
            let known = self.sums.iter().zip(&self.prints).filter(|(_, print)| print.is_there());
            known.for_each(|(&sum, &print)| wide.keep(sum, print));
            self.wide = Some(Box::new(wide));
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.wide.as_ref().map_or(0, |wide| size_of::<Wide>() + wide.sums.len() * (4 + size_of::<Print>()))
    }

    /// [`count_up`] of the packets before the latest; if that does not tell, [`lie_close`] of all: a direction may have few, and those out of order.
    pub(super) fn count_up(&self) -> i16 {
        let latest = usize::from(self.printed.wrapping_sub(1)) % PRINTS;
        let (newer, older) = self.prints.split_at(latest);
        let known = older.iter().skip(1).chain(newer).filter(|print| print.is_there());
        match count_up(known.map(|print| print.ip_id())) {
            0 => lie_close(self.prints.iter().map(|print| print.ip_id()).filter(|&id| id != 0)),
            near => near,
        }
    }

    /// Whether a packet with this sum is a copy.
    #[cold]
    fn copied(
        &self,
        sum: u32,
        print: Print,
        segment: &Segment<'_>,
        (rtt, sums_right): (Span, bool),
    ) -> Option<Copied> {
        let soon = soon(segment, rtt);
        let wide = self.wide.iter().flat_map(|wide| wide.sums.iter().zip(&wide.prints));
        let all = self.sums.iter().zip(&self.prints).chain(wide);
        all.filter(|(known, _)| **known == sum).find_map(|(_, known)| {
            let age = print.ticks.wrapping_sub(known.ticks);
            if !known.is_there() || (known.place ^ print.place) & IS_SUM != 0 {
                return None;
            }
            let copied = if known.ttl != print.ttl { Copied::Elsewhere } else { Copied::Here };
            let is_beside = (known.place ^ print.place) & INTERFACE != 0;
            let is_apart = copied == Copied::Elsewhere || is_beside;
            let is_copy = match (self.is_same(*known, print, segment, sums_right), is_apart) {
                (Some(false), _) => false,
                (Some(true), true) => age <= COPY_ELSEWHERE,
                (Some(true), false) if print.place & IS_SUM == 0 => age <= COPY_WITHIN,
                // What is sent again while the clock of stamps stands has the same checksum, too; and some send one acknowledgement several times.
                (Some(true), false) => {
                    let takes = segment.len > 0 || segment.flags.takes_sequence_number();
                    let is_likely = segment.flags.syn() || self.wide.is_some();
                    age <= soon || takes && is_likely && age <= COPY_WITHIN
                }
                (None, true) if copied == Copied::Elsewhere => age <= COPY_WITHIN,
                // What is lost is sent again behind a round trip at the soonest, over whatever interface.
                (None, true) if rtt.0 > 0 => age < ticks(rtt.0 / 4 * 3).min(COPY_BESIDE),
                (None, true) => age <= COPY_BESIDE,
                (None, false) => age <= soon,
            };
            is_copy.then_some(copied)
        })
    }

    /// Whether two packets with the same numbers are one, by what their sender wrote on them; `None` if that does not tell.
    fn is_same(&self, known: Print, print: Print, segment: &Segment<'_>, sums_right: bool) -> Option<bool> {
        if print.place & IS_SUM == 0 {
            // Some write the same on all.
            let others = self.prints.iter().filter(|other| other.is_there() && other.place & IS_SUM == 0);
            let is_constant = others.clone().count() > 2 && others.clone().all(|other| other.id == print.id);
            return (!is_constant).then_some(known.id == print.id);
        }
        let are_known = sums_right && known.id != 0 && print.id != 0;
        match known.id == print.id {
            true if are_known && is_stamped(segment) => Some(true),
            false if are_known => Some(false),
            _ => None,
        }
    }
}

/// Whether a segment has time stamps: without other options they take twelve bytes.
fn is_stamped(segment: &Segment<'_>) -> bool {
    match segment.options {
        Some(options) => options.timestamps.is_some(),
        None => segment.header_len == 32,
    }
}

/// How soon a segment without a number can be a copy only: acknowledgements may be sent twice, data is not before it could be acknowledged.
fn soon(segment: &Segment<'_>, rtt: Span) -> u32 {
    if segment.len == 0 && !segment.flags.takes_sequence_number() {
        0
    } else if rtt.0 > 0 {
        ticks(rtt.0 / 2).min(COPY_WITHIN)
    } else {
        TOO_SOON
    }
}

/// A sum of a segment's numbers, length, flags and window.
#[inline(always)]
fn sum(segment: &Segment<'_>) -> u32 {
    let Segment { seq, ack, len, window, .. } = *segment;
    let low = u32::from(segment.flags.0) << 16 | u32::from(window);
    let mut sum = seq;
    for part in [ack, len, low] {
        sum = (sum.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b9);
    }
    sum
}
