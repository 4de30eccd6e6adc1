//! The handshake's bytes in one direction and one packet number space, put in order (RFC 9000 section 7.5 and 19.6).
//!
//! CRYPTO frames come in any order and overlap: clients shuffle their ClientHello on purpose. Bytes at the front are kept until the message
//! that they belong to is complete, those beyond a hole apart; both within [`limits::MAX_CRYPTO_BYTES`].

use crate::model::limits;

/// Bytes of a stream of CRYPTO frames that are not read yet.
#[derive(Debug, Default)]
pub(crate) struct CryptoStream {
    /// Place of the first byte of `front` in the stream.
    base: u64,
    /// All bytes from there on, up to the first hole.
    front: Vec<u8>,
    /// What lies beyond it, by place; pieces may overlap.
    beyond: Vec<(u64, Box<[u8]>)>,
    /// A message is longer than can be kept: the stream is of no more use.
    given_up: bool,
}

/// Bytes before a handshake message's body: type and length.
const HEADER: usize = 4;

impl CryptoStream {
    fn end(&self) -> u64 {
        self.base + self.front.len() as u64
    }

    /// There was more than can be kept.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Adds a frame's bytes; false if they had to be left out.
    pub(crate) fn add(&mut self, offset: u64, data: &[u8]) -> bool {
        if self.given_up {
            return false;
        }
        let end = self.end();
        if offset <= end {
            return self.extend(offset, data);
        }
        let held: usize = self.beyond.iter().map(|(_, piece)| piece.len()).sum();
        let known = |&(at, ref piece): &(u64, Box<[u8]>)| {
            at <= offset && offset + data.len() as u64 <= at + piece.len() as u64
        };
        if data.is_empty() || self.beyond.iter().any(known) {
            return true;
        }
        if held + data.len() > limits::MAX_CRYPTO_BYTES
            || self.beyond.len() >= limits::MAX_CRYPTO_PIECES
            || offset - self.base > limits::MAX_CRYPTO_BYTES as u64
        {
            return false;
        }
        let at = self.beyond.partition_point(|&(at, _)| at <= offset);
        self.beyond.insert(at, (offset, data.into()));
        true
    }

    /// Adds bytes that begin at or before the end of the front, and what follows them of those kept.
    fn extend(&mut self, offset: u64, data: &[u8]) -> bool {
        let skip = usize::try_from(self.end() - offset).unwrap_or(usize::MAX);
        let Some(new) = data.get(skip..).filter(|new| !new.is_empty()) else { return true };
        if self.front.len() + new.len() > limits::MAX_CRYPTO_BYTES {
            *self = CryptoStream { given_up: true, ..CryptoStream::default() };
            return false;
        }
        self.front.extend_from_slice(new);
        while self.beyond.first().is_some_and(|&(at, _)| at <= self.end()) {
            let (at, piece) = self.beyond.remove(0);
            if !self.extend(at, &piece) {
                return false;
            }
        }
        true
    }

    /// The next message with its header, if all of it is there; it is consumed. No message is longer than what can be kept.
    pub(crate) fn message(&mut self) -> Option<Vec<u8>> {
        let [_, length @ ..] = *self.front.first_chunk::<HEADER>()?;
        let [high, middle, low] = length.map(usize::from);
        let len = HEADER + (high << 16 | middle << 8 | low);
        if len > limits::MAX_CRYPTO_BYTES {
            *self = CryptoStream { given_up: true, ..CryptoStream::default() };
            return None;
        }
        let rest = self.front.get(len..)?.to_vec();
        let mut message = std::mem::replace(&mut self.front, rest);
        message.truncate(len);
        self.base += len as u64;
        Some(message)
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        let beyond: usize = self.beyond.iter().map(|(_, piece)| piece.len()).sum();
        self.front.capacity() + beyond + self.beyond.capacity() * size_of::<(u64, Box<[u8]>)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, len: usize) -> Vec<u8> {
        let [_, _, _, _, _, high, middle, low] = (len as u64).to_be_bytes();
        let mut message = vec![kind, high, middle, low];
        message.extend((0..len).map(|i| i as u8));
        message
    }

    proptest! {
        #[test]
        fn any_order_and_overlap_gives_the_same_messages(
            lens in prop::collection::vec(0_usize..300, 1..4),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..200), 0..40),
            order in any::<u64>(),
        ) {
            let messages: Vec<_> = lens.iter().enumerate().map(|(i, &len)| message(i as u8, len)).collect();
            let stream = messages.concat();
            // Pieces anywhere, and then the whole in pieces of 7 bytes, in some order.
            let mut pieces: Vec<_> = cuts
                .iter()
                .map(|(at, len)| {
                    let at = at.index(stream.len());
                    (at, (at + len).min(stream.len()))
                })
                .chain((0..stream.len()).step_by(7).map(|at| (at, (at + 7).min(stream.len()))))
                .collect();
            let mut state = order | 1;
            for i in (1..pieces.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                pieces.swap(i, (state >> 33) as usize % (i + 1));
            }
            let mut crypto = CryptoStream::default();
            let mut found = Vec::new();
            for (at, end) in pieces {
                prop_assert!(crypto.add(at as u64, &stream[at..end]));
                found.extend(std::iter::from_fn(|| crypto.message()));
            }
            prop_assert_eq!(found, messages);
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut crypto = CryptoStream::default();
        assert!(!crypto.add(limits::MAX_CRYPTO_BYTES as u64 + 1, b"x"));
        assert!(!crypto.add(u64::MAX >> 2, b"x"));
        for piece in 0..limits::MAX_CRYPTO_PIECES as u64 {
            assert!(crypto.add(10 + 2 * piece, b"x"));
        }
        assert!(!crypto.add(9, b"x"));
        assert!(crypto.add(10, b"x"), "known already");
        // A message that is too long ends it, and frees all.
        assert!(crypto.add(0, &message(1, 1 << 20)[..8]));
        assert_eq!(crypto.message(), None);
        assert!(crypto.given_up && crypto.heap() == 0 && !crypto.add(8, b"x"));
    }
}
