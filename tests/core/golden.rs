//! Every cell of the corpus' golden tables: what tshark 4.0.17 prints of a field in a frame is what we print.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use netanalyze_core::capture::Source;
use netanalyze_core::field::field_by_name;
use netanalyze_core::model::Error;

use crate::view::{Rows, run};

/// Columns of the tables that no field of ours fills.
const UNKNOWN_FIELDS: [&str; 0] = [];

/// Cells that differ on purpose: capture, frame (0 for every frame), field (empty for every field), and why.
const DIFFERENCES: [(&str, usize, &str, &str); 6] = [
    (
        "link-ppp-directed.pcap",
        0,
        "frame.len",
        "the record's length; tshark leaves out the byte that says the direction",
    ),
    (
        "link-ppp-directed.pcap",
        0,
        "frame.cap_len",
        "the record's length; tshark leaves out the byte that says the direction",
    ),
    (
        "wire-length-too-small.pcap",
        0,
        "frame.len",
        "no frame is shorter on the wire than what was captured of it",
    ),
    (
        "pcapng-simple-packets.pcapng",
        0,
        "frame.time_epoch",
        "a packet without a time counts as sent at 0, where tshark shows none",
    ),
    (
        "pcapng-mixed-packets.pcapng",
        0,
        "frame.time_epoch",
        "a packet without a time counts as sent at 0, where tshark shows none",
    ),
    ("pcapng-custom-and-journal.pcapng", 0, "frame.time_epoch", "blocks that are no packets have no time"),
];

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// A line of the corpus' manifest.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `whole`, `damaged` or `unreadable`.
    pub(crate) status: String,
}

impl Entry {
    pub(crate) fn path(&self) -> PathBuf {
        corpus().join("captures").join(&self.name)
    }
}

pub(crate) fn manifest() -> Vec<Entry> {
    let text = std::fs::read_to_string(corpus().join("manifest.tsv")).unwrap();
    let entry = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        Entry { name: cells.next().unwrap(), status: cells.next().unwrap() }
    };
    text.lines().skip(1).map(entry).collect()
}

/// A golden table: the header's field names, and a row a frame.
struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn table(name: &str) -> Table {
    let text = std::fs::read_to_string(corpus().join("golden").join(format!("{name}.tsv"))).unwrap();
    let mut rows = text.lines().map(|line| line.split('\t').map(str::to_owned).collect());
    Table { names: rows.next().unwrap_or_default(), rows: rows.collect() }
}

fn is_deliberate(capture: &str, frame: usize, field: &str) -> bool {
    let of = |&(c, n, f, _): &(&str, usize, &str, &str)| {
        c == capture && (n == 0 || n == frame) && (f.is_empty() || f == field)
    };
    DIFFERENCES.iter().any(of)
}

/// What a comparison of a capture with its table came to.
#[derive(Default)]
struct Comparison {
    cells: usize,
    /// Cells that differ and should not, as sentences.
    wrong: Vec<String>,
    /// Fields that differ on purpose.
    deliberate: BTreeSet<(String, String)>,
}

impl Comparison {
    fn failed(message: String) -> Self {
        Comparison { wrong: vec![message], ..Comparison::default() }
    }
}

/// Compares a capture with its table.
fn compare(entry: &Entry, table: &Table) -> Comparison {
    let name = &entry.name;
    let Table { names, rows: expected } = table;
    let known: Vec<usize> = (0..names.len()).filter(|&i| field_by_name(&names[i]).is_some()).collect();
    let rows = run(vec![Source::File(entry.path())], 1, &Rows::new(known.iter().map(|&i| &*names[i])));
    let rows = match (&*entry.status, rows) {
        ("unreadable", Ok(_)) => {
            return Comparison::failed(format!("{name}: is read, though it is no capture"));
        }
        ("unreadable", Err(_)) => return Comparison::default(),
        // A capture without packets is an error of its own.
        (_, Err(Error::NotACapture { .. })) if expected.is_empty() => return Comparison::default(),
        (_, Err(error)) => return Comparison::failed(format!("{name}: {error}")),
        (_, Ok((rows, _))) => rows,
    };
    let (mut wrong, mut deliberate) = (Vec::new(), BTreeSet::new());
    // Behind damage we may find more than tshark does, never less.
    if rows.len() < expected.len() || (entry.status == "whole" && rows.len() != expected.len()) {
        wrong.push(format!("{name}: tshark reads {} frames, we {}", expected.len(), rows.len()));
    }
    for (index, (theirs, ours)) in expected.iter().zip(&rows).enumerate() {
        for (&column, our_cell) in known.iter().zip(ours) {
            let (field, their_cell) = (&names[column], &theirs[column]);
            if our_cell == their_cell {
                continue;
            }
            if is_deliberate(name, index + 1, field) {
                deliberate.insert((name.clone(), field.clone()));
            } else {
                wrong.push(format!(
                    "{name} frame {}: {field}: tshark {their_cell:?}, we {our_cell:?}",
                    index + 1
                ));
            }
        }
    }
    Comparison { cells: known.len() * expected.len().min(rows.len()), wrong, deliberate }
}

