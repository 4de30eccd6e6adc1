//! What fuzzing asserts of QUIC: any datagrams are read to the end, what is kept stays within its limits, and the order of a handshake's
//! pieces does not matter.
//!
//! The body of the fuzz target `quic`; run once on samples in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::sync::Arc;

use super::sample::{crypto, initial_secret, long, message, short};
use super::{Decoder, Message, Messages, limits, looks_like_quic};
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::stream::{DatagramDecoder, Moment};
use crate::protocol::tls::keys::Secrets;
use crate::protocol::tls::keys::schedule::Secret;

/// Bytes that a decoder may take: a limit for each stream of CRYPTO frames, and something for keys and rows.
const MOST: usize = limits::MAX_QUIC_CONNECTIONS * (6 * 2 * limits::MAX_CRYPTO_BYTES + (64 << 10));

/// Reads data as orders to make datagrams: bytes as they are, or inside packets with good protection, of both sides.
pub fn datagrams(data: &[u8]) {
    let (decoder, mut frame) = (&mut Decoder::default(), 0);
    let mut secrets = Secrets::default();
    let random = "00".repeat(32);
    secrets.learn(
        format!(
            "SERVER_HANDSHAKE_TRAFFIC_SECRET {random} {0}\nSERVER_TRAFFIC_SECRET_0 {random} {0}",
            "02".repeat(32)
        )
        .as_bytes(),
        FrameNumber(0),
    );
    let known = Secret::new(&[2; 32]).unwrap();
    let mut rest = data;
    while let Some((&[order, size], after)) = rest.split_first_chunk() {
        let (content, after) = after.split_at(after.len().min(usize::from(size) << (order >> 6)));
        rest = after;
        let from = if order & 1 == 0 { Direction::AtoB } else { Direction::BtoA };
        let client = from == Direction::AtoB;
        let version = [1, 0x6b33_43cf, 0xff00_001d, 0x5430_3530][usize::from(order >> 1 & 3)];
        let second = version == 0x6b33_43cf;
        let ids: [&[u8]; 2] = if order & 8 == 0 { [b"server", b"client"] } else { [b"", b"client"] };
        let [to, own] = if client { ids } else { [ids[1], ids[0]] };
        let bytes = match order >> 4 & 3 {
            0 => content.to_vec(),
            1 => long(
                version,
                u8::from(second),
                to,
                own,
                &initial_secret(version, ids[0], client),
                frame,
                content,
            ),
            2 => long(version, (2 + u8::from(second)) & 3, to, own, &known, frame, content),
            _ => short(version, to, &known, frame, content),
        };
        let _ = looks_like_quic(&bytes);
        frame += 1;
        let now = Moment { frame: FrameNumber(u64::from(frame)), time: Timestamp(i64::from(frame)) };
        let mut out = Messages::new(order & 4 == 0);
        out.secrets = Some(Arc::new(secrets.clone()));
        decoder.datagram(from, &bytes, u32::from(order & 16), now, &mut out);
        assert!(out.drain().count() <= 3 + limits::MAX_QUIC_CONNECTIONS);
        assert!(decoder.heap() <= MOST, "{} bytes are kept", decoder.heap());
    }
    decoder.finish(Moment::default(), &mut Messages::new(true));
    shuffled(data);
}

/// A ClientHello in pieces of any size and order is read once, with whichever packet completes it.
fn shuffled(data: &[u8]) {
    let hello = message(1, &[&[3, 3][..], &[7; 120]].concat());
    let secret = initial_secret(1, b"id", true);
    let (decoder, mut seen, mut told) = (&mut Decoder::default(), vec![false; hello.len()], 0);
    for (number, pair) in data.chunks_exact(2).take(64).enumerate() {
        let at = usize::from(pair[0]) % hello.len();
        let end = (at + usize::from(pair[1] & 63)).min(hello.len());
        let packet = long(1, 0, b"id", b"", &secret, number as u32, &crypto(at, &hello[at..end]));
        let mut out = Messages::new(true);
        decoder.datagram(Direction::AtoB, &packet, 0, Moment::default(), &mut out);
        let whole = seen.iter().all(|&seen| seen);
        seen[at..end].fill(true);
        let said = out.drain().filter(|(_, message)| !matches!(message, Message::Quic)).count();
        assert_eq!(said, usize::from(!whole && seen.iter().all(|&seen| seen)));
        told += said;
    }
    assert!(told <= 1);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fuzz_body_holds_for_samples() {
        let mut state = 1_u64;
        for len in 0..400 {
            let data: Vec<u8> = (0..len)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 40) as u8
                })
                .collect();
            super::datagrams(&data);
        }
    }
}
