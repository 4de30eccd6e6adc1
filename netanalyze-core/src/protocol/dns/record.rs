//! Questions and resource records, one after the other.
//!
//! As in Wireshark, a record counts once its name, its ten fixed bytes and all its data are there; the first that is not ends the message.

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::error::{Error, ErrorKind};
use nom::number::complete::{be_u16, be_u32};

use super::code::RecordType;
use super::message::{HEADER_LEN, Header};
use super::name::Name;
use super::rdata::Rdata;

/// Where in a message a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The answer; an update's prerequisites.
    Answer,
    /// Who is responsible; an update's changes.
    Authority,
    /// What may help.
    Additional,
}

/// A question (RFC 1035 §4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// What is asked.
    pub kind: RecordType,
    /// The class; in mDNS its highest bit asks for a unicast answer (RFC 6762 §5.4).
    pub class: u16,
}

/// A resource record (RFC 1035 §4.1.3).
#[derive(Clone, Copy, Debug)]
pub struct Record<'m> {
    /// Where it stands.
    pub section: Section,
    /// Its owner.
    pub name: Name,
    /// Its type.
    pub kind: RecordType,
    /// Its class; in mDNS the highest bit says that it replaces what was cached (RFC 6762 §10.2).
    pub class: u16,
    /// Seconds that it may be cached.
    pub ttl: u32,
    /// Its data.
    pub data: &'m [u8],
    message: &'m [u8],
    data_at: usize,
}

impl<'m> Record<'m> {
    /// What its data mean.
    #[must_use]
    pub fn rdata(&self) -> Rdata<'m> {
        Rdata::of(self)
    }

    /// The message from its data on.
    pub(super) fn rest(&self) -> &'m [u8] {
        self.message.get(self.data_at..).unwrap_or_default()
    }

    /// Reads a name within its data, and says where in the data it ends. The name may point anywhere in the message.
    #[must_use]
    pub fn name_at(&self, offset: usize) -> Option<(Name, usize)> {
        let (name, end) = Name::read(self.message, self.data_at.checked_add(offset)?)?;
        Some((name, end.checked_sub(self.data_at)?))
    }
}

/// A name of `message` at the place where `rest` begins.
fn name<'m>(message: &'m [u8]) -> impl FnMut(&'m [u8]) -> IResult<&'m [u8], Name> {
    move |rest| {
        let found = Name::read(message, message.len() - rest.len());
        let behind = found.as_ref().and_then(|&(_, end)| message.get(end..));
        match (found, behind) {
            (Some((name, _)), Some(behind)) => Ok((behind, name)),
            _ => Err(nom::Err::Error(Error::new(rest, ErrorKind::Fail))),
        }
    }
}

/// The questions of a message.
#[derive(Clone, Debug)]
pub struct Questions<'m> {
    message: &'m [u8],
    header: Header,
    /// What is left to read; `None` once something was not whole.
    rest: Option<&'m [u8]>,
    left: u16,
}

impl<'m> Questions<'m> {
    pub(super) fn new(message: &'m [u8], header: Header) -> Self {
        let [left, ..] = header.counts;
        Questions { message, header, rest: message.get(HEADER_LEN..), left }
    }
}

impl Iterator for Questions<'_> {
    type Item = Question;

    fn next(&mut self) -> Option<Question> {
        self.left = self.left.checked_sub(1)?;
        let read = (name(self.message), be_u16, be_u16).parse(self.rest?);
        let Ok((rest, (name, kind, class))) = read else {
            self.rest = None;
            return None;
        };
        self.rest = Some(rest);
        Some(Question { name, kind: RecordType(kind), class })
    }
}

/// The records of a message.
#[derive(Clone, Debug)]
pub struct Records<'m> {
    questions: Questions<'m>,
    section: Section,
    left: u16,
}

impl<'m> Records<'m> {
    pub(super) fn new(mut questions: Questions<'m>) -> Self {
        questions.by_ref().for_each(drop);
        Records { left: questions.header.count(Section::Answer), section: Section::Answer, questions }
    }

    /// Nothing was missing so far.
    pub(super) fn is_whole(&self) -> bool {
        self.questions.rest.is_some()
    }
}

impl<'m> Iterator for Records<'m> {
    type Item = Record<'m>;

    fn next(&mut self) -> Option<Record<'m>> {
        while self.left == 0 {
            self.section = match self.section {
                Section::Answer => Section::Authority,
                Section::Authority => Section::Additional,
                Section::Additional => return None,
            };
            self.left = self.questions.header.count(self.section);
        }
        self.left -= 1;
        let message = self.questions.message;
        let fixed = (name(message), be_u16, be_u16, be_u32, be_u16).parse(self.questions.rest?);
        let whole = fixed.and_then(|(rest, (name, kind, class, ttl, len))| {
            let (behind, data) = take::<_, _, Error<&[u8]>>(len).parse(rest)?;
            let data_at = message.len() - rest.len();
            let kind = RecordType(kind);
            Ok((behind, Record { section: self.section, name, kind, class, ttl, data, message, data_at }))
        });
        match whole {
            Ok((behind, record)) => {
                self.questions.rest = Some(behind);
                Some(record)
            }
            Err(_) => {
                self.questions.rest = None;
                None
            }
        }
    }
}
