//! Adverse shapes at two sizes: does a packet of a large capture cost more than one of a small one?

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use super::contest::{self, Record};
use super::machine;
use super::process::{measure, said};
use crate::shape::Shape;

/// The shapes in question; [`Shape::Mixed`] is there to compare with.
pub const SHAPES: [Shape; 8] = [
    Shape::Mixed,
    Shape::SynFlood,
    Shape::Elephant,
    Shape::Interleaved,
    Shape::OutOfOrder,
    Shape::Backwards,
    Shape::LoneFragments,
    Shape::Tiny,
];

/// The limit on memory that is tried besides none.
const LIMIT: &str = "256M";

/// Bytes of a frame that are kept. Ten million full segments would not stay in the page cache; a frame cut short costs the analysis no
/// less. The fragments of [`Shape::LoneFragments`] are shorter: cut, they would not be put together at all.
const SNAP: &str = "128";

/// What is measured.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The command.
    pub netanalyze: String,
    /// The program that makes the captures. Another process, because a child's peak of memory is never below its parent's.
    pub make_capture: String,
    /// Where they are made; the files are removed.
    pub directory: PathBuf,
    /// Packets of the small capture and of the large one.
    pub sizes: [u64; 2],
    /// Rounds.
    pub rounds: usize,
}

/// What `make-capture` is told, but for the name of the file.
#[must_use]
pub fn plan(shape: Shape, packets: u64) -> Vec<String> {
    let mut words =
        vec!["--shape".to_owned(), shape.name().to_owned(), "--packets".to_owned(), packets.to_string()];
    if shape == Shape::Interleaved {
        words.extend(["--connections".to_owned(), (packets / 10).max(1).to_string()]);
    }
    words.extend(["--snap".to_owned(), SNAP.to_owned()]);
    words
}

/// A capture that goes when it is no longer needed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn make(trial: &Trial, shape: Shape, packets: u64) -> Result<Temporary> {
    let file = Temporary(trial.directory.join(format!("{}-{packets}.pcap", shape.name())));
    let mut command = vec![trial.make_capture.clone(), file.0.display().to_string()];
    command.extend(plan(shape, packets));
    let status = measure(&command)?.status;
    if status != 0 {
        bail!("{} ended with status {status}: is there room on the disk?", command.join(" "));
    }
    Ok(file)
}

/// Measures `shapes`, one after the other, so that there are never more than two captures on the disk; the result as Markdown.
///
/// # Errors
/// When a capture cannot be made, or netanalyze fails on one.
pub fn run(trial: &Trial, shapes: &[Shape]) -> Result<String> {
    let help = said(&trial.netanalyze, &["--help"]).unwrap_or_default();
    let limited = help.contains("--memory-limit");
    let mut text = format!("# Adverse shapes at two sizes\n\n{}", machine::describe());
    let [small, large] = trial.sizes;
    let _ = writeln!(text, "- command: `netanalyze CAPTURE --findings`, and with `--memory-limit {LIMIT}`");
    let _ = writeln!(text, "- captures: {small} and {large} packets of `make-capture`, in the page cache");
    let _ = writeln!(text, "- rounds: {}, interleaved; the figures are the minima\n", trial.rounds);
    if !limited {
        let _ = writeln!(text, "This build knows no `--memory-limit`.\n");
    }
    text.push_str("| shape | ns/packet, small | large | ratio | peak MB, small | large ");
    text.push_str("| limited: ns/packet, small | large | ratio | peak MB, small | large |\n");
    let _ = writeln!(text, "|---|{}", "--:|".repeat(10));
    for shape in shapes {
        let line = row(trial, *shape, limited)?;
        let _ = writeln!(std::io::stderr(), "{line}");
        text.push_str(&line);
        text.push('\n');
    }
    let _ = writeln!(text, "\nMade with:\n");
    for shape in shapes {
        let _ = writeln!(text, "- `make-capture OUT.pcap {}`", plan(*shape, large).join(" "));
    }
    Ok(text)
}

fn row(trial: &Trial, shape: Shape, limited: bool) -> Result<String> {
    let files = [make(trial, shape, trial.sizes[0])?, make(trial, shape, trial.sizes[1])?];
    let mut entries = Vec::new();
    for options in [&[][..], &["--memory-limit", LIMIT][..]].iter().take(if limited { 2 } else { 1 }) {
        for file in &files {
            contest::warm(&file.0)?;
            entries.push(entry(&trial.netanalyze, &file.0, options));
        }
    }
    let records = contest::run(&entries, trial.rounds, 0);
    if let Some(why) = records.iter().find_map(|record| record.failure.as_ref()) {
        bail!("{}: {why}", shape.name());
    }
    Ok(line(shape.name(), trial.sizes, &records))
}

fn entry(netanalyze: &str, file: &Path, options: &[&str]) -> contest::Entry {
    let mut run = vec![netanalyze.to_owned(), file.display().to_string(), "--findings".to_owned()];
    run.extend(options.iter().map(|word| (*word).to_owned()));
    contest::Entry { shown: Vec::new(), run, slow: false, strict: true }
}

/// A row of the table: small and large, then the same under the limit as far as that was measured.
fn line(name: &str, sizes: [u64; 2], records: &[Record]) -> String {
    let mut text = format!("| {name} |");
    for pair in records.chunks_exact(2) {
        let per = |index: usize| nanoseconds(pair[index].min(), sizes[index]);
        let mega = |index: usize| pair[index].peak() as f64 / 1e6;
        let (small, large) = (per(0), per(1));
        let _ = write!(
            text,
            " {small:.0} | {large:.0} | {:.2} | {:.0} | {:.0} |",
            large / small,
            mega(0),
            mega(1)
        );
    }
    if records.len() < 4 {
        text.push_str(" | | | | |");
    }
    text
}

fn nanoseconds(time: Duration, packets: u64) -> f64 {
    time.as_secs_f64() * 1e9 / packets.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::process::Cost;
    use super::*;

    #[test]
    fn a_row_compares_a_packet_with_a_packet() {
        let record = |ms, megabytes: u64| Record {
            runs: vec![Cost {
                wall: Duration::from_millis(ms),
                cpu: Duration::ZERO,
                peak: megabytes * 1_000_000,
                status: 0,
            }],
            failure: None,
        };
        let two = [record(100, 20), record(1_200, 210)];
        assert_eq!(line("x", [1_000_000, 10_000_000], &two), "| x | 100 | 120 | 1.20 | 20 | 210 | | | | | |");
        let four = [two[0].clone(), two[1].clone(), record(100, 20), record(2_000, 100)];
        assert_eq!(
            line("x", [1_000_000, 10_000_000], &four),
            "| x | 100 | 120 | 1.20 | 20 | 210 | 100 | 200 | 2.00 | 20 | 100 |"
        );
    }

    #[test]
    fn connections_grow_with_the_capture() {
        let words = plan(Shape::Interleaved, 10_000_000).join(" ");
        assert!(words.contains("--packets 10000000 --connections 1000000"), "{words}");
    }
}
