//! One direction: what was sent, what was acknowledged, which windows it was given.

use super::super::account::Passing;
use super::super::checksum::Checksum;
use super::super::segment::Segment;
use super::super::sequence::{after, before};
use super::class::{Class, LEAST_RTO, Sight};
use super::copies::{Copied, Copies};
use super::end_of;
use super::lost_time::{Bucket, Held};
use super::mark::{Mark, Order};
use super::trouble::{Again, Trouble};
use crate::model::{Span, Timestamp};

/// See the head of the module. All sequence numbers are raw.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    begun: bool,
    acked: bool,
    fin: bool,
    /// The other end's windows are known in bytes.
    window_known: bool,
    /// The window was full when something was last sent.
    window_full: bool,
    /// It was full at some time of the round trip at hand.
    full_in_round: bool,
    duplicate_acks: u8,
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
    /// The last data was a small segment.
    small: bool,
    /// A checksum was right; how many were not there yet.
    sums_right: bool,
    sums_partly: bool,
    unsummed: u32,
    /// Where the last packet ended, and what it acknowledged, if both are far from all else.
    stranger: Option<(u32, u32)>,
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// No path that most connections take holds larger segments (RFC 9293 §3.7.1).
const ETHERNET: u32 = 1_460;

/// On shorter paths a full window costs nothing that anybody notices.
const NEAR: Span = Span(2_000_000);

/// Bytes that a capture seldom lacks in one piece.
const FAR: u32 = 1 << 20;

/// Delays of acknowledgements that wait for more data: 40 ms on Linux, 200 ms elsewhere (RFC 9293 §3.8.6.3 allows half a second).
const DELAYS: [std::ops::Range<i64>; 2] = [35_000_000..60_000_000, 180_000_000..220_000_000];

/// Payload of a full segment where no MSS option was captured (RFC 9293 §3.7.1).
const UNSAID: u32 = 536;

impl Lane {
    /// Of which nothing was captured so far.
    pub(super) fn new() -> Self {
        Lane { full_size: UNSAID, ..Lane::default() }
    }

