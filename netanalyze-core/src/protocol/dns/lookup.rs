//! What became of a query: our own transaction.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::code::{Opcode, Rcode, RecordType};
use super::copies::Copies;
use super::edns::{Edns, ExtendedError};
use super::message::Parsed;
use super::name::Name;
use super::rdata::Rdata;
use super::record::{Question, Record, Section};
use super::said::{Service, as_text, as_texts};
use crate::model::{Endpoint, Span, limits, shown};
use crate::protocol::stream::Moment;
use crate::tcp::Checksum;

/// How a response fails to answer the query that it seems to belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mismatch {
    /// The id is another one.
    Id,
    /// The id is right, the question another one.
    Question,
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A response came, whatever it says.
    Answered,
    /// None came; [`Lookup::waited`] tells how long the capture went on.
    Unanswered,
    /// The query went to a group. Whoever answers does so from an address of their own, in another conversation:
    /// [`Groups`](crate::transaction::Groups) looks for that, and leaves this outcome if nobody did, which is usual.
    Multicast,
    /// A response whose query was not captured, or came so late that nobody waited for it.
    Unasked,
    /// A response that does not fit the query that waits.
    Mismatched(Mismatch),
    /// Too many queries were open at a time; this was the oldest.
    Forgotten,
    /// No answer was captured, and bytes of the connection are missing where it may have been.
    NotCaptured,
}

/// What a question asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The name, labels with dots between.
    #[serde(serialize_with = "as_text")]
    pub name: Box<[u8]>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: RecordType,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { ".".into() } else { shown(&self.name) };
        write!(f, "{} {name}", self.kind)
    }
}

/// Checksums of datagrams, of those that were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// One was right.
    pub(crate) right: bool,
    /// One was wrong, and not as systems leave it to the network card.
    pub(crate) wrong: bool,
}

impl Sums {
    /// Adds one.
    pub(super) fn add(&mut self, sum: Option<Checksum>) {
        self.right |= sum == Some(Checksum::Right);
        self.wrong |= sum == Some(Checksum::Wrong);
    }

    /// Nothing of it arrived here as it was sent, if its sender computes sums at all.
    pub(crate) fn are_wrong(self) -> bool {
        self.wrong && !self.right
    }
}

/// A query and its response. A query to one server is one lookup, however many questions it has (RFC 9619 allows one); of a query to a
/// group (mDNS) each question is a lookup, for others may answer each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lookup {
    /// Which protocol.
    pub service: Service,
    /// Over TCP.
    pub tcp: bool,
    /// Id of the messages.
    pub id: u16,
    /// What kind of query.
    pub opcode: Opcode,
    /// The name asked for, labels with dots between; empty for the root, and without a question ([`Lookup::has_question`]).
    #[serde(serialize_with = "as_text")]
    pub name: Box<[u8]>,
    /// The type asked for.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// The class asked for.
    pub class: u16,
    /// Questions besides the first, as announced.
    pub more_questions: u16,
    /// Those of them that were captured.
    pub others: Vec<Asked>,
    /// The question was not captured, so that name, type and class are unknown.
    pub question_cut: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// The first query.
    pub query: Option<Moment>,
    /// The first query asks the server to ask others (RFC 1035 §4.1.1: RD), and the response says that it does (RA).
    #[serde(skip)]
    pub(crate) recursion: [bool; 2],
    /// What is known of the checksums of its queries, or of a response without one.
    #[serde(skip)]
    pub(crate) sums: Sums,
    /// How often it was sent, as often as it was captured.
    pub queries: u32,
    /// The last query: the first one, or its last repetition.
    pub last_query: Option<Moment>,
    /// Which of the queries the capture only holds once more.
    #[serde(skip)]
    pub(crate) copies: Copies,
    /// The response; of a zone transfer the first one.
    pub response: Option<Moment>,
    /// Time from the first query to the response, or to a late one from the query that it was for. Negative if the clock was set back
    /// meanwhile, as Wireshark's `dns.time`.
    #[serde(rename = "latency_ns")]
    pub latency: Option<Span>,
    /// Without a response: time from the last query to the end of the capture, or to when nobody waited any more.
    #[serde(rename = "waited_ns")]
    pub waited: Option<Span>,
    /// The connection ended before a response came.
    pub closed: bool,
    /// Responses; more than one for a zone transfer, or if several hosts of a group have something to say.
    pub responses: u32,
    /// Who answered a query to a group, the first one first.
    pub responders: Vec<Endpoint>,
    /// Bytes of the responses on the wire.
    pub response_bytes: u64,
    /// The response code, with the bits that EDNS adds.
    pub rcode: Option<Rcode>,
    /// The response is that of a server responsible for the name.
    pub authoritative: bool,
    /// The response did not fit.
    pub truncated: bool,
    /// The response was not captured whole.
    pub cut: bool,
    /// Records in its answer section, as announced; of answers to a group those that the question asks for.
    pub answers: u32,
    /// Names that the name asked for leads to, one alias after the other.
    #[serde(serialize_with = "as_texts")]
    pub aliases: Vec<Box<[u8]>>,
    /// Addresses in the answer.
    pub addresses: Vec<IpAddr>,
    /// Names in the answer: of name servers, mail servers, services, hosts that an address belongs to.
    #[serde(serialize_with = "as_texts")]
    pub names: Vec<Box<[u8]>>,
    /// The shortest time in seconds that the answer may be cached.
    pub ttl: Option<u32>,
    /// What the server says of an error, or of the answer.
    pub extended_errors: Vec<ExtendedError>,
    /// The largest datagram that the client takes.
    pub udp_size: Option<u16>,
    /// Aliases, addresses, names and errors that are not listed, because a message may hold thousands.
    pub left_out: u32,
}

