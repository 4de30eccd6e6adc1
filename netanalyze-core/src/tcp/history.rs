//! What happened on a connection, as letters in the order in which each was first seen, in the manner of Zeek's `history`.

use super::analysis::Flags;
use super::compact::Coder;
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
    len: u32,
}

/// Which letters each end has, in the order of their codes: 16 bits an end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen(u32);

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

impl Seen {
    /// Notes a segment of which `found` was flagged; returns the letters that are new, as bits.
    #[inline(always)]
    pub(super) fn note(&mut self, direction: Direction, segment: &Segment<'_>, found: Flags) -> u32 {
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
        let new = letters << (side * 16) & !self.0;
        self.0 |= new;
        new
    }

    /// Whether an end sent a segment with a letter.
    fn has(self, direction: Direction, letter: u32) -> bool {
        self.0 >> (direction.index() as u32 * 16 + letter) & 1 != 0
    }

    /// Whether an end sent a SYN without ACK.
    pub(super) fn has_syn(self, direction: Direction) -> bool {
        self.has(direction, S)
    }

    /// Whether an end sent a SYN-ACK.
    pub(super) fn has_syn_ack(self, direction: Direction) -> bool {
        self.has(direction, H)
    }

    pub(super) fn code<C: Coder>(&mut self, c: &mut C) {
        c.u32(&mut self.0);
    }
}

impl History {
    /// Adds letters that are new, as [`Seen::note`] tells them. It happens at most eleven times in an end's life.
    #[cold]
    pub(super) fn add(&mut self, mut new: u32) {
        while new != 0 {
            let bit = new.trailing_zeros();
            new &= new - 1;
            self.push(bit % 16, bit / 16);
        }
    }

    fn push(&mut self, letter: u32, side: u32) {
        if let Some(word) = self.order.get_mut((self.len / PER_WORD) as usize) {
            *word |= (letter << 1 | side) << (self.len % PER_WORD * WIDTH);
            self.len += 1;
        }
    }

    pub(super) fn code<C: Coder>(&mut self, c: &mut C) {
        let History { order, len } = self;
        order.iter_mut().for_each(|word| c.u32(word));
        c.u32(len);
    }

    /// The letters, `client` in upper case.
    pub(crate) fn text(&self, client: Direction) -> String {
        let entry = |place: u32| {
            let word = self.order.get((place / PER_WORD) as usize)?;
            let entry = (word >> (place % PER_WORD * WIDTH)) as usize & 31;
            let letter = LETTERS.get(entry >> 1)?;
            Some(if entry & 1 == client.index() { letter.to_ascii_uppercase() } else { *letter })
        };
        (0..self.len).filter_map(entry).collect()
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
