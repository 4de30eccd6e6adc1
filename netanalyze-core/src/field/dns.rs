//! Fields of DNS.
//!
//! Each reads the message anew, record by record, so that a message costs nothing but what is asked of it. Names, types and what a record must
//! have to be shown are Wireshark 4.0's. A message that breaks off does not say what it is to others.

use super::Value;
use super::dns_record::{each_record, listed_types};
use super::registry::{Field, FieldType, Source};
use crate::model::FrameNumber;
use crate::protocol::dns::{DnsMessage, Name, Opcode, Parsed, Question, RecordType, Service};
use crate::protocol::message::Message;

pub(super) type Out<'o> = &'o mut Vec<Value>;

fn said(message: &Message) -> Option<&DnsMessage> {
    match message {
        Message::Dns(said) => Some(said),
        _ => None,
    }
}

pub(super) fn parsed(message: &Message) -> Option<(Parsed<'_>, Service)> {
    let said = said(message)?;
    Some((said.parsed()?, said.service))
}

/// A table row, so that a field fits a few lines.
macro_rules! field {
    ($name:literal $kind:ident $meaning:literal, $read:expr) => {
        Field { name: $name, kind: FieldType::$kind, meaning: $meaning, source: Source::Message($read) }
    };
}
pub(super) use field;

/// Text that is fit to be shown.
pub(super) fn string(text: String) -> Value {
    Value::Bytes(text.into_bytes().into())
}

pub(super) fn text(name: &Name) -> Value {
    string(name.shown())
}

pub(super) fn number(n: impl Into<u64>) -> Value {
    Value::Unsigned(n.into())
}

pub(super) fn hex(n: impl Into<u64>, digits: u8) -> Value {
    Value::Hex(n.into(), digits)
}

fn frame(number: FrameNumber) -> Value {
    Value::Unsigned(number.0)
}

/// What the header says.
fn header(message: &Message, out: Out<'_>, read: fn(&Parsed<'_>) -> Option<Value>) {
    out.extend(parsed(message).and_then(|(parsed, _)| read(&parsed)));
}

/// Which messages show a flag.
#[derive(Clone, Copy)]
enum Shown {
    Always,
    NotLlmnr,
    OnlyLlmnr,
    /// In responses, but not in LLMNR's.
    Response,
    /// There, and where it is set.
    ResponseOrSet,
}

fn flag(message: &Message, out: Out<'_>, mask: u16, shown: Shown) {
    let Some((parsed, service)) = parsed(message) else { return };
    let is_llmnr = service == Service::Llmnr;
    let is_set = parsed.header().flags & mask != 0;
    let is_shown = match shown {
        Shown::Always => true,
        Shown::NotLlmnr => !is_llmnr,
        Shown::OnlyLlmnr => is_llmnr,
        Shown::Response => !is_llmnr && parsed.header().is_response(),
        Shown::ResponseOrSet => !is_llmnr && (parsed.header().is_response() || is_set),
    };
    if is_shown {
        out.push(Value::Bool(is_set));
    }
}

/// A count; an update's have other names.
fn count(message: &Message, out: Out<'_>, index: usize, of_update: Option<bool>) {
    let Some((parsed, _)) = parsed(message) else { return };
    let is_update = parsed.header().opcode() == Opcode::UPDATE;
    if of_update.is_none_or(|wanted| wanted == is_update) {
        out.extend(parsed.count(index).map(number));
    }
}

/// A value of each question.
fn question(message: &Message, out: Out<'_>, read: fn(&Question, Service) -> Option<Value>) {
    if let Some((parsed, service)) = parsed(message) {
        out.extend(parsed.questions().filter_map(|question| read(&question, service)));
    }
}

/// What it is to other messages.
fn matching(message: &Message, out: Out<'_>, read: fn(&DnsMessage) -> Option<Value>) {
    out.extend(said(message).filter(|said| said.whole).and_then(read));
}

fn presence(message: &Message, out: Out<'_>, service: Service) {
    out.extend(said(message).filter(|said| said.service == service).map(|_| Value::Present));
}

/// mDNS has a flag of its own in the class.
pub(super) fn class(class: u16, service: Service) -> Value {
    hex(if service == Service::Mdns { class & 0x7fff } else { class }, 4)
}

pub(super) fn class_flag(class: u16, service: Service) -> Option<Value> {
    (service == Service::Mdns).then_some(Value::Bool(class & 0x8000 != 0))
}

