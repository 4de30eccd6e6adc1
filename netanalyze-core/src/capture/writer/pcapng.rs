//! Blocks of pcapng.

use byteorder_slice::LittleEndian;
use pcap_file::pcapng::RawBlock;

use crate::capture::origin::{Container, Origin, Origins, in_order, pad, push_option};
use crate::capture::pcapng::kind;
use crate::capture::{Batch, CaptureFacts, RawFrame};

/// Bytes of an Enhanced Packet Block, and of the older Packet Block, before the frame's.
const PACKET_HEADER: usize = 28;

/// Option codes that mean the same in every block.
const END: u16 = 0;
const COMMENT: u16 = 1;

/// What was written so far.
#[derive(Default)]
pub(super) struct Begun {
    section: bool,
    /// Interfaces of the input that were looked at, and of the output that were described.
    looked_at: usize,
    described: u32,
}

impl Begun {
    /// What stands before the packets of a batch.
    pub(super) fn batch(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        self.describe(&batch.origins, out);
        for names in &batch.names {
            push_block(out, kind::NAMES, names);
        }
        for secrets in &batch.secrets {
            let mut body = Vec::with_capacity(secrets.bytes.len() + 11);
            body.extend_from_slice(&secrets.kind.to_le_bytes());
            body.extend_from_slice(&(secrets.bytes.len() as u32).to_le_bytes());
            body.extend_from_slice(&secrets.bytes);
            pad(&mut body, secrets.bytes.len());
            push_block(out, kind::SECRETS, &body);
        }
    }

    fn describe(&mut self, origins: &Origins, out: &mut Vec<u8>) {
        if !self.section {
            self.section = true;
            // Byte-order magic, version 1.0, a section of unknown length.
            let mut body = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
            body.extend_from_slice(&u64::MAX.to_le_bytes());
            push_options(&mut body, origins.section.as_deref().unwrap_or_default());
            push_block(out, kind::SECTION, &body);
        }
        for origin in origins.interfaces.iter().skip(self.looked_at) {
            self.looked_at += 1;
            if origin.place == self.described {
                self.described += 1;
                interface(out, origin);
            }
        }
    }

    /// What stands at the end: the counters.
    pub(super) fn end(&mut self, facts: &CaptureFacts, out: &mut Vec<u8>) {
        for interface in &facts.interfaces {
            if let Some((time, options)) = &interface.statistics {
                let mut body = interface.place.to_le_bytes().to_vec();
                for word in time {
                    body.extend_from_slice(&word.to_le_bytes());
                }
                push_options(&mut body, options);
                push_block(out, kind::STATISTICS, &body);
            }
        }
    }
}

fn interface(out: &mut Vec<u8>, origin: &Origin) {
    // 16 bits are the format's; pcap's types of more bits do not exist.
    let mut body = (origin.link.kind.0 as u16).to_le_bytes().to_vec();
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&origin.snaplen.to_le_bytes());
    let mut options = origin.options.to_vec();
    if let Container::Pcap { nanos } = origin.container {
        // if_tsresol and if_fcslen
        push_option(&mut options, 9, &[if nanos { 9 } else { 6 }]);
        if origin.link.fcs_len > 0 {
            push_option(&mut options, 13, &[origin.link.fcs_len]);
        }
    }
    push_options(&mut body, &options);
    push_block(out, kind::INTERFACE, &body);
}

/// Adds a frame's block; false, and nothing, if nobody knows its interface.
pub(super) fn push_packet<C: AsRef<str>>(
    out: &mut Vec<u8>,
    batch: &Batch,
    frame: &RawFrame,
    comments: &[C],
) -> bool {
    let Some(origin) = batch.origins.interfaces.get(frame.interface as usize) else {
        return push_record(out, batch, frame);
    };
    let bytes = batch.frame_bytes(frame);
    let (units, kept) = match origin.container {
        Container::Pcap { nanos } => {
            let unit = if nanos { 1 } else { 1000 };
            (u64::try_from(frame.time.0).unwrap_or_default() / unit, Vec::new())
        }
        // A Simple Packet Block has neither time nor options.
        Container::Pcapng { big } => Found::of(batch, frame, big).map_or((0, Vec::new()), |found| {
            let mut kept = in_order(found.kind, found.options, big);
            if found.drops > 0 {
                push_option(&mut kept, 4, &u64::from(found.drops).to_le_bytes());
            }
            (found.units, kept)
        }),
    };
    let has_options = !kept.is_empty() || !comments.is_empty();
    let data = bytes.len().next_multiple_of(4);
    let start = out.len();
    for word in [
        kind::ENHANCED,
        0,
        origin.place,
        (units >> 32) as u32,
        units as u32,
        bytes.len() as u32,
        frame.wire_len,
    ] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(bytes);
    out.resize(start + PACKET_HEADER + data, 0);
    out.extend_from_slice(&kept);
    for comment in comments {
        push_option(out, COMMENT, comment.as_ref().as_bytes());
    }
    if has_options {
        push_option(out, END, &[]);
    }
    // Lengths are 32 bits; frames are far below that.
    let length = ((out.len() - start + 4) as u32).to_le_bytes();
    out.extend_from_slice(&length);
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&length);
    }
    true
}

