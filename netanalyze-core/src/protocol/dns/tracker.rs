//! A conversation's queries and responses.
//!
//! Two views of the same messages stand side by side: [`Matcher`] follows Wireshark, for the fields. The open [`Lookup`]s are ours: a response
//! belongs to a query that has its id, its question and the other direction.

use super::Decoder;
use super::code::{Opcode, RecordType};
use super::copies::Marks;
use super::early::Early;
use super::lookup::{Lookup, Mismatch, Outcome};
use super::matching::{Matcher, Matching};
use super::message::Parsed;
use super::name::Name;
use super::rdata::Rdata;
use super::record::{Question, Section};
use super::said::{DnsMessage, GroupMessage, Service};
use crate::model::{Direction, Endpoint, Span, Timestamp, limits};
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::Moment;

/// How long a query waits: longer than any resolver does, so that a later answer is none to it.
const PATIENCE: Span = Span(60_000_000_000);
/// How long one to a group can be repeated before it counts as another, and be answered.
pub(crate) const GROUP_PATIENCE: Span = Span(3_000_000_000);

/// A query that waits.
#[derive(Clone, Debug)]
struct Open {
    id: u16,
    /// Who sent it.
    from: Direction,
    /// Stands for its question, to find it quickly.
    question: u32,
    /// When it was last sent, or answered.
    last: Timestamp,
    lookup: Box<Lookup>,
}

/// The messages of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    service: Service,
    /// Whether each direction leads to a group.
    group: [bool; 2],
    matcher: Matcher,
    /// Oldest first.
    open: Vec<Open>,
    early: Early,
}

/// A message that an ICMP error quotes: it belongs to no transaction, and Wireshark shows a response as one without a query.
#[must_use]
pub fn quoted(ends: [Endpoint; 2], bytes: &[u8], missing: u32) -> Option<DnsMessage> {
    Decoder::recognise(ends, bytes)?;
    let parsed = Parsed::new(bytes)?;
    let matching = Matching { unsolicited: parsed.header().is_response(), ..Matching::default() };
    let whole = missing == 0 && parsed.is_whole();
    let service = Service::of(ends);
    Some(DnsMessage { bytes: bytes.into(), service, length: None, whole, matching, contradicts: false })
}

/// A message with how it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'m> {
    pub from: Direction,
    pub bytes: &'m [u8],
    /// Bytes that were not captured.
    pub missing: u32,
    /// The length that TCP's framing gives.
    pub length: Option<u16>,
    pub now: Moment,
}

impl Tracker {
    pub(super) fn new(service: Service, ends: [Endpoint; 2]) -> Self {
        let [a, b] = ends.map(|end| end.ip().is_multicast() || is_broadcast(end));
        Tracker {
            service,
            group: [b, a],
            matcher: Matcher::default(),
            open: Vec::new(),
            early: Early::default(),
        }
    }

    /// Takes a message.
    pub(super) fn message(&mut self, arrived: Arrived<'_>, out: &mut Messages) {
        let Arrived { bytes, missing, length, now, .. } = arrived;
        let Some(parsed) = Parsed::new(bytes) else { return };
        self.expire(now, out);
        self.early.expire(now, out);
        let id = parsed.header().id;
        let mut copied = None;
        let (matching, contradicts) = if parsed.header().is_response() {
            let says = (question_hash(parsed.question().as_ref()), answer_hash(&parsed));
            self.matcher.response(id, says, now)
        } else {
            let question = || question_hash(parsed.question().as_ref());
            let (matching, copies) = self.matcher.query(id, question, out.brought, now);
            copied = copies;
            (matching, false)
        };
        if let Some(question) = parsed.questions().last() {
            self.matcher.asked(question.kind);
        }
        let contradicts = contradicts && missing == 0;
        if out.every || contradicts || matching.is_retransmission() {
            let (bytes, service, whole) = (bytes.into(), self.service, missing == 0 && parsed.is_whole());
            let said = DnsMessage { bytes, service, length, whole, matching, contradicts };
            out.push(arrived.from, Message::Dns(Box::new(said)));
        }
        if parsed.header().is_response() {
            self.response(arrived, &parsed, matching, out);
        } else {
            self.query(arrived, &parsed, copied, out);
        }
    }

