//! The pcap format: one file header, then records.
//!
//! Owns: byte order, time unit, variants of the record header, damage within records. Reads a window of the file, emits a
//! [`RawFrame`] per whole record. Rules: pcap-savefile(5), draft-ietf-opsawg-pcap. Cost: one pass over the record headers.
//! Stops at the frame's first byte.

use pcap_file::pcap::PcapHeader;

use super::book::{Book, link_of_word};
use super::resync;
use super::{RawFrame, Walked};
use crate::model::{NoteKind, Timestamp, limits};

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 24;

/// Bytes of the standard record header: seconds, fraction, captured length, length on the wire.
pub(super) const RECORD_HEADER: usize = 16;

/// Records up to this length are believed as they stand: Wireshark's limit for most link types, so that it reads the same frames.
pub(super) const TRUSTED_RECORD: u32 = 262_144;

/// How the record header gives its two lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// Captured, then wire.
    Normal,
    /// Wire, then captured: versions before 2.3, and 543.0 (as libpcap documents).
    Swapped,
    /// Version 2.3: either, so the smaller one is the captured one.
    Either,
}

/// What the file header settles for every record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) big: bool,
    pub(super) nanos: bool,
    /// Bytes of a record header: 16, or more in Kuznetsov's and Nokia's variants.
    pub(super) header: usize,
    pub(super) lengths: Lengths,
}

/// One record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) seconds: u32,
    pub(super) fraction: u32,
    pub(super) captured: u32,
    pub(super) wire: u32,
}

impl Layout {
    /// Decodes a record header at the front of `bytes`.
    ///
    /// By hand and not with pcap-file: its raw record also wants the data, knows neither the longer headers nor swapped lengths,
    /// and this is the loop that every packet passes.
    #[inline(always)]
    fn decode<const BIG: bool>(self, head: &[u8; RECORD_HEADER]) -> Record {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *head;
        let word = |four: [u8; 4]| if BIG { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) };
        let (first, second) = (word([i, j, k, l]), word([m, n, o, p]));
        let swap = match self.lengths {
            Lengths::Normal => false,
            Lengths::Swapped => true,
            Lengths::Either => first > second,
        };
        let (captured, wire) = if swap { (second, first) } else { (first, second) };
        Record { seconds: word([a, b, c, d]), fraction: word([e, f, g, h]), captured, wire }
    }

    /// The record header at the front of `bytes`, if it is whole.
    pub(super) fn record(self, bytes: &[u8]) -> Option<Record> {
        let head = bytes.first_chunk::<RECORD_HEADER>()?;
        (bytes.len() >= self.header)
            .then(|| if self.big { self.decode::<true>(head) } else { self.decode::<false>(head) })
    }

    /// Packet time. Fractions of a second or more occur in the wild and are added up in 32 bits, as Wireshark 4.0 does.
    #[inline(always)]
    fn time(self, record: Record) -> Timestamp {
        let fraction = if self.nanos { record.fraction } else { record.fraction.wrapping_mul(1000) };
        Timestamp(i64::from(record.seconds) * 1_000_000_000 + i64::from(fraction.cast_signed()))
    }
}

/// A pcap file under way.
pub(super) struct Pcap {
    layout: Layout,
    interface: u32,
    /// Seconds of the last record that was believed.
    last_seconds: Option<u32>,
    /// Damage was met, and no plausible record found since.
    lost: bool,
}

/// Why the walk over the records paused.
enum Pause {
    /// The window ends inside a record that takes this many bytes.
    Short(usize),
    /// A length above [`TRUSTED_RECORD`].
    Long(Record),
}

