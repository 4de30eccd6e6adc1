//! The packets of a connection as they came, while nothing is to be told of it. Most connections open, ask, are answered and close: of these no chronicle is
//! ever made. Of the others one is made from the draft at the first packet that is not ordinary, and says what it would if it had been there from the start.
//!
//! A packet goes into the draft if it continues its direction, acknowledges what was sent, comes soon, and on the interface of the SYN: then a chronicle needs of it no more than an
//! [`Entry`] holds. Whether the whole is dull is asked once both ends closed, in `dull`.

mod dull;
mod entry;

use super::service::{Brief, left_to_the_card};
use super::turns::IDLE;
use super::{Chronicle, Patience, Wire, is_padding};
use crate::model::{Direction, FrameNumber, Span, Timestamp};
use crate::tcp::account::Passing;
use crate::tcp::checksum::Checksum;
use crate::tcp::flow::WindowScale;
use crate::tcp::segment::{Scope, Segment, TcpFlags};
use crate::tcp::verdict::Verdict;
use entry::{CLIENT, Entry, Offer, SERVER, Seen, Side};

/// Packets behind the handshake that a draft holds: longer connections get a chronicle.
const LONGEST: usize = 128;

/// Room for packets that it has at first.
const SHORTEST: usize = 32;

/// How far a direction has come. Sequence numbers are raw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    next: u32,
    /// What the other end acknowledged.
    una: u32,
}

/// Where the connection has come to.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// The client's, the server's.
    reach: [Reach; 2],
    last: Timestamp,
    /// The largest payload, the most that was ever in flight, and the least window field.
    most: u32,
    most_in_flight: u32,
    least_window: u16,
    client: Direction,
    /// The handshake is over, and no end closed.
    is_flowing: bool,
}

/// See the head of the module.
#[derive(Debug)]
pub(crate) struct Draft {
    /// What followed the handshake's first two packets.
    entries: Vec<Entry>,
    /// For how many of them there is room. What lies behind may have more, from a connection before.
    room: usize,
    course: Course,
    fins: [bool; 2],
    /// The client's SYN, the SYN-ACK.
    syn: Offer,
    syn_ack: Option<Offer>,
    first_frame: FrameNumber,
    /// That captured all of it.
    interface: u32,
    /// Of the windows that the client announces once the handshake is over, and the server.
    scales: [WindowScale; 2],
}

/// Drafts that are no longer needed, for new connections: most live shortly, and what was just used is still in the cache.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    #[expect(
        clippy::vec_box,
        reason = "boxes go from here to connections and back, drafts stay where they are"
    )]
    drafts: Vec<Box<Draft>>,
}

impl Spare {
    /// So many of them: about as many as begin with one worker and end with another, within a batch.
    const MOST: usize = 64;

    /// Takes one back. Room for long connections does not go on to others, of which nobody would count it.
    pub(crate) fn keep(&mut self, mut draft: Box<Draft>) {
        if self.drafts.len() < Self::MOST {
            draft.entries.clear();
            draft.entries.shrink_to(SHORTEST);
            self.drafts.push(draft);
        }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is ordinary, and is remembered.
    Kept,
    /// With it the connection is over, and nothing is to be told.
    Over,
    /// It is not ordinary, or something is to be told; it is not in the draft.
    Refused,
}

impl Draft {
    /// Of a connection that begins with an ordinary SYN; written over one that is no longer needed, if there is one.
    pub(crate) fn begin(
        spare: &mut Spare,
        direction: Direction,
        segment: &Segment<'_>,
        seen: Seen<'_>,
    ) -> Option<Box<Self>> {
        if !is_syn(segment, 0) {
            return None;
        }
        let course = Course {
            reach: [Reach { next: segment.seq.wrapping_add(1), una: segment.seq }, Reach { next: 0, una: 0 }],
            last: segment.time,
            most: 0,
            most_in_flight: 0,
            least_window: u16::MAX,
            client: direction,
            is_flowing: false,
        };
        let interface = seen.1.interface;
        let syn = Offer::new(CLIENT, segment, seen);
        if let Some(mut draft) = spare.drafts.pop() {
            (draft.course, draft.fins, draft.syn_ack) = (course, [false; 2], None);
            (draft.syn, draft.first_frame, draft.scales) = (syn, segment.frame, Default::default());
            (draft.interface, draft.room) = (interface, 0);
            return Some(draft);
        }
        Some(Box::new(Draft {
            entries: Vec::new(),
            room: 0,
            course,
            fins: [false; 2],
            syn,
            syn_ack: None,
            first_frame: segment.frame,
            interface,
            scales: Default::default(),
        }))
    }

