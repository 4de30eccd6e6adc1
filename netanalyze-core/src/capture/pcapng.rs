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
    /// Comments on a section that is not the set's first, as options.
    pub(super) comments: Vec<u8>,
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
        Pcapng { big: false, interfaces: Vec::new(), sections: 0, comments: Vec::new(), lost: false }
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
                        book.damaged(at, || format!("a block claims {need} bytes where {left} are left"));
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
                    book.damaged(at, || reason);
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

#[cfg(test)]
mod tests {
    use super::super::sample::{LITTLE, ORDERS, T0, read, read_good, refusal, small_pcapng, stream};
    use super::super::{Batch, CaptureReader, EmbeddedSecrets};
    use crate::model::{NoteKind, limits};

    const START: i64 = T0 as i64 * 1_000_000_000;
    const UNITS: u64 = T0 as u64 * 1_000_000;

    #[test]
    fn reads_both_byte_orders() {
        for order in ORDERS {
            let outcome = read_good(&small_pcapng(order, 5));
            assert_eq!(outcome.marks(), [0, 1, 2, 3, 4]);
            assert_eq!(outcome.rows[4].time - START, 4_000_000);
            assert!(
                outcome.rows.iter().all(|row| row.interface == 0 && row.wire == 60 && row.bytes.len() == 60)
            );
            assert_eq!(outcome.facts.interfaces[0].packets, 5);
            assert!(outcome.notes.is_empty());
        }
    }

    #[test]
    fn sections_have_their_own_byte_order_and_interfaces() {
        let [little, big] = ORDERS;
        let mut file = little.section(&[]);
        file.extend(little.interface(1, 0, &[]));
        file.extend(little.enhanced(0, UNITS, 3, b"abc"));
        file.extend(big.section(&[]));
        let nanoseconds =
            [big.option(9, &[9]), big.option(14, &1_i64.to_be_bytes()), big.option(0, &[])].concat();
        file.extend(big.interface(113, 0, &[]));
        file.extend(big.interface(101, 0, &nanoseconds));
        file.extend(big.enhanced(1, UNITS * 1000, 3, b"def"));
        file.extend(big.enhanced(0, UNITS, 9, b"ghi"));
        file.extend(little.section(&[]));
        file.extend(little.interface(276, 0, &little.option(13, &[32])));
        file.extend(little.enhanced(0, UNITS, 3, b"jkl"));
        let outcome = read_good(&file);
        let seen: Vec<_> =
            outcome.rows.iter().map(|row| (row.interface, row.time - START, row.wire)).collect();
        assert_eq!(seen, [(0, 0, 3), (2, 1_000_000_000, 3), (1, 0, 9), (3, 0, 3)]);
        assert_eq!(outcome.links, [(1, 0), (113, 0), (101, 0), (276, 4)]);
        assert_eq!(
            outcome.facts.interfaces.iter().map(|each| each.packets).collect::<Vec<_>>(),
            [1, 1, 1, 1]
        );
        assert_eq!(outcome.facts.files[0].format, "pcapng, 3 sections");
        assert!(outcome.notes.is_empty());
    }

    #[test]
    fn simple_packets_lose_their_padding() {
        for order in ORDERS {
            let mut file = order.section(&[]);
            file.extend(order.interface(1, 40, &[]));
            for (wire, data) in [(60, 40), (39, 39), (1, 1), (0, 0)] {
                file.extend(order.block(3, &[order.word(wire).to_vec(), vec![5; data]].concat()));
            }
            let outcome = read_good(&file);
            let seen: Vec<_> = outcome.rows.iter().map(|row| (row.wire, row.bytes.len(), row.time)).collect();
            assert_eq!(seen, [(60, 40, 0), (39, 39, 0), (1, 1, 0), (0, 0, 0)]);
        }
    }

    #[test]
    fn obsolete_packet_blocks_are_read_with_their_drops() {
        for order in ORDERS {
            let mut file = order.section(&[]);
            file.extend(order.interface(1, 0, &[]));
            for drops in [3_u16, 0xffff, 4] {
                let mut body = [order.half(0), order.half(drops)].concat();
                body.extend(order.words(&[(UNITS >> 32) as u32, UNITS as u32, 5, 60]));
                body.extend(b"bytes");
                file.extend(order.block(2, &body));
            }
            let outcome = read_good(&file);
            assert_eq!(outcome.rows.len(), 3);
            assert_eq!(
                (outcome.rows[0].time, outcome.rows[0].bytes.as_slice()),
                (START, b"bytes".as_slice())
            );
            assert_eq!(outcome.facts.interfaces[0].dropped, Some(7));
            assert_eq!(outcome.note(NoteKind::CaptureDrops).map(|note| note.count), Some(7));
        }
    }

