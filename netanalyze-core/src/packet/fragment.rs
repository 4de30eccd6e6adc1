//! Bounded reassembly of IP fragments (RFC 791 §3.2, RFC 8200 §4.5), as Wireshark 4.0 does it.
//!
//! Owns: the incomplete datagrams. Reads: [`Fragment`]s in frame order. Emits: a [`Datagram`] when a fragment completes one; then the
//! datagram is forgotten, and a late duplicate starts a new one that never completes.
//! Where fragments overlap, the one with the lower offset wins, then the one that came first.
//! Costs a copy of the payload and a logarithmic step a fragment, whatever their order; fragments in order need no second copy.

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use hashbrown::HashMap;

use super::{Fragment, Origin};
use crate::model::limits::{
    MAX_FRAGMENT_BYTES, MAX_FRAGMENT_DATAGRAMS, MAX_FRAGMENTS_PER_DATAGRAM, MAX_SERVICES,
};

/// A datagram whose fragments have all arrived.
#[derive(Debug)]
pub struct Datagram {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// The frame's first VLAN id (for fragments inside).
    pub vlan: Option<u16>,
    /// The payload.
    pub payload: Vec<u8>,
    /// Where the fragment that completed it was found.
    pub origin: Origin,
}

/// Incomplete datagrams, in frame order, within the caps of [`crate::model::limits`].
#[derive(Debug, Default)]
pub struct FragmentTable {
    pending: HashMap<Key, Pending, foldhash::fast::RandomState>,
    /// Keys by age with the birth number of their datagram; entries of datagrams that are gone are skipped.
    ages: VecDeque<(Key, u64)>,
    births: u64,
    bytes: usize,
    dropped: u64,
    /// Between which hosts, by protocol, fragments went that were not captured whole.
    cut: BTreeSet<(u8, IpAddr, IpAddr)>,
    /// A fragment over IPv6 came.
    has_ipv6: bool,
}

/// What fragments of one datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
}

impl Key {
    fn of(fragment: &Fragment<'_>) -> Self {
        let mut identification = fragment.identification;
        if let (IpAddr::V4(source), IpAddr::V4(destination)) = (fragment.source, fragment.destination) {
            // Wireshark 4.0 folds protocol and, where addresses are not unique across VLANs, the first VLAN id into the identification.
            identification ^= u32::from(fragment.protocol);
            let local = |a: std::net::Ipv4Addr| a.is_private() || a.is_link_local();
            if local(source) || local(destination) {
                identification ^= u32::from(fragment.vlan.unwrap_or(0));
            }
        }
        Key { source: fragment.source, destination: fragment.destination, identification }
    }
}

/// What has arrived of one datagram.
#[derive(Debug)]
struct Pending {
    birth: u64,
    /// Protocol number of the payload.
    protocol: u8,
    /// Payloads one after the other, in order of arrival.
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// End of what arrived without a hole from offset 0 on.
    reach: u32,
    /// Beginnings and furthest ends of what lies after a hole.
    later: BTreeMap<u32, u32>,
    /// Whether the pieces so far are in order, so that `bytes` is the datagram.
    in_order: bool,
    /// The datagram's length, known from the first last fragment.
    len: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    offset: u32,
    /// Where its payload starts in `Pending::bytes`.
    start: usize,
    len: usize,
}

/// Bytes that a piece and a datagram take beside the payload, for the account of memory.
const PIECE_COST: usize = size_of::<Piece>();
const DATAGRAM_COST: usize = size_of::<(Key, Pending)>() + size_of::<(Key, u64)>();

