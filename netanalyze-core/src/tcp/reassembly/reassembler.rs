//! One direction of a connection.

use super::held::{Held, Place};
use super::snapped::Snapped;
use super::{Chunk, Counters, Limits, Payload, Why};
use crate::model::FrameNumber;

/// Where counting begins. Places count bytes as 64-bit numbers from here, so that a start can be moved back and a stream can be longer
/// than sequence numbers are.
const ORIGIN: u64 = 1 << 32;

/// The largest window (RFC 7323 §2.3): no segment is longer, and no acknowledgement is further ahead of what was seen.
const LARGEST_WINDOW: u64 = 1 << 30;

/// Segments that an acknowledgement must be old before it closes a hole. See the module's rules.
const SLACK: usize = 3;

/// Brings one direction's payload into order. See [the module](super) for its rules.
///
/// ```
/// use netanalyze_core::tcp::reassembly::{Chunk, Limits, Payload, Reassembler};
///
/// let mut stream = Vec::new();
/// let mut keep = |chunk: Chunk<'_>| match chunk {
///     Chunk::Data { bytes, .. } => stream.extend_from_slice(bytes),
///     Chunk::Gap { len, .. } => panic!("{len} bytes are missing"),
/// };
/// let mut direction = Reassembler::new(Limits::default());
/// direction.syn(999);
/// direction.push(&Payload { seq: 1004, bytes: b"o, world", ..Payload::default() }, &mut keep);
/// direction.push(&Payload { seq: 1000, bytes: b"hell", ..Payload::default() }, &mut keep);
/// direction.finish(&mut keep);
/// assert_eq!(stream, b"hello, world");
/// ```
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    held: Held,
    snapped: Snapped,
    counters: Counters,
    /// Place of offset 0.
    start: u64,
    /// Place of the next byte to hand on.
    next: u64,
    /// End of the furthest payload on the wire.
    sent: u64,
    /// Latest acknowledgement, and what it was up to [`SLACK`] segments ago, the oldest first.
    acked: u64,
    aging: [u64; SLACK],
    fin: Option<u64>,
    /// Acknowledgement seen before there was a start.
    early_ack: Option<u32>,
    /// The byte after another SYN than the one that the start follows.
    other_start: Option<u32>,
    /// Sequence number at [`ORIGIN`].
    seq_at_origin: u32,
    started: bool,
    /// The start is the byte after a SYN.
    syn_seen: bool,
    finished: bool,
}

