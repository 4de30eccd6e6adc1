//! OpenVPN's control channel: packets of both directions become TLS.
//!
//! Owns, a direction: packets that came before their turn, and the beginning of a message. Messages are numbered from 0 under each key and in each session; the
//! numbers give their order. A message of TLS is cut into pieces of 100 bytes by default; as Wireshark 4.0 does, one that is as long waits for the next,
//! so that records are said in the frame that ended the message. Unlike Wireshark, pieces of other lengths are joined, too.

use std::collections::BTreeMap;

use super::packet::{Guard, Kind, Packet};
use crate::model::Direction;
use crate::model::limits::{MAX_OPENVPN_BYTES, MAX_OPENVPN_PACKETS};
use crate::protocol::message::Messages;
use crate::protocol::stream::{Closing, Flow, Moment};
use crate::protocol::tls::carried::Carried;

/// Bytes of a piece that is not a message's last.
const PIECE: usize = 100;

/// Both directions.
#[derive(Debug)]
pub(super) struct Channel {
    flow: Flow,
    /// Once a packet told.
    guard: Option<Guard>,
    key: u8,
    tls: Option<Box<Carried>>,
    sides: [Side; 2],
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    session: Option<[u8; 8]>,
    /// Number of the next message.
    next: u32,
    /// Payloads of later ones.
    early: BTreeMap<u32, Box<[u8]>>,
    /// The beginning of a message.
    begun: Vec<u8>,
}

impl Side {
    fn held(&self) -> usize {
        self.begun.len() + self.early.values().map(|piece| piece.len()).sum::<usize>()
    }
}

impl Channel {
    /// One of which nothing was seen.
    pub(super) fn new(flow: &Flow) -> Self {
        Channel { flow: *flow, guard: None, key: 0, tls: None, sides: Default::default() }
    }

    /// Takes a packet.
    pub(super) fn packet(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) {
        if bytes.first().is_some_and(|&first| Kind::of(first) == Some(Kind::Data)) {
            return;
        }
        if self.guard.is_none() {
            self.guard = Guard::of(bytes);
        }
        let Some(packet) = self.guard.and_then(|guard| Packet::parse(bytes, guard)) else { return };
        let Some(number) = packet.number else { return };
        let known = self.sides.get(from.index()).and_then(|side| side.session);
        if known.is_some_and(|known| known != packet.session) {
            if packet.kind != Kind::HardReset {
                return; // Of a session before, or after.
            }
            self.close(Closing::CaptureEnd, now, out);
            self.sides = Default::default();
            self.key = packet.key;
        }
        if packet.key != self.key {
            // Key numbers go from 0 to 7, and then from 1 on.
            let is_next = packet.key == self.key % 7 + 1;
            if known.is_some() && !is_next {
                return; // Late packets of a key before.
            }
            self.close(Closing::CaptureEnd, now, out);
            self.sides = self.sides.each_ref().map(|side| Side { session: side.session, ..Side::default() });
            self.key = packet.key;
        }
        let Some(side) = self.sides.get_mut(from.index()) else { return };
        if side.session.is_none() {
            // Of a session that is under way nobody knows which message is next.
            side.next = number;
        }
        side.session = Some(packet.session);
        if number < side.next || side.early.contains_key(&number) {
            return;
        }
        side.early.insert(number, packet.payload.into());
        self.read(from, now, out);
    }

    /// Reads the payloads whose turn it is.
    fn read(&mut self, from: Direction, now: Moment, out: &mut Messages) {
        let Channel { flow, tls, sides, .. } = self;
        let Some(side) = sides.get_mut(from.index()) else { return };
        loop {
            let full = side.held() > MAX_OPENVPN_BYTES || side.early.len() > MAX_OPENVPN_PACKETS;
            let Some(mut first) = side.early.first_entry() else { return };
            if *first.key() != side.next {
                if !full {
                    return;
                }
                side.begun = Vec::new();
                if let Some(tls) = tls {
                    tls.lost(from, now, out);
                }
            }
            side.next = first.key().saturating_add(1);
            let payload = std::mem::take(first.get_mut());
            first.remove();
            side.begun.extend_from_slice(&payload);
            if payload.len() != PIECE && !side.begun.is_empty() || side.begun.len() > MAX_OPENVPN_BYTES {
                let message = std::mem::take(&mut side.begun);
                tls.get_or_insert_with(|| Box::new(Carried::new(flow))).take(from, &message, now, out);
            }
        }
    }

