//! What diagnoses need of a connection beyond its verdicts: our own classes of segments, loss with its place, lost time, how it opened, how it was reset.
//!
//! Owns: one [`Chronicle`] a conversation, while a view wants diagnoses. Reads: segments in frame order, with the verdict's window scale. Emits: itself, at the
//! capture's end, or sooner: one that closed and of which nothing is to be told is dropped, so that memory is spent on trouble. RFC 6298 for timers,
//! RFC 5681 and 6675 for fast retransmission, RFC 8985 §7 for tail-loss probes, RFC 9293 §3.8.4 and §3.8.6.1 for keep-alives and probes. Costs some
//! comparisons a segment; what few connections have lies in boxes of its own.

mod chain;
mod class;
mod copies;
mod draft;
mod lane;
mod losses;
mod lost_time;
mod mark;
mod opening;
mod reported;
mod reset;
mod service;
#[cfg(test)]
mod tests;
mod told;
mod trouble;
mod turns;
mod zero_window;

pub(crate) use chain::Chain;
pub(crate) use class::Class;
use copies::Copied;
pub(crate) use draft::{Draft, Spare, Taken};
pub(crate) use lane::Lane;
pub(crate) use losses::Losses;
pub(crate) use lost_time::{Bucket, LostTime};
pub(crate) use opening::Opening;
pub(crate) use reset::{Reset, Shape, made_same_way};
pub(crate) use service::{Brief, Service};
pub(crate) use trouble::Trouble;
pub(crate) use turns::{Think, Turn};

use super::account::Passing;
use super::analysis::Flags;
use super::checksum::Checksum;
use super::flow::WindowScale;
use super::segment::{Scope, Segment};
use super::sequence::after;
use super::verdict::Verdict;
use crate::model::{DISORDER, Direction, FrameNumber, Span, Timestamp};
use crate::packet::tcp_option::Timestamps;
use class::Sight;
use lost_time::Before;
use mark::Mark;
use turns::IDLE;

/// Times that decide while packets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// A pause with something outstanding is a stall from here on.
    pub(crate) stall: Span,
    /// A server that takes so long for its answer is slow.
    pub(crate) think: Span,
}

/// What only the frame tells of a segment. It is far away by now: asked where it matters.
pub(crate) trait Wire {
    /// Its time stamps, if it has no other option.
    fn stamps(&self) -> Option<Timestamps>;
    /// Its checksum.
    fn checksum(&self) -> Checksum;
}

/// Frames that show something: the first few of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    first: [u64; 4],
}

impl Frames {
    /// One more.
    pub(crate) fn push(&mut self, frame: FrameNumber) {
        if let Some(place) = self.first.iter_mut().find(|place| **place == 0) {
            *place = frame.0;
        }
    }

    /// The frames.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FrameNumber> + '_ {
        self.first.iter().copied().filter(|&frame| frame != 0).map(FrameNumber)
    }
}

/// What a connection's packets tell.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    lanes: [Lane; 2],
    pub(crate) opening: Opening,
    pub(crate) reset: Option<Box<Reset>>,
    pub(crate) lost: Option<Box<LostTime>>,
    /// How often the server was slow to answer, and the first few of these pauses.
    pub(crate) slow_thinks: u32,
    pub(crate) thinks: Vec<Think>,
    /// Times of its first and its latest packet.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The longest silence behind which both ends went on.
    pub(crate) survived: Span,
    /// The silence before the packet at hand, and the frame that ended it, while it is not known what becomes of it.
    pub(crate) pending_idle: Option<(Span, FrameNumber, Direction)>,
    turn: Option<Turn>,
    /// RSTs.
    resets: u32,
    /// Segments that the capture holds twice.
    pub(crate) duplicates: u32,
    pub(crate) duplicate_frames: Frames,
    /// Those of them that were captured at another place.
    pub(crate) elsewhere: u32,
    /// Packets with a time before that of an earlier one, and the frames.
    pub(crate) backward: u32,
    pub(crate) backward_frames: Frames,
    /// Payload larger than the other end's MSS option allows.
    pub(crate) oversized: u32,
    /// Segments that were damaged, with numbers that do not fit, or with a time long before: left out.
    pub(crate) strange: u32,
    /// What [`Self::is_calm`] said behind the last segment that was not plain.
    calm: bool,
    /// What [`Self::heap`] said when it was last asked by [`Self::weigh`].
    weighed: usize,
}

