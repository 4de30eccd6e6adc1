//! Headers that share an analysis record: Wireshark 4.0 finds the record by frame, sequence and acknowledgment number, so that a second
//! header of the same frame with the same numbers gets what the first one has, whatever headers stand between them.
//!
//! Frames with more than one TCP header are rare (aggregates, samples, quotes). Only a header that another one of its frame follows is
//! remembered, in a table that is emptied with the next such frame. Its size is bounded by the headers that fit into a frame.

use hashbrown::HashMap;

use crate::model::FrameNumber;
use crate::tcp::{Analysis, Segment};

/// A conversation by its index in the shard, and the numbers of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    index: u32,
    seq: u32,
    ack: u32,
}

impl Key {
    fn of(index: u32, segment: &Segment<'_>) -> Self {
        Key { index, seq: segment.seq, ack: segment.ack }
    }
}

/// The records of headers in the frame that was last found to have several.
#[derive(Debug, Default)]
pub(super) struct Twins {
    frame: FrameNumber,
    records: HashMap<Key, Analysis, foldhash::fast::RandomState>,
}

impl Twins {
    /// A table that grew beyond this is not kept for the next frame: emptying it takes time in proportion to its size.
    const KEEP: usize = 256;

    /// The record that an earlier header of the same frame with the same numbers has.
    #[inline]
    pub(super) fn find(&self, index: u32, segment: &Segment<'_>) -> Option<&Analysis> {
        if self.frame == segment.frame { self.find_in_frame(Key::of(index, segment)) } else { None }
    }

    #[cold]
    fn find_in_frame(&self, key: Key) -> Option<&Analysis> {
        self.records.get(&key)
    }

    /// Remembers a header's record, for those that follow in its frame.
    #[cold]
    pub(super) fn remember(&mut self, index: u32, segment: &Segment<'_>, record: Option<&Analysis>) {
        if self.frame != segment.frame {
            self.frame = segment.frame;
            if self.records.capacity() > Self::KEEP {
                self.records = HashMap::default();
            } else {
                self.records.clear();
            }
        }
        if let Some(record) = record {
            self.records.insert(Key::of(index, segment), *record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::tcp::{Scope, TcpFlags};

    fn segment(frame: u64, seq: u32, ack: u32) -> Segment<'static> {
        Segment {
            frame: FrameNumber(frame),
            time: Timestamp(0),
            seq,
            ack,
            len: 0,
            window: 0,
            flags: TcpFlags::ACK,
            header_len: 20,
            header_captured: 20,
            urgent_pointer: false,
            scope: Scope::Full,
            options: None,
        }
    }

    fn record(bytes: u32) -> Analysis {
        Analysis { bytes_in_flight: bytes, ..Analysis::default() }
    }

    #[test]
    fn a_record_is_found_by_frame_conversation_and_both_numbers() {
        let mut twins = Twins::default();
        twins.remember(0, &segment(1, 10, 20), Some(&record(1)));
        twins.remember(1, &segment(1, 10, 20), Some(&record(2)));
        twins.remember(0, &segment(1, 11, 20), None);
        twins.remember(0, &segment(1, 12, 20), Some(&record(3)));
        for (index, frame, seq, ack, found) in [
            (0, 1, 10, 20, Some(1)),
            (1, 1, 10, 20, Some(2)),
            (0, 1, 12, 20, Some(3)),
            (0, 1, 11, 20, None),
            (0, 1, 10, 21, None),
            (2, 1, 10, 20, None),
            (0, 2, 10, 20, None),
        ] {
            let known = twins.find(index, &segment(frame, seq, ack)).map(|record| record.bytes_in_flight);
            assert_eq!(known, found, "{index} {frame} {seq} {ack}");
        }
        twins.remember(0, &segment(1, 10, 20), Some(&record(4)));
        assert_eq!(twins.find(0, &segment(1, 10, 20)), Some(&record(4)), "the later state counts");
    }

    #[test]
    fn the_next_frame_starts_anew() {
        let mut twins = Twins::default();
        for frame in 1..4 {
            for seq in 0..1_000 {
                twins.remember(0, &segment(frame, seq, 0), Some(&record(seq)));
            }
            assert_eq!(twins.find(0, &segment(frame, 5, 0)), Some(&record(5)));
            assert_eq!(twins.find(0, &segment(frame + 1, 5, 0)), None);
        }
        twins.remember(0, &segment(9, 5, 0), None);
        assert!(twins.find(0, &segment(9, 5, 0)).is_none() && twins.records.is_empty());
        assert!(twins.records.capacity() <= Twins::KEEP);
    }
}
