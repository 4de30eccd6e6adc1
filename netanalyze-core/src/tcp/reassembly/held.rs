//! Payload beyond a hole: pieces by offset that never overlap.

use std::collections::BTreeMap;

use super::Payload;
use crate::model::{FrameNumber, Timestamp};

/// Bytes from one frame.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Box<[u8]>,
    pub(super) frame: FrameNumber,
    pub(super) time: Timestamp,
}

/// What lies around an offset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'h> {
    /// Free up to the next piece, if there is one.
    Free(Option<u64>),
    /// Taken: what the piece holds from the offset on.
    Taken(&'h [u8]),
}

/// The pieces.
#[derive(Debug, Default)]
pub(super) struct Held {
    pieces: BTreeMap<u64, Piece>,
    bytes: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Beginning and frame of the first piece.
    pub(super) fn first(&self) -> Option<(u64, FrameNumber)> {
        self.pieces.first_key_value().map(|(&start, piece)| (start, piece.frame))
    }

    pub(super) fn place(&self, at: u64) -> Place<'_> {
        if let Some((&start, piece)) = self.pieces.range(..=at).next_back()
            && let Some(rest) = usize::try_from(at - start).ok().and_then(|skip| piece.bytes.get(skip..))
            && !rest.is_empty()
        {
            return Place::Taken(rest);
        }
        Place::Free(self.pieces.range(at..).next().map(|(&start, _)| start))
    }

    /// Whether `len` more bytes in one more piece stay within the caps.
    pub(super) fn fits(&self, len: usize, limits: &super::Limits) -> bool {
        self.pieces.len() < limits.held_pieces && len <= limits.held_bytes.saturating_sub(self.bytes)
    }

    /// Copies `bytes` to a free place.
    pub(super) fn insert(&mut self, at: u64, bytes: &[u8], payload: &Payload<'_>) {
        self.bytes += bytes.len();
        self.pieces.insert(at, Piece { bytes: bytes.into(), frame: payload.frame, time: payload.time });
    }

    /// Takes the first piece out if it begins at `at`.
    pub(super) fn take(&mut self, at: u64) -> Option<Piece> {
        let first = self.pieces.first_entry().filter(|first| *first.key() == at)?;
        let piece = first.remove();
        self.bytes -= piece.bytes.len();
        Some(piece)
    }
}
