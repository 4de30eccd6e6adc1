//! Capture files and streams in, batches of whole frames out.
//!
//! Owns: container formats, compression, rotated sets, damage. Reads: files, standard input, bytes in memory. Emits: [`Batch`]es in
//! file order, then [`CaptureFacts`] and notes. Stops at the frame's first byte: what it holds is the `packet` floor's business.

mod batch;
mod book;
mod compressed;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod input;
mod magic;
mod origin;
mod packed;
mod pcap;
mod pcapng;
mod pcapng_block;
mod pcapng_option;
mod reader;
mod resync;
#[cfg(test)]
mod sample;
mod writer;

pub use batch::{Batch, EmbeddedSecrets, RawFrame};
pub use reader::CaptureReader;
pub use writer::{CaptureWriter, Compression, Compressor, FileFormat, Losses};

use crate::model::LinkType;

/// One input of a rotated set.
pub enum Source {
    /// A file by path. Format and compression are recognised by magic bytes, never by name.
    File(std::path::PathBuf),
    /// Any stream; `name` is what messages and facts call it (the command uses `-` for standard input).
    Stream {
        /// What messages call it.
        name: String,
        /// The bytes.
        reader: Box<dyn std::io::Read + Send>,
    },
}

impl Source {
    /// A capture in memory: a `Vec<u8>`, an `Arc<[u8]>`, or anything else that lends its bytes.
    pub fn bytes(name: impl Into<String>, bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Source::reader(name, std::io::Cursor::new(bytes))
    }

    /// A capture that a reader delivers; it needs no buffer of its own.
    pub fn reader(name: impl Into<String>, reader: impl std::io::Read + Send + 'static) -> Self {
        Source::Stream { name: name.into(), reader: Box::new(reader) }
    }
}

impl<P: Into<std::path::PathBuf>> From<P> for Source {
    /// A file by path.
    fn from(path: P) -> Self {
        Source::File(path.into())
    }
}

/// What is known of one input after reading it.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FileFacts {
    /// Path or name as the caller gave it.
    pub name: String,
    /// Container format in words, e.g. `pcap, little-endian, microseconds` or `pcapng`.
    pub format: String,
    /// `gzip`, `zstd`, `lz4`, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// Bytes of the (uncompressed) container that were read.
    pub file_bytes: u64,
    /// Frames read from it.
    pub packets: u64,
    /// Writer's hardware, operating system and application (pcapng section header), and comments, in file order; capped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<String>,
}

/// One interface (pcapng), or the single one of a pcap file.
#[derive(Clone, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct InterfaceFacts {
    /// Index into [`CaptureFacts::files`].
    pub file: usize,
    /// Interface name, if the file gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Link type's registered number.
    pub link_type: LinkType,
    /// Snapshot length; 0 means no limit.
    pub snaplen: u32,
    /// Time stamp resolution: units a second.
    pub units_per_second: u64,
    /// Frames on this interface.
    pub packets: u64,
    /// Packets that the capturing host received, as its statistics say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Packets that the capture dropped (interface and operating system), as its statistics say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Its number in a capture that is written.
    #[serde(skip)]
    pub(crate) place: u32,
    /// Its last statistics: when, in two words, and their options.
    #[serde(skip)]
    pub(crate) statistics: Option<([u32; 2], Box<[u8]>)>,
}

/// What is known of the whole set once everything was read.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CaptureFacts {
    /// The inputs in the order given.
    pub files: Vec<FileFacts>,
    /// Interfaces in order of appearance; a frame's `interface` indexes this list.
    pub interfaces: Vec<InterfaceFacts>,
}

/// How far a format's walk over a window of the file got.
struct Walked {
    /// Bytes of the window that are used up: whole records, or bytes given up as damage. All of them at the end of the input.
    used: usize,
    /// Bytes wanted from there on for the walk to get further.
    need: usize,
}
