//! pcapng blocks off the quick path: sections, interfaces, statistics, rare packet blocks, records that Wireshark counts as frames.
//!
//! pcap-file frames the blocks; bodies are read by hand where its typed blocks are wrong (see each). Rules:
//! draft-ietf-opsawg-pcapng, section 4; what is a frame: as Wireshark 4.0 delivers it.

use byteorder_slice::{BigEndian, LittleEndian};
use pcap_file::PcapError;
use pcap_file::pcapng::RawBlock;

use super::RawFrame;
use super::book::{Book, Described, bounded_text};
use super::origin::{Container, in_order, names_in_order, push_option};
use super::pcapng::{BLOCK_FRAME, Interface, Outcome, Pcapng, kind};
use super::pcapng_option::{Clock, Options, word64};
use crate::model::{Link, LinkType, NoteKind, Timestamp, limits};

/// A body's words in the section's byte order.
#[derive(Clone, Copy)]
struct Body<'a> {
    bytes: &'a [u8],
    big: bool,
    /// Where the body begins in the window.
    start: usize,
}

impl<'a> Body<'a> {
    fn half(self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }

    fn word(self, at: usize) -> Option<u32> {
        let four = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    /// A 64-bit value whose high word comes first, whatever the byte order.
    fn units(self, at: usize) -> Option<u64> {
        Some(u64::from(self.word(at)?) << 32 | u64::from(self.word(at + 4)?))
    }

    fn long(self, at: usize) -> Option<u64> {
        word64(self.bytes.get(at..at + 8)?, self.big)
    }

    fn after(self, at: usize) -> &'a [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }
}

/// A packet block's fields, before they are checked against its interface and body.
struct Fields {
    interface: u32,
    units: Option<u64>,
    captured: u32,
    wire: u32,
    /// Where the data begins in the body.
    data: usize,
}

impl Pcapng {
    /// Looks at the block at `at` by itself.
    pub(super) fn block(
        &mut self,
        bytes: &[u8],
        at: usize,
        frames: &mut Vec<RawFrame>,
        book: &mut Book,
    ) -> Outcome {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l]) = rest.first_chunk::<BLOCK_FRAME>() else {
            return Outcome::Short(BLOCK_FRAME);
        };
        let kind_of =
            |big: bool| if big { u32::from_be_bytes([a, b, c, d]) } else { u32::from_le_bytes([a, b, c, d]) };
        let section = kind_of(false) == kind::SECTION;
        let big = match (section, [i, j, k, l]) {
            (false, _) => self.big,
            (true, [0x1a, 0x2b, 0x3c, 0x4d]) => true,
            (true, [0x4d, 0x3c, 0x2b, 0x1a]) => false,
            (true, _) => return Outcome::Damaged("a section header without its byte-order magic".to_owned()),
        };
        let kind = kind_of(big);
        let length = if big { u32::from_be_bytes([e, f, g, h]) } else { u32::from_le_bytes([e, f, g, h]) };
        let largest = if is_packet(kind) { limits::MAX_RECORD_BYTES } else { limits::MAX_BLOCK_BYTES };
        if (length as usize) < BLOCK_FRAME || length > largest {
            return Outcome::Damaged(format!("a block of type {kind:#x} claims {length} bytes"));
        }
        // Lengths that are no multiple of four break the format; Wireshark 4.0 rounds them up, pcap-file refuses them.
        let total = (length as usize).next_multiple_of(4);
        let Some(whole) = rest.get(..total) else { return Outcome::Short(total) };
        let body = if total == length as usize {
            let raw = if big {
                RawBlock::from_slice::<BigEndian>(whole)
            } else {
                RawBlock::from_slice::<LittleEndian>(whole)
            };
            match raw {
                Ok(_) => whole.get(8..total - 4).unwrap_or_default(),
                Err(PcapError::IncompleteBuffer) => return Outcome::Short(total),
                Err(_) => {
                    return Outcome::Damaged(format!(
                        "the lengths around a block of type {kind:#x} do not agree"
                    ));
                }
            }
        } else {
            let trailer = Body { bytes: whole, big, start: 0 }.word(total - 4);
            if trailer != Some(length) {
                return Outcome::Damaged(format!(
                    "the lengths around a block of type {kind:#x} do not agree"
                ));
            }
            whole.get(8..total - 4).unwrap_or_default()
        };
        self.big = big;
        let body = Body { bytes: body, big, start: at + 8 };
        if self.read(kind, body, frames, book).is_none() {
            book.note(NoteKind::BadBlock, at, || {
                format!("a block of type {kind:#x} does not hold what it says; it was ignored")
            });
        }
        Outcome::Done(total)
    }

    /// Reads a block's body; `None` if it contradicts itself.
    fn read(&mut self, kind: u32, body: Body<'_>, frames: &mut Vec<RawFrame>, book: &mut Book) -> Option<()> {
        match kind {
            kind::SECTION => self.section(body, book),
            kind::INTERFACE => self.interface(body, book),
            kind::STATISTICS => self.statistics(body, book),
            kind::ENHANCED => {
                let fields = Fields {
                    interface: body.word(0)?,
                    units: Some(body.units(4)?),
                    captured: body.word(12)?,
                    wire: body.word(16)?,
                    data: 20,
                };
                self.packet(&fields, body, frames, book)
            }
            kind::PACKET => {
                // By hand: pcap-file reads the two time words as one number and swaps them in little-endian files.
                let fields = Fields {
                    interface: u32::from(body.half(0)?),
                    units: Some(body.units(4)?),
                    captured: body.word(12)?,
                    wire: body.word(16)?,
                    data: 20,
                };
                let (number, drops) = (fields.interface, body.half(2)?);
                self.packet(&fields, body, frames, book)?;
                // 0xffff: the writer does not know.
                if drops != 0
                    && drops != u16::MAX
                    && let Some(facts) =
                        self.interfaces.get(number as usize).and_then(|known| book.interface(known.number))
                {
                    facts.dropped = Some(facts.dropped.unwrap_or(0).saturating_add(u64::from(drops)));
                }
                Some(())
            }
            kind::SIMPLE => {
                // By hand: pcap-file leaves the padding on. The block has neither length captured nor time.
                let wire = body.word(0)?;
                let limit = self.interfaces.first().map_or(0, |interface| interface.snaplen);
                let captured = if limit == 0 { wire } else { wire.min(limit) };
                self.packet(
                    &Fields { interface: 0, units: None, captured, wire, data: 4 },
                    body,
                    frames,
                    book,
                )
            }
            kind::JOURNAL => {
                let text = body.bytes;
                // The text ends with a line feed, then padding.
                let end = text.len() - text.iter().rev().take(3).take_while(|byte| **byte == 0).count();
                let time = journal_time(text.get(..end)?).unwrap_or_default();
                record(body, 0, end, end, time, frames);
                Some(())
            }
            kind::CUSTOM | kind::CUSTOM_NO_COPY => {
                let length = body.bytes.len().checked_sub(4)?;
                record(body, 4, length, length, Timestamp::default(), frames);
                Some(())
            }
            _ if kind::SYSDIG.contains(&kind) => {
                let header = if kind == 0x204 { 24 } else { 28 };
                let length = body.bytes.len().checked_sub(header)?;
                let time = Timestamp(i64::try_from(body.long(2)?).unwrap_or(i64::MAX));
                record(body, header, length, body.word(18)? as usize, time, frames);
                Some(())
            }
            kind::SECRETS => {
                let length = body.word(4)? as usize;
                let secrets = body.bytes.get(8..length.checked_add(8)?)?;
                book.attach_secrets(frames.len(), body.word(0)?, secrets);
                Some(())
            }
            kind::NAMES => {
                if let Some(names) = names_in_order(body.bytes, body.big) {
                    book.attach_names(names);
                }
                Some(())
            }
            // Unknown blocks are skipped, as the format asks.
            _ => Some(()),
        }
    }

    fn section(&mut self, body: Body<'_>, book: &mut Book) -> Option<()> {
        self.settle(book);
        self.interfaces.clear();
        self.sections += 1;
        body.word(12)?;
        if let Some(file) = book.file() {
            file.format = match self.sections {
                0 | 1 => format!("pcapng, {}-endian", if body.big { "big" } else { "little" }),
                many => format!("pcapng, {many} sections"),
            };
        }
        let mut options = Options::new(body.after(16), body.big);
        for (code, value) in options.by_ref() {
            match code {
                1 => book.comment("comment", value),
                2 => book.comment("hardware", value),
                3 => book.comment("operating system", value),
                4 => book.comment("application", value),
                _ => {}
            }
        }
        let kept = in_order(kind::SECTION, body.after(16), body.big);
        self.comments.clear();
        if book.origins.section.is_none() && book.origins.interfaces.is_empty() {
            book.keep_section(kept);
        } else {
            // What is written has one section: comments on others go to the first interface of theirs.
            for (code, comment) in Options::new(&kept, false).filter(|(code, _)| *code == 1) {
                push_option(&mut self.comments, code, comment);
            }
        }
        (!options.broken).then_some(())
    }

    fn interface(&mut self, body: Body<'_>, book: &mut Book) -> Option<()> {
        let kind = LinkType(u32::from(body.half(0)?));
        let snaplen = body.word(4)?;
        let (mut clock, mut name, mut fcs_len) = (Clock::default(), None, 0);
        let mut options = Options::new(body.after(8), body.big);
        for (code, value) in options.by_ref() {
            match code {
                1 => book.comment("interface comment", value),
                2 => name = Some(bounded_text(value)),
                // Wireshark 4.0 takes the first byte of it, however long.
                9 => {
                    if let Some(resolution) = value.first() {
                        clock.set_resolution(*resolution);
                    }
                }
                13 => fcs_len = value.first().map_or(0, |bits| fcs_bytes(*bits)),
                14 => {
                    if let Some(seconds) = word64(value, body.big) {
                        clock.set_offset(seconds.cast_signed());
                    }
                }
                _ => {}
            }
        }
        let mut kept = std::mem::take(&mut self.comments);
        kept.extend(in_order(kind::INTERFACE, body.after(8), body.big));
        let number = book.add_interface(Described {
            container: Container::Pcapng { big: body.big },
            link: Link { kind, fcs_len },
            snaplen,
            units_per_second: clock.units_per_second(),
            name,
            options: kept,
            own: self.interfaces.len() as u32,
        });
        if number.is_none() {
            book.note(NoteKind::LimitReached, body.start, || {
                format!(
                    "more than {} interfaces: packets on later ones are not decoded",
                    limits::MAX_INTERFACES
                )
            });
        }
        if self.interfaces.len() < limits::MAX_INTERFACES {
            self.interfaces.push(Interface {
                clock,
                snaplen,
                number: number.unwrap_or(u32::MAX),
                packets: 0,
            });
        }
        (!options.broken).then_some(())
    }

    /// Counters run from the start of the capture, so the last block of an interface holds them all.
    fn statistics(&mut self, body: Body<'_>, book: &mut Book) -> Option<()> {
        let number = self.interfaces.get(body.word(0)? as usize)?.number;
        let (mut received, mut interface_drops, mut system_drops) = (None, None, None::<u64>);
        let mut options = Options::new(body.after(12), body.big);
        for (code, value) in options.by_ref() {
            match code {
                1 => book.comment("statistics comment", value),
                4 => received = received.or_else(|| word64(value, body.big)),
                5 => interface_drops = interface_drops.or_else(|| word64(value, body.big)),
                7 => system_drops = system_drops.or_else(|| word64(value, body.big)),
                _ => {}
            }
        }
        if let (Some(high), Some(low)) = (body.word(4), body.word(8)) {
            book.keep_statistics(number, [high, low], in_order(kind::STATISTICS, body.after(12), body.big));
        }
        if let Some(facts) = book.interface(number) {
            facts.received = received.or(facts.received);
            let dropped = |all: u64, more| all.saturating_add(more);
            let dropped = [interface_drops, system_drops].into_iter().flatten().reduce(dropped);
            facts.dropped = dropped.or(facts.dropped);
        }
        (!options.broken).then_some(())
    }

    /// Emits a packet block's frame.
    fn packet(
        &mut self,
        fields: &Fields,
        body: Body<'_>,
        frames: &mut Vec<RawFrame>,
        book: &mut Book,
    ) -> Option<()> {
        body.bytes.get(fields.data..fields.data.checked_add(fields.captured as usize)?)?;
        let (mut number, mut time) = (u32::MAX, 0);
        if let Some(interface) = self.interfaces.get_mut(fields.interface as usize) {
            number = interface.number;
            interface.packets += 1;
            if let Some(units) = fields.units {
                time = interface.clock.nanoseconds(units).unwrap_or_else(|nearest| {
                    book.note(NoteKind::ClampedTime, body.start, || {
                        "time stamps outside the years 1677 to 2262 were moved to that range's end".to_owned()
                    });
                    nearest
                });
            }
        } else {
            time = fields
                .units
                .map_or(0, |units| Clock::default().nanoseconds(units).unwrap_or_else(|nearest| nearest));
            book.note(NoteKind::UnknownInterface, body.start, || {
                format!("a packet names interface {}, which the section never described; it is counted but not decoded", fields.interface)
            });
        }
        frames.push(RawFrame {
            time: Timestamp(time),
            offset: (body.start + fields.data) as u32,
            captured: fields.captured,
            wire_len: fields.wire.max(fields.captured),
            interface: number,
        });
        Some(())
    }
}

