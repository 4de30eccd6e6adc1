//! What the capture floor writes down while it reads: facts, links, notes.
//!
//! Owns the counted notes (one per kind and input) and the interface tables that frames index. Costs nothing per frame.

use std::sync::Arc;

use super::{CaptureFacts, FileFacts, InterfaceFacts};
use crate::model::{Link, LinkType, Note, NoteKind, limits};

/// Facts and notes of the set read so far.
#[derive(Default)]
pub(super) struct Book {
    pub(super) facts: CaptureFacts,
    pub(super) notes: Vec<Note>,
    /// Shared with batches; copied only when an interface appears while a batch still holds the table.
    pub(super) links: Arc<Vec<Link>>,
    /// Decryption secrets of the batch under work: before which of its frames they stand, their kind, their bytes.
    pub(super) secrets: Vec<(usize, u32, Box<[u8]>)>,
    /// Offset, in the uncompressed input, of the first byte of the window under work.
    pub(super) base: u64,
    /// Unpacking the current input failed: its cut end has a note already.
    pub(super) unpacking_failed: bool,
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
    pub(super) fn add_interface(
        &mut self,
        link: Link,
        snaplen: u32,
        units_per_second: u64,
        name: Option<String>,
    ) -> Option<u32> {
        let number = self.links.len();
        if number >= limits::MAX_INTERFACES {
            return None;
        }
        Arc::make_mut(&mut self.links).push(link);
        self.facts.interfaces.push(InterfaceFacts {
            file: self.facts.files.len().saturating_sub(1),
            name,
            link_type: link.kind,
            snaplen,
            units_per_second,
            packets: 0,
            received: None,
            dropped: None,
        });
        u32::try_from(number).ok()
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
