//! `-w`: packets out, in pcapng or pcap.
//!
//! Chosen packets are written as the analysis goes. What looks back needs a first pass over the input that only takes marks: context
//! around matches, whole conversations of matches, comments that become known after their packet.

mod marks;
mod target;

use std::io::{self, BufWriter, Write};

use netanalyze_core::capture::{CaptureWriter, Compressor, FileFormat, Losses};
use netanalyze_core::engine::{Cancellation, Depth, Interests, analyse};
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Error;
use netanalyze_core::report::Report;

use crate::config::Analysis;
use crate::exit::{Failure, say};
use crate::output::Output;
use crate::pick::{Look, Looked};
use marks::{Chooser, Marks};
pub(crate) use target::Target;

/// Bytes that are handed on at a time.
const BUFFER: usize = 1 << 20;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Export {
    pub(crate) target: Target,
    /// Findings become comments of their packets.
    pub(crate) annotate: bool,
    /// What goes with each match.
    pub(crate) around: Around,
}

/// What is written beside the packets that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// Nothing.
    Nothing,
    /// So many packets of the same conversation on either side.
    Packets(u32),
    /// All packets of the conversation.
    Conversation,
}

/// Writes the packets.
pub(crate) fn run(analysis: &Analysis, export: &Export, out: &mut Output) -> Result<Report, Failure> {
    let conversations = export.around != Around::Nothing;
    let look = Look::new(analysis.filter.as_ref(), conversations, interests(analysis, export));
    let mut marks = Marks::new(export.around);
    let mut inputs = None;
    if export.annotate || export.around != Around::Nothing {
        let kept = inputs.insert(analysis.inputs.kept()?);
        let take = |looked: Looked, batch: &AnalysedBatch<'_>| {
            marks.take(&looked);
            if export.annotate {
                marks.take_late(batch.findings, analysis.kinds);
            }
            Ok(())
        };
        analyse(kept.sources(), analysis.threads, &look, take, &Cancellation::default())?;
    }
    let sources = inputs.as_ref().unwrap_or(&analysis.inputs).sources();
    let compressor = Compressor::new(out.writer(), export.target.compression);
    let mut writer = CaptureWriter::new(BufWriter::with_capacity(BUFFER, compressor), export.target.format);
    let mut chooser = Chooser::new(&mut marks);
    let (mut written, mut packets) = (0_u64, 0_u64);
    let accept = |looked: Looked, batch: &AnalysedBatch<'_>| {
        writer.begin_batch(batch.batch)?;
        packets += batch.batch.frames.len() as u64;
        let shown = if export.annotate { analysis.kinds } else { KindSet::NONE };
        let mut findings =
            batch.findings.iter().filter(|f| f.frame == f.known_at && shown.contains(f.kind)).peekable();
        for index in 0..batch.batch.frames.len() {
            let number = batch.batch.frame_number(index);
            let is_chosen = chooser.chooses(&looked, index);
            let mut comments = if is_chosen { chooser.late_comments(number) } else { Vec::new() };
            while let Some(finding) = findings.next_if(|finding| finding.frame <= number) {
                if is_chosen {
                    comments.push(marks::comment(finding));
                }
            }
            if is_chosen {
                writer.packet(batch.batch, index, &comments)?;
                written += 1;
            }
        }
        Ok(())
    };
    let report = match analyse(sources, analysis.threads, &look, accept, &Cancellation::default()) {
        Err(Error::Output(error)) => {
            drop(writer);
            return Err(out.failure(error));
        }
        other => other?,
    };
    let losses = end(writer, &report).map_err(|error| out.failure(error))?;
    written -= losses.packets;
    say(&format!("wrote {written} of {packets} packets to {}", out.name()));
    tell(losses, marks.late_left_out(), export.target.format);
    Ok(report)
}

/// What the passes need to know of the packets.
fn interests(analysis: &Analysis, export: &Export) -> Interests {
    let mut interests = analysis.interests();
    if export.annotate {
        interests.applications = interests.applications.max(Depth::Findings);
        interests.kinds.0 |= analysis.kinds.0;
    }
    interests
}

fn end<W: Write>(writer: CaptureWriter<BufWriter<Compressor<W>>>, report: &Report) -> io::Result<Losses> {
    let (buffer, losses) = writer.finish(&report.capture.facts)?;
    let compressor = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
    compressor.finish()?;
    Ok(losses)
}

/// What the written file lacks, on standard error.
fn tell(losses: Losses, late: u64, format: FileFormat) {
    let pcapng = "; pcapng keeps them";
    let hint = if format == FileFormat::Pcap { pcapng } else { "" };
    for (count, what) in [
        (
            losses.packets,
            format!("records are of no interface that the capture describes, and were left out{hint}"),
        ),
        (
            losses.times,
            "packets have a time that pcap cannot hold; they have the nearest that it can".to_owned(),
        ),
        (
            losses.comments,
            format!("packets had comments or other options, for which pcap has no place{pcapng}"),
        ),
        (
            losses.secrets,
            format!("blocks of decryption secrets were left out: pcap has no place for them{pcapng}"),
        ),
        (
            late,
            "findings that became known after their packet have no comment: there are too many to be kept"
                .to_owned(),
        ),
    ] {
        if count > 0 {
            say(&format!("note: {count} {what}"));
        }
    }
}
