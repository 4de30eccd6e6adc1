//! What is remembered of names: which ones clients got lately, and what a name shows by itself.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::BESIDE;
use crate::model::{Span, Timestamp};
use crate::protocol::dns::Lookup;

/// Names and clients of which it is remembered when they last succeeded, in each of two generations.
pub(super) const MAX_RECENT: usize = 8_192;

/// Names that clients got resolved lately. Beyond the cap the older half is forgotten.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) young: HashMap<u64, Timestamp, foldhash::fast::FixedState>,
    pub(super) old: HashMap<u64, Timestamp, foldhash::fast::FixedState>,
}

impl Recent {
    fn key(&self, client: IpAddr, name: &[u8]) -> u64 {
        use std::hash::BuildHasher;
        foldhash::fast::FixedState::default().hash_one((client, name))
    }

    pub(super) fn note(&mut self, client: IpAddr, name: &[u8], time: Timestamp) {
        if self.young.len() >= MAX_RECENT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(self.key(client, name), time);
    }

    /// When it was resolved last.
    pub(super) fn when(&self, client: IpAddr, name: &[u8]) -> Option<Timestamp> {
        let key = self.key(client, name);
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// Whether it was resolved not long before a time, or later.
    pub(super) fn has(&self, client: IpAddr, name: &[u8], time: Timestamp) -> bool {
        self.when(client, name).is_some_and(|known| known.since(time) >= Span(-BESIDE.0))
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
