//! What fuzzing asserts of the capture floor: any bytes are read to the end, and what comes out is sound and does not depend on how the
//! bytes came in.
//!
//! The body of the fuzz target `containers`; run once on the corpus in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::io::Read;
use std::sync::Arc;

use super::book::Book;
use super::input::{self, Container};
use super::pcap::{FILE_HEADER, Pcap};
use super::pcapng::Pcapng;
use super::{Batch, CaptureFacts, CaptureReader, CaptureWriter, FileFormat, Source};
use crate::model::{Error, Note, NoteKind};

/// A frame, apart from where its batch holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    time: i64,
    wire: u32,
    interface: u32,
    bytes: Vec<u8>,
}

/// What reading a set gave.
struct Outcome {
    frames: Vec<Frame>,
    facts: CaptureFacts,
    notes: Vec<Note>,
}

/// Bytes that come in portions, as from a pipe: of 1, 2, … `most` bytes, then of 1 again.
struct Portions {
    bytes: Arc<[u8]>,
    at: usize,
    portion: usize,
    most: usize,
}

impl Read for Portions {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.portion = self.portion % self.most + 1;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.len().min(into.len()).min(self.portion);
        into[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

fn source(bytes: &Arc<[u8]>, most: usize) -> Source {
    let reader = Portions { bytes: bytes.clone(), at: 0, portion: most - 1, most };
    Source::Stream { name: "fuzz".to_owned(), reader: Box::new(reader) }
}

/// Reads any bytes as a capture: whole, in portions, in other windows, twice in a row, and cut.
pub fn containers(data: &[u8]) {
    let bytes: Arc<[u8]> = data.into();
    let whole = read(vec![source(&bytes, usize::MAX)]);
    let Some(whole) = known_trouble(whole) else { return };
    check_facts(&whole, data);
    check_copy(&whole, &bytes);

    let in_portions = read(vec![source(&bytes, 1 + data.len() % 61)]).expect("readable a moment ago");
    assert_eq!(in_portions.frames, whole.frames);
    assert_eq!(in_portions.notes, whole.notes);
    assert_eq!(format!("{:?}", in_portions.facts), format!("{:?}", whole.facts));

    let twice = read(vec![source(&bytes, usize::MAX), source(&bytes, usize::MAX)]).expect("a set of two");
    assert_eq!(twice.frames.len(), 2 * whole.frames.len());
    let interfaces = whole.facts.interfaces.len() as u32;
    for (later, first) in twice.frames[whole.frames.len()..].iter().zip(&whole.frames) {
        let shifted = first.interface.saturating_add(interfaces);
        let interface = if first.interface == u32::MAX { u32::MAX } else { shifted };
        assert_eq!(*later, Frame { interface, ..first.clone() });
    }

    // Without damage, neither the windows nor a cut make a difference; behind damage, what is found depends on what follows.
    let plain = whole.facts.files[0].compression.is_none() && !is_variant(&whole);
    if !plain || whole.notes.iter().any(|note| note.offset.is_some()) {
        return;
    }
    assert_eq!(in_windows(&bytes, 1 + data.len() % 251), whole.frames);
    let cut = data.len().wrapping_mul(2_654_435_761) % data.len().max(1);
    if let Some(front) = known_trouble(read(vec![source(&data[..cut].into(), usize::MAX)]))
        && !is_variant(&front)
    {
        assert!(front.frames.len() <= whole.frames.len(), "a cut makes frames");
        assert_eq!(front.frames[..], whole.frames[..front.frames.len()]);
    }
}

/// The variants of pcap have no mark of their own: the records tell them apart, and a cut file has fewer of them.
fn is_variant(outcome: &Outcome) -> bool {
    outcome.facts.files[0].format.starts_with("modified")
}

/// Reading from memory fails only for what is no capture, or holds no packet.
fn known_trouble(outcome: Result<Outcome, Error>) -> Option<Outcome> {
    match outcome {
        Ok(outcome) => Some(outcome),
        Err(Error::NotACapture { name, reason }) => {
            assert!(name == "fuzz" && !reason.is_empty());
            None
        }
        // The readers of compressed streams give up for good reasons, and say which.
        Err(error) => panic!("{error}"),
    }
}

fn read(sources: Vec<Source>) -> Result<Outcome, Error> {
    let mut reader = CaptureReader::open(sources)?;
    let (mut batch, mut frames, mut overlaps) = (Batch::default(), Vec::new(), false);
    for number in 0.. {
        let more = reader.next_batch(&mut batch)?;
        // Names and secrets may stand behind the last packet.
        let is_empty = batch.frames.is_empty() && batch.secrets.is_empty() && batch.names.is_empty();
        assert_eq!(more, !is_empty);
        assert_eq!((batch.number, batch.first_frame.0), (number, frames.len() as u64 + 1));
        if !more {
            break;
        }
        let (mut start, mut end) = (0, 0);
        for raw in &batch.frames {
            // A record whose length was damage has swallowed what follows: that is found, too.
            overlaps |= (raw.offset as usize) < end;
            assert!(raw.offset as usize > start, "frames out of order");
            (start, end) = (raw.offset as usize, raw.offset as usize + raw.captured as usize);
            assert!(end <= batch.bytes.len(), "a frame outside its batch");
            assert!(raw.captured <= raw.wire_len);
            assert!(raw.interface == u32::MAX || (raw.interface as usize) < batch.links.len());
            let bytes = batch.frame_bytes(raw).to_vec();
            frames.push(Frame { time: raw.time.0, wire: raw.wire_len, interface: raw.interface, bytes });
        }
        assert_eq!(reader.frames(), frames.len() as u64);
    }
    let mut times = frames.iter().map(|frame| frame.time).filter(|&time| time != 0);
    let span = times.clone().next().zip(times.next_back());
    assert_eq!(reader.time_span().map(|(first, last)| (first.0, last.0)), span);
    let (facts, notes) = reader.finish();
    assert_eq!(batch.links.len(), facts.interfaces.len());
    let damaged = notes.iter().any(|note| note.kind == NoteKind::DamagedRecord);
    assert!(damaged || !overlaps, "frames overlap in a file without damage");
    Ok(Outcome { frames, facts, notes })
}

/// What is said about a file agrees with what was read of it.
fn check_facts(outcome: &Outcome, data: &[u8]) {
    let Outcome { frames, facts, notes } = outcome;
    let [file] = &facts.files[..] else { panic!("{} files of one", facts.files.len()) };
    assert_eq!(file.packets, frames.len() as u64);
    for (number, interface) in facts.interfaces.iter().enumerate() {
        let packets = frames.iter().filter(|frame| frame.interface == number as u32).count();
        assert_eq!(interface.packets, packets as u64, "interface {number}");
        assert!(interface.units_per_second > 0);
    }
    let plain = file.compression.is_none();
    if plain {
        assert_eq!(file.file_bytes, data.len() as u64);
    }
    for (index, note) in notes.iter().enumerate() {
        assert!(note.count > 0 && !note.message.is_empty());
        assert!(!plain || note.offset.is_none_or(|offset| offset <= data.len() as u64));
        assert!(notes[..index].iter().all(|earlier| earlier.kind != note.kind), "{note:?} twice");
    }
}

/// A copy says what the original says of every packet of a known interface.
fn check_copy(outcome: &Outcome, bytes: &Arc<[u8]>) {
    let mut reader = CaptureReader::open(vec![source(bytes, usize::MAX)]).expect("opened before");
    let (mut writer, mut batch) = (CaptureWriter::new(Vec::new(), FileFormat::Pcapng), Batch::default());
    while reader.next_batch(&mut batch).expect("read before") {
        writer.begin_batch(&batch).expect("memory takes all");
        for index in 0..batch.frames.len() {
            writer.packet::<&str>(&batch, index, &[]).expect("memory takes all");
        }
    }
    let (written, losses) = writer.finish(&outcome.facts).expect("memory takes all");
    let packets = || outcome.frames.iter().filter(|frame| frame.interface != u32::MAX);
    if packets().next().is_none() {
        return;
    }
    let copy = read(vec![Source::bytes("copy", written)]).expect("a copy is a capture");
    assert_eq!(copy.frames.len() as u64 + losses.packets, outcome.frames.len() as u64);
    let facts = |interface: u32| &outcome.facts.interfaces[interface as usize];
    let copies = copy.frames.iter().filter(|frame| frame.interface != u32::MAX);
    assert_eq!(copies.clone().count(), packets().count());
    for (copy, original) in copies.zip(packets()) {
        assert_eq!((&copy.bytes, copy.wire), (&original.bytes, original.wire));
        // pcap's fractions may be negative, or sums that lost their unit; packets without a time have the interface's first one.
        let unit = 1_000_000_000 / facts(original.interface).units_per_second.clamp(1, 1_000_000_000) as i64;
        let is_near = original.time - copy.time < unit && copy.time <= original.time;
        assert!(is_near || original.time <= 0, "{} {}", copy.time, original.time);
    }
    for (copy, original) in copy.facts.interfaces.iter().zip(&outcome.facts.interfaces) {
        assert_eq!(
            (copy.link_type, copy.snaplen, &copy.name),
            (original.link_type, original.snaplen, &original.name)
        );
        assert_eq!((copy.received, copy.units_per_second), (original.received, original.units_per_second));
    }
}

/// The same file through windows of any size instead of the reader's.
fn in_windows(bytes: &Arc<[u8]>, step: usize) -> Vec<Frame> {
    /// Enough to tell the variants of pcap apart.
    const FIRST: usize = 4_096;
    let input = input::open(source(bytes, usize::MAX)).expect("opened before");
    let mut book = Book::default();
    book.begin_file(input.name.clone(), None);
    let (mut start, mut valid) = (0, bytes.len().min(FIRST));
    let mut pcapng = Pcapng::new();
    let mut pcap = None;
    if input.container == Container::Pcap {
        pcap = Pcap::open(&bytes[..valid], valid == bytes.len(), &mut book);
        start = FILE_HEADER;
    }
    let (mut frames, mut raws) = (Vec::new(), Vec::new());
    loop {
        let (window, ended) = (&bytes[start..valid], valid == bytes.len());
        let walked = match &mut pcap {
            Some(pcap) => pcap.walk(window, 0, ended, &mut raws, &mut book),
            None => pcapng.walk(window, 0, ended, &mut raws, &mut book),
        };
        assert!(walked.used <= window.len());
        for raw in raws.drain(..) {
            let at = raw.offset as usize;
            let bytes = window[at..at + raw.captured as usize].to_vec();
            frames.push(Frame { time: raw.time.0, wire: raw.wire_len, interface: raw.interface, bytes });
        }
        start += walked.used;
        if ended {
            assert_eq!(start, bytes.len(), "all is used up at the end");
            return frames;
        }
        assert!(walked.need > valid - start, "nothing more is wanted, and nothing is done");
        valid = (valid + step).min(bytes.len());
    }
}

#[cfg(test)]
mod tests {
    /// Captures of the corpus, in the order of their names.
    fn corpus() -> impl Iterator<Item = Vec<u8>> {
        let entries = std::fs::read_dir("../corpus/captures").unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.into_iter().map(|path| std::fs::read(path).unwrap())
    }

    #[test]
    fn the_fuzz_body_holds_for_the_corpus() {
        assert!(corpus().map(|bytes| super::containers(&bytes)).count() > 100);
    }
}
