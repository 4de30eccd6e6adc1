//! Frames pushed one by one: the engine's steps without its gates.

use std::sync::Arc;

use hashbrown::HashMap;

use super::super::shared::{BatchTimes, Numbers, Remains, forgotten};
use super::super::steps::Steps;
use super::Observer;
use super::desk::Desk;
use crate::capture::{Batch, CaptureFacts, FileFacts, InterfaceFacts, RawFrame};
use crate::conversation::{KeyHasher, SHARDS, Shard};
use crate::model::limits::{BATCH_BYTES, MAX_INTERFACES, MAX_RECORD_BYTES};
use crate::model::{Error, FrameNumber, Link, LinkType, Timestamp};
use crate::packet::fragment::FragmentTable;
use crate::report::Report;

/// A frame to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'b> {
    /// When it was captured. Times may step back, as those of a file may.
    pub time: Timestamp,
    /// What its first byte is.
    pub link: Link,
    /// The captured bytes; of more than [`MAX_RECORD_BYTES`] the rest counts as not captured.
    pub bytes: &'b [u8],
    /// Bytes on the wire; less than were captured counts as what was captured.
    pub wire_len: u32,
}

impl<'b> Frame<'b> {
    /// A frame that was captured whole. The link is a [`LinkType`], or a [`Link`] if a frame check sequence ends the frame.
    #[must_use]
    pub fn new(time: Timestamp, link: impl Into<Link>, bytes: &'b [u8]) -> Self {
        let wire_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Frame { time, link: link.into(), bytes, wire_len }
    }

    /// Says how many bytes were on the wire, if more than were captured.
    #[must_use]
    pub fn with_wire_len(self, wire_len: u32) -> Self {
        Frame { wire_len, ..self }
    }
}

/// An analysis of frames that are pushed one by one, e.g. as an interface delivers them. Made by [`Analyzer::live`](super::Analyzer::live).
///
/// Every frame is analysed at once, on the calling thread; nothing waits. Findings, verdicts, stream numbers, conversations and report
/// are those of the same frames in a file, but for facts about files. Memory is that of an analysis of a file: it grows with
/// conversations, never with frames, up to [`Analyzer::memory_limit`](super::Analyzer::memory_limit). What is forgotten there is what an analysis
/// of a file forgets whose observer wants conversations: their books are always kept.
///
/// ```
/// use netanalyze_core::model::{LinkType, Timestamp};
/// use netanalyze_core::{Analyzer, Finding, Frame};
///
/// # fn main() -> Result<(), netanalyze_core::Error> {
/// let mut live = Analyzer::new().live();
/// let mut told = |finding: &Finding| {
///     println!("{}", finding.message());
///     Ok(())
/// };
/// // From wherever frames come:
/// for (seconds, bytes) in [(1, [0; 60]), (2, [1; 60])] {
///     live.push(Frame::new(Timestamp(seconds * 1_000_000_000), LinkType::ETHERNET, &bytes), &mut told)?;
/// }
/// let report = live.finish(&mut told)?;
/// assert_eq!(report.capture.packets, 2);
/// # Ok(())
/// # }
/// ```
pub struct Live {
    desk: Desk,
    hasher: KeyHasher,
    /// The frame at hand, in a batch of its own.
    batch: Batch,
    times: Option<BatchTimes>,
    links: HashMap<Link, u32, foldhash::fast::RandomState>,
    /// Frames of each link, in the order of `Batch::links`.
    frames: Vec<u64>,
    bytes: u64,
    steps: Steps,
    fragments: FragmentTable,
    shards: Vec<Shard>,
    numbers: Numbers,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("desk", &self.desk)
            .field("frames", &self.batch.number)
            .finish_non_exhaustive()
    }
}

impl Live {
    pub(super) fn new(desk: Desk) -> Self {
        let hasher = KeyHasher::default();
        let terms = desk.interests(super::Wants::ALL).terms();
        let mut steps = Steps::default();
        steps.know(desk.key_log.clone());
        let shards = (0..SHARDS).map(|n| Shard::new(n as u8, hasher.clone(), terms)).collect();
        Live {
            desk,
            hasher,
            batch: Batch::default(),
            times: None,
            links: HashMap::default(),
            frames: Vec::new(),
            bytes: 0,
            steps,
            fragments: FragmentTable::default(),
            shards,
            numbers: Numbers::default(),
        }
    }

