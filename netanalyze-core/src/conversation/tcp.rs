//! A TCP conversation and what the floors above remember of it.

use super::key::FlowKey;
use super::packet::TcpPacket;
use super::shard::Succession;
use super::store::Record;
use crate::model::limits::MAX_COMPACT_SEGMENTS;
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::message::Messages;
use crate::protocol::session::{SegmentIn, Session, quoted_segment};
use crate::protocol::socks::Negotiation;
use crate::protocol::stream::{Flow, Moment, likely_client};
use crate::tcp::{Account, COMPLETENESS_SYN, Coder, Connection, EndState, code_of, of_code};

/// Kinds of findings, one bit a kind. Those of TCP conversations have the first 96 places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct KindsSeen {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl KindsSeen {
    /// The bits.
    #[inline]
    pub(crate) fn bits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// Adds some.
    #[inline]
    pub(crate) fn add(&mut self, bits: u128) {
        self.low |= bits as u64;
        self.high |= (bits >> 64) as u64;
    }

    /// Goes over it.
    pub(super) fn code<C: Coder>(&mut self, c: &mut C) {
        c.word(&mut self.low);
        c.word(&mut self.high);
    }
}

/// What a conversation's application listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Ear {
    /// Segments with payload.
    #[default]
    Payload,
    /// All segments, because it waits for something.
    All,
    /// Payload, though a reset cut off what was said before.
    AfterReset,
    /// Nothing more is to be expected of it.
    Nothing,
}

impl Ear {
    const ALL: [Ear; 4] = [Ear::Payload, Ear::All, Ear::AfterReset, Ear::Nothing];
}

/// In which directions bytes were not captured.
fn missing(account: &Account) -> [bool; 2] {
    [Direction::AtoB, Direction::BtoA].map(|end| account.misses(end))
}

/// What was acknowledged last of each direction.
fn acked(account: &Account) -> [Option<u32>; 2] {
    [Direction::AtoB, Direction::BtoA].map(|end| account.acked(end))
}

/// A TCP conversation.
#[derive(Debug)]
pub(crate) struct TcpConversation {
    pub(super) key: FlowKey,
    pub(super) connection: Connection,
    pub(super) account: Account,
    pub(super) succession: Succession,
    pub(super) negotiation: Negotiation,
    /// Its application, once there was payload.
    pub(super) session: Option<Box<Session>>,
    ear: Ear,
    /// Kinds of findings reported for it so far, in two parts so that no room is lost.
    kinds_high: u32,
    kinds_low: u64,
}

const _: () = assert!(size_of::<TcpConversation>() <= 400, "conversations are what memory grows with");

impl TcpConversation {
    /// One whose first packet came at a time; with books if they are wanted.
    pub(super) fn new(key: FlowKey, time: Timestamp, with_books: bool) -> Self {
        TcpConversation {
            key,
            connection: Connection::new(time),
            account: Account::new(with_books),
            succession: Succession::None,
            negotiation: Negotiation::default(),
            session: None,
            ear: Ear::Payload,
            kinds_high: 0,
            kinds_low: 0,
        }
    }

    /// Hands a segment's payload to its application, if it [hears](TcpConversation::hears) it.
    pub(crate) fn application(&mut self, packet: &TcpPacket, bytes: &[u8], now: Moment, out: &mut Messages) {
        let len = packet.payload_len();
        if self.session.is_none() {
            self.session = Some(Box::new(self.new_session()));
        }
        let Some(session) = &mut self.session else { return };
        let flags = packet.flags;
        let ends = flags.fin() || flags.rst();
        let segment = SegmentIn {
            from: packet.direction,
            seq: packet.seq.wrapping_add(u32::from(flags.syn())),
            ack: flags.ack().then_some(packet.ack),
            bytes,
            len,
            fin: flags.fin(),
            rst: flags.rst(),
            missing: if ends { missing(&self.account) } else { [false; 2] },
            acked: if ends { acked(&self.account) } else { [None; 2] },
        };
        session.segment(&segment, now, out);
        self.ear = if session.waits() { Ear::All } else { Ear::Payload };
        if session.is_over() {
            self.ear = if session.has_successor() { Ear::AfterReset } else { Ear::Nothing };
            self.session = None;
        }
    }

    /// Kinds of findings reported for it so far.
    #[inline]
    pub(crate) fn kinds_seen(&self) -> KindsSeen {
        KindsSeen { low: self.kinds_low, high: self.kinds_high.into() }
    }

    /// More of them.
    #[inline]
    pub(crate) fn add_kinds(&mut self, bits: u128) {
        let mut seen = self.kinds_seen();
        seen.add(bits);
        (self.kinds_low, self.kinds_high) = (seen.low, seen.high as u32);
    }

