//! The books of a connection: what each end sent, how it fared, which state it is in. Verdicts come from the analysis; here they are
//! added up.
//!
//! Rare things (anything that went wrong, round-trip times, holes) are allocated when they first happen: most connections are well.

use super::analysis::Flags;
use super::end::{self, End, TcpSide, Troubles};
use super::history::{self, History};
use super::rtt::RoundTrips;
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
    /// Silence that counts as a stall when something was owed.
    pub gap: Span,
    /// Another TCP header of the same frame follows.
    pub shares_frame: bool,
}

/// Flags that books count or note.
const BOOKED: Flags = Flags(end::TROUBLE.0 | history::NOTED.0);

/// Both ends' books.
#[derive(Debug)]
pub(crate) struct Account {
    ends: [End; 2],
    states: States,
    history: History,
    first: Timestamp,
    last: Timestamp,
    first_frame: FrameNumber,
    last_frame: FrameNumber,
    stalled: Span,
    /// Who sent the first packet.
    first_sender: Direction,
    /// The first packet is a SYN without ACK.
    from_start: bool,
}

impl Default for Account {
    fn default() -> Self {
        Account {
            ends: Default::default(),
            states: States::default(),
            history: History::default(),
            first: Timestamp(0),
            last: Timestamp(0),
            first_frame: FrameNumber(0),
            last_frame: FrameNumber(0),
            stalled: Span(0),
            first_sender: Direction::AtoB,
            from_start: false,
        }
    }
}

impl Account {
    /// Books a segment that was not quoted in an error, and flags what only the books tell. Headers that contradict themselves are left out,
    /// as in Wireshark's conversations.
    #[inline]
    pub(crate) fn book(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
        passing: Passing,
        round_trips: &mut RoundTrips,
    ) {
        let is_common = segment.flags.only_acknowledge() && verdict.shown.len && verdict.shown.events;
        if is_common && !verdict.flags.intersects(BOOKED) {
            self.enter_common(direction, segment, verdict, passing, round_trips);
        } else {
            self.enter_any(direction, segment, verdict, passing, round_trips);
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
        round_trips: &mut RoundTrips,
    ) {
        self.enter(direction, &segment.acknowledging(), Flags::NONE, verdict, passing, round_trips);
    }

    /// Any segment: the same once more.
    #[inline(never)]
    fn enter_any(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
        passing: Passing,
        round_trips: &mut RoundTrips,
    ) {
        self.enter(direction, segment, verdict.flags, verdict, passing, round_trips);
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
        round_trips: &mut RoundTrips,
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
        let delta = verdict.time_delta;
        if segment.time >= self.last {
            self.last = segment.time;
        } else {
            self.first = self.first.min(segment.time);
        }
        self.last_frame = segment.frame;
        self.history.note(direction, segment, found);
        let [a, b] = &mut self.ends;
        let (sender, receiver) = if direction == Direction::AtoB { (a, b) } else { (b, a) };
        let waited = found.has(Flags::RETRANSMISSION) && !found.has(Flags::FAST_RETRANSMISSION)
            || delta > passing.gap && verdict.owed()
            || sender.window_is_closed()
            || receiver.window_is_closed();
        if waited && delta > Span(0) {
            self.stalled = Span(self.stalled.0.saturating_add(delta.0));
        }
        let news = sender.book(segment, found, verdict, passing);
        if let Some(record) = &verdict.analysis
            && record.acked_frame != FrameNumber(0)
        {
            receiver.acknowledged(segment.ack, record.ack_rtt, round_trips);
        }
        self.states.step(direction, segment, || receiver.top(), news);
    }

    /// Frame of the first packet; 0 if none was booked.
    pub(crate) fn first_frame(&self) -> FrameNumber {
        self.first_frame
    }

    pub(crate) fn last_frame(&self) -> FrameNumber {
        self.last_frame
    }

    /// Time of the first packet.
    pub(crate) fn first(&self) -> Timestamp {
        self.first
    }

    pub(crate) fn last(&self) -> Timestamp {
        self.last
    }

    /// Whether a window is closed, on a connection that is not.
    pub(crate) fn has_closed_window(&self) -> bool {
        [Direction::AtoB, Direction::BtoA]
            .iter()
            .any(|&end| self.end(end).window_is_closed() && self.state(end) != EndState::Closed)
    }

    pub(crate) fn stalled(&self) -> Span {
        self.stalled
    }

    pub(crate) fn begins_with_syn(&self) -> bool {
        self.from_start
    }

    /// The end that opened, as the direction in which it sends; without a handshake the sender of the first packet.
    pub(crate) fn client(&self) -> Direction {
        let [a_opened, b_opened] = [Direction::AtoB, Direction::BtoA]
            .map(|d| self.history.has_syn(d) || self.history.has_syn_ack(d.reverse()));
        match (a_opened, b_opened) {
            (true, false) => Direction::AtoB,
            (false, true) => Direction::BtoA,
            _ => self.first_sender,
        }
    }

    pub(crate) fn roles_known(&self) -> bool {
        [Direction::AtoB, Direction::BtoA]
            .iter()
            .any(|&d| self.history.has_syn(d) || self.history.has_syn_ack(d))
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

    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn packets(&self, end: Direction) -> u64 {
        u64::from(self.end(end).packets())
    }

    pub(crate) fn wire_bytes(&self, end: Direction) -> u64 {
        self.end(end).wire_bytes()
    }

    pub(crate) fn payload_bytes(&self, end: Direction) -> u64 {
        self.end(end).payload_bytes()
    }

    pub(crate) fn ttl(&self, end: Direction) -> Option<(u8, u8)> {
        self.end(end).ttl()
    }

    /// What TCP tells of an end.
    pub(crate) fn facts(&self, end: Direction, round_trips: &RoundTrips, capture_end: Timestamp) -> TcpSide {
        let until = if self.state(end) == EndState::Closed { self.last } else { capture_end.max(self.last) };
        self.end(end).facts(self.state(end), until, round_trips)
    }

    /// What went wrong with an end.
    pub(crate) fn troubles(&self, end: Direction) -> Troubles {
        self.end(end).troubles(self.last)
    }

    /// Whether an end acknowledged what only the other end can have sent.
    pub(crate) fn proves_peer(&self, end: Direction) -> bool {
        let sender = self.end(end);
        sender.ack_advanced() || self.history.has_syn(end) && sender.has_acknowledged()
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
}
