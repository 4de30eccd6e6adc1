//! The compact form of what is remembered of a conversation: its fields one after the other, small numbers in few bytes.
//!
//! A field is written as the difference from something near (numbers from their base, times and frames from those of the conversation's
//! first packet), and a field that is 0 then costs a bit. One function lists the fields of a type for both ways, so that writing and
//! reading cannot drift apart. Nothing is lost. Only our own [`Writer`] makes what a [`Reader`] reads; a reader still never fails: it reads
//! zeros beyond the end.

use crate::model::{FrameNumber, Span, Timestamp};

/// Goes over the fields of a value, either to write them or to set them.
pub(crate) trait Coder {
    /// Writes the number, or sets it.
    fn word(&mut self, value: &mut u64);

    #[inline]
    fn u32(&mut self, value: &mut u32) {
        self.u32_from(value, 0);
    }

    /// A number that is probably a little greater than `base`.
    #[inline]
    fn u32_from(&mut self, value: &mut u32, base: u32) {
        let mut word = u64::from(value.wrapping_sub(base));
        self.word(&mut word);
        *value = (word as u32).wrapping_add(base);
    }

    #[inline]
    fn u16(&mut self, value: &mut u16) {
        let mut word = u64::from(*value);
        self.word(&mut word);
        *value = word as u16;
    }

    #[inline]
    fn u8(&mut self, value: &mut u8) {
        let mut word = u64::from(*value);
        self.word(&mut word);
        *value = word as u8;
    }

    /// Up to 64 bits, together.
    #[inline]
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

    /// One of a few values; the first costs least.
    #[inline]
    fn choice<T: Copy + PartialEq>(&mut self, value: &mut T, all: &[T]) {
        let mut word = all.iter().position(|one| one == value).unwrap_or(0) as u64;
        self.word(&mut word);
        if let Some(&one) = all.get(word as usize) {
            *value = one;
        }
    }

    #[inline]
    fn signed(&mut self, value: &mut i64) {
        let mut word = zigzag(*value);
        self.word(&mut word);
        *value = unzigzag(word);
    }

    #[inline]
    fn span(&mut self, value: &mut Span) {
        self.signed(&mut value.0);
    }

    /// A time that is probably near `base`.
    #[inline]
    fn time(&mut self, value: &mut Timestamp, base: Timestamp) {
        let mut difference = value.0.wrapping_sub(base.0);
        self.signed(&mut difference);
        value.0 = difference.wrapping_add(base.0);
    }

    /// A frame, below 2^62, that is probably near `base`; 0, which is none, stays cheap.
    #[inline]
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
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(word: u64) -> i64 {
    (word >> 1) as i64 ^ -((word & 1) as i64)
}

/// Numbers whose presence one byte tells.
const GROUP: u32 = 8;

/// Writes.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    mask_at: usize,
    count: u32,
}

impl Writer {
    /// Begins anew; memory is kept.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Coder for Writer {
    #[inline]
    fn word(&mut self, value: &mut u64) {
        let bit = self.count % GROUP;
        if bit == 0 {
            self.mask_at = self.bytes.len();
            self.bytes.push(0);
        }
        self.count += 1;
        let mut rest = *value;
        if rest == 0 {
            return;
        }
        if let Some(mask) = self.bytes.get_mut(self.mask_at) {
            *mask |= 1 << bit;
        }
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }
}

/// Reads.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'b> {
    bytes: std::slice::Iter<'b, u8>,
    mask: u8,
    count: u32,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Reader { bytes: bytes.iter(), mask: 0, count: 0 }
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }
}

impl Coder for Reader<'_> {
    #[inline]
    fn word(&mut self, value: &mut u64) {
        let bit = self.count % GROUP;
        if bit == 0 {
            self.mask = self.byte();
        }
        self.count += 1;
        *value = 0;
        if self.mask >> bit & 1 == 0 {
            return;
        }
        let mut shift = 0;
        loop {
            let byte = self.byte();
            *value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 63 {
                return;
            }
        }
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
                    let mut reader = Reader::new(writer.bytes());
                    for _ in 0..2 {
                        let mut read = Values::default();
                        walk(&mut reader, &mut read, base, frame);
                        assert_eq!(read, values);
                    }
                    assert_eq!(reader.bytes.len(), 0);
                    written += 1;
                }
            }
        }
        assert_eq!(written, words.len() * 16);
    }

    #[test]
    fn zeros_cost_a_bit_and_nothing_lies_beyond_the_end() {
        let mut writer = Writer::default();
        (0..16).for_each(|_| writer.u32(&mut 0));
        assert_eq!(writer.bytes(), [0, 0]);
        writer.clear();
        let mut one = 300;
        writer.word(&mut one);
        assert_eq!(writer.bytes(), [1, 0xac, 2]);
        let mut reader = Reader::new(&[0xff, 0x80]);
        let (mut a, mut b) = (7, 7);
        reader.word(&mut a);
        reader.word(&mut b);
        assert_eq!((a, b), (0, 0));
    }
}
