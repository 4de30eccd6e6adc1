//! What happened on a connection, as letters in the order in which each was first seen, in the manner of Zeek's `history`.

use super::analysis::Flags;
use super::segment::{Scope, Segment};
use crate::model::Direction;

/// The letters, in the order of their codes.
///
/// | letter | what |
/// |---|---|
/// | `s` | a SYN without ACK |
/// | `h` | a SYN-ACK |
/// | `a` | an ACK without data |
/// | `d` | data |
/// | `f` | a FIN |
/// | `r` | an RST |
/// | `g` | something before this segment was not captured |
/// | `t` | a retransmission |
/// | `w` | a closed window |
/// | `i` | FIN and RST in one segment |
/// | `q` | SYN with FIN or RST in one segment |
///
/// Each letter stands at most once for each end; upper case is the client, lower case the server. Zeek repeats `g`, `t` and `w` as their
/// numbers grow; here the counts stand in fields of their own.
#[derive(Default)]
pub struct History {
    order: [u32; 4],
    seen: u32,
}

const LETTERS: [char; 11] = ['s', 'h', 'a', 'd', 'f', 'r', 'g', 't', 'w', 'i', 'q'];
const S: u32 = 0;
const H: u32 = 1;
const A: u32 = 2;
const D: u32 = 3;
const F: u32 = 4;
const R: u32 = 5;
const G: u32 = 6;
const T: u32 = 7;
const W: u32 = 8;
const I: u32 = 9;
const Q: u32 = 10;
/// Bits of an entry: four for the letter, one for the direction.
const WIDTH: u32 = 5;
/// Entries in a word.
const PER_WORD: u32 = u32::BITS / WIDTH;

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Direction::AtoB))
    }
}

impl History {
    /// Notes a segment of which `found` was flagged.
    #[inline(always)]
    pub(crate) fn note(&mut self, direction: Direction, segment: &Segment<'_>, found: Flags) {
        let flags = segment.flags;
        let mut letters = 0;
        if flags.is_control() {
            let (syn, fin, rst) = (flags.syn(), flags.fin(), flags.rst());
            letters |= u32::from(flags.is_pure_syn()) << S | u32::from(flags.is_syn_ack()) << H;
            letters |= u32::from(fin) << F | u32::from(rst) << R;
            letters |= u32::from(fin && rst) << I | u32::from(syn && (fin || rst)) << Q;
        }
        if segment.len > 0 && segment.scope == Scope::Full {
            letters |= 1 << D;
        } else if flags.ack() && !flags.is_control() {
            letters |= 1 << A;
        }
        if found.intersects(NOTED) {
            letters |= u32::from(found.has(Flags::LOST_SEGMENT)) << G;
            letters |= u32::from(found.intersects(Flags::ANY_RETRANSMISSION)) << T;
            letters |= u32::from(found.has(Flags::ZERO_WINDOW)) << W;
        }
        let side = direction.index() as u32;
        let new = letters << (side * 16) & !self.seen;
        if new != 0 {
            self.push_all(new, side);
        }
    }

    /// Letters are new at most eleven times in an end's life.
    #[cold]
    fn push_all(&mut self, mut new: u32, side: u32) {
        while new != 0 {
            let bit = new.trailing_zeros();
            new &= new - 1;
            self.push(bit % 16, side);
        }
    }

    fn push(&mut self, letter: u32, side: u32) {
        let place = self.seen.count_ones();
        self.seen |= 1 << (side * 16 + letter);
        if let Some(word) = self.order.get_mut((place / PER_WORD) as usize) {
            *word |= (letter << 1 | side) << (place % PER_WORD * WIDTH);
        }
    }

    /// Whether an end sent a segment with a letter of a set, given as bits.
    fn has(&self, direction: Direction, letter: u32) -> bool {
        self.seen >> (direction.index() as u32 * 16 + letter) & 1 != 0
    }

    /// Whether an end sent a SYN without ACK.
    pub(crate) fn has_syn(&self, direction: Direction) -> bool {
        self.has(direction, S)
    }

    /// Whether an end sent a SYN-ACK.
    pub(crate) fn has_syn_ack(&self, direction: Direction) -> bool {
        self.has(direction, H)
    }

    /// The letters, `client` in upper case.
    pub(crate) fn text(&self, client: Direction) -> String {
        let entry = |place: u32| {
            let word = self.order.get((place / PER_WORD) as usize)?;
            let entry = (word >> (place % PER_WORD * WIDTH)) as usize & 31;
            let letter = LETTERS.get(entry >> 1)?;
            Some(if entry & 1 == client.index() { letter.to_ascii_uppercase() } else { *letter })
        };
        (0..self.seen.count_ones()).filter_map(entry).collect()
    }
}

/// Flags of a verdict that have a letter.
pub(super) const NOTED: Flags =
    Flags(Flags::LOST_SEGMENT.0 | Flags::ANY_RETRANSMISSION.0 | Flags::ZERO_WINDOW.0);
const _: () = assert!(LETTERS.len() * 2 <= (PER_WORD * 4) as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_both_ends_fits_and_keeps_its_place() {
        let mut history = History::default();
        let mut expected = String::new();
        for letter in (0..LETTERS.len() as u32).rev() {
            for side in [1, 0] {
                history.push(letter, side);
                let c = LETTERS[letter as usize];
                expected.push(if side == 1 { c.to_ascii_uppercase() } else { c });
            }
        }
        assert_eq!(history.text(Direction::BtoA), expected);
    }
}
