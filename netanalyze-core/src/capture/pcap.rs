//! The pcap format: one file header, then records.
//!
//! Owns: byte order, time unit, variants of the record header, damage within records. Reads a window of the file, emits a
//! [`RawFrame`] per whole record. Rules: pcap-savefile(5), draft-ietf-opsawg-pcap. Cost: one pass over the record headers.
//! Stops at the frame's first byte.

use byteorder_slice::{BigEndian, ByteOrder, LittleEndian};
use pcap_file::pcap::{PcapHeader, RawPcapPacket};

use super::book::Described;
use super::book::{Book, link_of_word};
use super::origin::Container;
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
    /// The record header at the front of `bytes`, if it is whole, in any variant.
    pub(super) fn record(self, bytes: &[u8]) -> Option<Record> {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes.get(..self.header)?.first_chunk()?;
        let word = |four: [u8; 4]| if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) };
        let (first, second) = (word([i, j, k, l]), word([m, n, o, p]));
        let swap = match self.lengths {
            Lengths::Normal => false,
            Lengths::Swapped => true,
            Lengths::Either => first > second,
        };
        let (captured, wire) = if swap { (second, first) } else { (first, second) };
        Some(Record { seconds: word([a, b, c, d]), fraction: word([e, f, g, h]), captured, wire })
    }

    /// Whether pcap-file can read the records: it knows one header only.
    fn is_standard(self) -> bool {
        self.header == RECORD_HEADER && self.lengths == Lengths::Normal
    }

    /// Packet time. Fractions of a second or more occur in the wild and are added up in 32 bits, as Wireshark 4.0 does.
    #[inline(always)]
    fn time(self, seconds: u32, fraction: u32) -> Timestamp {
        let fraction = if self.nanos { fraction } else { fraction.wrapping_mul(1000) };
        Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction.cast_signed()))
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
        let interface = book.add_interface(Described {
            container: Container::Pcap { nanos },
            link,
            snaplen: header.snaplen,
            units_per_second: units,
            name: None,
            options: Vec::new(),
            own: 0,
        });
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
            let (place, pause) = match (self.layout.is_standard(), self.layout.big) {
                (true, true) => self.records::<BigEndian>(bytes, at, frames),
                (true, false) => self.records::<LittleEndian>(bytes, at, frames),
                (false, _) => self.records_by_hand(bytes, at, frames),
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
                        book.damaged(at, || format!("a record claims {} bytes", record.captured));
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

    /// The loop that nearly every packet passes. pcap-file's raw records cost what reading the words by hand does: about 4 ns.
    #[inline]
    fn records<B: ByteOrder>(
        &self,
        bytes: &[u8],
        mut at: usize,
        frames: &mut Vec<RawFrame>,
    ) -> (usize, Pause) {
        let mut rest = bytes.get(at..).unwrap_or_default();
        while let Ok((behind, raw)) = RawPcapPacket::from_slice::<B>(rest) {
            if raw.incl_len > TRUSTED_RECORD {
                break;
            }
            frames.push(RawFrame {
                time: self.layout.time(raw.ts_sec, raw.ts_frac),
                offset: (at + RECORD_HEADER) as u32,
                captured: raw.incl_len,
                wire_len: raw.orig_len.max(raw.incl_len),
                interface: self.interface,
            });
            at += RECORD_HEADER + raw.incl_len as usize;
            rest = behind;
        }
        (at, self.pause(rest))
    }

    /// The same for record headers that pcap-file does not know.
    fn records_by_hand(&mut self, bytes: &[u8], mut at: usize, frames: &mut Vec<RawFrame>) -> (usize, Pause) {
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.layout.record(rest) {
                Some(record)
                    if record.captured <= TRUSTED_RECORD
                        && self.layout.header + record.captured as usize <= rest.len() =>
                {
                    at = self.push(at, record, frames);
                }
                _ => return (at, self.pause(rest)),
            }
        }
    }

    /// Why there is no record to be had at the front of `rest`.
    fn pause(&self, rest: &[u8]) -> Pause {
        match self.layout.record(rest) {
            None => Pause::Short(self.layout.header),
            Some(record) if record.captured > TRUSTED_RECORD => Pause::Long(record),
            Some(record) => Pause::Short(self.layout.header + record.captured as usize),
        }
    }

    /// Emits one record that was decoded by hand.
    fn push(&mut self, at: usize, record: Record, frames: &mut Vec<RawFrame>) -> usize {
        let start = at + self.layout.header;
        frames.push(RawFrame {
            time: self.layout.time(record.seconds, record.fraction),
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

    /// The data of the last frame, and the time before it, if that frame's header contradicts itself or the one before it. Then its
    /// length was the damage, and it has swallowed what followed it. `strict` also suspects what some writers do in earnest: more
    /// bytes captured than there were.
    fn swallower(&self, bytes: &[u8], frames: &[RawFrame], strict: bool) -> Option<(usize, Option<u32>)> {
        let before = frames.len().checked_sub(2).and_then(|index| frames.get(index));
        let near = before.and_then(|frame| self.header_of(bytes, frame)).map(|record| record.seconds);
        let last = frames.last()?;
        let record = self.header_of(bytes, last)?;
        let odd = strict && record.captured > record.wire;
        (odd || !resync::plausible(record, near)).then_some((last.offset as usize, near))
    }

    /// Enters the search after damage at `at` and returns where it starts.
    fn lose(&mut self, bytes: &[u8], at: usize, frames: &[RawFrame]) -> usize {
        self.lost = true;
        match self.swallower(bytes, frames, true) {
            Some((start, near)) => {
                self.last_seconds = near;
                start
            }
            None => at + 1,
        }
    }

    /// The file ends inside the record at `at`: cut, or damaged with more to find behind. Returns where to go on.
    fn end(&mut self, bytes: &[u8], at: usize, frames: &[RawFrame], book: &mut Book) -> usize {
        let left = bytes.len() - at;
        if left == 0 {
            return at;
        }
        let record = bytes.get(at..).and_then(|rest| self.layout.record(rest));
        let sane = record.is_none_or(|record| resync::plausible(record, self.last_seconds));
        if !sane || self.swallower(bytes, frames, false).is_some() {
            book.damaged(at, || {
                format!("there is no record header where one belongs, {left} bytes before the end")
            });
            return self.lose(bytes, at, frames);
        }
        book.note(NoteKind::TruncatedFile, at, || match record {
            Some(record) => format!(
                "the file ends inside a packet, after {} of its {} bytes: it was cut, or is still being written",
                left - self.layout.header,
                record.captured
            ),
            None => format!("the file ends inside a record header, after {left} bytes of it: it was cut, or is still being written"),
        });
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{LITTLE, ORDERS, T0, read, read_good, refusal, small_pcap};
    use crate::model::{NoteKind, limits};

    const SECOND: i64 = 1_000_000_000;
    const START: i64 = T0 as i64 * SECOND;

    #[test]
    fn reads_both_byte_orders_and_both_time_units() {
        for order in ORDERS {
            for (magic, unit, words) in [(0xa1b2_c3d4, 1000, "microseconds"), (0xa1b2_3c4d, 1, "nanoseconds")]
            {
                let mut file = order.pcap(magic, 65_535, 101);
                file.extend(order.record(T0, 7, 1500, b"first"));
                file.extend(order.record(T0 + 1, 8, 6, b"second"));
                let outcome = read_good(&file);
                let times: Vec<i64> = outcome.rows.iter().map(|row| row.time - START).collect();
                assert_eq!(times, [7 * unit, SECOND + 8 * unit]);
                assert_eq!(outcome.rows[0].bytes, b"first");
                assert_eq!((outcome.rows[0].wire, outcome.rows[1].wire), (1500, 6));
                assert_eq!(outcome.links, [(101, 0)]);
                let file = &outcome.facts.files[0];
                let end = if order.big { "big" } else { "little" };
                assert_eq!(file.format, format!("pcap, {end}-endian, {words}"));
                assert_eq!((outcome.facts.interfaces[0].packets, outcome.notes.len()), (2, 0));
            }
        }
    }

    #[test]
    fn fractions_of_a_second_and_more_add_up_as_in_wireshark() {
        // tshark 4.0.17 shows these as seconds and a fraction of ten digits, or a negative one.
        for (magic, fraction, want) in [
            (0xa1b2_c3d4, 999_999, 999_999_000),
            (0xa1b2_c3d4, 1_000_000, SECOND),
            (0xa1b2_c3d4, 4_000_000, -294_967_296),
            (0xa1b2_c3d4, u32::MAX, -1000),
            (0xa1b2_3c4d, 2_000_000_000, 2 * SECOND),
            (0xa1b2_3c4d, u32::MAX, -1),
        ] {
            let mut file = LITTLE.pcap(magic, 0, 1);
            file.extend(LITTLE.record(T0, fraction, 4, b"data"));
            file.extend(LITTLE.record(u32::MAX, 0, 4, b"data"));
            let outcome = read_good(&file);
            assert_eq!(outcome.rows[0].time - START, want, "{fraction}");
            assert_eq!(outcome.rows[1].time, i64::from(u32::MAX) * SECOND);
        }
    }

    #[test]
    fn the_link_type_word_holds_the_frame_check_sequence() {
        for (word, want) in [
            (1, (1, 0)),
            (0x2400_0001, (1, 4)),
            (0x4400_0001, (1, 8)),
            // Without bit 26 the length means nothing.
            (0x2000_0001, (1, 0)),
            (0x0401_0069, (0x69, 0)),
        ] {
            let mut file = LITTLE.pcap(0xa1b2_c3d4, 0, word);
            file.extend(LITTLE.record(T0, 0, 4, b"data"));
            assert_eq!(read_good(&file).links, [want], "{word:#x}");
        }
    }

    #[test]
    fn a_wire_length_is_never_less_than_what_was_captured() {
        let mut file = LITTLE.pcap(0xa1b2_c3d4, 2, 1);
        file.extend(LITTLE.record(T0, 0, 3, b"data"));
        assert_eq!(read_good(&file).rows[0].wire, 4);
    }

    #[test]
    fn old_versions_swap_the_lengths() {
        for (major, minor, pair, captured) in [
            (2, 2, [60, 40], 40),
            (2, 3, [60, 40], 40),
            (2, 3, [40, 60], 40),
            (2, 4, [40, 60], 40),
            (543, 0, [60, 40], 40),
        ] {
            let mut file = LITTLE.pcap_version(0xa1b2_c3d4, major, minor, 0, 1);
            for second in 0..3 {
                file.extend(LITTLE.words(&[T0 + second, 0, pair[0], pair[1]]));
                file.extend([9; 40]);
            }
            let outcome = read_good(&file);
            let lengths: Vec<_> = outcome.rows.iter().map(|row| (row.bytes.len(), row.wire)).collect();
            assert_eq!(lengths, [(captured, 60); 3], "{major}.{minor} {pair:?}");
        }
    }

    #[test]
    fn longer_record_headers_are_told_apart() {
        for order in ORDERS {
            for (magic, extra) in [(0xa1b2_cd34, 8), (0xa1b2_cd34, 12), (0xa1b2_c3d4, 8), (0xa1b2_c3d4, 4)] {
                let mut file = order.pcap(magic, 65_535, 1);
                for index in 0..9_u8 {
                    file.extend(order.words(&[T0, u32::from(index), 60, 60]));
                    file.extend(vec![1; extra]);
                    file.extend([index; 60]);
                }
                let outcome = read_good(&file);
                assert_eq!(outcome.marks(), (0..9).collect::<Vec<_>>(), "{magic:#x} {extra}");
                assert!(outcome.notes.is_empty());
            }
        }
    }

    #[test]
    fn a_damaged_first_record_does_not_make_a_variant() {
        let mut file = small_pcap(20);
        file[24 + 8..24 + 12].copy_from_slice(&[0xff; 4]);
        let outcome = read_good(&file);
        assert_eq!(outcome.marks(), (1..20).collect::<Vec<_>>());
        assert_eq!(outcome.facts.files[0].format, "pcap, little-endian, microseconds");
    }

    #[test]
    fn every_truncation_keeps_the_whole_records() {
        for order in ORDERS {
            let mut file = order.pcap(0xa1b2_c3d4, 65_535, 1);
            for index in 0..4_u8 {
                file.extend(order.record(T0, u32::from(index), 60, &[index; 60]));
            }
            for length in 0..=file.len() {
                let whole = length.saturating_sub(24) / 76;
                match read(&file[..length]) {
                    Ok(outcome) => {
                        assert_eq!(outcome.rows.len(), whole, "{length}");
                        let cut = (length - 24) % 76 != 0;
                        assert_eq!(
                            outcome.kinds(),
                            if cut { vec![NoteKind::TruncatedFile] } else { vec![] },
                            "{length}"
                        );
                        if let Some(note) = outcome.note(NoteKind::TruncatedFile) {
                            assert_eq!(note.offset, Some((24 + whole * 76) as u64));
                        }
                    }
                    Err(error) => assert_eq!(whole, 0, "{length}: {error}"),
                }
            }
        }
    }

    #[test]
    fn damaged_lengths_lose_one_record_at_most() {
        // Absurd, larger than the file, swallowing the records behind it, too small, none.
        for length in [u32::MAX, 0x0400_0000, 1_000_000, 250_000, 500, 200, 61, 59, 10, 1] {
            for damaged in [3, 10, 17] {
                let mut file = small_pcap(20);
                let place = 24 + damaged * 76 + 8;
                file[place..place + 4].copy_from_slice(&length.to_le_bytes());
                let outcome = read_good(&file);
                let marks = outcome.marks();
                let lost: Vec<u8> = (0..20).filter(|mark| !marks.contains(mark)).collect();
                assert!(lost.is_empty() || lost == [damaged as u8], "{length} at {damaged}: {marks:?}");
                assert_eq!(outcome.kinds(), [NoteKind::DamagedRecord], "{length} at {damaged}");
            }
        }
    }

    #[test]
    fn foreign_bytes_between_records_are_passed_over() {
        for foreign in [1, 15, 16, 17, 1000, 3 * limits::BATCH_BYTES] {
            let mut file = small_pcap(6);
            file.extend(std::iter::repeat_n(0xe5, foreign));
            file.extend_from_slice(&small_pcap(9)[24..]);
            let outcome = read_good(&file);
            assert_eq!(outcome.rows.len(), 15, "{foreign}");
            let note = outcome.note(NoteKind::DamagedRecord).map(|note| (note.offset, note.count));
            assert_eq!(note, Some((Some(24 + 6 * 76), 1)), "{foreign}");
        }
    }

    #[test]
    fn a_hole_of_zeros_reads_as_empty_frames_as_in_wireshark() {
        let mut file = small_pcap(2);
        file.extend([0; 48]);
        file.extend_from_slice(&small_pcap(2)[24..]);
        let outcome = read_good(&file);
        assert_eq!(outcome.rows.len(), 7);
        assert_eq!(outcome.rows[2].time, 0);
        assert!(outcome.notes.is_empty());
    }

    #[test]
    fn large_records_are_read_up_to_the_cap() {
        for length in [
            262_144,
            300_000,
            limits::BATCH_BYTES + 1,
            5 * limits::BATCH_BYTES,
            limits::MAX_RECORD_BYTES as usize,
        ] {
            let mut file = small_pcap(1);
            file.extend(LITTLE.record(T0, 5, length as u32, &vec![7; length]));
            file.extend_from_slice(&small_pcap(3)[24..]);
            let outcome = read_good(&file);
            assert_eq!(outcome.marks(), [0, 7, 0, 1, 2], "{length}");
            assert_eq!(outcome.rows[1].bytes.len(), length);
            assert!(outcome.notes.is_empty(), "{length}");
        }
    }

    #[test]
    fn a_header_alone_holds_no_packets() {
        assert!(refusal(&small_pcap(0)).contains("holds no packets"));
    }
}
