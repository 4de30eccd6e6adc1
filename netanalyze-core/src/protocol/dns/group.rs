//! Answers to a question that went to a group: of mDNS (RFC 6762 §6) any records of the name and type, from whoever has them; of LLMNR
//! (RFC 4795 §2.1) a message of their own, with the query's id.

use super::code::RecordType;
use super::lookup::{Lookup, Outcome};
use super::message::Parsed;
use super::name::Name;
use super::rdata::Rdata;
use super::record::{Record, Section};
use super::said::Service;
use crate::model::{Endpoint, limits};
use crate::protocol::stream::Moment;

/// In mDNS the class's highest bit is a flag.
const CLASS: u16 = 0x7fff;

impl Lookup {
    /// It asks the same as a question.
    pub(crate) fn asks(&self, name: &Name, kind: RecordType, class: u16) -> bool {
        self.kind == kind && (self.class ^ class) & CLASS == 0 && name.is(&self.name)
    }

    /// A record is something that it asks for, an alias, or says that there is no such type (RFC 6762 §6.1).
    fn is_answered_by(&self, record: &Record<'_>) -> bool {
        let kind = self.kind == record.kind
            || matches!(self.kind, RecordType::ANY)
            || matches!(record.kind, RecordType::CNAME | RecordType::NSEC);
        let withdrawn = self.service == Service::Mdns && record.ttl == 0; // RFC 6762 §10.1
        let section = record.section == Section::Answer;
        section && kind && !withdrawn && record.name.is(&self.name)
    }

    /// Whether a response answers it, as far as its contents tell.
    pub(crate) fn fits(&self, parsed: &Parsed<'_>) -> bool {
        let question = || parsed.question().is_some_and(|q| self.asks(&q.name, q.kind, q.class));
        match self.service {
            Service::Mdns => parsed.records().any(|record| self.is_answered_by(&record)) || question(),
            _ => parsed.header().id == self.id && question(),
        }
    }

    /// Adds the response of a host.
    pub(crate) fn answered_by(
        &mut self,
        responder: Endpoint,
        (parsed, missing, bytes): (&Parsed<'_>, u32, usize),
        now: Moment,
    ) {
        self.responses = self.responses.saturating_add(1);
        self.response_bytes += bytes as u64 + u64::from(missing);
        let first = self.response.is_none();
        if first {
            self.outcome = Outcome::Answered;
            self.first_response(parsed, missing, now);
        }
        // A host that answers again says the same again.
        let is_new = !self.responders.contains(&responder);
        if is_new && self.responders.len() < limits::MAX_RESPONDERS {
            self.responders.push(responder);
        }
        let mut pairs = Vec::new();
        for record in parsed.records().filter(|record| record.section == Section::Answer) {
            if self.service == Service::Mdns && !self.is_answered_by(&record) {
                continue;
            }
            let denies = record.kind == RecordType::NSEC && self.kind != RecordType::NSEC;
            self.answers = self.answers.saturating_add(u32::from(is_new && !denies));
            let known = match record.rdata() {
                Rdata::A(address) => self.addresses.contains(&address.into()),
                Rdata::Aaaa(address) => self.addresses.contains(&address.into()),
                _ => false,
            };
            if !known {
                self.record(&record, &mut pairs);
            }
        }
        if first {
            self.follow(&pairs);
        }
    }
}