    #[test]
    fn what_wireshark_counts_as_frames_is_counted() {
        let packet = LITTLE.enhanced(0, UNITS, 1, b"x");
        let journal = b"__REALTIME_TIMESTAMP=1700000000123456\nMESSAGE=abc\n";
        let event =
            [1_u16.to_le_bytes().to_vec(), 77_u64.to_le_bytes().to_vec(), vec![0; 14], vec![3; 8]].concat();
        // Kind, body, and the frame that it makes: time, length.
        for (kind, body, frame) in [
            (9, journal.to_vec(), Some((1_700_000_000_123_456_000, journal.len()))),
            (0x0bad, b"\x01\x02\x03\x04data".to_vec(), Some((0, 4))),
            (0x4000_0bad, b"\x01\x02\x03\x04data".to_vec(), Some((0, 4))),
            (0x204, event.clone(), Some((77, 8))),
            (0x216, event.clone(), Some((77, 4))),
            (0x208, event.clone(), None),
            (4, vec![0; 4], None),
            (10, b"KSLT\x03\x00\x00\x00abc\x00".to_vec(), None),
            (0x8000_0001, vec![1; 40], None),
            (0x77, vec![], None),
        ] {
            let file = [
                LITTLE.section(&[]),
                LITTLE.interface(1, 0, &[]),
                packet.clone(),
                LITTLE.block(kind, &body),
                packet.clone(),
            ];
            let outcome = read_good(&file.concat());
            let between =
                (outcome.rows.len() == 3).then(|| (outcome.rows[1].time, outcome.rows[1].bytes.len()));
            assert_eq!(between, frame, "{kind:#x}");
            if between.is_some() {
                assert_eq!(outcome.rows[1].interface, u32::MAX);
            }
            assert_eq!(outcome.facts.interfaces[0].packets, 2);
            assert!(outcome.notes.is_empty(), "{kind:#x}: {:?}", outcome.notes);
        }
    }

    #[test]
    fn decryption_secrets_go_with_the_frames_behind_them() {
        for order in ORDERS {
            let secrets = |kind: u32, text: &[u8]| {
                order.block(
                    10,
                    &[order.word(kind).to_vec(), order.word(text.len() as u32).to_vec(), text.to_vec()]
                        .concat(),
                )
            };
            let file = [
                order.section(&[]),
                order.interface(1, 0, &[]),
                secrets(0x544c_534b, b"first"),
                order.enhanced(0, UNITS, 1, b"x"),
                order.enhanced(0, UNITS, 1, b"y"),
                secrets(0x5747_4b4c, b"other"),
                order.block(10, &order.words(&[0x544c_534b, 99])),
                order.enhanced(0, UNITS, 1, b"z"),
                secrets(0x544c_534b, b"last"),
            ];
            let mut reader = CaptureReader::open(vec![stream("a", &file.concat(), usize::MAX)]).unwrap();
            let mut batch = Batch::default();
            assert!(reader.next_batch(&mut batch).unwrap());
            let found: Vec<_> =
                batch.secrets.iter().map(|each| (each.before.0, each.kind, &*each.bytes)).collect();
            assert_eq!(
                found,
                [
                    (1, EmbeddedSecrets::TLS_KEY_LOG, &b"first"[..]),
                    (3, 0x5747_4b4c, b"other"),
                    (4, EmbeddedSecrets::TLS_KEY_LOG, b"last")
                ]
            );
            assert!(!format!("{:?}", batch.secrets).contains("first"));
            assert!(!reader.next_batch(&mut batch).unwrap() && batch.secrets.is_empty());
            let (_, notes) = reader.finish();
            assert_eq!(notes.iter().map(|note| note.kind).collect::<Vec<_>>(), [NoteKind::BadBlock]);
        }
    }

