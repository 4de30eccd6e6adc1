//! The compact form of what is remembered of a conversation: its fields one after the other, small numbers in few bytes.
//!
//! A field is written as the difference from something near (numbers from their base, times and frames from those of the conversation's
//! first packet), and a field that is 0 then costs two bits. One function lists the fields of a type for both ways, so that writing and
//! reading cannot drift apart; every field is set, so that a value can be read over another one. Nothing is lost. Only our own [`Writer`] makes what a [`Reader`] reads; a reader still never fails: it reads
//! zeros beyond the end.

use crate::model::{FrameNumber, Span, Timestamp};

/// Goes over the fields of a value, either to write them or to set them.
pub(crate) trait Coder {
    /// Writes the number, or sets it.
    fn word(&mut self, value: &mut u64);

    #[inline(always)]
    fn u32(&mut self, value: &mut u32) {
        self.u32_from(value, 0);
    }

    /// A number that is probably a little greater than `base`.
    #[inline(always)]
    fn u32_from(&mut self, value: &mut u32, base: u32) {
        let mut word = u64::from(value.wrapping_sub(base));
        self.word(&mut word);
        *value = (word as u32).wrapping_add(base);
    }

    #[inline(always)]
    fn u16(&mut self, value: &mut u16) {
        let mut word = u64::from(*value);
        self.word(&mut word);
        *value = word as u16;
    }

    #[inline(always)]
    fn u8(&mut self, value: &mut u8) {
        let mut word = u64::from(*value);
        self.word(&mut word);
        *value = word as u8;
    }

    /// Up to 64 bits, together.
    #[inline(always)]
    fn bits<const N: usize>(&mut self, values: [&mut bool; N]) {
        let mut word = 0;
        for (place, value) in values.iter().enumerate() {
            word |= u64::from(**value) << place;
        }
        self.word(&mut word);
        for (place, value) in values.into_iter().enumerate() {
            *value = word >> place & 1 != 0;
        }
    }

    /// Small numbers, each of at most so many bits, and flags: all in one word.
    #[inline(always)]
    fn parts<const N: usize, const M: usize>(
        &mut self,
        numbers: [(&mut u64, u32); N],
        flags: [&mut bool; M],
    ) {
        let (mut word, mut place) = (0, 0);
        for (value, bits) in &numbers {
            word |= **value << place;
            place += bits;
        }
        for flag in &flags {
            word |= u64::from(**flag) << place;
            place += 1;
        }
        self.word(&mut word);
        for (value, bits) in numbers {
            *value = word & ((1 << bits) - 1);
            word >>= bits;
        }
        for flag in flags {
            *flag = word & 1 != 0;
            word >>= 1;
        }
    }

    #[inline(always)]
    fn signed(&mut self, value: &mut i64) {
        let mut word = zigzag(*value);
        self.word(&mut word);
        *value = unzigzag(word);
    }

    #[inline(always)]
    fn span(&mut self, value: &mut Span) {
        self.signed(&mut value.0);
    }

    /// A time that is probably near `base`.
    #[inline(always)]
    fn time(&mut self, value: &mut Timestamp, base: Timestamp) {
        let mut difference = value.0.wrapping_sub(base.0);
        self.signed(&mut difference);
        value.0 = difference.wrapping_add(base.0);
    }

    /// A frame, below 2^62, that is probably near `base`; 0, which is none, stays cheap.
    #[inline(always)]
    fn frame(&mut self, value: &mut FrameNumber, base: FrameNumber) {
        // One more than the zigzag difference, so that the base itself is not taken for none.
        let difference = value.0.wrapping_sub(base.0) as i64;
        let mut word = if value.0 == 0 { 0 } else { zigzag(difference) + 1 };
        self.word(&mut word);
        value.0 = match word.checked_sub(1) {
            None => 0,
            Some(word) => base.0.wrapping_add_signed(unzigzag(word)),
        };
    }

    /// What may be absent, on the heap.
    fn optional<T: Default>(&mut self, value: &mut Option<Box<T>>, walk: impl FnOnce(&mut Self, &mut T))
    where
        Self: Sized,
    {
        let mut present = value.is_some();
        self.bits([&mut present]);
        if present {
            walk(self, value.get_or_insert_default());
        } else {
            *value = None;
        }
    }
}