#[test]
fn every_cell_is_tshark_s() {
    let (mut cells, mut wrong) = (0, Vec::new());
    let (mut unknown, mut deliberate) = (BTreeSet::new(), BTreeSet::new());
    for entry in manifest() {
        let table = table(&entry.name);
        unknown.extend(table.names.iter().filter(|n| field_by_name(n).is_none()).cloned());
        let comparison = compare(&entry, &table);
        cells += comparison.cells;
        wrong.extend(comparison.wrong);
        deliberate.extend(comparison.deliberate);
    }
    assert_eq!(unknown, UNKNOWN_FIELDS.map(str::to_owned).into(), "columns that are not compared");
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {cells} cells differ:\n{shown}", wrong.len());
    assert!(cells > 100_000, "only {cells} cells were compared");
    let listed = DIFFERENCES.map(|(capture, _, field, _)| (capture.to_owned(), field.to_owned()));
    assert_eq!(deliberate, listed.into(), "differences found, and differences listed");
}

#[test]
fn every_capture_has_a_table_and_every_table_a_capture() {
    let names = |folder: &str, suffix: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(corpus().join(folder)).unwrap();
        let names = files.map(|f| f.unwrap().file_name().into_string().unwrap());
        names.map(|n| n.strip_suffix(suffix).unwrap().to_owned()).collect()
    };
    let captures = names("captures", "");
    assert_eq!(captures, names("golden", ".tsv"));
    assert_eq!(captures, manifest().into_iter().map(|e| e.name).collect());
}

/// A rotated set is one capture: the same rows as the whole, frame by frame.
#[test]
fn a_rotated_set_reads_like_the_whole() {
    let Table { names, rows: expected } = table("rotated-whole.pcap");
    let parts = [1, 2, 3].map(|n| Source::File(corpus().join(format!("captures/rotated-{n}.pcap"))));
    let known = names.iter().map(String::as_str).filter(|n| field_by_name(n).is_some());
    let (rows, _) = run(parts.into(), 2, &Rows::new(known)).unwrap();
    assert_eq!(rows.len(), expected.len());
    let cells: BTreeMap<_, _> = names.iter().zip(0..).collect();
    for (index, (row, theirs)) in rows.iter().zip(&expected).enumerate() {
        let known = names.iter().filter(|n| field_by_name(n).is_some());
        let theirs: Vec<_> = known.map(|n| theirs[cells[n]].clone()).collect();
        assert_eq!(*row, theirs, "frame {}", index + 1);
    }
}

/// A table with a wrong cell, a frame more or a frame less is noticed.
#[test]
fn the_comparison_can_fail() {
    let entry = Entry { name: "window-full.pcap".to_owned(), status: "whole".to_owned() };
    let mut table = table(&entry.name);
    let Comparison { cells, wrong, .. } = compare(&entry, &table);
    assert!(cells > 0 && wrong.is_empty(), "{wrong:?}");
    let place = table.names.iter().position(|n| n == "tcp.analysis.window_full").unwrap();
    let flagged = table.rows.iter().position(|row| row[place] == "1").unwrap();
    table.rows[flagged][place].clear();
    let message =
        format!("window-full.pcap frame {}: tcp.analysis.window_full: tshark \"\", we \"1\"", flagged + 1);
    assert_eq!(compare(&entry, &table).wrong, [message]);
    let last = table.rows.pop().unwrap();
    assert_eq!(compare(&entry, &table).wrong.len(), 2);
    table.rows.extend([last.clone(), last]);
    assert_eq!(compare(&entry, &table).wrong.len(), 2);
    let unreadable = Entry { status: "unreadable".to_owned(), ..entry };
    assert_eq!(compare(&unreadable, &table).wrong.len(), 1);
}
