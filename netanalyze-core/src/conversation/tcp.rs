//! A TCP conversation and what the floors above remember of it.

use super::key::FlowKey;
use super::shard::Succession;
use super::store::Record;
use crate::model::limits::MAX_COMPACT_SEGMENTS;
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::socks::Negotiation;
use crate::tcp::{Account, Coder, Connection, EndState, code_of, of_code};

/// A TCP conversation.
#[derive(Debug)]
pub(crate) struct TcpConversation {
    pub(super) key: FlowKey,
    pub(super) connection: Connection,
    pub(super) account: Account,
    pub(super) succession: Succession,
    pub(super) negotiation: Negotiation,
    /// Kinds of findings reported for it so far, one bit a kind.
    pub kinds_seen: u64,
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
            kinds_seen: 0,
        }
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
        self.connection.heap() + self.account.heap()
    }

    fn code<C: Coder>(&mut self, c: &mut C, start: Timestamp, last: FrameNumber) {
        let TcpConversation { key: _, connection, account, succession, negotiation, kinds_seen } = self;
        connection.code(c, start, last);
        account.code(c, connection, last);
        let mut succession_code = code_of(*succession, &Succession::ALL);
        let mut negotiation_code = code_of(*negotiation, &Negotiation::ALL);
        c.parts([(&mut succession_code, 2), (&mut negotiation_code, 4)], []);
        *succession = of_code(succession_code, &Succession::ALL);
        *negotiation = of_code(negotiation_code, &Negotiation::ALL);
        c.word(kinds_seen);
    }
}
