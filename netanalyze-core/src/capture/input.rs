//! One input: opened, unpacked if it is compressed, its container recognised by its first bytes.
//!
//! Owns: files and streams, and the errors for what is no capture. Reads at most [`HEAD`] bytes ahead; after that every `read` goes
//! straight into the caller's buffer.

use std::fs::{File, Metadata};
use std::io::{self, Read};

use super::Source;
use super::compressed::{Compression, Decoder};
use super::magic;
use super::packed::Raw;
use crate::model::Error;

/// Bytes looked at to recognise an input: enough for every magic, and to tell some kinds of text apart.
const HEAD: usize = 512;

/// What an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Pcap,
    Pcapng,
    /// Nothing, or the beginning of a capture's header.
    Cut,
    /// No capture that we read.
    None,
}

/// An opened input.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) compression: Option<&'static str>,
    pub(super) container: Container,
    /// The first bytes of the (uncompressed) input, already read.
    pub(super) head: Vec<u8>,
    /// Bytes of an uncompressed regular file, as it was when it was opened.
    pub(super) length: Option<u64>,
    stream: Stream,
}

enum Stream {
    File(File),
    Other(Box<dyn Read + Send>),
    Unpacked(Box<Decoder>),
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::File(file) => file.read(into),
            Stream::Other(reader) => reader.read(into),
            Stream::Unpacked(decoder) => decoder.read(into),
        }
    }
}

impl Input {
    /// Reads into `into`, as far as one read gets; 0 at the end of the input.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        retry(&mut self.stream, into).map_err(|source| Error::Read { name: self.name.clone(), source })
    }

    /// What is wrong with the compressed stream, if anything was met so far.
    pub(super) fn damage(&self) -> Option<String> {
        match &self.stream {
            Stream::Unpacked(decoder) => decoder.damage().map(str::to_owned),
            _ => None,
        }
    }

    /// The error for an input that is no capture.
    pub(super) fn no_capture(&self) -> Error {
        let mut reason = magic::describe(&self.head);
        if let Some(compression) = self.compression {
            reason = match self.damage() {
                Some(damage) if self.head.is_empty() => damage,
                _ => format!("what this {compression} file holds {reason}"),
            };
        }
        Error::NotACapture { name: self.name.clone(), reason }
    }
}

/// Checks, before anything is read, that a file is there.
pub(super) fn check(source: &Source) -> Result<(), Error> {
    let Source::File(path) = source else { return Ok(()) };
    let name = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(Error::NotACapture {
            name,
            reason: "is a directory; name the capture files in it".to_owned(),
        }),
        Ok(_) => Ok(()),
        Err(source) => Err(Error::Read { name, source }),
    }
}

/// Opens an input and recognises what it holds.
pub(super) fn open(source: Source) -> Result<Input, Error> {
    check(&source)?;
    let (name, mut stream) = match source {
        Source::File(path) => {
            let name = path.display().to_string();
            match File::open(&path) {
                Ok(file) => (name, Stream::File(file)),
                Err(source) => return Err(Error::Read { name, source }),
            }
        }
        Source::Stream { name, reader } => (name, Stream::Other(reader)),
    };
    let failed = |source| Error::Read { name: name.clone(), source };
    let mut head = read_head(&mut stream).map_err(failed)?;
    let mut compression = None;
    if let Some(kind) = Compression::recognise(&head) {
        let inner: Box<dyn Read + Send> = match stream {
            Stream::File(file) => Box::new(file),
            Stream::Other(reader) => reader,
            Stream::Unpacked(decoder) => decoder,
        };
        compression = Some(kind.name());
        stream = Stream::Unpacked(Box::new(Decoder::new(kind, Raw::new(head, inner))));
        head = read_head(&mut stream).map_err(failed)?;
    }
    let container = recognise(&head);
    let length = match &stream {
        Stream::File(file) => file.metadata().ok().filter(Metadata::is_file).map(|facts| facts.len()),
        _ => None,
    };
    Ok(Input { name, compression, container, head, length, stream })
}

/// The container by its first bytes.
fn recognise(head: &[u8]) -> Container {
    const PCAP: [[u8; 4]; 6] = [
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x34, 0xcd, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xcd, 0x34],
    ];
    const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
    let starts = |magic: &[u8]| head.starts_with(magic) || magic.starts_with(head);
    if PCAP.iter().any(|magic| starts(magic)) {
        if head.len() < super::pcap::FILE_HEADER { Container::Cut } else { Container::Pcap }
    } else if starts(&SECTION) {
        match head.get(8..12) {
            None => Container::Cut,
            Some([0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a]) => Container::Pcapng,
            Some(_) => Container::None,
        }
    } else {
        Container::None
    }
}

fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let mut have = 0;
    while let Some(room) = head.get_mut(have..).filter(|room| !room.is_empty()) {
        match retry(stream, room)? {
            0 => break,
            read => have += read,
        }
    }
    head.truncate(have);
    Ok(head)
}

fn retry(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A reader that claims more than there was room for must not be believed.
            result => return result.map(|read| read.min(into.len())),
        }
    }
}