impl FragmentTable {
    /// Takes a fragment; returns the datagram if this one completed it.
    pub fn insert(&mut self, fragment: &Fragment<'_>) -> Option<Datagram> {
        self.has_ipv6 |= fragment.source.is_ipv6();
        if fragment.payload.is_empty() {
            return None; // As Wireshark 4.0: it neither counts nor completes.
        }
        let key = Key::of(fragment);
        let births = &mut self.births;
        let (ages, bytes) = (&mut self.ages, &mut self.bytes);
        let pending = self.pending.entry(key).or_insert_with(|| {
            *births += 1;
            *bytes += DATAGRAM_COST;
            ages.push_back((key, *births));
            Pending::new(*births, fragment.protocol)
        });
        if pending.pieces.len() >= MAX_FRAGMENTS_PER_DATAGRAM {
            return None;
        }
        pending.add(fragment);
        self.bytes += fragment.payload.len() + PIECE_COST;
        if pending.is_complete() {
            let pending = self.pending.remove(&key)?;
            self.bytes = self.bytes.saturating_sub(pending.cost());
            self.forget_gone();
            return Some(Datagram {
                source: fragment.source,
                destination: fragment.destination,
                protocol: fragment.protocol,
                vlan: fragment.vlan,
                payload: pending.assemble(),
                origin: fragment.origin,
            });
        }
        while self.bytes > MAX_FRAGMENT_BYTES || self.pending.len() > MAX_FRAGMENT_DATAGRAMS {
            if !self.drop_oldest() {
                break;
            }
        }
        None
    }

    /// Takes a fragment that was not captured whole: its datagram stays incomplete. Nothing of it is kept but between whom it went.
    pub fn cut(&mut self, fragment: &Fragment<'_>) {
        self.has_ipv6 |= fragment.source.is_ipv6();
        if self.cut.len() < MAX_SERVICES {
            self.cut.insert((fragment.protocol, fragment.source, fragment.destination));
        }
    }

    /// Whether any fragment over IPv6 came.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.has_ipv6
    }

    /// Datagrams given up because a cap was reached.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Between which hosts, source first, datagrams of a protocol are still incomplete, or were not captured whole.
    #[must_use]
    pub fn incomplete(&self, protocol: u8) -> BTreeSet<(IpAddr, IpAddr)> {
        let of = self.pending.iter().filter(|(_, pending)| pending.protocol == protocol);
        let cut = self.cut.iter().filter(|(known, ..)| *known == protocol);
        let cut = cut.map(|&(_, source, destination)| (source, destination));
        of.map(|(key, _)| (key.source, key.destination)).chain(cut).collect()
    }

    fn drop_oldest(&mut self) -> bool {
        while let Some((key, birth)) = self.ages.pop_front() {
            if self.pending.get(&key).is_some_and(|p| p.birth == birth)
                && let Some(gone) = self.pending.remove(&key)
            {
                self.bytes = self.bytes.saturating_sub(gone.cost());
                self.dropped += 1;
                return true;
            }
        }
        false
    }

    /// Keeps the queue of ages in proportion to the table: each call pays for at most the entries added since the last sweep.
    fn forget_gone(&mut self) {
        if self.ages.len() > 2 * self.pending.len() + 64 {
            let pending = &self.pending;
            self.ages.retain(|(key, birth)| pending.get(key).is_some_and(|p| p.birth == *birth));
        }
    }
}

impl Pending {
    fn new(birth: u64, protocol: u8) -> Self {
        Pending {
            birth,
            protocol,
            bytes: Vec::new(),
            pieces: Vec::new(),
            reach: 0,
            later: BTreeMap::new(),
            in_order: true,
            len: None,
        }
    }

    fn cost(&self) -> usize {
        self.bytes.len() + self.pieces.len() * PIECE_COST + DATAGRAM_COST
    }

