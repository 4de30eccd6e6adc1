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
    assert!(total < 800_000, "{total} bytes of captures");
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