impl Reassembler {
    /// A direction of which nothing was seen. Holds no memory until there is a hole.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Reassembler {
            limits,
            held: Held::default(),
            snapped: Snapped::default(),
            counters: Counters::default(),
            start: ORIGIN,
            next: ORIGIN,
            sent: ORIGIN,
            acked: 0,
            aging: [0; SLACK],
            fin: None,
            early_ack: None,
            other_start: None,
            seq_at_origin: 0,
            started: false,
            syn_seen: false,
            finished: false,
        }
    }

    /// The direction's SYN: offset 0 is the byte after it. [`Reassembler::push`] calls it for a [`Payload::syn`]. A SYN after the first
    /// byte was handed on changes nothing. Of several before any payload, the one counts that is acknowledged or that data follows; until
    /// then, the last.
    pub fn syn(&mut self, seq: u32) {
        let first = seq.wrapping_add(1);
        if !self.started {
            self.begin(first);
        } else if self.is_blank() && first != self.seq_at_origin {
            if self.acked == self.start {
                self.other_start = Some(first);
            } else {
                self.begin_again(first);
            }
            return;
        }
        let place = self.place(first);
        self.move_start(place);
        self.syn_seen |= place == self.start;
    }

    /// Takes a segment, and hands on what is in order now. Segments without payload are welcome: they age acknowledgements.
    pub fn push(&mut self, payload: &Payload<'_>, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        if payload.syn {
            self.syn(payload.seq);
        }
        if self.finished {
            self.counters.after_end += payload.bytes.len() as u64;
            return;
        }
        if payload.len > 0 || !payload.bytes.is_empty() || payload.fin {
            self.take(payload, sink);
        }
        self.pass(sink);
    }

    /// Takes the other side's acknowledgement number, of a segment with ACK and without RST.
    pub fn acknowledged(&mut self, ack: u32, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        if !self.started {
            self.early_ack = Some(ack);
            return;
        }
        if self.other_start == Some(ack) && self.is_blank() {
            self.begin_again(ack);
        }
        let place = self.place(ack);
        // One that is further ahead is damaged, or made up.
        if place <= self.sent.max(self.next).saturating_add(LARGEST_WINDOW) {
            self.acked = place.min(self.fin.unwrap_or(u64::MAX));
        }
        self.pass(sink);
    }

    /// Closes every hole and hands on what lies beyond.
    fn flush(&mut self, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        while let Some((first, before)) = self.held.first() {
            self.close(first, Why::NotCaptured, Some(before), sink);
            self.drain(0, &[], sink);
        }
        self.close(self.sent, Why::NotCaptured, None, sink);
    }

    /// Ends the direction: closes every hole, hands on what lies beyond, and reports what was acknowledged at last but never seen.
    ///
    /// A single sequence number there may be a FIN that was not captured, and is left out; so the last gap can be one byte too long.
    pub fn finish(&mut self, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        self.flush(sink);
        if self.started && self.acked > self.next.saturating_add(1) {
            self.close(self.acked, Why::NotCaptured, None, sink);
        }
        self.finished = true;
    }

    /// Whether everything up to the FIN was handed on.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.fin == Some(self.next)
    }

    /// Bytes held beyond holes now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.bytes()
    }

    /// What became of the bytes so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn begin(&mut self, seq: u32) {
        self.started = true;
        self.seq_at_origin = seq;
        if let Some(ack) = self.early_ack.take() {
            let place = self.place(ack);
            if place <= ORIGIN + LARGEST_WINDOW {
                self.acked = place;
            }
        }
    }

    /// Whether a SYN is all that was seen of the direction. It is at [`ORIGIN`] then.
    fn is_blank(&self) -> bool {
        self.syn_seen && self.start == ORIGIN && self.next.max(self.sent) == ORIGIN && self.fin.is_none()
    }

    /// Begins at another SYN. What was acknowledged so far belongs to the one before.
    fn begin_again(&mut self, seq: u32) {
        self.other_start = Some(self.seq_at_origin);
        self.seq_at_origin = seq;
        self.acked = 0;
        self.aging = [0; SLACK];
    }

    /// The place of a sequence number: the one nearest to the next byte (RFC 1982), at most 2^31 from it.
    fn place(&self, seq: u32) -> u64 {
        let seq_of_next = self.seq_at_origin.wrapping_add(self.next.wrapping_sub(ORIGIN) as u32);
        self.next.saturating_add_signed(i64::from(seq.wrapping_sub(seq_of_next).cast_signed()))
    }

    /// Whether a byte was handed on, given up, or is held.
    fn has(&self, place: u64) -> bool {
        place < self.next || matches!(self.held.place(place), Place::Taken(_))
    }

    /// Moves the start back to `place` if that is allowed: no SYN fixed it, and nothing was handed on.
    fn move_start(&mut self, place: u64) {
        let untouched = !self.syn_seen && self.next == self.start && !self.is_complete();
        if untouched && place < self.start && place >= ORIGIN - LARGEST_WINDOW {
            self.start = place;
            self.next = place;
        }
    }

    fn take(&mut self, payload: &Payload<'_>, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        let seq = payload.seq.wrapping_add(u32::from(payload.syn));
        let mut bytes = payload.bytes;
        let len = u64::from(payload.len).min(LARGEST_WINDOW).max(bytes.len() as u64);
        let may_be_keep_alive = len == 1 && !payload.syn && !payload.fin;
        if !self.started {
            if may_be_keep_alive && self.early_ack == Some(seq.wrapping_add(1)) {
                self.counters.before_start += bytes.len() as u64;
                return;
            }
            self.begin(seq);
        } else if self.other_start == Some(seq) && self.is_blank() {
            self.begin_again(seq);
        }
        let mut at = self.place(seq);
        let mut end = at.saturating_add(len);
        let at_last = end == self.sent.max(self.settled());
        if may_be_keep_alive && at_last && (end <= self.settled() || self.has(at)) {
            self.counters.overlap += bytes.len() as u64;
            return;
        }
        if payload.fin && self.fin.is_none() && end >= self.sent {
            self.fin = Some(end);
        }
        if let Some(fin) = self.fin.filter(|&fin| fin < end) {
            let within = usize::try_from(fin.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            self.counters.after_end += (bytes.len() - within) as u64;
            bytes = bytes.get(..within).unwrap_or_default();
            end = fin;
        }
        self.move_start(at);
        if at < self.start {
            let early = usize::try_from(self.start - at).unwrap_or(usize::MAX).min(bytes.len());
            self.counters.before_start += early as u64;
            bytes = bytes.get(early..).unwrap_or_default();
            at += early as u64;
        }
        let captured_end = at.saturating_add(bytes.len() as u64);
        if captured_end < end && self.next < end {
            self.snapped.add(captured_end.max(self.next), end, self.limits.held_pieces);
        }
        self.sent = self.sent.max(end);
        self.sort_in(at, bytes, payload, sink);
    }

    /// Hands on or holds each run of `bytes` that lies in no earlier copy.
    fn sort_in(
        &mut self,
        mut at: u64,
        mut bytes: &[u8],
        payload: &Payload<'_>,
        sink: &mut (impl FnMut(Chunk<'_>) + ?Sized),
    ) {
        while !bytes.is_empty() {
            let run = if at < self.next {
                // Handed on, or given up, before.
                let run = length(self.next - at, bytes);
                self.counters.overlap += run as u64;
                run
            } else {
                match self.held.place(at) {
                    Place::Taken(earlier) => {
                        let run = earlier.len().min(bytes.len());
                        self.counters.overlap += run as u64;
                        self.counters.conflicting += differing(earlier, bytes);
                        run
                    }
                    Place::Free(until) => {
                        let run = until.map_or(bytes.len(), |until| length(until - at, bytes));
                        let fresh = bytes.get(..run).unwrap_or_default();
                        if at == self.next {
                            self.hand_on(fresh, payload, sink);
                            let (rest_at, rest) = (at + run as u64, bytes.get(run..).unwrap_or_default());
                            self.drain(rest_at, rest, sink);
                        } else if self.held.fits(run, &self.limits) {
                            self.held.insert(at, fresh, payload);
                            self.counters.held_max = self.counters.held_max.max(self.held.bytes() as u64);
                        } else {
                            let (first, before) = self
                                .held
                                .first()
                                .filter(|&(first, _)| first < at)
                                .unwrap_or((at, payload.frame));
                            self.close(first, Why::Abandoned, Some(before), sink);
                            self.drain(at, bytes, sink);
                            continue;
                        }
                        run
                    }
                }
            };
            bytes = bytes.get(run..).unwrap_or_default();
            at += run as u64;
        }
    }

    fn hand_on(&mut self, bytes: &[u8], payload: &Payload<'_>, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        let (frame, time) = (payload.frame, payload.time);
        sink(Chunk::Data { offset: self.next - self.start, bytes, frame, time });
        self.next += bytes.len() as u64;
        self.counters.delivered += bytes.len() as u64;
    }

    /// Hands on held pieces that are in order now. They are compared with the rest of a segment that is being sorted in, since they will be
    /// gone when its turn comes.
    fn drain(&mut self, rest_at: u64, rest: &[u8], sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        while let Some(piece) = self.held.take(self.next) {
            let (piece_end, rest_end) =
                (self.next + piece.bytes.len() as u64, rest_at.saturating_add(rest.len() as u64));
            let (from, to) = (self.next.max(rest_at), piece_end.min(rest_end));
            if from < to {
                let earlier = piece.bytes.get((from - self.next) as usize..).unwrap_or_default();
                let later = rest.get((from - rest_at) as usize..).unwrap_or_default();
                self.counters.conflicting += differing(earlier, later);
            }
            let payload = Payload { frame: piece.frame, time: piece.time, ..Payload::default() };
            self.hand_on(&piece.bytes, &payload, sink);
        }
    }

    /// Reports everything up to `to` as missing.
    fn close(
        &mut self,
        to: u64,
        why: Why,
        before: Option<FrameNumber>,
        sink: &mut (impl FnMut(Chunk<'_>) + ?Sized),
    ) {
        while self.next < to {
            let (end, why) = match self.snapped.first_after(self.next) {
                Some((start, end)) if start <= self.next => (end.min(to), Why::Snapped),
                Some((start, _)) => (start.min(to), why),
                None => (to, why),
            };
            let len = end - self.next;
            sink(Chunk::Gap { offset: self.next - self.start, len, why, before });
            self.counters.count_gap(why, len);
            self.next = end;
        }
    }

    /// What was acknowledged [`SLACK`] segments ago and ever since: a single number that is damaged or made up settles nothing.
    fn settled(&self) -> u64 {
        self.aging.iter().fold(self.acked, |least, &acked| least.min(acked))
    }

    /// A segment of the connection went by: closes the holes that an old acknowledgement covers.
    fn pass(&mut self, sink: &mut (impl FnMut(Chunk<'_>) + ?Sized)) {
        let settled = self.settled();
        while self.next < settled {
            let (to, before) = match self.held.first() {
                Some((first, frame)) if first <= settled => (first, Some(frame)),
                Some(_) => break,
                // Nothing is held beyond; what was cut off, or lies before a FIN, is known to be there, though.
                None => (settled.min(self.sent), None),
            };
            if to <= self.next {
                break;
            }
            self.close(to, Why::NotCaptured, before, sink);
            self.drain(0, &[], sink);
        }
        if self.held.is_empty() {
            // Cut ranges that later copies filled are forgotten here.
            self.snapped.first_after(self.next);
        }
        self.aging.rotate_left(1);
        if let Some(newest) = self.aging.last_mut() {
            *newest = self.acked;
        }
    }
}

/// How much of a distance lies within `bytes`.
fn length(distance: u64, bytes: &[u8]) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX).min(bytes.len())
}

/// Places at which two copies differ, as far as both go.
fn differing(earlier: &[u8], later: &[u8]) -> u64 {
    earlier.iter().zip(later).filter(|(a, b)| a != b).count() as u64
}