impl Pcap {
    /// Reads the file header at the front of `bytes`; `None` if this is no pcap, or too short to be one.
    ///
    /// `bytes` should hold a few records too: variants of the record header are told apart by which one makes sense.
    pub(super) fn open(bytes: &[u8], ended: bool, book: &mut Book) -> Option<Pcap> {
        let magic: [u8; 4] = *bytes.first_chunk()?;
        let (standard, modified) = match magic {
            // pcap-file does not know the modified magic; the header is the same otherwise.
            [0xa1, 0xb2, 0xcd, 0x34] => ([0xa1, 0xb2, 0xc3, 0xd4], true),
            [0x34, 0xcd, 0xb2, 0xa1] => ([0xd4, 0xc3, 0xb2, 0xa1], true),
            other => (other, false),
        };
        let mut head: [u8; FILE_HEADER] = *bytes.first_chunk()?;
        head[..4].copy_from_slice(&standard);
        let (_, header) = PcapHeader::from_slice(&head).ok()?;
        let big = header.endianness == pcap_file::Endianness::Big;
        let nanos = header.ts_resolution == pcap_file::TsResolution::NanoSecond;
        // pcap-file folds the word into its own list of types; the FCS bits need the word itself.
        let [.., a, b, c, d] = head;
        let link = link_of_word(if big {
            u32::from_be_bytes([a, b, c, d])
        } else {
            u32::from_le_bytes([a, b, c, d])
        });
        let lengths = match (header.version_major, header.version_minor) {
            (2, 0..=2) | (543, _) => Lengths::Swapped,
            (2, 3) => Lengths::Either,
            _ => Lengths::Normal,
        };
        let mut layout = Layout { big, nanos, header: RECORD_HEADER, lengths };
        let candidates: &[usize] = if modified { &[24, 28] } else { &[16, 24, 20] };
        layout.header = resync::record_header_length(
            layout,
            candidates,
            bytes.get(FILE_HEADER..).unwrap_or_default(),
            ended,
        );
        if let Some(file) = book.file() {
            file.format = format!(
                "{}pcap, {}-endian, {}",
                if layout.header == RECORD_HEADER { "" } else { "modified " },
                if big { "big" } else { "little" },
                if nanos { "nanoseconds" } else { "microseconds" }
            );
        }
        let units = if nanos { 1_000_000_000 } else { 1_000_000 };
        let interface = book.add_interface(link, header.snaplen, units, None);
        if interface.is_none() {
            book.note(NoteKind::LimitReached, 0, || {
                format!("more than {} interfaces", limits::MAX_INTERFACES)
            });
        }
        Some(Pcap { layout, interface: interface.unwrap_or(u32::MAX), last_seconds: None, lost: false })
    }

    /// Emits the whole records of `bytes` from `from` on; see [`Walked`].
    pub(super) fn walk(
        &mut self,
        bytes: &[u8],
        from: usize,
        ended: bool,
        frames: &mut Vec<RawFrame>,
        book: &mut Book,
    ) -> Walked {
        let emitted = frames.len();
        let mut at = from;
        let need = loop {
            if self.lost {
                match resync::next_record(self.layout, bytes, at, ended, self.last_seconds) {
                    resync::Found::At(place) => {
                        self.lost = false;
                        at = place;
                    }
                    resync::Found::Not { searched, need } => {
                        at = searched;
                        break need;
                    }
                }
            }
            let (place, pause) = if self.layout.big {
                self.records::<true>(bytes, at, frames)
            } else {
                self.records::<false>(bytes, at, frames)
            };
            at = place;
            self.remember(bytes, frames);
            match pause {
                Pause::Short(need) if !ended => break need,
                Pause::Short(_) => {
                    at = self.end(bytes, at, frames, book);
                    if !self.lost {
                        break 0;
                    }
                }
                Pause::Long(record) => match self.judge_long(bytes, at, record, ended) {
                    Some(true) => at = self.push(at, record, frames),
                    Some(false) => {
                        book.note(NoteKind::DamagedRecord, at, || {
                            format!("a record claims {} bytes", record.captured)
                        });
                        at = self.lose(bytes, at, frames);
                    }
                    None => break self.layout.header * 2 + record.captured as usize,
                },
            }
        };
        if let Some(facts) = book.interface(self.interface) {
            facts.packets += (frames.len() - emitted) as u64;
        }
        Walked { used: at, need }
    }