/// The sender's direction and the other.
fn pair<T>(both: &mut [T; 2], direction: Direction) -> (&mut T, &mut T) {
    let [a, b] = both;
    if direction == Direction::AtoB { (a, b) } else { (b, a) }
}

/// What comes so long before the last packet was put into the capture at the wrong place.
const LONG_BEFORE: Span = Span(100_000_000);

impl Chronicle {
    /// Of a connection whose first packet came at `first`. Made where it stays: it is too large to be moved for every connection.
    pub(crate) fn new(first: Timestamp) -> Box<Self> {
        let mut new = Box::<Chronicle>::default();
        new.lanes.iter_mut().for_each(Lane::prepare);
        (new.first, new.last) = (first, first);
        new
    }

    /// What was sent in a direction.
    pub(crate) fn lane(&self, direction: Direction) -> &Lane {
        let [a, b] = &self.lanes;
        if direction == Direction::AtoB { a } else { b }
    }

    /// Takes a segment that no error quotes. Says whether the connection is over and nothing is to be told of it; `None` if it merely went on.
    #[inline(always)]
    pub(crate) fn note(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        (verdict, passing): (&Verdict, &Passing),
        wire: &dyn Wire,
        patience: &Patience,
    ) -> Option<bool> {
        if is_padding(segment, passing) {
            let bare = Segment { len: 0, ..*segment };
            self.any(direction, &bare, (verdict, passing), wire, patience);
            return Some(false);
        }
        if self.calm && segment.is_plain() && segment.window > 0 && self.is_next(direction, segment, patience)
        {
            // Written once, and compiled for either: what one of them cannot do is dropped.
            if segment.len > 0 {
                self.plain::<true>(direction, segment, (verdict, passing), patience);
            } else {
                self.plain::<false>(direction, segment, (verdict, passing), patience);
            }
            return None;
        }
        self.any(direction, segment, (verdict, passing), wire, patience);
        Some(segment.len == 0 && self.is_dull())
    }

    /// Whether a segment comes soon, and begins where its direction had come to.
    #[inline(always)]
    fn is_next(&self, direction: Direction, segment: &Segment<'_>, patience: &Patience) -> bool {
        let pause = segment.time.since(self.last);
        self.lane(direction).is_next(segment) && (0..patience.stall.0.min(IDLE.0)).contains(&pause.0)
    }

    /// Whether nothing is under way but an exchange of data: the handshake is over, the client has spoken, and neither end closed.
    fn is_calm(&self) -> bool {
        let directions = [Direction::AtoB, Direction::BtoA];
        let settled = directions.iter().all(|&direction| self.opening.is_settled(direction, 1));
        self.reset.is_none()
            && self.pending_idle.is_none()
            && settled
            && self.lanes.iter().all(|lane| lane.is_calm() && !lane.fin_sent())
    }

    /// A segment that goes on in an ordinary connection, with data or without: the compiler drops every rule that cannot apply.
    #[inline(never)]
    fn plain<const HAS_DATA: bool>(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        (verdict, passing): (&Verdict, &Passing),
        patience: &Patience,
    ) {
        let (own, _) = pair(&mut self.lanes, direction);
        if HAS_DATA {
            own.continues(segment, passing);
        } else if let Some(copied) = own.repeats(segment, passing, Span(0)) {
            return self.copied(segment, copied);
        }
        own.stalled = None;
        let len = if HAS_DATA { segment.len.max(1) } else { 0 };
        let segment = &Segment { len, ..segment.plain() };
        self.exchange::<true>(direction, segment, Sight::NONE, Mark::default(), (verdict, passing.ttl));
        self.turns(direction, segment, Sight::NONE, patience);
        self.last = segment.time;
    }

