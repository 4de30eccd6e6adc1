//! What needs no capture: `--explain`, `--list-fields` and `--list-thresholds`.

use netanalyze_core::diagnosis::{Limit, Rule, rules};
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
    assert_eq!((header.len(), records.len()), (12, KINDS.len() + rules().count()));
}

#[test]
fn unknown_kinds_get_suggestions() {
    let message = run(&["--explain", "tcp.analysis.retransmision"]).failure();
    assert!(message.contains("did you mean tcp.analysis.retransmission"), "{message}");
    assert!(run(&["--explain", "zero_window"]).failure().contains("tcp.analysis.zero_window"));
    assert!(run(&["--explain", "qwertyuiop"]).failure().contains("--explain all"));
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_rule_is_explained_by_code_and_by_name() {
    for &Rule { code, name, title, .. } in rules() {
        let text = run(&["--explain", code]).text();
        assert!(text.starts_with(&format!("{code} {name}: {title}\n")), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100 || line.contains(": ")), "{text}");
    }
    let text = run(&["--explain", "CONN-01"]).text();
    assert_eq!(run(&["--explain", "conn-01"]).text(), text);
    assert_eq!(run(&["--explain", "syn-unanswered"]).text(), text);
    let rule = rules().find(|rule| rule.code == "CONN-01").unwrap();
    for part in [rule.meaning, rule.evidence, rule.confounders, "syn-wait=3s", "traceroute -T", "RFC 6298"] {
        assert!(words(&text).contains(&words(part)), "{part} in {text}");
    }
    let json = run(&["--explain", "CONN-01", "--format", "json"]).json();
    assert_eq!((json["kinds"].as_array().unwrap().len(), &json["rules"][0]["name"]), (0, &rule.name.into()));
    assert_eq!(json["rules"][0]["thresholds"][0]["default"], "2");
    let lines = run(&["--explain", "Q-01", "--format", "jsonl"]).json_lines();
    assert_eq!((lines.len(), &lines[1]["type"], &lines[1]["code"]), (2, &"rule".into(), &"Q-01".into()));
    assert!(run(&["--explain", "syn-unanswred"]).failure().contains("did you mean syn-unanswered"));
}

#[test]
fn every_threshold_is_listed() {
    let text = run(&["--list-thresholds"]).text();
    let names: Vec<_> = text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, Limit::ALL.iter().map(|limit| limit.name()).collect::<Vec<_>>());
    assert!(words(&text).contains("syn-attempts 2 SYNs of one attempt"), "{text}");
    let json = run(&["--list-thresholds", "--format", "json"]).json();
    assert_eq!(
        json["thresholds"][0],
        serde_json::json!({
            "name": "syn-wait", "unit": "time", "default": "3s", "meaning": Limit::SynWait.meaning(),
        })
    );
    assert_eq!(run(&["--list-thresholds", "--format", "jsonl"]).json_lines().len(), names.len() + 1);
    let (header, records) = run(&["--list-thresholds", "--format", "csv"]).csv();
    assert_eq!((header.len(), records.len()), (4, names.len()));
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
