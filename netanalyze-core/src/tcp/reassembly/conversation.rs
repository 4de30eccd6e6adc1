//! Both directions of a connection, and who reads them.

use super::{Chunk, Counters, Limits, Payload, Reassembler};
use crate::model::Direction;

/// Reads the bytes of a connection in order, e.g. a parser of an application protocol.
pub trait StreamParser {
    /// What a direction brings next. With [`Appetite::Enough`] it is not called for that direction again, and what was held for it is freed.
    fn data(&mut self, direction: Direction, chunk: Chunk<'_>) -> Appetite;

    /// A direction that is still wanted has ended. Called once.
    fn end(&mut self, direction: Direction, end: End) {
        let _ = (direction, end);
    }
}

/// Whether a parser wants more of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appetite {
    /// Yes.
    More,
    /// No: everything it needs was there, or it is not its protocol.
    Enough,
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// With a FIN, and everything before it was handed on.
    Fin,
    /// The connection was reset.
    Reset,
    /// Not at all, as far as the capture goes.
    Open,
}

/// Reassembly of a connection for one [`StreamParser`], which the caller keeps. Make one only where a parser wants bytes: nothing is copied
/// for any other connection.
#[derive(Debug)]
pub struct Reassembly {
    sides: [Side; 2],
}

/// One direction.
#[derive(Debug)]
enum Side {
    /// Wanted.
    Open(Reassembler),
    /// Ended, or nobody wants more of it.
    Done(Counters),
}

impl Reassembly {
    /// Both directions are wanted until the parser says otherwise. `limits` hold for each.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Reassembly { sides: [Side::Open(Reassembler::new(limits)), Side::Open(Reassembler::new(limits))] }
    }

    /// Takes a segment that travels in `direction`, with its acknowledgement number if ACK is set. One with RST is not for here: its numbers
    /// and its text are no part of the streams (RFC 9293 §3.5.3); whoever believes it calls [`Reassembly::finish`].
    ///
    /// What the acknowledgement lets go of the other direction comes first: the receiver had it before it sent this segment.
    pub fn segment(
        &mut self,
        direction: Direction,
        payload: &Payload<'_>,
        ack: Option<u32>,
        parser: &mut impl StreamParser,
    ) {
        if let Some(ack) = ack {
            self.feed(direction.reverse(), parser, |side, sink| side.acknowledged(ack, sink));
        }
        self.feed(direction, parser, |side, sink| side.push(payload, sink));
    }

    /// Nothing more comes. Directions that have not ended by themselves end as `end` says.
    pub fn finish(&mut self, end: End, parser: &mut impl StreamParser) {
        for direction in [Direction::AtoB, Direction::BtoA] {
            self.feed(direction, parser, |side, sink| side.finish(sink));
            if self.wants(direction) {
                self.close(direction);
                parser.end(direction, end);
            }
        }
    }

    /// Whether a direction is still wanted and has not ended.
    #[must_use]
    pub fn wants(&self, direction: Direction) -> bool {
        matches!(self.sides.get(direction.index()), Some(Side::Open(_)))
    }

    /// What became of a direction's bytes, as long as it was wanted: of what the parser got, the chunk with which it had enough is the last
    /// that counts.
    #[must_use]
    pub fn counters(&self, direction: Direction) -> Counters {
        match self.sides.get(direction.index()) {
            Some(Side::Open(side)) => side.counters(),
            Some(Side::Done(counters)) => *counters,
            None => Counters::default(),
        }
    }

    /// Bytes held beyond holes now, both directions together.
    #[must_use]
    pub fn held(&self) -> usize {
        let held = |side: &Side| if let Side::Open(side) = side { side.held() } else { 0 };
        self.sides.iter().map(held).sum()
    }

    fn feed<P: StreamParser>(
        &mut self,
        direction: Direction,
        parser: &mut P,
        act: impl FnOnce(&mut Reassembler, &mut dyn FnMut(Chunk<'_>)),
    ) {
        let Some(Side::Open(side)) = self.sides.get_mut(direction.index()) else { return };
        let mut appetite = Appetite::More;
        let mut unheard = Counters::default();
        act(side, &mut |chunk| {
            if appetite == Appetite::More {
                appetite = parser.data(direction, chunk);
            } else {
                unheard.count(&chunk);
            }
        });
        let complete = side.is_complete();
        if appetite == Appetite::Enough {
            self.close(direction);
            if let Some(Side::Done(counters)) = self.sides.get_mut(direction.index()) {
                counters.take_back(&unheard);
            }
        } else if complete {
            self.close(direction);
            parser.end(direction, End::Fin);
        }
    }

    fn close(&mut self, direction: Direction) {
        let counters = self.counters(direction);
        if let Some(side) = self.sides.get_mut(direction.index()) {
            *side = Side::Done(counters);
        }
    }
}

const _: () = {
    const fn sent_between_threads<T: Send>() {}
    sent_between_threads::<Reassembly>();
};