    /// Whether a segment can matter to its application. One that only goes on with a body is counted with that.
    #[inline]
    pub(crate) fn hears(&mut self, packet: &TcpPacket) -> bool {
        let (flags, len) = (packet.flags, packet.payload_len());
        match &mut self.session {
            None => len > 0 && self.ear != Ear::Nothing && !flags.rst(),
            Some(_) if flags.fin() || flags.rst() => true,
            Some(session) if len > 0 => {
                let seq = packet.seq.wrapping_add(u32::from(flags.syn()));
                !session.is_only_counted(packet.direction, seq, len)
            }
            Some(_) => self.ear == Ear::All,
        }
    }

    /// Shows the payload that an ICMP error quotes of it.
    #[cold]
    pub(crate) fn quoted(&self, packet: &TcpPacket, bytes: &[u8], now: Moment, out: &mut Messages) {
        let missing = packet.payload_len().saturating_sub(bytes.len() as u32);
        quoted_segment(&self.flow(), packet.direction, bytes, missing, now, out);
    }

    /// Its application, of which nothing was seen but SYNs, or nothing since a reset.
    #[inline(never)]
    fn new_session(&self) -> Session {
        if self.ear == Ear::AfterReset {
            return Session::after_reset(self.flow());
        }
        let first_bytes = [Direction::AtoB, Direction::BtoA].map(|end| self.connection.first_byte(end));
        Session::new(self.flow(), first_bytes)
    }

    /// What its application gets to know of it.
    fn flow(&self) -> Flow {
        let (a, b) = self.key.endpoints(Direction::AtoB);
        let opener = self.connection.opener();
        let client = opener.unwrap_or_else(|| likely_client(a.port(), b.port()));
        let syn = self.connection.completeness() & COMPLETENESS_SYN != 0;
        Flow {
            ends: [a, b],
            client,
            client_is_known: opener.is_some(),
            syn: syn.then(|| self.connection.first()),
            established: self.connection.established(),
        }
    }

    /// In which directions bytes were not captured.
    pub(crate) fn missing(&self) -> [bool; 2] {
        missing(&self.account)
    }

    /// What was acknowledged last of each direction.
    pub(crate) fn acked(&self) -> [Option<u32>; 2] {
        acked(&self.account)
    }

    /// Its key.
    pub(crate) fn key(&self) -> &FlowKey {
        &self.key
    }

    /// Its analysis.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Its books.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Both ends were captured and have closed: when the capture ends, there is nothing to say about it.
    pub(crate) fn is_over(&self) -> bool {
        let states = [Direction::AtoB, Direction::BtoA].map(|end| {
            if self.account.packets(end) > 0 { self.account.state(end) } else { EndState::Unknown }
        });
        let is_done = |state| matches!(state, EndState::Closed | EndState::TimeWait);
        match states {
            [a, EndState::LastAck] => is_done(a),
            [EndState::LastAck, b] => is_done(b),
            [a, b] => is_done(a) && is_done(b),
        }
    }
}

impl Record for TcpConversation {
    type Aside = Box<Session>;

    fn detach(&mut self) -> Option<Box<Session>> {
        self.session.take()
    }

    fn attach(&mut self, session: Box<Session>) {
        self.ear = if session.waits() { Ear::All } else { Ear::Payload };
        self.session = Some(session);
    }

    fn size_of_aside(session: &Box<Session>) -> usize {
        session.heap()
    }

    fn blank() -> Self {
        TcpConversation::new(FlowKey::NONE, Timestamp(0), false)
    }

    fn key(&self) -> &FlowKey {
        &self.key
    }

    fn key_mut(&mut self) -> &mut FlowKey {
        &mut self.key
    }

    fn last_frame(&self) -> FrameNumber {
        self.account.last_frame()
    }

    fn is_bulky(&self) -> bool {
        self.connection.unacked_segments() > MAX_COMPACT_SEGMENTS
    }

    fn is_over(&self) -> bool {
        TcpConversation::is_over(self)
    }

    fn heap(&self) -> usize {
        let session = self.session.as_ref().map_or(0, |session| session.heap());
        self.connection.heap() + self.account.heap() + session
    }

    fn code<C: Coder>(&mut self, c: &mut C, start: Timestamp, last: FrameNumber) {
        let mut kinds_seen = self.kinds_seen();
        let TcpConversation {
            key: _,
            connection,
            account,
            succession,
            negotiation,
            session: _,
            ear,
            kinds_low,
            kinds_high,
        } = self;
        connection.code(c, start, last);
        account.code(c, connection, last);
        let mut succession_code = code_of(*succession, &Succession::ALL);
        let mut negotiation_code = code_of(*negotiation, &Negotiation::ALL);
        let mut ear_code = code_of(*ear, &Ear::ALL);
        c.parts([(&mut succession_code, 2), (&mut negotiation_code, 4), (&mut ear_code, 2)], []);
        *ear = of_code(ear_code, &Ear::ALL);
        *succession = of_code(succession_code, &Succession::ALL);
        *negotiation = of_code(negotiation_code, &Negotiation::ALL);
        kinds_seen.code(c);
        (*kinds_low, *kinds_high) = (kinds_seen.low, kinds_seen.high as u32);
    }
}
