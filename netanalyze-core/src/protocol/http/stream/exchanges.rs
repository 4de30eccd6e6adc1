//! Which response answers which request, and when an exchange is over.

use smallvec::SmallVec;

use super::super::body::Framing;
use super::super::exchange::{Exchange, Outcome};
use super::super::known::Known;
use super::{Body, End, Part, Stream, Told};
use crate::model::Direction;
use crate::model::limits::MAX_HTTP_OPEN;
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::Moment;

impl Stream {
    /// The exchange that a request belongs to: a new one, unless a response waits for it.
    pub(super) fn asked_exchange(&mut self, client: Direction, out: &mut Messages) -> &mut Exchange {
        let place = out.place;
        let at = match self.held(client) {
            Some(at) if self.open[at].place > place => at,
            _ => self.begin_exchange(client, out),
        };
        self.open[at].place = place;
        &mut self.open[at]
    }

    /// The response of a client's that waits for its request. There is one at most.
    fn held(&self, client: Direction) -> Option<usize> {
        self.open.iter().position(|e| e.client == client && e.is_held())
    }

    /// Begins an exchange, and says where it is in the list.
    fn begin_exchange(&mut self, client: Direction, out: &mut Messages) -> usize {
        if let Some(at) = self.held(client) {
            let held = self.open.remove(at);
            self.push(held, Outcome::NotCaptured, out);
        }
        if self.side(client.reverse()).gap {
            // What was asked before may have been answered in the hole.
            self.side(client.reverse()).gap = false;
            self.close_exchanges(client, Outcome::NotCaptured, out);
        }
        if self.open.len() >= MAX_HTTP_OPEN {
            let oldest = self.open.remove(0);
            self.push(oldest, Outcome::NotCaptured, out);
        }
        self.exchanges = self.exchanges.saturating_add(1);
        let exchange = Exchange::new(client, self.exchanges, self.syn, self.established);
        let at = self.open.len();
        self.open.push(Box::new(exchange));
        at
    }

    /// The exchange that a response belongs to: the oldest without one. Beyond a hole it is the latest, because nobody knows which of the others are
    /// answered in the hole; those that are found there answer them.
    ///
    /// Nothing answers a request that its sender had not got, as long as the server acknowledges what it answers. Without a request, the response
    /// waits for one if the server had got more than was captured by now.
    pub(super) fn answered_exchange(&mut self, from: Direction, out: &mut Messages) -> &mut Exchange {
        let client = from.reverse();
        let skipped = std::mem::take(&mut self.side(from).skipped);
        let oldest = if self.is_filling() { 0 } else { self.stale_before };
        let reach = out.reach.filter(|reach| reach.of == client);
        let got = reach.filter(|_| self.acknowledges).map_or(u64::MAX, |reach| reach.acked);
        let mut waiting = self.open.iter().enumerate().filter(|(_, e)| {
            e.client == client
                && e.response.is_none()
                && e.number >= oldest
                && (e.place < got || e.request.is_none())
        });
        let found = if skipped { waiting.next_back() } else { waiting.next() };
        if let Some((at, e)) = found {
            self.acknowledges |= reach.is_some_and(|reach| reach.acked > e.place);
            if skipped {
                self.stale_before = e.number;
            }
            return &mut self.open[at];
        }
        let at = self.begin_exchange(client, out);
        let asks = *self.side(client);
        let exchange = &mut self.open[at];
        match reach {
            Some(reach) if reach.behind || asks.began.is_some() => exchange.place = reach.acked,
            Some(_) if !asks.gap => exchange.outcome = Outcome::Unsolicited,
            _ => exchange.outcome = Outcome::NotCaptured,
        }
        exchange
    }

    /// Whether nobody knows what a response answers, so that its length is a guess: responses to HEAD and CONNECT have no body (RFC 9112 §6.3).
    pub(super) fn is_guessed(&self, body: &Body) -> bool {
        let asked = |e: &Exchange| e.number == body.exchange && e.request.is_some();
        body.part == Part::Response && !self.open.iter().any(|e| asked(e))
    }

    /// A status line where there should be the rest of a body whose end is a guess: it answers a request that is open. Fields show the body, as
    /// Wireshark 4.0.
    pub(super) fn answer_within(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        let waits = |e: &Exchange| e.client != from && e.request.is_some() && e.response.is_none();
        let head = Known::read(bytes);
        let end = head.end;
        if head.status.is_none_or(|status| status < 200) || !self.open.iter().any(|e| waits(e)) {
            return;
        }
        let exchange = self.answered_exchange(from, out);
        exchange.add_response(&head, end.unwrap_or(bytes.len()), now, out.terse);
        let there = end.map(|end| (bytes.len() - end) as u64);
        let body = match head.lengths.response(head.status, exchange.method()) {
            Framing::Empty => Some(0),
            Framing::Length(len) => Some(len),
            Framing::Chunked | Framing::UntilEnd => None,
        };
        match exchange.response.as_mut().filter(|_| there.zip(body).is_some_and(|(there, len)| there >= len))
        {
            Some(response) => (response.body_bytes, response.end) = (body, Some(now)),
            // Nobody counts how much of it comes.
            None => exchange.outcome = Outcome::NotCaptured,
        }
    }

