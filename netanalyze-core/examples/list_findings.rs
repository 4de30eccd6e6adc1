//! Lists what is wrong in captures: `cargo run -p netanalyze-core --example list_findings -- capture.pcap…`

use std::io::Write;
use std::path::PathBuf;

use netanalyze_core::{Analyzer, Error, Finding, Severity};

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/web-slow.pcap");

fn main() -> Result<(), Error> {
    let mut captures: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if captures.is_empty() {
        captures.push(DEFAULT.into());
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut out = std::io::stdout();
    let report =
        Analyzer::new().threads(threads).min_severity(Severity::Warn).run(captures, &mut |f: &Finding| {
            let kind = f.kind();
            writeln!(out, "{} frame {} {}: {}", kind.severity.name(), f.frame, kind.id, f.message())?;
            Ok(())
        })?;
    let capture = &report.capture;
    writeln!(out, "{} packets, {} TCP conversations", capture.packets, capture.tcp_streams)?;
    for note in &report.notes {
        writeln!(out, "note: {}", note.message)?;
    }
    Ok(())
}