/// The place of one of a few values.
#[inline(always)]
pub(crate) fn code_of<T: PartialEq>(value: T, all: &[T]) -> u64 {
    all.iter().position(|one| *one == value).unwrap_or(0) as u64
}

/// One of a few values by its place.
#[inline(always)]
pub(crate) fn of_code<T: Copy + Default>(code: u64, all: &[T]) -> T {
    all.get(code as usize).copied().unwrap_or_default()
}

/// Signed numbers so that small ones stay small: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline(always)]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline(always)]
fn unzigzag(word: u64) -> i64 {
    (word >> 1) as i64 ^ -((word & 1) as i64)
}

/// Bytes that a number takes, four bits for each of the codes 0 to 3: nearly all numbers are none, small, or differences of four bytes.
const LENGTHS: u64 = 0x8410;
/// The bits that are a number's, by its code.
const MASKS: [u64; 4] = [0, 0xff, 0xffff_ffff, u64::MAX];
/// Codes of two bits that are kept in a word.
const GROUP: u32 = 32;

/// The longest compact form: the number of words of codes, these, and then the numbers.
pub(crate) const LONGEST: usize = 1_024;

#[inline(always)]
fn length(code: u64) -> usize {
    (LENGTHS >> (4 * code) & 15) as usize
}

/// Writes.
#[derive(Debug)]
pub(crate) struct Writer {
    numbers: Box<[u8; LONGEST]>,
    /// Bytes of all numbers, those included for which there was no room.
    len: usize,
    codes: Vec<u64>,
    /// The codes of the last group, and how many.
    group: u64,
    count: u32,
    whole: Vec<u8>,
}

impl Default for Writer {
    fn default() -> Self {
        let numbers = Box::new([0; LONGEST]);
        Writer { numbers, len: 0, codes: Vec::new(), group: 0, count: 0, whole: Vec::new() }
    }
}

impl Writer {
    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.codes.clear();
        (self.len, self.group, self.count) = (0, 0, 0);
    }

    /// What was written; `None` if it is longer than [`LONGEST`].
    pub(crate) fn finish(&mut self) -> Option<&[u8]> {
        if self.count > 0 {
            self.codes.push(self.group);
            (self.group, self.count) = (0, 0);
        }
        let numbers = self.numbers.get(..self.len)?;
        self.whole.clear();
        self.whole.push(u8::try_from(self.codes.len()).ok()?);
        self.codes.iter().for_each(|group| self.whole.extend_from_slice(&group.to_le_bytes()));
        self.whole.extend_from_slice(numbers);
        Some(self.whole.as_slice()).filter(|whole| whole.len() <= LONGEST)
    }
}

impl Coder for Writer {
    #[inline(always)]
    fn word(&mut self, value: &mut u64) {
        let number = *value;
        let code = u64::from(number != 0) + u64::from(number > 0xff) + u64::from(number > 0xffff_ffff);
        self.group |= code << (2 * self.count);
        self.count += 1;
        if self.count == GROUP {
            self.codes.push(self.group);
            (self.group, self.count) = (0, 0);
        }
        if let Some(room) = self.numbers.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut()) {
            *room = number.to_le_bytes();
        } else if let Some(room) = self.numbers.get_mut(self.len..self.len + length(code)) {
            room.iter_mut().zip(number.to_le_bytes()).for_each(|(to, byte)| *to = byte);
        }
        self.len += length(code);
    }
}

/// Reads.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'b> {
    codes: &'b [u8],
    numbers: &'b [u8],
    group: u64,
    count: u32,
}

impl<'b> Reader<'b> {
    /// What follows the form in `bytes` does not matter, but reading is faster if there is something.
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        let (&groups, rest) = bytes.split_first().unwrap_or((&0, &[]));
        let (codes, numbers) = rest.split_at_checked(usize::from(groups) * 8).unwrap_or_default();
        Reader { codes, numbers, group: 0, count: 0 }
    }

    #[inline(never)]
    fn next_group(&mut self) {
        let (group, rest) = self.codes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        (self.group, self.codes, self.count) = (u64::from_le_bytes(*group), rest, GROUP);
    }
}

