//! A TCP connection's state, and the steps that a header takes through it.

use super::analysis::{Context, Figures, Flags, analyse};
use super::compact::{Coder, code_of, of_code};
use super::flow::{Flow, WindowScale};
use super::handshake::completeness;
use super::segment::{Scope, Segment, TcpFlags};
use super::unacked::Pool;
use super::verdict::{Analysis, Record, Shown, Verdict};
use crate::model::{Direction, FrameNumber, Span, Timestamp};

/// Both directions' state, and what belongs to neither. Wireshark's rules know no timeout: it lives as long as the analysis.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) flows: [Flow; 2],
    pub(super) first: Timestamp,
    pub(super) previous: Timestamp,
    /// Time of the last SYN without ACK; 0 if none.
    pub(super) syn_time: Timestamp,
    /// Time from that SYN to the first ACK without SYN of either side; 0 if unknown.
    pub(super) initial_rtt: Span,
    pub(super) opener: Option<Direction>,
    /// Who sent the last data.
    pub(super) last_data: Option<Direction>,
    /// `tcp.completeness` so far.
    pub(super) completeness: u8,
    /// A SYN carried data with a Fast Open cookie.
    pub(super) tfo_data: bool,
    /// Kinds of MPTCP options seen on this subflow, if any.
    pub(super) mptcp_seen: Option<u16>,
}

/// The two flows as seen from a packet.
pub(crate) struct Sides<'c> {
    pub(crate) sender: &'c mut Flow,
    pub(crate) receiver: &'c mut Flow,
}

impl<'c> Sides<'c> {
    #[inline(always)]
    fn new(a: &'c mut Flow, b: &'c mut Flow, direction: Direction) -> Self {
        match direction {
            Direction::AtoB => Sides { sender: a, receiver: b },
            Direction::BtoA => Sides { sender: b, receiver: a },
        }
    }
}

/// What a packet means for a connection that exists already (RFC 9293 §3.6.1: a SYN with another number is another connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SynOutcome {
    /// It belongs to the connection.
    Continues,
    /// It opens a new connection on the same addresses and ports.
    Reopens,
}

/// How a connection came to be, as the packet that made it saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Birth {
    /// It existed before this packet.
    Known,
    /// Its conversation existed before this packet, but no packet of it.
    Announced,
    /// This packet is the first on these addresses and ports.
    New,
    /// This packet opened it anew on addresses and ports used before.
    Reused,
}

impl Connection {
    /// A connection whose first packet came at `first`.
    #[must_use]
    pub(crate) fn new(first: Timestamp) -> Self {
        Connection {
            flows: Default::default(),
            first,
            previous: first,
            syn_time: Timestamp(0),
            initial_rtt: Span(0),
            opener: None,
            last_data: None,
            completeness: 0,
            tfo_data: false,
            mptcp_seen: None,
        }
    }

    /// Goes over its fields, for the first of which a time lies near, and a frame for all.
    pub(crate) fn code<C: Coder>(&mut self, c: &mut C, time: Timestamp, frame: FrameNumber) {
        let Connection {
            flows,
            first,
            previous,
            syn_time,
            initial_rtt,
            opener,
            last_data,
            completeness,
            tfo_data,
            mptcp_seen,
        } = self;
        c.time(first, time);
        Flow::code_bases(flows, c);
        let [a, b] = flows;
        a.code(c, *first, frame, b.base_or_zero());
        b.code(c, *first, frame, a.base_or_zero());
        c.time(previous, *first);
        c.time(syn_time, *first);
        c.span(initial_rtt);
        const NOBODY_OR: [Option<Direction>; 3] = [None, Some(Direction::AtoB), Some(Direction::BtoA)];
        let (mut opener_code, mut data_code) =
            (code_of(*opener, &NOBODY_OR), code_of(*last_data, &NOBODY_OR));
        let (mut bits, mut kinds) = (u64::from(*completeness), u64::from(mptcp_seen.unwrap_or(0)));
        let mut is_mptcp = mptcp_seen.is_some();
        c.parts(
            [(&mut opener_code, 2), (&mut data_code, 2), (&mut bits, 8), (&mut kinds, 16)],
            [tfo_data, &mut is_mptcp],
        );
        (*opener, *last_data) = (of_code(opener_code, &NOBODY_OR), of_code(data_code, &NOBODY_OR));
        *completeness = bits as u8;
        *mptcp_seen = is_mptcp.then_some(kinds as u16);
    }

