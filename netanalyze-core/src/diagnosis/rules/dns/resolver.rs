//! What is known of a server of names: how often it was asked and answered, and lookups that were slow or stayed without an answer, in detail those that
//! took longest.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hashbrown::HashSet;

use super::super::super::object::Ends;
use crate::model::limits::{MAX_DIAGNOSED, MAX_SERVICES};
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::protocol::dns::RecordType;

/// Answers that a rate needs.
pub(super) const ENOUGH: u64 = 5;
/// So many lookups that were asked within so short a time wait for one another, and for the link.
const BATCH: usize = 8;
const AT_ONCE: Span = Span(100_000_000);
/// Answers of so many bytes come whole over nearly every path (RFC 9715 §3.1, DNS flag day 2020).
const UNFRAGMENTED: u16 = 1_232;
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
    /// How often it was sent, and how often that was captured.
    pub(super) queries: u32,
    pub(super) captured: u32,
    /// It was asked again: the same server, or another one.
    pub(super) again: bool,
    pub(super) name: Box<str>,
    pub(super) kind: RecordType,
    /// Bytes that the answer might have had.
    pub(super) room: u16,
}

impl Event {
    pub(super) fn waited(&self) -> Span {
        Span(self.until.since(self.asked).0.max(0))
    }

    /// No answer came, and one in fragments was allowed.
    pub(super) fn allows_fragments(&self) -> bool {
        self.answer.0 == 0 && self.room > UNFRAGMENTED
    }
}

/// Events of a server: some in detail, the rest counted.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) kept: Vec<Event>,
    pub(super) count: u64,
    /// Conversations and clients that are known to have them.
    pub(super) spread: (u64, u64),
    /// There may be more of them than it counts.
    pub(super) is_least: bool,
    /// Time of those that are not kept.
    pub(super) rest: Span,
}

impl Events {
    /// Leaves out what a rule does not apply to.
    pub(super) fn leave_out(&mut self, is_out: impl Fn(&Event) -> bool) {
        let before = self.kept.len();
        self.kept.retain(|event| !is_out(event));
        if self.kept.len() < before {
            // How many of those that are not kept stay, nobody knows.
            self.is_least |= self.count > before as u64;
            self.only_kept();
        }
    }

    /// Leaves out what took less than so long. Of those that are not kept every one took less than those that are.
    pub(super) fn leave_out_below(&mut self, least: Span) {
        let before = self.kept.len();
        self.kept.retain(|event| event.waited() >= least);
        if self.kept.len() < before {
            self.only_kept();
        }
    }

    fn only_kept(&mut self) {
        (self.count, self.rest) = (self.kept.len() as u64, Span(0));
        self.spread = self.spread_of_kept();
    }

    fn spread_of_kept(&self) -> (u64, u64) {
        let ends: BTreeSet<Endpoint> = self.kept.iter().map(|event| event.ends.client).collect();
        let hosts: BTreeSet<IpAddr> = ends.iter().map(|client| client.ip()).collect();
        (ends.len() as u64, hosts.len() as u64)
    }

    /// Conversations and clients of those that are not kept, as far as those that are have nothing to do with them.
    pub(super) fn beyond(&self) -> (u64, u64) {
        let kept = self.spread_of_kept();
        (self.spread.0.saturating_sub(kept.0), self.spread.1.saturating_sub(kept.1))
    }

    /// How many there are, in words.
    pub(super) fn counted(&self) -> String {
        if self.is_least { format!("at least {}", self.count) } else { self.count.to_string() }
    }

    /// Whether an event is one of very many that were asked for at the same time.
    pub(super) fn is_batch(&self, event: &Event) -> bool {
        let beside = |other: &&Event| other.asked.since(event.asked).0.abs() <= AT_ONCE.0;
        self.kept.iter().filter(beside).count() >= BATCH
    }