    fn query(
        &mut self,
        arrived: Arrived<'_>,
        parsed: &Parsed<'_>,
        copied: Option<Marks<2>>,
        out: &mut Messages,
    ) {
        let Arrived { from, missing, length, now, .. } = arrived;
        if self.is_group(from) {
            return self.query_to_group(arrived, parsed, out);
        }
        let (id, question) = (parsed.header().id, parsed.question());
        let hash = question_hash(question.as_ref());
        let known = self.find(|o| o.id == id && o.from == from && o.question == hash && o.waits());
        if let Some(open) = known.and_then(|at| self.open.get_mut(at)) {
            open.lookup.comes_again(out.brought, open.last, now);
            open.last = now.time;
            open.lookup.sums.add(out.sum);
            return;
        }
        if let Some(mut lookup) = self.early.take(id, from, hash) {
            lookup.ask(parsed, now);
            lookup.outcome = Outcome::Answered;
            // Unknown, unless only the capture's order is wrong.
            let latency = lookup.response.map(|response| response.time.since(now.time));
            lookup.latency = latency.filter(|&latency| latency >= Span(0));
            return out.push(from, Message::Lookup(lookup));
        }
        if self.open.len() >= limits::MAX_OPEN_LOOKUPS {
            self.give_up(Outcome::Forgotten, now, out);
        }
        let mut lookup = Box::new(Lookup::new(self.service, length.is_some(), parsed, missing));
        lookup.sums.add(out.sum);
        lookup.ask(parsed, now);
        lookup.brought_by(out.brought, copied);
        self.open.push(Open { id, from, question: hash, last: now.time, lookup });
    }

    /// Each question to a group is a lookup, told at once: who answers does so in another conversation. Its repetitions are told as messages.
    fn query_to_group(&mut self, arrived: Arrived<'_>, parsed: &Parsed<'_>, out: &mut Messages) {
        let mut questions = parsed.questions().take(limits::MAX_DNS_QUESTIONS).map(Some).peekable();
        // Without a question it only goes on with what is known already (RFC 6762 §7.2), unless that was not captured.
        let cut = questions.peek().is_none() && parsed.count(0) != Some(0) && arrived.missing > 0;
        let mut repeats = false;
        for question in questions.chain(cut.then_some(None)) {
            repeats |= !self.question_to_group(arrived, parsed, question, out);
        }
        if repeats {
            self.tell_group(arrived, out);
        }
    }

    /// False if it was asked before.
    fn question_to_group(
        &mut self,
        arrived: Arrived<'_>,
        parsed: &Parsed<'_>,
        question: Option<Question>,
        out: &mut Messages,
    ) -> bool {
        let Arrived { from, now, length, .. } = arrived;
        let (id, hash) = (parsed.header().id, question_hash(question.as_ref()));
        let repeats = |o: &Open| {
            (o.id, o.from, o.question) == (id, from, hash) && now.time.since(o.last) <= GROUP_PATIENCE
        };
        if let Some(open) = self.open.iter_mut().find(|o| repeats(o)) {
            // The same question may stand in a message twice.
            let is_new = open.lookup.query == Some(now);
            open.last = now.time;
            return is_new;
        }
        if self.open.len() >= limits::MAX_OPEN_LOOKUPS {
            self.give_up(Outcome::Forgotten, now, out);
        }
        let mut lookup =
            Lookup::of_question(self.service, length.is_some(), parsed, question, arrived.missing);
        lookup.ask(parsed, now);
        lookup.outcome = Outcome::Multicast;
        out.push(from, Message::Lookup(Box::new(lookup.clone())));
        self.open.push(Open { id, from, question: hash, last: now.time, lookup: Box::new(lookup) });
        true
    }