    fn add(&mut self, fragment: &Fragment<'_>) {
        let len = u32::try_from(fragment.payload.len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(len);
        self.in_order &= fragment.offset as usize == self.bytes.len();
        self.pieces.push(Piece {
            offset: fragment.offset,
            start: self.bytes.len(),
            len: fragment.payload.len(),
        });
        self.bytes.extend_from_slice(fragment.payload);
        if !fragment.more {
            self.len.get_or_insert(end);
        }
        if fragment.offset > self.reach {
            let furthest = self.later.entry(fragment.offset).or_insert(end);
            *furthest = end.max(*furthest);
            return;
        }
        self.reach = self.reach.max(end);
        while let Some(first) = self.later.first_entry()
            && *first.key() <= self.reach
        {
            self.reach = self.reach.max(first.remove());
        }
    }

    fn is_complete(&self) -> bool {
        self.len.is_some_and(|len| self.reach >= len)
    }

    fn assemble(mut self) -> Vec<u8> {
        let len = self.len.map_or(usize::MAX, |len| len as usize);
        if self.in_order {
            self.bytes.truncate(len);
            return self.bytes;
        }
        self.pieces.sort_by_key(|p| p.offset); // Stable: of equal offsets the first to arrive stays first.
        let mut whole = Vec::with_capacity(self.reach as usize);
        for piece in &self.pieces {
            let Some(known) = whole.len().checked_sub(piece.offset as usize) else { break };
            if let Some(fresh) =
                self.bytes.get(piece.start..piece.start + piece.len).and_then(|b| b.get(known..))
            {
                whole.extend_from_slice(fresh);
            }
        }
        whole.truncate(len);
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn fragment(id: u32, offset: u32, more: bool, payload: &[u8]) -> Fragment<'_> {
        Fragment {
            source: Ipv4Addr::new(8, 0, 0, 1).into(),
            destination: Ipv4Addr::new(8, 0, 0, 2).into(),
            identification: id,
            protocol: 17,
            vlan: None,
            offset,
            more,
            payload,
            origin: Origin::Packet,
        }
    }

    fn run(pieces: &[(u32, bool, &[u8])]) -> Option<Vec<u8>> {
        let mut table = FragmentTable::default();
        let mut done = None;
        for (at, &(offset, more, payload)) in pieces.iter().enumerate() {
            if let Some(d) = table.insert(&fragment(1, offset, more, payload)) {
                assert!(at + 1 == pieces.len(), "completed early, at piece {at}");
                done = Some(d.payload);
            }
        }
        done
    }

    #[test]
    fn completes_in_any_order() {
        let a: (u32, bool, &[u8]) = (0, true, &[1; 8]);
        let b: (u32, bool, &[u8]) = (8, true, &[2; 8]);
        let c: (u32, bool, &[u8]) = (16, false, &[3; 3]);
        let want = [&[1; 8][..], &[2; 8], &[3; 3]].concat();
        for order in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
            assert_eq!(run(&order).as_deref(), Some(&want[..]));
        }
        for missing in [[a, b], [a, c], [b, c]] {
            assert_eq!(run(&missing), None);
        }
    }

    #[test]
    fn overlaps_keep_the_lower_offset_then_the_first_arrival() {
        assert_eq!(
            run(&[(0, true, &[1; 16]), (8, true, &[2; 16]), (24, false, &[3; 1])]).unwrap()[15..17],
            [1, 2]
        );
        assert_eq!(
            run(&[(8, true, &[2; 16]), (24, false, &[3; 1]), (0, true, &[1; 16])]).unwrap()[15..17],
            [1, 2]
        );
        assert_eq!(
            run(&[(0, true, &[1; 8]), (0, true, &[2; 8]), (8, false, &[3; 1])]).unwrap(),
            [1, 1, 1, 1, 1, 1, 1, 1, 3]
        );
    }

    #[test]
    fn the_first_last_fragment_gives_the_length() {
        let want = [&[1; 8][..], &[4; 16]].concat();
        assert_eq!(run(&[(8, false, &[4; 16]), (8, false, &[5; 24]), (0, true, &[1; 8])]), Some(want));
        assert_eq!(
            run(&[(16, true, &[9; 8]), (8, false, &[4; 8]), (0, true, &[1; 8])]).map(|p| p.len()),
            Some(16)
        );
        assert_eq!(run(&[(0, true, &[]), (0, true, &[1; 8]), (8, false, &[])]), None);
    }

