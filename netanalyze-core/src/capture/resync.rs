//! Finding the next good record or block after damage.
//!
//! Reads a window of the file, never writes. A place is believed if several headers in a row from there on make sense. Work is
//! bounded by a small constant per byte.

use super::pcap::{Layout, RECORD_HEADER, Record, TRUSTED_RECORD};
use super::pcapng::kind;
use crate::model::limits;

/// Records in a row that must make sense before a place is believed.
const CHAIN: usize = 4;

/// The same where the time is far from that before the damage.
const FAR_CHAIN: usize = 16;

/// Bytes that a chain may span; a place is judged only when the window reaches that far, or to the end of the file.
const REACH: usize = 512 << 10;

/// Bytes wanted to search on: as many again may be searched as a chain may span.
const WINDOW: usize = 2 * REACH;

/// Seconds that records around damage may lie apart: a day.
const NEAR: u32 = 86_400;

/// What a search found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A plausible record or block begins here.
    At(usize),
    /// None before `searched`; it takes `need` bytes from there to go on.
    Not {
        /// Where the search goes on.
        searched: usize,
        /// Bytes wanted from there.
        need: usize,
    },
}

/// Whether a record header makes sense after one of time `near`.
pub(super) fn plausible(record: Record, near: Option<u32>) -> bool {
    record.captured <= limits::MAX_RECORD_BYTES
        && record.wire <= limits::MAX_RECORD_BYTES
        // Some writers store more than they saw, by a few bytes; damage is off by far more.
        && record.captured <= record.wire.saturating_add(64)
        && record.fraction < 1_000_000_000
        && near.is_none_or(|near| record.seconds.abs_diff(near) <= NEAR)
}

/// Where the next plausible chain of records begins, from `from` on.
pub(super) fn next_record(
    layout: Layout,
    bytes: &[u8],
    from: usize,
    ended: bool,
    near: Option<u32>,
) -> Found {
    let last = if ended { bytes.len() } else { bytes.len().saturating_sub(REACH) };
    for at in from..last {
        if chain(layout, bytes, at, ended, near) {
            return Found::At(at);
        }
    }
    let searched = last.max(from).min(bytes.len());
    Found::Not { searched, need: if ended { 0 } else { WINDOW } }
}

fn chain(layout: Layout, bytes: &[u8], at: usize, ended: bool, near: Option<u32>) -> bool {
    let (mut at, mut near) = (at, near);
    let (mut length, mut wanted) = (0, CHAIN);
    while length < wanted {
        let Some(record) = bytes.get(at..).and_then(|rest| layout.record(rest)) else {
            // A chain that ends exactly with the file is as good as a longer one.
            return ended && at == bytes.len() && length > 0 && wanted == CHAIN;
        };
        if length == 0 && near.is_some_and(|near| record.seconds.abs_diff(near) > NEAR) {
            // The clock may have jumped with the damage, but then more has to agree.
            (near, wanted) = (None, FAR_CHAIN);
        }
        // A zero length means nothing here: zero-filled holes are full of them.
        if record.captured == 0 || record.captured > TRUSTED_RECORD || !plausible(record, near) {
            return false;
        }
        at += layout.header + record.captured as usize;
        near = Some(record.seconds);
        length += 1;
    }
    at <= bytes.len()
}

/// Which record header length makes the first records make sense; the first candidate unless another one clearly does better.
pub(super) fn record_header_length(
    layout: Layout,
    candidates: &[usize],
    records: &[u8],
    ended: bool,
) -> usize {
    // Records in a row that make sense, and whether what was seen ends where a record does (or leaves the window).
    let score = |header: usize| {
        let layout = Layout { header, ..layout };
        let (mut at, mut good, mut near) = (0, 0, None);
        while good < CHAIN {
            let Some(record) = records.get(at..).and_then(|rest| layout.record(rest)) else {
                return (good, if ended { at == records.len() } else { at >= records.len() });
            };
            if record.captured > TRUSTED_RECORD || !plausible(record, near) {
                return (good, false);
            }
            at += header + record.captured as usize;
            near = Some(record.seconds);
            good += 1;
        }
        (good, true)
    };
    let first = candidates.first().copied().unwrap_or(RECORD_HEADER);
    let (standard, whole) = score(first);
    if whole {
        return first;
    }
    // A cut or damaged standard file must not pass for a variant: one record can end with the file by chance, two do not.
    let better = candidates.iter().copied().skip(1).find(|header| {
        let (good, whole) = score(*header);
        whole && good >= 2 && good > standard
    });
    better.unwrap_or(first)
}

/// A block up to this length that the end of the file cuts is taken for a truncated one, not for damage.
pub(super) const PLAUSIBLE_BLOCK: usize = TRUSTED_RECORD as usize + 4096;

/// Where the next plausible pcapng block begins, from `from` on: a known type, and the same sane length before and after it.
pub(super) fn next_block(big: bool, bytes: &[u8], from: usize, ended: bool) -> Found {
    let last = if ended { bytes.len() } else { bytes.len().saturating_sub(REACH) };
    let candidates = bytes.get(from..last.saturating_add(3).min(bytes.len())).unwrap_or_default().windows(4);
    for (at, kind) in (from..).zip(candidates) {
        // Nearly every place ends here.
        if !kind.first_chunk().is_some_and(|kind| is_known(word(big, *kind))) {
            continue;
        }
        let Some((total, big)) = block_length(big, bytes, at) else { continue };
        let next = at + total;
        // One agreeing pair of lengths can be chance; the block behind it must agree too, unless the file ends there.
        if (ended && bytes.len() - next < 12) || block_length(big, bytes, next).is_some() {
            return Found::At(at);
        }
    }
    let searched = last.max(from).min(bytes.len());
    Found::Not { searched, need: if ended { 0 } else { WINDOW } }
}

/// Length and byte order of the block at `at`, if it is whole, of a known type, and its two lengths agree.
fn block_length(big: bool, bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes.get(at..)?.first_chunk::<12>()?;
    let big = match ([a, b, c, d], [i, j, k, l]) {
        ([0x0a, 0x0d, 0x0d, 0x0a], [0x1a, 0x2b, 0x3c, 0x4d]) => true,
        ([0x0a, 0x0d, 0x0d, 0x0a], [0x4d, 0x3c, 0x2b, 0x1a]) => false,
        ([0x0a, 0x0d, 0x0d, 0x0a], _) => return None,
        (kind, _) => {
            if !is_known(word(big, kind)) {
                return None;
            }
            big
        }
    };
    let length = word(big, [e, f, g, h]);
    if !(12..=REACH as u32).contains(&length) || !length.is_multiple_of(4) {
        return None;
    }
    let total = length as usize;
    let trailer = *bytes.get(at..at + total)?.last_chunk::<4>()?;
    (word(big, trailer) == length).then_some((total, big))
}

fn word(big: bool, bytes: [u8; 4]) -> u32 {
    if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        kind::SECTION | kind::INTERFACE
            ..=kind::ENHANCED | kind::JOURNAL | kind::SECRETS | kind::CUSTOM | kind::CUSTOM_NO_COPY
    ) || kind::SYSDIG.contains(&kind)
}
