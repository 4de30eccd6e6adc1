//! Short strings of bytes, kept close together: in pieces of a multiple of 16 bytes, each size in chunks of its own, and what is given back is
//! used again for the next one of its size. A chunk that holds nothing any more goes back to the heap: conversations grow together, and all
//! leave a size behind.

use crate::tcp::LONGEST;

/// Where a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle(u32);

/// Pieces grow by this many bytes.
const STEP: usize = 16;
/// How many sizes there are.
const SIZES: usize = 64;
const _: () = assert!(STEP * SIZES == LONGEST);
/// Pieces in a chunk: a bit of a word each.
const CHUNK: usize = u32::BITS as usize;
/// Bits of a [`Handle`] that tell the place, which are those of a chunk's number and of a piece in it; the others tell the size.
const PLACE_BITS: u32 = 26;
const CHUNK_BITS: u32 = CHUNK.ilog2();

/// As many pieces of one size as a word has bits.
#[derive(Debug, Default)]
struct Chunk {
    /// Nothing while all pieces are vacant.
    bytes: Box<[u8]>,
    /// A bit for each piece that is vacant.
    vacant: u32,
}

/// The pieces of one size.
#[derive(Debug, Default)]
struct Shelf {
    chunks: Vec<Chunk>,
    /// Chunks with vacant pieces, each once; some may have lost their bytes since.
    roomy: Vec<u32>,
    /// Chunks without bytes.
    bare: Vec<u32>,
}

impl Shelf {
    /// A chunk with a vacant piece; `None` if there are as many as a [`Handle`] can tell apart.
    fn roomy(&mut self, piece: usize) -> Option<u32> {
        while let Some(&number) = self.roomy.last() {
            if self.chunks.get(number as usize).is_some_and(|chunk| !chunk.bytes.is_empty()) {
                return Some(number);
            }
            self.roomy.pop();
            self.bare.push(number);
        }
        let number = match self.bare.pop() {
            Some(number) => number,
            None => {
                let number =
                    u32::try_from(self.chunks.len()).ok().filter(|n| n >> (PLACE_BITS - CHUNK_BITS) == 0)?;
                self.chunks.push(Chunk::default());
                number
            }
        };
        *self.chunks.get_mut(number as usize)? =
            Chunk { bytes: vec![0; CHUNK * piece].into(), vacant: u32::MAX };
        self.roomy.push(number);
        Some(number)
    }
}

/// The strings.
#[derive(Debug)]
pub(super) struct Shelves {
    shelves: [Shelf; SIZES],
    used: usize,
}

impl Default for Shelves {
    fn default() -> Self {
        Shelves { shelves: std::array::from_fn(|_| Shelf::default()), used: 0 }
    }
}

impl Shelves {
    /// Keeps a string; `None` if it is empty, longer than [`LONGEST`], or there are 2^26 of its size already.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Option<Handle> {
        let size = bytes.len().div_ceil(STEP).checked_sub(1).filter(|_| bytes.len() <= LONGEST)?;
        let shelf = self.shelves.get_mut(size)?;
        let piece = (size + 1) * STEP;
        let number = shelf.roomy(piece)?;
        let chunk = shelf.chunks.get_mut(number as usize)?;
        let at = chunk.vacant.trailing_zeros();
        let start = at as usize * piece;
        chunk.bytes.get_mut(start..start + bytes.len())?.copy_from_slice(bytes);
        chunk.vacant &= chunk.vacant.wrapping_sub(1);
        if chunk.vacant == 0 {
            shelf.roomy.pop();
        }
        self.used += piece;
        Some(Handle((size as u32) << PLACE_BITS | number << CHUNK_BITS | at))
    }

    /// A string, and a few more bytes whatever they are.
    pub(super) fn get(&self, handle: Handle) -> &[u8] {
        let (size, number, at) = handle.parts();
        let piece = (size + 1) * STEP;
        let start = at as usize * piece;
        let bytes = self.shelves.get(size).and_then(|shelf| Some(&*shelf.chunks.get(number)?.bytes));
        bytes.and_then(|bytes| bytes.get(start..bytes.len().min(start + piece + 8))).unwrap_or_default()
    }

    /// Gives a string's place back. The handle is worth nothing from then on.
    pub(super) fn free(&mut self, handle: Handle) {
        let (size, number, at) = handle.parts();
        let Some(shelf) = self.shelves.get_mut(size) else { return };
        let Some(chunk) = shelf.chunks.get_mut(number) else { return };
        if chunk.vacant == 0 {
            shelf.roomy.push(number as u32);
        }
        chunk.vacant |= 1 << at;
        if chunk.vacant == u32::MAX {
            chunk.bytes = Box::default();
        }
        self.used = self.used.saturating_sub((size + 1) * STEP);
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

impl Handle {
    /// The size, a chunk's number, and a piece in it.
    fn parts(self) -> (usize, usize, u32) {
        let place = self.0 & ((1 << PLACE_BITS) - 1);
        ((self.0 >> PLACE_BITS) as usize, (place >> CHUNK_BITS) as usize, place % CHUNK as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_places_are_used_again() {
        let mut shelves = Shelves::default();
        assert_eq!(shelves.put(&[]), None);
        assert_eq!(shelves.put(&[1; LONGEST + 1]), None);
        let strings: Vec<Vec<u8>> =
            (1..=LONGEST).chain(1..=LONGEST).map(|n| (0..n).map(|i| (i * n) as u8).collect()).collect();
        let handles: Vec<Handle> = strings.iter().map(|s| shelves.put(s).unwrap()).collect();
        for (string, &handle) in strings.iter().zip(&handles) {
            assert_eq!(&shelves.get(handle)[..string.len()], string);
        }
        let used = shelves.used();
        for &handle in handles.iter().step_by(2) {
            shelves.free(handle);
        }
        for string in strings.iter().step_by(2) {
            let handle = shelves.put(string).unwrap();
            assert_eq!(&shelves.get(handle)[..string.len()], string);
            assert!(handles.contains(&handle), "a vacant place is taken first");
        }
        assert_eq!(shelves.used(), used);
        for (string, &handle) in strings.iter().zip(&handles).skip(1).step_by(2) {
            assert_eq!(&shelves.get(handle)[..string.len()], string, "others are untouched");
        }
    }
    #[test]
    fn chunks_without_strings_go_back_and_come_again() {
        let mut shelves = Shelves::default();
        let string = |n: usize| [n as u8; 40];
        let mut handles: Vec<Handle> = (0..3 * CHUNK).map(|n| shelves.put(&string(n)).unwrap()).collect();
        let held = |shelves: &Shelves| shelves.shelves[2].chunks.iter().map(|c| c.bytes.len()).sum::<usize>();
        assert_eq!(held(&shelves), 3 * CHUNK * 48);
        // One of the first chunk, all of the second.
        shelves.free(handles[5]);
        (CHUNK..2 * CHUNK).for_each(|n| shelves.free(handles[n]));
        assert_eq!(held(&shelves), 2 * CHUNK * 48);
        for n in std::iter::once(5).chain(CHUNK..2 * CHUNK) {
            handles[n] = shelves.put(&string(n)).unwrap();
        }
        assert_eq!((held(&shelves), shelves.shelves[2].chunks.len()), (3 * CHUNK * 48, 3));
        for (n, &handle) in handles.iter().enumerate() {
            assert_eq!(&shelves.get(handle)[..40], &string(n));
        }
        handles.iter().for_each(|&handle| shelves.free(handle));
        assert_eq!((held(&shelves), shelves.used()), (0, 0));
    }
}
