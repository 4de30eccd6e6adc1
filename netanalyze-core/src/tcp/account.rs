//! What is known of a connection beside its analysis: states, roles, when it lived, and the books if somebody wants them. Verdicts come from
//! the analysis; here they are added up.

use super::analysis::Flags;
use super::books::{self, Books, TcpSide, Troubles};
use super::compact::Coder;
use super::connection::Connection;
use super::end::End;
use super::history::{self, Seen};
use super::segment::{Scope, Segment};
use super::state::{ClosedBy, Closing, EndState, States};
use super::verdict::{ConnectionState, Opener, Verdict};
use crate::model::{Direction, FrameNumber, Span, Timestamp};

/// What the floors below know of a segment beside its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing {
    /// Bytes of its frame on the wire.
    pub wire_len: u32,
    /// Time to live or hop limit; 0 if unknown.
    pub ttl: u8,
    /// Identification field of the IPv4 packet; of one without, the checksum field: either tells packets apart. 0 if it was not captured.
    pub id: u16,
    /// Which of them.
    pub has_ip_id: bool,
    /// Interface that captured it.
    pub interface: u32,
    /// Silence that counts as a stall when something was owed.
    pub gap: Span,
    /// Another TCP header of the same frame follows.
    pub shares_frame: bool,
}

impl Passing {
    /// Identification field of the IPv4 packet; 0 without.
    pub(crate) fn ip_id(&self) -> u16 {
        if self.has_ip_id { self.id } else { 0 }
    }
}

/// Flags that books count or note.
const BOOKED: Flags = Flags(books::TROUBLE.0 | history::NOTED.0);

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Account {
    ends: [End; 2],
    states: States,
    seen: Seen,
    first: Timestamp,
    last: Timestamp,
    first_frame: FrameNumber,
    last_frame: FrameNumber,
    /// Who sent the first packet.
    first_sender: Direction,
    /// The first packet is a SYN without ACK.
    from_start: bool,
    /// Absent if nobody wants them.
    books: Option<Box<Books>>,
}

impl Account {
    /// Without packets, with books or without.
    pub(crate) fn new(with_books: bool) -> Self {
        Account {
            ends: Default::default(),
            states: States::default(),
            seen: Seen::default(),
            first: Timestamp(0),
            last: Timestamp(0),
            first_frame: FrameNumber(0),
            last_frame: FrameNumber(0),
            first_sender: Direction::AtoB,
            from_start: false,
            books: with_books.then(Box::default),
        }
    }

    /// Books a segment that was not quoted in an error, and flags what only this tells. Headers that contradict themselves are left out,
    /// as in Wireshark's conversations.
    #[inline]
    pub(crate) fn book(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
        passing: Passing,
    ) {
        let is_common = segment.flags.only_acknowledge() && verdict.shown.len && verdict.shown.events;
        if is_common && !verdict.flags.intersects(BOOKED) {
            self.enter_common(direction, segment, verdict, passing);
        } else {
            self.enter_any(direction, segment, verdict, passing);
        }
    }

    /// A segment of whole scope that only acknowledges and may carry data, of which nothing was flagged that is counted. A function of its
    /// own, for the compiler to know nothing of it but what [`Segment::acknowledging`] says.
    #[inline(never)]
    fn enter_common(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
        passing: Passing,
    ) {
        self.enter(direction, &segment.acknowledging(), Flags::NONE, verdict, passing);
    }

    /// Any segment: the same once more.
    #[inline(never)]
    fn enter_any(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
        passing: Passing,
    ) {
        self.enter(direction, segment, verdict.flags, verdict, passing);
    }

