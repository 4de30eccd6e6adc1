//! Frames of packets (RFC 9000 section 19), as far as the handshake needs them: all that Initial and Handshake packets may hold, and those
//! of other packets that must be stepped over to find CRYPTO.

use super::packet::integer;

/// A frame that says something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Bytes of the handshake, and their place in the stream of their space.
    Crypto { offset: u64, data: &'a [u8] },
    /// The connection is over.
    Close(Close<'a>),
    /// Any other.
    Other,
}

/// CONNECTION_CLOSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close<'a> {
    /// The error code is the application's, not the transport's.
    pub(crate) application: bool,
    pub(crate) code: u64,
    pub(crate) reason: &'a [u8],
}

/// Reads the first frame, and what follows it. `None` where no frame can be read that we know.
fn frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (kind, rest) = integer(bytes)?;
    let integers = |mut rest, count: u64| {
        for _ in 0..count {
            (_, rest) = integer(rest)?;
        }
        Some(rest)
    };
    let sized = |rest| {
        let (len, rest) = integer(rest)?;
        rest.split_at_checked(usize::try_from(len).ok()?)
    };
    let rest = match kind {
        // PADDING, PING, HANDSHAKE_DONE.
        0 | 1 | 0x1e => rest,
        // ACK: largest, delay, count of ranges, first range; two numbers a range; with ECN three counts.
        2 | 3 => {
            let (_, rest) = integer(rest)?;
            let (_, rest) = integer(rest)?;
            let (ranges, rest) = integer(rest)?;
            let numbers = ranges.checked_mul(2)?.checked_add(if kind == 3 { 4 } else { 1 })?;
            // Each takes a byte at the least.
            if numbers > rest.len() as u64 {
                return None;
            }
            integers(rest, numbers)?
        }
        6 => {
            let (offset, rest) = integer(rest)?;
            let (data, rest) = sized(rest)?;
            return Some((Frame::Crypto { offset, data }, rest));
        }
        // NEW_TOKEN.
        7 => sized(rest)?.1,
        // STREAM, with or without offset and length.
        8..=15 => {
            let rest = integers(rest, if kind & 4 == 0 { 1 } else { 2 })?;
            if kind & 2 == 0 { &[] } else { sized(rest)?.1 }
        }
        // MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED, RETIRE_CONNECTION_ID.
        0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => integers(rest, 1)?,
        // STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED.
        5 | 0x11 | 0x15 => integers(rest, 2)?,
        // RESET_STREAM.
        4 => integers(rest, 3)?,
        // NEW_CONNECTION_ID: two numbers, a connection id, a token of 16 bytes.
        0x18 => {
            let rest = integers(rest, 2)?;
            let (&len, rest) = rest.split_first()?;
            rest.get(usize::from(len) + 16..)?
        }
        // PATH_CHALLENGE, PATH_RESPONSE.
        0x1a | 0x1b => rest.get(8..)?,
        0x1c | 0x1d => {
            let (code, rest) = integer(rest)?;
            let rest = if kind == 0x1c { integer(rest)?.1 } else { rest };
            let (reason, rest) = sized(rest)?;
            return Some((Frame::Close(Close { application: kind == 0x1d, code, reason }), rest));
        }
        // DATAGRAM (RFC 9221).
        0x30 => &[],
        0x31 => sized(rest)?.1,
        _ => return None,
    };
    Some((Frame::Other, rest))
}

/// Reads the first frame of one of Google's versions, as far as Initial packets hold them.
fn google_frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    match kind {
        // PING.
        7 => Some((Frame::Other, rest)),
        // CRYPTO.
        8 => {
            let (offset, rest) = integer(rest)?;
            let (len, rest) = integer(rest)?;
            let (data, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            Some((Frame::Crypto { offset, data }, rest))
        }
        // ACK of one block: two bits each say how long the largest number and the block are; then a delay, and a count of timestamps.
        0x40..=0x4f => {
            let len = |bits: u8| [1, 2, 4, 6].get(usize::from(bits & 3)).copied().unwrap_or(6);
            let rest = rest.get(len(kind >> 2) + 2 + len(kind)..)?;
            let (&timestamps, rest) = rest.split_first()?;
            (timestamps == 0).then_some((Frame::Other, rest))
        }
        _ => None,
    }
}