    /// Analyses a frame, and tells `observer` of the packet and of every finding that became known with it.
    ///
    /// # Errors
    /// What the observer returns: the frame is analysed all the same, its findings are counted, and the next one can be pushed; those that
    /// were not told yet are dropped. [`Error::Cancelled`] on cancellation:
    /// then the frame is not taken.
    pub fn push<O: Observer + ?Sized>(&mut self, frame: Frame<'_>, observer: &mut O) -> Result<(), Error> {
        self.desk.check()?;
        self.take(frame);
        let wants = observer.wants();
        let interests = self.desk.interests(wants);
        let Live { desk, hasher, batch, times, steps, fragments, shards, numbers, .. } = self;
        let found = steps.decode(batch, hasher, interests.rows);
        steps.fragments(batch, hasher, fragments, &found);
        steps.prepare(interests.rows);
        for number in steps.touched() {
            if let Some(shard) = shards.get_mut(number) {
                steps.shard(number, batch, &interests, shard);
            }
        }
        steps.number(batch, &interests, numbers);
        steps.sort();
        let times = BatchTimes::around(batch, times);
        desk.batch(&steps.results(batch, times), wants, observer)
    }

    /// Frames taken so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.batch.number
    }

    /// Ends the analysis: tells the findings about whole conversations, and the conversations. Without any frame the report is empty.
    ///
    /// # Errors
    /// What the observer returns, and [`Error::Cancelled`] on cancellation.
    pub fn finish<O: Observer + ?Sized>(self, observer: &mut O) -> Result<Report, Error> {
        let facts = self.facts();
        let Live { desk, times, steps, fragments, shards, numbers, .. } = self;
        let capture_start = times.map_or(Timestamp(0), |times| times.capture_start);
        let remains = Remains {
            facts,
            notes: Vec::new(),
            fragments,
            numbers,
            forgotten: forgotten(&shards),
            given_secrets: desk.key_log.as_ref().map(|secrets| secrets.len()),
            shards,
            capture_start,
            gap: desk.gap,
        };
        desk.end(remains, steps.tally, observer.wants(), observer)
    }

    /// Makes a batch of the frame.
    fn take(&mut self, frame: Frame<'_>) {
        let interface = self.interface(frame.link);
        let batch = &mut self.batch;
        let whole = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let captured = whole.min(MAX_RECORD_BYTES);
        batch.number += 1;
        batch.first_frame = FrameNumber(batch.number);
        batch.bytes.clear();
        batch.bytes.shrink_to(BATCH_BYTES); // A giant frame may have gone through it.
        batch.bytes.extend_from_slice(frame.bytes.get(..captured as usize).unwrap_or_default());
        batch.frames.clear();
        let wire_len = frame.wire_len.max(whole);
        batch.frames.push(RawFrame { time: frame.time, offset: 0, captured, wire_len, interface });
        self.bytes = self.bytes.saturating_add(u64::from(captured));
        if let Some(frames) = self.frames.get_mut(interface as usize) {
            *frames += 1;
        }
    }

    /// The number of the interface that stands for a link.
    fn interface(&mut self, link: Link) -> u32 {
        if let Some(&number) = self.links.get(&link) {
            return number;
        }
        let number = self.frames.len();
        // No link type is this: files use it for frames of an interface that they do not describe.
        if number >= MAX_INTERFACES || link.kind == LinkType(u32::MAX) {
            return u32::MAX;
        }
        self.frames.push(0);
        Arc::make_mut(&mut self.batch.links).push(link);
        let number = number as u32;
        self.links.insert(link, number);
        number
    }

    /// What a reader would know of a file with these frames.
    fn facts(&self) -> CaptureFacts {
        let interfaces = self.batch.links.iter().zip(&self.frames).map(|(link, &packets)| InterfaceFacts {
            file: 0,
            name: None,
            link_type: link.kind,
            snaplen: 0,
            units_per_second: 1_000_000_000,
            packets,
            received: None,
            dropped: None,
            place: 0,
            statistics: None,
        });
        let file = FileFacts {
            name: "live".to_owned(),
            format: "frames pushed one by one".to_owned(),
            file_bytes: self.bytes,
            packets: self.batch.number,
            ..FileFacts::default()
        };
        CaptureFacts { files: vec![file], interfaces: interfaces.collect() }
    }
}