    /// For how many packets it has memory.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.entries.capacity()
    }

    /// The handshake is over, and no end closed.
    pub(crate) fn is_flowing(&self) -> bool {
        self.course.is_flowing
    }

    /// Takes the next packet, which is plain, if it does no more than go on. Nothing else changes, the memory of the draft included.
    #[inline(always)]
    pub(crate) fn go_on(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        passing: &Passing,
        patience: &Patience,
    ) -> bool {
        let by = self.course.side(direction);
        let goes_on = self.course.is_flowing
            && passing.interface == self.interface
            && self.course.continues(by, segment, patience)
            && !is_padding(segment, passing)
            && self.entries.len() < self.room;
        if goes_on {
            self.course.go_on(by, segment, segment.len);
            self.entries.push(Entry::new(by, segment, passing));
        }
        goes_on
    }

    /// Takes any other packet. `scales` are those of the windows that A and B announce: they settle with the handshake.
    pub(crate) fn take(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        (verdict, passing): (&Verdict, &Passing),
        scales: [WindowScale; 2],
        wire: &dyn Wire,
        patience: &Patience,
    ) -> Taken {
        let by = self.course.side(direction);
        let is_here = passing.interface == self.interface;
        if !is_here || !is_whole(segment) || !self.course.is_soon(segment, patience) {
            return Taken::Refused;
        }
        if self.syn_ack.is_none() {
            return self.answer(by, segment, (verdict, passing, wire));
        }
        if segment.flags.rst() {
            return self.end_by_reset(by, segment, passing, patience);
        }
        let is_ordinary = segment.options.is_none()
            && self.course.continues(by, segment, patience)
            && !is_padding(segment, passing)
            && self.entries.len() < LONGEST
            && segment.flags.0 & (CONTROLS & !TcpFlags::FIN.0) == TcpFlags::ACK.0;
        if is_ordinary { self.keep(by, segment, scales, passing, patience) } else { Taken::Refused }
    }

    /// Takes what follows the SYN: the SYN-ACK, if it is ordinary.
    fn answer(&mut self, by: Side, segment: &Segment<'_>, seen: Seen<'_>) -> Taken {
        let [client, server] = &mut self.course.reach;
        if by != SERVER || !is_syn(segment, TcpFlags::ACK.0) || segment.ack != client.next {
            return Taken::Refused;
        }
        client.una = segment.ack;
        *server = Reach { next: segment.seq.wrapping_add(1), una: segment.seq };
        self.course.last = segment.time;
        self.syn_ack = Some(Offer::new(SERVER, segment, seen));
        Taken::Kept
    }

    /// Takes an RST: behind a FIN hosts answer so what still comes, and nothing is lost by it.
    fn end_by_reset(
        &mut self,
        by: Side,
        segment: &Segment<'_>,
        passing: &Passing,
        patience: &Patience,
    ) -> Taken {
        let own = super::pair(&mut self.course.reach, by).0;
        let is_ordinary = segment.flags.0 & CONTROLS & !TcpFlags::ACK.0 == TcpFlags::RST.0
            && segment.len == 0
            && segment.seq == own.next
            && self.fins.contains(&true)
            && self.offer(by).is_some_and(|offer| offer.entry.ttl == passing.ttl);
        if is_ordinary && self.is_dull(patience) { Taken::Over } else { Taken::Refused }
    }

