//! How a connection opened, or failed to.

use super::super::account::Passing;
use super::super::segment::Segment;
use super::Frames;
use crate::model::{Direction, FrameNumber, Span, Timestamp};

/// The handshake.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// Who sent the first SYN without ACK.
    by: Option<Direction>,
    /// SYNs of the first sequence number.
    pub(crate) syns: u32,
    pub(crate) syn_frames: Frames,
    seq: u32,
    pub(crate) first_syn: Timestamp,
    pub(crate) last_syn: Timestamp,
    /// SYN-ACKs.
    pub(crate) syn_acks: u32,
    pub(crate) syn_ack_frame: FrameNumber,
    syn_ack_seq: u32,
    syn_ack_time: Timestamp,
    pub(crate) syn_ack_ttl: u8,
    /// A SYN-ACK that was sent again although the client had acknowledged it and sent data.
    pub(crate) syn_ack_after_data: FrameNumber,
    /// Times from SYN to SYN-ACK, and from there to the first acknowledgement.
    pub(crate) server_leg: Span,
    pub(crate) client_leg: Span,
    /// The SYN is of a scanner: no system asks with so small a window and without window scaling or SACK.
    pub(crate) is_probe: bool,
    done: bool,
    client_data: bool,
    /// Whether the windows that each end advertises are scaled: both SYNs had the option.
    pub(crate) scales: [bool; 2],
}

impl Opening {
    pub(super) fn note(&mut self, direction: Direction, segment: &Segment<'_>, passing: &Passing) {
        let flags = segment.flags;
        if flags.rst() {
            return;
        }
        if flags.is_pure_syn() {
            self.by.get_or_insert(direction);
            if self.by != Some(direction) {
                return;
            }
            if self.syns == 0 {
                (self.seq, self.first_syn) = (segment.seq, segment.time);
                let plain = segment.options.is_none_or(|options| {
                    options.window_scale().is_none()
                        && !options.sack_permitted
                        && options.timestamps.is_none()
                });
                self.is_probe = plain && matches!(segment.window, 1_024 | 2_048 | 3_072 | 4_096);
            }
            if self.seq == segment.seq {
                self.syns = self.syns.saturating_add(1);
                self.syn_frames.push(segment.frame);
                self.last_syn = segment.time;
            }
            let has = segment.options.is_some_and(|options| options.window_scale().is_some());
            self.scales[direction.index()] = has;
        } else if flags.is_syn_ack() {
            self.by.get_or_insert(direction.reverse());
            self.syn_acks = self.syn_acks.saturating_add(1);
            if self.syn_acks == 1 {
                (self.syn_ack_frame, self.syn_ack_time) = (segment.frame, segment.time);
                self.syn_ack_seq = segment.seq;
                self.syn_ack_ttl = passing.ttl;
                if self.syns > 0 {
                    self.server_leg = segment.time.since(self.last_syn);
                }
            } else if self.done && self.client_data {
                self.syn_ack_after_data = segment.frame;
            }
            let has = segment.options.is_some_and(|options| options.window_scale().is_some());
            self.scales[direction.index()] = has;
        } else {
            let by_client = self.by == Some(direction);
            if !self.done && by_client && flags.ack() && self.syn_acks > 0 {
                self.done = true;
                self.client_leg = segment.time.since(self.syn_ack_time);
            }
            // Of a handshake whose SYN-ACK was not captured: nobody sends data before.
            self.done |= flags.ack() && segment.len > 0 && self.syn_acks == 0;
            self.client_data |= by_client && segment.len > 0;
        }
    }

    /// Whether a segment is a SYN-ACK with another number than the first: nobody heeds it.
    pub(super) fn contradicts(&self, segment: &Segment<'_>) -> bool {
        self.syn_acks > 0 && segment.flags.is_syn_ack() && segment.seq != self.syn_ack_seq
    }

    /// Who opened, if that was captured.
    pub(crate) fn client(&self) -> Option<Direction> {
        self.by
    }

    /// The first SYN's sequence number.
    pub(crate) fn seq(&self) -> u32 {
        self.seq
    }

    /// The handshake was completed, or nothing of it was captured.
    pub(crate) fn is_complete(&self) -> bool {
        self.done || self.by.is_none()
    }

    /// Time from SYN to the handshake's last acknowledgement, without the waits for SYNs sent again.
    pub(crate) fn rtt(&self) -> Option<Span> {
        self.done.then(|| Span(self.server_leg.0.saturating_add(self.client_leg.0))).filter(|rtt| rtt.0 > 0)
    }

    /// Nothing of what a direction sends can change it any more.
    pub(super) fn is_settled(&self, direction: Direction, len: u32) -> bool {
        self.is_complete() && (self.client_data || len == 0 || self.by != Some(direction))
    }

    /// One SYN, one SYN-ACK, one acknowledgement.
    pub(super) fn is_ordinary(&self) -> bool {
        self.done && self.syns <= 1 && self.syn_acks == 1
    }
}
