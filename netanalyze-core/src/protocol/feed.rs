//! From segments to messages: calls a [`StreamDecoder`] for one direction of a TCP connection.
//!
//! Owns: bytes that the decoder asked to see again with more behind them, bytes beyond a hole, and which parts of bodies were captured. Reads:
//! segments in frame order. Emits: the decoder's messages, each in the frame that brought its last byte.
//!
//! [`reassembly`](crate::tcp::reassembly) gives bytes strictly in order, which is right for whoever wants the bytes. A message's place
//! in the capture asks for more: where a length says that the next message begins beyond a hole, it is decoded in the frame that brought it,
//! not when the hole is filled, as Wireshark 4.0 does it. Unlike Wireshark, a hole may be filled by any later segment, whatever the sequence
//! analysis calls it, and what waits behind it is decoded then.
//!
//! # Rules
//!
//! - Bytes in order are shown at once, borrowed. The first copy of a byte counts.
//! - A body is a range that is only counted: decoding goes on at its end, whatever is missing in it.
//! - A segment beyond a hole is decoded at once if the decoder finds that a message [begins](StreamDecoder::begins_message) with it; what is
//!   captured of the hole later is decoded by itself. Otherwise it is held.
//! - A hole is given up when the other side has acknowledged bytes beyond it and three more segments went by, or at the cap. Then decoding begins
//!   anew with the next segment that begins a message.
//! - A segment cut by the snapshot length is decoded by itself ([`StreamDecoder::decode_cut`]), unless a body covers it.
//!
//! Costs two comparisons for a segment within a body.

mod body;
mod decoding;
mod held;
mod hole;
#[cfg(test)]
mod tests;

use body::Body;
use held::Held;
use smallvec::SmallVec;

use super::message::Messages;
use super::stream::{Closing, Moment, Reach, StreamDecoder};
use crate::model::Direction;

/// Segments that may go by after a hole was acknowledged. See [`Reassembler`](crate::tcp::reassembly::Reassembler).
const SLACK: u8 = 3;

/// The largest window (RFC 7323 §2.3): no segment is further ahead of what was seen.
const LARGEST_WINDOW: u64 = 1 << 30;

/// A segment's payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    /// Sequence number of its first byte.
    pub(crate) seq: u32,
    /// What was captured of it.
    pub(crate) bytes: &'a [u8],
    /// Bytes on the wire.
    pub(crate) len: u32,
    /// It ends its direction.
    pub(crate) fin: bool,
}

/// Bytes that a decoder was shown and wants to see again.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    /// How many it needs at least.
    need: usize,
}

/// A hole beyond which decoding went on.
#[derive(Debug)]
struct Skipped {
    /// The next byte to be decoded in it.
    next: u64,
    end: u64,
    pending: Pending,
    held: Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Messages follow each other.
    Decoding,
    /// Nobody knows where the next message begins: it must look like one.
    Seeking,
    /// All bytes from there on are one body.
    UntilEnd(u64),
    Ignoring,
}

/// What only some directions need.
#[derive(Debug, Default)]
struct Extra {
    pending: Pending,
    skipped: Vec<Skipped>,
    held: Held,
    /// Ranges captured of a body that ends with the direction.
    rest: Option<Body>,
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    Done,
    /// The decoder said [`Progress::Another`]: what follows is kept until [`Feed::resume`].
    Another,
}

/// One direction's way to its decoder.
#[derive(Debug)]
pub(crate) struct Feed {
    from: Direction,
    started: bool,
    mode: Mode,
    closed: bool,
    /// Segments since a hole was acknowledged.
    doubt: u8,
    /// Place of the next byte to be decoded. A place is a sequence number continued to 64 bits.
    next: u64,
    /// End of the furthest payload.
    sent: u64,
    acked: u64,
    fin: Option<u64>,
    /// Nearly always one at most.
    bodies: SmallVec<[Body; 1]>,
    extra: Option<Box<Extra>>,
}

impl Feed {
    /// A direction of which nothing was seen.
    pub(crate) fn new(from: Direction) -> Self {
        Feed {
            from,
            started: false,
            mode: Mode::Seeking,
            closed: false,
            doubt: 0,
            next: 0,
            sent: 0,
            acked: 0,
            fin: None,
            bodies: SmallVec::new(),
            extra: None,
        }
    }

    /// The first byte has this sequence number: a SYN was seen.
    pub(crate) fn begin(&mut self, seq: u32) {
        if !self.started || self.next == self.sent && self.mode == Mode::Decoding && self.fin.is_none() {
            self.start(seq);
            self.mode = Mode::Decoding;
        }
    }