    /// Takes a segment that continues its direction, with or without data or FIN.
    fn keep(
        &mut self,
        by: Side,
        segment: &Segment<'_>,
        scales: [WindowScale; 2],
        passing: &Passing,
        patience: &Patience,
    ) -> Taken {
        let fin = segment.flags.fin();
        let takes = segment.len + u32::from(fin);
        let [client, server] = &self.course.reach;
        let [client_fin, server_fin] = self.fins;
        let own_fin = if by == CLIENT { client_fin } else { server_fin };
        // The client's acknowledgement of the SYN-ACK comes first.
        let opens = !self.entries.is_empty() || by == CLIENT && segment.ack == server.next;
        if !opens || own_fin && takes > 0 {
            return Taken::Refused;
        }
        if takes == 0 && client_fin && server_fin {
            let (own, peer) = if by == CLIENT { (client, server) } else { (server, client) };
            if own.una == own.next && segment.ack == peer.next {
                let is_dull = segment.window > 0 && self.is_dull(patience);
                return if is_dull { Taken::Over } else { Taken::Refused };
            }
        }
        self.course.go_on(by, segment, takes);
        *super::pair(&mut self.fins, by).0 |= fin;
        self.course.is_flowing = !(client_fin || server_fin || fin);
        if self.entries.is_empty() {
            let [a, b] = scales;
            self.scales = if self.course.client == Direction::AtoB { [a, b] } else { [b, a] };
        }
        if self.entries.len() >= self.room {
            self.room = if self.entries.is_empty() { SHORTEST } else { LONGEST };
            self.entries.reserve_exact(self.room.saturating_sub(self.entries.len()));
        }
        self.entries.push(Entry::new(by, segment, passing));
        Taken::Kept
    }

    /// The SYN of an end.
    fn offer(&self, by: Side) -> Option<&Offer> {
        if by == CLIENT { Some(&self.syn) } else { self.syn_ack.as_ref() }
    }

    /// The chronicle of these packets.
    pub(crate) fn chronicle(&self, patience: &Patience) -> Box<Chronicle> {
        let mut chronicle = Chronicle::new(self.syn.entry.time);
        let syns = [Some(&self.syn), self.syn_ack.as_ref()];
        let mut frame = self.first_frame.0;
        let verdicts = self.scales.map(|scale| Verdict { scale, ..Verdict::default() });
        for entry in syns.iter().flatten().map(|syn| &syn.entry).chain(&self.entries) {
            // Frames that follow each other lie less than 2³² apart.
            frame = frame.wrapping_add(entry.frame.wrapping_sub(frame as u32).into());
            let Some(offer) = self.offer(entry.by()) else { continue };
            let flags = entry.flags();
            let options = if flags.syn() { offer.options() } else { None };
            let segment = Segment {
                frame: FrameNumber(frame),
                time: entry.time,
                seq: entry.seq,
                ack: entry.ack,
                len: entry.len,
                window: entry.window,
                flags,
                header_len: entry.header_len,
                header_captured: entry.header_len,
                urgent_pointer: false,
                scope: Scope::Full,
                options: options.as_ref(),
            };
            let [client, server] = &verdicts;
            let settled = if entry.by() == CLIENT { client } else { server };
            let of_syn = Verdict { scale: offer.scale, ..Verdict::default() };
            let verdict = if flags.syn() { &of_syn } else { settled };
            // None of its frames was a short one with padding.
            let passing = Passing {
                wire_len: u32::MAX,
                ttl: entry.ttl,
                id: entry.id,
                has_ip_id: entry.has_ip_id(),
                interface: self.interface,
                gap: Span(0),
                shares_frame: false,
            };
            chronicle.note(self.direction(entry.by()), &segment, (verdict, &passing), offer, patience);
        }
        chronicle
    }

    /// The direction in which an end sends.
    fn direction(&self, by: Side) -> Direction {
        if by == CLIENT { self.course.client } else { self.course.client.reverse() }
    }

