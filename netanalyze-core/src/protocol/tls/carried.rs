//! TLS whose records another protocol brings in order and complete, without TCP: EAP, OpenVPN.
//!
//! Owns the decoder of the connection and both directions' feeds. Secrets are not looked for.

use super::stream::Stream;
use crate::model::Direction;
use crate::protocol::feed::{Feed, Payload};
use crate::protocol::message::Messages;
use crate::protocol::stream::{Closing, Flow, Moment, StreamDecoder};

/// A connection.
#[derive(Debug)]
pub(crate) struct Carried {
    stream: Stream,
    feeds: [Feed; 2],
    /// Where each direction's next byte is.
    next: [u32; 2],
}

impl Carried {
    /// One of which nothing was seen.
    pub(crate) fn new(flow: &Flow) -> Self {
        let mut feeds = [Feed::new(Direction::AtoB), Feed::new(Direction::BtoA)];
        feeds.iter_mut().for_each(|feed| feed.begin(0));
        Carried { stream: Stream::carried(flow), feeds, next: [0; 2] }
    }

    fn side(&mut self, from: Direction) -> (&mut Feed, &mut u32, &mut Stream) {
        let Carried { stream, feeds: [a, b], next: [a_next, b_next] } = self;
        if from == Direction::AtoB { (a, a_next, stream) } else { (b, b_next, stream) }
    }

    /// Takes the next bytes of a direction.
    pub(crate) fn take(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        let (feed, next, stream) = self.side(from);
        let len = bytes.len() as u32;
        let payload = Payload { seq: *next, bytes, len, fin: false };
        // Nothing else begins inside TLS.
        let _ = feed.segment(&payload, stream, now, out);
        *next = next.wrapping_add(len);
    }

    /// Bytes of a direction are missing: it goes on with the next record that can be told.
    pub(crate) fn lost(&mut self, from: Direction, now: Moment, out: &mut Messages) {
        let (feed, next, stream) = self.side(from);
        (*feed, *next) = (Feed::new(from), 0);
        stream.lost(from, now, out);
    }

    /// Ends both directions, if they have not ended yet.
    pub(crate) fn close(&mut self, how: Closing, now: Moment, out: &mut Messages) {
        let Carried { stream, feeds, .. } = self;
        feeds.iter_mut().for_each(|feed| feed.close(how, stream, now, out));
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.stream.heap() + self.feeds.iter().map(Feed::heap).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameNumber, Timestamp};
    use crate::protocol::message::Message;
    use crate::protocol::testing::flow;
    use crate::protocol::tls::Outcome;

    const ALERTS: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00\x15\x03\x03\x00\x02\x02\x28";

    fn now(frame: u64) -> Moment {
        Moment { frame: FrameNumber(frame), time: Timestamp(0) }
    }

    #[test]
    fn records_are_said_when_their_last_byte_comes() {
        for cut in 0..=ALERTS.len() {
            let (mut tls, mut out) = (Carried::new(&flow(1194)), Messages::new(true));
            tls.take(Direction::BtoA, &ALERTS[..cut], now(1), &mut out);
            assert_eq!(out.drain().count(), cut / 7);
            tls.take(Direction::AtoB, &ALERTS[..7], now(2), &mut out);
            tls.take(Direction::BtoA, &ALERTS[cut..], now(3), &mut out);
            let from: Vec<_> = out.drain().map(|(from, _)| from).collect();
            assert_eq!(from[0], Direction::AtoB);
            assert_eq!(from.len(), 3 - cut / 7, "{cut}");
            tls.close(Closing::CaptureEnd, now(4), &mut out);
            tls.close(Closing::CaptureEnd, now(5), &mut out);
            assert!(out.is_empty() && tls.heap() < 1 << 12);
        }
    }

    #[test]
    fn what_follows_missing_bytes_is_read_from_the_next_record_on() {
        let (mut tls, mut out) = (Carried::new(&flow(1194)), Messages::new(true));
        let hello = b"\x16\x03\x03\x00\x2e\x02\x00\x00\x2a\x03\x03";
        tls.take(Direction::BtoA, hello, now(1), &mut out);
        tls.lost(Direction::BtoA, now(2), &mut out);
        tls.take(Direction::BtoA, b"\x07\x07", now(2), &mut out);
        assert!(out.is_empty());
        tls.take(Direction::BtoA, ALERTS, now(3), &mut out);
        assert_eq!(out.drain().count(), 2);
    }

    #[test]
    fn an_open_handshake_ends_with_it() {
        let (mut tls, mut out) = (Carried::new(&flow(1194)), Messages::new(false));
        let mut hello = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03".to_vec();
        hello.extend([7; 32]);
        hello.extend(b"\0\0\x02\x13\x01\x01\0");
        tls.take(Direction::AtoB, &hello, now(1), &mut out);
        tls.close(Closing::Fin, now(2), &mut out);
        let said: Vec<_> = out.drain().collect();
        let [(_, Message::Handshake(row))] = &said[..] else { panic!("{said:?}") };
        assert!(matches!(row.outcome, Outcome::Closed(_)), "{:?}", row.outcome);
    }
}
