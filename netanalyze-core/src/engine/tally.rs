//! What a worker counts along the way. Tallies of all workers are added up at the end, so nothing here may depend on order.

use std::collections::BTreeMap;

use crate::capture::Batch;
use crate::expert::{KINDS, KindId, KindSet};
use crate::model::{DISORDER, FrameNumber, LinkType, Timestamp};
use crate::packet::Protocol;
use crate::protocol::message::Limit;
use crate::report::TransactionSummary;

/// Frames and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Volume {
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl Volume {
    #[inline]
    pub(super) fn add(&mut self, other: Volume) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

/// Something that happened to frames: how often, and where first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Occurrences {
    pub(super) count: u64,
    pub(super) first: Option<FrameNumber>,
}

impl Occurrences {
    pub(super) fn add(&mut self, frame: FrameNumber) {
        self.count += 1;
        self.first = Some(self.first.map_or(frame, |first| first.min(frame)));
    }

    fn merge(&mut self, other: Occurrences) {
        self.count += other.count;
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// Findings of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct KindTally {
    pub(super) findings: Occurrences,
    pub(super) conversations: u64,
}

/// Sums over the frames that one worker saw.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) volume: Volume,
    pub(super) captured_bytes: u64,
    pub(super) earliest: Option<Timestamp>,
    pub(super) latest: Option<Timestamp>,
    /// The last frame in the order of the file, and its time.
    pub(super) last: Option<(FrameNumber, Timestamp)>,
    /// Frames that are older than the one before them in their batch, by more than queues of one card explain.
    pub(super) backward: Occurrences,
    /// Frames without a time, or of the very first moment that there is.
    pub(super) timeless: Occurrences,
    protocols: Vec<Volume>,
    kinds: Vec<KindTally>,
    pub(super) transactions: TransactionSummary,
    pub(super) unknown_links: BTreeMap<LinkType, Occurrences>,
    pub(super) snapped: Occurrences,
    pub(super) malformed: Occurrences,
    pub(super) too_deep: Occurrences,
    pub(super) limits: BTreeMap<Limit, Occurrences>,
    /// Secrets are known of a TLS handshake.
    pub(super) fits_secrets: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            volume: Volume::default(),
            captured_bytes: 0,
            earliest: None,
            latest: None,
            last: None,
            backward: Occurrences::default(),
            timeless: Occurrences::default(),
            protocols: vec![Volume::default(); Protocol::ALL.len()],
            kinds: vec![KindTally::default(); KINDS.len()],
            transactions: TransactionSummary::default(),
            unknown_links: BTreeMap::new(),
            snapped: Occurrences::default(),
            malformed: Occurrences::default(),
            too_deep: Occurrences::default(),
            limits: BTreeMap::new(),
            fits_secrets: false,
        }
    }
}

impl Tally {
    /// The frames of a batch, whatever is in them.
    pub(super) fn frames(&mut self, batch: &Batch) {
        let (mut bytes, mut captured) = (0, 0);
        let (mut earliest, mut latest) = (i64::MAX, i64::MIN);
        let mut before = batch.frames.first().map_or(0, |raw| raw.time.0);
        let mut furthest_back = 0;
        for raw in &batch.frames {
            bytes += u64::from(raw.wire_len);
            captured += u64::from(raw.captured);
            earliest = earliest.min(raw.time.0);
            latest = latest.max(raw.time.0);
            furthest_back = furthest_back.max(before.saturating_sub(raw.time.0));
            before = raw.time.0;
        }
        let Some(last) = batch.frames.last() else { return };
        self.last = self.last.max(Some((batch.frame_number(batch.frames.len() - 1), last.time)));
        self.volume.add(Volume { frames: batch.frames.len() as u64, bytes });
        self.captured_bytes += captured;
        self.earliest = self.earliest.into_iter().chain([Timestamp(earliest)]).min();
        self.latest = self.latest.into_iter().chain([Timestamp(latest)]).max();
        if furthest_back > DISORDER.0 {
            let pairs = batch.frames.iter().zip(batch.frames.iter().skip(1)).enumerate();
            for (index, _) in pairs.filter(|(_, (one, next))| one.time.since(next.time) > DISORDER) {
                self.backward.add(batch.frame_number(index + 1));
            }
        }
        if earliest == 0 {
            for (index, _) in batch.frames.iter().enumerate().filter(|(_, raw)| raw.time.0 == 0) {
                self.timeless.add(batch.frame_number(index));
            }
        }
        // No frame has more bytes captured than it had on the wire.
        if captured < bytes {
            for (index, _) in batch.frames.iter().enumerate().filter(|(_, raw)| raw.captured < raw.wire_len) {
                self.snapped.add(batch.frame_number(index));
            }
        }
    }

