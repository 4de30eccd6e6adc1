//! The pcapng format: sections of blocks, each section with its own byte order and interfaces.
//!
//! Owns: which block is a frame (as Wireshark 4.0 numbers them), lengths, byte order, damage between blocks. Reads a window of the
//! file, emits a [`RawFrame`] per packet block; the blocks that describe are read in `pcapng_block`. Rules:
//! draft-ietf-opsawg-pcapng. Cost: one pass over the block headers; options of packets are not read. Stops at the frame's first byte.

use super::book::Book;
use super::pcapng_option::Clock;
use super::resync::{self, Found};
use super::{RawFrame, Walked};
use crate::model::{NoteKind, Timestamp, limits};

/// Block types (draft-ietf-opsawg-pcapng, section 10.1, and the registrations that Wireshark 4.0 reads).
pub(super) mod kind {
    pub(in super::super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(in super::super) const INTERFACE: u32 = 1;
    /// Obsolete Packet Block.
    pub(in super::super) const PACKET: u32 = 2;
    pub(in super::super) const SIMPLE: u32 = 3;
    pub(in super::super) const NAMES: u32 = 4;
    pub(in super::super) const STATISTICS: u32 = 5;
    pub(in super::super) const ENHANCED: u32 = 6;
    pub(in super::super) const JOURNAL: u32 = 9;
    pub(in super::super) const SECRETS: u32 = 10;
    pub(in super::super) const CUSTOM: u32 = 0x0bad;
    pub(in super::super) const CUSTOM_NO_COPY: u32 = 0x4000_0bad;
    /// Sysdig events: plain, version 2, version 2 large.
    pub(in super::super) const SYSDIG: [u32; 3] = [0x204, 0x216, 0x221];
}

/// Bytes before an Enhanced Packet Block's data: block header and its five words.
const ENHANCED_HEADER: usize = 28;

/// Bytes of a block without its body.
pub(super) const BLOCK_FRAME: usize = 12;

/// An interface of the current section.
pub(super) struct Interface {
    pub(super) clock: Clock,
    pub(super) snaplen: u32,
    /// Its number in the set, `u32::MAX` if it found no place.
    pub(super) number: u32,
    /// Frames not yet added to the facts.
    pub(super) packets: u64,
}

/// A pcapng file under way.
pub(super) struct Pcapng {
    pub(super) big: bool,
    pub(super) interfaces: Vec<Interface>,
    /// Sections begun.
    pub(super) sections: u64,
    lost: bool,
}

/// Why the walk over packet blocks paused.
enum Pause {
    /// The window ends inside a block that takes this many bytes.
    Short(usize),
    /// A block that is no plain Enhanced Packet Block.
    Other,
}

/// What became of a block that was looked at apart.
pub(super) enum Outcome {
    /// Its bytes are used.
    Done(usize),
    /// The window ends inside it; it takes this many bytes.
    Short(usize),
    /// It is no block; the sentence says why.
    Damaged(String),
}

impl Pcapng {
    pub(super) fn new() -> Pcapng {
        Pcapng { big: false, interfaces: Vec::new(), sections: 0, lost: false }
    }

    /// Emits the whole blocks of `bytes` from `from` on; see [`Walked`].
    pub(super) fn walk(
        &mut self,
        bytes: &[u8],
        from: usize,
        ended: bool,
        frames: &mut Vec<RawFrame>,
        book: &mut Book,
    ) -> Walked {
        let mut at = from;
        let need = loop {
            if self.lost {
                match resync::next_block(self.big, bytes, at, ended) {
                    Found::At(place) => {
                        self.lost = false;
                        at = place;
                    }
                    Found::Not { searched, need } => {
                        at = searched;
                        break need;
                    }
                }
            }
            let (place, pause) = if self.big {
                self.packets::<true>(bytes, at, frames)
            } else {
                self.packets::<false>(bytes, at, frames)
            };
            at = place;
            let outcome = match pause {
                Pause::Short(need) => Outcome::Short(need),
                Pause::Other => self.block(bytes, at, frames, book),
            };
            match outcome {
                Outcome::Done(used) => at += used,
                Outcome::Short(need) if !ended => break need,
                Outcome::Short(need) => {
                    let left = bytes.len() - at;
                    if left == 0 {
                        break 0;
                    }
                    if left >= BLOCK_FRAME && need > resync::PLAUSIBLE_BLOCK {
                        book.note(NoteKind::DamagedRecord, at, || {
                            format!("a block claims {need} bytes where {left} are left")
                        });
                        self.lost = true;
                        at += 1;
                    } else {
                        book.note(NoteKind::TruncatedFile, at, || {
                            format!("the file ends inside a block, after {left} of its {need} bytes: it was cut, or is still being written")
                        });
                        at = bytes.len();
                        break 0;
                    }
                }
                Outcome::Damaged(reason) => {
                    book.note(NoteKind::DamagedRecord, at, || reason);
                    self.lost = true;
                    at += 1;
                }
            }
        };
        self.settle(book);
        Walked { used: at, need }
    }

    /// Adds the counted frames to the facts.
    pub(super) fn settle(&mut self, book: &mut Book) {
        for interface in &mut self.interfaces {
            if interface.packets > 0 {
                if let Some(facts) = book.interface(interface.number) {
                    facts.packets += interface.packets;
                }
                interface.packets = 0;
            }
        }
    }

    /// The loop that nearly every packet passes: Enhanced Packet Blocks in which all is as it should be. Their fixed words are read by
    /// hand: pcap-file's typed block walks the options and fails for a bad one.
    #[inline]
    fn packets<const BIG: bool>(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        frames: &mut Vec<RawFrame>,
    ) -> (usize, Pause) {
        let word = |four: [u8; 4]| if BIG { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) };
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(&head) = rest.first_chunk::<ENHANCED_HEADER>() else {
                return (at, if rest.len() < BLOCK_FRAME { Pause::Short(BLOCK_FRAME) } else { Pause::Other });
            };
            let at_word = |index: usize| -> u32 {
                let [.., a, b, c, d] = head[..index * 4 + 4] else { return 0 };
                word([a, b, c, d])
            };
            let length = at_word(1);
            let captured = at_word(5);
            // One comparison for all that is not plain: other kinds, odd lengths, data that does not fit its block.
            if at_word(0) != kind::ENHANCED
                || length & 3 != 0
                || length > limits::MAX_RECORD_BYTES
                || u64::from(captured) + 32 > u64::from(length)
            {
                return (at, Pause::Other);
            }
            let end = at + length as usize;
            let Some(&[.., a, b, c, d]) = bytes.get(at..end) else {
                return (at, Pause::Short(length as usize));
            };
            if word([a, b, c, d]) != length {
                return (at, Pause::Other);
            }
            let Some(interface) = self.interfaces.get_mut(at_word(2) as usize) else {
                return (at, Pause::Other);
            };
            let units = u64::from(at_word(3)) << 32 | u64::from(at_word(4));
            let Ok(time) = interface.clock.nanoseconds(units) else { return (at, Pause::Other) };
            interface.packets += 1;
            frames.push(RawFrame {
                time: Timestamp(time),
                offset: (at + ENHANCED_HEADER) as u32,
                captured,
                wire_len: at_word(6).max(captured),
                interface: interface.number,
            });
            at = end;
        }
    }
}
