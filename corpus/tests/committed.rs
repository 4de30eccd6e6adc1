//! The committed captures are what the generator writes now, and the golden tables hold what the scenarios expect.
//!
//! Remake both with `cargo run -p netanalyze-corpus -- write corpus` and `corpus/golden.sh`.

#![allow(clippy::unwrap_used)]

use netanalyze_corpus::{Status, all, conversation_table, manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(name)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A golden table: column names, then a row a frame.
fn golden(file: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(folder("golden").join(format!("{file}.tsv"))).unwrap();
    let mut rows = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    (rows.next().unwrap_or_default(), rows.collect())
}

#[test]
fn committed_captures_equal_what_is_generated() {
    let captures = all();
    let expected: BTreeSet<String> = captures.iter().map(|capture| capture.file.to_owned()).collect();
    assert_eq!(expected.len(), captures.len(), "two captures share a name");
    assert_eq!(files("captures"), expected);
    for capture in &captures {
        let committed = std::fs::read(folder("captures").join(capture.file)).unwrap();
        assert!(
            committed == capture.bytes,
            "{} differs: run `cargo run -p netanalyze-corpus -- write corpus`",
            capture.file
        );
    }
    let committed = std::fs::read_to_string(folder("manifest.tsv")).unwrap();
    assert_eq!(committed, manifest(&captures), "manifest.tsv differs");
    let committed = std::fs::read_to_string(folder("conversations.tsv")).unwrap();
    assert_eq!(committed, conversation_table(&captures), "conversations.tsv differs");
}

#[test]
fn captures_stay_small() {
    let captures = all();
    let total: usize = captures.iter().map(|capture| capture.bytes.len()).sum();
    assert!(total < 1_000_000, "{total} bytes of captures");
    for capture in captures {
        let most = if capture.file == "web-slow.pcap" { 40_000 } else { 20_000 };
        assert!(capture.bytes.len() < most, "{} has {} bytes", capture.file, capture.bytes.len());
    }
}

#[test]
fn golden_tables_hold_what_the_scenarios_expect() {
    let expected: BTreeSet<String> = all().iter().map(|capture| format!("{}.tsv", capture.file)).collect();
    assert_eq!(files("golden"), expected, "run corpus/golden.sh");
    for capture in all() {
        let (columns, rows) = golden(capture.file);
        assert_eq!(rows.len(), capture.frames as usize, "frames of {}", capture.file);
        if capture.status == Status::Unreadable {
            continue;
        }
        for expectation in &capture.expectations {
            let column = columns.iter().position(|name| name == expectation.field).unwrap();
            let cell = &rows[expectation.frame as usize - 1][column];
            let holds = expectation.value.as_ref().map_or(!cell.is_empty(), |value| value == cell);
            assert!(holds, "{}: expected {expectation}, tshark says {cell:?}", capture.file);
        }
    }
}

/// The expectations of conversations come from the scenarios; their numbers are checked against tshark's.
#[test]
fn conversations_have_the_stream_numbers_of_tshark() {
    for capture in all().iter().filter(|capture| capture.status == Status::Whole) {
        let (columns, rows) = golden(capture.file);
        let at = columns.iter().position(|name| name == "tcp.stream").unwrap();
        let numbers: BTreeSet<u32> = rows
            .iter()
            .flat_map(|row| row[at].split(',').filter(|cell| !cell.is_empty()))
            .map(|cell| cell.parse().unwrap())
            .collect();
        let ours: BTreeSet<u32> = capture.conversations.iter().map(|record| record.stream).collect();
        assert_eq!(ours, numbers, "streams of {}", capture.file);
        assert_eq!(ours.len(), capture.conversations.len(), "a stream of {} stands twice", capture.file);
    }
}

/// The fields of `tcp.analysis` that are true or absent, and those that hold a value.
fn is_analysis(column: &str) -> bool {
    column.starts_with("tcp.analysis.")
}

#[test]
fn every_analysis_field_is_shown_twenty_times_in_three_captures() {
    let mut shown: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for capture in all() {
        let (columns, rows) = golden(capture.file);
        for (at, column) in columns.iter().enumerate().filter(|(_, column)| is_analysis(column)) {
            let cells = rows.iter().filter(|row| row.get(at).is_some_and(|cell| !cell.is_empty())).count();
            let (total, captures) = shown.entry(column.clone()).or_default();
            *total += cells;
            *captures += usize::from(cells > 0);
        }
    }
    let rare: Vec<_> = shown.iter().filter(|(_, (cells, captures))| *cells < 20 || *captures < 3).collect();
    // What tshark 4.0.17 knows below `tcp.analysis` and golden.sh asks for.
    assert_eq!(shown.len(), 28, "columns: {:?}", shown.keys());
    assert!(rare.is_empty(), "cells and captures of what is hardly shown: {rare:?}");
}

/// What the generator counted is what tshark's conversations count.
#[test]
fn conversations_have_the_packets_that_tshark_counts() {
    let table = std::fs::read_to_string(folder("totals.tsv")).unwrap();
    let mut theirs: BTreeMap<(String, u32), [(String, u32); 2]> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        if cells[1] == "tcp" {
            let host = |at: usize| format!("{} {}", cells[at], cells[at + 1]);
            let ends = [(host(3), cells[9].parse().unwrap()), (host(5), cells[7].parse().unwrap())];
            theirs.insert((cells[0].to_owned(), cells[2].parse().unwrap()), ends);
        }
    }
    assert!(theirs.len() > 300, "{} conversations in totals.tsv", theirs.len());
    for capture in all().iter().filter(|capture| capture.status == Status::Whole) {
        for record in capture.conversations.iter().filter(|record| record.packets != [0, 0]) {
            let host = |(address, port): (std::net::IpAddr, u16)| format!("{address} {port}");
            let mut ours =
                [(host(record.client), record.packets[0]), (host(record.server), record.packets[1])];
            let mut tshark = theirs.remove(&(capture.file.to_owned(), record.stream)).unwrap();
            ours.sort();
            tshark.sort();
            assert_eq!(ours, tshark, "stream {} of {}", record.stream, capture.file);
        }
    }
    let whole: BTreeSet<&str> =
        all().iter().filter(|capture| capture.status == Status::Whole).map(|capture| capture.file).collect();
    theirs.retain(|(file, _), _| whole.contains(&**file));
    assert!(theirs.is_empty(), "only tshark counts {:?}", theirs.keys());
}

#[test]
fn every_tcp_flag_is_shown_at_least_twice() {
    let mut positive: BTreeMap<String, usize> = BTreeMap::new();
    for capture in all() {
        let (columns, rows) = golden(capture.file);
        for (at, column) in columns.iter().enumerate().filter(|(_, name)| name.starts_with("tcp.")) {
            let cells = rows.iter().filter(|row| row.get(at).is_some_and(|cell| !cell.is_empty())).count();
            *positive.entry(column.clone()).or_default() += cells;
        }
    }
    let rare: Vec<_> = positive.iter().filter(|(_, count)| **count < 2).collect();
    assert!(positive.len() > 30 && rare.is_empty(), "hardly shown: {rare:?}");
}
