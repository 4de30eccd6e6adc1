//! The header with which a proxy says for whom it connects, before whatever the connection is about (HAProxy's PROXY protocol, versions 1 and 2).

use super::message::Messages;
use super::stream::{Closing, Moment, Progress, StreamDecoder};
use crate::model::Direction;

/// The first bytes of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;

/// Whether bytes begin such a header.
#[must_use]
pub fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PROXY ") || bytes.starts_with(SIGNATURE)
}

/// Passes over the header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preamble;

/// Bytes of the header at the front; an error says how to go on.
fn length(bytes: &[u8]) -> Result<usize, Progress> {
    if bytes.starts_with(SIGNATURE) {
        let &[high, low] = bytes.get(14..).and_then(<[u8]>::first_chunk).ok_or(Progress::Need(16))?;
        return Ok(16 + usize::from(u16::from_be_bytes([high, low])));
    }
    let line = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    match line.windows(2).position(|end| end == b"\r\n") {
        Some(at) => Ok(at + 2),
        None if bytes.len() < LONGEST_LINE => Err(Progress::More),
        None => Err(Progress::Ignore),
    }
}

impl StreamDecoder for Preamble {
    fn decode(&mut self, _: Direction, bytes: &[u8], _: Moment, _: &mut Messages) -> Progress {
        if !begins(bytes) {
            let is_part = b"PROXY ".starts_with(bytes) || SIGNATURE.starts_with(bytes);
            return if is_part { Progress::More } else { Progress::Another(0) };
        }
        match length(bytes) {
            Ok(len) if len > bytes.len() => Progress::Need(len),
            Ok(len) => Progress::Another(len),
            Err(progress) => progress,
        }
    }

    fn decode_cut(&mut self, _: Direction, _: &[u8], _: u32, _: Moment, _: &mut Messages) {}

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    fn begins_message(&self, _: Direction, _: &[u8]) -> bool {
        false
    }

    fn lost(&mut self, _: Direction, _: Moment, _: &mut Messages) {}

    fn closed(&mut self, _: Direction, _: Closing, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, Drive};
    use super::*;

    #[test]
    fn what_follows_the_header_is_another_protocol() {
        let version2 = [&SIGNATURE[..], &[0x21, 0x11, 0, 12], &[7; 12], b"GET / HTTP/1.1"].concat();
        for (bytes, expected) in [
            (&b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n\x16\x03\x01"[..], Some(42)),
            (b"PROXY UNKNOWN\r\nGET", Some(15)),
            (&version2, Some(28)),
            (&[b"PROXY "[..].into(), vec![b'x'; 200]].concat(), None),
        ] {
            for step in 1..=bytes.len() {
                let mut drive = Drive::new(Preamble);
                bytes.chunks(step).for_each(|piece| drive.feed(C, piece));
                assert_eq!(drive.another, expected.map(|at| (C, at)), "{bytes:?} by {step}");
            }
        }
    }
}
