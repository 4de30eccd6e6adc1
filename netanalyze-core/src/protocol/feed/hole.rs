//! Holes: going on beyond them, filling them, waiting for them, giving them up.

use super::held::Held;
use super::{Feed, Mode, Pending, Skipped};
use crate::model::limits::{MAX_BODY_PIECES, MAX_FEED_HELD_BYTES, MAX_SKIPPED_HOLES};
use crate::protocol::message::Messages;
use crate::protocol::stream::{Moment, StreamDecoder};

impl Feed {
    /// Goes on beyond a hole, which may be filled later.
    pub(super) fn skip_hole<D: StreamDecoder + ?Sized>(&mut self, at: u64, decoder: &mut D) {
        let extra = self.extra.get_or_insert_default();
        let pending = std::mem::take(&mut extra.pending);
        let later = extra.held.split_off(at);
        let held = std::mem::replace(&mut extra.held, later);
        if extra.skipped.len() >= MAX_SKIPPED_HOLES {
            extra.skipped.remove(0);
            decoder.unfilled(self.from);
        }
        extra.skipped.push(Skipped { next: self.next, end: at, pending, held });
        self.next = at;
        decoder.skip(self.from, at);
    }

    /// Decodes what a segment brings of holes beyond which decoding went on. Such a hole is decoded like a direction of its own that ends
    /// where the hole does.
    pub(super) fn fill_skipped<D: StreamDecoder + ?Sized>(
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
            decoder.turn(self.from, Some(hole.end));
            while self.mode == Mode::Decoding
                && let Some(piece) = self.next_held()
            {
                let _ = self.decode(&piece, decoder, now, out);
            }
            decoder.turn(self.from, None);
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
            } else if hole.next < hole.end {
                decoder.unfilled(self.from);
            }
        }
        self.tidy();
    }

    /// The held bytes that are in order now.
    pub(super) fn next_held(&mut self) -> Option<Box<[u8]>> {
        let next = self.next;
        let extra = self.extra.as_mut().filter(|extra| !extra.held.is_empty())?;
        // What a body covers by now was counted when it came.
        let piece = extra.held.take(next);
        self.tidy();
        piece
    }

    /// Keeps bytes beyond a hole.
    pub(super) fn hold<D: StreamDecoder + ?Sized>(
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
    pub(super) fn give_up<D: StreamDecoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
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
    pub(super) fn drop_waiting<D: StreamDecoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        now: Moment,
        out: &mut Messages,
    ) {
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
}