    /// What it leaves to what is known of its ends, with a last packet that is not in it.
    pub(crate) fn brief(&self, (last_direction, now): (Direction, Timestamp)) -> Brief {
        let last = |direction: Direction| {
            let by = self.course.side(direction);
            let in_entries = self.entries.iter().rev().find(|entry| entry.by() == by);
            let latest = in_entries.or(self.offer(by).map(|offer| &offer.entry)).map(|entry| entry.time);
            if direction == last_direction { now } else { latest.unwrap_or_default() }
        };
        let syn_ack = self.syn_ack.as_ref().map(|offer| &offer.entry);
        // Of ordinary packets a chronicle looks at the SYNs only.
        let unsummed = |direction: Direction| {
            let by = self.course.side(direction);
            match self.offer(by).map(|offer| offer.checksum()) {
                Some(Checksum::Wrong) => (1, false),
                Some(Checksum::Partial) => (1, true),
                _ => (0, false),
            }
        };
        Brief {
            client: Some(self.course.client),
            first: self.syn.entry.time,
            last: [Direction::AtoB, Direction::BtoA].map(last),
            accepted: syn_ack.is_some(),
            syn_ack_ttl: syn_ack.map_or(0, |entry| entry.ttl),
            leg: syn_ack.map(|entry| entry.time.since(self.syn.entry.time)),
            answered: self.sent(SERVER) > 0,
            survived: Span(0),
            unsummed: left_to_the_card([Direction::AtoB, Direction::BtoA].map(unsummed)),
        }
    }

    /// Payload bytes that an end sent.
    fn sent(&self, by: Side) -> u32 {
        let of = |end: usize| self.course.reach.get(end).zip(self.fins.get(end));
        let Some((reach, &fin)) = of(usize::from(by == SERVER)) else { return 0 };
        let taken = self.offer(by).map_or(0, |offer| reach.next.wrapping_sub(offer.entry.seq));
        taken.saturating_sub(1 + u32::from(fin))
    }

    /// Bytes that it takes, or will take: at the capture's end every draft that is left becomes a chronicle. The little room that
    /// an earlier connection left to it does not count: whose draft it was may differ from run to run.
    pub(crate) fn heap(&self) -> usize {
        let own = size_of::<Draft>() + self.room * size_of::<Entry>();
        own.max(size_of::<Chronicle>())
    }
}

impl Course {
    /// Who sends in a direction.
    #[inline(always)]
    fn side(&self, direction: Direction) -> Side {
        if direction == self.client { CLIENT } else { SERVER }
    }

    /// Whether a segment comes soon, begins where its direction had come to, and acknowledges what was sent; one without data something new, or else it may be
    /// a copy or a duplicate acknowledgement.
    #[inline(always)]
    fn continues(&self, by: Side, segment: &Segment<'_>, patience: &Patience) -> bool {
        let [client, server] = &self.reach;
        let (own, peer) = if by == CLIENT { (client, server) } else { (server, client) };
        let news = segment.ack.wrapping_sub(peer.una);
        segment.seq == own.next
            && news <= peer.next.wrapping_sub(peer.una)
            && news | segment.len | u32::from(segment.flags.fin()) != 0
            && self.is_soon(segment, patience)
    }

    #[inline(always)]
    fn is_soon(&self, segment: &Segment<'_>, patience: &Patience) -> bool {
        let pause = segment.time.since(self.last).0;
        pause >= 0 && pause < patience.stall.0.min(IDLE.0)
    }

    /// Takes such a segment, which takes up so many sequence numbers.
    #[inline(always)]
    fn go_on(&mut self, by: Side, segment: &Segment<'_>, takes: u32) {
        let (own, peer) = super::pair(&mut self.reach, by);
        own.next = segment.seq.wrapping_add(takes);
        peer.una = segment.ack;
        self.last = segment.time;
        self.most = self.most.max(segment.len);
        self.most_in_flight = self.most_in_flight.max(own.next.wrapping_sub(own.una));
        self.least_window = self.least_window.min(segment.window);
    }
}

/// The flags that say more than what is to be done with data.
const CONTROLS: u16 = TcpFlags::FIN.0 | TcpFlags::SYN.0 | TcpFlags::RST.0 | TcpFlags::ACK.0 | TcpFlags::URG.0;

/// Whether it is an ordinary SYN with these other flags.
fn is_syn(segment: &Segment<'_>, others: u16) -> bool {
    is_whole(segment)
        && segment.flags.0 & CONTROLS == TcpFlags::SYN.0 | others
        && segment.len == 0
        && segment.options.is_none_or(|options| options.sack().is_empty())
}

/// Whether it takes part in all of the analysis, with a whole header.
fn is_whole(segment: &Segment<'_>) -> bool {
    segment.scope == Scope::Full
        && segment.header_len >= 20
        && segment.header_captured >= segment.header_len
        && !segment.urgent_pointer
}
