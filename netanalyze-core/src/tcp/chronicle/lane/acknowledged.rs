//! What the other end acknowledges, how long that takes, and which windows it gives.

use super::super::class::LEAST_RTO;
use super::super::mark::Mark;
use super::Lane;
use crate::model::{Span, Timestamp};
use crate::tcp::segment::Segment;
use crate::tcp::sequence::{after, before};

impl Lane {
    /// Takes an acknowledgement of what this direction sent; `by` is the direction that it came in.
    #[inline(always)]
    pub(in crate::tcp::chronicle) fn acknowledged(&mut self, segment: &Segment<'_>, mark: Mark, by: &Lane) {
        let has_data = segment.len > 0 || segment.flags.is_control();
        if has_data && self.acked && segment.ack == self.una {
            return;
        }
        // Beyond what was sent lies what the capture lacks, or damage: the next segment tells.
        let is_beyond = self.begun && after(segment.ack, self.next);
        let ack = if is_beyond { self.next } else { segment.ack };
        self.acked_ahead = self.acked_ahead.saturating_add(u32::from(is_beyond));
        if self.acked && ack == self.una {
            if !has_data && self.outstanding() && by.window_before == segment.window {
                self.duplicate_acks = self.duplicate_acks.saturating_add(1);
            } else if !has_data && by.window_before != segment.window {
                self.window_updated = segment.time;
            }
            return;
        }
        if self.acked && before(ack, self.una) {
            return;
        }
        let now = segment.time;
        let una = self.una;
        (self.una, self.acked, self.duplicate_acks) = (ack, true, 0);
        if let Some((end, sent)) = self.timed
            && !before(ack, end)
        {
            self.timed = None;
            self.sample(now.since(sent).0);
        }
        if let Some((end, len)) = self.larger
            && !before(ack, end)
        {
            (self.delivered, self.larger) = (self.delivered.max(len), None);
        }
        if self.begun && !before(ack, self.round_end) && self.data_segments > 0 {
            self.rounds = self.rounds.saturating_add(1);
            self.full_rounds = self.full_rounds.saturating_add(u32::from(self.full_in_round));
            (self.full_in_round, self.round_end) = (false, self.next);
        }
        // One that is ahead of what it acknowledges waited for none of what is here.
        self.ack_delay = Span(0);
        if !has_data && ack == self.next && !is_beyond {
            self.ack_delay = Span(now.since(self.last_sent).0.max(0));
            self.ack_time = now;
            self.ack_bucket = by.stalled;
        }
        if let Some(reported) = &mut self.reported {
            reported.acknowledged((una, ack), self.trouble.as_ref().and_then(|trouble| trouble.resent()));
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.acknowledged(ack, mark);
        }
    }

    /// Takes a window that the other end gives this direction.
    #[inline(always)]
    pub(in crate::tcp::chronicle) fn advertised(
        &mut self,
        segment: &Segment<'_>,
        window: u32,
        scale_known: bool,
    ) {
        self.window = window;
        self.window_known = scale_known;
        self.greatest_window = self.greatest_window.max(window);
        let flags = segment.flags;
        if window == 0 && !flags.is_control() {
            self.trouble().zero.close(segment.time, segment.frame);
        } else if let Some(trouble) = &mut self.trouble {
            trouble.zero.open(segment.time, segment.frame);
        }
    }

    /// Whether what the first SACK block names had come before: a block up to the very number that an acknowledgement moves to may name news.
    pub(in crate::tcp::chronicle) fn had_arrived(&self, segment: &Segment<'_>) -> bool {
        let Some(block) = segment.options.and_then(|options| options.sack().first()) else { return false };
        if self.opened && (block.left, block.right) == (self.start, self.start.wrapping_add(1)) {
            return false; // a SYN holds no data
        }
        let repeated = self.trouble.as_ref().is_some_and(|trouble| trouble.sent_again(block.left));
        repeated || !self.acked || before(block.left, self.una) || after(block.right, segment.ack)
    }

    /// What the other end says to hold beyond its acknowledgement.
    pub(in crate::tcp::chronicle) fn sacked(&mut self, segment: &Segment<'_>) {
        let blocks = segment.options.map_or(&[][..], |options| options.sack());
        if blocks.is_empty() {
            return;
        }
        self.reported.get_or_insert_default().hold(blocks);
        if let Some(trouble) = &mut self.trouble {
            trouble.held(blocks);
        }
    }

    /// The other end's MSS option.
    pub(in crate::tcp::chronicle) fn limit_segments(&mut self, mss: u16) {
        self.mss = Some(mss);
        self.measure();
    }

    /// The other end's SYN was cut, where its MSS option may have been.
    pub(in crate::tcp::chronicle) fn miss_limit(&mut self) {
        self.mss_cut = true;
    }

    /// Works out what a full segment is.
    pub(super) fn measure(&mut self) {
        // Time stamps take twelve bytes of every segment.
        let Some(announced) = self.mss.map(|mss| u32::from(mss).saturating_sub(12)) else { return };
        self.full_size = announced.max(self.largest).max(1);
    }

    pub(super) fn sample(&mut self, rtt: i64) {
        let rtt = rtt.max(0);
        if self.srtt == 0 {
            (self.srtt, self.rttvar, self.least_rtt) = (rtt.max(1), rtt / 2, rtt);
            return;
        }
        self.least_rtt = self.least_rtt.min(rtt);
        // None of these is negative.
        self.rttvar = (self.rttvar >> 2) * 3 + ((self.srtt - rtt).abs() >> 2);
        self.srtt = ((self.srtt >> 3) * 7 + (rtt >> 3)).max(1);
    }

    /// Smoothed time from here to the one end and back, and to the other: the path's, wherever the tap is. 0 if unknown.
    pub(crate) fn path_rtt(&self, peer: &Lane) -> Span {
        Span(self.srtt.saturating_add(peer.srtt))
    }

    /// The least time from one end to the other and back that was measured.
    pub(crate) fn least_path_rtt(&self, peer: &Lane) -> Span {
        Span(self.least_rtt.saturating_add(peer.least_rtt))
    }

    /// The retransmission timer as Linux sets it.
    pub(in crate::tcp::chronicle) fn timer(&self, peer: &Lane) -> Span {
        let variation = self.rttvar.max(peer.rttvar).saturating_mul(4);
        Span(self.path_rtt(peer).0.saturating_add(variation.max(0)).max(LEAST_RTO.0))
    }

    /// When all that it had sent was acknowledged, by a packet without data.
    pub(in crate::tcp::chronicle) fn all_acknowledged(&self) -> Timestamp {
        self.ack_time
    }

    /// When the other end last changed its window, and nothing else.
    pub(in crate::tcp::chronicle) fn window_updated(&self) -> Timestamp {
        self.window_updated
    }
}
