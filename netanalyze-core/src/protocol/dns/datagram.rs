//! DNS over UDP: a message a datagram (RFC 1035 §4.2.1), mDNS and LLMNR included.

use super::said::Service;
use super::tracker::{Arrived, Tracker};
use crate::model::{Direction, Endpoint};
use crate::protocol::message::Messages;
use crate::protocol::stream::{DatagramDecoder, Moment};

/// A conversation over UDP.
#[derive(Clone, Debug)]
pub struct Decoder {
    tracker: Tracker,
}

impl Decoder {
    /// For the conversation of two ends: who sends [`Direction::AtoB`], then who sends [`Direction::BtoA`].
    #[must_use]
    pub fn new(ends: [Endpoint; 2]) -> Self {
        Decoder { tracker: Tracker::new(Service::of(ends), ends) }
    }
}

impl DatagramDecoder for Decoder {
    fn datagram(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages) {
        self.tracker.message(Arrived { from, bytes, missing, length: None, now }, out);
    }

    fn finish(&mut self, now: Moment, out: &mut Messages) {
        self.tracker.finish(false, now, out);
    }

    fn heap(&self) -> usize {
        self.tracker.heap()
    }
}

const _: () = assert!(size_of::<Decoder>() <= 160, "there is one for each conversation with a resolver");