    /// Tells what may belong to a lookup of another conversation.
    fn tell_group(&self, arrived: Arrived<'_>, out: &mut Messages) {
        if !out.terse {
            let Arrived { from, bytes, missing, .. } = arrived;
            let message = GroupMessage { service: self.service, bytes: bytes.into(), missing };
            out.push(from, Message::Group(Box::new(message)));
        }
    }

    fn response(
        &mut self,
        arrived: Arrived<'_>,
        parsed: &Parsed<'_>,
        matching: Matching,
        out: &mut Messages,
    ) {
        let Arrived { from, bytes, missing, length, now } = arrived;
        let (id, question) = (parsed.header().id, parsed.question());
        let hash = question_hash(question.as_ref());
        let asker = from.reverse();
        if self.is_group(asker) {
            return; // no group sends anything
        }
        let fits =
            |o: &Open| o.question == hash || question.is_none() || o.lookup.kind == RecordType::default();
        if let Some(at) = self.find(|o| o.id == id && o.from == asker && fits(o)) {
            let Some(open) = self.open.get_mut(at) else { return };
            open.lookup.answer(parsed, missing, bytes.len(), now);
            (open.lookup.outcome, open.last) = (Outcome::Answered, now.time);
            // The rest of the zone follows.
            let more = open.lookup.tcp && open.lookup.kind.is_transfer() && parsed.header().rcode().0 == 0;
            if !more {
                let open = self.open.remove(at);
                self.forget_room();
                out.push(open.from, Message::Lookup(open.lookup));
            }
            return;
        }
        let outcome = if self.find(|o| o.id == id && o.from == asker && o.waits()).is_some() {
            Outcome::Mismatched(Mismatch::Question)
        } else if self.service != Service::Dns && length.is_none() {
            return self.tell_group(arrived, out);
        } else if matching.repeats_response.is_some() {
            // It is told with the message: the lookup is over.
            return;
        } else if question.is_some()
            && self.find(|o| o.question == hash && o.from == asker && o.waits()).is_some()
        {
            Outcome::Mismatched(Mismatch::Id)
        } else {
            Outcome::Unasked
        };
        let mut lookup = Box::new(Lookup::new(self.service, length.is_some(), parsed, missing));
        lookup.sums.add(out.sum);
        lookup.answer(parsed, missing, bytes.len(), now);
        (lookup.outcome, lookup.latency) = (outcome, matching.time);
        if outcome == Outcome::Unasked && matching.unsolicited && question.is_some() {
            // Over TCP the segment may acknowledge a query that was not captured yet.
            let overtook = length.is_some() && out.reach.is_some_and(|reach| reach.behind);
            return self.early.keep(asker, hash, overtook, lookup, out);
        }
        out.push(asker, Message::Lookup(lookup));
    }

    fn find(&self, wanted: impl Fn(&Open) -> bool) -> Option<usize> {
        self.open.iter().position(wanted)
    }

    /// Bytes of this direction go to a group.
    fn is_group(&self, from: Direction) -> bool {
        self.group.get(from.index()).copied().unwrap_or(false)
    }

    /// Gives up what nobody waits for any more.
    fn expire(&mut self, now: Moment, out: &mut Messages) {
        while let Some(oldest) = self.open.first() {
            let patience = if self.is_group(oldest.from) { GROUP_PATIENCE } else { PATIENCE };
            if now.time.since(oldest.last) <= patience {
                break;
            }
            self.give_up(Outcome::Unanswered, now, out);
        }
    }

    /// Says of the oldest open query that nothing more will be known.
    fn give_up(&mut self, outcome: Outcome, now: Moment, out: &mut Messages) {
        self.give_up_at(0, outcome, now, out);
    }

