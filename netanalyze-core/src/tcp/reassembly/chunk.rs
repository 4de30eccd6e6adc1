//! What goes into a reassembler and what comes out.

use crate::model::limits::{MAX_HELD_BYTES, MAX_HELD_PIECES};
use crate::model::{FrameNumber, Timestamp};

/// A segment's payload as one frame brought it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Payload<'a> {
    /// Sequence number field. The payload of a SYN begins one above it.
    pub seq: u32,
    /// Payload that was captured, from its first byte on.
    pub bytes: &'a [u8],
    /// Payload bytes on the wire; below `bytes.len()` it counts as that.
    pub len: u32,
    /// Frame that brought it.
    pub frame: FrameNumber,
    /// Time of that frame.
    pub time: Timestamp,
    /// The SYN flag.
    pub syn: bool,
    /// The FIN flag: the payload's end is the direction's end.
    pub fin: bool,
}

/// What a direction brings next. Chunks follow each other without overlap: each begins where the one before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes, all from one frame.
    Data {
        /// Place of the first byte in the direction, from 0.
        offset: u64,
        /// The bytes; at least one.
        bytes: &'a [u8],
        /// The frame that brought them.
        frame: FrameNumber,
        /// Time of that frame.
        time: Timestamp,
    },
    /// Bytes that are missing.
    Gap {
        /// Place of the first missing byte.
        offset: u64,
        /// How many are missing; at least one.
        len: u64,
        /// Why.
        why: Why,
        /// The frame that brought what follows; `None` at the end.
        before: Option<FrameNumber>,
    },
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// No frame of the capture holds them.
    NotCaptured,
    /// The frame that carried them was cut short by the snapshot length.
    Snapped,
    /// Their place was given up to keep memory bounded before any copy came.
    Abandoned,
}

impl Why {
    /// In words, as a reason.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Why::NotCaptured => "not captured",
            Why::Snapped => "cut by the snapshot length",
            Why::Abandoned => "given up to keep memory bounded",
        }
    }

    /// Lower-case name with underscores, as machine-readable output spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Why::NotCaptured => "not_captured",
            Why::Snapped => "snapped",
            Why::Abandoned => "abandoned",
        }
    }
}

/// How much a reassembler may hold beyond holes, for one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of payload.
    pub held_bytes: usize,
    /// Pieces of payload; also how many cut ranges are told from ranges that were never seen.
    pub held_pieces: usize,
}

impl Default for Limits {
    /// [`MAX_HELD_BYTES`] and [`MAX_HELD_PIECES`].
    fn default() -> Self {
        Limits { held_bytes: MAX_HELD_BYTES, held_pieces: MAX_HELD_PIECES }
    }
}

/// What became of a direction's bytes. All figures are bytes of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Handed on.
    pub delivered: u64,
    /// Reported missing as [`Why::NotCaptured`].
    pub not_captured: u64,
    /// Reported missing as [`Why::Snapped`].
    pub snapped: u64,
    /// Reported missing as [`Why::Abandoned`].
    pub abandoned: u64,
    /// Captured again, or after their place was given up.
    pub overlap: u64,
    /// Of these, those that differ from the earlier copy, as far as that was still held.
    pub conflicting: u64,
    /// Captured, but before the byte that was taken for the first.
    pub before_start: u64,
    /// Captured, but beyond the FIN or after [`super::Reassembler::finish`].
    pub after_end: u64,
    /// Most bytes held at a time.
    pub held_max: u64,
}

impl Counters {
    /// Bytes missing for any reason.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.not_captured.saturating_add(self.snapped).saturating_add(self.abandoned)
    }

    /// Counts a chunk that was handed on.
    pub(super) fn count(&mut self, chunk: &Chunk<'_>) {
        match *chunk {
            Chunk::Data { bytes, .. } => self.delivered = self.delivered.saturating_add(bytes.len() as u64),
            Chunk::Gap { len, why, .. } => self.count_gap(why, len),
        }
    }

    /// Takes back chunks that nobody got.
    pub(super) fn take_back(&mut self, unheard: &Counters) {
        for (counter, excess) in [
            (&mut self.delivered, unheard.delivered),
            (&mut self.not_captured, unheard.not_captured),
            (&mut self.snapped, unheard.snapped),
            (&mut self.abandoned, unheard.abandoned),
        ] {
            *counter = counter.saturating_sub(excess);
        }
    }

    pub(super) fn count_gap(&mut self, why: Why, len: u64) {
        let counter = match why {
            Why::NotCaptured => &mut self.not_captured,
            Why::Snapped => &mut self.snapped,
            Why::Abandoned => &mut self.abandoned,
        };
        *counter = counter.saturating_add(len);
    }
}
