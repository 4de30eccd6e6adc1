//! Both directions of a connection that speaks HTTP/1.x (RFC 9112).
//!
//! Owns: where messages begin and end, and which response answers which request. Heads are read when they are complete, bodies only
//! counted. Requests may be pipelined, and bodies may have holes: what follows them is decoded meanwhile. Garbage where a message should begin is
//! passed over to the end of what is there.
//!
//! Responses answer requests in their order (RFC 9112 §9.3.2); interim ones answer none (RFC 9110 §15.2). Fields show what Wireshark 4.0
//! matches instead: see `matching`.

mod chunked;
mod exchanges;
mod state;

use smallvec::SmallVec;

use self::state::{BEYOND, Body, End, Holes, Part, Phase, Side, Told, Whole};
use super::body::Framing;
use super::exchange::{Exchange, Outcome};
use super::head::{self, Beginning, StartLine};
use super::known::Known;
use super::matching::Matching;
use super::message::{HttpMessage, Oddities};
use super::{Look, Method, looks_like_http};
use crate::model::limits::{MAX_HTTP_HEAD, MAX_SKIPPED_HOLES};
use crate::model::{Direction, Timestamp};
use crate::protocol::message::Messages;
use crate::protocol::stream::{Closing, Flow, Moment, Progress, StreamDecoder};
use crate::protocol::tls::Alert;

/// The port on which HTTP in clear is a mistake.
const HTTPS: u16 = 443;

/// Decoder of a connection.
#[derive(Debug)]
pub struct Stream {
    syn: Option<Timestamp>,
    established: Option<Timestamp>,
    on_tls_port: bool,
    sides: [Side; 2],
    /// Exchanges that are not over, oldest first.
    open: SmallVec<[Box<Exchange>; 1]>,
    /// Messages whose heads are read and whose bodies are not complete.
    bodies: SmallVec<[Body; 1]>,
    exchanges: u32,
    /// Exchanges before this one may have been answered in a hole.
    stale_before: u32,
    /// Exchanges before this one may have been answered in bytes that could not be read as messages.
    unplaced_before: u32,
    /// Holes that were skipped.
    holes: Option<Box<Holes>>,
    next_body: u32,
    matching: Matching,
    /// A server was seen to acknowledge a request with its response.
    acknowledges: bool,
    /// Which direction ended first.
    ended: Option<End>,
}

impl Stream {
    /// For a connection.
    #[must_use]
    pub fn new(flow: &Flow) -> Self {
        Stream {
            syn: flow.syn,
            established: flow.established,
            on_tls_port: flow.server_port() == HTTPS,
            sides: [Side::default(); 2],
            open: SmallVec::new(),
            bodies: SmallVec::new(),
            exchanges: 0,
            stale_before: 0,
            unplaced_before: 0,
            holes: None,
            next_body: 0,
            matching: Matching::default(),
            acknowledges: false,
            ended: None,
        }
    }

