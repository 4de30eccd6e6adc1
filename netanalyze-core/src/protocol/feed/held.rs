//! Bytes that wait for a hole before them.

use std::collections::BTreeMap;

/// Bytes beyond a hole, in pieces that do not overlap.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) pieces: BTreeMap<u64, Box<[u8]>>,
    pub(super) bytes: usize,
}

impl Held {
    /// Keeps bytes. The first copy counts.
    pub(super) fn insert(&mut self, at: u64, bytes: &[u8]) {
        let mut at = at;
        let end = at.saturating_add(bytes.len() as u64);
        let start = at;
        if let Some((&before, piece)) = self.pieces.range(..=at).next_back() {
            at = at.max(before + piece.len() as u64);
        }
        while at < end {
            let until = self.pieces.range(at..).next().map_or(end, |(&next, _)| next.min(end));
            let fresh = bytes.get((at - start) as usize..(until - start) as usize).unwrap_or_default();
            if !fresh.is_empty() {
                self.bytes += fresh.len();
                self.pieces.insert(at, fresh.into());
            }
            at = self.pieces.get(&until).map_or(end, |piece| until + piece.len() as u64);
        }
    }

    /// The bytes from a place on, as far as one piece goes. What lies before is dropped.
    pub(super) fn take(&mut self, next: u64) -> Option<Box<[u8]>> {
        while let Some(first) = self.pieces.first_entry().filter(|first| *first.key() <= next) {
            let (at, piece) = first.remove_entry();
            self.bytes -= piece.len();
            let known = usize::try_from(next - at).unwrap_or(usize::MAX);
            match piece.get(known..) {
                Some(_) if known == 0 => return Some(piece),
                Some(rest) if !rest.is_empty() => return Some(rest.into()),
                _ => {}
            }
        }
        None
    }

    /// Takes out what lies from a place on.
    pub(super) fn split_off(&mut self, at: u64) -> Held {
        let mut later = self.pieces.split_off(&at);
        if let Some(mut last) = self.pieces.last_entry()
            && let Some(before) =
                usize::try_from(at - last.key()).ok().filter(|&before| before < last.get().len())
        {
            let (head, tail) = last.get().split_at(before);
            later.insert(at, tail.into());
            let head = head.into();
            last.insert(head);
        }
        let bytes = later.values().map(|piece| piece.len()).sum();
        self.bytes -= bytes;
        Held { pieces: later, bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn heap(&self) -> usize {
        self.bytes + self.pieces.len() * (size_of::<u64>() + size_of::<Box<[u8]>>())
    }
}