/// What a packet's block says beside the frame.
pub(super) struct Found<'b> {
    kind: u32,
    units: u64,
    /// Packets that were dropped before this one, as old Packet Blocks say it.
    drops: u16,
    pub(super) options: &'b [u8],
}

impl<'b> Found<'b> {
    /// Looks for an Enhanced or old Packet Block around a frame.
    pub(super) fn of(batch: &'b Batch, frame: &RawFrame, big: bool) -> Option<Found<'b>> {
        let start = (frame.offset as usize).checked_sub(PACKET_HEADER)?;
        let block = batch.bytes.get(start..)?;
        let word = |at: usize| {
            let four = *block.get(at..)?.first_chunk::<4>()?;
            Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
        };
        let (kind, length) = (word(0)?, word(4)?);
        let total = (length as usize).checked_next_multiple_of(4)?;
        let end = total.checked_sub(4)?;
        let data = PACKET_HEADER + (frame.captured as usize).next_multiple_of(4);
        let is_one = matches!(kind, kind::ENHANCED | kind::PACKET)
            && word(20)? == frame.captured
            && word(end)? == length;
        let drops = match (kind, word(8)?) {
            // Half a word each: interface and drops; 0xffff says that nobody knows.
            (kind::PACKET, words) => (if big { words } else { words >> 16 }) as u16,
            _ => 0,
        };
        is_one.then_some(Found {
            kind,
            units: u64::from(word(12)?) << 32 | u64::from(word(16)?),
            drops: if drops == u16::MAX { 0 } else { drops },
            // Some writers leave out the last padding.
            options: block.get(data.min(end)..end)?,
        })
    }
}

/// Adds a block that is no packet but has a frame number: a journal entry or a custom block.
fn push_record(out: &mut Vec<u8>, batch: &Batch, frame: &RawFrame) -> bool {
    let before = |bytes: usize| -> Option<[u8; 4]> {
        let start = (frame.offset as usize).checked_sub(bytes)?;
        batch.bytes.get(start..)?.first_chunk().copied()
    };
    let either = |bytes: usize, wanted: u32| {
        let found = before(bytes)?;
        let big = found == wanted.to_be_bytes();
        (big || found == wanted.to_le_bytes()).then_some(big)
    };
    let bytes = batch.frame_bytes(frame);
    if either(8, kind::JOURNAL).is_some() {
        let mut body = bytes.to_vec();
        pad(&mut body, bytes.len());
        push_block(out, kind::JOURNAL, &body);
        return true;
    }
    for kind in [kind::CUSTOM, kind::CUSTOM_NO_COPY] {
        if let Some(big) = either(12, kind)
            && let Some(mut body) = before(4)
        {
            if big {
                body.reverse();
            }
            push_block(out, kind, &[&body, bytes].concat());
            return true;
        }
    }
    false
}

/// Adds options and their end, or nothing if there are none.
fn push_options(out: &mut Vec<u8>, options: &[u8]) {
    if !options.is_empty() {
        out.extend_from_slice(options);
        push_option(out, END, &[]);
    }
}

/// Adds a block around a body.
fn push_block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let length = (padded + 12) as u32;
    let mut whole = Vec::new();
    let body = if padded == body.len() {
        body
    } else {
        whole.extend_from_slice(body);
        whole.resize(padded, 0);
        &whole
    };
    let block = RawBlock { type_: kind, initial_len: length, body: body.into(), trailer_len: length };
    // Writing to memory does not fail.
    let _ = block.write_to::<LittleEndian, _>(out);
}
