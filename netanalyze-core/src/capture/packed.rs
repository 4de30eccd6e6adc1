//! The packed side of a compressed input: a buffer that can look ahead.
//!
//! Owns: telling read errors from damage, frame magics, skippable frames (RFC 8878, section 3.1.2; lz4 shares them). Copies nothing that
//! the decompressor can take from the buffer.

use std::io::{self, Cursor, Read};

/// Whether a magic begins a frame that carries no data.
pub(super) fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// The packed bytes: what was read to recognise them, then the rest.
///
/// Decompressors wrap read errors in their own; the real one is kept here, and they see the end of the input.
pub(super) struct Raw {
    inner: io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
    pub(super) failed: Option<io::Error>,
}

impl Raw {
    pub(super) fn new(head: Vec<u8>, rest: Box<dyn Read + Send>) -> Raw {
        Raw { inner: Cursor::new(head).chain(rest), failed: None }
    }
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return Ok(0);
                }
            }
        }
    }
}

/// Bytes of packed input held at a time.
pub(super) const BUFFER: usize = 64 << 10;

/// A buffer over the packed bytes that can look ahead, and remembers the last bytes that were taken.
pub(super) struct Packed {
    pub(super) raw: Raw,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    pub(super) last: [u8; 8],
}

impl Packed {
    pub(super) fn new(raw: Raw) -> Packed {
        Packed { raw, buffer: vec![0; BUFFER], start: 0, end: 0, last: [0xff; 8] }
    }

    /// The bytes at hand: at least `want` (a few) of them unless the input ends before.
    pub(super) fn ahead(&mut self, want: usize) -> io::Result<&[u8]> {
        if self.end - self.start < want {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < want {
                match self.raw.read(self.buffer.get_mut(self.end..).unwrap_or_default())? {
                    0 => break,
                    read => self.end = (self.end + read).min(self.buffer.len()),
                }
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    /// Marks bytes at hand as used.
    pub(super) fn take(&mut self, count: usize) {
        let end = self.start.saturating_add(count).min(self.end);
        let taken = self.buffer.get(self.start..end).unwrap_or_default();
        if let Some(last) = taken.last_chunk::<8>() {
            self.last = *last;
        } else {
            self.last.rotate_left(taken.len());
            if let Some(room) = self.last.get_mut(8 - taken.len()..) {
                room.copy_from_slice(taken);
            }
        }
        self.start = end;
    }

    /// The magic of the next frame; fewer bytes at the end of the input.
    pub(super) fn magic(&mut self) -> io::Result<Magic> {
        let ahead = self.ahead(4)?;
        Ok(match ahead.first_chunk::<4>() {
            Some(magic) if is_skippable(*magic) => Magic::Skippable,
            Some(magic) => Magic::Frame(*magic),
            None if ahead.is_empty() => Magic::End,
            None => Magic::Frame([0; 4]),
        })
    }

    /// Passes over a skippable frame; false if the input ends inside it.
    pub(super) fn skip_frame(&mut self) -> io::Result<bool> {
        let Some(&length) = self.ahead(8)?.get(4..).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(false);
        };
        self.take(8);
        let mut left = u32::from_le_bytes(length) as usize;
        while left > 0 {
            let have = self.ahead(1)?.len().min(left);
            if have == 0 {
                return Ok(false);
            }
            self.take(have);
            left -= have;
        }
        Ok(true)
    }
}

/// What comes next in the packed input.
pub(super) enum Magic {
    End,
    Skippable,
    Frame([u8; 4]),
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let have = self.ahead(1)?;
        let count = have.len().min(into.len());
        if let (Some(front), Some(bytes)) = (into.get_mut(..count), have.get(..count)) {
            front.copy_from_slice(bytes);
        }
        self.take(count);
        Ok(count)
    }
}