    /// Keeps those that took longest.
    pub(super) fn push(&mut self, event: Event, (told, is_slow): (&mut Told, bool)) {
        self.count += 1;
        let (conversation, client) = told.note(is_slow, event.ends);
        self.spread.0 += u64::from(conversation);
        self.spread.1 += u64::from(client);
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

/// Who was told of already: servers with conversations, and with clients; apart for what was answered and what was not.
#[derive(Debug, Default)]
pub(super) struct Told {
    conversations: HashSet<(bool, Endpoint, Endpoint), foldhash::fast::FixedState>,
    clients: HashSet<(bool, Endpoint, IpAddr), foldhash::fast::FixedState>,
}

impl Told {
    /// Whether the conversation, and the client, are new. Beyond the cap none is.
    fn note(&mut self, is_slow: bool, ends: Ends) -> (bool, bool) {
        let (client, server) = (ends.client, ends.server);
        (
            self.conversations.len() < MAX_DIAGNOSED && self.conversations.insert((is_slow, server, client)),
            self.clients.len() < MAX_DIAGNOSED && self.clients.insert((is_slow, server, client.ip())),
        )
    }
}

/// Types of queries, as many as matter.
#[derive(Debug, Default)]
pub(super) struct Kinds(BTreeSet<RecordType>);

impl Kinds {
    /// Types that are kept.
    const MOST: usize = 64;

    pub(super) fn note(&mut self, kind: RecordType) {
        if self.0.len() < Kinds::MOST {
            self.0.insert(kind);
        }
    }

    /// The one type, if there is no other, and it is none of others.
    fn only(&self, others: &Kinds) -> Option<RecordType> {
        let one = self.0.first().copied().filter(|_| self.0.len() == 1)?;
        let told = !others.0.is_empty() && others.0.len() < Kinds::MOST;
        (told && !others.0.contains(&one)).then_some(one)
    }
}

/// The server of a query.
pub(super) fn asked(resolvers: &mut BTreeMap<Endpoint, Resolver>, server: Endpoint) -> Option<&mut Resolver> {
    if resolvers.len() >= MAX_SERVICES && !resolvers.contains_key(&server) {
        return None;
    }
    let resolver = resolvers.entry(server).or_default();
    resolver.asked += 1;
    Some(resolver)
}

/// What is known of a server's answers.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    pub(super) asked: u64,
    pub(super) answers: u64,
    /// Answers without an error to queries that nothing shows to have been lost: those whose times count.
    pub(super) timed: u64,
    /// Answers to queries that had to be sent again.
    pub(super) asked_again: u64,
    /// That took as long as [`Limit::ResolverMax`].
    pub(super) very_slow: u64,
    pub(super) slow: Events,
    pub(super) unanswered: Events,
    pub(super) failures: u64,
    /// Types of queries that it answered, and of those that it never did.
    pub(super) answered_kinds: Kinds,
    pub(super) silent_kinds: Kinds,
    /// Answers that took long were left out because every answer does: it is the way.
    pub(super) is_far: bool,
    /// The most bytes that one of the answers over UDP might have had.
    pub(super) answered_room: u16,
    /// The soonest answer.
    pub(super) least: Option<Span>,
}

impl Resolver {
    /// A query got no answer, or only when it was sent again.
    pub(super) fn left(&mut self, event: Event, told: &mut Told) {
        if event.answer.0 == 0 {
            self.silent_kinds.note(event.kind);
        }
        self.unanswered.push(event, (told, false));
    }

    /// The type of all queries without an answer, of enough of them, if none of that type was answered, and others were.
    pub(super) fn silent_kind(&self) -> Option<RecordType> {
        self.silent_kinds.only(&self.answered_kinds).filter(|_| self.unanswered.count >= ENOUGH)
    }

    /// Whether a query allowed for an answer in fragments, while all that were answered allowed only for less.
    pub(super) fn is_larger(&self, event: &Event) -> bool {
        event.allows_fragments() && self.answered_room > 0 && event.room > self.answered_room
    }

    /// What every answer of it takes: the way there and back. Of few answers nobody knows.
    pub(super) fn floor(&self) -> Span {
        self.least.filter(|_| self.answers >= ENOUGH).unwrap_or_default()
    }
}
