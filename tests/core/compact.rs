//! Quiet conversations are kept in compact form. Nobody can tell: whenever that happens, everything comes out the same.

use netanalyze_core::capture::Source;
use netanalyze_core::engine::Interests;
use netanalyze_corpus::file::pcap::Pcap;
use netanalyze_corpus::large::large;

use crate::engine::busy_capture;
use crate::golden::manifest;
use crate::view::Everything;

fn everything(books: bool, quiet_frames: Option<u64>) -> Everything {
    let all = Interests { rows: true, books, summary: books, ..Interests::default() };
    Everything::new(Interests { quiet_frames: quiet_frames.unwrap_or(all.quiet_frames), ..all })
}

/// Fails with the first line that differs.
fn same(left: &[String], right: &[String], what: &str) {
    let difference = left.iter().zip(right).find(|(left, right)| left != right);
    assert_eq!(difference, None, "{what}");
    assert_eq!(left.len(), right.len(), "{what}");
}

#[test]
fn every_capture_of_the_corpus_gives_the_same_whenever_conversations_are_quiet() {
    let (mut compared, mut conversations) = (0, 0);
    for entry in manifest() {
        let run = |books, quiet| everything(books, quiet).of(vec![Source::File(entry.path())], 1);
        let Ok(expected) = run(true, None) else {
            assert_ne!((&*entry.status, entry.frames > 0), ("whole", true), "{}", entry.name);
            continue;
        };
        compared += 1;
        conversations += expected.iter().filter(|line| line.starts_with("Conversation")).count();
        for quiet in [0, 1, 7] {
            same(&expected, &run(true, Some(quiet)).unwrap(), &format!("{} {quiet}", entry.name));
        }
        // Without books there are no records and no summary; all else is the same.
        let without = run(false, Some(0)).unwrap();
        let told = |line: &&String| !line.starts_with("Conversation");
        let expected: Vec<_> = expected.split_last().unwrap().1.iter().filter(told).cloned().collect();
        let without: Vec<_> = without.split_last().unwrap().1.iter().filter(told).cloned().collect();
        same(&expected, &without, &format!("{} without books", entry.name));
    }
    assert!(compared > 190 && conversations > 400, "{compared} captures, {conversations} conversations");
}

#[test]
fn thousands_of_connections_give_the_same_whenever_they_are_quiet() {
    let large = Pcap::default().write(&large(5, 400).frames);
    assert!(large.len() > 3 << 20, "{} bytes", large.len());
    for (capture, what) in [(large, "large"), (busy_capture(4).0, "busy")] {
        let run = |quiet, threads| {
            everything(true, quiet).of(vec![Source::bytes("test", capture.clone())], threads).unwrap()
        };
        let expected = run(None, 1);
        assert!(expected.len() > 5_000, "{}", expected.len());
        for (quiet, threads) in [(None, 2), (Some(0), 1), (Some(0), 2), (Some(7), 2), (Some(100), 1)] {
            same(&expected, &run(quiet, threads), &format!("{what} {quiet:?} on {threads}"));
        }
    }
}
