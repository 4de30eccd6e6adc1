//! A message: its header, and the way to what follows.

use nom::IResult;
use nom::Parser;
use nom::number::complete::be_u16;

use super::code::{Opcode, Rcode};
use super::edns::Edns;
use super::name::Name;
use super::record::{Question, Questions, Record, Records, Section};
use super::sound::is_sound;

/// Bytes of a header.
pub(super) const HEADER_LEN: usize = 12;

/// The header (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// Identifies query and answer.
    pub id: u16,
    /// All flags, opcode and response code.
    pub flags: u16,
    /// Questions, answers, authority records, additional records; of an update (RFC 2136) zones, prerequisites, updates,
    /// additional records.
    pub counts: [u16; 4],
}

impl Header {
    /// It is a response.
    #[must_use]
    pub fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// What kind of query.
    #[must_use]
    pub fn opcode(self) -> Opcode {
        Opcode((self.flags >> 11 & 15) as u8)
    }

    /// The response code without the bits that EDNS adds.
    #[must_use]
    pub fn rcode(self) -> Rcode {
        Rcode(self.flags & 15)
    }

    /// The answer did not fit.
    #[must_use]
    pub fn is_truncated(self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// What a section is said to hold.
    #[must_use]
    pub fn count(self, section: Section) -> u16 {
        let [_, answers, authority, additional] = self.counts;
        match section {
            Section::Answer => answers,
            Section::Authority => authority,
            Section::Additional => additional,
        }
    }
}

/// A message as far as it can be read.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'m> {
    bytes: &'m [u8],
    header: Header,
    /// How many of the header's six words were captured.
    words: u8,
}

impl<'m> Parsed<'m> {
    /// Reads the header. `None` unless id and flags are there; counts that are missing are 0.
    #[must_use]
    pub fn new(bytes: &'m [u8]) -> Option<Self> {
        let (rest, (id, flags)) = id_and_flags(bytes).ok()?;
        let mut counts = [0; 4];
        for (count, word) in counts.iter_mut().zip(rest.chunks_exact(2)) {
            *count = word.iter().fold(0, |n, &b| n << 8 | u16::from(b));
        }
        let words = (bytes.len().min(HEADER_LEN) / 2) as u8;
        Some(Parsed { bytes, header: Header { id, flags, counts }, words })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }

    /// A count of the header, 0 to 3, if it was captured.
    #[must_use]
    pub fn count(&self, index: usize) -> Option<u16> {
        self.header.counts.get(index).copied().filter(|_| usize::from(self.words) > index + 2)
    }

    /// The questions, up to the first that is not whole.
    #[must_use]
    pub fn questions(&self) -> Questions<'m> {
        Questions::new(self.bytes, self.header)
    }

    /// The records of all sections in order, up to the first that is not whole.
    #[must_use]
    pub fn records(&self) -> Records<'m> {
        Records::new(self.questions())
    }

    /// The first question.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        self.questions().next()
    }

    /// The first OPT record (RFC 6891 §6.1.1).
    #[must_use]
    pub fn edns(&self) -> Option<Edns<'m>> {
        self.records().find_map(|r| Edns::of(&r))
    }

    /// The records of a section.
    pub fn section(&self, section: Section) -> impl Iterator<Item = Record<'m>> + use<'m> {
        self.records().filter(move |r| r.section == section)
    }

    /// Everything that the header announces is there, and no record's data break off.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let mut records = self.records();
        let sound = records.by_ref().all(|record| is_sound(&record));
        usize::from(self.words) == HEADER_LEN / 2 && sound && records.is_whole()
    }
}

fn id_and_flags(bytes: &[u8]) -> IResult<&[u8], (u16, u16)> {
    (be_u16, be_u16).parse(bytes)
}

/// Whether a datagram on any port looks like DNS: the test of Wireshark 4.0. Of a query it wants one question and nothing
/// else but additional records, of a response few records; and no opcode.
#[must_use]
pub fn looks_like_dns(bytes: &[u8]) -> bool {
    let Some(parsed) = Parsed::new(bytes).filter(|_| bytes.len() > HEADER_LEN) else { return false };
    let header = parsed.header();
    let [questions, answers, authority, additional] = header.counts;
    let counts = if header.is_response() {
        questions <= 1 && answers <= 100 && authority <= 10
    } else {
        questions == 1 && answers == 0 && authority == 0
    };
    header.opcode() == Opcode::QUERY && counts && additional <= 10
}

/// Stricter than [`looks_like_dns`], for bytes of which nothing else is known: a name and a type that exist must follow.
pub(super) fn begins_message(bytes: &[u8]) -> bool {
    let Some(parsed) = Parsed::new(bytes) else { return false };
    let [questions, answers, ..] = parsed.header().counts;
    let name_ends = Name::read(bytes, HEADER_LEN).is_some();
    looks_like_dns(bytes) && name_ends && questions + answers.min(1) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
        let words = [7, flags, counts[0], counts[1], counts[2], counts[3], 0];
        words.iter().flat_map(|w: &u16| w.to_be_bytes()).collect()
    }

    #[test]
    fn a_header_tells_what_was_captured_of_it() {
        let bytes = header(0x8583, [1, 2, 3, 4]);
        for cut in 0..4 {
            assert!(Parsed::new(&bytes[..cut]).is_none(), "{cut}");
        }
        for cut in 4..=bytes.len() {
            let parsed = Parsed::new(&bytes[..cut]).unwrap();
            assert_eq!((parsed.header().id, parsed.header().flags), (7, 0x8583));
            for index in 0..4 {
                let expected = (cut >= 6 + 2 * index).then_some(index as u16 + 1);
                assert_eq!(parsed.count(index), expected, "{cut} {index}");
            }
        }
        let header = Parsed::new(&bytes).unwrap().header();
        assert!(header.is_response() && !header.is_truncated());
        assert_eq!((header.opcode(), header.rcode()), (Opcode::QUERY, Rcode::NXDOMAIN));
    }

    #[test]
    fn what_looks_like_dns() {
        for (flags, counts, expected) in [
            (0x0100, [1, 0, 0, 0], true),
            (0x0100, [1, 0, 0, 10], true),
            (0x0100, [1, 0, 0, 11], false),
            (0x0100, [2, 0, 0, 0], false),
            (0x0100, [0, 0, 0, 0], false),
            (0x0100, [1, 1, 0, 0], false),
            (0x0100, [1, 0, 1, 0], false),
            (0x2900, [1, 0, 0, 0], false),
            (0x8180, [0, 0, 0, 0], true),
            (0x8180, [1, 100, 10, 10], true),
            (0x8180, [2, 1, 0, 0], false),
            (0x8180, [1, 101, 0, 0], false),
            (0x8180, [1, 1, 11, 0], false),
        ] {
            assert_eq!(looks_like_dns(&header(flags, counts)), expected, "{flags:x} {counts:?}");
        }
        assert!(!looks_like_dns(&header(0x0100, [1, 0, 0, 0])[..12]));
    }
}
