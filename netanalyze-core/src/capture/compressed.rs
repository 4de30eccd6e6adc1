//! Compressed inputs, unpacked as they are read.

use std::io::{self, Cursor, Read};

/// A compression that we unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
}

impl Compression {
    pub(super) fn recognise(head: &[u8]) -> Option<Compression> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Compression::Gzip),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        "gzip"
    }
}

/// The packed bytes: what was read to recognise them, then the rest.
pub(super) struct Raw {
    inner: io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
}

impl Raw {
    pub(super) fn new(head: Vec<u8>, inner: Box<dyn Read + Send>) -> Raw {
        Raw { inner: Cursor::new(head).chain(inner) }
    }
}

/// Unpacks.
pub(super) struct Decoder {
    inner: flate2::bufread::MultiGzDecoder<io::BufReader<io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>>>,
    damage: Option<String>,
}

impl Decoder {
    pub(super) fn new(_kind: Compression, raw: Raw) -> Decoder {
        Decoder { inner: flate2::bufread::MultiGzDecoder::new(io::BufReader::new(raw.inner)), damage: None }
    }

    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

impl Read for Decoder {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(into) {
            Err(error) => {
                self.damage = Some(error.to_string());
                Ok(0)
            }
            other => other,
        }
    }
}
