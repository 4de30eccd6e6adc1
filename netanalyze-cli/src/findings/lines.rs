//! Findings one by one, in the order in which they became known: JSON, JSON lines, CSV, and text with `--all`.

use std::io::{self, Write};

use netanalyze_core::conversation::Protocol;
use netanalyze_core::engine::{Interests, View};
use netanalyze_core::expert::{Finding, Severity};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Timestamp;
use netanalyze_core::report::{Report, SCHEMA_VERSION};

use super::row::{COLUMNS, push_object, write_record};
use super::{ends, push_closing};
use crate::args::Format;
use crate::config::Analysis;
use crate::render::{Palette, header_line, push_line, table};
use crate::run::Streamed;
use crate::summary::{Summary, push_findings_tail};

/// The view.
pub(crate) struct Lines {
    interests: Interests,
    min_severity: Severity,
    format: Format,
    palette: Palette,
    filtered: bool,
}

impl Lines {
    pub(crate) fn new(analysis: &Analysis, format: Format, palette: Palette) -> Self {
        let interests = Interests { kinds: analysis.kinds, ..analysis.interests() };
        Lines {
            interests,
            min_severity: analysis.min_severity,
            format,
            palette,
            filtered: analysis.filter.is_some(),
        }
    }

    fn write(&self, batch: &AnalysedBatch<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        match self.format {
            Format::Csv => {
                let mut cell = Vec::new();
                *out = table(|writer| {
                    batch.findings.iter().try_for_each(|finding| write_record(writer, finding, &mut cell))
                })?;
            }
            Format::Json => {
                for (place, finding) in batch.findings.iter().enumerate() {
                    if place > 0 {
                        out.extend_from_slice(b",\n");
                    }
                    push_object(out, finding, None)?;
                }
            }
            Format::Jsonl => {
                for finding in batch.findings {
                    push_object(out, finding, Some("finding"))?;
                    out.push(b'\n');
                }
            }
            Format::Text => {
                for finding in batch.findings {
                    self.text_line(finding, batch.capture_start, out)?;
                }
            }
        }
        Ok(())
    }

    fn text_line(&self, finding: &Finding, start: Timestamp, out: &mut Vec<u8>) -> io::Result<()> {
        let kind = finding.kind();
        let [source, destination] = ends(finding);
        writeln!(
            out,
            "{} {:>7} {:>14}  {}  {} → {}  {}: {}",
            self.palette.severity(kind.severity),
            finding.frame.0,
            finding.time.since(start).to_string(),
            kind.id,
            source,
            destination,
            stream_words(finding),
            finding.message(),
        )
    }
}

/// The conversation as Wireshark counts it.
pub(super) fn stream_words(finding: &Finding) -> String {
    match (finding.protocol, finding.stream) {
        (Some(protocol), Some(stream)) => format!("{}.stream {stream}", protocol.name()),
        (protocol, _) => protocol.map_or("", Protocol::name).to_owned(),
    }
}

impl View for Lines {
    type Piece = Vec<u8>;

    fn interests(&self) -> Interests {
        self.interests.clone()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        if !batch.findings.is_empty() {
            // Only writing could fail, and this writes into memory.
            let _ = self.write(batch, &mut out);
        }
        out
    }
}

impl Streamed for Lines {
    fn head(&self) -> Vec<u8> {
        match self.format {
            Format::Json => format!("{{\"schema_version\":{SCHEMA_VERSION},\"findings\":[\n").into_bytes(),
            Format::Jsonl => header_line("findings"),
            Format::Csv => format!("{}\n", COLUMNS.map(|(name, ..)| name).join(",")).into_bytes(),
            Format::Text => Vec::new(),
        }
    }

    fn joint(&self) -> &'static [u8] {
        if self.format == Format::Json { b",\n" } else { b"" }
    }

    fn tail(&self, report: &Report, written: bool) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self.format {
            Format::Json => push_closing(&mut out, report, written)?,
            Format::Jsonl => push_line(&mut out, &Summary::new(report))?,
            Format::Csv => {}
            Format::Text => {
                let none_picked = self.filtered && !written;
                push_findings_tail(&mut out, report, self.interests.kinds, self.min_severity, none_picked)?;
            }
        }
        Ok(out)
    }
}
