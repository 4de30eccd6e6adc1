//! Which query a response answers, as Wireshark 4.0 sees it: by id alone.
//!
//! A query with the id of one that is unanswered and less than 5 s old repeats it. A response answers the latest query with its id; a second one
//! repeats the first, except while a zone is transferred, which takes many. Neither name nor direction matters.

use super::code::RecordType;
use super::copies::Marks;
use super::table::{Entry, Table};
use crate::model::{FrameNumber, Span};
use crate::protocol::message::Brought;
use crate::protocol::stream::Moment;

/// Age from which a query with a known id is a new one, as Wireshark's `dns.retransmission_timer`.
const RETRANSMISSION_TIMER: Span = Span(5_000_000_000);

/// What a message is to the others with its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Matching {
    /// Frame of the query that a response answers: `dns.response_to`.
    pub response_to: Option<FrameNumber>,
    /// Time since that query: `dns.time`.
    pub time: Option<Span>,
    /// Frame of the query that this query repeats: `dns.retransmit_request_in`.
    pub repeats_query: Option<FrameNumber>,
    /// Frame of the response that this response repeats: `dns.retransmit_response_in`.
    pub repeats_response: Option<FrameNumber>,
    /// A response without a query: `dns.unsolicited`.
    pub unsolicited: bool,
}

impl Matching {
    /// It repeats another: `dns.retransmission`.
    #[must_use]
    pub fn is_retransmission(&self) -> bool {
        self.repeats_query.is_some() || self.repeats_response.is_some()
    }
}

/// The queries of a conversation by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Matcher {
    table: Table,
    /// What the message before asked for.
    last_kind: RecordType,
}

impl Matcher {
    /// Says what a query is to those before it, and remembers it. `packet` is what brought it; where the query is a copy
    /// of one that was answered already, all that brought that are said, too.
    pub(super) fn query(
        &mut self,
        id: u16,
        question: impl FnOnce() -> u32,
        packet: Brought,
        now: Moment,
    ) -> (Matching, Option<Marks<2>>) {
        let mut copied = None;
        if let Some(entry) = self.table.get_mut(id) {
            if entry.answered_in == FrameNumber(0) {
                if now.time.since(entry.time) < RETRANSMISSION_TIMER {
                    entry.marks.note(packet.ip_id);
                    entry.comes(now.time);
                    return (Matching { repeats_query: Some(entry.frame), ..Matching::default() }, None);
                }
            } else if entry.marks.has_copy(packet, entry.since(now.time)) && entry.question == question() {
                copied = Some(entry.marks);
            }
        }
        let marks = copied.unwrap_or_else(|| Marks::new(packet));
        self.table.insert(id, Entry { frame: now.frame, time: now.time, marks, ..Entry::default() });
        (Matching::default(), copied)
    }

    /// Says what a response is to queries and responses before it. Two numbers stand for what it answers and what it says; `true` if the
    /// response that it repeats said something else to the same question.
    pub(super) fn response(
        &mut self,
        id: u16,
        (question, answer): (u32, u32),
        now: Moment,
    ) -> (Matching, bool) {
        let Some(entry) = self.table.get_mut(id) else {
            return (Matching { unsolicited: true, ..Matching::default() }, false);
        };
        entry.comes(now.time);
        if entry.answered_in == FrameNumber(0) {
            (entry.answered_in, entry.question, entry.answer) = (now.frame, question, answer);
        } else if !self.last_kind.is_transfer() {
            let repeats_response = Some(entry.answered_in);
            let contradicts = entry.question == question && entry.answer != answer;
            return (Matching { repeats_response, ..Matching::default() }, contradicts);
        }
        let time = Some(now.time.since(entry.time));
        (Matching { response_to: Some(entry.frame), time, ..Matching::default() }, false)
    }

    /// Remembers what a message asked for.
    pub(super) fn asked(&mut self, kind: RecordType) {
        self.last_kind = kind;
    }

    pub(super) fn heap(&self) -> usize {
        self.table.heap()
    }
}