    /// The same of any of them.
    fn give_up_at(&mut self, at: usize, outcome: Outcome, now: Moment, out: &mut Messages) {
        if at >= self.open.len() {
            return;
        }
        let Open { from, mut lookup, .. } = self.open.remove(at);
        self.forget_room();
        if self.is_group(from) {
            return; // it was told when it was sent
        }
        if lookup.response.is_none() {
            lookup.waited = lookup.last_query.map(|last| now.time.since(last.time).max(Span(0)));
            lookup.outcome = outcome;
        }
        out.push(from, Message::Lookup(lookup));
    }

    /// Bytes of some directions are missing that may have held answers to what is open.
    pub(super) fn lose(&mut self, missing: [bool; 2], now: Moment, out: &mut Messages) {
        let lost = |o: &Open| missing.get(o.from.reverse().index()).copied().unwrap_or(false);
        while let Some(at) = self.find(lost) {
            self.give_up_at(at, Outcome::NotCaptured, now, out);
        }
    }

    /// Whether a query of this direction waits for its answer.
    pub(super) fn awaits(&self, from: Direction) -> bool {
        self.open.iter().any(|o| o.from == from && o.waits())
    }

    /// Whether a query waits for its answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.open.iter().any(Open::waits)
    }

    /// The conversation ended, or the capture did.
    pub(super) fn finish(&mut self, closed: bool, now: Moment, out: &mut Messages) {
        self.early.finish(out);
        while let Some(oldest) = self.open.first_mut() {
            oldest.lookup.closed = closed;
            self.give_up(Outcome::Unanswered, now, out);
        }
    }

    /// A conversation without open queries keeps no room for them.
    fn forget_room(&mut self) {
        if self.open.is_empty() {
            self.open = Vec::new();
        }
    }

    pub(super) fn heap(&self) -> usize {
        let room = self.open.capacity() * size_of::<Open>();
        room + self.open.iter().map(|o| o.lookup.heap()).sum::<usize>()
            + self.early.heap()
            + self.matcher.heap()
    }
}

impl Open {
    /// No response came so far.
    fn waits(&self) -> bool {
        self.lookup.response.is_none()
    }
}

fn is_broadcast(end: Endpoint) -> bool {
    matches!(end, Endpoint::V4(end) if end.ip().is_broadcast())
}

/// FNV-1a: short, and the same on every machine.
fn hash(seed: u32, bytes: impl IntoIterator<Item = u8>) -> u32 {
    bytes.into_iter().fold(seed, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

const SEED: u32 = 0x811c_9dc5;

/// Stands for a question; the case of letters does not count (RFC 4343).
fn question_hash(question: Option<&Question>) -> u32 {
    let Some(question) = question else { return 0 };
    let name = question.name.as_bytes().iter().map(u8::to_ascii_lowercase);
    // In mDNS the class's highest bit only says how to answer.
    let kind_and_class = [question.kind.0, question.class & 0x7fff].map(u16::to_be_bytes);
    hash(SEED, name.chain(kind_and_class.into_iter().flatten()))
}

/// Stands for what a response says: its code, its aliases and addresses in any order. Servers turn the order from answer to answer.
fn answer_hash(parsed: &Parsed<'_>) -> u32 {
    let header = parsed.header();
    let code = hash(SEED, [header.rcode().0 as u8, u8::from(header.is_truncated())]);
    if header.opcode() == Opcode::UPDATE || header.count(Section::Answer) == 0 {
        return code;
    }
    let lower = |name: Name| hash(SEED, name.as_bytes().iter().map(u8::to_ascii_lowercase));
    parsed.section(Section::Answer).fold(code, |sum, record| {
        sum.wrapping_add(match record.rdata() {
            Rdata::A(address) => hash(SEED, address.octets()),
            Rdata::Aaaa(address) => hash(SEED, address.octets()),
            Rdata::Name(target) => lower(target),
            _ => 0,
        })
    })
}