    /// What the sequence numbers of both directions count from.
    pub(super) fn bases(&self) -> [u32; 2] {
        let [a, b] = &self.flows;
        [a.base_or_zero(), b.base_or_zero()]
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.flows.iter().map(|flow| flow.unacked.heap()).sum()
    }

    /// Segments that await their acknowledgement.
    pub(crate) fn unacked_segments(&self) -> usize {
        self.flows.iter().map(|flow| flow.unacked.len()).sum()
    }

    /// Whether something that an end sent was not acknowledged so far.
    pub(crate) fn has_outstanding(&self, end: Direction) -> bool {
        !self.flow(end).unacked.is_empty()
    }

    /// Whether the last data came from this end.
    pub(crate) fn last_data_from(&self, end: Direction) -> bool {
        self.last_data == Some(end)
    }

    /// `tcp.completeness` of all packets so far.
    #[must_use]
    pub(crate) fn completeness(&self) -> u8 {
        self.completeness
    }

    /// Direction of the client's segments, if a SYN told.
    pub(crate) fn opener(&self) -> Option<Direction> {
        self.opener
    }

    /// Time of the first packet.
    pub(crate) fn first(&self) -> Timestamp {
        self.first
    }

    /// Time of the segment that completed the handshake, if all of it was seen.
    pub(crate) fn established(&self) -> Option<Timestamp> {
        let seen = self.syn_time != Timestamp(0) && self.initial_rtt != Span(0);
        seen.then(|| Timestamp(self.syn_time.0.saturating_add(self.initial_rtt.0)))
    }

    /// Sequence number of the first byte of an end's data, if its SYN was seen.
    pub(crate) fn first_byte(&self, end: Direction) -> Option<u32> {
        let bit = if self.opener? == end { completeness::SYN } else { completeness::SYN_ACK };
        let seen = self.completeness & bit != 0;
        self.flow(end).base.filter(|_| seen).map(|base| base.wrapping_add(1))
    }

    /// `tcp.analysis.initial_rtt`; 0 if unknown.
    #[must_use]
    pub(crate) fn initial_rtt(&self) -> Span {
        self.initial_rtt
    }

    /// Whether a segment continues this connection.
    #[must_use]
    pub(crate) fn syn_outcome(&self, direction: Direction, segment: &Segment<'_>) -> SynOutcome {
        let base = self.flow(direction).base;
        if segment.flags.is_pure_syn() && base.is_some_and(|base| base != segment.seq) {
            SynOutcome::Reopens
        } else {
            SynOutcome::Continues
        }
    }

    pub(super) fn flow(&self, direction: Direction) -> &Flow {
        let [a, b] = &self.flows;
        if direction == Direction::AtoB { a } else { b }
    }

