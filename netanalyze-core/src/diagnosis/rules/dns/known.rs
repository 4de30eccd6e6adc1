//! What is remembered of names: which ones clients got lately, and what a name shows by itself.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::BESIDE;
use crate::model::{Span, Timestamp};
use crate::protocol::dns::Lookup;

/// Names and clients of which it is remembered when they last succeeded, in each of two generations.
pub(super) const MAX_RECENT: usize = 8_192;

/// Names that clients got resolved lately. Beyond the cap the older half is forgotten.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) young: HashMap<u64, Successes, foldhash::fast::FixedState>,
    pub(super) old: HashMap<u64, Successes, foldhash::fast::FixedState>,
}

/// When a name was resolved: the last time, and as many before that as are kept. A query without an answer is known as such only long after others for the
/// same name were answered.
#[derive(Debug, Default)]
pub(super) struct Successes {
    last: Timestamp,
    before: VecDeque<Timestamp>,
}

/// Successes of a name that are kept beside the last one.
const KEPT: usize = 16;

impl Recent {
    fn key(&self, client: IpAddr, name: &[u8]) -> u64 {
        use std::hash::BuildHasher;
        foldhash::fast::FixedState::default().hash_one((client, name))
    }

    pub(super) fn note(&mut self, client: IpAddr, name: &[u8], time: Timestamp) {
        if self.young.len() >= MAX_RECENT {
            self.old = std::mem::take(&mut self.young);
        }
        let key = self.key(client, name);
        match self.young.entry(key) {
            Entry::Occupied(known) => known.into_mut().note(time),
            Entry::Vacant(place) => {
                let mut known = self.old.remove(&key).unwrap_or_default();
                known.note(time);
                place.insert(known);
            }
        }
    }

    fn successes(&self, client: IpAddr, name: &[u8]) -> Option<&Successes> {
        let key = self.key(client, name);
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    /// When it was first resolved after a time, as far back as is known.
    pub(super) fn first_after(&self, client: IpAddr, name: &[u8], time: Timestamp) -> Option<Timestamp> {
        let known = self.successes(client, name)?;
        known.before.iter().chain([&known.last]).copied().filter(|at| *at > time).min()
    }

    /// When it was resolved last.
    pub(super) fn when(&self, client: IpAddr, name: &[u8]) -> Option<Timestamp> {
        self.successes(client, name).map(|known| known.last)
    }

    /// Whether it was resolved not long before a time, or later.
    pub(super) fn has(&self, client: IpAddr, name: &[u8], time: Timestamp) -> bool {
        self.when(client, name).is_some_and(|known| known.since(time) >= Span(-BESIDE.0))
    }
}

impl Successes {
    fn note(&mut self, time: Timestamp) {
        if self.last != Timestamp::default() {
            if self.before.len() >= KEPT {
                self.before.pop_front();
            }
            self.before.push_back(self.last);
        }
        self.last = time;
    }
}

/// Names so long carry data, labels that only machines make, and types that nobody else asks for: servers of such tunnels hold answers back on purpose.
pub(super) fn is_tunnel(lookup: &Lookup) -> bool {
    let is_data = |label: &[u8]| label.len() >= 16 && label.iter().all(u8::is_ascii_hexdigit);
    matches!(lookup.kind.0, 10 | 65_399)
        || lookup.name.len() >= 100
        || lookup.name.split(|&byte| byte == b'.').any(is_data)
}

/// A name's last two labels.
pub(super) fn domain(name: &[u8]) -> &[u8] {
    let mut dots = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
    dots.nth(1).and_then(|at| name.get(at + 1..)).unwrap_or(name)
}

/// A name's first label, in lower case.
pub(super) fn first_label(name: &[u8]) -> Box<[u8]> {
    name.split(|&byte| byte == b'.').next().unwrap_or_default().to_ascii_lowercase().into()
}