/// The frames of an opened packet, up to the first that cannot be read; `google` for one of Google's versions.
pub(crate) fn frames(mut bytes: &[u8], google: bool) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        // Nearly all of a first packet is padding.
        let padding = bytes.iter().take_while(|&&byte| byte == 0).count();
        bytes = bytes.get(padding..)?;
        let (found, rest) = if google { google_frame(bytes) } else { frame(bytes) }?;
        bytes = rest;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind, as bytes.
    fn samples() -> Vec<Vec<u8>> {
        vec![
            vec![1],
            vec![2, 0x40, 9, 0, 2, 1, 1, 1, 1, 1],
            vec![3, 9, 0, 0, 1, 1, 2, 3],
            vec![4, 1, 2, 3],
            vec![5, 1, 2],
            vec![7, 2, 9, 9],
            vec![0x0e, 4, 7, 2, 9, 9],
            vec![0x0a, 4, 2, 9, 9],
            vec![0x10, 1],
            vec![0x11, 1, 2],
            vec![0x18, 1, 0, 1, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            vec![0x1a, 1, 2, 3, 4, 5, 6, 7, 8],
            vec![0x1e],
            vec![0x31, 1, 9],
            vec![0, 0, 0, 1],
        ]
    }

    #[test]
    fn other_frames_are_stepped_over() {
        for sample in samples() {
            let bytes = [&sample[..], &[6, 3, 2, 0xaa, 0xbb]].concat();
            let found: Vec<_> = frames(&bytes, false).collect();
            assert_eq!(found, [Frame::Other, Frame::Crypto { offset: 3, data: &[0xaa, 0xbb] }], "{sample:?}");
            let plain = sample.iter().take_while(|&&byte| byte == 0).count();
            for cut in plain..sample.len() {
                assert_eq!(frames(&sample[..cut], false).count(), 0, "{sample:?} {cut}");
            }
        }
    }

    #[test]
    fn frames_without_length_reach_to_the_end() {
        for sample in [&[0x08, 4, 6, 0, 1, 1][..], &[0x0c, 4, 4, 6, 0, 1, 1], &[0x30, 6, 0, 1, 1]] {
            assert_eq!(frames(sample, false).collect::<Vec<_>>(), [Frame::Other]);
        }
    }

    #[test]
    fn a_close_says_why() {
        for (kind, application, more) in [(0x1c, false, &[6][..]), (0x1d, true, &[])] {
            let bytes = [&[kind, 0x41, 0x28][..], more, &[3, b'b', b'a', b'd']].concat();
            let close = Close { application, code: 0x128, reason: b"bad" };
            assert_eq!(frames(&bytes, false).collect::<Vec<_>>(), [Frame::Close(close)]);
        }
    }

    #[test]
    fn google_has_frames_of_its_own() {
        let bytes = [0x45, 0, 9, 0, 0, 0, 9, 0, 7, 8, 0, 2, 0xaa, 0xbb, 0, 0];
        let crypto = Frame::Crypto { offset: 0, data: &[0xaa, 0xbb] };
        assert_eq!(frames(&bytes, true).collect::<Vec<_>>(), [Frame::Other, Frame::Other, crypto]);
        for cut in 1..14 {
            assert!(!frames(&bytes[..cut], true).any(|frame| frame == crypto));
        }
    }

    #[test]
    fn ranges_out_of_nothing_are_no_work() {
        let bytes = [2, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(frames(&bytes, false).count(), 0);
    }
}
