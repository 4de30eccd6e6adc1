//! Every cell of the corpus' golden tables: what tshark 4.0.17 prints of a field in a frame is what we print.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use netanalyze_core::capture::Source;
use netanalyze_core::field::field_by_name;
use netanalyze_core::model::Error;

use crate::view::{Rows, run};

/// Columns of the tables that no field of ours fills.
const UNKNOWN_FIELDS: [&str; 0] = [];

/// A column of a capture that differs on purpose, or all columns that begin so, and why.
struct Difference {
    capture: &'static str,
    field: &'static str,
    reason: &'static str,
}

const DIRECTION: &str = "the record's length; tshark leaves out the byte that says the direction";
const HALF: &str = "an option of which a half was captured shows nothing; tshark shows its first value";
const OFFLOAD: &str = "the field as it stands; tshark puts the frame's length for an offloaded 0";
const BROKEN: &str = "data that break off, or are not what their type says, show nothing; tshark shows what it reads, even beyond them";
const FILLED: &str = "tshark loses a message of which a part comes late; we do not";
const QUOTED: &str =
    "a request that an ICMP error quotes is no further one of its connection; tshark counts it";
const NO_TIME: &str = "what has no time counts as sent at 0; tshark shows nothing";

#[rustfmt::skip]
const DIFFERENCES: [Difference; 30] = [
    Difference { capture: "link-ppp-directed.pcap", field: "frame.len", reason: DIRECTION },
    Difference { capture: "link-ppp-directed.pcap", field: "frame.cap_len", reason: DIRECTION },
    Difference { capture: "wire-length-too-small.pcap", field: "frame.len", reason: "never less than what was captured" },
    Difference { capture: "link-fcs.pcap", field: "ip.len", reason: OFFLOAD },
    Difference { capture: "pcapng-simple-packets.pcapng", field: "frame.time_relative", reason: NO_TIME },
    Difference { capture: "pcapng-simple-packets.pcapng", field: "frame.time_delta", reason: NO_TIME },
    Difference { capture: "pcapng-mixed-packets.pcapng", field: "frame.time_relative", reason: NO_TIME },
    Difference { capture: "pcapng-mixed-packets.pcapng", field: "frame.time_delta", reason: NO_TIME },
    Difference { capture: "pcapng-custom-and-journal.pcapng", field: "frame.time_relative", reason: NO_TIME },
    Difference { capture: "pcapng-custom-and-journal.pcapng", field: "frame.time_delta", reason: NO_TIME },
    Difference { capture: "pcapng-simple-packets.pcapng", field: "frame.time_epoch", reason: NO_TIME },
    Difference { capture: "pcapng-mixed-packets.pcapng", field: "frame.time_epoch", reason: NO_TIME },
    Difference { capture: "ip-length-zero.pcap", field: "ip.len", reason: OFFLOAD },
    Difference { capture: "snaplen-66.pcap", field: "tcp.options.timestamp.tsval", reason: HALF },
    Difference { capture: "tcp-options-odd.pcap", field: "tcp.options.sack_le", reason: HALF },
    Difference { capture: "pcapng-custom-and-journal.pcapng", field: "frame.time_epoch", reason: NO_TIME },
    Difference { capture: "dns-broken.pcap", field: "dns.aaaa", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.txt.length", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.srv.priority", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.srv.weight", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.soa.mname", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.svcb.svcparam.key", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.svcb.svcparam.value.length", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.opt.code", reason: BROKEN },
    Difference { capture: "dns-broken.pcap", field: "dns.opt.len", reason: BROKEN },
    Difference { capture: "http-hole-in-body.pcap", field: "http.*", reason: FILLED },
    Difference { capture: "http-hole-in-head.pcap", field: "http.*", reason: FILLED },
    Difference { capture: "icmp-quotes-create-streams.pcap", field: "http.request_number", reason: QUOTED },
    Difference { capture: "icmp-quoted-applications.pcap", field: "http.request_number", reason: QUOTED },
    Difference { capture: "http-answers.pcap", field: "http*", reason: FILLED },
];

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// A line of the corpus' manifest.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `whole`, `damaged` or `unreadable`.
    pub(crate) status: String,
    /// Frames that tshark reads.
    pub(crate) frames: u32,
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
        let mut next = || cells.next().unwrap();
        Entry { name: next(), status: next(), frames: next().parse().unwrap() }
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

/// Whether a cell may differ. Cells that do are remembered, so that no difference outlives its reason.
fn is_deliberate(capture: &str, field: &str, met: &mut BTreeSet<usize>) -> bool {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => field.starts_with(start),
        None => field == pattern,
    };
    let place = DIFFERENCES.iter().position(|d| d.capture == capture && is(d.field));
    met.extend(place);
    place.is_some()
}

