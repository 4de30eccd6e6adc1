//! What fuzzing asserts of keys: any text is read as a key log; a record opens to what was protected and to nothing else, whatever is lost or
//! changed on the way, and looking for its number ends.
//!
//! The body of the fuzz target `secrets`; run once on samples in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use super::opener::{HEADER, Opener};
use super::sample::{record_12, record_13};
use super::schedule::{self, Secret};
use super::secrets::Secrets;
use super::suite::Suite;
use crate::model::FrameNumber;

const SUITES: [u16; 8] = [0x1301, 0x1302, 0x1303, 0x1305, 0xc02f, 0xc030, 0xcca8, 0xc0ae];

/// Reads data as a key log, and as orders to make, lose and change records.
pub fn secrets(data: &[u8]) {
    let mut secrets = Secrets::default();
    let first = secrets.learn(data, FrameNumber(3));
    assert_eq!(secrets.len() as u64, first.secrets);
    assert_eq!(first.bad > 0, first.first_bad.is_some());
    let again = secrets.learn(data, FrameNumber(0));
    assert_eq!((again.secrets, again.bad, again.unused), (0, first.bad, first.unused));
    if let Some((&choice, orders)) = data.split_first() {
        records(SUITES[usize::from(choice & 7)], orders);
    }
}

fn records(number: u16, orders: &[u8]) {
    let suite = Suite::from_number(number).unwrap();
    let tls13 = number >> 8 == 0x13;
    let len = suite.hash.output_len();
    let random = [0; 32];
    let lines = [
        format!("CLIENT_RANDOM {} {}\n", "00".repeat(32), "07".repeat(48)),
        format!("CLIENT_HANDSHAKE_TRAFFIC_SECRET {} {}\n", "00".repeat(32), "07".repeat(len)),
        format!("CLIENT_TRAFFIC_SECRET_0 {} {}\n", "00".repeat(32), "08".repeat(len)),
    ];
    let mut known = Secrets::default();
    known.learn(lines.concat().as_bytes(), FrameNumber(0));
    let master = Secret::new(&[7; 48]).unwrap();
    let [material, _] = schedule::key_block(suite, &master, &random, &random).unwrap();
    let mut secret = Secret::new(&vec![7; len]).unwrap();
    let mut opener = if tls13 {
        Opener::tls13(suite, &known, &random, true, FrameNumber(1)).unwrap()
    } else {
        let [client, _] = Opener::tls12(suite, &known, &random, &random, FrameNumber(1)).unwrap();
        client
    };
    // Numbers that were not shown to the opener since the last record that it opened; beyond the window it may give up.
    let (mut sequence, mut skipped, mut switched, mut buffer) = (0, 0, false, Vec::new());
    for pair in orders.chunks_exact(2).take(200) {
        let (order, size) = (pair[0], usize::from(pair[1]));
        let text = vec![order; size];
        let mut record = if tls13 {
            record_13(suite, &secret, sequence, 23, &text, usize::from(order & 3))
        } else {
            record_12(suite, &material, sequence, 23, &text)
        };
        match order >> 5 {
            0 => {
                opener.lost();
                skipped += 1;
                sequence += 1;
                continue;
            }
            1 => {
                let at = usize::from(order & 31) * 8 + 1;
                if let Some(byte) = record.get_mut(HEADER + at % (size + 8)) {
                    *byte ^= 1;
                }
            }
            2 if tls13 && !switched => {
                opener.next_key();
                (secret, sequence, switched, skipped) = (Secret::new(&vec![8; len]).unwrap(), 0, true, 0);
                continue;
            }
            _ => {}
        }
        let (header, body) = record.split_first_chunk::<HEADER>().unwrap();
        let opened = opener.open(*header, body, &mut buffer);
        if order >> 5 == 1 {
            assert_eq!(opened, None, "a changed record opens");
            skipped += 1;
        } else if let Some(opened) = opened {
            assert_eq!((opened.content_type, opened.text(&buffer)), (23, &text[..]));
            skipped = 0;
        } else {
            assert!(skipped > 0, "a record stays closed though nothing is missing");
            skipped += 1;
        }
        sequence += 1;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_new_key_opens_behind_records_that_did_not() {
        super::secrets(b"\xfa\xe9\x2d\x23\x28\x20\x23\x2d\x2d\x28\x20\x40\x20\xcc\xdf");
    }

    #[test]
    fn the_fuzz_body_holds_for_samples() {
        let mut state = 7_u64;
        for round in 0..200 {
            let data: Vec<u8> = (0..round)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 40) as u8
                })
                .collect();
            super::secrets(&data);
        }
    }
}