impl Lookup {
    /// Of a message with all its questions, of which `missing` bytes were not captured.
    pub(crate) fn new(service: Service, tcp: bool, parsed: &Parsed<'_>, missing: u32) -> Self {
        let mut questions = parsed.questions().take(limits::MAX_DNS_QUESTIONS);
        let mut lookup = Lookup::of_question(service, tcp, parsed, questions.next(), missing);
        let [count, ..] = parsed.header().counts;
        lookup.more_questions = count.saturating_sub(1);
        lookup.others = questions.map(|q| Asked { name: q.name.as_bytes().into(), kind: q.kind }).collect();
        lookup
    }

    /// Of one question of a message.
    pub(super) fn of_question(
        service: Service,
        tcp: bool,
        parsed: &Parsed<'_>,
        question: Option<Question>,
        missing: u32,
    ) -> Self {
        let header = parsed.header();
        Lookup {
            service,
            tcp,
            id: header.id,
            opcode: header.opcode(),
            name: question.map(|q| q.name.as_bytes().into()).unwrap_or_default(),
            kind: question.map(|q| q.kind).unwrap_or_default(),
            class: question.map(|q| q.class).unwrap_or_default(),
            more_questions: 0,
            others: Vec::new(),
            question_cut: question.is_none() && missing > 0 && parsed.count(0) != Some(0),
            outcome: Outcome::Unanswered,
            query: None,
            recursion: [header.flags & 0x0100 != 0, false],
            sums: Sums::default(),
            queries: 0,
            last_query: None,
            copies: Copies::default(),
            response: None,
            latency: None,
            waited: None,
            closed: false,
            responses: 0,
            responders: Vec::new(),
            response_bytes: 0,
            rcode: None,
            authoritative: false,
            truncated: false,
            cut: false,
            answers: 0,
            aliases: Vec::new(),
            addresses: Vec::new(),
            names: Vec::new(),
            ttl: None,
            extended_errors: Vec::new(),
            udp_size: None,
            left_out: 0,
        }
    }

    /// The name as it is shown: nothing in it can harm a terminal.
    #[must_use]
    pub fn shown_name(&self) -> String {
        if self.name.is_empty() { ".".to_owned() } else { shown(&self.name).into_owned() }
    }

    /// The response says that there is no such record, though the name exists (RFC 2308 §2.2).
    #[must_use]
    pub fn has_no_data(&self) -> bool {
        let answers = self.answers == 0 && !self.truncated;
        self.rcode == Some(Rcode::NOERROR) && answers && self.opcode == Opcode::QUERY
    }

    /// There is a question, and it was captured: nothing asks for the root's records of type 0, which there are not (RFC 6895 §3.1).
    #[must_use]
    pub fn has_question(&self) -> bool {
        !self.name.is_empty() || self.kind != RecordType::default()
    }

    /// The aliases lead back to one of themselves, or to the name asked for.
    #[must_use]
    pub fn aliases_circle(&self) -> bool {
        let Some((last, before)) = self.aliases.split_last() else { return false };
        std::iter::once(&self.name).chain(before).any(|name| name.eq_ignore_ascii_case(last))
    }

    /// Bytes that an answer may have: what the query offers, or 512 over UDP (RFC 1035 §4.2.1; RFC 6891 §6.2.3: less counts as that). 0 over TCP: nothing is
    /// too large there.
    pub(crate) fn room(&self) -> u16 {
        if self.tcp { 0 } else { self.udp_size.unwrap_or(0).max(512) }
    }

    /// Notes that it was asked for the first time.
    pub(super) fn ask(&mut self, parsed: &Parsed<'_>, now: Moment) {
        (self.query, self.last_query, self.queries) = (Some(now), Some(now), 1);
        self.udp_size = parsed.edns().map(|edns| edns.udp_size);
    }

    /// What the response repeats of a question that was not captured with the query.
    fn learn_question(&mut self, parsed: &Parsed<'_>) {
        if let Some(question) = parsed.question().filter(|_| !self.has_question()) {
            self.name = question.name.as_bytes().into();
            (self.kind, self.class, self.question_cut) = (question.kind, question.class, false);
        }
    }

