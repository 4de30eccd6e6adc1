//! Captures built by hand for this floor's tests, and a reader that lists what became of them.

use std::io::{Cursor, Read};

use super::{Batch, CaptureFacts, CaptureReader, Source};
use crate::model::{Error, Note, NoteKind};

/// 2023-11-14 22:13:20 UTC.
pub(super) const T0: u32 = 1_700_000_000;

/// Words in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) big: bool,
}

pub(super) const ORDERS: [Order; 2] = [Order { big: false }, Order { big: true }];
pub(super) const LITTLE: Order = Order { big: false };

impl Order {
    pub(super) fn half(self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn word(self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn words(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.word(*value)).collect()
    }

    /// A pcap file header of version 2.4.
    pub(super) fn pcap(self, magic: u32, snaplen: u32, link: u32) -> Vec<u8> {
        self.pcap_version(magic, 2, 4, snaplen, link)
    }

    pub(super) fn pcap_version(self, magic: u32, major: u16, minor: u16, snaplen: u32, link: u32) -> Vec<u8> {
        let mut file = self.word(magic).to_vec();
        file.extend(self.half(major));
        file.extend(self.half(minor));
        file.extend(self.words(&[0, 0, snaplen, link]));
        file
    }

    /// A standard pcap record.
    pub(super) fn record(self, seconds: u32, fraction: u32, wire: u32, data: &[u8]) -> Vec<u8> {
        let mut record = self.words(&[seconds, fraction, data.len() as u32, wire]);
        record.extend_from_slice(data);
        record
    }

    /// A pcapng block with a padded body.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let length = (body.len().next_multiple_of(4) + 12) as u32;
        let mut block = self.words(&[kind, length]);
        block.extend_from_slice(body);
        block.resize(length as usize - 4, 0);
        block.extend(self.word(length));
        block
    }

    pub(super) fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = self.half(code).to_vec();
        option.extend(self.half(value.len() as u16));
        option.extend_from_slice(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    pub(super) fn section(self, options: &[u8]) -> Vec<u8> {
        let mut body = self.words(&[0x1a2b_3c4d]);
        body.extend(self.half(1));
        body.extend(self.half(0));
        body.extend([0xff; 8]);
        body.extend_from_slice(options);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[u8]) -> Vec<u8> {
        let mut body = self.half(link).to_vec();
        body.extend(self.half(0));
        body.extend(self.word(snaplen));
        body.extend_from_slice(options);
        self.block(1, &body)
    }

    pub(super) fn enhanced(self, interface: u32, units: u64, wire: u32, data: &[u8]) -> Vec<u8> {
        let mut body = self.words(&[interface, (units >> 32) as u32, units as u32, data.len() as u32, wire]);
        body.extend_from_slice(data);
        self.block(6, &body)
    }
}

/// A frame as the tests compare it: number, time, wire length, interface, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) time: i64,
    pub(super) wire: u32,
    pub(super) interface: u32,
    pub(super) bytes: Vec<u8>,
}

/// All that reading a set gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    pub(super) facts: CaptureFacts,
    pub(super) notes: Vec<Note>,
    /// Link types and FCS lengths by interface, as the last batch had them.
    pub(super) links: Vec<(u32, u8)>,
}

impl Outcome {
    pub(super) fn note(&self, kind: NoteKind) -> Option<&Note> {
        self.notes.iter().find(|note| note.kind == kind)
    }

    pub(super) fn kinds(&self) -> Vec<NoteKind> {
        self.notes.iter().map(|note| note.kind).collect()
    }

    /// The first byte of every frame.
    pub(super) fn marks(&self) -> Vec<u8> {
        self.rows.iter().filter_map(|row| row.bytes.first().copied()).collect()
    }
}

/// A stream of `bytes` that gives at most `step` at a time.
pub(super) fn stream(name: &str, bytes: &[u8], step: usize) -> Source {
    struct Slow(Cursor<Vec<u8>>, usize);
    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let room = into.len().min(self.1);
            self.0.read(&mut into[..room])
        }
    }
    Source::Stream { name: name.to_owned(), reader: Box::new(Slow(Cursor::new(bytes.to_vec()), step)) }
}

/// Reads a set, with three batches in rotation as an engine has them.
pub(super) fn read_all(sources: Vec<Source>) -> Result<Outcome, Error> {
    let mut reader = CaptureReader::open(sources)?;
    let mut batches = [Batch::default(), Batch::default(), Batch::default()];
    let (mut rows, mut links) = (Vec::new(), Vec::new());
    for turn in 0.. {
        let batch = &mut batches[turn % 3];
        let more = reader.next_batch(batch)?;
        links = batch.links.iter().map(|link| (link.kind.0, link.fcs_len)).collect();
        if !more {
            break;
        }
        assert_eq!(batch.number, turn as u64);
        assert!(!batch.frames.is_empty(), "a batch without frames");
        for (index, frame) in batch.frames.iter().enumerate() {
            let bytes = batch.frame_bytes(frame).to_vec();
            assert_eq!(bytes.len(), frame.captured as usize, "a frame outside its batch");
            rows.push(Row {
                number: batch.frame_number(index).0,
                time: frame.time.0,
                wire: frame.wire_len,
                interface: frame.interface,
                bytes,
            });
        }
    }
    assert!(rows.iter().zip(1..).all(|(row, number)| row.number == number), "frame numbers have gaps");
    let (facts, notes) = reader.finish();
    assert_eq!(facts.files.iter().map(|file| file.packets).sum::<u64>(), rows.len() as u64);
    Ok(Outcome { rows, facts, notes, links })
}

/// Reads one capture from memory.
pub(super) fn read(bytes: &[u8]) -> Result<Outcome, Error> {
    read_all(vec![stream("test", bytes, usize::MAX)])
}

/// Reads one capture that must be readable.
pub(super) fn read_good(bytes: &[u8]) -> Outcome {
    match read(bytes) {
        Ok(outcome) => outcome,
        Err(error) => panic!("{error}"),
    }
}

/// The reason that an error gives.
pub(super) fn refusal(bytes: &[u8]) -> String {
    match read(bytes) {
        Ok(outcome) => panic!("{} frames of what is no capture", outcome.rows.len()),
        Err(error) => error.to_string(),
    }
}

/// A little-endian microsecond pcap of `count` Ethernet frames of 60 bytes; frame n is n milliseconds in, all its bytes are n.
pub(super) fn small_pcap(count: u8) -> Vec<u8> {
    let mut file = LITTLE.pcap(0xa1b2_c3d4, 65_535, 1);
    for index in 0..count {
        file.extend(LITTLE.record(T0, u32::from(index) * 1000, 60, &[index; 60]));
    }
    file
}

/// The same as pcapng.
pub(super) fn small_pcapng(order: Order, count: u8) -> Vec<u8> {
    let mut file = order.section(&[]);
    file.extend(order.interface(1, 0, &[]));
    for index in 0..count {
        let units = u64::from(T0) * 1_000_000 + u64::from(index) * 1000;
        file.extend(order.enhanced(0, units, 60, &[index; 60]));
    }
    file
}