    /// Frames that all have these protocols, as bits in the order of [`Protocol::ALL`].
    #[inline]
    pub(super) fn protocols(&mut self, mut set: u128, volume: Volume) {
        while set != 0 {
            let bit = set.trailing_zeros() as usize;
            set &= set - 1;
            if let Some(sum) = self.protocols.get_mut(bit) {
                sum.add(volume);
            }
        }
    }

    /// The kinds found in a frame; `new` are those that its conversation had not shown before.
    #[inline]
    pub(super) fn kinds(&mut self, kinds: KindSet, new: KindSet, frame: FrameNumber) {
        let mut left = kinds.0;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            if let Some(tally) = self.kinds.get_mut(bit as usize) {
                tally.findings.add(frame);
                tally.conversations += u64::from(new.contains(KindId(bit as u8)));
            }
        }
    }

    /// A finding about a whole conversation.
    pub(super) fn ending(&mut self, kind: KindId, frame: FrameNumber, first: bool) {
        if let Some(tally) = self.kinds.get_mut(usize::from(kind.0)) {
            tally.findings.add(frame);
            tally.conversations += u64::from(first);
        }
    }

    /// A cap was reached with a frame.
    pub(super) fn limit(&mut self, limit: Limit, frame: FrameNumber) {
        self.limits.entry(limit).or_default().add(frame);
    }

    pub(super) fn merge(&mut self, other: Tally) {
        for (limit, occurrences) in &other.limits {
            self.limits.entry(*limit).or_default().merge(*occurrences);
        }
        self.fits_secrets |= other.fits_secrets;
        self.volume.add(other.volume);
        self.captured_bytes += other.captured_bytes;
        self.earliest = [self.earliest, other.earliest].into_iter().flatten().min();
        self.latest = [self.latest, other.latest].into_iter().flatten().max();
        self.last = self.last.max(other.last);
        self.backward.merge(other.backward);
        self.timeless.merge(other.timeless);
        for (mine, theirs) in self.protocols.iter_mut().zip(other.protocols) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.kinds.iter_mut().zip(other.kinds) {
            mine.findings.merge(theirs.findings);
            mine.conversations += theirs.conversations;
        }
        self.transactions.merge(other.transactions);
        for (link, theirs) in other.unknown_links {
            self.unknown_links.entry(link).or_default().merge(theirs);
        }
        self.snapped.merge(other.snapped);
        self.malformed.merge(other.malformed);
        self.too_deep.merge(other.too_deep);
    }

    /// Protocols that occurred, in the order of [`Protocol::ALL`].
    pub(super) fn protocol_volumes(&self) -> impl Iterator<Item = (Protocol, Volume)> {
        let all = Protocol::ALL.iter().copied().zip(self.protocols.iter().copied());
        all.filter(|(_, volume)| volume.frames > 0)
    }

    /// Kinds that occurred, in catalogue order.
    pub(super) fn kind_tallies(&self) -> impl Iterator<Item = (KindId, KindTally)> {
        KindId::all().zip(self.kinds.iter().copied()).filter(|(_, tally)| tally.findings.count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::RawFrame;

    #[test]
    fn the_last_frame_is_the_last_of_the_file_whichever_is_counted_last() {
        let batch = |first: u64, times: &[i64]| {
            let frame = |&time: &i64| RawFrame {
                time: Timestamp(time),
                offset: 0,
                captured: 0,
                wire_len: 0,
                interface: 0,
            };
            let frames = times.iter().map(frame).collect();
            Batch { first_frame: FrameNumber(first), frames, ..Batch::default() }
        };
        let (mut one, mut other) = (Tally::default(), Tally::default());
        one.frames(&batch(3, &[7, 5]));
        one.frames(&batch(5, &[]));
        other.frames(&batch(1, &[9, 8]));
        assert_eq!(other.last, Some((FrameNumber(2), Timestamp(8))));
        one.merge(other);
        assert_eq!((one.last, one.latest), (Some((FrameNumber(4), Timestamp(5))), Some(Timestamp(9))));
        assert_eq!((one.backward.count, one.timeless.count), (0, 0), "a little is no step back");
        one.frames(&batch(7, &[3_000_000, 0, 5_000_000, 2_000_000]));
        assert_eq!((one.backward.count, one.backward.first), (2, Some(FrameNumber(8))));
        assert_eq!((one.timeless.count, one.timeless.first), (1, Some(FrameNumber(8))));
    }
}
