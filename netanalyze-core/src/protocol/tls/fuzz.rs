//! What fuzzing asserts of TLS: whatever bytes come in whatever pieces, progress is made and stays within what is there, little is kept, an end is
//! followed by silence, and hellos are what tls-parser reads.
//!
//! The body of the fuzz target `tls`; run once on scripts in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use super::{Chain, ClientHello, ServerHello, Stream, plain_text};
use crate::model::limits::{MAX_PENDING_BYTES, MAX_TLS_MESSAGE};
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::message::{Limit, Message, Messages};
use crate::protocol::stream::{Closing, Flow, Moment, Progress, StreamDecoder};
use crate::protocol::testing::flow;

/// What each step begins with: what to do, and of how many bytes.
const STEP: usize = 3;

/// Bytes that wait in one direction, and what of a body is still to come.
#[derive(Default)]
struct Side {
    waiting: Vec<u8>,
    body: Option<(u64, u32)>,
    ended: bool,
}

/// Runs a script: steps of one byte that says what, two bytes of length, and so many bytes.
pub fn tls(data: &[u8]) {
    parsers(data);
    let flow = Flow { syn: Some(Timestamp(0)), ..flow(443) };
    let mut stream = Stream::new(&flow);
    let mut out = Messages::new(data.first().is_some_and(|byte| byte & 1 != 0));
    let mut sides = [Side::default(), Side::default()];
    let mut now = Moment { frame: FrameNumber(0), time: Timestamp(0) };
    let mut rest = data;
    while let Some((&[what, high, low], after)) = rest.split_first_chunk::<STEP>() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (bytes, after) = after.split_at(len);
        rest = after;
        now = Moment {
            frame: FrameNumber(now.frame.0 + 1),
            time: Timestamp(now.time.0 + i64::from(what) * 50_000_000),
        };
        let from = if what & 1 == 0 { Direction::AtoB } else { Direction::BtoA };
        let side = &mut sides[usize::from(what & 1)];
        if side.ended {
            continue;
        }
        match what >> 1 & 15 {
            0 => {
                side.waiting.clear();
                side.body = None;
                stream.lost(from, now, &mut out);
            }
            1 => stream.decode_cut(from, bytes, u32::from(low), now, &mut out),
            2 => {
                let how = [Closing::Fin, Closing::Reset, Closing::CaptureEnd][usize::from(low % 3)];
                stream.closed(from, how, now, &mut out);
                side.ended = true;
            }
            4 => stream.misses(from),
            3 => _ = (stream.begins_message(from, bytes), plain_text(&flow, from, bytes, now)),
            _ => {
                side.waiting.extend_from_slice(bytes);
                pump(&mut stream, from, side, now, &mut out);
            }
        }
        assert!(stream.heap() < 4 * MAX_TLS_MESSAGE + (1 << 20), "{} bytes kept", stream.heap());
        check(&mut out);
    }
    for (index, from) in [Direction::AtoB, Direction::BtoA].into_iter().enumerate() {
        if !sides[index].ended {
            stream.closed(from, Closing::CaptureEnd, now, &mut out);
        }
    }
    check(&mut out);
    let [a, b] = [Direction::AtoB, Direction::BtoA];
    stream.closed(a, Closing::CaptureEnd, now, &mut out);
    stream.closed(b, Closing::CaptureEnd, now, &mut out);
    assert!(out.is_empty(), "said something after the end: {:?}", out.drain().collect::<Vec<_>>());
}

