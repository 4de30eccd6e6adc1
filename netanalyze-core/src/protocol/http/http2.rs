//! HTTP/2 in clear (RFC 9113 §3.3): recognised and named, so that nobody takes it for broken HTTP/1.1. Its requests are not decoded.

use super::exchange::{Exchange, Outcome};
use crate::model::Direction;
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::{Closing, Flow, Moment, Progress, StreamDecoder};

/// Says once that a connection speaks HTTP/2.
#[derive(Debug)]
pub struct Http2 {
    exchange: Option<Box<Exchange>>,
}

impl Http2 {
    /// For a connection.
    #[must_use]
    pub fn new(flow: &Flow) -> Self {
        let mut exchange = Box::new(Exchange::new(flow.client, 1, flow.syn, flow.established));
        exchange.outcome = Outcome::Http2;
        Http2 { exchange: Some(exchange) }
    }
}

impl StreamDecoder for Http2 {
    fn decode(&mut self, _: Direction, _: &[u8], _: Moment, out: &mut Messages) -> Progress {
        if let Some(exchange) = self.exchange.take() {
            out.push(exchange.client, Message::Exchange(exchange));
        }
        Progress::Ignore
    }

    fn decode_cut(&mut self, from: Direction, bytes: &[u8], _: u32, now: Moment, out: &mut Messages) {
        let _ = self.decode(from, bytes, now, out);
    }

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    fn begins_message(&self, _: Direction, _: &[u8]) -> bool {
        true
    }

    fn lost(&mut self, _: Direction, _: Moment, _: &mut Messages) {}

    fn closed(&mut self, _: Direction, _: Closing, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        self.exchange.as_ref().map_or(0, |exchange| exchange.heap())
    }
}
