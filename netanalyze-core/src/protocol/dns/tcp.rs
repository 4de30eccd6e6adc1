//! DNS over TCP: each message behind its length in two bytes (RFC 1035 §4.2.2), many to a connection and in any order of answers (RFC 7766).

use super::message::begins_message;
use super::said::Service;
use super::tracker::{Arrived, Tracker};
use crate::model::{Direction, Endpoint};
use crate::protocol::message::Messages;
use crate::protocol::stream::{Closing, Moment, Progress, StreamDecoder};

/// A connection.
#[derive(Clone, Debug)]
pub struct Stream {
    tracker: Tracker,
    /// Directions that ended.
    ended: u8,
    /// Bytes of each direction are missing: perhaps answers.
    gaps: [bool; 2],
    /// Of each direction, whether a message was decoded.
    heard: [bool; 2],
    /// Decoding began with a piece too short to tell whether a message begins there.
    guessed: bool,
    /// One direction ended by FIN or RST.
    closed: bool,
}

impl Stream {
    /// For the connection of two ends: who sends [`Direction::AtoB`], then who sends [`Direction::BtoA`].
    #[must_use]
    pub fn new(ends: [Endpoint; 2]) -> Self {
        // LLMNR answers over TCP what does not fit (RFC 4795 §2.5); mDNS has no TCP, and Wireshark takes it for DNS.
        let llmnr = Service::of(ends) == Service::Llmnr;
        let service = if llmnr { Service::Llmnr } else { Service::Dns };
        Stream {
            tracker: Tracker::new(service, ends),
            ended: 0,
            closed: false,
            gaps: [false; 2],
            heard: [false; 2],
            guessed: false,
        }
    }

    fn has_heard(&self, from: Direction) -> bool {
        self.heard.get(from.index()).copied().unwrap_or(true)
    }

    /// Whether a connection's first bytes look like DNS: a length, and behind it a message.
    #[must_use]
    pub fn recognises(bytes: &[u8]) -> bool {
        let Some((len, message)) = framed(bytes) else { return false };
        let message = message.get(..usize::from(len)).unwrap_or(message);
        usize::from(len) > super::message::HEADER_LEN && begins_message(message)
    }
}

fn framed(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (&len, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(len), rest))
}

impl StreamDecoder for Stream {
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        let Some((len, rest)) = framed(bytes) else {
            self.guessed |= !self.has_heard(from);
            return Progress::Need(2);
        };
        if self.guessed && !rest.is_empty() && !self.has_heard(from) {
            self.guessed = false;
            // It may have been the byte of a keep-alive.
            if !Stream::recognises(bytes) && bytes.get(1..).is_some_and(Stream::recognises) {
                return Progress::Consumed(1);
            }
        }
        let Some(bytes) = rest.get(..usize::from(len)) else { return Progress::Need(2 + usize::from(len)) };
        self.tracker.message(Arrived { from, bytes, missing: 0, length: Some(len), now }, out);
        if let Some(heard) = self.heard.get_mut(from.index()) {
            *heard = true;
        }
        Progress::Consumed(2 + usize::from(len))
    }

    fn decode_cut(
        &mut self,
        from: Direction,
        mut bytes: &[u8],
        missing: u32,
        now: Moment,
        out: &mut Messages,
    ) {
        while let Some((len, rest)) = framed(bytes) {
            let message = rest.get(..usize::from(len)).unwrap_or(rest);
            let missing = u32::from(len).saturating_sub(message.len() as u32).min(missing);
            self.tracker.message(Arrived { from, bytes: message, missing, length: Some(len), now }, out);
            bytes = rest.get(usize::from(len)..).unwrap_or_default();
        }
    }

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    fn begins_message(&self, from: Direction, bytes: &[u8]) -> bool {
        // Some servers write the length by itself. Where an answer is due and none was captured, it may well be that.
        let is_length = || match *bytes {
            [high] => high < 0x10,
            [high, low] => usize::from(u16::from_be_bytes([high, low])) > super::message::HEADER_LEN,
            _ => false,
        };
        Stream::recognises(bytes)
            || is_length() && !self.has_heard(from) && self.tracker.awaits(from.reverse())
    }

    fn unfilled(&mut self, from: Direction) {
        self.misses(from);
    }

    fn lost(&mut self, from: Direction, _: Moment, _: &mut Messages) {
        self.misses(from);
    }

    fn misses(&mut self, from: Direction) {
        if let Some(gap) = self.gaps.get_mut(from.index()) {
            *gap = true;
        }
    }

    fn minds_missing(&self) -> bool {
        self.tracker.is_waiting()
    }

    fn closed(&mut self, _: Direction, how: Closing, now: Moment, out: &mut Messages) {
        self.ended = self.ended.saturating_add(1);
        self.closed |= how != Closing::CaptureEnd;
        if self.ended == 2 {
            self.tracker.lose(self.gaps, now, out);
            self.tracker.finish(self.closed, now, out);
        }
    }

    fn heap(&self) -> usize {
        self.tracker.heap()
    }
}
