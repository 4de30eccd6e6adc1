//! A list that is written in place.
//!
//! Pushing onto a `Vec` may call for memory, so whoever pushes has to hold all of a new item until it is known whether that happens: for a
//! compact packet more than the registers hold. Here room comes first, and the item is then written where it stays.

/// A list of items that keeps its room from batch to batch.
#[derive(Debug)]
pub(super) struct Slots<T> {
    /// The first `len` are items, the rest is room.
    items: Vec<T>,
    len: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { items: Vec::new(), len: 0 }
    }
}

impl<T: Copy> Slots<T> {
    /// Forgets the items.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// The place of a new item, to be written by the caller. `blank` fills new room. There is always a place.
    #[inline(always)]
    pub(super) fn next(&mut self, blank: &T) -> Option<&mut T> {
        if self.len >= self.items.len() {
            self.grow(blank);
        }
        let place = self.items.get_mut(self.len)?;
        self.len += 1;
        Some(place)
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, blank: &T) {
        // In small steps, so that no memory is touched that is not needed soon; the vector itself asks for it in large ones.
        self.items.resize(self.len + 16, *blank);
    }

    /// The items.
    #[inline]
    pub(super) fn items(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or_default()
    }

    /// The items, to be changed.
    pub(super) fn items_mut(&mut self) -> &mut [T] {
        self.items.get_mut(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_written_since_it_was_cleared() {
        let mut slots = Slots::default();
        assert!(slots.items().is_empty());
        for len in [0, 1, 15, 16, 17, 1000, 3] {
            slots.clear();
            for n in 0..len {
                *slots.next(&u32::MAX).unwrap() = n;
                assert_eq!(slots.items_mut().last(), Some(&n));
            }
            assert!(slots.items().iter().copied().eq(0..len));
        }
    }
}