    /// Exchanges so far.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn begun(&self) -> u32 {
        self.exchanges
    }

    /// The decoder of what is inside a TLS connection.
    #[must_use]
    pub(crate) fn within_tls(flow: &Flow) -> Self {
        Stream { on_tls_port: false, ..Stream::new(flow) }
    }

    fn side(&mut self, from: Direction) -> &mut Side {
        let [a, b] = &mut self.sides;
        if from == Direction::AtoB { a } else { b }
    }

    /// Bytes of a hole are being decoded.
    fn is_filling(&self) -> bool {
        self.holes.as_ref().is_some_and(|holes| holes.filling.is_some())
    }

    fn head(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        let (empty, rest) = bytes.split_at(head::empty_lines(bytes));
        if rest.is_empty() {
            return Progress::Consumed(bytes.len());
        }
        let began = *self.side(from).began.get_or_insert(now);
        match head::beginning(rest) {
            Beginning::Message => {}
            Beginning::NeedMore => return Progress::More,
            Beginning::Other => {
                if let Some(alert) = Alert::of_record(rest)
                    && let Some(open) = self.open.first_mut()
                    && open.client != from
                    && open.response.is_none()
                {
                    open.tls_alert.get_or_insert((now, alert));
                }
                self.side(from).next();
                if self.unplaced_before > 0 {
                    self.unplaced(from);
                }
                return Progress::Consumed(bytes.len());
            }
        }
        let scanned = self.side(from).scanned as usize;
        let may_be_complete = scanned == 0 || head::end_of_head(rest, scanned).is_ok();
        let mut known = Known::default();
        if may_be_complete {
            known.fill(rest);
        }
        let Some(end) = known.end else {
            if rest.len() > MAX_HTTP_HEAD {
                self.broken_off(from, rest, began, true, out);
                self.side(from).next();
                return Progress::Consumed(bytes.len());
            }
            let read = head::end_of_head(rest, scanned).unwrap_or_else(|read| read);
            self.side(from).scanned = u32::try_from(read).unwrap_or(0);
            return Progress::More;
        };
        self.side(from).next();
        let head_bytes = rest.get(..end).unwrap_or(rest);
        let oddities = Oddities {
            leading_crlf: !empty.is_empty(),
            on_tls_port: self.on_tls_port,
            ..Oddities::default()
        };
        let whole = Whole { from, empty, bytes: head_bytes, known: &known, began, oddities };
        self.message(whole, empty.len() + end, now, out)
    }

    /// The rest of a head will not be read: as much of it was sent, or it is too long. No message is said of it.
    fn broken_off(
        &mut self,
        from: Direction,
        bytes: &[u8],
        began: Moment,
        too_long: bool,
        out: &mut Messages,
    ) {
        let known = Known::read(bytes);
        let exchange = match known.start {
            StartLine::Request { target, .. } if known.method.is_some() && !target.is_empty() => {
                let exchange = self.asked_exchange(from, out);
                exchange.add_request(&known, bytes.len(), began, out.terse);
                exchange
            }
            StartLine::Response { .. } if known.status.is_some_and(|status| status >= 200) => {
                let exchange = self.answered_exchange(from, out);
                exchange.add_response(&known, bytes.len(), began, out.terse);
                exchange
            }
            _ => return,
        };
        if too_long {
            exchange.over_limit = true;
            exchange.truncated =
                exchange.truncated.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
    }

    /// A head is complete. `done` bytes lead up to the body.
    fn message(&mut self, head: Whole<'_>, done: usize, now: Moment, out: &mut Messages) -> Progress {
        let Whole { from, empty, bytes, known: head, began, mut oddities } = head;
        let lengths = head.lengths;
        oddities.length_and_encoding = lengths.are_ambiguous();
        // Wireshark 4.0 sees a message in them only behind one empty line, and only of methods that it knows.
        let seen = matches!(empty, [] | b"\r\n")
            && (head.method.is_some() || matches!(head.start, StartLine::Response { .. }));
        let told = match seen {
            false => Told::Nothing,
            true if out.terse && oddities.is_ordinary() => Told::Count,
            true => Told::Message(Box::new(HttpMessage::new(bytes, oddities, out.every))),
        };
        let (exchange, part, framing, method) = match head.start {
            StartLine::Request { .. } => {
                let exchange = self.asked_exchange(from, out);
                exchange.add_request(head, bytes.len(), began, out.terse);
                let expects = head.method.is_some_and(|method| !method.is_notification());
                let part = if expects { Part::Request } else { Part::Notification };
                (exchange.number, part, lengths.request(), head.method)
            }
            StartLine::Response { .. } => {
                let status = head.status;
                let exchange = self.answered_exchange(from, out);
                let method = exchange.method();
                let part = if matches!(status, Some(100 | 102..=199)) {
                    exchange.interim = exchange.interim.saturating_add(1);
                    Part::Interim
                } else {
                    exchange.add_response(head, bytes.len(), began, out.terse);
                    Part::Response
                };
                (exchange.number, part, lengths.response(status, method), method)
            }
        };
        let id = self.next_body;
        self.next_body = id.wrapping_add(1);
        let mut body = Body {
            id,
            from,
            part,
            exchange,
            pieces: 0,
            ended: false,
            bytes: Some(0),
            captured: None,
            has_holes: false,
            told,
        };
        match framing {
            _ if oddities.cut => {
                body.bytes = None;
                if part == Part::Response {
                    self.conclude(exchange, Outcome::NotCaptured);
                }
                self.finish(body, now, out);
                Progress::Consumed(done)
            }
            Framing::Empty => {
                let next = self.after(from, head, method, done);
                if next != Progress::Consumed(done) || self.side(from).phase == Phase::Over {
                    self.conclude(exchange, Outcome::Switched);
                }
                self.finish(body, now, out);
                if let Progress::Another(_) = next {
                    for client in [from.reverse(), from] {
                        self.close_exchanges(client, Outcome::NotCaptured, out);
                    }
                }
                next
            }
            // Channels of RPC over HTTP announce a body that lasts as long as they do.
            Framing::Length(len) if method.is_some_and(Method::opens_channel) && part == Part::Request => {
                body.bytes = Some(len);
                self.finish(body, now, out);
                Progress::Body { head: done, len, id }
            }
            Framing::Length(len) => {
                (body.pieces, body.bytes, body.ended) = (1, Some(len), true);
                self.bodies.push(body);
                Progress::Body { head: done, len, id }
            }
            Framing::Chunked => {
                self.side(from).begin(Phase::Chunk, id);
                self.bodies.push(body);
                Progress::Consumed(done)
            }
            Framing::UntilEnd => {
                self.side(from).begin(Phase::UntilEnd, id);
                self.side(from).guessed = self.is_guessed(&body);
                body.bytes = None;
                self.bodies.push(body);
                Progress::UntilEnd { head: done }
            }
        }
    }

    /// What follows a message without a body.
    fn after(&mut self, from: Direction, head: &Known<'_>, method: Option<Method>, done: usize) -> Progress {
        match head.status {
            Some(200..=299) if method == Some(Method::CONNECT) => Progress::Another(done),
            Some(101) => {
                // Frames of WebSocket hold nothing for us; whatever else it is may be known.
                if !head.upgrade.eq_ignore_ascii_case(b"websocket") {
                    return Progress::Another(done);
                }
                self.side(from).phase = Phase::Over;
                self.side(from.reverse()).phase = Phase::Over;
                Progress::Consumed(done)
            }
            _ => Progress::Consumed(done),
        }
    }
}

