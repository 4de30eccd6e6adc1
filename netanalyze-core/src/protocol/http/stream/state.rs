//! What a connection's decoder remembers: how far each direction came, holes that were skipped, messages that are not complete.

use super::super::known::Known;
use super::super::message::{HttpMessage, Oddities};
use crate::model::Direction;
use crate::protocol::stream::{Closing, Moment};

/// Holes that were skipped and may be filled.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// How far decoding had come before each of them, and, while one of them is being filled, beyond them.
    pub(super) stopped: Vec<(u64, Direction, Side)>,
    /// The one that is being filled.
    pub(super) filling: Option<u64>,
}

impl Holes {
    /// How far decoding had come where it stopped.
    pub(super) fn take(&mut self, hole: u64, from: Direction) -> Option<Side> {
        let at = self.stopped.iter().position(|&(id, of, _)| (id, of) == (hole, from))?;
        Some(self.stopped.remove(at).2)
    }
}

/// In the list of holes: how far decoding has come beyond all of them.
pub(super) const BEYOND: u64 = u64::MAX;

/// One direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    pub(super) phase: Phase,
    /// First byte of the message that is being read.
    pub(super) began: Option<Moment>,
    /// Bytes of its head that hold no end.
    pub(super) scanned: u32,
    /// The body that is being read, from its chunks or up to the end.
    pub(super) body: u32,
    /// Some of its bytes were captured.
    pub(super) heard: bool,
    /// Bytes between messages are missing: perhaps whole messages.
    pub(super) gap: bool,
    /// Its body goes on to the end for all that is known: what it answers is not.
    pub(super) guessed: bool,
    /// What comes next comes from beyond a hole.
    pub(super) skipped: bool,
    /// How it ended.
    pub(super) closed: Option<Closing>,
}

impl Side {
    /// The next message begins.
    pub(super) fn next(&mut self) {
        self.begin(Phase::Head, 0);
    }

    pub(super) fn begin(&mut self, phase: Phase, body: u32) {
        *self = Side { phase, body, began: None, scanned: 0, ..*self };
    }
}

/// What ended the connection first, and whose doing it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) by: Direction,
    pub(super) how: Closing,
}

impl End {
    /// What ended an exchange, and whose doing it was, given how the direction of its response ended. `later`: its response began only after the first
    /// direction had ended.
    ///
    /// Who ends first gives up: the other end's FIN only answers. But a client that has said all may end its own direction and wait
    /// (RFC 9293 §3.6): a response that begins after that is the server's to finish, and if only the capture's end cuts it off, nobody gave up.
    pub(super) fn of(
        first: Option<End>,
        how: Closing,
        client: Direction,
        later: bool,
    ) -> (Closing, Option<Direction>) {
        let Some(End { by, how: first }) = first else { return (how, None) };
        let waits = by == client && first == Closing::Fin;
        match how {
            Closing::CaptureEnd if waits => (how, None),
            Closing::Fin | Closing::Reset if waits && later => (how, Some(client.reverse())),
            _ => (first, Some(by)),
        }
    }
}

/// A head that is complete, or all that was captured of it.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) from: Direction,
    /// Empty lines before it.
    pub(super) empty: &'a [u8],
    pub(super) bytes: &'a [u8],
    pub(super) known: &'a Known<'a>,
    pub(super) began: Moment,
    pub(super) oddities: Oddities,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// A message's head comes next.
    #[default]
    Head,
    /// A chunk's line comes next.
    Chunk,
    /// The line end behind a chunk comes next.
    ChunkEnd,
    /// Trailers and the last empty line come next.
    Trailers,
    /// Everything is body.
    UntilEnd,
    /// No longer HTTP.
    Over,
}

/// A message whose head was read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) id: u32,
    pub(super) from: Direction,
    pub(super) part: Part,
    /// Number of its exchange.
    pub(super) exchange: u32,
    /// Pieces that are not complete.
    pub(super) pieces: u32,
    /// No more pieces will come.
    pub(super) ended: bool,
    /// Bytes, as far as known.
    pub(super) bytes: Option<u64>,
    /// Bytes that were captured of one that ended before it was complete.
    pub(super) captured: Option<u64>,
    /// Some of those that were sent are not in the capture.
    pub(super) has_holes: bool,
    /// What is to be said of the message when it is complete.
    pub(super) told: Told,
}

/// Which part of an exchange a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Request,
    /// A notification of UPnP, or a method unknown to it: Wireshark 4.0 does not expect an answer.
    Notification,
    Interim,
    Response,
}

/// What is to be said of a message when it is complete.
#[derive(Debug)]
pub(super) enum Told {
    Nothing,
    /// That there was one.
    Count,
    Message(Box<HttpMessage>),
}

impl Told {
    pub(super) fn message(&mut self) -> Option<&mut HttpMessage> {
        match self {
            Told::Message(message) => Some(message),
            Told::Nothing | Told::Count => None,
        }
    }
}
