//! The compact form of what is remembered of a conversation: its fields one after the other, small numbers in few bytes.
//!
//! A field is written as the difference from something near (numbers from their base, times and frames from those of the conversation's
//! first packet), and a field that is 0 then costs two bits. One function lists the fields of a type for both ways, so that writing and
//! reading cannot drift apart. Nothing is lost. Only our own [`Writer`] makes what a [`Reader`] reads; a reader still never fails: it reads
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

    /// One of a few values; the first costs least.
    #[inline(always)]
    fn choice<T: Copy + PartialEq>(&mut self, value: &mut T, all: &[T]) {
        let mut word = all.iter().position(|one| one == value).unwrap_or(0) as u64;
        self.word(&mut word);
        if let Some(&one) = all.get(word as usize) {
            *value = one;
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

/// Signed numbers so that small ones stay small: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline(always)]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline(always)]
fn unzigzag(word: u64) -> i64 {
    (word >> 1) as i64 ^ -((word & 1) as i64)
}

/// Bytes that a number takes, by its code of two bits: nearly all are none, small, or differences of four bytes.
const LENGTHS: [usize; 4] = [0, 1, 4, 8];
const MASKS: [u64; 4] = [0, 0xff, 0xffff_ffff, u64::MAX];
/// Numbers whose codes are in one byte.
const GROUP: usize = 4;

/// The longest compact form.
pub(crate) const LONGEST: usize = 1_024;
/// Room for what is written beyond the longest before that is noticed: a code and a number.
const ROOM: usize = LONGEST + 9;

/// Writes.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Box<[u8; ROOM]>,
    len: usize,
    codes_at: usize,
    count: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Writer { bytes: Box::new([0; ROOM]), len: 0, codes_at: 0, count: 0 }
    }
}

impl Writer {
    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        (self.len, self.count) = (0, 0);
    }

    /// What was written; `None` if it is longer than [`LONGEST`].
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len).filter(|bytes| bytes.len() <= LONGEST)
    }
}

impl Coder for Writer {
    #[inline(always)]
    fn word(&mut self, value: &mut u64) {
        let place = self.count % GROUP;
        self.count += 1;
        if self.len > LONGEST {
            return;
        }
        if place == 0 {
            self.codes_at = self.len;
            if let Some(codes) = self.bytes.get_mut(self.len) {
                *codes = 0;
            }
            self.len += 1;
        }
        if *value == 0 {
            return;
        }
        let code = 1 + usize::from(*value > 0xff) + usize::from(*value > 0xffff_ffff);
        if let Some(codes) = self.bytes.get_mut(self.codes_at) {
            *codes |= (code as u8) << (2 * place);
        }
        if let Some(room) = self.bytes.get_mut(self.len..self.len + 8) {
            room.copy_from_slice(&value.to_le_bytes());
        }
        self.len += LENGTHS.get(code).copied().unwrap_or(0);
    }
}

/// Reads.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    codes: u8,
    count: usize,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Reader { bytes, codes: 0, count: 0 }
    }
}

impl Coder for Reader<'_> {
    #[inline(always)]
    fn word(&mut self, value: &mut u64) {
        if self.count.is_multiple_of(GROUP) {
            let (codes, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
            (self.codes, self.bytes) = (*codes, rest);
        }
        self.count += 1;
        let code = usize::from(self.codes & 3);
        self.codes >>= 2;
        *value = 0;
        let (Some(&len), Some(&mask)) = (LENGTHS.get(code), MASKS.get(code)) else { return };
        *value = match self.bytes.first_chunk() {
            Some(&eight) => u64::from_le_bytes(eight),
            // The end is near.
            None => self.bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        } & mask;
        self.bytes = self.bytes.get(len..).unwrap_or_default();
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
        c.choice(&mut v.5, &['x', 'y', 'z']);
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
                    let mut reader = Reader::new(writer.bytes().unwrap());
                    for _ in 0..2 {
                        let mut read = Values::default();
                        walk(&mut reader, &mut read, base, frame);
                        assert_eq!(read, values);
                    }
                    assert_eq!(reader.bytes, []);
                    written += 1;
                }
            }
        }
        assert_eq!(written, words.len() * 16);
    }

    #[test]
    fn what_is_too_long_is_told() {
        let mut writer = Writer::default();
        for count in 0.. {
            let fits = count % 4 * 8 + count / 4 * 33 + usize::from(count % 4 > 0) <= LONGEST;
            assert_eq!(writer.bytes().is_some(), fits, "{count}");
            if count > 1_000 {
                break;
            }
            let mut most = u64::MAX;
            writer.word(&mut most);
        }
        writer.clear();
        assert_eq!(writer.bytes().unwrap(), []);
    }

    #[test]
    fn zeros_cost_two_bits_and_nothing_lies_beyond_the_end() {
        let mut writer = Writer::default();
        (0..16).for_each(|_| writer.u32(&mut 0));
        assert_eq!(writer.bytes().unwrap(), [0, 0, 0, 0]);
        writer.clear();
        for mut word in [300, 7, 0, u64::MAX] {
            writer.word(&mut word);
        }
        let written = [0b1100_0110, 0x2c, 1, 0, 0, 7, 255, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(writer.bytes().unwrap(), written);
        let mut reader = Reader::new(&[0b1111, 0x80]);
        let (mut a, mut b) = (7, 7);
        reader.word(&mut a);
        reader.word(&mut b);
        assert_eq!((a, b), (0x80, 0));
    }
}