    #[test]
    fn what_waits_for_a_packet_is_capped() {
        for order in ORDERS {
            let megabyte = [order.words(&[0x544c_534b, 1 << 20]), vec![b'x'; 1 << 20]].concat();
            let mut file = [order.section(&[]), order.interface(1, 0, &[])].concat();
            for _ in 0..65 {
                file.extend(order.block(10, &megabyte));
            }
            file.extend([order.enhanced(0, UNITS, 1, b"x"), order.block(10, &megabyte)].concat());
            let mut reader = CaptureReader::open(vec![stream("a", &file, usize::MAX)]).unwrap();
            let (mut batch, mut kept) = (Batch::default(), 0);
            while reader.next_batch(&mut batch).unwrap() {
                kept += batch.secrets.len();
            }
            let (_, notes) = reader.finish();
            assert_eq!(notes.iter().map(|note| note.kind).collect::<Vec<_>>(), [NoteKind::LimitReached]);
            assert_eq!(kept as u64 + notes[0].count, 66);
            assert!((63..=64).contains(&kept), "{kept}");
        }
    }

    #[test]
    fn a_packet_of_an_unknown_interface_is_a_frame_and_a_note() {
        let file =
            [small_pcapng(LITTLE, 1), LITTLE.enhanced(7, UNITS, 1, b"x"), LITTLE.enhanced(0, UNITS, 1, b"y")]
                .concat();
        let outcome = read_good(&file);
        assert_eq!(outcome.rows.iter().map(|row| row.interface).collect::<Vec<_>>(), [0, u32::MAX, 0]);
        assert_eq!(outcome.kinds(), [NoteKind::UnknownInterface]);
    }

    #[test]
    fn contradicting_blocks_are_ignored_and_noted() {
        let mut body = LITTLE.words(&[0, 0, 0, 100, 100]);
        body.extend([0; 60]);
        let broken_option = LITTLE.interface(1, 0, &[LITTLE.option(9, &[9]), vec![3, 0, 99, 0]].concat());
        for bad in [
            LITTLE.block(6, &body),
            LITTLE.block(6, &[0; 8]),
            LITTLE.block(5, &[9; 12]),
            LITTLE.block(1, &[1]),
            broken_option,
        ] {
            let file = [small_pcapng(LITTLE, 2), bad, LITTLE.enhanced(0, UNITS, 1, b"y")].concat();
            let outcome = read_good(&file);
            assert_eq!(outcome.rows.len(), 3);
            assert_eq!(outcome.kinds(), [NoteKind::BadBlock]);
        }
    }

    #[test]
    fn unaligned_lengths_are_rounded_up_as_in_wireshark() {
        let mut block = LITTLE.enhanced(0, UNITS, 57, &[7; 57]);
        let end = block.len() - 4;
        block[4..8].copy_from_slice(&89_u32.to_le_bytes());
        block[end..].copy_from_slice(&89_u32.to_le_bytes());
        let outcome =
            read_good(&[small_pcapng(LITTLE, 1), block, LITTLE.enhanced(0, UNITS, 1, b"y")].concat());
        assert_eq!(outcome.rows.iter().map(|row| row.bytes.len()).collect::<Vec<_>>(), [60, 57, 1]);
        assert!(outcome.notes.is_empty());
    }

    #[test]
    fn statistics_and_comments_become_facts() {
        for order in ORDERS {
            let long = |value: u64| if order.big { value.to_be_bytes() } else { value.to_le_bytes() };
            let about = [
                order.option(4, b"dumper 1.0\0"),
                order.option(1, b"caf\xe9"),
                order.option(2, b""),
                order.option(0, b""),
            ];
            let mut file = order.section(&about.concat());
            file.extend(order.interface(1, 96, &[order.option(2, b"eth0"), order.option(0, b"")].concat()));
            file.extend(order.enhanced(0, UNITS, 1, b"x"));
            for (received, dropped) in [(5, 1), (1000, 11)] {
                let options = [
                    order.option(4, &long(received)),
                    order.option(5, &long(dropped)),
                    order.option(7, &long(2)),
                ];
                file.extend(order.block(5, &[order.words(&[0, 0, 0]), options.concat()].concat()));
            }
            let outcome = read_good(&file);
            assert_eq!(outcome.facts.files[0].comments, ["application: dumper 1.0", "comment: caf\u{fffd}"]);
            let interface = &outcome.facts.interfaces[0];
            assert_eq!((interface.name.as_deref(), interface.snaplen), (Some("eth0"), 96));
            assert_eq!((interface.received, interface.dropped), (Some(1000), Some(13)));
            assert_eq!(outcome.kinds(), [NoteKind::CaptureDrops]);
        }
    }