    /// Ends it.
    pub(super) fn close(&mut self, how: Closing, now: Moment, out: &mut Messages) {
        if let Some(mut tls) = self.tls.take() {
            tls.close(how, now, out);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        let tls = self.tls.as_ref().map_or(0, |tls| size_of::<Carried>() + tls.heap());
        let side = |side: &Side| side.begun.capacity() + side.held() + side.early.len() * 64;
        tls + self.sides.iter().map(side).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::tests::packet;
    use super::*;
    use crate::model::{FrameNumber, Timestamp};
    use crate::protocol::message::Message;
    use crate::protocol::testing::{C, S, flow};

    /// An alert.
    const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00";

    /// A record with a message of as many bytes.
    fn record(len: usize) -> Vec<u8> {
        let mut bytes = vec![22, 3, 3];
        bytes.extend((len as u16).to_be_bytes());
        bytes.extend([14, 0]);
        bytes.extend((len as u16 - 4).to_be_bytes());
        bytes.resize(5 + len, 7);
        bytes
    }

    struct Run(Channel, u64, Messages);

    impl Run {
        fn new() -> Run {
            Run(Channel::new(&flow(1194)), 0, Messages::new(true))
        }

        /// How many records a packet completes.
        fn take(&mut self, from: Direction, bytes: &[u8]) -> usize {
            self.1 += 1;
            let now = Moment { frame: FrameNumber(self.1), time: Timestamp(0) };
            self.0.packet(from, bytes, now, &mut self.2);
            self.2.drain().filter(|(_, message)| matches!(message, Message::Tls(_))).count()
        }
    }

    #[test]
    fn pieces_become_records_in_their_order() {
        for hmac in [0, 20] {
            let mut run = Run::new();
            assert_eq!(run.take(C, &packet(7, hmac, 0, 0, b"")), 0);
            assert_eq!(run.take(S, &packet(8, hmac, 1, 0, b"")), 0);
            assert_eq!(run.take(C, &packet(5, hmac, 1, 0, b"")), 0);
            let flight = [record(150), record(60)].concat();
            assert_eq!(run.take(C, &packet(4, hmac, 0, 1, &flight[..100])), 0);
            assert_eq!(run.take(C, &packet(4, hmac, 0, 1, &flight[..100])), 0, "sent again");
            assert_eq!(run.take(C, &packet(4, hmac, 0, 3, &flight[200..])), 0, "out of order");
            assert_eq!(run.take(S, &packet(4, hmac, 0, 1, ALERT)), 1);
            assert_eq!(run.take(C, &packet(6, hmac, 0, 0, &[3; 50])), 0, "data");
            assert_eq!(run.take(C, &packet(4, hmac, 0, 2, &flight[100..200])), 2);
            // Pieces of another size are joined, too.
            let long = record(3000);
            assert_eq!(run.take(S, &packet(4, hmac, 0, 2, &long[..1200])), 0);
            assert_eq!(run.take(S, &packet(4, hmac, 0, 3, &long[1200..2400])), 0);
            assert_eq!(run.take(S, &packet(4, hmac, 0, 4, &[&long[2400..], ALERT].concat())), 2);
        }
    }

    #[test]
    fn new_keys_and_new_sessions_begin_anew() {
        let mut run = Run::new();
        run.take(C, &packet(7, 0, 0, 0, b""));
        assert_eq!(run.take(C, &packet(4, 0, 0, 1, ALERT)), 1);
        let mut soft = packet(3, 0, 0, 0, b"");
        soft[0] |= 1;
        assert_eq!(run.take(S, &soft), 0);
        let mut control = packet(4, 0, 0, 1, ALERT);
        assert_eq!(run.take(S, &control), 0, "of the key before");
        control[0] |= 1;
        assert_eq!(run.take(S, &control), 1);
        let mut reset = packet(7, 0, 0, 0, b"");
        reset[3] = 77;
        run.take(S, &packet(8, 0, 0, 0, b""));
        run.take(C, &packet(4, 0, 0, 3, ALERT));
        assert_eq!(run.take(C, &reset), 0);
        assert_eq!(run.take(C, &packet(4, 0, 0, 1, ALERT)), 0, "of the session before");
        reset[0] = 4 << 3;
        let next = [&reset[..13], &[1], ALERT].concat();
        assert_eq!(run.take(C, &next), 1);
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let mut run = Run::new();
        run.take(C, &packet(7, 0, 0, 0, b""));
        run.take(C, &packet(4, 0, 0, 1, &record(300)[..200]));
        let mut said = 0;
        for number in 3..3 + 2 * MAX_OPENVPN_PACKETS as u32 {
            said += run.take(C, &packet(4, 0, 0, number, ALERT));
            assert!(run.0.heap() < 2 * MAX_OPENVPN_BYTES + (1 << 16));
        }
        assert!(said > MAX_OPENVPN_PACKETS);
        for number in 10_000..10_300 {
            run.take(S, &packet(4, 0, 0, number, &[22; PIECE]));
            run.take(S, &packet(4, 0, 0, 2 * number, &[22; 1000]));
            assert!(run.0.heap() < 8 * MAX_OPENVPN_BYTES, "{}", run.0.heap());
        }
    }

    #[test]
    fn any_bytes_can_be_read() {
        let mut seed = 1u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let mut run = Run::new();
        for _ in 0..20_000 {
            let opcode = random() & 15;
            let payload: Vec<u8> = (0..random() & 127).map(|_| random()).collect();
            let mut bytes = packet(
                opcode,
                [0, 20][usize::from(random() & 1)],
                random() & 9,
                u32::from(random()),
                &payload,
            );
            let at = usize::from(random()) % bytes.len();
            bytes[at] = random();
            bytes.truncate(bytes.len() - usize::from(random() & 1));
            run.take(if random() & 1 == 0 { C } else { S }, &bytes);
        }
        assert!(run.0.heap() < 8 * MAX_OPENVPN_BYTES);
    }
}