fn is_packet(kind: u32) -> bool {
    matches!(kind, kind::PACKET | kind::SIMPLE | kind::ENHANCED)
}

/// Emits a record that is no packet but has a frame number in Wireshark 4.0: it belongs to no interface and is not decoded.
fn record(
    body: Body<'_>,
    data: usize,
    length: usize,
    claimed: usize,
    time: Timestamp,
    frames: &mut Vec<RawFrame>,
) {
    frames.push(RawFrame {
        time,
        offset: (body.start + data) as u32,
        captured: length as u32,
        wire_len: claimed.max(length) as u32,
        interface: u32::MAX,
    });
}

/// The time of a systemd journal entry: the line `__REALTIME_TIMESTAMP=` and microseconds.
fn journal_time(text: &[u8]) -> Option<Timestamp> {
    let line =
        text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"__REALTIME_TIMESTAMP="))?;
    let microseconds: i64 = std::str::from_utf8(line).ok()?.parse().ok()?;
    Some(Timestamp(microseconds.saturating_mul(1000)))
}

/// `if_fcslen` is in bits; some writers give bytes. Frame check sequences of 1, 2 or 4 bytes exist, so small numbers are bytes.
fn fcs_bytes(given: u8) -> u8 {
    if given >= 8 { given / 8 } else { given }
}