    /// `found` are the verdict's flags, or none if none of [`BOOKED`] is among them.
    #[inline(always)]
    fn enter(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        found: Flags,
        verdict: &mut Verdict,
        passing: Passing,
    ) {
        if segment.header_len < 20 || segment.scope == Scope::ShortSegment {
            return;
        }
        if self.first_frame == FrameNumber(0) {
            (self.first, self.last, self.first_frame) = (segment.time, segment.time, segment.frame);
            self.first_sender = direction;
            self.from_start = segment.flags.is_pure_syn();
            if !self.from_start {
                verdict.flags.set(Flags::MIDSTREAM);
            }
        }
        if segment.flags.rst()
            && verdict.state == ConnectionState::SynSent
            && verdict.opener == Opener::Receiver
        {
            verdict.flags.set(Flags::REFUSED);
        }
        if segment.time >= self.last {
            self.last = segment.time;
        } else {
            self.first = self.first.min(segment.time);
        }
        self.last_frame = segment.frame;
        let new_letters = self.seen.note(direction, segment, found);
        let [a, b] = &mut self.ends;
        let (sender, receiver) = if direction == Direction::AtoB { (a, b) } else { (b, a) };
        let brought = sender.book(segment, found);
        if let Some(books) = &mut self.books {
            if new_letters != 0 {
                books.history.add(new_letters);
            }
            books.book(direction, segment, found, verdict, passing, brought);
        }
        self.states.step(direction, segment, || receiver.top(), brought.news);
    }

    /// Frame of the first packet; 0 if none was booked.
    pub(crate) fn first_frame(&self) -> FrameNumber {
        self.first_frame
    }

    pub(crate) fn last_frame(&self) -> FrameNumber {
        self.last_frame
    }

    /// Earliest time of its packets.
    pub(crate) fn first(&self) -> Timestamp {
        self.first
    }

    /// Latest time of its packets.
    pub(crate) fn last(&self) -> Timestamp {
        self.last
    }

    pub(crate) fn has_books(&self) -> bool {
        self.books.is_some()
    }

    /// Whether a window is closed, on a connection that is not.
    pub(crate) fn has_closed_window(&self) -> bool {
        self.books.as_ref().is_some_and(|books| {
            [Direction::AtoB, Direction::BtoA]
                .iter()
                .any(|&end| books.end(end).window_is_closed() && self.state(end) != EndState::Closed)
        })
    }

    /// Time lost in silences between its packets; 0 without books.
    pub(crate) fn stalled(&self) -> Span {
        self.books.as_ref().map_or(Span(0), |books| books.stalled)
    }

    pub(crate) fn begins_with_syn(&self) -> bool {
        self.from_start
    }

    /// The end that opened, as the direction in which it sends; without a handshake the sender of the first packet.
    pub(crate) fn client(&self) -> Direction {
        let [a_opened, b_opened] = [Direction::AtoB, Direction::BtoA]
            .map(|d| self.seen.has_syn(d) || self.seen.has_syn_ack(d.reverse()));
        match (a_opened, b_opened) {
            (true, false) => Direction::AtoB,
            (false, true) => Direction::BtoA,
            _ => self.first_sender,
        }
    }

    pub(crate) fn roles_known(&self) -> bool {
        [Direction::AtoB, Direction::BtoA].iter().any(|&d| self.seen.has_syn(d) || self.seen.has_syn_ack(d))
    }

    /// The state of an end. Of one of which nothing was captured, and which its peer does not prove to have heard, no answer is assumed.
    pub(crate) fn state(&self, end: Direction) -> EndState {
        let state = self.states.of(end);
        let told = matches!(state, EndState::Established | EndState::Closed);
        if told || self.packets(end) > 0 || self.proves_peer(end.reverse()) {
            state
        } else {
            EndState::Unknown
        }
    }

    /// What happened in order, the client in upper case; empty without books.
    pub(crate) fn history(&self, client: Direction) -> String {
        self.books.as_ref().map_or_else(String::new, |books| books.history.text(client))
    }

    pub(crate) fn packets(&self, end: Direction) -> u64 {
        u64::from(self.end(end).packets())
    }

    /// Bytes of its frames on the wire; 0 without books.
    pub(crate) fn wire_bytes(&self, end: Direction) -> u64 {
        self.books.as_ref().map_or(0, |books| books.end(end).wire_bytes())
    }