    /// The capture holds a segment twice.
    #[cold]
    fn copied(&mut self, segment: &Segment<'_>, copied: Copied) {
        self.elsewhere = self.elsewhere.saturating_add(u32::from(copied == Copied::Elsewhere));
        self.duplicates = self.duplicates.saturating_add(1);
        self.duplicate_frames.push(segment.frame);
        self.lanes.iter_mut().for_each(Lane::expect_copies);
    }

    /// Any segment.
    #[inline(never)]
    fn any(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        (verdict, passing): (&Verdict, &Passing),
        wire: &dyn Wire,
        patience: &Patience,
    ) {
        if segment.scope != Scope::Full
            || segment.header_len < 20
            || is_nonsense(segment)
            || self.opening.contradicts(segment)
        {
            return;
        }
        let (own, peer) = pair(&mut self.lanes, direction);
        let rtt = own.path_rtt(peer);
        if let Some(copied) = own.repeats(segment, passing, rtt) {
            return self.copied(segment, copied);
        }
        if self.goes_on(direction, segment, patience) {
            let (own, _) = pair(&mut self.lanes, direction);
            own.stalled = None;
            if !self.opening.is_settled(direction, segment.len) {
                self.opening.note(direction, segment, passing);
            }
            self.exchange::<false>(direction, segment, Sight::NONE, Mark::default(), (verdict, passing.ttl));
            self.turns(direction, segment, Sight::NONE, patience);
            self.last = segment.time;
        } else {
            self.rest(direction, segment, (verdict, passing), wire, patience);
        }
        self.calm = self.is_calm();
    }

    /// Whether a segment goes on where its direction had come to, though it may begin or end something.
    fn goes_on(&self, direction: Direction, segment: &Segment<'_>, patience: &Patience) -> bool {
        segment.flags.ack()
            && !(segment.flags.syn() || segment.flags.rst())
            && segment.options.is_none()
            && self.reset.is_none()
            && self.pending_idle.is_none()
            && self.lanes.iter().all(Lane::is_calm)
            && self.is_next(direction, segment, patience)
            && self.lane(direction.reverse()).is_near(segment.ack)
    }

    /// A segment of which anything may be to be told.
    #[inline(never)]
    fn rest(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        (verdict, passing): (&Verdict, &Passing),
        wire: &dyn Wire,
        patience: &Patience,
    ) {
        let (own, peer) = pair(&mut self.lanes, direction);
        // Only what may be lost or out of order is worth a look at the frame.
        let out_of_turn = own.next() != Some(segment.seq);
        let in_doubt = own.in_doubt() || peer.in_doubt() || out_of_turn;
        let mark = match segment.options {
            Some(options) => Mark { id: passing.ip_id(), stamps: options.timestamps },
            None => Mark { id: passing.ip_id(), stamps: if in_doubt { wire.stamps() } else { None } },
        };
        let is_reset = segment.flags.rst();
        let backward = self.last.since(segment.time).0;
        if backward > DISORDER.0 {
            self.backward = self.backward.saturating_add(1);
            self.backward_frames.push(segment.frame);
        }
        // A first packet tells whether its sender computes checksums at all.
        let is_damaged = (out_of_turn || segment.flags.syn()) && own.is_damaged(wire.checksum());
        let is_strange = is_damaged || !is_reset && !segment.flags.syn() && own.is_strange(segment, peer);
        if is_strange || backward > LONG_BEFORE.0 {
            self.strange = self.strange.saturating_add(1);
            return;
        }
        let pause = Span(segment.time.since(self.last).0.max(0));
        let before = Before {
            pending: own.outstanding() || peer.outstanding(),
            closed: own.window_is_closed() || peer.window_is_closed(),
            full: own.window_is_full() || peer.window_is_full(),
        };
        let sight = if is_reset { Sight::NONE } else { own.look(segment, mark, peer, &self.opening) };
        let stall_from = patience.stall.0.max(own.path_rtt(peer).0.saturating_mul(4));
        let stalled = (pause.0 >= stall_from).then(|| self.bucket(direction, segment, sight, before));
        if let Some(bucket) = stalled {
            self.lost.get_or_insert_default().add(bucket, pause);
        }
        self.idle(direction, segment, pause, before.pending, sight);
        let (own, peer) = pair(&mut self.lanes, direction);
        own.stalled = stalled;
        if is_reset {
            self.resets = self.resets.saturating_add(1);
            let reset = Reset::new(direction, segment, passing, (own, peer), self.turn, pause, &self.opening);
            match &mut self.reset {
                Some(first) => first.again(&reset),
                None => self.reset = Some(Box::new(reset)),
            }
        } else if segment.flags.is_syn_ack() {
            // It was refused, tried again, and was accepted.
            self.reset = self.reset.take().filter(|reset| reset.shape != Shape::Refusal);
        } else if let Some(reset) = &mut self.reset {
            reset.followed_by(direction, segment);
        }
        self.opening.note(direction, segment, passing);
        if !is_reset {
            self.exchange::<false>(direction, segment, sight, mark, (verdict, passing.ttl));
        }
        self.turns(direction, segment, sight, patience);
        self.last = self.last.max(segment.time);
    }

