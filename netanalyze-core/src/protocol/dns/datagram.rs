//! DNS over UDP: a message a datagram (RFC 1035 §4.2.1), mDNS and LLMNR included.

use super::message::looks_like_dns;
use super::said::Service;
use super::tracker::{Arrived, Tracker};
use crate::model::{Direction, Endpoint};
use crate::protocol::message::Messages;
use crate::protocol::stream::{DatagramDecoder, Moment};

/// DNS, mDNS, LLMNR.
const PORTS: [u16; 3] = [53, 5353, 5355];

/// NetBIOS name service and datagrams, whose headers are like DNS's.
const OTHERS: [u16; 2] = [137, 138];

/// A conversation over UDP.
#[derive(Clone, Debug)]
pub struct Decoder {
    tracker: Tracker,
    /// No port says that it is DNS: each datagram must look like it.
    guessed: bool,
}

impl Decoder {
    /// For the conversation of two ends: who sends [`Direction::AtoB`], then who sends [`Direction::BtoA`].
    #[must_use]
    pub fn new(ends: [Endpoint; 2]) -> Self {
        Decoder { tracker: Tracker::new(Service::of(ends), ends), guessed: false }
    }

    /// If one of the ports is DNS's, or the datagram looks like DNS and no port belongs to another protocol.
    #[must_use]
    pub fn recognise(ends: [Endpoint; 2], bytes: &[u8]) -> Option<Self> {
        let known = ends.iter().any(|end| PORTS.contains(&end.port()));
        let free = || !ends.iter().any(|end| OTHERS.contains(&end.port()));
        let guessed = !known && free() && looks_like_dns(bytes);
        (known || guessed).then(|| Decoder { guessed, ..Decoder::new(ends) })
    }
}

impl DatagramDecoder for Decoder {
    fn datagram(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages) {
        if self.guessed && !looks_like_dns(bytes) {
            return;
        }
        self.tracker.message(Arrived { from, bytes, missing, length: None, now }, out);
    }

    fn finish(&mut self, now: Moment, out: &mut Messages) {
        self.tracker.finish(false, now, out);
    }

    fn heap(&self) -> usize {
        self.tracker.heap()
    }
}

const _: () = assert!(size_of::<Decoder>() <= 184, "there is one for each conversation with a resolver");
