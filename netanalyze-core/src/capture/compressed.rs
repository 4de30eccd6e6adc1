//! Compressed inputs, unpacked as they are read.
//!
//! Owns: gzip (RFC 1952, several members), zstd (RFC 8878, several and skippable frames), lz4 frames. Damage ends the stream as if it
//! were its end, after every byte that could still be unpacked, and is remembered for one note; only real read errors are errors.
//! Cost: one copy through the decompressor; zstd holds a window of at most [`limits::MAX_ZSTD_WINDOW`].

use std::io::{self, Cursor, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder as Lz4Frame;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdFrame};

use crate::model::limits;

/// A compression that we unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Lz4,
}

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const LZ4_LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

impl Compression {
    /// The compression by its first bytes. Skippable frames may stand before zstd and lz4 frames; zstd's tools write them more often.
    pub(super) fn recognise(head: &[u8]) -> Option<Compression> {
        let magic = *head.first_chunk::<4>()?;
        match magic {
            [0x1f, 0x8b, 8, _] => Some(Compression::Gzip),
            ZSTD_MAGIC => Some(Compression::Zstd),
            LZ4_MAGIC | LZ4_LEGACY_MAGIC => Some(Compression::Lz4),
            _ if is_skippable(magic) => {
                let length = u32::from_le_bytes(*head.get(4..)?.first_chunk()?) as usize;
                match head.get(length.checked_add(8)?..) {
                    Some([a, b, c, d, ..]) if [*a, *b, *c, *d] == LZ4_MAGIC => Some(Compression::Lz4),
                    _ => Some(Compression::Zstd),
                }
            }
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
        }
    }
}

fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// The packed bytes: what was read to recognise them, then the rest.
///
/// Decompressors wrap read errors in their own; the real one is kept here, and they see the end of the input.
pub(super) struct Raw {
    inner: io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>,
    failed: Option<io::Error>,
}

impl Raw {
    pub(super) fn new(head: Vec<u8>, rest: Box<dyn Read + Send>) -> Raw {
        Raw { inner: Cursor::new(head).chain(rest), failed: None }
    }
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    return Ok(0);
                }
            }
        }
    }
}

/// Bytes of packed input held at a time.
const BUFFER: usize = 64 << 10;

/// A buffer over the packed bytes that can look ahead, and remembers the last bytes that were taken.
struct Packed {
    raw: Raw,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    last: [u8; 8],
}

impl Packed {
    fn new(raw: Raw) -> Packed {
        Packed { raw, buffer: vec![0; BUFFER], start: 0, end: 0, last: [0xff; 8] }
    }