    fn start(&mut self, seq: u32) {
        self.started = true;
        self.next = (1 << 32) + u64::from(seq);
        (self.sent, self.acked) = (self.next, self.next);
    }

    /// The place of a sequence number: the one nearest to what was sent last.
    fn place(&self, seq: u32) -> u64 {
        self.sent.saturating_add_signed(i64::from(seq.wrapping_sub(self.sent as u32).cast_signed()))
    }

    /// Whether anything of the direction was seen: a SYN, or bytes.
    pub(crate) fn is_started(&self) -> bool {
        self.started
    }

    /// Whether a segment brings the next bytes to be decoded.
    pub(crate) fn expects(&self, seq: u32) -> bool {
        self.started && self.mode == Mode::Decoding && self.place(seq) == self.next
    }

    /// The direction.
    pub(crate) fn direction(&self) -> Direction {
        self.from
    }

    /// Whether nothing is open or waiting.
    pub(crate) fn is_idle(&self) -> bool {
        self.bodies.is_empty() && self.extra.is_none()
    }

    /// Whether the other side has bytes that were not captured. What it acknowledges beyond them may be a FIN.
    pub(crate) fn is_behind(&self) -> bool {
        self.mode == Mode::Decoding && self.acked > self.next.saturating_add(1)
    }

    /// Whether the other side has bytes that were not captured, beyond what was decoded or in a hole beyond which decoding went on.
    pub(crate) fn is_behind_anywhere(&self) -> bool {
        let has = |hole: &Skipped| self.acked > hole.next;
        self.is_behind() || self.extra.as_ref().is_some_and(|extra| extra.skipped.iter().any(has))
    }

    /// The first byte that the other side has not acknowledged, and how many were sent from it on. `ack` is what it acknowledged last.
    pub(crate) fn unacknowledged(&self, ack: u32) -> Option<(u64, u64)> {
        let at = self.place(ack).max(self.acked);
        (self.started && at < self.sent).then(|| (at, self.sent - at))
    }

    /// Whether a segment's place is behind bytes that were not captured; the sequence number of a FIN is none of them.
    pub(crate) fn is_beyond(&self, seq: u32) -> bool {
        let end = self.sent.max(self.next).saturating_add(1);
        let place = self.place(seq);
        self.mode == Mode::Decoding && place > end && place <= end.saturating_add(LARGEST_WINDOW)
    }

    /// What the segment at hand, of the other side, says of this direction.
    #[inline]
    pub(crate) fn reach(&self) -> Option<Reach> {
        self.started.then(|| Reach { of: self.from, acked: self.acked, behind: self.is_behind() })
    }

    /// Whether bytes wait for others: a message or a hole is open.
    #[inline]
    pub(crate) fn waits(&self) -> bool {
        self.extra.is_some()
    }

    /// Takes a segment that goes on with the one body that is open and does not complete it.
    #[inline]
    pub(crate) fn is_only_counted(&mut self, seq: u32, len: u32) -> bool {
        let at = self.place(seq);
        let end = at.saturating_add(u64::from(len));
        match &mut self.bodies[..] {
            [body]
                if at == body.have
                    && end < body.end
                    && body.pieces.is_empty()
                    && self.extra.is_none()
                    && self.fin.is_none() =>
            {
                body.have = end;
                self.sent = self.sent.max(end);
                true
            }
            _ => false,
        }
    }

    /// Whether nobody knows where the next message begins.
    pub(crate) fn is_seeking(&self) -> bool {
        self.mode == Mode::Seeking
    }

