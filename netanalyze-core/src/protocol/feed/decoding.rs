//! Showing a decoder bytes in order, and doing what it asks for.

use super::body::Body;
use super::held::Held;
use super::{Fed, Feed, Mode, Pending};
use crate::model::limits::{MAX_OPEN_BODIES, MAX_PENDING_BYTES};
use crate::protocol::message::{Limit, Messages};
use crate::protocol::stream::{Moment, Progress, StreamDecoder};

impl Feed {
    /// Shows the decoder bytes that are in order.
    pub(super) fn decode<D: StreamDecoder + ?Sized>(
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
    pub(super) fn decode_all<D: StreamDecoder + ?Sized>(
        &mut self,
        mut bytes: &[u8],
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) -> Fed {
        while !bytes.is_empty() {
            out.place = self.next;
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
                    let mut body = Body { id, have: start + there as u64, start, end, pieces };
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
                    let mut rest = Body { id: 0, have, start, end: u64::MAX, pieces: Vec::new() };
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
                    out.hit(Limit::Pending);
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
    pub(super) fn count_held(&self, body: &mut Body) {
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
        while fed == Fed::Done
            && let Some(piece) = self.next_held()
        {
            fed = self.decode(&piece, decoder, now, out);
        }
        if fed == Fed::Done && self.fin.is_some() {
            self.close_by_fin(decoder, now, out);
            fed = Fed::Done;
        }
        fed
    }
}
