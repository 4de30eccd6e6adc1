//! Waits until the bytes of a conversation tell which protocol it speaks.
//!
//! Owns: how often each direction was looked at. Reads: bytes that a feed holds. Emits: the protocol, and a failed handshake where text stands
//! in the place of TLS. What tells a protocol is in [`recognise`](crate::protocol::recognise).

use crate::model::Direction;
use crate::protocol::feed::Feed;
use crate::protocol::message::{Message, Messages};
use crate::protocol::recognise::{Kind, Recognised, is_tls_port, recognise};
use crate::protocol::stream::{Closing, Flow, Moment, Progress, StreamDecoder};
use crate::protocol::tls;

/// Segments of a direction that may tell nothing before it is given up. Wireshark goes on for ever, but whatever has not begun a
/// message that it knows by then hardly ever does.
const MAX_TRIES: u8 = 32;

/// No bytes have told yet which protocol it is.
#[derive(Debug)]
pub(super) struct Undecided {
    pub(super) decided: Option<Kind>,
    pub(super) tries: [u8; 2],
    /// In which directions nobody knows where bytes begin.
    lost: [bool; 2],
}

impl Undecided {
    pub(super) fn new(feeds: &[Feed; 2]) -> Self {
        Undecided { decided: None, tries: [0; 2], lost: feeds.each_ref().map(Feed::is_seeking) }
    }
}

/// Waits for bytes that tell which protocol it is.
#[derive(Debug)]
pub(super) struct Waiting<'s> {
    pub(super) flow: &'s Flow,
    pub(super) undecided: &'s mut Undecided,
}

impl StreamDecoder for Waiting<'_> {
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        let recognised = recognise(self.flow, from, bytes);
        let first = self.undecided.tries == [0; 2] && self.flow.client_is_known;
        let tls_expected = first && is_tls_port(self.flow.server_port());
        // A proxy's header stands before TLS, not in its place.
        let tells = !matches!(recognised, Recognised::NeedMore | Recognised::Is(Kind::Proxy));
        if tls_expected && tells && tls::begins_with_text(bytes) {
            let row = tls::plain_text(self.flow, from, bytes, now);
            out.push(from, Message::Handshake(Box::new(row)));
        }
        match recognised {
            Recognised::Is(kind) => {
                self.undecided.decided = Some(kind);
                Progress::Another(0)
            }
            Recognised::NeedMore => Progress::More,
            Recognised::Nothing => {
                let [a, b] = &mut self.undecided.tries;
                let tries = if from == Direction::AtoB { a } else { b };
                *tries += 1;
                if *tries >= MAX_TRIES {
                    // Nobody will know it by what comes later.
                    self.undecided.decided = Some(Kind::Opaque);
                    return Progress::Another(0);
                }
                Progress::Consumed(bytes.len())
            }
        }
    }

    fn decode_cut(&mut self, _: Direction, _: &[u8], _: u32, _: Moment, _: &mut Messages) {}

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    /// Where a SYN says where bytes begin, the first of them tell most.
    fn begins_message(&self, from: Direction, _: &[u8]) -> bool {
        let [a, b] = self.undecided.lost;
        if from == Direction::AtoB { a } else { b }
    }

    fn lost(&mut self, from: Direction, _: Moment, _: &mut Messages) {
        let [a, b] = &mut self.undecided.lost;
        *(if from == Direction::AtoB { a } else { b }) = true;
    }

    fn closed(&mut self, _: Direction, _: Closing, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        0
    }
}
