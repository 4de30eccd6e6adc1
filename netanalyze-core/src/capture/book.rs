//! What the capture floor writes down while it reads: facts, links, notes.
//!
//! Owns the counted notes (one per kind and input) and the interface tables that frames index. Costs nothing per frame.

use std::sync::Arc;

use super::origin::{Container, Origin, Origins, push_option};
use super::pcapng_option::Options;
use super::{CaptureFacts, FileFacts, InterfaceFacts};
use crate::model::{Link, LinkType, Note, NoteKind, limits};

/// An interface as its description has it.
pub(super) struct Described {
    pub(super) container: Container,
    pub(super) link: Link,
    pub(super) snaplen: u32,
    pub(super) units_per_second: u64,
    pub(super) name: Option<String>,
    /// All of its options, as [`in_order`](super::origin::in_order) makes them.
    pub(super) options: Vec<u8>,
    /// As [`Origin::own`].
    pub(super) own: u32,
}

/// Decryption secrets: before which frame of the batch under work they stand, their kind, their bytes.
type Secrets = (usize, u32, Box<[u8]>);

/// Facts and notes of the set read so far.
#[derive(Default)]
pub(super) struct Book {
    pub(super) facts: CaptureFacts,
    pub(super) notes: Vec<Note>,
    /// Shared with batches; copied only when an interface appears while a batch still holds the table.
    pub(super) links: Arc<Vec<Link>>,
    /// What a writer needs to know of them; shared likewise.
    pub(super) origins: Arc<Origins>,
    /// Names of addresses that the batch under work holds (pcapng), in little-endian order.
    names: Vec<Box<[u8]>>,
    /// Decryption secrets of the batch under work.
    secrets: Vec<Secrets>,
    /// Bytes of both.
    attached: usize,
    /// Offset, in the uncompressed input, of the first byte of the window under work.
    pub(super) base: u64,
    /// Unpacking the current input failed: its cut end has a note already.
    pub(super) unpacking_failed: bool,
    /// Bytes of options that are kept for a writer.
    kept: usize,
    /// Where the notes of the current input begin in `notes`.
    first_note: usize,
}

impl Book {
    /// Opens the page of the next input.
    pub(super) fn begin_file(&mut self, name: String, compression: Option<&'static str>) {
        self.first_note = self.notes.len();
        self.base = 0;
        self.unpacking_failed = false;
        self.facts.files.push(FileFacts { name, compression, ..FileFacts::default() });
    }

    /// The page of the current input.
    pub(super) fn file(&mut self) -> Option<&mut FileFacts> {
        self.facts.files.last_mut()
    }

    /// Counts an occurrence that lies `at` bytes into the window; the first of its kind in this input writes the sentence.
    pub(super) fn note(&mut self, kind: NoteKind, at: usize, message: impl FnOnce() -> String) {
        if kind == NoteKind::TruncatedFile && self.unpacking_failed {
            return;
        }
        let offset = self.base.saturating_add(at as u64);
        self.note_all(kind, Some(offset), 1, message);
    }

    /// Notes bytes that are no record; reading goes on behind them.
    pub(super) fn damaged(&mut self, at: usize, found: impl FnOnce() -> String) {
        self.note(NoteKind::DamagedRecord, at, || {
            format!("damaged here: {}; what follows is read from the next good record on", found())
        });
    }

    /// Counts `count` occurrences of a kind for the current input.
    pub(super) fn note_all(
        &mut self,
        kind: NoteKind,
        offset: Option<u64>,
        count: u64,
        message: impl FnOnce() -> String,
    ) {
        let known = self.notes.iter_mut().skip(self.first_note).find(|note| note.kind == kind);
        if let Some(note) = known {
            note.count = note.count.saturating_add(count);
            return;
        }
        let file = self.facts.files.last().map(|file| file.name.clone());
        self.notes.push(Note { kind, file, offset, frame: None, count, message: message() });
    }

    /// Adds an interface and returns its number in the set, or `None` if there are too many.
    pub(super) fn add_interface(&mut self, described: Described) -> Option<u32> {
        let Described { container, link, snaplen, units_per_second, name, options, own } = described;
        let number = self.links.len();
        if number >= limits::MAX_INTERFACES {
            return None;
        }
        Arc::make_mut(&mut self.links).push(link);
        let options = self.keep(options).unwrap_or_default();
        let origins = Arc::make_mut(&mut self.origins);
        origins.add(Origin { container, link, snaplen, units: units_per_second, options, own, place: 0 });
        let place = origins.interfaces.last().map_or(0, |origin| origin.place);
        self.facts.interfaces.push(InterfaceFacts {
            file: self.facts.files.len().saturating_sub(1),
            name,
            link_type: link.kind,
            snaplen,
            units_per_second,
            packets: 0,
            received: None,
            dropped: None,
            place,
            statistics: None,
        });
        u32::try_from(number).ok()
    }

    /// Keeps the options of the first section.
    pub(super) fn keep_section(&mut self, options: Vec<u8>) {
        let options = self.keep(options);
        Arc::make_mut(&mut self.origins).section = options;
    }

