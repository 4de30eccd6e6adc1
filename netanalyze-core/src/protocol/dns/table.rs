//! Queries of a conversation by id.
//!
//! The two latest stand in place, which is all that most conversations have: A and AAAA of a name. Older ones go to a map, and the oldest are
//! forgotten by the thousand, so that a name server's conversation with another one stays small.

use std::collections::BTreeMap;

use super::copies::Marks;
use crate::model::{FrameNumber, Span, Timestamp, limits};

/// A query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// Its frame.
    pub frame: FrameNumber,
    /// Its time.
    pub time: Timestamp,
    /// Frame of the first response; 0 if there is none.
    pub answered_in: FrameNumber,
    /// Stands for what that response answered.
    pub question: u32,
    /// Stands for what it said.
    pub answer: u32,
    /// Milliseconds from its time to when it, or its answer, came last.
    pub lasted: u16,
    /// The packets that brought it.
    pub marks: Marks<2>,
}

impl Entry {
    /// It, or its answer, came.
    pub(super) fn comes(&mut self, now: Timestamp) {
        let lasted = now.since(self.time).0 / 1_000_000;
        self.lasted = self.lasted.max(u16::try_from(lasted.max(0)).unwrap_or(u16::MAX));
    }

    /// Time since it, or its answer, came last.
    pub(super) fn since(&self, now: Timestamp) -> Span {
        Span(now.since(self.time).0.saturating_sub(i64::from(self.lasted) * 1_000_000))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The latest first.
    latest: [Option<(u16, Entry)>; 2],
    older: Option<Box<Older>>,
}

/// Two generations; once the young one is full, the old one is dropped and the young one becomes old.
#[derive(Clone, Debug, Default)]
struct Older {
    young: BTreeMap<u16, Entry>,
    old: BTreeMap<u16, Entry>,
}

impl Table {
    #[cfg(test)]
    fn get(&self, id: u16) -> Option<&Entry> {
        let latest = self.latest.iter().flatten().find(|(own, _)| *own == id).map(|(_, entry)| entry);
        latest.or_else(|| {
            let older = self.older.as_ref()?;
            older.young.get(&id).or_else(|| older.old.get(&id))
        })
    }

    pub(super) fn get_mut(&mut self, id: u16) -> Option<&mut Entry> {
        let latest = self.latest.iter_mut().flatten().find(|(own, _)| *own == id).map(|(_, entry)| entry);
        latest.or_else(|| {
            let Older { young, old } = &mut **self.older.as_mut()?;
            young.get_mut(&id).or_else(|| old.get_mut(&id))
        })
    }

    /// Remembers a query in place of the one with its id.
    pub(super) fn insert(&mut self, id: u16, entry: Entry) {
        if let Some(known) = self.get_mut(id) {
            *known = entry;
            return;
        }
        let [first, second] = &mut self.latest;
        let moved = std::mem::replace(second, first.replace((id, entry)));
        let Some((id, entry)) = moved else { return };
        let Older { young, old } = &mut **self.older.get_or_insert_default();
        if young.len() >= limits::MAX_DNS_IDS / 2 {
            *old = std::mem::take(young);
        }
        young.insert(id, entry);
    }

    /// Bytes on the heap, about: a node of a tree has room for eleven and is two thirds full.
    pub(super) fn heap(&self) -> usize {
        let each = size_of::<(u16, Entry)>() * 3 / 2;
        self.older.as_ref().map_or(0, |o| size_of::<Older>() + (o.young.len() + o.old.len()) * each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Entry {
        Entry { frame: FrameNumber(n), ..Entry::default() }
    }

    #[test]
    fn two_queries_take_no_heap() {
        let mut table = Table::default();
        table.insert(7, entry(1));
        table.insert(8, entry(2));
        table.insert(7, entry(3));
        assert_eq!((table.get(7), table.get(8), table.get(9)), (Some(&entry(3)), Some(&entry(2)), None));
        assert_eq!(table.heap(), 0);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut table = Table::default();
        for id in 0..=u16::MAX {
            table.insert(id, entry(u64::from(id)));
            table.get_mut(id).unwrap().answer = u32::from(id);
        }
        let known = (0..=u16::MAX).filter(|&id| table.get(id).is_some()).count();
        assert!((limits::MAX_DNS_IDS / 2..=limits::MAX_DNS_IDS + 2).contains(&known), "{known}");
        let reach = (limits::MAX_DNS_IDS / 2) as u16;
        for id in u16::MAX - reach..=u16::MAX {
            assert_eq!(table.get(id), Some(&Entry { answer: u32::from(id), ..entry(u64::from(id)) }));
        }
        assert!(table.heap() < limits::MAX_DNS_IDS * 80);
    }
}
