//! Compression of what is written.
//!
//! gzip and lz4 are streams. zstd comes in frames of [`ZSTD_FRAME`] bytes, which every reader takes one after the other: the encoder wants its input whole.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use lz4_flex::frame::FrameEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Bytes of a frame of zstd before compression.
const ZSTD_FRAME: usize = 4 << 20;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// LZ4 frames.
    Lz4,
}

/// Compresses what is written to it, for [`CaptureWriter`](super::CaptureWriter).
pub struct Compressor<W: Write>(Kind<W>);

enum Kind<W: Write> {
    None(W),
    Gzip(GzEncoder<W>),
    /// What waits for a frame.
    Zstd(Vec<u8>, W),
    Lz4(Box<FrameEncoder<W>>),
}

impl<W: Write> Compressor<W> {
    /// Nothing is written yet.
    pub fn new(out: W, compression: Compression) -> Self {
        Compressor(match compression {
            Compression::None => Kind::None(out),
            Compression::Gzip => Kind::Gzip(GzEncoder::new(out, flate2::Compression::fast())),
            Compression::Zstd => Kind::Zstd(Vec::new(), out),
            Compression::Lz4 => Kind::Lz4(Box::new(FrameEncoder::new(out))),
        })
    }

    /// Writes the end, and flushes.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn finish(self) -> io::Result<W> {
        let mut out = match self.0 {
            Kind::None(out) => out,
            Kind::Gzip(encoder) => encoder.finish()?,
            Kind::Zstd(waiting, mut out) => {
                frame(&waiting, &mut out)?;
                out
            }
            Kind::Lz4(encoder) => encoder.finish()?,
        };
        out.flush()?;
        Ok(out)
    }
}

fn frame(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(&compress_to_vec(bytes, CompressionLevel::Fastest))
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::None(out) => out.write(bytes),
            Kind::Gzip(encoder) => encoder.write(bytes),
            Kind::Zstd(waiting, out) => {
                if waiting.len() >= ZSTD_FRAME {
                    frame(waiting, out)?;
                    waiting.clear();
                }
                let taken = bytes.len().min(ZSTD_FRAME - waiting.len());
                waiting.extend_from_slice(bytes.get(..taken).unwrap_or_default());
                Ok(taken)
            }
            Kind::Lz4(encoder) => encoder.write(bytes),
        }
    }

    /// Flushes the writer below; what compression still holds back stays there.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::None(out) | Kind::Zstd(_, out) => out.flush(),
            Kind::Gzip(encoder) => encoder.get_mut().flush(),
            Kind::Lz4(encoder) => encoder.get_mut().flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::sample::{read_good, small_pcap};

    #[test]
    fn readers_get_back_what_was_written() {
        let mut file = small_pcap(9);
        for copies in [1, 9_000] {
            let records = file[24..].to_vec();
            for _ in 1..copies {
                file.extend_from_slice(&records);
            }
            for (compression, name) in [
                (Compression::None, None),
                (Compression::Gzip, Some("gzip")),
                (Compression::Zstd, Some("zstd")),
                (Compression::Lz4, Some("lz4")),
            ] {
                let mut compressor = Compressor::new(Vec::new(), compression);
                for piece in file.chunks(70_001) {
                    compressor.write_all(piece).unwrap();
                }
                let packed = compressor.finish().unwrap();
                assert!(name.is_none() || packed.len() < file.len() / 2, "{name:?} {}", packed.len());
                let outcome = read_good(&packed);
                assert_eq!(outcome.facts.files[0].compression, name);
                assert_eq!(outcome.rows.len(), 9 * copies, "{name:?}");
                assert!(outcome.notes.is_empty());
            }
        }
    }
}
