//! Packets out: captures in pcapng or pcap of what a reader delivered.
//!
//! Reads batches, writes each chosen frame byte for byte with its time at full resolution, before it what describes its interface. pcapng keeps
//! comments and other options, decryption secrets, names and the counters of interfaces; pcap has no place for them, and
//! [`Losses`] counts what that cost. The output is little-endian, with one section. Rules: draft-ietf-opsawg-pcapng,
//! draft-ietf-opsawg-pcap. Costs a copy of each chosen frame.

mod compress;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use compress::{Compression, Compressor};

use super::{Batch, CaptureFacts};

/// A format that captures are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// pcapng, which keeps everything.
    Pcapng,
    /// pcap: packets of one link type, and nothing beside them.
    Pcap,
}

/// What a written capture lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// Chosen records of which nobody knows the interface, or which the format has no place for. They were left out.
    pub packets: u64,
    /// Packets whose time the format cannot hold, as before 1970 or finer than its unit. They have the nearest time that it can.
    pub times: u64,
    /// Packets that had comments or other options.
    pub comments: u64,
    /// Decryption secrets.
    pub secrets: u64,
}

/// Writes a capture.
///
/// ```
/// use netanalyze_core::capture::{Batch, CaptureReader, CaptureWriter, FileFormat, Source};
/// # let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
/// # let file = [&header[..], &[1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7]].concat();
///
/// let mut reader = CaptureReader::open(vec![Source::bytes("capture", file)])?;
/// let mut writer = CaptureWriter::new(Vec::new(), FileFormat::Pcapng);
/// let mut batch = Batch::default();
/// while reader.next_batch(&mut batch)? {
///     writer.begin_batch(&batch)?;
///     for index in 0..batch.frames.len() {
///         writer.packet(&batch, index, &["seen"])?;
///     }
/// }
/// let (facts, _) = reader.finish();
/// let (bytes, losses) = writer.finish(&facts)?;
/// assert_eq!((bytes.len(), losses), (108, Default::default()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CaptureWriter<W> {
    out: W,
    state: State,
    losses: Losses,
    /// Reused for each piece of output.
    piece: Vec<u8>,
}

enum State {
    Pcapng(pcapng::Begun),
    Pcap(Option<pcap::Header>),
}

impl<W: Write> CaptureWriter<W> {
    /// Nothing is written yet. Wants a buffered writer: every packet is a `write`.
    pub fn new(out: W, format: FileFormat) -> Self {
        let state = match format {
            FileFormat::Pcapng => State::Pcapng(pcapng::Begun::default()),
            FileFormat::Pcap => State::Pcap(None),
        };
        CaptureWriter { out, state, losses: Losses::default(), piece: Vec::new() }
    }

    /// Writes what packets of a batch need to stand before them. Call it for every batch, in order, whether any packet of it is chosen or not.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin_batch(&mut self, batch: &Batch) -> io::Result<()> {
        match &mut self.state {
            State::Pcapng(begun) => {
                self.piece.clear();
                begun.batch(batch, &mut self.piece);
                self.out.write_all(&self.piece)
            }
            State::Pcap(header) => {
                self.losses.secrets += batch.secrets.len() as u64;
                match header {
                    Some(_) => Ok(()),
                    None => {
                        let new = pcap::Header::of(batch);
                        self.out.write_all(&new.bytes())?;
                        *header = Some(new);
                        Ok(())
                    }
                }
            }
        }
    }

    /// Writes the packet at an index of the batch that was begun last, with these comments beside its own.
    ///
    /// # Errors
    /// Those of the writer; of kind [`io::ErrorKind::InvalidData`] if the format cannot hold packets of this link type beside those that it has.
    pub fn packet<C: AsRef<str>>(&mut self, batch: &Batch, index: usize, comments: &[C]) -> io::Result<()> {
        let Some(frame) = batch.frames.get(index) else { return Ok(()) };
        self.piece.clear();
        let written = match &self.state {
            State::Pcapng(_) => pcapng::push_packet(&mut self.piece, batch, frame, comments),
            State::Pcap(None) => false,
            State::Pcap(Some(header)) => {
                header.push_packet(&mut self.piece, batch, frame, &mut self.losses)?
            }
        };
        if !written {
            self.losses.packets += 1;
        }
        self.out.write_all(&self.piece)
    }

    /// Writes what stands at the end, and flushes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self, facts: &CaptureFacts) -> io::Result<(W, Losses)> {
        if let State::Pcapng(begun) = &mut self.state {
            self.piece.clear();
            begun.end(facts, &mut self.piece);
            self.out.write_all(&self.piece)?;
        }
        self.out.flush()?;
        Ok((self.out, self.losses))
    }

    /// The writer below.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}
