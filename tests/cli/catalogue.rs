//! What needs no capture: `--explain` and `--list-fields`.

use netanalyze_core::expert::KINDS;
use netanalyze_core::field::fields;

use crate::support::*;

#[test]
fn every_kind_is_explained() {
    for kind in KINDS {
        let text = run(&["--explain", kind.id]).text();
        assert!(text.starts_with(&format!("{}: {}\n", kind.id, kind.title)), "{text}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&text).contains(&words(kind.meaning)), "{text}");
        for part in [kind.severity.name(), kind.reference, kind.filter] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let all = run(&["--explain", "all"]).text();
    assert!(KINDS.iter().all(|kind| all.contains(&format!("{}: ", kind.id))));
}

#[test]
fn explanations_come_in_every_format() {
    let json = run(&["--explain", "all", "--format", "json"]).json();
    assert_eq!(json["kinds"].as_array().unwrap().len(), KINDS.len());
    assert_eq!(json["kinds"][0]["id"], KINDS[0].id);
    let lines = run(&["--explain", "tcp.analysis.zero_window", "--format", "jsonl"]).json_lines();
    assert_eq!((lines.len(), &lines[1]["severity"]), (2, &"warn".into()));
    let (header, records) = run(&["--explain", "all", "--format", "csv"]).csv();
    assert_eq!((header.len(), records.len()), (7, KINDS.len()));
}

#[test]
fn unknown_kinds_get_suggestions() {
    let message = run(&["--explain", "tcp.analysis.retransmision"]).failure();
    assert!(message.contains("did you mean tcp.analysis.retransmission"), "{message}");
    assert!(run(&["--explain", "zero_window"]).failure().contains("tcp.analysis.zero_window"));
    assert!(run(&["--explain", "qwertyuiop"]).failure().contains("--explain all"));
}

#[test]
fn every_field_is_listed() {
    let text = run(&["--list-fields"]).text();
    let names: Vec<_> = text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, fields().map(|field| field.name).collect::<Vec<_>>());
    let json = run(&["--list-fields", "--format", "json"]).json();
    assert_eq!(json["fields"].as_array().unwrap().len(), names.len());
    assert_eq!(run(&["--list-fields", "--format", "jsonl"]).json_lines().len(), names.len() + 1);
    let (header, records) = run(&["--list-fields", "--format", "csv"]).csv();
    assert_eq!((header.len(), records.len()), (3, names.len()));
}