    #[test]
    fn comments_are_capped() {
        let options = LITTLE.option(1, &vec![b'a'; 5000]).repeat(limits::MAX_COMMENTS + 9);
        let file =
            [LITTLE.section(&options), LITTLE.interface(1, 0, &[]), LITTLE.enhanced(0, 0, 1, b"x")].concat();
        let comments = &read_good(&file).facts.files[0].comments;
        assert_eq!(comments.len(), limits::MAX_COMMENTS);
        assert!(comments.iter().all(|comment| comment.len() < limits::MAX_COMMENT_BYTES + 20));
    }

    #[test]
    fn interfaces_are_capped() {
        let file = [
            LITTLE.section(&[]),
            LITTLE.interface(1, 0, &[]).repeat(limits::MAX_INTERFACES + 1),
            LITTLE.enhanced(limits::MAX_INTERFACES as u32 - 1, 0, 1, b"x"),
            LITTLE.enhanced(limits::MAX_INTERFACES as u32, 0, 1, b"x"),
        ];
        let outcome = read_good(&file.concat());
        assert_eq!(outcome.links.len(), limits::MAX_INTERFACES);
        assert_eq!(outcome.rows[0].interface, limits::MAX_INTERFACES as u32 - 1);
        assert_eq!(outcome.rows[1].interface, u32::MAX);
        assert!(outcome.note(NoteKind::LimitReached).is_some());
    }

    #[test]
    fn times_out_of_range_are_clamped_with_a_note() {
        let file = [small_pcapng(LITTLE, 1), LITTLE.enhanced(0, u64::MAX, 1, b"x")].concat();
        let outcome = read_good(&file);
        assert_eq!(outcome.rows[1].time, i64::MAX);
        assert_eq!(outcome.kinds(), [NoteKind::ClampedTime]);
    }

    #[test]
    fn every_truncation_keeps_the_whole_blocks() {
        for order in ORDERS {
            let file = small_pcapng(order, 3);
            let start = 28 + 20;
            for length in 0..=file.len() {
                let whole = length.saturating_sub(start) / 92;
                match read(&file[..length]) {
                    Ok(outcome) => {
                        assert_eq!(outcome.rows.len(), whole, "{length}");
                        let cut = (length - start) % 92 != 0;
                        assert_eq!(
                            outcome.kinds(),
                            if cut { vec![NoteKind::TruncatedFile] } else { vec![] },
                            "{length}"
                        );
                    }
                    Err(error) => assert_eq!(whole, 0, "{length}: {error}"),
                }
            }
        }
    }

    #[test]
    fn damage_loses_one_block_at_most() {
        for order in ORDERS {
            for (place, value) in
                [(0, 0xffff_ffff), (4, 0), (4, 8), (4, 96), (4, 0x7fff_fff0), (4, 91), (88, 7), (88, 96)]
            {
                let mut file = small_pcapng(order, 9);
                let start = 48 + 4 * 92;
                file[start + place..start + place + 4].copy_from_slice(&order.word(value));
                let outcome = read_good(&file);
                let marks = outcome.marks();
                assert_eq!(marks, [0, 1, 2, 3, 5, 6, 7, 8], "{place} {value:#x}");
                if place != 0 {
                    let note = outcome.note(NoteKind::DamagedRecord).map(|note| (note.offset, note.count));
                    assert_eq!(note, Some((Some(start as u64), 1)), "{place} {value:#x}");
                }
            }
        }
    }

    #[test]
    fn foreign_bytes_between_blocks_are_passed_over() {
        for foreign in [1, 3, 4, 12, 1001, 3 * limits::BATCH_BYTES + 1] {
            let mut file = small_pcapng(LITTLE, 6);
            file.extend(std::iter::repeat_n(0xe5, foreign));
            file.extend(small_pcapng(ORDERS[1], 3));
            let outcome = read_good(&file);
            assert_eq!(outcome.rows.len(), 9, "{foreign}");
            assert_eq!(outcome.kinds(), [NoteKind::DamagedRecord], "{foreign}");
        }
    }

    #[test]
    fn a_section_without_its_magic_is_refused() {
        let mut file = small_pcapng(LITTLE, 1);
        file[8] ^= 1;
        assert!(refusal(&file).contains("section header is damaged"));
    }
}
