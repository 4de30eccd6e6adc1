//! One direction: what was sent, what was acknowledged, which windows it was given.

mod acknowledged;
mod known;

use super::super::account::Passing;
use super::super::checksum::Checksum;
use super::super::segment::Segment;
use super::super::sequence::{after, before};
use super::class::{Class, Sight};
use super::copies::{Copied, Copies};
use super::end_of;
use super::lost_time::{Bucket, Held};
use super::mark::{Mark, Order};
use super::reported::Reported;
use super::trouble::{Again, Trouble};
use crate::model::{FrameNumber, Span, Timestamp};

/// See the head of the module. All sequence numbers are raw.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    begun: bool,
    /// With a SYN: nothing was sent before.
    opened: bool,
    acked: bool,
    fin: bool,
    /// The other end's windows are known in bytes.
    window_known: bool,
    /// The window was full when something was last sent.
    window_full: bool,
    /// It was full at some time of the round trip at hand.
    full_in_round: bool,
    duplicate_acks: u8,
    /// Acknowledgements of what was not captured until then.
    acked_ahead: u32,
    /// The first number that was captured.
    start: u32,
    next: u32,
    una: u32,
    window: u32,
    greatest_window: u32,
    /// The largest payload, and the largest that was acknowledged.
    largest: u32,
    /// Bytes of the TCP header of that one.
    largest_header: u8,
    /// Payload of the last segment that had any.
    last_size: u32,
    delivered: u32,
    /// The end of a segment that is larger than that, and its payload.
    larger: Option<(u32, u32)>,
    /// Payload of a full segment.
    full_size: u32,
    /// The other end's MSS option.
    mss: Option<u16>,
    /// The other end's SYN was not captured whole: it may have had one.
    mss_cut: bool,
    ttl: u8,
    ttl_agrees: bool,
    packets: u32,
    data_segments: u32,
    bytes: u64,
    last_sent: Timestamp,
    first_data: Option<Timestamp>,
    last_data: Timestamp,
    copies: Copies,
    last_packet: Timestamp,
    last_window: u16,
    /// The window field that the other end was last given.
    announced: Option<u16>,
    timed: Option<(u32, Timestamp)>,
    srtt: i64,
    rttvar: i64,
    least_rtt: i64,
    round_end: u32,
    rounds: u32,
    full_rounds: u32,
    /// The last acknowledgement without data that covered all that was sent: when, how long after, and where that time was put.
    ack_time: Timestamp,
    ack_delay: Span,
    ack_bucket: Option<Bucket>,
    /// Where the pause before its last packet was put, if it was one.
    pub(super) stalled: Option<Bucket>,
    /// The last packet that acknowledged nothing new and changed the window.
    window_updated: Timestamp,
    /// What its last data acknowledged.
    last_data_ack: u32,
    /// Window field of the packet before the last one.
    window_before: u16,
    /// A checksum was right; how many were not there yet.
    sums_right: bool,
    sums_partly: bool,
    unsummed: u32,
    /// Where the last packet ended, and what it acknowledged, if both are far from all else.
    stranger: Option<(u32, u32)>,
    /// What the other end reports to hold, if it ever did.
    reported: Option<Box<Reported>>,
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// No path that most connections take holds larger segments (RFC 9293 §3.7.1).
const ETHERNET: u32 = 1_460;

/// On shorter paths a full window costs nothing that anybody notices.
pub(super) const NEAR: Span = Span(2_000_000);

/// Bytes that a capture seldom lacks in one piece.
const FAR: u32 = 1 << 20;

/// Delays of acknowledgements that wait for more data: 40 ms on Linux, 200 ms elsewhere (RFC 9293 §3.8.6.3 allows half a second).
pub(super) const DELAYS: [std::ops::Range<i64>; 2] = [35_000_000..60_000_000, 180_000_000..220_000_000];

/// Payload of a full segment where no MSS option was captured (RFC 9293 §3.7.1).
pub(super) const UNSAID: u32 = 536;

impl Lane {
    /// Nothing was captured so far.
    pub(super) fn prepare(&mut self) {
        self.full_size = UNSAID;
    }

    /// Whether a segment is one that the capture holds already; if not, it is remembered.
    #[inline(always)]
    pub(super) fn repeats(&mut self, segment: &Segment<'_>, passing: &Passing, rtt: Span) -> Option<Copied> {
        if let Some(copied) =
            self.copies.find_or_keep(segment, passing, rtt, self.sums_right && !self.sums_partly)
        {
            return Some(copied);
        }
        self.came(segment);
        None
    }

    /// Remembers a segment with data that follows all that was captured of this direction.
    #[inline(always)]
    pub(super) fn continues(&mut self, segment: &Segment<'_>, passing: &Passing) {
        self.copies.keep_new(segment, passing);
        self.came(segment);
    }