    #[inline(always)]
    pub(super) fn sides(&mut self, direction: Direction) -> Sides<'_> {
        let [a, b] = &mut self.flows;
        Sides::new(a, b, direction)
    }

    /// Scales of the windows that A and B announce, once both sent a SYN.
    #[inline]
    pub(crate) fn scales(&self) -> [WindowScale; 2] {
        self.flows.each_ref().map(|flow| flow.scale)
    }

    /// The first packet of a connection.
    pub(crate) fn open(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        birth: Birth,
        pool: &mut Pool,
        verdict: &mut Verdict,
    ) {
        self.any(direction, segment, birth, None, pool, verdict);
    }

    /// A later packet. `twin` is the record of an earlier header of the same frame with the same numbers: they share it. Nothing is left of
    /// what `verdict` said before. Says whether it is a plain segment and the only header of its frame.
    #[inline]
    pub(crate) fn advance(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        twin: Option<&Analysis>,
        pool: &mut Pool,
        verdict: &mut Verdict,
    ) -> bool {
        let is_plain = segment.is_plain() && twin.is_none();
        if is_plain {
            self.plain(direction, segment, pool, verdict);
        } else {
            self.any(direction, segment, Birth::Known, twin, pool, verdict);
        }
        is_plain
    }

    /// A plain segment of a known connection. A function of its own, for the compiler to know nothing of it but what [`Segment::plain`] says.
    #[inline(never)]
    fn plain(&mut self, direction: Direction, segment: &Segment<'_>, pool: &mut Pool, verdict: &mut Verdict) {
        self.step(direction, &segment.plain(), Birth::Known, None, pool, verdict);
    }

    /// Any packet: the same rules once more.
    #[inline(never)]
    pub(super) fn any(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        birth: Birth,
        twin: Option<&Analysis>,
        pool: &mut Pool,
        verdict: &mut Verdict,
    ) {
        self.step(direction, segment, birth, twin, pool, verdict);
    }

    #[inline(always)]
    fn step(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        birth: Birth,
        twin: Option<&Analysis>,
        pool: &mut Pool,
        verdict: &mut Verdict,
    ) {
        let mut record = Record::new(&mut verdict.analysis, twin);
        if birth == Birth::Reused {
            self.completeness = completeness::SYN;
            record.make().flags.set(Flags::REUSED_PORTS);
        }
        verdict.flags = Flags::NONE;
        verdict.completeness = self.completeness;
        verdict.initial_rtt = Span(0);
        verdict.state = self.connection_state();
        verdict.opener = self.opener_seen_by(direction);
        verdict.time_relative = segment.time.since(self.first);
        verdict.time_delta = segment.time.since(self.previous);
        let answers = self.last_data == Some(direction.reverse());
        self.previous = segment.time;
        if segment.len > 0 && segment.scope == Scope::Full {
            self.last_data = Some(direction);
        }

        self.check_isn(direction, segment, &mut record);
        let [a, b] = &mut self.flows;
        let Sides { sender, receiver } = Sides::new(a, b, direction);
        sender.sacked_bytes = 0;
        let outstanding = (!sender.unacked.is_empty(), !receiver.unacked.is_empty());
        verdict.figures = Figures { outstanding, answers, ..Figures::default() };
        let is_full = segment.scope == Scope::Full;
        let (seq_base, ack_base) = match (sender.base, receiver.base) {
            (Some(seq_base), Some(ack_base)) => (seq_base, ack_base),
            _ if is_full => init_bases(sender, receiver, segment.flags, segment.seq, segment.ack),
            _ => (sender.base_or_zero(), receiver.base_or_zero()),
        };
        verdict.seq_base = seq_base;
        verdict.ack_base = ack_base;
        verdict.scale = sender.scale;
        if is_full {
            let (initial_rtt, mptcp_seen) = (&self.initial_rtt, &self.mptcp_seen);
            let context = Context { seq_base, ack_base, initial_rtt, mptcp_seen };
            let sides = Sides { sender, receiver };
            analyse(sides, segment, context, &mut record, &mut verdict.figures, pool);
        }
        if segment.scope == Scope::ShortSegment {
            verdict.flags.set(Flags::SHORT_SEGMENT);
        }
        let (exists, found) = (record.exists(), record.flags());
        let whole = segment.header_len >= 20;
        verdict.shown = Shown {
            len: is_full,
            relative: is_full,
            events: whole,
            times: whole && segment.header_captured >= 20,
            analysis: whole && segment.header_captured >= segment.header_len,
        };
        if !whole {
            verdict.flags.set(Flags::BOGUS_HEADER_LENGTH);
            verdict.analysis = None;
            return;
        }
        self.update_completeness(segment, birth);
        self.check_ack_field(segment, verdict);
        self.follow_handshake(direction, segment, &mut verdict.flags);
        if !segment.flags.urg() && segment.urgent_pointer {
            verdict.flags.set(Flags::URGENT_POINTER);
        }
        if verdict.shown.analysis || segment.options.is_some() {
            self.read_options(direction, segment, verdict);
        }
        if !exists {
            verdict.analysis = None;
        } else if verdict.shown.analysis {
            verdict.initial_rtt = self.initial_rtt;
            verdict.flags.set(found);
        }
    }
}

/// Relative numbers need a base even where no SYN was seen: the first packet of a side, or the first acknowledgement of it, stands in.
///
/// Here as elsewhere on the way of a plain segment, what is called takes the segment's parts: its address would force it into memory.
#[inline(never)]
fn init_bases(sender: &mut Flow, receiver: &mut Flow, flags: TcpFlags, seq: u32, ack: u32) -> (u32, u32) {
    if sender.base.is_none() {
        sender.set_base(if flags.syn() { seq } else { seq.wrapping_sub(1) });
    }
    if receiver.base.is_none() && flags.ack() {
        receiver.set_base(ack.wrapping_sub(1));
    }
    (sender.base_or_zero(), receiver.base_or_zero())
}
