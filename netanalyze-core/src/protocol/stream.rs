//! How a protocol on top of TCP gets its bytes, and what it says of them.
//!
//! A [`StreamDecoder`] sees each direction's bytes in order, from one message boundary to the next. It keeps no bytes: what it cannot
//! decode yet stays with its caller, and bytes of a body that it need not see are only counted. So the caller can tell at once, from a length
//! alone, where the next message begins, even while parts of this one are missing.

use super::message::Messages;
use super::recognise;
use crate::model::{Direction, Endpoint, FrameNumber, Timestamp};

/// The frame with which something became known, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct Moment {
    /// The frame.
    pub frame: FrameNumber,
    /// Its time.
    pub time: Timestamp,
}

/// What is known of the conversation from below.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Its ends: who sends [`Direction::AtoB`], then who sends [`Direction::BtoA`].
    pub ends: [Endpoint; 2],
    /// Direction of the client's bytes: who sent the SYN; if none was captured, whose port is no registered one, or the higher.
    pub client: Direction,
    /// The client was seen opening the connection.
    pub client_is_known: bool,
    /// Time of the first SYN.
    pub syn: Option<Timestamp>,
    /// Time of the segment that completed the TCP handshake.
    pub established: Option<Timestamp>,
}

impl Flow {
    /// The end whose bytes go in a direction.
    #[must_use]
    pub fn sender(&self, from: Direction) -> Endpoint {
        let [a, b] = self.ends;
        if from == Direction::AtoB { a } else { b }
    }

    /// Port of the server.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.sender(self.client.reverse()).port()
    }
}

/// Direction of the client's bytes where no SYN tells: whoever has the higher port, unless only the other's is one that servers have by
/// registration. Ports are those of the end that sends [`Direction::AtoB`], then of the other.
pub(crate) fn likely_client(a: u16, b: u16) -> Direction {
    let serves =
        |port| recognise::is_http_port(port) || recognise::is_tls_port(port) || recognise::is_dns_port(port);
    match (serves(a), serves(b)) {
        (true, false) => Direction::BtoA,
        (false, true) => Direction::AtoB,
        _ if a > b => Direction::AtoB,
        _ => Direction::BtoA,
    }
}

/// How far a decoder came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The first so many bytes are dealt with (at least one, at most all). If more are there, they come next.
    Consumed(usize),
    /// Nothing can be said before so many bytes are there, counted from the first one shown; more than were shown.
    Need(usize),
    /// Nothing can be said before more bytes are there; nobody knows how many.
    More,
    /// The first `head` bytes are dealt with, and `len` bytes follow that need not be seen. Once each of them was captured,
    /// [`StreamDecoder::body_complete`] is called with `id`; whatever follows them may be decoded before.
    Body {
        /// Bytes dealt with; may be 0 if `len` is not.
        head: usize,
        /// Bytes of the body.
        len: u64,
        /// What [`StreamDecoder::body_complete`] gets to hear.
        id: u32,
    },
    /// The first `head` bytes are dealt with; all others of this direction are one body, up to its end: [`StreamDecoder::closed`].
    UntilEnd {
        /// Bytes dealt with.
        head: usize,
    },
    /// The first so many bytes are dealt with (0 is allowed); whatever follows, in both directions, belongs to another protocol, which is to be
    /// recognised anew: after STARTTLS, CONNECT or Upgrade.
    Another(usize),
    /// The rest of this direction is of no interest: [`StreamDecoder::decode`] is not called for it again.
    Ignore,
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// By a FIN, and every byte before it was captured or given up.
    Fin,
    /// By an RST, of either side.
    Reset,
    /// By the end of the capture, or because a new connection began on the same ports.
    CaptureEnd,
}

/// How far a direction has come when the other side sends a segment. Places are sequence numbers continued to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The direction.
    pub(crate) of: Direction,
    /// The segment's sender has got every byte before this place.
    pub(crate) acked: u64,
    /// Some of those bytes were not captured before the segment: it overtook them on its way to the capture, or they are missing.
    pub(crate) behind: bool,
}

/// A protocol on top of TCP.
///
/// Everything happens in capture order; `now` is the frame that brought the last byte needed. Messages go to `out`.
pub trait StreamDecoder: std::fmt::Debug + Send + Sync {
    /// Decodes what begins at a boundary. `bytes` are all that are there in order, at least one; on [`Progress::Need`] and [`Progress::More`]
    /// they come again with more behind them.
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress;

