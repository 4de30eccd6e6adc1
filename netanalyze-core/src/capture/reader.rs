//! The reader of a rotated set: one input after the other, a batch at a time.
//!
//! Owns: the buffer's turn-over (a partial record at a batch's end goes to the front of the next), frame numbers, the order of the
//! set. Reads [`Source`]s, emits [`Batch`]es. It is the serial part of an analysis: per byte one `read` into the batch itself, per
//! frame one look at its record header. Stops at the frame's first byte.

use std::collections::VecDeque;

use super::book::Book;
use super::input::{self, Container, Input};
use super::pcap::{self, Pcap};
use super::pcapng::Pcapng;
use super::{Batch, CaptureFacts, EmbeddedSecrets, RawFrame, Source, Walked};
use crate::model::{Error, FrameNumber, Note, NoteKind, Timestamp, limits};

/// Reads a rotated set as one capture: frames are numbered through, interfaces too.
///
/// ```no_run
/// use netanalyze_core::capture::{Batch, CaptureReader, Source};
///
/// let mut reader = CaptureReader::open(vec![Source::File("capture.pcapng".into())])?;
/// let mut batch = Batch::default();
/// while reader.next_batch(&mut batch)? {
///     for frame in &batch.frames {
///         println!("{} {} bytes", frame.time, batch.frame_bytes(frame).len());
///     }
/// }
/// let (facts, notes) = reader.finish();
/// # Ok::<(), netanalyze_core::model::Error>(())
/// ```
pub struct CaptureReader {
    /// Inputs not yet opened.
    waiting: VecDeque<Source>,
    current: Option<Current>,
    /// There is one input only, so that one without packets is an error.
    alone: bool,
    /// What of the current input was read but not used: at most one record, or the first bytes of the file.
    carry: Vec<u8>,
    book: Book,
    batches: u64,
    frames: u64,
    first_time: Option<Timestamp>,
    last_time: Option<Timestamp>,
    /// Last time of the inputs before the current one.
    last_time_before: Option<Timestamp>,
}

/// The input under way.
struct Current {
    input: Input,
    format: Format,
    /// The input has no more bytes.
    ended: bool,
    /// A frame of it was seen.
    begun: bool,
}