/// Compares a capture with its table; returns how many cells were compared and what differs.
fn compare(entry: &Entry, table: &Table, met: &mut BTreeSet<usize>) -> (usize, Vec<String>) {
    let name = &entry.name;
    let Table { names, rows: expected } = table;
    let known: Vec<usize> = (0..names.len()).filter(|&i| field_by_name(&names[i]).is_some()).collect();
    let rows = run(vec![Source::File(entry.path())], 1, &Rows::new(known.iter().map(|&i| &*names[i])));
    let rows = match (&*entry.status, rows) {
        ("unreadable", Ok(_)) => return (0, vec![format!("{name}: is read, though it is no capture")]),
        ("unreadable", Err(_)) => return (0, Vec::new()),
        // A capture without packets is an error of its own.
        (_, Err(Error::NotACapture { .. })) if expected.is_empty() => return (0, Vec::new()),
        (_, Err(error)) => return (0, vec![format!("{name}: {error}")]),
        (_, Ok((rows, _))) => rows,
    };
    let mut wrong = Vec::new();
    // Behind damage we may find more than tshark does, never less.
    if rows.len() < expected.len() || (entry.status == "whole" && rows.len() != expected.len()) {
        wrong.push(format!("{name}: tshark reads {} frames, we {}", expected.len(), rows.len()));
    }
    for (index, (theirs, ours)) in expected.iter().zip(&rows).enumerate() {
        for (&column, our_cell) in known.iter().zip(ours) {
            let (field, their_cell) = (&names[column], &theirs[column]);
            if our_cell != their_cell && !is_deliberate(name, field, met) {
                wrong.push(format!(
                    "{name} frame {}: {field}: tshark {their_cell:?}, we {our_cell:?}",
                    index + 1
                ));
            }
        }
    }
    (known.len() * expected.len().min(rows.len()), wrong)
}

#[test]
fn every_cell_is_tshark_s() {
    let (mut cells, mut wrong, mut unknown, mut met) = (0, Vec::new(), BTreeSet::new(), BTreeSet::new());
    for entry in manifest() {
        let table = table(&entry.name);
        unknown.extend(table.names.iter().filter(|n| field_by_name(n).is_none()).cloned());
        let (compared, differing) = compare(&entry, &table, &mut met);
        cells += compared;
        wrong.extend(differing);
    }
    assert_eq!(unknown, UNKNOWN_FIELDS.map(str::to_owned).into(), "columns that are not compared");
    let shown = wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {cells} cells differ:\n{shown}", wrong.len());
    for (place, difference) in DIFFERENCES.iter().enumerate() {
        let Difference { capture, field, reason } = difference;
        assert!(met.contains(&place), "{capture} no longer differs in {field} ({reason})");
    }
    assert!(cells > 100_000, "only {cells} cells were compared");
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
    let entry = Entry { name: "window-full.pcap".to_owned(), status: "whole".to_owned(), frames: 17 };
    let mut table = table(&entry.name);
    let (cells, wrong) = compare(&entry, &table, &mut BTreeSet::new());
    assert!(cells > 0 && wrong.is_empty(), "{wrong:?}");
    let place = table.names.iter().position(|n| n == "tcp.analysis.window_full").unwrap();
    let flagged = table.rows.iter().position(|row| row[place] == "1").unwrap();
    table.rows[flagged][place].clear();
    let message =
        format!("window-full.pcap frame {}: tcp.analysis.window_full: tshark \"\", we \"1\"", flagged + 1);
    assert_eq!(compare(&entry, &table, &mut BTreeSet::new()).1, [message]);
    let last = table.rows.pop().unwrap();
    assert_eq!(compare(&entry, &table, &mut BTreeSet::new()).1.len(), 2);
    table.rows.extend([last.clone(), last]);
    assert_eq!(compare(&entry, &table, &mut BTreeSet::new()).1.len(), 2);
    let unreadable = Entry { status: "unreadable".to_owned(), ..entry };
    assert_eq!(compare(&unreadable, &table, &mut BTreeSet::new()).1.len(), 1);
}