    /// The bytes at hand: at least `want` (a few) of them unless the input ends before.
    fn ahead(&mut self, want: usize) -> io::Result<&[u8]> {
        if self.end - self.start < want {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < want {
                match self.raw.read(self.buffer.get_mut(self.end..).unwrap_or_default())? {
                    0 => break,
                    read => self.end = (self.end + read).min(self.buffer.len()),
                }
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    /// Marks bytes at hand as used.
    fn take(&mut self, count: usize) {
        let end = self.start.saturating_add(count).min(self.end);
        let taken = self.buffer.get(self.start..end).unwrap_or_default();
        if let Some(last) = taken.last_chunk::<8>() {
            self.last = *last;
        } else {
            self.last.rotate_left(taken.len());
            if let Some(room) = self.last.get_mut(8 - taken.len()..) {
                room.copy_from_slice(taken);
            }
        }
        self.start = end;
    }

    /// The magic of the next frame; fewer bytes at the end of the input.
    fn magic(&mut self) -> io::Result<Magic> {
        let ahead = self.ahead(4)?;
        Ok(match ahead.first_chunk::<4>() {
            Some(magic) if is_skippable(*magic) => Magic::Skippable,
            Some(magic) => Magic::Frame(*magic),
            None if ahead.is_empty() => Magic::End,
            None => Magic::Frame([0; 4]),
        })
    }

    /// Passes over a skippable frame.
    fn skip_frame(&mut self) -> io::Result<Step> {
        let cut = Step::Damage(0, "ends inside a skippable frame".to_owned());
        let Some(&length) = self.ahead(8)?.get(4..).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(cut);
        };
        self.take(8);
        let mut left = u32::from_le_bytes(length) as usize;
        while left > 0 {
            let have = self.ahead(1)?.len().min(left);
            if have == 0 {
                return Ok(cut);
            }
            self.take(have);
            left -= have;
        }
        Ok(Step::Bytes(0))
    }
}

/// What comes next in the packed input.
enum Magic {
    End,
    Skippable,
    Frame([u8; 4]),
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let have = self.ahead(1)?;
        let count = have.len().min(into.len());
        if let (Some(front), Some(bytes)) = (into.get_mut(..count), have.get(..count)) {
            front.copy_from_slice(bytes);
        }
        self.take(count);
        Ok(count)
    }
}

/// An input being unpacked.
pub(super) struct Decoder {
    kind: Compression,
    state: State,
    /// Nothing more will come.
    ended: bool,
    damage: Option<String>,
}

enum State {
    Gzip {
        packed: Packed,
        member: Option<Decompress>,
    },
    Zstd {
        packed: Packed,
        zstd: Zstd,
    },
    /// Between lz4 frames.
    Lz4(Packed),
    Lz4Frame {
        frame: Box<Lz4Frame<Packed>>,
        legacy: bool,
    },
    /// Only while a state is exchanged.
    Gone,
}

/// zstd frames under way.
struct Zstd {
    frame: Box<ZstdFrame>,
    /// Within a frame.
    open: bool,
    /// Why the frame failed; what it still holds is being handed out.
    failed: Option<String>,
}

/// What one step of unpacking gave.
enum Step {
    /// So many bytes (0: none yet).
    Bytes(usize),
    /// The end of the stream.
    End,
    /// So many bytes, and then damage.
    Damage(usize, String),
}

impl Decoder {
    pub(super) fn new(kind: Compression, raw: Raw) -> Decoder {
        let packed = Packed::new(raw);
        let state = match kind {
            Compression::Gzip => State::Gzip { packed, member: None },
            Compression::Zstd => {
                let mut frame = Box::new(ZstdFrame::new());
                frame.set_max_window_size(limits::MAX_ZSTD_WINDOW);
                State::Zstd { packed, zstd: Zstd { frame, open: false, failed: None } }
            }
            Compression::Lz4 => State::Lz4(packed),
        };
        Decoder { kind, state, ended: false, damage: None }
    }

    /// What is wrong with the stream, if anything was met so far.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// A read error of the packed input, as opposed to damage in it.
    fn failure(&mut self) -> Option<io::Error> {
        let packed = match &mut self.state {
            State::Gzip { packed, .. } | State::Zstd { packed, .. } | State::Lz4(packed) => packed,
            State::Lz4Frame { frame, .. } => frame.get_mut(),
            State::Gone => return None,
        };
        packed.raw.failed.take()
    }

    fn step(&mut self, into: &mut [u8]) -> io::Result<Step> {
        match &mut self.state {
            State::Gzip { packed, member } => gzip_step(packed, member, into),
            State::Zstd { packed, zstd } => zstd_step(packed, zstd, into),
            State::Lz4(_) | State::Lz4Frame { .. } => self.lz4_step(into),
            State::Gone => Ok(Step::End),
        }
    }

    fn lz4_step(&mut self, into: &mut [u8]) -> io::Result<Step> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Lz4(mut packed) => {
                let next = match packed.magic()? {
                    Magic::End => Step::End,
                    Magic::Skippable => packed.skip_frame()?,
                    Magic::Frame(magic @ (LZ4_MAGIC | LZ4_LEGACY_MAGIC)) => {
                        let frame = Box::new(Lz4Frame::new(packed));
                        self.state = State::Lz4Frame { frame, legacy: magic == LZ4_LEGACY_MAGIC };
                        return Ok(Step::Bytes(0));
                    }
                    Magic::Frame(_) => Step::Damage(0, "goes on with bytes that are no lz4 frame".to_owned()),
                };
                self.state = State::Lz4(packed);
                Ok(next)
            }
            State::Lz4Frame { mut frame, legacy } => match frame.read(into) {
                Ok(0) => {
                    let mut packed = frame.into_inner();
                    // lz4_flex takes the end of the input for the end of a frame. A frame ends with four zero bytes, and a checksum
                    // or none behind them; only legacy frames end with the input.
                    let [.., a, b, c, d] = packed.last;
                    let marked = legacy || [a, b, c, d] == [0; 4] || packed.last.starts_with(&[0; 4]);
                    let cut = !marked && packed.ahead(1)?.is_empty();
                    self.state = State::Lz4(packed);
                    Ok(if cut { Step::Damage(0, "ends early".to_owned()) } else { Step::Bytes(0) })
                }
                Ok(read) => {
                    self.state = State::Lz4Frame { frame, legacy };
                    Ok(Step::Bytes(read))
                }
                Err(error) => {
                    self.state = State::Lz4Frame { frame, legacy };
                    Ok(Step::Damage(0, reason(&error)))
                }
            },
            other => {
                self.state = other;
                Ok(Step::End)
            }
        }
    }
}