/// The fields of header, questions and what messages are to each other.
pub(super) const FIELDS: &[Field] = &[
    field!("dns" Protocol "DNS message", |m, out| presence(m, out, Service::Dns)),
    field!("mdns" Protocol "Multicast DNS message", |m, out| presence(m, out, Service::Mdns)),
    field!("llmnr" Protocol "LLMNR message", |m, out| presence(m, out, Service::Llmnr)),
    field!("dns.length" Unsigned "Length before a message over TCP", |m, out| out.extend(said(m).and_then(|s| s.length).map(number))),
    field!("dns.id" Unsigned "Transaction id", |m, out| header(m, out, |p| Some(hex(p.header().id, 4)))),
    field!("dns.flags" Unsigned "Flags", |m, out| header(m, out, |p| Some(hex(p.header().flags, 4)))),
    field!("dns.flags.response" Boolean "It is a response", |m, out| flag(m, out, 0x8000, Shown::Always)),
    field!("dns.flags.opcode" Unsigned "Kind of query", |m, out| header(m, out, |p| Some(number(p.header().opcode().0)))),
    field!("dns.flags.authoritative" Boolean "The server is responsible for the name", |m, out| flag(m, out, 0x0400, Shown::Response)),
    field!("dns.flags.conflict" Boolean "LLMNR: the name is not unique", |m, out| flag(m, out, 0x0400, Shown::OnlyLlmnr)),
    field!("dns.flags.truncated" Boolean "The message did not fit", |m, out| flag(m, out, 0x0200, Shown::Always)),
    field!("dns.flags.recdesired" Boolean "Recursion is wanted", |m, out| flag(m, out, 0x0100, Shown::NotLlmnr)),
    field!("dns.flags.tentative" Boolean "LLMNR: the name may not be unique", |m, out| flag(m, out, 0x0100, Shown::OnlyLlmnr)),
    field!("dns.flags.recavail" Boolean "The server does recursion", |m, out| flag(m, out, 0x0080, Shown::Response)),
    field!("dns.flags.z" Boolean "Reserved flag", |m, out| flag(m, out, 0x0040, Shown::NotLlmnr)),
    field!("dns.flags.authenticated" Boolean "The server checked the signatures", |m, out| flag(m, out, 0x0020, Shown::ResponseOrSet)),
    field!("dns.flags.checkdisable" Boolean "Data with bad signatures are welcome", |m, out| flag(m, out, 0x0010, Shown::NotLlmnr)),
    field!("dns.flags.rcode" Unsigned "Response code", |m, out| header(m, out, |p| p.header().is_response().then(|| number(p.header().rcode().0)))),
    field!("dns.count.queries" Unsigned "Questions", |m, out| count(m, out, 0, Some(false))),
    field!("dns.count.answers" Unsigned "Answer records", |m, out| count(m, out, 1, Some(false))),
    field!("dns.count.auth_rr" Unsigned "Authority records", |m, out| count(m, out, 2, Some(false))),
    field!("dns.count.add_rr" Unsigned "Additional records", |m, out| count(m, out, 3, None)),
    field!("dns.count.zones" Unsigned "Zones of an update", |m, out| count(m, out, 0, Some(true))),
    field!("dns.count.prerequisites" Unsigned "Prerequisites of an update", |m, out| count(m, out, 1, Some(true))),
    field!("dns.count.updates" Unsigned "Changes of an update", |m, out| count(m, out, 2, Some(true))),
    field!("dns.qry.name" Text "Name asked for", |m, out| question(m, out, |q, _| Some(text(&q.name)))),
    field!("dns.qry.name.len" Unsigned "Length of that name", |m, out| question(m, out, |q, _| Some(number(q.name.shown_len() as u64)))),
    field!("dns.count.labels" Unsigned "Labels of that name", |m, out| question(m, out, |q, _| Some(number(q.name.labels() as u64)))),
    field!("dns.qry.type" Unsigned "Type asked for", |m, out| question(m, out, |q, _| Some(number(q.kind.0)))),
    field!("dns.qry.class" Unsigned "Class asked for", |m, out| question(m, out, |q, service| Some(class(q.class, service)))),
    field!("dns.qry.qu" Boolean "mDNS: a unicast answer is wanted", |m, out| question(m, out, |q, service| class_flag(q.class, service))),
    field!("dns.response_to" FrameNumber "Frame of the query", |m, out| matching(m, out, |s| s.matching.response_to.map(frame))),
    field!("dns.time" RelativeTime "Time since the query", |m, out| matching(m, out, |s| s.matching.time.map(Value::Time))),
    field!("dns.retransmission" Boolean "It repeats another message", |m, out| matching(m, out, |s| s.matching.is_retransmission().then_some(Value::Bool(true)))),
    field!("dns.retransmit_request_in" FrameNumber "Frame of the query that it repeats", |m, out| matching(m, out, |s| s.matching.repeats_query.map(frame))),
    field!("dns.retransmit_response_in" FrameNumber "Frame of the response that it repeats", |m, out| matching(m, out, |s| s.matching.repeats_response.map(frame))),
    field!("dns.retransmit_request" None "The query was sent again", |m, out| matching(m, out, |s| s.matching.repeats_query.map(|_| Value::Present))),
    field!("dns.retransmit_response" None "The response was sent again", |m, out| matching(m, out, |s| s.matching.repeats_response.map(|_| Value::Present))),
    field!("dns.unsolicited" Boolean "A response without a query", |m, out| matching(m, out, |s| s.matching.unsolicited.then_some(Value::Bool(true)))),
    field!("dns.resp.name" Text "Owner of a record", |m, out| each_record(m, out, |r, _, out| {
        if r.kind != RecordType::SRV {
            out.push(text(&r.name));
        }
    })),
    field!("dns.resp.type" Unsigned "Type of a record", |m, out| each_record(m, out, |r, _, out| {
        out.push(number(r.kind.0));
        listed_types(r, out);
    })),
    field!("dns.resp.class" Unsigned "Class of a record", |m, out| each_record(m, out, |r, service, out| {
        if r.kind != RecordType::OPT {
            out.push(class(r.class, service));
        }
    })),
    field!("dns.resp.cache_flush" Boolean "mDNS: the record replaces all others", |m, out| each_record(m, out, |r, service, out| {
        out.extend(class_flag(r.class, service));
    })),
    field!("dns.resp.ttl" Unsigned "Seconds that a record may be cached", |m, out| each_record(m, out, |r, _, out| {
        if r.kind != RecordType::OPT {
            out.push(number(r.ttl));
        }
    })),
    field!("dns.resp.len" Unsigned "Length of a record's data", |m, out| each_record(m, out, |r, _, out| out.push(number(r.data.len() as u64)))),
];