    /// The loop that every packet passes.
    #[inline]
    fn records<const BIG: bool>(
        &self,
        bytes: &[u8],
        mut at: usize,
        frames: &mut Vec<RawFrame>,
    ) -> (usize, Pause) {
        let layout = self.layout;
        loop {
            let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk::<RECORD_HEADER>) else {
                return (at, Pause::Short(layout.header));
            };
            let record = layout.decode::<BIG>(head);
            if record.captured > TRUSTED_RECORD {
                return (at, Pause::Long(record));
            }
            let start = at + layout.header;
            let end = start + record.captured as usize;
            if end > bytes.len() {
                return (at, Pause::Short(end - at));
            }
            frames.push(RawFrame {
                time: layout.time(record),
                offset: start as u32,
                captured: record.captured,
                wire_len: record.wire.max(record.captured),
                interface: self.interface,
            });
            at = end;
        }
    }

    /// Emits one record that was judged apart.
    fn push(&mut self, at: usize, record: Record, frames: &mut Vec<RawFrame>) -> usize {
        let start = at + self.layout.header;
        frames.push(RawFrame {
            time: self.layout.time(record),
            offset: start as u32,
            captured: record.captured,
            wire_len: record.wire.max(record.captured),
            interface: self.interface,
        });
        self.last_seconds = Some(record.seconds);
        start + record.captured as usize
    }

    /// Remembers the time of the last frame for judging what comes after damage.
    fn remember(&mut self, bytes: &[u8], frames: &[RawFrame]) {
        if let Some(record) = frames.last().and_then(|frame| self.header_of(bytes, frame)) {
            self.last_seconds = Some(record.seconds);
        }
    }

    fn header_of(&self, bytes: &[u8], frame: &RawFrame) -> Option<Record> {
        let start = (frame.offset as usize).checked_sub(self.layout.header)?;
        self.layout.record(bytes.get(start..)?)
    }

    /// Whether a record over [`TRUSTED_RECORD`] is one: it must end where another begins, or with the file. `None`: more is needed.
    fn judge_long(&self, bytes: &[u8], at: usize, record: Record, ended: bool) -> Option<bool> {
        if record.captured > limits::MAX_RECORD_BYTES {
            return Some(false);
        }
        let end = at + self.layout.header + record.captured as usize;
        let Some(rest) = bytes.get(end..) else { return if ended { Some(false) } else { None } };
        match self.layout.record(rest) {
            Some(next) => Some(resync::plausible(next, Some(record.seconds))),
            None => ended.then_some(true),
        }
    }

    /// Enters the search after damage at `at` and returns where it starts.
    ///
    /// A last frame that contradicts itself has swallowed what followed it: its length was the damage, so the search starts in it.
    fn lose(&mut self, bytes: &[u8], at: usize, frames: &[RawFrame]) -> usize {
        self.lost = true;
        let before = frames.len().checked_sub(2).and_then(|index| frames.get(index));
        let near = before.and_then(|frame| self.header_of(bytes, frame)).map(|record| record.seconds);
        if let Some(last) = frames.last()
            && let Some(record) = self.header_of(bytes, last)
            && !resync::plausible(record, near)
        {
            self.last_seconds = near;
            return last.offset as usize;
        }
        at + 1
    }

    /// The file ends inside the record at `at`: cut, or damaged with more to find behind. Returns where to go on.
    fn end(&mut self, bytes: &[u8], at: usize, frames: &[RawFrame], book: &mut Book) -> usize {
        let left = bytes.len() - at;
        if left == 0 {
            return at;
        }
        let record = bytes.get(at..).and_then(|rest| self.layout.record(rest));
        match record {
            Some(record) if !resync::plausible(record, self.last_seconds) => {
                book.note(NoteKind::DamagedRecord, at, || {
                    format!(
                        "a record claims {} bytes where {} are left",
                        record.captured,
                        left.saturating_sub(self.layout.header)
                    )
                });
                self.lose(bytes, at, frames)
            }
            Some(record) => {
                book.note(NoteKind::TruncatedFile, at, || {
                    let have = left.saturating_sub(self.layout.header);
                    format!("the file ends inside a packet, after {have} of its {} bytes: it was cut, or is still being written", record.captured)
                });
                bytes.len()
            }
            None => {
                book.note(NoteKind::TruncatedFile, at, || {
                    format!("the file ends inside a record header, after {left} bytes of it: it was cut, or is still being written")
                });
                bytes.len()
            }
        }
    }
}