impl Read for Decoder {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !into.is_empty() {
            let (read, damage) = match self.step(into)? {
                Step::Bytes(0) => continue,
                Step::Bytes(read) => return Ok(read),
                Step::End => (0, None),
                Step::Damage(read, reason) => (read, Some(reason)),
            };
            self.ended = true;
            if let Some(error) = self.failure() {
                return Err(error);
            }
            self.damage = damage.map(|reason| {
                format!(
                    "the {} stream {reason}; what could be unpacked before that was analysed",
                    self.kind.name()
                )
            });
            return Ok(read);
        }
        Ok(0)
    }
}

/// flate2's readers lose what an unpacking call wrote before it failed, so its state is driven by hand.
fn gzip_step(packed: &mut Packed, member: &mut Option<Decompress>, into: &mut [u8]) -> io::Result<Step> {
    let input = packed.ahead(1)?;
    let Some(open) = member else {
        return Ok(match input {
            [] => Step::End,
            // Padding behind the last member, as tapes and block devices leave it (RFC 1952 says nothing of it; gzip ignores it).
            [0, ..] => {
                let zeros = input.iter().take_while(|byte| **byte == 0).count();
                packed.take(zeros);
                Step::Bytes(0)
            }
            [0x1f, ..] => {
                *member = Some(Decompress::new_gzip(15));
                Step::Bytes(0)
            }
            _ => Step::Damage(0, "goes on with bytes that are no gzip member".to_owned()),
        });
    };
    let (taken, given) = (open.total_in(), open.total_out());
    let status = open.decompress(input, into, FlushDecompress::None);
    let taken = usize::try_from(open.total_in() - taken).unwrap_or(0);
    let given = usize::try_from(open.total_out() - given).unwrap_or(0);
    let stuck = taken == 0 && given == 0;
    let at_end = input.is_empty();
    packed.take(taken);
    Ok(match status {
        Ok(Status::StreamEnd) => {
            *member = None;
            Step::Bytes(given)
        }
        Ok(_) if stuck && at_end => Step::Damage(0, "ends early".to_owned()),
        Ok(_) if stuck => Step::Damage(0, "is damaged".to_owned()),
        Ok(_) => Step::Bytes(given),
        Err(error) => Step::Damage(given, format!("is damaged ({error})")),
    })
}

fn zstd_step(packed: &mut Packed, zstd: &mut Zstd, into: &mut [u8]) -> io::Result<Step> {
    if zstd.frame.can_collect() > 0 {
        return Ok(Step::Bytes(zstd.frame.read(into)?));
    }
    if let Some(reason) = zstd.failed.take() {
        return Ok(Step::Damage(0, reason));
    }
    if zstd.open && zstd.frame.is_finished() {
        zstd.open = false;
        let (said, found) = (zstd.frame.get_checksum_from_data(), zstd.frame.get_calculated_checksum());
        if said.is_some() && found.is_some() && said != found {
            return Ok(Step::Damage(0, "does not match its checksum".to_owned()));
        }
    }
    if !zstd.open {
        return Ok(match packed.magic()? {
            Magic::End => Step::End,
            Magic::Skippable => packed.skip_frame()?,
            Magic::Frame(ZSTD_MAGIC) => match zstd.frame.reset(&mut *packed) {
                Ok(()) => {
                    zstd.open = true;
                    Step::Bytes(0)
                }
                Err(error) => Step::Damage(0, reason(&error)),
            },
            Magic::Frame(_) => Step::Damage(0, "goes on with bytes that are no zstd frame".to_owned()),
        });
    }
    if let Err(error) = zstd.frame.decode_blocks(&mut *packed, BlockDecodingStrategy::UptoBytes(BUFFER)) {
        zstd.failed = Some(reason(&error));
        // The decoder holds back a window of good bytes until the frame ends. An empty last block, and a checksum that nobody compares,
        // ends it; if even that fails there is nothing more to be had.
        let _ = zstd.frame.decode_blocks(&[1_u8, 0, 0, 0, 0, 0, 0][..], BlockDecodingStrategy::All);
    }
    Ok(Step::Bytes(0))
}

/// Why unpacking failed, for people.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text = deeper.to_string();
        source = deeper.source();
    }
    format!("is damaged or ends early ({text})")
}