    /// As [`StreamDecoder::decode`], for a segment of which only the first bytes were captured (snapshot length): `bytes`, with `missing` more on
    /// the wire. Nothing is kept: as Wireshark does, say what can be said of these bytes alone, as if a message began with them.
    fn decode_cut(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages);

    /// The last missing byte of a [`Progress::Body`] was captured.
    fn body_complete(&mut self, from: Direction, id: u32, now: Moment, out: &mut Messages);

    /// Whether a segment behind a hole may well begin a message, and can be decoded before the hole is filled. Should be strict: what it
    /// refuses waits until the hole is filled or known to be one of the capture.
    fn begins_message(&self, from: Direction, bytes: &[u8]) -> bool;

    /// Decoding of a direction goes on beyond a hole with bytes that [`StreamDecoder::begins_message`] accepted. What was begun before it may be continued
    /// later, if the hole is filled. `hole` names it.
    fn skip(&mut self, from: Direction, hole: u64) {
        let _ = (from, hole);
    }

    /// What follows of a direction is what a hole was filled with; with `None`, what is beyond all holes again.
    fn turn(&mut self, from: Direction, hole: Option<u64>) {
        let _ = (from, hole);
    }

    /// A hole beyond which decoding went on is not filled, nor will it be.
    fn unfilled(&mut self, from: Direction) {
        let _ = from;
    }

    /// Bytes at a boundary or in a message that is not complete are missing for good: forget the message. Next come bytes that
    /// [`StreamDecoder::begins_message`] accepts.
    fn lost(&mut self, from: Direction, now: Moment, out: &mut Messages);

    /// Something ends, and bytes of this direction were not captured: nothing of it at all, or less than the other side has acknowledged.
    fn misses(&mut self, from: Direction) {
        let _ = from;
    }

    /// A segment brings bytes from one place to another that were sent before.
    fn repeated(&mut self, from: Direction, at: u64, end: u64) {
        let _ = (from, at, end);
    }

    /// Something ends, and so many bytes of this direction, from a place on, were never acknowledged.
    fn unacknowledged(&mut self, from: Direction, at: u64, bytes: u64) {
        let _ = (from, at, bytes);
    }

    /// Bytes of this direction were captured, and passed over: nobody knows where in a message they are.
    fn unplaced(&mut self, from: Direction) {
        let _ = from;
    }

    /// A segment lies in a body that goes on to the end of its direction.
    fn within_rest(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        let _ = (from, bytes, now, out);
    }

    /// Whether it matters at the end of the capture what of either direction was not captured.
    fn minds_missing(&self) -> bool {
        false
    }

    /// Called before [`StreamDecoder::closed`] for each body that is not complete, by the id of its [`Progress::Body`], and for that of
    /// [`Progress::UntilEnd`]: how many bytes of it were captured, and whether it was sent whole, but not captured so.
    fn body_ended(&mut self, from: Direction, id: Option<u32>, captured: u64, has_holes: bool) {
        let _ = (from, id, captured, has_holes);
    }

    /// Called before [`StreamDecoder::closed`] with the bytes that were shown and of which [`StreamDecoder::decode`] wanted to see more.
    fn left(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        let _ = (from, bytes, now, out);
    }

    /// A direction ended; called once for each. Bodies that are not complete by now never will be. After both calls nothing follows.
    fn closed(&mut self, from: Direction, how: Closing, now: Moment, out: &mut Messages);

    /// Whether messages matter that come after one end has reset the connection, even if none was under way.
    fn hears_after_reset(&self) -> bool {
        false
    }

    /// Bytes on the heap.
    fn heap(&self) -> usize;
}

/// A protocol on top of UDP: one decoder a conversation.
pub trait DatagramDecoder: std::fmt::Debug + Send + Sync {
    /// Decodes a datagram's payload. `missing` bytes of it were cut off by the snapshot length.
    fn datagram(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages);

    /// The capture ended: say what became of what is open.
    fn finish(&mut self, now: Moment, out: &mut Messages);

    /// Bytes on the heap.
    fn heap(&self) -> usize;
}
