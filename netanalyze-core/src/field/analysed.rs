//! What the floors below know of a batch, as fields and views read it.

use crate::capture::{Batch, RawFrame};
use crate::conversation::Met;
use crate::diagnosis::OrdinaryExchanges;
use crate::expert::Finding;
use crate::model::{FrameNumber, Link, LinkType, Span, Timestamp};
use crate::packet::fragment::Datagram;
use crate::tcp::Verdict;

/// What became of a transport header.
#[derive(Clone, Copy, Debug)]
pub enum TransportVerdict {
    /// A TCP header with its stream and verdict.
    Tcp(Option<u32>, Verdict),
    /// A UDP header with its stream.
    Udp(Option<u32>),
}

/// A datagram that a fragment of this batch completed.
#[derive(Debug)]
#[non_exhaustive]
pub struct CompletedDatagram {
    /// Frame of the completing fragment, as an index into the batch.
    pub frame_index: u32,
    /// Position of that fragment among the frame's layers.
    pub ordinal: u16,
    /// Slot of the first transport header in it.
    pub first_slot: u32,
    /// The datagram.
    pub datagram: Datagram,
}

/// A reply to an echo request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EchoAnswer {
    /// Frame of the reply, as an index into the batch.
    pub frame_index: u32,
    /// Position of the ICMP message among the frame's layers.
    pub ordinal: u16,
    /// Frame of the request.
    pub request: FrameNumber,
    /// Time since the request.
    pub rtt: Span,
}

/// A batch after analysis.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnalysedBatch<'b> {
    /// The frames.
    pub batch: &'b Batch,
    /// Findings of the kinds asked for, in order of (`known_at`, ordinal, catalogue).
    pub findings: &'b [Finding],
    /// What applications said, by frame and header; empty unless asked for ([`Interests::applications`](crate::engine::Interests::applications)).
    pub messages: &'b [Met],
    /// Exchanges that went well and are not among them, because only diagnoses are made.
    pub(crate) ordinary: Option<&'b OrdinaryExchanges>,
    /// Replies to echo requests, in frame order.
    pub echo_answers: &'b [EchoAnswer],
    /// Verdicts by slot; empty unless rows were asked for.
    pub transports: &'b [Option<TransportVerdict>],
    /// Slot of each frame's first transport header; empty unless rows were asked for.
    pub frame_slots: &'b [u32],
    /// Datagrams completed in this batch, in frame order; empty unless rows were asked for.
    pub datagrams: &'b [CompletedDatagram],
    /// Time of the capture's first frame.
    pub capture_start: Timestamp,
    /// Time of the frame before this batch's first; the first frame's own for the first batch.
    pub previous_time: Timestamp,
}

/// One frame of an analysed batch.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnalysedFrame<'b> {
    /// The batch.
    pub batch: &'b AnalysedBatch<'b>,
    /// Index into the batch.
    pub index: usize,
    /// Its record.
    pub raw: RawFrame,
}

impl<'b> AnalysedBatch<'b> {
    /// The frames in order.
    pub fn frames(&'b self) -> impl Iterator<Item = AnalysedFrame<'b>> {
        self.batch.frames.iter().enumerate().map(|(index, &raw)| AnalysedFrame { batch: self, index, raw })
    }

    /// The frame at an index.
    #[must_use]
    pub fn frame(&'b self, index: usize) -> Option<AnalysedFrame<'b>> {
        self.batch.frames.get(index).map(|&raw| AnalysedFrame { batch: self, index, raw })
    }
}

impl<'b> AnalysedFrame<'b> {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> FrameNumber {
        self.batch.batch.frame_number(self.index)
    }

    /// Its captured bytes.
    #[must_use]
    pub fn bytes(&self) -> &'b [u8] {
        self.batch.batch.frame_bytes(&self.raw)
    }

    /// Its link; an unknown type for an interface that the capture never described.
    #[must_use]
    pub fn link(&self) -> Link {
        link_of(self.batch.batch, &self.raw)
    }

    /// Time of the frame before it; its own for the capture's first.
    #[must_use]
    pub fn previous_time(&self) -> Timestamp {
        match self.index.checked_sub(1).and_then(|before| self.batch.batch.frames.get(before)) {
            Some(before) => before.time,
            None => self.batch.previous_time,
        }
    }

    /// What applications said with the frame, in order.
    #[must_use]
    pub fn messages(&self) -> &'b [Met] {
        let messages = self.batch.messages;
        if messages.is_empty() {
            return messages;
        }
        let number = self.number();
        let start = messages.partition_point(|met| met.frame < number);
        let end = messages.partition_point(|met| met.frame <= number);
        messages.get(start..end).unwrap_or_default()
    }

    /// What is wrong in the frame, of the kinds asked for; without what became known only later.
    #[must_use]
    pub fn findings(&self) -> &'b [Finding] {
        let (findings, number) = (self.batch.findings, self.number());
        let start = findings.partition_point(|finding| finding.known_at < number);
        let end = findings.partition_point(|finding| finding.known_at <= number);
        findings.get(start..end).unwrap_or_default()
    }

    /// Which echo request the message at `ordinal` answers.
    #[must_use]
    pub fn echo_answer(&self, ordinal: u16) -> Option<&'b EchoAnswer> {
        let at = (self.index as u32, ordinal);
        let answers = self.batch.echo_answers;
        let place = answers.binary_search_by_key(&at, |answer| (answer.frame_index, answer.ordinal)).ok()?;
        answers.get(place)
    }

    /// Slot of its first transport header; of a frame without any, that of the next header in the batch.
    pub(crate) fn first_slot(&self) -> u32 {
        self.batch.frame_slots.get(self.index).copied().unwrap_or(u32::MAX)
    }

    /// The verdict at a slot, of whatever frame in the batch.
    pub(crate) fn transport(&self, slot: u32) -> Option<&'b TransportVerdict> {
        self.batch.transports.get(slot as usize)?.as_ref()
    }

    /// The datagram that the fragment at `ordinal` of this frame completed.
    #[must_use]
    pub fn datagram(&self, ordinal: u16) -> Option<&'b CompletedDatagram> {
        let at = (self.index as u32, ordinal);
        let place = self.batch.datagrams.binary_search_by_key(&at, |d| (d.frame_index, d.ordinal)).ok()?;
        self.batch.datagrams.get(place)
    }
}

/// The link of a frame.
pub(crate) fn link_of(batch: &Batch, raw: &RawFrame) -> Link {
    let unknown = Link { kind: LinkType(u32::MAX), fcs_len: 0 };
    batch.links.get(raw.interface as usize).copied().unwrap_or(unknown)
}
