//! SSDP: HTTP heads in datagrams (UPnP Device Architecture 2.0 §1). It fills the fields of HTTP.

use super::Method;
use super::head::{self, StartLine};
use super::matching::Matching;
use super::message::{HttpMessage, Oddities};
use crate::model::Direction;
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::{DatagramDecoder, Moment};

/// Its port.
pub const SSDP_PORT: u16 = 1900;

/// Decoder of a UDP conversation. Searches go to a group and answers come from its members, so there are no exchanges.
#[derive(Debug, Default)]
pub struct Ssdp {
    matching: Matching,
}

impl Ssdp {
    /// Of a conversation of which nothing was seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl DatagramDecoder for Ssdp {
    fn datagram(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages) {
        if head::beginning(bytes) != head::Beginning::Message {
            return;
        }
        let end = head::end_of_head(bytes, 0).unwrap_or(bytes.len());
        let oddities = Oddities { cut: missing > 0, ..Oddities::default() };
        let mut message = Box::new(HttpMessage::new(bytes.get(..end).unwrap_or(bytes), oddities, out.every));
        message.body_bytes = (missing == 0).then(|| (bytes.len() - end) as u64);
        match message.head().start() {
            StartLine::Request { method, .. } if Method::of(method).is_some_and(Method::is_notification) => {}
            StartLine::Request { .. } => self.matching.request(Some(&mut message), now),
            StartLine::Response { .. } => self.matching.response(Some(&mut message), now),
        }
        out.push(from, Message::Http(message));
    }

    fn finish(&mut self, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        self.matching.heap()
    }
}