    #[inline(always)]
    fn came(&mut self, segment: &Segment<'_>) {
        (self.window_before, self.last_window) = (self.last_window, segment.window);
        self.last_packet = segment.time;
    }

    /// Which of two of its packets was sent first.
    pub(super) fn order(&self, a: Mark, b: Mark) -> Order {
        a.order(b, self.copies.count_up())
    }

    /// Whether a segment was damaged on its way: its checksum is wrong, and those before were right.
    pub(super) fn is_damaged(&mut self, checksum: Checksum) -> bool {
        match checksum {
            Checksum::Right => self.sums_right = true,
            Checksum::Wrong if self.sums_right => return true,
            Checksum::Wrong | Checksum::Partial => {
                self.unsummed = self.unsummed.saturating_add(1);
                self.sums_partly |= checksum == Checksum::Partial;
            }
            Checksum::Unknown => {}
        }
        false
    }

    /// Whether a segment lies far from all that was sent, in either number: it was damaged, or the capture lacks so much. In that case the next one goes on
    /// behind it, and is no longer far.
    pub(super) fn is_strange(&mut self, segment: &Segment<'_>, peer: &Lane) -> bool {
        let far = |number: u32, from: u32| {
            let distance = number.wrapping_sub(from).cast_signed().unsigned_abs();
            distance > FAR.max(self.greatest_window.max(peer.greatest_window).saturating_mul(2))
        };
        let jumps = self.begun && far(segment.seq, self.next);
        let acknowledges = peer.begun && segment.flags.ack() && far(segment.ack, peer.next);
        let stranger = Some((end_of(segment), segment.ack)).filter(|_| jumps || acknowledges);
        let confirmed = self.stranger.is_some_and(|(end, ack)| {
            (!jumps || end == segment.seq) && (!acknowledges || segment.ack.wrapping_sub(ack) <= FAR)
        });
        self.stranger = stranger;
        stranger.is_some() && !confirmed
    }

    /// It has begun, and nothing that was lost, repeated, held back or out of place asks more of its next segment than what any segment is asked.
    pub(super) fn is_calm(&self) -> bool {
        let settled = self.trouble.as_ref().is_none_or(|trouble| trouble.is_settled());
        self.begun && settled && self.stranger.is_none()
    }

    /// Whether a number cannot be strange: see [`Self::is_strange`].
    #[inline(always)]
    pub(super) fn is_near(&self, number: u32) -> bool {
        number.wrapping_sub(self.next).cast_signed().unsigned_abs() <= FAR
    }

    /// Whether a segment has the window field that its sender last gave the other end.
    #[inline(always)]
    pub(super) fn repeats_window(&self, segment: &Segment<'_>) -> bool {
        self.announced == Some(segment.window)
    }

    /// The other end was given a window, with this field if its scale is that of all that follow.
    #[inline(always)]
    pub(super) fn announces(&mut self, field: Option<u16>) {
        self.announced = field;
    }

    /// Whether a segment begins where this direction has come to.
    #[inline(always)]
    pub(super) fn is_next(&self, segment: &Segment<'_>) -> bool {
        segment.seq == self.next
    }