    /// Whether the direction has ended, and the decoder was told.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        let body = |body: &Body| body.pieces.capacity() * size_of::<(u64, u64)>();
        let extra = self.extra.as_ref().map_or(0, |extra| {
            let hole = |hole: &Skipped| hole.pending.bytes.capacity() + hole.held.heap();
            let skipped = extra.skipped.iter().map(hole).sum::<usize>();
            size_of::<Extra>()
                + extra.pending.bytes.capacity()
                + extra.skipped.capacity() * size_of::<Skipped>()
                + skipped
                + extra.held.heap()
                + extra.rest.as_ref().map_or(0, body)
        });
        let bodies = if self.bodies.spilled() { self.bodies.capacity() * size_of::<Body>() } else { 0 };
        bodies + self.bodies.iter().map(body).sum::<usize>() + extra
    }

    /// The other side acknowledged everything before `ack`.
    #[inline]
    pub(crate) fn acknowledged(&mut self, ack: u32) {
        if self.started {
            let place = self.place(ack);
            if place <= self.sent.saturating_add(LARGEST_WINDOW) {
                self.acked = self.acked.max(place);
            }
        }
    }

    /// A segment of the connection went by, in either direction: a hole that was acknowledged long enough ago is given up.
    #[inline]
    pub(crate) fn pass<D: StreamDecoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
        let waits = self.extra.as_ref().is_some_and(|extra| !extra.held.is_empty());
        if waits && self.acked > self.next {
            self.doubt += 1;
            if self.doubt > SLACK {
                self.give_up(decoder, now, out);
            }
        }
    }

    /// Takes a segment.
    pub(crate) fn segment<D: StreamDecoder + ?Sized>(
        &mut self,
        payload: &Payload<'_>,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) -> Fed {
        if !self.started {
            self.start(payload.seq);
        }
        let at = self.place(payload.seq);
        let end = at.saturating_add(u64::from(payload.len));
        if at > self.sent.saturating_add(LARGEST_WINDOW) {
            return Fed::Done; // damaged, or made up
        }
        if payload.fin && self.fin.is_none() && end >= self.sent {
            self.fin = Some(end);
        }
        if at < self.sent && payload.len > 0 {
            decoder.repeated(self.from, at, end);
        }
        self.sent = self.sent.max(end);
        let mut fed = Fed::Done;
        if payload.len > 0 {
            self.count(at, end, decoder, now, out);
            if end > self.next || self.extra.as_ref().is_some_and(|extra| !extra.skipped.is_empty()) {
                fed = self.take(at, end, payload, decoder, now, out);
            }
        }
        if self.fin.is_some() && fed == Fed::Done {
            self.close_by_fin(decoder, now, out);
        }
        fed
    }

    /// Counts what bodies get of a range.
    fn count<D: StreamDecoder + ?Sized>(
        &mut self,
        at: u64,
        end: u64,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
        let mut done = 0;
        for body in &mut self.bodies {
            if at < body.end && end > body.have && body.take(at, end) {
                done += 1;
            }
        }
        if let Some(rest) = self.extra.as_mut().and_then(|extra| extra.rest.as_mut()) {
            rest.take(at, end);
        }
        while done > 0
            && let Some(at) = self.bodies.iter().position(|body| body.have >= body.end)
        {
            let body = self.bodies.remove(at);
            decoder.body_complete(self.from, body.id, now, out);
            done -= 1;
        }
    }

    /// Takes bytes that no body covers.
    fn take<D: StreamDecoder + ?Sized>(
        &mut self,
        at: u64,
        end: u64,
        payload: &Payload<'_>,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) -> Fed {
        if matches!(self.mode, Mode::Ignoring | Mode::UntilEnd(_)) {
            if self.mode != Mode::Ignoring {
                decoder.within_rest(self.from, payload.bytes, now, out);
            }
            return Fed::Done;
        }
        if self.extra.as_ref().is_some_and(|extra| !extra.skipped.is_empty()) {
            self.fill_skipped(at, payload.bytes, decoder, now, out);
            if end <= self.next {
                return Fed::Done;
            }
        }
        let missing = u64::from(payload.len).saturating_sub(payload.bytes.len() as u64);
        // What was decoded before, or belongs to a body.
        let done = usize::try_from(self.next.saturating_sub(at)).unwrap_or(usize::MAX);
        let bytes = payload.bytes.get(done..).unwrap_or_default();
        let at = at.max(self.next);
        if missing > 0 {
            let waits = self
                .extra
                .as_ref()
                .is_some_and(|extra| !extra.pending.bytes.is_empty() || !extra.held.is_empty());
            if waits || at > self.next {
                self.drop_waiting(decoder, now, out);
            }
            self.mode = Mode::Seeking;
            self.next = end;
            if !bytes.is_empty() {
                decoder.decode_cut(self.from, bytes, u32::try_from(missing).unwrap_or(u32::MAX), now, out);
            }
            return Fed::Done;
        }
        if self.mode == Mode::Seeking {
            if !decoder.begins_message(self.from, bytes) {
                self.next = end;
                decoder.unplaced(self.from);
                return Fed::Done;
            }
            self.next = at;
            self.mode = Mode::Decoding;
        }
        let mut bytes = bytes;
        if at > self.next {
            // Where the message that waits for the hole ends, the next one begins.
            let inside = self.pending_end().filter(|&end| end > at).unwrap_or(at) - at;
            let (before, from) = bytes.split_at_checked(inside as usize).unwrap_or((bytes, &[]));
            if from.is_empty() || !decoder.begins_message(self.from, from) {
                self.hold(at, bytes, decoder, now, out);
                return Fed::Done;
            }
            if !before.is_empty() {
                self.extra.get_or_insert_default().held.insert(at, before);
            }
            self.skip_hole(at + inside, decoder);
            bytes = from;
        }
        self.doubt = 0;
        let mut fed = self.decode(bytes, decoder, now, out);
        while fed == Fed::Done
            && self.mode == Mode::Decoding
            && let Some(piece) = self.next_held()
        {
            fed = self.decode(&piece, decoder, now, out);
        }
        fed
    }

    /// Where the message ends that waits for more bytes, if the decoder said so.
    fn pending_end(&self) -> Option<u64> {
        let pending = &self.extra.as_ref()?.pending;
        let start = self.next - pending.bytes.len() as u64;
        (pending.need > 0 && !pending.bytes.is_empty()).then(|| start.saturating_add(pending.need as u64))
    }

    /// Gives back what is not needed now.
    fn tidy(&mut self) {
        let idle = |extra: &Extra| {
            extra.pending.bytes.is_empty()
                && extra.skipped.is_empty()
                && extra.held.is_empty()
                && extra.rest.is_none()
        };
        if self.extra.as_deref().is_some_and(idle) {
            self.extra = None;
        }
    }

    /// Tells the decoder of a FIN, once all before it was captured.
    fn close_by_fin<D: StreamDecoder + ?Sized>(&mut self, decoder: &mut D, now: Moment, out: &mut Messages) {
        let whole = match self.mode {
            Mode::UntilEnd(_) => {
                let rest = self.extra.as_ref().and_then(|extra| extra.rest.as_ref());
                rest.is_none_or(|rest| self.fin.is_some_and(|fin| rest.have >= fin))
            }
            _ => {
                // A body that the FIN cuts short will not become whole.
                self.fin
                    .is_some_and(|fin| self.next >= fin && self.bodies.iter().all(|body| body.have >= fin))
                    && self
                        .extra
                        .as_ref()
                        .is_none_or(|extra| extra.held.is_empty() && extra.skipped.is_empty())
            }
        };
        if whole {
            self.close(Closing::Fin, decoder, now, out);
        }
    }

    /// Tells the decoder that the direction is over, if it has not heard yet.
    pub(crate) fn close<D: StreamDecoder + ?Sized>(
        &mut self,
        how: Closing,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
        if self.closed {
            return;
        }
        self.closed = true;
        // What was sent and not captured will not come any more.
        let missing = match self.mode {
            Mode::UntilEnd(_) => {
                let rest = self.extra.as_ref().and_then(|extra| extra.rest.as_ref());
                rest.is_some_and(|rest| rest.have < self.sent)
            }
            Mode::Decoding => self.next < self.sent,
            Mode::Seeking | Mode::Ignoring => false,
        };
        let has_holes = self.extra.as_ref().is_some_and(|extra| !extra.skipped.is_empty());
        if self.is_behind() || has_holes {
            decoder.misses(self.from);
        }
        if has_holes {
            decoder.unfilled(self.from);
        }
        let pending = self.extra.as_mut().map(|extra| std::mem::take(&mut extra.pending.bytes));
        if let Some(bytes) = pending.filter(|bytes| !bytes.is_empty()) {
            out.place = self.next.saturating_sub(bytes.len() as u64);
            decoder.left(self.from, &bytes, now, out);
        }
        if missing {
            decoder.lost(self.from, now, out);
        }
        for body in &self.bodies {
            // One that was not even sent whole is cut short, whatever else is missing of it. What was acknowledged was sent.
            let has_holes = body.have < body.end && self.sent.max(self.acked) >= body.end;
            decoder.body_ended(self.from, Some(body.id), body.captured(), has_holes);
        }
        if let Some(rest) = self.extra.as_ref().and_then(|extra| extra.rest.as_ref()) {
            decoder.body_ended(self.from, None, rest.captured(), rest.have < self.sent);
        }
        let how = if how == Closing::CaptureEnd && self.fin.is_some() { Closing::Fin } else { how };
        decoder.closed(self.from, how, now, out);
        self.mode = Mode::Ignoring;
        self.bodies = SmallVec::new();
        self.extra = None;
    }
}
