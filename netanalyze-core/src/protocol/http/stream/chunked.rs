//! Bodies in chunks (RFC 9112 §7.1): lines are read, data is only counted.

use super::super::body::{self, ChunkLine};
use super::super::head;
use super::{Phase, Stream};
use crate::model::Direction;
use crate::model::limits::MAX_HTTP_HEAD;
use crate::protocol::message::Messages;
use crate::protocol::stream::{Moment, Progress};

impl Stream {
    /// The line before a chunk's data, and those of all chunks that are there.
    pub(super) fn chunks(
        &mut self,
        from: Direction,
        bytes: &[u8],
        now: Moment,
        out: &mut Messages,
    ) -> Progress {
        let id = self.side(from).body;
        let Some(body) = self.bodies.iter_mut().find(|b| b.id == id) else {
            self.side(from).next();
            return Progress::Consumed(bytes.len());
        };
        match body::chunk_line(bytes) {
            ChunkLine::NeedMore => Progress::More,
            ChunkLine::Broken => {
                // Where it ends is anybody's guess. As Wireshark 4.0, it is over.
                (body.ended, body.bytes) = (true, None);
                self.side(from).next();
                if let Some(at) = self.bodies.iter().position(|b| b.id == id) {
                    self.finish_body(at, now, out);
                }
                Progress::Consumed(bytes.len())
            }
            ChunkLine::Chunk { line, size: 0 } => {
                self.side(from).phase = Phase::Trailers;
                Progress::Consumed(line)
            }
            ChunkLine::Chunk { line, size } => {
                body.bytes = body.bytes.map(|sum| sum.saturating_add(size));
                body.pieces = body.pieces.saturating_add(1);
                self.side(from).phase = Phase::ChunkEnd;
                Progress::Body { head: line, len: size, id }
            }
        }
    }

    pub(super) fn chunk_end(
        &mut self,
        from: Direction,
        bytes: &[u8],
        now: Moment,
        out: &mut Messages,
    ) -> Progress {
        let end = match bytes {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            [b'\r'] => return Progress::Need(2),
            // As Wireshark 4.0: whatever follows the data is the next chunk's line.
            _ => 0,
        };
        self.side(from).phase = Phase::Chunk;
        if end == 0 { self.chunks(from, bytes, now, out) } else { Progress::Consumed(end) }
    }

    pub(super) fn trailers(
        &mut self,
        from: Direction,
        bytes: &[u8],
        now: Moment,
        out: &mut Messages,
    ) -> Progress {
        let end = match bytes {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            [b'\r'] => return Progress::Need(2),
            // As Wireshark 4.0, nobody minds spaces on the last line.
            [b' ' | b'\t', ..] => match head::line(bytes) {
                Some((line, len)) if line.trim_ascii().is_empty() => len,
                Some((_, len)) => return Progress::Consumed(len),
                None => return Progress::More,
            },
            _ => match head::end_of_head(bytes, 0) {
                Ok(end) => end,
                Err(_) if bytes.len() <= MAX_HTTP_HEAD => return Progress::More,
                Err(_) => bytes.len(),
            },
        };
        let id = self.side(from).body;
        self.side(from).next();
        if let Some(at) = self.bodies.iter().position(|b| b.id == id) {
            self.bodies[at].ended = true;
            self.finish_body(at, now, out);
        }
        Progress::Consumed(end)
    }
}