    /// Hands a segment to both directions: what it sends to the one, what it acknowledges to the other.
    #[inline(always)]
    fn exchange<const PLAIN: bool>(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        sight: Sight,
        mark: Mark,
        (verdict, ttl): (&Verdict, u8),
    ) {
        let (own, peer) = pair(&mut self.lanes, direction);
        let is_syn = segment.flags.syn();
        if let Some(mss) = segment.options.and_then(|options| options.mss).filter(|_| is_syn) {
            peer.limit_segments(mss);
        }
        if is_syn && segment.header_captured < segment.header_len {
            peer.miss_limit();
        }
        if !PLAIN && verdict.flags.has(Flags::DUPLICATE_SACK) && peer.had_arrived(segment) {
            let trouble = peer.trouble();
            trouble.confirmed(segment);
            self.calm = false;
        }
        if let Some(held) = own.send::<PLAIN>(segment, sight, mark, peer, ttl) {
            self.lost.get_or_insert_default().hold(held);
            self.calm = false;
        }
        self.oversized = self.oversized.saturating_add(u32::from(own.exceeds_mss(segment.len)));
        if segment.flags.ack() {
            peer.acknowledged(segment, mark, own);
            if !PLAIN {
                peer.sacked(segment);
            }
            // Of plain segments most repeat the window that is known already, and there is no trouble that minds; that of a SYN was not scaled.
            if !PLAIN || !own.repeats_window(segment) {
                let window =
                    if is_syn { u32::from(segment.window) } else { verdict.scale.apply(segment.window) };
                own.announces(Some(segment.window).filter(|_| !is_syn));
                peer.advertised(segment, window, verdict.scale != WindowScale::Unknown);
            }
        }
    }
}

/// Whether what looks like payload is the padding of a short Ethernet frame, which some systems count in the length of the IP packet: nobody sends so little
/// data without PSH (RFC 9293 §3.9.1.2), but for the single byte of a probe.
#[inline(always)]
fn is_padding(segment: &Segment<'_>, passing: &Passing) -> bool {
    const SHORTEST: u32 = 60;
    matches!(segment.len, 2..=6) && passing.wire_len <= SHORTEST && !segment.flags.psh()
}

/// Whether it is no RST that a host sends, though the flag is set: other flags with it, or data, come from damage.
fn is_nonsense(segment: &Segment<'_>) -> bool {
    let flags = segment.flags;
    flags.rst() && (flags.syn() || flags.fin() || flags.urg() || segment.len > 0)
}

/// Whether a segment reaches beyond a sequence number.
fn ends_after(segment: &Segment<'_>, seq: u32) -> bool {
    after(end_of(segment), seq)
}

/// The sequence number behind a segment, SYN and FIN counted.
fn end_of(segment: &Segment<'_>) -> u32 {
    let flags = segment.flags;
    segment.seq.wrapping_add(segment.len).wrapping_add(u32::from(flags.syn()) + u32::from(flags.fin()))
}