    /// Keeps an interface's counters, which take the place of earlier ones; a counter that only the earlier ones hold stays.
    pub(super) fn keep_statistics(&mut self, interface: u32, time: [u32; 2], mut options: Vec<u8>) {
        let earlier = self.interface(interface).and_then(|facts| facts.statistics.take());
        if let Some((_, earlier)) = earlier {
            self.kept = self.kept.saturating_sub(earlier.len());
            add_missing(&mut options, &earlier);
        }
        let options = self.keep(options).unwrap_or_default();
        if let Some(facts) = self.interface(interface) {
            facts.statistics = Some((time, options));
        }
    }

    /// Keeps options for a writer. Where there are too many of them it keeps none, and says so.
    fn keep(&mut self, options: Vec<u8>) -> Option<Box<[u8]>> {
        if options.is_empty() {
            return None;
        }
        if options.len() > limits::MAX_KEPT_OPTIONS - self.kept {
            self.note_all(NoteKind::LimitReached, None, 1, || {
                format!(
                    "interfaces are described in more than {} bytes: captures written from this one lack what is beyond",
                    limits::MAX_KEPT_OPTIONS
                )
            });
            return None;
        }
        self.kept += options.len();
        Some(options.into())
    }

    /// Keeps a block of names until its batch is full.
    pub(super) fn attach_names(&mut self, names: Vec<u8>) {
        if self.attach(names.len()) {
            self.names.push(names.into());
        }
    }

    /// Keeps decryption secrets that stand before a frame of the batch under work until it is full.
    pub(super) fn attach_secrets(&mut self, before: usize, kind: u32, secrets: &[u8]) {
        if self.attach(secrets.len()) {
            self.secrets.push((before, kind, secrets.into()));
        }
    }

    /// Hands over what is attached to the batch, which is full: names, and secrets each with the frame that they stand before.
    pub(super) fn detach(&mut self) -> (Vec<Box<[u8]>>, Vec<Secrets>) {
        self.attached = 0;
        (std::mem::take(&mut self.names), std::mem::take(&mut self.secrets))
    }

    /// Whether anything waits.
    pub(super) fn has_attached(&self) -> bool {
        self.attached > 0
    }

    /// Whether there is room for so many bytes more; says so where there is none. An empty block counts as well.
    fn attach(&mut self, bytes: usize) -> bool {
        let bytes = bytes.saturating_add(size_of::<Secrets>());
        let fits = bytes <= limits::MAX_ATTACHED_BYTES - self.attached;
        if fits {
            self.attached += bytes;
        } else {
            self.note_all(NoteKind::LimitReached, None, 1, || {
                format!(
                    "more than {} bytes of names and decryption secrets without a packet between them: those beyond are left out",
                    limits::MAX_ATTACHED_BYTES
                )
            });
        }
        fits
    }

    /// The facts of an interface by its number in the set.
    pub(super) fn interface(&mut self, number: u32) -> Option<&mut InterfaceFacts> {
        self.facts.interfaces.get_mut(number as usize)
    }

    /// Keeps a comment or a line about the writer, within the caps.
    pub(super) fn comment(&mut self, label: &str, text: &[u8]) {
        let Some(file) = self.facts.files.last_mut() else { return };
        if text.is_empty() || file.comments.len() >= limits::MAX_COMMENTS {
            return;
        }
        file.comments.push(format!("{label}: {}", bounded_text(text)));
    }
}

/// Adds the times and counters of earlier statistics (both in little-endian order) that the later ones lack.
///
/// Drops of the interface (5) and of the system (7) are one account: with either of them the later statistics tell all of it.
/// Nothing else is taken over, so that many blocks cost no more than their bytes.
fn add_missing(later: &mut Vec<u8>, earlier: &[u8]) {
    let bit = |code: u16| if (2..=8).contains(&code) { 1 << if code == 7 { 5 } else { code } } else { 0u16 };
    // All of them take eight bytes; of several with one code the first counts.
    let is_sound = |(_, value): &(u16, &[u8])| value.len() == 8;
    let known = Options::new(later, false).filter(is_sound).fold(0, |known, (code, _)| known | bit(code));
    let mut added = 0u16;
    for (code, value) in Options::new(earlier, false).filter(is_sound) {
        if bit(code) & !known != 0 && added & (1 << code) == 0 {
            added |= 1 << code;
            push_option(later, code, value);
        }
    }
}

/// Text of a file as far as it is believed: at most [`limits::MAX_COMMENT_BYTES`], replacement characters for what is no UTF-8.
pub(super) fn bounded_text(text: &[u8]) -> String {
    let end = text.len().min(limits::MAX_COMMENT_BYTES);
    let kept = text.get(..end).unwrap_or_default();
    // Some writers store the terminating zero of their strings.
    let kept = kept.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut out = String::from_utf8_lossy(kept).into_owned();
    if end < text.len() {
        out.push('…');
    }
    out
}

/// The link that a 32-bit link type word names.
///
/// The low 16 bits are the type. Bit 26 says that the top four bits hold the length of the frame check sequence in 16-bit words
/// (pcap-savefile(5)). The other bits are reserved; Wireshark 4.0 refuses files that set them, we read those by their type.
pub(super) fn link_of_word(word: u32) -> Link {
    let fcs_len = if word & 0x0400_0000 != 0 { (word >> 28) as u8 * 2 } else { 0 };
    Link { kind: LinkType(word & 0xffff), fcs_len }
}
