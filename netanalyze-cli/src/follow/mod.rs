//! `--follow`: what the two ends of one conversation said, in order, with gaps where the capture has none of it.
//!
//! Workers only find the conversation's frames; their payload goes through one [`Tape`] in capture order, so that memory stays within the
//! reassembly's caps whatever the stream's length.

mod json;
mod raw;
mod tape;
mod text;

pub(crate) use json::shapes;

use std::io;

use netanalyze_core::conversation::Protocol;
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::limits::{MAX_HELD_BYTES, MAX_HELD_PIECES};
use netanalyze_core::model::{Error, Note, NoteKind};
use netanalyze_core::report::Report;
use netanalyze_core::tcp::reassembly::{Chunk, Counters};

use crate::args::Format;
use crate::config::Analysis;
use crate::exit::Failure;
use crate::output::Output;
use crate::render::grouped;
use tape::{Parties, Speaker, Tape};

/// What to follow, and how to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Follow {
    pub(crate) protocol: Protocol,
    /// As it was given: no conversation has a number beyond 32 bits.
    pub(crate) stream: u64,
    pub(crate) spelling: Spelling,
    pub(crate) side: Side,
}

/// `--follow-format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Spelling {
    /// Text, with whatever is not printable escaped
    Ascii,
    /// Offsets, bytes in hexadecimal, and text beside them
    Hex,
    /// The bytes as they are; gaps are told on standard error
    Raw,
}

/// `--follow-direction`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Side {
    /// What the client sent
    Client,
    /// What the server sent
    Server,
    /// What both sent, in the order in which it became complete
    Both,
}

impl Side {
    fn includes(self, speaker: Speaker) -> bool {
        match self {
            Side::Both => true,
            Side::Client => speaker == Speaker::Client,
            Side::Server => speaker == Speaker::Server,
        }
    }
}

/// Writes a conversation down.
trait Scribe: Send {
    /// Who speaks.
    fn head(&mut self, parties: &Parties, out: &mut Vec<u8>) -> io::Result<()>;

    /// What comes next from one of them.
    fn chunk(&mut self, speaker: Speaker, chunk: &Chunk<'_>, out: &mut Vec<u8>) -> io::Result<()>;

    /// The end: what it all came to, for client and server.
    fn tail(&mut self, totals: &[Counters; 2], report: &Report, out: &mut Vec<u8>) -> io::Result<()>;
}

/// Finds the frames of the conversation.
struct Frames {
    protocol: Protocol,
    stream: u32,
    base: Interests,
}

impl View for Frames {
    type Piece = Vec<u32>;

    fn interests(&self) -> Interests {
        Interests { rows: true, ..self.base.clone() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<u32> {
        batch.frames_of(self.protocol, self.stream)
    }
}

/// Bytes after which what was written down goes out.
const PORTION: usize = 1 << 16;

/// Follows the conversation. Nothing is written before a packet of it was seen.
pub(crate) fn run(
    analysis: &Analysis,
    follow: Follow,
    format: Format,
    out: &mut Output,
) -> Result<Report, Failure> {
    let Follow { protocol, stream: asked, spelling, side } = follow;
    let stream = u32::try_from(asked).unwrap_or(u32::MAX);
    let mut scribe: Box<dyn Scribe> = match (format, spelling) {
        (Format::Json | Format::Jsonl, _) => Box::new(json::Objects::new(format)),
        (_, Spelling::Ascii) => Box::new(text::Ascii::new(protocol)),
        (_, Spelling::Hex) => Box::new(text::Hex::new(protocol)),
        (_, Spelling::Raw) => Box::new(raw::Bytes::default()),
    };
    let mut tape: Option<Tape> = None;
    let mut text = Vec::new();
    let writer = out.writer();
    let accept = |frames: Vec<u32>, batch: &AnalysedBatch<'_>| {
        for frame in frames.into_iter().filter_map(|index| batch.frame(index as usize)) {
            let mut result = Ok(());
            frame.transports(&mut |layer| {
                if result.is_err() || layer.protocol != protocol || layer.stream != Some(stream) {
                    return;
                }
                let tape = match &mut tape {
                    Some(tape) => tape,
                    None => {
                        let new = tape.insert(Tape::new(&layer, batch.capture_start));
                        result = scribe.head(&new.parties, &mut text);
                        new
                    }
                };
                tape.take(&layer, &mut |speaker, chunk| {
                    if result.is_ok() && side.includes(speaker) {
                        result = scribe.chunk(speaker, &chunk, &mut text);
                    }
                });
            });
            result?;
            if text.len() >= PORTION {
                writer.write_all(&text)?;
                text.clear();
            }
        }
        Ok(())
    };
    let view = Frames { protocol, stream, base: analysis.interests() };
    let report =
        analyse(analysis.inputs.sources(), analysis.threads, &view, accept, &Cancellation::default());
    let mut report = match report {
        Err(Error::Output(error)) => return Err(out.failure(error)),
        other => other?,
    };
    let Some(mut tape) = tape else { return Err(Failure::Usage(unknown(protocol, asked, &report))) };
    let mut result = Ok(());
    tape.finish(&mut |speaker, chunk| {
        if result.is_ok() && side.includes(speaker) {
            result = scribe.chunk(speaker, &chunk, &mut text);
        }
    });
    let totals = tape.totals();
    report.notes.extend(given_up(&totals));
    let result = result.and_then(|()| scribe.tail(&totals, &report, &mut text));
    result.map_err(|error| out.failure(error))?;
    out.write(&text)?;
    Ok(report)
}

/// Why there is nothing to follow.
fn unknown(protocol: Protocol, stream: u64, report: &Report) -> String {
    let (name, count) = match protocol {
        Protocol::Tcp => ("TCP", report.capture.tcp_streams),
        Protocol::Udp => ("UDP", report.capture.udp_streams),
    };
    match count {
        0 => format!("the capture has no {name} conversation"),
        _ if stream < u64::from(count) => format!(
            "no packet belongs to {name} conversation {stream}: as in Wireshark, what a SOCKS proxy relays takes a number of its own"
        ),
        1 => format!("the capture has one {name} conversation, number 0; there is no {stream}"),
        _ => format!(
            "the capture has {} {name} conversations, numbered 0 to {}; there is no {stream}",
            grouped(u64::from(count)),
            count - 1
        ),
    }
}

/// A note on what the caps cost.
fn given_up(totals: &[Counters; 2]) -> Option<Note> {
    let lost = totals.iter().fold(0_u64, |sum, side| sum.saturating_add(side.abandoned));
    (lost > 0).then(|| Note {
        kind: NoteKind::LimitReached,
        file: None,
        offset: None,
        frame: None,
        count: 1,
        message: format!(
            "{} bytes of the conversation were given up because {} bytes or {} pieces waited beyond a gap: copies of them may \
             have come later",
            grouped(lost),
            grouped(MAX_HELD_BYTES as u64),
            grouped(MAX_HELD_PIECES as u64)
        ),
    })
}