impl StreamDecoder for Stream {
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        self.side(from).heard = true;
        match self.side(from).phase {
            Phase::Head => self.head(from, bytes, now, out),
            Phase::Chunk => self.chunks(from, bytes, now, out),
            Phase::ChunkEnd => self.chunk_end(from, bytes, now, out),
            Phase::Trailers => self.trailers(from, bytes, now, out),
            Phase::UntilEnd | Phase::Over => Progress::Ignore,
        }
    }

    fn decode_cut(&mut self, from: Direction, bytes: &[u8], _missing: u32, now: Moment, out: &mut Messages) {
        self.side(from).heard = true;
        if matches!(self.side(from).phase, Phase::UntilEnd | Phase::Over) {
            return;
        }
        let (empty, rest) = bytes.split_at(head::empty_lines(bytes));
        if head::beginning(rest) != Beginning::Message {
            return;
        }
        let known = Known::read(rest);
        let end = known.end.unwrap_or(rest.len());
        let oddities = Oddities {
            leading_crlf: !empty.is_empty(),
            cut: true,
            on_tls_port: self.on_tls_port,
            ..Oddities::default()
        };
        let bytes = rest.get(..end).unwrap_or(rest);
        self.message(Whole { from, empty, bytes, known: &known, began: now, oddities }, end, now, out);
    }

    fn body_complete(&mut self, from: Direction, id: u32, now: Moment, out: &mut Messages) {
        if let Some(at) = self.bodies.iter().position(|b| b.id == id) {
            if self.is_guessed(&self.bodies[at]) {
                // There may have been no body, and other responses in its place.
                self.unplaced(from);
            }
            self.bodies[at].pieces = self.bodies[at].pieces.saturating_sub(1);
            self.finish_body(at, now, out);
        }
    }

    fn begins_message(&self, _from: Direction, bytes: &[u8]) -> bool {
        looks_like_http(bytes) == Look::Http && head::beginning(bytes) == Beginning::Message
    }

    fn skip(&mut self, from: Direction, hole: u64) {
        let side = self.side(from);
        let before = *side;
        side.next();
        side.skipped = true;
        // Chunks that nobody has read are in the hole.
        if matches!(before.phase, Phase::Chunk | Phase::ChunkEnd | Phase::Trailers)
            && let Some(body) = self.bodies.iter_mut().find(|b| b.id == before.body)
        {
            body.has_holes = true;
        }
        let holes = &mut self.holes.get_or_insert_default().stopped;
        if holes.len() >= 2 * MAX_SKIPPED_HOLES {
            holes.remove(0);
        }
        holes.push((hole, from, before));
    }

    fn turn(&mut self, from: Direction, hole: Option<u64>) {
        let mut holes = self.holes.take().unwrap_or_default();
        let here = *self.side(from);
        match (hole, holes.filling) {
            (Some(hole), _) => {
                let before = holes.take(hole, from).unwrap_or(Side { heard: true, ..Side::default() });
                holes.stopped.push((BEYOND, from, here));
                (*self.side(from), holes.filling) = (before, Some(hole));
            }
            (None, Some(hole)) => {
                *self.side(from) = holes.take(BEYOND, from).unwrap_or_default();
                // What is in the middle of something is to be continued.
                if here.phase != Phase::Head || here.began.is_some() {
                    holes.stopped.push((hole, from, here));
                }
                holes.filling = None;
            }
            (None, None) => {}
        }
        self.holes = Some(holes).filter(|holes| !holes.stopped.is_empty());
    }

    fn lost(&mut self, from: Direction, _now: Moment, out: &mut Messages) {
        let side = *self.side(from);
        if matches!(side.phase, Phase::UntilEnd | Phase::Over) {
            return;
        }
        self.side(from).next();
        self.side(from).gap = true;
        if side.phase == Phase::Head {
            return;
        }
        // In the middle of a chunked body.
        let Some(at) = self.bodies.iter().position(|b| b.id == side.body) else { return };
        let body = self.bodies.remove(at);
        if body.part == Part::Response
            && let Some(at) = self.open.iter().position(|e| e.number == body.exchange)
        {
            let exchange = self.open.remove(at);
            self.push(exchange, Outcome::NotCaptured, out);
        }
    }

    fn misses(&mut self, from: Direction) {
        self.side(from).gap = true;
    }

    fn unplaced(&mut self, from: Direction) {
        let client = from.reverse();
        if let Some(last) = self.open.iter().rfind(|e| e.client == client) {
            self.unplaced_before = last.number.saturating_add(1);
        }
    }

    fn within_rest(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        if self.side(from).guessed && bytes.starts_with(b"HTTP/1.") {
            self.answer_within(from, bytes, now, out);
        }
    }

    fn left(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        let side = *self.side(from);
        let (_, rest) = bytes.split_at(head::empty_lines(bytes));
        if side.phase == Phase::Head && head::beginning(rest) == Beginning::Message {
            self.broken_off(from, rest, side.began.unwrap_or(now), false, out);
        }
    }

    fn body_ended(&mut self, from: Direction, id: Option<u32>, captured: u64, has_holes: bool) {
        let id = id.unwrap_or(self.side(from).body);
        if let Some(body) = self.bodies.iter_mut().find(|b| b.id == id) {
            body.captured = Some(captured);
            body.has_holes |= has_holes;
        }
    }

    fn closed(&mut self, from: Direction, how: Closing, now: Moment, out: &mut Messages) {
        let side = *self.side(from);
        self.side(from).closed = Some(how);
        self.side(from).heard |= how == Closing::Fin;
        if how != Closing::CaptureEnd && self.ended.is_none() {
            self.ended = Some(End { by: from, how });
            self.side(from).heard = true;
            // Marks those whose responses have begun.
            for exchange in self.open.iter_mut().filter(|e| e.response.is_some()) {
                exchange.ended_by = Some(from);
            }
        }
        while let Some(at) = self.bodies.iter().position(|b| b.from == from) {
            let mut body = self.bodies.remove(at);
            if !side.guessed && self.is_guessed(&body) {
                self.unplaced(from);
            }
            if side.phase == Phase::UntilEnd && body.id == side.body && how == Closing::Fin && !body.has_holes
            {
                body.bytes = body.captured;
                self.finish(body, now, out);
            } else {
                self.cut_short(&body);
            }
        }
        exchanges::give_back(&mut self.bodies);
        let outcome =
            |side: &Side, how| if side.gap { Outcome::NotCaptured } else { Outcome::Unanswered(how) };
        // Who is silent now answers nothing any more.
        self.close_exchanges(from.reverse(), outcome(&side, how), out);
        let other = *self.side(from.reverse());
        if let Some(how) = other.closed {
            self.close_exchanges(from, outcome(&other, how), out);
            (self.matching, self.holes) = (Matching::default(), None);
        }
    }

    fn heap(&self) -> usize {
        let messages = self.bodies.iter().filter_map(|b| match &b.told {
            Told::Message(message) => Some(message),
            Told::Nothing | Told::Count => None,
        });
        exchanges::heap(&self.open)
            + self.open.iter().map(|e| e.heap()).sum::<usize>()
            + exchanges::heap(&self.bodies)
            + messages.map(|m| size_of::<HttpMessage>() + m.head_bytes().len()).sum::<usize>()
            + self.holes.as_ref().map_or(0, |holes| {
                size_of::<Holes>() + holes.stopped.capacity() * size_of::<(u64, Direction, Side)>()
            })
            + self.matching.heap()
    }
}

#[cfg(test)]
mod tests;
