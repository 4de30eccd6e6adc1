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
