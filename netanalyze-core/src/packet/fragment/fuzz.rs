//! What fuzzing asserts of reassembly: any fragments in any order make the datagrams that a byte map makes of them.
//!
//! The body of the fuzz target `fragments`, which reads its bytes as a script; run once on scripts in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DATAGRAM_COST, Fragment, FragmentTable, IpAddr, Origin, Pending};
use crate::model::limits::MAX_FRAGMENT_BYTES;

/// Bytes of the script for each fragment: which datagram and whether more follow, offset, length, and bits for rare things.
pub const STEP: usize = 4;

/// A fragment that the model remembers.
#[derive(Clone, Debug)]
struct Piece {
    offset: usize,
    bytes: Vec<u8>,
}

/// What arrived of one datagram, and where the first last fragment ended.
#[derive(Clone, Debug, Default)]
struct Model {
    pieces: Vec<Piece>,
    len: Option<usize>,
}

impl Model {
    /// Each byte comes from the covering piece with the lowest offset, of equal ones the first.
    fn whole(&self) -> Option<Vec<u8>> {
        let byte = |place: usize| {
            let covering =
                self.pieces.iter().filter(|p| (p.offset..p.offset + p.bytes.len()).contains(&place));
            covering.min_by_key(|p| p.offset).map(|p| p.bytes[place - p.offset])
        };
        (0..self.len?).map(byte).collect()
    }
}

/// Plays a script of fragments against the table and the model.
pub fn fragments(data: &[u8]) {
    let mut table = FragmentTable::default();
    let mut models: [Model; 16] = Default::default();
    for (number, step) in data.chunks_exact(STEP).enumerate() {
        let &[which, offset, len, rare] = step.first_chunk().expect("chunks of this length");
        let datagram = usize::from(which & 15);
        let (source, destination) = addresses(which);
        let salt = (number as u8).wrapping_mul(37);
        let payload: Vec<u8> = (0..len & 63).map(|at| at.wrapping_add(salt)).collect();
        let fragment = Fragment {
            source,
            destination,
            identification: u32::from(which & 3) << 20,
            protocol: 17,
            vlan: (rare & 1 == 1).then_some(u16::from(rare)),
            offset: u32::from(offset),
            more: which & 16 == 0,
            payload: &payload,
            origin: Origin::Packet,
        };
        let done = table.insert(&fragment);
        check_account(&table);
        let model = &mut models[datagram];
        if payload.is_empty() {
            assert!(done.is_none(), "an empty fragment completes nothing");
            continue;
        }
        let piece = Piece { offset: usize::from(offset), bytes: payload.clone() };
        if !fragment.more {
            model.len.get_or_insert(piece.offset + piece.bytes.len());
        }
        model.pieces.push(piece);
        let expected = model.whole();
        assert_eq!(done.as_ref().map(|d| &d.payload), expected.as_ref(), "fragment {number}");
        if let Some(done) = done {
            assert_eq!((done.source, done.destination, done.protocol), (source, destination, 17));
            *model = Model::default();
        }
    }
    let waiting = models.iter().filter(|model| !model.pieces.is_empty()).count();
    assert_eq!(table.pending.len(), waiting);
    assert_eq!(table.dropped(), 0);
}

/// Both ways between two hosts, IPv4 and IPv6: four datagrams each.
fn addresses(which: u8) -> (IpAddr, IpAddr) {
    let host = |last| -> IpAddr {
        if which & 4 == 0 {
            Ipv4Addr::new(8, 0, 0, last).into()
        } else {
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, last.into()).into()
        }
    };
    if which & 8 == 0 { (host(1), host(2)) } else { (host(2), host(1)) }
}

/// The account of memory is what the incomplete datagrams hold.
fn check_account(table: &FragmentTable) {
    assert_eq!(table.bytes, table.pending.values().map(Pending::cost).sum::<usize>());
    assert!(table.bytes <= MAX_FRAGMENT_BYTES + DATAGRAM_COST);
    assert!(table.ages.len() <= 2 * table.pending.len() + 65);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_body_holds_for_scripts() {
        // In order; backwards with overlaps; two datagrams at a time; the last fragment twice with different ends.
        super::fragments(&[0, 0, 8, 0, 0, 8, 8, 0, 16, 16, 5, 0]);
        super::fragments(&[16, 40, 9, 1, 0, 20, 30, 0, 0, 5, 20, 0, 0, 0, 9, 3]);
        super::fragments(&[0, 0, 8, 0, 5, 0, 8, 0, 21, 8, 8, 0, 16, 8, 8, 0]);
        super::fragments(&[16, 8, 8, 0, 16, 8, 40, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
        // Everything at once.
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let script: Vec<u8> = (0..4_000).map(|_| next()).collect();
        super::fragments(&script);
    }
}
