//! Short strings of bytes, kept close together: in pieces of a multiple of 16 bytes, each size in chunks of its own, and what is given back is
//! used again for the next one of its size.

use crate::tcp::LONGEST;

/// Where a string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle(u32);

/// Pieces grow by this many bytes.
const STEP: usize = 16;
/// How many sizes there are.
const SIZES: usize = 64;
const _: () = assert!(STEP * SIZES == LONGEST);
/// Pieces in a chunk.
const CHUNK: usize = 32;
/// Bits of a [`Handle`] that tell the place; the others tell the size.
const PLACE_BITS: u32 = 26;

/// The pieces of one size.
#[derive(Debug, Default)]
struct Shelf {
    chunks: Vec<Box<[u8]>>,
    vacant: Vec<u32>,
    len: u32,
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
        let place = match shelf.vacant.pop() {
            Some(place) => place,
            None if shelf.len >> PLACE_BITS == 0 => {
                let place = shelf.len;
                if place as usize / CHUNK == shelf.chunks.len() {
                    shelf.chunks.push(vec![0; CHUNK * piece].into());
                }
                shelf.len += 1;
                place
            }
            None => return None,
        };
        let start = place as usize % CHUNK * piece;
        let chunk = shelf.chunks.get_mut(place as usize / CHUNK)?;
        chunk.get_mut(start..start + bytes.len())?.copy_from_slice(bytes);
        self.used += piece;
        Some(Handle((size as u32) << PLACE_BITS | place))
    }

    /// A string, and a few more bytes whatever they are.
    pub(super) fn get(&self, handle: Handle) -> &[u8] {
        let (size, place) = handle.parts();
        let piece = (size + 1) * STEP;
        let start = place as usize % CHUNK * piece;
        let chunk = self.shelves.get(size).and_then(|shelf| shelf.chunks.get(place as usize / CHUNK));
        chunk.and_then(|chunk| chunk.get(start..chunk.len().min(start + piece + 8))).unwrap_or_default()
    }

    /// Gives a string's place back. The handle is worth nothing from then on.
    pub(super) fn free(&mut self, handle: Handle) {
        let (size, place) = handle.parts();
        if let Some(shelf) = self.shelves.get_mut(size) {
            shelf.vacant.push(place);
            self.used = self.used.saturating_sub((size + 1) * STEP);
        }
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

impl Handle {
    fn parts(self) -> (usize, u32) {
        ((self.0 >> PLACE_BITS) as usize, self.0 & ((1 << PLACE_BITS) - 1))
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
}