/// Shows what waits, as the feed does.
fn pump(stream: &mut Stream, from: Direction, side: &mut Side, now: Moment, out: &mut Messages) {
    loop {
        if let Some((left, id)) = side.body.take() {
            let there = left.min(side.waiting.len() as u64);
            side.waiting.drain(..there as usize);
            if there < left {
                side.body = Some((left - there, id));
                return;
            }
            stream.body_complete(from, id, now, out);
        }
        if side.waiting.is_empty() {
            return;
        }
        let there = side.waiting.len();
        match stream.decode(from, &side.waiting, now, out) {
            Progress::Consumed(used) => {
                assert!((1..=there).contains(&used), "{used} of {there} consumed");
                side.waiting.drain(..used);
            }
            Progress::Need(need) => {
                assert!(need > there && need <= MAX_PENDING_BYTES, "{need} needed, {there} there");
                return;
            }
            Progress::Body { head, len, id } => {
                assert!(head <= there && head > 0);
                side.waiting.drain(..head);
                side.body = Some((len, id));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What was said makes sense, and can be shown.
fn check(out: &mut Messages) {
    let hits = out.take_hits();
    assert!(hits.iter().all(|&hit| hit == Limit::TlsMessage), "{hits:?}");
    for (_, message) in out.drain() {
        match message {
            Message::Handshake(row) => {
                assert!(row.start().frame <= row.end.frame);
                // Of a handshake whose beginning is missing, a HelloRetryRequest may be all that there is.
                assert!(row.client_hello.is_some() || row.server_hello.is_some() || row.retries > 0);
                _ = (row.hello_time(), row.handshake_time(), row.data_time(), row.tcp_connect());
            }
            Message::Tls(tls) => _ = format!("{tls:?}"),
            other => panic!("{other:?}"),
        }
    }
}

fn parsers(data: &[u8]) {
    let ours = ClientHello::parse(data);
    if let Ok((_, theirs)) = tls_parser::parse_tls_handshake_client_hello(data) {
        let ours = ours.expect("tls-parser reads it");
        assert_eq!((ours.version.0, ours.random), (theirs.version.0, theirs.random));
        assert_eq!(ours.session_id, theirs.session_id.unwrap_or_default());
        let suites = theirs.ciphers.iter().map(|c| c.0);
        assert!(ours.ciphers.iter().map(|c| c.0).eq(suites));
    }
    if let Ok((_, theirs)) = tls_parser::parse_tls_handshake_server_hello(data) {
        let ours = ServerHello::parse(data).expect("tls-parser reads it");
        assert_eq!((ours.legacy_version.0, ours.random), (theirs.version.0, theirs.random));
        assert_eq!(ours.cipher.map(|c| c.0), Some(theirs.cipher.0));
    }
    let _ = (ServerHello::parse_retry(data), Chain::parse(data), Chain::parse_tls13(data));
    if let Some(chain) = Chain::parse(data) {
        _ = chain.faults(Timestamp(0), Some(b"example.test"));
    }
}

/// A script of what one side sends after the other.
#[must_use]
pub fn script<'a>(pieces: impl IntoIterator<Item = (bool, &'a [u8])>) -> Vec<u8> {
    let mut script = Vec::new();
    for (server, bytes) in pieces {
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        script.push(8 | u8::from(server));
        script.extend_from_slice(&len.to_be_bytes());
        script.extend_from_slice(&bytes[..usize::from(len)]);
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_hold() {
        let hello: &[u8] = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03";
        let client = [hello, &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
        let alert: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
        for script in [
            script([(false, &client[..]), (true, alert)]),
            script([
                (false, &client[..20]),
                (false, &client[20..]),
                (true, &alert[..3]),
                (true, &alert[3..]),
            ]),
            script([(false, &[23, 3, 3, 0, 90][..]), (false, &[9; 90])]),
            vec![0x55; 4_000],
            (0..=255).cycle().take(20_000).collect(),
        ] {
            tls(&script);
        }
    }
    #[test]
    fn a_cap_is_no_message() {
        let certificate = [&[11, 2, 0, 0][..], &[b'a'; 90]].concat();
        let long = [&[22, 3, 3, 0, 94][..], &certificate].concat();
        let hello: &[u8] = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03";
        let client = [hello, &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
        let script = script([(false, &client[..]), (true, &long)]);
        let mut said = Messages::new(true);
        let mut stream = Stream::new(&flow(443));
        let now = Moment { frame: FrameNumber(1), time: Timestamp(0) };
        for (from, bytes) in [(Direction::AtoB, &client), (Direction::BtoA, &long)] {
            assert_eq!(stream.decode(from, bytes, now, &mut said), Progress::Consumed(bytes.len()));
        }
        assert_eq!(said.take_hits(), [Limit::TlsMessage], "the script reaches the cap");
        tls(&script);
    }
}
