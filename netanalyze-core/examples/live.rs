//! Analyses frames as they come, one by one: `cargo run -p netanalyze-core --example live -- capture.pcap`
//!
//! Here they come from a capture; a program that listens on an interface pushes its frames in the same way.

use std::io::Write;

use netanalyze_core::capture::{Batch, CaptureReader};
use netanalyze_core::model::{Span, Timestamp};
use netanalyze_core::{Analyzer, Error, Finding, Frame, Severity, Source};

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/web-slow.pcap");
const EVERY: Span = Span(1_000_000_000);

fn main() -> Result<(), Error> {
    let capture = std::env::args_os().nth(1).map_or_else(|| Source::from(DEFAULT), Source::from);
    let mut out = std::io::stdout();
    let mut live = Analyzer::new().min_severity(Severity::Warn).live();
    let mut findings = 0;
    let mut tell = |finding: &Finding| {
        findings += 1;
        writeln!(std::io::stdout(), "{} {}: {}", finding.time, finding.kind().id, finding.message())?;
        Ok(())
    };

    let mut reader = CaptureReader::open(vec![capture])?;
    let mut batch = Batch::default();
    let mut told: Option<Timestamp> = None;
    while reader.next_batch(&mut batch)? {
        for raw in &batch.frames {
            // A frame of an interface that the capture does not describe has no link.
            let Some(&link) = batch.links.get(raw.interface as usize) else { continue };
            let frame = Frame::new(raw.time, link, batch.frame_bytes(raw)).with_wire_len(raw.wire_len);
            live.push(frame, &mut tell)?;
            if raw.time.since(*told.get_or_insert(raw.time)) >= EVERY {
                told = Some(raw.time);
                writeln!(out, "{} -- {} frames so far", raw.time, live.frames())?;
            }
        }
    }
    let report = live.finish(&mut tell)?;
    writeln!(out, "{findings} findings in {} packets", report.capture.packets)?;
    Ok(())
}