    /// Adds a response.
    pub(crate) fn answer(&mut self, parsed: &Parsed<'_>, missing: u32, bytes: usize, now: Moment) {
        let header = parsed.header();
        self.responses += 1;
        self.response_bytes += bytes as u64 + u64::from(missing);
        self.answers += u32::from(header.count(Section::Answer));
        if self.responses > 1 {
            return;
        }
        self.learn_question(parsed);
        self.first_response(parsed, missing, now);
        let mut rcode = header.rcode();
        let mut pairs: Vec<(Name, Name)> = Vec::new();
        for record in parsed.records() {
            if let Some(edns) = Edns::of(&record) {
                rcode = edns.rcode(header.rcode());
                for (code, text) in edns.errors() {
                    let error = || ExtendedError::new(code, text);
                    keep(&mut self.extended_errors, limits::MAX_DNS_ERRORS, &mut self.left_out, error);
                }
            } else if record.section == Section::Answer && header.opcode() != Opcode::UPDATE {
                self.record(&record, &mut pairs);
            }
        }
        self.rcode = Some(rcode);
        self.follow(&pairs);
    }

    /// What the header of the response says, and its time.
    pub(super) fn first_response(&mut self, parsed: &Parsed<'_>, missing: u32, now: Moment) {
        let header = parsed.header();
        self.response = Some(now);
        self.latency = self.query.map(|query| now.time.since(query.time));
        self.recursion[1] = header.flags & 0x0080 != 0;
        self.authoritative = header.flags & 0x0400 != 0;
        self.truncated = header.is_truncated();
        self.cut = missing > 0;
        self.rcode = Some(header.rcode());
    }

    pub(super) fn record(&mut self, record: &Record<'_>, pairs: &mut Vec<(Name, Name)>) {
        self.ttl = Some(self.ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
        let (most, left_out) = (limits::MAX_DNS_ANSWERS, &mut self.left_out);
        // Records repeat each other where several servers answer, or SRV records differ in the port alone.
        let mut name = |name: Name| {
            if !self.names.iter().any(|known| name.is(known)) {
                keep(&mut self.names, most, left_out, || name.as_bytes().into());
            }
        };
        match record.rdata() {
            Rdata::A(address) => keep(&mut self.addresses, most, left_out, || address.into()),
            Rdata::Aaaa(address) => keep(&mut self.addresses, most, left_out, || address.into()),
            Rdata::Name(target) if record.kind == RecordType::CNAME => {
                keep(pairs, limits::MAX_DNS_ALIASES, left_out, || (record.name, target));
            }
            Rdata::Name(target) if record.kind != RecordType::DNAME => name(target),
            Rdata::Mx { exchange, .. } => name(exchange),
            Rdata::Srv { target, .. } => name(target),
            Rdata::Service { target, .. } => name(target),
            _ => {}
        }
    }

    /// Lists the aliases in the order in which they lead from the name asked for; their order in the message does not matter.
    pub(super) fn follow(&mut self, pairs: &[(Name, Name)]) {
        let mut from = &*self.name;
        for _ in pairs {
            let Some((_, target)) = pairs.iter().find(|(owner, _)| owner.is(from)) else { break };
            self.aliases.push(target.as_bytes().into());
            from = target.as_bytes();
        }
    }

    /// Bytes on the heap, itself included.
    pub(super) fn heap(&self) -> usize {
        let texts = |list: &[Box<[u8]>]| list.iter().map(|t| t.len() + size_of::<Box<[u8]>>()).sum::<usize>();
        let errors = self.extended_errors.iter().map(|e| e.text.len() + size_of::<ExtendedError>());
        let addresses = self.addresses.len() * size_of::<IpAddr>();
        let others = self.others.iter().map(|o| o.name.len() + size_of::<Asked>()).sum::<usize>();
        let responders = self.responders.len() * size_of::<Endpoint>();
        let lists = others
            + responders
            + texts(&self.aliases)
            + texts(&self.names)
            + addresses
            + errors.sum::<usize>();
        size_of::<Self>() + self.name.len() + lists
    }
}

/// Adds to a list, or counts what is left out.
fn keep<T>(list: &mut Vec<T>, most: usize, left_out: &mut u32, item: impl FnOnce() -> T) {
    if list.len() < most {
        list.push(item());
    } else {
        *left_out = left_out.saturating_add(1);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Answered => "answered",
            Outcome::Unanswered => "no answer",
            Outcome::Multicast => "no answer (multicast)",
            Outcome::Unasked => "unasked answer",
            Outcome::Mismatched(Mismatch::Id) => "answer with another id",
            Outcome::Mismatched(Mismatch::Question) => "answer to another question",
            Outcome::Forgotten => "forgotten",
            Outcome::NotCaptured => "not captured",
        })
    }
}