    #[test]
    fn what_stays_incomplete_is_known_by_its_hosts() {
        let mut table = FragmentTable::default();
        table.insert(&fragment(1, 0, true, &[1; 8]));
        table.insert(&Fragment { protocol: 1, ..fragment(2, 8, false, &[1; 8]) });
        let ends = (Ipv4Addr::new(8, 0, 0, 1).into(), Ipv4Addr::new(8, 0, 0, 2).into());
        assert_eq!(table.incomplete(17), BTreeSet::from([ends]));
        table.insert(&fragment(1, 8, false, &[2; 8]));
        assert!(table.incomplete(17).is_empty() && !table.has_ipv6());
        let v6 = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse::<IpAddr>().unwrap());
        table.cut(&Fragment { source: v6[0], destination: v6[1], ..fragment(3, 0, true, &[1; 8]) });
        assert_eq!(table.incomplete(17), BTreeSet::from([(v6[0], v6[1])]));
        assert!(table.incomplete(1).len() == 1 && table.has_ipv6());
    }

    #[test]
    fn a_late_duplicate_starts_anew() {
        let mut table = FragmentTable::default();
        assert!(table.insert(&fragment(1, 0, true, &[1; 8])).is_none());
        assert!(table.insert(&fragment(1, 8, false, &[2; 8])).is_some());
        assert!(table.insert(&fragment(1, 8, false, &[2; 8])).is_none());
        assert!(table.insert(&fragment(1, 0, true, &[1; 8])).is_some());
    }

    #[test]
    fn vlan_counts_only_for_local_addresses() {
        for (first, completes) in [([8, 0, 0, 1], true), ([10, 0, 0, 1], false), ([169, 254, 0, 1], false)] {
            let mut table = FragmentTable::default();
            let source = IpAddr::from(first);
            table.insert(&Fragment { vlan: Some(5), source, ..fragment(1, 0, true, &[1; 8]) });
            let done = table.insert(&Fragment { vlan: Some(6), source, ..fragment(1, 8, false, &[1; 8]) });
            assert_eq!(done.is_some(), completes, "{source}");
        }
    }

    #[test]
    fn thousands_of_pieces_backwards_complete_in_one_pass() {
        let pieces: Vec<_> = (0..8_000u32).rev().map(|i| (i * 8, i < 7_999, &[7u8; 8][..])).collect();
        assert_eq!(run(&pieces).map(|p| p.len()), Some(64_000));
    }

    #[test]
    fn caps_drop_the_oldest_and_count_it() {
        let mut table = FragmentTable::default();
        let block = vec![0; 60_000];
        for id in 0..300 {
            table.insert(&fragment(id, 8, true, &block));
        }
        assert!(table.bytes <= MAX_FRAGMENT_BYTES);
        assert_eq!(table.dropped() + table.pending.len() as u64, 300);
        assert!(table.pending.contains_key(&Key::of(&fragment(299, 8, true, &[]))));
        assert!(!table.pending.contains_key(&Key::of(&fragment(0, 8, true, &[]))));
        let mut table = FragmentTable::default();
        for id in 0..70_000 {
            table.insert(&fragment(id, 8, true, &[0]));
        }
        assert_eq!(table.pending.len(), MAX_FRAGMENT_DATAGRAMS);
        assert!(table.dropped() > 0);
    }

    #[test]
    fn the_queue_of_ages_does_not_grow_with_completed_datagrams() {
        let mut table = FragmentTable::default();
        table.insert(&fragment(999_999, 8, true, &[1; 8]));
        for id in 0..10_000 {
            table.insert(&fragment(id, 0, true, &[1; 8]));
            assert!(table.insert(&fragment(id, 8, false, &[1; 8])).is_some());
        }
        assert!(table.ages.len() < 200);
        assert_eq!(table.pending.len(), 1);
    }
}
