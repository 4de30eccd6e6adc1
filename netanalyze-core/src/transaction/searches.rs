//! Lookups that a resolver makes for one name with the suffixes of its search list (RFC 1535 §6), one after the other until one exists.
//!
//! A lookup belongs to one before if the same client asks for the same type within [`NEXT_WITHIN`] of an answer that gave nothing, and both
//! names begin with the same labels while the rest of the one is all or the end of the rest of the other: `www.lab.example`, `www.example`, `www`. Keeps
//! the last [`MAX_SEARCHED_NAMES`] names that were asked for in vain.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::model::limits::MAX_SEARCHED_NAMES;
use crate::model::{FrameNumber, Span, Timestamp};
use crate::protocol::dns::{Lookup, Opcode, Outcome, Rcode, RecordType, Service};

/// From an answer that gave nothing to the query with the next suffix, at most.
const NEXT_WITHIN: Span = Span(1_000_000_000);

/// Client, type, and first label in lower case.
type Key = (IpAddr, RecordType, Box<[u8]>);

#[derive(Debug)]
struct Vain {
    name: Box<[u8]>,
    query: FrameNumber,
    answered: Timestamp,
}

/// Names that were asked for in vain.
#[derive(Debug, Default)]
pub struct Searches {
    /// Two generations: once the young one is full, the old one is forgotten.
    young: HashMap<Key, Vain, foldhash::fast::RandomState>,
    old: HashMap<Key, Vain, foldhash::fast::RandomState>,
}

impl Searches {
    /// Takes a client's lookup once it is over, in order. If it seeks the same as one before with another suffix, says in which frame that was
    /// asked.
    pub fn take(&mut self, client: IpAddr, lookup: &Lookup) -> Option<FrameNumber> {
        let query = lookup.query?;
        let is_query = lookup.service == Service::Dns && lookup.opcode == Opcode::QUERY;
        if !is_query || !lookup.has_question() {
            return None;
        }
        let label = lookup.name.split(|&byte| byte == b'.').next().unwrap_or_default();
        let key = (client, lookup.kind, label.to_ascii_lowercase().into());
        let before = self.young.get(&key).or_else(|| self.old.get(&key)).filter(|vain| {
            let pause = query.time.since(vain.answered);
            vain.query < query.frame
                && (Span(0)..=NEXT_WITHIN).contains(&pause)
                && differ_in_suffix(&vain.name, &lookup.name)
        });
        let before = before.map(|vain| vain.query);
        if lookup.outcome == Outcome::Answered
            && (lookup.rcode == Some(Rcode::NXDOMAIN) || lookup.has_no_data())
            && let Some(response) = lookup.response
        {
            if self.young.len() >= MAX_SEARCHED_NAMES / 2 {
                self.old = std::mem::take(&mut self.young);
            }
            let (name, query, answered) = (lookup.name.clone(), query.frame, response.time);
            self.young.insert(key, Vain { name, query, answered });
        }
        before
    }
}

/// Whether two names are one name with different suffixes of a search list, or without one.
fn differ_in_suffix(one: &[u8], other: &[u8]) -> bool {
    let labels = |name: &[u8]| name.split(|&byte| byte == b'.').map(<[u8]>::to_ascii_lowercase).collect();
    let (one, other): (Vec<_>, Vec<_>) = (labels(one), labels(other));
    let common = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (Some(one), Some(other)) = (one.get(common..), other.get(common..)) else { return false };
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    common > 0 && short.len() < long.len() && long.ends_with(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::dns::Parsed;
    use crate::protocol::stream::Moment;

    /// A lookup asked and answered at these milliseconds, with this code and so many records.
    fn lookup(name: &str, kind: u16, [asked, answered]: [i64; 2], (rcode, answers): (u16, u32)) -> Lookup {
        let mut bytes: Vec<u8> = [1u16, 0x0100, 1, 0, 0, 0].iter().flat_map(|w| w.to_be_bytes()).collect();
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, kind as u8, 0, 1]);
        let at =
            |ms: i64| Some(Moment { frame: FrameNumber(ms as u64 + 1), time: Timestamp(ms * 1_000_000) });
        let mut lookup = Lookup::new(Service::Dns, false, &Parsed::new(&bytes).unwrap(), 0);
        (lookup.query, lookup.response, lookup.outcome) = (at(asked), at(answered), Outcome::Answered);
        (lookup.rcode, lookup.answers) = (Some(Rcode(rcode)), answers);
        lookup
    }

    const NONE: (u16, u32) = (3, 0);
    const FOUND: (u16, u32) = (0, 1);

    #[test]
    fn one_suffix_after_the_other() {
        let client = "10.0.0.2".parse().unwrap();
        let mut searches = Searches::default();
        let mut take = |name: &str, kind: u16, times: [i64; 2], answer: (u16, u32)| {
            searches.take(client, &lookup(name, kind, times, answer)).map(|frame| frame.0)
        };
        assert_eq!(take("www.a.lab.example", 1, [0, 10], NONE), None);
        assert_eq!(take("www.a.lab.example", 28, [0, 12], NONE), None);
        assert_eq!(take("WWW.lab.example", 1, [20, 30], (0, 0)), Some(1), "no data is as vain");
        assert_eq!(take("www.lab.example", 28, [21, 31], NONE), Some(1));
        assert_eq!(take("www", 1, [40, 50], FOUND), Some(21));
        // It was found: what follows is another matter.
        assert_eq!(take("www.lab.example", 1, [1_500, 1_510], NONE), None);
        assert_eq!(take("www.lab.example", 1, [1_520, 1_530], NONE), None, "the same again");
        assert_eq!(take("www.other.example", 1, [1_540, 1_550], NONE), None, "another name");
        assert_eq!(take("www.example", 15, [1_560, 1_570], NONE), None, "another type");
        assert_eq!(take("www.other.example.lab", 1, [2_551, 2_560], NONE), None, "too late");
        assert_eq!(take("host.example.com", 1, [3_000, 3_010], NONE), None);
        assert_eq!(take("host.corp.example.com", 1, [3_011, 3_020], NONE), Some(3_001));
        assert_eq!(take("host.example.com", 1, [3_005, 3_030], NONE), None, "asked before that was known");
        assert_eq!(
            searches.take("10.0.0.3".parse().unwrap(), &lookup("host", 1, [3_040, 3_050], NONE)),
            None
        );
    }

    #[test]
    fn names_are_forgotten() {
        let mut searches = Searches::default();
        for n in 0..3 * MAX_SEARCHED_NAMES as i64 {
            searches.take("10.0.0.2".parse().unwrap(), &lookup(&format!("n{n}.example"), 1, [0, 0], NONE));
        }
        assert!(searches.young.len() + searches.old.len() <= MAX_SEARCHED_NAMES);
        let last = format!("n{}", 3 * MAX_SEARCHED_NAMES - 1);
        let next = lookup(&last, 1, [5, 6], NONE);
        assert_eq!(searches.take("10.0.0.2".parse().unwrap(), &next), Some(FrameNumber(1)));
    }
}