    /// Says how an exchange ends, before it does.
    pub(super) fn conclude(&mut self, number: u32, outcome: Outcome) {
        if let Some(exchange) = self.open.iter_mut().find(|e| e.number == number) {
            exchange.outcome = outcome;
        }
    }

    /// Says a message if nothing of it is missing any more.
    pub(super) fn finish_body(&mut self, at: usize, now: Moment, out: &mut Messages) {
        if self.bodies.get(at).is_some_and(|body| body.ended && body.pieces == 0) {
            let body = self.bodies.remove(at);
            give_back(&mut self.bodies);
            self.finish(body, now, out);
        }
    }

    /// A message is complete.
    pub(super) fn finish(&mut self, mut body: Body, now: Moment, out: &mut Messages) {
        let message = body.told.message();
        match body.part {
            Part::Request => self.matching.request(message, now),
            Part::Notification => {}
            Part::Interim | Part::Response => self.matching.response(message, now),
        }
        match body.told {
            Told::Message(mut message) => {
                message.body_bytes = body.bytes;
                out.push(body.from, Message::Http(message));
            }
            Told::Count => out.leave_out(),
            Told::Nothing => {}
        }
        let Some(at) = self.open.iter().position(|e| e.number == body.exchange) else { return };
        let exchange = &mut self.open[at];
        match body.part {
            Part::Interim => return,
            Part::Request | Part::Notification => {
                if let Some(request) = &mut exchange.request {
                    (request.body_bytes, request.end) = (body.bytes, Some(now));
                }
            }
            Part::Response => {
                if let Some(response) = &mut exchange.response {
                    (response.body_bytes, response.end) = (body.bytes, Some(now));
                }
            }
        }
        let asked = exchange.request.as_ref().map_or(!exchange.is_held(), |r| r.end.is_some());
        if asked && exchange.response.as_ref().is_some_and(|r| r.end.is_some()) {
            let exchange = self.open.remove(at);
            self.push(exchange, Outcome::Answered, out);
        }
    }

    /// A body ended before it was complete.
    pub(super) fn cut_short(&mut self, body: &Body) {
        let Some(exchange) = self.open.iter_mut().find(|e| e.number == body.exchange) else { return };
        match body.part {
            Part::Response => {
                if let Some(response) = &mut exchange.response {
                    response.body_captured = body.captured;
                }
                if body.has_holes {
                    exchange.outcome = Outcome::NotCaptured;
                }
            }
            Part::Request | Part::Notification => {
                if let Some(request) = &mut exchange.request {
                    request.body_captured = body.captured;
                }
            }
            Part::Interim => {}
        }
    }

    /// Says an exchange, with this outcome unless it has one.
    pub(super) fn push(&mut self, mut exchange: Box<Exchange>, outcome: Outcome, out: &mut Messages) {
        if exchange.outcome == Outcome::Open {
            let later = exchange.response.is_some() && exchange.ended_by.is_none();
            let end = |how| End::of(self.ended, how, exchange.client, later);
            (exchange.outcome, exchange.ended_by) = match outcome {
                Outcome::Unanswered(how) => (Outcome::Unanswered(end(how).0), end(how).1),
                Outcome::Incomplete(how) => (Outcome::Incomplete(end(how).0), end(how).1),
                other => (other, None),
            };
        } else {
            exchange.ended_by = None;
        }
        // If nothing of the server was captured, its answers were not either.
        let server = exchange.client.reverse();
        if matches!(exchange.outcome, Outcome::Unanswered(_))
            && self.established.is_none()
            && !self.side(server).heard
        {
            (exchange.outcome, exchange.ended_by) = (Outcome::NotCaptured, None);
        }
        give_back(&mut self.open);
        out.push(exchange.client, Message::Exchange(exchange));
    }

    /// Says all exchanges of a client that are open. A response that waits for its request does so until the client has said all, too.
    pub(super) fn close_exchanges(&mut self, client: Direction, outcome: Outcome, out: &mut Messages) {
        let mut partial = self.side(client.reverse()).began.is_some();
        let is_over = self.sides.iter().all(|side| side.closed.is_some());
        while let Some(at) = self.open.iter().position(|e| e.client == client && (is_over || !e.is_held())) {
            let exchange = self.open.remove(at);
            let outcome = match (&exchange.response, outcome) {
                (None, _) if exchange.number < self.stale_before.max(self.unplaced_before) => {
                    Outcome::NotCaptured
                }
                _ if exchange.is_held() => Outcome::NotCaptured,
                (Some(response), _) if response.end.is_some() => Outcome::Answered,
                (Some(_), Outcome::Unanswered(how)) => Outcome::Incomplete(how),
                (None, Outcome::Unanswered(how)) if std::mem::take(&mut partial) => Outcome::Incomplete(how),
                (_, outcome) => outcome,
            };
            self.push(exchange, outcome, out);
        }
    }
}

/// Gives back the memory of a list that was longer than most.
pub(super) fn give_back<T>(list: &mut SmallVec<[T; 1]>) {
    if list.is_empty() {
        *list = SmallVec::new();
    }
}

/// Bytes that a list takes beside what is always there.
pub(super) fn heap<T>(list: &SmallVec<[T; 1]>) -> usize {
    if list.spilled() { list.capacity() * size_of::<T>() } else { 0 }
}