enum Format {
    /// A pcap whose header is to be read with the first window: its variants are told apart by the records.
    PcapStart,
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl CaptureReader {
    /// Opens a rotated set in the order given: checks that every file exists, opens the first input and recognises its format by its
    /// first bytes. Later inputs are opened when their turn comes, one at a time.
    ///
    /// # Errors
    /// [`Error::Read`] for an input that cannot be opened or read, [`Error::NotACapture`] for one that is no capture that we read, is
    /// empty, or if there is no input at all; the error names the input. [`CaptureReader::next_batch`] gives the same errors for
    /// later inputs.
    pub fn open(sources: Vec<Source>) -> Result<CaptureReader, Error> {
        for source in &sources {
            input::check(source)?;
        }
        let mut reader = CaptureReader {
            alone: sources.len() <= 1,
            waiting: sources.into(),
            current: None,
            carry: Vec::new(),
            book: Book::default(),
            batches: 0,
            frames: 0,
            first_time: None,
            last_time: None,
            last_time_before: None,
        };
        if reader.waiting.is_empty() {
            return Err(Error::NotACapture {
                name: "input".to_owned(),
                reason: "no capture was given".to_owned(),
            });
        }
        reader.open_next()?;
        Ok(reader)
    }

    /// Fills `batch` with the next whole frames of one input, about [`limits::BATCH_BYTES`] of them; its buffers are reused, and its
    /// [`Batch::bytes`] may be longer than its frames reach. The last one may hold no frames, only names and secrets that stand behind
    /// the last packet. Returns false, and no frames, after the last input.
    ///
    /// # Errors
    /// [`Error::Read`] if reading fails, [`Error::NotACapture`] if a later input is no capture, or if the whole set holds no packet.
    /// Damage is no error: see [`CaptureReader::finish`].
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, Error> {
        batch.frames.clear();
        batch.secrets.clear();
        batch.names.clear();
        batch.number = self.batches;
        batch.first_frame = FrameNumber(self.frames + 1);
        loop {
            let Some(current) = self.current.as_mut() else {
                if self.open_next()? {
                    continue;
                }
                break;
            };
            let filled = fill(current, &mut self.carry, &mut self.book, batch)?;
            if filled {
                self.account(batch);
                return Ok(true);
            }
            self.close();
        }
        if self.frames == 0 {
            let name = self.book.facts.files.first().map(|file| file.name.clone()).unwrap_or_default();
            let reason = match self.book.facts.files.len() {
                0 | 1 => "holds no packets; nothing was captured, or the capture was stopped before its buffer was written".to_owned(),
                many => format!("neither this capture nor the {} after it hold packets", many - 1),
            };
            return Err(Error::NotACapture { name, reason });
        }
        if self.book.has_attached() {
            self.account(batch);
            return Ok(true);
        }
        batch.links = self.book.links.clone();
        batch.origins = self.book.origins.clone();
        Ok(false)
    }

    /// Facts about the inputs and notes on their damage: complete after the last batch, before it what is known so far.
    #[must_use]
    pub fn finish(mut self) -> (CaptureFacts, Vec<Note>) {
        self.close();
        (self.book.facts, self.book.notes)
    }

    /// Frames delivered so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The name of the input that was read last.
    pub(crate) fn input_name(&self) -> Option<String> {
        self.book.facts.files.last().map(|file| file.name.clone())
    }

    /// Times of the first and of the last frame delivered so far (in file order; frames without a time do not count).
    #[must_use]
    pub fn time_span(&self) -> Option<(Timestamp, Timestamp)> {
        self.first_time.zip(self.last_time)
    }

    /// Whether what is left to read is one plain file that fits into one batch: there is no work for a second thread then.
    pub(crate) fn fits_a_batch(&self) -> bool {
        let length = self.current.as_ref().and_then(|current| current.input.length);
        self.waiting.is_empty() && length.is_some_and(|length| length <= limits::BATCH_BYTES as u64)
    }

    /// Opens the next input; false if there is none.
    fn open_next(&mut self) -> Result<bool, Error> {
        while let Some(source) = self.waiting.pop_front() {
            let input = input::open(source)?;
            self.book.begin_file(input.name.clone(), input.compression);
            self.carry.clear();
            self.carry.extend_from_slice(&input.head);
            let format = match input.container {
                Container::Pcap => Format::PcapStart,
                Container::Pcapng => Format::Pcapng(Pcapng::new()),
                // The newest file of a rotated set is often still empty.
                Container::Cut if !self.alone => {
                    let length = input.head.len();
                    let damage = input.damage();
                    let kind =
                        if damage.is_some() { NoteKind::DamagedCompression } else { NoteKind::TruncatedFile };
                    self.book.note(kind, 0, || match (damage, length) {
                        (Some(damage), _) => damage,
                        (None, 0) => "the file is empty".to_owned(),
                        (None, _) => format!("the file ends inside its header, after {length} bytes"),
                    });
                    continue;
                }
                Container::Cut | Container::None => return Err(input.no_capture()),
            };
            self.last_time_before = self.last_time;
            self.current = Some(Current { input, format, ended: false, begun: false });
            return Ok(true);
        }
        Ok(false)
    }

    /// Numbers a batch's frames.
    fn account(&mut self, batch: &mut Batch) {
        batch.links = self.book.links.clone();
        batch.origins = self.book.origins.clone();
        let (names, secrets) = self.book.detach();
        batch.names.extend(names);
        for (index, kind, bytes) in secrets {
            let before = batch.frame_number(index);
            batch.secrets.push(EmbeddedSecrets { before, kind, bytes });
        }
        let count = batch.frames.len() as u64;
        self.batches += 1;
        self.frames += count;
        if let Some(file) = self.book.file() {
            file.packets += count;
        }
        let timed = |frame: &&RawFrame| frame.time != Timestamp::default();
        if let Some(first) = batch.frames.iter().find(timed)
            && let Some(current) = self.current.as_mut()
            && !current.begun
        {
            current.begun = true;
            self.first_time.get_or_insert(first.time);
            if self.last_time_before.is_some_and(|before| first.time < before) {
                self.book.note_all(NoteKind::DescendingTimes, None, 1, || {
                    "the capture begins before the one in front of it ends: give rotated files in the order of their times".to_owned()
                });
            }
        }
        if let Some(last) = batch.frames.iter().rev().find(timed) {
            self.last_time = Some(last.time);
        }
    }

    /// Closes the current input's page.
    fn close(&mut self) {
        let Some(current) = self.current.take() else { return };
        let end = self.book.base;
        if let Some(file) = self.book.file() {
            file.file_bytes = end;
        }
        if let Some(damage) = current.input.damage() {
            self.book.note_all(NoteKind::DamagedCompression, Some(end), 1, || {
                format!("{damage} after {end} unpacked bytes; the packets before that were analysed")
            });
        }
        let file = self.book.facts.files.len().saturating_sub(1);
        let mine = self.book.facts.interfaces.iter().rev().take_while(|interface| interface.file == file);
        let dropped = mine.filter_map(|interface| interface.dropped).fold(0, u64::saturating_add);
        if dropped > 0 {
            self.book.note_all(NoteKind::CaptureDrops, None, dropped, || {
                format!("the capture reports that it dropped {dropped} packets: what seems lost may only be missing from the capture")
            });
        }
    }
}

/// Bytes read at a time before their record headers are walked.
const PIECE: usize = 128 << 10;

/// Reads until the batch holds frames; false if the input ended without any more.
fn fill(
    current: &mut Current,
    carry: &mut Vec<u8>,
    book: &mut Book,
    batch: &mut Batch,
) -> Result<bool, Error> {
    let bytes = &mut batch.bytes;
    if bytes.len() > 2 * limits::BATCH_BYTES && carry.len() < limits::BATCH_BYTES {
        // A giant record went through it; its memory is not needed again.
        bytes.truncate(limits::BATCH_BYTES);
        bytes.shrink_to_fit();
    }
    let mut valid = carry.len();
    let mut target = limits::BATCH_BYTES.max(valid);
    grow(bytes, target);
    if let Some(front) = bytes.get_mut(..valid) {
        front.copy_from_slice(carry);
    }
    let (mut used, mut need) = (0, 0);
    loop {
        while valid < target && !current.ended {
            // Pieces, so that the walk finds the headers still in the core's own cache: a third less time than over the whole batch.
            let piece = target.min(valid + PIECE);
            while valid < piece && !current.ended {
                match current.input.read(bytes.get_mut(valid..piece).unwrap_or_default())? {
                    0 => current.ended = true,
                    read => valid += read,
                }
            }
            // Damage of the compression cuts the last record; that is one trouble and gets one note.
            book.unpacking_failed = current.ended && current.input.damage().is_some();
            let window = bytes.get(..valid).unwrap_or_default();
            let walked = current.format.walk(window, used, current.ended, &mut batch.frames, book);
            used = walked.used.min(valid);
            need = walked.need;
        }
        book.base += used as u64;
        if !batch.frames.is_empty() {
            carry.clear();
            carry.shrink_to(limits::BATCH_BYTES);
            carry.extend_from_slice(bytes.get(used..valid).unwrap_or_default());
            return Ok(true);
        }
        if current.ended {
            carry.clear();
            return Ok(false);
        }
        bytes.copy_within(used..valid, 0);
        valid -= used;
        used = 0;
        // A large record gets room as its bytes come, not as its length claims.
        target = need.min(valid.saturating_mul(2)).max(limits::BATCH_BYTES).max(valid + 1);
        grow(bytes, target);
    }
}

/// Makes the buffer at least `length` long; only what is new is zeroed.
fn grow(bytes: &mut Vec<u8>, length: usize) {
    if bytes.is_empty() {
        // Fresh zero pages of the system, not written here.
        *bytes = vec![0; length];
    } else if bytes.len() < length {
        bytes.resize(length, 0);
    }
}

impl Format {
    fn walk(
        &mut self,
        bytes: &[u8],
        mut from: usize,
        ended: bool,
        frames: &mut Vec<RawFrame>,
        book: &mut Book,
    ) -> Walked {
        if let Format::PcapStart = self {
            match Pcap::open(bytes, ended, book) {
                Some(pcap) => {
                    *self = Format::Pcap(pcap);
                    from += pcap::FILE_HEADER;
                }
                None => return Walked { used: bytes.len(), need: 0 },
            }
        }
        match self {
            Format::PcapStart => Walked { used: bytes.len(), need: 0 },
            Format::Pcap(pcap) => pcap.walk(bytes, from, ended, frames, book),
            Format::Pcapng(pcapng) => pcapng.walk(bytes, from, ended, frames, book),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::sample::{LITTLE, ORDERS, T0, read_all, read_good, small_pcap, small_pcapng, stream};
    use super::*;

    fn set(files: &[Vec<u8>]) -> Vec<Source> {
        files.iter().zip('a'..).map(|(file, name)| stream(&name.to_string(), file, usize::MAX)).collect()
    }

    /// A pcap of several batches with records of all lengths, and the offsets and lengths of their data.
    fn long_pcap() -> (Vec<u8>, Vec<(usize, usize)>) {
        let mut file = small_pcap(0);
        let mut places = Vec::new();
        while file.len() < 4 * limits::BATCH_BYTES {
            let length = places.len() * 37 % 1600;
            file.extend(LITTLE.record(T0, 0, length as u32, &vec![places.len() as u8; length]));
            places.push((file.len() - length, length));
        }
        (file, places)
    }

    #[test]
    fn frames_run_on_over_batches() {
        let (file, places) = long_pcap();
        let outcome = read_good(&file);
        assert_eq!(outcome.rows.len(), places.len());
        for (row, (start, length)) in outcome.rows.iter().zip(&places) {
            assert_eq!(row.bytes, file[*start..*start + *length]);
        }
        assert_eq!(outcome.facts.files[0].file_bytes, file.len() as u64);
        assert!(outcome.notes.is_empty());
    }

    #[test]
    fn short_reads_give_the_same_frames() {
        for file in [small_pcap(30), small_pcapng(ORDERS[0], 30), small_pcapng(ORDERS[1], 30)] {
            let want = read_good(&file);
            for step in [1, 3, 16, 100] {
                assert_eq!(read_all(vec![stream("test", &file, step)]).unwrap().rows, want.rows);
            }
        }
        let (file, _) = long_pcap();
        let want = read_good(&file);
        for step in [4093, 65_536, 131_071] {
            assert_eq!(read_all(vec![stream("test", &file, step)]).unwrap().rows, want.rows);
        }
    }

    #[test]
    fn a_set_is_numbered_through() {
        let outcome = read_all(set(&[small_pcap(3), small_pcapng(ORDERS[1], 2), small_pcap(1)])).unwrap();
        let seen: Vec<_> = outcome.rows.iter().map(|row| (row.number, row.interface)).collect();
        assert_eq!(seen, [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 2)]);
        let files: Vec<_> =
            outcome.facts.files.iter().map(|file| (file.name.as_str(), file.packets)).collect();
        assert_eq!(files, [("a", 3), ("b", 2), ("c", 1)]);
        let interfaces: Vec<_> =
            outcome.facts.interfaces.iter().map(|each| (each.file, each.packets)).collect();
        assert_eq!(interfaces, [(0, 3), (1, 2), (2, 1)]);
    }

    #[test]
    fn sets_out_of_order_are_noted() {
        let late = [LITTLE.pcap(0xa1b2_c3d4, 0, 1), LITTLE.record(T0 + 9, 0, 1, b"x")].concat();
        assert!(read_all(set(&[small_pcap(2), late.clone()])).unwrap().notes.is_empty());
        let outcome = read_all(set(&[late, small_pcap(2)])).unwrap();
        assert_eq!(outcome.kinds(), [NoteKind::DescendingTimes]);
        assert_eq!(outcome.notes[0].file.as_deref(), Some("b"));
    }

    #[test]
    fn an_empty_file_in_a_set_is_noted() {
        for cut in [0, 3, 23] {
            let last = [LITTLE.pcap(0xa1b2_c3d4, 0, 1), LITTLE.record(T0 + 9, 0, 1, b"x")].concat();
            let outcome = read_all(set(&[small_pcap(2), small_pcap(2)[..cut].to_vec(), last])).unwrap();
            assert_eq!((outcome.rows.len(), outcome.kinds()), (3, vec![NoteKind::TruncatedFile]), "{cut}");
        }
    }

    #[test]
    fn a_set_without_packets_is_an_error() {
        for files in [&[small_pcap(0)][..], &[small_pcap(0), small_pcap(0), small_pcapng(ORDERS[0], 0)]] {
            let error = read_all(set(files)).unwrap_err();
            assert!(matches!(&error, Error::NotACapture { name, .. } if name == "a"), "{error}");
        }
        assert!(matches!(CaptureReader::open(vec![]), Err(Error::NotACapture { .. })));
    }

    #[test]
    fn what_is_no_capture_in_a_set_is_an_error_that_names_it() {
        let error = read_all(set(&[small_pcap(2), b"#!/bin/sh".to_vec()])).unwrap_err();
        assert!(matches!(&error, Error::NotACapture { name, .. } if name == "b"), "{error}");
    }

    #[test]
    fn missing_files_and_directories_are_found_before_anything_is_read() {
        let sources = |path: &str| vec![stream("a", &small_pcap(1), 9), Source::File(path.into())];
        let missing = CaptureReader::open(sources("no/such/file.pcap")).err();
        assert!(matches!(&missing, Some(Error::Read { name, .. }) if name == "no/such/file.pcap"));
        let directory = CaptureReader::open(sources(".")).err();
        assert!(
            matches!(&directory, Some(Error::NotACapture { reason, .. }) if reason.contains("directory"))
        );
    }

    #[test]
    fn one_kind_of_trouble_in_a_file_is_one_note() {
        let mut file = small_pcapng(ORDERS[0], 1);
        for _ in 0..5 {
            file.extend(LITTLE.enhanced(4, 0, 1, b"x"));
        }
        let outcome = read_all(set(&[file.clone(), file])).unwrap();
        let notes: Vec<_> =
            outcome.notes.iter().map(|note| (note.file.as_deref(), note.offset, note.count)).collect();
        let first = Some(28 + 20 + 92 + 8);
        assert_eq!(notes, [(Some("a"), first, 5), (Some("b"), first, 5)]);
    }

    #[test]
    fn batches_share_the_links_until_an_interface_appears() {
        let (file, _) = long_pcap();
        let mut reader = CaptureReader::open(set(&[file, small_pcap(1)])).unwrap();
        let mut batches = [Batch::default(), Batch::default(), Batch::default()];
        for batch in &mut batches {
            assert!(reader.next_batch(batch).unwrap());
        }
        assert!(Arc::ptr_eq(&batches[0].links, &batches[2].links));
        let mut last = Batch::default();
        while reader.next_batch(&mut last).unwrap() {}
        assert_eq!((batches[0].links.len(), last.links.len()), (1, 2));
    }

    #[test]
    fn a_giant_record_gives_its_memory_back() {
        let mut file = small_pcap(1);
        file.extend(LITTLE.record(T0, 0, 8 << 20, &vec![1; 8 << 20]));
        file.extend_from_slice(&long_pcap().0[24..]);
        let mut reader = CaptureReader::open(set(&[file])).unwrap();
        let mut batch = Batch::default();
        let mut most = 0;
        while reader.next_batch(&mut batch).unwrap() {
            most = most.max(batch.bytes.len());
        }
        assert!(most >= 8 << 20);
        assert!(
            batch.bytes.capacity() <= 2 * limits::BATCH_BYTES
                && reader.carry.capacity() <= limits::BATCH_BYTES
        );
    }

    #[test]
    fn the_time_span_is_that_of_the_frames() {
        let mut reader = CaptureReader::open(set(&[small_pcap(3)])).unwrap();
        assert_eq!(reader.time_span(), None);
        while reader.next_batch(&mut Batch::default()).unwrap() {}
        let start = i64::from(T0) * 1_000_000_000;
        assert_eq!(reader.time_span(), Some((Timestamp(start), Timestamp(start + 2_000_000))));
        assert_eq!(reader.frames(), 3);
    }

    #[test]
    fn only_one_small_plain_file_is_known_to_fit_a_batch() {
        // Tests run in the package's own directory.
        let file = |name: &str| Source::File(format!("../corpus/captures/{name}").into());
        let fits = |sources| CaptureReader::open(sources).unwrap().fits_a_batch();
        assert!(fits(vec![file("ack-lost.pcap")]));
        assert!(!fits(vec![file("ack-lost.pcap"), file("ack-lost.pcap")]));
        assert!(!fits(vec![file("compressed.pcap.gz")]));
        assert!(!fits(set(&[small_pcap(1)])));
    }

    #[test]
    fn a_reader_goes_to_another_thread() {
        fn sendable<T: Send>() {}
        sendable::<CaptureReader>();
    }
}
