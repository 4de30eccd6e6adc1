//! Compressed inputs, unpacked as they are read.
//!
//! Owns: gzip (RFC 1952, several members), zstd (RFC 8878, several and skippable frames), lz4 frames. Damage ends the stream as if it
//! were its end, after every byte that could still be unpacked, and is remembered for one note; only real read errors are errors.
//! Cost: one copy through the decompressor; zstd holds a window of at most [`limits::MAX_ZSTD_WINDOW`].

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder as Lz4Frame;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdFrame};

use super::packed::{BUFFER, Magic, Packed, Raw, is_skippable};
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
                    Magic::Skippable => skip(packed.skip_frame()?),
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
            self.damage = damage.map(|reason| format!("the {} stream {reason}", self.kind.name()));
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
        // What the library says of it depends on the portions in which the bytes came.
        Err(_) => Step::Damage(given, "is damaged".to_owned()),
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
            Magic::Skippable => skip(packed.skip_frame()?),
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

fn skip(whole: bool) -> Step {
    if whole { Step::Bytes(0) } else { Step::Damage(0, "ends inside a skippable frame".to_owned()) }
}

/// Why unpacking failed, for people.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text = deeper.to_string();
        source = deeper.source();
    }
    // What standard readers say of an early end means nothing to people.
    if text == "failed to fill whole buffer" {
        "ends early".to_owned()
    } else {
        format!("is damaged or ends early ({text})")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::super::Source;
    use super::super::sample::{Outcome, read, read_all, read_good, small_pcap, stream};
    use crate::model::{Error, NoteKind};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let info = lz4_flex::frame::FrameInfo::new()
            .content_checksum(true)
            .block_size(lz4_flex::frame::BlockSize::Max64KB);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    type Packer = fn(&[u8]) -> Vec<u8>;

    const PACKERS: [(&str, Packer); 3] = [("gzip", gzip), ("zstd", zstd), ("lz4", lz4)];

    /// A capture of `count` records whose bytes do not compress well.
    fn noisy_pcap(count: u32) -> Vec<u8> {
        let mut file = small_pcap(0);
        let mut state = 1_u32;
        for index in 0..count {
            let mut noise = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let data: Vec<u8> = (0..1000).map(|_| noise()).collect();
            file.extend(super::super::sample::LITTLE.record(super::super::sample::T0, index, 1000, &data));
        }
        file
    }

    fn skippable(length: u32) -> Vec<u8> {
        [vec![0x53, 0x2a, 0x4d, 0x18], length.to_le_bytes().to_vec(), vec![9; length as usize]].concat()
    }

    /// Found by fuzzing: what is said of damage does not depend on the portions in which the bytes come.
    #[test]
    fn damage_is_the_same_however_the_bytes_come() {
        for file in ["compressed.pcap.gz", "compressed.pcap.zst", "compressed.pcap.lz4"] {
            let packed = std::fs::read(format!("../corpus/captures/{file}")).unwrap();
            for at in (0..packed.len()).step_by(61) {
                let damaged = [&packed[..at], packed.get(at + 5..).unwrap_or_default()].concat();
                let outcome = |step| {
                    let read = read_all(vec![stream("test", &damaged, step)]);
                    read.map(|o| (o.rows, o.notes)).map_err(|error| error.to_string())
                };
                let whole = outcome(usize::MAX);
                for step in [1, 10, 17] {
                    assert_eq!(outcome(step), whole, "{file} without 5 bytes at {at}, {step} at a time");
                }
            }
        }
    }

    #[test]
    fn one_stream_reads_like_the_plain_capture() {
        let plain = noisy_pcap(1200);
        let want = read_good(&plain);
        for (name, pack) in PACKERS {
            let outcome = read_good(&pack(&plain));
            assert_eq!(outcome.rows, want.rows, "{name}");
            let file = &outcome.facts.files[0];
            assert_eq!((file.compression, file.file_bytes), (Some(name), plain.len() as u64));
            assert!(outcome.notes.is_empty(), "{name}: {:?}", outcome.notes);
        }
    }

    #[test]
    fn several_members_and_frames_are_one_capture() {
        let plain = small_pcap(100);
        let want = read_good(&plain);
        for (name, pack) in PACKERS {
            for step in [1, 7, usize::MAX] {
                let mut parts: Vec<Vec<u8>> = plain.chunks(777).map(pack).collect();
                if name != "gzip" {
                    parts.insert(3, skippable(5));
                    parts.insert(0, skippable(100));
                    parts.push(skippable(0));
                }
                let outcome = read_all(vec![stream("test", &parts.concat(), step)]).unwrap();
                assert_eq!(outcome.rows, want.rows, "{name} by {step}");
                assert!(outcome.notes.is_empty(), "{name} by {step}: {:?}", outcome.notes);
            }
        }
    }

    #[test]
    fn zeros_behind_the_last_gzip_member_are_padding() {
        let outcome = read_good(&[gzip(&small_pcap(3)), vec![0; 100_000]].concat());
        assert_eq!((outcome.rows.len(), outcome.notes.len()), (3, 0));
    }

    fn has_one_damage_note(outcome: &Outcome) -> bool {
        outcome.notes.iter().filter(|note| note.kind == NoteKind::DamagedCompression).count() == 1
            && outcome.note(NoteKind::TruncatedFile).is_none()
    }

    #[test]
    fn what_follows_the_last_frame_is_noted() {
        for (name, pack) in PACKERS {
            for tail in [&b"x"[..], b"longer than a magic"] {
                let outcome = read_good(&[pack(&small_pcap(3)), tail.to_vec()].concat());
                assert_eq!(outcome.rows.len(), 3, "{name}");
                assert!(has_one_damage_note(&outcome), "{name}");
            }
        }
    }

    #[test]
    fn cut_streams_keep_what_came_before_the_cut() {
        let plain = noisy_pcap(600);
        for (name, pack) in PACKERS {
            let packed = pack(&plain);
            for tenth in [4, 6, 9] {
                let cut = packed.len() * tenth / 10;
                let outcome = read_good(&packed[..cut]);
                // The noise hardly compresses, and at most one block (128 KiB of zstd, 64 KiB of lz4) is lost with its end.
                let least = (cut.saturating_sub(192 << 10)) / 1016;
                assert!(outcome.rows.len() >= least, "{name} at {tenth}: {} of {least}", outcome.rows.len());
                assert!(has_one_damage_note(&outcome), "{name} at {tenth}: {:?}", outcome.notes);
            }
        }
    }

    #[test]
    fn a_cut_anywhere_in_a_small_stream_never_panics() {
        let plain = small_pcap(4);
        for (name, pack) in PACKERS {
            let packed = pack(&plain);
            for length in 0..packed.len() {
                match read(&packed[..length]) {
                    Ok(outcome) => {
                        assert!(has_one_damage_note(&outcome), "{name} {length}: {:?}", outcome.notes)
                    }
                    Err(Error::NotACapture { .. }) => {}
                    Err(error) => panic!("{name} {length}: {error}"),
                }
            }
        }
    }

    #[test]
    fn flipped_bytes_never_panic() {
        let plain = small_pcap(4);
        for (_, pack) in PACKERS {
            let packed = pack(&plain);
            for place in 4..packed.len() {
                let mut bad = packed.clone();
                bad[place] ^= 0x55;
                match read(&bad) {
                    Ok(_) | Err(Error::NotACapture { .. }) => {}
                    Err(error) => panic!("{place}: {error}"),
                }
            }
        }
    }

    #[test]
    fn damage_inside_a_gzip_block_keeps_the_bytes_before_it() {
        let plain = noisy_pcap(300);
        let mut packed = gzip(&plain);
        let place = packed.len() / 2;
        packed[place..place + 64].fill(0);
        let outcome = read_good(&packed);
        let good = plain.len() / 2 / 1016;
        assert!(outcome.rows.len() + 40 > good, "{} of {good}", outcome.rows.len());
    }

    #[test]
    fn a_read_error_is_no_damage() {
        struct Failing(Cursor<Vec<u8>>);
        impl Read for Failing {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                match self.0.read(into)? {
                    0 => Err(io::Error::other("the disk is gone")),
                    read => Ok(read),
                }
            }
        }
        for (name, pack) in PACKERS {
            let packed = pack(&noisy_pcap(500));
            let half = packed[..packed.len() / 2].to_vec();
            let reader = Box::new(Failing(Cursor::new(half)));
            let error = read_all(vec![Source::Stream { name: "disk".to_owned(), reader }]).unwrap_err();
            assert_eq!(error.to_string(), "cannot read disk: the disk is gone", "{name}");
        }
    }
}