    /// Takes a segment that is no RST; one that is `PLAIN` goes on in a direction that has begun. The result is a small segment that a delayed
    /// acknowledgement released.
    #[inline(always)]
    pub(super) fn send<const PLAIN: bool>(
        &mut self,
        segment: &Segment<'_>,
        sight: Sight,
        mark: Mark,
        peer: &mut Lane,
        ttl: u8,
    ) -> Option<Held> {
        self.count_packet(ttl);
        let end = end_of(segment);
        let took = end != segment.seq;
        let now = segment.time;
        if sight.class != Class::New && sight.class != Class::Hole {
            let again = Again {
                seq: segment.seq,
                len: segment.len,
                header_len: segment.header_len,
                time: now,
                frame: segment.frame,
                waited: self.waited(segment),
                rtt: self.path_rtt(peer),
                mark,
            };
            if !segment.flags.syn() && !matches!(sight.class, Class::KeepAlive | Class::OtherData) {
                let overtaken = self.reported.as_ref().is_some_and(|told| told.filled_itself(again.seq));
                self.trouble().count(sight, again, overtaken);
                self.trouble().fill(segment.seq, end);
            }
            // Karn's rule.
            self.timed = None;
        } else if sight.class == Class::Hole {
            let missing = (self.next, segment.seq);
            // Before the first acknowledgement nobody knows what was sent, and lost, before the capture began.
            let older = !self.opened && !self.acked;
            self.trouble().dig(missing, older, (now, segment.frame, mark));
        }
        if !PLAIN {
            self.begin(segment);
        }
        if !took {
            return None;
        }
        let released = self.released(segment, sight, peer);
        peer.ack_delay = Span(0);
        if sight.class == Class::New && self.timed.is_none() {
            self.timed = Some((end, now));
        }
        if segment.len > 0 {
            self.data_segments = self.data_segments.saturating_add(1);
            if matches!(sight.class, Class::New | Class::Hole) {
                let news = if PLAIN { segment.len } else { segment.len.min(end.wrapping_sub(self.next)) };
                self.bytes = self.bytes.saturating_add(u64::from(news));
            }
            self.first_data.get_or_insert(now);
            self.last_data = now;
            if segment.len > self.largest {
                (self.largest, self.largest_header) = (segment.len, segment.header_len);
                self.measure();
            }
            self.last_size = segment.len;
            self.last_data_ack = segment.ack;
            if segment.len > self.delivered && self.larger.is_none() {
                self.larger = Some((end, segment.len));
            }
        }
        self.fin |= segment.flags.fin();
        self.last_sent = now;
        if after(end, self.next) {
            self.next = end;
        }
        let flight = if self.acked { self.next.wrapping_sub(self.una) } else { 0 };
        self.window_full = self.window_known
            && self.window > 0
            && u64::from(flight) + u64::from(self.full_size()) > u64::from(self.window);
        self.full_in_round |= self.window_full;
        released
    }

    fn begin(&mut self, segment: &Segment<'_>) {
        if !self.begun {
            let seq = segment.seq;
            self.opened = segment.flags.syn();
            (self.begun, self.start, self.next, self.round_end) = (true, seq, seq, seq);
        }
    }

    #[inline(always)]
    fn count_packet(&mut self, ttl: u8) {
        if ttl != self.ttl {
            self.see_ttl(ttl);
        }
        self.packets = self.packets.saturating_add(1);
    }

    /// A packet shows another time to live than the first, or is the first.
    #[inline(never)]
    fn see_ttl(&mut self, ttl: u8) {
        if self.packets == 0 {
            (self.ttl, self.ttl_agrees) = (ttl, true);
        }
        self.ttl_agrees &= ttl.abs_diff(self.ttl) <= 1;
    }

    /// Whether the segment at hand was held back for an acknowledgement that the other end delayed (Nagle's rule): small segments, nothing from the other
    /// end but that acknowledgement between them, and no time lost behind it.
    #[inline(always)]
    fn released(&mut self, segment: &Segment<'_>, sight: Sight, peer: &Lane) -> Option<Held> {
        let delay = std::mem::take(&mut self.ack_delay);
        if delay.0 < DELAYS[0].start {
            return None;
        }
        self.held(delay, (segment.time, segment.frame, segment.len), sight, peer)
    }

    /// The same, of one that came so long after the data before it.
    #[inline(never)]
    fn held(
        &mut self,
        delay: Span,
        (time, frame, len): (Timestamp, FrameNumber, u32),
        sight: Sight,
        peer: &Lane,
    ) -> Option<Held> {
        let was_small = self.data_segments > 0 && self.is_small(self.last_size);
        // The way to the other end and back is no delay of it.
        let own = delay.0.saturating_sub(self.least_rtt);
        let delayed = DELAYS.iter().any(|range| range.contains(&own));
        let is_small = len > 0 && self.is_small(len);
        if !delayed || !was_small || !is_small || sight.class != Class::New {
            return None;
        }
        let reaction = time.since(self.ack_time);
        if reaction.0 > (self.path_rtt(peer).0 / 5).max(1_000_000) {
            return None;
        }
        let before = self.ack_bucket.take();
        let trouble = self.trouble();
        trouble.held = trouble.held.saturating_add(1);
        trouble.held_time = Span(trouble.held_time.0.saturating_add(delay.0));
        trouble.held_frames.push(frame);
        Some(Held { span: delay, before })
    }

    /// The conversation has copies: they are sought further back.
    pub(super) fn expect_copies(&mut self) {
        self.copies.widen();
    }

    /// Whether a number lies before all that was captured, in a connection that is older than the capture.
    pub(super) fn is_older(&self, seq: u32) -> bool {
        before(seq, self.start)
    }

    /// Less than half of what fits: a write of its own, and no end of a larger one.
    fn is_small(&self, len: u32) -> bool {
        if self.mss_cut && self.mss.is_none() {
            return false;
        }
        // Without an MSS option, and with segments that a network card joined, the largest says nothing of what fits.
        len.saturating_mul(2) <= self.full_size().min(ETHERNET)
    }

    pub(super) fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }
}