    /// Payload bytes; 0 without books.
    pub(crate) fn payload_bytes(&self, end: Direction) -> u64 {
        self.books.as_ref().map_or(0, |books| books.end(end).payload_bytes())
    }

    /// Least and greatest time to live.
    pub(crate) fn ttl(&self, end: Direction) -> Option<(u8, u8)> {
        self.books.as_ref()?.end(end).ttl()
    }

    /// Until when what was not over at its last packet went on, in a capture that ends at `capture_end`.
    fn until(&self, end: Direction, capture_end: Timestamp) -> Timestamp {
        if self.state(end) == EndState::Closed { self.last } else { capture_end.max(self.last) }
    }

    /// What TCP tells of an end.
    pub(crate) fn facts(&self, end: Direction, capture_end: Timestamp) -> Option<TcpSide> {
        let until = self.until(end, capture_end);
        Some(self.books.as_ref()?.end(end).facts(self.end(end), self.state(end), until))
    }

    /// What went wrong with an end.
    pub(crate) fn troubles(&self, end: Direction, capture_end: Timestamp) -> Troubles {
        let until = self.until(end, capture_end);
        self.books.as_ref().map_or_else(Troubles::default, |books| books.end(end).troubles(until))
    }

    /// Whether an end acknowledged what only the other end can have sent.
    pub(crate) fn proves_peer(&self, end: Direction) -> bool {
        let sender = self.end(end);
        sender.ack_advanced() || self.seen.has_syn(end) && sender.has_acknowledged()
    }

    /// Whether bytes that an end sent were not captured: none of its packets was, or the other end has acknowledged more than they show. A lone
    /// FIN is not counted.
    pub(crate) fn misses(&self, end: Direction) -> bool {
        self.end(end).misses(self.end(end.reverse()))
    }

    /// What the other end acknowledged last of what an end sent, a SYN included.
    pub(crate) fn acked(&self, end: Direction) -> Option<u32> {
        self.end(end.reverse()).acked()
    }

    pub(crate) fn closed_by(&self) -> Option<ClosedBy> {
        let client = self.client();
        match self.states.closing {
            Closing::No => None,
            Closing::Fin(by) if by == client => Some(ClosedBy::Client),
            Closing::Fin(_) => Some(ClosedBy::Server),
            Closing::Crossed => Some(ClosedBy::Both),
            Closing::Reset(by) if by == client => Some(ClosedBy::ClientReset),
            Closing::Reset(_) => Some(ClosedBy::ServerReset),
        }
    }

    fn end(&self, direction: Direction) -> &End {
        let [a, b] = &self.ends;
        if direction == Direction::AtoB { a } else { b }
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        let books = self.books.as_ref().map_or(0, |books| size_of::<Books>() + books.heap());
        self.ends.iter().map(End::heap).sum::<usize>() + books
    }

    /// Goes over its fields. `connection` is already there; its frames lie near `frame`.
    pub(crate) fn code<C: Coder>(&mut self, c: &mut C, connection: &Connection, frame: FrameNumber) {
        let Account {
            ends: [a, b],
            states,
            seen,
            first,
            last,
            first_frame,
            last_frame,
            first_sender,
            from_start,
            books,
        } = self;
        let [base_a, base_b] = connection.bases();
        a.code(c, base_a, base_b);
        b.code(c, base_b, base_a);
        states.code(c);
        seen.code(c);
        c.time(first, connection.first);
        c.time(last, connection.previous);
        c.frame(first_frame, frame);
        c.frame(last_frame, frame);
        let mut is_b = *first_sender == Direction::BtoA;
        let mut has_books = books.is_some();
        c.bits([&mut is_b, from_start, &mut has_books]);
        *first_sender = if is_b { Direction::BtoA } else { Direction::AtoB };
        if has_books {
            books.get_or_insert_default().code(c, *last, [base_a, base_b]);
        } else {
            *books = None;
        }
    }
}
