//! Conversations, and what hangs on them, in chunks that never move: growth costs one chunk, not a copy of everything, and giving all back
//! costs one call a chunk.

/// A list that only grows, in chunks of [`Slab::CHUNK`].
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    len: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Slab<T> {
    const CHUNK: usize = 64;

    pub(crate) fn push(&mut self, value: T) -> u32 {
        let index = self.len;
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < Self::CHUNK => chunk.push(value),
            _ => {
                let mut chunk = Vec::with_capacity(Self::CHUNK);
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
        self.len = self.len.saturating_add(1);
        index
    }

    /// How many there are.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.chunks.get(index as usize / Self::CHUNK)?.get(index as usize % Self::CHUNK)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.chunks.get_mut(index as usize / Self::CHUNK)?.get_mut(index as usize % Self::CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_value_at_its_index_across_chunks() {
        let mut slab = Slab::default();
        for i in 0..1000 {
            assert_eq!(slab.push(i * 7), i);
        }
        assert!((0..1000).all(|i| slab.get(i) == Some(&(i * 7))));
        assert_eq!(slab.get(1000), None);
    }
}