impl Coder for Reader<'_> {
    #[inline(always)]
    fn word(&mut self, value: &mut u64) {
        if self.count == 0 {
            self.next_group();
        }
        self.count -= 1;
        let code = self.group & 3;
        self.group >>= 2;
        let number = match self.numbers.first_chunk() {
            Some(&eight) => u64::from_le_bytes(eight),
            // The end is near.
            None => self.numbers.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        *value = number & MASKS[code as usize];
        self.numbers = self.numbers.get(length(code)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of field, in an order of its own.
    fn walk<C: Coder>(c: &mut C, v: &mut Values, base: Timestamp, frame: FrameNumber) {
        c.word(&mut v.0);
        c.u32_from(&mut v.1, 0xffff_fff0);
        c.u16(&mut v.2);
        c.u8(&mut v.3);
        let [a, b, d] = &mut v.4;
        c.bits([a, b, d]);
        let mut code = code_of(v.5, &['x', 'y', 'z']);
        c.parts([(&mut code, 2)], []);
        v.5 = of_code(code, &['x', 'y', 'z']);
        c.span(&mut v.6);
        c.time(&mut v.7, base);
        c.frame(&mut v.8, frame);
    }

    type Values = (u64, u32, u16, u8, [bool; 3], char, Span, Timestamp, FrameNumber);

    #[test]
    fn what_is_written_is_read_whatever_the_bases() {
        let words = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX, 1 << 63, 1 << 62];
        let mut written = 0;
        for (place, &word) in words.iter().enumerate() {
            for base in [0, i64::MIN, i64::MAX, 1_700_000_000_000_000_000] {
                for frame in [0, 1, u64::MAX, 1 << 40] {
                    let mut values: Values = (
                        word,
                        word as u32,
                        word as u16,
                        word as u8,
                        [place & 1 != 0, place & 2 != 0, true],
                        ['x', 'y', 'z'][place % 3],
                        Span(word as i64),
                        Timestamp((word as i64).wrapping_sub(place as i64)),
                        FrameNumber(word >> 2),
                    );
                    let (base, frame) = (Timestamp(base), FrameNumber(frame >> 2));
                    let mut writer = Writer::default();
                    let mut first = values;
                    walk(&mut writer, &mut first, base, frame);
                    walk(&mut writer, &mut values, base, frame);
                    assert_eq!(first, values, "writing changes nothing");
                    let form = writer.finish().unwrap().to_vec();
                    let mut reader = Reader::new(&form);
                    for _ in 0..2 {
                        let mut read = Values::default();
                        walk(&mut reader, &mut read, base, frame);
                        assert_eq!(read, values);
                    }
                    assert!(reader.numbers.is_empty());
                    written += 1;
                }
            }
        }
        assert_eq!(written, words.len() * 16);
    }

    #[test]
    fn what_is_too_long_is_told() {
        for count in 0..1_000_usize {
            let mut writer = Writer::default();
            for _ in 0..count {
                let mut most = u64::MAX;
                writer.word(&mut most);
            }
            let len = 1 + 8 * count.div_ceil(32) + 8 * count;
            assert_eq!(writer.finish().map(<[u8]>::len), Some(len).filter(|&len| len <= LONGEST), "{count}");
        }
        let mut writer = Writer::default();
        (0..10_000).for_each(|_| writer.u32(&mut 0));
        assert_eq!(writer.finish(), None, "more groups than a byte counts");
        writer.clear();
        assert_eq!(writer.finish().unwrap(), [0]);
    }

    #[test]
    fn zeros_cost_two_bits_and_nothing_lies_beyond_the_end() {
        let mut writer = Writer::default();
        (0..32).for_each(|_| writer.u32(&mut 0));
        assert_eq!(writer.finish().unwrap(), [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        writer.clear();
        for mut word in [300, 7, 0, u64::MAX] {
            writer.word(&mut word);
        }
        let written =
            [1, 0b1100_0110, 0, 0, 0, 0, 0, 0, 0, 0x2c, 1, 0, 0, 7, 255, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(writer.finish().unwrap(), written);
        for damaged in [&[][..], &[9, 1, 2], &[1, 0b1111, 0, 0, 0, 0, 0, 0, 0, 0x80]] {
            let mut reader = Reader::new(damaged);
            let (mut a, mut b) = (7, 7);
            (0..100).for_each(|_| reader.word(&mut b));
            assert_eq!(b, 0);
            reader = Reader::new(damaged);
            reader.word(&mut a);
            assert_eq!(a, if damaged.len() == 10 { 0x80 } else { 0 });
        }
    }
}
