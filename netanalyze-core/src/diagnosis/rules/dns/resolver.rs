//! What is known of a server of names: how often it was asked and answered, and lookups that were slow or stayed without an answer, in detail those that
//! took longest.

use super::super::super::object::Ends;
use crate::model::{FrameNumber, Span, Timestamp};
use crate::protocol::dns::RecordType;

/// Answers that a rate needs.
pub(super) const ENOUGH: u64 = 5;
/// So many lookups that were asked within so short a time wait for one another, and for the link.
const BATCH: usize = 8;
const AT_ONCE: Span = Span(100_000_000);
/// Lookups of a server that are told one by one.
pub(super) const DETAILS: usize = 16;

/// A lookup that was slow, or stayed without an answer.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) ends: Ends,
    pub(super) asked: Timestamp,
    /// Until then the client waited for it.
    pub(super) until: Timestamp,
    pub(super) query: FrameNumber,
    pub(super) last_query: FrameNumber,
    pub(super) answer: FrameNumber,
    pub(super) queries: u32,
    /// It was asked again: the same server, or another one.
    pub(super) again: bool,
    pub(super) name: Box<str>,
    pub(super) kind: RecordType,
}

impl Event {
    pub(super) fn waited(&self) -> Span {
        Span(self.until.since(self.asked).0.max(0))
    }
}

/// Events of a server: some in detail, the rest counted.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) kept: Vec<Event>,
    pub(super) count: u64,
    /// Time of those that are not kept.
    pub(super) rest: Span,
}

impl Events {
    /// Leaves out what a rule does not apply to.
    pub(super) fn leave_out(&mut self, is_out: impl Fn(&Event) -> bool) {
        let before = self.kept.len();
        self.kept.retain(|event| !is_out(event));
        if self.kept.len() < before {
            (self.count, self.rest) = (self.kept.len() as u64, Span(0));
        }
    }

    /// Whether an event is one of very many that were asked for at the same time.
    pub(super) fn is_batch(&self, event: &Event) -> bool {
        let beside = |other: &&Event| other.asked.since(event.asked).0.abs() <= AT_ONCE.0;
        self.kept.iter().filter(beside).count() >= BATCH
    }

    /// Keeps those that took longest.
    pub(super) fn push(&mut self, event: Event) {
        self.count += 1;
        self.kept.push(event);
        if self.kept.len() > DETAILS {
            let least =
                self.kept.iter().enumerate().min_by_key(|(at, kept)| (kept.waited(), usize::MAX - at));
            if let Some(at) = least.map(|(at, _)| at) {
                let out = self.kept.remove(at);
                self.rest = Span(self.rest.0.saturating_add(out.waited().0));
            }
        }
    }
}

/// What is known of a server's answers.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    pub(super) asked: u64,
    pub(super) answers: u64,
    /// That took as long as [`Limit::ResolverMax`].
    pub(super) very_slow: u64,
    pub(super) slow: Events,
    pub(super) unanswered: Events,
    pub(super) failures: u64,
    /// The soonest answer.
    pub(super) least: Option<Span>,
}

impl Resolver {
    /// What every answer of it takes: the way there and back. Of few answers nobody knows.
    pub(super) fn floor(&self) -> Span {
        self.least.filter(|_| self.answers >= ENOUGH).unwrap_or_default()
    }
}