    /// Whether a segment is one that the capture holds already; if not, it is remembered.
    #[inline(always)]
    pub(super) fn repeats(&mut self, segment: &Segment<'_>, passing: &Passing, rtt: Span) -> Option<Copied> {
        if let Some(copied) = self.copies.find_or_keep(segment, passing, rtt) {
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

    /// Packets without a right checksum, of those that were looked at, if none of these had one; and whether one has the sum that systems leave to the card.
    pub(crate) fn unsummed(&self) -> (u32, bool) {
        if self.sums_right { (0, false) } else { (self.unsummed, self.sums_partly) }
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

    /// It has begun, and nothing was lost, repeated, held back or out of place.
    pub(super) fn is_calm(&self) -> bool {
        self.begun && self.trouble.is_none() && self.stranger.is_none()
    }

    /// Whether a number cannot be strange: see [`Self::is_strange`].
    #[inline(always)]
    pub(super) fn is_near(&self, number: u32) -> bool {
        number.wrapping_sub(self.next).cast_signed().unsigned_abs() <= FAR
    }

    /// Whether the packet at hand, which is remembered already, has another window than the one before.
    #[inline(always)]
    pub(super) fn changes_window(&self) -> bool {
        self.window_before != self.last_window
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
                waited: Span(now.since(self.last_sent).0.max(0)),
                rtt: self.path_rtt(peer),
                mark,
            };
            if !segment.flags.syn() && sight.class != Class::KeepAlive {
                self.trouble().count(sight, again);
                self.trouble().fill(segment.seq, end);
            }
            // Karn's rule.
            self.timed = None;
        } else if sight.class == Class::Hole {
            let next = self.next;
            self.trouble().dig(next, segment.seq, (now, segment.frame, mark));
        }
        if !PLAIN {
            self.begin(segment.seq);
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
                self.bytes = self.bytes.saturating_add(u64::from(segment.len));
            }
            self.first_data.get_or_insert(now);
            self.last_data = now;
            if segment.len > self.largest {
                (self.largest, self.largest_header) = (segment.len, segment.header_len);
                self.measure();
            }
            self.last_size = segment.len;
            self.last_data_ack = segment.ack;
            self.small = self.is_small(segment.len);
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

    fn begin(&mut self, seq: u32) {
        if !self.begun {
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
        if delay.0 < DELAYS[0].start { None } else { self.held(delay, segment, sight, peer) }
    }

    /// The same, of one that came so long after the data before it.
    #[inline(never)]
    fn held(&mut self, delay: Span, segment: &Segment<'_>, sight: Sight, peer: &Lane) -> Option<Held> {
        let was_small = self.small;
        // The way to the other end and back is no delay of it.
        let own = delay.0.saturating_sub(self.least_rtt);
        let delayed = DELAYS.iter().any(|range| range.contains(&own));
        let is_small = segment.len > 0 && self.is_small(segment.len);
        if !delayed || !was_small || !is_small || sight.class != Class::New {
            return None;
        }
        let reaction = segment.time.since(self.ack_time);
        if reaction.0 > (self.path_rtt(peer).0 / 5).max(1_000_000) {
            return None;
        }
        let before = self.ack_bucket.take();
        let trouble = self.trouble();
        trouble.held = trouble.held.saturating_add(1);
        trouble.held_time = Span(trouble.held_time.0.saturating_add(delay.0));
        trouble.held_frames.push(segment.frame);
        Some(Held { span: delay, before })
    }

    /// Takes an acknowledgement of what this direction sent; `by` is the direction that it came in.
    #[inline(always)]
    pub(super) fn acknowledged(&mut self, segment: &Segment<'_>, mark: Mark, by: &Lane) {
        let has_data = segment.len > 0 || segment.flags.is_control();
        if has_data && self.acked && segment.ack == self.una {
            return;
        }
        // Beyond what was sent lies what the capture lacks, or damage: the next segment tells.
        let is_beyond = self.begun && after(segment.ack, self.next);
        let ack = if is_beyond { self.next } else { segment.ack };
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
        if !has_data && ack == self.next {
            self.ack_delay = Span(now.since(self.last_sent).0.max(0));
            self.ack_time = now;
            self.ack_bucket = by.stalled;
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.acknowledged(ack, mark);
            if after(ack, trouble.chain.seq) {
                trouble.chain.count = 0;
            }
        }
    }

    /// Takes a window that the other end gives this direction.
    #[inline(always)]
    pub(super) fn advertised(&mut self, segment: &Segment<'_>, window: u32, scale_known: bool) {
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
    pub(super) fn had_arrived(&self, segment: &Segment<'_>) -> bool {
        let Some(block) = segment.options.and_then(|options| options.sack().first()) else { return false };
        let repeated = self.trouble.as_ref().is_some_and(|trouble| trouble.sent_again(block.left));
        repeated || !self.acked || before(block.left, self.una) || after(block.right, segment.ack)
    }

    /// The conversation has copies: they are sought further back.
    pub(super) fn expect_copies(&mut self) {
        self.copies.widen();
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.copies.heap() + self.trouble.as_ref().map_or(0, |_| size_of::<Trouble>())
    }

    /// Whether a number lies before all that was captured, in a connection that is older than the capture.
    pub(super) fn is_older(&self, seq: u32) -> bool {
        before(seq, self.start)
    }

    /// The other end's MSS option.
    pub(super) fn limit_segments(&mut self, mss: u16) {
        self.mss = Some(mss);
        self.measure();
    }

    /// Works out what a full segment is.
    fn measure(&mut self) {
        // Time stamps take twelve bytes of every segment.
        let Some(announced) = self.mss.map(|mss| u32::from(mss).saturating_sub(12)) else { return };
        self.full_size = announced.max(self.largest).max(1);
    }

    fn sample(&mut self, rtt: i64) {
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

    /// When all that it had sent was acknowledged, by a packet without data.
    pub(super) fn all_acknowledged(&self) -> Timestamp {
        self.ack_time
    }

    /// When the other end last changed its window, and nothing else.
    pub(super) fn window_updated(&self) -> Timestamp {
        self.window_updated
    }

    /// What its last data acknowledged.
    pub(super) fn last_data_ack(&self) -> u32 {
        self.last_data_ack
    }

    /// Time of its last packet.
    pub(crate) fn last_packet(&self) -> Timestamp {
        self.last_packet
    }

    /// Less than half of what fits: a write of its own, and no end of a larger one.
    fn is_small(&self, len: u32) -> bool {
        // Without an MSS option, and with segments that a network card joined, the largest says nothing of what fits.
        len.saturating_mul(2) <= self.full_size().min(ETHERNET)
    }

    /// The least time from one end to the other and back that was measured.
    pub(crate) fn least_path_rtt(&self, peer: &Lane) -> Span {
        Span(self.least_rtt.saturating_add(peer.least_rtt))
    }

    /// The retransmission timer as Linux sets it.
    pub(super) fn timer(&self, peer: &Lane) -> Span {
        let variation = self.rttvar.max(peer.rttvar).saturating_mul(4);
        Span(self.path_rtt(peer).0.saturating_add(variation.max(0)).max(LEAST_RTO.0))
    }

    /// Payload of a full segment.
    pub(crate) fn full_size(&self) -> u32 {
        self.full_size
    }

    /// Larger than the other end takes: the capture shows segments before a network card cut them, or after one joined them.
    pub(super) fn exceeds_mss(&self, len: u32) -> bool {
        self.mss.is_some_and(|mss| len > u32::from(mss))
    }

    pub(super) fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    pub(super) fn next(&self) -> Option<u32> {
        self.begun.then_some(self.next)
    }

    pub(super) fn acknowledged_to(&self) -> Option<u32> {
        self.acked.then_some(self.una)
    }

    /// What the other end says to hold beyond its acknowledgement.
    pub(super) fn sacked(&mut self, segment: &Segment<'_>) {
        let blocks = segment.options.map_or(&[][..], |options| options.sack());
        if !blocks.is_empty() {
            self.trouble().hold(blocks);
        }
    }

    /// Something was sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> bool {
        self.begun && self.acked && after(self.next, self.una)
    }
    /// Acknowledgements that repeated the last one while something was outstanding.
    pub(crate) fn duplicate_acks(&self) -> u8 {
        self.duplicate_acks
    }

    pub(super) fn last_sent(&self) -> Timestamp {
        self.last_sent
    }

    pub(super) fn window_is_closed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.zero.is_closed())
    }

    pub(super) fn window_is_full(&self) -> bool {
        self.window_full
    }

    pub(crate) fn fin_sent(&self) -> bool {
        self.fin
    }

    /// Its FIN was sent and acknowledged.
    pub(super) fn is_closed(&self) -> bool {
        self.fin && self.acked && self.next == self.una
    }

    /// Payload bytes that it sent, each counted once.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Payload of its last segment that had any.
    pub(super) fn last_size(&self) -> u32 {
        self.last_size
    }

    pub(crate) fn packets(&self) -> u32 {
        self.packets
    }

    pub(crate) fn data_segments(&self) -> u32 {
        self.data_segments
    }

    /// Largest payload that arrived, and that was sent.
    pub(crate) fn sizes(&self) -> (u32, u32) {
        (self.delivered, self.largest)
    }

    /// Bytes of the largest segment, its header included.
    pub(crate) fn largest_segment(&self) -> u32 {
        self.largest.saturating_add(self.largest_header.into())
    }

    /// Time to live of its packets, if they agree.
    pub(crate) fn usual_ttl(&self) -> Option<u8> {
        (self.packets > 0 && self.ttl_agrees).then_some(self.ttl)
    }

    /// When data was first and last sent.
    pub(crate) fn active(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.first_data?, self.last_data))
    }

    /// Round trips of its transfer, and those in which the window was full.
    pub(crate) fn rounds(&self) -> (u32, u32) {
        (self.rounds, self.full_rounds)
    }

    /// The greatest window that it was given.
    pub(crate) fn greatest_window(&self) -> u32 {
        self.greatest_window
    }

    /// A transfer of some length, over a path on which a full window costs time, filled it.
    pub(crate) fn may_be_window_limited(&self, peer: &Lane) -> bool {
        let long = self.bytes >= 10 * u64::from(self.full_size());
        long && self.rounds >= 3 && self.full_rounds > 0 && self.path_rtt(peer) >= NEAR
    }
}
