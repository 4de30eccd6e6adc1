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
mod held;
#[cfg(test)]
mod tests;

use body::Body;
use held::Held;

use super::message::Messages;
use super::stream::{Closing, Moment, Progress, StreamDecoder};
use crate::model::Direction;
use crate::model::limits::{
    MAX_BODY_PIECES, MAX_FEED_HELD_BYTES, MAX_OPEN_BODIES, MAX_PENDING_BYTES, MAX_SKIPPED_HOLES,
};

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
    bodies: Vec<Body>,
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
            bodies: Vec::new(),
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

    /// Whether nothing is open or waiting.
    pub(crate) fn is_idle(&self) -> bool {
        self.bodies.is_empty() && self.extra.is_none()
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
        self.bodies.capacity() * size_of::<Body>() + self.bodies.iter().map(body).sum::<usize>() + extra
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
        if done > 0 {
            let complete = self.bodies.extract_if(.., |body| body.have >= body.end);
            let ids: Vec<u32> = complete.map(|body| body.id).collect();
            for id in ids {
                decoder.body_complete(self.from, id, now, out);
            }
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
                return Fed::Done;
            }
            self.next = at;
            self.mode = Mode::Decoding;
        }
        if at > self.next {
            if !decoder.begins_message(self.from, bytes) {
                self.hold(at, bytes, decoder, now, out);
                return Fed::Done;
            }
            self.skip_hole(at);
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

    /// Goes on beyond a hole, which may be filled later.
    fn skip_hole(&mut self, at: u64) {
        let extra = self.extra.get_or_insert_default();
        let pending = std::mem::take(&mut extra.pending);
        let later = extra.held.split_off(at);
        let held = std::mem::replace(&mut extra.held, later);
        if extra.skipped.len() >= MAX_SKIPPED_HOLES {
            extra.skipped.remove(0);
        }
        extra.skipped.push(Skipped { next: self.next, end: at, pending, held });
        self.next = at;
    }

    /// Decodes what a segment brings of holes beyond which decoding went on. Such a hole is decoded like a direction of its own that ends
    /// where the hole does.
    fn fill_skipped<D: StreamDecoder + ?Sized>(
        &mut self,
        at: u64,
        bytes: &[u8],
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
        let end = at.saturating_add(bytes.len() as u64);
        let (mode, next) = (self.mode, self.next);
        let mut place = 0;
        while let Some(extra) = self.extra.as_mut()
            && let Some(hole) = extra.skipped.get(place)
        {
            if at >= hole.end || end <= hole.next {
                place += 1;
                continue;
            }
            let mut hole = extra.skipped.remove(place);
            let start = at.max(hole.next);
            let from = usize::try_from(start - at).unwrap_or(usize::MAX);
            let to = usize::try_from(hole.end.min(end) - at).unwrap_or(usize::MAX);
            hole.held.insert(start, bytes.get(from..to).unwrap_or_default());
            let outer = (
                std::mem::replace(&mut extra.pending, hole.pending),
                std::mem::replace(&mut extra.held, hole.held),
            );
            (self.mode, self.next) = (Mode::Decoding, hole.next);
            while self.mode == Mode::Decoding
                && let Some(piece) = self.next_held()
            {
                let _ = self.decode(&piece, decoder, now, out);
            }
            let goes_on = self.mode == Mode::Decoding && self.next < hole.end;
            hole.next = self.next;
            (self.mode, self.next) = (mode, next);
            let extra = self.extra.get_or_insert_default();
            hole.pending = std::mem::replace(&mut extra.pending, outer.0);
            hole.held = std::mem::replace(&mut extra.held, outer.1);
            extra.rest = None;
            if goes_on && hole.held.bytes <= MAX_FEED_HELD_BYTES {
                extra.skipped.insert(place, hole);
                place += 1;
            }
        }
        self.tidy();
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

    /// The held bytes that are in order now.
    fn next_held(&mut self) -> Option<Box<[u8]>> {
        let next = self.next;
        let extra = self.extra.as_mut().filter(|extra| !extra.held.is_empty())?;
        // What a body covers by now was counted when it came.
        let piece = extra.held.take(next);
        self.tidy();
        piece
    }

    /// Keeps bytes beyond a hole.
    fn hold<D: StreamDecoder + ?Sized>(
        &mut self,
        at: u64,
        bytes: &[u8],
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
        let held = &mut self.extra.get_or_insert_default().held;
        held.insert(at, bytes);
        if held.bytes > MAX_FEED_HELD_BYTES || held.pieces.len() > MAX_BODY_PIECES {
            self.give_up(decoder, now, out);
        }
    }

    /// Gives up the hole that is waited for: decoding begins anew where a message begins, be it in what was held.
    fn give_up<D: StreamDecoder + ?Sized>(&mut self, decoder: &mut D, now: Moment, out: &mut Messages) {
        let held = self.extra.as_mut().map(|extra| std::mem::take(&mut extra.held)).unwrap_or_default();
        self.drop_waiting(decoder, now, out);
        for (at, piece) in held.pieces {
            let end = at + piece.len() as u64;
            if self.mode == Mode::Decoding && at > self.next {
                self.drop_waiting(decoder, now, out);
            }
            if self.mode == Mode::Seeking && decoder.begins_message(self.from, &piece) {
                self.next = at;
                self.mode = Mode::Decoding;
            }
            match usize::try_from(self.next.saturating_sub(at)).ok().and_then(|known| piece.get(known..)) {
                Some(bytes) if self.mode == Mode::Decoding && !bytes.is_empty() => {
                    // Nobody hands over to another protocol with such bytes.
                    let _ = self.decode(bytes, decoder, now, out);
                }
                _ => self.next = self.next.max(end),
            }
        }
    }

    /// Forgets what waits for bytes that will not come.
    fn drop_waiting<D: StreamDecoder + ?Sized>(&mut self, decoder: &mut D, now: Moment, out: &mut Messages) {
        self.doubt = 0;
        if let Some(extra) = self.extra.as_mut() {
            extra.pending = Pending::default();
            extra.held = Held::default();
        }
        self.tidy();
        if self.mode == Mode::Decoding {
            self.mode = Mode::Seeking;
            decoder.lost(self.from, now, out);
        }
    }

    /// Shows the decoder bytes that are in order.
    fn decode<D: StreamDecoder + ?Sized>(
        &mut self,
        bytes: &[u8],
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) -> Fed {
        let waiting = self.extra.as_mut().map(|extra| &mut extra.pending).filter(|p| !p.bytes.is_empty());
        let Some(pending) = waiting else { return self.decode_all(bytes, decoder, now, out) };
        pending.bytes.extend_from_slice(bytes);
        if pending.bytes.len() < pending.need {
            self.next += bytes.len() as u64;
            return Fed::Done;
        }
        let Pending { bytes: all, .. } = std::mem::take(pending);
        // Those before were counted when they came.
        self.next -= (all.len() - bytes.len()) as u64;
        let fed = self.decode_all(&all, decoder, now, out);
        self.tidy();
        fed
    }

    /// Shows the decoder bytes, the first of which is at `next`; keeps what it wants to see again.
    fn decode_all<D: StreamDecoder + ?Sized>(
        &mut self,
        mut bytes: &[u8],
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) -> Fed {
        while !bytes.is_empty() {
            let (used, wait) = match decoder.decode(self.from, bytes, now, out) {
                Progress::Consumed(used) => (used.max(1), None),
                Progress::Need(need) => (0, Some(need)),
                Progress::More => (0, Some(0)),
                Progress::Body { head, len, id } => {
                    let head = head.min(bytes.len());
                    let start = self.next + head as u64;
                    let there = bytes.len() - head;
                    let body = usize::try_from(len).unwrap_or(usize::MAX).min(there);
                    if body as u64 == len {
                        self.next = start + len;
                        bytes = bytes.get(head + body..).unwrap_or_default();
                        decoder.body_complete(self.from, id, now, out);
                        continue;
                    }
                    let end = start.saturating_add(len);
                    let pieces = Vec::new();
                    let mut body = Body { id, have: start + there as u64, end, pieces };
                    self.count_held(&mut body);
                    self.next = end;
                    if body.have >= end {
                        decoder.body_complete(self.from, id, now, out);
                    } else {
                        if self.bodies.len() >= MAX_OPEN_BODIES {
                            self.bodies.remove(0);
                        }
                        self.bodies.push(body);
                    }
                    return Fed::Done;
                }
                Progress::UntilEnd { head } => {
                    let start = self.next + head.min(bytes.len()) as u64;
                    let have = self.next + bytes.len() as u64;
                    let mut rest = Body { id: 0, have, end: u64::MAX, pieces: Vec::new() };
                    self.count_held(&mut rest);
                    let extra = self.extra.get_or_insert_default();
                    extra.held = Held::default();
                    extra.rest = Some(rest);
                    self.mode = Mode::UntilEnd(start);
                    self.next = have;
                    return Fed::Done;
                }
                Progress::Another(used) => {
                    let used = used.min(bytes.len());
                    self.next += bytes.len() as u64;
                    let rest = bytes.get(used..).unwrap_or_default();
                    if !rest.is_empty() {
                        self.extra.get_or_insert_default().pending =
                            Pending { bytes: rest.to_vec(), need: 0 };
                    }
                    return Fed::Another;
                }
                Progress::Ignore => {
                    self.mode = Mode::Ignoring;
                    self.next += bytes.len() as u64;
                    self.extra = None;
                    return Fed::Done;
                }
            };
            let used = used.min(bytes.len());
            if let Some(need) = wait {
                self.next += bytes.len() as u64;
                if bytes.len().max(need) > MAX_PENDING_BYTES {
                    self.drop_waiting(decoder, now, out);
                } else {
                    let pending = &mut self.extra.get_or_insert_default().pending;
                    *pending = Pending { bytes: bytes.to_vec(), need };
                }
                return Fed::Done;
            }
            self.next += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
        Fed::Done
    }

    /// Counts what is held of a new body.
    fn count_held(&self, body: &mut Body) {
        for (&at, piece) in self.extra.iter().flat_map(|extra| &extra.held.pieces) {
            let end = at + piece.len() as u64;
            if at < body.end && end > body.have {
                body.take(at, end);
            }
        }
    }

    /// Shows another decoder what the one before left over.
    pub(crate) fn resume<D: StreamDecoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) -> Fed {
        if self.mode == Mode::Ignoring {
            self.mode = Mode::Seeking;
        }
        let Some(extra) = self.extra.as_mut() else { return Fed::Done };
        let pending = std::mem::take(&mut extra.pending);
        self.tidy();
        self.next -= pending.bytes.len() as u64;
        let mut fed = self.decode_all(&pending.bytes, decoder, now, out);
        if fed == Fed::Done && self.fin.is_some() {
            self.close_by_fin(decoder, now, out);
            fed = Fed::Done;
        }
        fed
    }

    /// Tells the decoder of a FIN, once all before it was captured.
    fn close_by_fin<D: StreamDecoder + ?Sized>(&mut self, decoder: &mut D, now: Moment, out: &mut Messages) {
        let whole = match self.mode {
            Mode::UntilEnd(_) => {
                let rest = self.extra.as_ref().and_then(|extra| extra.rest.as_ref());
                rest.is_none_or(|rest| self.fin.is_some_and(|fin| rest.have >= fin))
            }
            _ => {
                self.bodies.is_empty()
                    && self.fin.is_some_and(|fin| self.next >= fin)
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
        if let Mode::UntilEnd(_) = self.mode {
            let rest = self.extra.as_ref().and_then(|extra| extra.rest.as_ref());
            if rest.is_some_and(|rest| rest.have < self.sent) {
                decoder.lost(self.from, now, out);
            }
        }
        let how = if how == Closing::CaptureEnd && self.fin.is_some() { Closing::Fin } else { how };
        decoder.closed(self.from, how, now, out);
        self.mode = Mode::Ignoring;
        self.bodies = Vec::new();
        self.extra = None;
    }
}
